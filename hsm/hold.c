/* SPDX-License-Identifier: BSD-2-Clause */
#include "hold.h"

#include <string.h>
#include <sys/mman.h>

#include "module.h"
#include "secret.h"

#define ROOM_MIN ((size_t)16 << 10)

/* grow: room for n bytes; the pages move, they are not copied. */
static CK_RV grow(struct hold *h, size_t n)
{
	size_t room = h->room == 0 ? ROOM_MIN : h->room;
	void *p;

	while (room < n)
		room *= 2;
	if (room == h->room)
		return CKR_OK;
	if (h->p == NULL) {
		p = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p != MAP_FAILED &&
		    (madvise(p, room, MADV_WIPEONFORK) != 0 || madvise(p, room, MADV_DONTDUMP) != 0)) {
			munmap(p, room);
			p = MAP_FAILED;
		}
	} else {
		p = mremap(h->p, h->room, room, MREMAP_MAYMOVE);
	}
	if (p == MAP_FAILED)
		return CKR_HOST_MEMORY;
	h->p = p;
	h->room = room;
	return CKR_OK;
}

bool hold_fits(const struct hold *h, size_t n)
{
	size_t most = module_get()->settings.hold_max;

	return h->len <= most && n <= most - h->len;
}

CK_RV hold_put(struct hold *h, struct view v)
{
	CK_RV rv;

	if (v.n == 0)
		return CKR_OK;
	if (!hold_fits(h, v.n))
		return CKR_DATA_LEN_RANGE;
	rv = grow(h, h->len + v.n);
	if (rv != CKR_OK)
		return rv;
	memcpy(h->p + h->len, v.p, v.n);
	h->len += v.n;
	return CKR_OK;
}

struct view hold_view(const struct hold *h)
{
	return VIEW(h->p, h->len);
}

void hold_done(struct hold *h)
{
	if (h == NULL || h->p == NULL)
		return;
	memory_wipe(h->p, h->len);
	munmap(h->p, h->room);
	*h = (struct hold){ 0 };
}
