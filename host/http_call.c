/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>

#include <event2/buffer.h>
#include <event2/http.h>

#include "http_own.h"

/* A request while its handler runs: it holds all that the handler reads, whatever becomes of the connection. */
struct http_call {
	struct pool_job job;
	struct http_server *server;
	struct http_link *link;    /* NULL: gone */
	struct evhttp_request *rq; /* NULL: nobody waits for the answer */
	struct evbuffer *body;
	struct http_request request;
	struct identity_peer peer;
	struct http_reply reply;
	char path[300];
	char address[300];
	char why[320];
};

void http_answer(struct evhttp_request *rq, int status, struct view body)
{
	struct evbuffer *out = evhttp_request_get_output_buffer(rq);

	evhttp_add_header(evhttp_request_get_output_headers(rq), "Content-Type", "application/json");
	evbuffer_add(out, body.p, body.n);
	evhttp_send_reply(rq, status, status == 200 ? "OK" : "Refused", NULL);
}

void http_answer_err(struct evhttp_request *rq, int status, enum err e)
{
	char text[128];

	snprintf(text, sizeof(text), "{\"error\":%d,\"text\":\"%s\"}", (int)e, err_text(e));
	http_answer(rq, status, view_of_string(text));
}

static void call_free(struct http_call *c)
{
	if (c->link)
		c->link->call = NULL;
	if (c->rq)
		evhttp_connection_set_closecb(evhttp_request_get_connection(c->rq), NULL, NULL);
	if (c->body)
		evbuffer_free(c->body);
	buf_done(&c->reply.body);
	free(c);
}

void call_orphan(struct http_call *c)
{
	c->link = NULL;
	c->rq = NULL;
}

static void on_closed(struct evhttp_connection *conn, void *arg)
{
	struct http_call *c = arg;

	c->rq = NULL;
}

static void run(struct pool_job *job, void *context)
{
	struct http_call *c = (struct http_call *)job;

	c->server->handler(c->server->arg, context, &c->request, &c->reply);
}

static void refusal(struct http_server *s, enum err e, struct http_reply *reply)
{
	buf_done(&reply->body);
	reply->body = (struct buf){ 0 };
	s->refusal(e, reply);
}

static void done(struct pool_job *job)
{
	struct http_call *c = (struct http_call *)job;
	struct evhttp_request *rq = c->rq;

	if (job->dropped && rq)
		refusal(c->server, ERR_BUSY, &c->reply);
	if (rq)
		evhttp_connection_set_closecb(evhttp_request_get_connection(rq), NULL, NULL);
	c->rq = NULL;
	if (c->link)
		c->link->call = NULL;
	c->link = NULL;
	if (rq && buf_ok(&c->reply.body))
		http_answer(rq, c->reply.status, buf_view(&c->reply.body));
	else if (rq)
		http_answer_err(rq, 500, ERR_NO_MEMORY);
	call_free(c);
}

/* NULL: no memory. */
static struct http_call *call_new(struct http_server *s, const struct http_request *request)
{
	struct http_call *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->server = s;
	c->peer = *request->peer;
	snprintf(c->path, sizeof(c->path), "%s", request->path);
	snprintf(c->address, sizeof(c->address), "%s", request->address);
	snprintf(c->why, sizeof(c->why), "%s", request->why ? request->why : "");
	c->request = (struct http_request){
		.path = c->path, .peer = &c->peer, .address = c->address, .broken = request->broken, .why = c->why
	};
	c->reply.status = 200;
	c->job = (struct pool_job){ .run = run, .done = done, .name = c->path, .who = c->address };
	return c;
}

void call_run(struct http_link *l, struct evhttp_request *rq, const struct http_request *request)
{
	struct http_server *s = l->gate->server;
	struct http_call *c = call_new(s, request);
	size_t n = evbuffer_get_length(evhttp_request_get_input_buffer(rq));

	if (c)
		c->body = evbuffer_new();
	if (!c || !c->body || evbuffer_add_buffer(c->body, evhttp_request_get_input_buffer(rq))) {
		if (c)
			call_free(c);
		http_answer_err(rq, 500, ERR_NO_MEMORY);
		return;
	}
	c->request.body = VIEW(n ? evbuffer_pullup(c->body, -1) : NULL, n);
	c->rq = rq;
	c->link = l;
	l->call = c;
	if (!s->pool) {
		run(&c->job, NULL);
		done(&c->job);
		return;
	}
	evhttp_connection_set_closecb(evhttp_request_get_connection(rq), on_closed, c);
	if (pool_put(s->pool, &c->job) == ERR_OK)
		return;
	c->job.dropped = true;
	done(&c->job);
}

void call_broken(struct http_server *s, const struct http_request *request, enum err e, const char *why,
		 struct http_reply *ret_reply)
{
	struct http_request broken = *request;
	struct http_call *c;

	broken.broken = e;
	broken.why = why;
	if (!s->pool) {
		s->handler(s->arg, NULL, &broken, ret_reply);
		return;
	}
	s->refusal(e, ret_reply);
	c = call_new(s, &broken);
	if (c && pool_put(s->pool, &c->job) == ERR_OK)
		return;
	s->told.untold++; /* the next refusal that is told names how many */
	if (c)
		call_free(c);
}
