/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_AUDIT_KIT_H
#define TESTS_AUDIT_KIT_H

#include "ck_test.h"
#include "vendor_functions.h"

/* Reading the trail of the test token by SR_GetAudit. Whoever is logged in stays. */
const struct sr_function_list *audit_sr(void);

#define AUDIT_ROOM 512
struct audit_trail {
	struct sr_audit_entry rows[AUDIT_ROOM];
	CK_ULONG n;
	struct sr_audit_state state;
};
/* audit_read: the whole trail from a record on; nobody needs to be logged in. */
void audit_read(struct audit_trail *ret, CK_ULONG first);
/* audit_good: as the SO: every record good, the state fits; answers the last sequence number. Logs out. */
CK_ULONG audit_good(void);
/* audit_last: the last event of this number; NULL: none. */
const struct sr_audit_entry *audit_last(const struct audit_trail *t, CK_ULONG event);

#endif
