/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_NOW_H
#define BASE_NOW_H

#include <stdbool.h>
#include <stdint.h>

/* now_ms: unix time in milliseconds, for what is stored. */
int64_t now_ms(void);
/* steady_ms: milliseconds of the monotonic clock, for time-outs: it does not move when the time of day is set. */
int64_t steady_ms(void);

/*
 * Times as people write them, UTC; in unix seconds.
 *
 * time_read     YYYY-MM-DD, YYYY-MM-DDTHH:MM:SS, with or without a Z behind it
 * time_read_or  these, seconds, or days ago (7d): for questions, where a wrong one does no harm
 * time_text     YYYY-MM-DDTHH:MM:SSZ; time_text_ms, of milliseconds: with three digits behind the seconds. Both answer
 *               ret, which holds "unknown" for a year that no calendar has.
 */
#define TIME_TEXT 40
bool time_read(const char *text, int64_t *ret) __attribute__((warn_unused_result));
bool time_read_or(const char *text, int64_t *ret) __attribute__((warn_unused_result));
const char *time_text(int64_t seconds, char ret[TIME_TEXT]);
const char *time_text_ms(int64_t ms, char ret[TIME_TEXT]);

#endif
