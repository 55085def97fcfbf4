/* SPDX-License-Identifier: BSD-2-Clause */
#include "backup_kit.h"

#include <stdlib.h>
#include <string.h>

/* Backups that are damaged, cut, mixed up or opened with the wrong key: an error each, and nothing is left of them. */

#define PART (SR_BACKUP_PART)

static struct kit_backup good, other;

/* bad: the file, damaged, is refused with this error, and nothing stands in the directory of tokens. */
static void bad(struct kit_backup *b, CK_RV expected, const char *what, size_t at)
{
	CK_RV rv = kit_feed(b, NULL, b->file.len);
	struct sr_verify_state state;

	/* What was cut off is told when somebody wants to go on. */
	if (rv == CKR_OK)
		rv = sr->SR_RestoreLogin(ck_slot, CKU_SO, NULL, 0, CK_TEXT(CK_TEST_SO_PIN));
	ck_assert_msg(rv == expected, "%s at %zu: 0x%lx instead of 0x%lx", what, at, rv, expected);
	rv = kit_final(&state);
	ck_assert_msg(rv == CKR_OPERATION_NOT_INITIALIZED || rv == CKR_DATA_LEN_RANGE, "%s at %zu: final 0x%lx", what,
		      at, rv);
	rv = sr->SR_RestoreCancel(ck_slot);
	ck_assert(rv == CKR_OK || rv == CKR_OPERATION_NOT_INITIALIZED);
	ck_assert_msg(kit_entries() == 0, "%s at %zu", what, at);
}

static struct kit_backup copy_of(const struct kit_backup *b)
{
	struct kit_backup c = *b;

	c.file = (struct buf){ 0 };
	buf_put_view(&c.file, buf_view(&b->file));
	ck_assert(buf_ok(&c.file));
	return c;
}

/* Each byte of the header; of the chunks every 97th and those around their ends (all of them: test_backup_format). */
START_TEST(flipped_bytes_are_refused)
{
	struct kit_backup b = copy_of(&good);
	size_t head = b.info.ulHeaderLen;

	for (size_t i = 0; i < b.file.len; i++) {
		CK_RV expected = i < 6 ? CKR_DATA_INVALID : CKR_ENCRYPTED_DATA_INVALID;
		size_t in_part = i < head ? 0 : (i - head) % PART;

		if (i >= head && i % 97 && in_part > 2 && in_part < PART - 18)
			continue;
		/* The length of the header: what is read as its end is not there, or no checksum. */
		if (i >= 6 && i < 10)
			continue;
		b.file.p[i] ^= (uint8_t)(1u << i % 8);
		bad(&b, expected, "flip", i);
		b.file.p[i] ^= (uint8_t)(1u << i % 8);
	}
	for (size_t i = 6; i < 10; i++) {
		struct sr_backup info;
		CK_RV rv;

		b.file.p[i] ^= 1;
		rv = sr->SR_GetBackup(ck_slot, b.file.p, b.file.len, &info);
		ck_assert(rv == CKR_ENCRYPTED_DATA_INVALID || rv == CKR_DATA_LEN_RANGE);
		b.file.p[i] ^= 1;
	}
	kit_backup_done(&b);
}
END_TEST

START_TEST(files_that_are_cut_off_are_refused)
{
	struct kit_backup b = copy_of(&good);
	size_t head = b.info.ulHeaderLen, whole = b.file.len;

	for (size_t n = 0; n < head; n += n < 16 ? 1 : 13) {
		b.file.len = n;
		bad(&b, n == 0 ? CKR_ARGUMENTS_BAD : CKR_DATA_LEN_RANGE, "cut", n);
	}
	for (size_t n = head; n < whole; n += PART) { /* at every chunk, before, behind and in it */
		static const int around[] = { -1, 0, 1, 5000 };

		for (size_t k = 0; k < ARRAY_LEN(around); k++) {
			b.file.len = n + (size_t)around[k];
			if (b.file.len >= head && b.file.len < whole)
				bad(&b, CKR_DATA_LEN_RANGE, "cut", b.file.len);
		}
	}
	b.file.len = whole - 1;
	bad(&b, CKR_DATA_LEN_RANGE, "cut", whole - 1);
	b.file.len = whole;
	buf_put_u8(&b.file, 0);
	bad(&b, CKR_DATA_LEN_RANGE, "longer", whole);
	kit_backup_done(&b);
}
END_TEST

START_TEST(exchanged_and_foreign_chunks_are_refused)
{
	size_t head = good.info.ulHeaderLen, parts = (good.file.len - head) / PART;
	struct kit_backup b = copy_of(&good);

	ck_assert_uint_ge(parts, 2);
	ck_assert_uint_eq(head, other.info.ulHeaderLen);
	for (size_t i = 0; i < parts; i++) {
		for (size_t k = 0; k < parts; k++) {
			if (i == k)
				continue;
			memcpy(b.file.p + head + i * PART, good.file.p + head + k * PART, PART);
			bad(&b, CKR_ENCRYPTED_DATA_INVALID, "exchanged", i);
			memcpy(b.file.p + head + i * PART, good.file.p + head + i * PART, PART);
		}
		memcpy(b.file.p + head + i * PART, other.file.p + head + i * PART, PART);
		bad(&b, CKR_ENCRYPTED_DATA_INVALID, "foreign", i);
		memcpy(b.file.p + head + i * PART, good.file.p + head + i * PART, PART);
	}
	/* The header of one, the chunks of the other. */
	memcpy(b.file.p + head, other.file.p + head,
	       (b.file.len < other.file.len ? b.file.len : other.file.len) - head);
	bad(&b, CKR_ENCRYPTED_DATA_INVALID, "body", 0);
	kit_backup_done(&b);
}
END_TEST

static CK_RV share(const char *text, CK_ULONG *wrong, CK_ULONG *missing)
{
	return sr->SR_RestoreShare(ck_slot, (CK_UTF8CHAR_PTR)(uintptr_t)text, SR_BACKUP_SHARE_TEXT, wrong, missing);
}

START_TEST(shares_that_do_not_do_are_named)
{
	char typo[SR_BACKUP_SHARE_TEXT];
	CK_ULONG wrong = 9, missing = 9;
	CK_BYTE byte = 0;

	ck_ok(sr->SR_RestoreInit(ck_slot, good.file.p, good.file.len));
	ck_rv(sr->SR_RestoreInit(ck_slot, good.file.p, good.file.len), CKR_OPERATION_ACTIVE);
	ck_rv(sr->SR_RestoreNext(ck_slot, &byte, 1), CKR_KEY_NEEDED);
	ck_rv(sr->SR_RestorePassphrase(ck_slot, CK_TEXT(KIT_PASSPHRASE)), CKR_ARGUMENTS_BAD);
	ck_rv(share(NULL, &wrong, &missing), CKR_ARGUMENTS_BAD);
	ck_rv(share(good.share[0], NULL, &missing), CKR_ARGUMENTS_BAD);
	ck_rv(share(good.share[0], &wrong, NULL), CKR_ARGUMENTS_BAD);
	ck_rv(share(other.share[0], &wrong, &missing), CKR_KEY_CHANGED);
	memcpy(typo, good.share[1], sizeof(typo));
	typo[6 * 7 + 2] = typo[6 * 7 + 2] == 'A' ? 'B' : 'A';
	ck_rv(share(typo, &wrong, &missing), CKR_DATA_INVALID);
	ck_assert_uint_eq(wrong, 8);
	ck_ok(share(good.share[2], &wrong, &missing));
	ck_assert_uint_eq(missing, 1);
	ck_rv(share(good.share[2], &wrong, &missing), CKR_KEY_NOT_NEEDED);
	ck_rv(sr->SR_RestoreNext(ck_slot, &byte, 1), CKR_KEY_NEEDED);
	ck_rv(share(typo, &wrong, &missing), CKR_DATA_INVALID);
	ck_ok(share(good.share[1], &wrong, &missing));
	ck_assert_uint_eq(missing, 0);
	ck_rv(share(good.share[0], &wrong, &missing), CKR_KEY_NOT_NEEDED);
	ck_ok(sr->SR_RestoreNext(ck_slot, good.file.p + good.info.ulHeaderLen, 1));
	ck_ok(sr->SR_RestoreCancel(ck_slot));
	ck_assert_uint_eq(kit_entries(), 0);
}
END_TEST

START_TEST(wrong_passphrase_is_told_and_another_may_come)
{
	struct kit_backup b;

	kit_go("tokens of old");
	ck_slot = 0;
	ck_test_init_token(ck_slot, "second");
	ck_session = ck_open(true);
	kit_backup(KIT_PASSPHRASE, &b);
	kit_go("by passphrase");
	ck_ok(sr->SR_RestoreInit(ck_slot, b.file.p, b.file.len));
	ck_rv(sr->SR_RestorePassphrase(ck_slot, CK_TEXT("correct horse batterz")), CKR_PIN_INCORRECT);
	ck_rv(sr->SR_RestorePassphrase(ck_slot, CK_TEXT("short")), CKR_PIN_INCORRECT);
	ck_ok(sr->SR_RestorePassphrase(ck_slot, CK_TEXT(KIT_PASSPHRASE)));
	ck_rv(sr->SR_RestorePassphrase(ck_slot, CK_TEXT(KIT_PASSPHRASE)), CKR_KEY_NOT_NEEDED);
	ck_ok(sr->SR_RestoreCancel(ck_slot));
	ck_assert_uint_eq(kit_entries(), 0);
	kit_restore(&b, KIT_PASSPHRASE);
	kit_backup_done(&b);
}
END_TEST

START_TEST(calls_out_of_place_name_their_errors)
{
	struct sr_verify_state state;
	struct sr_finding some[1];
	struct sr_backup info;
	CK_SLOT_ID slot;
	CK_ULONG n = 1;
	CK_BYTE b = 0;

	ck_rv(sr->SR_GetBackup(4711, good.file.p, good.file.len, &info), CKR_SLOT_ID_INVALID);
	ck_rv(sr->SR_GetBackup(ck_slot, NULL, 9, &info), CKR_ARGUMENTS_BAD);
	ck_rv(sr->SR_GetBackup(ck_slot, good.file.p, good.file.len, NULL), CKR_ARGUMENTS_BAD);
	ck_rv(sr->SR_GetBackup(ck_slot, (CK_BYTE_PTR) "no backup at all", 16, &info), CKR_DATA_INVALID);
	ck_rv(sr->SR_RestoreInit(4711, good.file.p, good.file.len), CKR_SLOT_ID_INVALID);
	ck_rv(sr->SR_RestoreInit(ck_slot, NULL, 0), CKR_ARGUMENTS_BAD);
	ck_rv(sr->SR_RestoreNext(ck_slot, &b, 1), CKR_OPERATION_NOT_INITIALIZED);
	ck_rv(sr->SR_RestorePassphrase(ck_slot, &b, 1), CKR_OPERATION_NOT_INITIALIZED);
	ck_rv(sr->SR_RestoreLogin(ck_slot, CKU_SO, NULL, 0, &b, 1), CKR_OPERATION_NOT_INITIALIZED);
	ck_rv(sr->SR_RestoreFinal(ck_slot, &state, some, &n, &slot), CKR_OPERATION_NOT_INITIALIZED);
	ck_rv(sr->SR_RestoreFinal(ck_slot, NULL, some, &n, &slot), CKR_ARGUMENTS_BAD);
	ck_rv(sr->SR_RestoreFinal(ck_slot, &state, some, NULL, &slot), CKR_ARGUMENTS_BAD);
	ck_rv(sr->SR_RestoreFinal(ck_slot, &state, some, &n, NULL), CKR_ARGUMENTS_BAD);
	ck_rv(sr->SR_RestoreCancel(ck_slot), CKR_OPERATION_NOT_INITIALIZED);
	ck_ok(sr->SR_RestoreInit(ck_slot, good.file.p, good.file.len));
	ck_rv(sr->SR_RestoreNext(4711, &b, 1), CKR_SLOT_ID_INVALID);
	ck_rv(sr->SR_RestoreLogin(ck_slot, CKU_SO, NULL, 0, CK_TEXT(CK_TEST_SO_PIN)), CKR_DATA_LEN_RANGE);
	/* C_Finalize ends it. */
	kit_go("restored");
	ck_rv(sr->SR_RestoreCancel(ck_slot), CKR_OPERATION_NOT_INITIALIZED);
	ck_assert_uint_eq(kit_entries(), 0);
}
END_TEST

/* Two backups of one token, of several chunks; then a directory without tokens. */
static void begin(void)
{
	static char big[60000];
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_BBOOL yes = CK_TRUE;
	CK_OBJECT_HANDLE h = 0;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_TOKEN, &yes, 1 },
			     { CKA_VALUE, big, sizeof(big) } };

	ck_test_begin();
	kit_sr();
	ck_login(CKU_USER);
	for (int i = 0; i < 2; i++)
		ck_ok(ck->C_CreateObject(ck_session, t, ARRAY_LEN(t), &h));
	kit_backup(NULL, &good);
	kit_backup(NULL, &other);
	kit_go("restored");
}

static void end(void)
{
	kit_backup_done(&good);
	kit_backup_done(&other);
	ck_test_end();
}

int main(void)
{
	Suite *s = suite_create("backup_bad");
	TCase *c = tcase_create("backup_bad");

	tcase_set_timeout(c, 250);
	tcase_add_checked_fixture(c, begin, end);
	tcase_add_test(c, flipped_bytes_are_refused);
	tcase_add_test(c, files_that_are_cut_off_are_refused);
	tcase_add_test(c, exchanged_and_foreign_chunks_are_refused);
	tcase_add_test(c, shares_that_do_not_do_are_named);
	tcase_add_test(c, wrong_passphrase_is_told_and_another_may_come);
	tcase_add_test(c, calls_out_of_place_name_their_errors);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
