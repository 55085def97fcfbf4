/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_HTTP_H
#define HOST_HTTP_H

#include "identity.h"

struct event_base;
struct pool;

/*
 * HTTPS server: libevent's HTTP over OpenSSL, TLS 1.2 and above, client certificates required. One POST of
 * application/json in, one answer out. Sockets, limits and refusals are the event loop's; handlers run in the pool,
 * several at once, one per connection. What finds the pool's queue full is told ERR_BUSY at once. A connection whose
 * TLS handshake takes longer than timeout_s is closed, so is an idle one; a request must bring 64 KiB in timeout_s or
 * be whole, its head within timeout_s. Once the head is there, route says what the request may be; what is more is
 * answered at once and its body not read.
 */
struct http_server;

struct http_request {
	const char *path; /* without query; percent signs undecoded */
	struct view body;
	const struct identity_peer *peer;
	const char *address; /* "127.0.0.1:4711" */
	/*
	 * ERR_OK, or no message came of it: another method or type (ERR_MALFORMED), head or body too large
	 * (ERR_TOO_LARGE), too slow (ERR_TIMEOUT), too many connections of this peer (ERR_BUSY), what route refused, a
	 * certificate refused (ERR_REFUSED, nobody reads the answer). why: for the operator. peer may be of no role,
	 * path and body empty.
	 */
	enum err broken;
	const char *why;
};
struct http_reply {
	int status;      /* 200 before the handler runs */
	struct buf body; /* application/json */
};
/*
 * http_handler: called once per request, in a thread of the pool with that thread's context; fills *reply. Of a broken
 * one it keeps what there is to keep, unless the queue is full; its reply is thrown away: refusal, which runs in the
 * loop, was faster. Without a pool: in the loop, context NULL, its reply to broken requests counts and refusal is not
 * asked.
 */
typedef void (*http_handler)(void *arg, void *context, const struct http_request *request, struct http_reply *reply);
typedef void (*http_refusal)(enum err e, struct http_reply *reply);

/* struct http_limits: of one request; zeros: as the options say. */
struct http_limits {
	size_t head_max; /* 0: HTTP_HEAD_MAX */
	size_t body_max;
	unsigned time_s;      /* from the first byte to the last; 0: no limit of its own */
	unsigned connections; /* that its sender may have open; 0: no limit of its own */
	enum err refuse;      /* not ERR_OK: nobody wants it; a body up to HTTP_SMALL is read all the same */
	const char *why;
};
#define HTTP_HEAD_MAX 16384
#define HTTP_SMALL 4096
typedef void (*http_route)(void *arg, const struct identity_peer *peer, const char *path, struct http_limits *ret);

struct http_server_options {
	const struct identity *identity;
	unsigned peers;     /* ROLE_BITs that may connect at all */
	const char *listen; /* "127.0.0.1:0", "[::1]:8443" */
	size_t body_max;    /* the largest of any message; 0: 4 MiB */
	unsigned timeout_s; /* 0: 30 */
	http_route route;   /* NULL: no limits but these */
	unsigned
	    connections_max; /* 0: 256; more wait; a quarter may be in their TLS handshake, the oldest makes room */
	struct pool *pool;   /* NULL: none; stopped before the server is freed */
	http_handler handler;
	http_refusal refusal;
	void *arg;
};
enum err http_server_new(struct event_base *base, const struct http_server_options *options, struct http_server **ret,
			 struct fail *f) MUST_CHECK;
void http_server_free(struct http_server *s);
/* http_server_close: takes no more connections. http_server_sending: answers are still on their way. Both take NULL. */
void http_server_close(struct http_server *s);
bool http_server_sending(const struct http_server *s) MUST_CHECK;
/* http_server_address: "127.0.0.1:40123" with the real port. */
const char *http_server_address(const struct http_server *s);

/*
 * HTTPS client (libcurl), blocking, keeps its connection for the next call. The server's certificate must chain to our
 * roots, carry the expected role and name and the host name or address of the URL. One thread per client.
 */
struct http_client;

struct http_client_options {
	const struct identity *identity; /* must outlive the client */
	enum role server;                /* expected role of the other side */
	const char *name;                /* expected name of its certificate, must outlive the client; NULL: any */
	unsigned timeout_s;              /* whole call, 0: 30 */
	size_t answer_max;               /* 0: 4 MiB */
	bool (*stop)(void *arg);         /* asked about once a second; true: the call ends with ERR_BUSY. NULL: never */
	void *stop_arg;
};
enum err http_client_new(const struct http_client_options *options, struct http_client **ret,
			 struct fail *f) MUST_CHECK;
void http_client_free(struct http_client *c);
/*
 * http_post: POST of application/json. Any HTTP status is a success of this call. ret_answer: appended.
 * ERR_PEER: no connection, TLS refused (either way), not HTTP; ERR_TIMEOUT; ERR_TOO_LARGE: answer above answer_max;
 * ERR_BUSY: stopped.
 */
enum err http_post(struct http_client *c, const char *url, struct view body, int *ret_status, struct buf *ret_answer,
		   struct fail *f) MUST_CHECK;

#endif
