/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SEAL_H
#define TESTS_SEAL_H

#include "store.h"

/* Real seals for tests of the store: AES-256-GCM and HMAC-SHA-256 (16 bytes of it), one key per domain. */
struct test_seal {
	uint8_t key[3][32];
	uint16_t generations[STORE_GENERATIONS]; /* of the private and the secret domain; at first: 1 alone */
	unsigned generation_count;
	bool locked; /* answers STORE_ESEALED for the private and the secret domain */
};

/* test_seal_init: keys made from seed, so that two processes of a test can have the same. */
void test_seal_init(struct test_seal *s, uint8_t seed);
struct store_crypto test_seal_crypto(struct test_seal *s);

#endif
