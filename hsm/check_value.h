/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_CHECK_VALUE_H
#define HSM_CHECK_VALUE_H

#include "bytes.h"
#include "ck.h"

struct crypto;

#define CHECK_VALUE_LEN 3

/*
 * check_value_pkcs11: CKA_CHECK_VALUE of a secret key (PKCS#11 2.40, 4.10.2): AES, DES*, SM4: ECB of a zero block;
 * AES_XTS: XTS of a zero block under a zero tweak; GENERIC_SECRET and others: SHA-1 of the value. The 3 leftmost bytes.
 */
CK_RV check_value_pkcs11(const struct crypto *c, CK_KEY_TYPE type, struct view key,
			 uint8_t ret[CHECK_VALUE_LEN]) MUST_CHECK;
/*
 * check_value_payment: ANSI X9.24-1:2017 annex A, CKM_SR_CHECK_VALUE: DES*: ECB of a zero block; AES: CMAC of a zero
 * block. The 3 leftmost bytes. ret_method: 1 or 2, the byte of docs/formats.md (Check value).
 * CKR_KEY_TYPE_INCONSISTENT: others.
 */
CK_RV check_value_payment(const struct crypto *c, CK_KEY_TYPE type, struct view key, uint8_t *ret_method,
			  uint8_t ret[CHECK_VALUE_LEN]) MUST_CHECK;
/* check_value_certificate: the first 3 bytes of SHA-1 over the certificate. */
CK_RV check_value_certificate(const struct crypto *c, struct view der, uint8_t ret[CHECK_VALUE_LEN]) MUST_CHECK;

#endif
