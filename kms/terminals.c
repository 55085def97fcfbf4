/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "daemon.h"
#include "frame_tls.h"
#include "log.h"
#include "terminals.h"
#include "visit.h"

#define LINGER_MS 1000 /* for the peer to fetch the last frame */
#define BACKLOG 256

struct link {
	struct terminals *server;
	struct link *next, *prev;
	struct bufferevent *bev;
	struct event *timer;
	struct visit *visit;  /* NULL: it ended, or belongs to itself */
	enum reason refusing; /* its end is being written; then the peer is told */
	bool superseded;
	bool eof;     /* the peer sends no more */
	bool closing; /* the last frame is on its way; what comes in is thrown away */
	char address[80];
	char host[64]; /* what limits know of the address */
};

/* One listening socket. */
struct door {
	struct terminals *server;
	struct evconnlistener *listener;
	bool tls;
	char address[300];
};

struct terminals {
	struct kms *kms;
	struct visits visits;
	struct door clear;
	struct door tls;
	SSL_CTX *ctx;
	struct link *links;
	unsigned count;
	unsigned connections_max;
	unsigned address_connections_max;
	struct timeval expiry;
};

/* Frees all but the visit. */
static void link_free(struct link *l)
{
	if (!l)
		return;
	if (l->prev)
		l->prev->next = l->next;
	else if (l->server->links == l)
		l->server->links = l->next;
	if (l->next)
		l->next->prev = l->prev;
	l->server->count--;
	if (l->timer)
		event_free(l->timer);
	if (l->bev)
		bufferevent_free(l->bev);
	free(l);
}

/* Freed by the timer only, never under the feet of a caller. */
static void link_shut(struct link *l)
{
	struct timeval now = { 0, 0 };

	frame_tls_goodbye(bufferevent_openssl_get_ssl(l->bev));
	if (l->eof || shutdown(bufferevent_getfd(l->bev), SHUT_WR) < 0)
		event_add(l->timer, &now);
}

/* The last frame stands in the output: send it, say that no more comes, give the peer a moment to close. */
static void link_close(struct link *l)
{
	struct timeval linger = { LINGER_MS / 1000, LINGER_MS % 1000 * 1000 };

	l->closing = true;
	event_add(l->timer, &linger);
	if (!evbuffer_get_length(bufferevent_get_output(l->bev)))
		link_shut(l);
}

static void tell_peer(struct link *l, enum reason reason)
{
	enum err code = reason_err(reason);
	BUF_AUTO out = { 0 };

	if (code != ERR_PEER) {
		frame_put_error(&out, code);
		if (buf_ok(&out))
			bufferevent_write(l->bev, out.p, out.len);
	}
	link_close(l);
}

/* The peer is told at once; the tables learn it when they can. */
static void link_refuse(struct link *l, enum reason reason, const char *detail)
{
	struct visit *v = l->visit;

	l->visit = NULL;
	tell_peer(l, reason);
	visit_leave(v, reason, detail);
}

/* A step has refused it: that is counted and written before the peer is told. */
static void link_end(struct link *l, enum reason reason, const char *detail)
{
	l->refusing = reason;
	visit_end(l->visit, reason, detail);
}

static void on_ended(void *arg)
{
	struct link *l = arg;

	l->visit = NULL;
	tell_peer(l, l->refusing);
}

/*
 * A proof that held: older handshakes of this serial number lose their keys now and learn it at their next frame; on
 * other nodes their rows say so.
 */
static void supersede_older(struct link *l)
{
	for (struct link *o = l->server->links; o; o = o->next) {
		struct visit *v = o->visit;

		if (o == l || o->closing || o->refusing || !v || !v->row || v->row > l->visit->row ||
		    strcmp(v->serial, l->visit->serial) != 0)
			continue;
		o->superseded = true;
		if (!v->busy)
			visit_unkey(v);
	}
}

static void link_pump(struct link *l);

/* The database that is away now would keep the peer waiting for its refusal, too. */
static bool database_away(enum reason reason)
{
	return reason == REASON_DB_BUSY || reason == REASON_DB;
}

static void on_stepped(void *arg, struct visit *v)
{
	struct link *l = arg;
	if (v->reason && database_away(v->reason)) {
		link_refuse(l, v->reason, v->fail.text);
		return;
	}
	if (v->reason) {
		link_end(l, v->reason, v->fail.text);
		return;
	}
	if (v->proven)
		supersede_older(l);
	if (v->out.len && bufferevent_write(l->bev, v->out.p, v->out.len) < 0) {
		link_refuse(l, REASON_DB, "no memory for an answer");
	} else if (v->shake.state == HANDSHAKE_DONE) {
		l->visit = NULL;
		visit_drop(v);
		link_close(l);
	} else if (l->superseded && v->shake.tk.session) {
		visit_unkey(v);
	} else {
		link_pump(l);
	}
}

static void link_frame(struct link *l)
{
	if (l->superseded)
		link_end(l, REASON_SUPERSEDED, "");
	else if (visit_step(l->visit))
		link_refuse(l, REASON_QUEUE, "");
}

static void link_gone(struct link *l)
{
	struct visit *v = l->visit;
	enum reason reason = l->superseded ? REASON_SUPERSEDED : REASON_PEER;

	l->visit = NULL;
	link_free(l);
	if (v && !v->busy && !v->shake.serial_len)
		visit_drop(v); /* it said nothing */
	else if (v)
		visit_leave(v, reason, "closed without a word");
}

/* All that came and can be taken now: one step at a time, what is behind it waits in the stream. */
static void link_pump(struct link *l)
{
	struct evbuffer *in = bufferevent_get_input(l->bev);

	while (l->visit && !l->visit->busy) {
		struct fail f = { 0 };
		bool got = false;
		enum err e = frame_take(in, &l->visit->storage, &l->visit->in, &got, &f);

		if (e) {
			link_refuse(l, e == ERR_TOO_LARGE ? REASON_FRAME_LARGE : REASON_FRAME, f.text);
		} else if (got) {
			link_frame(l);
		} else if (l->eof) {
			link_gone(l);
			return;
		} else {
			return;
		}
	}
	if (l->closing)
		evbuffer_drain(in, evbuffer_get_length(in));
}

static void on_read(struct bufferevent *bev, void *arg)
{
	link_pump(arg);
}

static void on_written(struct bufferevent *bev, void *arg)
{
	struct link *l = arg;

	if (l->closing)
		link_shut(l);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct link *l = arg;

	if (what & BEV_EVENT_CONNECTED)
		return; /* the TLS handshake is done */
	/* The peer may say first that it sends no more: what it sent is answered, and our last frame still goes out. */
	l->eof |= (what & BEV_EVENT_EOF) != 0;
	if ((what & BEV_EVENT_EOF) && l->closing && evbuffer_get_length(bufferevent_get_output(bev)))
		return;
	if ((what & BEV_EVENT_EOF) && l->visit && l->visit->busy)
		return;
	link_gone(l);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct link *l = arg;

	if (l->closing)
		link_gone(l);
	else
		link_refuse(l, l->refusing ? l->refusing : REASON_EXPIRED, "");
}

/*
 * ret_host: what limits know of the address: IPv4 whole, IPv6 by its first 64 bits, of which one subscriber has all
 * the rest.
 */
static void address_text(const struct sockaddr *a, int len, char *ret, size_t room, char ret_host[64])
{
	char host[64], port[8];
	struct sockaddr_in6 net;

	if (getnameinfo(a, (socklen_t)len, host, sizeof(host), port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV)) {
		snprintf(ret, room, "?");
		snprintf(ret_host, 64, "?");
		return;
	}
	snprintf(ret, room, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
	snprintf(ret_host, 64, "%s", host);
	if (a->sa_family != AF_INET6 || (size_t)len < sizeof(net))
		return;
	memcpy(&net, a, sizeof(net));
	if (IN6_IS_ADDR_V4MAPPED(&net.sin6_addr))
		return;
	memset(net.sin6_addr.s6_addr + 8, 0, 8);
	net.sin6_scope_id = 0;
	if (!getnameinfo((struct sockaddr *)&net, sizeof(net), host, sizeof(host), NULL, 0, NI_NUMERICHOST))
		snprintf(ret_host, 64, "%.58s/64", host);
}

/* A bufferevent on an accepted socket, which it closes; NULL: no memory, the socket is closed. */
static struct bufferevent *stream_new(const struct door *d, evutil_socket_t fd)
{
	struct terminals *t = d->server;
	struct bufferevent *bev = NULL;
	SSL *ssl = d->tls ? SSL_new(t->ctx) : NULL;

	if (!d->tls)
		bev = bufferevent_socket_new(t->kms->base, fd, BEV_OPT_CLOSE_ON_FREE);
	else if (ssl)
		bev = bufferevent_openssl_socket_new(t->kms->base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING,
						     BEV_OPT_CLOSE_ON_FREE);
	if (bev && d->tls)
		bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	if (!bev) {
		SSL_free(ssl);
		evutil_closesocket(fd);
	}
	return bev;
}

static unsigned links_of(const struct terminals *t, const char *host)
{
	unsigned n = 0;

	for (const struct link *l = t->links; l; l = l->next)
		n += !strcmp(l->host, host);
	return n;
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *a, int len, void *arg)
{
	struct door *d = arg;
	struct terminals *t = d->server;
	struct link *l = t->count < 2 * t->connections_max ? calloc(1, sizeof(*l)) : NULL;

	if (!l) {
		evutil_closesocket(fd);
		return;
	}
	l->server = t;
	l->next = t->links;
	if (l->next)
		l->next->prev = l;
	t->links = l;
	t->count++;
	address_text(a, len, l->address, sizeof(l->address), l->host);
	l->visit = visit_new(&t->visits, &(struct visit_owner){ on_stepped, on_ended, l }, l->address, l->host);
	l->bev = stream_new(d, fd);
	if (l->bev && l->visit)
		l->timer = evtimer_new(t->kms->base, on_timer, l);
	if (!l->timer || event_add(l->timer, &t->expiry) < 0) {
		link_gone(l);
		return;
	}
	bufferevent_setcb(l->bev, on_read, on_written, on_event, l);
	bufferevent_setwatermark(l->bev, EV_READ, 0, 2 * FRAME_MAX);
	bufferevent_enable(l->bev, EV_READ | EV_WRITE);
	if (t->count > t->connections_max || links_of(t, l->host) > t->address_connections_max)
		link_refuse(l, REASON_FULL, "");
}

static void on_accept_error(struct evconnlistener *listener, void *arg)
{
	log_line(LOG_LEVEL_ERROR, "terminals", "accept: %s", strerror(errno));
}

static enum err door_open(struct terminals *t, struct door *d, const char *listen, bool tls, struct fail *f)
{
	int fd = -1;
	enum err e = address_listen(listen, &fd, d->address, f);

	if (e)
		return e;
	d->server = t;
	d->tls = tls;
	d->listener =
	    evconnlistener_new(t->kms->base, on_accept, d, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, BACKLOG, fd);
	if (!d->listener) {
		close(fd);
		return fail_set(f, ERR_IO, 0, "cannot listen on %s", listen);
	}
	evconnlistener_set_error_cb(d->listener, on_accept_error);
	return ERR_OK;
}

/* No certificate is asked of terminals: AUK proves them. */
static enum err tls_open(struct terminals *t, const struct terminals_options *o, struct fail *f)
{
	enum err e = identity_ssl_ctx(o->identity, true, 0, &t->ctx, f);

	if (e)
		return e;
	SSL_CTX_set_verify(t->ctx, SSL_VERIFY_NONE, NULL);
	return door_open(t, &t->tls, o->tls_listen, true, f);
}

enum err terminals_new(struct kms *k, const struct terminals_options *o, struct terminals **ret, struct fail *f)
{
	struct terminals *t = calloc(1, sizeof(*t));
	enum err e = ERR_OK;

	if (!t)
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory for the terminal server");
	t->kms = k;
	t->connections_max = o->connections_max;
	t->address_connections_max = o->address_connections_max;
	t->visits = (struct visits){ .kms = k,
				     .steps = o->steps,
				     .records = o->records,
				     .told_all = { .burst = (unsigned)k->limits.told, .each_s = LIMIT_TOLD_EACH_S } };
	t->expiry = (struct timeval){ k->expiry_ms / 1000, k->expiry_ms % 1000 * 1000 };
	if (o->listen)
		e = door_open(t, &t->clear, o->listen, false, f);
	if (!e && o->tls_listen)
		e = tls_open(t, o, f);
	if (e) {
		terminals_free(t);
		return e;
	}
	*ret = t;
	return ERR_OK;
}

void terminals_close(struct terminals *t)
{
	for (int i = 0; t && i < 2; i++) {
		struct door *d = i ? &t->tls : &t->clear;

		if (d->listener)
			evconnlistener_free(d->listener);
		d->listener = NULL;
	}
}

bool terminals_sending(const struct terminals *t)
{
	for (const struct link *l = t ? t->links : NULL; l; l = l->next)
		if (evbuffer_get_length(bufferevent_get_output(l->bev)))
			return true;
	return false;
}

void terminals_free(struct terminals *t)
{
	if (!t)
		return;
	terminals_close(t);
	while (t->links) {
		struct visit *v = t->links->visit;

		if (v)
			visit_drop(v);
		t->links->visit = NULL;
		link_free(t->links);
	}
	SSL_CTX_free(t->ctx);
	free(t);
}

const char *terminals_address(const struct terminals *t)
{
	return t->clear.address;
}

const char *terminals_tls_address(const struct terminals *t)
{
	return t->tls.address;
}
