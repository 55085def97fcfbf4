/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TERMINAL_OPTERM_H
#define TERMINAL_OPTERM_H

#include "card.h"

/* The command line of opterm; NULL: not given. */
struct opterm_options {
	const char *order, *listen, *count, *spool, *card, *pin_file, *mtms, *cert, *key_file, *ca, *crl;
	const char *suite, *handshake, *hash, *key, *wait, *module, *name, *request, *certificate, *scan, *batch,
	    *retry;
	const char *again, *json, *plain; /* switches: "" when given */
};

/* opterm_need: ERR_USAGE: --name is missing. opterm_number: text NULL: *ret stays. */
enum err opterm_need(const char *value, const char *name, struct fail *f) MUST_CHECK;
enum err opterm_number(const char *text, unsigned long min, unsigned long max, const char *name, unsigned long *ret,
		       struct fail *f) MUST_CHECK;
/* opterm_card: the operator's card, PIN verified. */
enum err opterm_card(const struct opterm_options *o, struct card **ret, struct fail *f) MUST_CHECK;

/*
 * opterm_collect: the command collect (docs/opterm.md): nothing happens before the card is verified; then order and
 * HsmWCRT from the MTMS, what an earlier run left, terminals, signature, upload. *ret_status 3: all acknowledged, but
 * the MTMS refused terminals. Source: R1.2, R1.4, R1.5.
 */
enum err opterm_collect(const struct opterm_options *o, int *ret_status, struct fail *f) MUST_CHECK;

#endif
