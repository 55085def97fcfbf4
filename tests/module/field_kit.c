/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_kit.h"

/* Pairs over prime fields. */
static struct field_pair {
	CK_KEY_TYPE type;
	CK_MECHANISM_TYPE domain, pair;
	CK_ULONG bits;
	CK_OBJECT_HANDLE public, private;
} field_pairs[] = {
	{ CKK_DH, CKM_DH_PKCS_PARAMETER_GEN, CKM_DH_PKCS_KEY_PAIR_GEN, 2048, 0, 0 },
	{ CKK_X9_42_DH, CKM_X9_42_DH_PARAMETER_GEN, CKM_X9_42_DH_KEY_PAIR_GEN, 1024, 0, 0 },
	{ CKK_DSA, CKM_DSA_PARAMETER_GEN, CKM_DSA_KEY_PAIR_GEN, 1024, 0, 0 },
};

/* field_domain: domain parameters of a pair over a prime field, made by the token, as a template. */
static CK_ULONG field_domain(const struct field_pair *f, CK_ATTRIBUTE *t)
{
	static uint8_t p[256], q[32], g[256];
	CK_MECHANISM m = { f->domain, NULL, 0 };
	CK_ULONG bits = f->bits;
	CK_ATTRIBUTE size = { CKA_PRIME_BITS, &bits, sizeof(bits) };
	CK_OBJECT_HANDLE o = 0;

	t[0] = (CK_ATTRIBUTE){ CKA_PRIME, p, sizeof(p) };
	t[1] = (CK_ATTRIBUTE){ CKA_BASE, g, sizeof(g) };
	t[2] = (CK_ATTRIBUTE){ CKA_SUBPRIME, q, sizeof(q) };
	OK(ck->C_GenerateKey(mk_session, &m, &size, 1, &o));
	OK(ck->C_GetAttributeValue(mk_session, o, t, f->type == CKK_DH ? 2 : 3));
	OK(ck->C_DestroyObject(mk_session, o));
	return f->type == CKK_DH ? 2 : 3;
}

bool mk_field_pair(CK_KEY_TYPE type, CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private)
{
	for (size_t i = 0; i < ARRAY_LEN(field_pairs); i++) {
		struct field_pair *f = &field_pairs[i];
		CK_BBOOL yes = CK_TRUE;
		CK_MECHANISM m = { f->pair, NULL, 0 };
		CK_ATTRIBUTE public_t[4],
		    private_t[] = { { CKA_SIGN, &yes, 1 }, { CKA_DERIVE, &yes, 1 }, { CKA_EXTRACTABLE, &yes, 1 } };
		CK_ULONG n;

		if (f->type != type)
			continue;
		if (f->public == 0) {
			n = field_domain(f, public_t);
			public_t[n++] = (CK_ATTRIBUTE){ CKA_VERIFY, &yes, 1 };
			OK(ck->C_GenerateKeyPair(mk_session, &m, public_t, n, private_t, ARRAY_LEN(private_t),
						 &f->public, &f->private));
		}
		*ret_public = f->public;
		*ret_private = f->private;
		return true;
	}
	return false;
}

bool mk_field_kept(CK_OBJECT_HANDLE key)
{
	for (size_t i = 0; i < ARRAY_LEN(field_pairs); i++) {
		if (key == field_pairs[i].public || key == field_pairs[i].private)
			return true;
	}
	return false;
}

void mk_field_forget(void)
{
	for (size_t i = 0; i < ARRAY_LEN(field_pairs); i++)
		field_pairs[i].public = field_pairs[i].private = 0;
}
