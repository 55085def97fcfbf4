/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_ec.h"
#include "ec.h"
#include "key.h"
#include "mech_derive.h"
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

/* Key agreement (NIST SP 800-56A, RFC 7748) and key wrapping on top of it. */

#define INFO_MAX 65536 /* bytes of shared data */

/* CKD_*: the hash, and whether the counter stands before the secret (SP 800-56A) or behind it (ANSI X9.63). */
static const struct kdf {
	CK_ULONG kdf;
	CK_MECHANISM_TYPE hash;
	bool sp800;
} kdfs[] = {
	{ CKD_SHA1_KDF, CKM_SHA_1, false },
	{ CKD_SHA224_KDF, CKM_SHA224, false },
	{ CKD_SHA256_KDF, CKM_SHA256, false },
	{ CKD_SHA384_KDF, CKM_SHA384, false },
	{ CKD_SHA512_KDF, CKM_SHA512, false },
	{ CKD_SHA3_224_KDF, CKM_SHA3_224, false },
	{ CKD_SHA3_256_KDF, CKM_SHA3_256, false },
	{ CKD_SHA3_384_KDF, CKM_SHA3_384, false },
	{ CKD_SHA3_512_KDF, CKM_SHA3_512, false },
	{ CKD_SHA1_KDF_SP800, CKM_SHA_1, true },
	{ CKD_SHA224_KDF_SP800, CKM_SHA224, true },
	{ CKD_SHA256_KDF_SP800, CKM_SHA256, true },
	{ CKD_SHA384_KDF_SP800, CKM_SHA384, true },
	{ CKD_SHA512_KDF_SP800, CKM_SHA512, true },
	{ CKD_SHA3_224_KDF_SP800, CKM_SHA3_224, true },
	{ CKD_SHA3_256_KDF_SP800, CKM_SHA3_256, true },
	{ CKD_SHA3_384_KDF_SP800, CKM_SHA3_384, true },
	{ CKD_SHA3_512_KDF_SP800, CKM_SHA3_512, true },
};

static const struct kdf *kdf_of(CK_ULONG type)
{
	for (size_t i = 0; i < ARRAY_LEN(kdfs); i++) {
		if (kdfs[i].kdf == type)
			return &kdfs[i];
	}
	return NULL;
}

bool ecdh_kdf_known(CK_ULONG type)
{
	const struct kdf *k = kdf_of(type);

	return type == CKD_NULL || (k != NULL && crypto_md_of(module_crypto(), k->hash) != NULL);
}

CK_RV ecdh_kdf(CK_ULONG type, struct view z, struct view info, size_t len, struct secret *ret)
{
	const struct kdf *k = kdf_of(type);
	const EVP_MD *md = k == NULL ? NULL : crypto_md_of(module_crypto(), k->hash);
	OSSL_PARAM params[4], *p = params;
	SECRET_AUTO out = { 0 };
	EVP_KDF *kdf = NULL;
	EVP_KDF_CTX *ctx;
	CK_RV rv = CKR_GENERAL_ERROR;

	if (md == NULL)
		return CKR_MECHANISM_PARAM_INVALID;
	if (!secret_init(&out, len))
		return CKR_HOST_MEMORY;
	kdf = EVP_KDF_fetch(module_crypto()->lib, k->sp800 ? "SSKDF" : "X963KDF", NULL);
	ctx = kdf == NULL ? NULL : EVP_KDF_CTX_new(kdf);
	*p++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)EVP_MD_get0_name(md), 0);
	*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)z.p, z.n);
	if (info.n > 0)
		*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)info.p, info.n);
	*p = OSSL_PARAM_construct_end();
	if (ctx != NULL && EVP_KDF_derive(ctx, out.p, len, params) == 1) {
		out.len = len;
		secret_move(ret, &out);
		rv = CKR_OK;
	}
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return rv;
}

CK_RV ecdh_z(EVP_PKEY *own, EVP_PKEY *peer, struct secret *ret)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(module_crypto()->lib, own, NULL);
	SECRET_AUTO z = { 0 };
	size_t n = 0;
	CK_RV rv = CKR_FUNCTION_FAILED;

	if (ctx == NULL)
		return CKR_HOST_MEMORY;
	if (EVP_PKEY_derive_init(ctx) != 1 || EVP_PKEY_derive_set_peer_ex(ctx, peer, 0) != 1 ||
	    EVP_PKEY_derive(ctx, NULL, &n) != 1 || n == 0)
		goto out;
	rv = CKR_HOST_MEMORY;
	if (!secret_init(&z, n))
		goto out;
	rv = CKR_FUNCTION_FAILED;
	if (EVP_PKEY_derive(ctx, z.p, &n) != 1 || n > z.room)
		goto out;
	z.len = n;
	secret_move(ret, &z);
	rv = CKR_OK;
out:
	EVP_PKEY_CTX_free(ctx);
	return rv;
}

static bool shared_ok(CK_ULONG kdf, const void *info, CK_ULONG n)
{
	if (!ecdh_kdf_known(kdf) || (info == NULL && n > 0) || n > INFO_MAX)
		return false;
	return kdf != CKD_NULL || n == 0;
}

static CK_RV derive_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	const CK_ECDH1_DERIVE_PARAMS *p = m->pParameter;

	return shared_ok(p->kdf, p->shared_data, p->shared_data_len) && p->public_data != NULL && p->public_data_len > 0
		   ? CKR_OK
		   : CKR_MECHANISM_PARAM_INVALID;
}

const struct mech_param param_ecdh = {
	.text = "CK_ECDH1_DERIVE_PARAMS",
	.size = sizeof(CK_ECDH1_DERIVE_PARAMS),
	.check = derive_check,
};

static CK_RV derive(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *base,
		    const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	const CK_ECDH1_DERIVE_PARAMS *p = m->pParameter;
	EVP_PKEY *own = NULL, *peer = NULL;
	SECRET_AUTO z = { 0 };
	SECRET_AUTO key = { 0 };
	DERIVE_AUTO d = { 0 };
	CK_RV rv = mech_derive_begin(s, row, base, NULL, t, n, &d);

	if (rv != CKR_OK)
		return rv;
	if (p->kdf != CKD_NULL && d.len == 0)
		return CKR_TEMPLATE_INCOMPLETE;
	peer = ec_public(ec_curve_of(base), VIEW(p->public_data, p->public_data_len));
	if (peer == NULL)
		return CKR_MECHANISM_PARAM_INVALID;
	rv = key_pkey(base, &own);
	if (rv == CKR_OK)
		rv = ecdh_z(own, peer, &z);
	if (rv == CKR_FUNCTION_FAILED)
		rv = CKR_MECHANISM_PARAM_INVALID;
	if (rv == CKR_OK && p->kdf == CKD_NULL) {
		rv = mech_derive_end(&d, secret_view(&z), DERIVE_TRAILING, ret);
	} else if (rv == CKR_OK) {
		rv = ecdh_kdf(p->kdf, secret_view(&z), VIEW(p->shared_data, p->shared_data_len), d.len, &key);
		if (rv == CKR_OK)
			rv = mech_derive_end(&d, secret_view(&key), DERIVE_EXACT, ret);
	}
	EVP_PKEY_free(peer);
	EVP_PKEY_free(own);
	return rv;
}

const struct mech_ops ecdh_ops = {
	.derive = derive,
};

/* Wrapping: a transport pair, an AES key by ECDH, RFC 5649 under that. */

static CK_RV wrap_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	const CK_ECDH_AES_KEY_WRAP_PARAMS *p = m->pParameter;

	if (p->ulAESKeyBits != 128 && p->ulAESKeyBits != 192 && p->ulAESKeyBits != 256)
		return CKR_MECHANISM_PARAM_INVALID;
	return shared_ok(p->kdf, p->pSharedData, p->ulSharedDataLen) ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

const struct mech_param param_ecdh_wrap = {
	.text = "CK_ECDH_AES_KEY_WRAP_PARAMS",
	.size = sizeof(CK_ECDH_AES_KEY_WRAP_PARAMS),
	.check = wrap_check,
};

/* kek_of: the AES key that two keys share: the first bytes of the secret, or what the KDF makes of it. */
static CK_RV kek_of(const CK_ECDH_AES_KEY_WRAP_PARAMS *p, EVP_PKEY *own, EVP_PKEY *peer, struct secret *ret)
{
	size_t len = p->ulAESKeyBits / 8;
	SECRET_AUTO z = { 0 };
	CK_RV rv = ecdh_z(own, peer, &z);

	if (rv != CKR_OK)
		return rv;
	if (p->kdf != CKD_NULL)
		return ecdh_kdf(p->kdf, secret_view(&z), VIEW(p->pSharedData, p->ulSharedDataLen), len, ret);
	if (len > z.len)
		return CKR_MECHANISM_PARAM_INVALID;
	z.len = len;
	secret_move(ret, &z);
	return CKR_OK;
}

/* transport: the octets before the wrapped key: how many they are on this curve. */
static size_t header_of(const struct ec_curve *c, const struct ecdh_wrap_arg *a)
{
	size_t n = c->type == CKK_EC ? 2 * c->point + 1 : c->point;

	return !a->der ? 0 : n < 0x80 ? 2 : 3;
}

static CK_RV put_transport(const struct ec_curve *c, const struct ecdh_wrap_arg *a, const EVP_PKEY *pkey,
			   struct buf *out)
{
	uint8_t point[EC_POINT_MAX];
	size_t n = 0;
	CK_RV rv = ec_point(c, pkey, point, &n);

	if (rv != CKR_OK)
		return rv;
	if (a->der)
		buf_put_u8(out, 0x04);
	if (a->der && n >= 0x80)
		buf_put_u8(out, 0x81);
	if (a->der)
		buf_put_u8(out, (uint8_t)n);
	buf_put(out, point, n);
	return buf_ok(out) ? CKR_OK : CKR_HOST_MEMORY;
}

static CK_RV wrap(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *wrapping,
		  struct object *key, uint8_t *out, CK_ULONG *len)
{
	const struct ec_curve *c = ec_curve_of(wrapping);
	EVP_PKEY *transport = NULL, *peer = NULL;
	SECRET_AUTO form = { 0 };
	SECRET_AUTO kek = { 0 };
	uint8_t *wrapped = NULL;
	BUF_AUTO all = { 0 };
	size_t n = 0;
	CK_RV rv = mech_wrapped_form(key, &form);

	if (rv == CKR_OK)
		rv = key_pkey(wrapping, &peer);
	if (rv == CKR_OK)
		rv = ec_generate(c, false, &transport);
	if (rv == CKR_OK)
		rv = put_transport(c, row->arg, transport, &all);
	if (rv == CKR_OK)
		rv = kek_of(m->pParameter, transport, peer, &kek);
	if (rv == CKR_OK && (wrapped = malloc(form.len + 16)) == NULL)
		rv = CKR_HOST_MEMORY;
	if (rv == CKR_OK)
		rv = crypto_aes_wrap(module_crypto(), secret_view(&kek), NULL, true, true, secret_view(&form), wrapped,
				     &n);
	if (rv == CKR_OK) {
		buf_put(&all, wrapped, n);
		rv = buf_ok(&all) ? mech_output_put(buf_view(&all), out, len) : CKR_HOST_MEMORY;
	}
	free(wrapped);
	EVP_PKEY_free(transport);
	EVP_PKEY_free(peer);
	return rv;
}

static CK_RV unwrap(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *unwrapping,
		    struct view wrapped, const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	const struct ecdh_wrap_arg *a = row->arg;
	const struct ec_curve *c = ec_curve_of(unwrapping);
	size_t header = header_of(c, a), point = c->type == CKK_EC ? 2 * c->point + 1 : c->point, len = 0;
	EVP_PKEY *own = NULL, *transport = NULL;
	struct object *o = NULL;
	SECRET_AUTO form = { 0 };
	SECRET_AUTO kek = { 0 };
	CK_RV rv;

	if (wrapped.n < header + point + 16 || wrapped.n > SECRET_ROOM_MAX / 2)
		return CKR_WRAPPED_KEY_LEN_RANGE;
	rv = mech_unwrap_begin(s, row, unwrapping, t, n, &o);
	if (rv == CKR_OK)
		rv = key_pkey(unwrapping, &own);
	if (rv == CKR_OK && !secret_init(&form, wrapped.n))
		rv = CKR_HOST_MEMORY;
	if (rv == CKR_OK) {
		transport = ec_public(c, VIEW(wrapped.p, header + point));
		rv = transport == NULL ? CKR_WRAPPED_KEY_INVALID : kek_of(m->pParameter, own, transport, &kek);
	}
	wrapped = VIEW(wrapped.p + header + point, wrapped.n - header - point);
	if (rv == CKR_OK)
		rv = crypto_aes_wrap(module_crypto(), secret_view(&kek), NULL, true, false, wrapped, form.p, &len);
	form.len = len;
	if (rv == CKR_OK)
		rv = mech_unwrap_end(s, o, secret_view(&form), false, t, n, ret);
	object_unref(o);
	EVP_PKEY_free(transport);
	EVP_PKEY_free(own);
	return rv == CKR_FUNCTION_FAILED ? CKR_WRAPPED_KEY_INVALID : rv;
}

const struct mech_ops ecdh_wrap_ops = {
	.wrap = wrap,
	.unwrap = unwrap,
};
