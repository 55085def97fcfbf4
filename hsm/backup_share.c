/* SPDX-License-Identifier: BSD-2-Clause */
#include "backup.h"

#include <string.h>
#include <openssl/evp.h>

#include "crypto.h"

/* Layout: docs/backup.md, Shares. */
#define SHARE_VERSION 1
#define SHARE_CHECK 6
#define SHARE_LEN (1 + BACKUP_SET_LEN + 2 + BACKUP_KEY_LEN + SHARE_CHECK)
#define GROUP_DATA 4
#define GROUP_LETTERS 5
#define SYMBOLS (BACKUP_SHARE_GROUPS * GROUP_LETTERS)

_Static_assert(SHARE_LEN * 8 == BACKUP_SHARE_GROUPS * GROUP_DATA * 5, "a share fills its groups");

/* The alphabet of Crockford's base 32: none of the letters that look like digits. */
static const char letters[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* letter_value: constant time in the letter, as far as it is one; 255: none. */
static uint8_t letter_value(uint8_t c)
{
	unsigned value = 255;

	if (c >= 'a' && c <= 'z')
		c = (uint8_t)(c - 'a' + 'A');
	c = c == 'O' ? '0' : c == 'I' || c == 'L' ? '1' : c;
	for (unsigned i = 0; i < 32; i++) {
		unsigned differs = (unsigned)c ^ (unsigned)letters[i];
		unsigned mask = (differs - 1) >> 8; /* all ones where equal */

		value = (value & ~mask) | (i & mask);
	}
	return (uint8_t)value;
}

/* letter_of: likewise without an index. */
static uint8_t letter_of(uint8_t value)
{
	unsigned c = 0;

	for (unsigned i = 0; i < 32; i++)
		c |= (unsigned)letters[i] & (((unsigned)(value ^ i) - 1) >> 8);
	return (uint8_t)c;
}

/* times_x: in GF(32) with x^5 + x^2 + 1. */
static uint8_t times_x(uint8_t a)
{
	return (uint8_t)((a << 1 & 31) ^ (5 & (0u - ((unsigned)a >> 4 & 1))));
}

/*
 * check_symbol: sum of x^(i+1) s_i, and the group's number: one wrong letter, two exchanged neighbours and groups that
 * changed places show in the group where they are.
 */
static uint8_t check_symbol(const uint8_t *s, unsigned group)
{
	uint8_t sum = 0;

	for (unsigned i = GROUP_DATA; i > 0; i--)
		sum = times_x(sum ^ s[i - 1]);
	return sum ^ (uint8_t)(group + 1);
}

static CK_RV checksum(const struct crypto *c, const uint8_t *share, uint8_t ret[SHARE_CHECK])
{
	static const char domain[] = "strongroom share";
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t hash[32];
	CK_RV rv = CKR_HOST_MEMORY;

	if (ctx != NULL && EVP_DigestInit_ex2(ctx, c->md[CRYPTO_SHA256], NULL) == 1 &&
	    EVP_DigestUpdate(ctx, domain, sizeof(domain)) == 1 &&
	    EVP_DigestUpdate(ctx, share, SHARE_LEN - SHARE_CHECK) == 1 && EVP_DigestFinal_ex(ctx, hash, NULL) == 1) {
		memcpy(ret, hash, SHARE_CHECK);
		rv = CKR_OK;
	}
	EVP_MD_CTX_free(ctx);
	memory_wipe(hash, sizeof(hash));
	return rv;
}

/* symbol: the i-th five bits of a share. */
static uint8_t symbol(const uint8_t *share, unsigned i)
{
	uint8_t s = 0;

	for (unsigned bit = i * 5; bit < i * 5 + 5; bit++)
		s = (uint8_t)(s << 1 | (share[bit / 8] >> (7 - bit % 8) & 1));
	return s;
}

static void write_text(const uint8_t *share, struct secret *out)
{
	for (unsigned g = 0; g < BACKUP_SHARE_GROUPS; g++) {
		uint8_t s[GROUP_LETTERS];

		for (unsigned i = 0; i < GROUP_DATA; i++)
			s[i] = symbol(share, g * GROUP_DATA + i);
		s[GROUP_DATA] = check_symbol(s, g);
		if (g > 0)
			out->p[out->len++] = '-';
		for (unsigned i = 0; i < GROUP_LETTERS; i++)
			out->p[out->len++] = letter_of(s[i]);
		memory_wipe(s, sizeof(s));
	}
}

CK_RV backup_share_put(const struct crypto *c, const struct backup_header *h, unsigned number,
		       const struct secret *share, struct secret *ret)
{
	SECRET_AUTO raw = { 0 };
	SECRET_AUTO text = { 0 };
	uint8_t head[1 + BACKUP_SET_LEN + 2] = { SHARE_VERSION };
	CK_RV rv;

	memcpy(head + 1, h->set, BACKUP_SET_LEN);
	head[1 + BACKUP_SET_LEN] = h->needed;
	head[2 + BACKUP_SET_LEN] = (uint8_t)number;
	if (!secret_init(&raw, SHARE_LEN) || !secret_init(&text, BACKUP_SHARE_TEXT) ||
	    !secret_set(&raw, head, sizeof(head)) || !secret_append(&raw, share->p, share->len))
		return CKR_HOST_MEMORY;
	if (raw.len != SHARE_LEN - SHARE_CHECK)
		return CKR_GENERAL_ERROR;
	rv = checksum(c, raw.p, raw.p + raw.len);
	if (rv != CKR_OK)
		return rv;
	write_text(raw.p, &text);
	secret_move(ret, &text);
	return CKR_OK;
}

static bool between(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '-';
}

/* read_symbols: the letters of text as numbers; false: one that is no letter of ours, or too many. */
static CK_RV read_symbols(struct view text, struct secret *ret, CK_ULONG *ret_wrong)
{
	for (size_t i = 0; i < text.n; i++) {
		uint8_t value;

		if (between(text.p[i]))
			continue;
		if (ret->len == ret->room) {
			*ret_wrong = BACKUP_SHARE_GROUPS;
			return CKR_DATA_LEN_RANGE;
		}
		value = letter_value(text.p[i]);
		if (value > 31) {
			*ret_wrong = ret->len / GROUP_LETTERS + 1;
			return CKR_DATA_INVALID;
		}
		ret->p[ret->len++] = value;
	}
	return CKR_OK;
}

/* first_wrong: the first group whose check letter is not its own; 0: none. */
static CK_ULONG first_wrong(const struct secret *symbols)
{
	for (unsigned g = 0; (g + 1) * GROUP_LETTERS <= symbols->len; g++) {
		const uint8_t *s = symbols->p + (size_t)g * GROUP_LETTERS;

		if (check_symbol(s, g) != s[GROUP_DATA])
			return g + 1;
	}
	return symbols->len < SYMBOLS ? symbols->len / GROUP_LETTERS + 1 : 0;
}

static void pack(const struct secret *symbols, struct secret *raw)
{
	for (unsigned i = 0; i < BACKUP_SHARE_GROUPS * GROUP_DATA; i++) {
		uint8_t s = symbols->p[i / GROUP_DATA * GROUP_LETTERS + i % GROUP_DATA];

		for (unsigned bit = i * 5, k = 0; k < 5; bit++, k++)
			raw->p[bit / 8] |= (uint8_t)((s >> (4 - k) & 1) << (7 - bit % 8));
	}
	raw->len = SHARE_LEN;
}

/* judge: what the share says of itself. */
static CK_RV judge(const struct backup_header *h, const uint8_t *raw)
{
	uint8_t number = raw[2 + BACKUP_SET_LEN];

	if (raw[0] != SHARE_VERSION)
		return CKR_DATA_INVALID;
	if (memcmp(raw + 1, h->set, BACKUP_SET_LEN) != 0 || raw[1 + BACKUP_SET_LEN] != h->needed)
		return CKR_KEY_CHANGED;
	return number >= 1 && number <= h->count ? CKR_OK : CKR_DATA_INVALID;
}

CK_RV backup_share_get(const struct crypto *c, const struct backup_header *h, struct view text,
		       struct backup_share *ret, CK_ULONG *ret_wrong)
{
	SECRET_AUTO symbols = { 0 };
	SECRET_AUTO raw = { 0 };
	SECRET_AUTO value = { 0 };
	uint8_t check[SHARE_CHECK];
	CK_ULONG wrong = 0;
	CK_RV rv;

	*ret_wrong = 0;
	if (!secret_init(&symbols, SYMBOLS) || !secret_init(&raw, SHARE_LEN) || !secret_init(&value, BACKUP_KEY_LEN))
		return CKR_HOST_MEMORY;
	rv = read_symbols(text, &symbols, ret_wrong);
	wrong = first_wrong(&symbols);
	if (rv == CKR_DATA_LEN_RANGE && wrong != 0)
		*ret_wrong = wrong;
	if (rv != CKR_OK)
		return rv;
	*ret_wrong = wrong;
	if (wrong != 0)
		return symbols.len < SYMBOLS ? CKR_DATA_LEN_RANGE : CKR_DATA_INVALID;
	pack(&symbols, &raw);
	rv = checksum(c, raw.p, check);
	if (rv == CKR_OK && !ct_equal(check, raw.p + SHARE_LEN - SHARE_CHECK, SHARE_CHECK))
		rv = CKR_DATA_INVALID;
	if (rv == CKR_OK)
		rv = judge(h, raw.p);
	if (rv != CKR_OK)
		return rv;
	if (!secret_set(&value, raw.p + 3 + BACKUP_SET_LEN, BACKUP_KEY_LEN))
		return CKR_HOST_MEMORY;
	ret->number = raw.p[2 + BACKUP_SET_LEN];
	secret_move(&ret->value, &value);
	return CKR_OK;
}
