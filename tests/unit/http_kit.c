/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <event2/event.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "frame.h"
#include "http_kit.h"
#include "pool.h"
#include "temp.h"

char dir[128];
struct pki root, other;

/* The server in a thread of its own; a byte through the pipe ends it. */
static struct event_base *base;
struct http_server *server;
static struct identity *server_identity;
static struct pool *pool;
static int stop_pipe[2];
static pthread_t thread;
char url[400];
static unsigned runs;       /* read after the answer came, or after the thread ended */
static unsigned broken[32]; /* by code: what came to the handler without being a message */

void handle(void *arg, void *context, const struct http_request *rq, struct http_reply *reply)
{
	if (rq->broken) {
		__atomic_add_fetch(&broken[rq->broken], 1, __ATOMIC_SEQ_CST);
		reply->status = 499;
		buf_printf(&reply->body, "broken %d: %s", rq->broken, rq->why);
		return;
	}
	__atomic_add_fetch(&runs, 1, __ATOMIC_SEQ_CST);
	if (!strcmp(rq->path, "/slow"))
		sleep(2);
	if (!strcmp(rq->path, "/large")) {
		for (int i = 0; i < 1000; i++)
			buf_printf(&reply->body, "0123456789");
		return;
	}
	if (!strcmp(rq->path, "/teapot"))
		reply->status = 418;
	buf_printf(&reply->body, "%s %s %s %zu", role_name(rq->peer->role), rq->peer->name, rq->path, rq->body.n);
}

/* What the head of a request decides. */
static void route(void *arg, const struct identity_peer *peer, const char *path, struct http_limits *ret)
{
	if (!strcmp(path, "/timed"))
		*ret = (struct http_limits){ .body_max = (size_t)4 << 20, .time_s = 2 };
	if (!strcmp(path, "/narrow"))
		*ret = (struct http_limits){ .body_max = 10, .head_max = 200, .connections = 2 };
	if (!strcmp(path, "/nowhere")) {
		ret->refuse = ERR_NOT_FOUND;
		ret->why = "nobody wants it";
	}
}

/* The handler in two threads of a pool, or in the loop. */
static bool pooled;

static enum err context_make(void *arg, void **ret_context, struct fail *f)
{
	*ret_context = &pooled;
	return ERR_OK;
}

static void context_drop(void *context)
{
}

static void pool_open(void)
{
	const struct pool_options options = {
		.base = base, .name = "http", .threads = 2, .queue = 1, .make = context_make, .drop = context_drop
	};

	pool = NULL;
	if (pooled)
		ck_assert_int_eq(pool_new(&options, &pool, NULL), ERR_OK);
}

/* What a pool refuses, because its queue is full say. */
static void refuse(enum err e, struct http_reply *reply)
{
	reply->status = 499;
	buf_printf(&reply->body, "broken %d", e);
}

static void on_stop(evutil_socket_t fd, short what, void *arg)
{
	event_base_loopbreak(base);
}

static void *serve(void *arg)
{
	struct event *stop = event_new(base, stop_pipe[0], EV_READ, on_stop, NULL);

	event_add(stop, NULL);
	event_base_dispatch(base);
	event_free(stop);
	return NULL;
}

struct identity *identity_of(const struct pki *p, enum role role, const char *name)
{
	char cert[300], key[300];
	struct identity *i = NULL;
	struct fail f = { 0 };

	pki_identity(p, role, name);
	snprintf(cert, sizeof(cert), "%s/%s.crt", dir, name);
	snprintf(key, sizeof(key), "%s/%s.key", dir, name);
	ck_assert_msg(identity_load(cert, key, root.root_pem, ROLE_NONE, &i, &f) == ERR_OK, "%s", f.text);
	return i;
}

void setup(void)
{
	struct fail f = { 0 };

	temp_dir(dir);
	pki_init(&root, dir, "root");
	pki_init(&other, dir, "other");
	server_identity = identity_of(&root, ROLE_KMS, "kms1");
	base = event_base_new();
	pool_open();
	const struct http_server_options options = {
		.identity = server_identity,
		.peers = ROLE_BIT(ROLE_DC) | ROLE_BIT(ROLE_MTMS),
		.listen = "127.0.0.1:0",
		.body_max = BODY_MAX,
		.timeout_s = 1,
		.route = route,
		.connections_max = CONNECTIONS,
		.pool = pool,
		.handler = handle,
		.refusal = refuse,
	};
	ck_assert_msg(http_server_new(base, &options, &server, &f) == ERR_OK, "%s", f.text);
	snprintf(url, sizeof(url), "https://%s", http_server_address(server));
	ck_assert_int_eq(pipe(stop_pipe), 0);
	runs = 0;
	memset(broken, 0, sizeof(broken));
	ck_assert_int_eq(pthread_create(&thread, NULL, serve, NULL), 0);
}

void setup_pooled(void)
{
	pooled = true;
	setup();
}

void teardown(void)
{
	ck_assert_int_eq(write(stop_pipe[1], "x", 1), 1);
	pthread_join(thread, NULL);
	pool_stop(pool);
	http_server_free(server);
	pool_free(pool);
	event_base_free(base);
	identity_free(server_identity);
	close(stop_pipe[0]);
	close(stop_pipe[1]);
	pki_done(&root);
	pki_done(&other);
	temp_remove(dir);
}

unsigned seen_runs(void)
{
	return __atomic_load_n(&runs, __ATOMIC_SEQ_CST);
}

unsigned seen_broken(enum err e)
{
	return __atomic_load_n(&broken[e], __ATOMIC_SEQ_CST);
}

struct http_client *client_of(const struct identity *i, enum role expected)
{
	const struct http_client_options options = {
		.identity = i, .server = expected, .timeout_s = 5, .answer_max = 5000
	};
	struct http_client *c = NULL;

	ck_assert_int_eq(http_client_new(&options, &c, NULL), ERR_OK);
	return c;
}

enum err post(struct http_client *c, const char *path, size_t length, int *status, char answer[200])
{
	static uint8_t body[2 * BODY_MAX];
	BUF_AUTO got = { 0 };
	char full[500];
	struct fail f = { 0 };

	snprintf(full, sizeof(full), "%s%s", url, path);
	memset(body, 'x', sizeof(body));
	enum err e = http_post(c, full, VIEW(body, length), status, &got, &f);
	snprintf(answer, 200, "%.*s", e == ERR_OK ? (int)got.len : 150, e == ERR_OK ? (char *)got.p : f.text);
	return e;
}

/* raw_tls: a connection of OpenSSL's own; NULL when the handshake does not succeed. */
SSL *raw_tls(SSL_CTX *ctx, int *ret_fd)
{
	SSL *ssl = SSL_new(ctx);

	*ret_fd = -1;
	ck_assert_int_eq(frame_connect(http_server_address(server), 2000, ret_fd, NULL), ERR_OK);
	struct timeval limit = { .tv_sec = 5 };
	setsockopt(*ret_fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	SSL_set_fd(ssl, *ret_fd);
	for (int i = 0; i < 500; i++) {
		int rc = SSL_connect(ssl);
		if (rc == 1)
			return ssl;
		int why = SSL_get_error(ssl, rc);
		struct pollfd p = { .fd = *ret_fd, .events = why == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN };
		if ((why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) || poll(&p, 1, 3000) <= 0)
			break;
	}
	SSL_free(ssl);
	return NULL;
}

/* raw_read: bytes until the other side ends or 4 seconds passed; -1: still open then. */
int raw_read(SSL *ssl, int fd, char *out, size_t room)
{
	size_t got = 0;
	time_t until = time(NULL) + 4;

	while (time(NULL) < until) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		if (poll(&p, 1, 200) == 0)
			continue;
		int n =
		    ssl ? SSL_read(ssl, out + got, (int)(room - 1 - got)) : (int)recv(fd, out + got, room - 1 - got, 0);
		if (n > 0)
			got += (size_t)n;
		else if (!ssl || SSL_get_error(ssl, n) != SSL_ERROR_WANT_READ) {
			out[got] = 0;
			return (int)got;
		}
	}
	out[got] = 0;
	return -1;
}
