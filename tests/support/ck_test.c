/* SPDX-License-Identifier: BSD-2-Clause */
#include "ck_test.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include "served.h"
#include "temp.h"

CK_FUNCTION_LIST *ck;
struct ck_function_list_3_0 *ck3;
CK_SLOT_ID ck_slot;
CK_SESSION_HANDLE ck_session;
char ck_test_dir[128];
static void *library;

void ck_test_load(void)
{
	const char *path = getenv("STRONGROOM_MODULE");
	CK_RV (*get_list)(CK_FUNCTION_LIST_PTR_PTR);
	CK_RV (*get_interface)(CK_UTF8CHAR_PTR, CK_VERSION_PTR, CK_INTERFACE_PTR_PTR, CK_FLAGS);
	CK_VERSION version = { 3, 0 };
	CK_INTERFACE *interface = NULL;

	ck_assert_msg(path != NULL, "STRONGROOM_MODULE is not set");
	temp_dir(ck_test_dir);
	setenv("STRONGROOM_TOKEN_DIR", ck_test_dir, 1);
	setenv("XDG_CONFIG_HOME", ck_test_dir, 1);
	unsetenv("STRONGROOM_CONF");
	served_start(ck_test_dir);
	library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	ck_assert_msg(library != NULL, "%s", dlerror());
	*(void **)&get_list = dlsym(library, "C_GetFunctionList");
	*(void **)&get_interface = dlsym(library, "C_GetInterface");
	ck_assert(get_list != NULL && get_interface != NULL);
	ck_ok(get_list(&ck));
	ck_ok(get_interface(NULL, &version, &interface, 0));
	ck3 = interface->pFunctionList;
}

void ck_test_unload(void)
{
	dlclose(library);
	served_stop();
	temp_remove(ck_test_dir);
}

void ck_test_init_token(CK_SLOT_ID slot, const char *label)
{
	CK_UTF8CHAR text[32];

	memset(text, ' ', sizeof(text));
	memcpy(text, label, strlen(label));
	ck_ok(ck->C_InitToken(slot, CK_TEXT(CK_TEST_SO_PIN), text));
}

CK_SESSION_HANDLE ck_open(bool rw)
{
	CK_SESSION_HANDLE h = 0;

	ck_ok(ck->C_OpenSession(ck_slot, CKF_SERIAL_SESSION | (rw ? CKF_RW_SESSION : 0), NULL, NULL, &h));
	return h;
}

void ck_test_begin(void)
{
	ck_test_load();
	ck_ok(ck->C_Initialize(NULL));
	ck_slot = 0;
	ck_test_init_token(ck_slot, "test");
	ck_session = ck_open(true);
	ck_login(CKU_SO);
	ck_ok(ck->C_InitPIN(ck_session, CK_TEXT(CK_TEST_USER_PIN)));
	ck_logout();
}

void ck_test_end(void)
{
	ck_ok(ck->C_Finalize(NULL));
	ck_test_unload();
}

void ck_logout(void)
{
	CK_RV rv = ck->C_Logout(ck_session);

	ck_assert(rv == CKR_OK || rv == CKR_USER_NOT_LOGGED_IN);
}

void ck_login(CK_USER_TYPE type)
{
	ck_logout();
	if (type == CKU_SO)
		ck_ok(ck->C_Login(ck_session, CKU_SO, CK_TEXT(CK_TEST_SO_PIN)));
	else
		ck_ok(ck->C_Login(ck_session, CKU_USER, CK_TEXT(CK_TEST_USER_PIN)));
}

void ck_policy(const char *text)
{
	CK_OBJECT_CLASS class = CKO_SR_POLICY;
	CK_ATTRIBUTE t = { CKA_CLASS, &class, sizeof(class) };
	char names[1024];
	CK_ATTRIBUTE all = { CKA_SR_POLICY_NAMES, names, sizeof(names) };
	CK_OBJECT_HANDLE h = 0;

	ck_login(CKU_SO);
	ck_assert_uint_eq(ck_find(&t, 1, &h), 1);
	ck_ok(ck->C_GetAttributeValue(ck_session, h, &all, 1));
	if (text != NULL)
		all = (CK_ATTRIBUTE){ CKA_SR_POLICY, (void *)(uintptr_t)text, strlen(text) };
	all.type = CKA_SR_POLICY;
	ck_ok(ck->C_SetAttributeValue(ck_session, h, &all, 1));
	ck_logout();
}

CK_OBJECT_HANDLE ck_secret_key(CK_KEY_TYPE type, struct view value)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_OBJECT_HANDLE h = 0;
	CK_ATTRIBUTE t[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_KEY_TYPE, &type, sizeof(type) },
		{ CKA_VALUE, (void *)(uintptr_t)value.p, value.n },
		{ CKA_PRIVATE, &no, 1 },
		{ CKA_SENSITIVE, &no, 1 },
		{ CKA_EXTRACTABLE, &yes, 1 },
		{ CKA_ENCRYPT, &yes, 1 },
		{ CKA_DECRYPT, &yes, 1 },
		{ CKA_SIGN, &yes, 1 },
		{ CKA_VERIFY, &yes, 1 },
		{ CKA_WRAP, &yes, 1 },
		{ CKA_UNWRAP, &yes, 1 },
	};

	ck_ok(ck->C_CreateObject(ck_session, t, ARRAY_LEN(t), &h));
	return h;
}

CK_ULONG ck_find(CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	CK_OBJECT_HANDLE some[16];
	CK_ULONG count = 0, total = 0;

	ck_ok(ck->C_FindObjectsInit(ck_session, t, n));
	do {
		ck_ok(ck->C_FindObjects(ck_session, some, ARRAY_LEN(some), &count));
		if (total == 0 && count > 0 && ret != NULL)
			*ret = some[0];
		total += count;
	} while (count > 0);
	ck_ok(ck->C_FindObjectsFinal(ck_session));
	return total;
}

CK_ULONG ck_get_ulong(CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type)
{
	CK_ULONG value = 0;
	CK_ATTRIBUTE a = { type, &value, sizeof(value) };

	ck_ok(ck->C_GetAttributeValue(ck_session, o, &a, 1));
	return value;
}

bool ck_get_bool(CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL value = 2;
	CK_ATTRIBUTE a = { type, &value, sizeof(value) };

	ck_ok(ck->C_GetAttributeValue(ck_session, o, &a, 1));
	ck_assert(value == CK_TRUE || value == CK_FALSE);
	return value == CK_TRUE;
}

int ck_test_run(Suite *s)
{
	SRunner *r = srunner_create(s);
	int failed;

	srunner_set_fork_status(r, CK_NOFORK);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
