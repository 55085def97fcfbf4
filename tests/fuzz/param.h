/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_FUZZ_PARAM_H
#define TESTS_FUZZ_PARAM_H

#include "input.h"
#include "mech.h"

/*
 * param_make: a mechanism of the table, or now and then a number that is none, with a parameter: mostly one of the
 * struct that its row names, filled with numbers, handles and pointers to rooms whose lengths are told truly; else
 * NULL, or bytes of any length. What points nowhere is not made: a caller who lies about addresses is not the module's
 * to catch.
 *
 * handle: picks an object handle. avoid: true for rows that the caller does not want (key pairs that take seconds).
 */
CK_MECHANISM param_make(struct input *in, CK_OBJECT_HANDLE (*handle)(struct input *in),
			bool (*avoid)(const struct mech_row *row));
/*
 * param_message: the parameter of one message for a row that takes messages (C_EncryptMessage ...), in *ret_len bytes.
 */
void *param_message(struct input *in, const struct mech_row *row, CK_ULONG *ret_len);

#endif
