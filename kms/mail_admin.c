/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "mail_admin.h"
#include "mailer.h"
#include "notify.h"
#include "now.h"
#include "open.h"
#include "report.h"

#define BODY_FILE_MAX 65536

/* A list is the question of report.h of the same name, with its options. */
static enum err sender_list(void *service, char **arguments, struct fail *f)
{
	return report_ask(service, "senders", arguments, f);
}

static enum err recipient_list(void *service, char **arguments, struct fail *f)
{
	return report_ask(service, "recipients", arguments, f);
}

static enum err notification_list(void *service, char **arguments, struct fail *f)
{
	return report_ask(service, "notifications", arguments, f);
}

/* which: event and language of a command line. */
static enum err which(char **arguments, enum template_event *event, enum template_language *language, struct fail *f)
{
	if (!template_event_of(arguments[0], event))
		return fail_set(f, ERR_USAGE, 0, "no event %.40s (kmsd template list)", arguments[0]);
	if (!template_language_of(arguments[1], language))
		return fail_set(f, ERR_USAGE, 0, "no language %.20s: en or zh", arguments[1]);
	return ERR_OK;
}

static enum err template_line(struct db *d, enum template_event event, enum template_language language, struct fail *f)
{
	struct template t = { 0 };
	BUF_AUTO names = { 0 };
	bool changed = false;
	enum err e = template_load(d, event, language, &t, &changed, f);

	template_placeholders(event, &names);
	buf_put_u8(&names, 0);
	if (!e)
		printf("%s\t%s\t%s\t%s\t%s\n", template_event_name(event), template_language_name(language),
		       changed ? "changed" : "built in", (char *)t.subject.p, buf_ok(&names) ? (char *)names.p : "");
	template_done(&t);
	return e;
}

static enum err template_list(void *service, char **arguments, struct fail *f)
{
	DB_AUTO *d = NULL;
	enum err e = kms_open_db(service, &d, f);

	printf("event\tlanguage\ttext\tsubject\tplaceholders\n");
	for (int event = 0; event < TEMPLATE_EVENTS; event++)
		for (int language = 0; !e && language < TEMPLATE_LANGUAGES; language++)
			e = template_line(d, (enum template_event)event, (enum template_language)language, f);
	return e;
}

static enum err template_show(void *service, char **arguments, struct fail *f)
{
	enum template_language language = TEMPLATE_EN;
	enum template_event event = TEMPLATE_TEST;
	struct template t = { 0 };
	DB_AUTO *d = NULL;
	enum err e = which(arguments, &event, &language, f);

	if (!e)
		e = kms_open_db(service, &d, f);
	if (!e)
		e = template_load(d, event, language, &t, NULL, f);
	if (!e)
		printf("%s\n\n%s", (char *)t.subject.p, (char *)t.body.p);
	template_done(&t);
	return e;
}

/* A template's text, with final zero; `-`: standard input. A zero byte inside would hide the rest. */
static enum err body_read(const char *path, struct buf *ret, struct fail *f)
{
	enum err e = strcmp(path, "-") ? file_read(path, BODY_FILE_MAX, ret, f)
				       : file_read_fd(STDIN_FILENO, "standard input", BODY_FILE_MAX, ret, f);

	if (e)
		return e;
	if (ret->len && memchr(ret->p, 0, ret->len))
		return fail_set(f, ERR_USAGE, 0, "%.128s: a zero byte in a text", path);
	buf_put_u8(ret, 0);
	return buf_ok(ret) ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "no memory for a template");
}

/* One transaction: store or reset, and its audit entry. */
static enum err template_change(const struct conf *c, char **arguments, const char *subject, const char *body,
				bool reset, struct fail *f)
{
	enum template_language language = TEMPLATE_EN;
	enum template_event event = TEMPLATE_TEST;
	DB_AUTO *d = NULL;
	enum err e = which(arguments, &event, &language, f);

	if (!e)
		e = kms_open_change(c, &d, f);
	if (!e)
		e = reset ? template_reset(d, event, language, f)
			  : template_store(d, event, language, subject, body, f);
	return audit_settle(d, e, reset ? "template-reset" : "template-set", arguments[0], arguments[1], f);
}

static enum err template_set(void *service, char **arguments, struct fail *f)
{
	const char *subject = NULL, *file = NULL;
	const struct command_option options[] = { { "--subject", true, &subject }, { "--body-file", true, &file } };
	BUF_AUTO body = { 0 };
	enum err e = command_options(arguments, 2, options, ARRAY_LEN(options), f);

	if (!e && !subject && !file)
		e = fail_set(f, ERR_USAGE, 0, "template set needs --subject, --body-file or both");
	if (!e && file)
		e = body_read(file, &body, f);
	return e ? e : template_change(service, arguments, subject, file ? (char *)body.p : NULL, false, f);
}

static enum err template_back(void *service, char **arguments, struct fail *f)
{
	return template_change(service, arguments, NULL, NULL, true, f);
}

static enum err mail_test(void *service, char **arguments, struct fail *f)
{
	struct smtp_answer answer = { 0 };
	unsigned long timeout = 0;
	struct kms k = { .customer = conf_get(service, "", "customer") };
	enum err e = conf_number(service, "mail", "timeout_ms", 100, 600000, &timeout, f);

	if (!e)
		e = kms_open_db(service, &k.db, f);
	if (!e)
		e = kms_open_token(service, &k, f);
	if (!e)
		e = mailer_test(&k, arguments[0], (unsigned)timeout, &answer, f);
	if (!e)
		e = audit_console(k.db, "mail-test", arguments[0], answer.text, f);
	if (!e) {
		printf("taken by the mail server: ");
		command_text(answer.text);
		putchar('\n');
	}
	kms_done(&k);
	return e;
}

/* One notification, or all: what may become of it stands in the condition. */
static enum err notification_change(const struct conf *c, const char *which_one, const char *event, const char *sql,
				    const char *after_sql, const char *nothing, struct fail *f)
{
	bool all = !strcmp(which_one, "all");
	char *end = NULL, told[64];
	int64_t id = all ? 0 : strtoll(which_one, &end, 10), changed = 0;
	DB_AUTO *d = NULL;
	enum err e;

	if (!all && (id < 1 || *end))
		return fail_set(f, ERR_USAGE, 0, "the number of a notification (kmsd notification list), or all");
	e = kms_open_change(c, &d, f);
	if (!e && after_sql)
		e = db_run(d, f, after_sql, "ii", id, id);
	if (!e)
		e = db_run(d, f, sql, "iii", now_ms(), id, id);
	changed = e ? 0 : db_changes(d);
	if (!e && !changed)
		e = fail_set(f, ERR_NOT_FOUND, 0, "%.30s: %s", which_one, nothing);
	snprintf(told, sizeof(told), "%lld notifications", (long long)changed);
	e = audit_settle(d, e, event, which_one, told, f);
	if (!e)
		printf("%s\n", told);
	return e;
}

/* A recipient's pause ends with it. What is claimed now is under way and stays so. */
static enum err notification_retry(void *service, char **arguments, struct fail *f)
{
	return notification_change(
	    service, arguments[0], "notification-retry",
	    "UPDATE notification SET state = '" NOTIFICATION_WAITING "', since = ?, next_attempt = 0"
	    " WHERE (id = ? OR CAST(? AS BIGINT) = 0) AND recipient_id IS NOT NULL AND state IN('" NOTIFICATION_WAITING
	    "','" NOTIFICATION_REFUSED "','" NOTIFICATION_GIVEN_UP "','" NOTIFICATION_CANCELLED "')",
	    "UPDATE recipient SET backoff = 0, not_before = 0 WHERE id IN(SELECT recipient_id FROM notification"
	    " WHERE (id = ? OR CAST(? AS BIGINT) = 0) AND sent = 0)",
	    "no notification that was not sent and has a recipient", f);
}

static enum err notification_cancel(void *service, char **arguments, struct fail *f)
{
	return notification_change(
	    service, arguments[0], "notification-cancel",
	    "UPDATE notification SET state = '" NOTIFICATION_CANCELLED
	    "', since = ? WHERE (id = ? OR CAST(? AS BIGINT) = 0) AND state = '" NOTIFICATION_WAITING "'",
	    NULL, "no notification that waits", f);
}

const struct command_row mail_commands[] = {
	{ "sender add", ~1,
	  "sender add NAME --mailbox ADDRESS --server HOST:PORT [--user U] [--tls starttls|tls] [--ca FILE] [--title T]"
	  " [--description T] [--enabled yes|no]",
	  sender_add, "R2.8" },
	{ "sender set", ~1, "sender set NAME ...                 the same options", sender_set, "R2.8" },
	{ "sender remove", 1, "sender remove NAME                  with its password", sender_remove, "R2.8" },
	{ "sender list", ~0, "sender list [--json]", sender_list, "R2.8" },
	{ "sender password", ~1,
	  "sender password NAME [--file F]     asked for unseen, or first line of a file of mode 0600, a pipe, - "
	  "(stdin);"
	  " goes into the token",
	  sender_password, "R2.8" },
	{ "recipient add", ~1,
	  "recipient add NAME --mailbox ADDRESS --sender NAME [--type import-good,import-bad,alarm|all] [--language "
	  "en|zh]"
	  " [--description T] [--enabled yes|no]",
	  recipient_add, "R2.8" },
	{ "recipient set", ~1, "recipient set NAME ...              the same options", recipient_set, "R2.8" },
	{ "recipient remove", 1, "recipient remove NAME               cancels what waits for him", recipient_remove,
	  "R2.8" },
	{ "recipient list", ~0, "recipient list [--json]", recipient_list, "R2.8" },
	{ "template list", 0, "template list                       events, languages, subjects, placeholders",
	  template_list, "R2.8" },
	{ "template show", 2, "template show EVENT LANGUAGE        subject, empty line, body", template_show, "R2.8" },
	{ "template set", ~2, "template set EVENT LANGUAGE [--subject TEXT] [--body-file FILE]", template_set, "R2.8" },
	{ "template reset", 2, "template reset EVENT LANGUAGE       the built-in text again", template_back, "R2.8" },
	{ "mail test", 1, "mail test RECIPIENT                 sends a mail now, says what the server said", mail_test,
	  "R2.8" },
	{ "notification list", ~0, "notification list [--json]", notification_list, "R2.8" },
	{ "notification retry", 1, "notification retry ID|all           what was refused, given up, cancelled or waits",
	  notification_retry, "R2.8" },
	{ "notification cancel", 1, "notification cancel ID|all          what waits", notification_cancel, "R2.8" },
};
const size_t mail_commands_count = ARRAY_LEN(mail_commands);
