/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TERMINAL_COLLECT_H
#define TERMINAL_COLLECT_H

#include <signal.h>

#include "lot.h"
#include "spool.h"

/* What the operation terminal asks every terminal for (formats.md, MAKE_TK). */
struct collect_in {
	struct spool *spool;
	struct lot *lot;          /* who may come, and how many are wanted in the spool */
	struct view working_cert; /* DER */
	struct view cert_serial;  /* its serial number, content of the INTEGER */
	uint8_t suite;
	uint8_t handshake;
	uint8_t oaep_hash;
	uint8_t key_type;
	uint8_t key_length;
	unsigned wait_s; /* give up after so many seconds; 0: never */
	int listen_fd;   /* listening; stays the caller's */
	const volatile sig_atomic_t *stop;
	/* progress: after every visit, from one thread at a time. serial may be "?"; known: nothing was collected, for
	 * the MTMS has its TK; f has a text when it went wrong. */
	void (*progress)(void *arg, const char *serial, size_t collected, bool known, const struct fail *f);
	void *arg;
};

/*
 * collect: lets terminals in, many at a time, each in a thread of its own, and drives them through frames 20h to 26h
 * (R1.2, R1.4, R1.5). A packet is durable in the spool before COLLECTED is sent. A terminal that talks rubbish or
 * nothing costs its own connection and no other. A terminal whose last TK is in the spool and not acknowledged yet, or
 * with the MTMS, just gets COLLECTED; any other that the lot admits makes a new TK. Ends when as many stand in the
 * spool as the lot wants. Errors: ERR_TIMEOUT (wait_s), ERR_UNEXPECTED (*stop), ERR_IO; what was collected until then
 * is in the spool.
 */
enum err collect(const struct collect_in *in, struct fail *f) MUST_CHECK;

#endif
