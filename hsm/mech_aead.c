/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_aead.h"
#include <stdlib.h>
#include <string.h>

/*
 * The engine of authenticated encryption, and C_Encrypt*, C_Decrypt* on it. Decryption keeps the ciphertext until the
 * end and gives out no byte of plaintext before the tag was verified. CCM needs the whole message at once in OpenSSL:
 * encryption keeps the plaintext, too.
 */

static const EVP_CIPHER *cipher_of(enum aead_kind kind, CK_KEY_TYPE type, size_t key_len)
{
	const struct crypto *c = module_crypto();

	if (type == CKK_SR_SM4)
		return c->cipher[CRYPTO_SM4_GCM];
	if (kind == AEAD_GCM)
		return crypto_aes(c, CRYPTO_AES_128_GCM, key_len);
	if (kind == AEAD_CCM)
		return crypto_aes(c, CRYPTO_AES_128_CCM, key_len);
	return key_len == 32 ? c->cipher[CRYPTO_CHACHA20_POLY1305] : NULL;
}

/* start: the context has key, IV and associated data, and waits for the message. */
static CK_RV start(struct aead *a, const EVP_CIPHER *cipher, const uint8_t *key, struct view iv, struct view aad)
{
	int len;

	a->ctx = EVP_CIPHER_CTX_new();
	if (a->ctx == NULL)
		return CKR_HOST_MEMORY;
	if (EVP_CipherInit_ex2(a->ctx, cipher, NULL, NULL, a->encrypt, NULL) != 1 ||
	    EVP_CIPHER_CTX_ctrl(a->ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)iv.n, NULL) != 1)
		return CKR_GENERAL_ERROR;
	if (a->kind == AEAD_CCM && EVP_CIPHER_CTX_ctrl(a->ctx, EVP_CTRL_AEAD_SET_TAG, (int)a->tag_len, NULL) != 1)
		return CKR_GENERAL_ERROR;
	if (EVP_CipherInit_ex2(a->ctx, NULL, key, iv.p, -1, NULL) != 1)
		return CKR_GENERAL_ERROR;
	if (a->kind == AEAD_CCM && EVP_CipherUpdate(a->ctx, NULL, &len, NULL, (int)a->data_len) != 1)
		return CKR_GENERAL_ERROR;
	if (aad.n > 0 && EVP_CipherUpdate(a->ctx, NULL, &len, aad.p, (int)aad.n) != 1)
		return CKR_GENERAL_ERROR;
	return CKR_OK;
}

CK_RV aead_begin(enum aead_kind kind, const struct object *with, const struct aead_param *p, bool encrypt,
		 struct aead *ret)
{
	struct aead a = { .kind = kind, .encrypt = encrypt, .tag_len = p->tag_len, .data_len = p->data_len };
	struct view key = object_secret(with, CKA_VALUE);
	const EVP_CIPHER *cipher = cipher_of(kind, object_key_type(with), key.n);
	SECRET_AUTO subkey = { 0 };
	uint8_t nonce[12] = { 0 };
	struct view iv = VIEW(p->iv, p->iv_len);
	CK_RV rv = CKR_OK;

	if (cipher == NULL)
		return CKR_KEY_SIZE_RANGE;
	if (kind == AEAD_CHACHA && iv.n == 24) {
		rv = chacha_subkey(key, iv.p, &subkey);
		memcpy(nonce + 4, iv.p + 16, 8);
		iv = VIEW(nonce, sizeof(nonce));
		key = secret_view(&subkey);
	}
	if (rv == CKR_OK)
		rv = start(&a, cipher, key.p, iv, p->aad);
	if (rv != CKR_OK) {
		aead_done(&a);
		return rv;
	}
	*ret = a;
	return CKR_OK;
}

/* ccm: OpenSSL takes the one piece even when it is empty, but wants pointers. */
static bool ccm(struct aead *a, struct view in, uint8_t *out)
{
	uint8_t none = 0;
	int len = 0;

	return EVP_CipherUpdate(a->ctx, in.n > 0 ? out : &none, &len, in.n > 0 ? in.p : &none, (int)in.n) == 1 &&
	       (size_t)len == in.n;
}

CK_RV aead_seal(struct aead *a, struct view in, uint8_t *out)
{
	if (a->kind == AEAD_CCM)
		return ccm(a, in, out) ? CKR_OK : CKR_GENERAL_ERROR;
	return crypto_update(a->ctx, in.p, in.n, out);
}

CK_RV aead_tag(struct aead *a, uint8_t *ret)
{
	uint8_t none[16];
	int len;

	if (EVP_CipherFinal_ex(a->ctx, none, &len) != 1 ||
	    EVP_CIPHER_CTX_ctrl(a->ctx, EVP_CTRL_AEAD_GET_TAG, (int)a->tag_len, ret) != 1)
		return CKR_GENERAL_ERROR;
	return CKR_OK;
}

CK_RV aead_open(struct aead *a, struct view in, const uint8_t *tag, uint8_t *out)
{
	uint8_t copy[AEAD_TAG_MAX], none[16];
	int len;
	CK_RV rv = CKR_GENERAL_ERROR;

	memcpy(copy, tag, a->tag_len); /* the plaintext may stand where the tag stood */
	if (EVP_CIPHER_CTX_ctrl(a->ctx, EVP_CTRL_AEAD_SET_TAG, (int)a->tag_len, copy) != 1)
		goto out;
	if (a->kind == AEAD_CCM) {
		rv = ccm(a, in, out) ? CKR_OK : CKR_ENCRYPTED_DATA_INVALID;
		goto out;
	}
	rv = crypto_update(a->ctx, in.p, in.n, out);
	if (rv == CKR_OK && EVP_CipherFinal_ex(a->ctx, none, &len) != 1)
		rv = CKR_ENCRYPTED_DATA_INVALID;
out:
	if (rv != CKR_OK && in.n > 0)
		memory_wipe(out, in.n);
	return rv;
}

void aead_done(struct aead *a)
{
	EVP_CIPHER_CTX_free(a->ctx);
	hold_done(&a->held);
	*a = (struct aead){ 0 };
}

bool aead_keeps(const struct aead *a)
{
	return !a->encrypt || a->kind == AEAD_CCM;
}

bool aead_len_ok(const struct aead *a, size_t n, bool whole)
{
	return a->kind != AEAD_CCM || (whole ? n == a->data_len : n <= a->data_len);
}

static CK_RV init(struct op *op, struct session *s, const CK_MECHANISM *m, struct object *key)
{
	const struct aead_arg *arg = op->row->arg;
	struct aead_param p;
	struct aead *a;
	CK_RV rv = aead_read_plain(arg->kind, m->pParameter, m->ulParameterLen, &p);

	if (rv != CKR_OK)
		return rv;
	a = calloc(1, sizeof(*a));
	if (a == NULL)
		return CKR_HOST_MEMORY;
	op->state = a;
	return aead_begin(arg->kind, key, &p, op->use == CKF_ENCRYPT, a);
}

static void done(struct op *op)
{
	if (op->state != NULL)
		aead_done(op->state);
	free(op->state);
}

/* len_fault: the whole message is in.n bytes behind what is held; decrypting, with its tag. */
static CK_RV len_fault(const struct aead *a, enum mech_part part, size_t total)
{
	CK_RV fault = a->encrypt ? CKR_DATA_LEN_RANGE : CKR_ENCRYPTED_DATA_LEN_RANGE;
	size_t tag = a->encrypt ? 0 : a->tag_len;

	if (part != MECH_UPDATE)
		return total >= tag && aead_len_ok(a, total - tag, true) ? CKR_OK : fault;
	return total <= tag || aead_len_ok(a, total - tag, false) ? CKR_OK : fault;
}

static size_t bound(const struct op *op, enum mech_part part, size_t in_len)
{
	const struct aead *a = op->state;
	size_t total = a->held.len + in_len;

	if (part == MECH_UPDATE)
		return aead_keeps(a) ? 0 : in_len;
	if (a->encrypt)
		return total + a->tag_len;
	return total > a->tag_len ? total - a->tag_len : 0;
}

/* finish: all is the rest of the message. */
static CK_RV finish(struct aead *a, struct view all, uint8_t *out, size_t *ret_len)
{
	CK_RV rv;

	if (a->encrypt) {
		rv = aead_seal(a, all, out);
		if (rv == CKR_OK)
			rv = aead_tag(a, out + all.n);
		if (rv == CKR_OK)
			*ret_len = all.n + a->tag_len;
		return rv;
	}
	all.n -= a->tag_len;
	rv = aead_open(a, all, all.p + all.n, out);
	if (rv == CKR_OK)
		*ret_len = all.n;
	return rv;
}

static CK_RV crypt(struct op *op, enum mech_part part, struct view in, uint8_t *out, size_t room, size_t *ret_len)
{
	struct aead *a = op->state;
	size_t need = bound(op, part, in.n);
	CK_RV rv = len_fault(a, part, a->held.len + in.n);

	if (rv != CKR_OK)
		return rv;
	if (room < need) {
		*ret_len = need;
		return CKR_BUFFER_TOO_SMALL;
	}
	if (part == MECH_SINGLE)
		return finish(a, in, out, ret_len);
	if (part == MECH_FINAL)
		return finish(a, hold_view(&a->held), out, ret_len);
	rv = aead_keeps(a) ? hold_put(&a->held, in) : aead_seal(a, in, out);
	if (rv == CKR_OK)
		*ret_len = need;
	return rv;
}

const struct mech_ops aead_ops = {
	.init = init,
	.done = done,
	.bound = bound,
	.crypt = crypt,
	.message = &aead_message_ops,
};
const struct mech_ops aead_wrap_ops = {
	.init = init,
	.done = done,
	.bound = bound,
	.crypt = crypt,
	.wrap = aead_wrap,
	.unwrap = aead_unwrap,
	.authenticated = aead_authenticated,
	.message = &aead_message_ops,
};
