/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_ec.h"
#include "ec.h"
#include "hold.h"
#include "key.h"
#include <openssl/params.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/*
 * EdDSA (RFC 8032). The schemes by parameter, as PKCS#11 maps them: Ed25519 takes none; CK_EDDSA_PARAMS make it
 * Ed25519ctx (which wants a context) or Ed25519ph; Ed448 and Ed448ph want CK_EDDSA_PARAMS always. OpenSSL before 3.2
 * takes a context and signs without it, so each scheme beyond the two plain ones is used only after it gave the RFC's
 * signature. OpenSSL signs in one part: the message is held until the end.
 */
#define CONTEXT_MAX 255

enum scheme { ED25519, ED25519CTX, ED25519PH, ED448, ED448_CONTEXT, ED448PH, SCHEMES };

/* What the RFC signs with a scheme, and R, the first half of the signature. NULL: nothing to prove. */
static const struct proof {
	const char *instance;
	const char *curve;
	struct view key, message, context, r;
} proofs[SCHEMES] = {
	[ED25519] = { .instance = "Ed25519" },
	[ED25519CTX] = { "Ed25519ctx", "ED25519",
			 VIEW_STR("\x03\x05\x33\x4e\x38\x1a\xf7\x8f\x14\x1c\xb6\x66\xf6\x19\x9f\x57"
				  "\xbc\x34\x95\x33\x5a\x25\x6a\x95\xbd\x2a\x55\xbf\x54\x66\x63\xf6"),
			 VIEW_STR("\xf7\x26\x93\x6d\x19\xc8\x00\x49\x4e\x3f\xda\xff\x20\xb2\x76\xa8"), VIEW_STR("foo"),
			 VIEW_STR("\x55\xa4\xcc\x2f\x70\xa5\x4e\x04\x28\x8c\x5f\x4c\xd1\xe4\x5a\x7b"
				  "\xb5\x20\xb3\x62\x92\x91\x18\x76\xca\xda\x73\x23\x19\x8d\xd8\x7a") },
	[ED25519PH] = { "Ed25519ph",
			"ED25519",
			VIEW_STR("\x83\x3f\xe6\x24\x09\x23\x7b\x9d\x62\xec\x77\x58\x75\x20\x91\x1e"
				 "\x9a\x75\x9c\xec\x1d\x19\x75\x5b\x7d\xa9\x01\xb9\x6d\xca\x3d\x42"),
			VIEW_STR("abc"),
			{ 0 },
			VIEW_STR("\x98\xa7\x02\x22\xf0\xb8\x12\x1a\xa9\xd3\x0f\x81\x3d\x68\x3f\x80"
				 "\x9e\x46\x2b\x46\x9c\x7f\xf8\x76\x39\x49\x9b\xb9\x4e\x6d\xae\x41") },
	[ED448] = { .instance = "Ed448" },
	[ED448_CONTEXT] = { "Ed448", "ED448",
			    VIEW_STR("\xc4\xea\xb0\x5d\x35\x70\x07\xc6\x32\xf3\xdb\xb4\x84\x89\x92\x4d\x55\x2b\x08\xfe"
				     "\x0c\x35\x3a\x0d\x4a\x1f\x00\xac\xda\x2c\x46\x3a\xfb\xea\x67\xc5\xe8\xd2\x87\x7c"
				     "\x5e\x3b\xc3\x97\xa6\x59\x94\x9e\xf8\x02\x1e\x95\x4e\x0a\x12\x27\x4e"),
			    VIEW_STR("\x03"), VIEW_STR("foo"),
			    VIEW_STR("\xd4\xf8\xf6\x13\x17\x70\xdd\x46\xf4\x08\x67\xd6\xfd\x5d\x50\x55\xde\x43\x54\x1f"
				     "\x8c\x5e\x35\xab\xbc\xd0\x01\xb3\x2a\x89\xf7\xd2\x15\x1f\x76\x47\xf1\x1d\x8c\xa2"
				     "\xae\x27\x9f\xb8\x42\xd6\x07\x21\x7f\xce\x6e\x04\x2f\x68\x15\xea\x00") },
	[ED448PH] = { "Ed448ph", "ED448",
		      VIEW_STR("\x83\x3f\xe6\x24\x09\x23\x7b\x9d\x62\xec\x77\x58\x75\x20\x91\x1e\x9a\x75\x9c\xec"
			       "\x1d\x19\x75\x5b\x7d\xa9\x01\xb9\x6d\xca\x3d\x42\xef\x78\x22\xe0\xd5\x10\x41\x27"
			       "\xdc\x05\xd6\xdb\xef\xde\x69\xe3\xab\x2c\xec\x7c\x86\x7c\x6e\x2c\x49"),
		      VIEW_STR("abc"), VIEW_STR("foo"),
		      VIEW_STR("\xc3\x22\x99\xd4\x6e\xc8\xff\x02\xb5\x45\x40\x98\x28\x14\xdc\xe9\xa0\x58\x12\xf8"
			       "\x19\x62\xb6\x49\xd5\x28\x09\x59\x16\xa2\xaa\x48\x10\x65\xb1\x58\x04\x23\xef\x92"
			       "\x7e\xcf\x0a\xf5\x88\x8f\x90\xda\x0f\x6a\x9a\x85\xad\x5d\xc3\xf2\x80") },
};

/* start: a context for one signature or verification by a scheme; OpenSSL before 3.2 passes over both parameters. */
static EVP_MD_CTX *start(enum scheme scheme, EVP_PKEY *pkey, struct view context, bool sign)
{
	OSSL_PARAM params[3], *p = params;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	OSSL_LIB_CTX *lib = module_crypto()->lib;
	int ok;

	*p++ = OSSL_PARAM_construct_utf8_string("instance", (char *)(uintptr_t)proofs[scheme].instance, 0);
	if (context.n > 0)
		*p++ = OSSL_PARAM_construct_octet_string("context-string", (void *)(uintptr_t)context.p, context.n);
	*p = OSSL_PARAM_construct_end();
	if (ctx == NULL)
		return NULL;
	ok = sign ? EVP_DigestSignInit_ex(ctx, NULL, NULL, lib, NULL, pkey, params)
		  : EVP_DigestVerifyInit_ex(ctx, NULL, NULL, lib, NULL, pkey, params);
	if (ok != 1) {
		EVP_MD_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

static bool gives_the_signature(enum scheme scheme)
{
	const struct proof *proof = &proofs[scheme];
	EVP_PKEY *pkey = ec_private(ec_curve_named(proof->curve), proof->key);
	EVP_MD_CTX *ctx = pkey == NULL ? NULL : start(scheme, pkey, proof->context, true);
	uint8_t out[EVP_MAX_MD_SIZE * 2];
	size_t n = sizeof(out);
	bool ok = ctx != NULL && EVP_DigestSign(ctx, out, &n, proof->message.p, proof->message.n) == 1 &&
		  n == 2 * proof->r.n && memcmp(out, proof->r.p, proof->r.n) == 0;

	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return ok;
}

/* proven: asked once per process; two threads may both do the work. */
static bool proven(enum scheme scheme)
{
	enum { UNKNOWN, YES, NO };
	static atomic_int known[SCHEMES];
	int answer = atomic_load(&known[scheme]);

	if (proofs[scheme].curve == NULL)
		return true;
	if (answer == UNKNOWN) {
		answer = gives_the_signature(scheme) ? YES : NO;
		atomic_store(&known[scheme], answer);
	}
	return answer == YES;
}

static CK_RV check(const struct mech_row *row, const CK_MECHANISM *m)
{
	const CK_EDDSA_PARAMS *p = m->pParameter;

	if (p->phFlag > CK_TRUE || p->ulContextDataLen > CONTEXT_MAX ||
	    (p->pContextData == NULL && p->ulContextDataLen > 0))
		return CKR_MECHANISM_PARAM_INVALID;
	return CKR_OK;
}

const struct mech_param param_eddsa = {
	.text = "CK_EDDSA_PARAMS; none for Ed25519",
	.size = sizeof(CK_EDDSA_PARAMS),
	.optional = true,
	.check = check,
};

static CK_RV scheme_of(const struct ec_curve *c, const CK_MECHANISM *m, enum scheme *ret)
{
	const CK_EDDSA_PARAMS *p = m->ulParameterLen > 0 ? m->pParameter : NULL;
	bool large = strcmp(c->openssl, "ED448") == 0;
	enum scheme scheme;

	if (p == NULL)
		scheme = ED25519;
	else if (p->phFlag)
		scheme = large ? ED448PH : ED25519PH;
	else if (large)
		scheme = p->ulContextDataLen > 0 ? ED448_CONTEXT : ED448;
	else
		scheme = ED25519CTX;
	if ((p == NULL && large) || (scheme == ED25519CTX && p->ulContextDataLen == 0) || !proven(scheme))
		return CKR_MECHANISM_PARAM_INVALID;
	*ret = scheme;
	return CKR_OK;
}

struct eddsa {
	EVP_PKEY *pkey;
	EVP_MD_CTX *ctx;
	struct hold held; /* the message, when it comes in parts */
};

static CK_RV init(struct op *op, struct session *s, const CK_MECHANISM *m, struct object *key)
{
	const CK_EDDSA_PARAMS *p = m->ulParameterLen > 0 ? m->pParameter : NULL;
	struct eddsa *e = calloc(1, sizeof(*e));
	enum scheme scheme = ED25519;
	CK_RV rv;

	if (e == NULL)
		return CKR_HOST_MEMORY;
	op->state = e;
	rv = scheme_of(ec_curve_of(key), m, &scheme);
	if (rv == CKR_OK)
		rv = key_pkey(key, &e->pkey);
	if (rv != CKR_OK)
		return rv;
	op->out_len = (size_t)EVP_PKEY_get_size(e->pkey);
	e->ctx = start(scheme, e->pkey, p == NULL ? VIEW(NULL, 0) : VIEW(p->pContextData, p->ulContextDataLen),
		       op->use == CKF_SIGN);
	return e->ctx == NULL ? CKR_GENERAL_ERROR : CKR_OK;
}

static void done(struct op *op)
{
	struct eddsa *e = op->state;

	if (e == NULL)
		return;
	hold_done(&e->held);
	EVP_MD_CTX_free(e->ctx);
	EVP_PKEY_free(e->pkey);
	free(e);
}

static CK_RV update(struct op *op, struct view data)
{
	struct eddsa *e = op->state;

	return hold_put(&e->held, data);
}

/* message: never a NULL pointer. */
static struct view message(const struct eddsa *e, struct view data)
{
	struct view v = data.p != NULL ? data : hold_view(&e->held);

	return v.p != NULL ? v : VIEW_STR("");
}

static CK_RV sign(struct op *op, struct view data, uint8_t *out)
{
	struct eddsa *e = op->state;
	struct view v = message(e, data);
	size_t n = op->out_len;

	return EVP_DigestSign(e->ctx, out, &n, v.p, v.n) == 1 && n == op->out_len ? CKR_OK : CKR_FUNCTION_FAILED;
}

static CK_RV final(struct op *op, uint8_t *out)
{
	return sign(op, VIEW(NULL, 0), out);
}

static CK_RV verify(struct op *op, struct view data, struct view signature)
{
	struct eddsa *e = op->state;
	struct view v = message(e, data);

	return EVP_DigestVerify(e->ctx, signature.p, signature.n, v.p, v.n) == 1 ? CKR_OK : CKR_SIGNATURE_INVALID;
}

const struct mech_ops eddsa_ops = {
	.init = init,
	.done = done,
	.update = update,
	.final = final,
	.sign = sign,
	.verify = verify,
};
