/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_IMPORT_H
#define KMS_IMPORT_H

#include "kms.h"

/*
 * Import of records (R2.4 to R2.6, R2.8): first all of a file or delivery into key_source, in one transaction, which is
 * what gets acknowledged; then row by row through the HSM into key_formal, a few at a time from the event loop. A bad
 * record is flagged and never stops the others. After the last row of a file its notification is written.
 */
struct import_in {
	const char *kind;   /* "file" or "message" */
	const char *name;   /* file name, or "<dc>/<delivery>" */
	const char *sender; /* who sent it, for operators */
	const char *digest; /* SHA-256 of the records, hex */
	const struct view *records;
	size_t count;
};

/*
 * import_store: commits the records as "not imported". *ret_reason tells why not: REASON_FILE_NAME,
 * REASON_FILE_CONTENT, REASON_DELIVERY_CHANGED; a message delivery that was received before with the same content is
 * ERR_DUPLICATE with REASON_NONE, ret_id its row. Errors: ERR_DUPLICATE, ERR_REFUSED, ERR_IO, ERR_NO_MEMORY.
 */
enum err import_store(struct kms *k, const struct import_in *in, int64_t *ret_id, enum reason *ret_reason,
		      struct fail *f) MUST_CHECK;

/* import_seen: the reason why a file would be refused as seen before; REASON_NONE: it was not. */
enum err import_seen(struct kms *k, const struct import_in *in, enum reason *ret, struct fail *f) MUST_CHECK;

/* import_refuse: a file that was not taken: its key_file row, notification and audit entry, in one transaction. */
enum err import_refuse(struct kms *k, const struct import_in *in, enum reason reason, const char *detail,
		       struct fail *f) MUST_CHECK;

/*
 * import_slice: takes up to most waiting rows through the HSM and commits. *ret_more: rows are left.
 * ERR_TOKEN and the like: the HSM does not work; what was done so far is committed, the rest waits.
 */
enum err import_slice(struct kms *k, unsigned most, bool *ret_more, struct fail *f) MUST_CHECK;

/* import_start: the event that works off waiting rows, those of an earlier life included. import_kick: work is there.
 */
enum err import_start(struct kms *k, struct fail *f) MUST_CHECK;
void import_kick(struct kms *k);
void import_stop(struct kms *k);

#endif
