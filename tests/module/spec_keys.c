/* SPDX-License-Identifier: BSD-2-Clause */
#include "spec_kit.h"

#define T(...) (CK_ATTRIBUTE[]){ __VA_ARGS__ }, sizeof((CK_ATTRIBUTE[]){ __VA_ARGS__ }) / sizeof(CK_ATTRIBUTE)
#define OBJECT_ID                                                                                                      \
	{                                                                                                              \
		CKA_UNIQUE_ID, spec_bytes, 4                                                                           \
	}
#define UNKNOWN                                                                                                        \
	{                                                                                                              \
		0x7ffffff0UL, spec_bytes, 4                                                                            \
	}
#define BAD_BOOL                                                                                                       \
	{                                                                                                              \
		CKA_ENCRYPT, spec_bytes, 4                                                                             \
	}
#define CLASS(c)                                                                                                       \
	{                                                                                                              \
		CKA_CLASS, &(c), sizeof(c)                                                                             \
	}
#define TYPE(t)                                                                                                        \
	{                                                                                                              \
		CKA_KEY_TYPE, &(t), sizeof(t)                                                                          \
	}
#define TOKEN                                                                                                          \
	{                                                                                                              \
		CKA_TOKEN, &spec_yes, 1                                                                                \
	}
#define PRIVATE                                                                                                        \
	{                                                                                                              \
		CKA_PRIVATE, &spec_yes, 1                                                                              \
	}
#define LEN(n)                                                                                                         \
	{                                                                                                              \
		CKA_VALUE_LEN, &(CK_ULONG){ n }, sizeof(CK_ULONG)                                                      \
	}

static CK_OBJECT_CLASS class_data = CKO_DATA, class_secret = CKO_SECRET_KEY;
static CK_KEY_TYPE type_aes = CKK_AES, type_generic = CKK_GENERIC_SECRET;
static CK_OBJECT_HANDLE o, p;
static CK_MECHANISM aes_gen = { CKM_AES_KEY_GEN, NULL, 0 }, rsa_gen = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 },
		    ec_gen = { CKM_EC_KEY_PAIR_GEN, NULL, 0 }, key_wrap = { CKM_AES_KEY_WRAP, NULL, 0 };
static CK_RSA_PKCS_OAEP_PARAMS oaep_params = { CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0 };
static CK_MECHANISM oaep = { CKM_RSA_PKCS_OAEP, &oaep_params, sizeof(oaep_params) };

START_TEST(generation)
{
	CK_MECHANISM with_param = { CKM_AES_KEY_GEN, spec_bytes, 4 };
	CK_SESSION_HANDLE read_only = spec_open(0), s = spec_session;

	SPEC(ARGUMENTS_BAD, C_GenerateKey, s, NULL, T(LEN(16)), &o);
	SPEC(MECHANISM_INVALID, C_GenerateKey, s, &spec_unknown, T(LEN(16)), &o);
	SPEC(MECHANISM_PARAM_INVALID, C_GenerateKey, s, &with_param, T(LEN(16)), &o);
	SPEC(TEMPLATE_INCOMPLETE, C_GenerateKey, s, &aes_gen, NULL, 0, &o);
	SPEC(TEMPLATE_INCONSISTENT, C_GenerateKey, s, &aes_gen, T(LEN(16), CLASS(class_data)), &o);
	SPEC(ATTRIBUTE_READ_ONLY, C_GenerateKey, s, &aes_gen, T(LEN(16), OBJECT_ID), &o);
	SPEC(ATTRIBUTE_TYPE_INVALID, C_GenerateKey, s, &aes_gen, T(LEN(16), UNKNOWN), &o);
	SPEC(ATTRIBUTE_VALUE_INVALID, C_GenerateKey, s, &aes_gen, T(LEN(16), BAD_BOOL), &o);
	SPEC(KEY_SIZE_RANGE, C_GenerateKey, s, &aes_gen, T(LEN(17)), &o);
	SPEC(SESSION_READ_ONLY, C_GenerateKey, read_only, &aes_gen, T(LEN(16), TOKEN), &o);
	DONE(spec->C_CloseSession(read_only));
	spec_logout();
	SPEC(USER_NOT_LOGGED_IN, C_GenerateKey, s, &aes_gen, T(LEN(16), PRIVATE), &o);
	spec_login(CKU_USER);
}
END_TEST

static uint8_t p256[] = { 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 };
static uint8_t no_curve[] = { 6, 3, 0x2a, 3, 4 };

START_TEST(pairs)
{
	CK_MECHANISM with_param = { CKM_RSA_PKCS_KEY_PAIR_GEN, spec_bytes, 4 };
	CK_SESSION_HANDLE read_only = spec_open(0), s = spec_session;
	CK_ULONG bits = 2048, few = 100;
	CK_ATTRIBUTE size = { CKA_MODULUS_BITS, &bits, sizeof(bits) };

	SPEC(ARGUMENTS_BAD, C_GenerateKeyPair, s, NULL, &size, 1, NULL, 0, &o, &p);
	SPEC(MECHANISM_INVALID, C_GenerateKeyPair, s, &spec_unknown, &size, 1, NULL, 0, &o, &p);
	SPEC(MECHANISM_PARAM_INVALID, C_GenerateKeyPair, s, &with_param, &size, 1, NULL, 0, &o, &p);
	SPEC(TEMPLATE_INCOMPLETE, C_GenerateKeyPair, s, &rsa_gen, NULL, 0, NULL, 0, &o, &p);
	SPEC(TEMPLATE_INCONSISTENT, C_GenerateKeyPair, s, &rsa_gen, T(size, CLASS(class_data)), NULL, 0, &o, &p);
	SPEC(ATTRIBUTE_READ_ONLY, C_GenerateKeyPair, s, &rsa_gen, &size, 1, T(OBJECT_ID), &o, &p);
	SPEC(ATTRIBUTE_TYPE_INVALID, C_GenerateKeyPair, s, &rsa_gen, &size, 1, T(UNKNOWN), &o, &p);
	SPEC(ATTRIBUTE_VALUE_INVALID, C_GenerateKeyPair, s, &rsa_gen, T(size, BAD_BOOL), NULL, 0, &o, &p);
	SPEC(KEY_SIZE_RANGE, C_GenerateKeyPair, s, &rsa_gen, T({ CKA_MODULUS_BITS, &few, sizeof(few) }), NULL, 0, &o,
	     &p);
	SPEC(CURVE_NOT_SUPPORTED, C_GenerateKeyPair, s, &ec_gen, T({ CKA_EC_PARAMS, no_curve, sizeof(no_curve) }), NULL,
	     0, &o, &p);
	SPEC(DOMAIN_PARAMS_INVALID, C_GenerateKeyPair, s, &ec_gen, T({ CKA_EC_PARAMS, spec_bytes, 7 }), NULL, 0, &o,
	     &p);
	SPEC(SESSION_READ_ONLY, C_GenerateKeyPair, read_only, &rsa_gen, &size, 1, T(TOKEN), &o, &p);
	DONE(spec->C_CloseSession(read_only));
	spec_logout();
	SPEC(USER_NOT_LOGGED_IN, C_GenerateKeyPair, s, &rsa_gen, &size, 1, T(PRIVATE), &o, &p);
	spec_login(CKU_USER);
}
END_TEST

static CK_OBJECT_HANDLE wrapping, cargo, kept, secret, public, private, short_public, short_private;

static void wrap_keys(void)
{
	CK_ATTRIBUTE locked[] = { LEN(16), { CKA_EXTRACTABLE, &spec_no, 1 } };

	wrapping = spec_aes(CKF_WRAP | CKF_UNWRAP);
	cargo = spec_aes(CKF_ENCRYPT);
	secret = spec_generic(32, CKF_SIGN);
	DONE(spec->C_GenerateKey(spec_session, &aes_gen, locked, 2, &kept));
	spec_rsa(2048, &public, &private);
	spec_rsa(512, &short_public, &short_private);
}

/* Functions that wrap: ... stands for the associated data. */
#define WRAPS(function, mechanism, bad, ...)                                                                           \
	do {                                                                                                           \
		SPEC(ARGUMENTS_BAD, function, s, NULL, wrapping, cargo, ##__VA_ARGS__, ROOM);                          \
		SPEC(ARGUMENTS_BAD, function, s, &(mechanism), wrapping, cargo, ##__VA_ARGS__, spec_out, NULL);        \
		SPEC(WRAPPING_KEY_HANDLE_INVALID, function, s, &(mechanism), 4711, cargo, ##__VA_ARGS__, ROOM);        \
		SPEC(KEY_HANDLE_INVALID, function, s, &(mechanism), wrapping, 4711, ##__VA_ARGS__, ROOM);              \
		SPEC(MECHANISM_INVALID, function, s, &spec_unknown, wrapping, cargo, ##__VA_ARGS__, ROOM);             \
		SPEC(MECHANISM_PARAM_INVALID, function, s, &(bad), wrapping, cargo, ##__VA_ARGS__, ROOM);              \
		SPEC(WRAPPING_KEY_TYPE_INCONSISTENT, function, s, &(mechanism), secret, cargo, ##__VA_ARGS__, ROOM);   \
		SPEC(KEY_FUNCTION_NOT_PERMITTED, function, s, &(mechanism), cargo, cargo, ##__VA_ARGS__, ROOM);        \
		SPEC(KEY_UNEXTRACTABLE, function, s, &(mechanism), wrapping, kept, ##__VA_ARGS__, ROOM);               \
		SPEC(KEY_NOT_WRAPPABLE, function, s, &(mechanism), wrapping, public, ##__VA_ARGS__, ROOM);             \
		SPEC(BUFFER_TOO_SMALL, function, s, &(mechanism), wrapping, cargo, ##__VA_ARGS__, ROOM_OF(1));         \
	} while (0)

START_TEST(wrapping_keys)
{
	CK_MECHANISM bad = { CKM_AES_KEY_WRAP, spec_bytes, 5 };
	CK_SESSION_HANDLE s = spec_session;
	CK_OBJECT_HANDLE seen = spec_public_secret(CKK_AES, CKF_WRAP | CKF_UNWRAP), odd = spec_generic(12, CKF_SIGN);

	wrap_keys();
	WRAPS(C_WrapKey, key_wrap, bad);
	SPEC(WRAPPING_KEY_SIZE_RANGE, C_WrapKey, s, &oaep, short_public, cargo, ROOM);
	SPEC(KEY_SIZE_RANGE, C_WrapKey, s, &key_wrap, wrapping, odd, ROOM);
	spec_logout();
	SPEC(USER_NOT_LOGGED_IN, C_WrapKey, s, &key_wrap, seen, seen, ROOM);
	spec_login(CKU_USER);
}
END_TEST

#define TEMPLATE T(CLASS(class_secret), TYPE(type_aes))

/* The same for those that unwrap: good is a wrapped AES key; AFTER what stands between template and handle. */
#define UNWRAPS(function, mechanism, bad, good, n, short_n, ...)                                                       \
	do {                                                                                                           \
		SPEC(ARGUMENTS_BAD, function, s, NULL, wrapping, good, n, TEMPLATE, ##__VA_ARGS__, &o);                \
		SPEC(ARGUMENTS_BAD, function, s, &(mechanism), wrapping, NULL, n, TEMPLATE, ##__VA_ARGS__, &o);        \
		SPEC(UNWRAPPING_KEY_HANDLE_INVALID, function, s, &(mechanism), 4711, good, n, TEMPLATE, ##__VA_ARGS__, \
		     &o);                                                                                              \
		SPEC(MECHANISM_INVALID, function, s, &spec_unknown, wrapping, good, n, TEMPLATE, ##__VA_ARGS__, &o);   \
		SPEC(MECHANISM_PARAM_INVALID, function, s, &(bad), wrapping, good, n, TEMPLATE, ##__VA_ARGS__, &o);    \
		SPEC(UNWRAPPING_KEY_TYPE_INCONSISTENT, function, s, &(mechanism), secret, good, n, TEMPLATE,           \
		     ##__VA_ARGS__, &o);                                                                               \
		SPEC(KEY_FUNCTION_NOT_PERMITTED, function, s, &(mechanism), cargo, good, n, TEMPLATE, ##__VA_ARGS__,   \
		     &o);                                                                                              \
		SPEC(TEMPLATE_INCOMPLETE, function, s, &(mechanism), wrapping, good, n, T(CLASS(class_secret)),        \
		     ##__VA_ARGS__, &o);                                                                               \
		SPEC(TEMPLATE_INCONSISTENT, function, s, &(mechanism), wrapping, good, n,                              \
		     T(CLASS(class_secret), CLASS(class_data)), ##__VA_ARGS__, &o);                                    \
		SPEC(ATTRIBUTE_READ_ONLY, function, s, &(mechanism), wrapping, good, n,                                \
		     T(CLASS(class_secret), TYPE(type_aes), OBJECT_ID), ##__VA_ARGS__, &o);                            \
		SPEC(ATTRIBUTE_TYPE_INVALID, function, s, &(mechanism), wrapping, good, n,                             \
		     T(CLASS(class_secret), TYPE(type_aes), UNKNOWN), ##__VA_ARGS__, &o);                              \
		SPEC(ATTRIBUTE_VALUE_INVALID, function, s, &(mechanism), wrapping, good, n,                            \
		     T(CLASS(class_secret), TYPE(type_aes), BAD_BOOL), ##__VA_ARGS__, &o);                             \
		SPEC(SESSION_READ_ONLY, function, read_only, &(mechanism), wrapping, good, n,                          \
		     T(CLASS(class_secret), TYPE(type_aes), TOKEN), ##__VA_ARGS__, &o);                                \
		SPEC(WRAPPED_KEY_LEN_RANGE, function, s, &(mechanism), wrapping, good, short_n, TEMPLATE,              \
		     ##__VA_ARGS__, &o);                                                                               \
		SPEC(WRAPPED_KEY_INVALID, function, s, &(mechanism), wrapping, spec_bytes, 24, TEMPLATE,               \
		     ##__VA_ARGS__, &o);                                                                               \
		DONE(spec->function(s, &(mechanism), wrapping, good, n, TEMPLATE, ##__VA_ARGS__, &o));                 \
	} while (0)

START_TEST(unwrapping_keys)
{
	CK_MECHANISM bad = { CKM_AES_KEY_WRAP, spec_bytes, 5 };
	CK_SESSION_HANDLE read_only = spec_open(0), s = spec_session;
	CK_OBJECT_HANDLE seen = spec_public_secret(CKK_AES, CKF_WRAP | CKF_UNWRAP);
	uint8_t good[64];
	CK_ULONG n = sizeof(good);

	wrap_keys();
	DONE(spec->C_WrapKey(s, &key_wrap, wrapping, cargo, good, &n));
	UNWRAPS(C_UnwrapKey, key_wrap, bad, good, n, 7);
	SPEC(UNWRAPPING_KEY_SIZE_RANGE, C_UnwrapKey, s, &oaep, short_private, good, n, TEMPLATE, &o);
	DONE(spec->C_CloseSession(read_only));
	spec_logout();
	SPEC(USER_NOT_LOGGED_IN, C_UnwrapKey, s, &key_wrap, seen, good, n, TEMPLATE, &o);
	spec_login(CKU_USER);
}
END_TEST

/* The same with associated data, tag and nonce apart. */
START_TEST(authenticated_wrapping)
{
	uint8_t nonce[12] = { 1 }, tag[16] = { 0 }, good[64];
	CK_GCM_MESSAGE_PARAMS param = { nonce, sizeof(nonce), 0, CKG_GENERATE, tag, 128 };
	CK_MECHANISM m = { CKM_AES_GCM, &param, sizeof(param) }, bad = { CKM_AES_GCM, &param, 3 };
	CK_SESSION_HANDLE read_only = spec_open(0), s = spec_session;
	CK_OBJECT_HANDLE seen = spec_public_secret(CKK_AES, CKF_WRAP | CKF_UNWRAP);
	CK_ULONG n = sizeof(good);

	wrap_keys();
	WRAPS(C_WrapKeyAuthenticated, m, bad, spec_bytes, 9);
	DONE(spec->C_WrapKeyAuthenticated(s, &m, wrapping, cargo, spec_bytes, 9, good, &n));
	param.ivGenerator = CKG_NO_GENERATE;
	UNWRAPS(C_UnwrapKeyAuthenticated, m, bad, good, n, 0, spec_bytes, 9);
	DONE(spec->C_CloseSession(read_only));
	spec_logout();
	SPEC(USER_NOT_LOGGED_IN, C_WrapKeyAuthenticated, s, &m, seen, seen, spec_bytes, 9, ROOM);
	SPEC(USER_NOT_LOGGED_IN, C_UnwrapKeyAuthenticated, s, &m, seen, good, n, TEMPLATE, spec_bytes, 9, &o);
	spec_login(CKU_USER);
}
END_TEST

/* A curve whose secret is of no AES key's length: the template must say which. */
static void without_length(const CK_ATTRIBUTE *derive)
{
	static uint8_t p384[] = { 6, 5, 0x2b, 0x81, 4, 0, 0x22 };
	uint8_t point[120];
	CK_ATTRIBUTE value = { CKA_EC_POINT, point, sizeof(point) };
	CK_ECDH1_DERIVE_PARAMS params = { CKD_NULL, 0, NULL, 97, point + 2 };
	CK_MECHANISM m = { CKM_ECDH1_DERIVE, &params, sizeof(params) };
	CK_OBJECT_HANDLE ec_public, ec_private;

	DONE(spec->C_GenerateKeyPair(spec_session, &ec_gen, T({ CKA_EC_PARAMS, p384, sizeof(p384) }), T(*derive),
				     &ec_public, &ec_private));
	DONE(spec->C_GetAttributeValue(spec_session, ec_public, &value, 1));
	SPEC(TEMPLATE_INCOMPLETE, C_DeriveKey, spec_session, &m, ec_private, T(CLASS(class_secret), TYPE(type_aes)),
	     &o);
}

START_TEST(derivation)
{
	CK_ATTRIBUTE curve = { CKA_EC_PARAMS, p256, sizeof(p256) }, derive = { CKA_DERIVE, &spec_yes, 1 };
	CK_SESSION_HANDLE read_only = spec_open(0), s = spec_session;
	CK_OBJECT_HANDLE ec_public, ec_private, plain_public, plain_private, seen_public, seen;
	uint8_t point[80];
	CK_ATTRIBUTE value = { CKA_EC_POINT, point, sizeof(point) };
	CK_ECDH1_DERIVE_PARAMS params = { CKD_NULL, 0, NULL, 65, point + 2 };
	CK_MECHANISM m = { CKM_ECDH1_DERIVE, &params, sizeof(params) }, bad = { CKM_ECDH1_DERIVE, &params, 3 };
	CK_MECHANISM sha1 = { CKM_SHA1_KEY_DERIVATION, NULL, 0 }; /* 20 bytes are no AES key */
	CK_ATTRIBUTE with[] = { CLASS(class_secret), TYPE(type_generic), LEN(32), { 0 } };

	DONE(spec->C_GenerateKeyPair(s, &ec_gen, &curve, 1, &derive, 1, &ec_public, &ec_private));
	DONE(spec->C_GenerateKeyPair(s, &ec_gen, &curve, 1, NULL, 0, &plain_public, &plain_private));
	DONE(spec->C_GenerateKeyPair(s, &ec_gen, &curve, 1, T(derive, TOKEN, { CKA_PRIVATE, &spec_no, 1 }),
				     &seen_public, &seen));
	DONE(spec->C_GetAttributeValue(s, ec_public, &value, 1));
	without_length(&derive);
	secret = spec_generic(32, CKF_DERIVE);
	SPEC(ARGUMENTS_BAD, C_DeriveKey, s, NULL, ec_private, with, 3, &o);
	SPEC(ARGUMENTS_BAD, C_DeriveKey, s, &m, ec_private, with, 3, NULL);
	SPEC(KEY_HANDLE_INVALID, C_DeriveKey, s, &m, 4711, with, 3, &o);
	SPEC(KEY_TYPE_INCONSISTENT, C_DeriveKey, s, &m, secret, with, 3, &o);
	SPEC(KEY_FUNCTION_NOT_PERMITTED, C_DeriveKey, s, &m, plain_private, with, 3, &o);
	SPEC(MECHANISM_INVALID, C_DeriveKey, s, &spec_unknown, ec_private, with, 3, &o);
	SPEC(MECHANISM_PARAM_INVALID, C_DeriveKey, s, &bad, ec_private, with, 3, &o);
	SPEC(KEY_SIZE_RANGE, C_DeriveKey, s, &m, ec_private, T(CLASS(class_secret), TYPE(type_generic), LEN(33)), &o);
	SPEC(TEMPLATE_INCOMPLETE, C_DeriveKey, s, &sha1, secret, T(CLASS(class_secret), TYPE(type_aes)), &o);
	with[3] = (CK_ATTRIBUTE)CLASS(class_data);
	SPEC(TEMPLATE_INCONSISTENT, C_DeriveKey, s, &m, ec_private, with, 4, &o);
	with[3] = (CK_ATTRIBUTE)OBJECT_ID;
	SPEC(ATTRIBUTE_READ_ONLY, C_DeriveKey, s, &m, ec_private, with, 4, &o);
	with[3] = (CK_ATTRIBUTE)UNKNOWN;
	SPEC(ATTRIBUTE_TYPE_INVALID, C_DeriveKey, s, &m, ec_private, with, 4, &o);
	with[3] = (CK_ATTRIBUTE)BAD_BOOL;
	SPEC(ATTRIBUTE_VALUE_INVALID, C_DeriveKey, s, &m, ec_private, with, 4, &o);
	with[3] = (CK_ATTRIBUTE)TOKEN;
	SPEC(SESSION_READ_ONLY, C_DeriveKey, read_only, &m, ec_private, with, 4, &o);
	DONE(spec->C_CloseSession(read_only));
	spec_logout();
	SPEC(USER_NOT_LOGGED_IN, C_DeriveKey, s, &m, seen, with, 3, &o);
	spec_login(CKU_USER);
}
END_TEST

/* Without a mechanism that encapsulates: everything that is looked at before it. */
START_TEST(encapsulation)
{
	CK_SESSION_HANDLE s = spec_session;

	wrap_keys();
	SPEC(ARGUMENTS_BAD, C_EncapsulateKey, s, NULL, public, NULL, 0, ROOM, &o);
	SPEC(KEY_HANDLE_INVALID, C_EncapsulateKey, s, &key_wrap, 4711, NULL, 0, ROOM, &o);
	SPEC(TEMPLATE_INCONSISTENT, C_EncapsulateKey, s, &key_wrap, public, T(UNKNOWN, UNKNOWN), ROOM, &o);
	SPEC(MECHANISM_INVALID, C_EncapsulateKey, s, &key_wrap, public, NULL, 0, ROOM, &o);
	SPEC(ARGUMENTS_BAD, C_DecapsulateKey, s, &key_wrap, private, NULL, 0, NULL, 16, &o);
	SPEC(KEY_HANDLE_INVALID, C_DecapsulateKey, s, &key_wrap, 4711, NULL, 0, spec_bytes, 16, &o);
	SPEC(TEMPLATE_INCONSISTENT, C_DecapsulateKey, s, &key_wrap, private, T(UNKNOWN, UNKNOWN), spec_bytes, 16, &o);
	SPEC(MECHANISM_INVALID, C_DecapsulateKey, s, &key_wrap, private, NULL, 0, spec_bytes, 16, &o);
}
END_TEST

void spec_keys(TCase *c)
{
	tcase_add_test(c, generation);
	tcase_add_test(c, pairs);
	tcase_add_test(c, wrapping_keys);
	tcase_add_test(c, unwrapping_keys);
	tcase_add_test(c, authenticated_wrapping);
	tcase_add_test(c, derivation);
	tcase_add_test(c, encapsulation);
}
