/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_HTTP_KIT_H
#define TESTS_HTTP_KIT_H

#include "http.h"
#include "pki.h"

#define BODY_MAX 1000
#define CONNECTIONS 3

/* An HTTPS server of role kms in a thread of its own, and clients; setup makes them for each test; setup_pooled: its
 * handler runs in two threads of a pool. */
extern char dir[128], url[400];
extern struct pki root, other;
extern struct http_server *server;

/*
 * identity_of: makes it. client_of: demands this role of the server. post: so many bytes to a path; answer: the body,
 * or why there is none. raw_tls: a connection of OpenSSL's own; NULL: no handshake. raw_read: bytes until the other
 * side ends or 4 seconds passed; -1: still open then. seen_*: how often the handler ran, whole or broken.
 */
void handle(void *arg, void *context, const struct http_request *rq, struct http_reply *reply);
struct identity *identity_of(const struct pki *p, enum role role, const char *name);
void setup(void);
void setup_pooled(void);
void teardown(void);
unsigned seen_runs(void);
unsigned seen_broken(enum err e);
struct http_client *client_of(const struct identity *i, enum role expected);
enum err post(struct http_client *c, const char *path, size_t length, int *status, char answer[200]);
SSL *raw_tls(SSL_CTX *ctx, int *ret_fd);
int raw_read(SSL *ssl, int fd, char *out, size_t room);

#endif
