/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "serve.h"

#define BACKLOG 64
#define SYSTEMD_FIRST 3

static enum err number(const char *name, struct serve_ids *ids, bool *ret_done, struct fail *f)
{
	char *end;
	unsigned long n = strtoul(name, &end, 10);

	if (ids->count == SERVE_IDS_MAX)
		return fail_set(f, ERR_USAGE, 0, "at most %d users and groups each", SERVE_IDS_MAX);
	*ret_done = name[0] >= '0' && name[0] <= '9' && *end == '\0' && n < UINT_MAX;
	if (*ret_done)
		ids->ids[ids->count++] = (unsigned)n;
	return ERR_OK;
}

enum err serve_user_id(const char *name, struct serve_ids *ids, struct fail *f)
{
	const struct passwd *found;
	bool done;
	enum err e = number(name, ids, &done, f);

	if (e != ERR_OK || done)
		return e;
	found = getpwnam(name);
	if (!found)
		return fail_set(f, ERR_USAGE, 0, "%.64s: no such user", name);
	ids->ids[ids->count++] = found->pw_uid;
	return ERR_OK;
}

enum err serve_group_id(const char *name, struct serve_ids *ids, struct fail *f)
{
	const struct group *found;
	bool done;
	enum err e = number(name, ids, &done, f);

	if (e != ERR_OK || done)
		return e;
	found = getgrnam(name);
	if (!found)
		return fail_set(f, ERR_USAGE, 0, "%.64s: no such group", name);
	ids->ids[ids->count++] = found->gr_gid;
	return ERR_OK;
}

static bool among(const struct serve_ids *ids, unsigned id)
{
	for (size_t i = 0; i < ids->count; i++)
		if (ids->ids[i] == id)
			return true;
	return false;
}

bool serve_allowed(const struct serve_options *o, int fd, uid_t *ret_uid, pid_t *ret_pid)
{
	struct ucred who;
	gid_t groups[256];
	socklen_t n = sizeof(who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) != 0)
		return false;
	*ret_uid = who.uid;
	*ret_pid = who.pid;
	if (o->users.count + o->groups.count == 0 || among(&o->users, who.uid) || among(&o->groups, who.gid))
		return true;
	n = sizeof(groups);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &n) != 0)
		return false;
	for (size_t i = 0; i < n / sizeof(groups[0]); i++)
		if (among(&o->groups, groups[i]))
			return true;
	return false;
}

/* handed_over: systemd says how many sockets it opened, and to whom. */
static enum err handed_over(int *ret, struct fail *f)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	int listening = 0;
	socklen_t n = sizeof(listening);

	if (!pid || !fds || strtol(pid, NULL, 10) != getpid() || strtol(fds, NULL, 10) < 1)
		return fail_set(f, ERR_USAGE, 0, "no --socket, and systemd handed no socket over");
	if (getsockopt(SYSTEMD_FIRST, SOL_SOCKET, SO_ACCEPTCONN, &listening, &n) != 0 || !listening)
		return fail_set(f, ERR_CONFIG, 0,
				"what systemd handed over is no listening socket (Accept=no is needed)");
	fcntl(SYSTEMD_FIRST, F_SETFD, FD_CLOEXEC);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	*ret = SYSTEMD_FIRST;
	return ERR_OK;
}

/* folder_ok: who can write there can put a socket of his own in our place, and be told PINs. */
static enum err folder_ok(const char *path, struct fail *f)
{
	char copy[sizeof(((struct sockaddr_un *)0)->sun_path)];
	const char *folder;
	struct stat st;

	strcpy(copy, path);
	folder = dirname(copy);
	if (stat(folder, &st) != 0)
		return fail_set(f, ERR_IO, 0, "%s: %s", folder, strerror(errno));
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return fail_set(f, ERR_CONFIG, 0, "%s: the folder belongs to another user, who could take our place",
				folder);
	if ((st.st_mode & 022) && !(st.st_mode & S_ISVTX))
		return fail_set(f, ERR_CONFIG, 0, "%s: others may write in that folder, and could take our place",
				folder);
	return ERR_OK;
}

/* clear: removes a socket that nobody listens on. */
static enum err clear(const struct sockaddr_un *at, struct fail *f)
{
	struct stat st;
	int fd, error;

	if (lstat(at->sun_path, &st) != 0)
		return errno == ENOENT ? ERR_OK : fail_set(f, ERR_IO, 0, "%s: %s", at->sun_path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return fail_set(f, ERR_CONFIG, 0, "%s: is there and no socket", at->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	error = connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0 ? 0 : errno;
	close(fd);
	if (error != ECONNREFUSED)
		return fail_set(f, ERR_CONFIG, 0, "%s: another server listens there", at->sun_path);
	if (unlink(at->sun_path) != 0)
		return fail_set(f, ERR_IO, 0, "%s: %s", at->sun_path, strerror(errno));
	return ERR_OK;
}

static enum err make(const struct serve_options *o, const struct sockaddr_un *at, int fd, struct fail *f)
{
	struct serve_ids group = { 0 };
	mode_t before = umask(0177);
	bool bound = bind(fd, (const struct sockaddr *)at, sizeof(*at)) == 0;
	enum err e = ERR_OK;

	umask(before);
	if (!bound)
		return fail_set(f, ERR_IO, 0, "%s: %s", at->sun_path, strerror(errno));
	if (o->group)
		e = serve_group_id(o->group, &group, f);
	if (e == ERR_OK && o->group && chown(at->sun_path, (uid_t)-1, group.ids[0]) != 0)
		e = fail_set(f, ERR_IO, 0, "%s: group %s: %s", at->sun_path, o->group, strerror(errno));
	/* Nobody can connect before it listens; then mode and group are what they are to be. */
	if (e == ERR_OK && (chmod(at->sun_path, 0660) != 0 || listen(fd, BACKLOG) != 0))
		e = fail_set(f, ERR_IO, 0, "%s: %s", at->sun_path, strerror(errno));
	if (e != ERR_OK)
		unlink(at->sun_path);
	return e;
}

enum err serve_socket(const struct serve_options *o, int *ret, bool *ret_made, struct fail *f)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	enum err e;
	int fd;

	*ret_made = false;
	if (!o->socket)
		return handed_over(ret, f);
	if (strlen(o->socket) >= sizeof(at.sun_path))
		return fail_set(f, ERR_USAGE, 0, "--socket: at most %zu letters", sizeof(at.sun_path) - 1);
	strcpy(at.sun_path, o->socket);
	e = folder_ok(o->socket, f);
	if (e == ERR_OK)
		e = clear(&at, f);
	if (e != ERR_OK)
		return e;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	e = fd >= 0 ? make(o, &at, fd, f) : fail_set(f, ERR_IO, 0, "socket: %s", strerror(errno));
	if (e != ERR_OK) {
		if (fd >= 0)
			close(fd);
		return e;
	}
	*ret = fd;
	*ret_made = true;
	return ERR_OK;
}

void serve_tell_systemd(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	socklen_t n;
	int fd;

	if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof(to.sun_path))
		return;
	strcpy(to.sun_path, path);
	n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		(void)!sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&to, n);
		close(fd);
	}
}
