/* SPDX-License-Identifier: BSD-2-Clause */
#include "module.h"

#include <stdarg.h>
#include <stdio.h>

#include "crypto.h"
#include "fork.h"
#include "log.h"
#include "session.h"
#include "store.h"

static _Thread_local char note[256];

void call_note(const char *format, ...)
{
	va_list args;

	if (note[0] != '\0')
		return;
	va_start(args, format);
	vsnprintf(note, sizeof(note), format, args);
	va_end(args);
}

void call_begin(void)
{
	note[0] = '\0';
	fork_enter();
	crypto_errors_mark();
}

CK_RV call_module(void)
{
	call_begin();
	return module_get() != NULL ? CKR_OK : CKR_CRYPTOKI_NOT_INITIALIZED;
}

CK_RV call_session(CK_SESSION_HANDLE handle, unsigned flags, struct session **ret)
{
	struct session *s;
	struct token_user user;
	CK_RV rv;

	call_begin();
	if (module_get() == NULL)
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	rv = session_get(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (!(flags & CALL_EXPIRED_OK)) {
		token_user(s->token, &user);
		if (user.must_change) {
			session_put(s);
			return CKR_PIN_EXPIRED;
		}
	}
	*ret = s;
	return CKR_OK;
}

CK_RV call_end(const char *name, CK_ULONG handle, struct session *s, CK_RV rv)
{
	const struct module *m = module_get();
	char fault[STORE_FAULT_MAX];

	if (s != NULL)
		session_put(s);
	crypto_errors_drop();
	/* Also after CKR_OK: a token that is passed over because its file is not sound. */
	if (store_fault_take(fault) && m != NULL && m->settings.log_fd >= 0)
		log_line(LOG_LEVEL_ERROR, name, "%s", fault);
	if (m != NULL && m->settings.log_fd >= 0)
		log_line(LOG_LEVEL_INFO, name, "handle %lu rv 0x%lx%s%s", handle, rv,
			 rv != CKR_OK && note[0] != '\0' ? ": " : "", rv != CKR_OK ? note : "");
	fork_leave();
	return rv;
}
