/* SPDX-License-Identifier: BSD-2-Clause */
#include "sr_functions.h"

#include <stdlib.h>
#include <string.h>

#include "login.h"
#include "dual_own.h"
#include "module.h"
#include "session.h"
#include "store_rv.h"
#include "user.h"

static int by_kind_and_name(const void *a, const void *b)
{
	const struct sr_user *x = a, *y = b;

	if (x->ulKind != y->ulKind)
		return x->ulKind < y->ulKind ? -1 : 1;
	return strcmp((const char *)x->szName, (const char *)y->szName);
}

struct list {
	const struct dual_state *dual; /* NULL: nobody is logged in */
	struct sr_user *users;
	size_t len;
	size_t room;
};

static CK_RV list_one(void *ctx, const struct user_record *r)
{
	struct list *l = ctx;
	struct sr_user u = { .ulKind = r->user.kind, .ulRetriesLeft = r->retries_left, .ulRetriesMax = r->retries_max };

	if (l->len == l->room) {
		size_t room = l->room > 0 ? l->room * 2 : 8;
		struct sr_user *more = realloc(l->users, room * sizeof(*more));

		if (more == NULL)
			return CKR_HOST_MEMORY;
		l->users = more;
		l->room = room;
	}
	memcpy(u.szName, r->user.name, sizeof(r->user.name));
	if (r->user.must_change)
		u.flags |= SR_USER_PIN_TO_BE_CHANGED;
	if (l->dual != NULL && dual_member(l->dual, r->user.id))
		u.flags |= SR_USER_COUNCIL;
	l->users[l->len++] = u;
	return CKR_OK;
}

static CK_RV list_users(struct token *t, struct list *l)
{
	struct dual_state *dual = NULL;
	struct store_txn *txn = NULL;
	CK_RV rv = store_rv(store_begin(token_store(t), false, &txn));

	if (rv != CKR_OK)
		return rv;
	rv = dual_load(t, txn, &dual);
	if (rv == CKR_USER_NOT_LOGGED_IN)
		rv = CKR_OK;
	l->dual = dual;
	if (rv == CKR_OK)
		rv = user_each(t->crypto, txn, list_one, l);
	store_abort(txn);
	free(dual);
	if (rv == CKR_OK)
		qsort(l->users, l->len, sizeof(*l->users), by_kind_and_name);
	return rv;
}

static CK_RV get_users(struct session *s, struct sr_user *users, CK_ULONG *count)
{
	struct list l = { 0 };
	CK_RV rv = count != NULL ? list_users(s->token, &l) : CKR_ARGUMENTS_BAD;

	if (rv == CKR_OK) {
		if (users != NULL && *count < l.len)
			rv = CKR_BUFFER_TOO_SMALL;
		else if (users != NULL)
			memcpy(users, l.users, l.len * sizeof(*users));
		*count = l.len;
	}
	free(l.users);
	return rv;
}

CK_RV SR_GetUsers(CK_SESSION_HANDLE session, struct sr_user *users, CK_ULONG_PTR count)
{
	CALL_SESSION(session, 0, get_users(call_s, users, count));
}

static CK_RV remove_user(struct session *s, CK_ULONG kind, struct view name)
{
	char text[TOKEN_NAME_MAX + 2] = { 0 };

	if (!s->rw)
		return CKR_SESSION_READ_ONLY;
	switch (kind) {
	case SR_USER_DEFAULT:
		return name.n == 0 ? login_remove_user(s, USER_DEFAULT, "") : CKR_ARGUMENTS_BAD;
	case SR_USER_CUSTODIAN:
		if (name.p == NULL)
			return CKR_ARGUMENTS_BAD;
		/* What is no name is a user who is not there. */
		if (!user_name_ok(name))
			return CKR_USER_PIN_NOT_INITIALIZED;
		memcpy(text, name.p, name.n);
		return login_remove_user(s, USER_CUSTODIAN, text);
	default:
		return CKR_ARGUMENTS_BAD;
	}
}

CK_RV SR_RemoveUser(CK_SESSION_HANDLE session, CK_ULONG kind, CK_UTF8CHAR_PTR name, CK_ULONG name_len)
{
	CALL_SESSION(session, 0, remove_user(call_s, kind, VIEW(name, name_len)));
}
