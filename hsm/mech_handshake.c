/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CKM_SR_HANDSHAKE_MAC: the tags of handshake version 2 (R1.10; formats.md, Handshake). The token reads the transcript
 * before it answers: direction, serial number and version must be those of the key and its side. So no one obtains a
 * tag of the other side, of a TMK message, or over anything that is no transcript.
 */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include "crypto.h"
#include "formats.h"
#include "mech_vendor.h"
#include "module.h"
#include "object.h"

struct handshake_state {
	EVP_MAC_CTX *mac;
	struct buf data;
	struct buf serial;
	CK_ULONG side;
	CK_ULONG version;
};

/* Which side makes the tag of a direction; TMK messages are made and verified elsewhere. */
static const CK_ULONG makers[] = {
	[TRANSCRIPT_HOST_PROVES] = SR_SIDE_HOST, [TRANSCRIPT_TERMINAL_PROVES] = SR_SIDE_TERMINAL, [TRANSCRIPT_TMK] = 0,
	[TRANSCRIPT_CONFIRM] = SR_SIDE_TERMINAL, [TRANSCRIPT_SIGN_IN] = SR_SIDE_TERMINAL,
};

static CK_RV init(struct op *op, struct session *s, const CK_MECHANISM *m, struct object *key)
{
	struct handshake_state *st = calloc(1, sizeof(*st));

	if (!st)
		return CKR_HOST_MEMORY;
	op->state = st;
	op->out_len = object_key_type(key) == CKK_AES ? 16 : 8;
	st->side = object_ulong(key, CKA_SR_SIDE, 0);
	st->version = object_ulong(key, CKA_SR_HANDSHAKE, 0);
	buf_put_view(&st->serial, object_bytes(key, CKA_SR_SERIAL_NUMBER));
	if (!buf_ok(&st->serial))
		return CKR_HOST_MEMORY;
	return crypto_cmac_start(module_crypto(), object_key_type(key), object_secret(key, CKA_VALUE), &st->mac);
}

static void done(struct op *op)
{
	struct handshake_state *st = op->state;

	if (!st)
		return;
	EVP_MAC_CTX_free(st->mac);
	buf_done(&st->data);
	buf_done(&st->serial);
	free(st);
	op->state = NULL;
}

static CK_RV update(struct op *op, struct view data)
{
	struct handshake_state *st = op->state;

	if (data.n > FORMAT_TRANSCRIPT_MAX - st->data.len)
		return CKR_DATA_LEN_RANGE;
	buf_put_view(&st->data, data);
	return buf_ok(&st->data) ? CKR_OK : CKR_HOST_MEMORY;
}

static CK_RV transcript_ok(const struct op *op, const struct handshake_state *st)
{
	struct transcript t;
	CK_ULONG maker;

	if (!transcript_parse(buf_view(&st->data), &t) || t.handshake != st->version ||
	    !view_equal(t.pos_serial, buf_view(&st->serial)))
		return CKR_DATA_INVALID;
	maker = makers[t.direction];
	if (maker == 0 || (op->use == CKF_SIGN) != (maker == st->side))
		return CKR_DATA_INVALID;
	return CKR_OK;
}

static CK_RV final(struct op *op, uint8_t *out)
{
	struct handshake_state *st = op->state;
	uint8_t tag[FORMAT_MAC_MAX];
	size_t n = 0;
	CK_RV rv = transcript_ok(op, st);

	if (rv != CKR_OK)
		return rv;
	if (EVP_MAC_update(st->mac, st->data.p, st->data.len) != 1 ||
	    EVP_MAC_final(st->mac, tag, &n, sizeof(tag)) != 1 || n != op->out_len)
		return CKR_GENERAL_ERROR;
	memcpy(out, tag, n);
	memory_wipe(tag, sizeof(tag));
	return CKR_OK;
}

const struct mech_ops mech_handshake_ops = { .init = init, .done = done, .update = update, .final = final };
