/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_FUZZ_TALK_H
#define TESTS_FUZZ_TALK_H

#include <pthread.h>

#include "pki.h"

/*
 * A hostile server for one client at a time, on real sockets: HTTPS, SMTP with STARTTLS, FTP. The connection and TLS
 * are good; what it says is the input.
 *
 * TALK_RAW   HTTPS; says is all that it says, to whatever request
 * TALK_HTTP  HTTPS; each connection's requests get the next piece of says (divided by zero bytes) as the body of 200
 * TALK_SMTP  SMTP; after STARTTLS each line of the client, and the end of the mail, gets the next piece of says, and
 *            what has no piece a good answer
 * TALK_FTP   FTP; each command gets the next piece of says, and what has no piece (or a data port is asked for) a good
 *            answer; files and listings are data
 */
enum talk_kind { TALK_RAW, TALK_HTTP, TALK_SMTP, TALK_FTP };
struct talk_script {
	enum talk_kind kind;
	struct view says;
	struct view data;
};

struct talk {
	struct identity *identity;
	SSL_CTX *ctx;
	int listener, data_listener;
	unsigned port, data_port;
	int stop[2];
	pthread_t thread;
	struct talk_script script;
	size_t at;        /* of says */
	struct buf heard; /* what the client said after TLS; of SMTP and FTP */
	bool mail_taken;  /* SMTP: the whole mail came, and 250 was said to it */
};

/* talk_make: identity of this role, made by pki. talk_begin, talk_end: around one call of the client. */
void talk_make(struct talk *t, struct pki *pki, enum role role);
void talk_done(struct talk *t);
void talk_begin(struct talk *t, const struct talk_script *script);
void talk_end(struct talk *t);

#endif
