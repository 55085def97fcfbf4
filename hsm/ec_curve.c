/* SPDX-License-Identifier: BSD-2-Clause */
#include "ec_curve.h"
#include <string.h>
#include <strings.h>

#define OID(bytes) VIEW_STR("\x06" bytes)
#define BRAINPOOL(last) OID("\x09\x2b\x24\x03\x03\x02\x08\x01\x01" last)

/* PRIME: a curve over a prime field whose order is as long as the field. */
#define PRIME(name, n, id, ...)                                                                                        \
	{                                                                                                              \
		.type = CKK_EC, .openssl = name, .bits = n, .point = ((n) + 7) / 8, .number = ((n) + 7) / 8,           \
		.oid = id, .names = {                                                                                  \
			name,                                                                                          \
			##__VA_ARGS__                                                                                  \
		}                                                                                                      \
	}
#define OTHER(t, name, n, bytes, id, ...)                                                                              \
	{                                                                                                              \
		.type = t, .openssl = name, .bits = n, .point = bytes, .number = bytes, .oid = id, .names = {          \
			name,                                                                                          \
			##__VA_ARGS__                                                                                  \
		}                                                                                                      \
	}

/* clang-format off */
static const struct ec_curve curves[] = {
	PRIME("secp224r1",       224, OID("\x05\x2b\x81\x04\x00\x21"), "P-224"),
	PRIME("prime256v1",      256, OID("\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"), "secp256r1", "P-256"),
	PRIME("secp384r1",       384, OID("\x05\x2b\x81\x04\x00\x22"), "P-384"),
	PRIME("secp521r1",       521, OID("\x05\x2b\x81\x04\x00\x23"), "P-521"),
	PRIME("secp256k1",       256, OID("\x05\x2b\x81\x04\x00\x0a")),
	PRIME("brainpoolP224r1", 224, BRAINPOOL("\x05")),
	PRIME("brainpoolP224t1", 224, BRAINPOOL("\x06")),
	PRIME("brainpoolP256r1", 256, BRAINPOOL("\x07")),
	PRIME("brainpoolP256t1", 256, BRAINPOOL("\x08")),
	PRIME("brainpoolP320r1", 320, BRAINPOOL("\x09")),
	PRIME("brainpoolP320t1", 320, BRAINPOOL("\x0a")),
	PRIME("brainpoolP384r1", 384, BRAINPOOL("\x0b")),
	PRIME("brainpoolP384t1", 384, BRAINPOOL("\x0c")),
	PRIME("brainpoolP512r1", 512, BRAINPOOL("\x0d")),
	PRIME("brainpoolP512t1", 512, BRAINPOOL("\x0e")),
	OTHER(CKK_EC_EDWARDS,    "ED25519", 255, 32, OID("\x03\x2b\x65\x70"), "edwards25519"),
	OTHER(CKK_EC_EDWARDS,    "ED448",   448, 57, OID("\x03\x2b\x65\x71"), "edwards448"),
	OTHER(CKK_EC_MONTGOMERY, "X25519",  255, 32, OID("\x03\x2b\x65\x6e"), "curve25519"),
	OTHER(CKK_EC_MONTGOMERY, "X448",    448, 56, OID("\x03\x2b\x65\x6f"), "curve448"),
	OTHER(CKK_SR_SM2,        "SM2",     256, 32, OID("\x08\x2a\x81\x1c\xcf\x55\x01\x82\x2d"), "sm2p256v1"),
};
/* Identifiers that were in use before RFC 8410; and a name with a wrong length that OpenSC 0.23 writes. */
static const struct {
	struct view oid;
	const char *openssl;
} older[] = {
	{ OID("\x09\x2b\x06\x01\x04\x01\xda\x47\x0f\x01"),     "ED25519" },
	{ OID("\x0a\x2b\x06\x01\x04\x01\x97\x55\x01\x05\x01"), "X25519" },
	{ VIEW_STR("\x13\x0b\x63urve25519"),                   "X25519" },
};
/* clang-format on */

#define TAG_OID 0x06
#define TAG_NAME 0x13

static bool has_name(const struct ec_curve *c, struct view name)
{
	for (size_t i = 0; i < EC_CURVE_NAMES && c->names[i] != NULL; i++) {
		if (strlen(c->names[i]) == name.n && strncasecmp(c->names[i], (const char *)name.p, name.n) == 0)
			return true;
	}
	return false;
}

static const struct ec_curve *by_identifier(struct view der)
{
	for (size_t i = 0; i < ARRAY_LEN(curves); i++) {
		if (view_equal(curves[i].oid, der))
			return &curves[i];
	}
	for (size_t i = 0; i < ARRAY_LEN(older); i++) {
		if (view_equal(older[i].oid, der))
			return ec_curve_named(older[i].openssl);
	}
	return NULL;
}

CK_RV ec_curve_find(CK_KEY_TYPE type, struct view params, const struct ec_curve **ret)
{
	const struct ec_curve *c = by_identifier(params);

	/* A tag, a length of one byte, that many bytes. */
	if (c == NULL && (params.n < 3 || params.p[1] >= 0x80 || params.p[1] != params.n - 2 ||
			  (params.p[0] != TAG_OID && params.p[0] != TAG_NAME)))
		return CKR_DOMAIN_PARAMS_INVALID;
	for (size_t i = 0; params.p[0] == TAG_NAME && i < ARRAY_LEN(curves) && c == NULL; i++) {
		if (has_name(&curves[i], VIEW(params.p + 2, params.n - 2)))
			c = &curves[i];
	}
	if (c == NULL || c->type != type)
		return CKR_CURVE_NOT_SUPPORTED;
	*ret = c;
	return CKR_OK;
}

const struct ec_curve *ec_curve_named(const char *openssl)
{
	for (size_t i = 0; i < ARRAY_LEN(curves); i++) {
		if (strcasecmp(curves[i].openssl, openssl) == 0)
			return &curves[i];
	}
	return NULL;
}

const struct ec_curve *ec_curve_at(size_t i)
{
	return i < ARRAY_LEN(curves) ? &curves[i] : NULL;
}
