/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "server.h"
#include "wire_io.h"
#include "wire_rows.h"

/* The time that a peer has for its hello, and that calls have to end when the connection ends. */
#define HELLO_SECONDS 10
#define LEAVE_SECONDS 10
#define STACK ((size_t)1 << 20)

static struct {
	const struct server_functions *functions;
	struct wire_sessions sessions;
	atomic_int channels;
	atomic_int busy;       /* calls under way, but for those that wait for a slot event */
	_Atomic(int64_t) last; /* milliseconds */
	atomic_bool broken;    /* a channel brought what no client sends */
} here;

/* now: milliseconds. */
static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* serve: one request, one answer. */
static bool serve(int fd, struct wire_room *in, struct wire_room *out)
{
	bool any = false, waits, ok;

	if (!wire_frame_read(fd, in, &any) || in->len < WIRE_REQUEST_HEAD) {
		if (any)
			atomic_store(&here.broken, true);
		return false;
	}
	waits = be_get16(in->p) == WIRE_C_WaitForSlotEvent;
	if (!waits)
		atomic_fetch_add(&here.busy, 1);
	atomic_store(&here.last, now());
	ok = server_call(here.functions, &here.sessions, VIEW(in->p, in->len), out);
	if (!ok)
		atomic_store(&here.broken, true);
	wire_room_reset(in);
	ok = ok && wire_frame_send(fd, out);
	wire_room_reset(out);
	atomic_store(&here.last, now());
	if (!waits)
		atomic_fetch_sub(&here.busy, 1);
	return ok;
}

static void *channel(void *arg)
{
	int fd = (int)(intptr_t)arg;
	struct wire_room in = { 0 }, out = { 0 };

	while (serve(fd, &in, &out))
		;
	wire_room_done(&in);
	wire_room_done(&out);
	close(fd);
	atomic_fetch_sub(&here.channels, 1);
	return NULL;
}

/* start: a thread for a channel; too many, or no thread: it is closed, which the client understands. */
static void start(int fd)
{
	pthread_attr_t a;
	pthread_t t;

	pthread_attr_init(&a);
	pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&a, STACK);
	if (atomic_fetch_add(&here.channels, 1) >= WIRE_CHANNELS_MAX ||
	    pthread_create(&t, &a, channel, (void *)(intptr_t)fd) != 0) {
		atomic_fetch_sub(&here.channels, 1);
		close(fd);
	}
	pthread_attr_destroy(&a);
}

/* greet: hello and its answer, with C_Initialize in between. */
static bool greet(int control)
{
	struct timeval limit = { HELLO_SECONDS, 0 }, none = { 0, 0 };
	uint8_t hello[WIRE_HELLO];
	enum wire_hello answer = WIRE_WELCOME;
	CK_RV rv = CKR_OK;
	bool same;

	setsockopt(control, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (!wire_read(control, hello, sizeof(hello)) || !wire_hello_get(hello, &same, &answer, &rv)) {
		log_line(LOG_LEVEL_WARN, "connection", "no hello: it is no client of ours");
		return false;
	}
	setsockopt(control, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof(none));
	answer = same ? WIRE_WELCOME : WIRE_OTHER_BUILD;
	rv = same ? here.functions->ck->C_Initialize(NULL) : CKR_OK;
	if (rv != CKR_OK)
		answer = WIRE_MODULE_FAILED;
	if (answer != WIRE_WELCOME)
		log_line(LOG_LEVEL_WARN, "connection", same ? "C_Initialize: 0x%lx" : "the client is of another build",
			 rv);
	wire_hello_put(hello, answer, rv);
	return wire_write(control, hello, sizeof(hello)) && answer == WIRE_WELCOME;
}

/* idle_ms: how long until the connection has been idle for too long; -1: forever. */
static int idle_ms(unsigned idle)
{
	int64_t left;

	if (idle == 0)
		return -1;
	if (atomic_load(&here.busy) > 0)
		return 1000;
	left = atomic_load(&here.last) + (int64_t)idle * 1000 - now();
	return left <= 0 ? 0 : left > 3600000 ? 3600000 : (int)left;
}

/* attend: takes channels until the connection ends; answers why. */
static const char *attend(int control, int signals, unsigned idle)
{
	struct pollfd fds[] = { { .fd = control, .events = POLLIN }, { .fd = signals, .events = POLLIN } };

	for (;;) {
		int ms = idle_ms(idle), fd;

		if (ms == 0)
			return "it was idle";
		if (poll(fds, ARRAY_LEN(fds), ms) < 0 && errno != EINTR)
			return "poll failed";
		if (fds[1].revents != 0)
			return "the server stops";
		if (fds[0].revents == 0)
			continue;
		fd = wire_passed(control);
		if (fd == -1)
			return "the client is gone";
		if (fd == -2)
			return "the client sent what no client sends";
		start(fd);
	}
}

/* leave: calls under way may end; the module then wakes who waits for a slot event. */
static void leave(void)
{
	const struct timespec tick = { 0, 5000000 };
	int64_t end = now() + LEAVE_SECONDS * 1000;

	while (atomic_load(&here.busy) > 0 && now() < end)
		nanosleep(&tick, NULL);
	if (atomic_load(&here.busy) == 0)
		(void)here.functions->ck->C_Finalize(NULL);
}

int server_run(const struct server_functions *f, int control, unsigned idle)
{
	sigset_t set;
	int signals;

	here.functions = f;
	wire_sessions_init(&here.sessions);
	atomic_store(&here.last, now());
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (signals < 0 || !greet(control))
		return 1;
	log_line(LOG_LEVEL_INFO, "connection", "ends: %s%s", attend(control, signals, idle),
		 atomic_load(&here.broken) ? "; a channel brought a malformed frame" : "");
	leave();
	close(control);
	return 0;
}
