/* SPDX-License-Identifier: BSD-2-Clause */
#include "copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include "store_inner.h"

#define STAGE_PREFIX ".restore-"

struct store_stage {
	char dir[STORE_PATH_MAX];   /* of the tokens */
	char stage[STORE_PATH_MAX]; /* <dir>/.restore-... */
	char serial[STORE_SERIAL_LEN + 1];
	int lock; /* the stage's directory, locked */
	int file; /* data.mdb; -1: finished */
	bool installed;
};

/* remove_files: the files of a directory; no directories in it. */
static void remove_files(int dir)
{
	DIR *d = fdopendir(dir);
	struct dirent *e;

	if (!d) {
		close(dir);
		return;
	}
	while ((e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
}

/* remove_stage: a stage is a directory with one token directory in it. */
static void remove_stage(const char *path, const char *serial)
{
	char token[STORE_PATH_MAX];
	int fd;

	if (store_path(path, serial, NULL, token) != STORE_OK)
		return;
	fd = open(token, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		remove_files(fd);
	rmdir(token);
	rmdir(path);
}

/* sweep_one: a stage whose process is gone. */
static void sweep_one(const char *dir, const char *name)
{
	char path[STORE_PATH_MAX], serial[STORE_SERIAL_LEN + 1] = { 0 };
	const char *at = name + strlen(STAGE_PREFIX);
	int fd;

	if (strlen(at) < STORE_SERIAL_LEN || store_path(dir, name, NULL, path) != STORE_OK)
		return;
	memcpy(serial, at, STORE_SERIAL_LEN);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	if (store_serial_ok(serial) && flock(fd, LOCK_EX | LOCK_NB) == 0)
		remove_stage(path, serial);
	close(fd);
}

static void sweep(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d)))
		if (strncmp(e->d_name, STAGE_PREFIX, strlen(STAGE_PREFIX)) == 0)
			sweep_one(dir, e->d_name);
	closedir(d);
}

/* make_stage: the directory and its lock. Between the two a sweep could take it: then it is not there any more. */
static int make_stage(struct store_stage *g)
{
	struct stat here, there;

	if (mkdir(g->stage, 0700) != 0)
		return store_fault_errno(errno, g->stage, "cannot be made");
	g->lock = open(g->stage, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (g->lock < 0)
		return store_error(errno);
	if (flock(g->lock, LOCK_EX | LOCK_NB) != 0 || fstat(g->lock, &here) != 0 || stat(g->stage, &there) != 0 ||
	    here.st_ino != there.st_ino)
		return STORE_EBUSY;
	return STORE_OK;
}

static int make_token(struct store_stage *g)
{
	char path[STORE_PATH_MAX], file[STORE_PATH_MAX];
	int rc = store_path(g->stage, g->serial, NULL, path);

	if (!rc)
		rc = store_path(path, STORE_DATA_FILE, NULL, file);
	if (rc)
		return rc;
	if (mkdir(path, 0700) != 0)
		return store_error(errno);
	g->file = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return g->file < 0 ? store_error(errno) : STORE_OK;
}

static int check_free(const char *dir, const char *serial)
{
	char path[STORE_PATH_MAX];
	struct stat st;
	int rc = store_path(dir, serial, NULL, path);

	if (rc)
		return rc;
	return lstat(path, &st) == 0 ? STORE_EEXIST : STORE_OK;
}

int store_stage_begin(const char *dir, const char *serial, struct store_stage **ret)
{
	char name[64];
	uint32_t salt;

	if (!dir || strlen(dir) >= STORE_PATH_MAX || !store_serial_ok(serial))
		return STORE_EINVAL;
	int rc = store_make_dirs(dir);
	if (!rc)
		rc = store_check_dir(dir);
	if (!rc)
		rc = check_free(dir, serial);
	if (!rc && getrandom(&salt, sizeof(salt), 0) != (ssize_t)sizeof(salt))
		rc = STORE_EIO;
	if (rc)
		return rc;
	sweep(dir);
	struct store_stage *g = calloc(1, sizeof(*g));
	if (!g)
		return STORE_ENOMEM;
	g->lock = g->file = -1;
	snprintf(g->dir, sizeof(g->dir), "%s", dir);
	memcpy(g->serial, serial, STORE_SERIAL_LEN);
	snprintf(name, sizeof(name), STAGE_PREFIX "%s-%08x", serial, salt);
	rc = store_path(dir, name, NULL, g->stage);
	if (!rc)
		rc = make_stage(g);
	if (!rc)
		rc = make_token(g);
	if (rc) {
		store_stage_drop(g);
		return rc;
	}
	*ret = g;
	return STORE_OK;
}

int store_stage_write(struct store_stage *g, struct view v)
{
	while (v.n > 0) {
		ssize_t n = write(g->file, v.p, v.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return store_fault_errno(n == 0 ? EIO : errno, g->stage, "a copy cannot be written");
		v = VIEW(v.p + n, v.n - (size_t)n);
	}
	return STORE_OK;
}

int store_stage_finish(struct store_stage *g)
{
	char path[STORE_PATH_MAX];
	struct store *s = NULL;

	if (g->file < 0)
		return STORE_EINVAL;
	if (fsync(g->file) != 0)
		return store_fault_errno(errno, g->stage, "a copy cannot be made durable");
	if (close(g->file) != 0) {
		g->file = -1;
		return store_error(errno);
	}
	g->file = -1;
	int rc = store_path(g->stage, g->serial, NULL, path);
	if (!rc)
		rc = store_check_pages(path);
	if (!rc)
		rc = store_open(g->stage, g->serial, NULL, &s);
	if (!rc)
		store_close(s);
	return rc;
}

const char *store_stage_dir(const struct store_stage *g)
{
	return g->stage;
}

/* copy_bytes: all of fd behind what is written. */
static int copy_bytes(struct store_stage *g, int fd)
{
	uint8_t some[65536];
	off_t at = 0;

	for (;;) {
		ssize_t n = pread(fd, some, sizeof(some), at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 ? STORE_OK : store_error(errno);
		int rc = store_stage_write(g, VIEW(some, n));
		if (rc)
			return rc;
		at += n;
	}
}

int store_stage_replace(struct store_stage *g, int fd)
{
	char path[STORE_PATH_MAX], file[STORE_PATH_MAX], fresh[STORE_PATH_MAX];
	int rc = store_path(g->stage, g->serial, NULL, path);

	if (!rc)
		rc = store_path(path, STORE_DATA_FILE, NULL, file);
	if (!rc)
		rc = store_path(path, STORE_DATA_FILE ".new", NULL, fresh);
	if (rc)
		return rc;
	g->file = open(fresh, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (g->file < 0)
		return store_fault_errno(errno, fresh, "cannot be made");
	rc = copy_bytes(g, fd);
	if (!rc && fsync(g->file) != 0)
		rc = store_fault_errno(errno, fresh, "a copy cannot be made durable");
	close(g->file);
	g->file = -1;
	return !rc && rename(fresh, file) != 0 ? store_fault_errno(errno, file, "cannot be replaced") : rc;
}

int store_stage_install(struct store_stage *g)
{
	char from[STORE_PATH_MAX], to[STORE_PATH_MAX], file[STORE_PATH_MAX];
	int rc = store_path(g->stage, g->serial, NULL, from);

	if (!rc)
		rc = store_path(g->dir, g->serial, NULL, to);
	if (!rc)
		rc = store_path(from, STORE_LOCK_FILE, NULL, file);
	if (!rc && unlink(file) != 0 && errno != ENOENT)
		rc = store_error(errno);
	if (!rc)
		rc = store_path(from, STORE_DATA_FILE, NULL, file);
	if (!rc)
		rc = store_sync(file);
	if (!rc)
		rc = store_sync(from);
	if (!rc)
		rc = store_rename_new(from, to);
	if (rc)
		return rc;
	g->installed = true;
	return store_sync(g->dir);
}

void store_stage_drop(struct store_stage *g)
{
	if (!g)
		return;
	if (g->file >= 0)
		close(g->file);
	if (g->lock >= 0) {
		if (g->installed)
			rmdir(g->stage);
		else
			remove_stage(g->stage, g->serial);
		close(g->lock);
	}
	free(g);
}
