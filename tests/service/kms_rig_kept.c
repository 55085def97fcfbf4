/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kms_rig_own.h"

/*
 * Tokens are made once for all test programs of a build, because each PIN of a strongroom token costs a slow
 * derivation; each program takes a copy. What is kept goes by the module and by the source that makes it (RIG_SOURCE).
 */

static void version_of(const char *path, char ret[60])
{
	struct stat st;

	if (stat(path, &st) < 0)
		rig_die("%s is not there", path);
	snprintf(ret, 60, "%llx.%llx", (unsigned long long)st.st_size,
		 (unsigned long long)st.st_mtim.tv_sec * 1000000000 + (unsigned long long)st.st_mtim.tv_nsec);
}

static int locked(const char *room)
{
	char path[500];
	int fd;

	if (mkdir(room, 0700) < 0 && errno != EEXIST)
		rig_die("mkdir %s", room);
	snprintf(path, sizeof(path), "%s/kms.lock", room);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		rig_die("lock %s", path);
	return fd;
}

void rig_kept(const char *module, const char *target, void (*make)(const char *folder))
{
	const char *room = getenv("KEPT");
	char place[700], of_module[60], of_source[60], part[500];
	int lock;

	if (!room) {
		make(target);
		return;
	}
	version_of(module, of_module);
	version_of(RIG_SOURCE, of_source);
	snprintf(place, sizeof(place), "%s/kms-%s-%s", room, of_module, of_source);
	snprintf(part, sizeof(part), "%s/kms-part", room);
	lock = locked(room);
	if (access(place, F_OK) < 0) {
		rig_run("rm -rf %s/kms-*", room);
		make(part);
		if (rename(part, place) < 0)
			rig_die("rename %s", part);
	}
	rig_run("cp -a %s %s", place, target);
	close(lock);
}
