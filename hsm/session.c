/* SPDX-License-Identifier: BSD-2-Clause */
#include "session.h"

#include <stdlib.h>

#include "audit_read.h"
#include "backup_run.h"
#include "mech.h"
#include "message.h"
#include "module.h"
#include "object_find.h"
#include "session_table.h"
#include "token_own.h"

#define BUCKETS 1024

struct sessions {
	pthread_mutex_t lock;
	CK_SESSION_HANDLE last;
	struct session *buckets[BUCKETS];
};

CK_RV sessions_new(struct sessions **ret)
{
	struct sessions *all = calloc(1, sizeof(*all));

	if (all == NULL)
		return CKR_HOST_MEMORY;
	pthread_mutex_init(&all->lock, NULL);
	*ret = all;
	return CKR_OK;
}

void session_end_operations(struct session *s)
{
	for (size_t i = 0; i < OP_KINDS; i++) {
		op_free(s->ops[i]);
		s->ops[i] = NULL;
	}
	for (size_t i = 0; i < MESSAGE_KINDS; i++) {
		message_free(s->messages[i]);
		s->messages[i] = NULL;
	}
	find_free(s->find);
	s->find = NULL;
	audit_walk_free(s->audit);
	s->audit = NULL;
	backup_free(s->backup);
	s->backup = NULL;
}

static void session_free(struct session *s)
{
	session_end_operations(s);
	session_counts_free(s);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

void sessions_free(struct sessions *all)
{
	if (all == NULL)
		return;
	pthread_mutex_destroy(&all->lock);
	free(all);
}

/* release: one reference less; under the table's lock. */
static bool release(struct session *s)
{
	return --s->refs == 0;
}

void session_put(struct session *s)
{
	struct sessions *all = module_get()->sessions;
	bool last;

	pthread_mutex_unlock(&s->lock);
	pthread_mutex_lock(&all->lock);
	last = release(s);
	pthread_mutex_unlock(&all->lock);
	if (last)
		session_free(s);
}

/* catch_up: what other sessions, threads and processes did to the login since this session's last call. */
static void catch_up(struct session *s)
{
	uint64_t logouts;

	token_refresh(s->token);
	pthread_mutex_lock(&s->token->lock);
	logouts = s->token->logouts;
	pthread_mutex_unlock(&s->token->lock);
	if (s->logins != logouts) {
		session_end_operations(s);
		s->logins = logouts;
	}
}

CK_RV session_get(CK_SESSION_HANDLE handle, struct session **ret)
{
	struct sessions *all = module_get()->sessions;
	struct session *s;

	pthread_mutex_lock(&all->lock);
	for (s = all->buckets[handle % BUCKETS]; s != NULL && s->handle != handle; s = s->next)
		;
	if (s != NULL)
		s->refs++;
	pthread_mutex_unlock(&all->lock);
	if (s == NULL)
		return CKR_SESSION_HANDLE_INVALID;
	pthread_mutex_lock(&s->lock);
	if (s->closed) {
		session_put(s);
		return CKR_SESSION_HANDLE_INVALID;
	}
	catch_up(s);
	*ret = s;
	return CKR_OK;
}

CK_RV session_open(struct token *t, bool rw, CK_SESSION_HANDLE *ret)
{
	struct sessions *all = module_get()->sessions;
	struct session *s = calloc(1, sizeof(*s));
	CK_RV rv = CKR_OK;

	if (s == NULL)
		return CKR_HOST_MEMORY;
	s->token = t;
	s->rw = rw;
	s->refs = 1;
	pthread_mutex_init(&s->lock, NULL);
	pthread_mutex_lock(&t->lock);
	if (!rw && t->user.kind == USER_SO) {
		rv = CKR_SESSION_READ_WRITE_SO_EXISTS;
	} else {
		t->sessions++;
		t->rw_sessions += rw;
		s->logins = t->logouts;
	}
	pthread_mutex_unlock(&t->lock);
	if (rv != CKR_OK) {
		session_free(s);
		return rv;
	}
	pthread_mutex_lock(&all->lock);
	s->handle = ++all->last;
	s->next = all->buckets[s->handle % BUCKETS];
	all->buckets[s->handle % BUCKETS] = s;
	*ret = s->handle;
	pthread_mutex_unlock(&all->lock);
	return rv;
}

/* unlink: out of the table; false: somebody else did it. */
static bool unlink_session(struct sessions *all, struct session *s)
{
	struct session **at;
	bool found = false;

	pthread_mutex_lock(&all->lock);
	for (at = &all->buckets[s->handle % BUCKETS]; *at != NULL; at = &(*at)->next) {
		if (*at == s) {
			*at = s->next;
			found = true;
			break;
		}
	}
	if (found)
		release(s); /* the table's own; the caller holds another */
	pthread_mutex_unlock(&all->lock);
	return found;
}

void session_close(struct session *s)
{
	struct token *t = s->token;

	if (!unlink_session(module_get()->sessions, s))
		return;
	session_flush_counts(s);
	session_end_operations(s);
	s->closed = true;
	pthread_mutex_lock(&t->lock);
	t->sessions--;
	t->rw_sessions -= s->rw;
	entries_drop_session(&t->entries, s->handle);
	if (t->sessions == 0 && t->user.kind != USER_NONE)
		token_drop_login(t);
	pthread_mutex_unlock(&t->lock);
}

/* any_session: a session of the token (NULL: of any), held and locked; NULL: there is none. */
static struct session *any_session(struct sessions *all, const struct token *t)
{
	struct session *found = NULL;

	pthread_mutex_lock(&all->lock);
	for (size_t i = 0; i < BUCKETS && found == NULL; i++)
		for (struct session *s = all->buckets[i]; s != NULL && found == NULL; s = s->next)
			if (t == NULL || s->token == t)
				found = s;
	if (found != NULL)
		found->refs++;
	pthread_mutex_unlock(&all->lock);
	if (found != NULL)
		pthread_mutex_lock(&found->lock);
	return found;
}

void sessions_close_all(struct sessions *all, struct token *t)
{
	struct session *s;

	while ((s = any_session(all, t)) != NULL) {
		session_close(s);
		session_put(s);
	}
}

void session_user(struct session *s, struct token_user *ret)
{
	token_user(s->token, ret);
}

CK_STATE session_state(struct session *s)
{
	struct token_user user;

	token_user(s->token, &user);
	if (user.kind == USER_SO)
		return CKS_RW_SO_FUNCTIONS;
	if (user.kind == USER_NONE)
		return s->rw ? CKS_RW_PUBLIC_SESSION : CKS_RO_PUBLIC_SESSION;
	return s->rw ? CKS_RW_USER_FUNCTIONS : CKS_RO_USER_FUNCTIONS;
}

bool session_sees_private(struct session *s)
{
	struct token_user user;

	token_user(s->token, &user);
	return (user.kind == USER_DEFAULT || user.kind == USER_CUSTODIAN) && !user.must_change;
}
