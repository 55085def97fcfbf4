/* SPDX-License-Identifier: BSD-2-Clause */
/* Suite 3: TEK and AUK in X9.143 key blocks (R2.1), against records that openssl made (tests/support/tk_block.py). */
#include "tk_kit.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A line of tk_block.txt. */
struct line {
	char name[64];
	bool good;
	uint8_t type;
	struct buf pk, mak, tek, auk, record;
};

static void line_done(struct line *l)
{
	buf_done(&l->pk);
	buf_done(&l->mak);
	buf_done(&l->tek);
	buf_done(&l->auk);
	buf_done(&l->record);
}

static void line_read(char *text, struct line *l)
{
	const struct {
		const char *name;
		struct buf *value;
	} hex[] = {
		{ "pk", &l->pk }, { "mak", &l->mak }, { "tek", &l->tek }, { "auk", &l->auk }, { "record", &l->record }
	};
	char *word;

	while ((word = strsep(&text, " \n"))) {
		char *equals = strchr(word, '=');

		if (!equals)
			continue;
		*equals++ = 0;
		if (!strcmp(word, "name"))
			snprintf(l->name, sizeof(l->name), "%s", equals);
		if (!strcmp(word, "good"))
			l->good = *equals == '1';
		if (!strcmp(word, "type"))
			l->type = (uint8_t)atoi(equals);
		for (size_t i = 0; i < ARRAY_LEN(hex); i++)
			if (!strcmp(word, hex[i].name))
				ck_assert(hex_decode(equals, strlen(equals), hex[i].value));
	}
}

/* The first three bytes of what a key makes of a zero block: AES by CMAC, TDES by ECB. */
static void check_value_of(uint8_t type, struct view key, uint8_t ret[3])
{
	uint8_t zero[16] = { 0 }, out[32], three[24];
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	size_t n = 0;
	int len = 0;

	if (type == FORMAT_KEY_AES) {
		ck_assert_ptr_nonnull(EVP_Q_mac(NULL, "CMAC", NULL,
						key.n == 16   ? "AES-128-CBC"
						: key.n == 24 ? "AES-192-CBC"
							      : "AES-256-CBC",
						NULL, key.p, key.n, zero, 16, out, sizeof(out), &n));
	} else {
		memcpy(three, key.p, key.n);
		if (key.n == 16)
			memcpy(three + 16, key.p, 8);
		ck_assert_int_eq(EVP_EncryptInit_ex(c, EVP_des_ede3_ecb(), NULL, three, NULL), 1);
		ck_assert_int_eq(EVP_EncryptUpdate(c, out, &len, zero, 8), 1);
	}
	EVP_CIPHER_CTX_free(c);
	memcpy(ret, out, 3);
}

static void check_line(const struct line *l)
{
	CK_ULONG before = kit_count();
	CK_OBJECT_HANDLE tek = 0, auk = 0;
	uint8_t want[3], got[3], known[32];
	CK_RV rv;

	kit_wish_value(&tk_wishes[2], known);
	ck_assert_mem_eq(known, l->pk.p, 32);
	kit_wish_value(&tk_wishes[5], known);
	ck_assert_mem_eq(known, l->mak.p, 32);
	rv = kit_open(tk_pk[2], tk_mak[2], buf_view(&l->record), &tek, &auk);
	ck_assert_msg(rv == (l->good ? CKR_OK : CKR_WRAPPED_KEY_INVALID), "%s: %lx", l->name, rv);
	if (rv != CKR_OK) {
		ck_assert_uint_eq(kit_count(), before);
		return;
	}
	check_value_of(l->type, buf_view(&l->tek), want);
	ck_ok(kit_check_value(tek, got));
	ck_assert_msg(!memcmp(want, got, 3), "%s: TEK", l->name);
	check_value_of(l->type, buf_view(&l->auk), want);
	ck_ok(kit_check_value(auk, got));
	ck_assert_msg(!memcmp(want, got, 3), "%s: AUK", l->name);
	ck_assert_uint_eq(ck_get_ulong(tek, CKA_SR_ROLE), SR_ROLE_TEK);
	ck_assert_uint_eq(ck_get_ulong(auk, CKA_SR_ROLE), SR_ROLE_AUK);
	ck_ok(ck->C_DestroyObject(ck_session, tek));
	ck_ok(ck->C_DestroyObject(ck_session, auk));
}

/* Headers and labels must be the record's, although every MAC is true. */
START_TEST(records_of_the_vectors_open_or_are_refused) /* R2.1 R2.6 R2.9 */
{
	unsigned count[2] = { 0, 0 };
	char path[512], text[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/tk_block.txt", getenv("STRONGROOM_VECTORS"));
	f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	while (fgets(text, sizeof(text), f)) {
		struct line l = { 0 };

		if (text[0] == '#')
			continue;
		line_read(text, &l);
		check_line(&l);
		count[l.good]++;
		line_done(&l);
	}
	fclose(f);
	ck_assert_uint_ge(count[0], 30);
	ck_assert_uint_ge(count[1], 43);
}
END_TEST

static const size_t shapes[] = { 10, 11, 12, 13 };

START_TEST(a_record_has_a_key_block_with_the_serial_number_for_each_key) /* R1.7 R2.1 */
{
	const struct tk_shape *s = &tk_shapes[shapes[_i]];
	struct tk_way w;
	struct tk_record r;
	char head[64];

	tk_whole_way(s, &w);
	ck_assert(tk_record_parse(VIEW(w.record, w.record_len), &r));
	ck_assert_uint_eq(r.suite, SR_SUITE_BLOCK);
	snprintf(head, sizeof(head), "D%04zuK0%cE00N0200LB0EPOS-000042PB12", r.ctek.n, s->type == CKK_AES ? 'A' : 'T');
	ck_assert_int_eq(memcmp(r.ctek.p, head, strlen(head)), 0);
	snprintf(head, sizeof(head), "D%04zu%s%c%c00N0200LB0EPOS-000042PB12", r.cauk.n,
		 s->handshake == SR_HANDSHAKE_V1 ? "D0" : "M6", s->type == CKK_AES ? 'A' : 'T',
		 s->handshake == SR_HANDSHAKE_V1 ? 'E' : 'C');
	ck_assert_int_eq(memcmp(r.cauk.p, head, strlen(head)), 0);
	ck_assert_uint_eq(r.mac.n, 16);
	tk_drop(&w);
}
END_TEST

/* Nobody without PK can tell from a record how long its keys are beyond what the attributes say; no two are alike. */
START_TEST(the_same_packet_never_gives_the_same_blocks) /* R1.7 */
{
	const struct tk_shape *s = &tk_shapes[10];
	struct tk_way a, b;
	struct tk_record r, q;

	tk_make(s, &a);
	ck_ok(tk_rewrap(s, &a));
	b = a;
	ck_ok(tk_rewrap(s, &b));
	ck_assert(tk_record_parse(VIEW(a.record, a.record_len), &r));
	ck_assert(tk_record_parse(VIEW(b.record, b.record_len), &q));
	ck_assert(!view_equal(r.ctek, q.ctek) && !view_equal(r.cauk, q.cauk) && !view_equal(r.mac, q.mac));
	tk_drop(&a);
}
END_TEST

/* The suite is under the possession MAC: who changes it on the way to HSM 1 gets nothing. */
START_TEST(a_packet_goes_into_a_record_of_its_own_suite_alone) /* R1.7 */
{
	for (int i = 0; i < 2; i++) {
		const struct tk_shape *s = &tk_shapes[i ? 10 : 7];
		struct tk_way w;

		tk_make(s, &w);
		w.tk.packet[0] ^= SR_SUITE_AES ^ SR_SUITE_BLOCK;
		ck_assert_uint_eq(tk_rewrap(s, &w), CKR_WRAPPED_KEY_INVALID);
		tk_drop(&w);
	}
}
END_TEST

/* PK opens key blocks in records and nowhere else. */
START_TEST(a_block_of_a_record_is_no_key_block_for_anybody) /* R1.13 */
{
	const struct tk_shape *s = &tk_shapes[10];
	CK_MECHANISM m = { CKM_SR_KEY_BLOCK, NULL, 0 };
	CK_OBJECT_HANDLE h = 0;
	struct tk_record r;
	struct tk_way w;

	tk_whole_way(s, &w);
	ck_assert(tk_record_parse(VIEW(w.record, w.record_len), &r));
	ck_assert_uint_ne(ck->C_UnwrapKey(ck_session, &m, tk_pk[2], (CK_BYTE_PTR)r.ctek.p, r.ctek.n, NULL, 0, &h),
			  CKR_OK);
	tk_drop(&w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tk_block");
	TCase *c = tcase_create("tk_block");

	tcase_add_unchecked_fixture(c, tk_begin, ck_test_end);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, records_of_the_vectors_open_or_are_refused);
	tcase_add_loop_test(c, a_record_has_a_key_block_with_the_serial_number_for_each_key, 0, ARRAY_LEN(shapes));
	tcase_add_test(c, the_same_packet_never_gives_the_same_blocks);
	tcase_add_test(c, a_packet_goes_into_a_record_of_its_own_suite_alone);
	tcase_add_test(c, a_block_of_a_record_is_no_key_block_for_anybody);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
