/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CKM_SR_KEY_FINGERPRINT (vendor.h): C_Sign by FPK, no data; the parameter is the handle of the key. Equal keys have
 * equal fingerprints, and nobody learns more of them without FPK, which never leaves and does nothing else.
 */
#include <string.h>
#include "mech_family.h"
#include "mech_kdf.h"
#include "mech_vendor.h"
#include "module.h"
#include "object.h"
#include "role.h"
#include "secret.h"
#include "session.h"

#define FINGERPRINT_LEN 16
#define WRAPPED_MAX (32 + 8)

/* wanted: the key of the parameter, if a row of the role table has it fingerprinted. */
static CK_RV wanted(struct session *s, const CK_MECHANISM *m, struct object **ret)
{
	struct object *key = NULL;
	CK_OBJECT_HANDLE handle;
	CK_RV rv;

	memcpy(&handle, m->pParameter, sizeof(handle));
	rv = object_get_key(s, handle, CKR_KEY_HANDLE_INVALID, &key);
	if (rv == CKR_OK && (object_role(key) == 0 || object_role(key) == SR_ROLE_FPK))
		rv = CKR_KEY_FUNCTION_NOT_PERMITTED;
	if (rv == CKR_OK)
		rv = role_permits(key, CKM_SR_KEY_FINGERPRINT, 0);
	if (rv == CKR_OK)
		*ret = key;
	else
		object_unref(key);
	return rv;
}

static CK_RV fingerprint(struct object *fpk, struct object *key, uint8_t *ret)
{
	struct view value = object_secret(key, CKA_VALUE);
	uint8_t wrapped[WRAPPED_MAX], digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	CK_RV rv;

	if (value.n + 8 > sizeof(wrapped))
		return CKR_KEY_SIZE_RANGE;
	rv = crypto_key_wrap(module_crypto(), object_secret(fpk, CKA_VALUE), value, wrapped);
	if (rv == CKR_OK && EVP_Digest(wrapped, value.n + 8, digest, &n, module_crypto()->md[CRYPTO_SHA256], NULL) != 1)
		rv = CKR_GENERAL_ERROR;
	memory_wipe(wrapped, sizeof(wrapped));
	if (rv == CKR_OK)
		memcpy(ret, digest, FINGERPRINT_LEN);
	return rv;
}

static CK_RV init(struct op *op, struct session *s, const CK_MECHANISM *m, struct object *key)
{
	struct object *of = NULL;
	CK_RV rv;

	op->state = calloc(1, FINGERPRINT_LEN);
	op->out_len = FINGERPRINT_LEN;
	if (op->state == NULL)
		return CKR_HOST_MEMORY;
	rv = wanted(s, m, &of);
	if (rv == CKR_OK)
		rv = fingerprint(key, of, op->state);
	object_unref(of);
	return rv;
}

static void done(struct op *op)
{
	free(op->state);
	op->state = NULL;
}

/* There is nothing to sign but the key. */
static CK_RV update(struct op *op, struct view data)
{
	return data.n ? CKR_DATA_LEN_RANGE : CKR_OK;
}

static CK_RV final(struct op *op, uint8_t *out)
{
	memcpy(out, op->state, FINGERPRINT_LEN);
	return CKR_OK;
}

const struct mech_ops mech_fingerprint_ops = { .init = init, .done = done, .update = update, .final = final };
