/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_family.h"
#include "role.h"
#include "key.h"
#include <openssl/bn.h>
#include <openssl/rsa.h>

/* Key generation: AES, DES, generic secrets, RSA pairs. */

static bool is_des(CK_KEY_TYPE type)
{
	return type == CKK_DES || type == CKK_DES2 || type == CKK_DES3;
}

/* random_key: DES keys have odd parity, no weak or semi-weak half and no equal neighbouring halves; XTS keys differing
 * halves. */
static CK_RV random_key(CK_KEY_TYPE type, struct secret *ret, size_t n)
{
	SECRET_AUTO key = { 0 };
	CK_RV rv;

	if (!secret_init(&key, n))
		return CKR_HOST_MEMORY;
	do {
		rv = crypto_random(module_crypto(), key.p, n);
		if (rv != CKR_OK)
			return rv;
		if (is_des(type))
			des_set_parity(key.p, n);
	} while ((is_des(type) && des_key_weak(key.p, n)) || !key_value_ok(type, VIEW(key.p, n)));
	key.len = n;
	secret_move(ret, &key);
	return CKR_OK;
}

static CK_RV key_len(const struct mech_row *row, const CK_ATTRIBUTE *t, CK_ULONG n, size_t *ret)
{
	const struct generate_arg *a = row->arg;
	const CK_ATTRIBUTE *asked = template_find(t, n, CKA_VALUE_LEN);
	const struct key_kind *k = key_kind(a->type);
	CK_ULONG len = a->len;

	if (asked == NULL && a->len == 0)
		return CKR_TEMPLATE_INCOMPLETE;
	if (asked != NULL && !template_ulong(t, n, CKA_VALUE_LEN, &len))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	if (a->len != 0 && len != a->len)
		return CKR_TEMPLATE_INCONSISTENT;
	if (len < row->key_min || len > row->key_max || (k->step != 0 && (len - k->min) % k->step != 0))
		return CKR_KEY_SIZE_RANGE;
	*ret = len;
	return CKR_OK;
}

static CK_RV generate(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, const CK_ATTRIBUTE *t,
		      CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	const struct generate_arg *a = row->arg;
	struct object_make make = {
		.origin = OBJECT_GENERATED, .class = CKO_SECRET_KEY, .key_type = a->type, .mechanism = row->type
	};
	SECRET_AUTO value = { 0 };
	struct object *o = NULL;
	size_t len = 0;
	CK_RV rv = key_len(row, t, n, &len);

	if (rv != CKR_OK)
		return rv;
	rv = object_new_from(s, &make, t, n, &o);
	if (rv != CKR_OK)
		return rv;
	if (object_role(o) != 0 && !role_key_ok(role_find(object_role(o)), a->type, len)) {
		rv = CKR_TEMPLATE_INCONSISTENT;
		goto out;
	}
	rv = random_key(a->type, &value, len);
	if (rv == CKR_OK)
		rv = object_set_secret(o, CKA_VALUE, secret_view(&value));
	if (rv == CKR_OK)
		rv = object_commit(s, o, ret);
out:
	object_unref(o);
	return rv;
}

const struct mech_ops generate_ops = {
	.generate = generate,
};

/* Exponents above 65536 and odd, as FIPS 186-4 wants them; at most 32 bytes. */
static CK_RV exponent_of(const CK_ATTRIBUTE *t, CK_ULONG n, BIGNUM **ret)
{
	static const uint8_t f4[] = { 1, 0, 1 };
	const CK_ATTRIBUTE *asked = template_find(t, n, CKA_PUBLIC_EXPONENT);
	struct view v = asked == NULL ? VIEW(f4, sizeof(f4)) : VIEW(asked->pValue, asked->ulValueLen);
	BIGNUM *e;

	if (v.p == NULL || v.n == 0 || v.n > 32)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	e = BN_bin2bn(v.p, (int)v.n, NULL);
	if (e == NULL)
		return CKR_HOST_MEMORY;
	if (!BN_is_odd(e) || BN_num_bits(e) < 17) {
		BN_free(e);
		return CKR_ATTRIBUTE_VALUE_INVALID;
	}
	*ret = e;
	return CKR_OK;
}

static CK_RV rsa_new(CK_ULONG bits, BIGNUM *e, EVP_PKEY **ret)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(module_crypto()->lib, "RSA", NULL);
	EVP_PKEY *pkey = NULL;
	CK_RV rv = CKR_GENERAL_ERROR;

	if (ctx == NULL)
		return CKR_HOST_MEMORY;
	if (EVP_PKEY_keygen_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)bits) == 1 &&
	    EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e) == 1 && EVP_PKEY_generate(ctx, &pkey) == 1) {
		*ret = pkey;
		rv = CKR_OK;
	}
	EVP_PKEY_CTX_free(ctx);
	return rv;
}

/* pair_size: what the template of the public key asks for. */
static CK_RV pair_size(const struct mech_row *row, const CK_ATTRIBUTE *t, CK_ULONG n, CK_ULONG *ret_bits)
{
	CK_ULONG bits = 0;

	if (template_find(t, n, CKA_MODULUS_BITS) == NULL)
		return CKR_TEMPLATE_INCOMPLETE;
	if (!template_ulong(t, n, CKA_MODULUS_BITS, &bits))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	if (bits < row->key_min || bits > row->key_max || bits % 8 != 0)
		return CKR_KEY_SIZE_RANGE;
	*ret_bits = bits;
	return CKR_OK;
}

static CK_RV pair_objects(struct session *s, const struct mech_row *row, const CK_ATTRIBUTE *public_t,
			  CK_ULONG public_n, const CK_ATTRIBUTE *private_t, CK_ULONG private_n, struct object *ret[2])
{
	struct object_make make = {
		.origin = OBJECT_GENERATED, .class = CKO_PUBLIC_KEY, .key_type = CKK_RSA, .mechanism = row->type
	};
	CK_RV rv = object_new_from(s, &make, public_t, public_n, &ret[0]);

	if (rv != CKR_OK)
		return rv;
	make.class = CKO_PRIVATE_KEY;
	return object_new_from(s, &make, private_t, private_n, &ret[1]);
}

static CK_RV rsa_generate(struct session *s, const struct mech_row *row, const CK_MECHANISM *m,
			  const CK_ATTRIBUTE *public_t, CK_ULONG public_n, const CK_ATTRIBUTE *private_t,
			  CK_ULONG private_n, CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private)
{
	struct object *pair[2] = { NULL, NULL };
	struct object_change change = { .create = pair, .creates = 2 };
	CK_OBJECT_HANDLE handles[2];
	EVP_PKEY *pkey = NULL;
	BIGNUM *e = NULL;
	CK_ULONG bits = 0;
	CK_RV rv = pair_size(row, public_t, public_n, &bits);

	if (rv == CKR_OK)
		rv = exponent_of(public_t, public_n, &e);
	if (rv == CKR_OK)
		rv = pair_objects(s, row, public_t, public_n, private_t, private_n, pair);
	if (rv == CKR_OK)
		rv = rsa_new(bits, e, &pkey);
	if (rv == CKR_OK)
		rv = key_set_public(pair[0], pkey);
	if (rv == CKR_OK)
		rv = object_set_ulong(pair[0], CKA_MODULUS_BITS, bits);
	if (rv == CKR_OK)
		rv = key_set_private(pair[1], pkey);
	if (rv == CKR_OK)
		rv = object_commit_change(s, &change, handles);
	if (rv == CKR_OK) {
		*ret_public = handles[0];
		*ret_private = handles[1];
	}
	object_unref(pair[0]);
	object_unref(pair[1]);
	EVP_PKEY_free(pkey);
	BN_free(e);
	return rv;
}

const struct mech_ops rsa_generate_ops = {
	.generate_pair = rsa_generate,
};
