/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_HOLD_H
#define HSM_HOLD_H

#include "bytes.h"
#include "ck.h"

/*
 * struct hold: the bytes that an operation keeps until its end, for mechanisms that OpenSSL cannot do in parts and for
 * plaintext that may not go out yet. It grows up to the setting hold_max, in pages of its own that are left out of core
 * dumps, read zero in a forked child and are wiped on the way out; growing leaves no copy behind. All-zero is a valid
 * empty hold.
 */
struct hold {
	uint8_t *p;
	size_t len;
	size_t room;
};
#define HOLD_AUTO __attribute__((cleanup(hold_done))) struct hold

/*
 * hold_put   appends. CKR_DATA_LEN_RANGE above the limit, CKR_HOST_MEMORY; *h unchanged by both.
 * hold_fits  would hold_put take n more bytes?
 * hold_view  all of it; good until the next hold_put.
 * hold_done  wipes and empties; takes an empty one.
 */
CK_RV hold_put(struct hold *h, struct view v) MUST_CHECK;
bool hold_fits(const struct hold *h, size_t n) MUST_CHECK;
struct view hold_view(const struct hold *h);
void hold_done(struct hold *h);

#endif
