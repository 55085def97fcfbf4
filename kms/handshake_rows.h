/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_HANDSHAKE_ROWS_H
#define KMS_HANDSHAKE_ROWS_H

#include "handshake.h"

/*
 * What of a handshake all nodes must know: its row, from HELLO to the end (R1.9 to R1.11). open -> proven -> confirmed;
 * a handshake that proves itself ends every older one of its serial number wherever that runs (superseded), and what
 * has a newer one that proved itself proves nothing any more. So a stranger's HELLO ends nothing. Each change is a
 * conditional update: of two that want to, one does.
 */

/*
 * rows_open: counts the HELLO against the limits, draws our nonce (h->host_random, as long as the terminal's) and opens
 * the row, durable on return. REASON_RATE, REASON_LOCKED, REASON_UNPROVEN (nothing was written), REASON_REPLAY: this
 * serial number sent this nonce before, or we sent it: then the answer would be the proof that another handshake waits
 * for (version 1); REASON_HSM, REASON_BUSY, REASON_DB_BUSY, REASON_DB.
 */
enum reason rows_open(struct handshake *h, struct view nonce, struct fail *f);

/*
 * rows_prove, rows_confirm: part of the open transaction. REASON_SUPERSEDED: the row is not what it must be.
 * rows_end: the row of a handshake that ends without a download, with what limits and alarm make of it, the row in
 * download_error and the audit entry; one transaction of its own. The limit's word goes into the audit entry.
 */
enum reason rows_prove(struct handshake *h, struct fail *f);
enum reason rows_confirm(struct handshake *h, struct fail *f);

struct rows_end {
	enum reason reason;
	const char *detail;
	bool failure; /* no honest terminal does that */
	bool quiet;   /* never opened: audit entry alone */
	char tek_hsm[CHECK_HEX];
	char auk_hsm[CHECK_HEX];
};
enum err rows_end(struct handshake *h, const struct rows_end *end, struct fail *f) MUST_CHECK;

/* db_reason: what an error of the database means for the terminal: busy, or it cannot work. */
enum reason db_reason(enum err e);

#endif
