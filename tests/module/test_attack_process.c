/* SPDX-License-Identifier: BSD-2-Clause */
/* What another process does to a token while this one is at work. */
#include "tk_kit.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include "store.h"

static char serial[STORE_SERIAL_LEN + 1];

static void begin(void)
{
	CK_TOKEN_INFO info;

	tk_begin();
	ck_ok(ck->C_GetTokenInfo(ck_slot, &info));
	memcpy(serial, info.serialNumber, STORE_SERIAL_LEN);
}

/* The library as it is in a process of its own: a session on the token, and somebody logged in. */
static CK_SESSION_HANDLE own_session(const char *pin)
{
	CK_SLOT_ID slots[4];
	CK_ULONG n = ARRAY_LEN(slots);
	CK_SESSION_HANDLE h = 0;

	alarm(60);
	if (ck->C_Initialize(NULL) != CKR_OK || ck->C_GetSlotList(CK_TRUE, slots, &n) != CKR_OK ||
	    ck->C_OpenSession(slots[0], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &h) != CKR_OK)
		_exit(100);
	if (pin && ck->C_Login(h, CKU_USER, CK_TEXT(pin)) != CKR_OK)
		_exit(101);
	return h;
}

static void child_done(pid_t pid)
{
	int status = -1;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "child: %x", (unsigned)status);
}

static int count_one(void *ctx, const uint8_t *id, struct view value)
{
	++*(int *)ctx;
	return 0;
}

/* In a child: the store itself, without the module. */
static struct store_txn *raw_write(struct store **ret)
{
	struct store_txn *txn = NULL;

	alarm(60);
	if (store_open(ck_test_dir, serial, NULL, ret) != STORE_OK || store_begin(*ret, true, &txn) != STORE_OK)
		_exit(102);
	return txn;
}

static int users_of_token(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		struct store *store = NULL;
		struct store_txn *txn = raw_write(&store);
		int n = 0;

		_exit(store_user_each(txn, count_one, &n) == STORE_OK ? n : 99);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) < 99);
	return WEXITSTATUS(status);
}

/* remade: the MAC at the end of a token record (docs/store.md, The token record), whose key comes from the record. */
static bool remade(uint8_t *record, size_t n)
{
	static const char info[] = "strongroom token record";
	const size_t mac_len = 16, key_len = 32;
	uint8_t key[32], mac[32];
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t) "SHA256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, record + n - mac_len - key_len, key_len),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)info, sizeof(info) - 1),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	bool done = EVP_KDF_derive(ctx, key, sizeof(key), params) == 1 &&
		    HMAC(EVP_sha256(), key, sizeof(key), record, n - mac_len, mac, NULL) != NULL;

	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	memcpy(record + n - mac_len, mac, mac_len);
	return done;
}

/* In a child: makes the token one of another generation, as C_InitToken does, while the parent derives a key. */
static void other_generation(int ready)
{
	struct store *store = NULL;
	struct store_txn *txn = raw_write(&store);
	uint8_t record[4096];
	struct view v;

	if (store_meta_get(txn, "token", &v) != STORE_OK || v.n > sizeof(record))
		_exit(1);
	memcpy(record, v.p, v.n);
	record[1] ^= 0x80; /* docs/store.md: version, then generation */
	if (!remade(record, v.n) || store_meta_put(txn, "token", VIEW(record, v.n)) != STORE_OK ||
	    write(ready, "x", 1) != 1)
		_exit(2);
	usleep(800000);
	_exit(store_commit(txn) == STORE_OK ? 0 : 3);
}

static pid_t other_generation_soon(void)
{
	int ready[2];
	char c;
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		other_generation(ready[1]);
	ck_assert_int_eq(read(ready[0], &c, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

/* R6.4: the SO of a token that another process has initialised anew gives nobody a PIN in it. */
START_TEST(so_of_an_older_generation_makes_no_user)
{
	int before = users_of_token();
	pid_t pid;

	ck_login(CKU_SO);
	pid = other_generation_soon();
	ck_rv(ck->C_InitPIN(ck_session, CK_TEXT("eve:user1234")), CKR_DEVICE_REMOVED);
	child_done(pid);
	ck_assert_int_eq(users_of_token(), before);
	ck_rv(ck->C_InitPIN(ck_session, CK_TEXT("eve:user1234")), CKR_USER_NOT_LOGGED_IN);
	child_done(other_generation_soon()); /* and back: the token is the old one again */
	kit_login(KIT_USER);
}
END_TEST

/* R1.13: a key that another process destroys is gone for every operation, however its handle was used before. */
START_TEST(role_keys_destroyed_elsewhere_are_gone)
{
	CK_OBJECT_HANDLE tek = 77, auk = 77;
	uint8_t out[SR_RECORD_MAX];
	CK_ULONG n = sizeof(out);
	struct tk_way w;
	pid_t pid;

	kit_login(KIT_USER);
	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, "MAK-T24", &tk_mak[1]), 1);
	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, "PK-T24", &tk_pk[1]), 1);
	kit_pair(2048, true, &tk_pu, &tk_pr);
	tk_whole_way(&tk_shapes[1], &w);
	pid = fork();
	if (pid == 0) {
		CK_OBJECT_HANDLE key = 0;

		ck_session = own_session(KIT_USER);
		if (kit_find(CKO_SECRET_KEY, "MAK-T24", &key) != 1 || ck->C_DestroyObject(ck_session, key) != CKR_OK)
			_exit(1);
		_exit(ck->C_Finalize(NULL) == CKR_OK ? 0 : 2);
	}
	child_done(pid);
	ck_rv(kit_rewrap(tk_pk[1], tk_mak[1], tk_pr, VIEW(w.tk.packet, w.tk.packet_len), out, &n),
	      CKR_KEY_HANDLE_INVALID);
	ck_rv(kit_open(tk_pk[1], tk_mak[1], VIEW(w.record, w.record_len), &tek, &auk), CKR_KEY_HANDLE_INVALID);
	ck_assert(tek == 77 && auk == 77 && n == sizeof(out));
	tk_drop(&w);
}
END_TEST

/* R6.4: one name, one component: of many processes that enter it at once, one succeeds; and of many that combine, one.
 */
START_TEST(many_processes_enter_and_combine_once)
{
	pid_t pids[6];
	int good = 0;
	CK_OBJECT_HANDLE h = 0;

	for (int round = 0; round < 2; round++) {
		uint8_t value[32];

		if (round == 1) {
			kit_pattern(value, sizeof(value), 78);
			kit_login(KIT_BOB);
			ck_ok(kit_component("PK-RACE#2/2", CKK_AES, VIEW(value, sizeof(value)), NULL));
		}
		good = 0;
		for (size_t i = 0; i < ARRAY_LEN(pids); i++) {
			pids[i] = fork();
			ck_assert_int_ge(pids[i], 0);
			if (pids[i] == 0) {
				CK_RV rv;

				ck_session = own_session(KIT_ALICE);
				kit_pattern(value, sizeof(value), 77 + 10 * (unsigned)i);
				rv = round == 0 ? kit_component("PK-RACE#1/2", CKK_AES, VIEW(value, sizeof(value)), &h)
						: kit_combine("PK-RACE", CKK_AES, 32, &h);
				if (ck->C_Finalize(NULL) != CKR_OK)
					_exit(3);
				/* ACTION_PROHIBITED: it is there; the others: the components went in the meantime */
				_exit(rv == CKR_OK ? 0
				      : rv == CKR_ACTION_PROHIBITED || rv == CKR_OBJECT_HANDLE_INVALID ||
					      rv == CKR_TEMPLATE_INCOMPLETE
					  ? 1
					  : 2);
			}
		}
		for (size_t i = 0; i < ARRAY_LEN(pids); i++) {
			int status = -1;

			ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
			ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) < 2, "%x", (unsigned)status);
			good += WEXITSTATUS(status) == 0;
		}
		ck_assert_int_eq(good, 1);
		kit_login(KIT_USER);
		ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, round == 0 ? "PK-RACE#1/2" : "PK-RACE", &h), 1);
	}
	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, "PK-RACE#1/2", NULL), 0);
	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, "PK-RACE#2/2", NULL), 0);
	ck_ok(ck->C_DestroyObject(ck_session, h));
}
END_TEST

/* Last test. R6.5: initialised anew elsewhere: no login, no operation, no handle of before. */
START_TEST(token_initialised_anew_elsewhere_ends_everything)
{
	CK_MECHANISM m = { CKM_AES_ECB, NULL, 0 };
	CK_OBJECT_HANDLE key, pk = 0;
	CK_BYTE block[16] = { 0 };
	CK_ULONG n = sizeof(block), size;
	CK_SESSION_INFO info;
	pid_t pid;

	kit_login(KIT_USER);
	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, "PK", &pk), 1);
	key = kit_plain_key(CKK_AES, 16);
	ck_ok(ck->C_EncryptInit(ck_session, &m, key));
	pid = fork();
	if (pid == 0) {
		CK_UTF8CHAR label[32];
		CK_SLOT_ID slots[4];
		CK_ULONG count = ARRAY_LEN(slots);

		alarm(60);
		memset(label, ' ', sizeof(label));
		if (ck->C_Initialize(NULL) != CKR_OK || ck->C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK)
			_exit(1);
		_exit(ck->C_InitToken(slots[0], CK_TEXT(CK_TEST_SO_PIN), label) == CKR_OK ? 0 : 2);
	}
	child_done(pid);
	ck_rv(ck->C_Encrypt(ck_session, block, sizeof(block), block, &n), CKR_OPERATION_NOT_INITIALIZED);
	ck_ok(ck->C_GetSessionInfo(ck_session, &info));
	ck_assert_uint_eq(info.state, CKS_RW_PUBLIC_SESSION);
	ck_rv(ck->C_GetObjectSize(ck_session, key, &size), CKR_OBJECT_HANDLE_INVALID);
	ck_rv(ck->C_GetObjectSize(ck_session, pk, &size), CKR_OBJECT_HANDLE_INVALID);
	ck_rv(ck->C_Login(ck_session, CKU_USER, CK_TEXT(KIT_USER)), CKR_USER_PIN_NOT_INITIALIZED);
	ck_rv(ck->C_Login(ck_session, CKU_USER, CK_TEXT(KIT_ALICE)), CKR_PIN_INCORRECT);
	ck_assert_uint_eq(ck_find(NULL, 0, NULL), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("attack: processes");
	TCase *c = tcase_create("processes");

	tcase_set_timeout(c, 200);
	tcase_add_unchecked_fixture(c, begin, ck_test_end);
	tcase_add_test(c, so_of_an_older_generation_makes_no_user);
	tcase_add_test(c, role_keys_destroyed_elsewhere_are_gone);
	tcase_add_test(c, many_processes_enter_and_combine_once);
	tcase_add_test(c, token_initialised_anew_elsewhere_ends_everything);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
