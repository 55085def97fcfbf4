/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire_io.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PASS 'A'

static uint8_t byte_order(void)
{
	uint16_t one = 1;
	uint8_t first;

	memcpy(&first, &one, 1);
	return first;
}

void wire_hello_put(uint8_t hello[WIRE_HELLO], enum wire_hello answer, CK_RV rv)
{
	memset(hello, 0, WIRE_HELLO);
	be_put32(hello, WIRE_MAGIC);
	be_put16(hello + 4, WIRE_VERSION);
	hello[6] = sizeof(CK_ULONG);
	hello[7] = byte_order();
	hello[8] = (uint8_t)answer;
	be_put64(hello + 16, rv);
}

bool wire_hello_get(const uint8_t hello[WIRE_HELLO], bool *ret_same, enum wire_hello *ret_answer, CK_RV *ret_rv)
{
	if (be_get32(hello) != WIRE_MAGIC || hello[8] > WIRE_MODULE_FAILED)
		return false;
	*ret_same = be_get16(hello + 4) == WIRE_VERSION && hello[6] == sizeof(CK_ULONG) && hello[7] == byte_order();
	*ret_answer = (enum wire_hello)hello[8];
	*ret_rv = be_get64(hello + 16);
	return true;
}

bool wire_read(int fd, void *p, size_t n)
{
	uint8_t *at = p;

	while (n > 0) {
		ssize_t got = recv(fd, at, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		at += got;
		n -= (size_t)got;
	}
	return true;
}

bool wire_write(int fd, const void *p, size_t n)
{
	const uint8_t *at = p;

	while (n > 0) {
		ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return false;
		at += sent;
		n -= (size_t)sent;
	}
	return true;
}

void wire_frame_begin(struct wire_room *r)
{
	wire_room_reset(r);
	wire_put_u32(r, 0);
}

bool wire_frame_send(int fd, struct wire_room *r)
{
	if (r->failed || r->len < 4)
		return false;
	be_put32(r->p, (uint32_t)(r->len - 4));
	return wire_write(fd, r->p, r->len);
}

/* The room grows with what has come, not with what is announced. */
#define STEP ((size_t)1 << 20)

bool wire_frame_read(int fd, struct wire_room *r, bool *ret_any)
{
	uint8_t head[4];
	size_t left;

	wire_room_reset(r);
	*ret_any = false;
	if (!wire_read(fd, head, 1))
		return false;
	*ret_any = true;
	if (!wire_read(fd, head + 1, 3))
		return false;
	left = be_get32(head);
	if (left > WIRE_FRAME_MAX)
		return false;
	while (left > 0) {
		size_t n = left < STEP ? left : STEP;
		uint8_t *at = wire_room_take(r, n);

		if (at == NULL || !wire_read(fd, at, n))
			return false;
		left -= n;
	}
	return true;
}

bool wire_pass(int control, int fd)
{
	char byte = PASS;
	struct iovec io = { &byte, 1 };
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} u = { 0 };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = u.room, .msg_controllen = sizeof(u.room) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	ssize_t n;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	do
		n = sendmsg(control, &m, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n == 1;
}

/* take: the descriptors of a message; all but one of one are closed. */
static int take(struct msghdr *m)
{
	int ret = -1, fd;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; CMSG_LEN((i + 1) * sizeof(int)) <= c->cmsg_len; i++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (ret >= 0)
				close(fd);
			else
				ret = fd;
		}
	}
	return ret;
}

int wire_passed(int control)
{
	char byte = 0;
	struct iovec io = { &byte, 1 };
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(8 * sizeof(int))];
	} u;
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = u.room, .msg_controllen = sizeof(u.room) };
	ssize_t n;
	int fd;

	do
		n = recvmsg(control, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return -1;
	fd = take(&m);
	if (fd >= 0 && (byte != PASS || (m.msg_flags & MSG_CTRUNC))) {
		close(fd);
		fd = -1;
	}
	return fd >= 0 ? fd : -2;
}
