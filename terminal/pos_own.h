/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TERMINAL_POS_OWN_H
#define TERMINAL_POS_OWN_H

#include "pos_download.h"

/* Inside of pos_download.c and pos_signin.c only: one visit to the KMS, and what a download and a sign-in share. */
#define STEP_TIMEOUT_MS 10000

struct pos_visit {
	struct device *d;
	const struct frame_stream *stream;
	struct ops_tk tk;
	uint64_t number; /* of that TK */
	uint8_t terminal_random[FORMAT_NONCE];
	uint8_t host_random[FORMAT_NONCE];
	struct ops_shake shake;
	struct buf storage;
};

/* pos_find_newest: an interrupted MAKE_TK may have taken a counter and made no TK: then the one in use is the newest.
 */
enum err pos_find_newest(struct pos_visit *v, struct fail *f) MUST_CHECK;
/* pos_hello, pos_check_kms: the KMS must prove that it holds AUK before the terminal answers its nonce (R1.10). */
enum err pos_hello(struct pos_visit *v, struct fail *f) MUST_CHECK;
enum err pos_check_kms(struct pos_visit *v, struct fail *f) MUST_CHECK;
enum err pos_receive(struct pos_visit *v, uint8_t type, struct frame *ret, struct fail *f) MUST_CHECK;
/* pos_refuse: best effort; nothing is sent when the KMS is gone or has itself refused. Check values are no secrets. */
void pos_refuse(struct pos_visit *v, enum err e);

#endif
