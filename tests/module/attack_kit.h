/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_ATTACK_KIT_H
#define TESTS_ATTACK_KIT_H

#include "mech_kit.h"

/*
 * Published attacks on PKCS#11 key management as call sequences. A sequence answers CKR_OK when it reached its goal,
 * else what the first call that refused answered; whatever it takes for the stolen value it proves (ak_stolen).
 *
 * ak_holds: under strict the sequence ends with refusal; under the one relaxation (and what strict has) it succeeds, so
 * that the test is known to be able to fail. relaxation NULL: none opens it; the test brings its own control.
 */
typedef CK_RV (*ak_sequence)(void);
void ak_holds(ak_sequence attack, const char *relaxation, CK_RV refusal);

/* TRY: the next call of a sequence. */
#define TRY(call)                                                                                                      \
	do {                                                                                                           \
		CK_RV try_rv = (call);                                                                                 \
		if (try_rv != CKR_OK)                                                                                  \
			return try_rv;                                                                                 \
	} while (0)

/* ak_key: generated here, sensitive, extractable; uses: CKF_*. type: CKK_AES (with length), CKK_DES, CKK_DES3. */
CK_OBJECT_HANDLE ak_key(CK_KEY_TYPE type, CK_ULONG length, CK_FLAGS uses);
/* ak_readable: the same, not sensitive. ak_known: C_CreateObject with this value. */
CK_OBJECT_HANDLE ak_readable(CK_KEY_TYPE type, CK_ULONG length, CK_FLAGS uses);
CK_OBJECT_HANDLE ak_known(CK_KEY_TYPE type, struct view value, CK_FLAGS uses);
/* ak_target: what the attacker wants: an AES-128 key, sensitive, extractable, that signs (CMAC). */
CK_OBJECT_HANDLE ak_target(void);
/* ak_stolen: is this the value of the target? It must be. */
void ak_stolen(CK_OBJECT_HANDLE target, struct view value);
/* ak_pair: RSA-2048. uses: CKF_WRAP, CKF_ENCRYPT of the public half, CKF_DECRYPT, CKF_UNWRAP, CKF_SIGN of the private.
 */
void ak_pair(CK_FLAGS uses, bool readable, CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private);

/* The calls, with room of 512 bytes. Mechanism parameters: IVs of zeroes; OAEP with SHA-256. */
#define AK_ROOM 512
CK_RV ak_wrap(CK_MECHANISM_TYPE m, CK_OBJECT_HANDLE wrapping, CK_OBJECT_HANDLE key, uint8_t *out, CK_ULONG *len);
CK_RV ak_decrypt(CK_MECHANISM_TYPE m, CK_OBJECT_HANDLE key, struct view in, uint8_t *out, CK_ULONG *len);
CK_RV ak_encrypt(CK_MECHANISM_TYPE m, CK_OBJECT_HANDLE key, struct view in, uint8_t *out, CK_ULONG *len);
CK_RV ak_sign(CK_MECHANISM_TYPE m, CK_OBJECT_HANDLE key, struct view in, uint8_t *out, CK_ULONG *len);
/* ak_unwrap: a secret key of this type, with uses; sensitive or not. */
CK_RV ak_unwrap(CK_MECHANISM_TYPE m, CK_OBJECT_HANDLE unwrapping, struct view wrapped, CK_KEY_TYPE type, CK_FLAGS uses,
		bool sensitive, CK_OBJECT_HANDLE *ret);
/* ak_set: one boolean attribute. ak_copy: the same in a copy. */
CK_RV ak_set(CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type, bool value);
CK_RV ak_copy(CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type, bool value, CK_OBJECT_HANDLE *ret);
bool ak_has(CK_MECHANISM_TYPE m, CK_FLAGS use); /* is there such a row? */

/* Outside of the token: AES key unwrap (RFC 3394). */
void ak_outside_unwrap(struct view kek, struct view wrapped, uint8_t *out);

/* ak_policy_object: the object of the token's policy; its attribute as a text, until the next one; CKA_SR_POLICY set.
 */
CK_OBJECT_HANDLE ak_policy_object(CK_SESSION_HANDLE s);
const char *ak_policy_text(CK_ATTRIBUTE_TYPE type);
CK_RV ak_policy_set(const char *value);

#endif
