/* SPDX-License-Identifier: BSD-2-Clause */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
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
#define BODY_ROOM ((size_t)8 << 20) /* above body_max: so much too much gets a code of ours */
#define HEADERS_MAX 16384
#define TIMEOUT_S 30
#define CONNECTIONS_MAX 256
/* All that libevent knows: every one but POST gets a code. */
#define METHODS                                                                                                        \
	(EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |                     \
	 EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH)

#define RATE_MIN ((size_t)65536) /* bytes that a request must bring in each timeout_s */

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
	X509_STORE *roots; /* the identity's; kept by ctx */
	struct http_gate *gate;
	http_handler handler;
	void *arg;
	size_t body_max;
	unsigned timeout_s;
	unsigned connections_max;
	char address[300];
};

/* A connection; lives as long as its SSL object. */
struct http_link {
	struct http_gate *gate;
	SSL *ssl;
	struct bufferevent *bev;
	struct event *tick;
	size_t got;    /* bytes of the request that is coming in */
	size_t before; /* of these, at the last tick */
	bool idle;     /* nothing came between the last two ticks */
	bool closing;  /* told that it is too slow; libevent's own callbacks wait below */
	bufferevent_data_cb read, write;
	bufferevent_event_cb event;
	void *arg;
	char address[300];
};

static int link_index = -1;

static struct http_link *link_of(const SSL *ssl)
{
	return SSL_get_ex_data(ssl, link_index);
}

/* No message came of it: the handler audits it and gives the answer. */
static void run_broken(struct http_server *s, struct http_request *rq, enum err e, const char *why,
		       struct http_reply *reply)
{
	rq->broken = e;
	rq->why = why;
	s->handler(s->arg, rq, reply);
}

/* link_leave: called when the SSL object of a connection is freed. */
static void link_leave(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp)
{
	struct http_link *l = ptr;

	if (!l)
		return;
	struct http_gate *gate = l->gate;
	long verdict = SSL_get_verify_result(l->ssl);
	if (gate->server && !SSL_is_init_finished(l->ssl) && verdict != X509_V_OK) {
		const struct identity_peer nobody = { 0 };
		struct http_request rq = { .path = "", .peer = &nobody, .address = l->address };
		struct http_reply reply = { .status = 200 };
		char why[256];
		identity_verify_text(gate->server->roots, verdict, why);
		run_broken(gate->server, &rq, ERR_REFUSED, why, &reply);
		buf_done(&reply.body);
	}
	if (l->tick)
		event_free(l->tick);
	free(l);
	gate->count--;
	if (gate->server)
		evconnlistener_enable(gate->server->listener);
	else if (gate->count == 0)
		free(gate);
}

/* libevent learns that the connection has ended and frees what belongs to it. */
static void link_end(struct http_link *l)
{
	bufferevent_enable(l->bev, EV_READ);
	shutdown(bufferevent_getfd(l->bev), SHUT_RDWR);
}

/* The request's rest is not waited for: the answer goes past libevent's HTTP, which hears of the end one tick later. */
static void link_slow(struct http_link *l)
{
	struct http_request rq = { .path = "", .address = l->address };
	struct http_reply reply = { .status = 200 };
	struct identity_peer peer;
	BUF_AUTO out = { 0 };

	identity_ssl_peer(l->ssl, &peer);
	rq.peer = &peer;
	run_broken(l->gate->server, &rq, ERR_TIMEOUT, "request too slow", &reply);
	bufferevent_getcb(l->bev, &l->read, &l->write, &l->event, &l->arg);
	bufferevent_setcb(l->bev, NULL, NULL, NULL, NULL);
	bufferevent_disable(l->bev, EV_READ);
	bufferevent_enable(l->bev, EV_WRITE);
	buf_printf(&out,
		   "HTTP/1.1 %d Refused\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
		   "Connection: close\r\n\r\n",
		   reply.status, reply.body.len);
	buf_put_view(&out, buf_view(&reply.body));
	if (buf_ok(&out))
		bufferevent_write(l->bev, out.p, out.len);
	buf_done(&reply.body);
	l->closing = true;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct http_link *l = arg;
	bool first = l->before == 0;

	if (!l->gate->server)
		return;
	if (l->closing) {
		bufferevent_setcb(l->bev, l->read, l->write, l->event, l->arg);
		link_end(l);
	} else if (!SSL_is_init_finished(l->ssl) || (l->got == 0 && l->idle)) {
		link_end(l);
	} else if (l->got && !first && l->got - l->before < RATE_MIN) {
		link_slow(l);
	} else {
		l->idle = l->got == 0;
		l->before = l->got;
	}
}

static void on_bytes(struct evbuffer *in, const struct evbuffer_cb_info *info, void *arg)
{
	struct http_link *l = arg;

	l->got += info->n_added;
}

/* The address is known once the handshake begins; libevent gives the stream its socket after http_bev. */
static void on_handshake(const SSL *ssl, int where, int ret)
{
	struct http_link *l = link_of(ssl);
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	char host[256], port[16];

	if (!(where & SSL_CB_HANDSHAKE_START) || !l || l->address[0])
		return;
	if (getpeername(SSL_get_fd(ssl), (struct sockaddr *)&ss, &len) ||
	    getnameinfo((struct sockaddr *)&ss, len, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV))
		return;
	snprintf(l->address, sizeof(l->address), "%s:%s", host, port);
}

static struct http_link *link_new(struct http_server *s)
{
	struct http_link *l = calloc(1, sizeof(*l));
	SSL *ssl = l ? SSL_new(s->ctx) : NULL;

	if (!ssl || !SSL_set_ex_data(ssl, link_index, l)) {
		SSL_free(ssl);
		free(l);
		return NULL;
	}
	l->gate = s->gate;
	l->ssl = ssl;
	if (++s->gate->count >= s->connections_max)
		evconnlistener_disable(s->listener);
	return l;
}

/* http_bev: libevent asks for the stream of a new connection. With NULL it would go on without TLS: on_request looks.
 */
static struct bufferevent *http_bev(struct event_base *base, void *arg)
{
	struct http_server *s = arg;
	struct timeval limit = { .tv_sec = s->timeout_s };
	struct http_link *l = link_new(s);

	if (!l)
		return NULL;
	l->bev = bufferevent_openssl_socket_new(base, -1, l->ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	if (!l->bev) {
		SSL_free(l->ssl);
		return NULL;
	}
	l->tick = event_new(base, -1, EV_PERSIST, on_tick, l);
	if (!l->tick || event_add(l->tick, &limit) || !evbuffer_add_cb(bufferevent_get_input(l->bev), on_bytes, l)) {
		bufferevent_free(l->bev);
		return NULL;
	}
	bufferevent_openssl_set_allow_dirty_shutdown(l->bev, 1);
	return l->bev;
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

/* application/json, with or without parameters. */
static bool is_json(struct evhttp_request *rq)
{
	static const char json[] = "application/json";
	const char *type = evhttp_find_header(evhttp_request_get_input_headers(rq), "Content-Type");
	size_t n = sizeof(json) - 1;

	return type && !strncasecmp(type, json, n) && (!type[n] || type[n] == ';' || type[n] == ' ');
}

/* What is wrong with a request before anybody looks into it; 0: nothing. */
static int judge(const struct http_server *s, struct evhttp_request *rq, size_t body, enum err *ret,
		 const char **ret_why)
{
	if (evhttp_request_get_command(rq) != EVHTTP_REQ_POST) {
		*ret = ERR_MALFORMED;
		*ret_why = "not a POST";
		return 405;
	}
	if (body > s->body_max) {
		*ret = ERR_TOO_LARGE;
		*ret_why = "body above the largest of any message";
		return 413;
	}
	if (!is_json(rq)) {
		*ret = ERR_MALFORMED;
		*ret_why = "Content-Type is not application/json";
		return 415;
	}
	return 0;
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
	const char *why = NULL;
	enum err e = ERR_OK;

	if (ssl)
		identity_ssl_peer(ssl, &peer);
	if (peer.role == ROLE_NONE) {
		answer_err(rq, 403, ERR_REFUSED);
		return;
	}
	struct http_link *l = link_of(ssl);
	l->got = l->before = 0;
	size_t n = evbuffer_get_length(in);
	struct http_request request = {
		.path = uri && evhttp_uri_get_path(uri) ? evhttp_uri_get_path(uri) : "",
		.peer = &peer,
		.address = l->address,
	};
	int status = judge(s, rq, n, &e, &why);
	if (status) {
		run_broken(s, &request, e, why, &reply);
		reply.status = status;
	} else {
		request.body = VIEW(n ? evbuffer_pullup(in, -1) : NULL, n);
		s->handler(s->arg, &request, &reply);
	}
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
	if (link_index < 0)
		link_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, link_leave);
	*s = (struct http_server){
		.base = base,
		.handler = o->handler,
		.arg = o->arg,
		.body_max = o->body_max ? o->body_max : BODY_MAX,
		.timeout_s = o->timeout_s ? o->timeout_s : TIMEOUT_S,
		.connections_max = o->connections_max ? o->connections_max : CONNECTIONS_MAX,
	};
	s->gate = calloc(1, sizeof(*s->gate));
	if (!s->gate || link_index < 0) {
		e = fail_set(f, ERR_NO_MEMORY, 0, "HTTP server");
		goto out;
	}
	s->gate->server = s;
	e = identity_ssl_ctx(o->identity, true, o->peers, &s->ctx, f);
	if (e != ERR_OK)
		goto out;
	s->roots = o->identity->roots;
	SSL_CTX_set_info_callback(s->ctx, on_handshake);
	s->http = evhttp_new(base);
	if (!s->http) {
		e = fail_set(f, ERR_NO_MEMORY, 0, "HTTP server");
		goto out;
	}
	evhttp_set_max_headers_size(s->http, HEADERS_MAX);
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
