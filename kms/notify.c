/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "now.h"
#include "notify.h"

#define FAILURES_MAX 1000 /* told in detail; the rest stands in key_source */
#define RECIPIENTS_MAX 1000
#define VALUES_MAX 24

void notify_time(int64_t at, char ret[NOTIFY_TIME])
{
	time_t t = (time_t)at;
	struct tm tm = { 0 };

	gmtime_r(&t, &tm);
	strftime(ret, NOTIFY_TIME, "%Y-%m-%d %H:%M:%S UTC", &tm);
}

enum err notify_message_id(const char *mailbox, struct buf *ret, struct fail *f)
{
	const char *at = strrchr(mailbox, '@');
	char hex[33];
	uint8_t id[16];

	if (getrandom(id, sizeof(id), 0) != sizeof(id))
		return fail_set(f, ERR_INTERNAL, 0, "no random bytes");
	hex_encode(VIEW(id, sizeof(id)), hex);
	buf_printf(ret, "%s%s", hex, at ? at : "@localhost");
	return buf_ok(ret) ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "no memory for a notification");
}

/* Who gets it, read before the first row is written. */
struct addressee {
	int64_t id;
	enum template_language language;
	char mailbox[256];
	char sender[256];
	char title[320]; /* of the sender; empty: the template's */
};

/* wants: a list of kinds with commas. */
static bool wants(const char *list, const char *kind)
{
	size_t n = strlen(kind);

	for (; *list; list += *list == ',') {
		size_t word = strcspn(list, ",");

		if ((word == n && !strncmp(list, kind, n)) || (word == 3 && !strncmp(list, "all", 3)))
			return true;
		list += word;
	}
	return false;
}

static enum err addressees(struct db *d, const char *kind, struct buf *ret, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = true;
	enum err e = db_query(d, &s, f,
			      "SELECT r.id, r.type, r.language, r.mailbox, s.mailbox, s.title FROM recipient r"
			      " JOIN sender s ON s.id = r.sender WHERE r.enabled = 1 ORDER BY r.id LIMIT ?",
			      "i", (int64_t)RECIPIENTS_MAX);

	while (!e && !(e = db_next(s, &row, f)) && row) {
		struct addressee a = { .id = db_int(s, 0) };

		if (!wants(db_text(s, 1), kind))
			continue;
		if (!template_language_of(db_text(s, 2), &a.language))
			return fail_set(f, ERR_CONFIG, 0, "recipient %lld: language %.20s", (long long)a.id,
					db_text(s, 2));
		snprintf(a.mailbox, sizeof(a.mailbox), "%s", db_text(s, 3));
		snprintf(a.sender, sizeof(a.sender), "%s", db_text(s, 4));
		snprintf(a.title, sizeof(a.title), "%s", db_text(s, 5));
		buf_put(ret, &a, sizeof(a));
	}
	if (!e && !buf_ok(ret))
		e = fail_set(f, ERR_NO_MEMORY, 0, "no memory for a notification");
	return e;
}

static enum err row_put(struct kms *k, enum template_event event, int64_t file, const struct addressee *a,
			struct view title, struct view body, struct fail *f)
{
	BUF_AUTO id = { 0 };
	int64_t now = now_ms();
	enum err e = a->id ? notify_message_id(a->sender, &id, f) : ERR_OK;

	if (e)
		return e;
	return db_run(k->db, f,
		      "INSERT INTO notification(event, sender, recipient, title, body, made, since, state, message_id,"
		      " next_attempt, recipient_id, file) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
		      " NULLIF(CAST(? AS BIGINT), 0), NULLIF(CAST(? AS BIGINT), 0))",
		      "tttvviitviii", template_event_name(event), a->sender, a->mailbox, title, body, now / 1000, now,
		      a->id ? NOTIFICATION_WAITING : NOTIFICATION_NOBODY, id.len ? buf_view(&id) : VIEW("", 0), now,
		      a->id, file);
}

/* texts: of one addressee. */
static enum err put(struct kms *k, enum template_event event, int64_t file, const struct addressee *a,
		    const struct template_value *values, size_t count, struct fail *f)
{
	struct template t = { 0 };
	BUF_AUTO title = { 0 };
	BUF_AUTO body = { 0 };
	enum err e = template_load(k->db, event, a->language, &t, NULL, f);

	if (!e)
		e = template_expand(*a->title ? a->title : (const char *)t.subject.p, a->language, values, count, true,
				    &title, f);
	if (!e)
		e = template_expand((const char *)t.body.p, a->language, values, count, false, &body, f);
	if (!e)
		e = row_put(k, event, file, a, title.len ? buf_view(&title) : VIEW("", 0),
			    body.len ? buf_view(&body) : VIEW("", 0), f);
	template_done(&t);
	return e;
}

enum err notify_event(struct kms *k, enum template_event event, int64_t file, const struct template_value *more,
		      size_t more_count, struct fail *f)
{
	struct template_value values[VALUES_MAX] = { { "event", template_event_name(event), NULL },
						     { "kms", k->customer, NULL } };
	struct addressee nobody = { 0 };
	char now[NOTIFY_TIME];
	BUF_AUTO list = { 0 };
	size_t count = 3;
	enum err e = addressees(k->db, template_kind(event), &list, f);

	notify_time((int64_t)time(NULL), now);
	values[2] = (struct template_value){ "time", now, NULL };
	for (size_t i = 0; i < more_count && count < VALUES_MAX; i++)
		values[count++] = more[i];
	if (!e && !list.len)
		buf_put(&list, &nobody, sizeof(nobody));
	for (size_t at = 0; !e && at < list.len; at += sizeof(nobody)) {
		struct addressee a;

		memcpy(&a, list.p + at, sizeof(a));
		e = put(k, event, file, &a, values, count, f);
	}
	return e;
}

/* A key file as notification and audit tell of it. */
struct counts {
	bool is_file;
	struct buf name;
	struct buf sender;
	struct buf refused;
	int64_t records, left, imported, failed;
};

static void counts_done(struct counts *c)
{
	buf_done(&c->name);
	buf_done(&c->sender);
	buf_done(&c->refused);
}

static enum err counts_read(struct kms *k, int64_t file, struct counts *c, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e;

	e = db_query(k->db, &s, f,
		     "SELECT name, kind, sender, error, records,"
		     " (SELECT count(*) FROM key_source WHERE file = key_file.id AND flag = '" FLAG_WAITING "'),"
		     " (SELECT count(*) FROM key_source WHERE file = key_file.id AND flag = '" FLAG_IMPORTED "'),"
		     " (SELECT count(*) FROM key_source WHERE file = key_file.id AND flag = '" FLAG_ERROR "')"
		     " FROM key_file WHERE id = ?",
		     "i", file);
	if (!e)
		e = db_next(s, &row, f);
	if (!e && !row)
		e = fail_set(f, ERR_NOT_FOUND, 0, "no key file %lld", (long long)file);
	if (e)
		return e;
	buf_printf(&c->name, "%s", db_text(s, 0));
	c->is_file = db_text(s, 1)[0] == 'f';
	buf_printf(&c->sender, "%s", db_text(s, 2));
	buf_printf(&c->refused, "%s", db_text(s, 3));
	c->records = db_int(s, 4);
	c->left = db_int(s, 5);
	c->imported = db_int(s, 6);
	c->failed = db_int(s, 7);
	buf_put_u8(&c->name, 0);
	buf_put_u8(&c->sender, 0);
	buf_put_u8(&c->refused, 0);
	return buf_ok(&c->name) && buf_ok(&c->sender) && buf_ok(&c->refused)
		   ? ERR_OK
		   : fail_set(f, ERR_NO_MEMORY, 0, "no memory for a notification");
}

/* Every record that failed, a line each, in the language of the mail. */
static const struct lines {
	const char *failure;
	const char *more;
} lines[TEMPLATE_LANGUAGES] = {
	[TEMPLATE_EN] = { "record %lld, serial number %s: %s\n", "and %lld more (kmsd --config FILE sources)\n" },
	[TEMPLATE_ZH] = { "第 %lld 条记录,序列号 %s:%s\n", "另有 %lld 条(kmsd --config FILE sources)\n" },
};

static enum err failures_read(struct kms *k, int64_t file, const struct counts *c, struct buf ret[TEMPLATE_LANGUAGES],
			      struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = true, ok = true;
	enum err e;

	e = db_query(
	    k->db, &s, f,
	    "SELECT line, coalesce(serial_number, '?'), error FROM key_source WHERE file = ? AND flag = '" FLAG_ERROR
	    "' ORDER BY line LIMIT ?",
	    "ii", file, (int64_t)FAILURES_MAX);
	while (!e && !(e = db_next(s, &row, f)) && row)
		for (size_t l = 0; l < TEMPLATE_LANGUAGES; l++)
			buf_printf(&ret[l], lines[l].failure, (long long)db_int(s, 0), db_text(s, 1),
				   l == TEMPLATE_ZH ? reason_zh(db_text(s, 2)) : db_text(s, 2));
	for (size_t l = 0; !e && l < TEMPLATE_LANGUAGES; l++) {
		if (c->failed > FAILURES_MAX)
			buf_printf(&ret[l], lines[l].more, (long long)(c->failed - FAILURES_MAX));
		/* No empty line behind the last one. */
		if (ret[l].len)
			ret[l].len--;
		buf_put_u8(&ret[l], 0);
		ok = ok && buf_ok(&ret[l]);
	}
	return e || ok ? e : fail_set(f, ERR_NO_MEMORY, 0, "no memory for a notification");
}

enum err notify_file(struct kms *k, int64_t file, struct fail *f)
{
	struct buf failures[TEMPLATE_LANGUAGES] = { 0 };
	struct counts c = { 0 };
	char number[4][24];
	enum err e = counts_read(k, file, &c, f);

	if (!e)
		e = failures_read(k, file, &c, failures, f);
	if (e)
		goto out;
	snprintf(number[0], sizeof(number[0]), "%lld", (long long)c.records);
	snprintf(number[1], sizeof(number[1]), "%lld", (long long)c.left);
	snprintf(number[2], sizeof(number[2]), "%lld", (long long)c.imported);
	snprintf(number[3], sizeof(number[3]), "%lld", (long long)c.failed);
	const struct template_value values[] = {
		{ "kind", c.is_file ? "file" : "delivery", c.is_file ? "密钥文件" : "批次" },
		{ "file", (char *)c.name.p, NULL },
		{ "sender", (char *)c.sender.p, NULL },
		{ "records", number[0], NULL },
		{ "left", number[1], NULL },
		{ "imported", number[2], NULL },
		{ "failed", number[3], NULL },
		{ "refused", (char *)c.refused.p, reason_zh((char *)c.refused.p) },
		{ "failures", (char *)failures[TEMPLATE_EN].p, (char *)failures[TEMPLATE_ZH].p },
	};
	e = notify_event(k, c.failed || c.refused.len > 1 ? TEMPLATE_IMPORT_BAD : TEMPLATE_IMPORT_GOOD, file, values,
			 ARRAY_LEN(values), f);
out:
	for (size_t l = 0; l < TEMPLATE_LANGUAGES; l++)
		buf_done(&failures[l]);
	counts_done(&c);
	return e;
}

enum err notify_audit(struct kms *k, int64_t file, struct fail *f)
{
	struct audit_entry entry = { .event = "import" };
	struct counts c = { 0 };
	char text[400];
	enum err e = counts_read(k, file, &c, f);

	if (!e) {
		snprintf(text, sizeof(text), "%lld records, %lld left to process, imported %lld, failed %lld%s%.200s",
			 (long long)c.records, (long long)c.left, (long long)c.imported, (long long)c.failed,
			 c.refused.len > 1 ? "; refused: " : "", (const char *)c.refused.p);
		entry.peer = (const char *)c.sender.p;
		entry.object = (const char *)c.name.p;
		entry.code = c.failed ? ERR_BAD_DATA : ERR_OK;
		entry.text = text;
		e = audit_append(k->db, &entry, f);
	}
	counts_done(&c);
	return e;
}
