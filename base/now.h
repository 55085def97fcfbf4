/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_NOW_H
#define BASE_NOW_H

#include <stdint.h>

/* now_ms: unix time in milliseconds, for what is stored. */
int64_t now_ms(void);
/* steady_ms: milliseconds of the monotonic clock, for time-outs: it does not move when the time of day is set. */
int64_t steady_ms(void);

#endif
