/* SPDX-License-Identifier: BSD-2-Clause */
#include <openssl/evp.h>

#include "sha256.h"

bool sha256_hex(struct view v, char ret_hex[65])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (EVP_Digest(v.p, v.n, digest, &n, EVP_sha256(), NULL) != 1 || n != 32)
		return false;
	hex_encode(VIEW(digest, n), ret_hex);
	return true;
}
