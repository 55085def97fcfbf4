/* SPDX-License-Identifier: BSD-2-Clause */
#include "key_block_seal.h"
#include <string.h>

/* The two keys that a protection key gives, both of its own type and length. */
struct pair {
	struct secret encryption, mac;
};
#define PAIR_AUTO __attribute__((cleanup(pair_done))) struct pair
#define KBPK_MAX 32

static void pair_done(struct pair *p)
{
	secret_done(&p->encryption);
	secret_done(&p->mac);
}

bool key_block_kbpk_ok(char version, CK_KEY_TYPE type)
{
	switch (version) {
	case 'A':
	case 'B':
	case 'C':
		return type == CKK_DES2 || type == CKK_DES3;
	case 'D':
		return type == CKK_AES;
	default:
		return false;
	}
}

static void variant(struct view kbpk, uint8_t mask, struct secret *ret)
{
	for (size_t i = 0; i < kbpk.n; i++)
		ret->p[i] = kbpk.p[i] ^ mask;
	ret->len = kbpk.n;
}

/* derive: CMACs of counter, usage (0 encryption, 1 MAC), 00, algorithm, length in bits (X9.143, key derivation). */
static CK_RV derive(const struct crypto *c, CK_KEY_TYPE type, struct view kbpk, uint8_t usage, struct secret *ret)
{
	uint8_t input[8] = { 0 };
	uint8_t algorithm = type == CKK_AES ? (uint8_t)(kbpk.n / 8) : (uint8_t)(kbpk.n / 8 - 2);
	struct view part = VIEW(input, sizeof(input));
	SECRET_AUTO out = { 0 };
	size_t len = 0;
	CK_RV rv = CKR_OK;

	if (!secret_init(&out, 16))
		return CKR_HOST_MEMORY;
	input[2] = usage;
	input[5] = algorithm;
	be_put16(input + 6, (uint16_t)(8 * kbpk.n));
	for (size_t at = 0; at < kbpk.n && rv == CKR_OK; at += len) {
		input[0]++;
		rv = crypto_cmac(c, type, kbpk, &part, 1, out.p, &len);
		if (rv == CKR_OK)
			memcpy(ret->p + at, out.p, kbpk.n - at < len ? kbpk.n - at : len);
	}
	ret->len = kbpk.n;
	return rv;
}

static CK_RV pair_of(const struct crypto *c, char version, CK_KEY_TYPE type, struct view kbpk, struct pair *ret)
{
	CK_RV rv;

	if (!key_block_kbpk_ok(version, type) || kbpk.n > KBPK_MAX)
		return CKR_KEY_SIZE_RANGE;
	if (!secret_init(&ret->encryption, KBPK_MAX) || !secret_init(&ret->mac, KBPK_MAX))
		return CKR_HOST_MEMORY;
	if (version == 'A' || version == 'C') {
		variant(kbpk, 0x45, &ret->encryption);
		variant(kbpk, 0x4d, &ret->mac);
		return CKR_OK;
	}
	rv = derive(c, type, kbpk, 0, &ret->encryption);
	return rv == CKR_OK ? derive(c, type, kbpk, 1, &ret->mac) : rv;
}

CK_RV key_block_seal(const struct crypto *c, CK_KEY_TYPE type, struct view kbpk, struct view covered,
		     struct secret *data, uint8_t ret_mac[16])
{
	PAIR_AUTO keys = { 0 };
	struct view parts[2] = { covered, secret_view(data) };
	size_t len = 0;
	CK_RV rv = pair_of(c, type == CKK_AES ? 'D' : 'B', type, kbpk, &keys);

	if (rv == CKR_OK)
		rv = crypto_cmac(c, type, secret_view(&keys.mac), parts, 2, ret_mac, &len);
	if (rv == CKR_OK)
		rv = crypto_cbc(c, type, secret_view(&keys.encryption), true, ret_mac, parts[1], data->p);
	return rv;
}

/* cbc_mac: TDES CBC-MAC over header and encrypted data, which are whole blocks (versions A and C). */
static CK_RV cbc_mac(const struct crypto *c, CK_KEY_TYPE type, struct view key, struct view covered, struct view data,
		     uint8_t ret_mac[16])
{
	static const uint8_t zero_iv[8];
	SECRET_AUTO text = { 0 };
	CK_RV rv;

	if (!secret_init(&text, covered.n + data.n) || !secret_append(&text, covered.p, covered.n) ||
	    !secret_append(&text, data.p, data.n))
		return CKR_HOST_MEMORY;
	rv = crypto_cbc(c, type, key, true, zero_iv, secret_view(&text), text.p);
	if (rv == CKR_OK)
		memcpy(ret_mac, text.p + text.len - 8, 8);
	return rv;
}

/* unbind: decrypts (out) and computes what the MAC ought to be, in the order that the version has. */
static CK_RV unbind(const struct crypto *c, CK_KEY_TYPE type, const struct pair *keys, const struct key_block *b,
		    const uint8_t *mac, struct view data, struct secret *out, uint8_t ret_want[16])
{
	struct view parts[2] = { b->covered, VIEW(out->p, data.n) };
	bool variants = b->h.version == 'A' || b->h.version == 'C';
	size_t len = 0;
	CK_RV rv = CKR_OK;

	if (variants)
		rv = cbc_mac(c, type, secret_view(&keys->mac), b->covered, data, ret_want);
	if (rv == CKR_OK)
		rv = crypto_cbc(c, type, secret_view(&keys->encryption), false, variants ? b->covered.p : mac, data,
				out->p);
	if (rv == CKR_OK && !variants)
		rv = crypto_cmac(c, type, secret_view(&keys->mac), parts, 2, ret_want, &len);
	return rv;
}

CK_RV key_block_open(const struct crypto *c, CK_KEY_TYPE type, struct view kbpk, const struct key_block *b,
		     struct secret *ret)
{
	size_t mac_len = key_block_mac_len(b->h.version), n = b->data.n / 2;
	uint8_t mac[16], want[16] = { 0 };
	SECRET_AUTO cipher = { 0 };
	SECRET_AUTO out = { 0 };
	PAIR_AUTO keys = { 0 };
	CK_RV rv = pair_of(c, b->h.version, type, kbpk, &keys);

	if (rv != CKR_OK)
		return rv == CKR_KEY_SIZE_RANGE ? CKR_WRAPPED_KEY_INVALID : rv;
	if (!secret_init(&cipher, n) || !secret_init(&out, n))
		return CKR_HOST_MEMORY;
	key_block_get_hex(b->data, cipher.p);
	key_block_get_hex(b->mac, mac);
	rv = unbind(c, type, &keys, b, mac, VIEW(cipher.p, n), &out, want);
	if (rv == CKR_OK && !ct_equal(mac, want, mac_len))
		rv = CKR_WRAPPED_KEY_INVALID;
	memory_wipe(want, sizeof(want));
	if (rv != CKR_OK)
		return rv;
	out.len = n;
	secret_move(ret, &out);
	return CKR_OK;
}

CK_RV key_block_make(const struct crypto *c, CK_KEY_TYPE type, struct view kbpk, const struct key_block_header *h,
		     struct view options, unsigned count, struct view key, size_t data_len, struct buf *text)
{
	uint8_t filler[KEY_BLOCK_FILLER], mac[16];
	SECRET_AUTO data = { 0 };
	CK_RV rv;

	if (key.n + 2 > data_len)
		return CKR_GENERAL_ERROR;
	if (!secret_init(&data, data_len))
		return CKR_HOST_MEMORY;
	rv = crypto_random(c, filler, sizeof(filler));
	if (rv == CKR_OK)
		rv = crypto_random(c, data.p, data_len);
	if (rv != CKR_OK)
		return rv;
	data.len = data_len;
	be_put16(data.p, (uint16_t)(8 * key.n));
	memcpy(data.p + 2, key.p, key.n);
	key_block_put_header(text, h, options, count, data_len, filler);
	if (!buf_ok(text))
		return CKR_MECHANISM_PARAM_INVALID;
	rv = key_block_seal(c, type, kbpk, buf_view(text), &data, mac);
	if (rv != CKR_OK)
		return rv;
	key_block_put_hex(text, secret_view(&data));
	key_block_put_hex(text, VIEW(mac, key_block_mac_len(h->version)));
	return buf_ok(text) ? CKR_OK : CKR_HOST_MEMORY;
}

CK_RV key_block_kcv(const struct crypto *c, CK_KEY_TYPE type, struct view key, bool cmac, char text[KEY_BLOCK_KCV],
		    size_t *ret_len)
{
	static const uint8_t zeroes[16];
	static const char digits[] = "0123456789ABCDEF";
	struct view block = VIEW(zeroes, type == CKK_AES ? 16 : 8);
	uint8_t value[16];
	size_t n = cmac ? 5 : 3, len = 0;
	CK_RV rv;

	if (type != CKK_AES && type != CKK_DES && type != CKK_DES2 && type != CKK_DES3)
		return CKR_KEY_TYPE_INCONSISTENT;
	rv = cmac ? crypto_cmac(c, type, key, &block, 1, value, &len) : crypto_ecb(c, type, key, true, block, value);
	if (rv != CKR_OK)
		return rv;
	text[0] = '0';
	text[1] = cmac ? '1' : '0';
	for (size_t i = 0; i < n; i++) {
		text[2 + 2 * i] = digits[value[i] >> 4];
		text[3 + 2 * i] = digits[value[i] & 15];
	}
	*ret_len = 2 + 2 * n;
	memory_wipe(value, sizeof(value));
	return CKR_OK;
}
