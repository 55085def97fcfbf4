/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_RECEIVE_H
#define KMS_RECEIVE_H

#include "import.h"
#include "keyfile_stream.h"

/*
 * Reception of a key file (R2.2, R2.4): read to its end and verified first, then stored in key_source line by line, a
 * bounded number in a transaction, with a cursor in key_file; nothing of it counts before the last line is stored and
 * the whole was what was verified. A reception that was interrupted anywhere goes on behind its cursor, on this machine
 * or another one; what the earlier one stored is compared on the way. Memory does not grow with the file.
 */
struct receive {
	struct kms *k; /* of this thread */
	int fd;
	uint64_t size_max;
	void (*progress)(void *arg, size_t stored, size_t count); /* NULL: none */
	bool (*stop)(void *arg);                                  /* true: end with ERR_BUSY; NULL: never */
	void *arg;
};

/* receive_verify: reads the file once. head: valid until the next call. ERR_BAD_DATA, ERR_TOO_LARGE: the file. */
struct receive_file {
	struct keyfile_head head;
	size_t count;
	struct keyfile_sums sums;
};
enum err receive_verify(const struct receive *r, struct receive_file *ret, struct fail *f) MUST_CHECK;

/*
 * receive_store: in: without records, its digest that of file. note: text of the audit entry, "" none.
 *
 * *ret_id, REASON_NONE: it is stored whole, or was and has not been put aside since.
 * *ret_reason: REASON_FILE_NAME, REASON_FILE_CONTENT; REASON_FILE_FORM: it changed while it was read.
 * Errors: ERR_BUSY: another node is at it, or the database: again later, from the cursor.
 */
enum err receive_store(const struct receive *r, const struct import_in *in, const struct receive_file *file,
		       const char *note, int64_t *ret_id, enum reason *ret_reason, struct fail *f) MUST_CHECK;

/* receive_put_aside: the file was moved or removed: the next one of this name is another try of the same. */
enum err receive_put_aside(struct kms *k, int64_t id, struct fail *f) MUST_CHECK;

/* receive_sweep: rows of receptions that were given up; a bounded number at a call, *ret_more: there are others. */
enum err receive_sweep(struct kms *k, bool *ret_more, struct fail *f) MUST_CHECK;

#endif
