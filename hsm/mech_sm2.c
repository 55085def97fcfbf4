/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_ec.h"
#include "dsa_sig.h"
#include "key.h"
#include <openssl/ec.h>
#include <stdlib.h>
#include <string.h>

/* SM2 (GB/T 32918): signatures over a message with the signer's identifier, or over e; encryption as C1 || C3 || C2. */

#define HALF 32 /* bytes of a number */
#define HASH 32 /* SM3 */
#define ID_MAX 8190
#define POINT (2 * HALF + 1)
#define OVERHEAD (POINT + HASH)
#define PLAIN_MAX 65536

static CK_RV check(const struct mech_row *row, const CK_MECHANISM *m)
{
	const struct sr_sm2_params *p = m->pParameter;

	return p->ulIdLen > ID_MAX || (p->pId == NULL && p->ulIdLen > 0) ? CKR_MECHANISM_PARAM_INVALID : CKR_OK;
}

const struct mech_param param_sm2 = {
	.text = "none, or struct sr_sm2_params",
	.size = sizeof(struct sr_sm2_params),
	.optional = true,
	.check = check,
};

/* Signatures: by ctx over e, by digest over a message. */

struct sm2_sign {
	EVP_PKEY *pkey;
	EVP_PKEY_CTX *ctx;
	EVP_MD_CTX *digest;
};

/* start_message: the identifier goes in before any byte of the message. */
static CK_RV start_message(struct op *op, struct sm2_sign *g, const CK_MECHANISM *m)
{
	const struct sr_sm2_params *p = m->ulParameterLen > 0 ? m->pParameter : NULL;
	struct view id = p == NULL ? VIEW_STR("1234567812345678") : VIEW(p->pId, p->ulIdLen);
	OSSL_LIB_CTX *lib = module_crypto()->lib;
	EVP_PKEY_CTX *ctx = NULL;
	int ok;

	g->digest = EVP_MD_CTX_new();
	if (g->digest == NULL)
		return CKR_HOST_MEMORY;
	ok = op->use == CKF_SIGN ? EVP_DigestSignInit_ex(g->digest, &ctx, "SM3", lib, NULL, g->pkey, NULL)
				 : EVP_DigestVerifyInit_ex(g->digest, &ctx, "SM3", lib, NULL, g->pkey, NULL);
	if (ok != 1 || (id.n > 0 && EVP_PKEY_CTX_set1_id(ctx, id.p, (int)id.n) != 1))
		return CKR_GENERAL_ERROR;
	return CKR_OK;
}

static CK_RV sign_init(struct op *op, struct session *s, const CK_MECHANISM *m, struct object *key)
{
	struct sm2_sign *g = calloc(1, sizeof(*g));
	CK_RV rv;

	if (g == NULL)
		return CKR_HOST_MEMORY;
	op->state = g;
	op->out_len = 2 * HALF;
	rv = key_pkey(key, &g->pkey);
	if (rv != CKR_OK || op->row->type == CKM_SR_SM2_SM3)
		return rv == CKR_OK ? start_message(op, g, m) : rv;
	g->ctx = EVP_PKEY_CTX_new_from_pkey(module_crypto()->lib, g->pkey, NULL);
	if (g->ctx == NULL)
		return CKR_HOST_MEMORY;
	return (op->use == CKF_SIGN ? EVP_PKEY_sign_init(g->ctx) : EVP_PKEY_verify_init(g->ctx)) == 1
		   ? CKR_OK
		   : CKR_GENERAL_ERROR;
}

static void sign_done(struct op *op)
{
	struct sm2_sign *g = op->state;

	if (g == NULL)
		return;
	EVP_MD_CTX_free(g->digest);
	EVP_PKEY_CTX_free(g->ctx);
	EVP_PKEY_free(g->pkey);
	free(g);
}

static CK_RV sign_update(struct op *op, struct view data)
{
	struct sm2_sign *g = op->state;
	int ok = op->use == CKF_SIGN ? EVP_DigestSignUpdate(g->digest, data.p, data.n)
				     : EVP_DigestVerifyUpdate(g->digest, data.p, data.n);

	return ok == 1 ? CKR_OK : CKR_GENERAL_ERROR;
}

static CK_RV sign(struct op *op, struct view data, uint8_t *out)
{
	struct sm2_sign *g = op->state;
	uint8_t der[2 * HALF + 16];
	size_t n = sizeof(der);
	CK_RV rv = CKR_OK;
	int ok;

	if (g->digest == NULL && data.n != HASH)
		return CKR_DATA_LEN_RANGE;
	if (g->digest != NULL && data.p != NULL)
		rv = sign_update(op, data);
	if (rv != CKR_OK)
		return rv;
	ok = g->digest != NULL ? EVP_DigestSignFinal(g->digest, der, &n)
			       : EVP_PKEY_sign(g->ctx, der, &n, data.p, data.n);
	return ok == 1 && dsa_sig_raw(VIEW(der, n), HALF, out) ? CKR_OK : CKR_FUNCTION_FAILED;
}

static CK_RV sign_final(struct op *op, uint8_t *out)
{
	return sign(op, VIEW(NULL, 0), out);
}

static CK_RV verify(struct op *op, struct view data, struct view signature)
{
	struct sm2_sign *g = op->state;
	BUF_AUTO der = { 0 };
	CK_RV rv = CKR_OK;
	int ok;

	if (g->digest == NULL && data.n != HASH)
		return CKR_DATA_LEN_RANGE;
	if (g->digest != NULL && data.p != NULL)
		rv = sign_update(op, data);
	if (rv != CKR_OK)
		return rv;
	if (!dsa_sig_der(signature, &der))
		return CKR_HOST_MEMORY;
	ok = g->digest != NULL ? EVP_DigestVerifyFinal(g->digest, der.p, der.len)
			       : EVP_PKEY_verify(g->ctx, der.p, der.len, data.p, data.n);
	return ok == 1 ? CKR_OK : CKR_SIGNATURE_INVALID;
}

const struct mech_ops sm2_sign_ops = {
	.init = sign_init,
	.done = sign_done,
	.update = sign_update,
	.final = sign_final,
	.sign = sign,
	.verify = verify,
};

/* Encryption. OpenSSL has a DER SEQUENCE of x and y (INTEGER), C3 and C2 (OCTET STRING). */

#define TAG_INTEGER 0x02
#define TAG_OCTETS 0x04
#define TAG_SEQUENCE 0x30

static void put_header(struct buf *b, uint8_t tag, size_t n)
{
	buf_put_u8(b, tag);
	if (n >= 0x10000) {
		buf_put_u8(b, 0x83);
		buf_put_u8(b, (uint8_t)(n >> 16));
		buf_put_u16(b, (uint16_t)n);
	} else if (n >= 0x100) {
		buf_put_u8(b, 0x82);
		buf_put_u16(b, (uint16_t)n);
	} else {
		if (n >= 0x80)
			buf_put_u8(b, 0x81);
		buf_put_u8(b, (uint8_t)n);
	}
}

static void put_integer(struct buf *b, struct view v)
{
	while (v.n > 1 && v.p[0] == 0)
		v = VIEW(v.p + 1, v.n - 1);
	put_header(b, TAG_INTEGER, v.n + (v.p[0] >= 0x80));
	if (v.p[0] >= 0x80)
		buf_put_u8(b, 0);
	buf_put_view(b, v);
}

/* to_der: raw.n is more than OVERHEAD. */
static bool to_der(struct view raw, struct buf *out)
{
	BUF_AUTO body = { 0 };

	put_integer(&body, VIEW(raw.p + 1, HALF));
	put_integer(&body, VIEW(raw.p + 1 + HALF, HALF));
	put_header(&body, TAG_OCTETS, HASH);
	buf_put(&body, raw.p + POINT, HASH);
	put_header(&body, TAG_OCTETS, raw.n - OVERHEAD);
	buf_put(&body, raw.p + OVERHEAD, raw.n - OVERHEAD);
	put_header(out, TAG_SEQUENCE, body.len);
	buf_put_view(out, buf_view(&body));
	return buf_ok(&body) && buf_ok(out);
}

static struct view take(struct reader *r, uint8_t tag)
{
	size_t n;

	if (reader_u8(r) != tag)
		r->failed = true;
	n = reader_u8(r);
	if (n >= 0x80) {
		size_t octets = n & 0x7f;

		if (octets > 3)
			r->failed = true;
		n = 0;
		for (size_t i = 0; i < octets && !r->failed; i++)
			n = n << 8 | reader_u8(r);
	}
	return reader_bytes(r, n);
}

static bool put_number(struct view integer, uint8_t ret[HALF])
{
	while (integer.n > HALF && integer.p[0] == 0)
		integer = VIEW(integer.p + 1, integer.n - 1);
	if (integer.n == 0 || integer.n > HALF)
		return false;
	memset(ret, 0, HALF - integer.n);
	memcpy(ret + HALF - integer.n, integer.p, integer.n);
	return true;
}

/* of_der: what OpenSSL wrote, into n + OVERHEAD bytes. */
static bool of_der(struct view der, size_t n, uint8_t *ret)
{
	struct reader all = reader_of(der);
	struct reader r = reader_of(take(&all, TAG_SEQUENCE));
	struct view x = take(&r, TAG_INTEGER), y = take(&r, TAG_INTEGER);
	struct view c3 = take(&r, TAG_OCTETS), c2 = take(&r, TAG_OCTETS);

	if (!reader_done(&all) || !reader_done(&r) || c3.n != HASH || c2.n != n || !put_number(x, ret + 1) ||
	    !put_number(y, ret + 1 + HALF))
		return false;
	ret[0] = 4;
	memcpy(ret + POINT, c3.p, HASH);
	memcpy(ret + OVERHEAD, c2.p, n);
	return true;
}

static CK_RV encrypt(EVP_PKEY *pkey, struct view in, uint8_t *out)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(module_crypto()->lib, pkey, NULL);
	CK_RV rv = CKR_FUNCTION_FAILED;
	uint8_t *der = NULL;
	size_t n = 0;

	if (ctx == NULL)
		return CKR_HOST_MEMORY;
	if (EVP_PKEY_encrypt_init(ctx) != 1 || EVP_PKEY_encrypt(ctx, NULL, &n, in.p, in.n) != 1)
		goto out;
	der = malloc(n);
	if (der == NULL)
		rv = CKR_HOST_MEMORY;
	else if (EVP_PKEY_encrypt(ctx, der, &n, in.p, in.n) == 1 && of_der(VIEW(der, n), in.n, out))
		rv = CKR_OK;
out:
	free(der);
	EVP_PKEY_CTX_free(ctx);
	return rv;
}

/* decrypt: every fault of the ciphertext is CKR_ENCRYPTED_DATA_INVALID. */
static CK_RV decrypt(EVP_PKEY *pkey, struct view in, struct secret *ret)
{
	EVP_PKEY_CTX *ctx;
	CK_RV rv = CKR_ENCRYPTED_DATA_INVALID;
	SECRET_AUTO plain = { 0 };
	BUF_AUTO der = { 0 };
	size_t n;

	if (in.p[0] != 4)
		return CKR_ENCRYPTED_DATA_INVALID;
	if (!to_der(in, &der) || !secret_init(&plain, in.n))
		return CKR_HOST_MEMORY;
	ctx = EVP_PKEY_CTX_new_from_pkey(module_crypto()->lib, pkey, NULL);
	if (ctx == NULL)
		return CKR_HOST_MEMORY;
	n = plain.room;
	if (EVP_PKEY_decrypt_init(ctx) == 1 && EVP_PKEY_decrypt(ctx, plain.p, &n, der.p, der.len) == 1 &&
	    n == in.n - OVERHEAD) {
		plain.len = n;
		secret_move(ret, &plain);
		rv = CKR_OK;
	}
	EVP_PKEY_CTX_free(ctx);
	return rv;
}

static CK_RV crypt_init(struct op *op, struct session *s, const CK_MECHANISM *m, struct object *key)
{
	EVP_PKEY *pkey = NULL;
	CK_RV rv = key_pkey(key, &pkey);

	op->state = pkey;
	return rv;
}

static void crypt_done(struct op *op)
{
	EVP_PKEY_free(op->state);
}

static size_t bound(const struct op *op, enum mech_part part, size_t in_len)
{
	if (op->use == CKF_ENCRYPT)
		return in_len + OVERHEAD;
	return in_len > OVERHEAD ? in_len - OVERHEAD : 0;
}

static CK_RV crypt(struct op *op, enum mech_part part, struct view in, uint8_t *out, size_t room, size_t *ret_len)
{
	size_t need = bound(op, part, in.n);
	SECRET_AUTO plain = { 0 };
	CK_RV rv;

	if (op->use == CKF_ENCRYPT && (in.n == 0 || in.n > PLAIN_MAX))
		return CKR_DATA_LEN_RANGE;
	if (op->use == CKF_DECRYPT && (in.n <= OVERHEAD || in.n > PLAIN_MAX + OVERHEAD))
		return CKR_ENCRYPTED_DATA_LEN_RANGE;
	if (room < need) {
		*ret_len = need;
		return CKR_BUFFER_TOO_SMALL;
	}
	if (op->use == CKF_ENCRYPT) {
		rv = encrypt(op->state, in, out);
	} else {
		rv = decrypt(op->state, in, &plain);
		if (rv == CKR_OK)
			memcpy(out, plain.p, plain.len);
	}
	if (rv == CKR_OK)
		*ret_len = need;
	return rv;
}

static CK_RV wrap(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *wrapping,
		  struct object *key, uint8_t *out, CK_ULONG *len)
{
	SECRET_AUTO form = { 0 };
	EVP_PKEY *pkey = NULL;
	uint8_t *wrapped = NULL;
	CK_RV rv;

	if (object_class(key) != CKO_SECRET_KEY)
		return CKR_KEY_NOT_WRAPPABLE;
	rv = mech_wrapped_form(key, &form);
	if (rv == CKR_OK)
		rv = key_pkey(wrapping, &pkey);
	if (rv == CKR_OK && (wrapped = malloc(form.len + OVERHEAD)) == NULL)
		rv = CKR_HOST_MEMORY;
	if (rv == CKR_OK)
		rv = encrypt(pkey, secret_view(&form), wrapped);
	if (rv == CKR_OK)
		rv = mech_output_put(VIEW(wrapped, form.len + OVERHEAD), out, len);
	free(wrapped);
	EVP_PKEY_free(pkey);
	return rv;
}

static CK_RV unwrap(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *unwrapping,
		    struct view wrapped, const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	SECRET_AUTO form = { 0 };
	EVP_PKEY *pkey = NULL;
	struct object *o = NULL;
	CK_RV rv;

	if (wrapped.n <= OVERHEAD || wrapped.n > PLAIN_MAX + OVERHEAD)
		return CKR_WRAPPED_KEY_LEN_RANGE;
	rv = mech_unwrap_begin(s, row, unwrapping, t, n, &o);
	if (rv == CKR_OK)
		rv = key_pkey(unwrapping, &pkey);
	if (rv == CKR_OK)
		rv = decrypt(pkey, wrapped, &form);
	if (rv == CKR_OK)
		rv = mech_unwrap_end(s, o, secret_view(&form), false, t, n, ret);
	object_unref(o);
	EVP_PKEY_free(pkey);
	return rv == CKR_ENCRYPTED_DATA_INVALID ? CKR_WRAPPED_KEY_INVALID : rv;
}

const struct mech_ops sm2_crypt_ops = {
	.init = crypt_init,
	.done = crypt_done,
	.bound = bound,
	.crypt = crypt,
	.wrap = wrap,
	.unwrap = unwrap,
};
