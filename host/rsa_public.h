/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_RSA_PUBLIC_H
#define HOST_RSA_PUBLIC_H

#include "err.h"

/*
 * Public RSA keys of other tokens, as files and as numbers.
 *
 * rsa_public_read   a file: certificate or public key, PEM or DER. Filled (all buffers empty before): info
 *                   (SubjectPublicKeyInfo, DER), modulus, exponent. ERR_CONFIG: no such file, or no RSA key of 2048 to
 *                   4096 bits in it
 * rsa_public_of     from the numbers of a token's object; the same
 * rsa_public_pem    as a PEM file, appended. ERR_NO_MEMORY
 * fingerprint_hex   SHA-256, 64 letters and a zero byte: of a SubjectPublicKeyInfo it is the key's fingerprint
 */
struct rsa_public {
	struct buf info, modulus, exponent;
	unsigned bits;
};
#define RSA_PUBLIC_AUTO __attribute__((cleanup(rsa_public_done))) struct rsa_public
void rsa_public_done(struct rsa_public *k);
enum err rsa_public_read(const char *path, struct rsa_public *ret, struct fail *f) MUST_CHECK;
enum err rsa_public_of(struct view modulus, struct view exponent, struct rsa_public *ret, struct fail *f) MUST_CHECK;
enum err rsa_public_pem(const struct rsa_public *k, struct buf *ret, struct fail *f) MUST_CHECK;
enum err fingerprint_hex(struct view v, char ret[65], struct fail *f) MUST_CHECK;

#endif
