/* SPDX-License-Identifier: BSD-2-Clause */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "temp.h"

void temp_dir(char ret_path[128])
{
	const char *base = getenv("TMPDIR");

	int n = snprintf(ret_path, 128, "%s/strongroom-test-XXXXXX", base && *base ? base : "/tmp");
	if (n < 0 || n >= 128 || !mkdtemp(ret_path)) {
		perror("mkdtemp");
		abort();
	}
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

void temp_remove(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
