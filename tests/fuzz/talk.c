/* SPDX-License-Identifier: BSD-2-Clause */
#include "talk.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "place.h"

#define PATIENCE_MS 5  /* a client that says nothing for so long waits for us */
#define SILENCES_MAX 3 /* of one connection: then it is over */
#define LINES_MAX 200

/* struct line: one connection. */
struct line {
	struct talk *t;
	int fd;
	SSL *ssl;
	struct buf in;
	unsigned silences;
};

static int listen_at(unsigned *ret_port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) || listen(fd, 8) || getsockname(fd, (struct sockaddr *)&a, &n))
		place_fail("no socket");
	*ret_port = ntohs(a.sin_port);
	return fd;
}

void talk_make(struct talk *t, struct pki *pki, enum role role)
{
	char cert[256], key[256];
	struct fail f = { 0 };

	*t = (struct talk){ 0 };
	signal(SIGPIPE, SIG_IGN);
	pki_identity(pki, role, "talk");
	snprintf(cert, sizeof(cert), "%s/talk.crt", pki->dir);
	snprintf(key, sizeof(key), "%s/talk.key", pki->dir);
	if (identity_load(cert, key, pki->root_pem, role, &t->identity, &f) || pipe(t->stop))
		place_fail(f.text);
	t->ctx = SSL_CTX_new(TLS_server_method());
	if (!t->ctx || SSL_CTX_use_certificate(t->ctx, t->identity->cert) != 1 ||
	    SSL_CTX_use_PrivateKey(t->ctx, t->identity->key) != 1)
		place_fail("no TLS");
	t->listener = listen_at(&t->port);
	t->data_listener = listen_at(&t->data_port);
}

void talk_done(struct talk *t)
{
	SSL_CTX_free(t->ctx);
	identity_free(t->identity);
	buf_done(&t->heard);
	close(t->listener);
	close(t->data_listener);
	close(t->stop[0]);
	close(t->stop[1]);
}

/* ready: 1: bytes are there, or the end; 0: not for so long; -1: we are to stop. */
static int ready(struct talk *t, int fd, int ms)
{
	struct pollfd p[2] = { { fd, POLLIN, 0 }, { t->stop[0], POLLIN, 0 } };

	if (poll(p, 2, ms) <= 0)
		return 0;
	return p[0].revents ? 1 : -1;
}

static void say(struct line *l, struct view v)
{
	if (!v.n)
		return;
	if (l->ssl)
		(void)!SSL_write(l->ssl, v.p, (int)v.n);
	else
		(void)!send(l->fd, v.p, v.n, MSG_NOSIGNAL);
}

static void say_text(struct line *l, const char *text)
{
	say(l, view_of_string(text));
}

/* hear: more bytes to l->in; false: the end, or silence for PATIENCE_MS, which *ret_silent tells. */
static bool hear(struct line *l, bool *ret_silent)
{
	uint8_t room[4096];
	ssize_t n;

	*ret_silent = false;
	if (!l->ssl || !SSL_pending(l->ssl)) {
		int r = ready(l->t, l->fd, PATIENCE_MS);

		*ret_silent = r == 0;
		if (r <= 0)
			return false;
	}
	n = l->ssl ? SSL_read(l->ssl, room, sizeof(room)) : recv(l->fd, room, sizeof(room), 0);
	if (n <= 0)
		return false;
	buf_put(&l->in, room, (size_t)n);
	buf_put(&l->t->heard, room, (size_t)n);
	return true;
}

/* take: removes n bytes from what was heard. */
static void take(struct line *l, size_t n)
{
	memmove(l->in.p, l->in.p + n, l->in.len - n);
	l->in.len -= n;
}

/* until: waits for this mark; true: it came, and stands at *ret_n behind it. */
static bool until(struct line *l, const char *mark, size_t *ret_n, bool *ret_silent)
{
	size_t n = strlen(mark);

	*ret_silent = false;
	for (;;) {
		const uint8_t *at = l->in.len ? memmem(l->in.p, l->in.len, mark, n) : NULL;

		if (at) {
			*ret_n = (size_t)(at - l->in.p) + n;
			return true;
		}
		if (!hear(l, ret_silent))
			return false;
	}
}

/* piece: the next one of what we are to say; false: there is none any more. */
static bool piece(struct talk *t, struct view *ret)
{
	struct view says = t->script.says;
	const uint8_t *end;

	if (t->at >= says.n)
		return false;
	end = memchr(says.p + t->at, 0, says.n - t->at);
	*ret = VIEW(says.p + t->at, end ? (size_t)(end - says.p) - t->at : says.n - t->at);
	t->at += ret->n + 1;
	return true;
}

/* go_on: the client waits for more of an answer; false: it gets none. */
static bool go_on(struct line *l)
{
	struct view v = { 0 };

	while (!v.n)
		if (!piece(l->t, &v))
			return false;
	say(l, v);
	return ++l->silences <= SILENCES_MAX;
}

static bool secure(struct line *l)
{
	l->ssl = SSL_new(l->t->ctx);
	return l->ssl && SSL_set_fd(l->ssl, l->fd) == 1 && SSL_accept(l->ssl) == 1;
}

static void speak_http(struct line *l)
{
	struct talk *t = l->t;
	struct view body;
	bool silent;
	size_t n;

	if (!secure(l))
		return;
	while (until(l, "\r\n\r\n", &n, &silent)) {
		take(l, n);
		if (t->script.kind == TALK_RAW) {
			say(l, t->script.says);
			return;
		}
		if (!piece(t, &body))
			return;
		char head[100];

		snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", body.n);
		say_text(l, head);
		say(l, body);
		while (hear(l, &silent) && !memmem(l->in.p, l->in.len, "\r\n\r\n", 4))
			;
	}
}

/* answer: the next piece, or what a good server says. */
static void answer(struct line *l, const char *good)
{
	struct view v;

	if (!piece(l->t, &v))
		say_text(l, good);
	else
		say(l, v);
}

static void speak_smtp(struct line *l)
{
	struct talk *t = l->t;
	bool mail = false, silent = false;
	size_t n = 0;

	say_text(l, "220 mail\r\n");
	if (!until(l, "\r\n", &n, &silent))
		return;
	take(l, n);
	say_text(l, "250-mail\r\n250 STARTTLS\r\n");
	if (!until(l, "STARTTLS\r\n", &n, &silent))
		return;
	take(l, n);
	say_text(l, "220 go\r\n");
	if (!secure(l))
		return;
	t->heard.len = 0;
	for (unsigned i = 0; i < LINES_MAX; i++) {
		bool came = until(l, mail ? "\r\n.\r\n" : "\r\n", &n, &silent);

		if (!came && !(silent && go_on(l)))
			return;
		if (!came)
			continue;
		bool data = !mail && n >= 4 && !memcmp(l->in.p, "DATA", 4);
		bool hello = !mail && n >= 4 && !memcmp(l->in.p, "EHLO", 4);

		/* The client waits for the word on its mail behind its end alone. */
		t->mail_taken |= mail;
		mail = data;
		take(l, n);
		answer(l, data ? "354 go\r\n" : hello ? "250-mail\r\n250 AUTH PLAIN LOGIN\r\n" : "250 good\r\n");
	}
}

/* data: the connection that the client opened for it; a file or a listing, or what comes is thrown away. */
static void move_data(struct line *l, bool up)
{
	uint8_t room[4096];
	int fd = ready(l->t, l->t->data_listener, 200) == 1 ? accept(l->t->data_listener, NULL, NULL) : -1;

	if (fd < 0)
		return;
	if (up) {
		while (ready(l->t, fd, 200) == 1 && recv(fd, room, sizeof(room), 0) > 0)
			;
	} else if (l->t->script.data.n) {
		(void)!send(fd, l->t->script.data.p, l->t->script.data.n, MSG_NOSIGNAL);
	}
	close(fd);
}

static bool is(struct line *l, const char *command)
{
	return l->in.len >= 4 && !memcmp(l->in.p, command, strlen(command));
}

static void speak_ftp(struct line *l)
{
	char port[60], size[60];
	bool silent;
	size_t n;

	snprintf(port, sizeof(port), "227 Passive (127,0,0,1,%u,%u)\r\n", l->t->data_port / 256, l->t->data_port % 256);
	snprintf(size, sizeof(size), "213 %zu\r\n", l->t->script.data.n);
	answer(l, "220 files\r\n");
	for (unsigned i = 0; i < LINES_MAX; i++) {
		bool came = until(l, "\r\n", &n, &silent);

		if (!came && !(silent && go_on(l)))
			return;
		if (!came)
			continue;
		/* A port is ours alone: an input must not send the client to somebody else's. */
		bool down = is(l, "NLST") || is(l, "RETR"), up = is(l, "STOR") || is(l, "APPE");

		if (is(l, "EPSV") || is(l, "PASV")) {
			say_text(l, is(l, "PASV") ? port : "502 no\r\n");
		} else if (down || up) {
			answer(l, "150 here\r\n");
			move_data(l, up);
			answer(l, "226 done\r\n");
		} else {
			answer(l, is(l, "SIZE")   ? size
				  : is(l, "PWD")  ? "257 \"/\"\r\n"
				  : is(l, "USER") ? "230 in\r\n"
				  : is(l, "REST") ? "350 on\r\n"
				  : is(l, "MDTM") ? "550 no\r\n"
				  : is(l, "QUIT") ? "221 bye\r\n"
						  : "250 good\r\n");
		}
		take(l, n);
	}
}

static void *serve(void *arg)
{
	struct talk *t = arg;

	while (ready(t, t->listener, -1) == 1) {
		struct line l = { .t = t, .fd = accept(t->listener, NULL, NULL) };

		if (l.fd < 0)
			continue;
		setsockopt(l.fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
		if (t->script.kind == TALK_SMTP)
			speak_smtp(&l);
		else if (t->script.kind == TALK_FTP)
			speak_ftp(&l);
		else
			speak_http(&l);
		if (l.ssl)
			SSL_shutdown(l.ssl);
		SSL_free(l.ssl);
		close(l.fd);
		buf_done(&l.in);
	}
	return NULL;
}

void talk_begin(struct talk *t, const struct talk_script *script)
{
	t->script = *script;
	t->at = 0;
	t->heard.len = 0;
	t->mail_taken = false;
	if (pthread_create(&t->thread, NULL, serve, t) != 0)
		place_fail("no thread");
}

void talk_end(struct talk *t)
{
	char c = 0;
	int fd;

	if (write(t->stop[1], &c, 1) != 1)
		place_fail("no end");
	pthread_join(t->thread, NULL);
	if (read(t->stop[0], &c, 1) != 1)
		place_fail("no end");
	/* What nobody came for is not the next one's. */
	while (ready(t, t->data_listener, 0) == 1 && (fd = accept(t->data_listener, NULL, NULL)) >= 0)
		close(fd);
}
