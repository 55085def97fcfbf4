/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_family.h"
#include "key.h"

/* What the generation of any pair begins and ends with. */

CK_RV mech_pair_begin(struct session *s, const struct mech_row *row, CK_KEY_TYPE type, const CK_ATTRIBUTE *public_t,
		      CK_ULONG public_n, const CK_ATTRIBUTE *private_t, CK_ULONG private_n, struct object *ret[2])
{
	struct object_make make = {
		.origin = OBJECT_GENERATED, .class = CKO_PUBLIC_KEY, .key_type = type, .mechanism = row->type
	};
	CK_RV rv = object_new_from(s, &make, public_t, public_n, &ret[0]);

	if (rv != CKR_OK)
		return rv;
	make.class = CKO_PRIVATE_KEY;
	return object_new_from(s, &make, private_t, private_n, &ret[1]);
}

CK_RV mech_pair_end(struct session *s, struct object *pair[2], const EVP_PKEY *pkey, CK_OBJECT_HANDLE *ret_public,
		    CK_OBJECT_HANDLE *ret_private)
{
	struct object_change change = { .create = pair, .creates = 2 };
	CK_OBJECT_HANDLE handles[2];
	CK_RV rv = key_set_public(pair[0], pkey);

	if (rv == CKR_OK)
		rv = key_set_private(pair[1], pkey);
	if (rv == CKR_OK)
		rv = object_commit_change(s, &change, handles);
	if (rv == CKR_OK) {
		*ret_public = handles[0];
		*ret_private = handles[1];
	}
	return rv;
}

void mech_pair_done(struct object *pair[2])
{
	object_unref(pair[0]);
	object_unref(pair[1]);
}
