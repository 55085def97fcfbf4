/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TERMINAL_LOT_H
#define TERMINAL_LOT_H

#include "bytes.h"
#include "err.h"
#include "formats.h"

/*
 * The devices of one production order at the operation terminal: what the MTMS expects, what the worker scanned, what
 * came of each in this run (R1.5). Threads: every function locks itself.
 */
struct lot;

enum lot_result {
	LOT_OPEN,      /* nothing yet */
	LOT_KNOWN,     /* the MTMS has its newest TK */
	LOT_COLLECTED, /* in the spool, not acknowledged */
	LOT_ACCEPTED,  /* acknowledged by the MTMS */
	LOT_REFUSED,   /* by the MTMS, with a reason */
	LOT_FAILED,    /* came, but gave no TK */
};
struct lot_device {
	char serial[FORMAT_POS_SERIAL_MAX + 1];
	char pin_pad[FORMAT_PIN_PAD_MAX + 1]; /* "": the inventory does not say */
	uint64_t counter;                     /* of the TK that the MTMS has, 0: none */
	uint64_t pending;                     /* of the TK in the spool */
	bool missing;                         /* at the MTMS: expected, or refused */
	bool scanned;
	enum lot_result result;
	char reason[128];
};

/* lot_new: empty; NULL: no memory. lot_free: takes NULL; no thread uses it any more. lot_add: ERR_NO_MEMORY; ERR_PEER:
 * there already. lot_ready: after the last, before all the rest. */
struct lot *lot_new(void);
void lot_free(struct lot *l);
enum err lot_add(struct lot *l, const struct lot_device *d, struct fail *f) MUST_CHECK;
enum err lot_ready(struct lot *l, struct fail *f) MUST_CHECK;

/* lot_limit: this many and no more; 0: all that are missing. lot_scanning: only what is scanned is collected. */
void lot_limit(struct lot *l, size_t count);
void lot_scanning(struct lot *l);
/* lot_again: TKs that the MTMS has are collected anew. */
void lot_again(struct lot *l);

enum lot_scan { LOT_SCAN_GOOD, LOT_SCAN_TWICE, LOT_SCAN_UNKNOWN, LOT_SCAN_KNOWN };
/* lot_scan: a serial number from the barcode reader. lot_scan_end: no more will come. */
enum lot_scan lot_scan(struct lot *l, const char *serial);
void lot_scan_end(struct lot *l);

/*
 * lot_admit: may this terminal be asked for a TK? ERR_REFUSED: unknown, another PIN pad, an older state; ERR_BUSY: not
 * scanned yet. *ret_known: there is no need, the MTMS has the TK of this counter.
 */
enum err lot_admit(struct lot *l, struct view serial, struct view pin_pad, uint64_t counter, bool *ret_known,
		   struct fail *f) MUST_CHECK;
/* lot_set: what came of a device; reason NULL: none. Not of a terminal that is not in the order. */
void lot_set(struct lot *l, struct view serial, enum lot_result result, const char *reason);
/*
 * lot_collected: the TK of this counter stands in the spool. lot_accept: of those, the MTMS has acknowledged the ones
 * that are not open (a function of the spool) any more.
 */
void lot_collected(struct lot *l, struct view serial, uint64_t counter);
void lot_accept(struct lot *l, bool (*open)(void *arg, struct view serial), void *arg);

/* lot_wanted: how many devices are to stand collected at the end; SIZE_MAX while the worker still scans. */
size_t lot_wanted(struct lot *l);
/* lot_goal: the same for the eye: what is known so far. */
size_t lot_goal(struct lot *l);

/* lot_walk: every device in the order of the inventory. */
void lot_walk(struct lot *l, void (*each)(void *arg, const struct lot_device *d), void *arg);
/* lot_result_name: "accepted"; of an open device "missing". */
const char *lot_result_name(enum lot_result r);

#endif
