/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_DSA_SIG_H
#define HSM_DSA_SIG_H

#include "bytes.h"

/*
 * Signatures of two numbers (DSA, ECDSA, SM2): PKCS#11 has r || s, half bytes each; OpenSSL has a DER SEQUENCE.
 *
 * dsa_sig_raw  false: no such DER, or a number longer than half
 * dsa_sig_der  raw.n is even; appends to out
 */
bool dsa_sig_raw(struct view der, size_t half, uint8_t *ret_raw) MUST_CHECK;
bool dsa_sig_der(struct view raw, struct buf *out) MUST_CHECK;

#endif
