/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TERMINAL_WORKING_CERT_H
#define TERMINAL_WORKING_CERT_H

#include "bytes.h"
#include "err.h"
#include "formats.h"

struct working_cert {
	uint8_t serial[FORMAT_CERT_SERIAL_MAX]; /* the INTEGER's content */
	size_t serial_len;
	unsigned key_bits;
};

/*
 * working_cert_verify: is this HsmWCRT, signed under the burned-in HsmRCRT, valid today?
 *
 * crl_file    revocation list of the root, or NULL: none is asked
 * root, cert  DER; cert: an end-entity certificate over an RSA key of 2048 to 4096 bits, directly under root or
 *             not at all, whose extended key usage is the role of HSM 1's working key and no other role
 * Errors:     ERR_MALFORMED (not one certificate), ERR_REFUSED with the reason. *ret untouched.
 * Source:     R1.2
 */
enum err working_cert_verify(struct view root, struct view cert, const char *crl_file, struct working_cert *ret,
			     struct fail *f) MUST_CHECK;

#endif
