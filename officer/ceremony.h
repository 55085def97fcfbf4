/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OFFICER_CEREMONY_H
#define OFFICER_CEREMONY_H

#include "component.h"

/* A key ceremony: the plan, and the act. For ceremony*.c. Include ck.h first. */

#define PARTS_MAX 9

/* struct ceremony_plan: what is to be combined by whom. Texts are the command line's, or typed and then kept here. */
struct ceremony_plan {
	char name[64];
	const struct key_kind *kind;
	unsigned of;
	char custodians[PARTS_MAX][40];
};
/*
 * ceremony_plan_of: from words and options; what they do not say is asked for on the terminal. ERR_USAGE: what does not
 * fit, before anything is touched.
 */
enum err ceremony_plan_of(const struct officer *o, char **words, struct ceremony_plan *ret, struct fail *f) MUST_CHECK;
/* ceremony_file_of: the file that an option NAME=FILE names for a custodian; NULL: none. */
const char *ceremony_file_of(const struct officer *o, const char *option, const char *custodian);

/* ceremony_run: presence, components, combination; the protocol as an object of protocol_fields, and signed if files.
 */
struct protocol_files;
enum err ceremony_run(struct officer *o, const struct ceremony_plan *plan, struct protocol_files *files, json_t **ret,
		      struct fail *f) MUST_CHECK;

#endif
