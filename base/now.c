/* SPDX-License-Identifier: BSD-2-Clause */
#include <time.h>

#include "now.h"

static int64_t of_clock(clockid_t clock)
{
	struct timespec t = { 0 };

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t now_ms(void)
{
	return of_clock(CLOCK_REALTIME);
}

int64_t steady_ms(void)
{
	return of_clock(CLOCK_MONOTONIC);
}
