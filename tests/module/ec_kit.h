/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_EC_KIT_H
#define TESTS_EC_KIT_H

#include "ec_curve.h"
#include "mech_kit.h"
#include <openssl/evp.h>

/*
 * Keys on elliptic curves and their vector files: lines of mech= curve= (ec_curve.h) key= (private) pub= data= out=
 * aad= (context, identifier or shared data) kdf= (CKD_*) len= (bits of an AES key) ph= (EdDSA). Absent fields are
 * empty; ph is then -1.
 */
#define EC_VECTOR_MAX 1200
struct ec_vector {
	const struct mech_row *row;
	const struct ec_curve *curve;
	struct {
		uint8_t p[EC_VECTOR_MAX];
		size_t n;
	} key, pub, aad, data, out;
	CK_ULONG kdf;
	CK_ULONG len;
	int ph;
	unsigned line;
};
/* ek_vectors: calls each for every line of a file in tests/vectors; answers their number. */
unsigned ek_vectors(const char *file, void (*each)(const struct ec_vector *v));

/*
 * ek_public, ek_private  session keys with these bytes and usages (CKF_*), named by their object identifier; private
 *                        ones are not sensitive and may leave
 * ek_pair                generates one; private keys may leave
 */
CK_OBJECT_HANDLE ek_public(const struct ec_curve *c, struct view point, CK_FLAGS uses);
CK_OBJECT_HANDLE ek_private(const struct ec_curve *c, struct view number, CK_FLAGS uses);
void ek_pair(const struct ec_curve *c, CK_FLAGS uses, CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private);
/* ek_bytes: an attribute. */
struct view ek_bytes(CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type, uint8_t *room, size_t n);
/* ek_outside: OpenSSL's key of a public one, by the default library context. */
EVP_PKEY *ek_outside(CK_OBJECT_HANDLE public);

#endif
