/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_TRANSPORT_KIT_H
#define TESTS_TRANSPORT_KIT_H

#include "dual_kit.h"
#include "transport_block.h"

/*
 * Transport of keys in the token of vendor_kit.h, which is source and receiver both: a key goes out, is destroyed, and
 * comes in. What answers no CK_RV fails the test when something goes wrong.
 */
extern CK_OBJECT_HANDLE tk_pub; /* of the receiver's pair (role KTR), a token object */
extern uint8_t tk_block[SR_TRANSPORT_MAX];
extern CK_ULONG tk_len;

/* tk_setup: PK-ACME combined, the receiver's pair made; the default user is logged in. */
void tk_setup(void);
/* tk_priv, tk_key, tk_by_role, tk_generation: by who is logged in. */
CK_OBJECT_HANDLE tk_priv(void);
CK_OBJECT_HANDLE tk_key(const char *label);
CK_OBJECT_HANDLE tk_by_role(CK_OBJECT_CLASS class, CK_ULONG role);
CK_OBJECT_HANDLE tk_ordinary_private(void); /* the one without a role */
void tk_generation(const char *label, CK_ULONG generation, CK_OBJECT_HANDLE *ret);
/* tk_generated: a token key of this role. tk_pair_of: role 0: an ordinary pair; more: NULL, or one attribute of both.
 */
CK_OBJECT_HANDLE tk_generated(CK_ULONG role, const char *label);
void tk_pair_of(CK_ULONG bits, CK_ULONG role, const CK_ATTRIBUTE *more, CK_OBJECT_HANDLE *ret_public,
		CK_OBJECT_HANDLE *ret_private);
void tk_token_pair(CK_ULONG bits, CK_ULONG role, CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private);
/* tk_fresh: a ceremony of alice and bob with components of another seed. */
void tk_fresh(const struct kit_wish *wish, unsigned seed);
void tk_retire(const char *label);
void tk_destroy(const char *label);

/* Fingerprints as text. tk_target: of an RSA key. */
const char *tk_target(CK_OBJECT_HANDLE pub, char ret[65]);
const char *tk_unique(CK_OBJECT_HANDLE h, char ret[33]);
/* tk_approve_out: alice, bob approve; then the default user is logged in. tk_approve_in: the block in tk_block; who was
 * asked last stays logged in. */
void tk_approve_out(const char *label, CK_OBJECT_HANDLE pub, bool alice, bool bob);
void tk_approve_out_ktk(const char *label, const char *ktk);
void tk_approve_in(bool alice, bool bob);
void tk_approve_subject(CK_ULONG action, const char *subject, bool alice, bool bob);

/* tk_out: C_WrapKey into tk_block; refused: nothing was written. tk_again: the same into other room. tk_in. */
CK_RV tk_out(CK_MECHANISM_TYPE m, CK_MECHANISM_TYPE hash, CK_OBJECT_HANDLE wrapping, CK_OBJECT_HANDLE key);
CK_RV tk_again(CK_OBJECT_HANDLE wrapping, CK_OBJECT_HANDLE key);
CK_RV tk_length(CK_OBJECT_HANDLE wrapping, CK_OBJECT_HANDLE key);
CK_RV tk_in(CK_MECHANISM_TYPE m, CK_OBJECT_HANDLE unwrapping, CK_OBJECT_HANDLE *ret);
CK_RV tk_in_from(CK_MECHANISM_TYPE m, CK_OBJECT_HANDLE unwrapping, struct view source, const CK_ATTRIBUTE *t,
		 CK_ULONG n, CK_OBJECT_HANDLE *ret);
/* tk_source: the token's statement key. */
struct view tk_source(void);
struct transport tk_parsed(void);

#endif
