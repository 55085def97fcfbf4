/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_TK_KIT_H
#define TESTS_TK_KIT_H

#include "formats.h"
#include "vendor_kit.h"

/* One token that is HSM 1, HSM 2 and terminal at once: PK, MAK and Pr, and TKs on their whole way. */
extern CK_OBJECT_HANDLE tk_pu, tk_pr, tk_pk[3], tk_mak[3]; /* PK, MAK: TDES 16, TDES 24, AES 32 */

/* Everything a TK can be. */
struct tk_shape {
	CK_ULONG suite, handshake;
	CK_KEY_TYPE type;
	CK_ULONG length;
	size_t keys; /* index of PK and MAK */
	CK_MECHANISM_TYPE hash;
};
extern const struct kit_wish tk_wishes[6]; /* the three PK, then the three MAK */
#define TK_SHAPES 14
#define TK_SHAPES_WRAPPED 10 /* the first: suites 1 and 2; then suite 3 */
extern const struct tk_shape tk_shapes[TK_SHAPES];

/* A TK and what became of it: both ends' keys. */
struct tk_way {
	struct kit_tk tk;
	uint8_t record[SR_RECORD_MAX];
	CK_ULONG record_len;
	CK_OBJECT_HANDLE tek, auk; /* host side */
};

void tk_begin(void);
/* tk_make: in the terminal. tk_rewrap: into a record. tk_whole_way: up to the host's keys. tk_drop: destroys them all.
 */
void tk_make(const struct tk_shape *s, struct tk_way *w);
CK_RV tk_rewrap(const struct tk_shape *s, struct tk_way *w);
void tk_whole_way(const struct tk_shape *s, struct tk_way *w);
void tk_drop(struct tk_way *w);
/* tk_same_key: equal check values. */
void tk_same_key(CK_OBJECT_HANDLE a, CK_OBJECT_HANDLE b);

#endif
