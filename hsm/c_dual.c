/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "op_call.h"
#include "module.h"
#include "op_run.h"
#include "secret.h"

/*
 * The dual functions: one part goes through an encryption or decryption, its plaintext through a digest, signature or
 * verification. Both operations take the part or neither does: a short buffer keeps both where they are, any other
 * error ends both.
 */

/* keep: a copy of the plaintext when the ciphertext may be written over it. */
static CK_RV keep(struct view plain, const uint8_t *out, size_t room, uint8_t **ret)
{
	uint8_t *copy;

	if (!bytes_overlap(plain, VIEW(out, room)))
		return CKR_OK;
	copy = malloc(plain.n);
	if (copy == NULL)
		return CKR_HOST_MEMORY;
	memcpy(copy, plain.p, plain.n);
	*ret = copy;
	return CKR_OK;
}

/* take: the part through both; on an error of the second the first one's output is taken back. */
static CK_RV take(struct op *crypt, struct op *other, struct view in, uint8_t *out, CK_ULONG *len)
{
	bool encrypts = crypt->use == CKF_ENCRYPT;
	uint8_t *copy = NULL;
	CK_ULONG n = *len;
	CK_RV rv = encrypts ? keep(in, out, n, &copy) : CKR_OK;

	if (rv != CKR_OK)
		return rv;
	if (copy != NULL)
		in.p = copy;
	rv = op_crypt(crypt, MECH_UPDATE, in, out, &n);
	if (rv == CKR_OK) {
		rv = op_update(other, encrypts ? in : VIEW(out, n));
		if (rv != CKR_OK)
			memory_wipe(out, n);
	}
	if (rv == CKR_OK || rv == CKR_BUFFER_TOO_SMALL)
		*len = n;
	if (copy != NULL)
		memory_wipe(copy, in.n);
	free(copy);
	return rv;
}

static CK_RV dual(struct session *s, enum op_kind crypt_kind, enum op_kind other_kind, struct view in, uint8_t *out,
		  CK_ULONG *len)
{
	struct op *crypt = NULL, *other = NULL;
	CK_RV rv = op_current(s, crypt_kind, MECH_UPDATE, &crypt);

	if (rv == CKR_OK)
		rv = op_current(s, other_kind, MECH_UPDATE, &other);
	if (rv == CKR_OK && (len == NULL || !bytes_ok(in.p, in.n)))
		rv = CKR_ARGUMENTS_BAD;
	if (rv == CKR_OK)
		rv = out == NULL ? op_crypt_ask(crypt, MECH_UPDATE, in, len) : take(crypt, other, in, out, len);
	(void)op_end(s, crypt_kind, true, rv);
	return op_end(s, other_kind, true, rv);
}

CK_RV C_DigestEncryptUpdate(CK_SESSION_HANDLE session, CK_BYTE_PTR part, CK_ULONG part_len, CK_BYTE_PTR out,
			    CK_ULONG_PTR out_len)
{
	CALL_SESSION(session, 0, dual(call_s, OP_ENCRYPT, OP_DIGEST, VIEW(part, part_len), out, out_len));
}

CK_RV C_DecryptDigestUpdate(CK_SESSION_HANDLE session, CK_BYTE_PTR part, CK_ULONG part_len, CK_BYTE_PTR out,
			    CK_ULONG_PTR out_len)
{
	CALL_SESSION(session, 0, dual(call_s, OP_DECRYPT, OP_DIGEST, VIEW(part, part_len), out, out_len));
}

CK_RV C_SignEncryptUpdate(CK_SESSION_HANDLE session, CK_BYTE_PTR part, CK_ULONG part_len, CK_BYTE_PTR out,
			  CK_ULONG_PTR out_len)
{
	CALL_SESSION(session, 0, dual(call_s, OP_ENCRYPT, OP_SIGN, VIEW(part, part_len), out, out_len));
}

CK_RV C_DecryptVerifyUpdate(CK_SESSION_HANDLE session, CK_BYTE_PTR part, CK_ULONG part_len, CK_BYTE_PTR out,
			    CK_ULONG_PTR out_len)
{
	CALL_SESSION(session, 0, dual(call_s, OP_DECRYPT, OP_VERIFY, VIEW(part, part_len), out, out_len));
}
