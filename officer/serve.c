/* SPDX-License-Identifier: BSD-2-Clause */
#include "ck.h"

#include "commands.h"
#include "serve.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "server.h"
#include "wire_io.h"

/* The command `strongroom serve` (docs/serve.md). */

#define CONNECTIONS_MOST 4096
#define STOP_SECONDS 20

struct worker {
	pid_t pid; /* 0: none */
	uid_t uid;
};

struct listener {
	const struct serve_options *options;
	struct server_functions functions;
	int socket;
	int signals;
	struct worker *workers;
	size_t count;
};

static void say_no(int fd, enum wire_hello why)
{
	uint8_t hello[WIRE_HELLO];

	wire_hello_put(hello, why, CKR_OK);
	(void)!wire_write(fd, hello, sizeof(hello));
}

/* work: the process of a connection. */
static void work(const struct listener *l, int fd)
{
	sigset_t none;

	close(l->socket);
	close(l->signals);
	sigemptyset(&none);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	sigprocmask(SIG_SETMASK, &none, NULL);
	_exit(server_run(&l->functions, fd, (unsigned)l->options->idle));
}

/* room: a free place, and fewer connections of this user than he may have; NULL: none. */
static struct worker *room(struct listener *l, uid_t uid)
{
	struct worker *place = NULL;
	size_t mine = 0;

	for (size_t i = 0; i < l->options->connections; i++) {
		if (l->workers[i].pid == 0 && !place)
			place = &l->workers[i];
		if (l->workers[i].pid != 0 && l->workers[i].uid == uid)
			mine++;
	}
	return mine < l->options->per_user ? place : NULL;
}

static void take(struct listener *l)
{
	int fd = accept4(l->socket, NULL, NULL, SOCK_CLOEXEC);
	struct worker *place;
	uid_t uid = (uid_t)-1;
	pid_t peer = 0, pid;

	if (fd < 0)
		return;
	if (!serve_allowed(l->options, fd, &uid, &peer)) {
		log_line(LOG_LEVEL_WARN, "refused", "user %u, process %d: is not allowed", uid, (int)peer);
		say_no(fd, WIRE_NOT_ALLOWED);
	} else if (!(place = room(l, uid))) {
		log_line(LOG_LEVEL_WARN, "refused", "user %u, process %d: too many connections", uid, (int)peer);
		say_no(fd, WIRE_TOO_MANY);
	} else {
		pid = fork();
		if (pid == 0)
			work(l, fd);
		if (pid > 0) {
			*place = (struct worker){ pid, uid };
			l->count++;
			log_line(LOG_LEVEL_INFO, "connection", "user %u, process %d: served by process %d", uid,
				 (int)peer, (int)pid);
		} else {
			log_line(LOG_LEVEL_ERROR, "fork", "%s", strerror(errno));
			say_no(fd, WIRE_TOO_MANY);
		}
	}
	close(fd);
}

/* reap: those that have ended. */
static void reap(struct listener *l)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (WIFSIGNALED(status))
			log_line(LOG_LEVEL_ERROR, "connection", "process %d ended by signal %d", (int)pid,
				 WTERMSIG(status));
		for (size_t i = 0; i < l->options->connections; i++) {
			if (l->workers[i].pid == pid) {
				l->workers[i].pid = 0;
				l->count--;
			}
		}
	}
}

/* listen_on: until SIGTERM or SIGINT. */
static void listen_on(struct listener *l)
{
	struct pollfd fds[] = { { .fd = l->socket, .events = POLLIN }, { .fd = l->signals, .events = POLLIN } };
	struct signalfd_siginfo s;

	for (;;) {
		if (poll(fds, ARRAY_LEN(fds), -1) < 0)
			continue;
		if (fds[1].revents && read(l->signals, &s, sizeof(s)) == sizeof(s)) {
			reap(l);
			if (s.ssi_signo != SIGCHLD)
				return;
		}
		if (fds[0].revents)
			take(l);
	}
}

/* stop: the connections end, those that do not are ended. */
static void stop(struct listener *l)
{
	const struct timespec tick = { 0, 20000000 };

	for (int i = 0; i < STOP_SECONDS * 50 && l->count > 0; i++) {
		for (size_t k = 0; i % 50 == 0 && k < l->options->connections; k++)
			if (l->workers[k].pid != 0)
				kill(l->workers[k].pid, SIGTERM);
		nanosleep(&tick, NULL);
		reap(l);
	}
	for (size_t k = 0; k < l->options->connections; k++)
		if (l->workers[k].pid != 0)
			kill(l->workers[k].pid, SIGKILL);
}

static enum err signals(int *ret, struct fail *f)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	*ret = signalfd(-1, &set, SFD_CLOEXEC);
	return *ret >= 0 ? ERR_OK : fail_set(f, ERR_INTERNAL, 0, "signals: %s", strerror(errno));
}

static enum err read_options(struct officer *o, struct serve_options *ret, struct fail *f)
{
	enum err e = ERR_OK;
	const char *name;

	ret->socket = officer_value(o, "socket");
	ret->group = officer_value(o, "group");
	for (size_t i = 0; e == ERR_OK && (name = officer_value_at(o, "allow-user", i)); i++)
		e = serve_user_id(name, &ret->users, f);
	for (size_t i = 0; e == ERR_OK && (name = officer_value_at(o, "allow-group", i)); i++)
		e = serve_group_id(name, &ret->groups, f);
	if (e == ERR_OK)
		e = officer_number(o, "connections", 1, CONNECTIONS_MOST, 256, &ret->connections, f);
	if (e == ERR_OK)
		e = officer_number(o, "per-user", 1, CONNECTIONS_MOST, 64, &ret->per_user, f);
	if (e == ERR_OK)
		e = officer_number(o, "idle", 0, 31536000, 0, &ret->idle, f);
	return e;
}

static enum err serve(struct officer *o, char **words, struct fail *f)
{
	struct serve_options options = { 0 };
	struct listener l = { .options = &options, .socket = -1, .signals = -1 };
	char error[SERVER_ERROR];
	bool made = false;
	enum err e = read_options(o, &options, f);

	log_open("strongroom-serve", STDERR_FILENO, LOG_LEVEL_INFO);
	umask(077);
	if (e == ERR_OK && !server_load(officer_module_path(o), &l.functions, error))
		e = fail_set(f, ERR_CONFIG, 0, "%.250s", error);
	if (e == ERR_OK && !(l.workers = calloc(options.connections, sizeof(*l.workers))))
		e = fail_set(f, ERR_NO_MEMORY, 0, "connections");
	if (e == ERR_OK)
		e = signals(&l.signals, f);
	if (e == ERR_OK)
		e = serve_socket(&options, &l.socket, &made, f);
	if (e == ERR_OK) {
		printf("ready serve socket=%s\n", options.socket ? options.socket : "systemd");
		fflush(stdout);
		log_line(LOG_LEVEL_INFO, "daemon", "ready");
		serve_tell_systemd("READY=1");
		listen_on(&l);
		serve_tell_systemd("STOPPING=1");
		log_line(LOG_LEVEL_INFO, "daemon", "stopping, %zu connections", l.count);
		close(l.socket);
		if (made)
			unlink(options.socket);
		stop(&l);
	}
	if (l.signals >= 0)
		close(l.signals);
	free(l.workers);
	return e;
}

static const struct officer_option options[] = {
	{ "socket", "PATH", "Unix socket to listen on; without it the one that systemd hands over", false },
	{ "group", "GROUP", "group of the socket, which has mode 0660", false },
	{ "allow-user", "USER", "who may connect, by name or number; without any --allow whoever may open the socket",
	  true },
	{ "allow-group", "GROUP", "groups whose members may connect", true },
	{ "connections", "N", "connections at once, 256 by default; each is a process", false },
	{ "per-user", "N", "connections at once of one user, 64 by default", false },
	{ "idle", "SECONDS", "ends a connection after so long without a call; 0, the default: never", false },
	{ NULL, NULL, NULL, false },
};
static const struct officer_form forms[] = {
	{ "", "", 0, 0, "listens until SIGTERM or SIGINT", serve, NULL },
	{ NULL, NULL, 0, 0, NULL, NULL, NULL },
};
const struct officer_command command_serve = {
	.name = "serve",
	.summary = "the module for programs of other users, behind a Unix socket",
	.text =
	    "Each connection is an application of PKCS #11 of its own, in a process of its own. Programs load "
	    "libstrongroom-client.so, which finds the socket by STRONGROOM_SOCKET or its settings. They can do what "
	    "the tokens' policies allow, and reach neither the token files nor the memory with the keys.",
	.common = COMMON_MODULE,
	.options = options,
	.forms = forms,
	.examples = "strongroom serve --socket /run/strongroom/serve.sock --group pos-keys\n"
		    "STRONGROOM_SOCKET=/run/strongroom/serve.sock pkcs11-tool --module libstrongroom-client.so -L",
};
