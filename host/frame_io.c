/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "daemon.h"
#include "frame.h"
#include "frame_tls.h"
#include "now.h"

enum err frame_take(struct evbuffer *in, struct buf *storage, struct frame *ret, bool *ret_got, struct fail *f)
{
	uint8_t head[3] = { 0 };
	uint8_t bytes[FRAME_MAX];
	size_t have = evbuffer_get_length(in);
	enum err e;

	if (have < 2) {
		*ret_got = false;
		return ERR_OK;
	}
	if (evbuffer_copyout(in, head, sizeof(head)) < 2)
		return fail_set(f, ERR_INTERNAL, 0, "frame: evbuffer_copyout");
	size_t n = be_get16(head);
	if (have < sizeof(head) && n && n <= FRAME_MAX) {
		*ret_got = false;
		return ERR_OK;
	}
	e = frame_head(n, head[2], f);
	if (e != ERR_OK)
		return e;
	if (have < 2 + n) {
		*ret_got = false;
		return ERR_OK;
	}
	if (evbuffer_drain(in, 2) || evbuffer_remove(in, bytes, n) != (int)n)
		return fail_set(f, ERR_INTERNAL, 0, "frame: evbuffer_remove");
	buf_done(storage);
	buf_put(storage, bytes, n);
	if (!buf_ok(storage))
		return fail_set(f, ERR_NO_MEMORY, 0, "frame");
	e = frame_parse(buf_view(storage), ret, f);
	if (e == ERR_OK)
		*ret_got = true;
	return e;
}

int64_t frame_deadline(int timeout_ms)
{
	return steady_ms() + timeout_ms;
}

enum err frame_wait(int fd, short events, int64_t deadline, struct fail *f)
{
	for (;;) {
		int64_t left = deadline - steady_ms();
		struct pollfd p = { .fd = fd, .events = events };
		if (left <= 0)
			return fail_set(f, ERR_TIMEOUT, 0, "no frame in time");
		int n = poll(&p, 1, (int)left);
		if (n > 0)
			return ERR_OK;
		if (n < 0 && errno != EINTR)
			return fail_set(f, ERR_IO, 0, "poll: %s", strerror(errno));
	}
}

/* Some bytes in or out; 0: not now, wait for *ret_events. */
static enum err put_some(const struct frame_stream *s, const uint8_t *p, size_t n, size_t *ret, short *ret_events,
			 struct fail *f)
{
	if (s->tls)
		return frame_tls_write(s->tls, p, n, ret, ret_events, f);
	ssize_t k = send(s->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (k < 0 && errno != EAGAIN && errno != EINTR)
		return fail_set(f, ERR_PEER, 0, "send: %s", strerror(errno));
	*ret = k > 0 ? (size_t)k : 0;
	*ret_events = POLLOUT;
	return ERR_OK;
}

static enum err get_some(const struct frame_stream *s, uint8_t *p, size_t n, size_t *ret, short *ret_events,
			 struct fail *f)
{
	if (s->tls)
		return frame_tls_read(s->tls, p, n, ret, ret_events, f);
	ssize_t k = recv(s->fd, p, n, MSG_DONTWAIT);
	if (k == 0)
		return fail_set(f, ERR_PEER, 0, "the other side closed the connection");
	if (k < 0 && errno != EAGAIN && errno != EINTR)
		return fail_set(f, ERR_PEER, 0, "receive: %s", strerror(errno));
	*ret = k > 0 ? (size_t)k : 0;
	*ret_events = POLLIN;
	return ERR_OK;
}

enum err stream_send(const struct frame_stream *s, const struct frame *fr, int timeout_ms, struct fail *f)
{
	BUF_AUTO b = { 0 };
	int64_t deadline = frame_deadline(timeout_ms);
	size_t sent = 0;
	enum err e = ERR_OK;

	frame_put(&b, fr);
	if (!buf_ok(&b))
		return fail_set(f, ERR_INTERNAL, 0, "frame %s: field outside its bounds", frame_name(fr->type));
	while (!e && sent < b.len) {
		size_t n = 0;
		short events = 0;
		e = put_some(s, b.p + sent, b.len - sent, &n, &events, f);
		sent += n;
		if (!e && !n)
			e = frame_wait(s->fd, events, deadline, f);
	}
	return e;
}

static enum err read_all(const struct frame_stream *s, uint8_t *p, size_t n, int64_t deadline, struct fail *f)
{
	size_t got = 0;
	enum err e = ERR_OK;

	while (!e && got < n) {
		size_t k = 0;
		short events = 0;
		e = get_some(s, p + got, n - got, &k, &events, f);
		got += k;
		if (!e && !k)
			e = frame_wait(s->fd, events, deadline, f);
	}
	return e;
}

enum err stream_recv(const struct frame_stream *s, struct buf *storage, struct frame *ret, int timeout_ms,
		     struct fail *f)
{
	uint8_t head[2];
	uint8_t bytes[FRAME_MAX] = { 0 };
	int64_t deadline = frame_deadline(timeout_ms);
	enum err e = read_all(s, head, sizeof(head), deadline, f);

	if (e != ERR_OK)
		return e;
	size_t n = be_get16(head);
	if (n && n <= FRAME_MAX)
		e = read_all(s, bytes, 1, deadline, f);
	if (e == ERR_OK)
		e = frame_head(n, bytes[0], f);
	if (e == ERR_OK)
		e = read_all(s, bytes + 1, n - 1, deadline, f);
	if (e != ERR_OK)
		return e;
	buf_done(storage);
	buf_put(storage, bytes, n);
	if (!buf_ok(storage))
		return fail_set(f, ERR_NO_MEMORY, 0, "frame");
	return frame_parse(buf_view(storage), ret, f);
}

enum err stream_expect(const struct frame_stream *s, uint8_t type, struct buf *storage, struct frame *ret,
		       int timeout_ms, struct fail *f)
{
	struct frame fr;
	enum err e = stream_recv(s, storage, &fr, timeout_ms, f);

	if (e != ERR_OK)
		return e;
	if (fr.type == FRAME_ERROR) {
		unsigned code = frame_error_code(&fr);
		return fail_set(f, ERR_PEER, 0, "the other side answered error %u (%s)", code,
				err_text((enum err)code));
	}
	if (fr.type != type)
		return fail_set(f, ERR_UNEXPECTED, 0, "frame %s where %s was due", frame_name(fr.type),
				frame_name(type));
	*ret = fr;
	return ERR_OK;
}

enum err frame_send(int fd, const struct frame *fr, int timeout_ms, struct fail *f)
{
	return stream_send(&(struct frame_stream){ .fd = fd }, fr, timeout_ms, f);
}

enum err frame_recv(int fd, struct buf *storage, struct frame *ret, int timeout_ms, struct fail *f)
{
	return stream_recv(&(struct frame_stream){ .fd = fd }, storage, ret, timeout_ms, f);
}

enum err frame_expect(int fd, uint8_t type, struct buf *storage, struct frame *ret, int timeout_ms, struct fail *f)
{
	return stream_expect(&(struct frame_stream){ .fd = fd }, type, storage, ret, timeout_ms, f);
}

static enum err connect_one(const struct addrinfo *ai, int64_t deadline, int *ret_fd, struct fail *f)
{
	int one = 1, so_error = 0;
	socklen_t len = sizeof(so_error);
	enum err e;
	int fd = socket(ai->ai_family, ai->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, ai->ai_protocol);

	if (fd < 0)
		return fail_set(f, ERR_IO, 0, "socket: %s", strerror(errno));
	if (connect(fd, ai->ai_addr, ai->ai_addrlen) && errno != EINPROGRESS) {
		e = fail_set(f, ERR_PEER, 0, "connect: %s", strerror(errno));
		goto out;
	}
	e = frame_wait(fd, POLLOUT, deadline, f);
	if (e != ERR_OK)
		goto out;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &so_error, &len) || so_error) {
		e = fail_set(f, ERR_PEER, 0, "connect: %s", strerror(so_error ? so_error : errno));
		goto out;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	*ret_fd = fd;
	fd = -1;
out:
	if (fd >= 0)
		close(fd);
	return e;
}

enum err frame_connect(const char *address, int timeout_ms, int *ret_fd, struct fail *f)
{
	char host[256], port[16];
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	int64_t deadline = frame_deadline(timeout_ms);
	struct fail last = { 0 };
	enum err e = address_split(address, host, port, f);

	if (e != ERR_OK)
		return e;
	int rc = getaddrinfo(host, port, &hints, &list);
	if (rc)
		return fail_set(f, ERR_PEER, 0, "%s: %s", address, gai_strerror(rc));
	e = ERR_PEER;
	for (struct addrinfo *ai = list; ai && e != ERR_OK; ai = ai->ai_next) {
		last = (struct fail){ 0 };
		e = connect_one(ai, deadline, ret_fd, &last);
	}
	freeaddrinfo(list);
	if (e != ERR_OK)
		return fail_set(f, e, 0, "%s: %s", address, last.text);
	return ERR_OK;
}
