/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_ROLE_KIT_H
#define TESTS_ROLE_KIT_H

#include "vendor_kit.h"

/* One key of every role and side, in one token. */
enum {
	PK,
	MAK,
	PR,
	TEK_HOST,
	TEK_TERMINAL,
	AUK_HOST,
	AUK_TERMINAL,
	AUK_V1,
	TMK,
	TMK_LOADED,
	SRK,
	PINKEY,
	MACKEY,
	DMK,
	DWK,
	ROOT,
	KBPK,
	FPK,
	KTK,
	KTR,
	KEYS
};
struct role_name {
	const char *name;
	CK_ULONG role;
};
extern const struct role_name names[KEYS];
extern CK_OBJECT_HANDLE key[KEYS];
/* Ordinary ones: public keys of the three pairs, the second private key, AES 32, DES2, DES3. */
extern CK_OBJECT_HANDLE pu, plain_pr, plain_pu, ktr_pu, plain[3];
/* A record that carries a TK. */
extern uint8_t record[SR_RECORD_MAX];
extern CK_ULONG record_len;

/* role_begin: the fixture; ck_test_end ends it. */
void role_begin(void);

#endif
