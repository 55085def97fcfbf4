/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_vendor.h"
#include <stdlib.h>
#include <string.h>
#include "mech_family.h"
#include "pin_block.h"
#include "role.h"
#include "session.h"

/* CKM_SR_PIN_TRANSLATE (vendor.h): a PIN block from one key to another, and from one format to another. */

struct translate {
	struct object *in, *out;
	CK_ULONG in_format, out_format;
	uint8_t pan[PIN_PAN_MAX];
	size_t pan_len;
};

/* The clear PIN and its blocks, in one struct secret. */
struct work {
	struct pin pin;
	uint8_t block[PIN_BLOCK_MAX];
	uint8_t field[PIN_BLOCK_MAX];
	uint8_t random[PIN_BLOCK_MAX];
};

static CK_RV param_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	const struct sr_pin_translate_params *p = m->pParameter;
	bool pan = pin_block_binds_pan(p->inFormat) || pin_block_binds_pan(p->outFormat);

	if (!pin_block_pair(p->inFormat, p->outFormat) || (p->pPan == NULL) == pan)
		return CKR_MECHANISM_PARAM_INVALID;
	if (pan ? !pin_block_pan_ok(VIEW(p->pPan, p->ulPanLen)) : p->ulPanLen != 0)
		return CKR_MECHANISM_PARAM_INVALID;
	return CKR_OK;
}

const struct mech_param param_pin_translate = { .text = "struct sr_pin_translate_params",
						.size = sizeof(struct sr_pin_translate_params),
						.check = param_check };

/* key_fits: 8-byte formats stand under TDES, format 4 under AES. */
static bool key_fits(const struct object *key, CK_ULONG format)
{
	CK_KEY_TYPE type = object_key_type(key);

	return pin_block_len(format) == 16 ? type == CKK_AES : type == CKK_DES2 || type == CKK_DES3;
}

/* out_key: the key of the parameter, as the gate would look at it. */
static CK_RV out_key(struct session *s, CK_OBJECT_HANDLE handle, struct object **ret)
{
	struct object *key = NULL;
	CK_RV rv = object_get_key(s, handle, CKR_KEY_HANDLE_INVALID, &key);

	if (rv == CKR_OK)
		rv = role_require(key, SR_ROLE_PINKEY, CKM_SR_PIN_TRANSLATE);
	if (rv == CKR_OK && (!object_bool(key, CKA_ENCRYPT) || !object_mechanism_allowed(key, CKM_SR_PIN_TRANSLATE)))
		rv = CKR_KEY_FUNCTION_NOT_PERMITTED;
	if (rv == CKR_OK)
		*ret = key;
	else
		object_unref(key);
	return rv;
}

static CK_RV translate_init(struct op *op, struct session *s, const CK_MECHANISM *m, struct object *key)
{
	const struct sr_pin_translate_params *p = m->pParameter;
	struct translate *t = calloc(1, sizeof(*t));
	CK_RV rv;

	if (t == NULL)
		return CKR_HOST_MEMORY;
	op->state = t;
	t->in_format = p->inFormat;
	t->out_format = p->outFormat;
	t->pan_len = p->ulPanLen;
	if (t->pan_len > 0)
		memcpy(t->pan, p->pPan, t->pan_len);
	rv = out_key(s, p->hOutKey, &t->out);
	if (rv == CKR_OK && (!key_fits(key, t->in_format) || !key_fits(t->out, t->out_format)))
		rv = CKR_KEY_TYPE_INCONSISTENT;
	if (rv == CKR_OK)
		t->in = object_ref(key);
	return rv;
}

static void translate_done(struct op *op)
{
	struct translate *t = op->state;

	if (t == NULL)
		return;
	object_unref(t->in);
	object_unref(t->out);
	memory_wipe(t, sizeof(*t));
	free(t);
}

static size_t translate_bound(const struct op *op, enum mech_part part, size_t in_len)
{
	const struct translate *t = op->state;

	return pin_block_len(t->out_format);
}

static CK_RV ecb(const struct object *key, bool encrypt, uint8_t *block, size_t n)
{
	return crypto_ecb(module_crypto(), object_key_type(key), object_secret(key, CKA_VALUE), encrypt, VIEW(block, n),
			  block);
}

static void add(uint8_t *block, const uint8_t *field, size_t n)
{
	for (size_t i = 0; i < n; i++)
		block[i] ^= field[i];
}

/* decipher, encipher: format 4 goes through the cipher twice, with the PAN in between. */
static CK_RV decipher(const struct translate *t, struct work *w)
{
	size_t n = pin_block_len(t->in_format);
	CK_RV rv = ecb(t->in, false, w->block, n);

	if (rv != CKR_OK || n == 8)
		return rv;
	pin_block_pan_field(VIEW(t->pan, t->pan_len), w->field);
	add(w->block, w->field, n);
	return ecb(t->in, false, w->block, n);
}

static CK_RV encipher(const struct translate *t, struct work *w)
{
	size_t n = pin_block_len(t->out_format);
	CK_RV rv = ecb(t->out, true, w->block, n);

	if (rv != CKR_OK || n == 8)
		return rv;
	pin_block_pan_field(VIEW(t->pan, t->pan_len), w->field);
	add(w->block, w->field, n);
	return ecb(t->out, true, w->block, n);
}

static CK_RV fill(struct work *w)
{
	size_t n = 0;
	CK_RV rv = CKR_OK;

	while (n < sizeof(w->random) && rv == CKR_OK) {
		rv = crypto_random(module_crypto(), w->random + n, 1);
		n += w->random[n] < PIN_RANDOM_BELOW;
	}
	return rv;
}

static CK_RV translate(struct op *op, enum mech_part part, struct view in, uint8_t *out, size_t room, size_t *ret_len)
{
	const struct translate *t = op->state;
	struct view pan = VIEW(t->pan, t->pan_len);
	size_t n = pin_block_len(t->out_format);
	SECRET_AUTO secret = { 0 };
	struct work *w;
	CK_RV rv;

	if (in.n != pin_block_len(t->in_format))
		return CKR_ENCRYPTED_DATA_LEN_RANGE;
	if (room < n) {
		*ret_len = n;
		return CKR_BUFFER_TOO_SMALL;
	}
	if (!secret_init(&secret, sizeof(*w)))
		return CKR_HOST_MEMORY;
	w = (struct work *)secret.p; /* bytes only */
	memcpy(w->block, in.p, in.n);
	rv = fill(w);
	if (rv == CKR_OK)
		rv = decipher(t, w);
	if (rv == CKR_OK && !pin_block_read(t->in_format, w->block, pan, &w->pin))
		rv = CKR_ENCRYPTED_DATA_INVALID;
	if (rv != CKR_OK)
		return rv;
	pin_block_write(t->out_format, &w->pin, pan, w->random, w->block);
	rv = encipher(t, w);
	if (rv != CKR_OK)
		return rv;
	memcpy(out, w->block, n);
	*ret_len = n;
	return CKR_OK;
}

const struct mech_ops mech_pin_translate_ops = {
	.init = translate_init,
	.done = translate_done,
	.bound = translate_bound,
	.crypt = translate,
};
