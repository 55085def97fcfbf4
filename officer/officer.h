/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OFFICER_OFFICER_H
#define OFFICER_OFFICER_H

#include "pk11.h"

/*
 * The command `strongroom`, for those who look after tokens. Each first word is a row in main.c; words are the
 * arguments behind it, NULL at the end. Whatever it does, it does as a PKCS#11 client.
 */
struct officer {
	const char *uri; /* of the token; NULL: not given */
	bool json;
};
/* officer_open: the token, as this user. The PIN is the URI's (pin-source, pin-value), else asked for on the terminal.
 */
enum err officer_open(const struct officer *o, enum pk11_who who, struct pk11 **ret, struct fail *f) MUST_CHECK;

/* officer_policy: `policy [show | set strict | allow NAME... | forbid NAME...]` (docs/policy.md). */
enum err officer_policy(const struct officer *o, char **words, struct fail *f) MUST_CHECK;

/* officer_users: `users`: who may log in. */
enum err officer_users(const struct officer *o, char **words, struct fail *f) MUST_CHECK;

#endif
