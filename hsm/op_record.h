/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_OP_RECORD_H
#define HSM_OP_RECORD_H

#include "secret.h"
#include "store.h"

/* struct op_record: what an operation was told so far (op_state.h); for op_record.c and op_state.c. */
#define OP_PARAM_MAX 64

struct op_record {
	uint8_t key[STORE_ID_LEN]; /* CKA_UNIQUE_ID; zeroes: no key */
	uint8_t param[OP_PARAM_MAX];
	size_t param_len;
	struct secret input;
};

#endif
