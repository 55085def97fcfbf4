/* SPDX-License-Identifier: BSD-2-Clause */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "server.h"
#include "wire_io.h"
#include "wire_rows.h"

bool server_load(const char *path, struct server_functions *ret, char ret_error[SERVER_ERROR])
{
	CK_RV (*get)(CK_UTF8CHAR_PTR, CK_VERSION_PTR, CK_INTERFACE_PTR_PTR, CK_FLAGS);
	CK_VERSION version = { 3, 2 };
	CK_INTERFACE *ck = NULL, *sr = NULL;
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);

	if (library == NULL) {
		snprintf(ret_error, SERVER_ERROR, "%s", dlerror());
		return false;
	}
	*(void **)&get = dlsym(library, "C_GetInterface");
	if (get == NULL || get((CK_UTF8CHAR_PTR)(uintptr_t) "PKCS 11", &version, &ck, 0) != CKR_OK) {
		snprintf(ret_error, SERVER_ERROR, "%s: no PKCS #11 module of version 3.2", path);
		dlclose(library);
		return false;
	}
	ret->ck = ck->pFunctionList;
	ret->sr = NULL;
	if (get((CK_UTF8CHAR_PTR)(uintptr_t)SR_INTERFACE_NAME, NULL, &sr, 0) == CKR_OK)
		ret->sr = sr->pFunctionList;
	return true;
}

/* refuse: the call was not made. */
static bool refuse(struct wire_room *reply, CK_RV rv)
{
	wire_frame_begin(reply);
	wire_put_u8(reply, WIRE_REFUSED);
	wire_put_u64(reply, rv);
	return !reply->failed;
}

/* known: what the process of the session has, if the function uses one. */
static void look_up(const struct wire_function *row, const struct wire_sessions *sessions, CK_SESSION_HANDLE session,
		    struct wire_walk *w)
{
	w->known = row->uses != WIRE_NO_PROCESS && wire_session_process(sessions, session, row->uses, &w->process);
}

/* write_down: the call may have begun or ended a process. False: no memory. */
static bool write_down(const struct wire_function *row, struct wire_sessions *sessions, const CK_ULONG *words, CK_RV rv)
{
	const CK_MECHANISM *m = (const CK_MECHANISM *)(uintptr_t)words[1];

	if (row->starts == WIRE_NO_PROCESS || rv != CKR_OK)
		return true;
	return wire_session_begun(sessions, words[0], row->starts, m != NULL ? &m->mechanism : NULL);
}

static bool run(const struct server_functions *f, unsigned number, struct wire_sessions *sessions, struct wire_walk *w,
		CK_SESSION_HANDLE session)
{
	const struct wire_function *row = wire_function(number);
	CK_ULONG words[WIRE_ARGUMENTS_MAX];
	struct wire_room *reply = w->out;

	look_up(row, sessions, session, w);
	if (!wire_request_get(w, &row->arguments, words))
		return refuse(reply, w->rv);
	w->answer = server_dispatch(f, number, words);
	if (!write_down(row, sessions, words, w->answer))
		return false; /* the module's process is not known to us: nothing more on this connection */
	if (number == WIRE_C_CloseSession && w->answer == CKR_OK) {
		wire_session_lock(sessions, words[0]);
		wire_session_closed(sessions, words[0]);
		wire_session_unlock(sessions, words[0]);
	}
	wire_frame_begin(reply);
	wire_put_u8(reply, WIRE_DONE);
	wire_put_u64(reply, w->answer);
	if (!wire_reply_put(w, &row->arguments, words))
		return refuse(reply, CKR_HOST_MEMORY);
	return true;
}

bool server_call(const struct server_functions *f, struct wire_sessions *sessions, struct view request,
		 struct wire_room *reply)
{
	struct wire_arena arena = { 0 };
	struct wire_walk w = { .in = reader_of(request), .out = reply, .arena = &arena };
	unsigned number = reader_u16(&w.in);
	uint16_t zero = reader_u16(&w.in);
	uint32_t hash = reader_u32(&w.in);
	const struct wire_function *row = wire_function(number);
	CK_SESSION_HANDLE session;
	bool locked, ok;

	if (w.in.failed || zero != 0)
		return false;
	if (row == NULL || hash != wire_function_hash(number))
		return refuse(reply, CKR_FUNCTION_NOT_SUPPORTED);
	/* Its session is the first argument of each of these, and the first thing in the frame. */
	locked = row->starts != WIRE_NO_PROCESS || row->uses != WIRE_NO_PROCESS;
	session = locked && w.in.left >= 8 ? be_get64(w.in.p) : 0;
	if (locked)
		wire_session_lock(sessions, session);
	ok = run(f, number, sessions, &w, session);
	if (locked)
		wire_session_unlock(sessions, session);
	wire_arena_done(&arena);
	return ok;
}
