/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A tap for LD_PRELOAD: appends every byte that the process sends or receives on a socket, and every byte that goes
 * into or comes out of TLS in the clear, to the file TAP_FILE. One record: a line "tap <pid> <function>", the bytes,
 * a line end. For the test that no key travels in the clear.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define REAL(name) ((__typeof__(&name))real(#name))

struct ssl_st;
EXPORT int SSL_read(struct ssl_st *s, void *p, int n);
EXPORT int SSL_write(struct ssl_st *s, const void *p, int n);
EXPORT int SSL_read_ex(struct ssl_st *s, void *p, size_t n, size_t *done);
EXPORT int SSL_write_ex(struct ssl_st *s, const void *p, size_t n, size_t *done);

static void *real(const char *name)
{
	void *f = dlsym(RTLD_NEXT, name);

	if (!f)
		abort();
	return f;
}

static void tap(const char *function, const void *p, ssize_t n)
{
	const char *path = getenv("TAP_FILE");
	char head[64], end[] = "\n";
	struct iovec parts[3];
	int fd;

	if (!path || n <= 0)
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		abort();
	parts[0] = (struct iovec){ head, (size_t)snprintf(head, sizeof(head), "tap %d %s\n", (int)getpid(), function) };
	parts[1] = (struct iovec){ (void *)(uintptr_t)p, (size_t)n };
	parts[2] = (struct iovec){ end, 1 };
	if (REAL(writev)(fd, parts, 3) < 0)
		abort();
	close(fd);
}

static int is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

EXPORT ssize_t read(int fd, void *p, size_t n)
{
	ssize_t got = REAL(read)(fd, p, n);

	if (got > 0 && is_socket(fd))
		tap("read", p, got);
	return got;
}

EXPORT ssize_t write(int fd, const void *p, size_t n)
{
	ssize_t done = REAL(write)(fd, p, n);

	if (done > 0 && is_socket(fd))
		tap("write", p, done);
	return done;
}

EXPORT ssize_t recv(int fd, void *p, size_t n, int flags)
{
	ssize_t got = REAL(recv)(fd, p, n, flags);

	tap("recv", p, flags & MSG_PEEK ? 0 : got);
	return got;
}

EXPORT ssize_t send(int fd, const void *p, size_t n, int flags)
{
	ssize_t done = REAL(send)(fd, p, n, flags);

	tap("send", p, done);
	return done;
}

static void tap_parts(const char *function, const struct iovec *v, int count, ssize_t n)
{
	for (int i = 0; i < count && n > 0; i++) {
		ssize_t part = (size_t)n < v[i].iov_len ? n : (ssize_t)v[i].iov_len;
		tap(function, v[i].iov_base, part);
		n -= part;
	}
}

EXPORT ssize_t readv(int fd, const struct iovec *v, int count)
{
	ssize_t got = REAL(readv)(fd, v, count);

	if (got > 0 && is_socket(fd))
		tap_parts("readv", v, count, got);
	return got;
}

EXPORT ssize_t writev(int fd, const struct iovec *v, int count)
{
	ssize_t done = REAL(writev)(fd, v, count);

	if (done > 0 && is_socket(fd))
		tap_parts("writev", v, count, done);
	return done;
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	ssize_t done = REAL(sendmsg)(fd, m, flags);

	tap_parts("sendmsg", m->msg_iov, (int)m->msg_iovlen, done);
	return done;
}

EXPORT ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
	ssize_t got = REAL(recvmsg)(fd, m, flags);

	tap_parts("recvmsg", m->msg_iov, (int)m->msg_iovlen, got);
	return got;
}

EXPORT int SSL_read(struct ssl_st *s, void *p, int n)
{
	int got = REAL(SSL_read)(s, p, n);

	tap("SSL_read", p, got);
	return got;
}

EXPORT int SSL_write(struct ssl_st *s, const void *p, int n)
{
	int done = REAL(SSL_write)(s, p, n);

	tap("SSL_write", p, done);
	return done;
}

EXPORT int SSL_read_ex(struct ssl_st *s, void *p, size_t n, size_t *done)
{
	int ok = REAL(SSL_read_ex)(s, p, n, done);

	tap("SSL_read_ex", p, ok == 1 ? (ssize_t)*done : 0);
	return ok;
}

EXPORT int SSL_write_ex(struct ssl_st *s, const void *p, size_t n, size_t *done)
{
	int ok = REAL(SSL_write_ex)(s, p, n, done);

	tap("SSL_write_ex", p, ok == 1 ? (ssize_t)*done : 0);
	return ok;
}
