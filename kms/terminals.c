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

#include "budget.h"
#include "daemon.h"
#include "frame_tls.h"
#include "handshake.h"
#include "log.h"
#include "terminals.h"

#define LINGER_MS 1000 /* for the peer to fetch the last frame */
#define BACKLOG 256
#define TOLD_MAX 20 /* audited a second, of refusals without a row */
#define TOLD_QUIET_MAX 1

struct link {
	struct terminals *server;
	struct link *next, *prev;
	struct bufferevent *bev;
	struct event *timer;
	struct handshake shake;
	bool superseded;
	bool closing; /* the last frame is on its way; what comes in is thrown away */
	struct buf storage;
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
	struct door clear;
	struct door tls;
	SSL_CTX *ctx;
	struct link *links;
	unsigned count;
	unsigned connections_max;
	unsigned address_connections_max;
	struct timeval expiry;
	time_t told_at;              /* second in which refusals without a row were audited last */
	unsigned told[REASON_COUNT]; /* in that second */
	struct budget told_all;      /* of all who proved nothing */
};

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
	handshake_done(&l->shake);
	if (l->timer)
		event_free(l->timer);
	if (l->bev)
		bufferevent_free(l->bev);
	buf_done(&l->storage);
	free(l);
}

/* Freed by the timer only, never under the feet of a caller. */
static void link_shut(struct link *l)
{
	struct timeval now = { 0, 0 };

	frame_tls_goodbye(bufferevent_openssl_get_ssl(l->bev));
	if (shutdown(bufferevent_getfd(l->bev), SHUT_WR) < 0)
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

static void link_tell(struct link *l, enum reason reason, const char *detail)
{
	struct fail f = { 0 };

	if (!l->shake.hushed)
		log_line(LOG_LEVEL_INFO, "download", "%s %s: %s at %s; %s", l->address, l->shake.serial,
			 reason_word(reason), handshake_step(&l->shake), detail);
	if (handshake_refuse(&l->shake, reason, detail, &f))
		log_line(LOG_LEVEL_ERROR, "download", "audit: %s", f.text);
}

/*
 * Whoever proves nothing can be refused as often as he likes, at many addresses, with serial numbers of his choice.
 * That becomes neither a flood of commits nor a full disk: of what was refused before it had a row, so many a second
 * are written; of all of it, so many at once, then one each few seconds, with the number of the others.
 */
static bool told(struct link *l, enum reason reason, unsigned *ret_untold)
{
	struct terminals *t = l->server;
	time_t now = time(NULL);

	*ret_untold = 0;
	if (l->shake.state != HANDSHAKE_HELLO && l->shake.state != HANDSHAKE_PROOF)
		return true;
	if (now != t->told_at) {
		t->told_at = now;
		memset(t->told, 0, sizeof(t->told));
	}
	if (!l->shake.row && t->told[reason]++ >= (handshake_quiet(reason) ? TOLD_QUIET_MAX : TOLD_MAX)) {
		t->told_all.untold++;
		return false;
	}
	return budget_take(&t->told_all, ret_untold);
}

static void tell(struct link *l, enum reason reason, const char *detail)
{
	char text[400];
	unsigned untold;

	l->shake.hushed = !told(l, reason, &untold);
	if (l->shake.hushed && !l->shake.row) {
		handshake_done(&l->shake);
		l->shake.state = HANDSHAKE_OVER;
		return;
	}
	if (untold)
		snprintf(text, sizeof(text), "%.300s%sand %u refusals before this one", detail, detail[0] ? "; " : "",
			 untold);
	link_tell(l, reason, untold ? text : detail);
}

static void link_refuse(struct link *l, enum reason reason, const char *detail)
{
	enum err code = reason_err(reason);
	BUF_AUTO out = { 0 };

	tell(l, reason, detail);
	if (code != ERR_PEER) {
		frame_put_error(&out, code);
		if (buf_ok(&out))
			bufferevent_write(l->bev, out.p, out.len);
	}
	link_close(l);
}

/*
 * A proof that held: older handshakes of this serial number lose their keys now and learn it at their next frame; on
 * other nodes their rows say so.
 */
static void supersede_older(struct link *l)
{
	for (struct link *o = l->server->links; o; o = o->next) {
		if (o == l || o->closing || !o->shake.row || o->shake.row > l->shake.row ||
		    strcmp(o->shake.serial, l->shake.serial) != 0)
			continue;
		o->superseded = true;
		handshake_done(&o->shake);
	}
}

static void link_frame(struct link *l, const struct frame *in)
{
	struct fail f = { 0 };
	BUF_AUTO out = { 0 };
	enum reason r;
	bool proof = l->shake.state == HANDSHAKE_PROOF;

	r = l->superseded ? REASON_SUPERSEDED : handshake_frame(&l->shake, in, &out, &f);
	if (r) {
		link_refuse(l, r, f.text);
		return;
	}
	if (proof)
		supersede_older(l);
	if (bufferevent_write(l->bev, out.p, out.len) < 0)
		link_refuse(l, REASON_DB, "no memory for an answer");
	else if (l->shake.state == HANDSHAKE_DONE)
		link_close(l);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct link *l = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	struct fail f = { 0 };
	struct frame frame;
	bool got = true;
	enum err e;

	while (!l->closing) {
		e = frame_take(in, &l->storage, &frame, &got, &f);
		if (e)
			link_refuse(l, e == ERR_TOO_LARGE ? REASON_FRAME_LARGE : REASON_FRAME, f.text);
		else if (!got)
			return;
		else
			link_frame(l, &frame);
	}
	evbuffer_drain(in, evbuffer_get_length(in));
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
	/* The peer may say first that it sends no more; our last frame still goes out, or the timer ends it. */
	if (l->closing && (what & BEV_EVENT_EOF) && evbuffer_get_length(bufferevent_get_output(bev)))
		return;
	if (!l->closing && l->shake.serial_len)
		tell(l, l->superseded ? REASON_SUPERSEDED : REASON_PEER, "closed without a word");
	link_free(l);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct link *l = arg;

	if (l->closing)
		link_free(l);
	else
		link_refuse(l, REASON_EXPIRED, "");
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
	handshake_init(&l->shake, t->kms, l->address, l->host);
	l->bev = stream_new(d, fd);
	if (l->bev)
		l->timer = evtimer_new(t->kms->base, on_timer, l);
	if (!l->timer || event_add(l->timer, &t->expiry) < 0) {
		link_free(l);
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
	t->told_all = (struct budget){ .burst = (unsigned)k->limits.told, .each_s = LIMIT_TOLD_EACH_S };
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

void terminals_free(struct terminals *t)
{
	if (!t)
		return;
	while (t->links)
		link_free(t->links);
	if (t->clear.listener)
		evconnlistener_free(t->clear.listener);
	if (t->tls.listener)
		evconnlistener_free(t->tls.listener);
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
