/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_WAITING_H
#define HOST_WAITING_H

#include <pthread.h>

/*
 * What a thread waits for: the database and HSM layers say it around each call, and whoever watches the thread reads
 * it. Nothing is kept for a thread that nobody watches.
 */
struct waiting {
	pthread_mutex_t mutex;
	const char *whom; /* "database", "HSM"; NULL: it waits for neither */
	char what[96];    /* the statement's begin, the operation */
	unsigned depth;
};

/* waiting_watch: from now on the calling thread tells w, which outlives it or waiting_watch(NULL). */
void waiting_init(struct waiting *w);
void waiting_done(struct waiting *w);
void waiting_watch(struct waiting *w);
/* waiting_for ... waiting_over: around a call that may take long; inner pairs are not told. whom: a constant. */
void waiting_for(const char *whom, const char *what);
void waiting_over(void);
/* waiting_text: "waits for the database: SELECT ...", "works". From any thread. */
void waiting_text(struct waiting *w, char ret[160]);

#endif
