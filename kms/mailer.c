/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "mail.h"
#include "mailer.h"
#include "notify.h"
#include "now.h"
#include "sealed.h"
#include "worker.h"

#define CANDIDATES 16 /* looked at for one claim, of a sender */
#define SENDERS 16    /* looked at in one step */

struct mailer {
	struct kms *k;
	struct db *db;
	struct mailer_options o;
	struct worker worker;
	char owner[64];
	int64_t taken; /* accepted by the server, not yet marked so; 0: none */
	int64_t taken_recipient;
	int64_t sender_last; /* looked at last: the others come first */
	int64_t sender_told; /* whose password is not to be had here, said in the log; 0: none */
	bool told;           /* that the database does not work */
};

/* One mail: texts as columns, with final zeros. */
enum { FROM, FROM_NAME, SERVER, TLS, CA, ACCOUNT, SENDER, TO, TO_NAME, LANGUAGE, TITLE, BODY, MESSAGE_ID, TEXTS };
struct job {
	int64_t recipient;
	int64_t backoff; /* ms, of the last failure */
	int64_t since;   /* ms */
	struct buf text[TEXTS];
};

/* In the order of the enum; a recipient's mail, before its title and body. */
#define ADDRESS_COLUMNS                                                                                                \
	"s.mailbox, s.description, s.server, s.tls, s.ca, s.account, s.name, r.mailbox, r.description, r.language"

static void job_done(struct job *j)
{
	for (size_t i = 0; i < TEXTS; i++)
		buf_done(&j->text[i]);
}

static const char *text(const struct job *j, int i)
{
	return j->text[i].len ? (const char *)j->text[i].p : "";
}

static struct view view(const struct job *j, int i)
{
	return view_of_string(text(j, i));
}

/* columns: texts first, then the recipient's number and back-off, then since. */
static enum err job_read(struct db_stmt *s, int columns, struct job *j, struct fail *f)
{
	bool ok = true;

	for (int i = 0; i < columns; i++) {
		buf_printf(&j->text[i], "%s", db_text(s, i));
		buf_put_u8(&j->text[i], 0);
		ok = ok && buf_ok(&j->text[i]);
	}
	j->recipient = db_int(s, columns);
	j->backoff = db_int(s, columns + 1);
	j->since = db_int(s, columns + 2);
	return ok ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "no memory for a mail");
}

static enum err job_of_notification(struct db *d, int64_t id, struct job *j, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e = db_query(d, &s, f,
			      "SELECT " ADDRESS_COLUMNS ", n.title, n.body, n.message_id, r.id, r.backoff, n.since"
			      " FROM notification n JOIN recipient r ON r.id = n.recipient_id"
			      " JOIN sender s ON s.id = r.sender WHERE n.id = ?",
			      "i", id);

	if (!e)
		e = db_next(s, &row, f);
	if (!e && !row)
		e = fail_set(f, ERR_NOT_FOUND, 0, "notification %lld has no recipient", (long long)id);
	return e ? e : job_read(s, TEXTS, j, f);
}

void mailer_password(const char *sender, struct buf *ret)
{
	buf_printf(ret, "kmsd mail sender %s", sender);
	buf_put_u8(ret, 0);
}

static enum err password(struct pk11 *token, const char *account, const char *sender, struct secret *ret,
			 struct fail *f)
{
	BUF_AUTO name = { 0 };
	struct fail why = { 0 };
	enum err e;

	if (!*account)
		return ERR_OK;
	mailer_password(sender, &name);
	if (!buf_ok(&name))
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory for a mail");
	e = sealed_get(token, (const char *)name.p, ret, &why);
	if (e == ERR_NOT_FOUND)
		return fail_set(f, ERR_CONFIG, 0, "no password for sender %.60s in this token (kmsd sender password)",
				sender);
	return e ? fail_set(f, e, why.rv, "%s", why.text) : ERR_OK;
}

static bool stopping(void *worker)
{
	return worker && worker_stopping(worker);
}

/* send: composes and sends; worker: NULL, or whose end ends it (ERR_BUSY). ERR_MALFORMED: this mail can never be sent.
 */
static enum err send(struct pk11 *token, const struct job *j, unsigned timeout_ms, struct worker *worker,
		     struct smtp_answer *ret, struct fail *f)
{
	const struct mail mail = { .from = view(j, FROM),
				   .from_name = view(j, FROM_NAME),
				   .to = view(j, TO),
				   .to_name = view(j, TO_NAME),
				   .subject = view(j, TITLE),
				   .body = view(j, BODY),
				   .message_id = view(j, MESSAGE_ID),
				   .language = view(j, LANGUAGE),
				   .date = (int64_t)time(NULL) };
	SECRET_AUTO secret = { 0 };
	struct smtp_server server = { .address = text(j, SERVER),
				      .tls = strcmp(text(j, TLS), "tls") ? SMTP_STARTTLS : SMTP_TLS,
				      .ca_file = text(j, CA),
				      .user = text(j, ACCOUNT),
				      .password = &secret,
				      .stop = stopping,
				      .stop_arg = worker,
				      .timeout_ms = timeout_ms };
	BUF_AUTO message = { 0 };
	enum err e;

	*ret = (struct smtp_answer){ 0 };
	e = mail_compose(&mail, &message, f);
	if (!e)
		e = password(token, text(j, ACCOUNT), text(j, SENDER), &secret, f);
	return e ? e : smtp_send(&server, text(j, FROM), text(j, TO), buf_view(&message), ret, f);
}

/* What is due now: a notification n of recipient r, with placeholders for the time, thrice. */
#define DUE                                                                                                            \
	"n.state = '" NOTIFICATION_WAITING "' AND n.next_attempt <= ? AND n.claim_until <= ? AND r.not_before <= ?"    \
	" AND r.enabled = 1"

/* A sender with mail that is due. */
struct sender {
	int64_t id;
	char name[64];
	char account[MAIL_NAME_MAX + 1];
};

/* In turn, so that none waits for another one's mail. */
static enum err senders_due(struct mailer *m, int64_t now, struct sender ret[SENDERS], size_t *ret_count,
			    struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = true;
	size_t n = 0;
	enum err e =
	    db_query(m->db, &s, f,
		     "SELECT s.id, s.name, s.account FROM sender s WHERE s.enabled = 1 AND EXISTS (SELECT 1 FROM"
		     " notification n JOIN recipient r ON r.id = n.recipient_id WHERE r.sender = s.id AND " DUE ")"
		     " ORDER BY CASE WHEN s.id > ? THEN 0 ELSE 1 END, s.id LIMIT ?",
		     "iiiii", now, now, now, m->sender_last, (int64_t)SENDERS);

	while (!e && !(e = db_next(s, &row, f)) && row && n < SENDERS) {
		ret[n].id = db_int(s, 0);
		snprintf(ret[n].name, sizeof(ret[n].name), "%s", db_text(s, 1));
		snprintf(ret[n].account, sizeof(ret[n].account), "%s", db_text(s, 2));
		n++;
	}
	*ret_count = n;
	return e;
}

static enum err candidates(struct mailer *m, const struct sender *who, int64_t now, int64_t since,
			   int64_t ids[CANDIDATES], size_t *ret, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = true;
	size_t n = 0;
	enum err e = db_query(m->db, &s, f,
			      "SELECT n.id FROM notification n JOIN recipient r ON r.id = n.recipient_id"
			      " WHERE r.sender = ? AND " DUE " AND n.since <= ? ORDER BY n.next_attempt, n.id LIMIT ?",
			      "iiiiii", who->id, now, now, now, since, (int64_t)CANDIDATES);

	while (!e && !(e = db_next(s, &row, f)) && row && n < CANDIDATES)
		ids[n++] = db_int(s, 0);
	*ret = n;
	return e;
}

/*
 * Without the password there is nothing to try: another node may have it. That holds nobody's mail back; who asks why a
 * mail waits that nobody has tried yet is told.
 */
static enum err cannot_send(struct mailer *m, const struct sender *who, const char *why, struct fail *f)
{
	char text[sizeof(((struct fail *)0)->text) + 100];

	snprintf(text, sizeof(text), "node %.60s: %s", m->k->node, why);
	if (m->sender_told != who->id)
		log_line(LOG_LEVEL_WARN, "mail", "%s; its mail waits or is sent by another node", text);
	m->sender_told = who->id;
	return db_run(m->db, f,
		      "UPDATE notification SET last_error = ? WHERE state = '" NOTIFICATION_WAITING
		      "' AND last_error = '' AND recipient_id IN (SELECT id FROM recipient WHERE sender = ?)",
		      "ti", text, who->id);
}

/* claim_of: the first of a sender's that nobody else took meanwhile; *ret 0: none. */
static enum err claim_of(struct mailer *m, const struct sender *who, int64_t now, int64_t *ret, struct fail *f)
{
	SECRET_AUTO secret = { 0 };
	struct fail why = { 0 };
	int64_t ids[CANDIDATES], since = now;
	size_t count = 0;
	enum err e = ERR_OK;

	if (password(m->k->token, who->account, who->name, &secret, &why)) {
		e = cannot_send(m, who, why.text, f);
		since = now - m->o.give_up_ms; /* these are given up */
	} else if (m->sender_told == who->id) {
		m->sender_told = 0;
	}
	if (!e)
		e = candidates(m, who, now, since, ids, &count, f);
	for (size_t i = 0; !e && !*ret && i < count; i++) {
		e = db_run(
		    m->db, f,
		    "UPDATE notification SET claim_owner = ?, claim_until = ?, attempts = attempts + 1 WHERE id = ?"
		    " AND state = '" NOTIFICATION_WAITING "' AND claim_until <= ?",
		    "tiii", m->owner, now + 2 * (int64_t)m->o.timeout_ms, ids[i], now);
		if (!e && db_changes(m->db) == 1)
			*ret = ids[i];
	}
	return e;
}

static enum err claim(struct mailer *m, int64_t *ret, struct fail *f)
{
	struct sender due[SENDERS];
	int64_t now = now_ms();
	size_t count = 0;
	enum err e = senders_due(m, now, due, &count, f);

	*ret = 0;
	for (size_t i = 0; !e && !*ret && i < count; i++) {
		m->sender_last = due[i].id;
		e = claim_of(m, &due[i], now, ret, f);
	}
	return e;
}

/* The server took it: that is so whatever became of the claim; and the recipient's mail waits no more. */
static enum err mark_taken(struct mailer *m, struct fail *f)
{
	enum err e = db_begin(m->db, f);

	if (!e)
		e = db_run(
		    m->db, f,
		    "UPDATE notification SET sent = 1, state = '" NOTIFICATION_SENT
		    "', sent_at = ?, last_error = '', claim_owner = '', claim_until = 0 WHERE id = ? AND sent = 0",
		    "ii", (int64_t)time(NULL), m->taken);
	if (!e)
		e = db_run(m->db, f, "UPDATE recipient SET backoff = 0, not_before = 0 WHERE id = ? AND backoff <> 0",
			   "i", m->taken_recipient);
	e = db_settle(m->db, e, f);
	if (!e)
		m->taken = 0;
	return e;
}

static enum err end_with(struct mailer *m, int64_t id, const struct job *j, const char *state, const char *why,
			 struct fail *f)
{
	char object[32];
	const struct audit_entry entry = {
		.peer = "mailer", .event = "mail", .object = object, .code = ERR_REFUSED, .text = why
	};
	enum err e = db_run(m->db, f,
			    "UPDATE notification SET state = ?, last_error = ?, claim_owner = '', claim_until = 0"
			    " WHERE id = ? AND claim_owner = ? AND state = '" NOTIFICATION_WAITING "'",
			    "ttit", state, why, id, m->owner);

	if (e || db_changes(m->db) != 1)
		return e;
	snprintf(object, sizeof(object), "%lld", (long long)id);
	log_line(LOG_LEVEL_ERROR, "mail", "notification %s to %.100s %s: %s", object, text(j, TO), state, why);
	return audit_append(m->db, &entry, f);
}

static enum err hold_back(struct mailer *m, int64_t id, const struct job *j, const char *why, struct fail *f)
{
	int64_t now = now_ms(), delay = j->backoff > 0 ? 2 * j->backoff : m->o.retry_first_ms;
	enum err e;

	delay = delay > m->o.retry_max_ms ? m->o.retry_max_ms : delay;
	log_line(LOG_LEVEL_WARN, "mail", "notification %lld to %.100s waits %lld ms: %s", (long long)id, text(j, TO),
		 (long long)delay, why);
	e = db_run(m->db, f,
		   "UPDATE notification SET next_attempt = ?, last_error = ?, claim_owner = '', claim_until = 0"
		   " WHERE id = ? AND claim_owner = ? AND state = '" NOTIFICATION_WAITING "'",
		   "itit", now + delay, why, id, m->owner);
	if (!e)
		e = db_run(m->db, f, "UPDATE recipient SET backoff = ?, not_before = ? WHERE id = ?", "iii", delay,
			   now + delay, j->recipient);
	return e;
}

static enum err mark_failed(struct mailer *m, int64_t id, const struct job *j, bool permanent, const char *why,
			    struct fail *f)
{
	BUF_AUTO clean = { 0 };
	enum err e = db_begin(m->db, f);

	mail_clean(view_of_string(why), &clean);
	buf_put_u8(&clean, 0);
	why = buf_ok(&clean) ? (const char *)clean.p : "";
	if (!e && permanent)
		e = end_with(m, id, j, NOTIFICATION_REFUSED, why, f);
	else if (!e && now_ms() - j->since >= m->o.give_up_ms)
		e = end_with(m, id, j, NOTIFICATION_GIVEN_UP, why, f);
	else if (!e)
		e = hold_back(m, id, j, why, f);
	return db_settle(m->db, e, f);
}

/* We stop: somebody else may have it at once. */
static enum err let_go(struct mailer *m, int64_t id, struct fail *f)
{
	return db_run(m->db, f,
		      "UPDATE notification SET claim_owner = '', claim_until = 0 WHERE id = ? AND claim_owner = ?",
		      "it", id, m->owner);
}

static enum err deliver(struct mailer *m, int64_t id, struct fail *f)
{
	struct smtp_answer answer = { 0 };
	struct fail why = { 0 };
	struct job j = { 0 };
	enum err e, sent;

	e = job_of_notification(m->db, id, &j, f);
	if (e)
		goto out;
	sent = send(m->k->token, &j, m->o.timeout_ms, &m->worker, &answer, &why);
	if (sent == ERR_BUSY && worker_stopping(&m->worker)) {
		e = let_go(m, id, f);
		goto out;
	}
	if (sent) {
		e = mark_failed(m, id, &j, answer.permanent || sent == ERR_MALFORMED, why.text, f);
		goto out;
	}
	log_line(LOG_LEVEL_INFO, "mail", "notification %lld to %.100s sent: %s", (long long)id, text(&j, TO),
		 answer.text);
	m->taken = id;
	m->taken_recipient = j.recipient;
	e = mark_taken(m, f);
out:
	job_done(&j);
	return e;
}

static enum worker_next step(void *arg)
{
	struct mailer *m = arg;
	struct fail f = { 0 };
	int64_t id = 0;
	enum err e = m->taken ? mark_taken(m, &f) : ERR_OK;

	if (!e)
		e = claim(m, &id, &f);
	if (!e && id)
		e = deliver(m, id, &f);
	if (e) {
		if (!m->told)
			log_line(LOG_LEVEL_ERROR, "mail", "mail waits: %s", f.text);
		m->told = true;
		return WORKER_RETRY;
	}
	if (m->told)
		log_line(LOG_LEVEL_INFO, "mail", "mail goes on");
	m->told = false;
	return id ? WORKER_AGAIN : WORKER_IDLE;
}

static enum err owner_name(struct mailer *m, struct fail *f)
{
	uint8_t random[8];
	char hex[17];

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return fail_set(f, ERR_INTERNAL, 0, "no random bytes");
	hex_encode(VIEW(random, sizeof(random)), hex);
	snprintf(m->owner, sizeof(m->owner), "%ld-%s", (long)getpid(), hex);
	return ERR_OK;
}

enum err mailer_new(struct kms *k, struct db *db, const struct mailer_options *o, struct mailer **ret, struct fail *f)
{
	struct mailer *m = calloc(1, sizeof(*m));
	enum err e;

	if (!m) {
		db_free(db);
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory for the mailer");
	}
	m->k = k;
	m->db = db;
	m->o = *o;
	e = owner_name(m, f);
	if (!e)
		e = worker_start(&m->worker, step, m, o->poll_ms, 0, f);
	if (e) {
		mailer_free(m);
		return e;
	}
	*ret = m;
	return ERR_OK;
}

void mailer_free(struct mailer *m)
{
	if (!m)
		return;
	worker_stop(&m->worker);
	if (m->taken && mark_taken(m, NULL))
		log_line(LOG_LEVEL_ERROR, "mail", "notification %lld was sent and could not be marked so",
			 (long long)m->taken);
	db_free(m->db);
	free(m);
}

static enum err job_of_recipient(struct db *d, const char *recipient, struct job *j, char ret_title[320],
				 struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e = db_query(d, &s, f,
			      "SELECT " ADDRESS_COLUMNS ", r.id, r.backoff, CAST(0 AS BIGINT), s.title FROM recipient r"
			      " JOIN sender s ON s.id = r.sender WHERE r.name = ?",
			      "t", recipient);

	if (!e)
		e = db_next(s, &row, f);
	if (!e && !row)
		e = fail_set(f, ERR_NOT_FOUND, 0, "no recipient %.60s", recipient);
	if (e)
		return e;
	snprintf(ret_title, 320, "%s", db_text(s, TITLE + 3));
	return job_read(s, TITLE, j, f);
}

static enum err test_texts(struct kms *k, const char *recipient, const char *title, struct job *j, struct fail *f)
{
	char now[NOTIFY_TIME];
	const struct template_value values[] = {
		{ "event", template_event_name(TEMPLATE_TEST) },
		{ "kms", k->customer },
		{ "time", now },
		{ "recipient", recipient },
	};
	enum template_language language;
	struct template t = { 0 };
	enum err e;

	notify_time((int64_t)time(NULL), now);
	if (!template_language_of(text(j, LANGUAGE), &language))
		return fail_set(f, ERR_CONFIG, 0, "recipient %.60s: language %.20s", recipient, text(j, LANGUAGE));
	e = template_load(k->db, TEMPLATE_TEST, language, &t, NULL, f);
	if (!e)
		e = template_expand(*title ? title : (const char *)t.subject.p, language, values, ARRAY_LEN(values),
				    true, &j->text[TITLE], f);
	if (!e)
		e = template_expand((const char *)t.body.p, language, values, ARRAY_LEN(values), false, &j->text[BODY],
				    f);
	if (!e)
		e = notify_message_id(text(j, FROM), &j->text[MESSAGE_ID], f);
	for (int i = TITLE; i < TEXTS; i++)
		buf_put_u8(&j->text[i], 0);
	template_done(&t);
	return e;
}

enum err mailer_test(struct kms *k, const char *recipient, unsigned timeout_ms, struct smtp_answer *ret, struct fail *f)
{
	struct job j = { 0 };
	char title[320];
	enum err e = job_of_recipient(k->db, recipient, &j, title, f);

	if (!e)
		e = test_texts(k, recipient, title, &j, f);
	if (!e)
		e = send(k->token, &j, timeout_ms, NULL, ret, f);
	job_done(&j);
	return e;
}
