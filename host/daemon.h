/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_DAEMON_H
#define HOST_DAEMON_H

#include "conf.h"
#include "err.h"

struct event_base;
struct evconnlistener;

/*
 * What every daemon does: options, configuration, log, no core dumps, signals, the ready line.
 *
 * Options: --config FILE, --help, --help-config (the key table), --version, --log-level error|warn|info|debug,
 * --pid-file FILE, --db FILE|URL (above the key database). What is left (subcommand and its arguments) stands in
 * argv[0..argc).
 */
struct daemon_spec {
	const char *name;  /* "kmsd" */
	const char *usage; /* subcommands, a line each, printed by --help */
	const struct conf_key *keys;
	size_t key_count;
};
struct daemon {
	const struct daemon_spec *spec;
	struct conf *conf;
	struct event_base *base;
	int argc; /* rest of the command line */
	char **argv;
	const char *config_path;
	const char *pid_file;
	const char *database; /* of --db */
	unsigned stop_s;      /* after a signal: the process ends by itself when it has not stopped; 0: never */
	int status;           /* what main answers after a command without an error; 0 unless the command says so */
	struct event *stop[2];
};

/*
 * daemon_init: reads the command line and the configuration (absent --config: fallbacks), turns core dumps off
 * (RLIMIT_CORE 0, PR_SET_DUMPABLE 0), ignores SIGPIPE, opens the log on stderr, makes the event base.
 * *ret_exit -1: go on; otherwise main returns it at once (help was shown, or an error was printed).
 */
void daemon_init(struct daemon *d, const struct daemon_spec *spec, int argc, char **argv, int *ret_exit);
/* daemon_run: prints "ready <name> <addresses>" on stdout, runs the loop until SIGTERM or SIGINT, answers the exit
 * status. addresses: "terminals=127.0.0.1:4001 https=127.0.0.1:4002", as the daemon likes; the pid file is written
 * before. */
int daemon_run(struct daemon *d, const char *addresses);
/* daemon_settle: after daemon_run: the loop goes on while pending says so, at most so long. */
void daemon_settle(struct daemon *d, bool (*pending)(void *arg), void *arg, unsigned ms);
void daemon_done(struct daemon *d);
/* daemon_fail: one line on stderr and in the log; answers the exit status 1. what: "cannot open the token". */
int daemon_fail(const struct daemon *d, const char *what, const struct fail *f);

/*
 * daemon_main: the whole main of a daemon: no subcommand: serve, which opens what it needs, calls daemon_run and
 * closes; else command, with the subcommand in d->argv[0..d->argc). usage: appends the lines of --help, with a final
 * zero.
 */
struct daemon_program {
	const char *name;
	const struct conf_key *keys;
	const size_t *key_count;
	void (*usage)(struct buf *ret);
	int (*serve)(struct daemon *d);
	enum err (*command)(struct daemon *d, struct fail *f);
};
int daemon_main(const struct daemon_program *p, int argc, char **argv);

/* secure_process: the two core dump switches alone, for programs that are no daemons. */
enum err secure_process(struct fail *f) MUST_CHECK;

/* address_split: "host:port", "[v6]:port" into host[256] and port[16]. */
enum err address_split(const char *address, char host[256], char port[16], struct fail *f) MUST_CHECK;
/* address_listen: bound, listening, non-blocking, close-on-exec socket; ret_text: "127.0.0.1:40123", the real port. */
enum err address_listen(const char *address, int *ret_fd, char ret_text[300], struct fail *f) MUST_CHECK;

#endif
