/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_HTTP_HEAD_H
#define HOST_HTTP_HEAD_H

#include "bytes.h"
#include "err.h"

/*
 * The head of an HTTP request as far as a limit needs it: path, and length of the body. It is read beside libevent,
 * from the same bytes, so that a refusal need not wait for the body; libevent still has the last word on what is HTTP.
 */
struct http_head {
	char text[512]; /* of the line that is coming in; longer ones are cut off */
	size_t line;    /* length of that line, also of what was cut off */
	size_t size;    /* bytes of the head so far */
	bool begun;     /* the request line was read */
	bool whole;     /* the empty line was read */
	bool post;
	bool chunked;    /* or any other transfer coding */
	bool has_length; /* Content-Length stands there once, and is a number */
	uint64_t length;
	char path[256]; /* without query; "" when it is longer */
};

/* http_head_feed: takes bytes until the head is whole; answers how many it took. A zero struct is an empty one. */
size_t http_head_feed(struct http_head *h, struct view bytes);

struct evhttp_request;
/*
 * http_judge: what is wrong with a whole request before anybody looks into it: the HTTP status, *ret and *ret_why; 0:
 * nothing.
 */
int http_judge(struct evhttp_request *rq, size_t body, size_t body_max, enum err *ret, const char **ret_why);

#endif
