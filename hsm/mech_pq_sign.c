/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_pq.h"
#include "hold.h"
#include "key.h"
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

/*
 * ML-DSA and SLH-DSA (FIPS 204, 205), with a context, over a message or over its hash. OpenSSL signs in one part: the
 * message is held until the end. What is signed of a hash is put together here: 1, the context, the hash's object
 * identifier, the hash.
 */
#define CONTEXT_MAX 255

/* Hashes: OpenSSL's name, how many bytes, and the last byte of 2.16.840.1.101.3.4.2.x. */
static const struct hash {
	CK_MECHANISM_TYPE type;
	const char *md;
	size_t len;
	uint8_t oid;
} hashes[] = {
	{ CKM_SHA224, "SHA2-224", 28, 0x04 },
	{ CKM_SHA256, "SHA2-256", 32, 0x01 },
	{ CKM_SHA384, "SHA2-384", 48, 0x02 },
	{ CKM_SHA512, "SHA2-512", 64, 0x03 },
	{ CKM_SHA3_224, "SHA3-224", 28, 0x07 },
	{ CKM_SHA3_256, "SHA3-256", 32, 0x08 },
	{ CKM_SHA3_384, "SHA3-384", 48, 0x09 },
	{ CKM_SHA3_512, "SHA3-512", 64, 0x0a },
	{ CK_UNAVAILABLE_INFORMATION, "SHAKE-128", 32, 0x0b },
	{ CK_UNAVAILABLE_INFORMATION, "SHAKE-256", 64, 0x0c },
};

static bool context_ok(CK_HEDGE_TYPE hedge, const void *context, CK_ULONG n)
{
	return hedge <= CKH_DETERMINISTIC_REQUIRED && n <= CONTEXT_MAX && (context != NULL || n == 0);
}

static CK_RV check(const struct mech_row *row, const CK_MECHANISM *m)
{
	const CK_SIGN_ADDITIONAL_CONTEXT *p = m->pParameter;

	return context_ok(p->hedgeVariant, p->pContext, p->ulContextLen) ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

const struct mech_param param_pq_sign = {
	.text = "none, or CK_SIGN_ADDITIONAL_CONTEXT",
	.size = sizeof(CK_SIGN_ADDITIONAL_CONTEXT),
	.optional = true,
	.check = check,
};

static const struct hash *hash_by_type(CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; i < ARRAY_LEN(hashes); i++) {
		if (hashes[i].type == type && type != CK_UNAVAILABLE_INFORMATION)
			return &hashes[i];
	}
	return NULL;
}

static CK_RV check_hashed(const struct mech_row *row, const CK_MECHANISM *m)
{
	const CK_HASH_SIGN_ADDITIONAL_CONTEXT *p = m->pParameter;

	return context_ok(p->hedgeVariant, p->pContext, p->ulContextLen) && hash_by_type(p->hash) != NULL
		   ? CKR_OK
		   : CKR_MECHANISM_PARAM_INVALID;
}

const struct mech_param param_pq_hashed = {
	.text = "CK_HASH_SIGN_ADDITIONAL_CONTEXT",
	.size = sizeof(CK_HASH_SIGN_ADDITIONAL_CONTEXT),
	.check = check_hashed,
};

struct pq_sign {
	EVP_PKEY *pkey;
	EVP_MD_CTX *ctx;
	struct hold held;        /* PQ_PURE: the message, when it comes in parts */
	const struct hash *hash; /* NULL: PQ_PURE */
	EVP_MD_CTX *digest;      /* PQ_HASHES */
	uint8_t context[CONTEXT_MAX];
	size_t context_len;
};

static CK_RV start_digest(struct pq_sign *g, const char *name)
{
	EVP_MD *md = NULL;
	CK_RV rv = CKR_GENERAL_ERROR;

	for (size_t i = 0; i < ARRAY_LEN(hashes); i++) {
		if (strcmp(hashes[i].md, name) == 0)
			g->hash = &hashes[i];
	}
	g->digest = EVP_MD_CTX_new();
	if (g->digest == NULL || g->hash == NULL)
		return CKR_HOST_MEMORY;
	md = EVP_MD_fetch(module_crypto()->lib, name, NULL);
	if (md != NULL && EVP_DigestInit_ex2(g->digest, md, NULL) == 1)
		rv = CKR_OK;
	EVP_MD_free(md);
	return rv;
}

/* start: OpenSSL's context; of a hash it gets all that is signed as it stands (message-encoding 0). */
static CK_RV start(struct op *op, struct pq_sign *g, CK_HEDGE_TYPE hedge)
{
	OSSL_LIB_CTX *lib = module_crypto()->lib;
	int deterministic = hedge == CKH_DETERMINISTIC_REQUIRED, encoding = g->hash == NULL;
	OSSL_PARAM params[4], *p = params;
	int ok;

	*p++ = OSSL_PARAM_construct_int("message-encoding", &encoding);
	if (op->use == CKF_SIGN)
		*p++ = OSSL_PARAM_construct_int("deterministic", &deterministic);
	if (g->hash == NULL && g->context_len > 0)
		*p++ = OSSL_PARAM_construct_octet_string("context-string", g->context, g->context_len);
	*p = OSSL_PARAM_construct_end();
	g->ctx = EVP_MD_CTX_new();
	if (g->ctx == NULL)
		return CKR_HOST_MEMORY;
	ok = op->use == CKF_SIGN ? EVP_DigestSignInit_ex(g->ctx, NULL, NULL, lib, NULL, g->pkey, params)
				 : EVP_DigestVerifyInit_ex(g->ctx, NULL, NULL, lib, NULL, g->pkey, params);
	return ok == 1 ? CKR_OK : CKR_GENERAL_ERROR;
}

static CK_RV init(struct op *op, struct session *s, const CK_MECHANISM *m, struct object *key)
{
	const struct pq_sign_arg *a = op->row->arg;
	const CK_SIGN_ADDITIONAL_CONTEXT *p = m->ulParameterLen > 0 ? m->pParameter : NULL;
	const CK_HASH_SIGN_ADDITIONAL_CONTEXT *hashed = m->pParameter;
	struct pq_sign *g = calloc(1, sizeof(*g));
	CK_RV rv;

	if (g == NULL)
		return CKR_HOST_MEMORY;
	op->state = g;
	rv = key_pkey(key, &g->pkey);
	if (rv != CKR_OK)
		return rv;
	op->out_len = (size_t)EVP_PKEY_get_size(g->pkey);
	/* Both parameters begin alike. */
	if (p != NULL && p->ulContextLen > 0) {
		memcpy(g->context, p->pContext, p->ulContextLen);
		g->context_len = p->ulContextLen;
	}
	if (a->kind == PQ_HASHED)
		g->hash = hash_by_type(hashed->hash);
	if (a->kind == PQ_HASHES)
		rv = start_digest(g, a->md);
	return rv == CKR_OK ? start(op, g, p == NULL ? CKH_HEDGE_PREFERRED : p->hedgeVariant) : rv;
}

static void done(struct op *op)
{
	struct pq_sign *g = op->state;

	if (g == NULL)
		return;
	hold_done(&g->held);
	EVP_MD_CTX_free(g->digest);
	EVP_MD_CTX_free(g->ctx);
	EVP_PKEY_free(g->pkey);
	free(g);
}

static CK_RV update(struct op *op, struct view data)
{
	struct pq_sign *g = op->state;

	if (g->digest == NULL)
		return hold_put(&g->held, data);
	return EVP_DigestUpdate(g->digest, data.p, data.n) == 1 ? CKR_OK : CKR_GENERAL_ERROR;
}

/* hash_of: the hash, made or handed in. */
static CK_RV hash_of(struct op *op, struct view data, uint8_t made[EVP_MAX_MD_SIZE], struct view *ret)
{
	struct pq_sign *g = op->state;
	bool extends = g->hash->type == CK_UNAVAILABLE_INFORMATION;
	unsigned n = 0;
	CK_RV rv = CKR_OK;

	if (g->digest == NULL) {
		*ret = data;
		return data.n == g->hash->len ? CKR_OK : CKR_DATA_LEN_RANGE;
	}
	if (data.p != NULL)
		rv = update(op, data);
	if (rv != CKR_OK)
		return rv;
	if ((extends ? EVP_DigestFinalXOF(g->digest, made, g->hash->len) : EVP_DigestFinal_ex(g->digest, made, &n)) !=
	    1)
		return CKR_GENERAL_ERROR;
	*ret = VIEW(made, g->hash->len);
	return CKR_OK;
}

/* message: what OpenSSL gets; built in b when it is of a hash. */
static CK_RV message(struct op *op, struct view data, struct buf *b, struct view *ret)
{
	static const uint8_t oid[] = { 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02 };
	struct pq_sign *g = op->state;
	uint8_t made[EVP_MAX_MD_SIZE];
	struct view v;
	CK_RV rv;

	if (g->hash == NULL) {
		v = data.p != NULL ? data : hold_view(&g->held);
		*ret = v.p != NULL ? v : VIEW_STR("");
		return CKR_OK;
	}
	rv = hash_of(op, data, made, &v);
	if (rv != CKR_OK)
		return rv;
	buf_put_u8(b, 1);
	buf_put_u8(b, (uint8_t)g->context_len);
	buf_put(b, g->context, g->context_len);
	buf_put(b, oid, sizeof(oid));
	buf_put_u8(b, g->hash->oid);
	buf_put_view(b, v);
	*ret = buf_view(b);
	return buf_ok(b) ? CKR_OK : CKR_HOST_MEMORY;
}

static CK_RV sign(struct op *op, struct view data, uint8_t *out)
{
	struct pq_sign *g = op->state;
	size_t n = op->out_len;
	BUF_AUTO b = { 0 };
	struct view v;
	CK_RV rv = message(op, data, &b, &v);

	if (rv != CKR_OK)
		return rv;
	return EVP_DigestSign(g->ctx, out, &n, v.p, v.n) == 1 && n == op->out_len ? CKR_OK : CKR_FUNCTION_FAILED;
}

static CK_RV final(struct op *op, uint8_t *out)
{
	return sign(op, VIEW(NULL, 0), out);
}

static CK_RV verify(struct op *op, struct view data, struct view signature)
{
	struct pq_sign *g = op->state;
	BUF_AUTO b = { 0 };
	struct view v;
	CK_RV rv = message(op, data, &b, &v);

	if (rv != CKR_OK)
		return rv;
	return EVP_DigestVerify(g->ctx, signature.p, signature.n, v.p, v.n) == 1 ? CKR_OK : CKR_SIGNATURE_INVALID;
}

const struct mech_ops pq_sign_ops = {
	.init = init,
	.done = done,
	.update = update,
	.final = final,
	.sign = sign,
	.verify = verify,
};
