/* SPDX-License-Identifier: BSD-2-Clause */
/* CKM_SR_TRANSPORT_RSA and CKM_SR_TRANSPORT_AES: keys that services share, from token to token (R1.3, R6.3). */
#include <string.h>
#include <time.h>
#include "audit_own.h"
#include "check_value.h"
#include "component.h"
#include "crypto.h"
#include "dual.h"
#include "key.h"
#include "mech_vendor.h"
#include "module.h"
#include "object_change.h"
#include "payment.h"
#include "role.h"
#include "rsa.h"
#include "session.h"
#include "sr_statement.h"
#include "store_rv.h"
#include "transport_block.h"
#include "vendor_functions.h"

#define DOMAIN "strongroom transport"
#define KTK_TEXT "strongroom transport key"
#define SHA256_LEN 32

static const struct {
	CK_MECHANISM_TYPE mechanism;
	uint8_t method;
} hashes[] = {
	{ CKM_SHA_1, FORMAT_HASH_SHA1 },
	{ CKM_SHA256, FORMAT_HASH_SHA256 },
	{ CKM_SHA384, FORMAT_HASH_SHA384 },
	{ CKM_SHA512, FORMAT_HASH_SHA512 },
};

/* method_of: the method byte; 0: no such hash. */
static uint8_t method_of(const struct mech_row *row, CK_MECHANISM_TYPE hash)
{
	if (row->type == CKM_SR_TRANSPORT_AES)
		return TRANSPORT_UNDER_KTK;
	for (size_t i = 0; i < ARRAY_LEN(hashes); i++)
		if (hashes[i].mechanism == hash)
			return hashes[i].method;
	return 0;
}

static CK_MECHANISM_TYPE hash_of(uint8_t method)
{
	for (size_t i = 0; i < ARRAY_LEN(hashes); i++)
		if (hashes[i].method == method)
			return hashes[i].mechanism;
	return 0;
}

static CK_RV transport_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	const struct sr_transport_params *p = m->pParameter;

	if (p->ulSourceLen != 0 && (p->pSource == NULL || p->hash != 0 || p->ulSourceLen != STATEMENT_INFO_LEN))
		return CKR_MECHANISM_PARAM_INVALID;
	return CKR_OK;
}

const struct mech_param param_transport = { .text = "struct sr_transport_params",
					    .size = sizeof(struct sr_transport_params),
					    .check = transport_check };

static CK_RV sha256(struct view v, uint8_t ret[SHA256_LEN])
{
	return EVP_Digest(v.p, v.n, ret, NULL, module_crypto()->md[CRYPTO_SHA256], NULL) == 1 ? CKR_OK
											      : CKR_GENERAL_ERROR;
}

/* fingerprint: of what a key is wrapped or unwrapped with, as the block has it. */
static CK_RV fingerprint(struct object *key, uint8_t ret[TRANSPORT_RSA_TARGET], size_t *ret_len)
{
	struct view text = VIEW_STR(KTK_TEXT);
	BUF_AUTO info = { 0 };
	CK_RV rv;

	if (object_class(key) == CKO_SECRET_KEY)
		return crypto_cmac(module_crypto(), CKK_AES, object_secret(key, CKA_VALUE), &text, 1, ret, ret_len);
	rv = key_public_info(key, &info);
	if (rv == CKR_OK && (!buf_ok(&info) || info.len == 0))
		rv = CKR_GENERAL_ERROR;
	if (rv == CKR_OK)
		rv = sha256(buf_view(&info), ret);
	if (rv == CKR_OK)
		*ret_len = SHA256_LEN;
	return rv;
}

static void put_hex(struct view v, struct buf *out)
{
	char hex[2 * TRANSPORT_RSA_TARGET + 1];

	hex_encode(v, hex);
	buf_put(out, hex, 2 * v.n);
}

/* told: the label of the audit entry. */
static void told(const struct transport *t, const char *way, struct view other, bool is_text, struct buf *out)
{
	buf_put_view(out, t->label);
	buf_printf(out, " %02X%02X%02X %s ", t->check.value[0], t->check.value[1], t->check.value[2], way);
	if (is_text)
		buf_put_view(out, other);
	else
		put_hex(other, out);
}

/* may_leave: the role travels, the key is the token's own and of today. */
static CK_RV may_leave(const struct mech_row *row, const struct object *wrapping, const struct object *key)
{
	/* Any public key that two custodians approve stands for the public half of a KTR. */
	CK_ULONG wrapper = row->type == CKM_SR_TRANSPORT_RSA ? SR_ROLE_KTR : object_role(wrapping);

	if (!role_carries_cargo(wrapper, row->type, object_role(key)) || object_class(key) != CKO_SECRET_KEY)
		return CKR_KEY_NOT_WRAPPABLE;
	if (!object_bool(key, CKA_TOKEN) || object_bytes(key, CKA_LABEL).n > TRANSPORT_LABEL_MAX)
		return CKR_KEY_NOT_WRAPPABLE;
	return object_bool(key, CKA_SR_RETIRED) ? CKR_KEY_FUNCTION_NOT_PERMITTED : CKR_OK;
}

/* wrap_value: out: FORMAT_RSA_MAX bytes. */
static CK_RV wrap_value(const struct mech_row *row, uint8_t method, struct object *wrapping, const struct object *key,
			uint8_t *out, size_t *ret_len)
{
	struct rsa_oaep p = { .hash = hash_of(method), .mgf = hash_of(method) };
	struct view value = object_secret(key, CKA_VALUE);
	EVP_PKEY *pkey = NULL;
	CK_RV rv;

	if (row->type == CKM_SR_TRANSPORT_AES) {
		*ret_len = value.n + 8;
		return crypto_key_wrap(module_crypto(), object_secret(wrapping, CKA_VALUE), value, out);
	}
	rv = key_pkey(wrapping, &pkey);
	if (rv == CKR_OK)
		rv = rsa_oaep_encrypt(pkey, &p, value, out);
	if (rv == CKR_OK)
		*ret_len = (size_t)EVP_PKEY_get_size(pkey);
	EVP_PKEY_free(pkey);
	return rv;
}

/* leave: approvals used up, entry, signature, in one transaction; then the block is whole. */
static CK_RV leave(struct session *s, const struct object *wrapping, const struct object *key,
		   const struct transport *b, struct buf *block)
{
	/* Custodians know a KTK by its name here, an RSA key by its fingerprint. */
	struct view target = b->method == TRANSPORT_UNDER_KTK ? object_id(wrapping) : b->target;
	AUDIT_KEYS_AUTO keys = { { 0 } };
	uint8_t signature[AUDIT_SIGNATURE_LEN];
	BUF_AUTO subject = { 0 };
	BUF_AUTO label = { 0 };
	struct audit_event event = { .number = AUDIT_TRANSPORT_OUT, .object = object_id(key) };
	struct store_txn *txn = NULL;
	CK_RV rv = object_begin_write(s, &txn);

	if (rv != CKR_OK)
		return rv;
	put_hex(object_id(key), &subject);
	buf_put_view(&subject, VIEW_STR(" to "));
	put_hex(target, &subject);
	told(b, "to", target, false, &label);
	event.label = buf_view(&label);
	if (!buf_ok(&subject) || !buf_ok(&label))
		rv = CKR_HOST_MEMORY;
	if (rv == CKR_OK)
		rv = dual_spend(s, txn, SR_ACTION_TRANSPORT_OUT, buf_view(&subject));
	if (rv == CKR_OK)
		rv = audit_keys_of(s->token, txn, &keys);
	if (rv == CKR_OK)
		rv = audit_sign(s->token->crypto, &keys.statement_private, DOMAIN, s->token->serial, buf_view(block),
				signature);
	if (rv == CKR_OK)
		rv = token_audit(s->token, txn, &event);
	if (rv == CKR_OK)
		rv = store_rv(store_commit(txn));
	else
		store_abort(txn);
	if (rv == CKR_OK)
		buf_put(block, signature, sizeof(signature));
	return rv == CKR_OK && !buf_ok(block) ? CKR_HOST_MEMORY : rv;
}

static CK_RV block_of(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *wrapping,
		      const struct object *key, struct transport *t)
{
	const struct sr_transport_params *p = m->pParameter;
	struct view value = object_secret(key, CKA_VALUE);

	t->method = method_of(row, p->hash);
	if (t->method == 0 || (t->method == TRANSPORT_UNDER_KTK && p->hash != 0) || p->ulSourceLen != 0)
		return CKR_MECHANISM_PARAM_INVALID;
	t->role = (uint8_t)object_role(key);
	t->type = payment_wire_type(object_key_type(key));
	t->length = (uint8_t)value.n;
	t->generation = (uint32_t)role_generation(key, object_role(key));
	t->time = (uint64_t)time(NULL);
	t->serial = VIEW(s->token->serial, STORE_SERIAL_LEN);
	t->key_id = object_id(key);
	t->label = object_bytes(key, CKA_LABEL);
	return check_value_payment(module_crypto(), object_key_type(key), value, &t->check.method, t->check.value);
}

static CK_RV transport_wrap(struct session *s, const struct mech_row *row, const CK_MECHANISM *m,
			    struct object *wrapping, struct object *key, uint8_t *out, CK_ULONG *len)
{
	uint8_t target[TRANSPORT_RSA_TARGET], wrapped[FORMAT_RSA_MAX];
	struct transport t = { 0 };
	BUF_AUTO block = { 0 };
	size_t n = 0;
	CK_ULONG need;
	CK_RV rv = may_leave(row, wrapping, key);

	if (rv == CKR_OK)
		rv = block_of(s, row, m, wrapping, key, &t);
	if (rv == CKR_OK)
		rv = fingerprint(wrapping, target, &n);
	t.target = VIEW(target, n);
	if (rv == CKR_OK)
		rv = wrap_value(row, t.method, wrapping, key, wrapped, &n);
	if (rv != CKR_OK)
		return rv;
	t.wrapped = VIEW(wrapped, n);
	transport_put(&block, &t);
	if (!buf_ok(&block))
		return CKR_GENERAL_ERROR;
	need = block.len + TRANSPORT_SIGNATURE;
	if (out == NULL || *len < need) {
		*len = need;
		return out == NULL ? CKR_OK : CKR_BUFFER_TOO_SMALL;
	}
	rv = leave(s, wrapping, key, &t, &block);
	if (rv != CKR_OK)
		return rv;
	memcpy(out, block.p, block.len);
	*len = block.len;
	return CKR_OK;
}

/* struct arrival: what the checks under the store's write lock need. */
struct arrival {
	const struct transport *t;
	struct object *key;
	struct view subject; /* of the approvals */
};

/* opened: the key bytes, proved by their check value. One answer for every fault. */
static CK_RV opened(const struct transport *t, struct object *unwrapping, struct secret *ret)
{
	const struct key_attrs attrs = { .role = FORMAT_ROLE_TMK, .type = t->type, .length = t->length };
	struct rsa_oaep p = { .hash = hash_of(t->method), .mgf = hash_of(t->method) };
	struct check_value check = { 0 };
	EVP_PKEY *pkey = NULL;
	CK_RV rv;

	if (t->method == TRANSPORT_UNDER_KTK) {
		rv = secret_init(ret, t->length) ? CKR_OK : CKR_HOST_MEMORY;
		if (rv == CKR_OK)
			rv = crypto_key_unwrap(module_crypto(), object_secret(unwrapping, CKA_VALUE), t->wrapped,
					       ret->p);
		ret->len = t->length;
	} else {
		rv = key_pkey(unwrapping, &pkey);
		if (rv == CKR_OK)
			rv = rsa_oaep_decrypt(pkey, &p, t->wrapped, ret);
		EVP_PKEY_free(pkey);
	}
	if (rv == CKR_HOST_MEMORY)
		return rv;
	if (rv != CKR_OK || ret->len != t->length || !payment_key_ok(payment_type(&attrs), secret_view(ret)))
		return CKR_WRAPPED_KEY_INVALID;
	rv = check_value_payment(module_crypto(), payment_type(&attrs), secret_view(ret), &check.method, check.value);
	if (rv == CKR_OK && !ct_equal(check.value, t->check.value, sizeof(check.value)))
		rv = CKR_WRAPPED_KEY_INVALID;
	return rv;
}

/* same_value: parity of DES keys aside. */
static bool same_value(const struct object *a, const struct object *b)
{
	struct view x = object_secret(a, CKA_VALUE), y = object_secret(b, CKA_VALUE);
	uint8_t mask = object_key_type(a) == CKK_AES ? 0xff : 0xfe, difference = 0;

	if (object_key_type(a) != object_key_type(b) || x.n != y.n)
		return false;
	for (size_t i = 0; i < x.n; i++)
		difference |= (uint8_t)((x.p[i] ^ y.p[i]) & mask);
	return difference == 0;
}

/* Beside this key of the same label: another generation of it, and another value. */
static bool fits_beside(const struct arrival *a, const struct object *old)
{
	CK_ULONG generation = role_generation(old, a->t->role);

	return generation > 0 && generation != a->t->generation && !same_value(old, a->key);
}

static CK_RV label_free(struct session *s, const struct arrival *a)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_ULONG role = a->t->role;
	struct view label = a->t->label;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_LABEL, (void *)(uintptr_t)label.p, label.n },
			     { CKA_SR_ROLE, &role, sizeof(role) } };
	struct handles found = { 0 };
	CK_RV rv = object_find(s, t, label.n > 0 ? 2 : 3, &found);

	for (size_t i = 0; rv == CKR_OK && i < found.len; i++) {
		struct object *old = NULL;

		rv = object_get(s, found.p[i], &old);
		if (rv == CKR_OK && !fits_beside(a, old))
			rv = CKR_ACTION_PROHIBITED;
		object_unref(old);
	}
	handles_done(&found);
	return rv;
}

/* alone: no key is there that may not stand beside one of this role (struct role_row, not_beside). */
static CK_RV alone(struct session *s, CK_ULONG role)
{
	const struct role_row *row;
	CK_BBOOL token = CK_TRUE;
	CK_RV rv = CKR_OK;

	for (size_t i = 0; rv == CKR_OK && (row = role_at(i)) != NULL; i++) {
		CK_OBJECT_CLASS class = row->class;
		CK_ULONG other = row->role;
		CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
				     { CKA_TOKEN, &token, sizeof(token) },
				     { CKA_SR_ROLE, &other, sizeof(other) } };
		struct handles found = { 0 };

		if (row->not_beside != role)
			continue;
		rv = object_find(s, t, ARRAY_LEN(t), &found);
		if (rv == CKR_OK && found.len != 0)
			rv = CKR_ACTION_PROHIBITED;
		handles_done(&found);
	}
	return rv;
}

static CK_RV state_fits(struct session *s, void *ctx)
{
	const struct arrival *a = ctx;
	CK_RV rv = label_free(s, a);

	return rv == CKR_OK ? alone(s, a->t->role) : rv;
}

static CK_RV approved(struct session *s, struct store_txn *txn, void *ctx)
{
	const struct arrival *a = ctx;

	return dual_spend_by_one(s, txn, SR_ACTION_TRANSPORT_IN, a->subject);
}

/* arrive: the object of the block's role, label and generation. */
static CK_RV arrive(struct session *s, const struct mech_row *row, const struct transport *t, struct object *unwrapping,
		    const struct secret *value, const CK_ATTRIBUTE *given, CK_ULONG n, struct object **ret)
{
	const struct key_attrs attrs = { .type = t->type, .length = t->length };
	static const CK_ATTRIBUTE_TYPE settled[] = { CKA_LABEL, CKA_VALUE_LEN };
	const CK_ATTRIBUTE *label = template_find(given, n, CKA_LABEL);
	struct object_make make = { .origin = OBJECT_UNWRAPPED,
				    .class = CKO_SECRET_KEY,
				    .key_type = payment_type(&attrs),
				    .mechanism = row->type,
				    .role = t->role };
	CK_ATTRIBUTE rest[PAYMENT_TEMPLATE_MAX + 1];
	CK_ULONG kept = 0, length;
	struct object *o = NULL;
	CK_RV rv;

	if (label != NULL && !view_equal(VIEW(label->pValue, label->ulValueLen), t->label))
		return CKR_TEMPLATE_INCONSISTENT;
	if (template_ulong(given, n, CKA_VALUE_LEN, &length) && length != t->length)
		return CKR_TEMPLATE_INCONSISTENT;
	rv = payment_template(given, n, settled, ARRAY_LEN(settled), rest, &kept);
	if (rv == CKR_OK) {
		rest[kept++] = (CK_ATTRIBUTE){ CKA_LABEL, (void *)(uintptr_t)t->label.p, t->label.n };
		rv = object_new_from(s, &make, rest, kept, &o);
	}
	if (rv == CKR_OK && !object_bool(o, CKA_TOKEN))
		rv = CKR_TEMPLATE_INCONSISTENT;
	if (rv == CKR_OK && t->generation != 0)
		rv = object_set_ulong(o, CKA_SR_GENERATION, t->generation);
	if (rv == CKR_OK)
		rv = object_set_parent(o, unwrapping);
	if (rv == CKR_OK)
		rv = object_set_secret(o, CKA_VALUE, secret_view(value));
	if (rv == CKR_OK)
		*ret = o;
	else
		object_unref(o);
	return rv;
}

/* proved: form, signature of the source that the parameter names, target, role. */
static CK_RV proved(const struct mech_row *row, struct view block, struct view source, struct object *unwrapping,
		    struct transport *t)
{
	uint8_t target[TRANSPORT_RSA_TARGET];
	char serial[STORE_SERIAL_LEN + 1] = { 0 };
	const struct role_row *role;
	struct view covered;
	size_t n = 0;
	CK_RV rv;

	if (source.n == 0 || !statement_info_ok(source))
		return CKR_MECHANISM_PARAM_INVALID;
	if (!transport_parse(block, t, &covered) ||
	    (t->method == TRANSPORT_UNDER_KTK) != (row->type == CKM_SR_TRANSPORT_AES))
		return CKR_WRAPPED_KEY_INVALID;
	memcpy(serial, t->serial.p, STORE_SERIAL_LEN);
	if (!audit_signed(module_crypto(), source.p + source.n - AUDIT_KEY_LEN, DOMAIN, serial, covered, t->signature))
		return CKR_WRAPPED_KEY_INVALID;
	role = role_find(t->role);
	if (role == NULL || !role_carries_cargo(object_role(unwrapping), row->type, t->role) ||
	    (t->generation != 0) != role->generations)
		return CKR_WRAPPED_KEY_INVALID;
	rv = fingerprint(unwrapping, target, &n);
	if (rv == CKR_OK && !view_equal(VIEW(target, n), t->target))
		rv = CKR_WRAPPED_KEY_INVALID;
	return rv;
}

/* subject_in: `BLOCK from SOURCE`. */
static CK_RV subject_in(struct view block, struct view source, struct buf *out)
{
	uint8_t hash[SHA256_LEN];
	CK_RV rv = sha256(block, hash);

	put_hex(VIEW(hash, sizeof(hash)), out);
	buf_put_view(out, VIEW_STR(" from "));
	if (rv == CKR_OK)
		rv = sha256(source, hash);
	put_hex(VIEW(hash, sizeof(hash)), out);
	return rv == CKR_OK && !buf_ok(out) ? CKR_HOST_MEMORY : rv;
}

static CK_RV transport_unwrap(struct session *s, const struct mech_row *row, const CK_MECHANISM *m,
			      struct object *unwrapping, struct view block, const CK_ATTRIBUTE *t, CK_ULONG n,
			      CK_OBJECT_HANDLE *ret)
{
	const struct sr_transport_params *p = m->pParameter;
	CK_ULONG wrapper = row->type == CKM_SR_TRANSPORT_RSA ? SR_ROLE_KTR : SR_ROLE_KTK;
	struct view source = VIEW(p->pSource, p->ulSourceLen);
	struct transport came = { 0 };
	SECRET_AUTO value = { 0 };
	BUF_AUTO subject = { 0 };
	BUF_AUTO label = { 0 };
	struct object *o = NULL;
	CK_RV rv = role_require(unwrapping, wrapper, row->type);

	if (rv == CKR_OK)
		rv = proved(row, block, source, unwrapping, &came);
	if (rv == CKR_OK)
		rv = subject_in(block, source, &subject);
	/* Nobody learns anything of what was not approved, not whether it opens either. */
	if (rv == CKR_OK)
		rv = dual_approved_by_one(s, SR_ACTION_TRANSPORT_IN, buf_view(&subject));
	if (rv == CKR_OK)
		rv = opened(&came, unwrapping, &value);
	if (rv == CKR_OK)
		rv = arrive(s, row, &came, unwrapping, &value, t, n, &o);
	if (rv == CKR_OK) {
		struct arrival arrival = { &came, o, buf_view(&subject) };
		struct object_change change = { .create = &o,
						.creates = 1,
						.check = state_fits,
						.also = approved,
						.ctx = &arrival,
						.event = AUDIT_TRANSPORT_IN };

		told(&came, "from", came.serial, true, &label);
		change.label = buf_view(&label);
		rv = buf_ok(&label) ? object_commit_change(s, &change, ret) : CKR_HOST_MEMORY;
	}
	object_unref(o);
	return rv;
}

const struct mech_ops mech_transport_ops = { .wrap = transport_wrap, .unwrap = transport_unwrap };
