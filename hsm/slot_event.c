/* SPDX-License-Identifier: BSD-2-Clause */
#include "slot_event.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "fork.h"
#include "token_own.h"

#define TICK_MS 1000
/* A token is made in several steps of which the directory tells the first: then look more often for a while. */
#define SOON_MS 50
#define SOON_TIMES 60

CK_RV slot_event_take(struct module *m, CK_SLOT_ID *ret)
{
	CK_RV rv = tokens_scan(m->tokens);

	if (rv != CKR_OK)
		return rv;
	for (struct token *t = atomic_load(&m->tokens->first); t != NULL; t = atomic_load(&t->next)) {
		token_refresh(t);
		if (atomic_exchange(&t->event, false)) {
			*ret = t->slot;
			return CKR_OK;
		}
	}
	return CKR_NO_EVENT;
}

/* wake_fd: becomes readable when the module stops; -1: no more descriptors, the tick must do. */
static int wake_fd(struct module *m)
{
	int fd = atomic_load(&m->wake_fd), none = -1;

	if (fd >= 0)
		return fd;
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd >= 0 && !atomic_compare_exchange_strong(&m->wake_fd, &none, fd)) {
		close(fd);
		fd = none;
	}
	return fd;
}

/* pause_until: something happened in the directory (true), the module stops, or time is up. */
static bool pause_until(int wake, int watch, int timeout)
{
	struct pollfd fds[] = { { .fd = wake, .events = POLLIN }, { .fd = watch, .events = POLLIN } };
	uint8_t events[4096];
	bool any = false;

	if (poll(fds, ARRAY_LEN(fds), timeout) > 0 && (fds[1].revents & POLLIN))
		while (read(watch, events, sizeof(events)) > 0)
			any = true;
	return any;
}

CK_RV slot_event_wait(struct module *m, CK_SLOT_ID *ret)
{
	int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), wake, soon = 0;
	bool watched = false, stopping;
	CK_RV rv;

	atomic_fetch_add(&m->waiting, 1);
	wake = wake_fd(m);
	for (;;) {
		/* The directory may come later than we do. Watched first, looked at then: nothing is missed. */
		if (watch >= 0 && !watched)
			watched =
			    inotify_add_watch(watch, m->settings.token_dir, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) >= 0;
		rv = slot_event_take(m, ret);
		stopping = atomic_load(&m->stopping);
		if (rv != CKR_NO_EVENT || stopping)
			break;
		fork_leave();
		if (pause_until(wake, watch, soon > 0 ? SOON_MS : TICK_MS))
			soon = SOON_TIMES;
		else if (soon > 0)
			soon--;
		stopping = atomic_load(&m->stopping);
		/* A fork that waits for C_Finalize must not keep us, for whom C_Finalize waits. */
		if (stopping)
			atomic_fetch_sub(&m->waiting, 1);
		fork_enter();
		if (stopping)
			goto out;
	}
	atomic_fetch_sub(&m->waiting, 1);
out:
	if (watch >= 0)
		close(watch);
	return stopping && rv == CKR_NO_EVENT ? CKR_CRYPTOKI_NOT_INITIALIZED : rv;
}

void slot_event_stop(struct module *m)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	const uint64_t one = 1;
	int fd;

	atomic_store(&m->stopping, true);
	fd = atomic_load(&m->wake_fd);
	if (fd >= 0)
		(void)!write(fd, &one, sizeof(one));
	while (atomic_load(&m->waiting) > 0)
		nanosleep(&moment, NULL);
	fd = atomic_load(&m->wake_fd);
	if (fd >= 0)
		close(fd);
}
