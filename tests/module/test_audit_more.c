/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading the trail in parts, statements, the trail of a copy and of a token of schema 1. */
#include "audit_kit.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "audit.h"
#include "backup_kit.h"
#include "trail.h"

static void begin(void)
{
	ck_test_begin();
	kit_sr();
}

START_TEST(trail_is_read_in_parts_of_any_size)
{
	static struct audit_trail whole;
	struct sr_audit_entry part[7], nothing;
	struct sr_audit_state state;

	for (int i = 0; i < 5; i++)
		ck_login(CKU_USER);
	audit_read(&whole, 1);
	for (CK_ULONG size = 1; size <= ARRAY_LEN(part); size++) {
		CK_ULONG at = 1, n;

		do {
			n = size;
			ck_ok(sr->SR_GetAudit(ck_session, at, part, &n, &state));
			for (CK_ULONG i = 0; i < n; i++)
				ck_assert_mem_eq(&part[i], &whole.rows[at - 1 + i], sizeof(part[i]));
			at += n;
			ck_assert_uint_eq(state.ulChecked, at - 1);
			ck_assert_uint_eq(state.ulLast, whole.n);
			ck_assert_uint_eq(state.flags, at > whole.n ? SR_AUDIT_ENDED : 0);
		} while (!(state.flags & SR_AUDIT_ENDED));
		ck_assert_uint_eq(at, whole.n + 1);
	}
	/* From anywhere, and behind the end. */
	CK_ULONG n = 2;
	ck_ok(sr->SR_GetAudit(ck_session, 3, part, &n, NULL));
	ck_assert_uint_eq(n, 2);
	ck_assert_mem_eq(part, &whole.rows[2], 2 * sizeof(part[0]));
	n = 1;
	ck_ok(sr->SR_GetAudit(ck_session, whole.n + 1, &nothing, &n, &state));
	ck_assert_uint_eq(n, 0);
	n = 0;
	ck_ok(sr->SR_GetAudit(ck_session, 4, NULL, &n, NULL));
	ck_assert_uint_eq(n, whole.n - 3);
	n = 0;
	ck_ok(sr->SR_GetAudit(ck_session, 1, part, &n, &state));
	ck_assert_uint_eq(state.ulChecked, 0);
	ck_logout();
	/* What was begun under a login goes not on without one. */
	n = 1;
	ck_ok(sr->SR_GetAudit(ck_session, 2, part, &n, &state));
	ck_assert_uint_eq(part[0].ulEvent, 0);
	ck_assert_uint_eq(part[0].ulTime, 0);
	ck_assert_str_eq((char *)part[0].szLabel, "");
	ck_assert(state.flags & SR_AUDIT_SEALED);
}
END_TEST

START_TEST(bad_arguments_of_reading)
{
	struct sr_audit_entry e;
	CK_BYTE head[SR_AUDIT_HEAD_LEN];
	CK_ULONG n = 1;

	ck_rv(sr->SR_GetAudit(ck_session, 0, &e, &n, NULL), CKR_ARGUMENTS_BAD);
	ck_rv(sr->SR_GetAudit(ck_session, 1, &e, NULL, NULL), CKR_ARGUMENTS_BAD);
	ck_rv(sr->SR_GetAudit(4711, 1, &e, &n, NULL), CKR_SESSION_HANDLE_INVALID);
	ck_rv(sr->SR_AuditHead(ck_session, head, NULL), CKR_ARGUMENTS_BAD);
	n = 0;
	ck_ok(sr->SR_AuditHead(ck_session, NULL, &n));
	ck_assert_uint_eq(n, SR_AUDIT_HEAD_LEN);
	n--;
	ck_rv(sr->SR_AuditHead(ck_session, head, &n), CKR_BUFFER_TOO_SMALL);
	ck_assert_uint_eq(n, SR_AUDIT_HEAD_LEN);
	ck_rv(sr->SR_AuditHead(ck_session, head, &n), CKR_USER_NOT_LOGGED_IN);
}
END_TEST

/* Every try is in the trail, also one that no PIN was tried for. */
START_TEST(every_refused_login_is_written_down)
{
	static struct audit_trail t;
	CK_UTF8CHAR long_pin[300];
	CK_ULONG from = audit_good() + 1;

	memset(long_pin, 'x', sizeof(long_pin));
	ck_rv(ck->C_Login(ck_session, CKU_USER, long_pin, sizeof(long_pin)), CKR_PIN_INCORRECT);
	ck_rv(ck->C_Login(ck_session, CKU_SO, long_pin, sizeof(long_pin)), CKR_PIN_INCORRECT);
	ck_rv(ck->C_Login(ck_session, CKU_USER, CK_TEXT("nobody:wrong-one")), CKR_PIN_INCORRECT);
	ck_rv(ck->C_SetPIN(ck_session, long_pin, sizeof(long_pin), CK_TEXT("newnewnew")), CKR_PIN_INCORRECT);
	for (int i = 0; i < 10; i++)
		ck_rv(ck->C_Login(ck_session, CKU_USER, CK_TEXT("wrong-one")), CKR_PIN_INCORRECT);
	ck_rv(ck->C_Login(ck_session, CKU_USER, CK_TEXT("wrong-one")), CKR_PIN_LOCKED);
	ck_rv(ck->C_Login(ck_session, CKU_USER, CK_TEXT(CK_TEST_USER_PIN)), CKR_PIN_LOCKED);
	ck_login(CKU_SO);
	ck_ok(ck->C_InitPIN(ck_session, CK_TEXT(CK_TEST_USER_PIN)));
	audit_read(&t, from);
	ck_assert_uint_ge(t.n, 17);
	for (CK_ULONG i = 0; i < 16; i++) {
		ck_assert_uint_eq(t.rows[i].ulEvent, AUDIT_LOGIN_FAILED);
		ck_assert_uint_eq(t.rows[i].ulResult, i < 14 ? CKR_PIN_INCORRECT : CKR_PIN_LOCKED);
		ck_assert_uint_eq(t.rows[i].ulUserKind, i == 1   ? SR_USER_SO
							: i == 2 ? SR_USER_CUSTODIAN
								 : SR_USER_DEFAULT);
	}
	ck_logout();
	audit_good();
}
END_TEST

/* verified: by the key that the token gives, over the words of docs/store.md. */
static bool verified(const char *said, size_t said_len, const CK_BYTE signature[SR_SIGNATURE_LEN])
{
	CK_BYTE der[128];
	CK_ULONG n = sizeof(der);
	const unsigned char *at = der;
	CK_TOKEN_INFO info;
	BUF_AUTO words = { 0 };

	ck_ok(ck->C_GetTokenInfo(ck_slot, &info));
	ck_ok(sr->SR_GetStatementKey(ck_session, der, &n));
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)n);
	ck_assert_ptr_nonnull(key);
	ck_assert_ptr_eq(at, der + n);
	buf_put(&words, "strongroom statement", 21);
	buf_put(&words, info.serialNumber, 16);
	buf_put(&words, said, said_len);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	ck_assert_int_eq(EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key), 1);
	bool good = EVP_DigestVerify(ctx, signature, SR_SIGNATURE_LEN, words.p, words.len) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return good;
}

START_TEST(statements_are_the_tokens_and_in_the_trail)
{
	static struct audit_trail t;
	CK_BYTE text[] = "ceremony of today", signature[SR_SIGNATURE_LEN + 1];
	CK_ULONG n = 0, len = sizeof(text) - 1;

	ck_rv(sr->SR_SignStatement(ck_session, text, len, signature, NULL), CKR_ARGUMENTS_BAD);
	ck_rv(sr->SR_SignStatement(ck_session, NULL, len, signature, &n), CKR_ARGUMENTS_BAD);
	ck_ok(sr->SR_SignStatement(ck_session, text, len, NULL, &n));
	ck_assert_uint_eq(n, SR_SIGNATURE_LEN);
	n--;
	ck_rv(sr->SR_SignStatement(ck_session, text, len, signature, &n), CKR_BUFFER_TOO_SMALL);
	ck_rv(sr->SR_SignStatement(ck_session, text, len, signature, &n), CKR_USER_NOT_LOGGED_IN);
	ck_login(CKU_USER);
	n = sizeof(signature);
	ck_ok(sr->SR_SignStatement(ck_session, text, len, signature, &n));
	ck_assert_uint_eq(n, SR_SIGNATURE_LEN);
	ck_assert(verified((char *)text, len, signature));
	ck_assert(!verified((char *)text, len - 1, signature));
	ck_assert(!verified("Ceremony of today", len, signature));
	ck_ok(sr->SR_SignStatement(ck_session, NULL, 0, signature, &n));
	ck_assert(verified("", 0, signature));
	audit_read(&t, 1);
	const struct sr_audit_entry *e = audit_last(&t, AUDIT_STATEMENT);
	ck_assert_ptr_nonnull(e);
	ck_assert_str_eq((char *)e->szLabel, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	ck_assert_uint_eq(e->ulUserKind, SR_USER_DEFAULT);
	ck_logout();
	audit_good();
}
END_TEST

START_TEST(statement_key_has_its_rules)
{
	CK_BYTE key[64], again[64];
	CK_ULONG n = 0, m;

	ck_rv(sr->SR_GetStatementKey(ck_session, key, NULL), CKR_ARGUMENTS_BAD);
	ck_ok(sr->SR_GetStatementKey(ck_session, NULL, &n));
	ck_assert_uint_eq(n, 44);
	n = 43;
	ck_rv(sr->SR_GetStatementKey(ck_session, key, &n), CKR_BUFFER_TOO_SMALL);
	ck_assert_uint_eq(n, 44);
	ck_ok(sr->SR_GetStatementKey(ck_session, key, &n));
	/* It stays the token's own when the token is initialised anew. */
	ck_ok(ck->C_CloseAllSessions(ck_slot));
	ck_test_init_token(ck_slot, "test");
	ck_session = ck_open(true);
	ck_login(CKU_SO);
	ck_ok(ck->C_InitPIN(ck_session, CK_TEXT(CK_TEST_USER_PIN)));
	ck_logout();
	m = sizeof(again);
	ck_ok(sr->SR_GetStatementKey(ck_session, again, &m));
	ck_assert_uint_eq(m, n);
	ck_assert_mem_eq(key, again, n);
}
END_TEST

/* A copy's trail goes on from its source's, and says so; anchors of before the backup hold for both. */
START_TEST(trail_of_a_copy_names_its_source)
{
	static struct audit_trail t;
	CK_BYTE head[SR_AUDIT_HEAD_LEN];
	CK_ULONG n = sizeof(head), before, at;
	struct sr_audit_state state;
	struct kit_backup b;

	ck_login(CKU_USER);
	ck_ok(sr->SR_AuditHead(ck_session, head, &n));
	ck_logout();
	kit_backup(KIT_PASSPHRASE, &b);
	before = audit_good() - 1; /* without the login that read it */
	kit_go("copy");
	kit_restore(&b, KIT_PASSPHRASE);
	ck_logout();
	audit_good();
	ck_login(CKU_SO);
	audit_read(&t, 1);
	for (at = 1; at < t.n && t.rows[at].ulBegun != SR_AUDIT_BEGUN_COPY; at++)
		;
	ck_assert_uint_eq(at, before); /* rows count from 0 */
	ck_assert_uint_eq(t.rows[at - 1].ulEvent, AUDIT_BACKUP);
	ck_assert_uint_eq(t.rows[at].ulSegment, t.rows[at - 1].ulSegment + 1);
	ck_assert_uint_eq(t.rows[at + 1].ulEvent, AUDIT_LOGIN);
	ck_assert_ptr_nonnull(audit_last(&t, AUDIT_RESTORED));
	ck_ok(sr->SR_CheckAudit(ck_session, head, sizeof(head), &state));
	ck_assert_uint_eq(state.ulFirstBad, 0);
	ck_logout();
	kit_backup_done(&b);
}
END_TEST

/* The fixture of schema 1 (tests/vectors/store-1): its entries are the first part of the trail for good. */
#define OLD_SERIAL "f9a107483db3186a"
static char old_path[256];

static void old_begin(void)
{
	char vectors[256], dir[200];
	BUF_AUTO data = { 0 };

	ck_test_load();
	snprintf(dir, sizeof(dir), "%s/old", ck_test_dir);
	ck_assert_int_eq(mkdir(dir, 0700), 0);
	snprintf(old_path, sizeof(old_path), "%s/" OLD_SERIAL, dir);
	ck_assert_int_eq(mkdir(old_path, 0700), 0);
	snprintf(vectors, sizeof(vectors), "%s/store-1", getenv("STRONGROOM_VECTORS"));
	file_get(vectors, "data.mdb", &data);
	file_put(old_path, "data.mdb", buf_view(&data));
	setenv("STRONGROOM_TOKEN_DIR", dir, 1);
}

static void old_start(void)
{
	CK_SLOT_ID slots[8];
	CK_ULONG n = ARRAY_LEN(slots);

	ck_ok(ck->C_Initialize(NULL));
	ck_ok(ck->C_GetSlotList(CK_TRUE, slots, &n));
	ck_slot = slots[0];
	ck_session = ck_open(true);
	kit_sr();
}

START_TEST(entries_of_schema_1_stay_readable_and_bound)
{
	static struct audit_trail t;
	struct sr_audit_state state;
	CK_ULONG old, n = 0;
	BUF_AUTO record = { 0 };

	old_begin();
	old_start();
	/* Not migrated yet: everybody can read it, and a failure goes into it as they all did. */
	audit_read(&t, 1);
	ck_assert_uint_eq(t.state.ulFirstBad, 0);
	ck_assert_uint_eq(t.state.ulState, SR_AUDIT_STATE_FITS);
	ck_assert_uint_eq(t.rows[0].ulEvent, AUDIT_INIT_TOKEN);
	old = t.n;
	ck_rv(ck->C_Login(ck_session, CKU_USER, CK_TEXT("wrong-one")), CKR_PIN_INCORRECT);
	audit_read(&t, 1);
	ck_assert_uint_eq(t.n, ++old);
	ck_assert_uint_eq(t.rows[old - 1].ulEvent, AUDIT_LOGIN_FAILED);
	ck_assert_uint_eq(t.rows[old - 1].ulSegment, 0);
	ck_assert_uint_eq(t.state.ulFirstBad, 0);
	/* The first login migrates it. */
	ck_ok(ck->C_Login(ck_session, CKU_USER, CK_TEXT("123456")));
	audit_read(&t, 1);
	ck_assert_uint_eq(t.state.ulFirstBad, 0);
	ck_assert_uint_eq(t.rows[0].ulEvent, AUDIT_INIT_TOKEN);
	ck_assert_uint_eq(t.rows[old].ulEvent, SR_AUDIT_SEGMENT);
	ck_assert_uint_eq(t.rows[old].ulBegun, SR_AUDIT_BEGUN_MIGRATION);
	ck_assert_uint_eq(t.rows[old].ulSegment, 1);
	ck_ok(ck->C_Finalize(NULL));
	/* From then on nothing of it can be changed or cut, its last entry included. */
	for (uint64_t at = old; at >= old - 1; at--) {
		buf_done(&record);
		trail_get(old_path, at, &record);
		record.p[record.len - 1] ^= 1;
		trail_put(old_path, at, buf_view(&record));
		old_start();
		ck_ok(sr->SR_GetAudit(ck_session, 1, NULL, &n, &state));
		ck_assert_uint_eq(state.ulFirstBad, at);
		ck_assert_uint_eq(state.ulBad, SR_AUDIT_CHANGED);
		ck_ok(ck->C_Login(ck_session, CKU_USER, CK_TEXT("123456")));
		ck_ok(sr->SR_GetAudit(ck_session, 1, NULL, &n, &state));
		ck_assert_uint_eq(state.ulFirstBad, at);
		ck_ok(ck->C_Finalize(NULL));
		record.p[record.len - 1] ^= 1;
		trail_put(old_path, at, buf_view(&record));
	}
	trail_del(old_path, old);
	old_start();
	ck_ok(sr->SR_GetAudit(ck_session, 1, NULL, &n, &state));
	ck_assert_uint_eq(state.ulFirstBad, old);
	ck_assert_uint_eq(state.ulBad, SR_AUDIT_CUT);
	ck_ok(ck->C_Finalize(NULL));
	ck_test_unload();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("audit_more");
	TCase *c = tcase_create("audit_more");
	TCase *old = tcase_create("schema 1");

	tcase_add_unchecked_fixture(c, begin, ck_test_end);
	tcase_set_timeout(c, 0);
	tcase_add_test(c, trail_is_read_in_parts_of_any_size);
	tcase_add_test(c, bad_arguments_of_reading);
	tcase_add_test(c, every_refused_login_is_written_down);
	tcase_add_test(c, statements_are_the_tokens_and_in_the_trail);
	tcase_add_test(c, statement_key_has_its_rules);
	tcase_add_test(c, trail_of_a_copy_names_its_source);
	suite_add_tcase(s, c);
	tcase_set_timeout(old, 0);
	tcase_add_test(old, entries_of_schema_1_stay_readable_and_bound);
	suite_add_tcase(s, old);
	return ck_test_run(s);
}
