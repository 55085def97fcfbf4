/* SPDX-License-Identifier: BSD-2-Clause */
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "db_gate.h"

struct db_gate {
	dev_t device;
	ino_t inode;
	unsigned users;
	pthread_cond_t left;
	bool taken;
	struct db_gate *next;
};

/* All gates and what stands in them; held for moments. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct db_gate *gates;

struct db_gate *db_gate_open(const char *path)
{
	struct db_gate *g = NULL;
	pthread_condattr_t steady;
	struct stat st;

	if (stat(path, &st))
		return NULL;
	pthread_mutex_lock(&mutex);
	for (g = gates; g && (g->device != st.st_dev || g->inode != st.st_ino); g = g->next)
		;
	if (!g && (g = calloc(1, sizeof(*g)))) {
		g->device = st.st_dev;
		g->inode = st.st_ino;
		pthread_condattr_init(&steady);
		pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
		pthread_cond_init(&g->left, &steady);
		pthread_condattr_destroy(&steady);
		g->next = gates;
		gates = g;
	}
	if (g)
		g->users++;
	pthread_mutex_unlock(&mutex);
	return g;
}

void db_gate_close(struct db_gate *g)
{
	struct db_gate **at;

	if (!g)
		return;
	pthread_mutex_lock(&mutex);
	if (--g->users == 0) {
		for (at = &gates; *at != g; at = &(*at)->next)
			;
		*at = g->next;
		pthread_cond_destroy(&g->left);
		free(g);
	}
	pthread_mutex_unlock(&mutex);
}

bool db_gate_enter(struct db_gate *g, unsigned ms)
{
	struct timespec until;
	bool entered;
	int late = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&mutex);
	while (g->taken && !late)
		late = pthread_cond_timedwait(&g->left, &mutex, &until);
	entered = !g->taken;
	g->taken = true;
	pthread_mutex_unlock(&mutex);
	return entered;
}

void db_gate_leave(struct db_gate *g)
{
	pthread_mutex_lock(&mutex);
	g->taken = false;
	pthread_cond_signal(&g->left);
	pthread_mutex_unlock(&mutex);
}
