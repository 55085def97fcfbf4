/* SPDX-License-Identifier: BSD-2-Clause */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "conf.h"
#include "wire.h"

static const struct conf_key keys[] = {
	{ "", "socket", "/run/strongroom/serve.sock", "where `strongroom serve` listens" },
	{ "", "server_user", NULL, "user name or number that must be behind the socket; default: whoever is" },
	{ "", "channels", "16", "calls at once of one process; 1 to 48" },
	{ "", "log", "off", "off, stderr, or a file to append to: one line per call" },
};

static const char *env(const char *name)
{
	const char *v = secure_getenv(name);

	return v != NULL && v[0] != '\0' ? v : NULL;
}

/* find_file: the configuration file to read, in room; NULL: none. */
static const char *find_file(char *room, size_t n)
{
	static const char tail[] = "strongroom/strongroom-client.conf";

	if (env("STRONGROOM_CLIENT_CONF") != NULL)
		return env("STRONGROOM_CLIENT_CONF");
	room[0] = '\0';
	if (env("XDG_CONFIG_HOME") != NULL)
		snprintf(room, n, "%s/%s", env("XDG_CONFIG_HOME"), tail);
	else if (env("HOME") != NULL)
		snprintf(room, n, "%s/.config/%s", env("HOME"), tail);
	if (room[0] != '\0' && access(room, F_OK) == 0)
		return room;
	snprintf(room, n, "/etc/%s", tail);
	return access(room, F_OK) == 0 ? room : NULL;
}

static bool copy(char *to, size_t room, const char *name, const char *text, char ret_error[CLIENT_ERROR])
{
	if (text == NULL)
		text = "";
	if (strlen(text) >= room) {
		snprintf(ret_error, CLIENT_ERROR, "%s: at most %zu letters", name, room - 1);
		return false;
	}
	strcpy(to, text);
	return true;
}

static bool read_channels(const char *text, unsigned *ret, char ret_error[CLIENT_ERROR])
{
	char *end = NULL;
	unsigned long n = text[0] >= '0' && text[0] <= '9' ? strtoul(text, &end, 10) : 0;

	if (end == NULL || *end != '\0' || n < 1 || n > WIRE_CHANNELS_MAX - CLIENT_WAITERS) {
		snprintf(ret_error, CLIENT_ERROR, "channels: a number from 1 to %d",
			 WIRE_CHANNELS_MAX - CLIENT_WAITERS);
		return false;
	}
	*ret = (unsigned)n;
	return true;
}

static int open_log(const char *where)
{
	if (strcmp(where, "off") == 0)
		return -1;
	if (strcmp(where, "stderr") == 0)
		return fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	return open(where, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

bool client_settings(struct client_settings *ret, char ret_error[CLIENT_ERROR])
{
	struct client_settings s = { .log_fd = -1 };
	struct conf *conf = NULL;
	const char *socket = env("STRONGROOM_SOCKET"), *log = env("STRONGROOM_LOG"),
		   *channels = env("STRONGROOM_CHANNELS");
	char room[4096];
	bool ok;

	if (!conf_load(find_file(room, sizeof(room)), keys, ARRAY_LEN(keys), &conf, ret_error))
		return false;
	ok = copy(s.socket, sizeof(s.socket), "socket", socket != NULL ? socket : conf_get(conf, "", "socket"),
		  ret_error) &&
	     copy(s.server_user, sizeof(s.server_user), "server_user", conf_get(conf, "", "server_user"), ret_error) &&
	     read_channels(channels != NULL ? channels : conf_get(conf, "", "channels"), &s.channels, ret_error);
	if (ok) {
		s.log_fd = open_log(log != NULL ? log : conf_get(conf, "", "log"));
		*ret = s;
	}
	conf_free(conf);
	return ok;
}
