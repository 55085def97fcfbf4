/* SPDX-License-Identifier: BSD-2-Clause */
#include "ck.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "bytes.h"
#include "names.h"

struct name_row {
	unsigned long number;
	const char *name;
};

static const struct name_row classes[] = {
	{ CKO_DATA, "data" },
	{ CKO_CERTIFICATE, "certificate" },
	{ CKO_PUBLIC_KEY, "public-key" },
	{ CKO_PRIVATE_KEY, "private-key" },
	{ CKO_SECRET_KEY, "secret-key" },
	{ CKO_DOMAIN_PARAMETERS, "domain-parameters" },
	{ CKO_MECHANISM, "mechanism" },
	{ CKO_PROFILE, "profile" },
	{ CKO_SR_POLICY, "policy" },
};

#define TYPE(name)                                                                                                     \
	{                                                                                                              \
		CKK_##name, #name                                                                                      \
	}
static const struct name_row key_types[] = {
	TYPE(RSA),
	TYPE(DSA),
	TYPE(DH),
	TYPE(X9_42_DH),
	TYPE(EC),
	TYPE(EC_EDWARDS),
	TYPE(EC_MONTGOMERY),
	TYPE(GENERIC_SECRET),
	TYPE(DES),
	TYPE(DES2),
	TYPE(DES3),
	TYPE(AES),
	TYPE(CAMELLIA),
	TYPE(CHACHA20),
	TYPE(POLY1305),
	TYPE(HKDF),
	TYPE(SHA_1_HMAC),
	TYPE(SHA224_HMAC),
	TYPE(SHA256_HMAC),
	TYPE(SHA384_HMAC),
	TYPE(SHA512_HMAC),
	TYPE(ML_KEM),
	TYPE(ML_DSA),
	TYPE(SLH_DSA),
	{ CKK_SR_SM4, "SM4" },
	{ CKK_SR_SM3_HMAC, "SM3_HMAC" },
	{ CKK_SR_SM2, "SM2" },
};

#define ROLE(name)                                                                                                     \
	{                                                                                                              \
		SR_ROLE_##name, #name                                                                                  \
	}
static const struct name_row roles[] = {
	ROLE(COMPONENT), ROLE(PK),  ROLE(MAK), ROLE(PR),   ROLE(TEK),  ROLE(AUK), ROLE(TMK), ROLE(SRK), ROLE(PINKEY),
	ROLE(MACKEY),    ROLE(DMK), ROLE(DWK), ROLE(ROOT), ROLE(KBPK), ROLE(FPK), ROLE(KTK), ROLE(KTR),
};

static const struct {
	const struct name_row *rows;
	size_t count;
} tables[] = {
	[NAMES_CLASS] = { classes, ARRAY_LEN(classes) },
	[NAMES_KEY_TYPE] = { key_types, ARRAY_LEN(key_types) },
	[NAMES_ROLE] = { roles, ARRAY_LEN(roles) },
};

const char *names_text(enum names what, unsigned long number, char room[24])
{
	for (size_t i = 0; i < tables[what].count; i++)
		if (tables[what].rows[i].number == number)
			return tables[what].rows[i].name;
	snprintf(room, 24, "0x%lx", number);
	return room;
}

bool names_number(enum names what, const char *text, unsigned long *ret)
{
	char *end;
	unsigned long n;

	for (size_t i = 0; i < tables[what].count; i++) {
		if (strcasecmp(tables[what].rows[i].name, text) == 0) {
			*ret = tables[what].rows[i].number;
			return true;
		}
	}
	if (text[0] != '0' || (text[1] != 'x' && text[1] != 'X'))
		return false;
	n = strtoul(text, &end, 16);
	if (*end || end == text + 2)
		return false;
	*ret = n;
	return true;
}
