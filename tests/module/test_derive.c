/* SPDX-License-Identifier: BSD-2-Clause */
#include "pair_kit.h"
#include <stdio.h>
#include <string.h>

/* Derivation from secret keys by published values: which bytes, of which length, protected how. */

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

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
		a.other = mk_base(CKK_GENERIC_SECRET, pair_bytes(l, "data"), &no);
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

	OK(mk_derive(m, base, CKK_GENERIC_SECRET, want.n, &key));
	expect(l, key, want);
	mk_destroy(key);
	if (!prf) {
		OK(mk_derive(m, base, CKK_GENERIC_SECRET, 0, &key));
		expect(l, key, want);
		mk_destroy(key);
		IS(mk_derive(m, base, CKK_GENERIC_SECRET, want.n + 1, &key), CKR_KEY_SIZE_RANGE);
		OK(mk_derive(m, base, CKK_GENERIC_SECRET, want.n - 1, &key));
		expect(l, key, VIEW(want.p, want.n - 1));
		mk_destroy(key);
	}
	if (master)
		IS(mk_derive(m, base, CKK_GENERIC_SECRET, 47, &key), CKR_TEMPLATE_INCONSISTENT);
	if (master && strstr(row->name, "DH") == NULL)
		ck_assert(a.version.major == 0xf8 && a.version.minor == 0x93);
	IS(mk_derive(m, base, CKK_GENERIC_SECRET, 513, &key), CKR_KEY_SIZE_RANGE);
	IS(mk_derive(m, base, CKK_DES3, 16, &key), CKR_TEMPLATE_INCONSISTENT);
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
	base = mk_base(type_of(l, row), pair_bytes(l, "key"), &no);
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
	base = mk_base(type_of(l, row), pair_bytes(l, "key"), &yes);
	m = mechanism_of(l);
	rv = ck->C_DeriveKey(mk_session, &m, base, t, 2, &key);
	if (row->traits & MECH_WEAK_DERIVE) {
		IS(rv, CKR_KEY_FUNCTION_NOT_PERMITTED);
		ck_assert_uint_eq(key, 77);
	} else {
		ck_assert_msg(rv == CKR_OK, "%s: %lx", row->name, rv);
		OK(ck->C_GetAttributeValue(mk_session, key, got, 4));
		ck_assert(sensitive && !extractable && !local && !always);
		IS(mk_derive(&m, base, CKK_GENERIC_SECRET, len, &key), CKR_TEMPLATE_INCONSISTENT);
		/* a key that can be found by search is the beginning of a longer one */
		for (len = 1; len < 14; len += 6)
			IS(ck->C_DeriveKey(mk_session, &m, base, t, 2, &key), CKR_KEY_SIZE_RANGE);
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

/* text: an attribute as a string. */
static const char *text(CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE type, char room[128])
{
	CK_ATTRIBUTE t = { type, room, 127 };

	OK(ck->C_GetAttributeValue(mk_session, h, &t, 1));
	room[t.ulValueLen] = '\0';
	return room;
}

START_TEST(key_says_all_that_it_came_of_even_through_a_session)
{
	CK_MECHANISM generate = { CKM_AES_KEY_GEN, NULL, 0 }, mix = { CKM_CONCATENATE_BASE_AND_KEY, NULL, 0 };
	CK_KEY_DERIVATION_STRING_DATA data = { (CK_BYTE_PTR) "0123456789abcdef", 16 };
	CK_MECHANISM more = { CKM_CONCATENATE_BASE_AND_DATA, &data, sizeof(data) };
	CK_ULONG bytes = 16;
	CK_ATTRIBUTE base[] = { { CKA_VALUE_LEN, &bytes, sizeof(bytes) },
				{ CKA_TOKEN, &yes, 1 },
				{ CKA_DERIVE, &yes, 1 } };
	CK_ATTRIBUTE derived[] = { { CKA_DERIVE, &yes, 1 }, { CKA_TOKEN, &no, 1 } };
	CK_ATTRIBUTE kept = { CKA_TOKEN, &yes, 1 };
	CK_OBJECT_HANDLE one = 0, two = 0, both = 0, child = 0, copy = 0, second = 0;
	CK_OBJECT_HANDLE *const made[] = { &one, &two, &both, &child, &copy, &second };
	char room[128], more_room[128], want[256];

	OK(ck->C_GenerateKey(mk_session, &generate, base, 3, &one));
	OK(ck->C_GenerateKey(mk_session, &generate, base, 3, &two));
	mix.pParameter = &two;
	mix.ulParameterLen = sizeof(two);
	OK(ck->C_DeriveKey(mk_session, &mix, one, derived, 2, &both));
	snprintf(want, sizeof(want), "%s %s", text(one, CKA_UNIQUE_ID, room), text(two, CKA_UNIQUE_ID, more_room));
	ck_assert_str_eq(text(both, CKA_SR_PARENT, room), want);
	/* Of a key of a session: what that one came of. Once each. */
	OK(ck->C_DeriveKey(mk_session, &more, both, &kept, 1, &child));
	ck_assert_str_eq(text(child, CKA_SR_PARENT, room), want);
	mix.pParameter = &one;
	OK(ck->C_DeriveKey(mk_session, &mix, both, &kept, 1, &second));
	ck_assert_str_eq(text(second, CKA_SR_PARENT, room), want);
	/* A copy names the key that it is a copy of, and what that one names already. */
	OK(ck->C_CopyObject(mk_session, child, NULL, 0, &copy));
	text(child, CKA_UNIQUE_ID, more_room);
	text(copy, CKA_SR_PARENT, room);
	ck_assert_ptr_nonnull(strstr(room, want));
	ck_assert_ptr_nonnull(strstr(room, more_room));
	/* Nobody may say it of a key. */
	derived[1] = (CK_ATTRIBUTE){ CKA_SR_PARENT, want, 32 };
	ck_assert_uint_ne(ck->C_DeriveKey(mk_session, &more, both, derived, 2, &two), CKR_OK);
	ck_assert_uint_ne(ck->C_SetAttributeValue(mk_session, copy, &derived[1], 1), CKR_OK);
	for (size_t i = 0; i < ARRAY_LEN(made); i++)
		OK(ck->C_DestroyObject(mk_session, *made[i]));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("derivation");
	TCase *c = tcase_create("derivation");

	tcase_add_unchecked_fixture(c, mk_begin, mk_end);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, derivations_give_the_published_values);
	tcase_add_test(c, derived_keys_are_protected_like_their_bases);
	tcase_add_test(c, key_says_all_that_it_came_of_even_through_a_session);
	suite_add_tcase(s, c);
	return mk_main(s);
}
