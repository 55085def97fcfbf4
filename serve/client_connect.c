/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "client.h"
#include "wire_io.h"

#define HELLO_SECONDS 60 /* a server under load; C_Initialize of its module is in it */

/* user_is: the setting's user, by number or name. */
static bool user_is(const char *user, uid_t uid)
{
	char room[1024], *end;
	struct passwd one, *found = NULL;
	unsigned long n = strtoul(user, &end, 10);

	if (end != user && *end == '\0')
		return n == uid;
	return getpwnam_r(user, &one, room, sizeof(room), &found) == 0 && found != NULL && found->pw_uid == uid;
}

/* right_server: PINs go to nobody else. */
static bool right_server(int fd, const struct client_settings *s, char ret_error[CLIENT_ERROR])
{
	struct ucred who;
	socklen_t n = sizeof(who);

	if (s->server_user[0] == '\0')
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 && user_is(s->server_user, who.uid))
		return true;
	snprintf(ret_error, CLIENT_ERROR, "%s: the server is not of user %s", s->socket, s->server_user);
	return false;
}

static bool hello(int fd, const struct client_settings *s, CK_RV *ret_rv, char ret_error[CLIENT_ERROR])
{
	static const char *const texts[] = {
		[WIRE_NOT_ALLOWED] = "this user is not among those that the server serves",
		[WIRE_TOO_MANY] = "the server has as many connections as it may",
		[WIRE_OTHER_BUILD] = "server and client are not of one version",
		[WIRE_MODULE_FAILED] = "the server's module did not initialise",
	};
	struct timeval limit = { HELLO_SECONDS, 0 }, none = { 0, 0 };
	uint8_t h[WIRE_HELLO];
	enum wire_hello answer;
	CK_RV rv = CKR_OK;
	bool same;

	wire_hello_put(h, WIRE_WELCOME, CKR_OK);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	/* Who is refused may find the socket closed for writing, and the reason to be read all the same. */
	(void)!wire_write(fd, h, sizeof(h));
	if (!wire_read(fd, h, sizeof(h)) || !wire_hello_get(h, &same, &answer, &rv)) {
		snprintf(ret_error, CLIENT_ERROR, "%s: no answer of a server of ours", s->socket);
		return false;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof(none));
	if (answer == WIRE_WELCOME && !same)
		answer = WIRE_OTHER_BUILD;
	if (answer == WIRE_WELCOME)
		return true;
	snprintf(ret_error, CLIENT_ERROR, "%s: %s", s->socket, texts[answer]);
	if (answer == WIRE_MODULE_FAILED && rv != CKR_OK)
		*ret_rv = rv;
	return false;
}

int client_connect(const struct client_settings *s, CK_RV *ret_rv, char ret_error[CLIENT_ERROR])
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*ret_rv = CKR_GENERAL_ERROR;
	strcpy(to.sun_path, s->socket);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0) {
		snprintf(ret_error, CLIENT_ERROR, "%s: %s", s->socket, strerror(errno));
	} else if (right_server(fd, s, ret_error) && hello(fd, s, ret_rv, ret_error)) {
		*ret_rv = CKR_OK;
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}
