/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files that people hand to the services: configurations, inventories of production orders (R1.5), database backups,
 * texts of notifications (R2.8). The first byte of an input
 * chooses. What is taken must be what the contract says; a backup that is refused leaves nothing behind.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit.h"
#include "conf.h"
#include "db_dump.h"
#include "inventory.h"
#include "mail.h"
#include "place.h"
#include "sha256.h"
#include "template_rows.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const zoo[] = {
	"CREATE TABLE zoo (id @ID, name @TEXT NOT NULL UNIQUE);"
	"CREATE TABLE animal (id @ID, zoo @INT NOT NULL REFERENCES zoo (id), name @TEXT, photo @BLOB, born @INT);",
	AUDIT_SCHEMA,
};
static const char *const mail_schema[] = {
	"CREATE TABLE mail_template (event @TEXT NOT NULL, language @TEXT NOT NULL, subject @TEXT NOT NULL, "
	"body @TEXT NOT NULL, PRIMARY KEY (event, language))",
};

static struct db *mails;
static struct buf good_dump;

static void remove_database(const char *name)
{
	static const char *const ends[] = { "", "-wal", "-shm", "-journal" };
	char file[64];

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		snprintf(file, sizeof(file), "%s%s", name, ends[i]);
		unlink(place_path(file));
	}
}

static void leave(void)
{
	db_free(mails);
	buf_done(&good_dump);
}

/* dump_zoo: what a database at this path is as a dump, appended. */
static enum err dump_zoo(const char *where, struct buf *ret, int64_t *ret_rows)
{
	json_t *about = json_object();
	struct db *d = NULL;
	char file[400];
	enum err e = db_open(where, zoo, ARRAY_LEN(zoo), &d, NULL);

	snprintf(file, sizeof(file), "%s", place_path("dump"));
	unlink(file);
	if (!e)
		e = db_dump(d, "zoo", about, file, ret_rows, NULL);
	db_free(d);
	json_decref(about);
	return e ? e : place_read(file, ret) ? ERR_OK : ERR_IO;
}

static void make_dump(void)
{
	struct audit_entry entry = { .event = "filled" };
	struct db *d = NULL;
	char where[400];
	int64_t rows;

	snprintf(where, sizeof(where), "%s", place_path("first"));
	if (db_open(where, zoo, ARRAY_LEN(zoo), &d, NULL) ||
	    db_run(d, NULL, "INSERT INTO zoo (name) VALUES (?)", "t", "north") ||
	    db_run(d, NULL, "INSERT INTO animal (zoo, name, photo, born) VALUES (1, ?, ?, ?)", "tbi", "ape",
		   VIEW_STR("\x01\x02\xff"), INT64_MAX) ||
	    audit_append(d, &entry, NULL))
		place_fail("no database");
	db_free(d);
	if (dump_zoo(where, &good_dump, &rows))
		place_fail("no dump");
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct fail f = { 0 };

	place_make();
	make_dump();
	if (db_open(place_path("mails"), mail_schema, ARRAY_LEN(mail_schema), &mails, &f))
		place_fail(f.text);
	return atexit(leave);
}

/* ---- configurations ---- */

static const struct conf_key keys[] = {
	{ "", "log", NULL, "" },
	{ "", "number", "7", "" },
	{ "http", "listen", NULL, "" },
	{ "customer *", "pk", CONF_REQUIRED, "" },
	{ "customer *", "suite", "2", "" },
};

static bool same_text(const char *a, const char *b)
{
	return !a == !b && (!a || !strcmp(a, b));
}

/* A comment at the end changes nothing; values are one line; numbers are within their bounds. */
static void read_conf(struct view v)
{
	struct conf *one = NULL, *two = NULL;
	char error[256] = "", again[256] = "";
	BUF_AUTO more = { 0 };
	unsigned long n = 0;
	bool good = conf_load(place_file("conf", v), keys, ARRAY_LEN(keys), &one, error);

	buf_put_view(&more, v);
	buf_printf(&more, "\n# end\n");
	bool still = conf_load(place_file("conf", buf_view(&more)), keys, ARRAY_LEN(keys), &two, again);

	/* The end of the line counts for its length, and not every line can be handed out in pieces. */
	if (!strstr(again, "line too long") && good != still)
		place_fail("a comment behind it changes a configuration");
	for (size_t i = 0; good && still && i < 3; i++) {
		const char *a = conf_get(one, keys[i].section, keys[i].name);

		if (!same_text(a, conf_get(two, keys[i].section, keys[i].name)) || (a && strpbrk(a, "\r\n")))
			place_fail("a value of a configuration");
	}
	for (size_t i = 0; good && conf_member(one, "customer *", i); i++) {
		char section[300];

		snprintf(section, sizeof(section), "customer %s", conf_member(one, "customer *", i));
		if (!conf_get(one, section, "pk") && strlen(section) < 200)
			place_fail("a key that must be there is not");
	}
	if (good && conf_number(one, "", "number", 3, 9, &n, NULL) == ERR_OK && (n < 3 || n > 9))
		place_fail("a number out of its bounds");
	conf_free(one);
	conf_free(two);
}

/* ---- inventories ---- */

static enum err take_line(void *arg, const struct inventory_line *line, struct fail *f)
{
	size_t *count = arg;

	if (!format_pos_serial_ok(view_of_string(line->serial)) || !format_pin_pad_ok(view_of_string(line->pin_pad)))
		place_fail("an inventory has a wrong serial number");
	(*count)++;
	return line->serial[0] == '!' ? fail_set(f, ERR_BAD_DATA, 0, "not this one") : ERR_OK;
}

static void read_inventory(struct view v)
{
	size_t seen = 0, count = 0;
	const char *path = place_file("inventory", v);
	enum err e;

	place_hush();
	e = inventory_read(path, take_line, &seen, &count, NULL);
	place_speak();
	if (e == ERR_OK ? !count || count != seen : e != ERR_BAD_DATA)
		place_fail("an inventory");
}

/* ---- database backups ---- */

/* sealed: with the last line that a dump ends in, so that what stands before it is read. */
static void read_dump(struct view v, bool sealed)
{
	struct db_dump_head head = { 0 };
	BUF_AUTO text = { 0 };
	BUF_AUTO back = { 0 };
	char sum[65], where[400], file[400];
	int64_t rows = 0;
	enum err e;

	buf_put_view(&text, v);
	if (sealed && v.n && v.p[v.n - 1] == '\n' && sha256_hex(v, sum)) {
		for (size_t i = 0; i < v.n; i++)
			rows += v.p[i] == '[' && (i == 0 || v.p[i - 1] == '\n');
		buf_printf(&text, "{\"rows\":%lld,\"sha256\":\"%s\"}\n", (long long)rows, sum);
	}
	snprintf(file, sizeof(file), "%s", place_file("backup", buf_view(&text)));
	snprintf(where, sizeof(where), "%s", place_path("loaded"));
	if (db_dump_read(file, "zoo", &head, NULL) != ERR_OK)
		return;
	json_decref(head.about);
	e = db_dump_load(file, "zoo", where, zoo, ARRAY_LEN(zoo), NULL);
	if (e == ERR_OK && (dump_zoo(where, &back, &rows) || rows != head.rows))
		place_fail("a backup that was loaded has other rows");
	if (e != ERR_OK) {
		/* Nothing of it stands there: a good one still goes in. */
		const char *good = place_file("good", buf_view(&good_dump));

		if (db_dump_load(good, "zoo", where, zoo, ARRAY_LEN(zoo), NULL) != ERR_OK)
			place_fail("a backup that was refused left something");
	}
	remove_database("loaded");
}

/* ---- mails ---- */

/* Every line ends in CR LF and is short; a header field stands there once, and is one of ours. */
static void look_at_mail(struct view v)
{
	static const char *const names[] = {
		"From",         "To",           "Subject",          "Date",           "Message-ID",
		"MIME-Version", "Content-Type", "Content-Language", "Auto-Submitted", "Content-Transfer-Encoding"
	};
	unsigned seen[ARRAY_LEN(names)] = { 0 };
	bool head = true;

	while (v.n) {
		const uint8_t *end = memchr(v.p, '\n', v.n);
		size_t n = end ? (size_t)(end - v.p) : 0, i;

		if (!end || !n || v.p[n - 1] != '\r' || memchr(v.p, '\r', n - 1) || memchr(v.p, 0, n) || n > 999)
			place_fail("a line of a mail");
		head &= n > 1;
		if (head && v.p[0] != ' ') {
			for (i = 0; i < ARRAY_LEN(names); i++)
				if (n > strlen(names[i]) && !memcmp(v.p, names[i], strlen(names[i])) &&
				    v.p[strlen(names[i])] == ':')
					break;
			if (i == ARRAY_LEN(names) || seen[i]++)
				place_fail("a field in a mail's head that is not ours");
		}
		v = VIEW(end + 1, v.n - n - 1);
	}
	if (head)
		place_fail("a mail without a body");
}

static void compose(struct view v)
{
	struct mail m = { .from = place_part(&v),
			  .from_name = place_part(&v),
			  .to = place_part(&v),
			  .to_name = place_part(&v),
			  .subject = place_part(&v),
			  .message_id = place_part(&v),
			  .language = place_part(&v),
			  .date = 951827696 };
	BUF_AUTO text = { 0 };
	BUF_AUTO clean = { 0 };

	m.body = v;
	mail_clean(v, &clean);
	if (!mail_line_ok(buf_view(&clean)))
		place_fail("cleaned text is not clean");
	if (mail_compose(&m, &text, NULL) == ERR_OK)
		look_at_mail(buf_view(&text));
}

static void expand(struct view v)
{
	enum template_event event = v.n ? v.p[0] % TEMPLATE_EVENTS : 0;
	enum template_language language = v.n && v.p[0] & 0x80 ? TEMPLATE_ZH : TEMPLATE_EN;
	struct template_value values[4];
	struct template t = { 0 };
	char *subject, *body, *text[ARRAY_LEN(values)];
	BUF_AUTO line = { 0 };
	BUF_AUTO lines = { 0 };

	if (v.n)
		v = VIEW(v.p + 1, v.n - 1);
	subject = place_text(&v);
	body = place_text(&v);
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		size_t row = v.n ? v.p[0] % placeholder_rows_count : i;

		text[i] = place_text(&v);
		values[i] = (struct template_value){ placeholder_rows[row].name, text[i] };
	}
	if (template_store(mails, event, language, subject, body, NULL) == ERR_OK &&
	    template_load(mails, event, language, &t, NULL, NULL) == ERR_OK) {
		if (template_expand((const char *)t.subject.p, language, values, ARRAY_LEN(values), true, &line,
				    NULL) ||
		    !mail_line_ok(buf_view(&line)) || line.len > MAIL_SUBJECT_MAX)
			place_fail("a subject of a template that was taken");
		if (template_expand((const char *)t.body.p, language, values, ARRAY_LEN(values), false, &lines, NULL) ||
		    !mail_lines_ok(buf_view(&lines)))
			place_fail("a body of a template that was taken");
	}
	if (template_check_title(subject, NULL) == ERR_OK &&
	    (template_expand(subject, language, values, ARRAY_LEN(values), true, &line, NULL) || !buf_ok(&line)))
		place_fail("a title that was taken");
	template_done(&t);
	if (template_reset(mails, event, language, NULL) != ERR_OK)
		place_fail("a template that stays");
	for (size_t i = 0; i < ARRAY_LEN(values); i++)
		free(text[i]);
	free(subject);
	free(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	struct view v = VIEW(data + 1, size - 1);
	switch (data[0] % 6) {
	case 0:
		read_conf(v);
		break;
	case 1:
		read_inventory(v);
		break;
	case 2:
		read_dump(v, false);
		break;
	case 3:
		read_dump(v, true);
		break;
	case 4:
		compose(v);
		break;
	default:
		expand(v);
		break;
	}
	return 0;
}
