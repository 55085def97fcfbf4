/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MTMS_ORDER_H
#define MTMS_ORDER_H

#include "batches.h"
#include "mtms.h"

/* Production orders and their inventories (R1.5, R2.9): subcommands of mtmsd; service: struct mtms with conf and db. */

/* Devices that an order still waits for, as a condition on the table device. */
#define DEVICE_MISSING "state IN ('expected', 'refused')"

/* order_add: ORDER CUSTOMER --inventory FILE: all of the file or nothing; every wrong line is named on stderr. */
enum err order_add(void *service, char **arguments, struct fail *f) MUST_CHECK;
/* order_amend: ORDER [--add FILE] [--remove FILE] of an open order; what was collected cannot be removed. */
enum err order_amend(void *service, char **arguments, struct fail *f) MUST_CHECK;
/* order_close: ORDER [--incomplete]; ERR_REFUSED while devices are missing. order_reopen: ORDER. */
enum err order_close(void *service, char **arguments, struct fail *f) MUST_CHECK;
enum err order_reopen(void *service, char **arguments, struct fail *f) MUST_CHECK;

/* order_ask: msg_handler: an order's inventory for an operation terminal that may collect for it (R1.5, R2.3). */
enum err order_ask(struct msg_call *call, const void *in, void *out, struct fail *f) MUST_CHECK;

#endif
