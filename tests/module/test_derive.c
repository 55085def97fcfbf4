/* SPDX-License-Identifier: BSD-2-Clause */
#include "pair_kit.h"
#include <string.h>

/* Derivation from secret keys by published values: which bytes, of which length, protected how. */

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static CK_OBJECT_HANDLE base_of(CK_KEY_TYPE type, struct view value, CK_BBOOL *sensitive)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_BBOOL *extractable = *sensitive ? &no : &yes;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_KEY_TYPE, &type, sizeof(type) },
			     { CKA_VALUE, (void *)(uintptr_t)value.p, value.n },
			     { CKA_SENSITIVE, sensitive, 1 },
			     { CKA_EXTRACTABLE, extractable, 1 },
			     { CKA_SIGN, &yes, 1 },
			     { CKA_VERIFY, &yes, 1 },
			     { CKA_DERIVE, &yes, 1 } };
	CK_OBJECT_HANDLE key = 0;

	OK(ck->C_CreateObject(mk_session, t, ARRAY_LEN(t), &key));
	return key;
}

static CK_MECHANISM_TYPE hash_of(const struct pair_line *l)
{
	const char *name = pair_text(l, "hash");

	return strcmp(name, "SHA512_256") == 0 ? CKM_SHA512_256 : pair_hash(name);
}

/* Parameters of any line, with all that they point to. */
static struct {
	CK_KEY_DERIVATION_STRING_DATA string;
	CK_AES_CBC_ENCRYPT_DATA_PARAMS aes;
	CK_DES_CBC_ENCRYPT_DATA_PARAMS des;
	CK_HKDF_PARAMS hkdf;
	CK_SP800_108_KDF_PARAMS counter;
	CK_SP800_108_FEEDBACK_KDF_PARAMS feedback;
	CK_PRF_DATA_PARAM fields[4];
	CK_SP800_108_COUNTER_FORMAT format;
	CK_PKCS5_PBKD2_PARAMS2 pbkdf2;
	CK_TLS12_MASTER_KEY_DERIVE_PARAMS master;
	CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS extended;
	CK_TLS12_KEY_MAT_PARAMS block;
	CK_SSL3_KEY_MAT_OUT out;
	CK_TLS_KDF_PARAMS tls;
	CK_TLS_MAC_PARAMS mac;
	CK_VERSION version;
	CK_EXTRACT_PARAMS first;
	CK_OBJECT_HANDLE other;
	uint8_t iv[2][16];
} a;

#define P(field)                                                                                                       \
	(CK_MECHANISM)                                                                                                 \
	{                                                                                                              \
		type, &a.field, sizeof(a.field)                                                                        \
	}
#define BYTES(name) (CK_BYTE_PTR)(uintptr_t) pair_bytes(l, name).p
#define LEN(name) pair_bytes(l, name).n

static CK_MECHANISM fields_of(const struct pair_line *l, CK_MECHANISM_TYPE type)
{
	bool cmac = strcmp(pair_text(l, "prf"), "CMAC") == 0, counter = type == CKM_SP800_108_COUNTER_KDF;
	CK_ULONG n = 0, r = pair_number(l, "r");
	CK_PRF_DATA_PARAM format = { CK_SP800_108_OPTIONAL_COUNTER, &a.format, sizeof(a.format) };

	a.format = (CK_SP800_108_COUNTER_FORMAT){ CK_FALSE, r };
	if (counter)
		a.fields[n++] = (CK_PRF_DATA_PARAM){ CK_SP800_108_ITERATION_VARIABLE, &a.format, sizeof(a.format) };
	else
		a.fields[n++] = (CK_PRF_DATA_PARAM){ CK_SP800_108_ITERATION_VARIABLE, NULL, 0 };
	if (!counter && r > 0)
		a.fields[n++] = format;
	a.fields[n++] = (CK_PRF_DATA_PARAM){ CK_SP800_108_BYTE_ARRAY, BYTES("fixed"), LEN("fixed") };
	a.counter = (CK_SP800_108_KDF_PARAMS){ cmac ? CKM_AES_CMAC : CKM_SHA256_HMAC, n, a.fields, 0, NULL };
	if (type != CKM_SP800_108_FEEDBACK_KDF)
		return P(counter);
	a.feedback =
	    (CK_SP800_108_FEEDBACK_KDF_PARAMS){ a.counter.prfType, n, a.fields, LEN("iv"), BYTES("iv"), 0, NULL };
	return P(feedback);
}

static CK_MECHANISM tls_of(const struct pair_line *l, const struct mech_row *row)
{
	CK_MECHANISM_TYPE type = row->type;
	CK_SSL3_RANDOM_DATA randoms = { BYTES("client"), LEN("client"), BYTES("server"), LEN("server") };

	a.version = (CK_VERSION){ 0, 0 };
	switch (type) {
	case CKM_TLS12_MASTER_KEY_DERIVE:
	case CKM_TLS12_MASTER_KEY_DERIVE_DH:
		a.master = (CK_TLS12_MASTER_KEY_DERIVE_PARAMS){ randoms, &a.version, hash_of(l) };
		return P(master);
	case CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE:
	case CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE_DH:
		a.extended =
		    (CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS){ hash_of(l), BYTES("data"), LEN("data"), &a.version };
		return P(extended);
	case CKM_TLS12_KEY_AND_MAC_DERIVE:
	case CKM_TLS12_KEY_SAFE_DERIVE:
		memset(&a.out, 0, sizeof(a.out));
		a.out.pIVClient = a.iv[0];
		a.out.pIVServer = a.iv[1];
		a.block = (CK_TLS12_KEY_MAT_PARAMS){ 160, 128, 128, CK_FALSE, randoms, &a.out, hash_of(l) };
		return P(block);
	case CKM_TLS12_MAC:
	case CKM_TLS_MAC:
		a.mac = (CK_TLS_MAC_PARAMS){ hash_of(l), 12, pair_number(l, "side") };
		return P(mac);
	default:
		a.tls = (CK_TLS_KDF_PARAMS){ hash_of(l), BYTES("label"), LEN("label"),
					     randoms,    BYTES("data"),  LEN("data") };
		return P(tls);
	}
}

static CK_MECHANISM mechanism_of(const struct pair_line *l)
{
	const struct mech_row *row = mk_row(pair_text(l, "mech"));
	CK_MECHANISM_TYPE type = row->type;

	switch (type) {
	case CKM_HKDF_DERIVE:
	case CKM_HKDF_DATA:
		a.hkdf = (CK_HKDF_PARAMS){ .bExtract = pair_text(l, "expand") == NULL,
					   .bExpand = pair_text(l, "extract") == NULL,
					   .prfHashMechanism = hash_of(l),
					   .ulSaltType = LEN("salt") > 0 ? CKF_HKDF_SALT_DATA : CKF_HKDF_SALT_NULL,
					   .pSalt = BYTES("salt"),
					   .ulSaltLen = LEN("salt"),
					   .pInfo = BYTES("info"),
					   .ulInfoLen = LEN("info") };
		return P(hkdf);
	case CKM_SP800_108_COUNTER_KDF:
	case CKM_SP800_108_FEEDBACK_KDF:
	case CKM_SP800_108_DOUBLE_PIPELINE_KDF:
		return fields_of(l, type);
	case CKM_CONCATENATE_BASE_AND_KEY:
		a.other = base_of(CKK_GENERIC_SECRET, pair_bytes(l, "data"), &no);
		return P(other);
	case CKM_EXTRACT_KEY_FROM_KEY:
		a.first = pair_number(l, "first");
		return P(first);
	case CKM_AES_CBC_ENCRYPT_DATA:
		memcpy(a.aes.iv, BYTES("iv"), 16);
		a.aes.data_params = BYTES("data");
		a.aes.length = LEN("data");
		return P(aes);
	case CKM_DES_CBC_ENCRYPT_DATA:
	case CKM_DES3_CBC_ENCRYPT_DATA:
		memcpy(a.des.iv, BYTES("iv"), 8);
		a.des.data_params = BYTES("data");
		a.des.length = LEN("data");
		return P(des);
	default:
		break;
	}
	if (strstr(row->name, "TLS") != NULL)
		return tls_of(l, row);
	if (LEN("data") == 0)
		return (CK_MECHANISM){ type, NULL, 0 };
	a.string = (CK_KEY_DERIVATION_STRING_DATA){ BYTES("data"), LEN("data") };
	return P(string);
}

static CK_KEY_TYPE type_of(const struct pair_line *l, const struct mech_row *row)
{
	const char *prf = pair_text(l, "prf");

	if (prf != NULL && strcmp(prf, "CMAC") == 0)
		return CKK_AES;
	return row->keys.count > 1 && row->keys.types[0] == CKK_DES2 ? CKK_DES3 : row->keys.types[0];
}

static CK_RV derive(CK_MECHANISM *m, CK_OBJECT_HANDLE base, CK_KEY_TYPE type, CK_ULONG len, CK_OBJECT_HANDLE *ret)
{
	CK_ATTRIBUTE t[5] = { { CKA_KEY_TYPE, &type, sizeof(type) },
			      { CKA_SENSITIVE, &no, 1 },
			      { CKA_EXTRACTABLE, &yes, 1 } };
	CK_ULONG n = 3;

	if (len > 0)
		t[n++] = (CK_ATTRIBUTE){ CKA_VALUE_LEN, &len, sizeof(len) };
	return ck->C_DeriveKey(mk_session, m, base, t, n, ret);
}

static void expect(const struct pair_line *l, CK_OBJECT_HANDLE key, struct view want)
{
	uint8_t room[1024];

	ck_assert_msg(view_equal(mk_value(key, room, sizeof(room)), want), "line %u", l->line);
}

static void mac_line(const struct pair_line *l, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
	struct view data = pair_bytes(l, "data"), want = pair_bytes(l, "out");
	uint8_t out[64];
	CK_ULONG len = sizeof(out);

	OK(mk_init(CKF_SIGN, m, key));
	OK(mk_single(CKF_SIGN, data, out, &len));
	ck_assert(view_equal(VIEW(out, len), want));
	OK(mk_init(CKF_VERIFY, m, key));
	for (size_t i = 0; i < data.n; i++)
		OK(ck->C_VerifyUpdate(mk_session, (CK_BYTE_PTR)(uintptr_t)data.p + i, 1));
	OK(ck->C_VerifyFinal(mk_session, out, len));
	out[3] ^= 1;
	OK(mk_init(CKF_VERIFY, m, key));
	IS(ck->C_Verify(mk_session, (CK_BYTE_PTR)(uintptr_t)data.p, data.n, out, len), CKR_SIGNATURE_INVALID);
}

/* The key block: MAC keys of 20 bytes, keys and IVs of 16. */
static void block_line(const struct pair_line *l, CK_MECHANISM *m, CK_OBJECT_HANDLE base)
{
	struct view want = pair_bytes(l, "out");
	CK_KEY_TYPE type = CKK_AES;
	CK_ATTRIBUTE t[] = { { CKA_KEY_TYPE, &type, sizeof(type) },
			     { CKA_SENSITIVE, &no, 1 },
			     { CKA_EXTRACTABLE, &yes, 1 },
			     { CKA_ENCRYPT, &yes, 1 } };
	uint8_t none[2][16];
	CK_KEY_TYPE got = 0;
	CK_ATTRIBUTE is = { CKA_KEY_TYPE, &got, sizeof(got) };

	memset(a.iv, 0xee, sizeof(a.iv));
	memcpy(none, a.iv, sizeof(none));
	OK(ck->C_DeriveKey(mk_session, m, base, t, ARRAY_LEN(t), NULL));
	expect(l, a.out.hClientMacSecret, VIEW(want.p, 20));
	expect(l, a.out.hServerMacSecret, VIEW(want.p + 20, 20));
	expect(l, a.out.hClientKey, VIEW(want.p + 40, 16));
	expect(l, a.out.hServerKey, VIEW(want.p + 56, 16));
	OK(ck->C_GetAttributeValue(mk_session, a.out.hClientMacSecret, &is, 1));
	ck_assert_uint_eq(got, CKK_GENERIC_SECRET);
	if (m->mechanism == CKM_TLS12_KEY_SAFE_DERIVE) {
		ck_assert(memcmp(a.iv, none, sizeof(none)) == 0);
		return;
	}
	ck_assert(memcmp(a.iv[0], want.p + 72, 16) == 0 && memcmp(a.iv[1], want.p + 88, 16) == 0);
	a.block.ulMacSizeInBits = 0;
	OK(ck->C_DeriveKey(mk_session, m, base, t, ARRAY_LEN(t), NULL));
	ck_assert(a.out.hClientMacSecret == 0 && a.out.hServerMacSecret == 0);
	expect(l, a.out.hClientKey, VIEW(want.p, 16));
}

static void password_line(const struct pair_line *l)
{
	struct view want = pair_bytes(l, "out");
	CK_MECHANISM_TYPE type = CKM_PKCS5_PBKD2;
	CK_KEY_TYPE generic = CKK_GENERIC_SECRET;
	CK_ULONG len = want.n;
	CK_BBOOL local = CK_TRUE, always = CK_TRUE;
	CK_ATTRIBUTE t[] = { { CKA_KEY_TYPE, &generic, sizeof(generic) },
			     { CKA_SENSITIVE, &no, 1 },
			     { CKA_EXTRACTABLE, &yes, 1 },
			     { CKA_VALUE_LEN, &len, sizeof(len) } };
	CK_ATTRIBUTE got[] = { { CKA_LOCAL, &local, 1 }, { CKA_ALWAYS_SENSITIVE, &always, 1 } };
	CK_OBJECT_HANDLE key = 0;

	a.pbkdf2 = (CK_PKCS5_PBKD2_PARAMS2){ CKZ_SALT_SPECIFIED,
					     BYTES("salt"),
					     LEN("salt"),
					     pair_number(l, "iterations"),
					     strcmp(pair_text(l, "hash"), "SHA1") == 0 ? CKP_PKCS5_PBKD2_HMAC_SHA1
										       : CKP_PKCS5_PBKD2_HMAC_SHA256,
					     NULL,
					     0,
					     BYTES("data"),
					     LEN("data") };
	OK(ck->C_GenerateKey(mk_session, &P(pbkdf2), t, 4, &key));
	expect(l, key, want);
	/* who knows the password knows the key */
	t[1].pValue = &yes;
	t[2].pValue = &no;
	OK(ck->C_GenerateKey(mk_session, &P(pbkdf2), t, 4, &key));
	OK(ck->C_GetAttributeValue(mk_session, key, got, 2));
	ck_assert(!local && !always);
	IS(ck->C_GenerateKey(mk_session, &P(pbkdf2), t, 3, &key), CKR_TEMPLATE_INCOMPLETE);
}

/* A shorter key takes the leading bytes; a longer one is refused. */
static void value_line(const struct pair_line *l, const struct mech_row *row, CK_MECHANISM *m, CK_OBJECT_HANDLE base)
{
	struct view want = pair_bytes(l, "out");
	bool prf = strstr(row->name, "TLS") != NULL || strstr(row->name, "SHAKE") != NULL ||
		   strstr(row->name, "SP800") != NULL || strstr(row->name, "HKDF") != NULL ||
		   row->type == CKM_EXTRACT_KEY_FROM_KEY;
	bool master = strstr(row->name, "MASTER") != NULL;
	CK_OBJECT_HANDLE key = 0;

	OK(derive(m, base, CKK_GENERIC_SECRET, want.n, &key));
	expect(l, key, want);
	mk_destroy(key);
	if (!prf) {
		OK(derive(m, base, CKK_GENERIC_SECRET, 0, &key));
		expect(l, key, want);
		mk_destroy(key);
		IS(derive(m, base, CKK_GENERIC_SECRET, want.n + 1, &key), CKR_KEY_SIZE_RANGE);
		OK(derive(m, base, CKK_GENERIC_SECRET, want.n - 1, &key));
		expect(l, key, VIEW(want.p, want.n - 1));
		mk_destroy(key);
	}
	if (master)
		IS(derive(m, base, CKK_GENERIC_SECRET, 47, &key), CKR_TEMPLATE_INCONSISTENT);
	if (master && strstr(row->name, "DH") == NULL)
		ck_assert(a.version.major == 0xf8 && a.version.minor == 0x93);
	IS(derive(m, base, CKK_GENERIC_SECRET, 513, &key), CKR_KEY_SIZE_RANGE);
	IS(derive(m, base, CKK_DES3, 16, &key), CKR_TEMPLATE_INCONSISTENT);
}

static void data_line(const struct pair_line *l, CK_MECHANISM *m, CK_OBJECT_HANDLE base)
{
	struct view want = pair_bytes(l, "out");
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_ULONG len = want.n;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_VALUE_LEN, &len, sizeof(len) } };
	CK_OBJECT_HANDLE o = 0;

	OK(ck->C_DeriveKey(mk_session, m, base, t, 2, &o));
	expect(l, o, want);
	OK(ck->C_DestroyObject(mk_session, o));
}

static void vector_line(const struct pair_line *l, const struct pair_line *pair)
{
	const struct mech_row *row = mk_row(pair_text(l, "mech"));
	CK_OBJECT_HANDLE base;
	CK_MECHANISM m;

	if (row->type == CKM_PKCS5_PBKD2) {
		password_line(l);
		return;
	}
	base = base_of(type_of(l, row), pair_bytes(l, "key"), &no);
	m = mechanism_of(l);
	if (row->flags & CKF_SIGN)
		mac_line(l, &m, base);
	else if (row->param->size == sizeof(CK_TLS12_KEY_MAT_PARAMS) && strstr(row->name, "KEY_") != NULL &&
		 row->traits & MECH_NO_HANDLE)
		block_line(l, &m, base);
	else if (row->type == CKM_HKDF_DATA)
		data_line(l, &m, base);
	else
		value_line(l, row, &m, base);
	mk_destroy(base);
}

START_TEST(derivations_give_the_published_values) /* R6.5 */
{
	ck_assert_uint_eq(pair_lines("derive.txt", vector_line), 55);
}
END_TEST

/* What comes from a sensitive key that may not leave is the same; nothing mixes or cuts such a key under strict. */
static void protect_line(const struct pair_line *l, const struct pair_line *pair)
{
	const struct mech_row *row = mk_row(pair_text(l, "mech"));
	CK_OBJECT_HANDLE base, key = 77;
	CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	CK_ULONG len = row->type == CKM_EXTRACT_KEY_FROM_KEY ? 2 : strstr(row->name, "MASTER") ? 48 : 16;
	CK_BBOOL sensitive = CK_FALSE, extractable = CK_TRUE, local = CK_TRUE, always = CK_TRUE;
	CK_ATTRIBUTE t[] = { { CKA_KEY_TYPE, &type, sizeof(type) }, { CKA_VALUE_LEN, &len, sizeof(len) } };
	CK_ATTRIBUTE got[] = { { CKA_SENSITIVE, &sensitive, 1 },
			       { CKA_EXTRACTABLE, &extractable, 1 },
			       { CKA_LOCAL, &local, 1 },
			       { CKA_ALWAYS_SENSITIVE, &always, 1 } };
	CK_MECHANISM m;
	CK_RV rv;

	if (!(row->flags & CKF_DERIVE) || (row->traits & MECH_NO_HANDLE) || row->type == CKM_HKDF_DATA ||
	    pair_text(l, "extract") != NULL)
		return;
	base = base_of(type_of(l, row), pair_bytes(l, "key"), &yes);
	m = mechanism_of(l);
	rv = ck->C_DeriveKey(mk_session, &m, base, t, 2, &key);
	if (row->traits & MECH_WEAK_DERIVE) {
		IS(rv, CKR_KEY_FUNCTION_NOT_PERMITTED);
		ck_assert_uint_eq(key, 77);
	} else {
		ck_assert_msg(rv == CKR_OK, "%s: %lx", row->name, rv);
		OK(ck->C_GetAttributeValue(mk_session, key, got, 4));
		ck_assert(sensitive && !extractable && !local && !always);
		IS(derive(&m, base, CKK_GENERIC_SECRET, len, &key), CKR_TEMPLATE_INCONSISTENT);
	}
	mk_destroy(base);
}

START_TEST(derived_keys_are_protected_like_their_bases)
{
	mk_policy("strict");
	pair_lines("derive.txt", protect_line);
	mk_compatible();
}
END_TEST

/* Additional keys of one call lie behind each other; a bad template among them makes none. */
START_TEST(several_keys_of_one_call)
{
	static const uint8_t secret[32] = { 1, 2, 3 }, label[] = "label";
	CK_SP800_108_COUNTER_FORMAT format = { CK_FALSE, 8 };
	CK_SP800_108_DKM_LENGTH_FORMAT length = { CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS, CK_FALSE, 16 };
	CK_PRF_DATA_PARAM fields[] = {
		{ CK_SP800_108_ITERATION_VARIABLE, &format, sizeof(format) },
		{ CK_SP800_108_BYTE_ARRAY, (void *)(uintptr_t)label, 5 },
		{ CK_SP800_108_DKM_LENGTH, &length, sizeof(length) },
	};
	CK_KEY_TYPE aes = CKK_AES, generic = CKK_GENERIC_SECRET;
	CK_ULONG n16 = 16, n48 = 48, n17 = 17;
	CK_ATTRIBUTE first[] = { { CKA_KEY_TYPE, &aes, sizeof(aes) },
				 { CKA_SENSITIVE, &no, 1 },
				 { CKA_EXTRACTABLE, &yes, 1 },
				 { CKA_VALUE_LEN, &n16, sizeof(n16) } };
	CK_ATTRIBUTE second[] = { { CKA_KEY_TYPE, &generic, sizeof(generic) },
				  { CKA_SENSITIVE, &no, 1 },
				  { CKA_EXTRACTABLE, &yes, 1 },
				  { CKA_VALUE_LEN, &n48, sizeof(n48) } };
	CK_OBJECT_HANDLE more = 77, key = 77, whole = 0, base = base_of(CKK_GENERIC_SECRET, VIEW(secret, 32), &no);
	CK_DERIVED_KEY additional = { second, 4, &more };
	CK_SP800_108_KDF_PARAMS p = { CKM_SHA256_HMAC, 3, fields, 1, &additional };
	CK_MECHANISM m = { CKM_SP800_108_COUNTER_KDF, &p, sizeof(p) };
	uint8_t room[3][64];

	OK(ck->C_DeriveKey(mk_session, &m, base, first, 4, &key));
	ck_assert_uint_eq(mk_value(key, room[0], 64).n, 16);
	ck_assert_uint_eq(mk_value(more, room[0] + 16, 48).n, 48);
	p.ulAdditionalDerivedKeys = 0;
	n48 = 64;
	OK(ck->C_DeriveKey(mk_session, &m, base, second, 4, &whole));
	mk_value(whole, room[1], 64);
	ck_assert(memcmp(room[0], room[1], 64) == 0);
	p.ulAdditionalDerivedKeys = 1;
	n48 = 48;
	more = key = 77;
	second[0].pValue = &aes;
	second[3].pValue = &n17;
	IS(ck->C_DeriveKey(mk_session, &m, base, first, 4, &key), CKR_KEY_SIZE_RANGE);
	ck_assert(more == 77 && key == 77);
	mk_destroy(base);
}
END_TEST

START_TEST(bad_fields_are_refused)
{
	static const uint8_t secret[32] = { 1, 2, 3 };
	CK_SP800_108_COUNTER_FORMAT good = { CK_FALSE, 8 }, wide = { CK_FALSE, 40 }, odd = { CK_FALSE, 12 };
	CK_SP800_108_DKM_LENGTH_FORMAT length = { 9, CK_FALSE, 16 };
	CK_OBJECT_HANDLE none = 987654, base = base_of(CKK_GENERIC_SECRET, VIEW(secret, 32), &no), key = 77;
	CK_PRF_DATA_PARAM bad[][2] = {
		{ { CK_SP800_108_BYTE_ARRAY, &none, 4 }, { CK_SP800_108_BYTE_ARRAY, &none, 4 } },
		{ { CK_SP800_108_ITERATION_VARIABLE, NULL, 0 }, { CK_SP800_108_BYTE_ARRAY, &none, 4 } },
		{ { CK_SP800_108_ITERATION_VARIABLE, &wide, sizeof(wide) }, { CK_SP800_108_BYTE_ARRAY, &none, 4 } },
		{ { CK_SP800_108_ITERATION_VARIABLE, &odd, sizeof(odd) }, { CK_SP800_108_BYTE_ARRAY, &none, 4 } },
		{ { CK_SP800_108_ITERATION_VARIABLE, &good, 3 }, { CK_SP800_108_BYTE_ARRAY, &none, 4 } },
		{ { CK_SP800_108_ITERATION_VARIABLE, &good, sizeof(good) }, { CK_SP800_108_BYTE_ARRAY, NULL, 4 } },
		{ { CK_SP800_108_ITERATION_VARIABLE, &good, sizeof(good) }, { CK_SP800_108_BYTE_ARRAY, &none, ~0UL } },
		{ { CK_SP800_108_ITERATION_VARIABLE, &good, sizeof(good) }, { 99, &none, 4 } },
		{ { CK_SP800_108_ITERATION_VARIABLE, &good, sizeof(good) },
		  { CK_SP800_108_ITERATION_VARIABLE, &good, sizeof(good) } },
		{ { CK_SP800_108_ITERATION_VARIABLE, &good, sizeof(good) },
		  { CK_SP800_108_DKM_LENGTH, &length, sizeof(length) } },
		{ { CK_SP800_108_ITERATION_VARIABLE, &good, sizeof(good) },
		  { CK_SP800_108_OPTIONAL_COUNTER, &good, 16 } },
		{ { CK_SP800_108_ITERATION_VARIABLE, &good, sizeof(good) },
		  { CK_SP800_108_KEY_HANDLE, &none, sizeof(none) } },
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CK_SP800_108_KDF_PARAMS p = { CKM_SHA256_HMAC, 2, bad[i], 0, NULL };
		CK_MECHANISM m = { CKM_SP800_108_COUNTER_KDF, &p, sizeof(p) };

		IS(derive(&m, base, CKK_AES, 16, &key),
		   i == ARRAY_LEN(bad) - 1 ? CKR_KEY_HANDLE_INVALID : CKR_MECHANISM_PARAM_INVALID);
		p.ulNumberOfDataParams = ~0UL;
		IS(derive(&m, base, CKK_AES, 16, &key), CKR_MECHANISM_PARAM_INVALID);
		p = (CK_SP800_108_KDF_PARAMS){ CKM_SHA256_HMAC, 2, NULL, 0, NULL };
		IS(derive(&m, base, CKK_AES, 16, &key), CKR_MECHANISM_PARAM_INVALID);
		p = (CK_SP800_108_KDF_PARAMS){ CKM_SHA256_HMAC, 1, bad[6], 1, NULL };
		IS(derive(&m, base, CKK_AES, 16, &key), CKR_MECHANISM_PARAM_INVALID);
		p = (CK_SP800_108_KDF_PARAMS){ CKM_MD5, 1, bad[6], 0, NULL };
		IS(derive(&m, base, CKK_AES, 16, &key), CKR_MECHANISM_PARAM_INVALID);
		p = (CK_SP800_108_KDF_PARAMS){ CKM_AES_CMAC, 1, bad[6], 0, NULL };
		IS(derive(&m, base, CKK_AES, 16, &key), CKR_KEY_TYPE_INCONSISTENT);
	}
	/* a counter of 8 bits counts to 255 blocks of 32 bytes */
	ck_assert_uint_eq(key, 77);
	mk_destroy(base);
}
END_TEST

START_TEST(bad_parameters_are_refused)
{
	static const uint8_t secret[48] = { 1, 2, 3 };
	uint8_t byte = 0;
	CK_OBJECT_HANDLE base = base_of(CKK_GENERIC_SECRET, VIEW(secret, 48), &no), key = 77;
	CK_SSL3_RANDOM_DATA good = { &byte, 1, &byte, 1 }, null = { NULL, 1, &byte, 1 },
			    huge = { &byte, ~0UL, &byte, 1 };
	CK_HKDF_PARAMS hkdf[] = {
		{ CK_FALSE, CK_FALSE, CKM_SHA256, CKF_HKDF_SALT_NULL, NULL, 0, 0, NULL, 0 },
		{ CK_TRUE, CK_TRUE, CKM_MD5, CKF_HKDF_SALT_NULL, NULL, 0, 0, NULL, 0 },
		{ CK_TRUE, CK_TRUE, CKM_SHA256, 0, NULL, 0, 0, NULL, 0 },
		{ CK_TRUE, CK_TRUE, CKM_SHA256, 7, NULL, 0, 0, NULL, 0 },
		{ CK_TRUE, CK_TRUE, CKM_SHA256, CKF_HKDF_SALT_DATA, NULL, 1, 0, NULL, 0 },
		{ CK_TRUE, CK_TRUE, CKM_SHA256, CKF_HKDF_SALT_NULL, NULL, 0, 0, &byte, ~0UL },
		{ 2, CK_TRUE, CKM_SHA256, CKF_HKDF_SALT_NULL, NULL, 0, 0, NULL, 0 },
	};
	CK_HKDF_PARAMS no_salt = { CK_TRUE, CK_TRUE, CKM_SHA256, CKF_HKDF_SALT_KEY, NULL, 0, 987654, NULL, 0 };
	CK_TLS12_MASTER_KEY_DERIVE_PARAMS master[] = { { good, NULL, CKM_MD5 },
						       { null, NULL, CKM_SHA256 },
						       { huge, NULL, CKM_SHA256 } };
	CK_SSL3_KEY_MAT_OUT out = { 0 };
	CK_TLS12_KEY_MAT_PARAMS block[] = {
		{ 0, 128, 0, CK_FALSE, good, NULL, CKM_SHA256 },    { 0, 128, 64, CK_FALSE, good, &out, CKM_SHA256 },
		{ 0, 128, 0, CK_TRUE, good, &out, CKM_SHA256 },     { 0, ~0UL, 0, CK_FALSE, good, &out, CKM_SHA256 },
		{ ~0UL, 128, 0, CK_FALSE, good, &out, CKM_SHA256 }, { 4, 128, 0, CK_FALSE, good, &out, CKM_SHA256 },
		{ 0, 128, ~0UL, CK_FALSE, good, &out, CKM_SHA256 }, { 0, 0, 0, CK_FALSE, good, &out, CKM_SHA256 },
		{ 0, 128, 0, CK_FALSE, null, &out, CKM_SHA256 },
	};
	CK_TLS_KDF_PARAMS tls[] = { { CKM_SHA256, NULL, 1, good, NULL, 0 },     { CKM_SHA256, &byte, 0, good, NULL, 0 },
				    { CKM_SHA256, &byte, ~0UL, good, NULL, 0 }, { CKM_SHA256, &byte, 1, huge, NULL, 0 },
				    { CKM_SHA256, &byte, 1, good, NULL, 1 },    { CKM_MD5, &byte, 1, good, NULL, 0 } };
	CK_TLS_MAC_PARAMS mac[] = { { CKM_SHA256, 11, 1 },
				    { CKM_SHA256, ~0UL, 1 },
				    { CKM_SHA256, 12, 0 },
				    { CKM_SHA256, 12, 3 },
				    { CKM_MD5, 12, 1 } };
	CK_PKCS5_PBKD2_PARAMS2 pbkdf2[] = {
		{ 0, &byte, 1, 1, CKP_PKCS5_PBKD2_HMAC_SHA256, NULL, 0, &byte, 1 },
		{ CKZ_SALT_SPECIFIED, NULL, 1, 1, CKP_PKCS5_PBKD2_HMAC_SHA256, NULL, 0, &byte, 1 },
		{ CKZ_SALT_SPECIFIED, &byte, 1, 0, CKP_PKCS5_PBKD2_HMAC_SHA256, NULL, 0, &byte, 1 },
		{ CKZ_SALT_SPECIFIED, &byte, 1, ~0UL, CKP_PKCS5_PBKD2_HMAC_SHA256, NULL, 0, &byte, 1 },
		{ CKZ_SALT_SPECIFIED, &byte, 1, 1, 2, NULL, 0, &byte, 1 },
		{ CKZ_SALT_SPECIFIED, &byte, 1, 1, CKP_PKCS5_PBKD2_HMAC_SHA256, NULL, 0, NULL, 1 },
		{ CKZ_SALT_SPECIFIED, &byte, 1, 1, CKP_PKCS5_PBKD2_HMAC_SHA256, NULL, 0, &byte,
		  (CK_ULONG)(uintptr_t)&key },
	};
	CK_EXTRACT_PARAMS first = 48 * 8;
	CK_KEY_TYPE generic = CKK_GENERIC_SECRET;
	CK_ULONG len = 16;
	CK_ATTRIBUTE t[] = { { CKA_KEY_TYPE, &generic, sizeof(generic) }, { CKA_VALUE_LEN, &len, sizeof(len) } };

#define EACH(array, mechanism)                                                                                         \
	for (size_t i = 0; i < ARRAY_LEN(array); i++)                                                                  \
	IS(derive(&(CK_MECHANISM){ mechanism, &array[i], sizeof(array[i]) }, base, CKK_GENERIC_SECRET, 48, &key),      \
	   CKR_MECHANISM_PARAM_INVALID)

	EACH(hkdf, CKM_HKDF_DERIVE);
	EACH(hkdf, CKM_HKDF_DATA);
	EACH(master, CKM_TLS12_MASTER_KEY_DERIVE);
	EACH(block, CKM_TLS12_KEY_AND_MAC_DERIVE);
	EACH(tls, CKM_TLS_KDF);
	IS(derive(&(CK_MECHANISM){ CKM_HKDF_DERIVE, &no_salt, sizeof(no_salt) }, base, CKK_GENERIC_SECRET, 16, &key),
	   CKR_KEY_HANDLE_INVALID);
	IS(derive(&(CK_MECHANISM){ CKM_EXTRACT_KEY_FROM_KEY, &first, sizeof(first) }, base, CKK_GENERIC_SECRET, 4,
		  &key),
	   CKR_MECHANISM_PARAM_INVALID);
	for (size_t i = 0; i < ARRAY_LEN(mac); i++)
		IS(mk_init(CKF_SIGN, &(CK_MECHANISM){ CKM_TLS_MAC, &mac[i], sizeof(mac[i]) }, base),
		   CKR_MECHANISM_PARAM_INVALID);
	for (size_t i = 0; i < ARRAY_LEN(pbkdf2); i++)
		IS(ck->C_GenerateKey(mk_session, &(CK_MECHANISM){ CKM_PKCS5_PBKD2, &pbkdf2[i], sizeof(pbkdf2[i]) }, t,
				     2, &key),
		   CKR_MECHANISM_PARAM_INVALID);
	ck_assert_uint_eq(key, 77);
	mk_destroy(base);
}
END_TEST

/* A salt that is a key gives what the same bytes as data give. */
START_TEST(salt_may_be_a_key)
{
	static const uint8_t secret[32] = { 1, 2, 3 }, salt[16] = { 9, 8, 7 };
	CK_OBJECT_HANDLE base = base_of(CKK_HKDF, VIEW(secret, 32), &no);
	CK_OBJECT_HANDLE salt_key = base_of(CKK_GENERIC_SECRET, VIEW(salt, 16), &no), x = 0, y = 0;
	CK_HKDF_PARAMS data = { CK_TRUE, CK_TRUE, CKM_SHA3_256, CKF_HKDF_SALT_DATA, (void *)(uintptr_t)salt, 16, 0,
				NULL,    0 };
	CK_HKDF_PARAMS key = { CK_TRUE, CK_TRUE, CKM_SHA3_256, CKF_HKDF_SALT_KEY, NULL, 0, salt_key, NULL, 0 };
	uint8_t room[2][64];

	OK(derive(&(CK_MECHANISM){ CKM_HKDF_DERIVE, &data, sizeof(data) }, base, CKK_GENERIC_SECRET, 40, &x));
	OK(derive(&(CK_MECHANISM){ CKM_HKDF_DERIVE, &key, sizeof(key) }, base, CKK_GENERIC_SECRET, 40, &y));
	ck_assert(view_equal(mk_value(x, room[0], 64), mk_value(y, room[1], 64)));
	mk_destroy(base);
	mk_destroy(salt_key);
}
END_TEST

START_TEST(premaster_secret_has_its_version)
{
	CK_VERSION version = { 3, 3 };
	CK_MECHANISM m = { CKM_TLS_PRE_MASTER_KEY_GEN, &version, sizeof(version) };
	CK_ULONG len = 47;
	CK_ATTRIBUTE t[] = { { CKA_SENSITIVE, &no, 1 },
			     { CKA_EXTRACTABLE, &yes, 1 },
			     { CKA_VALUE_LEN, &len, sizeof(len) } };
	CK_OBJECT_HANDLE key = 0;
	uint8_t room[2][64];

	OK(ck->C_GenerateKey(mk_session, &m, t, 2, &key));
	ck_assert_uint_eq(mk_value(key, room[0], 64).n, 48);
	ck_assert(room[0][0] == 3 && room[0][1] == 3);
	OK(ck->C_GenerateKey(mk_session, &m, t, 2, &key));
	mk_value(key, room[1], 64);
	ck_assert(memcmp(room[0] + 2, room[1] + 2, 46) != 0);
	IS(ck->C_GenerateKey(mk_session, &m, t, 3, &key), CKR_TEMPLATE_INCONSISTENT);
}
END_TEST

/* The public half of a pair, out of the private half. */
START_TEST(public_key_comes_out_of_the_private_one)
{
	static const struct {
		const char *row;
		CK_ATTRIBUTE_TYPE value;
	} rows[] = { { "CKM_DSA_SHA256", CKA_VALUE }, { "CKM_ECDSA_SHA256", CKA_EC_POINT } };
	CK_MECHANISM m = { CKM_PUB_KEY_FROM_PRIV_KEY, NULL, 0 };
	uint8_t room[2][1024];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct mech_row *row = mk_row(rows[i].row);
		CK_OBJECT_HANDLE public = mk_key_for(row, CKF_VERIFY), private = mk_key_for(row, CKF_SIGN), made = 0;
		CK_ATTRIBUTE a0 = { rows[i].value, room[0], 1024 }, a1 = { rows[i].value, room[1], 1024 };
		CK_ATTRIBUTE t[] = { { CKA_VERIFY, &yes, 1 } };

		OK(ck->C_DeriveKey(mk_session, &m, private, t, 1, &made));
		OK(ck->C_GetAttributeValue(mk_session, public, &a0, 1));
		OK(ck->C_GetAttributeValue(mk_session, made, &a1, 1));
		ck_assert(view_equal(VIEW(room[0], a0.ulValueLen), VIEW(room[1], a1.ulValueLen)));
		OK(ck->C_DestroyObject(mk_session, made));
		IS(ck->C_DeriveKey(mk_session, &m, public, t, 1, &made), CKR_KEY_TYPE_INCONSISTENT);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("derivation");
	TCase *c = tcase_create("derivation");

	tcase_add_unchecked_fixture(c, mk_begin, mk_end);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, derivations_give_the_published_values);
	tcase_add_test(c, several_keys_of_one_call);
	tcase_add_test(c, bad_fields_are_refused);
	tcase_add_test(c, bad_parameters_are_refused);
	tcase_add_test(c, salt_may_be_a_key);
	tcase_add_test(c, premaster_secret_has_its_version);
	tcase_add_test(c, public_key_comes_out_of_the_private_one);
	tcase_add_test(c, derived_keys_are_protected_like_their_bases);
	suite_add_tcase(s, c);
	return mk_main(s);
}
