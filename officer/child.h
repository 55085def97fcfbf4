/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OFFICER_CHILD_H
#define OFFICER_CHILD_H

#include <jansson.h>

#include "officer.h"

/*
 * Work on a token in a child process. LMDB trusts the pages of a file: what a damaged one does to its reader, it does
 * to the child, and the parent tells of it. The parent must not have loaded a PKCS#11 module before.
 *
 * child_run     work(o, arg, &answer, f) there; its answer and its failure come back as if it had been here. A child
 *               that a signal ended, or that was still at it after so many seconds (0: no limit), is ERR_OK with end
 *               filled and *ret NULL. The child dies with its parent.
 * child_phase   in the child: what it is about to do, for end->phase.
 */
typedef enum err (*child_work)(struct officer *o, void *arg, json_t **ret, struct fail *f);
struct child_end {
	int signal; /* 0: it came to its end */
	bool late;
	char phase[96];
};
enum err child_run(struct officer *o, child_work work, void *arg, unsigned seconds, json_t **ret, struct child_end *end,
		   struct fail *f) MUST_CHECK;
void child_phase(const char *phase);

#endif
