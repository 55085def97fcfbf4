/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_VENDOR_KIT_H
#define TESTS_VENDOR_KIT_H

#include <stdio.h>
#include "ck_test.h"

/*
 * A token with two custodians, and what ceremonies and terminals do with it, through the real C_ API. Every function
 * that does not answer a CK_RV fails the test when something goes wrong.
 */
#define KIT_USER CK_TEST_USER_PIN
#define KIT_ALICE "alice:aaaaaaaa"
#define KIT_BOB "bob:bbbbbbbb"
#define KIT_CAROL "carol:cccccccc"

/* kit_begin: ck_test_begin and three custodians with PINs of their own. kit_login: NULL: nobody. */
void kit_begin(void);
void kit_login(const char *pin);

/* kit_component: as pkcs11-tool --write-object --type secrkey sends it. kit_combine: as --keygen. Token objects. */
CK_RV kit_component(const char *label, CK_KEY_TYPE type, struct view value, CK_OBJECT_HANDLE *ret);
CK_RV kit_combine(const char *label, CK_KEY_TYPE type, CK_ULONG length, CK_OBJECT_HANDLE *ret);
/* kit_combined: both components and the combination, values drawn from seed; logs alice and bob in and out. */
struct kit_wish {
	const char *name;
	CK_KEY_TYPE type;
	CK_ULONG length;
};
void kit_combined(const struct kit_wish *wishes, size_t count);
/* kit_wish_value: the bytes of the combined key, which nobody but a test knows. */
void kit_wish_value(const struct kit_wish *w, uint8_t *ret);
/* kit_pattern: bytes without meaning, different for every seed. */
void kit_pattern(uint8_t *p, size_t n, unsigned seed);

/* kit_find: how many objects of this class and label the session sees; ret (NULL allowed) gets one of them. */
CK_ULONG kit_find(CK_OBJECT_CLASS class, const char *label, CK_OBJECT_HANDLE *ret);
CK_ULONG kit_count(void); /* all visible objects */
CK_RV kit_check_value(CK_OBJECT_HANDLE key, uint8_t ret[3]);
CK_RV kit_sign(CK_MECHANISM_TYPE mechanism, CK_OBJECT_HANDLE key, struct view data, uint8_t *ret, CK_ULONG *len);
CK_RV kit_verify(CK_MECHANISM_TYPE mechanism, CK_OBJECT_HANDLE key, struct view data, struct view tag);
/* kit_plain_key: an ordinary session key with all usages, extractable. kit_role_key: CKA_SR_ROLE in the template. */
CK_OBJECT_HANDLE kit_plain_key(CK_KEY_TYPE type, CK_ULONG length);
CK_RV kit_role_key(CK_ULONG role, CK_KEY_TYPE type, CK_ULONG length, CK_OBJECT_HANDLE *ret);
/* kit_pair: an RSA pair, the private key of role Pr (role false: an ordinary one). */
void kit_pair(CK_ULONG bits, bool role, CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private);

/* A TK made in this token: both keys and the packet. */
struct kit_tk {
	CK_OBJECT_HANDLE tek, auk;
	uint8_t packet[SR_TK_PACKET_MAX];
	CK_ULONG packet_len;
};
/* kit_tk_params: everything good; the caller changes what it wants to try. Counters rise by themselves. */
struct sr_tk_generate_params kit_tk_params(struct kit_tk *tk, CK_OBJECT_HANDLE pu, CK_ULONG suite, CK_ULONG handshake,
					   CK_KEY_TYPE type, CK_ULONG length);
CK_RV kit_tk_generate(struct sr_tk_generate_params *p, struct kit_tk *tk);
CK_RV kit_rewrap(CK_OBJECT_HANDLE pk, CK_OBJECT_HANDLE mak, CK_OBJECT_HANDLE pr, struct view packet, uint8_t *ret,
		 CK_ULONG *len);
CK_RV kit_open(CK_OBJECT_HANDLE pk, CK_OBJECT_HANDLE mak, struct view record, CK_OBJECT_HANDLE *ret_tek,
	       CK_OBJECT_HANDLE *ret_auk);
CK_RV kit_export(CK_OBJECT_HANDLE tek, CK_OBJECT_HANDLE auk, CK_OBJECT_HANDLE tmk, bool nonces, uint8_t *ret,
		 CK_ULONG *len);
CK_RV kit_load(CK_OBJECT_HANDLE tek, CK_OBJECT_HANDLE auk, struct view message, bool nonces, CK_OBJECT_HANDLE *ret);
/* kit_vectors: a file of tests/vectors, behind its first line. kit_word: the bytes of ` name=HEX` in a line of it. */
FILE *kit_vectors(const char *name);
bool kit_word(const char *line, const char *name, struct buf *out);
/* kit_check_equals: the key's check value is that of the line. */
void kit_check_equals(CK_OBJECT_HANDLE h, const char *line, const char *name);
extern uint8_t kit_terminal_random[16], kit_host_random[16];

#endif
