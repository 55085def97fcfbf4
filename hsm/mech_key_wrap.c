/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_family.h"
#include <stdlib.h>
#include <string.h>

/*
 * AES key wrap: of keys, and of data in a single part. KEY_WRAP_PKCS7 pads to whole semiblocks and wraps by RFC 3394.
 * Everything that is unwrapped stands in a secret until its integrity is proved and the caller's room is enough.
 */
#define SEMIBLOCK 8
#define DATA_MAX (SECRET_ROOM_MAX - 64)

struct key_wrap {
	EVP_CIPHER_CTX *ctx;
	const struct key_wrap_arg *a;
	bool wrap;
};

const struct mech_param param_key_wrap_iv = {
	.text = "none, or an IV of 8 bytes", .size = 8, .optional = true, .flat = true
};
const struct mech_param param_key_wrap_iv4 = {
	.text = "none, or an IV of 4 bytes", .size = 4, .optional = true, .flat = true
};

static CK_RV start(struct key_wrap *w, const struct mech_row *row, const CK_MECHANISM *m, struct object *key, bool wrap)
{
	const struct key_wrap_arg *a = row->arg;
	const uint8_t *iv = m->ulParameterLen > 0 ? m->pParameter : NULL;

	w->a = a;
	w->wrap = wrap;
	return crypto_wrap_start(module_crypto(), object_secret(key, CKA_VALUE), iv, a->form == KEY_WRAP_KWP, wrap,
				 &w->ctx);
}

static size_t sealed_len(const struct key_wrap *w, size_t n)
{
	switch (w->a->form) {
	case KEY_WRAP_KWP:
		return (n + SEMIBLOCK - 1) / SEMIBLOCK * SEMIBLOCK + SEMIBLOCK;
	case KEY_WRAP_PKCS7:
		return n / SEMIBLOCK * SEMIBLOCK + 2 * SEMIBLOCK;
	default:
		return n + SEMIBLOCK;
	}
}

/* seal: out has sealed_len bytes. CKR_KEY_SIZE_RANGE: a length that cannot be wrapped. */
static CK_RV seal(const struct key_wrap *w, struct view in, uint8_t *out, size_t *ret_len)
{
	SECRET_AUTO padded = { 0 };
	uint8_t pad;

	if (in.n > DATA_MAX)
		return CKR_KEY_SIZE_RANGE;
	if (w->a->form == KEY_WRAP_PKCS7) {
		pad = (uint8_t)(SEMIBLOCK - in.n % SEMIBLOCK);
		if (!secret_init(&padded, in.n + pad) || !secret_set(&padded, in.p, in.n))
			return CKR_HOST_MEMORY;
		memset(padded.p + in.n, pad, pad);
		in = VIEW(padded.p, in.n + pad);
	}
	return crypto_wrap_run(w->ctx, w->a->form == KEY_WRAP_KWP, true, in, out, ret_len);
}

/* open_sealed: CKR_WRAPPED_KEY_LEN_RANGE, CKR_WRAPPED_KEY_INVALID. */
static CK_RV open_sealed(const struct key_wrap *w, struct view in, struct secret *ret)
{
	SECRET_AUTO plain = { 0 };
	size_t len = 0, pad;
	CK_RV rv;

	if (in.n > DATA_MAX || in.n < 2 * SEMIBLOCK)
		return CKR_WRAPPED_KEY_LEN_RANGE;
	if (!secret_init(&plain, in.n + 16))
		return CKR_HOST_MEMORY;
	rv = crypto_wrap_run(w->ctx, w->a->form == KEY_WRAP_KWP, false, in, plain.p, &len);
	if (rv != CKR_OK)
		return rv;
	if (w->a->form == KEY_WRAP_PKCS7) {
		pad = mech_padding_len(plain.p + len - SEMIBLOCK, SEMIBLOCK);
		if (pad == 0)
			return CKR_WRAPPED_KEY_INVALID;
		len -= pad;
	}
	plain.len = len;
	secret_move(ret, &plain);
	return CKR_OK;
}

static CK_RV key_wrap_init(struct op *op, struct session *s, const CK_MECHANISM *m, struct object *key)
{
	struct key_wrap *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return CKR_HOST_MEMORY;
	op->state = w;
	return start(w, op->row, m, key, op->use == CKF_ENCRYPT);
}

static void key_wrap_done(struct op *op)
{
	struct key_wrap *w = op->state;

	if (w == NULL)
		return;
	EVP_CIPHER_CTX_free(w->ctx);
	free(w);
}

static size_t key_wrap_bound(const struct op *op, enum mech_part part, size_t in_len)
{
	const struct key_wrap *w = op->state;

	if (w->wrap)
		return sealed_len(w, in_len);
	return in_len > SEMIBLOCK ? in_len - SEMIBLOCK : 0;
}

static CK_RV encrypt(const struct key_wrap *w, struct view in, uint8_t *out, size_t room, size_t *ret_len)
{
	SECRET_AUTO copy = { 0 };
	CK_RV rv;

	if (in.n > DATA_MAX)
		return CKR_DATA_LEN_RANGE;
	if (room < sealed_len(w, in.n)) {
		*ret_len = sealed_len(w, in.n);
		return CKR_BUFFER_TOO_SMALL;
	}
	if (in.p == out) {
		if (!secret_init(&copy, in.n + 1) || !secret_set(&copy, in.p, in.n))
			return CKR_HOST_MEMORY;
		in = secret_view(&copy);
	}
	rv = seal(w, in, out, ret_len);
	return rv == CKR_KEY_SIZE_RANGE ? CKR_DATA_LEN_RANGE : rv;
}

static CK_RV decrypt(const struct key_wrap *w, struct view in, uint8_t *out, size_t room, size_t *ret_len)
{
	SECRET_AUTO plain = { 0 };
	CK_RV rv = open_sealed(w, in, &plain);

	if (rv == CKR_WRAPPED_KEY_LEN_RANGE)
		return CKR_ENCRYPTED_DATA_LEN_RANGE;
	if (rv != CKR_OK)
		return rv == CKR_WRAPPED_KEY_INVALID ? CKR_ENCRYPTED_DATA_INVALID : rv;
	*ret_len = plain.len;
	if (room < plain.len)
		return CKR_BUFFER_TOO_SMALL;
	memcpy(out, plain.p, plain.len);
	return CKR_OK;
}

static CK_RV key_wrap_crypt(struct op *op, enum mech_part part, struct view in, uint8_t *out, size_t room,
			    size_t *ret_len)
{
	const struct key_wrap *w = op->state;

	return w->wrap ? encrypt(w, in, out, room, ret_len) : decrypt(w, in, out, room, ret_len);
}

static CK_RV key_wrap(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *wrapping,
		      struct object *key, uint8_t *out, CK_ULONG *len)
{
	struct key_wrap w = { 0 };
	SECRET_AUTO form = { 0 };
	uint8_t *wrapped = NULL;
	size_t n = 0;
	CK_RV rv = mech_wrapped_form(key, &form);

	if (rv != CKR_OK)
		return rv;
	rv = start(&w, row, m, wrapping, true);
	if (rv != CKR_OK)
		return rv;
	wrapped = malloc(sealed_len(&w, form.len));
	rv = wrapped == NULL ? CKR_HOST_MEMORY : seal(&w, secret_view(&form), wrapped, &n);
	if (rv == CKR_OK)
		rv = mech_output_put(VIEW(wrapped, n), out, len);
	free(wrapped);
	EVP_CIPHER_CTX_free(w.ctx);
	return rv;
}

static CK_RV key_unwrap(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *unwrapping,
			struct view wrapped, const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	struct key_wrap w = { 0 };
	SECRET_AUTO form = { 0 };
	struct object *o = NULL;
	CK_RV rv;

	if (wrapped.n < 2 * SEMIBLOCK || wrapped.n > SECRET_ROOM_MAX / 2)
		return CKR_WRAPPED_KEY_LEN_RANGE;
	rv = mech_unwrap_begin(s, row, unwrapping, t, n, &o);
	if (rv == CKR_OK)
		rv = start(&w, row, m, unwrapping, false);
	if (rv == CKR_OK)
		rv = open_sealed(&w, wrapped, &form);
	if (rv == CKR_OK)
		rv = mech_unwrap_end(s, o, secret_view(&form), false, t, n, ret);
	EVP_CIPHER_CTX_free(w.ctx);
	object_unref(o);
	return rv;
}

const struct mech_ops key_wrap_ops = {
	.init = key_wrap_init,
	.done = key_wrap_done,
	.bound = key_wrap_bound,
	.crypt = key_wrap_crypt,
	.wrap = key_wrap,
	.unwrap = key_unwrap,
};
