/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_OLD_KIT_H
#define TESTS_OLD_KIT_H

#include "vendor_kit.h"
#include "vendor_functions.h"

/*
 * The token of schema 1 in tests/vectors/store-1 (README.md there): its PINs, a fresh copy of it in the private
 * directory of ck_test.h, and what must be true of it for ever.
 */
#define OLD_SERIAL "f9a107483db3186a"
#define OLD_SO "12345678"
#define OLD_USER "123456"
#define OLD_ALICE "alice:aaaaaa"
#define OLD_BOB "bob:bbbbbb"
#define OLD_CAROL "carol:333333"

extern const struct sr_function_list *old_sr;

/* old_copy: puts the token in its place, in the state of the vector. old_open: C_Initialize, ck_slot, ck_session. */
void old_copy(void);
void old_open(void);
/* old_close: C_Finalize. */
void old_close(void);
/* old_vector: a file of the vector. */
size_t old_vector(const char *name, uint8_t *ret, size_t room);
/* old_schema: of the store on disk, with no module open. */
unsigned old_schema(void);

/* old_check: every object, user, the policy and the key usages; logs users in and out. bob_tries: left to bob. */
void old_check(CK_ULONG bob_tries);
/* old_look: the objects alone, as the default user, who stays logged in. */
void old_look(void);
/* old_combines: bob enters the other half of alice's waiting component and combines MAK: the component is still his. */
void old_combines(void);

#endif
