/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_PK11_OWN_H
#define HOST_PK11_OWN_H

#include <pthread.h>

#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>

#include "pk11.h"

/* Inside of pk11*.c only. */
struct pk11 {
	P11KitUri *uri;
	char *uri_text; /* without PIN value */
	char describe[128];
	CK_FUNCTION_LIST **modules; /* loaded; ends with NULL */
	bool single;                /* modules[0] was loaded by its path */
	CK_FUNCTION_LIST *f;        /* the token's module */
	CK_SLOT_ID slot;
	CK_TOKEN_INFO info;
	struct secret pin;
	bool has_pin;
	enum pk11_who who;
	bool read_only;
	unsigned sessions_max;

	pthread_mutex_t mutex; /* what follows */
	struct pk11_session *idle;
	unsigned open;            /* sessions, borrowed ones too */
	unsigned long generation; /* of sessions: up when they are lost */
	unsigned long epoch;      /* of key handles: up when they may be stale */
};

/* pk11_key_facts: CKA_SR_GENERATION and CKA_SR_RETIRED; false: a key without generations. (pk11_policy.c) */
bool pk11_key_facts(struct pk11_session *s, CK_OBJECT_HANDLE key, unsigned long *ret_generation, bool *ret_retired);
/* pk11_key_lost: a key's handle is not good any more, the session is. */
bool pk11_key_lost(CK_RV rv);

#endif
