/* SPDX-License-Identifier: BSD-2-Clause */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fork.h"
#include "store_inner.h"

/*
 * The open environments of this process. A forked child finds its word of the fork page wiped and makes a registry of
 * its own; the parent's is kept reachable, because LMDB's environment cannot be freed in a child.
 */
struct registry {
	pthread_mutex_t mutex;
	struct store *head;
	struct registry *older;
};

static _Atomic(struct registry *) registry_last;

static struct registry *registry_get(void)
{
	uint64_t *words = fork_page();
	uint64_t have = 0;

	if (!words)
		return NULL;
	have = __atomic_load_n(&words[FORK_STORES], __ATOMIC_ACQUIRE);
	if (have)
		return (struct registry *)(uintptr_t)have;

	struct registry *fresh = calloc(1, sizeof(*fresh));
	if (!fresh)
		return NULL;
	pthread_mutex_init(&fresh->mutex, NULL);
	fresh->older = atomic_load(&registry_last);
	for (struct store *s = fresh->older ? fresh->older->head : NULL; s; s = s->next)
		store_abandon(s);
	if (!__atomic_compare_exchange_n(&words[FORK_STORES], &have, (uint64_t)(uintptr_t)fresh, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		pthread_mutex_destroy(&fresh->mutex);
		free(fresh);
		return (struct registry *)(uintptr_t)have;
	}
	atomic_store(&registry_last, fresh);
	return fresh;
}

static void store_free(struct store *s)
{
	if (!s)
		return;
	store_detach(s);
	state_close(s);
	pthread_mutex_destroy(&s->state_mutex);
	group_done(&s->group);
	directory_done(&s->directory);
	pthread_mutex_destroy(&s->reopen);
	pthread_mutex_destroy(&s->mutex);
	free(s);
}

static int open_new(const char *path, const char *serial, const struct stat *data, const struct store_options *o,
		    struct store **ret)
{
	struct store *s = calloc(1, sizeof(*s));
	if (!s)
		return STORE_ENOMEM;
	pthread_mutex_init(&s->mutex, NULL);
	pthread_mutex_init(&s->reopen, NULL);
	pthread_mutex_init(&s->state_mutex, NULL);
	group_init(&s->group);
	directory_init(&s->directory);
	s->refs = 1;
	if (o)
		s->options = *o;
	s->device = data->st_dev;
	s->inode = data->st_ino;
	memcpy(s->serial, serial, STORE_SERIAL_LEN);
	snprintf(s->path, sizeof(s->path), "%s", path);
	int rc = store_attach(s);
	if (rc) {
		store_free(s);
		return rc == STORE_ENOTFOUND ? STORE_EIO : rc;
	}
	*ret = s;
	return STORE_OK;
}

int store_open(const char *dir, const char *serial, const struct store_options *o, struct store **ret)
{
	struct registry *r = registry_get();
	char path[STORE_PATH_MAX];
	struct stat data;
	struct store *s;

	if (!r)
		return STORE_EIO;
	if (!dir || !store_serial_ok(serial))
		return STORE_EINVAL;
	int rc = store_check_dir(dir);
	if (!rc)
		rc = store_path(dir, serial, NULL, path);
	if (rc)
		return rc;

	pthread_mutex_lock(&r->mutex);
	rc = store_check_token(path, &data);
	if (rc)
		goto out;
	for (s = r->head; s; s = s->next) {
		if (s->device == data.st_dev && s->inode == data.st_ino)
			break;
	}
	if (s) {
		s->refs++;
	} else {
		rc = open_new(path, serial, &data, o, &s);
		if (rc)
			goto out;
		s->next = r->head;
		r->head = s;
	}
	*ret = s;
out:
	pthread_mutex_unlock(&r->mutex);
	return rc;
}

void store_close(struct store *s)
{
	struct registry *r = s ? registry_get() : NULL;

	if (!r || atomic_load(&s->abandoned))
		return;
	pthread_mutex_lock(&r->mutex);
	bool last = --s->refs == 0;
	for (struct store **at = &r->head; last && *at; at = &(*at)->next) {
		if (*at == s) {
			*at = s->next;
			break;
		}
	}
	/* Closed under the mutex: an open of the same file must not overlap, LMDB's file locks belong to the process.
	 */
	if (last)
		store_free(s);
	pthread_mutex_unlock(&r->mutex);
}

/* Unmaps whatever is mapped of the data and the lock file: LMDB does not tell where its maps are. */
static void unmap_files(const struct store *s)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[STORE_PATH_MAX + 128];

	while (maps && fgets(line, sizeof(line), maps)) {
		uint64_t from, to, inode;
		int name = 0;
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %*s %*s %" SCNu64 " %n", &from, &to, &inode, &name) < 3 ||
		    !name)
			continue;
		bool ours = (inode == s->inode && strstr(line + name, "/" STORE_DATA_FILE)) ||
			    (inode == s->lock_inode && strstr(line + name, "/" STORE_LOCK_FILE));
		if (ours)
			munmap((void *)(uintptr_t)from, to - from);
	}
	if (maps)
		fclose(maps);
}

void store_abandon(struct store *s)
{
	if (!s || atomic_exchange(&s->abandoned, true))
		return;
	unmap_files(s);
	state_abandon(s);
	for (unsigned i = 0; i < s->fd_count; i++) {
		struct stat st;
		if (fstat(s->fds[i], &st) == 0 && st.st_dev == s->device &&
		    (st.st_ino == s->inode || st.st_ino == s->lock_inode))
			close(s->fds[i]);
	}
}
