/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

bool time_read(const char *text, int64_t *ret)
{
	struct tm tm = { 0 };
	const char *end = strptime(text, strchr(text, 'T') ? "%Y-%m-%dT%H:%M:%S" : "%Y-%m-%d", &tm);

	if (!end || strcmp(end, strchr(text, 'T') && *end ? "Z" : "") != 0)
		return false;
	*ret = (int64_t)timegm(&tm);
	return true;
}

bool time_read_or(const char *text, int64_t *ret)
{
	char *end = NULL;
	long long n;

	if (time_read(text, ret))
		return true;
	errno = 0;
	n = strtoll(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || errno)
		return false;
	if (!strcmp(end, "d") && n <= 100000)
		n = (long long)time(NULL) - n * 86400;
	else if (*end)
		return false;
	*ret = n;
	return true;
}

static size_t text_of(int64_t seconds, char ret[TIME_TEXT])
{
	time_t at = (time_t)seconds;
	struct tm tm;
	size_t n = gmtime_r(&at, &tm) ? strftime(ret, TIME_TEXT - 5, "%Y-%m-%dT%H:%M:%S", &tm) : 0;

	if (!n)
		strcpy(ret, "unknown");
	return n;
}

const char *time_text(int64_t seconds, char ret[TIME_TEXT])
{
	if (text_of(seconds, ret))
		strcat(ret, "Z");
	return ret;
}

const char *time_text_ms(int64_t ms, char ret[TIME_TEXT])
{
	size_t n = text_of(ms / 1000, ret);

	if (n)
		snprintf(ret + n, TIME_TEXT - n, ".%03dZ", (int)(ms % 1000));
	return ret;
}
