/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OFFICER_IMPORT_RUN_H
#define OFFICER_IMPORT_RUN_H

#include "import.h"

/* What became of an object: made in our token; there already, by class, type, label and id; left where it was. */
enum import_result { IMPORT_MADE, IMPORT_THERE, IMPORT_LEFT };

struct import_line {
	const char *name;
	enum import_result result;
	const char *why; /* IMPORT_LEFT */
};

/*
 * import_run: everything that from has, into the token of to.
 *
 * without  usages that are not taken over (CKA_*, zero at the end), NULL: none
 * bulk     so many objects in one commit, 1: each by itself. Keys that come wrapped come by themselves.
 * each     told what became of every object, in order but for bulk; an error of its own ends the import
 * Errors: what concerns a whole token (lost session, full disk); an object that is refused is left, and named.
 * An import that was interrupted is begun again: what came over is passed by.
 */
struct import_run {
	struct pk11_session *to;
	const struct sr_function_list *sr;
	struct import_source *from;
	const CK_ATTRIBUTE_TYPE *without;
	size_t bulk;
	enum err (*each)(void *ctx, const struct import_line *line, struct fail *f);
	void *ctx;
};
enum err import_run(const struct import_run *run, struct fail *f) MUST_CHECK;

#endif
