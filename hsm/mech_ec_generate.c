/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_ec.h"
#include "ec.h"
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/objects.h>

/* Key pairs on elliptic curves. */

#define EXTRA 8 /* bytes, FIPS 186-4, B.4.1 */

/* extra_bits: d = c mod (n - 1) + 1, with c 64 bits longer than n. */
static CK_RV from_extra_bits(const struct ec_curve *curve, EVP_PKEY **ret)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name_ex(module_crypto()->lib, NULL, OBJ_txt2nid(curve->openssl));
	BN_CTX *ctx = BN_CTX_secure_new_ex(module_crypto()->lib);
	BIGNUM *d = BN_secure_new(), *last = group == NULL ? NULL : BN_dup(EC_GROUP_get0_order(group));
	SECRET_AUTO bytes = { 0 };
	SECRET_AUTO number = { 0 };
	EVP_PKEY *pkey = NULL;
	CK_RV rv = CKR_HOST_MEMORY;

	if (group == NULL || ctx == NULL || d == NULL || last == NULL || !secret_init(&bytes, curve->number + EXTRA) ||
	    !secret_init(&number, curve->number))
		goto out;
	rv = crypto_random(module_crypto(), bytes.p, bytes.room);
	if (rv != CKR_OK)
		goto out;
	rv = CKR_GENERAL_ERROR;
	if (BN_bin2bn(bytes.p, (int)bytes.room, d) == NULL)
		goto out;
	BN_set_flags(d, BN_FLG_CONSTTIME);
	if (BN_sub_word(last, 1) != 1 || BN_mod(d, d, last, ctx) != 1 || BN_add_word(d, 1) != 1 ||
	    BN_bn2binpad(d, number.p, (int)curve->number) != (int)curve->number)
		goto out;
	pkey = ec_private(curve, VIEW(number.p, curve->number));
	if (pkey != NULL) {
		*ret = pkey;
		rv = CKR_OK;
	}
out:
	BN_clear_free(d);
	BN_free(last);
	BN_CTX_free(ctx);
	EC_GROUP_free(group);
	return rv;
}

CK_RV ec_generate(const struct ec_curve *c, bool extra_bits, EVP_PKEY **ret)
{
	const char *algorithm = c->type == CKK_EC ? "EC" : c->openssl;
	EVP_PKEY *pkey = NULL;
	EVP_PKEY_CTX *ctx;
	CK_RV rv = CKR_GENERAL_ERROR;

	if (extra_bits)
		return from_extra_bits(c, ret);
	ctx = EVP_PKEY_CTX_new_from_name(module_crypto()->lib, algorithm, NULL);
	if (ctx == NULL)
		return CKR_HOST_MEMORY;
	if (EVP_PKEY_keygen_init(ctx) == 1 &&
	    (c->type != CKK_EC || EVP_PKEY_CTX_set_group_name(ctx, c->openssl) == 1) &&
	    EVP_PKEY_generate(ctx, &pkey) == 1) {
		*ret = pkey;
		rv = CKR_OK;
	}
	EVP_PKEY_CTX_free(ctx);
	return rv;
}

/* asked: the curve that the public key's template names; SM2 has one only. */
static CK_RV asked(CK_KEY_TYPE type, const CK_ATTRIBUTE *t, CK_ULONG n, const struct ec_curve **ret)
{
	const CK_ATTRIBUTE *a = template_find(t, n, CKA_EC_PARAMS);

	if (a != NULL)
		return ec_curve_find(type, VIEW(a->pValue, a->ulValueLen), ret);
	if (type != CKK_SR_SM2)
		return CKR_TEMPLATE_INCOMPLETE;
	*ret = ec_curve_named("SM2");
	return CKR_OK;
}

static CK_RV generate(struct session *s, const struct mech_row *row, const CK_MECHANISM *m,
		      const CK_ATTRIBUTE *public_t, CK_ULONG public_n, const CK_ATTRIBUTE *private_t,
		      CK_ULONG private_n, CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private)
{
	const struct ec_generate_arg *a = row->arg;
	struct object *pair[2] = { NULL, NULL };
	const struct ec_curve *c = NULL;
	EVP_PKEY *pkey = NULL;
	struct view params;
	CK_RV rv = asked(a->type, public_t, public_n, &c);

	if (rv == CKR_OK)
		rv = mech_pair_begin(s, row, a->type, public_t, public_n, private_t, private_n, pair);
	if (rv == CKR_OK)
		rv = ec_generate(c, a->extra_bits, &pkey);
	if (rv == CKR_OK) {
		/* Both halves name the curve as the client does. */
		params = object_bytes(pair[0], CKA_EC_PARAMS);
		rv = object_set_bytes(pair[1], CKA_EC_PARAMS, params.n > 0 ? params : c->oid);
	}
	if (rv == CKR_OK)
		rv = mech_pair_end(s, pair, pkey, ret_public, ret_private);
	mech_pair_done(pair);
	EVP_PKEY_free(pkey);
	return rv;
}

const struct mech_ops ec_generate_ops = {
	.generate_pair = generate,
};
