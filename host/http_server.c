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

#include "budget.h"
#include "daemon.h"
#include "http.h"
#include "http_head.h"

#define BODY_MAX ((size_t)4 << 20)
/* Chunks have lengths between them; and libevent's own limits, which answer without a code, are never the first. */
#define BODY_ROOM ((size_t)65536)
#define HEADERS_ROOM (4 * HTTP_HEAD_MAX)
/* A refused sender may be in the middle of its body: so much of it is thrown away, for so long, before we hang up. */
#define DRAIN_MAX ((size_t)65536)
#define DRAIN_S 2
#define DRAINED_MS 200
#define TIMEOUT_S 30
#define CONNECTIONS_MAX 256
#define HANDSHAKES_PART 4 /* of the connections, so many may be in their TLS handshake: strangers keep nobody out */
/* Refused handshakes that are audited: at once, and one each so many seconds. */
#define TOLD_BURST 50
#define TOLD_EACH_S 10
/* All that libevent knows: every one but POST gets a code. */
#define METHODS                                                                                                        \
	(EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |                     \
	 EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH)

#define RATE_MIN ((size_t)65536) /* bytes that a request must bring in each timeout_s */

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
	http_handler handler;
	http_route route;
	void *arg;
	size_t body_max;
	unsigned timeout_s;
	unsigned connections_max;
	struct budget told;
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
	bool ending;   /* in its handshake, to make room */
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

/* A flood of strangers does not become a flood of audit entries. */
static void tell_refused(struct http_link *l)
{
	struct http_server *s = l->gate->server;
	const struct identity_peer nobody = { 0 };
	struct http_request rq = { .path = "", .peer = &nobody, .address = l->address };
	struct http_reply reply = { .status = 200 };
	char text[256], why[320];
	unsigned untold = 0;

	if (!budget_take(&s->told, &untold))
		return;
	identity_verify_text(s->roots, SSL_get_verify_result(l->ssl), text);
	snprintf(why, sizeof(why), untold ? "%s; %u refusals before it are not listed" : "%s", text, untold);
	run_broken(s, &rq, ERR_REFUSED, why, &reply);
	buf_done(&reply.body);
}

/* link_leave: called when the SSL object of a connection is freed. */
static void link_leave(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp)
{
	struct http_link *l = ptr;

	if (!l)
		return;
	struct http_gate *gate = l->gate;
	if (gate->server && !SSL_is_init_finished(l->ssl) && SSL_get_verify_result(l->ssl) != X509_V_OK)
		tell_refused(l);
	if (l->tick)
		event_free(l->tick);
	if (l->deadline)
		event_free(l->deadline);
	if (l->before_it)
		l->before_it->next = l->next;
	else
		gate->links = l->next;
	if (l->next)
		l->next->before_it = l->before_it;
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

static void link_answer(struct http_link *l)
{
	struct http_request rq = { .path = l->head.path, .address = l->address, .peer = &l->peer };
	struct http_reply reply = { .status = 200 };
	BUF_AUTO out = { 0 };

	l->answered = true;
	run_broken(l->gate->server, &rq, l->refused, l->why, &reply);
	bufferevent_enable(l->bev, EV_WRITE);
	buf_printf(&out,
		   "HTTP/1.1 %d Refused\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
		   "Connection: close\r\n\r\n",
		   l->status ? l->status : reply.status, reply.body.len);
	buf_put_view(&out, buf_view(&reply.body));
	if (buf_ok(&out))
		bufferevent_write(l->bev, out.p, out.len);
	buf_done(&reply.body);
}

static void on_drain(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct http_link *l = arg;

	if (!l->answered && l->gate->server)
		link_answer(l);
	l->drained += evbuffer_get_length(in);
	evbuffer_drain(in, evbuffer_get_length(in));
	if (l->drained > DRAIN_MAX) {
		struct timeval limit = { .tv_usec = DRAINED_MS * 1000 };
		bufferevent_disable(bev, EV_READ);
		event_add(l->deadline, &limit);
	}
}

static void on_gone(struct bufferevent *bev, short what, void *arg)
{
	struct http_link *l = arg;

	bufferevent_setcb(bev, l->read, l->write, l->event, l->arg);
	if (l->event)
		l->event(bev, what, l->arg);
}

/* link_refuse: from here on nothing of it reaches libevent's HTTP; the answer goes out when its bytes have come to us.
 */
static void link_refuse(struct http_link *l, enum err e, int status, const char *why)
{
	struct timeval limit = { .tv_sec = DRAIN_S };

	if (l->closing)
		return;
	l->closing = true;
	l->refused = e;
	l->status = status;
	snprintf(l->why, sizeof(l->why), "%s", why);
	identity_ssl_peer(l->ssl, &l->peer);
	bufferevent_getcb(l->bev, &l->read, &l->write, &l->event, &l->arg);
	bufferevent_setcb(l->bev, on_drain, NULL, on_gone, l);
	event_add(l->deadline, &limit);
}

/* The request's rest is not waited for. */
static void link_slow(struct http_link *l)
{
	link_refuse(l, ERR_TIMEOUT, 0, "request too slow");
	if (!l->answered)
		link_answer(l);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct http_link *l = arg;
	bool first = l->before == 0;

	if (!l->gate->server || l->closing)
		return;
	if (!SSL_is_init_finished(l->ssl) || (l->got == 0 && l->idle)) {
		link_end(l);
	} else if (l->got && !first && l->got - l->before < RATE_MIN) {
		link_slow(l);
	} else {
		l->idle = l->got == 0;
		l->before = l->got;
	}
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct http_link *l = arg;

	if (!l->gate->server)
		return;
	if (l->closing) /* what is still unread is thrown away with the socket */
		on_gone(l->bev, BEV_EVENT_READING | BEV_EVENT_EOF, l);
	else
		link_slow(l);
}

static unsigned links_of(const struct http_link *l)
{
	unsigned n = 0;

	for (const struct http_link *i = l->gate->links; i; i = i->next)
		n += !i->closing && i->peer.role == l->peer.role && !strcmp(i->peer.name, l->peer.name);
	return n;
}

/* head_judged: the head is whole; refused before any of the body is read. */
static void head_judged(struct http_link *l)
{
	struct http_server *s = l->gate->server;
	struct http_head *h = &l->head;
	size_t head_max = HTTP_HEAD_MAX;
	struct fail f = { 0 };

	l->limits = (struct http_limits){ .body_max = s->body_max };
	identity_ssl_peer(l->ssl, &l->peer);
	if (s->route)
		s->route(s->arg, &l->peer, h->path, &l->limits);
	if (l->limits.head_max && l->limits.head_max < head_max)
		head_max = l->limits.head_max;
	if (l->limits.time_s) {
		struct timeval limit = { .tv_sec = l->limits.time_s };
		event_add(l->deadline, &limit);
	} else {
		event_del(l->deadline);
	}
	if (h->size > head_max)
		link_refuse(l, ERR_TOO_LARGE, 413, "headers too large");
	else if (identity_ssl_check(l->ssl, s->roots, &f) != ERR_OK)
		link_refuse(l, f.code, 0, f.text);
	else if (l->limits.connections && links_of(l) > l->limits.connections)
		link_refuse(l, ERR_BUSY, 0, "too many connections of this peer");
	else if (l->limits.refuse && (h->length > HTTP_SMALL || h->chunked))
		link_refuse(l, l->limits.refuse, 0, l->limits.why);
	else if (h->post && !l->limits.refuse && h->length > l->limits.body_max)
		link_refuse(l, ERR_TOO_LARGE, 413, "body above the limit of the message");
	else if (!h->post && h->length > HTTP_SMALL)
		link_refuse(l, ERR_MALFORMED, 405, "not a POST");
}

static void head_begins(struct http_link *l)
{
	struct timeval limit = { .tv_sec = l->gate->server->timeout_s };

	l->head = (struct http_head){ 0 };
	l->body = 0;
	event_add(l->deadline, &limit);
}

/* take_bytes: walks along what libevent will read. */
static void take_bytes(struct http_link *l, struct view v)
{
	while (v.n && !l->closing) {
		if (l->head.whole && !l->head.chunked && l->body >= l->head.length)
			head_begins(l); /* the next one, sent before the answer to this */
		if (!l->head.whole) {
			size_t n;

			if (!l->head.size)
				head_begins(l);
			n = http_head_feed(&l->head, v);
			v = VIEW(v.p + n, v.n - n);
			if (l->head.whole)
				head_judged(l);
			else if (l->head.size > HTTP_HEAD_MAX)
				link_refuse(l, ERR_TOO_LARGE, 413, "headers too large");
			continue;
		}
		size_t left = l->head.chunked ? v.n : l->head.length - l->body;
		size_t n = v.n < left ? v.n : left;
		l->body += n;
		v = VIEW(v.p + n, v.n - n);
		if (l->head.chunked && l->body > l->limits.body_max + BODY_ROOM / 2)
			link_refuse(l, ERR_TOO_LARGE, 413, "body above the limit of the message");
	}
}

static void on_bytes(struct evbuffer *in, const struct evbuffer_cb_info *info, void *arg)
{
	struct http_link *l = arg;
	struct evbuffer_ptr at;
	uint8_t some[4096];
	size_t left = info->n_added;

	l->got += info->n_added;
	if (!left || l->closing || !l->gate->server ||
	    evbuffer_ptr_set(in, &at, evbuffer_get_length(in) - left, EVBUFFER_PTR_SET))
		return;
	while (left && !l->closing) {
		ev_ssize_t n = evbuffer_copyout_from(in, &at, some, left < sizeof(some) ? left : sizeof(some));
		if (n <= 0)
			return;
		take_bytes(l, VIEW(some, (size_t)n));
		left -= (size_t)n;
		if (left && evbuffer_ptr_set(in, &at, (size_t)n, EVBUFFER_PTR_ADD))
			return;
	}
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

/* Who has not shown a certificate makes room, the oldest first. */
static void handshakes_bound(struct http_server *s)
{
	struct http_link *oldest = NULL;
	unsigned n = 0;

	for (struct http_link *l = s->gate->links; l; l = l->next) {
		if (!l->bev || l->ending || SSL_is_init_finished(l->ssl))
			continue;
		oldest = l;
		n++;
	}
	if (n < s->connections_max / HANDSHAKES_PART || !oldest)
		return;
	oldest->ending = true;
	link_end(oldest);
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
	handshakes_bound(s);
	l->gate = s->gate;
	l->ssl = ssl;
	l->next = s->gate->links;
	if (l->next)
		l->next->before_it = l;
	s->gate->links = l;
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
	l->deadline = event_new(base, -1, 0, on_deadline, l);
	if (!l->tick || !l->deadline || event_add(l->tick, &limit) ||
	    !evbuffer_add_cb(bufferevent_get_input(l->bev), on_bytes, l)) {
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
	event_del(l->deadline);
	if (l->head.chunked) /* where its body ended only libevent knows: no second request follows */
		evhttp_add_header(evhttp_request_get_output_headers(rq), "Connection", "close");
	size_t n = evbuffer_get_length(in);
	struct http_request request = {
		.path = uri && evhttp_uri_get_path(uri) ? evhttp_uri_get_path(uri) : "",
		.peer = &peer,
		.address = l->address,
	};
	int status = http_judge(rq, n, s->body_max, &e, &why);
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
		.route = o->route,
		.arg = o->arg,
		.body_max = o->body_max ? o->body_max : BODY_MAX,
		.timeout_s = o->timeout_s ? o->timeout_s : TIMEOUT_S,
		.connections_max = o->connections_max ? o->connections_max : CONNECTIONS_MAX,
		.told = { .burst = TOLD_BURST, .each_s = TOLD_EACH_S },
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
