/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SERVE_WIRE_SESSION_H
#define SERVE_WIRE_SESSION_H

#include <pthread.h>

#include "wire.h"

/*
 * Which mechanism a session's processes of messages have: C_EncryptMessage and the like bring a parameter and do not
 * say whose. Both ends keep it for themselves; the server believes nobody.
 *
 * wire_session_lock    calls that begin or use such a process, of one session, go one after the other: what is
 *                      written down is then what the module has. Answers what wire_session_unlock wants.
 * wire_session_process false: there is none
 * wire_session_begun   a C_Message*Init has succeeded; type NULL: it ended the process
 * wire_session_closed  forgets it
 * wire_sessions_done   forgets all
 */
#define WIRE_STRIPES 64
struct wire_session;
struct wire_sessions {
	struct {
		pthread_mutex_t lock;
		struct wire_session *first;
	} stripes[WIRE_STRIPES];
};
void wire_sessions_init(struct wire_sessions *s);
void wire_session_lock(struct wire_sessions *s, CK_SESSION_HANDLE session);
void wire_session_unlock(struct wire_sessions *s, CK_SESSION_HANDLE session);
bool wire_session_process(const struct wire_sessions *s, CK_SESSION_HANDLE session, enum wire_process process,
			  CK_MECHANISM_TYPE *ret);
bool wire_session_begun(struct wire_sessions *s, CK_SESSION_HANDLE session, enum wire_process process,
			const CK_MECHANISM_TYPE *type) MUST_CHECK;
void wire_session_closed(struct wire_sessions *s, CK_SESSION_HANDLE session);
void wire_sessions_done(struct wire_sessions *s);

#endif
