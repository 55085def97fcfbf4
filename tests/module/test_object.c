/* SPDX-License-Identifier: BSD-2-Clause */
#include "object_kit.h"
#include "ck_test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_OBJECT_CLASS data = CKO_DATA, secret = CKO_SECRET_KEY, certificate = CKO_CERTIFICATE;
static CK_KEY_TYPE aes = CKK_AES, des3 = CKK_DES3, generic = CKK_GENERIC_SECRET;
static uint8_t key_bytes[32] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };

static CK_RV create(CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	return ck->C_CreateObject(ck_session, t, n, ret);
}

static CK_RV set_bool(CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type, CK_BBOOL value)
{
	CK_ATTRIBUTE a = SET(type, value);

	return ck->C_SetAttributeValue(ck_session, o, &a, 1);
}

static CK_OBJECT_HANDLE aes_key(bool token, bool sensitive, bool extractable)
{
	CK_BBOOL t = token, s = sensitive, e = extractable;
	CK_ATTRIBUTE a[] = { SET(CKA_CLASS, secret),  SET(CKA_KEY_TYPE, aes), SET(CKA_VALUE, key_bytes),
			     SET(CKA_SENSITIVE, s),   SET(CKA_TOKEN, t),      SET(CKA_EXTRACTABLE, e),
			     TEXT(CKA_LABEL, "a key") };
	CK_OBJECT_HANDLE h = 0;

	ck_ok(create(a, ARRAY_LEN(a), &h));
	return h;
}

static void login(void)
{
	ck_login(CKU_USER);
}

/* destroy_all: token objects do not outlive their test. */
static void destroy_all(void)
{
	CK_OBJECT_HANDLE h;

	ck_login(CKU_USER);
	while (ck_find(NULL, 0, &h) > 0)
		ck_ok(ck->C_DestroyObject(ck_session, h));
	ck_logout();
}

/* R6.5 */
START_TEST(create_names_what_is_wrong_and_makes_nothing)
{
	CK_ULONG odd = 5;
	CK_OBJECT_CLASS unknown = 0x4711;
	uint8_t short_key[7] = { 1 };
	CK_OBJECT_HANDLE h = 99;
	const struct {
		CK_ATTRIBUTE t[5];
		CK_ULONG n;
		CK_RV rv;
	} wrong[] = {
		{ { SET(CKA_TOKEN, no) }, 1, CKR_TEMPLATE_INCOMPLETE },
		{ { SET(CKA_CLASS, unknown) }, 1, CKR_ATTRIBUTE_VALUE_INVALID },
		{ { SET(CKA_CLASS, no) }, 1, CKR_ATTRIBUTE_VALUE_INVALID },
		{ { SET(CKA_CLASS, data), SET(CKA_CLASS, data) }, 2, CKR_TEMPLATE_INCONSISTENT },
		{ { SET(CKA_CLASS, data), { CKA_LABEL, NULL, 3 } }, 2, CKR_ARGUMENTS_BAD },
		{ { SET(CKA_CLASS, data), SET(CKA_TOKEN, odd) }, 2, CKR_ATTRIBUTE_VALUE_INVALID },
		{ { SET(CKA_CLASS, data), SET(CKA_MODULUS, odd) }, 2, CKR_ATTRIBUTE_TYPE_INVALID },
		{ { SET(CKA_CLASS, data), SET(CKA_KEY_TYPE, aes) }, 2, CKR_ATTRIBUTE_TYPE_INVALID },
		{ { SET(CKA_CLASS, data), SET(CKA_UNIQUE_ID, odd) }, 2, CKR_ATTRIBUTE_READ_ONLY },
		{ { SET(CKA_CLASS, data), SET(CKA_TRUSTED, yes) }, 2, CKR_ATTRIBUTE_TYPE_INVALID },
		{ { SET(CKA_CLASS, secret), SET(CKA_VALUE, key_bytes) }, 2, CKR_TEMPLATE_INCOMPLETE },
		{ { SET(CKA_CLASS, secret), SET(CKA_KEY_TYPE, aes) }, 2, CKR_TEMPLATE_INCOMPLETE },
		{ { SET(CKA_CLASS, secret), SET(CKA_KEY_TYPE, odd), SET(CKA_VALUE, key_bytes) },
		  3,
		  CKR_ATTRIBUTE_VALUE_INVALID },
		{ { SET(CKA_CLASS, secret), SET(CKA_KEY_TYPE, aes), SET(CKA_VALUE, short_key) },
		  3,
		  CKR_ATTRIBUTE_VALUE_INVALID },
		{ { SET(CKA_CLASS, secret), SET(CKA_KEY_TYPE, aes), SET(CKA_VALUE, key_bytes),
		    SET(CKA_VALUE_LEN, odd) },
		  4,
		  CKR_ATTRIBUTE_VALUE_INVALID },
		{ { SET(CKA_CLASS, secret), SET(CKA_KEY_TYPE, aes), SET(CKA_VALUE, key_bytes), SET(CKA_LOCAL, yes) },
		  4,
		  CKR_ATTRIBUTE_READ_ONLY },
		{ { SET(CKA_CLASS, secret), SET(CKA_KEY_TYPE, aes), SET(CKA_VALUE, key_bytes), SET(CKA_TRUSTED, yes) },
		  4,
		  CKR_ATTRIBUTE_READ_ONLY },
		{ { SET(CKA_CLASS, secret), SET(CKA_KEY_TYPE, aes), SET(CKA_VALUE, key_bytes),
		    SET(CKA_CHECK_VALUE, odd) },
		  4,
		  CKR_ATTRIBUTE_VALUE_INVALID },
		{ { SET(CKA_CLASS, certificate), TEXT(CKA_VALUE, "x") }, 2, CKR_TEMPLATE_INCOMPLETE },
	};
	CK_ULONG before = ck_find(NULL, 0, NULL);

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		CK_ATTRIBUTE t[5];
		CK_RV rv;

		memcpy(t, wrong[i].t, sizeof(t));
		rv = create(t, wrong[i].n, &h);
		ck_assert_msg(rv == wrong[i].rv, "case %zu: 0x%lx", i, rv);
		ck_assert_uint_eq(h, 99);
	}
	ck_rv(create(NULL, 1, &h), CKR_ARGUMENTS_BAD);
	ck_rv(create((CK_ATTRIBUTE *)(uintptr_t)wrong[0].t, 1, NULL), CKR_ARGUMENTS_BAD);
	ck_assert_uint_eq(ck_find(NULL, 0, NULL), before);
}
END_TEST

/* R6.5: DES keys come with odd parity. */
START_TEST(des_key_without_parity_is_refused)
{
	uint8_t value[24];
	CK_ATTRIBUTE t[] = { SET(CKA_CLASS, secret), SET(CKA_KEY_TYPE, des3), SET(CKA_VALUE, value) };
	CK_OBJECT_HANDLE h;

	for (size_t i = 0; i < sizeof(value); i++)
		value[i] = (uint8_t)(16 * i + (i < 16 ? 0 : 3) + 2);
	ck_rv(create(t, ARRAY_LEN(t), &h), CKR_ATTRIBUTE_VALUE_INVALID);
	for (size_t i = 0; i < sizeof(value); i++)
		if (__builtin_parity(value[i]) == 0)
			value[i] ^= 1;
	ck_ok(create(t, ARRAY_LEN(t), &h));
}
END_TEST

/* R6.5: what is not asked for is not granted; keys are private and sensitive unless told otherwise. */
START_TEST(defaults_are_the_careful_ones)
{
	CK_ATTRIBUTE t[] = { SET(CKA_CLASS, secret), SET(CKA_KEY_TYPE, aes), SET(CKA_VALUE, key_bytes) };
	static const CK_ATTRIBUTE_TYPE off[] = {
		CKA_TOKEN,   CKA_ENCRYPT,          CKA_DECRYPT,          CKA_SIGN,        CKA_VERIFY,
		CKA_WRAP,    CKA_UNWRAP,           CKA_DERIVE,           CKA_EXTRACTABLE, CKA_LOCAL,
		CKA_TRUSTED, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE
	};
	static const CK_ATTRIBUTE_TYPE on[] = { CKA_PRIVATE, CKA_SENSITIVE, CKA_MODIFIABLE, CKA_COPYABLE,
						CKA_DESTROYABLE };
	uint8_t check[3];
	/* openssl enc -aes-256-ecb -nopad of a zero block under key_bytes. */
	CK_ATTRIBUTE kcv = SET(CKA_CHECK_VALUE, check);
	char unique[32];
	CK_ATTRIBUTE id = SET(CKA_UNIQUE_ID, unique);
	CK_OBJECT_HANDLE h;

	ck_ok(create(t, ARRAY_LEN(t), &h));
	for (size_t i = 0; i < ARRAY_LEN(off); i++)
		ck_assert_msg(!ck_get_bool(h, off[i]), "%zu", i);
	for (size_t i = 0; i < ARRAY_LEN(on); i++)
		ck_assert_msg(ck_get_bool(h, on[i]), "%zu", i);
	ck_assert_uint_eq(ck_get_ulong(h, CKA_VALUE_LEN), 32);
	ck_assert_uint_eq(ck_get_ulong(h, CKA_KEY_GEN_MECHANISM), CK_UNAVAILABLE_INFORMATION);
	ck_ok(ck->C_GetAttributeValue(ck_session, h, &kcv, 1));
	ck_assert_mem_eq(check, "\xad\x3f\xed", 3);
	ck_ok(ck->C_GetAttributeValue(ck_session, h, &id, 1));
	ck_assert_uint_eq(id.ulValueLen, 32);
}
END_TEST

/* R6.5: C_GetAttributeValue answers every attribute and the gravest code. */
START_TEST(get_marks_what_it_does_not_give)
{
	CK_OBJECT_HANDLE h = aes_key(false, true, false);
	uint8_t value[32] = { 0 }, label[16], tiny[2];
	CK_ULONG len;
	CK_ATTRIBUTE t[] = { SET(CKA_VALUE, value), SET(CKA_MODULUS, value), SET(CKA_LABEL, tiny),
			     SET(CKA_VALUE_LEN, len) };
	CK_ATTRIBUTE ask = { CKA_LABEL, NULL, 0 };
	CK_ATTRIBUTE get = SET(CKA_LABEL, label);

	ck_rv(ck->C_GetAttributeValue(ck_session, h, t, ARRAY_LEN(t)), CKR_ATTRIBUTE_SENSITIVE);
	ck_assert_uint_eq(t[0].ulValueLen, CK_UNAVAILABLE_INFORMATION);
	ck_assert_uint_eq(t[1].ulValueLen, CK_UNAVAILABLE_INFORMATION);
	ck_assert_uint_eq(t[2].ulValueLen, CK_UNAVAILABLE_INFORMATION);
	ck_assert_uint_eq(t[3].ulValueLen, sizeof(len));
	ck_assert_uint_eq(len, 32);
	ck_assert_uint_eq(value[0], 0);
	ck_rv(ck->C_GetAttributeValue(ck_session, h, &t[1], 1), CKR_ATTRIBUTE_TYPE_INVALID);
	t[2].ulValueLen = sizeof(tiny);
	ck_rv(ck->C_GetAttributeValue(ck_session, h, &t[2], 1), CKR_BUFFER_TOO_SMALL);
	ck_ok(ck->C_GetAttributeValue(ck_session, h, &ask, 1));
	ck_assert_uint_eq(ask.ulValueLen, 5);
	ck_ok(ck->C_GetAttributeValue(ck_session, h, &get, 1));
	ck_assert_uint_eq(get.ulValueLen, 5);
	ck_assert_mem_eq(label, "a key", 5);
	ck_rv(ck->C_GetAttributeValue(ck_session, h, NULL, 1), CKR_ARGUMENTS_BAD);
	ck_rv(ck->C_GetAttributeValue(ck_session, 0, &get, 1), CKR_OBJECT_HANDLE_INVALID);
}
END_TEST

/* R6.5: only a key that is not sensitive and extractable shows its value. */
START_TEST(value_is_shown_only_when_both_flags_allow)
{
	uint8_t value[32];
	CK_ATTRIBUTE t = SET(CKA_VALUE, value);

	for (int i = 0; i < 8; i++) {
		CK_OBJECT_HANDLE h = aes_key(i & 4, i & 1, i & 2);
		bool shown = (i & 3) == 2;

		t.ulValueLen = sizeof(value);
		ck_rv(ck->C_GetAttributeValue(ck_session, h, &t, 1), shown ? CKR_OK : CKR_ATTRIBUTE_SENSITIVE);
		if (shown)
			ck_assert_mem_eq(value, key_bytes, 32);
	}
}
END_TEST

/* R6.5: protection goes one way. */
START_TEST(protection_never_goes_back)
{
	CK_OBJECT_HANDLE h = aes_key(true, false, true);
	CK_OBJECT_CLASS other = CKO_DATA;
	CK_ATTRIBUTE class = SET(CKA_CLASS, other), value = SET(CKA_VALUE, key_bytes);

	ck_ok(set_bool(h, CKA_SENSITIVE, yes));
	ck_rv(set_bool(h, CKA_SENSITIVE, no), CKR_ATTRIBUTE_READ_ONLY);
	ck_ok(set_bool(h, CKA_EXTRACTABLE, no));
	ck_rv(set_bool(h, CKA_EXTRACTABLE, yes), CKR_ATTRIBUTE_READ_ONLY);
	ck_ok(set_bool(h, CKA_WRAP_WITH_TRUSTED, yes));
	ck_rv(set_bool(h, CKA_WRAP_WITH_TRUSTED, no), CKR_ATTRIBUTE_READ_ONLY);
	ck_rv(set_bool(h, CKA_ALWAYS_SENSITIVE, yes), CKR_ATTRIBUTE_READ_ONLY);
	ck_rv(set_bool(h, CKA_TRUSTED, yes), CKR_ATTRIBUTE_READ_ONLY);
	ck_rv(set_bool(h, CKA_TOKEN, no), CKR_ATTRIBUTE_READ_ONLY);
	ck_rv(set_bool(h, CKA_PRIVATE, no), CKR_ATTRIBUTE_READ_ONLY);
	ck_rv(ck->C_SetAttributeValue(ck_session, h, &class, 1), CKR_ATTRIBUTE_READ_ONLY);
	ck_rv(ck->C_SetAttributeValue(ck_session, h, &value, 1), CKR_ATTRIBUTE_READ_ONLY);
	ck_rv(set_bool(h, CKA_MODULUS, no), CKR_ATTRIBUTE_TYPE_INVALID);
	ck_rv(ck->C_SetAttributeValue(ck_session, h, NULL, 1), CKR_ARGUMENTS_BAD);
	ck_rv(set_bool(99999, CKA_SIGN, yes), CKR_OBJECT_HANDLE_INVALID);
	ck_assert(!ck_get_bool(h, CKA_ALWAYS_SENSITIVE));
	ck_ok(set_bool(h, CKA_COPYABLE, no));
	ck_rv(ck->C_CopyObject(ck_session, h, NULL, 0, &(CK_OBJECT_HANDLE){ 0 }), CKR_ACTION_PROHIBITED);
}
END_TEST

/* R6.5 */
START_TEST(objects_that_may_not_change_or_go_do_not)
{
	CK_ATTRIBUTE t[] = { SET(CKA_CLASS, data), SET(CKA_MODIFIABLE, no), SET(CKA_DESTROYABLE, no) };
	CK_ATTRIBUTE label = TEXT(CKA_LABEL, "new");
	CK_OBJECT_HANDLE h;

	ck_ok(create(t, ARRAY_LEN(t), &h));
	ck_rv(ck->C_SetAttributeValue(ck_session, h, &label, 1), CKR_ACTION_PROHIBITED);
	ck_rv(ck->C_DestroyObject(ck_session, h), CKR_ACTION_PROHIBITED);
	ck_rv(ck->C_DestroyObject(ck_session, 99999), CKR_OBJECT_HANDLE_INVALID);
}
END_TEST

/* R6.5: a copy may be better protected, not worse. */
START_TEST(copy_keeps_the_protection)
{
	CK_OBJECT_HANDLE h = aes_key(false, true, false), copy = 77;
	CK_ATTRIBUTE weaker[] = { SET(CKA_SENSITIVE, no) };
	CK_ATTRIBUTE open[] = { SET(CKA_PRIVATE, no) };
	CK_ATTRIBUTE stored[] = { SET(CKA_TOKEN, yes), TEXT(CKA_LABEL, "copy") };
	CK_ATTRIBUTE len[] = { SET(CKA_VALUE_LEN, yes) };

	ck_rv(ck->C_CopyObject(ck_session, h, weaker, 1, &copy), CKR_ATTRIBUTE_READ_ONLY);
	ck_rv(ck->C_CopyObject(ck_session, h, open, 1, &copy), CKR_ATTRIBUTE_READ_ONLY);
	ck_rv(ck->C_CopyObject(ck_session, h, len, 1, &copy), CKR_ATTRIBUTE_READ_ONLY);
	ck_rv(ck->C_CopyObject(ck_session, h, NULL, 1, &copy), CKR_ARGUMENTS_BAD);
	ck_rv(ck->C_CopyObject(ck_session, h, stored, 2, NULL), CKR_ARGUMENTS_BAD);
	ck_rv(ck->C_CopyObject(ck_session, 99999, stored, 2, &copy), CKR_OBJECT_HANDLE_INVALID);
	ck_assert_uint_eq(copy, 77);
	ck_ok(ck->C_CopyObject(ck_session, h, stored, 2, &copy));
	ck_assert(ck_get_bool(copy, CKA_TOKEN));
	ck_assert(ck_get_bool(copy, CKA_SENSITIVE));
	ck_assert_uint_eq(ck_find(&stored[1], 1, NULL), 1);
}
END_TEST

/* R6.5 */
START_TEST(find_keeps_to_the_template)
{
	static const CK_BYTE id_a[] = { 1 }, id_b[] = { 2 };
	CK_ATTRIBUTE one[] = { SET(CKA_CLASS, data), TEXT(CKA_LABEL, "x"), SET(CKA_TOKEN, yes), TEXT(CKA_VALUE, "1") };
	CK_ATTRIBUTE two[] = { SET(CKA_CLASS, secret),      TEXT(CKA_LABEL, "x"),
			       SET(CKA_TOKEN, yes),         SET(CKA_KEY_TYPE, generic),
			       TEXT(CKA_VALUE, "12345678"), { CKA_ID, (void *)(uintptr_t)id_a, 1 } };
	CK_ATTRIBUTE by_label = TEXT(CKA_LABEL, "x"), by_value = TEXT(CKA_VALUE, "1");
	CK_ATTRIBUTE by_secret = TEXT(CKA_VALUE, "12345678"), by_class = SET(CKA_CLASS, secret);
	CK_ATTRIBUTE by_id = { CKA_ID, (void *)(uintptr_t)id_a, 1 }, other = { CKA_ID, (void *)(uintptr_t)id_b, 1 };
	CK_ATTRIBUTE both[] = { by_label, by_class }, session_only[] = { by_label, SET(CKA_TOKEN, no) };
	CK_OBJECT_HANDLE h1, h2, h;
	CK_ULONG n = 3;

	ck_ok(create(one, ARRAY_LEN(one), &h1));
	ck_ok(create(two, ARRAY_LEN(two), &h2));
	ck_assert_uint_eq(ck_find(&by_label, 1, NULL), 2);
	ck_assert_uint_eq(ck_find(&by_value, 1, &h), 1);
	ck_assert_uint_eq(h, h1);
	ck_assert_uint_eq(ck_find(&by_secret, 1, NULL), 0); /* values of keys are not searched */
	ck_assert_uint_eq(ck_find(&by_id, 1, &h), 1);
	ck_assert_uint_eq(h, h2);
	ck_assert_uint_eq(ck_find(&other, 1, NULL), 0);
	ck_assert_uint_eq(ck_find(both, 2, &h), 1);
	ck_assert_uint_eq(h, h2);
	ck_assert_uint_eq(ck_find(session_only, 2, NULL), 0);
	ck_ok(ck->C_SetAttributeValue(ck_session, h2, &other, 1));
	ck_assert_uint_eq(ck_find(&by_id, 1, NULL), 0);
	ck_assert_uint_eq(ck_find(&other, 1, NULL), 1);
	ck_rv(ck->C_FindObjects(ck_session, &h, 1, &n), CKR_OPERATION_NOT_INITIALIZED);
	ck_rv(ck->C_FindObjectsFinal(ck_session), CKR_OPERATION_NOT_INITIALIZED);
	ck_rv(ck->C_FindObjectsInit(ck_session, NULL, 1), CKR_ARGUMENTS_BAD);
	ck_ok(ck->C_FindObjectsInit(ck_session, &by_label, 1));
	ck_rv(ck->C_FindObjectsInit(ck_session, &by_label, 1), CKR_OPERATION_ACTIVE);
	ck_ok(ck3->C_SessionCancel(ck_session, CKF_FIND_OBJECTS));
	ck_rv(ck->C_FindObjects(ck_session, &h, 1, &n), CKR_OPERATION_NOT_INITIALIZED);
	ck_ok(ck->C_FindObjectsInit(ck_session, &by_label, 1));
	ck_rv(ck->C_FindObjects(ck_session, NULL, 1, &n), CKR_ARGUMENTS_BAD);
	ck_rv(ck->C_FindObjects(ck_session, &h, 1, NULL), CKR_ARGUMENTS_BAD);
	ck_ok(ck->C_FindObjects(ck_session, &h, 1, &n));
	ck_assert_uint_eq(n, 1);
	ck_ok(ck->C_FindObjectsFinal(ck_session));
}
END_TEST

/* R6.5: private objects are for users; public ones for everybody, their sealed values not. */
START_TEST(login_opens_private_objects)
{
	CK_ATTRIBUTE label = TEXT(CKA_LABEL, "a key"), open_label = TEXT(CKA_LABEL, "open");
	CK_ATTRIBUTE open[] = { SET(CKA_CLASS, secret),    SET(CKA_KEY_TYPE, aes), SET(CKA_VALUE, key_bytes),
				SET(CKA_PRIVATE, no),      SET(CKA_TOKEN, yes),    SET(CKA_SENSITIVE, no),
				SET(CKA_EXTRACTABLE, yes), SET(CKA_ENCRYPT, yes),  TEXT(CKA_LABEL, "open") };
	CK_OBJECT_HANDLE h = aes_key(true, true, false), found;
	CK_MECHANISM ecb = { CKM_AES_ECB, NULL, 0 };
	uint8_t value[32];
	CK_ATTRIBUTE get = SET(CKA_VALUE, value);
	CK_ULONG size;

	ck_ok(create(open, ARRAY_LEN(open), &found));
	ck_assert_uint_eq(ck_find(&label, 1, NULL), 1);
	ck_logout();
	ck_assert_uint_eq(ck_find(&label, 1, NULL), 0);
	ck_rv(ck->C_GetObjectSize(ck_session, h, &size), CKR_OBJECT_HANDLE_INVALID);
	ck_rv(create(open, ARRAY_LEN(open), &found), CKR_USER_NOT_LOGGED_IN);
	ck_assert_uint_eq(ck_find(&open_label, 1, &found), 1);
	ck_rv(ck->C_GetAttributeValue(ck_session, found, &get, 1), CKR_USER_NOT_LOGGED_IN);
	ck_rv(ck->C_EncryptInit(ck_session, &ecb, found), CKR_USER_NOT_LOGGED_IN);
	ck_login(CKU_SO);
	ck_assert_uint_eq(ck_find(&label, 1, &h), 1); /* to be trusted, no more */
	ck_rv(ck->C_EncryptInit(ck_session, &ecb, h), CKR_USER_NOT_LOGGED_IN);
	ck_login(CKU_USER);
	ck_assert_uint_eq(ck_find(&label, 1, NULL), 1);
	ck_assert_uint_eq(ck_find(&open_label, 1, &found), 1);
	get.ulValueLen = sizeof(value);
	ck_ok(ck->C_GetAttributeValue(ck_session, found, &get, 1));
	ck_assert_mem_eq(value, key_bytes, 32);
}
END_TEST

/* R6.5 */
START_TEST(read_only_session_changes_no_token_object)
{
	CK_ATTRIBUTE t[] = { SET(CKA_CLASS, data), SET(CKA_TOKEN, yes) };
	CK_ATTRIBUTE label = TEXT(CKA_LABEL, "new");
	CK_SESSION_HANDLE ro = ck_open(false);
	CK_OBJECT_HANDLE h, made = aes_key(true, true, false);

	ck_rv(ck->C_CreateObject(ro, t, ARRAY_LEN(t), &h), CKR_SESSION_READ_ONLY);
	ck_rv(ck->C_SetAttributeValue(ro, made, &label, 1), CKR_SESSION_READ_ONLY);
	ck_rv(ck->C_CopyObject(ro, made, NULL, 0, &h), CKR_SESSION_READ_ONLY);
	ck_rv(ck->C_DestroyObject(ro, made), CKR_SESSION_READ_ONLY);
	t[1].pValue = &no;
	ck_ok(ck->C_CreateObject(ro, t, ARRAY_LEN(t), &h));
	ck_ok(ck->C_DestroyObject(ro, h));
	ck_ok(ck->C_CloseSession(ro));
	ck_ok(ck->C_DestroyObject(ck_session, made));
	ck_rv(ck->C_DestroyObject(ck_session, made), CKR_OBJECT_HANDLE_INVALID);
}
END_TEST

/* In another process: renames the object called "first" and destroys the one called "second". */
static int meddle(void)
{
	CK_ATTRIBUTE first = TEXT(CKA_LABEL, "first"), second = TEXT(CKA_LABEL, "second"),
		     renamed = TEXT(CKA_LABEL, "third");
	CK_SLOT_ID slots[8];
	CK_ULONG n = ARRAY_LEN(slots);
	CK_OBJECT_HANDLE h;

	if (ck->C_Initialize(NULL) != CKR_OK || ck->C_GetSlotList(CK_TRUE, slots, &n) != CKR_OK ||
	    ck->C_OpenSession(slots[0], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &ck_session) != CKR_OK ||
	    ck->C_Login(ck_session, CKU_USER, CK_TEXT(CK_TEST_USER_PIN)) != CKR_OK)
		return 1;
	if (ck_find(&first, 1, &h) != 1 || ck->C_SetAttributeValue(ck_session, h, &renamed, 1) != CKR_OK)
		return 2;
	if (ck_find(&second, 1, &h) != 1 || ck->C_DestroyObject(ck_session, h) != CKR_OK)
		return 3;
	return ck->C_Finalize(NULL) == CKR_OK ? 0 : 4;
}

/* R6.5: what other processes did is seen at the next call. */
START_TEST(changes_of_another_process_are_seen_at_once)
{
	CK_ATTRIBUTE t[] = { SET(CKA_CLASS, data), SET(CKA_TOKEN, yes), TEXT(CKA_LABEL, "first") };
	CK_ATTRIBUTE second = TEXT(CKA_LABEL, "second");
	char label[16];
	CK_ATTRIBUTE get = SET(CKA_LABEL, label);
	CK_OBJECT_HANDLE h1, h2;
	CK_MECHANISM ecb = { CKM_AES_ECB, NULL, 0 };
	int status = -1;
	pid_t pid;

	ck_ok(create(t, ARRAY_LEN(t), &h1));
	h2 = aes_key(true, true, false);
	ck_ok(ck->C_SetAttributeValue(ck_session, h2, &second, 1));
	ck_ok(set_bool(h2, CKA_ENCRYPT, yes));
	ck_ok(ck->C_EncryptInit(ck_session, &ecb, h2));
	ck_ok(ck3->C_SessionCancel(ck_session, CKF_ENCRYPT));
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(meddle());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%x", (unsigned)status);
	ck_ok(ck->C_GetAttributeValue(ck_session, h1, &get, 1));
	ck_assert_mem_eq(label, "third", 5);
	ck_rv(ck->C_EncryptInit(ck_session, &ecb, h2), CKR_KEY_HANDLE_INVALID);
	ck_rv(set_bool(h2, CKA_SIGN, yes), CKR_OBJECT_HANDLE_INVALID);
}
END_TEST

/* R6.5: stored objects are there after a restart, with all they had. */
START_TEST(token_objects_outlive_the_process)
{
	CK_ATTRIBUTE t[] = { SET(CKA_CLASS, certificate),
			     SET(CKA_TOKEN, yes),
			     TEXT(CKA_LABEL, "cert"),
			     TEXT(CKA_SUBJECT, "subject"),
			     TEXT(CKA_VALUE, "not checked here"),
			     { CKA_ID, key_bytes, 3 },
			     { CKA_CERTIFICATE_TYPE, &(CK_ULONG){ CKC_X_509 }, sizeof(CK_ULONG) } };
	CK_ATTRIBUTE by_id = { CKA_ID, key_bytes, 3 };
	/* SHA-1("not checked here") begins with these bytes (sha1sum). */
	char value[32], check[3];
	CK_ATTRIBUTE get[] = { SET(CKA_VALUE, value), SET(CKA_CHECK_VALUE, check) };
	CK_OBJECT_HANDLE h;
	CK_SLOT_ID slots[8];
	CK_ULONG n = ARRAY_LEN(slots);

	ck_ok(create(t, ARRAY_LEN(t), &h));
	ck_ok(ck->C_Finalize(NULL));
	ck_ok(ck->C_Initialize(NULL));
	ck_ok(ck->C_GetSlotList(CK_TRUE, slots, &n));
	ck_slot = slots[0];
	ck_session = ck_open(true);
	ck_assert_uint_eq(ck_find(&by_id, 1, &h), 1); /* a public object: no login */
	ck_ok(ck->C_GetAttributeValue(ck_session, h, get, 2));
	ck_assert_mem_eq(value, "not checked here", 16);
	ck_assert_mem_eq(check, "\x59\x49\xc5", 3);
	ck_assert_uint_eq(ck_get_ulong(h, CKA_CLASS), CKO_CERTIFICATE);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("object");
	TCase *c = tcase_create("object");

	tcase_add_unchecked_fixture(c, ck_test_begin, ck_test_end);
	tcase_add_checked_fixture(c, login, destroy_all);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, create_names_what_is_wrong_and_makes_nothing);
	tcase_add_test(c, des_key_without_parity_is_refused);
	tcase_add_test(c, defaults_are_the_careful_ones);
	tcase_add_test(c, get_marks_what_it_does_not_give);
	tcase_add_test(c, value_is_shown_only_when_both_flags_allow);
	tcase_add_test(c, protection_never_goes_back);
	tcase_add_test(c, copy_keeps_the_protection);
	tcase_add_test(c, find_keeps_to_the_template);
	tcase_add_test(c, login_opens_private_objects);
	tcase_add_test(c, read_only_session_changes_no_token_object);
	tcase_add_test(c, changes_of_another_process_are_seen_at_once);
	tcase_add_test(c, token_objects_outlive_the_process);
	suite_add_tcase(s, c);
	c = tcase_create("undestroyable");
	tcase_add_unchecked_fixture(c, ck_test_begin, ck_test_end);
	tcase_add_checked_fixture(c, login, ck_logout);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, objects_that_may_not_change_or_go_do_not);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
