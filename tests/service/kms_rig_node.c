/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kms_rig_own.h"

/* More kmsd on the database of a rig, each with a copy of its tokens. */

void rig_node_make(struct rig *r, struct rig_node *n, const char *name, const char *more)
{
	char text[4000], file[48];

	*n = (struct rig_node){ .r = r };
	snprintf(n->name, sizeof(n->name), "%s", name);
	snprintf(n->tokens, sizeof(n->tokens), "%s/tokens-%s", r->dir, name);
	snprintf(file, sizeof(file), "%s.conf", name);
	snprintf(n->conf, sizeof(n->conf), "%s/%s", r->dir, file);
	rig_run("rm -rf %s && cp -a %s/tokens %s", n->tokens, r->dir, n->tokens);
	/* of SoftHSM: a configuration of its own */
	rig_run("test ! -f %s/softhsm2.conf || sed s,%s/tokens,%s, %s/softhsm2.conf >%s.conf", r->dir, r->dir,
		n->tokens, r->dir, n->tokens);
	snprintf(text, sizeof(text),
		 "customer = ACME\ndatabase = %s\nlisten = 127.0.0.1:0\n"
		 "[identity]\ncertificate = %s/kms.pem\nkey = %s/kms.key\nca = %s/ca/root.pem\n"
		 "[token]\nuri = %s\nsrk = pkcs11:object=SRK;type=secret-key\n"
		 "pk = pkcs11:object=PK;type=secret-key\nmak = pkcs11:object=MAK;type=secret-key\n"
		 "[node]\nname = %s\n%s",
		 r->database, r->dir, r->dir, r->dir, r->uri[1], name, more);
	rig_write(r, file, text, strlen(text));
}

static _Noreturn void be_node(struct rig_node *n, int out)
{
	char log[240], softhsm[260];
	int fd;

	snprintf(log, sizeof(log), "%s/%s.log", n->r->dir, n->name);
	snprintf(softhsm, sizeof(softhsm), "%s.conf", n->tokens);
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd >= 0 && dup2(fd, 2) == 2 && dup2(out, 1) == 1 && !prctl(PR_SET_PDEATHSIG, SIGKILL) &&
	    !setenv("STRONGROOM_TOKEN_DIR", n->tokens, 1) && !setenv("SOFTHSM2_CONF", softhsm, 1))
		execl(getenv("KMSD"), "kmsd", "--config", n->conf, (char *)NULL);
	_exit(127);
}

bool rig_node_start(struct rig_node *n)
{
	char line[700];
	int fds[2];
	size_t at = 0;
	char *p;

	if (pipe2(fds, O_CLOEXEC) < 0)
		rig_die("pipe");
	n->pid = fork();
	if (n->pid < 0)
		rig_die("fork");
	if (!n->pid)
		be_node(n, fds[1]);
	close(fds[1]);
	n->out = fds[0];
	for (;;) {
		struct pollfd wait = { n->out, POLLIN, 0 };
		ssize_t got = poll(&wait, 1, 60000) == 1 ? read(n->out, line + at, 1) : -1;

		if (got < 0 || at == sizeof(line) - 1)
			rig_die("%s says nothing", n->name);
		if (got == 0) {
			rig_node_stop(n, SIGTERM);
			return false;
		}
		if (line[at] == '\n')
			break;
		at++;
	}
	line[at] = 0;
	p = strstr(line, "terminals=");
	if (!p)
		rig_die("no address in: %s", line);
	snprintf(n->terminals, sizeof(n->terminals), "%.*s", (int)strcspn(p + 10, " "), p + 10);
	return true;
}

int rig_node_stop(struct rig_node *n, int signal_number)
{
	int status = 0;

	if (!n->pid)
		return 0;
	kill(n->pid, signal_number);
	if (waitpid(n->pid, &status, 0) != n->pid)
		rig_die("waitpid");
	close(n->out);
	n->pid = 0;
	return status;
}

void rig_node_use(struct rig_node *n)
{
	snprintf(n->r->terminals, sizeof(n->r->terminals), "%s", n->terminals);
}

bool rig_node_logged(const struct rig_node *n, const char *text)
{
	char path[240], line[1000];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.log", n->r->dir, n->name);
	f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, text) != NULL;
	if (f)
		fclose(f);
	return found;
}
