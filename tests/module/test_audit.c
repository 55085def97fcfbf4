/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit_kit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "audit.h"
#include "store.h"

/* The module is finalised when the store is opened here: one environment per file and process. */
static char serial[STORE_SERIAL_LEN + 1];

static void finalise(void)
{
	CK_TOKEN_INFO info;

	ck_ok(ck->C_GetTokenInfo(ck_slot, &info));
	memcpy(serial, info.serialNumber, STORE_SERIAL_LEN);
	ck_ok(ck->C_Finalize(NULL));
}

static void initialise(void)
{
	CK_SLOT_ID slots[8];
	CK_ULONG n = ARRAY_LEN(slots);

	ck_ok(ck->C_Initialize(NULL));
	ck_ok(ck->C_GetSlotList(CK_TRUE, slots, &n));
	ck_slot = slots[0];
	ck_session = ck_open(true);
}

struct entry_seen {
	unsigned number;
	unsigned kind;
	const char *user;
	CK_RV result;
	CK_ULONG count;
};

static void set_pin(const char *old, const char *new)
{
	ck_ok(ck->C_SetPIN(ck_session, CK_TEXT(old), CK_TEXT(new)));
}

static void make_history(void)
{
	CK_MECHANISM generate = { CKM_AES_KEY_GEN, NULL, 0 }, wrap = { CKM_AES_KEY_WRAP, NULL, 0 };
	CK_ULONG length = 32, n;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ATTRIBUTE t[] = { { CKA_VALUE_LEN, &length, sizeof(length) },
			     { CKA_TOKEN, &yes, 1 },
			     { CKA_WRAP, &yes, 1 },
			     { CKA_EXTRACTABLE, &yes, 1 } };
	CK_ATTRIBUTE label = { CKA_LABEL, (void *)(uintptr_t) "kek", 3 };
	CK_OBJECT_HANDLE key, cargo;
	CK_BYTE out[64];

	ck_rv(ck->C_Login(ck_session, CKU_USER, CK_TEXT("00000000")), CKR_PIN_INCORRECT);
	ck_login(CKU_SO);
	ck_ok(ck->C_InitPIN(ck_session, CK_TEXT("alice:11111111")));
	ck_logout();
	ck_ok(ck->C_Login(ck_session, CKU_USER, CK_TEXT("alice:11111111")));
	set_pin("alice:11111111", "aaaaaaaa");
	ck_ok(ck->C_GenerateKey(ck_session, &generate, t, ARRAY_LEN(t), &key));
	ck_ok(ck->C_SetAttributeValue(ck_session, key, &label, 1));
	t[1].pValue = &no;
	ck_ok(ck->C_GenerateKey(ck_session, &generate, t, ARRAY_LEN(t), &cargo));
	for (int i = 0; i < 3; i++) {
		n = sizeof(out);
		ck_ok(ck->C_WrapKey(ck_session, &wrap, key, cargo, out, &n));
	}
	ck_ok(ck->C_DestroyObject(ck_session, key));
	ck_logout();
	ck_login(CKU_SO);
	ck_ok(ck->C_InitPIN(ck_session, CK_TEXT("alice:22222222")));
	ck_logout();
}

/* R1.3, R6.4: who did what, in order, in a chain. */
START_TEST(history_of_a_token_is_written_down)
{
	static const struct entry_seen expected[] = {
		{ AUDIT_INIT_TOKEN, 1, "", CKR_OK, 0 },
		{ AUDIT_LOGIN, 1, "", CKR_OK, 0 },
		{ AUDIT_PIN_INIT, 1, "", CKR_OK, 0 },
		{ AUDIT_LOGIN_FAILED, 2, "", CKR_PIN_INCORRECT, 0 },
		{ AUDIT_LOGIN, 1, "", CKR_OK, 0 },
		{ AUDIT_CUSTODIAN_CREATED, 1, "", CKR_OK, 0 },
		{ AUDIT_LOGIN, 3, "alice", CKR_OK, 0 },
		{ AUDIT_PIN_SET, 3, "alice", CKR_OK, 0 },
		{ AUDIT_KEY_CREATED, 3, "alice", CKR_OK, 0 },
		{ AUDIT_KEY_CHANGED, 3, "alice", CKR_OK, 0 },
		{ AUDIT_USE_DECIDED, 3, "alice", CKR_OK, CKF_WRAP },
		{ AUDIT_KEY_DESTROYED, 3, "alice", CKR_OK, 0 },
		{ AUDIT_KEY_WRAPPED, 3, "alice", CKR_OK, 3 },
		{ AUDIT_LOGIN, 1, "", CKR_OK, 0 },
		{ AUDIT_CUSTODIAN_RESET, 1, "", CKR_OK, 0 },
		{ AUDIT_LOGIN, 1, "", CKR_OK, 0 },
	};
	static struct audit_trail t;
	char program[256] = "";
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);

	ck_assert_int_gt(length, 0);
	make_history();
	/* In the end it is read by somebody who may see no key. */
	ck_login(CKU_SO);
	audit_read(&t, 1);
	ck_assert_uint_eq(t.rows[0].ulEvent, SR_AUDIT_SEGMENT);
	ck_assert_uint_eq(t.rows[0].ulBegun, SR_AUDIT_BEGUN_INIT);
	for (size_t i = 0; i < t.n - 1 && i < ARRAY_LEN(expected); i++) {
		const struct sr_audit_entry *e = &t.rows[i + 1];

		ck_assert_msg(e->ulEvent == expected[i].number, "entry %zu is %lu, %s", i, e->ulEvent, e->szEvent);
		ck_assert_uint_eq(e->ulBad, SR_AUDIT_GOOD);
		ck_assert_uint_eq(e->ulSegment, 1);
		ck_assert_uint_eq(e->ulUserKind, expected[i].kind);
		ck_assert_str_eq((const char *)e->szUser, expected[i].user);
		ck_assert_uint_eq(e->ulResult, expected[i].result);
		ck_assert_uint_eq(e->ulCount, expected[i].count);
		ck_assert_uint_eq(e->ulProcess, (CK_ULONG)getpid());
		ck_assert_str_eq((const char *)e->szProgram, program);
		ck_assert_uint_gt(e->ulTime, 1600000000000u);
	}
	ck_assert_uint_eq(t.n, ARRAY_LEN(expected) + 1);
	ck_logout();
	audit_good();
}
END_TEST

/* What a test does to a user record. Offsets: docs/store.md, User records. */
static int each_user(void *ctx, const uint8_t *id, struct view value)
{
	struct view *ret = ctx;

	if (value.n > 20 && value.p[1] == 3) {
		*ret = value;
		return 1;
	}
	return 0;
}

/* The custodian's record behind the module's back: as it is, and put in its place. */
static size_t record_read(uint8_t id[STORE_ID_LEN], uint8_t record[256])
{
	struct store *store = NULL;
	struct store_txn *txn = NULL;
	struct view v = { 0 };

	ck_assert_int_eq(store_open(ck_test_dir, serial, NULL, &store), STORE_OK);
	ck_assert_int_eq(store_begin(store, false, &txn), STORE_OK);
	ck_assert_int_eq(store_user_each(txn, each_user, &v), 1);
	ck_assert_uint_le(v.n, 256);
	memcpy(id, v.p + 2, STORE_ID_LEN);
	memcpy(record, v.p, v.n);
	store_abort(txn);
	store_close(store);
	return v.n;
}

static void record_put(const uint8_t id[STORE_ID_LEN], struct view record)
{
	struct store *store = NULL;
	struct store_txn *txn = NULL;

	ck_assert_int_eq(store_open(ck_test_dir, serial, NULL, &store), STORE_OK);
	ck_assert_int_eq(store_begin(store, true, &txn), STORE_OK);
	ck_assert_int_eq(store_user_put(txn, id, record), STORE_OK);
	ck_assert_int_eq(store_commit(txn), STORE_OK);
	store_close(store);
}

/* R6.4: a record with any byte changed (flag, salt, name, retries, key) opens nothing, and says so. */
START_TEST(changed_user_record_opens_nothing)
{
	uint8_t id[STORE_ID_LEN], record[256], changed[256];
	size_t n;

	finalise();
	n = record_read(id, record);
	for (size_t i = 0; i < n; i++) {
		memcpy(changed, record, n);
		changed[i] ^= i % 2 ? 0x01 : 0x80;
		record_put(id, VIEW(changed, n));
		initialise();
		ck_rv(ck->C_Login(ck_session, CKU_USER, CK_TEXT("alice:22222222")), CKR_DEVICE_ERROR);
		finalise();
	}
	record_put(id, VIEW(changed, n - 1));
	initialise();
	ck_rv(ck->C_Login(ck_session, CKU_USER, CK_TEXT("alice:22222222")), CKR_DEVICE_ERROR);
	finalise();
	record_put(id, VIEW(record, n));
	initialise();
	ck_ok(ck->C_Login(ck_session, CKU_USER, CK_TEXT("alice:22222222")));
	ck_logout();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("audit");
	TCase *c = tcase_create("audit");

	tcase_add_unchecked_fixture(c, ck_test_begin, ck_test_end);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, history_of_a_token_is_written_down);
	tcase_add_test(c, changed_user_record_opens_nothing);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
