/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_RECOVER_H
#define HSM_RECOVER_H

#include "session.h"

/*
 * Users who are locked out (docs/dual-control.md). R/W sessions.
 *
 * recover_unlock  the retries of the default user (name empty) or a custodian are given back; his PIN stays. By the SO,
 *                 but for a member of the council; else by a custodian, when two, of whom he may be one, approved it.
 * recover_so_pin  by a custodian, likewise: the SO gets this PIN and a new internal id, which ends his logins.
 * Errors: CKR_USER_NOT_LOGGED_IN, CKR_ACTION_PROHIBITED (not these users), CKR_SR_NOT_APPROVED, CKR_ARGUMENTS_BAD (no
 * such user), CKR_PIN_LEN_RANGE.
 */
CK_RV recover_unlock(struct session *s, struct view name) MUST_CHECK;
CK_RV recover_so_pin(struct session *s, struct view pin) MUST_CHECK;

#endif
