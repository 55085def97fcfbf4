/* SPDX-License-Identifier: BSD-2-Clause */
#include "old_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store.h"
#include "temp.h"

const struct sr_function_list *old_sr;

size_t old_vector(const char *name, uint8_t *ret, size_t room)
{
	char path[512];
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "%s/store-1/%s", getenv("STRONGROOM_VECTORS"), name);
	f = fopen(path, "rb");
	ck_assert_msg(f != NULL, "%s", path);
	n = fread(ret, 1, room, f);
	ck_assert_uint_lt(n, room);
	fclose(f);
	return n;
}

void old_copy(void)
{
	static uint8_t data[1 << 18];
	size_t n = old_vector("data.mdb", data, sizeof(data));
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", ck_test_dir, OLD_SERIAL);
	temp_remove(path);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/%s/data.mdb", ck_test_dir, OLD_SERIAL);
	f = fopen(path, "wb");
	ck_assert(f != NULL && fwrite(data, 1, n, f) == n && fclose(f) == 0);
	ck_assert_int_eq(chmod(path, 0600), 0);
}

void old_open(void)
{
	CK_UTF8CHAR name[] = SR_INTERFACE_NAME;
	CK_INTERFACE *found = NULL;
	CK_SLOT_ID slots[8];
	CK_ULONG n = ARRAY_LEN(slots);
	CK_TOKEN_INFO info;

	ck_ok(ck->C_Initialize(NULL));
	ck_ok(ck3->C_GetInterface(name, NULL, &found, 0));
	old_sr = found->pFunctionList;
	ck_ok(ck->C_GetSlotList(CK_TRUE, slots, &n));
	for (CK_ULONG i = 0; i < n; i++) {
		ck_slot = slots[i];
		if (ck->C_GetTokenInfo(ck_slot, &info) == CKR_OK && memcmp(info.serialNumber, OLD_SERIAL, 16) == 0) {
			ck_session = ck_open(true);
			return;
		}
	}
	ck_abort_msg("the token is not there");
}

void old_close(void)
{
	ck_ok(ck->C_Finalize(NULL));
}

unsigned old_schema(void)
{
	struct store *s = NULL;
	struct store_txn *t = NULL;
	unsigned schema;

	ck_assert_int_eq(store_open(ck_test_dir, OLD_SERIAL, NULL, &s), STORE_OK);
	ck_assert_int_eq(store_begin(s, false, &t), STORE_OK);
	schema = store_schema(t);
	store_abort(t);
	store_close(s);
	return schema;
}

static CK_OBJECT_HANDLE only(CK_OBJECT_CLASS class, const char *label)
{
	CK_OBJECT_HANDLE h = 0;

	ck_assert_msg(kit_find(class, label, &h) == 1, "%s", label);
	return h;
}

static void value_is(CK_OBJECT_HANDLE h, const char *value)
{
	char got[64] = { 0 };
	CK_ATTRIBUTE a = { CKA_VALUE, got, sizeof(got) - 1 };

	ck_ok(ck->C_GetAttributeValue(ck_session, h, &a, 1));
	ck_assert_uint_eq(a.ulValueLen, strlen(value));
	ck_assert_str_eq(got, value);
}

static CK_ULONG count_of(CK_OBJECT_CLASS class)
{
	CK_ATTRIBUTE t = { CKA_CLASS, &class, sizeof(class) };

	return ck_find(&t, 1, NULL);
}

static void check_public(void)
{
	CK_OBJECT_HANDLE h = only(CKO_CERTIFICATE, "cert");
	CK_BYTE serial[] = { 2, 2, 0x12, 0x67 };
	CK_BYTE subject[256], value[1024], id = 0x23;
	CK_ATTRIBUTE got[] = { { CKA_SUBJECT, subject, sizeof(subject) }, { CKA_VALUE, value, sizeof(value) } };
	CK_ATTRIBUTE by_id = { CKA_ID, &id, 1 };

	value_is(only(CKO_DATA, "public data"), "seen by everybody");
	ck_ok(ck->C_GetAttributeValue(ck_session, h, got, 2));
	ck_assert_uint_gt(got[1].ulValueLen, 200);
	ck_assert_uint_eq(ck_find(&got[0], 1, NULL), 1);
	ck_assert_uint_eq(ck_find(&by_id, 1, NULL), 1);
	got[0].type = CKA_ISSUER;
	got[1] = (CK_ATTRIBUTE){ CKA_SERIAL_NUMBER, serial, sizeof(serial) };
	ck_assert_uint_eq(ck_find(got, 2, NULL), 1);
	ck_assert_uint_eq(count_of(CKO_PUBLIC_KEY), 2);
	only(CKO_SECRET_KEY, "aes-public");
}

/* encrypts_like: the key has this value: it gives what a key of that value gives. */
static void encrypts_like(CK_OBJECT_HANDLE key, unsigned seed, bool decrypt)
{
	CK_MECHANISM m = { CKM_AES_ECB, NULL, 0 };
	uint8_t in[16] = { 1, 2, 3 }, out[2][16], value[32];
	CK_OBJECT_HANDLE keys[2] = { key };

	kit_pattern(value, sizeof(value), seed);
	keys[1] = ck_secret_key(CKK_AES, VIEW(value, sizeof(value)));
	for (size_t i = 0; i < 2; i++) {
		CK_ULONG n = 16;

		ck_ok(decrypt ? ck->C_DecryptInit(ck_session, &m, keys[i])
			      : ck->C_EncryptInit(ck_session, &m, keys[i]));
		ck_ok(decrypt ? ck->C_Decrypt(ck_session, in, 16, out[i], &n)
			      : ck->C_Encrypt(ck_session, in, 16, out[i], &n));
	}
	ck_assert_mem_eq(out[0], out[1], 16);
	ck_ok(ck->C_DestroyObject(ck_session, keys[1]));
}

static void signs(const char *label, CK_MECHANISM_TYPE mechanism)
{
	uint8_t text[32] = { 7 }, signature[512];
	CK_ULONG n = sizeof(signature);

	ck_ok(kit_sign(mechanism, only(CKO_PRIVATE_KEY, label), VIEW(text, sizeof(text)), signature, &n));
	ck_ok(kit_verify(mechanism, only(CKO_PUBLIC_KEY, label), VIEW(text, sizeof(text)), VIEW(signature, n)));
}

/* wraps: the answer to wrapping a sensitive key under one that may wrap and decrypt. */
static CK_RV wraps(CK_OBJECT_HANDLE wrapping)
{
	CK_MECHANISM m = { CKM_AES_KEY_WRAP, NULL, 0 };
	CK_OBJECT_HANDLE cargo = kit_plain_key(CKK_AES, 16);
	uint8_t out[64];
	CK_ULONG n = sizeof(out);
	CK_RV rv = ck->C_WrapKey(ck_session, &m, wrapping, cargo, out, &n);

	ck_ok(ck->C_DestroyObject(ck_session, cargo));
	return rv;
}

static void set_policy(const char *text)
{
	CK_OBJECT_CLASS class = CKO_SR_POLICY;
	CK_ATTRIBUTE t = { CKA_CLASS, &class, sizeof(class) };
	CK_ATTRIBUTE a = { CKA_SR_POLICY, (void *)(uintptr_t)text, strlen(text) };
	CK_OBJECT_HANDLE h = 0;

	ck_logout();
	ck_ok(ck->C_Login(ck_session, CKU_SO, CK_TEXT(OLD_SO)));
	ck_assert_uint_eq(ck_find(&t, 1, &h), 1);
	ck_ok(ck->C_SetAttributeValue(ck_session, h, &a, 1));
	ck_logout();
}

/* check_usages: what was decided about the values of keys. Keys from outside may wrap for the time of it. */
static void check_usages(void)
{
	uint8_t value[32];
	CK_OBJECT_HANDLE gone, other;

	set_policy("raw-unwrap short-rsa untrusted-wrap");
	kit_login(OLD_USER);
	ck_rv(wraps(only(CKO_SECRET_KEY, "aes-decrypts")), CKR_KEY_FUNCTION_NOT_PERMITTED);
	kit_pattern(value, sizeof(value), 3);
	gone = ck_secret_key(CKK_AES, VIEW(value, sizeof(value)));
	ck_rv(wraps(gone), CKR_KEY_FUNCTION_NOT_PERMITTED);
	kit_pattern(value, sizeof(value), (unsigned)getpid());
	other = ck_secret_key(CKK_AES, VIEW(value, sizeof(value)));
	ck_ok(wraps(other)); /* a value of which nothing was decided */
	ck_ok(ck->C_DestroyObject(ck_session, gone));
	ck_ok(ck->C_DestroyObject(ck_session, other));
	set_policy("raw-unwrap short-rsa");
}

static void check_private(void)
{
	struct kit_wish pk = { "PK", CKK_AES, 32 };
	CK_OBJECT_HANDLE h = only(CKO_SECRET_KEY, "PK"), plain;
	uint8_t value[32], got[3], right[3];

	value_is(only(CKO_DATA, "private data"), "seen after a login");
	value_is(only(CKO_DATA, "changed"), "third");
	ck_assert_uint_eq(count_of(CKO_DATA), 3);
	ck_assert_uint_eq(count_of(CKO_SECRET_KEY), 5);
	ck_assert_uint_eq(count_of(CKO_PRIVATE_KEY), 2);
	ck_assert_uint_eq(ck_get_ulong(h, CKA_SR_ROLE), SR_ROLE_PK);
	kit_wish_value(&pk, value);
	plain = ck_secret_key(CKK_AES, VIEW(value, sizeof(value)));
	ck_ok(kit_check_value(h, got));
	ck_ok(kit_check_value(plain, right));
	ck_assert_mem_eq(got, right, 3);
	ck_ok(ck->C_DestroyObject(ck_session, plain));
	encrypts_like(only(CKO_SECRET_KEY, "aes-decrypts"), 1, true);
	encrypts_like(only(CKO_SECRET_KEY, "aes-public"), 2, false);
	ck_assert(!ck_get_bool(only(CKO_SECRET_KEY, "aes-public"), CKA_PRIVATE));
	signs("rsa", CKM_SHA256_RSA_PKCS);
	signs("ec", CKM_ECDSA);
	h = only(CKO_SECRET_KEY, "MAK#1/2");
	ck_assert_uint_eq(ck_get_ulong(h, CKA_SR_ROLE), SR_ROLE_COMPONENT);
}

static void check_policy(void)
{
	CK_OBJECT_CLASS class = CKO_SR_POLICY;
	CK_ATTRIBUTE t = { CKA_CLASS, &class, sizeof(class) };
	char text[256] = { 0 };
	CK_ATTRIBUTE a = { CKA_SR_POLICY_IN_FORCE, text, sizeof(text) - 1 };
	CK_OBJECT_HANDLE h = 0;

	ck_assert_uint_eq(ck_find(&t, 1, &h), 1);
	ck_ok(ck->C_GetAttributeValue(ck_session, h, &a, 1));
	ck_assert_str_eq(text, "raw-unwrap short-rsa");
}

static void check_users(CK_ULONG bob_tries)
{
	struct sr_user u[8];
	CK_ULONG n = ARRAY_LEN(u);

	ck_ok(old_sr->SR_GetUsers(ck_session, u, &n));
	ck_assert_uint_eq(n, 5);
	ck_assert_str_eq((char *)u[2].szName, "alice");
	ck_assert_str_eq((char *)u[3].szName, "bob");
	ck_assert_str_eq((char *)u[4].szName, "carol");
	for (CK_ULONG i = 0; i < n; i++) {
		ck_assert_uint_eq(u[i].ulRetriesLeft, i == 3 ? bob_tries : 10);
		ck_assert_uint_eq(u[i].flags & SR_USER_PIN_TO_BE_CHANGED, i == 4 ? SR_USER_PIN_TO_BE_CHANGED : 0);
	}
}

void old_look(void)
{
	kit_login(OLD_USER);
	check_public();
	check_private();
	check_policy();
}

void old_check(CK_ULONG bob_tries)
{
	ck_logout();
	check_users(bob_tries);
	check_public();
	kit_login(OLD_USER);
	check_public();
	check_private();
	check_policy();
	ck_logout();
	ck_ok(ck->C_Login(ck_session, CKU_SO, CK_TEXT(OLD_SO)));
	check_policy();
	kit_login(OLD_CAROL);
	ck_rv(ck->C_FindObjectsInit(ck_session, NULL, 0), CKR_PIN_EXPIRED);
	kit_login(OLD_ALICE);
	check_private();
	kit_login(OLD_BOB);
	check_private();
	check_usages();
}

void old_combines(void)
{
	uint8_t value[32];

	kit_login(OLD_BOB);
	kit_pattern(value, sizeof(value), 78);
	ck_ok(kit_component("MAK#2/2", CKK_AES, VIEW(value, sizeof(value)), NULL));
	ck_ok(kit_combine("MAK", CKK_AES, 32, NULL));
	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, "MAK#1/2", NULL), 0);
	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, "MAK", NULL), 1);
	ck_logout();
}
