/* SPDX-License-Identifier: BSD-2-Clause */
#include "object_built_in.h"

#include <string.h>

#include "mech.h"
#include "object_attr.h"

/*
 * The profiles whose conditions every token meets (PKCS#11 Profiles 3.2, sections 5.1, 5.3 and 5.4). Not among them:
 * Complete Provider (not all mechanisms), Public Certificates Token (a certificate may be made private), HKDF TLS Token
 * (the policy may refuse the derivation).
 */
static const CK_ULONG profiles[] = { CKP_BASELINE_PROVIDER, CKP_EXTENDED_PROVIDER, CKP_AUTHENTICATION_TOKEN };

bool built_in_asked(CK_OBJECT_CLASS class, const CK_ATTRIBUTE *t, CK_ULONG n)
{
	CK_OBJECT_CLASS asked;

	if (template_ulong(t, n, CKA_CLASS, &asked))
		return asked == class;
	return class == CKO_PROFILE && template_find(t, n, CKA_PROFILE_ID) != NULL;
}

/* make: class and number make the id, so that CKA_UNIQUE_ID is the same in every process. */
static CK_RV make(struct token *token, CK_OBJECT_CLASS class, CK_ATTRIBUTE_TYPE which, CK_ULONG number)
{
	char hex[2 * STORE_ID_LEN + 1];
	struct object *o = object_alloc();
	struct entry *entry = NULL;
	CK_RV rv = o != NULL ? object_set_ulong(o, CKA_CLASS, class) : CKR_HOST_MEMORY;

	if (rv == CKR_OK)
		rv = object_set_ulong(o, which, number);
	if (rv == CKR_OK)
		rv = object_fill(o);
	if (rv == CKR_OK) {
		be_put64(o->id, class);
		be_put64(o->id + 8, number);
		hex_encode(object_id(o), hex);
		rv = object_set_bytes(o, CKA_UNIQUE_ID, VIEW(hex, 2 * STORE_ID_LEN));
	}
	if (rv == CKR_OK)
		entry = entry_add(&token->entries, o->id, false);
	if (rv == CKR_OK && entry == NULL)
		rv = CKR_HOST_MEMORY;
	if (entry != NULL)
		entry_cache(&token->entries, entry, o, 0);
	object_unref(o);
	return rv;
}

CK_RV built_in_make(struct token *token, const CK_ATTRIBUTE *t, CK_ULONG n)
{
	struct entries *e = &token->entries;
	CK_RV rv = CKR_OK;

	if (built_in_asked(CKO_PROFILE, t, n))
		for (; rv == CKR_OK && e->profiles < ARRAY_LEN(profiles); e->profiles += rv == CKR_OK)
			rv = make(token, CKO_PROFILE, CKA_PROFILE_ID, profiles[e->profiles]);
	if (built_in_asked(CKO_MECHANISM, t, n))
		for (; rv == CKR_OK && e->mechanisms < mech_count(); e->mechanisms += rv == CKR_OK)
			rv = make(token, CKO_MECHANISM, CKA_MECHANISM_TYPE, mech_at(e->mechanisms)->type);
	return rv;
}
