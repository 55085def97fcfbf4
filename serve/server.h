/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SERVE_SERVER_H
#define SERVE_SERVER_H

#include "ck.h"

#include "vendor_functions.h"
#include "wire_session.h"
#include "wire_walk.h"

/*
 * The server's end of a connection: the module, in a process that has this one client. Each connection is an
 * application of PKCS #11 of its own: logins, sessions and session objects of one are unknown to another.
 */
#define SERVER_ERROR 256

/* struct server_functions: the module's; sr NULL: it has no vendor functions. */
struct server_functions {
	const struct ck_function_list_3_2 *ck;
	const struct sr_function_list *sr;
};
/*
 * server_load: loads the module and finds its lists; nothing is initialised. False: ret_error says why. Never unloaded.
 */
bool server_load(const char *path, struct server_functions *ret, char ret_error[SERVER_ERROR]) MUST_CHECK;

/*
 * server_run: a connection, from its hello to its end, in a process that was forked for it; C_Initialize happens here.
 * Answers the exit status: 0: the client or a signal (SIGTERM) ended it; 1: it was no client of ours. idle: seconds
 * without a call after which the connection ends; 0: never.
 */
int server_run(const struct server_functions *f, int control, unsigned idle);

/*
 * server_call: one request frame, answered in reply (wire_io.h). False: no frame can be written: the channel ends.
 * Threads may call it at once.
 */
bool server_call(const struct server_functions *f, struct wire_sessions *sessions, struct view request,
		 struct wire_room *reply) MUST_CHECK;

/* server_dispatch: calls the module's function with these words. */
CK_RV server_dispatch(const struct server_functions *f, unsigned number, const CK_ULONG *words);

#endif
