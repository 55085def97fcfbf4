/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_KEYFILE_H
#define HOST_KEYFILE_H

#include "err.h"

/*
 * Key files (docs/formats.md, Key file): records on their way from a DC to a KMS through a spool folder (R2.2).
 * Only the form is handled here; what a record is worth is told by its MAC.
 */
#define KEYFILE_COUNT_MAX ((size_t)100000)
#define KEYFILE_NAME_MAX 128
#define KEYFILE_SUFFIX ".keys"

struct keyfile_head {
	char kms[33];                    /* customer (KMS) id */
	char dc[65];                     /* name of the DC */
	char name[KEYFILE_NAME_MAX + 1]; /* the file's name without KEYFILE_SUFFIX */
};

struct keyfile {
	struct keyfile_head head;
	struct view *records; /* a line that is not base64 is an empty view: one bad record, not a bad file */
	size_t count;
	char records_sha256[65]; /* over the record lines: equal for the same content under another name */
	struct buf bytes;        /* what the views point into */
};

/* keyfile_write: appends the whole text. ERR_USAGE: head or count out of bounds; ERR_NO_MEMORY. */
enum err keyfile_write(const struct keyfile_head *head, const struct view *records, size_t count, struct buf *out,
		       struct fail *f) MUST_CHECK;
/* keyfile_read: ERR_BAD_DATA for every fault of form, count or digest; *ret untouched then. */
enum err keyfile_read(struct view text, struct keyfile *ret, struct fail *f) MUST_CHECK;
void keyfile_done(struct keyfile *k);

/* keyfile_name_ok: 1 to max of [A-Za-z0-9._-], not beginning with a dot; names of deliveries, orders, batches too. */
bool keyfile_name_ok(const char *s, size_t max) MUST_CHECK;

#endif
