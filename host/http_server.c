/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>

#include "daemon.h"
#include "http.h"

#define BODY_MAX ((size_t)4 << 20)
#define HEADERS_MAX 16384
#define TIMEOUT_S 30
#define CONNECTIONS_MAX 256

/* Outlives its server as long as a connection does: libevent frees streams later, from its loop. */
struct http_gate {
	struct http_server *server; /* NULL: the server is gone */
	unsigned count;
};

struct http_server {
	struct event_base *base;
	struct evhttp *http;
	struct evconnlistener *listener;
	SSL_CTX *ctx;
	struct http_gate *gate;
	http_handler handler;
	void *arg;
	unsigned timeout_s;
	unsigned connections_max;
	char address[300];
};

static int gate_index = -1;

/* gate_leave: called when the SSL object of a connection is freed. */
static void gate_leave(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp)
{
	struct http_gate *gate = ptr;

	if (!gate)
		return;
	gate->count--;
	if (gate->server)
		evconnlistener_enable(gate->server->listener);
	else if (gate->count == 0)
		free(gate);
}

/* http_bev: libevent asks for the stream of a new connection. With NULL it would go on without TLS: on_request looks.
 */
static struct bufferevent *http_bev(struct event_base *base, void *arg)
{
	struct http_server *s = arg;
	struct timeval limit = { .tv_sec = s->timeout_s };
	struct bufferevent *bev;
	SSL *ssl = SSL_new(s->ctx);

	if (!ssl || !SSL_set_ex_data(ssl, gate_index, s->gate)) {
		SSL_free(ssl);
		return NULL;
	}
	if (++s->gate->count >= s->connections_max)
		evconnlistener_disable(s->listener);
	bev = bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	if (!bev) {
		SSL_free(ssl);
		return NULL;
	}
	bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	bufferevent_set_timeouts(bev, &limit, &limit);
	return bev;
}

static void answer(struct evhttp_request *rq, int status, struct view body)
{
	struct evbuffer *out = evhttp_request_get_output_buffer(rq);

	evhttp_add_header(evhttp_request_get_output_headers(rq), "Content-Type", "application/json");
	evbuffer_add(out, body.p, body.n);
	evhttp_send_reply(rq, status, status == 200 ? "OK" : "Refused", NULL);
}

static void answer_err(struct evhttp_request *rq, int status, enum err e)
{
	char text[128];

	snprintf(text, sizeof(text), "{\"error\":%d,\"text\":\"%s\"}", (int)e, err_text(e));
	answer(rq, status, view_of_string(text));
}

static void on_request(struct evhttp_request *rq, void *arg)
{
	struct http_server *s = arg;
	struct evhttp_connection *conn = evhttp_request_get_connection(rq);
	SSL *ssl = bufferevent_openssl_get_ssl(evhttp_connection_get_bufferevent(conn));
	struct evbuffer *in = evhttp_request_get_input_buffer(rq);
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(rq);
	struct identity_peer peer = { 0 };
	struct http_reply reply = { .status = 200 };
	char address[300];
	char *host = NULL;
	ev_uint16_t port = 0;

	evhttp_connection_get_peer(conn, &host, &port);
	snprintf(address, sizeof(address), "%s:%u", host ? host : "?", port);
	if (ssl)
		identity_ssl_peer(ssl, &peer);
	if (peer.role == ROLE_NONE) {
		answer_err(rq, 403, ERR_REFUSED);
		return;
	}
	if (evhttp_request_get_command(rq) != EVHTTP_REQ_POST) {
		answer_err(rq, 405, ERR_MALFORMED);
		return;
	}
	size_t n = evbuffer_get_length(in);
	struct http_request request = {
		.path = uri && evhttp_uri_get_path(uri) ? evhttp_uri_get_path(uri) : "",
		.body = VIEW(n ? evbuffer_pullup(in, -1) : NULL, n),
		.peer = &peer,
		.address = address,
	};
	s->handler(s->arg, &request, &reply);
	if (buf_ok(&reply.body))
		answer(rq, reply.status, buf_view(&reply.body));
	else
		answer_err(rq, 500, ERR_NO_MEMORY);
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
	if (gate_index < 0)
		gate_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, gate_leave);
	*s = (struct http_server){
		.base = base,
		.handler = o->handler,
		.arg = o->arg,
		.timeout_s = o->timeout_s ? o->timeout_s : TIMEOUT_S,
		.connections_max = o->connections_max ? o->connections_max : CONNECTIONS_MAX,
	};
	s->gate = calloc(1, sizeof(*s->gate));
	if (!s->gate || gate_index < 0) {
		e = fail_set(f, ERR_NO_MEMORY, 0, "HTTP server");
		goto out;
	}
	s->gate->server = s;
	e = identity_ssl_ctx(o->identity, true, o->peers, &s->ctx, f);
	if (e != ERR_OK)
		goto out;
	s->http = evhttp_new(base);
	if (!s->http) {
		e = fail_set(f, ERR_NO_MEMORY, 0, "HTTP server");
		goto out;
	}
	evhttp_set_max_headers_size(s->http, HEADERS_MAX);
	evhttp_set_max_body_size(s->http, (ev_ssize_t)(o->body_max ? o->body_max : BODY_MAX));
	evhttp_set_timeout(s->http, (int)s->timeout_s);
	evhttp_set_allowed_methods(s->http, EVHTTP_REQ_POST | EVHTTP_REQ_GET);
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
