/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_LEFT_H
#define KMS_LEFT_H

#include "kms.h"

/*
 * Files that stay on a file server although we are done with them (R2.2): it lets us neither rename nor remove them.
 * They are known by the name of their source ("pickup NAME") and their own, in the database, so that nothing is
 * fetched, refused or told twice, after a restart neither.
 */
struct left {
	bool there;        /* known */
	bool good;         /* received; else refused */
	char manifest[65]; /* SHA-256 of the manifest that it came with, hex; "": none */
};
enum err left_look(struct kms *k, const char *source, const char *name, struct left *ret, struct fail *f) MUST_CHECK;

/*
 * left_put: from now on it is known. why: what the server said; of code ERR_REFUSED, the first one of a source is
 * audited and logged: an operator may want to give us the right. good: with the key_file row id, which counts as put
 * aside.
 */
enum err left_put(struct kms *k, const char *source, const char *name, const struct left *what, int64_t id,
		  const struct fail *why, struct fail *f) MUST_CHECK;
/* left_gone: it was renamed or removed after all, or another file has its name now. */
enum err left_gone(struct kms *k, const char *source, const char *name, struct fail *f) MUST_CHECK;

#endif
