/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fork.h"

static _Atomic(uint64_t *) fork_words;

uint64_t *fork_page(void)
{
	uint64_t *have = atomic_load_explicit(&fork_words, memory_order_acquire);
	if (have)
		return have;

	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	uint64_t *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return NULL;
	if (madvise(page, size, MADV_WIPEONFORK) != 0) {
		munmap(page, size);
		return NULL;
	}
	if (atomic_compare_exchange_strong(&fork_words, &have, page))
		return page;
	munmap(page, size);
	return have;
}
