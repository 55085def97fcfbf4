/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OFFICER_VERIFY_H
#define OFFICER_VERIFY_H

#include "ck.h"

#include "officer.h"
#include "vendor_functions.h"

/*
 * What `strongroom verify` has in common with what verifies on its way: restore, import.
 *
 * verify_before   the token that the options name, as far as it is seen without a login, in a child process; a finding
 *                 is ERR_TOKEN, which says what to do. Before the module is loaded here.
 * verify_finding  a finding as JSON; its rows are verify_finding_fields. state: pages, objects, users, records put into
 *                 an answer.
 */
enum err verify_before(struct officer *o, struct fail *f) MUST_CHECK;
extern const struct show_field verify_finding_fields[];
json_t *verify_finding(const struct sr_finding *finding);
void verify_state(json_t *answer, const struct sr_verify_state *state);
#define VERIFY_FINDINGS_MAX 1000
#define VERIFY_STATE_FIELDS                                                                                            \
	{ "pages", "pages", "pages of the file that were read", .maybe = true },                                       \
	    { "objects", "objects", "records of objects", .maybe = true },                                             \
	    { "users", "users", "records of users", .maybe = true },                                                   \
	    { "records", "records", "other records: policy, usages of keys, the token's own", .maybe = true },         \
	    { "findings", "findings", "what is wrong", verify_finding_fields },                                        \
	{                                                                                                              \
		"findings_in_all", NULL, "how many there are; at most 1000 are listed", .maybe = true                  \
	}

#endif
