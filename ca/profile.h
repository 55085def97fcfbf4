/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CA_PROFILE_H
#define CA_PROFILE_H

#include "identity.h"

/* Where the public key of a certificate may come from. */
enum ca_source {
	CA_SOURCE_SELF = 1,    /* the root */
	CA_SOURCE_CSR = 2,     /* a certificate request signed by the key itself */
	CA_SOURCE_NEW = 4,     /* a key pair made here, handed out as a file of mode 0600 */
	CA_SOURCE_REQUEST = 8, /* a bare public key in a request signed by the MTMS (a key that may only unwrap) */
};

/* struct ca_profile: what a certificate of a role looks like; one row per role, nowhere else. */
struct ca_profile {
	enum role role;
	unsigned sources;
	const char *basic; /* basicConstraints */
	const char *usage; /* keyUsage */
	const char *tls;   /* extended key usages besides the role's, or NULL */
	bool server;       /* TLS server: needs a subject alternative name */
	size_t
	    name_max;  /* the name stands in messages and files: so many of [A-Za-z0-9._-] at most; 0: any printable */
	unsigned days; /* life unless asked for less */
	const char *requirement;
};

extern const struct ca_profile ca_profiles[];
extern const size_t ca_profiles_count;

/* ca_profile_find: NULL: no certificates of that role. */
const struct ca_profile *ca_profile_find(enum role role);

#endif
