/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TERMINAL_SPOOL_H
#define TERMINAL_SPOOL_H

#include "bytes.h"
#include "err.h"

/*
 * The operation terminal's spool: what was collected and not yet acknowledged by the MTMS survives a kill.
 *
 *   <dir>/<order>/packets/<serial in hex>.json      collected; {"serial", "collected", "packet": base64}
 *   <dir>/<order>/batch-<id>/                       the folder above, renamed: a batch is closed by this one rename
 *   <dir>/<order>/batch-<id>/batch.cms              the signed batch, as it is uploaded (again)
 *   <dir>/<order>/batch-<id>/acknowledged           what the MTMS answered
 *
 * Every file is written under another name, synced, renamed. One process per order (lock file). Packets are public
 * bytes: TEK and AUK stand in them under Pu. Threads: spool_put, spool_find, spool_open_count lock themselves.
 */
struct spool;

#define SPOOL_ORDER_MAX 64
#define SPOOL_BATCH_ID 32 /* hex letters */
#define SPOOL_BATCH_MAX 1000

/*
 * spool_open: makes the folders when needed and reads what is there.
 * Errors: ERR_CONFIG (order not 1 to 64 of [A-Za-z0-9._-]), ERR_BUSY (another process), ERR_IO, ERR_BAD_DATA (a file
 * that is not what was written; named in the text).
 */
enum err spool_open(const char *dir, const char *order, struct spool **ret, struct fail *f) MUST_CHECK;
void spool_free(struct spool *s);

/* spool_find: highest TK counter kept for a serial number, in any folder; open: not acknowledged yet; false: none. */
bool spool_find(struct spool *s, struct view serial, uint64_t *ret_counter, bool *ret_open) MUST_CHECK;
/*
 * spool_put: durable when ERR_OK; replaces an older packet of the serial number that is in no batch yet (R1.5). Where
 * SPOOL_BATCH_MAX packets (or spool_batch_max) are in no batch, they are closed into one first.
 */
enum err spool_put(struct spool *s, struct view serial, uint64_t counter, int64_t collected, struct view packet,
		   struct fail *f) MUST_CHECK;
void spool_batch_max(struct spool *s, size_t terminals);
/* spool_each: every serial number that is collected and not acknowledged, its counter. Not from several threads. */
void spool_each(struct spool *s, void (*each)(void *arg, struct view serial, uint64_t counter), void *arg);
/* spool_open_count: serial numbers collected and not acknowledged. */
size_t spool_open_count(struct spool *s);

/* spool_close_batch: closes the packets into a batch with a new random id; nothing to close is ERR_OK. */
enum err spool_close_batch(struct spool *s, struct fail *f) MUST_CHECK;

/*
 * struct spool_batch: a closed batch that waits for its acknowledgement. cms is empty until it was signed.
 */
struct spool_batch {
	char id[SPOOL_BATCH_ID + 1];
	size_t terminals;
	struct buf content; /* the JSON of docs/messages.md, TK batch */
	struct buf cms;
};
/* spool_next_batch: the first unacknowledged one; false when there is none. */
bool spool_next_batch(struct spool *s, struct spool_batch *ret, enum err *ret_error, struct fail *f) MUST_CHECK;
void spool_batch_done(struct spool_batch *b);
/* spool_keep_cms: the signed batch stays, so that it is sent again as it was. spool_acknowledge: the MTMS has it. */
enum err spool_keep_cms(struct spool *s, const struct spool_batch *b, struct fail *f) MUST_CHECK;
enum err spool_acknowledge(struct spool *s, const struct spool_batch *b, struct view answer, struct fail *f) MUST_CHECK;

#endif
