/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_SHAMIR_H
#define HSM_SHAMIR_H

#include "bytes.h"
#include "ck.h"
#include "secret.h"

/*
 * Secret sharing of Shamir over GF(2^8) with the polynomial of AES, byte by byte: any `needed` of `count` shares give
 * the secret, fewer tell nothing but its length. Arithmetic in constant time; the numbers of shares are public.
 */
struct crypto;

#define SHAMIR_SHARES_MAX 16

struct shamir_point {
	uint8_t x;
	struct view y;
};

/*
 * shamir_split: ret[i], made here, is the value at x = i + 1; the secret itself stands at 0.
 * needed: 2 to count; count: at most SHAMIR_SHARES_MAX. CKR_ARGUMENTS_BAD, CKR_HOST_MEMORY; nothing is made then.
 */
CK_RV shamir_split(const struct crypto *c, const struct secret *secret, unsigned needed, unsigned count,
		   struct secret *ret) MUST_CHECK;
/*
 * shamir_at: the value at x of the polynomial of least degree through n points of one length and different x.
 * CKR_ARGUMENTS_BAD: no point, two of one x, different lengths. *ret is made here.
 */
CK_RV shamir_at(uint8_t x, const struct shamir_point *points, size_t n, struct secret *ret) MUST_CHECK;

#endif
