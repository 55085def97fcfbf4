/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_DISK_H
#define TESTS_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * A disk that fails when it is told to, and a clock that jumps: the C library's writing calls (pwrite, pwritev, write,
 * writev, fsync, fdatasync, ftruncate, fallocate, msync, rename) and clock_gettime, time, gettimeofday stand in the
 * test program before the library's own, for the module and LMDB as well. The program is linked with export_dynamic.
 * With the error EROFS, opening for writing counts and fails, too.
 * Only calls on files below the directory given count. One plan a process; a forked child has the parent's.
 */
enum disk_mode {
	DISK_REFUSE, /* nothing is written */
	DISK_SHORT,  /* a write takes the first half and says so; other calls are refused */
	DISK_LATE,   /* it is done, and said to have failed */
	DISK_MODES,
	DISK_KILL = DISK_MODES, /* the process dies (SIGKILL) before it is done */
};

struct disk_plan {
	unsigned nth; /* from 1: the call that fails; 0: none */
	bool lasting; /* and all after it */
	enum disk_mode mode;
	int error;
};

/* disk_arm: from now on; counts start anew. below: kept by reference. disk_disarm: nothing fails any more. */
void disk_arm(const char *below, struct disk_plan plan);
void disk_disarm(void);
/* disk_calls, disk_syncs: calls that could have failed since disk_arm; fsync and fdatasync among them. */
unsigned disk_calls(void);
unsigned disk_syncs(void);
/* disk_hits: how many were made to fail. */
unsigned disk_hits(void);

/*
 * disk_watch: each call that went to the disk since then, in its order, by whichever thread; NULL: no more. p: what was
 * written, valid in the call only; n of a new size: the size. lasting: of a write: it is on the disk when it answers
 * (O_DSYNC), of anything else that was written a DISK_SYNC says so.
 */
enum disk_what { DISK_WROTE, DISK_SIZED, DISK_SYNC };
struct disk_event {
	enum disk_what what;
	int fd;
	const void *p;
	size_t n;
	off_t at;
	bool lasting;
};
void disk_watch(void (*each)(const struct disk_event *e));

/* clock_shift: the wall clock of this process is so many seconds off. */
void clock_shift(long seconds);

#endif
