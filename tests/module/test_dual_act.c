/* SPDX-License-Identifier: BSD-2-Clause */
/* What dual control watches over: export, trust, and who is locked out. */
#include "dual_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_inner.h"

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static uint8_t wrapped[256];
static CK_ULONG n;

static CK_OBJECT_HANDLE aes(bool token, bool wraps)
{
	CK_MECHANISM m = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_BBOOL stored = token;
	CK_ULONG length = 32;
	CK_ATTRIBUTE t[] = { { CKA_VALUE_LEN, &length, sizeof(length) },
			     { CKA_TOKEN, &stored, 1 },
			     { CKA_SENSITIVE, &yes, 1 },
			     { CKA_EXTRACTABLE, &yes, 1 },
			     { wraps ? CKA_WRAP : CKA_SIGN, &yes, 1 } };
	CK_OBJECT_HANDLE h = 0;

	ck_ok(ck->C_GenerateKey(ck_session, &m, t, ARRAY_LEN(t), &h));
	return h;
}

static const char *unique(CK_OBJECT_HANDLE h, char room[33])
{
	CK_ATTRIBUTE t = { CKA_UNIQUE_ID, room, 32 };

	ck_ok(ck->C_GetAttributeValue(ck_session, h, &t, 1));
	ck_assert_uint_eq(t.ulValueLen, 32);
	room[32] = '\0';
	return room;
}

static const char *export_of(CK_OBJECT_HANDLE key, CK_OBJECT_HANDLE wrapping)
{
	static char subject[128];
	char a[33], b[33];

	snprintf(subject, sizeof(subject), "%s under %s", unique(key, a), unique(wrapping, b));
	return subject;
}

static CK_RV wrap(CK_OBJECT_HANDLE wrapping, CK_OBJECT_HANDLE key)
{
	CK_MECHANISM m = { CKM_AES_KEY_WRAP, NULL, 0 };

	n = sizeof(wrapped);
	memset(wrapped, 0x55, sizeof(wrapped));
	return ck->C_WrapKey(ck_session, &m, wrapping, key, wrapped, &n);
}

/* pair: the two token keys, found again after a login. */
static void pair(CK_OBJECT_HANDLE *wrapping, CK_OBJECT_HANDLE *key)
{
	CK_ATTRIBUTE w[] = { { CKA_WRAP, &yes, 1 }, { CKA_TOKEN, &yes, 1 } };
	CK_ATTRIBUTE k[] = { { CKA_SIGN, &yes, 1 }, { CKA_TOKEN, &yes, 1 } };

	ck_assert_uint_ge(ck_find(w, 2, wrapping), 1);
	ck_assert_uint_ge(ck_find(k, 2, key), 1);
}

START_TEST(key_of_the_token_leaves_when_two_have_approved_it)
{
	CK_MECHANISM m = { CKM_AES_KEY_WRAP, NULL, 0 };
	CK_OBJECT_HANDLE wrapping, key, other, own;
	char subject[128], wrong[128];

	ck_login(CKU_USER);
	wrapping = aes(true, true);
	key = aes(true, false);
	ck_ok(wrap(wrapping, key));
	snprintf(subject, sizeof(subject), "%s", export_of(key, wrapping));
	snprintf(wrong, sizeof(wrong), "%s", export_of(wrapping, key));
	dk_begin_dual("export");
	ck_login(CKU_USER);
	pair(&wrapping, &key);
	ck_rv(wrap(wrapping, key), CKR_SR_NOT_APPROVED);
	for (size_t i = 0; i < sizeof(wrapped); i++)
		ck_assert_uint_eq(wrapped[i], 0x55);
	dk_approve(KIT_ALICE, SR_ACTION_EXPORT, subject);
	dk_approve(KIT_BOB, SR_ACTION_EXPORT, wrong);
	ck_login(CKU_USER);
	pair(&wrapping, &key);
	ck_rv(wrap(wrapping, key), CKR_SR_NOT_APPROVED);
	/* Alice herself, with Bob: her own approval does not count, Carol's does. */
	dk_approve(KIT_BOB, SR_ACTION_EXPORT, subject);
	kit_login(KIT_ALICE);
	pair(&wrapping, &key);
	ck_rv(wrap(wrapping, key), CKR_SR_NOT_APPROVED);
	dk_approve(KIT_CAROL, SR_ACTION_EXPORT, subject);
	kit_login(KIT_ALICE);
	pair(&wrapping, &key);
	/* Asking for the length and too little room cost nothing. */
	ck_ok(ck->C_WrapKey(ck_session, &m, wrapping, key, NULL, &n));
	ck_assert_uint_eq(n, 40);
	n = 39;
	ck_rv(ck->C_WrapKey(ck_session, &m, wrapping, key, wrapped, &n), CKR_BUFFER_TOO_SMALL);
	ck_assert_uint_eq(n, 40);
	/* Another key under the same one is another matter. */
	ck_rv(wrap(wrapping, other = aes(true, false)), CKR_SR_NOT_APPROVED);
	ck_ok(ck->C_DestroyObject(ck_session, other));
	ck_ok(wrap(wrapping, key));
	ck_assert_uint_eq(n, 40);
	ck_rv(wrap(wrapping, key), CKR_SR_NOT_APPROVED);
	ck_assert_uint_eq(dk_waiting(), 1); /* the one for the other way round */
	/* What was born in a session is the session's. */
	own = aes(false, false);
	ck_ok(wrap(wrapping, own));
}
END_TEST

START_TEST(a_copy_is_no_way_out)
{
	CK_ATTRIBUTE in_session = { CKA_TOKEN, &no, 1 };
	CK_ATTRIBUTE stays[] = { in_session, { CKA_EXTRACTABLE, &no, 1 } };
	CK_OBJECT_HANDLE wrapping, key, copy = 0;

	ck_login(CKU_USER);
	aes(true, true);
	aes(true, false);
	dk_begin_dual("export");
	ck_login(CKU_USER);
	pair(&wrapping, &key);
	ck_rv(ck->C_CopyObject(ck_session, key, &in_session, 1, &copy), CKR_SR_NOT_APPROVED);
	ck_ok(ck->C_CopyObject(ck_session, key, stays, 2, &copy));
	ck_rv(wrap(wrapping, copy), CKR_KEY_UNEXTRACTABLE);
	ck_ok(ck->C_CopyObject(ck_session, key, NULL, 0, &copy));
	ck_rv(wrap(wrapping, copy), CKR_SR_NOT_APPROVED);
}
END_TEST

static CK_RV trust(CK_OBJECT_HANDLE h, bool on)
{
	CK_BBOOL value = on;
	CK_ATTRIBUTE t = { CKA_TRUSTED, &value, 1 };

	return ck->C_SetAttributeValue(ck_session, h, &t, 1);
}

START_TEST(trust_is_given_by_two_and_the_so)
{
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_CERTIFICATE_TYPE x509 = CKC_X_509;
	CK_ATTRIBUTE certificate[] = { { CKA_CLASS, &class, sizeof(class) },
				       { CKA_CERTIFICATE_TYPE, &x509, sizeof(x509) },
				       { CKA_SUBJECT, (void *)(uintptr_t) "s", 1 },
				       { CKA_VALUE, (void *)(uintptr_t) "v", 1 },
				       { CKA_TRUSTED, &yes, 1 } };
	CK_OBJECT_HANDLE wrapping, key, made = 0;
	char id[33], other[33];

	ck_login(CKU_USER);
	unique(aes(true, true), id);
	unique(aes(true, false), other);
	dk_begin_dual("trust");
	ck_login(CKU_SO);
	pair(&wrapping, &key);
	ck_rv(trust(wrapping, true), CKR_SR_NOT_APPROVED);
	ck_rv(ck->C_CreateObject(ck_session, certificate, 5, &made), CKR_SR_NOT_APPROVED);
	ck_ok(ck->C_CreateObject(ck_session, certificate, 4, &made));
	ck_rv(trust(made, true), CKR_SR_NOT_APPROVED);
	dk_approve(KIT_ALICE, SR_ACTION_TRUST, id);
	dk_approve(KIT_BOB, SR_ACTION_TRUST, id);
	ck_login(CKU_USER);
	pair(&wrapping, &key);
	ck_rv(trust(wrapping, true), CKR_ATTRIBUTE_READ_ONLY); /* approvals make nobody the SO */
	ck_login(CKU_SO);
	pair(&wrapping, &key);
	ck_rv(trust(key, true), CKR_SR_NOT_APPROVED);
	ck_ok(trust(wrapping, true));
	ck_ok(trust(wrapping, false)); /* less trust needs nobody */
	ck_rv(trust(wrapping, true), CKR_SR_NOT_APPROVED);
	ck_assert(!ck_get_bool(wrapping, CKA_TRUSTED));
}
END_TEST

static CK_RV login_so(const char *pin)
{
	ck_logout();
	return ck->C_Login(ck_session, CKU_SO, CK_TEXT(pin));
}

static void lock_so(void)
{
	ck_logout();
	while (ck->C_Login(ck_session, CKU_SO, CK_TEXT("00000000")) == CKR_PIN_INCORRECT)
		;
	ck_rv(login_so(CK_TEST_SO_PIN), CKR_PIN_LOCKED);
}

static CK_RV so_pin(const char *pin)
{
	return dk_sr()->SR_SetSOPIN(ck_session, CK_TEXT(pin));
}

START_TEST(two_custodians_give_the_so_a_new_pin)
{
	lock_so();
	ck_rv(so_pin("new-so-pin"), CKR_USER_NOT_LOGGED_IN);
	ck_login(CKU_USER);
	ck_rv(so_pin("new-so-pin"), CKR_ACTION_PROHIBITED);
	dk_approve(KIT_ALICE, SR_ACTION_SO_PIN, "");
	ck_rv(so_pin("new-so-pin"), CKR_SR_NOT_APPROVED); /* she alone */
	dk_approve(KIT_BOB, SR_ACTION_SO_PIN, "");
	ck_rv(so_pin("7letter"), CKR_PIN_LEN_RANGE);
	ck_ok(so_pin("new-so-pin"));
	ck_rv(so_pin("another-pin"), CKR_SR_NOT_APPROVED);
	ck_rv(login_so(CK_TEST_SO_PIN), CKR_PIN_INCORRECT);
	ck_ok(login_so("new-so-pin"));
	ck_ok(ck->C_InitPIN(ck_session, CK_TEXT(CK_TEST_USER_PIN)));
	ck_ok(ck->C_SetPIN(ck_session, CK_TEXT("new-so-pin"), CK_TEXT(CK_TEST_SO_PIN)));
	ck_logout();
}
END_TEST

START_TEST(puppets_of_an_so_recover_nothing_under_dual_control)
{
	dk_begin_dual("policy");
	ck_login(CKU_SO);
	ck_ok(ck->C_InitPIN(ck_session, CK_TEXT("mallory:11111111")));
	dk_own_pin("mallory:11111111", "mallory:mmmmmmmm");
	kit_login("mallory:mmmmmmmm");
	ck_rv(dk_try_approve(SR_ACTION_SO_PIN, ""), CKR_ACTION_PROHIBITED);
	dk_approve(KIT_CAROL, SR_ACTION_SO_PIN, "");
	kit_login("mallory:mmmmmmmm");
	ck_rv(so_pin("new-so-pin"), CKR_SR_NOT_APPROVED);
	dk_approve(KIT_BOB, SR_ACTION_SO_PIN, "");
	kit_login("mallory:mmmmmmmm");
	ck_ok(so_pin("new-so-pin")); /* with the word of two, any custodian may hold the pen */
}
END_TEST

static CK_RV lock(const char *right, const char *wrong)
{
	CK_RV rv;

	ck_logout();
	do
		rv = ck->C_Login(ck_session, CKU_USER, CK_TEXT(wrong));
	while (rv == CKR_PIN_INCORRECT);
	ck_rv(rv, CKR_PIN_LOCKED);
	return ck->C_Login(ck_session, CKU_USER, CK_TEXT(right));
}

static CK_RV unlock(const char *name)
{
	return dk_sr()->SR_Unlock(ck_session, CK_TEXT(name));
}

START_TEST(locked_users_are_opened_by_the_so_or_by_two)
{
	ck_rv(lock(KIT_USER, "00000000"), CKR_PIN_LOCKED);
	ck_rv(unlock(""), CKR_USER_NOT_LOGGED_IN);
	ck_login(CKU_SO);
	ck_rv(unlock("nobody"), CKR_ARGUMENTS_BAD);
	ck_ok(unlock(""));
	ck_login(CKU_USER); /* by the PIN of before */
	ck_rv(unlock(""), CKR_ACTION_PROHIBITED);
	ck_rv(lock(KIT_ALICE, "alice:00000000"), CKR_PIN_LOCKED);
	ck_login(CKU_SO);
	ck_ok(unlock("alice"));
	kit_login(KIT_ALICE);
	ck_rv(unlock("bob"), CKR_SR_NOT_APPROVED);
	/* The SO is locked out as well. */
	ck_rv(lock(KIT_USER, "00000000"), CKR_PIN_LOCKED);
	lock_so();
	dk_approve(KIT_BOB, SR_ACTION_UNLOCK, "");
	dk_approve(KIT_ALICE, SR_ACTION_UNLOCK, "");
	ck_ok(unlock(""));
	ck_rv(unlock(""), CKR_SR_NOT_APPROVED);
	ck_login(CKU_USER);
	dk_approve(KIT_BOB, SR_ACTION_SO_PIN, "");
	dk_approve(KIT_ALICE, SR_ACTION_SO_PIN, "");
	ck_ok(so_pin(CK_TEST_SO_PIN));
	/* Under dual control the tries of the council are not the SO's to give: he could guess on. */
	dk_begin_dual("policy");
	ck_rv(lock(KIT_CAROL, "carol:00000000"), CKR_PIN_LOCKED);
	ck_login(CKU_SO);
	ck_rv(unlock("carol"), CKR_SR_NOT_APPROVED);
	dk_approve(KIT_BOB, SR_ACTION_UNLOCK, "carol");
	dk_approve(KIT_ALICE, SR_ACTION_UNLOCK, "carol");
	ck_login(CKU_SO);
	ck_ok(unlock("carol"));
	kit_login(KIT_CAROL);
}
END_TEST

/* srk: a storage key of this label. */
static CK_OBJECT_HANDLE srk(const char *label)
{
	CK_MECHANISM m = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG length = 32, role = SR_ROLE_SRK;
	CK_ATTRIBUTE t[] = { { CKA_VALUE_LEN, &length, sizeof(length) },
			     { CKA_TOKEN, &yes, 1 },
			     { CKA_SR_ROLE, &role, sizeof(role) },
			     { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) } };
	CK_OBJECT_HANDLE h = 0;

	ck_ok(ck->C_GenerateKey(ck_session, &m, t, ARRAY_LEN(t), &h));
	return h;
}

START_TEST(retired_key_opens_and_makes_nothing)
{
	CK_MECHANISM m = { CKM_AES_KEY_WRAP, NULL, 0 };
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_ULONG role = SR_ROLE_TMK, generation = 1;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_KEY_TYPE, &type, sizeof(type) },
			     { CKA_TOKEN, &yes, 1 } };
	CK_ATTRIBUTE first[] = { { CKA_LABEL, (void *)(uintptr_t) "SRK", 3 },
				 { CKA_SR_GENERATION, &generation, sizeof(generation) } };
	CK_OBJECT_HANDLE tmk = 0, old, new, ordinary, back = 0;
	char parent[33] = { 0 }, id[33];
	CK_ATTRIBUTE came = { CKA_SR_PARENT, parent, 32 };
	uint8_t check[3];

	ck_login(CKU_USER);
	old = srk("SRK");
	ck_assert_uint_eq(ck_get_ulong(old, CKA_SR_GENERATION), 1);
	new = srk("SRK");
	ck_assert_uint_eq(ck_get_ulong(new, CKA_SR_GENERATION), 2);
	ck_assert_uint_eq(ck_get_ulong(srk("OTHER"), CKA_SR_GENERATION), 1);
	ordinary = aes(true, true);
	ck_ok(kit_role_key(role, CKK_AES, 16, &tmk));
	ck_ok(wrap(old, tmk));
	ck_rv(dk_sr()->SR_RetireKey(ck_session, old), CKR_ACTION_PROHIBITED);
	unique(ordinary, id);
	ck_login(CKU_SO);
	ck_assert_uint_eq(ck_find(first, 2, &old), 1);
	ck_rv(dk_sr()->SR_RetireKey(ck_session, 4711), CKR_OBJECT_HANDLE_INVALID);
	ck_ok(dk_sr()->SR_RetireKey(ck_session, old));
	ck_login(CKU_USER);
	ck_assert_uint_eq(ck_find(first, 2, &old), 1);
	ck_assert(ck_get_bool(old, CKA_SR_RETIRED));
	ck_assert(ck_get_bool(old, CKA_DESTROYABLE));
	ck_ok(kit_check_value(old, check));
	ck_ok(ck->C_UnwrapKey(ck_session, &m, old, wrapped, n, t, 3, &back));
	/* It says under which key it came. */
	ck_ok(ck->C_GetAttributeValue(ck_session, back, &came, 1));
	ck_assert_str_eq(parent, unique(old, id));
	ck_rv(wrap(old, back), CKR_KEY_FUNCTION_NOT_PERMITTED);
	generation = 2;
	ck_assert_uint_eq(ck_find(first, 2, &new), 1);
	ck_ok(wrap(new, back));
	ck_assert_uint_eq(ck_get_ulong(srk("SRK"), CKA_SR_GENERATION), 3);
	/* The one that makes stays with the token; the retired one may go, and its number does not come again. */
	ck_rv(ck->C_DestroyObject(ck_session, new), CKR_ACTION_PROHIBITED);
	ck_ok(ck->C_DestroyObject(ck_session, old));
	generation = 1;
	ck_assert_uint_eq(ck_find(first, 2, &old), 0);
	ck_assert_uint_eq(ck_get_ulong(srk("SRK"), CKA_SR_GENERATION), 4);
}
END_TEST

static struct store_txn *begin(struct store **store)
{
	struct store_txn *txn = NULL;
	CK_TOKEN_INFO info;
	char serial[17] = { 0 };

	ck_ok(ck->C_GetTokenInfo(ck_slot, &info));
	memcpy(serial, info.serialNumber, 16);
	ck_ok(ck->C_Finalize(NULL));
	ck_assert_int_eq(store_open(ck_test_dir, serial, NULL, store), STORE_OK);
	ck_assert_int_eq(store_begin(*store, true, &txn), STORE_OK);
	return txn;
}

static void end(struct store *store, struct store_txn *txn)
{
	CK_ULONG count = 1;

	ck_assert_int_eq(store_commit(txn), STORE_OK);
	store_close(store);
	ck_ok(ck->C_Initialize(NULL));
	(void)ck->C_GetSlotList(CK_TRUE, &ck_slot, &count);
	ck_session = ck_open(true);
}

static struct buf kept;
static const uint8_t record_id[16] = "strongroom dual";

static void keep_record(void)
{
	struct store *store = NULL;
	struct store_txn *txn = begin(&store);
	struct view v;

	ck_assert_int_eq(txn_get(txn, DB_OBJECTS, VIEW(record_id, 16), &v), STORE_OK);
	buf_done(&kept);
	buf_put_view(&kept, v);
	end(store, txn);
}

static void put_back_record(void)
{
	struct store *store = NULL;
	struct store_txn *txn = begin(&store);

	ck_assert_int_eq(txn_put(txn, DB_OBJECTS, VIEW(record_id, 16), buf_view(&kept), 0), STORE_OK);
	end(store, txn);
}

static void remove_record(void)
{
	struct store *store = NULL;
	struct store_txn *txn = begin(&store);

	ck_assert_int_eq(txn_del(txn, DB_OBJECTS, VIEW(record_id, 16)), STORE_OK);
	end(store, txn);
}

START_TEST(an_old_record_of_approvals_opens_nothing)
{
	dk_begin_dual("policy");
	dk_approve(KIT_ALICE, SR_ACTION_POLICY, "dual=policy pin-min=default");
	dk_approve(KIT_BOB, SR_ACTION_POLICY, "dual=policy pin-min=default");
	keep_record();
	ck_login(CKU_SO);
	ck_assert_uint_eq(dk_waiting(), 2);
	ck_ok(dk_policy(""));
	put_back_record();
	ck_login(CKU_SO);
	ck_rv(dk_policy(""), CKR_DEVICE_ERROR);
	/* Nor does none at all make the token forget that it asks. */
	remove_record();
	ck_login(CKU_SO);
	ck_rv(dk_policy("raw-unwrap"), CKR_DEVICE_ERROR);
	buf_done(&kept);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("dual_act");
	TCase *c = tcase_create("dual_act");
	TCase *r = tcase_create("record");
	TCase *g = tcase_create("generations");

	tcase_add_checked_fixture(c, kit_begin, ck_test_end);
	tcase_set_timeout(c, 0);
	tcase_add_test(c, key_of_the_token_leaves_when_two_have_approved_it);
	tcase_add_test(c, a_copy_is_no_way_out);
	tcase_add_test(c, trust_is_given_by_two_and_the_so);
	tcase_add_test(c, two_custodians_give_the_so_a_new_pin);
	tcase_add_test(c, puppets_of_an_so_recover_nothing_under_dual_control);
	tcase_add_checked_fixture(g, kit_begin, ck_test_end);
	tcase_set_timeout(g, 0);
	tcase_add_test(g, retired_key_opens_and_makes_nothing);
	suite_add_tcase(s, g);
	tcase_add_test(c, locked_users_are_opened_by_the_so_or_by_two);
	tcase_add_checked_fixture(r, kit_begin, ck_test_end);
	tcase_set_timeout(r, 0);
	tcase_add_test(r, an_old_record_of_approvals_opens_nothing);
	suite_add_tcase(s, c);
	suite_add_tcase(s, r);
	return ck_test_run(s);
}
