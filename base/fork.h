/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_FORK_H
#define BASE_FORK_H

#include "bytes.h"

enum fork_word {
	FORK_MODULE,      /* the module's live pointer */
	FORK_MODULE_LOCK, /* the module's lock around that pointer */
	FORK_STORES,      /* the token store's registry of open environments */
	FORK_PENDING,     /* threads that wait to fork */
};

/*
 * fork_page: one page that the kernel zeroes in a forked child (MADV_WIPEONFORK), so that "am I a child?" is one load
 * and never a getpid. 64 words of it are handed out, by the fixed indices of enum fork_word.
 *
 * Returns NULL when the kernel has no MADV_WIPEONFORK (before Linux 4.14): the caller must refuse to work.
 */
uint64_t *fork_page(void) MUST_CHECK;

/*
 * Forks wait for calls: no fork of this process (pthread_atfork) happens between a thread's fork_enter and fork_leave,
 * so that a child inherits no lock of OpenSSL, LMDB or ours that a thread held which is not there. Each thread writes a
 * word of its own: calls do not disturb each other. A fork that has waited FORK_WAIT_SECONDS goes on all the same. Not
 * to be nested.
 *
 * fork_guard: once per process is enough, more do nothing. False: no memory, no MADV_WIPEONFORK. Only code that is
 * never unloaded may call it.
 */
#define FORK_WAIT_SECONDS 10
bool fork_guard(void) MUST_CHECK;
void fork_enter(void);
void fork_leave(void);

#endif
