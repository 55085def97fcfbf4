/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SERVE_CLIENT_SR_H
#define SERVE_CLIENT_SR_H

#include "ck.h"

#include "vendor_functions.h"

/* The vendor functions as the client defines them, for its list: they are reached through their interface alone. */
#define SR_DECLARE(name, arguments) CK_RV name arguments;
SR_FUNCTIONS(SR_DECLARE)
#undef SR_DECLARE

#endif
