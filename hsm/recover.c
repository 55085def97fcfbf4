/* SPDX-License-Identifier: BSD-2-Clause */
#include "recover.h"

#include <stdlib.h>
#include <string.h>

#include "dual.h"
#include "dual_own.h"
#include "login.h"
#include "module.h"
#include "object_change.h"
#include "policy.h"
#include "store_rv.h"
#include "user.h"
#include "vendor_functions.h"

static CK_RV begin(struct session *s, struct store_txn **ret)
{
	return s->rw ? object_begin_write(s, ret) : CKR_SESSION_READ_ONLY;
}

static CK_RV end(struct store_txn *txn, CK_RV rv)
{
	if (rv == CKR_OK)
		return store_rv(store_commit(txn));
	store_abort(txn);
	return rv;
}

/* needs_two: may the SO not do this alone? The tries of a member of the council are not his to give. */
static CK_RV needs_two(struct session *s, struct store_txn *txn, const struct token_user *who,
		       const struct user_record *r, bool *ret)
{
	struct dual_state *d = NULL;
	CK_RV rv = dual_load(s->token, txn, &d);

	if (rv == CKR_OK)
		*ret = who->kind != USER_SO || dual_member(d, r->user.id);
	free(d);
	return rv;
}

static CK_RV unlock(struct session *s, struct store_txn *txn, const struct token_user *who, struct view name)
{
	struct audit_event event = { .number = AUDIT_UNLOCKED, .label = name };
	char text[TOKEN_NAME_MAX + 2] = { 0 };
	struct user_record r;
	BUF_AUTO subject = { 0 };
	bool two = true;
	CK_RV rv = dual_subject(s->token, txn, SR_ACTION_UNLOCK, name, &subject);

	if (rv != CKR_OK)
		return rv;
	if (name.n > 0)
		memcpy(text, name.p, name.n);
	rv = user_find(module_crypto(), txn, name.n > 0 ? USER_CUSTODIAN : USER_DEFAULT, text, &r);
	if (rv == CKR_OK)
		rv = needs_two(s, txn, who, &r, &two);
	if (rv == CKR_OK && two)
		rv = dual_spend_by_one(s, txn, SR_ACTION_UNLOCK, buf_view(&subject));
	if (rv == CKR_OK) {
		r.retries_left = r.retries_max;
		rv = user_store(module_crypto(), txn, &r);
	}
	return rv == CKR_OK ? token_audit(s->token, txn, &event) : rv;
}

CK_RV recover_unlock(struct session *s, struct view name)
{
	struct store_txn *txn = NULL;
	struct token_user who;
	CK_RV rv;

	session_user(s, &who);
	if (who.kind == USER_NONE)
		return CKR_USER_NOT_LOGGED_IN;
	if (who.kind == USER_DEFAULT)
		return CKR_ACTION_PROHIBITED;
	if (name.n > 0 && !user_name_ok(name))
		return CKR_ARGUMENTS_BAD;
	rv = begin(s, &txn);
	return rv == CKR_OK ? end(txn, unlock(s, txn, &who, name)) : rv;
}

/* replace_so: in the transaction; the old SO, wherever he is logged in, is no more. */
static CK_RV replace_so(struct session *s, struct store_txn *txn, const struct user_record *new)
{
	struct audit_event event = { .number = AUDIT_SO_RECOVERED };
	struct user_record old;
	BUF_AUTO subject = { 0 };
	CK_RV rv = dual_subject(s->token, txn, SR_ACTION_SO_PIN, VIEW(NULL, 0), &subject);

	if (rv == CKR_OK)
		rv = dual_spend_by_one(s, txn, SR_ACTION_SO_PIN, buf_view(&subject));
	if (rv == CKR_OK)
		rv = user_find(module_crypto(), txn, USER_SO, "", &old);
	if (rv == CKR_OK)
		rv = store_rv(store_user_del(txn, old.user.id));
	if (rv == CKR_OK)
		rv = user_store(module_crypto(), txn, new);
	return rv == CKR_OK ? token_audit(s->token, txn, &event) : rv;
}

CK_RV recover_so_pin(struct session *s, struct view pin)
{
	struct token *t = s->token;
	SECRET_AUTO user_key = { 0 };
	struct store_txn *txn = NULL;
	struct user_record record;
	struct token_user who;
	CK_RV rv;

	session_user(s, &who);
	if (who.kind != USER_CUSTODIAN)
		return who.kind == USER_NONE ? CKR_USER_NOT_LOGGED_IN : CKR_ACTION_PROHIBITED;
	if (!s->rw)
		return CKR_SESSION_READ_ONLY;
	rv = login_pin_length(pin, policy_pin_min(t));
	if (rv == CKR_OK)
		rv = seal_user_key(&t->seal, &user_key);
	if (rv != CKR_OK)
		return rv;
	/* Slow, and so before the transaction. */
	rv = user_make(t, USER_SO, VIEW(NULL, 0), NULL, pin, &user_key, 0, &record);
	if (rv == CKR_OK)
		rv = begin(s, &txn);
	return rv == CKR_OK ? end(txn, replace_so(s, txn, &record)) : rv;
}
