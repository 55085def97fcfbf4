/* SPDX-License-Identifier: BSD-2-Clause */
#include "payment.h"

#include <string.h>
#include "crypto.h"
#include "module.h"

CK_KEY_TYPE payment_type(const struct key_attrs *a)
{
	if (a->type == FORMAT_KEY_AES)
		return CKK_AES;
	return a->length == 16 ? CKK_DES2 : CKK_DES3;
}

uint8_t payment_wire_type(CK_KEY_TYPE type)
{
	switch (type) {
	case CKK_AES:
		return FORMAT_KEY_AES;
	case CKK_DES2:
	case CKK_DES3:
		return FORMAT_KEY_TDES;
	default:
		return 0;
	}
}

bool payment_key_ok(CK_KEY_TYPE type, struct view key)
{
	return type == CKK_AES || (des_parity_ok(key.p, key.n) && !des_key_weak(key.p, key.n));
}

size_t payment_iv_len(const struct object *kek)
{
	return object_key_type(kek) == CKK_AES ? 0 : FORMAT_IV;
}

size_t payment_wrapped_len(const struct object *kek, size_t key_len)
{
	return key_len + (object_key_type(kek) == CKK_AES ? 8 : 0);
}

CK_RV payment_iv(const struct object *kek, const CK_BYTE *given, CK_ULONG len, uint8_t store[FORMAT_IV],
		 struct view *ret)
{
	size_t want = payment_iv_len(kek);
	CK_RV rv = CKR_OK;

	if (given ? len != want || want == 0 : len != 0)
		return CKR_MECHANISM_PARAM_INVALID;
	if (given)
		memcpy(store, given, want);
	else if (want)
		rv = crypto_random(module_crypto(), store, want);
	if (rv == CKR_OK)
		*ret = VIEW(store, want);
	return rv;
}

CK_RV payment_wrap(const struct object *kek, struct view iv, struct view key, uint8_t *out, size_t *ret_len)
{
	CK_KEY_TYPE type = object_key_type(kek);
	struct view value = object_secret(kek, CKA_VALUE);
	CK_RV rv;

	if (type == CKK_AES)
		rv = crypto_key_wrap(module_crypto(), value, key, out);
	else
		rv = crypto_cbc(module_crypto(), type, value, true, iv.p, key, out);
	if (rv == CKR_OK)
		*ret_len = payment_wrapped_len(kek, key.n);
	return rv;
}

CK_RV payment_unwrap(const struct object *kek, const struct key_attrs *a, struct view wrapped, struct secret *ret)
{
	SECRET_AUTO key = { 0 };
	CK_KEY_TYPE type = object_key_type(kek);
	struct view value = object_secret(kek, CKA_VALUE);
	CK_RV rv;

	if (a->iv.n != payment_iv_len(kek) || wrapped.n != payment_wrapped_len(kek, a->length))
		return CKR_WRAPPED_KEY_INVALID;
	/* Room for what the cipher writes: OpenSSL's unwrap may use as much as it reads. */
	if (!secret_init(&key, FORMAT_WRAPPED_MAX))
		return CKR_HOST_MEMORY;
	if (type == CKK_AES)
		rv = crypto_key_unwrap(module_crypto(), value, wrapped, key.p);
	else
		rv = crypto_cbc(module_crypto(), type, value, false, a->iv.p, wrapped, key.p);
	if (rv != CKR_OK)
		return rv;
	key.len = a->length;
	if (!payment_key_ok(payment_type(a), secret_view(&key)))
		return CKR_WRAPPED_KEY_INVALID;
	secret_move(ret, &key);
	return CKR_OK;
}

CK_RV payment_mac_by(CK_KEY_TYPE type, struct view key, const struct buf *data, uint8_t ret[FORMAT_MAC_MAX],
		     size_t *ret_len)
{
	struct view part = buf_view(data);

	if (!buf_ok(data))
		return CKR_HOST_MEMORY;
	return crypto_cmac(module_crypto(), type, key, &part, 1, ret, ret_len);
}

CK_RV payment_mac(const struct object *key, const struct buf *data, uint8_t ret[FORMAT_MAC_MAX], size_t *ret_len)
{
	return payment_mac_by(object_key_type(key), object_secret(key, CKA_VALUE), data, ret, ret_len);
}

CK_RV payment_mac_check(const struct object *key, const struct buf *data, struct view mac)
{
	uint8_t want[FORMAT_MAC_MAX];
	size_t len = 0;
	CK_RV rv = payment_mac(key, data, want, &len);

	if (rv == CKR_OK && (mac.n != len || !ct_equal(mac.p, want, len)))
		rv = CKR_WRAPPED_KEY_INVALID;
	memory_wipe(want, sizeof(want));
	return rv;
}

CK_RV payment_tk_key(struct session *s, const struct object_make *make, const CK_ATTRIBUTE *t, CK_ULONG n,
		     const struct role_tk *tk, const struct secret *value, struct object **ret)
{
	struct object *o = NULL;
	CK_RV rv = object_new_from(s, make, t, n, &o);

	if (rv == CKR_OK)
		rv = role_set_tk(o, tk);
	if (rv == CKR_OK)
		rv = object_set_secret(o, CKA_VALUE, secret_view(value));
	if (rv == CKR_OK)
		*ret = o;
	else
		object_unref(o);
	return rv;
}

bool payment_pair(const struct object *tek, const struct object *auk)
{
	static const CK_ATTRIBUTE_TYPE same[] = { CKA_SR_COUNTER, CKA_SR_HANDSHAKE, CKA_SR_SIDE, CKA_KEY_TYPE };

	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		if (object_ulong(tek, same[i], 0) != object_ulong(auk, same[i], 0))
			return false;
	}
	return view_equal(object_bytes(tek, CKA_SR_SERIAL_NUMBER), object_bytes(auk, CKA_SR_SERIAL_NUMBER)) &&
	       object_secret(tek, CKA_VALUE).n == object_secret(auk, CKA_VALUE).n;
}

size_t payment_modulus(const struct object *key)
{
	struct view v = object_bytes(key, CKA_MODULUS);

	while (v.n > 0 && v.p[0] == 0) {
		v.p++;
		v.n--;
	}
	return v.n;
}

CK_RV payment_template(const CK_ATTRIBUTE *t, CK_ULONG n, const CK_ATTRIBUTE_TYPE *without, size_t withouts,
		       CK_ATTRIBUTE ret[PAYMENT_TEMPLATE_MAX], CK_ULONG *ret_n)
{
	CK_ULONG kept = 0;

	for (CK_ULONG i = 0; i < n; i++) {
		bool drop = false;

		for (size_t j = 0; j < withouts; j++)
			drop = drop || t[i].type == without[j];
		if (drop)
			continue;
		if (kept == PAYMENT_TEMPLATE_MAX)
			return CKR_TEMPLATE_INCONSISTENT;
		ret[kept++] = t[i];
	}
	*ret_n = kept;
	return CKR_OK;
}
