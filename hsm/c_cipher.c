/* SPDX-License-Identifier: BSD-2-Clause */
#include "length.h"
#include "module.h"
#include "secret.h"
#include <stdlib.h>
#include <string.h>

/* C_Encrypt*, C_Decrypt*. */

static bool overlap(const uint8_t *a, size_t an, const uint8_t *b, size_t bn)
{
	return an > 0 && bn > 0 && (uintptr_t)a < (uintptr_t)b + bn && (uintptr_t)b < (uintptr_t)a + an;
}

/*
 * run: PKCS#11 allows the output on top of the input. Single-part calls at the same address work in place; any other
 * overlap works on a copy of the input.
 */
static CK_RV run(struct op *op, enum mech_part part, struct view in, uint8_t *out, CK_ULONG *len)
{
	uint8_t *copy = NULL;
	size_t done = 0;
	CK_RV rv;

	if (overlap(in.p, in.n, out, *len) && (part == MECH_UPDATE || in.p != out)) {
		copy = malloc(in.n);
		if (copy == NULL)
			return CKR_HOST_MEMORY;
		memcpy(copy, in.p, in.n);
		in.p = copy;
	}
	rv = op->row->ops->crypt(op, part, in, out, *len, &done);
	if (rv == CKR_OK || rv == CKR_BUFFER_TOO_SMALL)
		*len = done;
	if (copy != NULL) {
		memory_wipe(copy, in.n);
		free(copy);
	}
	return rv;
}

static CK_RV crypt(struct session *s, enum op_kind kind, enum mech_part part, struct view in, uint8_t *out,
		   CK_ULONG *len)
{
	struct op *op = NULL;
	CK_RV rv = op_current(s, kind, part, &op);

	if (rv == CKR_OK && (len == NULL || !bytes_ok(in.p, in.n)))
		rv = CKR_ARGUMENTS_BAD;
	if (rv == CKR_OK && in.n > op->data_left)
		rv = kind == OP_ENCRYPT ? CKR_DATA_LEN_RANGE : CKR_ENCRYPTED_DATA_LEN_RANGE;
	if (rv != CKR_OK)
		return op_end(s, kind, false, rv);
	/* The bound is what a length query answers; whether a given buffer is enough, the mechanism knows better. */
	if (out == NULL) {
		*len = op->row->ops->bound(op, part, in.n);
		return CKR_OK;
	}
	rv = run(op, part, in, out, len);
	if (rv == CKR_OK && op->data_left != SIZE_MAX)
		op->data_left -= in.n;
	if (rv == CKR_OK && part == MECH_UPDATE)
		op->updated = true;
	return op_end(s, kind, part == MECH_UPDATE, rv);
}

CK_RV C_EncryptInit(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
	CALL_SESSION(session, 0, op_start(call_s, OP_ENCRYPT, CKF_ENCRYPT, mechanism, key));
}

CK_RV C_Encrypt(CK_SESSION_HANDLE session, CK_BYTE_PTR in, CK_ULONG in_len, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	CALL_SESSION(session, 0, crypt(call_s, OP_ENCRYPT, MECH_SINGLE, VIEW(in, in_len), out, out_len));
}

CK_RV C_EncryptUpdate(CK_SESSION_HANDLE session, CK_BYTE_PTR in, CK_ULONG in_len, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	CALL_SESSION(session, 0, crypt(call_s, OP_ENCRYPT, MECH_UPDATE, VIEW(in, in_len), out, out_len));
}

CK_RV C_EncryptFinal(CK_SESSION_HANDLE session, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	CALL_SESSION(session, 0, crypt(call_s, OP_ENCRYPT, MECH_FINAL, VIEW(NULL, 0), out, out_len));
}

CK_RV C_DecryptInit(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
	CALL_SESSION(session, 0, op_start(call_s, OP_DECRYPT, CKF_DECRYPT, mechanism, key));
}

CK_RV C_Decrypt(CK_SESSION_HANDLE session, CK_BYTE_PTR in, CK_ULONG in_len, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	CALL_SESSION(session, 0, crypt(call_s, OP_DECRYPT, MECH_SINGLE, VIEW(in, in_len), out, out_len));
}

CK_RV C_DecryptUpdate(CK_SESSION_HANDLE session, CK_BYTE_PTR in, CK_ULONG in_len, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	CALL_SESSION(session, 0, crypt(call_s, OP_DECRYPT, MECH_UPDATE, VIEW(in, in_len), out, out_len));
}

CK_RV C_DecryptFinal(CK_SESSION_HANDLE session, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	CALL_SESSION(session, 0, crypt(call_s, OP_DECRYPT, MECH_FINAL, VIEW(NULL, 0), out, out_len));
}
