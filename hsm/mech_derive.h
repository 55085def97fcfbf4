/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_MECH_DERIVE_H
#define HSM_MECH_DERIVE_H

#include "bytes.h"
#include "ck.h"
#include "mech.h"
#include "object.h"

/*
 * The shared end of all derivations (C_DeriveKey), in two steps, so that faults of the template are found before any
 * secret is computed.
 *
 * struct derive: o is the new key, uncommitted; len the bytes that CKA_VALUE gets, 0: the template leaves it to the
 * mechanism (neither CKA_VALUE_LEN nor a key type of one length).
 */
struct derive {
	struct session *s;
	struct object *o;
	size_t len;
	size_t least; /* policy_derived_least */
};
#define DERIVE_AUTO __attribute__((cleanup(mech_derive_done))) struct derive

/* Which bytes a key takes that is shorter than what was derived; exact: none may be left. */
enum derive_cut { DERIVE_EXACT, DERIVE_LEADING, DERIVE_TRAILING };

/*
 * mech_derive_begin  makes the secret key that the template asks for (CKA_KEY_TYPE absent: CKK_GENERIC_SECRET),
 *                    protected like its bases (object_make.bases); other: a second key that takes part, or NULL.
 *                    CKR_TEMPLATE_INCONSISTENT: another class, less protection than the bases have, or a CKA_VALUE_LEN
 *                    that the type does not have; CKR_KEY_SIZE_RANGE, also for less than 112 bits out of a
 *                    sensitive key, unless the policy relaxes that (weak-derive).
 * mech_derive_fill   CKA_VALUE from the derived bytes; DES keys get their parity. CKR_KEY_SIZE_RANGE: too few bytes;
 *                    CKR_TEMPLATE_INCOMPLETE: CKA_VALUE_LEN is needed, as the bytes are no key of that type.
 * mech_derive_end    fill, and commit.
 */
CK_RV mech_derive_begin(struct session *s, const struct mech_row *row, const struct object *base,
			const struct object *other, const CK_ATTRIBUTE *t, CK_ULONG n, struct derive *ret) MUST_CHECK;
CK_RV mech_derive_fill(struct derive *d, struct view bytes, enum derive_cut cut) MUST_CHECK;
CK_RV mech_derive_end(struct derive *d, struct view bytes, enum derive_cut cut, CK_OBJECT_HANDLE *ret) MUST_CHECK;
void mech_derive_done(struct derive *d);

#endif
