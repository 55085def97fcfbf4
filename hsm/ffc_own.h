/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_FFC_OWN_H
#define HSM_FFC_OWN_H

#include "ffc.h"
#include <openssl/bn.h>

/* Between ffc.c and ffc_check.c. */
struct ffc_domain {
	BIGNUM *p, *q, *g; /* q NULL: not given */
	BN_CTX *ctx;
};
/* ffc_domain_of: false: a number is missing, zero or too long; done also then. */
bool ffc_domain_of(struct view p, struct view q, struct view g, struct ffc_domain *ret) MUST_CHECK;
void ffc_domain_done(struct ffc_domain *d);
/* ffc_number: NULL: zero, or too long. */
BIGNUM *ffc_number(struct view v, bool secret);
/* ffc_peer_pkey: OpenSSL's public key of a value over the domain of key. */
EVP_PKEY *ffc_peer_pkey(const struct object *key, struct view value);

#endif
