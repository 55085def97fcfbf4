/* SPDX-License-Identifier: BSD-2-Clause */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"
#include "fork.h"
#include "wire_io.h"

#define LEAVE_SECONDS 15

/*
 * The connection of this process. running: a word of the fork page, which the kernel zeroes in a child, so that a child
 * is not initialised however it was made.
 */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct client_settings settings;
	int control;
	struct client_channel channels[WIRE_CHANNELS_MAX];
	unsigned busy;
	bool broken;
	bool stopping;
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .control = -1 };

static bool guarded;

bool client_running(void)
{
	uint64_t *page = fork_page();

	return page != NULL && page[FORK_MODULE] != 0;
}

/* close_all: a child has copies of the parent's descriptors, of which the server must not hear. */
static void close_all(void)
{
	if (pool.control >= 0)
		close(pool.control);
	pool.control = -1;
	for (size_t i = 0; i < ARRAY_LEN(pool.channels); i++) {
		struct client_channel *c = &pool.channels[i];

		if (c->fd > 0)
			close(c->fd);
		wire_room_done(&c->out);
		wire_room_done(&c->in);
		*c = (struct client_channel){ .fd = -1 };
	}
	pool.busy = 0;
	pool.broken = pool.stopping = false;
}

static void in_child(void)
{
	if (client_running() || pool.control < 0)
		return;
	pthread_mutex_init(&pool.lock, NULL);
	pthread_cond_init(&pool.changed, NULL);
	close_all();
}

static bool guard(void)
{
	uint64_t *page = fork_page();

	if (page == NULL)
		return false;
	if (!guarded)
		guarded = pthread_atfork(NULL, NULL, in_child) == 0;
	return guarded;
}

CK_RV client_start(const struct client_settings *s, char ret_error[CLIENT_ERROR])
{
	uint64_t *page = fork_page();
	CK_RV rv;
	int fd;

	if (page == NULL || !guard())
		return CKR_GENERAL_ERROR;
	in_child();
	pthread_mutex_lock(&pool.lock);
	if (page[FORK_MODULE] != 0) {
		pthread_mutex_unlock(&pool.lock);
		return CKR_CRYPTOKI_ALREADY_INITIALIZED;
	}
	fd = client_connect(s, &rv, ret_error);
	if (fd >= 0) {
		for (size_t i = 0; i < ARRAY_LEN(pool.channels); i++)
			pool.channels[i] = (struct client_channel){ .fd = -1 };
		pool.control = fd;
		pool.settings = *s;
		page[FORK_MODULE] = 1;
	}
	pthread_mutex_unlock(&pool.lock);
	return rv;
}

/* wait_end: the server has finished what the connection had; it closes its end then. */
static void wait_end(int control)
{
	struct timeval limit = { LEAVE_SECONDS, 0 };
	uint8_t byte;

	shutdown(control, SHUT_WR);
	setsockopt(control, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	(void)recv(control, &byte, 1, 0);
}

CK_RV client_stop(void)
{
	uint64_t *page = fork_page();

	if (!client_running())
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	pthread_mutex_lock(&pool.lock);
	if (pool.stopping || !client_running()) {
		pthread_mutex_unlock(&pool.lock);
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	}
	pool.stopping = true;
	pthread_cond_broadcast(&pool.changed);
	pthread_mutex_unlock(&pool.lock);
	/* Ends the calls of other threads, too: those that wait for a slot event would never come back. */
	wait_end(pool.control);
	pthread_mutex_lock(&pool.lock);
	for (size_t i = 0; i < ARRAY_LEN(pool.channels); i++)
		if (pool.channels[i].fd >= 0)
			shutdown(pool.channels[i].fd, SHUT_RDWR);
	while (pool.busy > 0)
		pthread_cond_wait(&pool.changed, &pool.lock);
	close_all();
	if (pool.settings.log_fd >= 0)
		close(pool.settings.log_fd);
	page[FORK_MODULE] = 0;
	pthread_mutex_unlock(&pool.lock);
	return CKR_OK;
}

/* attach: a pair of sockets, of which the server gets one. */
static bool attach(struct client_channel *c)
{
	int pair[2];
	bool ok;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return false;
	ok = wire_pass(pool.control, pair[1]);
	close(pair[1]);
	if (ok)
		c->fd = pair[0];
	else
		close(pair[0]);
	return ok;
}

/* find_free: one that is made, else one to be made; NULL: all are busy. Callers that wait have some for themselves. */
static struct client_channel *find_free(bool waits)
{
	unsigned most = pool.settings.channels, first = waits ? most : 0, end = waits ? most + CLIENT_WAITERS : most;
	struct client_channel *none = NULL;

	for (unsigned i = first; i < end; i++) {
		struct client_channel *c = &pool.channels[i];

		if (c->busy)
			continue;
		if (c->fd >= 0)
			return c;
		if (none == NULL)
			none = c;
	}
	return none;
}

CK_RV client_take(bool waits, struct client_channel **ret)
{
	struct client_channel *c = NULL;
	CK_RV rv = CKR_OK;

	if (!client_running())
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	pthread_mutex_lock(&pool.lock);
	while (rv == CKR_OK && c == NULL) {
		if (pool.stopping || !client_running())
			rv = CKR_CRYPTOKI_NOT_INITIALIZED;
		else if (pool.broken)
			rv = CKR_DEVICE_REMOVED;
		else
			c = find_free(waits);
		if (rv == CKR_OK && c == NULL)
			pthread_cond_wait(&pool.changed, &pool.lock);
	}
	if (rv == CKR_OK && c->fd < 0 && !attach(c)) {
		pool.broken = true;
		rv = CKR_DEVICE_REMOVED;
	}
	if (rv == CKR_OK) {
		c->busy = true;
		pool.busy++;
		*ret = c;
	}
	pthread_mutex_unlock(&pool.lock);
	return rv;
}

void client_give(struct client_channel *c, bool good)
{
	wire_room_reset(&c->out);
	wire_room_reset(&c->in);
	pthread_mutex_lock(&pool.lock);
	c->busy = false;
	pool.busy--;
	if (!good)
		pool.broken = true;
	pthread_cond_broadcast(&pool.changed);
	pthread_mutex_unlock(&pool.lock);
}

CK_RV client_gone(void)
{
	CK_RV rv;

	pthread_mutex_lock(&pool.lock);
	rv = pool.stopping || !client_running() ? CKR_CRYPTOKI_NOT_INITIALIZED : CKR_DEVICE_REMOVED;
	pthread_mutex_unlock(&pool.lock);
	return rv;
}
