/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "msg.h"

struct public_row {
	enum err code;
	enum err seen; /* by the peer */
	int status;
};

static const struct public_row public_rows[] = {
	{ ERR_OK, ERR_OK, 200 },
	{ ERR_MALFORMED, ERR_MALFORMED, 400 },
	{ ERR_TOO_LARGE, ERR_TOO_LARGE, 413 },
	{ ERR_UNEXPECTED, ERR_UNEXPECTED, 409 },
	{ ERR_REFUSED, ERR_REFUSED, 403 },
	{ ERR_BAD_DATA, ERR_REFUSED, 403 },
	{ ERR_DUPLICATE, ERR_DUPLICATE, 409 },
	{ ERR_NOT_FOUND, ERR_NOT_FOUND, 404 },
	{ ERR_BUSY, ERR_BUSY, 503 },
	{ ERR_TIMEOUT, ERR_TIMEOUT, 408 },
};

static const struct public_row *public_row(enum err e)
{
	static const struct public_row internal = { ERR_INTERNAL, ERR_INTERNAL, 500 };

	for (size_t i = 0; i < ARRAY_LEN(public_rows); i++)
		if (public_rows[i].code == e)
			return &public_rows[i];
	return &internal;
}

enum err msg_public(enum err e)
{
	return public_row(e)->seen;
}

int msg_status(enum err e)
{
	return public_row(e)->status;
}

unsigned msg_peers(const struct msg_service *s)
{
	unsigned roles = 0;

	for (size_t i = 0; i < s->count; i++)
		roles |= s->rows[i].roles;
	return roles;
}

size_t msg_body_max(const struct msg_service *s)
{
	size_t most = 0;

	for (size_t i = 0; i < s->count; i++)
		most = s->rows[i].body_max > most ? s->rows[i].body_max : most;
	return most;
}

static const struct msg_row *find_row(const struct msg_service *s, const char *path)
{
	for (size_t i = 0; i < s->count; i++)
		if (!strcmp(s->rows[i].path, path))
			return &s->rows[i];
	return NULL;
}

struct http_limits msg_limits(const struct msg_row *row)
{
	return (struct http_limits){ .head_max = row->header_max ? row->header_max : MSG_HEADER_MAX,
				     .body_max = row->body_max,
				     .time_s = row->time_s ? row->time_s : MSG_TIME_S,
				     .connections = row->connections ? row->connections : MSG_CONNECTIONS };
}

/* What the head of a request tells: msg_http says the same of a body that is small enough to be read. */
static void route(void *arg, const struct identity_peer *peer, const char *path, struct http_limits *ret)
{
	const struct msg_service *s = arg;
	const struct msg_row *row = find_row(s, path);

	if (row) {
		*ret = msg_limits(row);
	} else {
		ret->refuse = ERR_NOT_FOUND;
		ret->why = "no such message";
	}
	ret->connections = ret->connections ? ret->connections : MSG_CONNECTIONS;
	if (row && !(row->roles & ROLE_BIT(peer->role))) {
		ret->refuse = ERR_REFUSED;
		ret->why = "the role may not send this";
	} else if (row && row->states && s->state && !(row->states & s->state(s->own.service))) {
		ret->refuse = ERR_UNEXPECTED;
		ret->why = "not in this state of the service";
	}
}

enum err msg_serve(struct event_base *base, const char *listen, const struct identity *identity,
		   struct msg_service *service, struct http_server **ret, struct fail *f)
{
	const struct http_server_options options = { .identity = identity,
						     .peers = msg_peers(service),
						     .listen = listen,
						     .body_max = msg_body_max(service),
						     .route = route,
						     .pool = service->pool,
						     .handler = msg_http,
						     .refusal = msg_refusal,
						     .arg = service };

	return http_server_new(base, &options, ret, f);
}

/* run_row: everything between a body and an answer; *ret_body is written on success only. */
static enum err run_row(const struct msg_service *s, const struct msg_row *row, const struct http_request *rq,
			struct msg_call *call, struct buf *ret_body, struct fail *f)
{
	void *in = NULL, *out = NULL;

	if (!(row->roles & ROLE_BIT(rq->peer->role)))
		return fail_set(f, ERR_REFUSED, 0, "role %s may not send this", role_name(rq->peer->role));
	if (row->body_max && rq->body.n > row->body_max)
		return fail_set(f, ERR_TOO_LARGE, 0, "body of %zu bytes", rq->body.n);
	if (row->states && s->state && !(row->states & s->state(s->own.service)))
		return fail_set(f, ERR_UNEXPECTED, 0, "not in this state of the service");
	in = arena_alloc(call->arena, row->in ? row->in->size : 1);
	out = arena_alloc(call->arena, row->out ? row->out->size : 1);
	if (!in || !out)
		return fail_set(f, ERR_NO_MEMORY, 0, "message");
	enum err e = msg_decode(row->in, rq->body, call->arena, in, f);
	if (e == ERR_OK)
		e = row->handler(call, in, out, f);
	if (e == ERR_OK)
		e = msg_encode(row->out, out, ret_body, f);
	return e;
}

void msg_refusal(enum err e, struct http_reply *reply)
{
	reply->status = public_row(e)->status;
	buf_printf(&reply->body, "{\"error\":%d,\"text\":\"%s\"}", (int)msg_public(e), err_text(msg_public(e)));
}

void msg_http(void *arg, void *context, const struct http_request *rq, struct http_reply *reply)
{
	const struct msg_service *s = arg;
	const struct msg_context *own = context ? context : &s->own;
	const struct msg_row *row = find_row(s, rq->path);
	ARENA_AUTO arena = { 0 };
	BUF_AUTO body = { 0 };
	struct fail f = { 0 }, audit_fail = { 0 };
	struct msg_call call = {
		.service = own->service, .db = own->db, .peer = rq->peer, .address = rq->address, .arena = &arena
	};
	char peer[160];
	enum err e;

	if (rq->broken)
		e = fail_set(&f, rq->broken, 0, "%s", rq->why);
	else if (row)
		e = run_row(s, row, rq, &call, &body, &f);
	else
		e = fail_set(&f, ERR_NOT_FOUND, 0, "no such message: %.100s", rq->path);
	db_rollback(own->db);
	snprintf(peer, sizeof(peer), "%s:%s", role_name(rq->peer->role), rq->peer->name);
	struct audit_entry entry = {
		.peer = peer,
		.event = row                                         ? row->name
			 : rq->broken && rq->broken != ERR_NOT_FOUND ? "connection"
								     : "unknown message",
		.object = call.object,
		.code = e,
		.text = e == ERR_OK ? call.note : f.text,
	};
	if (audit_append(own->db, &entry, &audit_fail) != ERR_OK) {
		log_line(LOG_LEVEL_ERROR, "audit", "%s", audit_fail.text);
		if (e == ERR_OK)
			e = ERR_INTERNAL;
	}
	log_line(e == ERR_OK ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, entry.event, "%s %s %s: %s%s%s", peer, rq->address,
		 call.object, e == ERR_OK ? "done" : err_name(e), entry.text[0] ? ": " : "", entry.text);
	if (e == ERR_OK)
		buf_put_view(&reply->body, buf_view(&body));
	else
		msg_refusal(e, reply);
}

struct error_answer {
	uint64_t code;
	struct view text;
};

static const struct msg_field error_field[] = {
	{ .name = "error", .type = MSG_NUMBER, .max = 65535, .offset = offsetof(struct error_answer, code) },
	{ .name = "text", .type = MSG_TEXT, .max = 1000, .offset = offsetof(struct error_answer, text) },
};
static const struct msg_fields error_fields = MSG_FIELDS(error_field, struct error_answer);

enum err msg_post(const struct msg_post_in *call, struct arena *a, void *ret_out, struct fail *f)
{
	BUF_AUTO body = { 0 };
	BUF_AUTO answer = { 0 };
	BUF_AUTO url = { 0 };
	struct error_answer error;
	int status = 0;
	enum err e = msg_encode(call->in_fields, call->in, &body, f);

	if (e != ERR_OK)
		return e;
	buf_printf(&url, "%s%s", call->base_url, call->path);
	buf_put_u8(&url, 0);
	if (!buf_ok(&url))
		return fail_set(f, ERR_NO_MEMORY, 0, "message");
	e = http_post(call->client, (const char *)url.p, buf_view(&body), &status, &answer, f);
	if (e != ERR_OK)
		return e;
	if (status == 200) {
		struct fail inner = { 0 };
		if (msg_decode(call->out_fields, buf_view(&answer), a, ret_out, &inner) != ERR_OK)
			return fail_set(f, ERR_PEER, 0, "%s: answer: %s", call->path, inner.text);
		return ERR_OK;
	}
	if (msg_decode(&error_fields, buf_view(&answer), a, &error, NULL) != ERR_OK)
		return fail_set(f, ERR_PEER, 0, "%s: HTTP status %d", call->path, status);
	for (size_t i = 0; i < ARRAY_LEN(public_rows); i++)
		if (public_rows[i].seen == (enum err)error.code && error.code)
			return fail_set(f, (enum err)error.code, 0, "%s: the other side: %s", call->path,
					err_text((enum err)error.code));
	return fail_set(f, ERR_PEER, 0, "%s: the other side: error %u", call->path, (unsigned)error.code);
}
