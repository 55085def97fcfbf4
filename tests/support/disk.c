/* SPDX-License-Identifier: BSD-2-Clause */
/* The calls are defined under both of their names here: no renaming of one to the other by the headers. */
#undef _FILE_OFFSET_BITS
#include "disk.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static const char *below;
static struct disk_plan plan;
static atomic_bool armed;
static atomic_uint calls, syncs, hits;
static atomic_long shift;

void disk_arm(const char *dir, struct disk_plan p)
{
	atomic_store(&armed, false);
	below = dir;
	plan = p;
	atomic_store(&calls, 0);
	atomic_store(&syncs, 0);
	atomic_store(&hits, 0);
	atomic_store(&armed, true);
}

void disk_disarm(void)
{
	atomic_store(&armed, false);
}

unsigned disk_calls(void)
{
	return atomic_load(&calls);
}

unsigned disk_syncs(void)
{
	return atomic_load(&syncs);
}

unsigned disk_hits(void)
{
	return atomic_load(&hits);
}

static void (*_Atomic watcher)(const struct disk_event *e);

void disk_watch(void (*each)(const struct disk_event *e))
{
	atomic_store(&watcher, each);
}

/* Tells the watcher of a call that succeeded; answers done. */
static ssize_t told(ssize_t done, enum disk_what what, int fd, const void *p, size_t n, off_t at)
{
	void (*each)(const struct disk_event *e) = atomic_load(&watcher);
	int saved = errno;

	if (each && done >= 0)
		each(&(struct disk_event){ what, fd, p, n, at, (fcntl(fd, F_GETFL) & O_DSYNC) != 0 });
	errno = saved;
	return done;
}

void clock_shift(long seconds)
{
	atomic_store(&shift, seconds);
}

/* The library's own function of this name. */
static void *real(const char *name)
{
	void *p = dlsym(RTLD_NEXT, name);

	if (!p)
		abort();
	return p;
}

#define REAL(name) ((__typeof__(&name))real(#name))

static bool is_below(const char *path)
{
	size_t n = strlen(below);

	return strncmp(path, below, n) == 0 && (path[n] == '/' || path[n] == 0);
}

static bool fd_below(int fd)
{
	char name[64], path[4096];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(name, path, sizeof(path) - 1);
	if (n < 0)
		return false;
	path[n] = 0;
	return is_below(path);
}

/* Is this call to fail? Counts it. */
static bool count(bool sync)
{
	unsigned n = atomic_fetch_add(&calls, 1) + 1;

	if (sync)
		atomic_fetch_add(&syncs, 1);
	if (plan.nth == 0 || n < plan.nth || (n > plan.nth && !plan.lasting))
		return false;
	atomic_fetch_add(&hits, 1);
	if (plan.mode == DISK_KILL)
		raise(SIGKILL);
	return true;
}

static bool fails(int fd, bool sync)
{
	int saved = errno;
	bool answer = atomic_load(&armed) && fd_below(fd) && count(sync);

	errno = saved;
	return answer;
}

static int failed(void)
{
	errno = plan.error;
	return -1;
}

/* Seen from the libraries, whatever the build says of the rest. */
#pragma GCC visibility push(default)

/* A call that writes n bytes by way of do_it (of fewer bytes). */
#define WRITES(fd, n, do_it)                                                                                           \
	if (fails(fd, false)) {                                                                                        \
		bool cut = plan.mode == DISK_SHORT && (n) > 1;                                                         \
		size_t len = cut ? (n) / 2 : (n);                                                                      \
		if (plan.mode == DISK_REFUSE || (plan.mode == DISK_SHORT && !cut))                                     \
			return failed();                                                                               \
		ssize_t done = do_it;                                                                                  \
		return cut || done < 0 ? done : failed();                                                              \
	}                                                                                                              \
	size_t len = n;                                                                                                \
	return told(do_it, DISK_WROTE, fd, p, n, at)

/* A call without bytes. */
#define ACTS(fd, sync, n, do_it)                                                                                       \
	if (fails(fd, sync)) {                                                                                         \
		if (plan.mode == DISK_LATE)                                                                            \
			(void)!do_it;                                                                                  \
		return failed();                                                                                       \
	}                                                                                                              \
	return (int)told(do_it, (sync) ? DISK_SYNC : DISK_SIZED, fd, NULL, (size_t)(n), 0)

ssize_t write(int fd, const void *p, size_t n)
{
	off_t at = atomic_load(&watcher) ? lseek(fd, 0, SEEK_CUR) : 0;

	WRITES(fd, n, REAL(write)(fd, p, len));
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	WRITES(fd, n, REAL(pwrite)(fd, p, len, at));
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
	WRITES(fd, n, REAL(pwrite64)(fd, p, len, at));
}

/* Half of a vector: its first part, halved when it is the only one. */
static ssize_t vector(int fd, const struct iovec *v, int count_of, off_t at, bool positioned, bool cut)
{
	struct iovec first = v[0];

	if (!cut)
		return positioned ? REAL(pwritev)(fd, v, count_of, at) : REAL(writev)(fd, v, count_of);
	if (count_of == 1)
		first.iov_len /= 2;
	return positioned ? REAL(pwritev)(fd, &first, 1, at) : REAL(writev)(fd, &first, 1);
}

static ssize_t vectors(int fd, const struct iovec *v, int n, off_t at, bool positioned)
{
	if (fails(fd, false)) {
		if (plan.mode == DISK_REFUSE)
			return failed();
		ssize_t done = vector(fd, v, n, at, positioned, plan.mode == DISK_SHORT);
		return plan.mode == DISK_SHORT || done < 0 ? done : failed();
	}
	if (!positioned && atomic_load(&watcher))
		at = lseek(fd, 0, SEEK_CUR);
	ssize_t done = vector(fd, v, n, at, positioned, false);
	for (int i = 0; i < n; at += (off_t)v[i++].iov_len)
		(void)told(done, DISK_WROTE, fd, v[i].iov_base, v[i].iov_len, at);
	return done;
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
	return vectors(fd, v, n, 0, false);
}

ssize_t pwritev(int fd, const struct iovec *v, int n, off_t at)
{
	return vectors(fd, v, n, at, true);
}

int fsync(int fd)
{
	ACTS(fd, true, 0, REAL(fsync)(fd));
}

int fdatasync(int fd)
{
	ACTS(fd, true, 0, REAL(fdatasync)(fd));
}

int ftruncate(int fd, off_t n)
{
	ACTS(fd, false, n, REAL(ftruncate)(fd, n));
}

int ftruncate64(int fd, off64_t n)
{
	ACTS(fd, false, n, REAL(ftruncate64)(fd, n));
}

int fallocate(int fd, int mode, off_t at, off_t n)
{
	ACTS(fd, false, at + n, REAL(fallocate)(fd, mode, at, n));
}

int fallocate64(int fd, int mode, off64_t at, off64_t n)
{
	ACTS(fd, false, at + n, REAL(fallocate64)(fd, mode, at, n));
}

int msync(void *p, size_t n, int flags)
{
	return REAL(msync)(p, n, flags);
}

static bool path_fails(const char *path)
{
	return atomic_load(&armed) && is_below(path) && count(false);
}

/* With the error EROFS opening for writing fails as well: a file system that is read-only. */
static bool read_only(const char *path, int flags)
{
	return atomic_load(&armed) && plan.error == EROFS && (flags & (O_ACCMODE | O_CREAT | O_TRUNC)) != O_RDONLY &&
	       is_below(path) && count(false);
}

int open(const char *path, int flags, ...)
{
	va_list more;

	va_start(more, flags);
	mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;
	va_end(more);
	return read_only(path, flags) ? failed() : REAL(open)(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	va_list more;

	va_start(more, flags);
	mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;
	va_end(more);
	return read_only(path, flags) ? failed() : REAL(open64)(path, flags, mode);
}

int rename(const char *from, const char *to)
{
	if (path_fails(from))
		return failed();
	return REAL(rename)(from, to);
}

int renameat2(int a, const char *from, int b, const char *to, unsigned flags)
{
	if (path_fails(from))
		return failed();
	return REAL(renameat2)(a, from, b, to, flags);
}

int clock_gettime(clockid_t which, struct timespec *ret)
{
	int rc = REAL(clock_gettime)(which, ret);

	if (rc == 0 && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE))
		ret->tv_sec += atomic_load(&shift);
	return rc;
}

time_t time(time_t *ret)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (ret)
		*ret = now.tv_sec;
	return now.tv_sec;
}

int gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
	int rc = REAL(gettimeofday)(ret, zone);

	if (rc == 0)
		ret->tv_sec += atomic_load(&shift);
	return rc;
}
