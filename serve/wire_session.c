/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire_session.h"

#include <stdlib.h>

struct wire_session {
	struct wire_session *next;
	CK_SESSION_HANDLE handle;
	bool known[WIRE_PROCESSES];
	CK_MECHANISM_TYPE type[WIRE_PROCESSES];
};

static size_t stripe(CK_SESSION_HANDLE session)
{
	return (size_t)((session ^ session >> 8 ^ session >> 16) % WIRE_STRIPES);
}

void wire_sessions_init(struct wire_sessions *s)
{
	for (size_t i = 0; i < WIRE_STRIPES; i++) {
		pthread_mutex_init(&s->stripes[i].lock, NULL);
		s->stripes[i].first = NULL;
	}
}

void wire_session_lock(struct wire_sessions *s, CK_SESSION_HANDLE session)
{
	pthread_mutex_lock(&s->stripes[stripe(session)].lock);
}

void wire_session_unlock(struct wire_sessions *s, CK_SESSION_HANDLE session)
{
	pthread_mutex_unlock(&s->stripes[stripe(session)].lock);
}

static struct wire_session *find(const struct wire_sessions *s, CK_SESSION_HANDLE session)
{
	struct wire_session *one = s->stripes[stripe(session)].first;

	while (one != NULL && one->handle != session)
		one = one->next;
	return one;
}

bool wire_session_process(const struct wire_sessions *s, CK_SESSION_HANDLE session, enum wire_process process,
			  CK_MECHANISM_TYPE *ret)
{
	const struct wire_session *one = find(s, session);

	if (one == NULL || !one->known[process])
		return false;
	*ret = one->type[process];
	return true;
}

bool wire_session_begun(struct wire_sessions *s, CK_SESSION_HANDLE session, enum wire_process process,
			const CK_MECHANISM_TYPE *type)
{
	struct wire_session *one = find(s, session);

	if (one == NULL) {
		one = calloc(1, sizeof(*one));
		if (one == NULL)
			return false;
		one->handle = session;
		one->next = s->stripes[stripe(session)].first;
		s->stripes[stripe(session)].first = one;
	}
	one->known[process] = type != NULL;
	if (type != NULL)
		one->type[process] = *type;
	return true;
}

void wire_session_closed(struct wire_sessions *s, CK_SESSION_HANDLE session)
{
	struct wire_session **at = &s->stripes[stripe(session)].first, *one;

	while (*at != NULL && (*at)->handle != session)
		at = &(*at)->next;
	one = *at;
	if (one != NULL)
		*at = one->next;
	free(one);
}

void wire_sessions_done(struct wire_sessions *s)
{
	for (size_t i = 0; i < WIRE_STRIPES; i++) {
		while (s->stripes[i].first != NULL)
			wire_session_closed(s, s->stripes[i].first->handle);
		pthread_mutex_destroy(&s->stripes[i].lock);
	}
}
