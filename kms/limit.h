/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_LIMIT_H
#define KMS_LIMIT_H

#include "conf.h"
#include "db.h"
#include "reason.h"

struct kms;

/*
 * How much one may ask, and how often one may be wrong (R1.13). What is counted stands in the table throttle, for all
 * nodes alike: per serial number and address together, so that nobody at another address can lock a terminal out or
 * slow it down, and looser per address alone. A serial number that does not exist is counted as any other.
 *
 * Only what no honest terminal does counts as a failure: a wrong proof, a wrong confirmation, a nonce sent twice. After
 * so many the pair (the address) is locked: lock_s, doubled with each failure more, at most lock_max_s; forgotten when
 * forget_s passed without one. A proof that holds clears its pair.
 */
struct limits {
	unsigned long pair_per_minute; /* HELLOs */
	unsigned long address_per_minute;
	unsigned long pair_failures; /* with this one the lock begins */
	unsigned long address_failures;
	unsigned long lock_s;
	unsigned long lock_max_s;
	unsigned long forget_s;
	unsigned long unproven; /* handshakes without a proof at once, of all nodes */
	unsigned long address_unproven;
	unsigned long nonce_s; /* a terminal's nonce is remembered so long */
	unsigned long alarm_failures;
	unsigned long alarm_window_s;
	unsigned long error_days; /* download_error is kept so long */
	unsigned long told; /* refusals of who proved nothing, written one by one; then one in LIMIT_TOLD_EACH_S */
};

/* limits_read: section [limits]; its keys stand in open.c. ERR_CONFIG. */
enum err limits_read(const struct conf *c, struct limits *ret, struct fail *f) MUST_CHECK;

#define LIMIT_TOLD_EACH_S 5

struct limit_who {
	struct view serial;
	const char *address; /* host, without port; IPv6: its /64 */
};

/*
 * All of these are part of the open transaction.
 *
 * limit_hello: counts a HELLO. *ret_reason: REASON_NONE; REASON_RATE, REASON_LOCKED, REASON_UNPROVEN: it is not to be
 * answered, and the caller rolls back: what is refused is not written.
 * limit_failed: counts a failure; *ret_text, room bytes: what was locked and until when, or "".
 * limit_proven: clears the pair.
 */
enum err limit_hello(struct kms *k, const struct limit_who *who, enum reason *ret_reason, struct fail *f) MUST_CHECK;
enum err limit_failed(struct kms *k, const struct limit_who *who, char *ret_text, size_t room,
		      struct fail *f) MUST_CHECK;
enum err limit_proven(struct kms *k, const struct limit_who *who, struct fail *f) MUST_CHECK;

/* limit_prune: forgets what is over; some hundred rows a call, from a timer. *ret_more: there are others. */
enum err limit_prune(struct kms *k, bool *ret_more, struct fail *f) MUST_CHECK;

/* limit_lift: the operator ends a lock-out; serial "-": of the address alone; both "-": all. ERR_NOT_FOUND. */
enum err limit_lift(struct db *d, const char *serial, const char *address, struct fail *f) MUST_CHECK;

#endif
