/* SPDX-License-Identifier: BSD-2-Clause */
#include "profile.h"

#define LEAF "critical,CA:FALSE"
#define SIGNS "critical,digitalSignature"

const struct ca_profile ca_profiles[] = {
	{ ROLE_CA, CA_SOURCE_SELF, "critical,CA:TRUE,pathlen:0", "critical,keyCertSign,cRLSign", NULL, false, 0, 7300,
	  "R1.1" },
	{ ROLE_HSM, CA_SOURCE_REQUEST, LEAF, "critical,keyEncipherment", NULL, false, 0, 3650, "R1.1" },
	{ ROLE_OPTERM, CA_SOURCE_CSR | CA_SOURCE_NEW, LEAF, SIGNS, "clientAuth", false, 0, 825, "R2.3" },
	{ ROLE_OPERATOR, CA_SOURCE_CSR, LEAF, "critical,digitalSignature,nonRepudiation", NULL, false, 0, 825, "R1.5" },
	{ ROLE_MTMS, CA_SOURCE_CSR | CA_SOURCE_NEW, LEAF, SIGNS, "serverAuth,clientAuth", true, 24, 825, "R2.3" },
	{ ROLE_DC, CA_SOURCE_CSR | CA_SOURCE_NEW, LEAF, SIGNS, "serverAuth,clientAuth", true, 32, 825, "R2.3" },
	{ ROLE_KMS, CA_SOURCE_CSR | CA_SOURCE_NEW, LEAF, SIGNS, "serverAuth,clientAuth", true, 32, 825, "R2.3" },
};
const size_t ca_profiles_count = ARRAY_LEN(ca_profiles);

const struct ca_profile *ca_profile_find(enum role role)
{
	for (size_t i = 0; i < ca_profiles_count; i++)
		if (ca_profiles[i].role == role)
			return &ca_profiles[i];
	return NULL;
}
