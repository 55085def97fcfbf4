/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_HTTP_OWN_H
#define HOST_HTTP_OWN_H

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "budget.h"
#include "http.h"
#include "http_head.h"
#include "pool.h"

/* Inside of http_server.c, http_link.c and http_call.c only. */

struct evhttp;
struct evhttp_request;

/* Outlives its server as long as a connection does: libevent frees streams later, from its loop. */
struct http_gate {
	struct http_server *server; /* NULL: the server is gone */
	unsigned count;
	struct http_link *links;
};

struct http_server {
	struct event_base *base;
	struct evhttp *http;
	struct evconnlistener *listener;
	SSL_CTX *ctx;
	X509_STORE *roots; /* the identity's; kept by ctx */
	struct http_gate *gate;
	struct pool *pool;
	http_handler handler;
	http_refusal refusal;
	http_route route;
	void *arg;
	size_t body_max;
	unsigned timeout_s;
	unsigned connections_max;
	struct budget told;
	bool closed; /* takes no more connections */
	char address[300];
};

/* A connection; lives as long as its SSL object. */
struct http_link {
	struct http_gate *gate;
	SSL *ssl;
	struct bufferevent *bev;
	struct event *tick;
	size_t got;             /* bytes of the request that is coming in */
	size_t before;          /* of these, at the last tick */
	bool idle;              /* nothing came between the last two ticks */
	bool ending;            /* in its handshake, to make room */
	struct http_call *call; /* the request whose answer is being made; NULL: none */
	/* Of the request that is coming in. */
	struct http_head head;
	struct http_limits limits;
	size_t body; /* bytes of it that came */
	struct event *deadline;
	struct identity_peer peer;
	/* Refused: the answer goes past libevent's HTTP, whose callbacks wait here until the end. */
	bool closing, answered;
	enum err refused;
	int status; /* 0: the handler's */
	char why[256];
	size_t drained;
	bufferevent_data_cb read, write;
	bufferevent_event_cb event;
	void *arg;
	struct http_link *next, *before_it;
	char address[300];
};

/* ---- http_link.c: a connection, and what its requests may be before libevent has them ---- */

/* link_new: ERR_NO_MEMORY as NULL. link_of: of an SSL object. */
struct http_link *link_new(struct http_server *s) MUST_CHECK;
struct http_link *link_of(const SSL *ssl);
/* link_streamed: l has its stream: what passes is looked at from now on. */
bool link_streamed(struct http_link *l) MUST_CHECK;
/* link_requested: a whole request is with its handler. */
void link_requested(struct http_link *l);
/* link_index_new: once a process; false: no memory. on_handshake: for SSL_CTX_set_info_callback. */
bool link_index_new(void) MUST_CHECK;
void link_on_handshake(const SSL *ssl, int where, int ret);

/* ---- http_call.c: a request on its way through the handler ---- */

/* call_run: takes the request of rq to the handler, in the loop or in the pool, and its answer back. */
void call_run(struct http_link *l, struct evhttp_request *rq, const struct http_request *request);
/* call_orphan: the connection is gone: the answer is thrown away. */
void call_orphan(struct http_call *c);
/* call_broken: no message came of it: ret_reply is the answer; the handler audits it, when there is room. */
void call_broken(struct http_server *s, const struct http_request *request, enum err e, const char *why,
		 struct http_reply *ret_reply);
/* http_answer, http_answer_err: what libevent sends. */
void http_answer(struct evhttp_request *rq, int status, struct view body);
void http_answer_err(struct evhttp_request *rq, int status, enum err e);

#endif
