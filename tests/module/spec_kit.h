/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SPEC_KIT_H
#define TESTS_SPEC_KIT_H

#include <check.h>
#include <string.h>
#include "bytes.h"
#include "ck.h"
#include "spec_table.h"

/*
 * SPEC(code, C_Function, arguments): calls it and remembers that this function answered this code (without CKR_). When
 * another one comes, that is printed, and spec_complete fails. DONE: the same for CKR_OK, which is not looked for.
 */
#define SPEC(code, function, ...) spec_check(#function, __LINE__, spec->function(__VA_ARGS__), #code)
#define DONE(call) ck_assert_uint_eq((call), CKR_OK)

void spec_check(const char *function, int line, CK_RV rv, const char *code);
/* spec_complete: fails when a listed code was neither provoked nor excused, or was both, or one came that is not said.
 */
void spec_complete(void);

extern struct ck_function_list_3_2 *spec;
extern CK_SLOT_ID spec_slot;           /* an initialised token with SO and user */
extern CK_SESSION_HANDLE spec_session; /* R/W; the user is logged in at the beginning and the end of every test */
extern uint8_t spec_bytes[256];
extern uint8_t spec_out[1024];
extern CK_ULONG spec_len; /* set by ROOM */
extern CK_BBOOL spec_yes, spec_no;

/* ROOM: the output and its length, as two arguments; NOROOM: one byte of it. */
#define ROOM spec_out, spec_room(sizeof(spec_out))
#define ROOM_OF(n) spec_out, spec_room(n)
CK_ULONG *spec_room(CK_ULONG n);
#define PIN(s) (CK_UTF8CHAR_PTR)(uintptr_t)(s), (CK_ULONG)strlen(s)
#define SO_PIN "12345678"
#define USER_PIN "user1234"

void spec_begin(void);
void spec_end(void);
void spec_login(CK_USER_TYPE type);
void spec_logout(void);
CK_SESSION_HANDLE spec_open(CK_FLAGS flags);
/* spec_every: calls each function that takes a session with otherwise good arguments. expired: not those that a user
 * may call whose PIN must be changed. */
void spec_every(CK_SESSION_HANDLE h, const char *code, bool expired);

/*
 * Keys: session keys of the logged-in user unless said otherwise; CKF_* of what they may do.
 * spec_aes            generated, 16 bytes, extractable
 * spec_public_secret  a token key that everybody sees, whose value only the user may use
 * spec_rsa            512 bits: too short for every mechanism; 2048 bits otherwise, one pair per program
 */
#define SPEC_NO_USE 0
CK_OBJECT_HANDLE spec_aes(CK_FLAGS uses);
CK_OBJECT_HANDLE spec_generic(CK_ULONG len, CK_FLAGS uses);
CK_OBJECT_HANDLE spec_public_secret(CK_KEY_TYPE type, CK_FLAGS uses);
void spec_rsa(unsigned bits, CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private);
CK_OBJECT_HANDLE spec_data(bool token, bool private);

extern CK_MECHANISM spec_sha256, spec_hmac, spec_ecb, spec_cbc_pad, spec_rsa_pkcs, spec_rsa_sha256, spec_unknown,
    spec_bad_param;

/* The chapters. */
void spec_general(TCase *c);
void spec_sessions(TCase *c);
void spec_objects(TCase *c);
void spec_crypt(TCase *c);
void spec_sign(TCase *c);
void spec_keys(TCase *c);
void spec_messages(TCase *c);

#endif
