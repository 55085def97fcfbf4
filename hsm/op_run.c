/* SPDX-License-Identifier: BSD-2-Clause */
#include "op_run.h"

#include <stdlib.h>
#include <string.h>

#include "op_state.h"
#include "secret.h"

#define TAG_MAX 64 /* longest MAC */

bool bytes_overlap(struct view a, struct view b)
{
	uintptr_t x = (uintptr_t)a.p, y = (uintptr_t)b.p;

	/* A room may be said to reach beyond the end of memory. */
	return a.n > 0 && b.n > 0 && (x < y ? y - x < a.n : x - y < b.n);
}

CK_RV op_update(struct op *op, struct view data)
{
	CK_RV rv = op->row->ops->update(op, data);

	if (rv == CKR_OK)
		op_record_input(op, data);
	return rv;
}

CK_RV op_sign(struct op *op, struct view data, uint8_t *out)
{
	CK_RV rv;

	if (op->row->ops->sign != NULL)
		return op->row->ops->sign(op, data, out);
	rv = op->row->ops->update(op, data);
	return rv == CKR_OK ? op->row->ops->final(op, out) : rv;
}

static CK_RV allowed(const struct op *op, size_t n)
{
	if (n <= op->data_left)
		return CKR_OK;
	return op->use == CKF_ENCRYPT ? CKR_DATA_LEN_RANGE : CKR_ENCRYPTED_DATA_LEN_RANGE;
}

CK_RV op_crypt_ask(struct op *op, enum mech_part part, struct view in, CK_ULONG *len)
{
	CK_RV rv = allowed(op, in.n);

	if (rv == CKR_OK)
		*len = op->row->ops->bound(op, part, in.n);
	return rv;
}

/* Single-part calls at the same address work in place; any other overlap works on a copy of the input. */
CK_RV op_crypt(struct op *op, enum mech_part part, struct view in, uint8_t *out, CK_ULONG *len)
{
	uint8_t *copy = NULL;
	size_t done = 0;
	CK_RV rv = allowed(op, in.n);

	if (rv != CKR_OK)
		return rv;
	if (bytes_overlap(in, VIEW(out, *len)) && (part == MECH_UPDATE || in.p != out)) {
		copy = malloc(in.n);
		if (copy == NULL)
			return CKR_HOST_MEMORY;
		memcpy(copy, in.p, in.n);
		in.p = copy;
	}
	rv = op->row->ops->crypt(op, part, in, out, *len, &done);
	if (rv == CKR_OK || rv == CKR_BUFFER_TOO_SMALL)
		*len = done;
	if (rv == CKR_OK && op->data_left != SIZE_MAX)
		op->data_left -= in.n;
	if (rv == CKR_OK && part == MECH_UPDATE)
		op_record_input(op, in);
	if (copy != NULL) {
		memory_wipe(copy, in.n);
		free(copy);
	}
	return rv;
}

CK_RV op_verify(struct op *op, struct view data, struct view signature)
{
	uint8_t tag[TAG_MAX];
	CK_RV rv = CKR_OK;

	if (signature.n != op->out_len)
		return CKR_SIGNATURE_LEN_RANGE;
	if (op->row->ops->verify != NULL)
		return op->row->ops->verify(op, data, signature);
	if (op->out_len > sizeof(tag))
		return CKR_GENERAL_ERROR;
	if (data.p != NULL)
		rv = op->row->ops->update(op, data);
	if (rv == CKR_OK)
		rv = op->row->ops->final(op, tag);
	if (rv == CKR_OK && !ct_equal(tag, signature.p, op->out_len))
		rv = CKR_SIGNATURE_INVALID;
	memory_wipe(tag, sizeof(tag));
	return rv;
}
