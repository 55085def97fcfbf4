/* SPDX-License-Identifier: BSD-2-Clause */
#include "budget.h"
#include "now.h"

static void come_back(struct budget *b)
{
	uint64_t now = (uint64_t)steady_ms() / 1000, back = (now - b->since) / b->each_s;

	if (back >= b->used) {
		b->used = 0;
		b->since = now;
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
