/* SPDX-License-Identifier: BSD-2-Clause */
#include "object_change.h"

#include <string.h>

#include "dual.h"
#include "object_attr.h"
#include "object_own.h"
#include "policy.h"
#include "role.h"
#include "store_rv.h"
#include "vendor_functions.h"

CK_RV object_create(struct session *s, const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	const struct object_make make = { .origin = OBJECT_CREATED, .class = OBJECT_ANY, .key_type = OBJECT_ANY };
	struct object *o = NULL;
	CK_RV rv;

	if (ret == NULL)
		return CKR_ARGUMENTS_BAD;
	rv = object_new_from(s, &make, t, n, &o);
	if (rv == CKR_OK)
		rv = object_commit(s, o, ret);
	object_unref(o);
	return rv;
}

/* one_way: is the change from the old to the new boolean in a direction that the row allows? */
static bool one_way(const struct attr_row *row, struct view old, struct view new)
{
	if (view_equal(old, new))
		return true;
	if (row->rules & ATTR_TO_TRUE)
		return new.n == 1 && new.p[0] == 1;
	if (row->rules & ATTR_TO_FALSE)
		return new.n == 1 && new.p[0] == 0;
	return true;
}

/* widens: would a copy of an object that nobody may change get a usage that it has not? */
static bool widens(const struct attr_row *row, const struct object *o, struct view new)
{
	return (row->rules & ATTR_USE) && !object_bool(o, CKA_MODIFIABLE) && !object_bool(o, row->type) &&
	       new.p[0] == CK_TRUE;
}

/* apply: the template's attributes, each allowed by rule (ATTR_SET or ATTR_SET | ATTR_COPY), into an uncommitted
 * object. */
static CK_RV apply(struct session *s, struct object *o, const CK_ATTRIBUTE *t, CK_ULONG n, unsigned rule)
{
	struct token_user user;

	session_user(s, &user);
	for (CK_ULONG i = 0; i < n; i++) {
		const struct attr_row *row = attr_row_of(o, t[i].type);
		BUF_AUTO value = { 0 };
		CK_RV rv;

		if (row == NULL)
			return CKR_ATTRIBUTE_TYPE_INVALID;
		if ((row->rules & rule) == 0)
			return CKR_ATTRIBUTE_READ_ONLY;
		rv = attr_import(row, &t[i], &value);
		if (rv != CKR_OK)
			return rv;
		if (!one_way(row, object_bytes(o, t[i].type), buf_view(&value)))
			return CKR_ATTRIBUTE_READ_ONLY;
		if (widens(row, o, buf_view(&value)))
			return CKR_ATTRIBUTE_READ_ONLY;
		if ((row->rules & ATTR_SO) && value.p[0] == 1 && user.kind != USER_SO)
			return CKR_ATTRIBUTE_READ_ONLY;
		rv = object_set_bytes(o, t[i].type, buf_view(&value));
		if (rv != CKR_OK)
			return rv;
	}
	return CKR_OK;
}

static bool is_so(struct session *s)
{
	struct token_user user;

	session_user(s, &user);
	return user.kind == USER_SO;
}

/* so_may_destroy: of private keys the SO destroys components alone. */
static bool so_may_destroy(struct session *s, const struct object *o)
{
	return !is_so(s) || !object_bool(o, CKA_PRIVATE) || object_role(o) == SR_ROLE_COMPONENT;
}

CK_RV object_copy(struct session *s, CK_OBJECT_HANDLE from, const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	struct object *o = NULL;
	struct object *copy = NULL;
	CK_RV rv = template_form(t, n);

	if (rv == CKR_OK && ret == NULL)
		rv = CKR_ARGUMENTS_BAD;
	if (rv == CKR_OK && from == POLICY_HANDLE)
		rv = CKR_ACTION_PROHIBITED;
	if (rv == CKR_OK)
		rv = object_fetch(s, from, FETCH_ALL, &o);
	if (rv == CKR_OK && !object_bool(o, CKA_COPYABLE))
		rv = CKR_ACTION_PROHIBITED;
	if (rv == CKR_OK)
		rv = role_on_copy(s, o, t, n);
	if (rv == CKR_OK)
		rv = object_clone(o, &copy);
	/* The SO trusted that object, not what others make of it. */
	if (rv == CKR_OK && object_bool(copy, CKA_TRUSTED) && !is_so(s))
		rv = object_set_bool(copy, CKA_TRUSTED, false);
	if (rv == CKR_OK)
		rv = apply(s, copy, t, n, ATTR_SET | ATTR_COPY);
	if (rv == CKR_OK)
		rv = policy_on_change(s, o, copy);
	if (rv == CKR_OK && object_bool(copy, CKA_TOKEN) && !s->rw)
		rv = CKR_SESSION_READ_ONLY;
	if (rv == CKR_OK && object_bool(copy, CKA_PRIVATE) && !session_sees_private(s))
		rv = CKR_USER_NOT_LOGGED_IN;
	if (rv == CKR_OK && (object_class(o) == CKO_SECRET_KEY || object_class(o) == CKO_PRIVATE_KEY))
		rv = object_set_parent(copy, o); /* whoever knows the one knows the other */
	/* A copy in a session would leave without anybody's approval. */
	if (rv == CKR_OK && object_bool(o, CKA_TOKEN) && !object_bool(copy, CKA_TOKEN) &&
	    object_bool(copy, CKA_EXTRACTABLE))
		rv = dual_refuses(s, SR_ACTION_EXPORT);
	if (rv == CKR_OK)
		rv = object_commit(s, copy, ret);
	object_unref(copy);
	object_unref(o);
	return rv;
}

CK_RV object_destroy(struct session *s, CK_OBJECT_HANDLE handle)
{
	struct object *o = NULL;
	struct object_change change = { .destroy = &o, .destroys = 1 };
	CK_RV rv = handle == POLICY_HANDLE ? CKR_ACTION_PROHIBITED : object_fetch(s, handle, FETCH_OPEN, &o);

	if (rv == CKR_OK && object_bool(o, CKA_TOKEN) && !s->rw)
		rv = CKR_SESSION_READ_ONLY;
	if (rv == CKR_OK && !object_bool(o, CKA_DESTROYABLE))
		rv = CKR_ACTION_PROHIBITED;
	if (rv == CKR_OK && !so_may_destroy(s, o))
		rv = CKR_USER_NOT_LOGGED_IN;
	if (rv == CKR_OK)
		rv = role_on_destroy(s, o);
	if (rv == CKR_OK)
		rv = object_commit_change(s, &change, NULL);
	object_unref(o);
	return rv;
}

CK_RV object_size(struct session *s, CK_OBJECT_HANDLE handle, CK_ULONG *ret)
{
	struct object *o = NULL;
	CK_ULONG size = 0;
	CK_RV rv;

	if (ret == NULL)
		return CKR_ARGUMENTS_BAD;
	rv = object_fetch(s, handle, FETCH_TRY, &o);
	if (rv != CKR_OK)
		return rv;
	for (size_t i = 0; i < o->count; i++)
		size += 8 + (o->attrs[i].hidden ? o->attrs[i].secret.len : o->attrs[i].n);
	object_unref(o);
	*ret = size;
	return CKR_OK;
}

/* reveal: may this attribute's value be shown? */
static bool reveal(const struct object *o, const struct attr_row *row)
{
	if ((row->rules & ATTR_SENSITIVE) == 0)
		return true;
	return !object_bool(o, CKA_SENSITIVE) && object_bool(o, CKA_EXTRACTABLE);
}

static CK_RV get_one(const struct object *o, CK_ATTRIBUTE *a)
{
	const struct attr_row *row = attr_row_of(o, a->type);
	const struct attr *have = object_attr(o, a->type);
	BUF_AUTO fallback = { 0 };
	struct view value;
	size_t n;
	CK_RV rv = CKR_OK;

	if (row == NULL || (have == NULL && (row->rules & ATTR_ABSENT))) {
		a->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return CKR_ATTRIBUTE_TYPE_INVALID;
	}
	if (!reveal(o, row)) {
		a->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return CKR_ATTRIBUTE_SENSITIVE;
	}
	if (have == NULL && (row->rules & ATTR_SENSITIVE)) {
		a->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return CKR_USER_NOT_LOGGED_IN; /* a public key object whose value is sealed */
	}
	value = object_secret(o, a->type);
	if (have == NULL && attr_default(row, &fallback))
		value = buf_view(&fallback);
	n = attr_export_len(row, value);
	if (a->pValue != NULL && a->ulValueLen < n) {
		a->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return CKR_BUFFER_TOO_SMALL;
	}
	if (a->pValue != NULL)
		rv = attr_export(row, value, a->pValue);
	a->ulValueLen = n;
	return rv;
}

/* is_secret: a key whose value is nobody's business. */
static bool is_secret(const struct object *o)
{
	return object_class(o) == CKO_SECRET_KEY || object_class(o) == CKO_PRIVATE_KEY;
}

CK_RV object_get_values(struct session *s, CK_OBJECT_HANDLE handle, CK_ATTRIBUTE *t, CK_ULONG n)
{
	struct object *o = NULL;
	bool shows = false;
	CK_RV rv;

	if (t == NULL)
		return CKR_ARGUMENTS_BAD;
	if (handle == POLICY_HANDLE)
		return policy_object_get(s, t, n);
	rv = object_fetch(s, handle, FETCH_OPEN, &o);
	for (CK_ULONG i = 0; rv == CKR_OK && i < n; i++) {
		const struct attr_row *row = attr_row_of(o, t[i].type);

		/* Values of keys are opened only for those who may read them. */
		if (row == NULL || !(row->rules & ATTR_SENSITIVE) || !reveal(o, row))
			continue;
		object_unref(o);
		o = NULL;
		rv = object_fetch(s, handle, FETCH_TRY, &o);
		shows = rv == CKR_OK && is_secret(o) && object_bool(o, CKA_TOKEN);
		break;
	}
	if (rv == CKR_OK && shows)
		rv = session_may_count(s);
	if (rv != CKR_OK) {
		object_unref(o);
		return rv;
	}
	for (CK_ULONG i = 0; i < n; i++) {
		CK_RV one = get_one(o, &t[i]);

		if (one != CKR_OK && (rv == CKR_OK || one == CKR_ATTRIBUTE_SENSITIVE))
			rv = one;
	}
	if (shows)
		session_count(s, AUDIT_VALUE_READ, o);
	object_unref(o);
	return rv;
}

/* follows: does the template touch what must agree with the rest of the object? */
static bool follows(const struct object *o, const CK_ATTRIBUTE *t, CK_ULONG n)
{
	return object_class(o) == CKO_TRUST || template_find(t, n, CKA_CHECK_VALUE) != NULL ||
	       template_find(t, n, CKA_PUBLIC_KEY_INFO) != NULL;
}

/* trusts_more: does the SO trust the object from now on? */
static bool trusts_more(const struct object *old, const struct object *new)
{
	return object_bool(new, CKA_TRUSTED) && !object_bool(old, CKA_TRUSTED);
}

/* trust_stored: in the transaction of the change; two custodians may have to approve it. */
static CK_RV trust_stored(struct session *s, struct store_txn *txn, const struct object *o)
{
	BUF_AUTO subject = { 0 };

	dual_subject_object(o, &subject);
	return buf_ok(&subject) ? dual_spend(s, txn, SR_ACTION_TRUST, buf_view(&subject)) : CKR_HOST_MEMORY;
}

/* changed: what the object will be; all that speaks against it is said here. */
static CK_RV changed(struct session *s, const struct object *o, const CK_ATTRIBUTE *t, CK_ULONG n, struct object **ret)
{
	struct object *copy = NULL;
	CK_RV rv = CKR_OK;

	if (object_bool(o, CKA_TOKEN) && !s->rw)
		return CKR_SESSION_READ_ONLY;
	if (!object_bool(o, CKA_MODIFIABLE))
		return CKR_ACTION_PROHIBITED;
	/* What the SO trusts is changed by nobody else; what is private by its user, but for the SO's trust in it. */
	if (object_bool(o, CKA_TRUSTED) && !is_so(s))
		return CKR_ACTION_PROHIBITED;
	if (object_bool(o, CKA_PRIVATE) && is_so(s) && (n != 1 || t[0].type != CKA_TRUSTED))
		return CKR_USER_NOT_LOGGED_IN;
	rv = role_on_set(s, o, t, n);
	if (rv == CKR_OK)
		rv = object_clone(o, &copy);
	if (rv == CKR_OK)
		rv = apply(s, copy, t, n, ATTR_SET);
	if (rv == CKR_OK && follows(copy, t, n))
		rv = object_settle(s->token, copy);
	if (rv == CKR_OK)
		rv = policy_on_change(s, o, copy);
	if (rv == CKR_OK)
		*ret = copy;
	else
		object_unref(copy);
	return rv;
}

/*
 * set_stored: read, change and write under the store's write lock. The object is read with its values, which are sealed
 * anew with the record's next version; nobody else gets to hold them.
 */
static CK_RV set_stored(struct session *s, const uint8_t id[STORE_ID_LEN], const CK_ATTRIBUTE *t, CK_ULONG n)
{
	struct store_txn *txn = NULL;
	struct object *o = NULL;
	struct object *new = NULL;
	CK_RV rv = object_begin_write(s, &txn);

	if (rv != CKR_OK)
		return rv;
	rv = object_load(txn, token_sealing(s->token), id, true, &o);
	if (rv == CKR_OK)
		rv = changed(s, o, t, n, &new);
	if (rv == CKR_OK && trusts_more(o, new))
		rv = trust_stored(s, txn, o);
	if (rv == CKR_OK)
		rv = object_put(s->token, txn, new);
	if (rv == CKR_OK)
		rv = object_audit(s->token, txn, new, AUDIT_KEY_CHANGED);
	if (rv == CKR_OK)
		rv = store_rv(store_commit(txn));
	else
		store_abort(txn);
	object_unref(new);
	object_unref(o);
	return rv;
}

/* retire: in the transaction; the value is sealed anew with the record's next version, and nobody gets to hold it. */
static CK_RV retire(struct session *s, struct store_txn *txn, const uint8_t id[STORE_ID_LEN])
{
	const struct role_row *row;
	struct object *o = NULL;
	struct object *new = NULL;
	CK_RV rv = object_load(txn, token_sealing(s->token), id, true, &o);

	if (rv != CKR_OK)
		return rv;
	row = role_find(object_role(o));
	if (row == NULL || !row->generations)
		rv = CKR_KEY_FUNCTION_NOT_PERMITTED;
	if (rv == CKR_OK)
		rv = object_clone(o, &new);
	if (rv == CKR_OK)
		rv = object_set_bool(new, CKA_SR_RETIRED, true);
	/* A storage key stays with the token as long as it makes; what it made may be under the next one by now. */
	if (rv == CKR_OK && row->stays)
		rv = object_set_bool(new, CKA_DESTROYABLE, true);
	if (rv == CKR_OK)
		rv = object_put(s->token, txn, new);
	if (rv == CKR_OK)
		rv = object_audit(s->token, txn, new, AUDIT_KEY_RETIRED);
	object_unref(new);
	object_unref(o);
	return rv;
}

CK_RV object_retire(struct session *s, CK_OBJECT_HANDLE handle)
{
	struct store_txn *txn = NULL;
	struct object *o = NULL;
	CK_RV rv;

	if (!is_so(s))
		return session_sees_private(s) ? CKR_ACTION_PROHIBITED : CKR_USER_NOT_LOGGED_IN;
	if (!s->rw)
		return CKR_SESSION_READ_ONLY;
	rv = object_fetch(s, handle, FETCH_OPEN, &o);
	if (rv != CKR_OK)
		return rv;
	rv = object_bool(o, CKA_TOKEN) ? object_begin_write(s, &txn) : CKR_KEY_FUNCTION_NOT_PERMITTED;
	if (rv == CKR_OK) {
		rv = retire(s, txn, o->id);
		if (rv == CKR_OK)
			rv = store_rv(store_commit(txn));
		else
			store_abort(txn);
	}
	object_unref(o);
	return rv;
}

static CK_RV set_in_session(struct session *s, CK_OBJECT_HANDLE handle, struct object *o, const CK_ATTRIBUTE *t,
			    CK_ULONG n)
{
	struct token *token = s->token;
	struct object *new = NULL;
	struct entry *entry;
	CK_RV rv = changed(s, o, t, n, &new);

	if (rv == CKR_OK && trusts_more(o, new))
		rv = dual_refuses(s, SR_ACTION_TRUST);
	if (rv != CKR_OK) {
		object_unref(new);
		return rv;
	}
	pthread_mutex_lock(&token->lock);
	entry = entry_by_handle(&token->entries, handle);
	if (entry != NULL)
		entry_cache(&token->entries, entry, new, 0);
	else
		rv = CKR_OBJECT_HANDLE_INVALID;
	pthread_mutex_unlock(&token->lock);
	object_unref(new);
	return rv;
}

CK_RV object_set_values(struct session *s, CK_OBJECT_HANDLE handle, const CK_ATTRIBUTE *t, CK_ULONG n)
{
	struct object *o = NULL;
	CK_RV rv = template_form(t, n);

	if (rv == CKR_OK && n == 0)
		rv = CKR_ARGUMENTS_BAD;
	if (rv == CKR_OK && handle == POLICY_HANDLE)
		return policy_object_set(s, t, n);
	if (rv == CKR_OK)
		rv = object_fetch(s, handle, FETCH_OPEN, &o);
	if (rv != CKR_OK)
		return rv;
	if (object_bool(o, CKA_TOKEN) && s->rw && !object_bool(o, CKA_MODIFIABLE))
		rv = CKR_ACTION_PROHIBITED;
	else if (object_bool(o, CKA_TOKEN))
		rv = s->rw ? set_stored(s, o->id, t, n) : CKR_SESSION_READ_ONLY;
	else
		rv = set_in_session(s, handle, o, t, n);
	object_unref(o);
	return rv;
}
