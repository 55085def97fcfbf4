/* SPDX-License-Identifier: BSD-2-Clause */
#include "tk_block.h"

#include <string.h>

#include "key_block_seal.h"
#include "module.h"
#include "payment.h"

/* Usage and mode of use: the KMS wraps under a TEK, makes and checks CMACs by an AUK, or encrypts nonces (version 1).
 */
static const struct {
	uint8_t role;
	uint8_t handshake;
	char usage[2];
	char mode;
} uses[] = {
	{ FORMAT_ROLE_TEK, FORMAT_HANDSHAKE_V1, { 'K', '0' }, 'E' },
	{ FORMAT_ROLE_TEK, FORMAT_HANDSHAKE_V2, { 'K', '0' }, 'E' },
	{ FORMAT_ROLE_AUK, FORMAT_HANDSHAKE_V1, { 'D', '0' }, 'E' },
	{ FORMAT_ROLE_AUK, FORMAT_HANDSHAKE_V2, { 'M', '6' }, 'C' },
};

static bool header_of(const struct tk_record *r, const struct key_attrs *a, struct key_block_header *ret)
{
	struct key_block_header h = { .version = 'D',
				      .algorithm = a->type == FORMAT_KEY_AES ? 'A' : 'T',
				      .key_version = { '0', '0' },
				      .exportability = 'N',
				      .context = '0' };

	for (size_t i = 0; i < ARRAY_LEN(uses); i++) {
		if (uses[i].role != a->role || uses[i].handshake != r->handshake)
			continue;
		memcpy(h.usage, uses[i].usage, 2);
		h.mode = uses[i].mode;
		*ret = h;
		return true;
	}
	return false;
}

CK_RV tk_block_seal(const struct object *pk, const struct tk_record *r, const struct key_attrs *a, struct view key,
		    struct buf *out)
{
	BUF_AUTO label = { 0 };
	struct key_block_header h;
	size_t before = out->len;
	CK_RV rv;

	if (!header_of(r, a, &h))
		return CKR_GENERAL_ERROR;
	key_block_option_put(&label, "LB", r->pos_serial);
	if (!buf_ok(&label))
		return CKR_HOST_MEMORY;
	rv = key_block_make(module_crypto(), object_key_type(pk), object_secret(pk, CKA_VALUE), &h, buf_view(&label), 1,
			    key, key_block_data_len(&h, key.n, true), out);
	if (rv == CKR_OK && out->len - before != format_wrapped_len(r->suite, a, r->pos_serial.n))
		rv = CKR_GENERAL_ERROR;
	return rv;
}

/* The header is what we would have written, but for the letters that fill the last optional block. */
static bool header_matches(const struct tk_record *r, const struct key_attrs *a, const struct key_block *b)
{
	static const uint8_t filler[KEY_BLOCK_FILLER];
	BUF_AUTO label = { 0 };
	BUF_AUTO want = { 0 };
	struct key_block_header h;
	size_t same;

	if (!header_of(r, a, &h))
		return false;
	key_block_option_put(&label, "LB", r->pos_serial);
	key_block_put_header(&want, &h, buf_view(&label), 1, key_block_data_len(&h, a->length, true), filler);
	same = KEY_BLOCK_HEADER + label.len;
	return buf_ok(&label) && buf_ok(&want) && b->covered.n == want.len && !memcmp(b->covered.p, want.p, same);
}

CK_RV tk_block_open(const struct object *pk, const struct tk_record *r, const struct key_attrs *a, struct view text,
		    struct secret *ret)
{
	SECRET_AUTO data = { 0 };
	SECRET_AUTO key = { 0 };
	struct key_block b;
	CK_RV rv;

	if (!key_block_parse(text, &b) || !header_matches(r, a, &b) || b.data.n / 2 < 2u + a->length)
		return CKR_WRAPPED_KEY_INVALID;
	rv = key_block_open(module_crypto(), object_key_type(pk), object_secret(pk, CKA_VALUE), &b, &data);
	if (rv != CKR_OK)
		return rv;
	if (be_get16(data.p) != 8 * a->length)
		return CKR_WRAPPED_KEY_INVALID;
	if (!secret_init(&key, a->length) || !secret_set(&key, data.p + 2, a->length))
		return CKR_HOST_MEMORY;
	if (!payment_key_ok(payment_type(a), secret_view(&key)))
		return CKR_WRAPPED_KEY_INVALID;
	secret_move(ret, &key);
	return CKR_OK;
}
