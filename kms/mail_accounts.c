/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "mail.h"
#include "mail_admin.h"
#include "mailer.h"
#include "notify.h"
#include "open.h"
#include "sealed.h"

#define NAME_MAX_BYTES 32
#define FIELDS_MAX 10

/* A field of a sender or recipient: its option is its column, but for the user, whose name SQL keeps for itself. */
struct field {
	const char *option; /* with its two hyphens */
	const char *set_sql;
	bool needed;
	enum err (*check)(const char *value, struct fail *f);
	char kind; /* t text, i yes or no, s name of a sender */
};

static enum err check_mailbox(const char *value, struct fail *f)
{
	return mail_address_ok(view_of_string(value))
		   ? ERR_OK
		   : fail_set(f, ERR_USAGE, 0, "--mailbox: local@domain, ASCII, without quotes, comments or line ends");
}

static enum err check_text(const char *value, struct fail *f)
{
	return mail_line_ok(view_of_string(value)) && strlen(value) <= MAIL_NAME_MAX
		   ? ERR_OK
		   : fail_set(f, ERR_USAGE, 0,
			      "a text of one line in UTF-8 without control characters, at most %d bytes",
			      MAIL_NAME_MAX);
}

static enum err check_server(const char *value, struct fail *f)
{
	return smtp_address_ok(value) ? ERR_OK : fail_set(f, ERR_USAGE, 0, "--server: host:port or [v6]:port");
}

static enum err check_tls(const char *value, struct fail *f)
{
	return !strcmp(value, "starttls") || !strcmp(value, "tls")
		   ? ERR_OK
		   : fail_set(f, ERR_USAGE, 0, "--tls: starttls or tls");
}

static enum err check_ca(const char *value, struct fail *f)
{
	if (*value && (value[0] != '/' || access(value, R_OK)))
		return fail_set(f, ERR_USAGE, 0, "--ca: full path of a readable file with CA certificates, PEM");
	return check_text(value, f);
}

static enum err check_yes(const char *value, struct fail *f)
{
	return !strcmp(value, "yes") || !strcmp(value, "no") ? ERR_OK
							     : fail_set(f, ERR_USAGE, 0, "--enabled: yes or no");
}

static enum err check_type(const char *value, struct fail *f)
{
	static const char *const kinds[] = { "import-good", "import-bad", "alarm", "all" };
	const char *at = value;

	do {
		size_t n = strcspn(at, ","), i = 0;

		while (i < ARRAY_LEN(kinds) && (strlen(kinds[i]) != n || strncmp(kinds[i], at, n)))
			i++;
		if (i == ARRAY_LEN(kinds))
			return fail_set(f, ERR_USAGE, 0,
					"--type: import-good, import-bad, alarm, all, or several with commas between");
		at += n;
	} while (*at++);
	return ERR_OK;
}

static enum err check_language(const char *value, struct fail *f)
{
	enum template_language ignored;

	return template_language_of(value, &ignored) ? ERR_OK : fail_set(f, ERR_USAGE, 0, "--language: en or zh");
}

static const struct field sender_fields[] = {
	{ "--mailbox", "UPDATE sender SET mailbox = ? WHERE name = ?", true, check_mailbox, 't' },
	{ "--server", "UPDATE sender SET server = ? WHERE name = ?", true, check_server, 't' },
	{ "--description", "UPDATE sender SET description = ? WHERE name = ?", false, check_text, 't' },
	{ "--user", "UPDATE sender SET account = ? WHERE name = ?", false, check_text, 't' },
	{ "--tls", "UPDATE sender SET tls = ? WHERE name = ?", false, check_tls, 't' },
	{ "--ca", "UPDATE sender SET ca = ? WHERE name = ?", false, check_ca, 't' },
	{ "--title", "UPDATE sender SET title = ? WHERE name = ?", false, template_check_title, 't' },
	{ "--enabled", "UPDATE sender SET enabled = ? WHERE name = ?", false, check_yes, 'i' },
};
static const struct field recipient_fields[] = {
	{ "--mailbox", "UPDATE recipient SET mailbox = ?, backoff = 0, not_before = 0 WHERE name = ?", true,
	  check_mailbox, 't' },
	{ "--sender", "UPDATE recipient SET sender = (SELECT id FROM sender WHERE name = ?) WHERE name = ?", true,
	  check_text, 's' },
	{ "--description", "UPDATE recipient SET description = ? WHERE name = ?", false, check_text, 't' },
	{ "--type", "UPDATE recipient SET type = ? WHERE name = ?", false, check_type, 't' },
	{ "--language", "UPDATE recipient SET language = ? WHERE name = ?", false, check_language, 't' },
	{ "--enabled", "UPDATE recipient SET enabled = ? WHERE name = ?", false, check_yes, 'i' },
};

/* What is configured: its table, its fields, its first row. */
static const struct thing {
	const char *word;
	const struct field *fields;
	size_t count;
	const char *exists_sql;
	const char *insert_sql; /* name; sender of a recipient */
	const char *add_event;
	const char *set_event;
} sender_thing = { "sender",
		   sender_fields,
		   ARRAY_LEN(sender_fields),
		   "SELECT count(*) FROM sender WHERE name = ?",
		   "INSERT INTO sender(name, mailbox, server) VALUES(?, '', '') ON CONFLICT (name) DO NOTHING",
		   "sender-add",
		   "sender-set" },
  recipient_thing = { "recipient",
		      recipient_fields,
		      ARRAY_LEN(recipient_fields),
		      "SELECT count(*) FROM recipient WHERE name = ?",
		      "INSERT INTO recipient(name, mailbox, sender) SELECT CAST(? AS TEXT), '', min(id) FROM sender "
		      "HAVING min(id) > 0"
		      " ON CONFLICT (name) DO NOTHING",
		      "recipient-add",
		      "recipient-set" };

static enum err name_check(const char *name, struct fail *f)
{
	return *name != '-' && format_name_ok(view_of_string(name), NAME_MAX_BYTES)
		   ? ERR_OK
		   : fail_set(f, ERR_USAGE, 0, "a name is 1 to %d of [A-Za-z0-9._-]", NAME_MAX_BYTES);
}

static enum err exists(struct db *d, const struct thing *t, const char *name, struct fail *f)
{
	int64_t count = 0;
	enum err e = db_one(d, &count, f, t->exists_sql, "t", name);

	return e || count ? e : fail_set(f, ERR_NOT_FOUND, 0, "no %s %.60s", t->word, name);
}

/* The options of the command line, checked. */
static enum err read_fields(const struct thing *t, char **arguments, const char **values, struct fail *f)
{
	struct command_option options[FIELDS_MAX] = { 0 };
	enum err e;

	for (size_t i = 0; i < t->count; i++)
		options[i] = (struct command_option){ t->fields[i].option, true, &values[i] };
	e = command_options(arguments, 1, options, t->count, f);
	for (size_t i = 0; !e && i < t->count; i++)
		if (values[i])
			e = t->fields[i].check(values[i], f);
	return e;
}

static enum err write_fields(struct db *d, const struct thing *t, const char *name, const char **values,
			     struct buf *told, struct fail *f)
{
	enum err e = ERR_OK;

	for (size_t i = 0; !e && i < t->count; i++) {
		const struct field *field = &t->fields[i];

		if (!values[i])
			continue;
		buf_printf(told, "%s%s=%s", told->len ? ", " : "", field->option + 2, values[i]);
		if (field->kind == 's')
			e = exists(d, &sender_thing, values[i], f);
		if (!e && field->kind == 'i')
			e = db_run(d, f, field->set_sql, "it", (int64_t)!strcmp(values[i], "yes"), name);
		else if (!e)
			e = db_run(d, f, field->set_sql, "tt", values[i], name);
	}
	buf_put_u8(told, 0);
	return e || buf_ok(told) ? e : fail_set(f, ERR_NO_MEMORY, 0, "no memory for an audit entry");
}

/* One transaction: add or set, and its audit entry. */
static enum err change(struct db *d, const struct thing *t, const char *name, const char **values, bool add,
		       struct fail *f)
{
	BUF_AUTO told = { 0 };
	enum err e = db_begin(d, f);

	if (!e && add)
		e = db_run(d, f, t->insert_sql, "t", name);
	if (!e && add && db_changes(d) != 1)
		e = fail_set(f, ERR_DUPLICATE, 0, "%s %.60s is there already, or there is no sender yet", t->word,
			     name);
	if (!e && !add)
		e = exists(d, t, name, f);
	if (!e)
		e = write_fields(d, t, name, values, &told, f);
	return audit_settle(d, e, add ? t->add_event : t->set_event, name, (const char *)told.p, f);
}

static enum err add_or_set(const struct conf *c, const struct thing *t, char **arguments, bool add, struct fail *f)
{
	const char *values[FIELDS_MAX] = { NULL }, *name;
	DB_AUTO *d = NULL;
	enum err e = read_fields(t, arguments, values, f);

	name = arguments[0];
	if (!e)
		e = name_check(name, f);
	for (size_t i = 0; !e && add && i < t->count; i++)
		if (t->fields[i].needed && !values[i])
			e = fail_set(f, ERR_USAGE, 0, "%s add needs %s", t->word, t->fields[i].option);
	if (!e)
		e = kms_open_db(c, &d, f);
	return e ? e : change(d, t, name, values, add, f);
}

enum err sender_add(void *service, char **arguments, struct fail *f)
{
	return add_or_set(service, &sender_thing, arguments, true, f);
}

enum err sender_set(void *service, char **arguments, struct fail *f)
{
	return add_or_set(service, &sender_thing, arguments, false, f);
}

enum err recipient_add(void *service, char **arguments, struct fail *f)
{
	return add_or_set(service, &recipient_thing, arguments, true, f);
}

enum err recipient_set(void *service, char **arguments, struct fail *f)
{
	return add_or_set(service, &recipient_thing, arguments, false, f);
}

/* The password goes with its sender, before the commit: what stays when that fails can be given again. */
static enum err sender_gone(struct kms *k, const char *name, bool *ret_password, struct fail *f)
{
	BUF_AUTO object = { 0 };
	int64_t used = 0;
	enum err e = exists(k->db, &sender_thing, name, f);

	if (!e)
		e = db_one(k->db, &used, f,
			   "SELECT count(*) FROM recipient WHERE sender = (SELECT id FROM sender WHERE name = ?)", "t",
			   name);
	if (!e && used)
		return fail_set(f, ERR_REFUSED, 0, "sender %.60s is that of %lld recipients", name, (long long)used);
	if (!e)
		e = db_run(k->db, f, "DELETE FROM sender WHERE name = ?", "t", name);
	mailer_password(name, &object);
	if (!e && !buf_ok(&object))
		e = fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	if (!e)
		e = sealed_remove(k->token, (const char *)object.p, ret_password, f);
	return e;
}

enum err sender_remove(void *service, char **arguments, struct fail *f)
{
	struct kms k = { 0 };
	bool password = false;
	enum err e = kms_open_db(service, &k.db, f);

	if (!e)
		e = kms_open_token(service, &k, f);
	if (!e)
		e = db_begin(k.db, f);
	if (!e)
		e = sender_gone(&k, arguments[0], &password, f);
	e = audit_settle(k.db, e, "sender-remove", arguments[0], password ? "with its password" : "", f);
	kms_done(&k);
	return e;
}

static enum err recipient_gone(struct db *d, const char *name, int64_t *ret_cancelled, struct fail *f)
{
	enum err e = exists(d, &recipient_thing, name, f);

	if (!e)
		e = db_run(d, f,
			   "UPDATE notification SET state = '" NOTIFICATION_CANCELLED
			   "', last_error = 'recipient removed'"
			   " WHERE state = '" NOTIFICATION_WAITING
			   "' AND recipient_id = (SELECT id FROM recipient WHERE name = ?)",
			   "t", name);
	if (!e)
		*ret_cancelled = db_changes(d);
	if (!e)
		e = db_run(d, f,
			   "UPDATE notification SET recipient_id = NULL"
			   " WHERE recipient_id = (SELECT id FROM recipient WHERE name = ?)",
			   "t", name);
	if (!e)
		e = db_run(d, f, "DELETE FROM recipient WHERE name = ?", "t", name);
	return e;
}

enum err recipient_remove(void *service, char **arguments, struct fail *f)
{
	int64_t cancelled = 0;
	DB_AUTO *d = NULL;
	char told[64];
	enum err e = kms_open_change(service, &d, f);

	if (!e)
		e = recipient_gone(d, arguments[0], &cancelled, f);
	snprintf(told, sizeof(told), "%lld waiting notifications cancelled", (long long)cancelled);
	return audit_settle(d, e, "recipient-remove", arguments[0], told, f);
}

static enum err password_read(const char *name, const char *file, struct secret *ret, struct fail *f)
{
	char prompt[80];
	enum err e;

	snprintf(prompt, sizeof(prompt), "Password of sender %.40s: ", name);
	e = file ? ask_file(file, ret, f) : ask_twice(prompt, ret, f);
	for (size_t i = 0; !e && i < ret->len; i++)
		if (ret->p[i] < ' ' || ret->p[i] == 0x7f)
			e = fail_set(f, ERR_USAGE, 0, "the password has a control character in it");
	return e;
}

enum err sender_password(void *service, char **arguments, struct fail *f)
{
	const char *file = NULL;
	const struct command_option options[] = { { "--file", true, &file } };
	SECRET_AUTO password = { 0 };
	BUF_AUTO object = { 0 };
	struct kms k = { 0 };
	enum err e = command_options(arguments, 1, options, ARRAY_LEN(options), f);

	if (!e)
		e = kms_open_db(service, &k.db, f);
	if (!e)
		e = exists(k.db, &sender_thing, arguments[0], f);
	if (!e)
		e = kms_open_token(service, &k, f);
	if (!e)
		e = password_read(arguments[0], file, &password, f);
	mailer_password(arguments[0], &object);
	if (!e && !buf_ok(&object))
		e = fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	if (!e)
		e = sealed_put(k.token, (const char *)object.p, &password, f);
	if (!e)
		e = audit_console(k.db, "sender-password", arguments[0], NULL, f);
	kms_done(&k);
	return e;
}
