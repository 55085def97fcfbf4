/* SPDX-License-Identifier: BSD-2-Clause */
#include "collect.h"
#include "frame.h"
#include "now.h"
#include "wire.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define VISITS_MAX 128
#define FIRST_TIMEOUT_MS 20000 /* who is there? */
#define STEP_TIMEOUT_MS 60000  /* RSA and key making in a slow secure module */
#define CLOSE_TIMEOUT_MS 10000 /* the terminal makes its TK current, then closes */
#define TICK_MS 100

struct collector {
	const struct collect_in *in;
	pthread_mutex_t mutex;
	size_t visits;     /* threads */
	size_t taking;     /* new serial numbers on their way into the spool */
	size_t committing; /* visits between "into the spool" and "the terminal knows" */
	struct visit *list;
};

struct visit {
	struct collector *c;
	struct visit *next;
	int fd;
	bool known; /* COLLECTED without a new TK, for the MTMS has it */
	char serial[FORMAT_POS_SERIAL_MAX + 1];
};

/* What IDENTITY said, copied out of the frame. */
struct identity_facts {
	uint8_t serial[FORMAT_POS_SERIAL_MAX];
	size_t serial_len;
	uint8_t pin_pad[FORMAT_PIN_PAD_MAX];
	size_t pin_pad_len;
	uint64_t counter;
};

static enum err identify(struct visit *v, struct buf *storage, struct identity_facts *ret, struct fail *f)
{
	struct frame in;
	enum err e = frame_send(v->fd, &(struct frame){ .type = FRAME_IDENTIFY }, FIRST_TIMEOUT_MS, f);
	if (e == ERR_OK)
		e = frame_expect(v->fd, FRAME_IDENTITY, storage, &in, FIRST_TIMEOUT_MS, f);
	if (e != ERR_OK)
		return e;
	struct view serial = in.field[IDENTITY_SERIAL], pin_pad = in.field[IDENTITY_PIN_PAD];
	if (!format_pos_serial_ok(serial) || !format_pin_pad_ok(pin_pad) || in.field[IDENTITY_COUNTER].n != 8)
		return fail_set(f, ERR_MALFORMED, 0, "IDENTITY: bad serial number or counter");
	memcpy(ret->serial, serial.p, serial.n);
	ret->serial_len = serial.n;
	if (pin_pad.n > 0)
		memcpy(ret->pin_pad, pin_pad.p, pin_pad.n);
	ret->pin_pad_len = pin_pad.n;
	ret->counter = be_get64(in.field[IDENTITY_COUNTER].p);
	return ERR_OK;
}

/* One visit per serial number at a time. */
static enum err claim(struct visit *v, struct view serial, struct fail *f)
{
	bool taken = false;
	pthread_mutex_lock(&v->c->mutex);
	for (struct visit *o = v->c->list; o != NULL; o = o->next)
		taken = taken || view_equal(view_of_string(o->serial), serial);
	if (!taken)
		memcpy(v->serial, serial.p, serial.n);
	pthread_mutex_unlock(&v->c->mutex);
	return taken ? fail_set(f, ERR_BUSY, 0, "a terminal of this serial number is being served") : ERR_OK;
}

static enum err give_certificate(struct visit *v, struct buf *storage, struct fail *f)
{
	struct frame in, out = { .type = FRAME_WORKING_CERT };
	out.field[WORKING_CERT_DER] = v->c->in->working_cert;
	enum err e = frame_send(v->fd, &out, STEP_TIMEOUT_MS, f);
	return e == ERR_OK ? frame_expect(v->fd, FRAME_WORKING_CERT_OK, storage, &in, STEP_TIMEOUT_MS, f) : e;
}

static enum err check_packet(const struct collect_in *in, const struct identity_facts *who, const struct tk_packet *p,
			     struct fail *f)
{
	const char *what = NULL;
	if (!view_equal(p->pos_serial, VIEW(who->serial, who->serial_len)) ||
	    !view_equal(p->pin_pad, VIEW(who->pin_pad, who->pin_pad_len)))
		what = "serial number";
	else if (!view_equal(p->cert_serial, in->cert_serial))
		what = "certificate serial number";
	else if (p->counter <= who->counter)
		what = "counter";
	else if (p->suite != in->suite || p->handshake != in->handshake || p->oaep_hash != in->oaep_hash)
		what = "suite, handshake version or hash";
	else if (p->tek.type != in->key_type || p->tek.length != in->key_length)
		what = "key type or length";
	return what == NULL ? ERR_OK : fail_set(f, ERR_MALFORMED, 0, "TK packet: %s is not what was asked for", what);
}

static enum err make_tk(struct visit *v, const struct identity_facts *who, struct buf *storage, struct tk_packet *ret,
			struct view *ret_raw, struct fail *f)
{
	const struct collect_in *in = v->c->in;
	struct frame fr, out = { .type = FRAME_MAKE_TK };
	out.field[MAKE_TK_SUITE] = VIEW(&in->suite, 1);
	out.field[MAKE_TK_HANDSHAKE] = VIEW(&in->handshake, 1);
	out.field[MAKE_TK_HASH] = VIEW(&in->oaep_hash, 1);
	out.field[MAKE_TK_TYPE] = VIEW(&in->key_type, 1);
	out.field[MAKE_TK_LENGTH] = VIEW(&in->key_length, 1);
	enum err e = frame_send(v->fd, &out, STEP_TIMEOUT_MS, f);
	if (e == ERR_OK)
		e = frame_expect(v->fd, FRAME_TK, storage, &fr, STEP_TIMEOUT_MS, f);
	if (e != ERR_OK)
		return e;
	if (!tk_packet_parse(fr.field[TK_PACKET], ret))
		return fail_set(f, ERR_MALFORMED, 0, "TK packet: not of the form");
	*ret_raw = fr.field[TK_PACKET];
	return check_packet(in, who, ret, f);
}

/* A place among the wanted is taken before the packet goes into the spool, so that no more are collected. */
static enum err commit_begin(struct collector *c, bool open, struct fail *f)
{
	pthread_mutex_lock(&c->mutex);
	bool full = !open && spool_open_count(c->in->spool) + c->taking >= lot_wanted(c->in->lot);
	if (!full) {
		c->committing++;
		c->taking += !open;
	}
	pthread_mutex_unlock(&c->mutex);
	return full ? fail_set(f, ERR_BUSY, 0, "the order has all its terminals") : ERR_OK;
}

/* Into the spool, which counts it from here on. */
static enum err keep(struct collector *c, bool open, struct view serial, uint64_t counter, struct view packet,
		     struct fail *f)
{
	pthread_mutex_lock(&c->mutex);
	enum err e = spool_put(c->in->spool, serial, counter, (int64_t)time(NULL), packet, f);
	c->taking -= !open;
	if (e == ERR_OK)
		lot_collected(c->in->lot, serial, counter);
	pthread_mutex_unlock(&c->mutex);
	return e;
}

static void commit_end(struct collector *c)
{
	pthread_mutex_lock(&c->mutex);
	c->committing--;
	pthread_mutex_unlock(&c->mutex);
}

/* COLLECTED, then the terminal's closing of the connection: it has made the TK current. */
static enum err finish(struct visit *v, struct fail *f)
{
	struct pollfd p = { .fd = v->fd, .events = POLLIN };
	uint8_t more;
	enum err e = frame_send(v->fd, &(struct frame){ .type = FRAME_COLLECTED }, STEP_TIMEOUT_MS, f);
	if (e != ERR_OK)
		return e;
	if (poll(&p, 1, CLOSE_TIMEOUT_MS) == 1 && recv(v->fd, &more, 1, 0) == 0)
		return ERR_OK;
	return fail_set(f, ERR_PEER, 0, "collected, but the terminal did not say that it knows");
}

static enum err serve(struct visit *v, struct fail *f)
{
	BUF_AUTO storage = { 0 };
	struct identity_facts who = { 0 };
	struct tk_packet packet;
	struct view raw;
	uint64_t kept = 0;
	enum err e = identify(v, &storage, &who, f);
	struct view serial = VIEW(who.serial, who.serial_len);
	if (e != ERR_OK || (e = claim(v, serial, f)) != ERR_OK)
		return e;
	bool open = false;
	bool known = spool_find(v->c->in->spool, serial, &kept, &open);
	if ((e = lot_admit(v->c->in->lot, serial, VIEW(who.pin_pad, who.pin_pad_len), who.counter, &v->known, f)) !=
	    ERR_OK)
		return e;
	if (known && kept > who.counter)
		return fail_set(f, ERR_REFUSED, 0, "an older state of a terminal whose TK %llu is collected",
				(unsigned long long)kept);
	v->known = v->known && !open;
	if (v->known || (open && kept == who.counter))
		return finish(v, f);
	if ((e = give_certificate(v, &storage, f)) != ERR_OK ||
	    (e = make_tk(v, &who, &storage, &packet, &raw, f)) != ERR_OK)
		return e;
	if ((e = commit_begin(v->c, open, f)) != ERR_OK)
		return e;
	e = keep(v->c, open, serial, packet.counter, raw, f);
	if (e == ERR_OK)
		e = finish(v, f);
	commit_end(v->c);
	return e;
}

static void forget(struct visit *v)
{
	struct collector *c = v->c;
	pthread_mutex_lock(&c->mutex);
	for (struct visit **p = &c->list; *p != NULL; p = &(*p)->next)
		if (*p == v) {
			*p = v->next;
			break;
		}
	close(v->fd);
	c->visits--;
	pthread_mutex_unlock(&c->mutex);
	free(v);
}

static void *visit_thread(void *arg)
{
	struct visit *v = arg;
	const struct collect_in *in = v->c->in;
	struct fail f = { 0 };
	enum err e = serve(v, &f);
	wire_refuse(v->fd, e);
	size_t n = spool_open_count(in->spool);
	pthread_mutex_lock(&v->c->mutex);
	if (in->progress != NULL)
		in->progress(in->arg, v->serial[0] ? v->serial : "?", n, v->known, &f);
	pthread_mutex_unlock(&v->c->mutex);
	forget(v);
	return NULL;
}

static void let_in(struct collector *c)
{
	pthread_attr_t attr;
	pthread_t thread;
	int fd = accept4(c->in->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	struct visit *v = calloc(1, sizeof(*v));
	if (v == NULL) {
		close(fd);
		return;
	}
	*v = (struct visit){ .c = c, .fd = fd };
	pthread_mutex_lock(&c->mutex);
	v->next = c->list;
	c->list = v;
	c->visits++;
	pthread_mutex_unlock(&c->mutex);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, 1 << 20);
	if (pthread_create(&thread, &attr, visit_thread, v) != 0)
		forget(v);
	pthread_attr_destroy(&attr);
}

static bool all_there(struct collector *c)
{
	size_t n = spool_open_count(c->in->spool);
	pthread_mutex_lock(&c->mutex);
	bool quiet = c->committing == 0;
	pthread_mutex_unlock(&c->mutex);
	return quiet && n >= lot_wanted(c->in->lot);
}

static bool room_left(struct collector *c)
{
	pthread_mutex_lock(&c->mutex);
	bool room = c->visits < VISITS_MAX;
	pthread_mutex_unlock(&c->mutex);
	return room;
}

/* Who is still here is not needed any more; threads see their sockets end. Visits that commit end by themselves. */
static void send_home(struct collector *c)
{
	for (;;) {
		pthread_mutex_lock(&c->mutex);
		size_t left = c->visits;
		if (c->committing == 0)
			for (struct visit *v = c->list; v != NULL; v = v->next)
				shutdown(v->fd, SHUT_RDWR);
		pthread_mutex_unlock(&c->mutex);
		if (left == 0)
			return;
		poll(NULL, 0, 10);
	}
}

enum err collect(const struct collect_in *in, struct fail *f)
{
	struct collector c = { .in = in };
	int64_t end = in->wait_s != 0 ? steady_ms() + 1000 * (int64_t)in->wait_s : INT64_MAX;
	enum err e = ERR_OK;
	pthread_mutex_init(&c.mutex, NULL);
	while (!all_there(&c)) {
		struct pollfd p = { .fd = in->listen_fd, .events = room_left(&c) ? POLLIN : 0 };
		if (in->stop != NULL && *in->stop) {
			e = fail_set(f, ERR_UNEXPECTED, 0, "stopped");
			break;
		}
		if (steady_ms() >= end) {
			e = fail_set(f, ERR_TIMEOUT, 0, "not all terminals came in %u seconds", in->wait_s);
			break;
		}
		int r = poll(&p, 1, TICK_MS);
		if (r < 0 && errno != EINTR) {
			e = fail_set(f, ERR_IO, 0, "poll: %s", strerror(errno));
			break;
		}
		if (r > 0 && (p.revents & POLLIN) != 0)
			let_in(&c);
	}
	send_home(&c);
	pthread_mutex_destroy(&c.mutex);
	return e;
}
