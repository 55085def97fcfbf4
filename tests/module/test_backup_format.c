/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "backup.h"
#include "crypto.h"

/* Parts of a backup by themselves, of the library: arithmetic of shares, their text, header and chunks. */

static struct crypto *crypto;

static void bytes_of(const char *hex, uint8_t *ret)
{
	BUF_AUTO b = { 0 };

	ck_assert(hex_decode(hex, strlen(hex), &b));
	memcpy(ret, b.p, b.len);
}

/*
 * Shares that Blockchain Commons publishes with its library bc-shamir (Rust, test_split_secret_3_5 and _2_7): the field
 * and the interpolation are ours; its secret stands at 255.
 */
static const struct published {
	unsigned needed, count;
	size_t len;
	const char *secret;
	const char *shares[7];
} published[] = {
	{ 3,
	  5,
	  16,
	  "0ff784df000c4380a5ed683f7e6e3dcf",
	  { "00112233445566778899aabbccddeeff", "d43099fe444807c46921a4f33a2a798b", "d9ad4e3bec2e1a7485698823abf05d36",
	    "0d8cf5f6ec337bc764d1866b5d07ca42", "1aa7fe3199bc5092ef3816b074cabdf2" } },
	{ 2,
	  7,
	  32,
	  "204188bfa6b440a1bdfd6753ff55a8241e07af5c5be943db917e3efabc184b1a",
	  { "2dcd14c2252dc8489af3985030e74d5a48e8eff1478ab86e65b43869bf39d556",
	    "a1dfdd798388aada635b9974472b4fc59a32ae520c42c9f6a0af70149b882487",
	    "2ee99daf727c0c7773b89a18de64497ff7476dacd1015a45f482a893f7402cef",
	    "a2fb5414d4d96ee58a109b3ca9a84be0259d2c0f9ac92bdd3199e0eed3f1dd3e",
	    "2b851d188b8f5b3653659cc0f7fa45102dadf04b708767385cd803862fcb3c3f",
	    "a797d4a32d2a39a4aacd9de48036478fff77b1e83b4f16a099c34bfb0b7acdee",
	    "28a19475dcde9f09ba2e9e881979413592027216e60c8513cdee937c67b2c586" } },
};

START_TEST(published_shares_join)
{
	const struct published *p = &published[_i];
	uint8_t y[7][32], secret[32];

	bytes_of(p->secret, secret);
	for (unsigned i = 0; i < p->count; i++)
		bytes_of(p->shares[i], y[i]);
	/* Every set of as many shares as are needed; one less, or more of them. */
	for (unsigned set = 1; set < 1u << p->count; set++) {
		struct shamir_point points[7];
		SECRET_AUTO got = { 0 };
		unsigned n = 0;

		for (unsigned i = 0; i < p->count; i++)
			if (set >> i & 1)
				points[n++] = (struct shamir_point){ .x = (uint8_t)i, .y = VIEW(y[i], p->len) };
		ck_assert_uint_eq(shamir_at(255, points, n, &got), CKR_OK);
		ck_assert_uint_eq(got.len, p->len);
		ck_assert_int_eq(memcmp(got.p, secret, p->len) == 0, n >= p->needed);
	}
}
END_TEST

START_TEST(shares_of_ours_join_and_fewer_tell_nothing)
{
	static const unsigned cases[][2] = { { 2, 2 }, { 2, 3 }, { 3, 5 }, { 16, 16 }, { 2, 16 } };
	uint8_t raw[BACKUP_KEY_LEN];

	for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
		struct secret shares[SHAMIR_SHARES_MAX] = { 0 };
		struct shamir_point points[SHAMIR_SHARES_MAX];
		SECRET_AUTO secret = { 0 };
		unsigned needed = cases[k][0], count = cases[k][1];

		ck_assert_uint_eq(crypto_random(crypto, raw, sizeof(raw)), CKR_OK);
		ck_assert(secret_init(&secret, sizeof(raw)) && secret_set(&secret, raw, sizeof(raw)));
		ck_assert_uint_eq(shamir_split(crypto, &secret, needed, count, shares), CKR_OK);
		for (unsigned from = 0; from + needed <= count; from++) {
			SECRET_AUTO got = { 0 };
			SECRET_AUTO less = { 0 };

			for (unsigned i = 0; i < needed; i++)
				points[i] = (struct shamir_point){ .x = (uint8_t)(from + i + 1),
								   .y = secret_view(&shares[from + i]) };
			ck_assert_uint_eq(shamir_at(0, points, needed, &got), CKR_OK);
			ck_assert(secret_equal(&got, &secret));
			ck_assert_uint_eq(shamir_at(0, points, needed - 1, &less), CKR_OK);
			ck_assert(!secret_equal(&less, &secret));
		}
		for (unsigned i = 0; i < count; i++)
			secret_done(&shares[i]);
	}
}
END_TEST

START_TEST(impossible_numbers_of_shares_are_refused)
{
	struct secret shares[SHAMIR_SHARES_MAX] = { 0 };
	SECRET_AUTO secret = { 0 };
	uint8_t y[2][4] = { { 1, 2, 3, 4 }, { 5, 6, 7, 8 } };
	struct shamir_point twice[] = { { 1, VIEW(y[0], 4) }, { 1, VIEW(y[1], 4) } };
	struct shamir_point uneven[] = { { 1, VIEW(y[0], 4) }, { 2, VIEW(y[1], 3) } };

	ck_assert_uint_eq(shamir_split(crypto, &secret, 2, 3, shares), CKR_ARGUMENTS_BAD);
	ck_assert(secret_init(&secret, 4) && secret_set(&secret, y[0], 4));
	ck_assert_uint_eq(shamir_split(crypto, &secret, 1, 3, shares), CKR_ARGUMENTS_BAD);
	ck_assert_uint_eq(shamir_split(crypto, &secret, 4, 3, shares), CKR_ARGUMENTS_BAD);
	ck_assert_uint_eq(shamir_split(crypto, &secret, 2, 17, shares), CKR_ARGUMENTS_BAD);
	secret_done(&secret);
	ck_assert_uint_eq(shamir_at(0, twice, 2, &secret), CKR_ARGUMENTS_BAD);
	ck_assert_uint_eq(shamir_at(0, uneven, 2, &secret), CKR_ARGUMENTS_BAD);
	ck_assert_uint_eq(shamir_at(0, uneven, 0, &secret), CKR_ARGUMENTS_BAD);
}
END_TEST

/* struct made: a header with its key and shares. */
struct made {
	struct backup_header h;
	struct secret key;
	struct secret shares[3];
	struct buf bytes;
};

static void make(struct made *m, uint64_t size)
{
	*m = (struct made){ .h = { .size = size, .needed = 2, .count = 3, .time = 1700000000123, .anchor_len = 5 } };
	memcpy(m->h.serial, "0123456789abcdef", 16);
	memcpy(m->h.anchor, "after", 5);
	memset(m->h.label, ' ', 32);
	memcpy(m->h.label, "HSM1", 4);
	ck_assert_uint_eq(crypto_random(crypto, m->h.id, sizeof(m->h.id)), CKR_OK);
	ck_assert_uint_eq(backup_shares_new(crypto, &m->h, &m->key, m->shares), CKR_OK);
	ck_assert_uint_eq(backup_header_put(crypto, &m->h, &m->key, &m->bytes), CKR_OK);
}

static void made_done(struct made *m)
{
	secret_done(&m->key);
	for (size_t i = 0; i < ARRAY_LEN(m->shares); i++)
		secret_done(&m->shares[i]);
	buf_done(&m->bytes);
}

static CK_RV parse(const struct made *m, const char *text, size_t n, CK_ULONG *ret_wrong)
{
	struct backup_share share = { 0 };
	CK_RV rv = backup_share_get(crypto, &m->h, VIEW(text, n), &share, ret_wrong);

	secret_done(&share.value);
	return rv;
}

START_TEST(share_is_read_as_people_write_it)
{
	struct made m;
	SECRET_AUTO text = { 0 };
	struct backup_share share = { 0 };
	char loose[2 * BACKUP_SHARE_TEXT];
	size_t n = 0;
	CK_ULONG wrong = 9;

	make(&m, 1);
	ck_assert_uint_eq(backup_share_put(crypto, &m.h, 2, &m.shares[1], &text), CKR_OK);
	ck_assert_uint_eq(text.len, BACKUP_SHARE_TEXT);
	for (size_t i = 0; i < text.len; i++) {
		char c = (char)text.p[i];

		c = c == '0' ? 'o' : c == '1' ? 'l' : c;
		if (c == '-')
			c = i % 3 ? '\n' : ' ';
		else if (i % 5 == 0)
			loose[n++] = '\t';
		loose[n++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
	}
	ck_assert_uint_eq(backup_share_get(crypto, &m.h, VIEW(loose, n), &share, &wrong), CKR_OK);
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_eq(share.number, 2);
	ck_assert(secret_equal(&share.value, &m.shares[1]));
	secret_done(&share.value);
	made_done(&m);
}
END_TEST

/* Every letter in every place: the group is named in which it stands. */
START_TEST(typo_in_a_share_names_its_group)
{
	static const char letters[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	struct made m;
	SECRET_AUTO text = { 0 };
	CK_ULONG wrong;

	make(&m, 1);
	ck_assert_uint_eq(backup_share_put(crypto, &m.h, 1, &m.shares[0], &text), CKR_OK);
	for (size_t i = 0; i < text.len; i++) {
		char typed[BACKUP_SHARE_TEXT];
		size_t group = i / 6 + 1;

		if (text.p[i] == '-')
			continue;
		for (size_t k = 0; k < 32; k++) {
			memcpy(typed, text.p, sizeof(typed));
			typed[i] = letters[k];
			wrong = 99;
			ck_assert_uint_eq(parse(&m, typed, sizeof(typed), &wrong),
					  letters[k] == (char)text.p[i] ? CKR_OK : CKR_DATA_INVALID);
			ck_assert_uint_eq(wrong, letters[k] == (char)text.p[i] ? 0 : group);
		}
		memcpy(typed, text.p, sizeof(typed));
		typed[i] = 'U'; /* no letter of ours */
		ck_assert_uint_eq(parse(&m, typed, sizeof(typed), &wrong), CKR_DATA_INVALID);
		ck_assert_uint_eq(wrong, group);
		/* neighbours that changed places */
		if (i + 1 < text.len && text.p[i + 1] != '-' && text.p[i + 1] != text.p[i]) {
			memcpy(typed, text.p, sizeof(typed));
			typed[i] = (char)text.p[i + 1];
			typed[i + 1] = (char)text.p[i];
			ck_assert_uint_eq(parse(&m, typed, sizeof(typed), &wrong), CKR_DATA_INVALID);
			ck_assert_uint_eq(wrong, group);
		}
	}
	made_done(&m);
}
END_TEST

START_TEST(missing_and_exchanged_groups_of_a_share_are_named)
{
	struct made m, other;
	SECRET_AUTO text = { 0 };
	char typed[BACKUP_SHARE_TEXT + 8];
	CK_ULONG wrong = 0;

	make(&m, 1);
	make(&other, 1);
	ck_assert_uint_eq(backup_share_put(crypto, &m.h, 3, &m.shares[2], &text), CKR_OK);
	for (size_t n = 0; n < text.len; n++) {
		CK_RV rv = parse(&m, (const char *)text.p, n, &wrong);

		ck_assert_uint_eq(rv, CKR_DATA_LEN_RANGE);
		ck_assert_uint_eq(wrong, n / 6 + (n % 6 == 5) + 1);
	}
	memcpy(typed, text.p, text.len);
	typed[text.len] = '7';
	ck_assert_uint_eq(parse(&m, typed, text.len + 1, &wrong), CKR_DATA_LEN_RANGE);
	for (size_t g = 0; g + 1 < BACKUP_SHARE_GROUPS; g++) {
		memcpy(typed, text.p, text.len);
		memcpy(typed + g * 6, text.p + (g + 1) * 6, 5);
		memcpy(typed + (g + 1) * 6, text.p + g * 6, 5);
		ck_assert_uint_eq(parse(&m, typed, text.len, &wrong), CKR_DATA_INVALID);
		ck_assert_uint_eq(wrong, g + 1);
	}
	ck_assert_uint_eq(parse(&other, (const char *)text.p, text.len, &wrong), CKR_KEY_CHANGED);
	made_done(&m);
	made_done(&other);
}
END_TEST

START_TEST(header_says_what_was_put)
{
	struct backup_header h;
	struct made m;
	size_t n = 0;

	make(&m, 777);
	ck_assert_uint_le(m.bytes.len, SR_BACKUP_HEADER_MAX);
	ck_assert_uint_eq(backup_header_get(crypto, buf_view(&m.bytes), &h, &n), CKR_OK);
	ck_assert_uint_eq(n, m.bytes.len);
	ck_assert_mem_eq(&h, &m.h, sizeof(h));
	ck_assert_uint_eq(backup_header_proves(crypto, buf_view(&m.bytes), &h, &m.key), CKR_OK);
	m.key.p[31] ^= 1;
	ck_assert_uint_eq(backup_header_proves(crypto, buf_view(&m.bytes), &h, &m.key), CKR_PIN_INCORRECT);
	for (size_t i = 0; i < m.bytes.len; i++)
		ck_assert_uint_eq(backup_header_get(crypto, VIEW(m.bytes.p, i), &h, &n), CKR_BUFFER_TOO_SMALL);
	made_done(&m);
}
END_TEST

static CK_RV open_all(const struct secret *key, struct view file, size_t *ret_chunks)
{
	static uint8_t plain[BACKUP_CHUNK];
	struct backup_chunks chunks = { 0 };
	struct backup_header h;
	size_t n = 0;
	CK_RV rv = backup_header_get(crypto, file, &h, &n);

	*ret_chunks = 0;
	if (rv == CKR_OK)
		rv = backup_header_proves(crypto, VIEW(file.p, n), &h, key);
	if (rv == CKR_OK)
		rv = backup_chunks_init(&chunks, crypto, VIEW(file.p, n), &h, key);
	file = VIEW(file.p + n, file.n - n);
	while (rv == CKR_OK && backup_chunk_len(&chunks) > 0) {
		size_t part = backup_chunk_len(&chunks) + BACKUP_TAG_LEN;

		rv = file.n >= part ? backup_chunk_open(&chunks, file.p, plain) : CKR_DATA_LEN_RANGE;
		if (rv == CKR_OK)
			file = VIEW(file.p + part, file.n - part);
		*ret_chunks += rv == CKR_OK;
	}
	backup_chunks_done(&chunks);
	return rv == CKR_OK && file.n > 0 ? CKR_DATA_LEN_RANGE : rv;
}

/* A file of two chunks, the last of them short, appended to *ret. */
static void write_file(struct made *m, size_t size, struct buf *ret)
{
	static uint8_t plain[BACKUP_CHUNK], sealed[BACKUP_CHUNK + BACKUP_TAG_LEN];
	struct backup_chunks chunks = { 0 };

	make(m, size);
	buf_put_view(ret, buf_view(&m->bytes));
	ck_assert_uint_eq(backup_chunks_init(&chunks, crypto, buf_view(&m->bytes), &m->h, &m->key), CKR_OK);
	for (size_t n; (n = backup_chunk_len(&chunks)) > 0;) {
		memset(plain, (int)chunks.number, n);
		ck_assert_uint_eq(backup_chunk_seal(&chunks, plain, sealed), CKR_OK);
		buf_put(ret, sealed, n + BACKUP_TAG_LEN);
	}
	ck_assert(buf_ok(ret));
	ck_assert_uint_eq(ret->len, m->bytes.len + backup_sealed_len(size));
	backup_chunks_done(&chunks);
}

START_TEST(every_flipped_byte_of_a_file_is_seen)
{
	BUF_AUTO file = { 0 };
	struct made m;
	size_t chunks, before;

	write_file(&m, BACKUP_CHUNK + 1000, &file);
	ck_assert_uint_eq(open_all(&m.key, buf_view(&file), &chunks), CKR_OK);
	ck_assert_uint_eq(chunks, 2);
	for (size_t i = 0; i < file.len; i++) {
		CK_RV rv;

		file.p[i] ^= (uint8_t)(1 << i % 8);
		rv = open_all(&m.key, buf_view(&file), &chunks);
		file.p[i] ^= (uint8_t)(1 << i % 8);
		before = i < m.bytes.len ? 0 : (i - m.bytes.len) / (BACKUP_CHUNK + BACKUP_TAG_LEN);
		ck_assert_uint_eq(chunks, before);
		if (i < 4 || i == 4 || i == 5)
			ck_assert_uint_eq(rv, CKR_DATA_INVALID);
		else if (i < 10)
			ck_assert(rv == CKR_ENCRYPTED_DATA_INVALID || rv == CKR_BUFFER_TOO_SMALL);
		else
			ck_assert_uint_eq(rv, CKR_ENCRYPTED_DATA_INVALID);
	}
	made_done(&m);
}
END_TEST

START_TEST(chunks_that_are_cut_moved_or_foreign_are_seen)
{
	enum { PART = BACKUP_CHUNK + BACKUP_TAG_LEN };
	BUF_AUTO file = { 0 };
	BUF_AUTO other = { 0 };
	BUF_AUTO bad = { 0 };
	struct made m, o;
	size_t head, chunks;

	write_file(&m, 3 * BACKUP_CHUNK, &file);
	write_file(&o, 3 * BACKUP_CHUNK, &other);
	head = m.bytes.len;
	for (size_t k = 0; k < 3; k++) { /* cut behind chunk k - 1, and in the middle of it */
		ck_assert_uint_eq(open_all(&m.key, VIEW(file.p, head + k * PART), &chunks), CKR_DATA_LEN_RANGE);
		ck_assert_uint_eq(open_all(&m.key, VIEW(file.p, head + k * PART + 777), &chunks), CKR_DATA_LEN_RANGE);
		ck_assert_uint_eq(chunks, k);
	}
	for (size_t a = 0; a < 3; a++) {
		for (size_t b = 0; b < 3; b++) { /* chunk b in the place of a */
			if (a == b)
				continue;
			buf_done(&bad);
			buf_put_view(&bad, buf_view(&file));
			memcpy(bad.p + head + a * PART, file.p + head + b * PART, PART);
			ck_assert_uint_eq(open_all(&m.key, buf_view(&bad), &chunks), CKR_ENCRYPTED_DATA_INVALID);
			ck_assert_uint_eq(chunks, a);
		}
		buf_done(&bad);
		buf_put_view(&bad, buf_view(&file));
		memcpy(bad.p + head + a * PART, other.p + head + a * PART, PART);
		ck_assert_uint_eq(open_all(&m.key, buf_view(&bad), &chunks), CKR_ENCRYPTED_DATA_INVALID);
	}
	buf_put_u8(&file, 0);
	ck_assert_uint_eq(open_all(&m.key, buf_view(&file), &chunks), CKR_DATA_LEN_RANGE);
	made_done(&m);
	made_done(&o);
}
END_TEST

START_TEST(passphrase_gives_the_key_again)
{
	struct backup_header h = { .kind = 0 };
	SECRET_AUTO key = { 0 };
	SECRET_AUTO again = { 0 };
	SECRET_AUTO other = { 0 };

	ck_assert_uint_eq(backup_passphrase_new(crypto, VIEW_STR("eleven char"), &h, &key), CKR_PIN_LEN_RANGE);
	ck_assert_uint_eq(backup_passphrase_new(crypto, VIEW_STR("twelve chars"), &h, &key), CKR_OK);
	ck_assert_uint_eq(h.kind, BACKUP_PASSPHRASE);
	ck_assert_uint_ge(h.log2_n, 17);
	ck_assert_uint_eq(backup_passphrase(crypto, &h, VIEW_STR("twelve chars"), &again), CKR_OK);
	ck_assert_uint_eq(backup_passphrase(crypto, &h, VIEW_STR("twelve charS"), &other), CKR_OK);
	ck_assert(secret_equal(&key, &again));
	ck_assert(!secret_equal(&key, &other));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("backup_format");
	TCase *c = tcase_create("backup_format");
	SRunner *r;
	int failed;

	if (crypto_new(&crypto) != CKR_OK)
		return 1;
	tcase_set_timeout(c, 120);
	tcase_add_loop_test(c, published_shares_join, 0, ARRAY_LEN(published));
	tcase_add_test(c, shares_of_ours_join_and_fewer_tell_nothing);
	tcase_add_test(c, impossible_numbers_of_shares_are_refused);
	tcase_add_test(c, share_is_read_as_people_write_it);
	tcase_add_test(c, typo_in_a_share_names_its_group);
	tcase_add_test(c, missing_and_exchanged_groups_of_a_share_are_named);
	tcase_add_test(c, header_says_what_was_put);
	tcase_add_test(c, every_flipped_byte_of_a_file_is_seen);
	tcase_add_test(c, chunks_that_are_cut_moved_or_foreign_are_seen);
	tcase_add_test(c, passphrase_gives_the_key_again);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_set_fork_status(r, CK_NOFORK);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	crypto_free(crypto);
	return failed == 0 ? 0 : 1;
}
