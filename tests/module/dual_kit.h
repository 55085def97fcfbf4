/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_DUAL_KIT_H
#define TESTS_DUAL_KIT_H

#include "vendor_kit.h"
#include "vendor.h"
#include "vendor_functions.h"

/*
 * Dual control on the token of vendor_kit.h, whose custodians are alice, bob and carol. The program has a clock of its
 * own, which the module asks too. What answers no CK_RV fails the test when something goes wrong.
 */
const struct sr_function_list *dk_sr(void);
/* dk_begin_dual: the SO lets the token ask for approvals of these. */
void dk_begin_dual(const char *names);
/* By who is logged in: CKA_SR_DUAL, CKA_SR_POLICY, CKA_SR_PIN_MIN set; an attribute read as text. */
CK_RV dk_dual(const char *names);
CK_RV dk_policy(const char *names);
CK_RV dk_pin_min(CK_ULONG letters);
const char *dk_text(CK_ATTRIBUTE_TYPE type);
CK_RV dk_try_approve(CK_ULONG action, const char *subject);
/* dk_approve: logs the custodian in and stays so. dk_waiting: approvals that live. dk_council: is he of the council? */
void dk_approve(const char *pin, CK_ULONG action, const char *subject);
CK_ULONG dk_waiting(void);
bool dk_council(const char *name);
/* dk_own_pin: a custodian takes a PIN of his own. */
void dk_own_pin(const char *given, const char *own);
/* dk_advance: both clocks go on, by seconds, which may be negative. */
void dk_advance(long wall, long boot);

#endif
