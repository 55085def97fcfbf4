/* SPDX-License-Identifier: BSD-2-Clause */
#include "login.h"

#include <string.h>

#include "crypto.h"
#include "mech.h"
#include "module.h"
#include "object_change.h"
#include "object_own.h"
#include "store_rv.h"
#include "user.h"

CK_RV login_pin_length(struct view pin, size_t least)
{
	return pin.n >= least && pin.n <= TOKEN_PIN_MAX ? CKR_OK : CKR_PIN_LEN_RANGE;
}

static bool has_colon(struct view pin)
{
	return pin.n > 0 && memchr(pin.p, ':', pin.n) != NULL;
}

/* may_log_in: is a login of this kind possible in the token's present state? Under t->lock. */
static CK_RV may_log_in(const struct token *t, enum user_kind kind)
{
	if (t->user.kind != USER_NONE) {
		if ((t->user.kind == USER_SO) == (kind == USER_SO))
			return CKR_USER_ALREADY_LOGGED_IN;
		return CKR_USER_ANOTHER_ALREADY_LOGGED_IN;
	}
	if (kind == USER_SO && t->rw_sessions < t->sessions)
		return CKR_SESSION_READ_ONLY_EXISTS;
	return CKR_OK;
}

/* who: the user that a user type, name and PIN speak of. */
static CK_RV who(CK_USER_TYPE type, struct view name, struct view pin, struct user_check *ret)
{
	struct user_check check = { .pin = pin, .event = AUDIT_LOGIN };

	/* Said before the PIN is read: the length may be larger than anything that stands there. */
	if (pin.n > TOKEN_PIN_NAMED_MAX && (type == CKU_SO || type == CKU_USER))
		return CKR_PIN_INCORRECT;
	switch (type) {
	case CKU_SO:
		if (name.n > 0)
			return CKR_USER_TYPE_INVALID;
		check.kind = USER_SO;
		break;
	case CKU_USER:
		check.kind = USER_DEFAULT;
		if (name.n > 0) {
			check.kind = USER_CUSTODIAN;
			check.name = user_name_ok(name) ? name : VIEW_STR("-");
		} else if (has_colon(pin)) {
			check.kind = USER_CUSTODIAN;
			/* What is no name is a user who is not there. */
			if (!user_split(pin, &check.name, &check.pin))
				check.name = VIEW_STR("-");
		}
		break;
	default:
		return CKR_USER_TYPE_INVALID;
	}
	*ret = check;
	return CKR_OK;
}

/* whose: the logged-in user, else CKU_USER as C_Login would understand the PIN. */
static CK_RV whose(const struct token_user *user, struct view old, struct user_check *ret)
{
	CK_RV rv = who(user->kind == USER_SO ? CKU_SO : CKU_USER, VIEW(NULL, 0), old, ret);

	ret->event = AUDIT_PIN_SET;
	if (rv != CKR_OK || user->kind == USER_NONE || user->kind == USER_SO)
		return rv;
	if (user->kind == USER_CUSTODIAN && ret->kind == USER_DEFAULT) {
		ret->kind = USER_CUSTODIAN;
		ret->name = view_of_string(user->name);
	}
	if (ret->kind != user->kind || !view_equal(ret->name, view_of_string(user->name)))
		return CKR_PIN_INCORRECT;
	return CKR_OK;
}

/* waiting: the operation that a context-specific login is for; NULL: none. */
static struct op *waiting(const struct session *s)
{
	struct op *found = NULL;

	for (size_t i = 0; i < OP_KINDS; i++) {
		struct op *op = s->ops[i];

		if (op != NULL && op->needs_login && (found == NULL || op->order > found->order))
			found = op;
	}
	return found;
}

/* login_again: CKU_CONTEXT_SPECIFIC. */
static CK_RV login_again(struct session *s, struct view name, struct view pin)
{
	struct token *t = s->token;
	struct op *op = waiting(s);
	struct token_user user;
	struct user_check check;
	CK_RV rv;

	token_user(t, &user);
	if (op == NULL)
		return CKR_OPERATION_NOT_INITIALIZED;
	rv = name.n > 0 ? who(CKU_USER, name, pin, &check) : whose(&user, pin, &check);
	if (rv == CKR_OK && (check.kind != user.kind || !view_equal(check.name, view_of_string(user.name))))
		rv = CKR_PIN_INCORRECT;
	if (rv != CKR_OK)
		return rv == CKR_PIN_INCORRECT ? user_refused(t, user.kind, rv) : rv;
	check.event = AUDIT_LOGIN;
	rv = user_check(t, &check, NULL, NULL);
	if (rv == CKR_OK)
		op->needs_login = false;
	if (rv == CKR_PIN_LOCKED) {
		pthread_mutex_lock(&t->lock);
		token_drop_login(t);
		pthread_mutex_unlock(&t->lock);
	}
	return rv;
}

CK_RV login_token(struct token *t, CK_USER_TYPE type, struct view name, struct view pin)
{
	SECRET_AUTO user_key = { 0 };
	struct user_record record;
	struct user_check check;
	CK_RV rv;

	rv = who(type, name, pin, &check);
	if (rv == CKR_PIN_INCORRECT)
		return user_refused(t, type == CKU_SO ? USER_SO : USER_DEFAULT, rv);
	if (rv != CKR_OK)
		return rv;
	pthread_mutex_lock(&t->lock);
	rv = may_log_in(t, check.kind);
	pthread_mutex_unlock(&t->lock);
	if (rv == CKR_OK)
		rv = user_check(t, &check, &record, &user_key);
	if (rv != CKR_OK)
		return rv;
	pthread_mutex_lock(&t->lock);
	rv = may_log_in(t, check.kind); /* another thread may have been quicker */
	if (rv == CKR_OK)
		rv = token_ring_open(t, &user_key);
	if (rv == CKR_OK)
		t->user = record.user;
	t->policy.read = false;
	pthread_mutex_unlock(&t->lock);
	return rv;
}

CK_RV login_pin(struct session *s, CK_USER_TYPE type, struct view name, struct view pin)
{
	if (type == CKU_CONTEXT_SPECIFIC)
		return login_again(s, name, pin);
	return login_token(s->token, type, name, pin);
}

CK_RV login_logout(struct session *s)
{
	struct token *t = s->token;
	CK_RV rv = CKR_OK;

	session_flush_counts(s);
	pthread_mutex_lock(&t->lock);
	if (t->user.kind == USER_NONE)
		rv = CKR_USER_NOT_LOGGED_IN;
	else
		token_drop_login(t);
	pthread_mutex_unlock(&t->lock);
	return rv;
}

/* drop_components: the waiting components of a custodian, in the transaction that gives the name a new user. */
static CK_RV drop_components(struct token *t, struct store_txn *txn, const char *name)
{
	struct component_list list = { 0 };
	CK_RV rv = object_components_of(t, txn, name, &list);

	for (size_t i = 0; rv == CKR_OK && i < list.len; i++) {
		struct audit_event event = { .number = AUDIT_COMPONENT_DESTROYED,
					     .object = VIEW(list.ids[i], STORE_ID_LEN),
					     .label = view_of_string(name) };

		rv = store_rv(store_object_del(txn, token_sealing(t), list.ids[i]));
		if (rv == CKR_OK)
			rv = token_audit(t, txn, &event);
	}
	component_list_done(&list);
	return rv;
}

/*
 * replace_user: the new record takes the place of the old one of the same kind and name, as long as the token is the
 * one that its key was wrapped for and the SO still its SO.
 */
static CK_RV replace_user(struct session *s, struct user_record *new)
{
	struct token *t = s->token;
	struct audit_event event = { .number = AUDIT_PIN_INIT, .label = view_of_string(new->user.name) };
	struct store_txn *txn = NULL;
	struct user_record old;
	CK_RV rv = object_begin_write(s, &txn);

	if (rv != CKR_OK)
		return rv;
	rv = user_find(t->crypto, txn, new->user.kind, new->user.name, &old);
	if (new->user.kind == USER_CUSTODIAN)
		event.number = rv == CKR_OK ? AUDIT_CUSTODIAN_RESET : AUDIT_CUSTODIAN_CREATED;
	if (rv == CKR_OK)
		rv = store_rv(store_user_del(txn, old.user.id));
	else if (rv == CKR_USER_PIN_NOT_INITIALIZED)
		rv = CKR_OK;
	/* Also for a name that is new: components of a custodian of that name who is gone. */
	if (rv == CKR_OK && new->user.kind == USER_CUSTODIAN)
		rv = drop_components(t, txn, new->user.name);
	if (rv == CKR_OK)
		rv = user_store(t->crypto, txn, new);
	if (rv == CKR_OK)
		rv = token_audit(t, txn, &event);
	if (rv == CKR_OK)
		return store_rv(store_commit(txn));
	store_abort(txn);
	return rv;
}

CK_RV login_init_pin(struct session *s, struct view pin)
{
	struct token *t = s->token;
	struct token_user so;
	struct view name = { 0 };
	SECRET_AUTO user_key = { 0 };
	struct user_record record;
	enum user_kind kind = USER_DEFAULT;
	CK_RV rv;

	token_user(t, &so);
	if (so.kind != USER_SO)
		return CKR_USER_NOT_LOGGED_IN;
	if (pin.n > TOKEN_PIN_NAMED_MAX)
		return CKR_PIN_LEN_RANGE;
	if (has_colon(pin)) {
		if (!user_split(pin, &name, &pin))
			return CKR_PIN_INVALID;
		kind = USER_CUSTODIAN;
	}
	rv = login_pin_length(pin, policy_pin_min(t));
	if (rv == CKR_OK)
		rv = seal_user_key(&t->seal, &user_key);
	if (rv != CKR_OK)
		return rv;
	rv = user_make(t, kind, name, NULL, pin, &user_key, kind == USER_CUSTODIAN ? USER_MUST_CHANGE : 0, &record);
	return rv == CKR_OK ? replace_user(s, &record) : rv;
}

CK_RV login_remove_user(struct session *s, enum user_kind kind, const char *name)
{
	struct token *t = s->token;
	struct audit_event event = { .number = AUDIT_USER_REMOVED, .label = view_of_string(name) };
	struct store_txn *txn = NULL;
	struct user_record r;
	struct token_user so;
	CK_RV rv;

	token_user(t, &so);
	if (so.kind != USER_SO)
		return CKR_USER_NOT_LOGGED_IN;
	rv = object_begin_write(s, &txn);
	if (rv != CKR_OK)
		return rv;
	rv = user_find(t->crypto, txn, kind, name, &r);
	if (rv == CKR_OK)
		rv = store_rv(store_user_del(txn, r.user.id));
	if (rv == CKR_OK && kind == USER_CUSTODIAN)
		rv = drop_components(t, txn, name);
	if (rv == CKR_OK)
		rv = token_audit(t, txn, &event);
	if (rv == CKR_OK)
		return store_rv(store_commit(txn));
	store_abort(txn);
	return rv;
}

/* struct change: C_SetPIN between the check of the old PIN and the transaction that takes the new one. */
struct change {
	struct token *t;
	struct view new;
	struct user_record record;
};

static CK_RV make_changed(void *ctx, const struct user_record *r, const struct secret *user_key)
{
	struct change *change = ctx;

	return user_make(change->t, r->user.kind, view_of_string(r->user.name), r->user.id, change->new, user_key, 0,
			 &change->record);
}

static CK_RV take_changed(void *ctx, struct store_txn *txn, struct user_record *r, const struct secret *user_key)
{
	const struct change *change = ctx;

	*r = change->record;
	return CKR_OK;
}

/* new_pin: the new PIN of this user without its name; refuses what could not be typed at login. */
static CK_RV new_pin(struct token *t, const struct user_check *check, struct view new, struct view *ret)
{
	struct view name, rest;

	if (new.n > TOKEN_PIN_NAMED_MAX)
		return CKR_PIN_LEN_RANGE;
	if (check->kind == USER_DEFAULT && has_colon(new))
		return CKR_PIN_INVALID;
	if (check->kind == USER_CUSTODIAN && has_colon(new)) {
		if (!user_split(new, &name, &rest) || !view_equal(name, check->name))
			return CKR_PIN_INVALID;
		new = rest;
	}
	if (check->kind == USER_CUSTODIAN && view_equal(new, check->pin))
		return CKR_PIN_INVALID;
	*ret = new;
	return login_pin_length(new, policy_pin_min(t));
}

CK_RV login_set_pin(struct session *s, struct view old, struct view new)
{
	struct token *t = s->token;
	struct token_user user;
	struct user_check check;
	struct change change = { .t = t };
	CK_RV rv;

	token_user(t, &user);
	rv = whose(&user, old, &check);
	if (rv == CKR_PIN_INCORRECT)
		return user_refused(t, user.kind != USER_NONE ? user.kind : USER_DEFAULT, rv);
	if (rv == CKR_OK)
		rv = new_pin(t, &check, new, &change.new);
	if (rv != CKR_OK)
		return rv;
	check.before_success = make_changed;
	check.on_success = take_changed;
	check.ctx = &change;
	rv = user_check(t, &check, NULL, NULL);
	if (rv != CKR_OK)
		return rv;
	pthread_mutex_lock(&t->lock);
	if (t->user.kind == change.record.user.kind && memcmp(t->user.id, change.record.user.id, STORE_ID_LEN) == 0)
		t->user.must_change = false;
	pthread_mutex_unlock(&t->lock);
	return CKR_OK;
}
