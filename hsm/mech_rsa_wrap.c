/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_rsa.h"
#include "mech_family.h"
#include "key.h"
#include <stdlib.h>
#include <string.h>

/* Keys under RSA: secret keys directly (OAEP, PKCS#1 v1.5, bare), any key under an AES key that RSA carries. */

static CK_RV encrypt(const struct mech_row *row, const CK_MECHANISM *m, EVP_PKEY *pkey, struct view form, uint8_t *out)
{
	const struct rsa_arg *a = row->arg;
	struct rsa_oaep p;

	if (a->scheme == RSA_SCHEME_PKCS1)
		return rsa_pkcs1_encrypt(pkey, form, out);
	if (a->scheme == RSA_SCHEME_BARE)
		return rsa_raw(pkey, RSA_PUBLIC, form, out);
	p = rsa_oaep_of(m->pParameter);
	return rsa_oaep_encrypt(pkey, &p, form, out);
}

CK_RV rsa_wrap(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *wrapping,
	       struct object *key, uint8_t *out, CK_ULONG *len)
{
	SECRET_AUTO form = { 0 };
	EVP_PKEY *pkey = NULL;
	uint8_t *wrapped = NULL;
	size_t n;
	CK_RV rv;

	if (object_class(key) != CKO_SECRET_KEY)
		return CKR_KEY_NOT_WRAPPABLE;
	rv = key_pkey(wrapping, &pkey);
	if (rv != CKR_OK)
		return rv;
	n = (size_t)EVP_PKEY_get_size(pkey);
	if (out == NULL || *len < n) {
		rv = out == NULL ? CKR_OK : CKR_BUFFER_TOO_SMALL;
		*len = n;
		goto out;
	}
	wrapped = malloc(n);
	rv = wrapped == NULL ? CKR_HOST_MEMORY : mech_wrapped_form(key, &form);
	if (rv == CKR_OK)
		rv = encrypt(row, m, pkey, secret_view(&form), wrapped);
	if (rv == CKR_OK)
		rv = mech_output_put(VIEW(wrapped, n), out, len);
	if (rv == CKR_DATA_LEN_RANGE || rv == CKR_DATA_INVALID)
		rv = CKR_KEY_SIZE_RANGE;
out:
	free(wrapped);
	EVP_PKEY_free(pkey);
	return rv;
}

/* length_wanted: what the template says of the length of a secret key; false: nothing. */
static bool length_wanted(const struct object *o, const CK_ATTRIBUTE *t, CK_ULONG n, struct rsa_want *ret)
{
	const struct key_kind *k = key_kind(object_key_type(o));
	CK_ULONG asked = 0;

	if (object_class(o) != CKO_SECRET_KEY)
		return false;
	if (k->min == k->max)
		*ret = (struct rsa_want){ .len = k->min, .parity = k->des };
	else if (template_ulong(t, n, CKA_VALUE_LEN, &asked))
		*ret = (struct rsa_want){ .len = asked };
	else
		return false;
	return true;
}

/* decrypt_bare: zeroes, then the key. */
static CK_RV decrypt_bare(EVP_PKEY *pkey, struct view wrapped, const struct rsa_want *want, struct secret *ret)
{
	SECRET_AUTO plain = { 0 };
	uint8_t rest = 0;
	CK_RV rv;

	if (want == NULL)
		return CKR_TEMPLATE_INCOMPLETE;
	if (want->len > wrapped.n)
		return CKR_KEY_SIZE_RANGE;
	if (!secret_init(&plain, wrapped.n))
		return CKR_HOST_MEMORY;
	rv = rsa_raw(pkey, RSA_PRIVATE, wrapped, plain.p);
	if (rv != CKR_OK)
		return rv;
	for (size_t i = 0; i < wrapped.n - want->len; i++)
		rest |= plain.p[i];
	if (rest != 0)
		return CKR_WRAPPED_KEY_INVALID;
	memmove(plain.p, plain.p + (wrapped.n - want->len), want->len);
	plain.len = want->len;
	secret_move(ret, &plain);
	return CKR_OK;
}

static CK_RV decrypt(const struct mech_row *row, const CK_MECHANISM *m, const struct object *key, EVP_PKEY *pkey,
		     struct view wrapped, const struct rsa_want *want, struct secret *ret)
{
	const struct rsa_arg *a = row->arg;
	SECRET_AUTO reject = { 0 };
	struct rsa_oaep p;
	CK_RV rv;

	if (a->scheme == RSA_SCHEME_BARE)
		return decrypt_bare(pkey, wrapped, want, ret);
	if (a->scheme == RSA_SCHEME_OAEP) {
		p = rsa_oaep_of(m->pParameter);
		return rsa_oaep_decrypt(pkey, &p, wrapped, ret);
	}
	rv = rsa_reject_key(key, &reject);
	return rv == CKR_OK ? rsa_pkcs1_decrypt(pkey, &reject, wrapped, want, ret) : rv;
}

/* faults: what cannot be decrypted is no wrapped key. */
static CK_RV faults(CK_RV rv)
{
	return rv == CKR_ENCRYPTED_DATA_INVALID || rv == CKR_DATA_INVALID ? CKR_WRAPPED_KEY_INVALID : rv;
}

CK_RV rsa_unwrap(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *unwrapping,
		 struct view wrapped, const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	SECRET_AUTO form = { 0 };
	EVP_PKEY *pkey = NULL;
	struct object *o = NULL;
	struct rsa_want want;
	bool known;
	CK_RV rv = key_pkey(unwrapping, &pkey);

	if (rv == CKR_OK && wrapped.n != (size_t)EVP_PKEY_get_size(pkey))
		rv = CKR_WRAPPED_KEY_LEN_RANGE;
	if (rv == CKR_OK)
		rv = mech_unwrap_begin(s, row, unwrapping, t, n, &o);
	if (rv == CKR_OK) {
		known = length_wanted(o, t, n, &want);
		rv = decrypt(row, m, unwrapping, pkey, wrapped, known ? &want : NULL, &form);
	}
	if (rv == CKR_OK)
		rv = mech_unwrap_end(s, o, secret_view(&form), false, t, n, ret);
	object_unref(o);
	EVP_PKEY_free(pkey);
	return faults(rv);
}

/* CKM_RSA_AES_KEY_WRAP: an AES key of this one call under OAEP, then the key under that AES key (RFC 5649). */

static CK_RV aes_wrap_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	const CK_RSA_AES_KEY_WRAP_PARAMS *p = m->pParameter;

	if ((p->ulAESKeyBits != 128 && p->ulAESKeyBits != 192 && p->ulAESKeyBits != 256) || p->pOAEPParams == NULL)
		return CKR_MECHANISM_PARAM_INVALID;
	return rsa_oaep_check(p->pOAEPParams);
}

const struct mech_param param_rsa_aes_wrap = {
	.text = "CK_RSA_AES_KEY_WRAP_PARAMS",
	.size = sizeof(CK_RSA_AES_KEY_WRAP_PARAMS),
	.check = aes_wrap_check,
};

static CK_RV wrap_both(const CK_RSA_AES_KEY_WRAP_PARAMS *p, EVP_PKEY *pkey, struct view form, uint8_t *out,
		       size_t *ret_len)
{
	struct rsa_oaep oaep = rsa_oaep_of(p->pOAEPParams);
	size_t n = (size_t)EVP_PKEY_get_size(pkey), len = 0;
	SECRET_AUTO aes = { 0 };
	CK_RV rv;

	if (!secret_init(&aes, p->ulAESKeyBits / 8))
		return CKR_HOST_MEMORY;
	rv = crypto_random(module_crypto(), aes.p, aes.room);
	aes.len = aes.room;
	if (rv == CKR_OK)
		rv = rsa_oaep_encrypt(pkey, &oaep, secret_view(&aes), out);
	if (rv == CKR_OK)
		rv = crypto_aes_wrap(module_crypto(), secret_view(&aes), NULL, true, true, form, out + n, &len);
	if (rv == CKR_OK)
		*ret_len = n + len;
	return rv == CKR_DATA_LEN_RANGE ? CKR_WRAPPING_KEY_SIZE_RANGE : rv;
}

static CK_RV aes_wrap(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *wrapping,
		      struct object *key, uint8_t *out, CK_ULONG *len)
{
	SECRET_AUTO form = { 0 };
	EVP_PKEY *pkey = NULL;
	uint8_t *wrapped = NULL;
	size_t need, made = 0;
	CK_RV rv = mech_wrapped_form(key, &form);

	if (rv == CKR_OK)
		rv = key_pkey(wrapping, &pkey);
	if (rv != CKR_OK)
		return rv;
	need = (size_t)EVP_PKEY_get_size(pkey) + (form.len + 7) / 8 * 8 + 8;
	if (out == NULL || *len < need) {
		rv = out == NULL ? CKR_OK : CKR_BUFFER_TOO_SMALL;
		*len = need;
		goto out;
	}
	wrapped = malloc(need + 8);
	rv = wrapped == NULL ? CKR_HOST_MEMORY : wrap_both(m->pParameter, pkey, secret_view(&form), wrapped, &made);
	if (rv == CKR_OK)
		rv = mech_output_put(VIEW(wrapped, made), out, len);
out:
	free(wrapped);
	EVP_PKEY_free(pkey);
	return rv;
}

static CK_RV aes_unwrap(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *unwrapping,
			struct view wrapped, const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	const CK_RSA_AES_KEY_WRAP_PARAMS *p = m->pParameter;
	struct rsa_oaep oaep = rsa_oaep_of(p->pOAEPParams);
	SECRET_AUTO aes = { 0 };
	SECRET_AUTO form = { 0 };
	struct object *o = NULL;
	EVP_PKEY *pkey = NULL;
	size_t modulus = 0, len = 0;
	CK_RV rv = key_pkey(unwrapping, &pkey);

	if (rv != CKR_OK)
		return rv;
	modulus = (size_t)EVP_PKEY_get_size(pkey);
	if (wrapped.n < modulus + 16 || wrapped.n > SECRET_ROOM_MAX / 2)
		rv = CKR_WRAPPED_KEY_LEN_RANGE;
	if (rv == CKR_OK && !secret_init(&form, wrapped.n))
		rv = CKR_HOST_MEMORY;
	if (rv == CKR_OK)
		rv = mech_unwrap_begin(s, row, unwrapping, t, n, &o);
	if (rv == CKR_OK)
		rv = rsa_oaep_decrypt(pkey, &oaep, VIEW(wrapped.p, modulus), &aes);
	if (rv == CKR_OK && aes.len != p->ulAESKeyBits / 8)
		rv = CKR_WRAPPED_KEY_INVALID;
	if (rv == CKR_OK)
		rv = crypto_aes_wrap(module_crypto(), secret_view(&aes), NULL, true, false,
				     VIEW(wrapped.p + modulus, wrapped.n - modulus), form.p, &len);
	form.len = len;
	if (rv == CKR_OK)
		rv = mech_unwrap_end(s, o, secret_view(&form), false, t, n, ret);
	object_unref(o);
	EVP_PKEY_free(pkey);
	return faults(rv);
}

const struct mech_ops rsa_aes_wrap_ops = {
	.wrap = aes_wrap,
	.unwrap = aes_unwrap,
};
