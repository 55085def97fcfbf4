/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_CK_TEST_H
#define TESTS_CK_TEST_H

#include <check.h>
#include "bytes.h"
#include "ck.h"

/*
 * The real module (environment STRONGROOM_MODULE, set by Meson), loaded with dlopen, and a fresh token in a private
 * directory. Tests run in one process (ck_test_run sets CK_NOFORK): a forked child would find the module not
 * initialised. Functions that answer no CK_RV fail the test when something goes wrong.
 */
#define CK_TEST_SO_PIN "12345678"
#define CK_TEST_USER_PIN "user1234"

extern CK_FUNCTION_LIST *ck;
extern struct ck_function_list_3_0 *ck3;
extern CK_SLOT_ID ck_slot;           /* of the token that ck_test_begin made */
extern CK_SESSION_HANDLE ck_session; /* R/W, nobody logged in */
extern char ck_test_dir[128];        /* private; the tokens are below it */

#define ck_ok(call) ck_assert_uint_eq((call), CKR_OK)
#define ck_rv(call, expected) ck_assert_uint_eq((call), (expected))
/* CK_TEXT: pointer and length of a string, as two arguments. */
#define CK_TEXT(s) (CK_UTF8CHAR_PTR)(uintptr_t)(s), (CK_ULONG)strlen(s)

/* ck_test_load: the library and the private directory, nothing initialised. ck_test_unload removes the directory. */
void ck_test_load(void);
void ck_test_unload(void);
/* ck_test_begin: load, C_Initialize, a token with SO and user PIN, ck_session. ck_test_end: C_Finalize, unload. */
void ck_test_begin(void);
void ck_test_end(void);
/* ck_test_init_token: C_InitToken on the slot with this label. */
void ck_test_init_token(CK_SLOT_ID slot, const char *label);

/* ck_login: CKU_USER or CKU_SO with the standard PINs; somebody logged in is logged out first. ck_logout: if need be.
 */
void ck_login(CK_USER_TYPE type);
void ck_logout(void);
CK_SESSION_HANDLE ck_open(bool rw);
/* ck_policy: the SO gives the token this policy (CKA_SR_POLICY of vendor.h; NULL: all relaxations), logs out. */
void ck_policy(const char *text);

/* ck_secret_key: C_CreateObject of a session key, extractable, not sensitive, all usages. */
CK_OBJECT_HANDLE ck_secret_key(CK_KEY_TYPE type, struct view value);
/* ck_find: number of objects that match; ret (NULL allowed) gets the first. */
CK_ULONG ck_find(CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret);
CK_ULONG ck_get_ulong(CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type);
bool ck_get_bool(CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type);

/* ck_test_run: runs the suite in this process, prints Check's summary, answers main's exit status. */
int ck_test_run(Suite *s);

#endif
