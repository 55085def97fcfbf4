/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OFFICER_SERVE_H
#define OFFICER_SERVE_H

#include "err.h"

#include <sys/types.h>

/*
 * The listener of `strongroom serve`: takes connections, looks at who it is, and forks a process for each. It holds no
 * key and no PIN, and the module is not initialised in it.
 */
#define SERVE_IDS_MAX 64
struct serve_ids {
	unsigned ids[SERVE_IDS_MAX];
	size_t count;
};
struct serve_options {
	const char *socket; /* path; NULL: the first socket that systemd hands over */
	const char *group;  /* of the socket; NULL: that of the process */
	struct serve_ids users;
	struct serve_ids groups; /* both empty: whoever may open the socket */
	unsigned long connections;
	unsigned long per_user;
	unsigned long idle; /* seconds; 0: none */
};

/*
 * serve_socket: listening, close-on-exec. With a path: made, mode 0660, its folder writable for nobody else; a socket
 * that nobody listens on any more is replaced. Without: from systemd (LISTEN_FDS). ret_made: it is to be removed.
 */
enum err serve_socket(const struct serve_options *o, int *ret, bool *ret_made, struct fail *f) MUST_CHECK;
/* serve_id: of a user or group, by name or number, into the list. */
enum err serve_user_id(const char *name, struct serve_ids *ids, struct fail *f) MUST_CHECK;
enum err serve_group_id(const char *name, struct serve_ids *ids, struct fail *f) MUST_CHECK;
/* serve_allowed: may the peer of this socket? *ret: its user. */
bool serve_allowed(const struct serve_options *o, int fd, uid_t *ret_uid, pid_t *ret_pid);
/* serve_tell_systemd: READY=1 and the like; without a NOTIFY_SOCKET nothing. */
void serve_tell_systemd(const char *text);

#endif
