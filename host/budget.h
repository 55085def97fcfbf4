/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_BUDGET_H
#define HOST_BUDGET_H

#include "err.h"

/*
 * How much may be written about what strangers do, so that nobody without an identity fills a disk: so many entries at
 * once, then one each so many seconds. All others are counted, and the next entry says how many they were. One thread.
 */
struct budget {
	unsigned burst;  /* set by the owner */
	unsigned each_s; /* set by the owner */
	unsigned used;
	unsigned untold;
	uint64_t since; /* seconds, monotonic; up to here what was used has come back */
};

/* budget_take: false: not this one; it is counted. *ret_untold: those before, which this entry must name. */
bool budget_take(struct budget *b, unsigned *ret_untold) MUST_CHECK;

#endif
