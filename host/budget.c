/* SPDX-License-Identifier: BSD-2-Clause */
#include <time.h>

#include "budget.h"

static void come_back(struct budget *b)
{
	struct timespec now;
	uint64_t back;

	clock_gettime(CLOCK_MONOTONIC, &now);
	back = ((uint64_t)now.tv_sec - b->since) / b->each_s;
	if (back >= b->used) {
		b->used = 0;
		b->since = (uint64_t)now.tv_sec;
		return;
	}
	b->used -= (unsigned)back;
	b->since += back * b->each_s;
}

bool budget_take(struct budget *b, unsigned *ret_untold)
{
	come_back(b);
	if (b->used >= b->burst) {
		b->untold++;
		return false;
	}
	b->used++;
	*ret_untold = b->untold;
	b->untold = 0;
	return true;
}
