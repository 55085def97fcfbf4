/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_SLOT_EVENT_H
#define HSM_SLOT_EVENT_H

#include "module.h"

/*
 * Slot events (C_WaitForSlotEvent): another process made a token, or initialised one anew. Each is told once. What this
 * process does itself is no event, and tokens do not go while the module is initialised.
 *
 * slot_event_take  the slot of an event that waits; CKR_NO_EVENT.
 * slot_event_wait  the same, but waits. Only inside a call; forks may happen while it waits. The directory of the
 *                  tokens is watched; once a second it is looked at all the same, for file systems that tell nothing.
 *                  CKR_CRYPTOKI_NOT_INITIALIZED when C_Finalize came in between: the module is then gone.
 * slot_event_stop  wakes all that wait, and returns when they have let go of m.
 */
CK_RV slot_event_take(struct module *m, CK_SLOT_ID *ret) MUST_CHECK;
CK_RV slot_event_wait(struct module *m, CK_SLOT_ID *ret) MUST_CHECK;
void slot_event_stop(struct module *m);

#endif
