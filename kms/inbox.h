/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_INBOX_H
#define KMS_INBOX_H

#include "conf.h"
#include "identity.h"
#include "receive.h"

/*
 * A key file and its manifest, wherever they come from (spool folder, pick-up, command): the manifest must be signed by
 * a DC, be for this KMS and fit the file (R2.2, R2.3, R2.9); then it is received. Every refusal has a reason, a
 * key_file row, a notification and an audit entry.
 */
struct inbox_file {
	const char *name;   /* without suffix */
	const char *source; /* "spool", "pickup NAME", "command" */
	struct view manifest;
	bool is_unsigned; /* no manifest, by the operator's word: audited */
	int keys;         /* -1: there is a manifest, but no key file */
	const char *why;  /* of keys -1, or of a file that cannot be read: refused for that */
	enum reason bad;  /* what why means; REASON_NONE */
};

/*
 * inbox_take: *ret_reason REASON_NONE: all of it is in the database, ret_id its row. Otherwise refused, ret_id the row
 * of that. An error: neither; again later. r->fd and file->keys are the same file.
 */
enum err inbox_take(const struct receive *r, X509_STORE *roots, const struct inbox_file *file, int64_t *ret_id,
		    enum reason *ret_reason, struct fail *f) MUST_CHECK;

/* inbox_alone: a key file whose manifest did not come, refused for that. ret_id: its row. */
enum err inbox_alone(struct kms *k, const char *name, const char *source, int64_t *ret_id, struct fail *f) MUST_CHECK;

/* inbox_roots: the roots by which manifests are checked, with their revocation lists: those of our identity. */
enum err inbox_roots(const struct conf *c, X509_STORE **ret, struct fail *f) MUST_CHECK;

#endif
