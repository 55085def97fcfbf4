/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_SR_FUNCTIONS_H
#define HSM_SR_FUNCTIONS_H

#include "ck.h"
#include "vendor_functions.h"

/* The functions of vendor_functions.h, for function_list.c: they are reached through their interface alone. */
#define SR_DECLARE(name, arguments) CK_RV name arguments;
SR_FUNCTIONS(SR_DECLARE)
#undef SR_DECLARE

#endif
