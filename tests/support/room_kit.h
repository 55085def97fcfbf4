/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_ROOM_KIT_H
#define TESTS_ROOM_KIT_H

#include "command.h"
#include "msg.h"

/* A service's messages and commands in process: its rows, its database, no socket. Failures are Check's. */
struct room {
	struct msg_service service;
	struct identity_peer peer; /* who sends */
	struct arena arena;        /* what the answers point to, until room_done */
	char why[512];             /* text of the last message's audit row */
};
void room_done(struct room *r);

/*
 * room_post: in, encoded by the row of path, through msg_http; answers what the audit row says, of which every
 * message must leave exactly one. An error's body must hold the public code of it, and nothing more.
 */
enum err room_post(struct room *r, const char *path, const void *in, void *ret_out);
/* room_post_text: the same with a body as it is. */
enum err room_post_text(struct room *r, const char *path, struct view body, void *ret_out);

/* room_command: one line of words of the service's binary; what it printed is appended to ret_out. */
enum err room_command(struct room *r, const struct command_row *rows, size_t count, const char *line,
		      struct buf *ret_out);

/* room_dump: every row of every table but audit, as text, appended. */
void room_dump(struct db *db, struct buf *ret);
/* room_number, room_text: one value of a query; text (NULL: none): its only parameter. */
int64_t room_number(struct db *db, const char *sql, const char *text);
struct view room_text(struct room *r, const char *sql, const char *text);

#endif
