/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_TERMINAL_MTMS_H
#define TESTS_TERMINAL_MTMS_H

#include "terminal_kit.h"

/*
 * The MTMS's end of the operation terminal's three messages (docs/messages.md) as a thread of the test program, over
 * real mutual TLS. It verifies every batch's CMS for the role operator and keeps what it got; answer decides what it
 * says. Every order expects OP-1, OP/2, OP-3 and CROWD-000 to CROWD-299.
 */
enum mtms_answer { MTMS_ACCEPT, MTMS_ERROR, MTMS_SHORT, MTMS_REFUSE_ALL };

struct mtms_batch {
	char id[80];
	char sha256[65]; /* of the CMS bytes */
	char signer[128];
	struct buf content;
};

struct fake_mtms {
	struct kit *kit;
	pthread_t thread;
	pthread_mutex_t mutex;
	struct event_base *base;
	struct event *tick;
	bool stop;
	struct identity *identity;
	struct http_server *server;
	char url[128];
	enum mtms_answer answer;
	unsigned requests;
	unsigned bad_signatures;
	struct mtms_batch batches[16];
	size_t batch_count;
};

/* mtms_start: identities "mtms" of the kit's root; mtms_stop ends the thread. */
void mtms_start(struct fake_mtms *m, struct kit *k);
void mtms_stop(struct fake_mtms *m);
void mtms_set(struct fake_mtms *m, enum mtms_answer answer);
unsigned mtms_requests(struct fake_mtms *m);

#endif
