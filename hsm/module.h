/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_MODULE_H
#define HSM_MODULE_H

#include <pthread.h>
#include <stdatomic.h>
#include "bytes.h"
#include "ck.h"
#include "settings.h"

/*
 * The module's state between C_Initialize and C_Finalize, one per process, reached through word 0 of the page of
 * base/fork.h: in a forked child that word reads zero, so the child is "not initialised" and can start anew.
 */
struct crypto;
struct session;
struct sessions;
struct tokens;
struct restore;

struct module {
	struct crypto *crypto; /* OpenSSL context and algorithms (crypto.h) */
	struct settings settings;
	struct sessions *sessions; /* session.c */
	struct tokens *tokens;     /* token.c */
	struct restore *restore;   /* sr_restore.c; under its lock */
	pthread_mutex_t restore_lock;
	struct module *older; /* module.c: of the parent's parent */

	/* slot_event.c's own */
	_Atomic unsigned waiting;
	_Atomic int wake_fd; /* -1: nobody has waited yet */
	_Atomic bool stopping;
};

/* module_get: NULL before C_Initialize, after C_Finalize and in a forked child. One load. */
struct module *module_get(void);
/* module_crypto: only inside a call that call_module or call_session let in. */
const struct crypto *module_crypto(void);

/*
 * module_start: C_Initialize after its arguments were checked. Drops what a parent process left (store_abandon).
 * CKR_CRYPTOKI_ALREADY_INITIALIZED, CKR_HOST_MEMORY, CKR_GENERAL_ERROR (settings file unreadable or wrong, no
 * MADV_WIPEONFORK); ret_error: what is wrong with the settings, else untouched.
 */
CK_RV module_start(char ret_error[SETTINGS_ERROR_LEN]) MUST_CHECK;
CK_RV module_stop(void) MUST_CHECK;

/*
 * The C_ shell: every C_ function is
 *
 *	CK_RV C_Something(CK_SESSION_HANDLE handle, ...)
 *	{
 *		CALL_SESSION(handle, 0, something(call_s, ...));
 *	}
 *
 * The expression runs with the session found and locked. One log line per call (name, handle, result), off unless the
 * setting `log` is on.
 */
#define CALL_EXPIRED_OK 1u /* allowed to a user who must change the PIN first (else CKR_PIN_EXPIRED) */

/* call_begin: what every call begins with and call_end ends: no fork in between, the caller's OpenSSL errors kept. */
void call_begin(void);
/* call_session: CKR_CRYPTOKI_NOT_INITIALIZED, CKR_SESSION_HANDLE_INVALID, CKR_PIN_EXPIRED; else the locked session. */
CK_RV call_session(CK_SESSION_HANDLE handle, unsigned flags, struct session **ret) MUST_CHECK;
/* call_module: CKR_CRYPTOKI_NOT_INITIALIZED or CKR_OK. */
CK_RV call_module(void) MUST_CHECK;
/* call_end: unlocks and releases s (NULL allowed), logs, answers rv. */
CK_RV call_end(const char *name, CK_ULONG handle, struct session *s, CK_RV rv);

/*
 * call_note: why the call that is running will fail, for its log line: what is wrong where, and what to do. Of several,
 * the first stands. Never a secret.
 */
void call_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define CALL_SESSION(handle, flags, expression)                                                                        \
	do {                                                                                                           \
		struct session *call_s = NULL;                                                                         \
		CK_RV call_rv = call_session((handle), (flags), &call_s);                                              \
		if (call_rv == CKR_OK)                                                                                 \
			call_rv = (expression);                                                                        \
		return call_end(__func__, (handle), call_s, call_rv);                                                  \
	} while (0)

#define CALL_MODULE(id, expression)                                                                                    \
	do {                                                                                                           \
		CK_RV call_rv = call_module();                                                                         \
		if (call_rv == CKR_OK)                                                                                 \
			call_rv = (expression);                                                                        \
		return call_end(__func__, (id), NULL, call_rv);                                                        \
	} while (0)

#endif
