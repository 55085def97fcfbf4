/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_HANDSHAKE_H
#define KMS_HANDSHAKE_H

#include "frame.h"
#include "kms.h"

/*
 * The KMS's end of one download (R1.9 to R1.11, R2.7), or of one sign-in (R1.12), without any socket: frames in, frames
 * out. The states and what may come in each are rows of handshake.c. Whatever goes wrong is one enum reason, text for
 * the operator in a struct fail; the handshake is then over.
 */
enum handshake_state {
	HANDSHAKE_HELLO,
	HANDSHAKE_PROOF,
	HANDSHAKE_CONFIRM,
	HANDSHAKE_WK_CONFIRM,
	HANDSHAKE_DONE,
	HANDSHAKE_OVER
};

struct handshake {
	struct kms *kms;
	const char *peer; /* address and port, for audit and download rows */
	const char *host; /* address as limits know it */
	int64_t row;      /* in the table handshake; 0: none */
	enum handshake_state state;
	enum reason stand_in; /* why the TK that is open is somebody else's; REASON_NONE: it is the right one */
	bool sign_in;         /* working keys are asked for, not the TMK */
	bool failure;         /* what ended it is nothing that an honest terminal does */
	bool hushed;          /* one of a flood: its end is counted, and neither audited nor in download_error */
	struct ops_tk tk;     /* TEK and AUK, session objects of HSM 2 */
	size_t nonce_len;
	uint8_t terminal_random[FORMAT_NONCE];
	uint8_t host_random[FORMAT_NONCE];
	size_t serial_len;
	char serial[FORMAT_POS_SERIAL_MAX + 1]; /* as asked for in HELLO, final zero */
	char tek_check[CHECK_HEX];              /* of the formal row, for the operator: they locate the fault (R2.5) */
	char auk_check[CHECK_HEX];
	char tek_told[CHECK_HEX]; /* what the terminal says in its ERROR frame; it may be anybody */
	char auk_told[CHECK_HEX];
	int64_t counter;    /* of the formal row's TK */
	int64_t generation; /* of the TMK that was sent; of a sign-in: of the working keys */
	struct check_value tmk_check;
	char tmk_kms[CHECK_HEX]; /* of a sign-in: check values of the TMK here and as the terminal says */
	char tmk_told[CHECK_HEX];
	struct check_value wk_check[WK_KINDS];
	uint8_t wk_confirm[OPS_TAG_MAX]; /* what confirms these working keys */
	size_t wk_confirm_len;
};

/* handshake_init: waits for HELLO. k, peer and host must outlive it. */
void handshake_init(struct handshake *h, struct kms *k, const char *peer, const char *host);

/*
 * handshake_frame: one frame from the terminal; what is to be sent is appended to ret_out.
 * REASON_NONE: go on, or h->state is HANDSHAKE_DONE: the terminal confirmed, the download row is committed.
 */
enum reason handshake_frame(struct handshake *h, const struct frame *in, struct buf *ret_out, struct fail *f);

/*
 * handshake_refuse: the handshake ends for this reason: its row, what limits and alarm make of it, download_error,
 * audit entry (step, reason, check values of the formal row, of the HSM and of the terminal); keys destroyed. detail:
 * what the HSM or database said, may be empty. handshake_done: keys destroyed, nothing written.
 */
enum err handshake_refuse(struct handshake *h, enum reason reason, const char *detail, struct fail *f) MUST_CHECK;
void handshake_done(struct handshake *h);

/* handshake_quiet: refused before it began; a flood of these must not become a flood of commits. */
bool handshake_quiet(enum reason reason);

/* handshake_step: "HELLO", "PROOF_T", "CONFIRM", ...: what the state waits for. */
const char *handshake_step(const struct handshake *h);

#endif
