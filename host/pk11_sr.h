/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_PK11_SR_H
#define HOST_PK11_SR_H

#include "pk11.h"

/*
 * pk11_sr: the functions that a strongroom module has beside those of PKCS#11 (hsm/vendor_functions.h), for handles of
 * the sessions and slots of p. They live as long as p. p11-kit passes no such interface on: the module itself is asked.
 * ERR_NOT_FOUND: a module of somebody else.
 */
struct sr_function_list;
enum err pk11_sr(const struct pk11 *p, const struct sr_function_list **ret, struct fail *f) MUST_CHECK;
/* pk11_slot: the slot of the token. */
CK_SLOT_ID pk11_slot(const struct pk11 *p);
/* pk11_module: the functions of the module that has the token. */
CK_FUNCTION_LIST *pk11_module(const struct pk11 *p);

#endif
