/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_ORDER_H
#define KMS_ORDER_H

#include "err.h"

/*
 * The inventory of a production order, for the reconciliation (R2.9): command_run_fns; service is the struct conf.
 *
 * order_load: ORDER FILE: docs/formats.md, Inventory: all of the file or nothing; every wrong line is named on stderr.
 * What is there already stays; a PIN pad may be told later, but never another one. order_drop: ORDER: forgets them.
 * ERR_NOT_FOUND.
 */
enum err order_load(void *service, char **arguments, struct fail *f) MUST_CHECK;
enum err order_drop(void *service, char **arguments, struct fail *f) MUST_CHECK;

#endif
