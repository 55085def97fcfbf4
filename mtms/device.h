/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MTMS_DEVICE_H
#define MTMS_DEVICE_H

#include "batch.h"
#include "formats.h"
#include "mtms.h"

/*
 * The devices of an order's inventory and what became of them: expected, collected, re-wrapped, delivered, refused. All
 * functions run inside the transaction of what they tell.
 */

/* What is known of one terminal's packet when it is stored. */
struct verdict {
	struct tk_packet packet; /* zero when not well formed */
	const char *reason;      /* NULL: accepted */
};
/* Where the packet stands: batch_id: its row in the table batch; position in it. */
struct device_place {
	const struct customer *customer;
	struct view order;
	int64_t batch;
	size_t position;
};
/* device_check: may this packet be taken (R1.6, R2.9)? Unknown, duplicate and older ones have a reason. ERR_IO. */
enum err device_check(struct db *db, const struct device_place *place, const struct batch_terminal *t,
		      struct verdict *ret, struct fail *f) MUST_CHECK;
/* device_received: sn_key (its id) holds the packet of that verdict: an older TK is superseded, the device moves on. */
enum err device_received(struct db *db, const struct device_place *place, struct view serial, int64_t sn_key,
			 const struct verdict *v, struct fail *f) MUST_CHECK;
/* device_moved: the device of this sn_key row has another state now; reason NULL: none. */
enum err device_moved(struct db *db, int64_t sn_key, const char *state, const char *reason, struct fail *f) MUST_CHECK;

#endif
