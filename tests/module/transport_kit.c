/* SPDX-License-Identifier: BSD-2-Clause */
#include "transport_kit.h"

#include <stdio.h>
#include <string.h>
#include <openssl/evp.h>

CK_OBJECT_HANDLE tk_pub;
uint8_t tk_block[SR_TRANSPORT_MAX];
CK_ULONG tk_len;
static CK_BBOOL yes = CK_TRUE;

void tk_pair_of(CK_ULONG bits, CK_ULONG role, const CK_ATTRIBUTE *more, CK_OBJECT_HANDLE *ret_public,
		CK_OBJECT_HANDLE *ret_private)
{
	CK_MECHANISM m = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_ATTRIBUTE public[3] = { { CKA_MODULUS_BITS, &bits, sizeof(bits) }, { CKA_WRAP, &yes, 1 } };
	CK_ATTRIBUTE private[3] = { { CKA_UNWRAP, &yes, 1 } };
	CK_ULONG n = 1;

	if (more != NULL)
	public[2] = private[n++] = *more;
	if (role != 0)
	private[n++] = (CK_ATTRIBUTE){ CKA_SR_ROLE, &role, sizeof(role) };
	ck_ok(ck->C_GenerateKeyPair(ck_session, &m, public, more != NULL ? 3 : 2, private, n, ret_public, ret_private));
}

void tk_token_pair(CK_ULONG bits, CK_ULONG role, CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private)
{
	const CK_ATTRIBUTE stored = { CKA_TOKEN, &yes, 1 };

	tk_pair_of(bits, role, &stored, ret_public, ret_private);
}

void tk_setup(void)
{
	static const struct kit_wish wishes[] = { { "PK-ACME", CKK_AES, 32 } };
	CK_OBJECT_HANDLE private = 0;

	kit_combined(wishes, ARRAY_LEN(wishes));
	kit_login(KIT_USER);
	tk_token_pair(2048, SR_ROLE_KTR, &tk_pub, &private);
}

CK_OBJECT_HANDLE tk_by_role(CK_OBJECT_CLASS class, CK_ULONG role)
{
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_SR_ROLE, &role, sizeof(role) } };
	CK_OBJECT_HANDLE h = 0;

	ck_assert_uint_ge(ck_find(t, ARRAY_LEN(t), &h), 1);
	return h;
}

CK_OBJECT_HANDLE tk_priv(void)
{
	return tk_by_role(CKO_PRIVATE_KEY, SR_ROLE_KTR);
}

CK_OBJECT_HANDLE tk_ordinary_private(void)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE t = { CKA_CLASS, &class, sizeof(class) };
	CK_OBJECT_HANDLE found[8];
	CK_ULONG n = 0, role = 0;

	ck_ok(ck->C_FindObjectsInit(ck_session, &t, 1));
	ck_ok(ck->C_FindObjects(ck_session, found, ARRAY_LEN(found), &n));
	ck_ok(ck->C_FindObjectsFinal(ck_session));
	for (CK_ULONG i = 0; i < n; i++) {
		CK_ATTRIBUTE r = { CKA_SR_ROLE, &role, sizeof(role) };

		if (ck->C_GetAttributeValue(ck_session, found[i], &r, 1) != CKR_OK)
			return found[i];
	}
	ck_abort_msg("no private key without a role");
	return 0;
}

CK_OBJECT_HANDLE tk_key(const char *label)
{
	CK_OBJECT_HANDLE h = 0;

	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, label, &h), 1);
	return h;
}

void tk_generation(const char *label, CK_ULONG generation, CK_OBJECT_HANDLE *ret)
{
	CK_ATTRIBUTE t[] = { { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) },
			     { CKA_SR_GENERATION, &generation, sizeof(generation) } };

	ck_assert_uint_eq(ck_find(t, ARRAY_LEN(t), ret), 1);
}

CK_OBJECT_HANDLE tk_generated(CK_ULONG role, const char *label)
{
	CK_MECHANISM m = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG length = 32;
	CK_ATTRIBUTE t[] = { { CKA_VALUE_LEN, &length, sizeof(length) },
			     { CKA_TOKEN, &yes, 1 },
			     { CKA_SR_ROLE, &role, sizeof(role) },
			     { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) } };
	CK_OBJECT_HANDLE h = 0;

	ck_ok(ck->C_GenerateKey(ck_session, &m, t, ARRAY_LEN(t), &h));
	return h;
}

void tk_fresh(const struct kit_wish *wish, unsigned seed)
{
	static const char *const pins[] = { KIT_ALICE, KIT_BOB };
	uint8_t half[32];
	char label[64];

	for (unsigned i = 0; i < 2; i++) {
		kit_pattern(half, sizeof(half), seed * 7 + i);
		snprintf(label, sizeof(label), "%s#%u/2", wish->name, i + 1);
		kit_login(pins[i]);
		ck_ok(kit_component(label, wish->type, VIEW(half, wish->length), NULL));
	}
	ck_ok(kit_combine(wish->name, wish->type, wish->length, NULL));
}

void tk_retire(const char *label)
{
	ck_login(CKU_SO);
	ck_ok(dk_sr()->SR_RetireKey(ck_session, tk_key(label)));
	kit_login(KIT_USER);
}

void tk_destroy(const char *label)
{
	ck_ok(ck->C_DestroyObject(ck_session, tk_key(label)));
}

const char *tk_unique(CK_OBJECT_HANDLE h, char ret[33])
{
	CK_ATTRIBUTE t = { CKA_UNIQUE_ID, ret, 32 };

	ck_ok(ck->C_GetAttributeValue(ck_session, h, &t, 1));
	ret[32] = '\0';
	return ret;
}

static void hash_text(struct view v, char ret[65])
{
	uint8_t hash[32];

	ck_assert_int_eq(EVP_Digest(v.p, v.n, hash, NULL, EVP_sha256(), NULL), 1);
	hex_encode(VIEW(hash, sizeof(hash)), ret);
}

const char *tk_target(CK_OBJECT_HANDLE pub, char ret[65])
{
	uint8_t info[1024];
	CK_ATTRIBUTE t = { CKA_PUBLIC_KEY_INFO, info, sizeof(info) };

	ck_ok(ck->C_GetAttributeValue(ck_session, pub, &t, 1));
	ck_assert_uint_gt(t.ulValueLen, 0);
	hash_text(VIEW(info, t.ulValueLen), ret);
	return ret;
}

void tk_approve_subject(CK_ULONG action, const char *subject, bool alice, bool bob)
{
	if (alice)
		dk_approve(KIT_ALICE, action, subject);
	if (bob)
		dk_approve(KIT_BOB, action, subject);
}

static void approve_out(const char *label, const char *target, bool alice, bool bob)
{
	char subject[160], key[33];

	snprintf(subject, sizeof(subject), "%s to %s", tk_unique(tk_key(label), key), target);
	tk_approve_subject(SR_ACTION_TRANSPORT_OUT, subject, alice, bob);
	kit_login(KIT_USER);
}

void tk_approve_out(const char *label, CK_OBJECT_HANDLE pub, bool alice, bool bob)
{
	char target[65];

	kit_login(KIT_USER);
	approve_out(label, tk_target(pub, target), alice, bob);
}

void tk_approve_out_ktk(const char *label, const char *ktk)
{
	char target[33];

	kit_login(KIT_USER);
	approve_out(label, tk_unique(tk_key(ktk), target), true, true);
}

struct view tk_source(void)
{
	static uint8_t key[64];
	CK_ULONG n = sizeof(key);

	ck_ok(dk_sr()->SR_GetStatementKey(ck_session, key, &n));
	return VIEW(key, n);
}

void tk_approve_in(bool alice, bool bob)
{
	char subject[160], block[65], source[65];

	hash_text(VIEW(tk_block, tk_len), block);
	hash_text(tk_source(), source);
	snprintf(subject, sizeof(subject), "%s from %s", block, source);
	tk_approve_subject(SR_ACTION_TRANSPORT_IN, subject, alice, bob);
}

static CK_RV out(CK_MECHANISM_TYPE type, CK_MECHANISM_TYPE hash, CK_OBJECT_HANDLE wrapping, CK_OBJECT_HANDLE key,
		 uint8_t *ret, CK_ULONG *len)
{
	struct sr_transport_params p = { .hash = hash };
	CK_MECHANISM m = { type, &p, sizeof(p) };

	return ck->C_WrapKey(ck_session, &m, wrapping, key, ret, len);
}

CK_RV tk_out(CK_MECHANISM_TYPE type, CK_MECHANISM_TYPE hash, CK_OBJECT_HANDLE wrapping, CK_OBJECT_HANDLE key)
{
	uint8_t room[SR_TRANSPORT_MAX];
	CK_ULONG n = sizeof(room);
	CK_RV rv;

	memset(room, 0x55, sizeof(room));
	rv = out(type, hash, wrapping, key, room, &n);
	if (rv == CKR_OK) {
		memcpy(tk_block, room, n);
		tk_len = n;
	} else {
		for (size_t i = 0; i < sizeof(room); i++)
			ck_assert_uint_eq(room[i], 0x55);
	}
	return rv;
}

CK_RV tk_again(CK_OBJECT_HANDLE wrapping, CK_OBJECT_HANDLE key)
{
	uint8_t room[SR_TRANSPORT_MAX];
	CK_ULONG n = sizeof(room);

	return out(CKM_SR_TRANSPORT_RSA, CKM_SHA256, wrapping, key, room, &n);
}

CK_RV tk_length(CK_OBJECT_HANDLE wrapping, CK_OBJECT_HANDLE key)
{
	uint8_t room[8];
	CK_ULONG n = 0;
	CK_RV rv = out(CKM_SR_TRANSPORT_RSA, CKM_SHA256, wrapping, key, NULL, &n);

	if (rv != CKR_OK)
		return rv;
	ck_assert_uint_gt(n, 256);
	n = sizeof(room);
	ck_rv(out(CKM_SR_TRANSPORT_RSA, CKM_SHA256, wrapping, key, room, &n), CKR_BUFFER_TOO_SMALL);
	return CKR_OK;
}

CK_RV tk_in_from(CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE unwrapping, struct view source, const CK_ATTRIBUTE *t,
		 CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	struct sr_transport_params p = { .pSource = (CK_BYTE_PTR)(uintptr_t)source.p, .ulSourceLen = source.n };
	CK_MECHANISM m = { type, &p, sizeof(p) };

	return ck->C_UnwrapKey(ck_session, &m, unwrapping, tk_block, tk_len, (CK_ATTRIBUTE *)(uintptr_t)t, n, ret);
}

CK_RV tk_in(CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE unwrapping, CK_OBJECT_HANDLE *ret)
{
	const CK_ATTRIBUTE t[] = { { CKA_TOKEN, &yes, 1 } };

	return tk_in_from(type, unwrapping, tk_source(), t, 1, ret);
}

struct transport tk_parsed(void)
{
	struct transport t;
	struct view covered;

	ck_assert(transport_parse(VIEW(tk_block, tk_len), &t, &covered));
	return t;
}
