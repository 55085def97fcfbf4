/* SPDX-License-Identifier: BSD-2-Clause */
#include "object_own.h"

#include <stdlib.h>
#include <string.h>

#include "check_value.h"
#include "crypto.h"
#include "dual.h"
#include "key.h"
#include "object_attr.h"
#include "object_change.h"
#include "object_index.h"
#include "policy.h"
#include "store_rv.h"
#include "user.h"
#include "vendor_functions.h"

CK_RV object_begin_write(struct session *s, struct store_txn **ret)
{
	struct token *t = s->token;
	struct token_record record;
	struct store_txn *txn = NULL;
	struct view v;
	CK_RV rv = store_rv(store_begin(token_store(t), true, &txn));

	if (rv != CKR_OK)
		return rv;
	rv = token_record_load(t->crypto, txn, &record);
	if (rv == CKR_OK) {
		pthread_mutex_lock(&t->lock);
		if (memcmp(record.generation, t->generation, sizeof(record.generation)) != 0)
			rv = CKR_DEVICE_REMOVED; /* initialised anew by another process */
		else if (t->user.kind != USER_NONE && store_user_get(txn, t->user.id, &v) != STORE_OK)
			rv = CKR_USER_NOT_LOGGED_IN; /* set anew by the SO in another process */
		else
			rv = token_ring_sync(t, txn, true);
		pthread_mutex_unlock(&t->lock);
	}
	if (rv == CKR_OK)
		*ret = txn;
	else
		store_abort(txn);
	return rv;
}

static bool is_key(const struct object *o)
{
	CK_OBJECT_CLASS class = object_class(o);

	return class == CKO_SECRET_KEY || class == CKO_PRIVATE_KEY || class == CKO_PUBLIC_KEY;
}

/* agreed: a value that follows from the object: is put in when absent or, with fill_empty, empty; else it must be
 * right. */
static CK_RV agreed(struct object *o, CK_ATTRIBUTE_TYPE type, struct view right, bool fill_empty)
{
	struct view given = object_bytes(o, type);

	if (!object_has(o, type) || (fill_empty && given.n == 0))
		return object_set_bytes(o, type, right);
	return given.n == 0 || view_equal(given, right) ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
}

/* settle_secret: CKA_VALUE_LEN and CKA_CHECK_VALUE of a secret key. An empty check value stays empty. */
static CK_RV settle_secret(const struct token *t, struct object *o)
{
	struct view value = object_secret(o, CKA_VALUE);
	uint8_t check[CHECK_VALUE_LEN];
	CK_RV rv;

	if (value.n == 0)
		return CKR_GENERAL_ERROR;
	rv = object_set_ulong(o, CKA_VALUE_LEN, value.n);
	if (rv == CKR_OK)
		rv = check_value_pkcs11(t->crypto, object_key_type(o), value, check);
	return rv == CKR_OK ? agreed(o, CKA_CHECK_VALUE, VIEW(check, sizeof(check)), false) : rv;
}

static CK_RV settle_certificate(const struct token *t, struct object *o)
{
	struct view value = object_bytes(o, CKA_VALUE);
	uint8_t check[CHECK_VALUE_LEN];
	CK_RV rv;

	if (value.n == 0) /* it is elsewhere (CKA_URL) */
		return agreed(o, CKA_CHECK_VALUE, VIEW(NULL, 0), false);
	rv = check_value_certificate(t->crypto, value, check);
	return rv == CKR_OK ? agreed(o, CKA_CHECK_VALUE, VIEW(check, sizeof(check)), false) : rv;
}

/* settle_bits: the length of a number beside it, where the object has such an attribute. */
static CK_RV settle_bits(struct object *o, CK_ATTRIBUTE_TYPE bits, CK_ATTRIBUTE_TYPE number)
{
	CK_ULONG n = key_bit_length(object_bytes(o, number));

	if (attr_row_of(o, bits) == NULL)
		return CKR_OK;
	return n > 0 ? object_set_ulong(o, bits, n) : CKR_ATTRIBUTE_VALUE_INVALID;
}

/* settle_pair: CKA_PUBLIC_KEY_INFO; CKA_MODULUS_BITS of a public key. */
static CK_RV settle_pair(struct object *o)
{
	BUF_AUTO info = { 0 };
	CK_RV rv = settle_bits(o, CKA_MODULUS_BITS, CKA_MODULUS);

	if (rv == CKR_OK)
		rv = key_public_info(o, &info);
	return rv == CKR_OK ? agreed(o, CKA_PUBLIC_KEY_INFO, buf_view(&info), true) : rv;
}

/* check_trust: known kinds of trust; trust in something names its hash. */
static CK_RV check_trust(const struct object *o)
{
	bool trusts = false;

	for (CK_ATTRIBUTE_TYPE type = CKA_TRUST_SERVER_AUTH; type <= CKA_TRUST_OCSP_SIGNING; type++) {
		CK_ULONG trust = object_ulong(o, type, CKT_TRUST_UNKNOWN);

		if (trust > CKT_TRUST_MUST_VERIFY_TRUST)
			return CKR_ATTRIBUTE_VALUE_INVALID;
		trusts = trusts || (trust != CKT_TRUST_UNKNOWN && trust != CKT_NOT_TRUSTED);
	}
	return trusts && object_bytes(o, CKA_HASH_OF_CERTIFICATE).n == 0 ? CKR_TEMPLATE_INCOMPLETE : CKR_OK;
}

CK_RV object_settle(const struct token *t, struct object *o)
{
	CK_RV rv;

	switch (object_class(o)) {
	case CKO_SECRET_KEY:
		return settle_secret(t, o);
	case CKO_CERTIFICATE:
		return settle_certificate(t, o);
	case CKO_PUBLIC_KEY:
	case CKO_PRIVATE_KEY:
		return settle_pair(o);
	case CKO_TRUST:
		return check_trust(o);
	case CKO_DOMAIN_PARAMETERS:
		rv = settle_bits(o, CKA_PRIME_BITS, CKA_PRIME);
		return rv == CKR_OK ? settle_bits(o, CKA_SUBPRIME_BITS, CKA_SUBPRIME) : rv;
	default:
		return CKR_OK;
	}
}

CK_RV object_finish(const struct token *t, struct object *o)
{
	char hex[2 * STORE_ID_LEN + 1];
	CK_RV rv = crypto_random(t->crypto, o->id, sizeof(o->id));

	if (rv != CKR_OK)
		return rv;
	hex_encode(object_id(o), hex);
	rv = object_set_bytes(o, CKA_UNIQUE_ID, VIEW(hex, 2 * STORE_ID_LEN));
	return rv == CKR_OK ? object_settle(t, o) : rv;
}

CK_RV object_put_sealed(const struct store_crypto *crypto, struct store_txn *txn, const struct object *o)
{
	BUF_AUTO body = { 0 };
	SECRET_AUTO hidden = { 0 };
	struct index_room room = { 0 };
	struct store_object record = { .private = object_bool(o, CKA_PRIVATE) };
	CK_RV rv = object_encode_open(o, &body);

	if (rv == CKR_OK)
		rv = object_encode_hidden(o, &hidden);
	if (rv == CKR_OK)
		rv = object_index(o, &room, &record);
	if (rv == CKR_OK) {
		memcpy(record.id, o->id, sizeof(record.id));
		record.body = buf_view(&body);
		record.secret = secret_view(&hidden);
		rv = store_rv(store_object_put(txn, crypto, &record));
	}
	index_room_done(&room);
	return rv;
}

CK_RV object_put(struct token *t, struct store_txn *txn, const struct object *o)
{
	return object_put_sealed(token_sealing(t), txn, o);
}

CK_RV object_audit(struct token *t, struct store_txn *txn, const struct object *o, enum audit_number number)
{
	struct audit_event event = { .number = number, .object = object_id(o), .label = object_bytes(o, CKA_LABEL) };

	return is_key(o) ? token_audit(t, txn, &event) : CKR_OK;
}

/* check_new: what speaks against one of the new objects, as the transaction stands. */
static CK_RV check_new(struct session *s, struct object *o)
{
	return o->check != NULL ? o->check(s, o) : CKR_OK;
}

/* put_new: each is checked against what there is and those before it. */
static CK_RV put_new(struct session *s, struct store_txn *txn, const struct object_change *c)
{
	struct token *t = s->token;
	CK_RV rv = CKR_OK;

	for (size_t i = 0; rv == CKR_OK && i < c->creates; i++) {
		struct object *o = c->create[i];

		rv = check_new(s, o);
		if (rv != CKR_OK || !object_bool(o, CKA_TOKEN))
			continue;
		rv = object_put(t, txn, o);
		if (rv == CKR_OK && c->event == AUDIT_NONE)
			rv = object_audit(t, txn, o, o->event != AUDIT_NONE ? o->event : AUDIT_KEY_CREATED);
	}
	return rv;
}

static CK_RV del_old(struct token *t, struct store_txn *txn, const struct object_change *c)
{
	CK_RV rv = CKR_OK;

	for (size_t i = 0; rv == CKR_OK && i < c->destroys; i++) {
		const struct object *o = c->destroy[i];

		if (!object_bool(o, CKA_TOKEN))
			continue;
		rv = store_rv(store_object_del(txn, token_sealing(t), o->id));
		if (rv == CKR_OK && c->event == AUDIT_NONE)
			rv = object_audit(t, txn, o,
					  object_role(o) == SR_ROLE_COMPONENT ? AUDIT_COMPONENT_DESTROYED
									      : AUDIT_KEY_DESTROYED);
	}
	return rv;
}

/* run_checks: of a change that stores nothing. */
static CK_RV run_checks(struct session *s, const struct object_change *c)
{
	CK_RV rv = c->check != NULL ? c->check(s, c->ctx) : CKR_OK;

	for (size_t i = 0; rv == CKR_OK && i < c->creates; i++)
		rv = check_new(s, c->create[i]);
	return rv;
}

/* write_change: the store's part, in one transaction. */
static CK_RV write_change(struct session *s, const struct object_change *c)
{
	struct audit_event event = { .number = c->event, .label = c->label };
	struct store_txn *txn = NULL;
	CK_RV rv = object_begin_write(s, &txn);

	if (rv != CKR_OK)
		return rv;
	if (c->event != AUDIT_NONE && c->creates > 0)
		event.object = object_id(c->create[0]);
	rv = c->check != NULL ? c->check(s, c->ctx) : CKR_OK;
	if (rv == CKR_OK && c->also != NULL)
		rv = c->also(s, txn, c->ctx);
	if (rv == CKR_OK)
		rv = put_new(s, txn, c);
	if (rv == CKR_OK)
		rv = del_old(s->token, txn, c);
	if (rv == CKR_OK && c->event != AUDIT_NONE)
		rv = token_audit(s->token, txn, &event);
	if (rv == CKR_OK)
		return store_rv(store_commit(txn));
	store_abort(txn);
	return rv;
}

/* add_entries: handles for the new objects, before they are stored, so that nothing can fail afterwards. */
static CK_RV add_entries(struct session *s, const struct object_change *c, CK_OBJECT_HANDLE *handles)
{
	struct token *t = s->token;
	CK_RV rv = CKR_OK;

	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; rv == CKR_OK && i < c->creates; i++) {
		struct object *o = c->create[i];
		struct entry *entry;

		/* Another thread may have logged out since; what is private ends with the login. */
		if (!object_visible(&t->user, o)) {
			rv = CKR_USER_NOT_LOGGED_IN;
			break;
		}
		entry = entry_add(&t->entries, o->id, object_bool(o, CKA_TOKEN));
		if (entry == NULL) {
			rv = CKR_HOST_MEMORY;
			break;
		}
		handles[i] = entry->handle;
		entry->private = object_bool(o, CKA_PRIVATE);
		entry->owner = entry->stored ? 0 : s->handle;
		if (!entry->stored)
			entry_cache(&t->entries, entry, o, 0);
	}
	pthread_mutex_unlock(&t->lock);
	return rv;
}

static void drop_entries(struct token *t, struct object *const *objects, size_t n)
{
	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < n; i++) {
		struct entry *entry = entry_by_id(&t->entries, objects[i]->id);

		if (entry != NULL)
			entry_drop(&t->entries, entry);
	}
	pthread_mutex_unlock(&t->lock);
}

/* concerns_store: does the change touch token objects? Those need a R/W session. */
static bool concerns_store(const struct object_change *c)
{
	for (size_t i = 0; i < c->creates; i++)
		if (object_bool(c->create[i], CKA_TOKEN))
			return true;
	for (size_t i = 0; i < c->destroys; i++)
		if (object_bool(c->destroy[i], CKA_TOKEN))
			return true;
	return false;
}

/* mark_pair: two halves that are made together know what the other one may do. */
static CK_RV mark_pair(const struct object_change *c)
{
	if (c->creates != 2 || !object_bool(c->create[1], CKA_LOCAL) || object_class(c->create[0]) != CKO_PUBLIC_KEY ||
	    object_class(c->create[1]) != CKO_PRIVATE_KEY || object_role(c->create[1]) != 0)
		return CKR_OK;
	return policy_on_pair(c->create[0], c->create[1]);
}

CK_RV object_commit_change(struct session *s, const struct object_change *c, CK_OBJECT_HANDLE *ret_handles)
{
	struct token *t = s->token;
	bool stored = concerns_store(c);
	CK_OBJECT_HANDLE *handles = calloc(c->creates + 1, sizeof(*handles));
	CK_RV rv = handles != NULL ? CKR_OK : CKR_HOST_MEMORY;

	if (rv == CKR_OK && stored && !s->rw)
		rv = CKR_SESSION_READ_ONLY;
	for (size_t i = 0; rv == CKR_OK && i < c->creates; i++) {
		/* Trust in what has no name yet cannot have been approved: it is made, then trusted. */
		if (object_bool(c->create[i], CKA_TRUSTED))
			rv = dual_refuses(s, SR_ACTION_TRUST);
		if (rv == CKR_OK)
			rv = object_finish(t, c->create[i]);
	}
	if (rv == CKR_OK)
		rv = mark_pair(c);
	if (rv != CKR_OK) {
		free(handles);
		return rv;
	}
	rv = add_entries(s, c, handles);
	if (rv == CKR_OK)
		rv = stored ? write_change(s, c) : run_checks(s, c);
	if (rv == CKR_OK) {
		drop_entries(t, c->destroy, c->destroys);
		if (ret_handles != NULL)
			memcpy(ret_handles, handles, c->creates * sizeof(*handles));
	} else {
		drop_entries(t, c->create, c->creates);
	}
	free(handles);
	return rv;
}

CK_RV object_commit(struct session *s, struct object *o, CK_OBJECT_HANDLE *ret)
{
	struct object *const create[] = { o };
	struct object_change c = { .create = create, .creates = 1 };

	return object_commit_change(s, &c, ret);
}
