/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SOFT_KMS_H
#define TESTS_SOFT_KMS_H

#include "formats.h"
#include "terminal_kit.h"

/*
 * A KMS without an HSM, for tests alone: it opens a TK packet with the RSA private key of the test program and plays
 * docs/formats.md by OpenSSL, independently of the module and of host/ops. So it checks the terminal's bytes against
 * the page, and it can be as dishonest as a test wants. Failures of the machinery abort.
 */
struct soft_kms {
	uint8_t suite;
	uint8_t handshake;
	uint8_t type; /* enum format_key_type */
	size_t length;
	uint8_t tek[FORMAT_KEY_MAX];
	uint8_t auk[FORMAT_KEY_MAX];
	size_t block; /* of AUK's cipher: bytes of a tag, and of a version 1 nonce */
	char serial[FORMAT_POS_SERIAL_MAX + 1];
};
/* soft_kms_open: decrypts TEK and AUK, verifies possession MAC, parity and TEK != AUK by itself. */
void soft_kms_open(struct soft_kms *k, EVP_PKEY *pr, struct view packet);

struct soft_tag {
	uint8_t bytes[16];
	size_t len;
};
/* soft_cmac: whole block under AUK. soft_transcript: CMAC over a transcript. soft_ecb: one block under AUK. */
void soft_cmac(const struct soft_kms *k, struct view data, struct soft_tag *ret);
void soft_transcript(const struct soft_kms *k, const struct transcript *t, struct soft_tag *ret);
void soft_ecb(const struct soft_kms *k, struct view block, struct soft_tag *ret);

/* soft_check: check value of a key (method by its type). */
void soft_check(uint8_t type, const uint8_t *key, size_t length, struct check_value *ret);
/* soft_wrap: key under TEK as the TMK message wants it; iv: 8 bytes under a TDES TEK, else unused. */
void soft_wrap(const struct soft_kms *k, const uint8_t *key, size_t length, const uint8_t *iv, struct buf *ret);

#endif
