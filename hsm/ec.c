/* SPDX-License-Identifier: BSD-2-Clause */
#include "ec.h"
#include "crypto.h"
#include "module.h"
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/objects.h>
#include <openssl/params.h>
#include <string.h>

#define TAG_OCTETS 0x04

static bool weierstrass(const struct ec_curve *c)
{
	return c->type == CKK_EC || c->type == CKK_SR_SM2;
}

const struct ec_curve *ec_curve_of(const struct object *key)
{
	const struct ec_curve *c = NULL;

	return ec_curve_find(object_key_type(key), object_bytes(key, CKA_EC_PARAMS), &c) == CKR_OK ? c : NULL;
}

const struct ec_curve *ec_curve_of_pkey(const EVP_PKEY *pkey)
{
	static const char *const whole[] = { "ED25519", "ED448", "X25519", "X448" };
	char name[64];
	int explicit = 0;

	for (size_t i = 0; i < ARRAY_LEN(whole); i++) {
		if (EVP_PKEY_is_a(pkey, whole[i]))
			return ec_curve_named(whole[i]);
	}
	if ((!EVP_PKEY_is_a(pkey, "EC") && !EVP_PKEY_is_a(pkey, "SM2")) ||
	    EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_GROUP_NAME, name, sizeof(name), NULL) != 1)
		return NULL;
	if (EVP_PKEY_get_int_param(pkey, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &explicit) == 1 &&
	    explicit != 0)
		return NULL;
	return ec_curve_named(name);
}

CK_ULONG ec_bits(const struct object *key)
{
	const struct ec_curve *c = ec_curve_of(key);

	return c == NULL ? 0 : c->bits;
}

/* is_point: may these be the bytes of a public key, by their number and form? */
static bool is_point(const struct ec_curve *c, struct view v)
{
	if (!weierstrass(c))
		return v.n == c->point;
	return v.n > 0 &&
	       ((v.p[0] == 4 && v.n == 2 * c->point + 1) || ((v.p[0] == 2 || v.p[0] == 3) && v.n == c->point + 1));
}

/* bare: the public key without its OCTET STRING; bare ones are shorter than those within, so that lengths decide. */
static bool bare(const struct ec_curve *c, struct view v, struct view *ret)
{
	struct view inner = { 0 };

	if (is_point(c, v)) {
		*ret = v;
		return true;
	}
	if (v.n > 2 && v.p[0] == TAG_OCTETS && v.p[1] < 0x80 && v.p[1] == v.n - 2)
		inner = VIEW(v.p + 2, v.n - 2);
	else if (v.n > 3 && v.p[0] == TAG_OCTETS && v.p[1] == 0x81 && v.p[2] >= 0x80 && v.p[2] == v.n - 3)
		inner = VIEW(v.p + 3, v.n - 3);
	if (!is_point(c, inner))
		return false;
	*ret = inner;
	return true;
}

/* from_numbers: EC and SM2. number: native byte order; n 0: a public key. */
static EVP_PKEY *from_numbers(const struct ec_curve *c, struct view point, uint8_t *number, size_t n)
{
	const char *algorithm = c->type == CKK_SR_SM2 ? "SM2" : "EC";
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(module_crypto()->lib, algorithm, NULL);
	OSSL_PARAM params[4], *p = params;
	EVP_PKEY *pkey = NULL;

	*p++ = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)c->openssl, 0);
	*p++ = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)point.p, point.n);
	if (n > 0)
		*p++ = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, number, n);
	*p = OSSL_PARAM_construct_end();
	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, n > 0 ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

EVP_PKEY *ec_public(const struct ec_curve *c, struct view given)
{
	EVP_PKEY_CTX *check = NULL;
	EVP_PKEY *pkey;
	struct view v;

	if (!bare(c, given, &v))
		return NULL;
	if (!weierstrass(c))
		return EVP_PKEY_new_raw_public_key_ex(module_crypto()->lib, c->openssl, NULL, v.p, v.n);
	pkey = from_numbers(c, v, NULL, 0);
	if (pkey == NULL)
		return NULL;
	check = EVP_PKEY_CTX_new_from_pkey(module_crypto()->lib, pkey, NULL);
	/* However it was given, the key is written in one way: its SubjectPublicKeyInfo tells which pair it is of. */
	if (check == NULL || EVP_PKEY_public_check(check) != 1 ||
	    EVP_PKEY_set_utf8_string_param(pkey, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "uncompressed") != 1) {
		EVP_PKEY_free(pkey);
		pkey = NULL;
	}
	EVP_PKEY_CTX_free(check);
	return pkey;
}

/* times_generator: the point that belongs to a private number, uncompressed; 0: the number is not within 1 to n - 1. */
static size_t times_generator(const struct ec_curve *c, struct view number, uint8_t ret[EC_POINT_MAX])
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name_ex(module_crypto()->lib, NULL, OBJ_txt2nid(c->openssl));
	BN_CTX *ctx = BN_CTX_secure_new_ex(module_crypto()->lib);
	EC_POINT *point = group == NULL ? NULL : EC_POINT_new(group);
	BIGNUM *d = BN_secure_new();
	size_t n = 0;

	if (group == NULL || ctx == NULL || point == NULL || d == NULL || BN_bin2bn(number.p, (int)number.n, d) == NULL)
		goto out;
	BN_set_flags(d, BN_FLG_CONSTTIME);
	if (BN_is_zero(d) || BN_cmp(d, EC_GROUP_get0_order(group)) >= 0 ||
	    EC_POINT_mul(group, point, d, NULL, NULL, ctx) != 1)
		goto out;
	n = EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, ret, EC_POINT_MAX, ctx);
out:
	BN_clear_free(d);
	EC_POINT_free(point);
	BN_CTX_free(ctx);
	EC_GROUP_free(group);
	return n;
}

EVP_PKEY *ec_private(const struct ec_curve *c, struct view number)
{
	uint8_t point[EC_POINT_MAX];
	SECRET_AUTO bytes = { 0 };
	size_t n;

	if (!weierstrass(c)) {
		if (number.n != c->number)
			return NULL;
		return EVP_PKEY_new_raw_private_key_ex(module_crypto()->lib, c->openssl, NULL, number.p, number.n);
	}
	while (number.n > c->number && number.p[0] == 0)
		number = VIEW(number.p + 1, number.n - 1);
	if (number.n == 0 || number.n > c->number || !secret_init(&bytes, number.n))
		return NULL;
	n = times_generator(c, number, point);
	if (n == 0)
		return NULL;
	for (size_t i = 0; i < number.n; i++)
		bytes.p[__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? number.n - 1 - i : i] = number.p[i];
	return from_numbers(c, VIEW(point, n), bytes.p, number.n);
}

EVP_PKEY *ec_pkey_of(const struct object *o)
{
	const struct ec_curve *c = ec_curve_of(o);

	if (c == NULL)
		return NULL;
	return object_class(o) == CKO_PRIVATE_KEY ? ec_private(c, object_secret(o, CKA_VALUE))
						  : ec_public(c, object_bytes(o, CKA_EC_POINT));
}

CK_RV ec_check(const struct object *o)
{
	const struct ec_curve *c = NULL;
	CK_RV rv = ec_curve_find(object_key_type(o), object_bytes(o, CKA_EC_PARAMS), &c);
	EVP_PKEY *pkey;

	if (rv != CKR_OK)
		return rv;
	pkey = ec_pkey_of(o);
	EVP_PKEY_free(pkey);
	return pkey != NULL ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
}

static bool put_number(const EVP_PKEY *pkey, const char *name, uint8_t *ret, size_t n)
{
	BIGNUM *bn = NULL;
	bool ok = EVP_PKEY_get_bn_param(pkey, name, &bn) == 1 && BN_bn2binpad(bn, ret, (int)n) == (int)n;

	BN_clear_free(bn);
	return ok;
}

CK_RV ec_point(const struct ec_curve *c, const EVP_PKEY *pkey, uint8_t ret[EC_POINT_MAX], size_t *ret_len)
{
	size_t n = c->point;

	if (!weierstrass(c)) {
		if (EVP_PKEY_get_raw_public_key(pkey, ret, &n) != 1 || n != c->point)
			return CKR_GENERAL_ERROR;
		*ret_len = n;
		return CKR_OK;
	}
	ret[0] = 4;
	if (!put_number(pkey, OSSL_PKEY_PARAM_EC_PUB_X, ret + 1, n) ||
	    !put_number(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, ret + 1 + n, n))
		return CKR_GENERAL_ERROR;
	*ret_len = 2 * n + 1;
	return CKR_OK;
}

/* set_params: CKA_EC_PARAMS stay as a template gave them. CKR_WRAPPED_KEY_INVALID: the key is of another kind. */
static CK_RV set_params(struct object *o, const EVP_PKEY *pkey, const struct ec_curve **ret)
{
	const struct ec_curve *c = ec_curve_of_pkey(pkey), *asked = NULL;
	CK_RV rv = CKR_OK;

	if (c == NULL || c->type != object_key_type(o))
		return CKR_WRAPPED_KEY_INVALID;
	*ret = c;
	if (!object_has(o, CKA_EC_PARAMS))
		return object_set_bytes(o, CKA_EC_PARAMS, c->oid);
	rv = ec_curve_find(c->type, object_bytes(o, CKA_EC_PARAMS), &asked);
	return rv == CKR_OK && asked != c ? CKR_WRAPPED_KEY_INVALID : rv;
}

CK_RV ec_set_public(struct object *o, const EVP_PKEY *pkey)
{
	const struct ec_curve *c = NULL;
	uint8_t point[EC_POINT_MAX];
	BUF_AUTO der = { 0 };
	size_t n = 0;
	CK_RV rv = set_params(o, pkey, &c);

	if (rv == CKR_OK)
		rv = ec_point(c, pkey, point, &n);
	if (rv != CKR_OK)
		return rv;
	buf_put_u8(&der, TAG_OCTETS);
	if (n >= 0x80)
		buf_put_u8(&der, 0x81);
	buf_put_u8(&der, (uint8_t)n);
	buf_put(&der, point, n);
	return buf_ok(&der) ? object_set_bytes(o, CKA_EC_POINT, buf_view(&der)) : CKR_HOST_MEMORY;
}

CK_RV ec_set_private(struct object *o, const EVP_PKEY *pkey)
{
	const struct ec_curve *c = NULL;
	uint8_t point[EC_POINT_MAX];
	SECRET_AUTO number = { 0 };
	size_t n;
	CK_RV rv = set_params(o, pkey, &c);

	if (rv != CKR_OK)
		return rv;
	n = c->number;
	if (!secret_init(&number, n))
		return CKR_HOST_MEMORY;
	if (weierstrass(c) ? !put_number(pkey, OSSL_PKEY_PARAM_PRIV_KEY, number.p, n)
			   : EVP_PKEY_get_raw_private_key(pkey, number.p, &n) != 1 || n != c->number)
		return CKR_WRAPPED_KEY_INVALID;
	number.len = n;
	if (weierstrass(c) && times_generator(c, secret_view(&number), point) == 0)
		return CKR_WRAPPED_KEY_INVALID;
	return object_set_secret(o, CKA_VALUE, secret_view(&number));
}
