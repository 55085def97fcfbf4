/* SPDX-License-Identifier: BSD-2-Clause */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/buffer.h>

#include "http_own.h"

/* Chunks have lengths between them. */
#define BODY_ROOM ((size_t)65536)
/* A refused sender may be in the middle of its body: so much of it is thrown away, for so long, before we hang up. */
#define DRAIN_MAX ((size_t)65536)
#define DRAIN_S 2
#define DRAINED_MS 200
#define HANDSHAKES_PART 4 /* of the connections, so many may be in their TLS handshake: strangers keep nobody out */
#define RATE_MIN ((size_t)65536) /* bytes that a request must bring in each timeout_s */

static int link_index = -1;

struct http_link *link_of(const SSL *ssl)
{
	return SSL_get_ex_data(ssl, link_index);
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
	call_broken(s, &rq, ERR_REFUSED, why, &reply);
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
	if (l->call)
		call_orphan(l->call);
	if (l->before_it)
		l->before_it->next = l->next;
	else
		gate->links = l->next;
	if (l->next)
		l->next->before_it = l->before_it;
	free(l);
	gate->count--;
	if (gate->server && !gate->server->closed)
		evconnlistener_enable(gate->server->listener);
	else if (!gate->server && gate->count == 0)
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
	call_broken(l->gate->server, &rq, l->refused, l->why, &reply);
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

	if (!l->gate->server || l->closing || l->call)
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

	if (!l->gate->server || l->call)
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
void link_on_handshake(const SSL *ssl, int where, int ret)
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

struct http_link *link_new(struct http_server *s)
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

bool link_streamed(struct http_link *l)
{
	struct timeval limit = { .tv_sec = l->gate->server->timeout_s };

	l->tick = event_new(l->gate->server->base, -1, EV_PERSIST, on_tick, l);
	l->deadline = event_new(l->gate->server->base, -1, 0, on_deadline, l);
	return l->tick && l->deadline && !event_add(l->tick, &limit) &&
	       evbuffer_add_cb(bufferevent_get_input(l->bev), on_bytes, l);
}

void link_requested(struct http_link *l)
{
	l->got = l->before = 0;
	event_del(l->deadline);
}

bool link_index_new(void)
{
	if (link_index < 0)
		link_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, link_leave);
	return link_index >= 0;
}
