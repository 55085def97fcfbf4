/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_IMPORT_H
#define KMS_IMPORT_H

#include "conf.h"
#include "kms.h"

/*
 * Import of records (R2.4 to R2.6, R2.8): first all of a delivery into key_source, which is what gets acknowledged
 * (messages here, key files in receive.h); then row by row through the HSM into key_formal, a few at a time, in a
 * thread of its own. A bad record is flagged and never stops the others. After the last row of a file its notification
 * is written. Several kmsd share one database: rows are claimed, and every verdict is a conditional update.
 */
struct import_in {
	const char *kind;   /* "file" or "message" */
	const char *name;   /* file name, or "<dc>/<delivery>" */
	const char *sender; /* who sent it, for operators */
	const char *digest; /* SHA-256 of the records, hex */
	const struct view *records;
	size_t count;
	const char *source; /* "message", "spool", "command", "pickup NAME"; NULL: "" */
	const char *dc;     /* whose sequence; NULL: unknown */
	const char *order;  /* production order; NULL: unknown */
	uint64_t sequence;  /* 0: none */
};

/*
 * import_store: commits the records as "not imported". *ret_reason tells why not: REASON_FILE_NAME,
 * REASON_FILE_CONTENT, REASON_DELIVERY_CHANGED; a message delivery that was received before with the same content is
 * ERR_DUPLICATE with REASON_NONE, ret_id its row. Errors: ERR_DUPLICATE, ERR_REFUSED, ERR_BUSY, ERR_IO, ERR_NO_MEMORY.
 */
enum err import_store(struct kms *k, const struct import_in *in, int64_t *ret_id, enum reason *ret_reason,
		      struct fail *f) MUST_CHECK;

/* import_seen: what the database has of a file of this name or content. */
struct import_seen {
	int64_t id; /* 0: nothing */
	bool name;
	bool digest;
	bool whole; /* received to its end */
	bool moved; /* and put aside */
	bool free;  /* not whole, and no other node is at it */
	int64_t stored;
	char chain[65];
};
enum err import_seen(struct kms *k, const struct import_in *in, struct import_seen *ret, struct fail *f) MUST_CHECK;

/*
 * import_row: a key_file row, inside of a transaction: state "importing" (whole or not) or "refused". ERR_DUPLICATE:
 * somebody else put one of this name or content in the meantime; nothing was changed.
 */
enum err import_row(struct kms *k, const struct import_in *in, const char *state, bool whole, enum reason reason,
		    int64_t *ret_id, struct fail *f) MUST_CHECK;

/* import_refuse: a file that was not taken: its key_file row, notification and audit entry, in one transaction. */
enum err import_refuse(struct kms *k, const struct import_in *in, enum reason reason, const char *detail,
		       int64_t *ret_id, struct fail *f) MUST_CHECK;

/*
 * import_slice: takes up to most waiting rows through the HSM and commits. *ret_more: rows are left.
 * ERR_TOKEN and the like: the HSM does not work; what was done so far is committed, the rest waits.
 */
#define IMPORT_SLICE_MAX 64
enum err import_slice(struct kms *k, unsigned most, bool *ret_more, struct fail *f) MUST_CHECK;

/*
 * import_start: gives up what an earlier life of this node had in hand, and starts the thread that works off waiting
 * rows (k->import). import_wake: work is there; from any thread, k may be a copy; nothing without such a thread.
 * import_stop: ends it. import_drop: lets go what k has in hand.
 */
enum err import_start(struct kms *k, const struct conf *c, struct fail *f) MUST_CHECK;
void import_wake(const struct kms *k);
void import_stop(struct kms *k);
void import_drop(struct kms *k);

/* import_own: fills k->owner, by which claims know their process; names the node. import_let_go: claims of this node.
 */
#define IMPORT_CLAIM_S 60
enum err import_own(struct kms *k, struct fail *f) MUST_CHECK;
enum err import_let_go(struct kms *k, struct fail *f) MUST_CHECK;

#endif
