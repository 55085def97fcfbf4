/* SPDX-License-Identifier: BSD-2-Clause */
#include "module.h"

#include <sched.h>
#include <stdlib.h>

#include "backup_run.h"
#include "crypto.h"
#include "fork.h"
#include "log.h"
#include "mech.h"
#include "session.h"
#include "slot_event.h"
#include "token_own.h"

static uint64_t *page;        /* NULL until the first C_Initialize */
static struct module *latest; /* what module_start made last; in a child: the parent's */
static struct module *left;   /* in a child: what its parents had, kept reachable and never touched again */

struct module *module_get(void)
{
	uint64_t *p = __atomic_load_n(&page, __ATOMIC_ACQUIRE);

	if (p == NULL)
		return NULL;
	return (struct module *)(uintptr_t)__atomic_load_n(&p[FORK_MODULE], __ATOMIC_ACQUIRE);
}

const struct crypto *module_crypto(void)
{
	return module_get()->crypto;
}

/* The lock of start and stop stands in the page too: a child must not inherit it taken. */
static void lock(uint64_t *p)
{
	uint64_t free_word = 0;

	while (!__atomic_compare_exchange_n(&p[FORK_MODULE_LOCK], &free_word, 1, false, __ATOMIC_ACQUIRE,
					    __ATOMIC_RELAXED)) {
		free_word = 0;
		sched_yield();
	}
}

static void unlock(uint64_t *p)
{
	__atomic_store_n(&p[FORK_MODULE_LOCK], 0, __ATOMIC_RELEASE);
}

static void module_free(struct module *m)
{
	if (m == NULL)
		return;
	restore_free(m->restore);
	pthread_mutex_destroy(&m->restore_lock);
	sessions_free(m->sessions);
	tokens_free(m->tokens);
	crypto_free(m->crypto);
	settings_done(&m->settings);
	free(m);
}

static CK_RV module_new(struct module **ret, char ret_error[SETTINGS_ERROR_LEN])
{
	struct module *m = calloc(1, sizeof(*m));
	CK_RV rv;

	if (m == NULL)
		return CKR_HOST_MEMORY;
	m->settings.log_fd = -1;
	atomic_init(&m->wake_fd, -1);
	pthread_mutex_init(&m->restore_lock, NULL);
	rv = settings_load(&m->settings, ret_error);
	if (rv == CKR_OK)
		rv = crypto_new(&m->crypto);
	if (rv == CKR_OK)
		rv = mech_table_start(m->crypto->lib);
	if (rv == CKR_OK)
		rv = sessions_new(&m->sessions);
	if (rv == CKR_OK)
		rv = tokens_new(m->settings.token_dir, m->crypto, &m->tokens);
	if (rv == CKR_OK)
		*ret = m;
	else
		module_free(m);
	return rv;
}

CK_RV module_start(char ret_error[SETTINGS_ERROR_LEN])
{
	uint64_t *p = fork_page();
	struct module *m = NULL;
	CK_RV rv;

	if (p == NULL)
		return CKR_GENERAL_ERROR;
	lock(p);
	if (p[FORK_MODULE] != 0) {
		rv = CKR_CRYPTOKI_ALREADY_INITIALIZED;
		goto out;
	}
	/*
	 * A module without its live word is a parent's. Its locks may be held by threads that are not here, so only the
	 * stores are let go; the rest stays, its keys were wiped by the kernel.
	 */
	if (latest != NULL) {
		tokens_abandon(latest->tokens);
		latest->older = left;
		left = latest;
		latest = NULL;
	}
	rv = module_new(&m, ret_error);
	if (rv != CKR_OK)
		goto out;
	log_open("strongroom-pkcs11", m->settings.log_fd, LOG_LEVEL_INFO);
	latest = m;
	__atomic_store_n(&page, p, __ATOMIC_RELEASE);
	__atomic_store_n(&p[FORK_MODULE], (uint64_t)(uintptr_t)m, __ATOMIC_RELEASE);
out:
	unlock(p);
	return rv;
}

CK_RV module_stop(void)
{
	uint64_t *p = __atomic_load_n(&page, __ATOMIC_ACQUIRE);
	struct module *m;

	if (p == NULL)
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	lock(p);
	m = module_get();
	if (m != NULL) {
		/* Counted events are written while the module still stands. */
		sessions_close_all(m->sessions, NULL);
		__atomic_store_n(&p[FORK_MODULE], 0, __ATOMIC_RELEASE);
		latest = NULL;
		log_open("strongroom-pkcs11", -1, LOG_LEVEL_INFO);
		slot_event_stop(m);
		module_free(m);
	}
	unlock(p);
	return m != NULL ? CKR_OK : CKR_CRYPTOKI_NOT_INITIALIZED;
}
