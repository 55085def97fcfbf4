/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_rsa.h"
#include "mech_family.h"
#include "key.h"
#include <stdlib.h>
#include <string.h>

/* RSA encryption: OAEP, PKCS#1 v1.5, bare; single part only. The last two sign as well (mech_rsa.c). */

struct rsa_crypt {
	EVP_PKEY *pkey;
	struct rsa_oaep p; /* OAEP */
	struct buf label;
	struct secret reject; /* decryption of PKCS#1 v1.5 */
	size_t overhead;      /* bytes of the modulus that the padding takes */
};

static CK_RV oaep_start(struct rsa_crypt *r, const CK_MECHANISM *m)
{
	r->p = rsa_oaep_of(m->pParameter);
	r->overhead = 2 * (size_t)EVP_MD_get_size(crypto_md_of(module_crypto(), r->p.hash)) + 2;
	buf_put_view(&r->label, r->p.label);
	if (!buf_ok(&r->label))
		return CKR_HOST_MEMORY;
	r->p.label = buf_view(&r->label);
	return CKR_OK;
}

static bool signs(const struct op *op)
{
	return op->use != CKF_ENCRYPT && op->use != CKF_DECRYPT;
}

static CK_RV init(struct op *op, struct session *s, const CK_MECHANISM *m, struct object *key)
{
	const struct rsa_arg *a = op->row->arg;
	struct rsa_crypt *r;
	CK_RV rv = CKR_OK;

	if (signs(op))
		return rsa_sign_init(op, s, m, key);
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return CKR_HOST_MEMORY;
	op->state = r;
	if (a->scheme == RSA_SCHEME_OAEP)
		rv = oaep_start(r, m);
	if (a->scheme == RSA_SCHEME_PKCS1)
		r->overhead = 11;
	if (rv == CKR_OK && a->scheme == RSA_SCHEME_PKCS1 && op->use == CKF_DECRYPT)
		rv = rsa_reject_key(key, &r->reject);
	if (rv == CKR_OK)
		rv = key_pkey(key, &r->pkey);
	if (rv == CKR_OK && (size_t)EVP_PKEY_get_size(r->pkey) < r->overhead)
		rv = CKR_MECHANISM_PARAM_INVALID; /* the hash is too long for this key */
	return rv;
}

static void done(struct op *op)
{
	struct rsa_crypt *r = op->state;

	if (signs(op)) {
		rsa_sign_done(op);
		return;
	}
	if (r == NULL)
		return;
	EVP_PKEY_free(r->pkey);
	buf_done(&r->label);
	secret_done(&r->reject);
	free(r);
}

static size_t bound(const struct op *op, enum mech_part part, size_t in_len)
{
	const struct rsa_crypt *r = op->state;
	size_t n = (size_t)EVP_PKEY_get_size(r->pkey);

	return op->use == CKF_ENCRYPT ? n : n - r->overhead;
}

static CK_RV encrypt(struct op *op, struct view in, uint8_t *out)
{
	const struct rsa_arg *a = op->row->arg;
	struct rsa_crypt *r = op->state;

	if (a->scheme == RSA_SCHEME_OAEP)
		return rsa_oaep_encrypt(r->pkey, &r->p, in, out);
	if (a->scheme == RSA_SCHEME_PKCS1)
		return rsa_pkcs1_encrypt(r->pkey, in, out);
	return rsa_raw(r->pkey, RSA_PUBLIC, in, out);
}

static CK_RV decrypt(struct op *op, struct view in, struct secret *ret)
{
	const struct rsa_arg *a = op->row->arg;
	struct rsa_crypt *r = op->state;
	SECRET_AUTO plain = { 0 };
	CK_RV rv;

	if (a->scheme == RSA_SCHEME_OAEP)
		return rsa_oaep_decrypt(r->pkey, &r->p, in, ret);
	if (a->scheme == RSA_SCHEME_PKCS1)
		return rsa_pkcs1_decrypt(r->pkey, &r->reject, in, NULL, ret);
	if (!secret_init(&plain, in.n))
		return CKR_HOST_MEMORY;
	rv = rsa_raw(r->pkey, RSA_PRIVATE, in, plain.p);
	if (rv != CKR_OK)
		return rv == CKR_DATA_INVALID ? CKR_ENCRYPTED_DATA_INVALID : rv;
	plain.len = in.n;
	secret_move(ret, &plain);
	return CKR_OK;
}

static CK_RV crypt(struct op *op, enum mech_part part, struct view in, uint8_t *out, size_t room, size_t *ret_len)
{
	struct rsa_crypt *r = op->state;
	size_t n = (size_t)EVP_PKEY_get_size(r->pkey);
	SECRET_AUTO plain = { 0 };
	CK_RV rv;

	if (op->use == CKF_ENCRYPT) {
		if (room < n) {
			*ret_len = n;
			return CKR_BUFFER_TOO_SMALL;
		}
		rv = encrypt(op, in, out);
		if (rv == CKR_OK)
			*ret_len = n;
		return rv;
	}
	if (in.n != n)
		return CKR_ENCRYPTED_DATA_LEN_RANGE;
	rv = decrypt(op, in, &plain);
	if (rv != CKR_OK)
		return rv;
	*ret_len = plain.len;
	if (room < plain.len)
		return CKR_BUFFER_TOO_SMALL;
	if (plain.len > 0)
		memcpy(out, plain.p, plain.len);
	return CKR_OK;
}

const struct mech_ops rsa_oaep_ops = {
	.init = init,
	.done = done,
	.bound = bound,
	.crypt = crypt,
	.wrap = rsa_wrap,
	.unwrap = rsa_unwrap,
};

const struct mech_ops rsa_all_ops = {
	.init = init,
	.done = done,
	.sign = rsa_sign_single,
	.verify = rsa_sign_verify,
	.recover = rsa_sign_recover,
	.bound = bound,
	.crypt = crypt,
	.wrap = rsa_wrap,
	.unwrap = rsa_unwrap,
};
