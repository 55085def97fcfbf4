/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_MSG_H
#define HOST_MSG_H

#include "audit.h"
#include "http.h"

/*
 * HTTP messages as rows. The driver does size limit, peer role, state, decoding, running, encoding and audit for all;
 * a handler gets a filled struct and never sees JSON or sockets. Bodies: one JSON object, names below, no others.
 * An error goes to the peer as {"error":code,"text":...} of base/err.h's row and nothing more; fail's text and rv go to
 * the audit table and the log.
 */
enum msg_type {
	MSG_TEXT,   /* struct view: UTF-8, no NUL, min..max bytes, NUL-terminated behind the view */
	MSG_BASE64, /* struct view: decoded bytes, min..max of them */
	MSG_NUMBER, /* uint64_t, min..max (at most INT64_MAX) */
	MSG_BOOL,   /* bool */
	/*
	 * struct msg_list: objects of item, min..max of them. An item of exactly one field with the name "" stands for
	 * bare values instead of objects ("records": [base64, ...]).
	 */
	MSG_LIST,
};

struct msg_list {
	void *items; /* array of item->size structs */
	size_t count;
};

/* A list of fields and the size of the struct that they fill. */
struct msg_fields {
	const struct msg_field *field;
	size_t count;
	size_t size;
};
struct msg_field {
	const char *name;
	enum msg_type type;
	uint64_t min;
	uint64_t max;
	size_t offset; /* offsetof in the struct */
	bool optional; /* absent: stays zero; a MSG_TEXT/BASE64 of p NULL, a MSG_NUMBER 0 below min, an empty list: left
			  out */
	const struct msg_fields *item;
};
#define MSG_FIELDS(table, type)                                                                                        \
	{                                                                                                              \
		(table), ARRAY_LEN(table), sizeof(type)                                                                \
	}

/* struct arena: memory of one message, freed together. Zero is a valid empty one. Never for secrets. */
struct arena {
	struct arena_block *blocks;
};
#define ARENA_AUTO __attribute__((cleanup(arena_done))) struct arena
void *arena_alloc(struct arena *a, size_t n); /* zeroed; NULL: no memory */
struct view arena_text(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct view arena_copy(struct arena *a, struct view v); /* with a NUL behind */
void arena_done(struct arena *a);

/*
 * msg_decode: text to *ret_struct (fields->size bytes, zeroed first); memory from a. ERR_MALFORMED names the field.
 * msg_encode: the struct as JSON, appended. Both refuse values outside min..max (encode: ERR_INTERNAL).
 */
enum err msg_decode(const struct msg_fields *fields, struct view text, struct arena *a, void *ret_struct,
		    struct fail *f) MUST_CHECK;
enum err msg_encode(const struct msg_fields *fields, const void *in, struct buf *ret, struct fail *f) MUST_CHECK;

/* One call, as the handler sees it. */
struct msg_call {
	void *service;
	struct db *db; /* of this thread */
	const struct identity_peer *peer;
	const char *address;
	struct arena *arena; /* for what the answer points to; lives until it is sent */
	char object[128];    /* handler may fill: what the audit row is about (batch, serial number) */
	char note[256];      /* handler may fill: audit text of a success */
};

/* msg_handler: in and out are the row's structs (out zeroed). What it answers as an error changed nothing durable. */
typedef enum err (*msg_handler)(struct msg_call *call, const void *in, void *out, struct fail *f);

struct msg_row {
	const char *name; /* event of the audit row */
	const char *path;
	unsigned roles;               /* ROLE_BITs of who may send it */
	unsigned states;              /* bits of service states in which it is taken; 0: all */
	size_t body_max;              /* bytes of the body */
	const struct msg_fields *in;  /* NULL: {} */
	const struct msg_fields *out; /* NULL: {} */
	msg_handler handler;
	const char *requirement;
	/* Limits, kept before the body is read. 0: as MSG_* below. */
	size_t header_max;    /* bytes of request line and headers */
	unsigned time_s;      /* from the first byte of the request to its last */
	unsigned connections; /* that a sender may have open at once */
};
#define MSG_HEADER_MAX 8192
#define MSG_TIME_S 120
#define MSG_CONNECTIONS 16
/* msg_limits: of a row, with the defaults filled in. */
struct http_limits msg_limits(const struct msg_row *row);

/*
 * struct msg_context: a thread's own: its view of the service (the same for all, or a copy) and its database handle,
 * which has the audit table. Handlers run in several threads at once.
 */
struct msg_context {
	void *service;
	struct db *db;
};
struct msg_service {
	const struct msg_row *rows;
	size_t count;
	struct msg_context own;           /* of a call without a context of its own; state's service */
	unsigned (*state)(void *service); /* one bit; NULL: stateless service */
	struct pool *pool;                /* its contexts are struct msg_context; NULL: handlers run in the loop */
};
/* msg_http: http_handler; arg is a struct msg_service, context a struct msg_context. Runs the row of the path; audits
 * and logs once; rolls back a transaction that the handler left open. A failed audit append turns a success into
 * ERR_INTERNAL. msg_refusal: http_refusal. */
void msg_http(void *arg, void *context, const struct http_request *request, struct http_reply *reply);
void msg_refusal(enum err e, struct http_reply *reply);
/* msg_serve: an HTTPS server at an address that runs these rows: peers and body limit are those of the rows. */
enum err msg_serve(struct event_base *base, const char *listen, const struct identity *identity,
		   struct msg_service *service, struct http_server **ret, struct fail *f) MUST_CHECK;
/* msg_peers: all roles of all rows. msg_body_max: the largest body_max. */
unsigned msg_peers(const struct msg_service *s);
size_t msg_body_max(const struct msg_service *s);
/* msg_public: the error that a peer sees for e (token, keys, I/O become ERR_INTERNAL, bad data ERR_REFUSED). */
enum err msg_public(enum err e);
/* msg_status: the HTTP status of an answer with e. */
int msg_status(enum err e);

/*
 * msg_post: the client's end: encodes, posts to base_url + path, decodes the answer. An {"error":...} answer comes back
 * as that error with "the other side: text" (codes outside the list: ERR_PEER). in or out NULL: {}.
 */
struct msg_post_in {
	struct http_client *client;
	const char *base_url; /* "https://host:port" */
	const char *path;
	const struct msg_fields *in_fields;
	const void *in;
	const struct msg_fields *out_fields;
};
enum err msg_post(const struct msg_post_in *call, struct arena *a, void *ret_out, struct fail *f) MUST_CHECK;

#endif
