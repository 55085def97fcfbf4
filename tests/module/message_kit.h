/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_MESSAGE_KIT_H
#define TESTS_MESSAGE_KIT_H

#include "mech_kit.h"

/* The message functions, both directions under one name, for messages of mech_kit's vectors. */
extern struct ck_function_list_3_2 *ck32;
#define UNVIEW(v) (uint8_t *)(uintptr_t)(v).p, (v).n

/* message_begin: checked fixture: mk_begin, and the 3.2 list. */
void message_begin(void);

/* struct message_param: the parameter of one message of any mechanism, with room for IV and tag. */
struct message_param {
	union {
		CK_GCM_MESSAGE_PARAMS gcm;
		CK_CCM_MESSAGE_PARAMS ccm;
		CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS chacha;
	} p;
	CK_ULONG len;
	uint8_t iv[32], tag[16];
	size_t tag_len;
};
/* message_param: of a vector; the tag of its end is there when with_tag. */
void message_param(const struct mech_row *row, const struct vector *v, bool with_tag, struct message_param *ret);
/* message_gcm: 12 bytes of IV, a generator, a tag of 16. */
void message_gcm(CK_GENERATOR_FUNCTION generator, CK_ULONG fixed_bits, struct message_param *ret);

/* use: CKF_ENCRYPT or CKF_DECRYPT. */
CK_RV message_init(CK_FLAGS use, CK_MECHANISM *m, CK_OBJECT_HANDLE key);
CK_RV message_one(CK_FLAGS use, struct message_param *p, struct view aad, struct view in, uint8_t *out, CK_ULONG *len);
CK_RV message_first(CK_FLAGS use, struct message_param *p, struct view aad);
CK_RV message_next(CK_FLAGS use, struct message_param *p, struct view in, uint8_t *out, CK_ULONG *len, CK_FLAGS flags);
CK_RV message_final(CK_FLAGS use);

#endif
