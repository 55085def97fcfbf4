/* SPDX-License-Identifier: BSD-2-Clause */
/* What must not work: keys with a role outside their role, and the wrapping matrix (R1.7, R1.12, R1.13, R6.2). */
#include "formats.h"
#include "role_kit.h"

#include <stdlib.h>
#include <string.h>

static CK_BBOOL yes = CK_TRUE;

START_TEST(every_role_key_is_private_sensitive_and_fixed)
{
	CK_BYTE bytes[1024];
	CK_ATTRIBUTE value = { _i == PR || _i == KTR ? CKA_PRIVATE_EXPONENT : CKA_VALUE, bytes, sizeof(bytes) };
	CK_OBJECT_HANDLE copy = 0;
	CK_BBOOL no = CK_FALSE;
	CK_BYTE label[] = "other";
	CK_ULONG role = SR_ROLE_TMK;
	CK_ATTRIBUTE changes[] = {
		{ CKA_LABEL, label, 5 },
		{ CKA_SENSITIVE, &no, 1 },
		{ CKA_EXTRACTABLE, &yes, 1 },
		{ CKA_PRIVATE, &no, 1 },
		{ CKA_WRAP, &yes, 1 },
		{ CKA_DECRYPT, &yes, 1 },
		{ CKA_SIGN, &yes, 1 },
		{ CKA_DERIVE, &yes, 1 },
		{ CKA_SR_ROLE, &role, sizeof(role) },
		{ CKA_SR_SIDE, &role, sizeof(role) },
		{ CKA_MODIFIABLE, &yes, 1 },
		{ CKA_COPYABLE, &yes, 1 },
		{ CKA_ALLOWED_MECHANISMS, &role, 0 },
	};

	ck_assert_uint_eq(ck_get_ulong(key[_i], CKA_SR_ROLE), names[_i].role);
	ck_assert(ck_get_bool(key[_i], CKA_PRIVATE) && ck_get_bool(key[_i], CKA_SENSITIVE));
	ck_assert(!ck_get_bool(key[_i], CKA_COPYABLE) && !ck_get_bool(key[_i], CKA_MODIFIABLE));
	ck_assert_int_eq(ck_get_bool(key[_i], CKA_EXTRACTABLE), _i == TMK || _i == PINKEY || _i == MACKEY || _i == DWK);
	ck_assert_uint_eq(ck->C_GetAttributeValue(ck_session, key[_i], &value, 1), CKR_ATTRIBUTE_SENSITIVE);
	ck_assert_uint_eq(value.ulValueLen, CK_UNAVAILABLE_INFORMATION);
	ck_assert_uint_ne(ck->C_CopyObject(ck_session, key[_i], NULL, 0, &copy), CKR_OK);
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		ck_assert_msg(ck->C_SetAttributeValue(ck_session, key[_i], &changes[i], 1) != CKR_OK, "change %zu", i);
		ck_assert_msg(ck->C_CopyObject(ck_session, key[_i], &changes[i], 1, &copy) != CKR_OK, "copy %zu", i);
	}
}
END_TEST

/* CKA_<usage> says what the role says: a client that asks the attributes is not misled. */
START_TEST(usages_of_a_role_key_are_those_of_its_role_and_side)
{
	static const CK_ATTRIBUTE_TYPE usages[] = { CKA_ENCRYPT, CKA_DECRYPT, CKA_SIGN,  CKA_VERIFY,
						    CKA_WRAP,    CKA_UNWRAP,  CKA_DERIVE };
	static const char *const expected[KEYS] = {
		[PK] = "--S-WU-",           [MAK] = "--S----",      [TEK_HOST] = "--S-W--",
		[TEK_TERMINAL] = "--S--U-", [AUK_HOST] = "--SV---", [AUK_TERMINAL] = "--SV---",
		[AUK_V1] = "E-S----",       [TMK] = "--S-W--",      [TMK_LOADED] = "--S--U-",
		[SRK] = "--S-WU-",          [PINKEY] = "EDS----",   [MACKEY] = "--SV---",
		[DMK] = "--S-WUD",          [DWK] = "--SVWU-",      [ROOT] = "--S---D",
		[KBPK] = "--S-WU-",         [FPK] = "--S----",      [KTK] = "--S-WU-",
	};

	if (_i == PR || _i == KTR) {
		ck_assert(ck_get_bool(key[_i], CKA_UNWRAP) && !ck_get_bool(key[_i], CKA_DECRYPT) &&
			  !ck_get_bool(key[_i], CKA_SIGN) && !ck_get_bool(key[_i], CKA_SIGN_RECOVER) &&
			  !ck_get_bool(key[_i], CKA_DERIVE));
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(usages); i++)
		ck_assert_msg(ck_get_bool(key[_i], usages[i]) == (expected[_i][i] != '-'), "%s: usage %zu",
			      names[_i].name, i);
}
END_TEST

/* Every mechanism the module has, in every function, with every role key: only what this table says may start. */
static const struct {
	int key;
	CK_MECHANISM_TYPE mechanism;
	char function; /* E, D, S, V */
} allowed[] = {
	{ PK, CKM_SR_CHECK_VALUE, 'S' },
	{ MAK, CKM_SR_CHECK_VALUE, 'S' },
	{ TEK_HOST, CKM_SR_CHECK_VALUE, 'S' },
	{ TEK_TERMINAL, CKM_SR_CHECK_VALUE, 'S' },
	{ AUK_HOST, CKM_SR_CHECK_VALUE, 'S' },
	{ AUK_TERMINAL, CKM_SR_CHECK_VALUE, 'S' },
	{ AUK_V1, CKM_SR_CHECK_VALUE, 'S' },
	{ TMK, CKM_SR_CHECK_VALUE, 'S' },
	{ TMK_LOADED, CKM_SR_CHECK_VALUE, 'S' },
	{ SRK, CKM_SR_CHECK_VALUE, 'S' },
	{ AUK_HOST, CKM_SR_HANDSHAKE_MAC, 'S' },
	{ AUK_HOST, CKM_SR_HANDSHAKE_MAC, 'V' },
	{ AUK_TERMINAL, CKM_SR_HANDSHAKE_MAC, 'S' },
	{ AUK_TERMINAL, CKM_SR_HANDSHAKE_MAC, 'V' },
	{ AUK_V1, CKM_AES_ECB, 'E' },
	{ PINKEY, CKM_SR_CHECK_VALUE, 'S' },
	{ MACKEY, CKM_SR_CHECK_VALUE, 'S' },
	{ MACKEY, CKM_AES_CMAC, 'S' },
	{ MACKEY, CKM_AES_CMAC, 'V' },
	{ DMK, CKM_SR_CHECK_VALUE, 'S' },
	{ DWK, CKM_SR_CHECK_VALUE, 'S' },
	{ DWK, CKM_AES_CMAC, 'S' },
	{ DWK, CKM_AES_CMAC, 'V' },
	{ ROOT, CKM_SR_CHECK_VALUE, 'S' },
	{ KBPK, CKM_SR_CHECK_VALUE, 'S' },
	{ FPK, CKM_SR_CHECK_VALUE, 'S' },
	{ KTK, CKM_SR_CHECK_VALUE, 'S' },
};

static bool is_allowed(int k, CK_MECHANISM_TYPE mechanism, char function)
{
	for (size_t i = 0; i < ARRAY_LEN(allowed); i++) {
		if (allowed[i].key == k && allowed[i].mechanism == mechanism && allowed[i].function == function)
			return true;
	}
	return false;
}

static CK_RV start(char function, CK_MECHANISM *m, CK_OBJECT_HANDLE h)
{
	switch (function) {
	case 'E':
		return ck->C_EncryptInit(ck_session, m, h);
	case 'D':
		return ck->C_DecryptInit(ck_session, m, h);
	case 'S':
		return ck->C_SignInit(ck_session, m, h);
	default:
		return ck->C_VerifyInit(ck_session, m, h);
	}
}

/* Ends what was started with a call that fails or succeeds, it does not matter. */
static void stop(char function)
{
	CK_BYTE out[64] = { 0 };
	CK_ULONG len = sizeof(out);

	switch (function) {
	case 'E':
		(void)ck->C_Encrypt(ck_session, out, 16, out, &len);
		break;
	case 'D':
		(void)ck->C_Decrypt(ck_session, out, 16, out, &len);
		break;
	case 'S':
		(void)ck->C_Sign(ck_session, out, 0, out, &len);
		break;
	default:
		(void)ck->C_Verify(ck_session, out, 0, out, 16);
		break;
	}
}

START_TEST(role_key_starts_only_what_its_role_allows) /* R1.13 R6.2 */
{
	CK_MECHANISM_TYPE list[256];
	CK_ULONG n = ARRAY_LEN(list);
	unsigned started = 0, expected = 0;
	CK_BYTE param[64] = { 0 };
	static const CK_ULONG lengths[] = { 0, 8, 16, sizeof(CK_AES_CTR_PARAMS), sizeof(CK_GCM_PARAMS) };

	ck_ok(ck->C_GetMechanismList(0, NULL, &n)); /* the token's slot in this process is 0 still */
	n = ARRAY_LEN(list);
	ck_ok(ck->C_GetMechanismList(0, list, &n));
	for (size_t i = 0; i < ARRAY_LEN(allowed); i++)
		expected += allowed[i].key == _i;
	for (CK_ULONG i = 0; i < n; i++) {
		for (const char *f = "EDSV"; *f; f++) {
			bool ran = false;

			for (size_t l = 0; l < ARRAY_LEN(lengths); l++) {
				CK_MECHANISM m = { list[i], lengths[l] ? param : NULL, lengths[l] };

				if (start(*f, &m, key[_i]) != CKR_OK)
					continue;
				ck_assert_msg(is_allowed(_i, list[i], *f), "%s: mechanism %lx, %c", names[_i].name,
					      list[i], *f);
				ran = true;
				stop(*f);
			}
			started += ran;
		}
	}
	ck_assert_uint_eq(started, expected);
}
END_TEST

/* By which standard mechanism a key of a role leaves, under which. */
static const struct {
	int wrapper, cargo;
	CK_MECHANISM_TYPE mechanism;
} leaves[] = { { SRK, TMK, CKM_AES_KEY_WRAP },
	       { TMK, MACKEY, CKM_AES_KEY_WRAP },
	       { TMK, PINKEY, CKM_AES_KEY_WRAP_KWP } };

static bool may_leave(CK_OBJECT_HANDLE wrapper, int cargo, CK_MECHANISM_TYPE mechanism)
{
	for (size_t i = 0; i < ARRAY_LEN(leaves); i++) {
		if (key[leaves[i].wrapper] == wrapper && leaves[i].cargo == cargo && leaves[i].mechanism == mechanism)
			return true;
	}
	return false;
}

/* C_WrapKey with every pair of keys and every wrapping mechanism: a TMK under SRK, a working key under TMK, each by one
 * mechanism; nothing else. */
START_TEST(role_key_is_wrapped_only_as_the_matrix_says) /* R1.12 */
{
	static const CK_MECHANISM_TYPE wraps[] = { CKM_AES_KEY_WRAP,    CKM_AES_KEY_WRAP_PAD, CKM_AES_ECB,
						   CKM_AES_CBC,         CKM_AES_CBC_PAD,      CKM_DES3_ECB,
						   CKM_DES3_CBC,        CKM_DES3_CBC_PAD,     CKM_RSA_PKCS_OAEP,
						   CKM_AES_KEY_WRAP_KWP };
	CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0 };
	CK_OBJECT_HANDLE wrappers[KEYS + 6];
	CK_BYTE iv[16] = { 0 };
	unsigned good = 0;

	memcpy(wrappers, key, sizeof(key));
	memcpy(wrappers + KEYS, plain, sizeof(plain));
	wrappers[KEYS + 3] = pu;
	wrappers[KEYS + 4] = plain_pu;
	wrappers[KEYS + 5] = ktr_pu;
	for (size_t w = 0; w < ARRAY_LEN(wrappers); w++) {
		for (size_t i = 0; i < ARRAY_LEN(wraps); i++) {
			CK_MECHANISM m = { wraps[i], NULL, 0 };
			CK_BYTE out[2048];
			CK_ULONG len = sizeof(out);

			if (wraps[i] == CKM_RSA_PKCS_OAEP)
				m = (CK_MECHANISM){ wraps[i], &oaep, sizeof(oaep) };
			else if (wraps[i] == CKM_AES_CBC || wraps[i] == CKM_AES_CBC_PAD)
				m = (CK_MECHANISM){ wraps[i], iv, 16 };
			else if (wraps[i] == CKM_DES3_CBC || wraps[i] == CKM_DES3_CBC_PAD)
				m = (CK_MECHANISM){ wraps[i], iv, 8 };
			if (ck->C_WrapKey(ck_session, &m, wrappers[w], key[_i], out, &len) != CKR_OK)
				continue;
			ck_assert_msg(may_leave(wrappers[w], _i, wraps[i]), "%s left under wrapper %zu by %lx",
				      names[_i].name, w, wraps[i]);
			good++;
		}
	}
	ck_assert_uint_eq(good, _i == TMK || _i == MACKEY || _i == PINKEY ? 1 : 0);
}
END_TEST

START_TEST(role_key_wraps_no_ordinary_key)
{
	CK_MECHANISM m = { CKM_AES_KEY_WRAP, NULL, 0 };
	CK_BYTE out[512];
	CK_ULONG len = sizeof(out);

	for (int k = 0; k < KEYS; k++) {
		struct sr_tmk_params p = { .hAuk = key[AUK_HOST],
					   .pTerminalRandom = kit_terminal_random,
					   .ulTerminalRandomLen = 16,
					   .pHostRandom = kit_host_random,
					   .ulHostRandomLen = 16 };
		CK_MECHANISM e = { CKM_SR_TMK_EXPORT, &p, sizeof(p) };

		ck_assert_uint_ne(ck->C_WrapKey(ck_session, &m, key[k], plain[0], out, &len), CKR_OK);
		len = sizeof(out);
		ck_assert_uint_ne(ck->C_WrapKey(ck_session, &e, key[k], plain[0], out, &len), CKR_OK);
		len = sizeof(out);
		/* TMK export: TEK of the host carries the TMK of the host, nothing else carries or is carried. */
		for (int cargo = 0; cargo < KEYS; cargo++) {
			CK_RV rv = ck->C_WrapKey(ck_session, &e, key[k], key[cargo], out, &len);

			ck_assert_int_eq(rv == CKR_OK, k == TEK_HOST && cargo == TMK);
			len = sizeof(out);
		}
	}
}
END_TEST

/* The ciphertexts of a record are ordinary AES key wrap: nobody may open them as such. */
START_TEST(record_ciphertext_is_not_unwrapped_by_standard_mechanisms) /* R1.13 */
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_ULONG role = SR_ROLE_TMK;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_KEY_TYPE, &type, sizeof(type) },
			     { CKA_EXTRACTABLE, &yes, 1 },
			     { CKA_SR_ROLE, &role, sizeof(role) } };
	CK_MECHANISM wrap = { CKM_AES_KEY_WRAP, NULL, 0 };
	CK_MECHANISM ecb = { CKM_AES_ECB, NULL, 0 };
	CK_OBJECT_HANDLE h = 0;
	struct tk_record r;

	ck_assert(tk_record_parse(VIEW(record, record_len), &r));
	for (int k = 0; k < KEYS; k++) {
		for (CK_ULONG n = 2; n <= 4; n++) {
			ck_assert_uint_ne(ck->C_UnwrapKey(ck_session, &wrap, key[k], (CK_BYTE_PTR)(uintptr_t)r.ctek.p,
							  r.ctek.n, t, n, &h),
					  CKR_OK);
			ck_assert_uint_ne(
			    ck->C_UnwrapKey(ck_session, &ecb, key[k], (CK_BYTE_PTR)(uintptr_t)r.ctek.p, 32, t, n, &h),
			    CKR_OK);
		}
	}
}
END_TEST

START_TEST(packet_ciphertext_is_not_unwrapped_under_pr_by_oaep) /* R1.1 R1.13: Pr may only rewrap */
{
	CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0 };
	CK_MECHANISM m = { CKM_RSA_PKCS_OAEP, &oaep, sizeof(oaep) };
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_KEY_TYPE, &type, sizeof(type) },
			     { CKA_EXTRACTABLE, &yes, 1 } };
	CK_BYTE wrapped[512];
	CK_ULONG len = sizeof(wrapped);
	CK_OBJECT_HANDLE h = 0;

	ck_ok(ck->C_WrapKey(ck_session, &m, pu, plain[0], wrapped, &len));
	ck_assert_uint_ne(ck->C_UnwrapKey(ck_session, &m, key[PR], wrapped, len, t, 3, &h), CKR_OK);
	ck_assert_uint_ne(ck->C_DecryptInit(ck_session, &m, key[PR]), CKR_OK);
}
END_TEST

START_TEST(tmk_goes_out_and_in_under_the_srk_and_stays_a_tmk) /* R1.12 */
{
	CK_MECHANISM m = { CKM_AES_KEY_WRAP, NULL, 0 };
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_ULONG other = SR_ROLE_TEK;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_KEY_TYPE, &type, sizeof(type) } };
	CK_ATTRIBUTE wrong[] = { t[0], t[1], { CKA_SR_ROLE, &other, sizeof(other) } };
	CK_ATTRIBUTE more[] = { t[0], t[1], { CKA_ENCRYPT, &yes, 1 } };
	CK_BYTE wrapped[64];
	CK_ULONG len = sizeof(wrapped);
	CK_OBJECT_HANDLE h = 0;
	uint8_t a[3], b[3];

	ck_ok(ck->C_WrapKey(ck_session, &m, key[SRK], key[TMK], wrapped, &len));
	ck_ok(ck->C_UnwrapKey(ck_session, &m, key[SRK], wrapped, len, t, 2, &h));
	ck_assert_uint_eq(ck_get_ulong(h, CKA_SR_ROLE), SR_ROLE_TMK);
	ck_ok(kit_check_value(key[TMK], a));
	ck_ok(kit_check_value(h, b));
	ck_assert_mem_eq(a, b, 3);
	ck_ok(ck->C_DestroyObject(ck_session, h));
	ck_assert_uint_eq(ck->C_UnwrapKey(ck_session, &m, key[SRK], wrapped, len, wrong, 3, &h),
			  CKR_TEMPLATE_INCONSISTENT);
	ck_assert_uint_eq(ck->C_UnwrapKey(ck_session, &m, key[SRK], wrapped, len, more, 3, &h),
			  CKR_TEMPLATE_INCONSISTENT);
	wrapped[5] ^= 1;
	ck_assert_uint_eq(ck->C_UnwrapKey(ck_session, &m, key[SRK], wrapped, len, t, 2, &h), CKR_WRAPPED_KEY_INVALID);
}
END_TEST

START_TEST(role_is_not_to_be_had_by_asking) /* R1.3 */
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_BYTE value[32] = { 1, 2, 3 };
	CK_OBJECT_HANDLE h = 0, copy = 0;

	for (CK_ULONG role = 0; role < 20; role++) {
		CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
				     { CKA_KEY_TYPE, &type, sizeof(type) },
				     { CKA_VALUE, value, sizeof(value) },
				     { CKA_SR_ROLE, &role, sizeof(role) } };
		CK_ATTRIBUTE only[] = { { CKA_SR_ROLE, &role, sizeof(role) } };
		CK_RV rv;

		ck_assert_uint_ne(ck->C_CreateObject(ck_session, t, ARRAY_LEN(t), &h), CKR_OK);
		ck_assert_uint_ne(ck->C_SetAttributeValue(ck_session, plain[0], only, 1), CKR_OK);
		ck_assert_uint_ne(ck->C_CopyObject(ck_session, plain[0], only, 1, &copy), CKR_OK);
		rv = kit_role_key(role, CKK_AES, 32, &h);
		ck_assert_int_eq(rv == CKR_OK, role == SR_ROLE_TMK || role == SR_ROLE_SRK || role == SR_ROLE_PINKEY ||
						   role == SR_ROLE_MACKEY || role == SR_ROLE_DWK ||
						   role == SR_ROLE_ROOT || role == SR_ROLE_FPK);
		if (rv == CKR_OK)
			ck_ok(ck->C_DestroyObject(ck_session, h));
	}
	ck_assert_uint_ne(kit_role_key(SR_ROLE_SRK, CKK_AES, 16, &h), CKR_OK);
	ck_assert_uint_ne(kit_role_key(SR_ROLE_SRK, CKK_DES3, 24, &h), CKR_OK);
}
END_TEST

START_TEST(role_key_asked_to_do_more_is_refused)
{
	static const CK_ATTRIBUTE_TYPE more[] = { CKA_ENCRYPT, CKA_DECRYPT,  CKA_VERIFY,    CKA_UNWRAP,
						  CKA_DERIVE,  CKA_COPYABLE, CKA_MODIFIABLE };
	CK_ULONG role = SR_ROLE_TMK, length = 32;
	CK_BBOOL no = CK_FALSE;
	CK_MECHANISM m = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_OBJECT_HANDLE h = 0;
	CK_ATTRIBUTE t[] = { { CKA_SR_ROLE, &role, sizeof(role) },
			     { CKA_VALUE_LEN, &length, sizeof(length) },
			     { CKA_SENSITIVE, &no, 1 } };

	ck_assert_uint_eq(ck->C_GenerateKey(ck_session, &m, t, 3, &h), CKR_TEMPLATE_INCONSISTENT);
	t[2].type = CKA_PRIVATE;
	ck_assert_uint_eq(ck->C_GenerateKey(ck_session, &m, t, 3, &h), CKR_TEMPLATE_INCONSISTENT);
	t[2].pValue = &yes;
	for (size_t i = 0; i < ARRAY_LEN(more); i++) {
		t[2].type = more[i];
		ck_assert_msg(ck->C_GenerateKey(ck_session, &m, t, 3, &h) == CKR_TEMPLATE_INCONSISTENT, "attribute %zu",
			      i);
	}
	/* Less is granted: a TMK that never leaves. */
	t[2] = (CK_ATTRIBUTE){ CKA_EXTRACTABLE, &no, 1 };
	ck_ok(ck->C_GenerateKey(ck_session, &m, t, 3, &h));
	{
		uint8_t message[SR_TMK_MESSAGE_MAX];
		CK_ULONG len = sizeof(message);

		ck_assert_uint_eq(kit_export(key[TEK_HOST], key[AUK_HOST], h, true, message, &len),
				  CKR_KEY_UNEXTRACTABLE);
	}
	ck_ok(ck->C_DestroyObject(ck_session, h));
}
END_TEST

START_TEST(vendor_mechanisms_refuse_ordinary_keys)
{
	CK_MECHANISM handshake = { CKM_SR_HANDSHAKE_MAC, NULL, 0 };
	CK_OBJECT_HANDLE tek = 0, auk = 0;
	uint8_t message[SR_TMK_MESSAGE_MAX];
	CK_ULONG len = sizeof(message);

	for (size_t i = 0; i < 3; i++) {
		ck_assert_uint_ne(ck->C_SignInit(ck_session, &handshake, plain[i]), CKR_OK);
		ck_assert_uint_ne(ck->C_VerifyInit(ck_session, &handshake, plain[i]), CKR_OK);
		ck_assert_uint_ne(kit_open(plain[i], key[MAK], VIEW(record, record_len), &tek, &auk), CKR_OK);
		ck_assert_uint_ne(kit_open(key[PK], plain[i], VIEW(record, record_len), &tek, &auk), CKR_OK);
		ck_assert_uint_ne(kit_export(plain[i], key[AUK_HOST], key[TMK], true, message, &len), CKR_OK);
		ck_assert_uint_ne(kit_export(key[TEK_HOST], plain[i], key[TMK], true, message, &len), CKR_OK);
		ck_assert_uint_ne(kit_export(key[TEK_HOST], key[AUK_HOST], plain[i], true, message, &len), CKR_OK);
	}
}
END_TEST

START_TEST(role_key_is_not_digested)
{
	CK_MECHANISM m = { CKM_SHA256, NULL, 0 };
	CK_BYTE out[32];
	CK_ULONG len = sizeof(out);

	ck_ok(ck->C_DigestInit(ck_session, &m));
	ck_assert_uint_ne(ck->C_DigestKey(ck_session, key[_i]), CKR_OK);
	(void)ck->C_DigestFinal(ck_session, out, &len);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("role");
	TCase *c = tcase_create("role");

	tcase_set_timeout(c, 0);
	tcase_add_unchecked_fixture(c, role_begin, ck_test_end);
	tcase_add_loop_test(c, every_role_key_is_private_sensitive_and_fixed, 0, KEYS);
	tcase_add_loop_test(c, usages_of_a_role_key_are_those_of_its_role_and_side, 0, KEYS);
	tcase_add_loop_test(c, role_key_starts_only_what_its_role_allows, 0, KEYS);
	tcase_add_loop_test(c, role_key_is_wrapped_only_as_the_matrix_says, 0, KEYS);
	tcase_add_test(c, role_key_wraps_no_ordinary_key);
	tcase_add_test(c, record_ciphertext_is_not_unwrapped_by_standard_mechanisms);
	tcase_add_test(c, packet_ciphertext_is_not_unwrapped_under_pr_by_oaep);
	tcase_add_test(c, tmk_goes_out_and_in_under_the_srk_and_stays_a_tmk);
	tcase_add_test(c, role_is_not_to_be_had_by_asking);
	tcase_add_test(c, role_key_asked_to_do_more_is_refused);
	tcase_add_test(c, vendor_mechanisms_refuse_ordinary_keys);
	tcase_add_loop_test(c, role_key_is_not_digested, 0, KEYS);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
