/* SPDX-License-Identifier: BSD-2-Clause */
/* The policy of a token: its object, its record, who may change it, and what settings take away. */
#include "attack_kit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit.h"
#include "store.h"
#include "vendor_functions.h"

#define SO_PIN (CK_UTF8CHAR_PTR) "12345678", 8
#define USER_PIN (CK_UTF8CHAR_PTR) "user1234", 8

static CK_BBOOL yes = CK_TRUE;
static uint8_t out[AK_ROOM];
static CK_ULONG n;

/* conjures: what only raw-unwrap allows. */
static CK_RV conjures(void)
{
	CK_OBJECT_HANDLE kek = ak_key(CKK_AES, 32, CKF_WRAP | CKF_UNWRAP), key = 0;
	static const uint8_t bytes[16] = { 1 };

	return ak_unwrap(CKM_AES_CBC, kek, VIEW(bytes, 16), CKK_AES, 0, true, &key);
}

START_TEST(policy_object_is_found_by_its_class_alone)
{
	CK_ATTRIBUTE token = { CKA_TOKEN, &yes, 1 };
	CK_OBJECT_HANDLE h[8], policy;
	CK_ULONG count = 0;

	mk_policy("strict");
	policy = ak_policy_object(mk_session);
	for (int i = 0; i < 2; i++) {
		OK(ck->C_FindObjectsInit(mk_session, &token, (CK_ULONG)i));
		OK(ck->C_FindObjects(mk_session, h, 8, &count));
		OK(ck->C_FindObjectsFinal(mk_session));
		for (CK_ULONG k = 0; k < count; k++)
			ck_assert_uint_ne(h[k], policy);
	}
	ck_assert_str_eq(ak_policy_text(CKA_SR_POLICY), ak_policy_text(CKA_SR_POLICY_STRICT));
	OK(ck->C_Logout(mk_session));
	ck_assert_uint_eq(ak_policy_object(mk_session), policy);
	ck_assert_str_eq(ak_policy_text(CKA_SR_POLICY), "transport-stronger-cargo");
	ck_assert_ptr_nonnull(strstr(ak_policy_text(CKA_SR_POLICY_NAMES), "raw-unwrap"));
	OK(ck->C_Login(mk_session, CKU_USER, USER_PIN));
}
END_TEST

START_TEST(policy_object_is_no_key_and_no_ordinary_object)
{
	CK_OBJECT_HANDLE policy = ak_policy_object(mk_session), copy = 77;
	CK_MECHANISM cbc = { CKM_AES_ECB, NULL, 0 };
	char small[4];
	CK_ATTRIBUTE t[] = { { CKA_SR_POLICY_NAMES, small, sizeof(small) }, { CKA_VALUE, NULL, 0 } };
	CK_ATTRIBUTE wrong[] = { { CKA_LABEL, (void *)(uintptr_t) "x", 1 },
				 { CKA_VALUE, (void *)(uintptr_t) "x", 1 },
				 { CKA_SR_POLICY_NAMES, (void *)(uintptr_t) "x", 1 } };

	IS(ck->C_CopyObject(mk_session, policy, NULL, 0, &copy), CKR_ACTION_PROHIBITED);
	IS(ck->C_DestroyObject(mk_session, policy), CKR_ACTION_PROHIBITED);
	IS(ck->C_EncryptInit(mk_session, &cbc, policy), CKR_KEY_HANDLE_INVALID);
	IS(ck->C_GetAttributeValue(mk_session, policy, &t[0], 1), CKR_BUFFER_TOO_SMALL);
	IS(ck->C_GetAttributeValue(mk_session, policy, &t[1], 1), CKR_ATTRIBUTE_TYPE_INVALID);
	ck_assert_uint_eq(t[1].ulValueLen, CK_UNAVAILABLE_INFORMATION);
	IS(ck->C_SetAttributeValue(mk_session, policy, &wrong[0], 1), CKR_ATTRIBUTE_READ_ONLY);
	IS(ck->C_SetAttributeValue(mk_session, policy, &wrong[1], 1), CKR_ATTRIBUTE_TYPE_INVALID);
	IS(ck->C_SetAttributeValue(mk_session, policy, &wrong[2], 1), CKR_ATTRIBUTE_READ_ONLY);
	ck_assert_uint_eq(copy, 77);
}
END_TEST

START_TEST(only_the_so_changes_the_policy)
{
	mk_policy("strict");
	IS(ak_policy_set("raw-unwrap"), CKR_ACTION_PROHIBITED);
	OK(ck->C_Logout(mk_session));
	IS(ak_policy_set("raw-unwrap"), CKR_USER_NOT_LOGGED_IN);
	OK(ck->C_Login(mk_session, CKU_SO, SO_PIN));
	IS(ak_policy_set("raw-unwrap and more"), CKR_ATTRIBUTE_VALUE_INVALID);
	IS(ak_policy_set("raw-unwrap,v15-unwrap"), CKR_ATTRIBUTE_VALUE_INVALID);
	ck_assert_str_eq(ak_policy_text(CKA_SR_POLICY), "transport-stronger-cargo");
	OK(ak_policy_set("v15-unwrap raw-unwrap"));
	ck_assert_str_eq(ak_policy_text(CKA_SR_POLICY), "raw-unwrap v15-unwrap");
	OK(ak_policy_set(""));
	ck_assert_str_eq(ak_policy_text(CKA_SR_POLICY), "");
	OK(ak_policy_set("strict"));
	ck_assert_str_eq(ak_policy_text(CKA_SR_POLICY_IN_FORCE), "transport-stronger-cargo");
	OK(ck->C_Logout(mk_session));
	OK(ck->C_Login(mk_session, CKU_USER, USER_PIN));
}
END_TEST

/* Nobody can tell before a login whether the record is the token's. */
START_TEST(without_a_login_strict_holds)
{
	mk_compatible();
	OK(conjures());
	OK(ck->C_Logout(mk_session));
	ck_assert_str_eq(ak_policy_text(CKA_SR_POLICY_IN_FORCE), "transport-stronger-cargo");
	ck_assert_ptr_nonnull(strstr(ak_policy_text(CKA_SR_POLICY), "raw-unwrap"));
	OK(ck->C_Login(mk_session, CKU_USER, USER_PIN));
	ck_assert_ptr_nonnull(strstr(ak_policy_text(CKA_SR_POLICY_IN_FORCE), "raw-unwrap"));
}
END_TEST

/* record: reads, or changes one byte of, the policy record behind the module's back. */
static size_t record(size_t at, uint8_t change)
{
	CK_TOKEN_INFO info;
	char serial[17] = { 0 };
	struct store *store = NULL;
	struct store_txn *txn = NULL;
	struct view v;
	BUF_AUTO copy = { 0 };

	OK(ck->C_GetTokenInfo(mk_slot, &info));
	memcpy(serial, info.serialNumber, 16);
	OK(ck->C_Finalize(NULL));
	ck_assert_int_eq(store_open(getenv("STRONGROOM_TOKEN_DIR"), serial, NULL, &store), STORE_OK);
	ck_assert_int_eq(store_begin(store, true, &txn), STORE_OK);
	ck_assert_int_eq(store_meta_get(txn, "policy", &v), STORE_OK);
	buf_put_view(&copy, v);
	ck_assert(buf_ok(&copy));
	copy.p[at] ^= change;
	ck_assert_int_eq(store_meta_put(txn, "policy", buf_view(&copy)), STORE_OK);
	ck_assert_int_eq(store_commit(txn), STORE_OK);
	store_close(store);
	OK(ck->C_Initialize(NULL));
	OK(ck->C_OpenSession(mk_slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &mk_session));
	return copy.len;
}

/* refind: after C_Initialize the token has the slot of its serial number. */
static void refind(void)
{
	CK_ULONG count = 1;

	OK(ck->C_GetSlotList(CK_TRUE, NULL, &count));
	count = 1;
	(void)ck->C_GetSlotList(CK_TRUE, &mk_slot, &count);
}

/* last_is_policy: the last record of the trail tells of the policy. */
static void last_is_policy(void)
{
	CK_UTF8CHAR name[] = SR_INTERFACE_NAME;
	const struct sr_function_list *sr;
	struct sr_audit_entry last;
	CK_INTERFACE *found = NULL;
	CK_RV (*get)(CK_UTF8CHAR_PTR, CK_VERSION_PTR, CK_INTERFACE_PTR_PTR, CK_FLAGS);
	CK_ULONG count = 0, at;

	*(void **)&get = mk_symbol("C_GetInterface");
	OK(get(name, NULL, &found, 0));
	sr = found->pFunctionList;
	OK(sr->SR_GetAudit(mk_session, 1, NULL, &count, NULL));
	at = count;
	count = 1;
	OK(sr->SR_GetAudit(mk_session, at, &last, &count, NULL));
	ck_assert_uint_eq(count, 1);
	ck_assert_uint_eq(last.ulEvent, AUDIT_POLICY);
}

START_TEST(changed_record_is_noticed)
{
	size_t len, bits = 1 + 16 + 7;

	OK(ck->C_Logout(mk_session));
	OK(ck->C_Login(mk_session, CKU_SO, SO_PIN));
	OK(ak_policy_set("strict"));
	last_is_policy();
	OK(ck->C_Finalize(NULL));
	OK(ck->C_Initialize(NULL));
	refind();
	len = record(bits, 1u << 2); /* raw-unwrap */
	ck_assert_uint_eq(len, 1 + 16 + 8 + 4 + 1 + 28);
	OK(ck->C_Login(mk_session, CKU_USER, USER_PIN));
	IS(conjures(), CKR_DEVICE_ERROR);
	OK(ck->C_Logout(mk_session));
	record(bits, 1u << 2); /* back: it opens again */
	OK(ck->C_Login(mk_session, CKU_USER, USER_PIN));
	IS(conjures(), CKR_MECHANISM_INVALID);
	OK(ck->C_Logout(mk_session));
	record(len - 1, 1); /* the proof itself */
	OK(ck->C_Login(mk_session, CKU_USER, USER_PIN));
	IS(conjures(), CKR_DEVICE_ERROR);
	OK(ck->C_Logout(mk_session));
	OK(ck->C_Login(mk_session, CKU_SO, SO_PIN));
	OK(ak_policy_set("raw-unwrap"));
	OK(ck->C_Logout(mk_session));
	OK(ck->C_Login(mk_session, CKU_USER, USER_PIN));
	OK(conjures());
	OK(ck->C_Logout(mk_session));
	record(1, 1); /* a record of another life of the token says nothing */
	OK(ck->C_Login(mk_session, CKU_USER, USER_PIN));
	IS(conjures(), CKR_MECHANISM_INVALID);
}
END_TEST

START_TEST(new_token_in_the_old_place_is_strict)
{
	CK_UTF8CHAR label[32];

	mk_compatible();
	OK(conjures());
	OK(ck->C_CloseAllSessions(mk_slot));
	memset(label, ' ', sizeof(label));
	OK(ck->C_InitToken(mk_slot, SO_PIN, label));
	OK(ck->C_OpenSession(mk_slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &mk_session));
	OK(ck->C_Login(mk_session, CKU_SO, SO_PIN));
	ck_assert_str_eq(ak_policy_text(CKA_SR_POLICY), "transport-stronger-cargo");
	OK(ck->C_InitPIN(mk_session, USER_PIN));
	OK(ck->C_Logout(mk_session));
	OK(ck->C_Login(mk_session, CKU_USER, USER_PIN));
	IS(conjures(), CKR_MECHANISM_INVALID);
}
END_TEST

static void restart(void)
{
	OK(ck->C_Finalize(NULL));
	OK(ck->C_Initialize(NULL));
	refind();
	OK(ck->C_OpenSession(mk_slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &mk_session));
	OK(ck->C_Login(mk_session, CKU_USER, USER_PIN));
}

START_TEST(settings_only_take_away)
{
	char folder[300], path[400];
	FILE *f;

	mk_compatible();
	setenv("STRONGROOM_POLICY", "strict", 1);
	restart();
	IS(conjures(), CKR_MECHANISM_INVALID);
	ck_assert_str_eq(ak_policy_text(CKA_SR_POLICY_IN_FORCE), "transport-stronger-cargo");
	setenv("STRONGROOM_POLICY", "forbid raw-unwrap v15-unwrap", 1);
	restart();
	IS(conjures(), CKR_MECHANISM_INVALID);
	ck_assert_ptr_nonnull(strstr(ak_policy_text(CKA_SR_POLICY_IN_FORCE), "weak-wrap"));
	setenv("STRONGROOM_POLICY", "token", 1);
	restart();
	OK(conjures());
	/* The file forbids, the environment cannot give it back. */
	snprintf(folder, sizeof(folder), "%s/strongroom", getenv("XDG_CONFIG_HOME"));
	mkdir(folder, 0700);
	snprintf(path, sizeof(path), "%s/strongroom.conf", folder);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs("policy = forbid raw-unwrap\n", f);
	fclose(f);
	restart();
	IS(conjures(), CKR_MECHANISM_INVALID);
	unlink(path);
	for (int i = 0; i < 3; i++) {
		static const char *const wrong[] = { "compatible", "forbid strict", "raw-unwrap" };

		setenv("STRONGROOM_POLICY", wrong[i], 1);
		OK(ck->C_Finalize(NULL));
		IS(ck->C_Initialize(NULL), CKR_GENERAL_ERROR);
		unsetenv("STRONGROOM_POLICY");
		OK(ck->C_Initialize(NULL));
	}
	restart();
	mk_policy("strict");
	setenv("STRONGROOM_POLICY", "token", 1);
	restart();
	IS(conjures(), CKR_MECHANISM_INVALID); /* and give nothing to a strict token */
	unsetenv("STRONGROOM_POLICY");
}
END_TEST

/* in_child: a process of its own, with a login of its own; its exit status. */
static int in_child(CK_USER_TYPE type, int (*work)(void))
{
	int status = 0;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (ck->C_Initialize(NULL) != CKR_OK)
			_exit(90);
		refind();
		if (ck->C_OpenSession(mk_slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &mk_session) != CKR_OK)
			_exit(91);
		if ((type == CKU_SO ? ck->C_Login(mk_session, CKU_SO, SO_PIN)
				    : ck->C_Login(mk_session, CKU_USER, USER_PIN)) != CKR_OK)
			_exit(92);
		_exit(work());
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int relax_it(void)
{
	return ak_policy_set("raw-unwrap") == CKR_OK ? 0 : 1;
}

static int tighten_it(void)
{
	return ak_policy_set("strict") == CKR_OK ? 0 : 1;
}

START_TEST(other_processes_see_a_change_at_their_next_call)
{
	CK_OBJECT_HANDLE kek, key = 0;
	static const uint8_t bytes[16] = { 1 };

	mk_policy("strict");
	kek = ak_key(CKK_AES, 32, CKF_WRAP | CKF_UNWRAP);
	IS(ak_unwrap(CKM_AES_CBC, kek, VIEW(bytes, 16), CKK_AES, 0, true, &key), CKR_MECHANISM_INVALID);
	ck_assert_int_eq(in_child(CKU_SO, relax_it), 0);
	OK(ak_unwrap(CKM_AES_CBC, kek, VIEW(bytes, 16), CKK_AES, 0, true, &key));
	ck_assert_int_eq(in_child(CKU_SO, tighten_it), 0);
	IS(ak_unwrap(CKM_AES_CBC, kek, VIEW(bytes, 16), CKK_AES, 0, true, &key), CKR_MECHANISM_INVALID);
}
END_TEST

static CK_OBJECT_HANDLE labelled(void)
{
	CK_ATTRIBUTE t = { CKA_LABEL, (void *)(uintptr_t) "both", 4 };
	CK_OBJECT_HANDLE h = 0;
	CK_ULONG count = 0;

	if (ck->C_FindObjectsInit(mk_session, &t, 1) != CKR_OK ||
	    ck->C_FindObjects(mk_session, &h, 1, &count) != CKR_OK || ck->C_FindObjectsFinal(mk_session) != CKR_OK ||
	    count != 1)
		return 0;
	return h;
}

static int wraps_with_both(void)
{
	return ak_wrap(CKM_AES_KEY_WRAP, labelled(), ak_key(CKK_AES, 16, 0), out, &n) == CKR_OK ? 0 : 1;
}

static int dies_after_wrapping(void)
{
	if (wraps_with_both() != 0)
		return 1;
	kill(getpid(), SIGKILL);
	return 2;
}

/* make_both: a token key that may wrap and decrypt. */
static CK_OBJECT_HANDLE make_both(void)
{
	CK_MECHANISM aes = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG length = 32;
	CK_ATTRIBUTE t[] = { { CKA_VALUE_LEN, &length, sizeof(length) },
			     { CKA_TOKEN, &yes, 1 },
			     { CKA_LABEL, (void *)(uintptr_t) "both", 4 },
			     { CKA_WRAP, &yes, 1 },
			     { CKA_DECRYPT, &yes, 1 } };
	CK_OBJECT_HANDLE h = 0;

	OK(ck->C_GenerateKey(mk_session, &aes, t, ARRAY_LEN(t), &h));
	return h;
}

START_TEST(decision_of_one_process_binds_all)
{
	CK_OBJECT_HANDLE both;
	static const uint8_t block[16] = { 1 };

	mk_policy("strict");
	both = make_both();
	ck_assert_int_eq(in_child(CKU_USER, wraps_with_both), 0);
	IS(ak_decrypt(CKM_AES_ECB, both, VIEW(block, 16), out, &n), CKR_KEY_FUNCTION_NOT_PERMITTED);
	OK(ak_wrap(CKM_AES_KEY_WRAP, both, ak_key(CKK_AES, 16, 0), out, &n));
	restart();
	IS(ak_decrypt(CKM_AES_ECB, labelled(), VIEW(block, 16), out, &n), CKR_KEY_FUNCTION_NOT_PERMITTED);
	/* Relaxed, and strict again: nothing is forgotten. */
	mk_policy("wrap-and-decrypt");
	OK(ak_decrypt(CKM_AES_ECB, labelled(), VIEW(block, 16), out, &n));
	mk_policy("strict");
	IS(ak_decrypt(CKM_AES_ECB, labelled(), VIEW(block, 16), out, &n), CKR_KEY_FUNCTION_NOT_PERMITTED);
	OK(ck->C_DestroyObject(mk_session, labelled()));
}
END_TEST

/* The note is in the token before the wrapped key is in anybody's hands. */
START_TEST(decision_outlives_a_killed_process)
{
	static const uint8_t block[16] = { 1 };
	int status = 0;
	pid_t pid;

	mk_policy("strict");
	make_both();
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (ck->C_Initialize(NULL) != CKR_OK)
			_exit(90);
		refind();
		if (ck->C_OpenSession(mk_slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &mk_session) !=
			CKR_OK ||
		    ck->C_Login(mk_session, CKU_USER, USER_PIN) != CKR_OK)
			_exit(91);
		_exit(dies_after_wrapping());
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	IS(ak_decrypt(CKM_AES_ECB, labelled(), VIEW(block, 16), out, &n), CKR_KEY_FUNCTION_NOT_PERMITTED);
	OK(ck->C_DestroyObject(mk_session, labelled()));
}
END_TEST

/* TRUSTED: the SO's word makes a key of known value a wrapping key. */
START_TEST(trusted_key_wraps_though_its_value_is_known)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE aes = CKK_AES;
	uint8_t value[32] = { 9 };
	CK_BBOOL no = CK_FALSE;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_KEY_TYPE, &aes, sizeof(aes) },
			     { CKA_VALUE, value, sizeof(value) },
			     { CKA_TOKEN, &yes, 1 },
			     { CKA_PRIVATE, &no, 1 },
			     { CKA_LABEL, (void *)(uintptr_t) "both", 4 },
			     { CKA_WRAP, &yes, 1 } };
	CK_OBJECT_HANDLE h = 0;

	mk_policy("strict");
	OK(ck->C_CreateObject(mk_session, t, ARRAY_LEN(t), &h));
	IS(ak_wrap(CKM_AES_KEY_WRAP, h, ak_target(), out, &n), CKR_KEY_NOT_WRAPPABLE);
	OK(ck->C_Logout(mk_session));
	OK(ck->C_Login(mk_session, CKU_SO, SO_PIN));
	OK(ak_set(labelled(), CKA_TRUSTED, true));
	OK(ck->C_Logout(mk_session));
	OK(ck->C_Login(mk_session, CKU_USER, USER_PIN));
	OK(ak_wrap(CKM_AES_KEY_WRAP, labelled(), ak_target(), out, &n));
	OK(ck->C_DestroyObject(mk_session, labelled()));
}
END_TEST

/* What stock tools ask for works: all at once, or one alone. */
START_TEST(ordinary_work_is_not_disturbed)
{
	CK_OBJECT_HANDLE key, kek, copy = 0, back = 0;
	static const uint8_t block[16] = { 1 };
	uint8_t clear[AK_ROOM];
	CK_ULONG m;

	mk_policy("strict");
	key = ak_key(CKK_AES, 16, CKF_ENCRYPT | CKF_DECRYPT | CKF_SIGN | CKF_VERIFY);
	for (int i = 0; i < 3; i++) {
		OK(ak_encrypt(CKM_AES_ECB, key, VIEW(block, 16), out, &n));
		OK(ak_decrypt(CKM_AES_ECB, key, VIEW(out, n), clear, &m));
		ck_assert_mem_eq(clear, block, 16);
	}
	kek = ak_key(CKK_AES, 32, CKF_WRAP | CKF_UNWRAP);
	OK(ak_copy(kek, CKA_EXTRACTABLE, false, &copy));
	for (int i = 0; i < 3; i++) {
		OK(ak_wrap(CKM_AES_KEY_WRAP, i == 1 ? copy : kek, key, out, &n));
		OK(ak_unwrap(CKM_AES_KEY_WRAP, i == 2 ? copy : kek, VIEW(out, n), CKK_AES, CKF_ENCRYPT | CKF_DECRYPT,
			     true, &back));
		OK(ak_encrypt(CKM_AES_ECB, back, VIEW(block, 16), out, &n));
	}
	/* A key that is not sensitive leaves under anything. */
	OK(ak_wrap(CKM_AES_KEY_WRAP, ak_known(CKK_AES, VIEW(block, 16), CKF_WRAP), ak_readable(CKK_AES, 16, 0), out,
		   &n));
	OK(ak_set(key, CKA_DECRYPT, false));
	OK(ak_set(key, CKA_DECRYPT, true));
	IS(ak_set(key, CKA_WRAP, true), CKR_ATTRIBUTE_READ_ONLY);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy");
	TCase *c = tcase_create("policy");

	tcase_add_unchecked_fixture(c, mk_begin, mk_end);
	tcase_set_timeout(c, 0);
	tcase_add_test(c, policy_object_is_found_by_its_class_alone);
	tcase_add_test(c, policy_object_is_no_key_and_no_ordinary_object);
	tcase_add_test(c, only_the_so_changes_the_policy);
	tcase_add_test(c, without_a_login_strict_holds);
	tcase_add_test(c, ordinary_work_is_not_disturbed);
	tcase_add_test(c, trusted_key_wraps_though_its_value_is_known);
	tcase_add_test(c, changed_record_is_noticed);
	tcase_add_test(c, settings_only_take_away);
	tcase_add_test(c, other_processes_see_a_change_at_their_next_call);
	tcase_add_test(c, decision_of_one_process_binds_all);
	tcase_add_test(c, decision_outlives_a_killed_process);
	tcase_add_test(c, new_token_in_the_old_place_is_strict);
	suite_add_tcase(s, c);
	return mk_main(s);
}
