/* SPDX-License-Identifier: BSD-2-Clause */
#include <unistd.h>

#include "client.h"
#include "log.h"
#include "wire_io.h"
#include "wire_rows.h"
#include "wire_session.h"

static struct wire_sessions sessions; /* from C_Initialize to C_Finalize */

/* lost: what a function may answer when there is no server. */
static CK_RV lost(unsigned number, CK_RV rv)
{
	return rv == CKR_DEVICE_REMOVED && (number == WIRE_C_GetInfo || number == WIRE_C_GetSlotList)
		   ? CKR_GENERAL_ERROR
		   : rv;
}

/* exchange: the request in c->out goes, its answer is in c->in. */
static bool exchange(struct client_channel *c, enum wire_status *ret_status, CK_RV *ret_rv, struct reader *ret_outputs)
{
	struct reader r;
	uint8_t status;
	bool any;

	if (!wire_frame_send(c->fd, &c->out) || !wire_frame_read(c->fd, &c->in, &any))
		return false;
	r = reader_of(VIEW(c->in.p, c->in.len));
	status = reader_u8(&r);
	*ret_rv = reader_u64(&r);
	*ret_outputs = r;
	*ret_status = status == WIRE_DONE ? WIRE_DONE : WIRE_REFUSED;
	return !r.failed && status <= WIRE_REFUSED;
}

static CK_RV call(unsigned number, const CK_ULONG *words, struct client_channel *c, bool *ret_good)
{
	const struct wire_function *row = wire_function(number);
	struct wire_walk w = { .out = &c->out };
	enum wire_status status;
	CK_RV rv = CKR_OK;

	if (row->uses != WIRE_NO_PROCESS) {
		wire_session_lock(&sessions, words[0]);
		w.known = wire_session_process(&sessions, words[0], row->uses, &w.process);
		wire_session_unlock(&sessions, words[0]);
	}
	*ret_good = true;
	wire_frame_begin(&c->out);
	wire_put_u16(&c->out, (uint16_t)number);
	wire_put_u16(&c->out, 0);
	wire_put_u32(&c->out, wire_function_hash(number));
	if (!wire_request_put(&w, &row->arguments, words))
		return w.rv;
	if (!exchange(c, &status, &rv, &w.in)) {
		*ret_good = false;
		return client_gone();
	}
	if (status == WIRE_REFUSED)
		return rv;
	w.answer = rv;
	if (!wire_reply_get(&w, &row->arguments, words)) {
		*ret_good = false;
		return CKR_DEVICE_ERROR;
	}
	return rv;
}

/* note: which process of messages the session has now. */
static void note(unsigned number, const CK_ULONG *words, CK_RV rv)
{
	const struct wire_function *row = wire_function(number);
	const CK_MECHANISM *m = (const CK_MECHANISM *)(uintptr_t)words[1];

	if (rv != CKR_OK || (row->starts == WIRE_NO_PROCESS && number != WIRE_C_CloseSession))
		return;
	wire_session_lock(&sessions, words[0]);
	if (number == WIRE_C_CloseSession)
		wire_session_closed(&sessions, words[0]);
	else
		(void)!wire_session_begun(&sessions, words[0], row->starts, m != NULL ? &m->mechanism : NULL);
	wire_session_unlock(&sessions, words[0]);
}

CK_RV client_call(unsigned number, const CK_ULONG *words)
{
	struct client_channel *c = NULL;
	bool good = true;
	CK_RV rv;

	rv = client_take(number == WIRE_C_WaitForSlotEvent && !(words[0] & CKF_DONT_BLOCK), &c);
	if (rv == CKR_OK) {
		rv = call(number, words, c, &good);
		client_give(c, good);
		if (number == WIRE_C_CloseSession)
			note(number, (CK_ULONG[]){ words[0], 0 }, rv);
		else if (wire_function(number)->starts != WIRE_NO_PROCESS)
			note(number, words, rv);
	}
	rv = lost(number, rv);
	log_line(LOG_LEVEL_INFO, wire_function(number)->name, "rv 0x%lx", rv);
	return rv;
}

/* What the client answers itself. */

static CK_RV check_args(const CK_C_INITIALIZE_ARGS *args)
{
	int given;

	if (args == NULL)
		return CKR_OK;
	given = (args->CreateMutex != NULL) + (args->DestroyMutex != NULL) + (args->LockMutex != NULL) +
		(args->UnlockMutex != NULL);
	if (args->pReserved != NULL || (given != 0 && given != 4))
		return CKR_ARGUMENTS_BAD;
	return given == 4 && !(args->flags & CKF_OS_LOCKING_OK) ? CKR_CANT_LOCK : CKR_OK;
}

CK_RV C_Initialize(CK_VOID_PTR args)
{
	char error[CLIENT_ERROR] = "";
	struct client_settings s = { .log_fd = -1 };
	CK_RV rv = client_running() ? CKR_CRYPTOKI_ALREADY_INITIALIZED : check_args(args);

	if (rv == CKR_OK && !client_settings(&s, error)) {
		/* As the module does: whoever wrote the file must learn what is wrong with it. */
		log_open("strongroom-client", STDERR_FILENO, LOG_LEVEL_ERROR);
		log_line(LOG_LEVEL_ERROR, "settings", "%s", error);
		log_open("strongroom-client", -1, LOG_LEVEL_ERROR);
		rv = CKR_GENERAL_ERROR;
	}
	if (rv != CKR_OK)
		return rv;
	log_open("strongroom-client", s.log_fd, LOG_LEVEL_INFO);
	wire_sessions_init(&sessions);
	rv = client_start(&s, error);
	if (rv != CKR_OK) {
		log_line(LOG_LEVEL_ERROR, "C_Initialize", "%s", error);
		log_open("strongroom-client", -1, LOG_LEVEL_ERROR);
		if (s.log_fd >= 0)
			close(s.log_fd);
	}
	return rv;
}

CK_RV C_Finalize(CK_VOID_PTR reserved)
{
	CK_RV rv = !client_running()  ? CKR_CRYPTOKI_NOT_INITIALIZED
		   : reserved != NULL ? CKR_ARGUMENTS_BAD
				      : client_stop();

	if (rv == CKR_OK) {
		log_open("strongroom-client", -1, LOG_LEVEL_ERROR);
		wire_sessions_done(&sessions);
	}
	return rv;
}
