/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/http.h>

#include "daemon.h"
#include "http_own.h"

#define BODY_MAX ((size_t)4 << 20)
/* libevent's own limits, which answer without a code, are never the first. */
#define BODY_ROOM ((size_t)65536)
#define HEADERS_ROOM (4 * HTTP_HEAD_MAX)
#define TIMEOUT_S 30
#define CONNECTIONS_MAX 256
/* Refused handshakes that are audited: at once, and one each so many seconds. */
#define TOLD_BURST 50
#define TOLD_EACH_S 10
/* All that libevent knows: every one but POST gets a code. */
#define METHODS                                                                                                        \
	(EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |                     \
	 EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH)

/* http_bev: libevent asks for the stream of a new connection. With NULL it would go on without TLS: on_request looks.
 */
static struct bufferevent *http_bev(struct event_base *base, void *arg)
{
	struct http_server *s = arg;
	struct http_link *l = link_new(s);

	if (!l)
		return NULL;
	l->bev = bufferevent_openssl_socket_new(base, -1, l->ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	if (!l->bev) {
		SSL_free(l->ssl);
		return NULL;
	}
	if (!link_streamed(l)) {
		bufferevent_free(l->bev);
		return NULL;
	}
	bufferevent_openssl_set_allow_dirty_shutdown(l->bev, 1);
	return l->bev;
}

static void on_request(struct evhttp_request *rq, void *arg)
{
	struct http_server *s = arg;
	struct evhttp_connection *conn = evhttp_request_get_connection(rq);
	SSL *ssl = bufferevent_openssl_get_ssl(evhttp_connection_get_bufferevent(conn));
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(rq);
	struct identity_peer peer = { 0 };
	struct http_reply reply = { .status = 200 };
	const char *why = NULL;
	enum err e = ERR_OK;
	char text[256];

	if (ssl)
		identity_ssl_peer(ssl, &peer);
	if (peer.role == ROLE_NONE) {
		http_answer_err(rq, 403, ERR_REFUSED);
		return;
	}
	struct http_link *l = link_of(ssl);
	link_requested(l);
	if (l->head.chunked) /* where its body ended only libevent knows: no second request follows */
		evhttp_add_header(evhttp_request_get_output_headers(rq), "Connection", "close");
	struct http_request request = {
		.path = uri && evhttp_uri_get_path(uri) ? evhttp_uri_get_path(uri) : "",
		.peer = &peer,
		.address = l->address,
	};
	int status = http_judge(rq, evbuffer_get_length(evhttp_request_get_input_buffer(rq)), s->body_max, &e, &why);
	if (!status && s->pool && s->route) {
		struct http_limits limits = { 0 };

		s->route(s->arg, &peer, request.path, &limits);
		e = limits.refuse;
		snprintf(text, sizeof(text), "%s: %.100s", limits.why ? limits.why : "", request.path);
		why = text;
	}
	if (!e) {
		call_run(l, rq, &request);
		return;
	}
	call_broken(s, &request, e, why, &reply);
	if (buf_ok(&reply.body))
		http_answer(rq, status ? status : reply.status, buf_view(&reply.body));
	else
		http_answer_err(rq, 500, ERR_NO_MEMORY);
	buf_done(&reply.body);
}

enum err http_server_new(struct event_base *base, const struct http_server_options *o, struct http_server **ret,
			 struct fail *f)
{
	struct http_server *s = calloc(1, sizeof(*s));
	int fd = -1;
	enum err e;

	if (!s)
		return fail_set(f, ERR_NO_MEMORY, 0, "HTTP server");
	*s = (struct http_server){
		.base = base,
		.pool = o->pool,
		.handler = o->handler,
		.refusal = o->refusal,
		.route = o->route,
		.arg = o->arg,
		.body_max = o->body_max ? o->body_max : BODY_MAX,
		.timeout_s = o->timeout_s ? o->timeout_s : TIMEOUT_S,
		.connections_max = o->connections_max ? o->connections_max : CONNECTIONS_MAX,
		.told = { .burst = TOLD_BURST, .each_s = TOLD_EACH_S },
	};
	s->gate = calloc(1, sizeof(*s->gate));
	if (!s->gate || !link_index_new()) {
		e = fail_set(f, ERR_NO_MEMORY, 0, "HTTP server");
		goto out;
	}
	s->gate->server = s;
	e = identity_ssl_ctx(o->identity, true, o->peers, &s->ctx, f);
	if (e != ERR_OK)
		goto out;
	s->roots = o->identity->roots;
	SSL_CTX_set_info_callback(s->ctx, link_on_handshake);
	s->http = evhttp_new(base);
	if (!s->http) {
		e = fail_set(f, ERR_NO_MEMORY, 0, "HTTP server");
		goto out;
	}
	evhttp_set_max_headers_size(s->http, HEADERS_ROOM);
	/* on_tick sees to the time; libevent's timeout is its net. */
	evhttp_set_max_body_size(s->http, (ev_ssize_t)(s->body_max + BODY_ROOM));
	evhttp_set_flags(s->http, EVHTTP_SERVER_LINGERING_CLOSE);
	evhttp_set_timeout(s->http, (int)(4 * s->timeout_s));
	evhttp_set_allowed_methods(s->http, METHODS);
	evhttp_set_bevcb(s->http, http_bev, s);
	evhttp_set_gencb(s->http, on_request, s);
	e = address_listen(o->listen, &fd, s->address, f);
	if (e != ERR_OK)
		goto out;
	struct evhttp_bound_socket *bound = evhttp_accept_socket_with_handle(s->http, fd);
	if (!bound) {
		e = fail_set(f, ERR_NO_MEMORY, 0, "HTTP server");
		goto out;
	}
	s->listener = evhttp_bound_socket_get_listener(bound);
	fd = -1;
out:
	if (fd >= 0)
		close(fd);
	if (e != ERR_OK) {
		http_server_free(s);
		return e;
	}
	*ret = s;
	return ERR_OK;
}

void http_server_close(struct http_server *s)
{
	if (s && s->listener)
		evconnlistener_disable(s->listener);
	if (s)
		s->closed = true;
}

bool http_server_sending(const struct http_server *s)
{
	for (const struct http_link *l = s ? s->gate->links : NULL; l; l = l->next)
		if (l->bev && evbuffer_get_length(bufferevent_get_output(l->bev)))
			return true;
	return false;
}

void http_server_free(struct http_server *s)
{
	if (!s)
		return;
	if (s->gate)
		s->gate->server = NULL;
	if (s->http)
		evhttp_free(s->http);
	if (s->gate && s->gate->count == 0)
		free(s->gate);
	SSL_CTX_free(s->ctx);
	free(s);
}

const char *http_server_address(const struct http_server *s)
{
	return s->address;
}
