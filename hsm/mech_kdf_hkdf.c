/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_kdf.h"
#include "mech_derive.h"
#include "mech_family.h"
#include <sys/uio.h>
#include <unistd.h>
#include <openssl/kdf.h>
#include <stdlib.h>
#include <string.h>

/* HKDF (RFC 5869) and PBKDF2 (RFC 8018). */

#define SALT_TYPES (CKF_HKDF_SALT_NULL | CKF_HKDF_SALT_DATA | CKF_HKDF_SALT_KEY)

static CK_RV hkdf_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	const CK_HKDF_PARAMS *p = m->pParameter;
	bool one = p->ulSaltType == CKF_HKDF_SALT_NULL || p->ulSaltType == CKF_HKDF_SALT_DATA ||
		   p->ulSaltType == CKF_HKDF_SALT_KEY;

	if (p->bExtract > CK_TRUE || p->bExpand > CK_TRUE || (!p->bExtract && !p->bExpand))
		return CKR_MECHANISM_PARAM_INVALID;
	if (kdf_hash_md(p->prfHashMechanism) == NULL || (p->bExtract && !one))
		return CKR_MECHANISM_PARAM_INVALID;
	if (p->bExtract && p->ulSaltType == CKF_HKDF_SALT_DATA && !kdf_data_ok(p->pSalt, p->ulSaltLen))
		return CKR_MECHANISM_PARAM_INVALID;
	return kdf_data_ok(p->pInfo, p->ulInfoLen) ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

const struct mech_param param_hkdf = {
	.text = "CK_HKDF_PARAMS",
	.size = sizeof(CK_HKDF_PARAMS),
	.check = hkdf_check,
};

/* salt_key: the key that the parameter names as the salt, asked by the gate like the base; NULL: there is none. */
static CK_RV salt_key(struct session *s, const CK_MECHANISM *m, struct object **ret)
{
	const CK_HKDF_PARAMS *p = m->pParameter;
	const struct mech_row *row = NULL;
	struct object *o = NULL;
	CK_RV rv;

	if (!p->bExtract || p->ulSaltType != CKF_HKDF_SALT_KEY)
		return CKR_OK;
	rv = object_get_key(s, p->hSaltKey, CKR_KEY_HANDLE_INVALID, &o);
	if (rv == CKR_OK)
		rv = mech_gate(s, m, CKF_DERIVE, o, &row);
	if (rv == CKR_OK)
		*ret = o;
	else
		object_unref(o);
	return rv;
}

/* expand: T(1) | T(2) | ..., each the HMAC of the one before, the info and its number. */
static CK_RV expand(const EVP_MD *md, struct view key, struct view info, size_t n, uint8_t *out)
{
	size_t step = (size_t)EVP_MD_get_size(md), had = 0;
	uint8_t block[EVP_MAX_MD_SIZE];
	CK_RV rv = CKR_OK;

	for (size_t at = 0; rv == CKR_OK && at < n; at += step) {
		uint8_t number = (uint8_t)(at / step + 1);
		struct view parts[] = { VIEW(block, had), info, VIEW(&number, 1) };

		rv = kdf_hmac(md, key, parts, ARRAY_LEN(parts), block);
		had = step;
		if (rv == CKR_OK)
			memcpy(out + at, block, n - at < step ? n - at : step);
	}
	memory_wipe(block, sizeof(block));
	return rv;
}

/* hkdf: n bytes, 0: as many as the hash has. */
static CK_RV hkdf(const CK_HKDF_PARAMS *p, struct view base, struct view salt, size_t n, struct secret *ret)
{
	const EVP_MD *md = kdf_hash_md(p->prfHashMechanism);
	size_t hash = (size_t)EVP_MD_get_size(md);
	SECRET_AUTO prk = { 0 };
	struct view key = base;
	CK_RV rv = CKR_OK;

	n = n != 0 ? n : hash;
	if (p->bExpand ? n > 255 * hash : n != hash)
		return CKR_KEY_SIZE_RANGE;
	if (!secret_init(&prk, hash) || !secret_init(ret, n))
		return CKR_HOST_MEMORY;
	if (p->bExtract) {
		rv = kdf_hmac(md, salt, &base, 1, prk.p);
		prk.len = hash;
		key = secret_view(&prk);
	}
	if (rv == CKR_OK && p->bExpand)
		rv = expand(md, key, VIEW(p->pInfo, p->ulInfoLen), n, ret->p);
	else if (rv == CKR_OK)
		memcpy(ret->p, prk.p, n);
	ret->len = n;
	return rv;
}

/* data_of: CKM_HKDF_DATA: the same bytes as the value of a data object. CKA_VALUE_LEN is no attribute of those. */
static CK_RV data_of(struct session *s, const struct mech_row *row, const struct object *base, const CK_HKDF_PARAMS *p,
		     struct view salt, const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	struct object_make make = { .origin = OBJECT_DERIVED,
				    .class = CKO_DATA,
				    .key_type = OBJECT_ANY,
				    .mechanism = row->type,
				    .bases = { base } };
	CK_ATTRIBUTE *rest = calloc(n + 1, sizeof(*rest));
	SECRET_AUTO value = { 0 };
	struct object *o = NULL;
	CK_ULONG len = 0, count = 0;
	CK_RV rv = rest == NULL ? CKR_HOST_MEMORY : CKR_OK;

	if (rv == CKR_OK && template_find(t, n, CKA_VALUE_LEN) != NULL && !template_ulong(t, n, CKA_VALUE_LEN, &len))
		rv = CKR_ATTRIBUTE_VALUE_INVALID;
	for (CK_ULONG i = 0; rv == CKR_OK && i < n; i++)
		if (t[i].type != CKA_VALUE_LEN)
			rest[count++] = t[i];
	if (rv == CKR_OK && template_find(t, n, CKA_VALUE) != NULL)
		rv = CKR_TEMPLATE_INCONSISTENT;
	if (rv == CKR_OK)
		rv = object_new_from(s, &make, rest, count, &o);
	if (rv == CKR_OK)
		rv = hkdf(p, object_secret(base, CKA_VALUE), salt, len, &value);
	if (rv == CKR_OK)
		rv = object_set_bytes(o, CKA_VALUE, secret_view(&value));
	if (rv == CKR_OK)
		rv = object_commit(s, o, ret);
	object_unref(o);
	free(rest);
	return rv;
}

static CK_RV hkdf_derive(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *base,
			 const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	const struct kdf_hkdf_arg *a = row->arg;
	const CK_HKDF_PARAMS *p = m->pParameter;
	struct object *key = NULL;
	struct view salt = { 0 };
	DERIVE_AUTO d = { 0 };
	SECRET_AUTO value = { 0 };
	CK_RV rv = salt_key(s, m, &key);

	if (rv != CKR_OK)
		return rv;
	if (key != NULL)
		salt = object_secret(key, CKA_VALUE);
	else if (p->ulSaltType == CKF_HKDF_SALT_DATA)
		salt = VIEW(p->pSalt, p->ulSaltLen);
	if (a->data) {
		rv = data_of(s, row, base, p, salt, t, n, ret);
		goto out;
	}
	rv = mech_derive_begin(s, row, base, key, t, n, &d);
	if (rv == CKR_OK)
		rv = hkdf(p, object_secret(base, CKA_VALUE), salt, d.len, &value);
	if (rv == CKR_OK)
		rv = mech_derive_end(&d, secret_view(&value), DERIVE_EXACT, ret);
out:
	object_unref(key);
	return rv;
}

const struct mech_ops kdf_hkdf_ops = {
	.derive = hkdf_derive,
};

/* PBKDF2. */

#define ITERATIONS_MAX 10000000
#define PASSWORD_MAX 4096

static CK_MECHANISM_TYPE prf_hash(CK_PKCS5_PBKD2_PSEUDO_RANDOM_FUNCTION_TYPE prf)
{
	static const struct {
		CK_ULONG prf;
		CK_MECHANISM_TYPE hash;
	} prfs[] = {
		{ CKP_PKCS5_PBKD2_HMAC_SHA1, CKM_SHA_1 },
		{ CKP_PKCS5_PBKD2_HMAC_SHA224, CKM_SHA224 },
		{ CKP_PKCS5_PBKD2_HMAC_SHA256, CKM_SHA256 },
		{ CKP_PKCS5_PBKD2_HMAC_SHA384, CKM_SHA384 },
		{ CKP_PKCS5_PBKD2_HMAC_SHA512, CKM_SHA512 },
		{ CKP_PKCS5_PBKD2_HMAC_SHA512_224, CKM_SHA512_224 },
		{ CKP_PKCS5_PBKD2_HMAC_SHA512_256, CKM_SHA512_256 },
	};

	for (size_t i = 0; i < ARRAY_LEN(prfs); i++) {
		if (prfs[i].prf == prf)
			return prfs[i].hash;
	}
	return CK_UNAVAILABLE_INFORMATION;
}

/*
 * password_len: CK_PKCS5_PBKD2_PARAMS2 holds the length, the older CK_PKCS5_PBKD2_PARAMS (NSS) is as long and points to
 * it. No password is as long as the lowest address of a process, so the two can be told apart; whether there is
 * anything at that address the kernel says, so that an absurd length is a refusal and no crash.
 */
static bool password_len(const CK_PKCS5_PBKD2_PARAMS2 *p, CK_ULONG *ret)
{
	CK_ULONG len = p->ulPasswordLen;
	struct iovec here = { &len, sizeof(len) };
	struct iovec there = { (void *)(uintptr_t)p->ulPasswordLen, sizeof(len) };

	if (len > PASSWORD_MAX && process_vm_readv(getpid(), &here, 1, &there, 1, 0) != (ssize_t)sizeof(len))
		return false;
	if (len > PASSWORD_MAX || (p->pPassword == NULL && len > 0))
		return false;
	*ret = len;
	return true;
}

static CK_RV pbkdf2_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	const CK_PKCS5_PBKD2_PARAMS2 *p = m->pParameter;
	CK_ULONG len;

	if (p->saltSource != CKZ_SALT_SPECIFIED || !kdf_data_ok(p->pSaltSourceData, p->ulSaltSourceDataLen) ||
	    p->ulPrfDataLen != 0)
		return CKR_MECHANISM_PARAM_INVALID;
	if (p->iterations == 0 || p->iterations > ITERATIONS_MAX || prf_hash(p->prf) == CK_UNAVAILABLE_INFORMATION)
		return CKR_MECHANISM_PARAM_INVALID;
	return password_len(p, &len) ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

const struct mech_param param_pbkdf2 = {
	.text = "CK_PKCS5_PBKD2_PARAMS2 or CK_PKCS5_PBKD2_PARAMS",
	.size = sizeof(CK_PKCS5_PBKD2_PARAMS2),
	.check = pbkdf2_check,
};

/* shown: what a template that says nothing means: the caller has the password, and so the key; it is no secret to him.
 */
static CK_RV shown(struct object *o, const CK_ATTRIBUTE *t, CK_ULONG n)
{
	CK_RV rv = CKR_OK;

	if (template_find(t, n, CKA_SENSITIVE) == NULL)
		rv = object_set_bool(o, CKA_SENSITIVE, false);
	if (rv == CKR_OK && template_find(t, n, CKA_EXTRACTABLE) == NULL)
		rv = object_set_bool(o, CKA_EXTRACTABLE, true);
	return rv;
}

/* Somebody knows the password: the key is no key that was generated here, and was never secret to everybody. */
static CK_RV pbkdf2_generate(struct session *s, const struct mech_row *row, const CK_MECHANISM *m,
			     const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	const CK_PKCS5_PBKD2_PARAMS2 *p = m->pParameter;
	const EVP_MD *md = crypto_md_of(module_crypto(), prf_hash(p->prf));
	DERIVE_AUTO d = { 0 };
	SECRET_AUTO value = { 0 };
	CK_ULONG password = 0;
	CK_RV rv = mech_derive_begin(s, row, NULL, NULL, t, n, &d);

	if (rv != CKR_OK)
		return rv;
	if (!password_len(p, &password))
		return CKR_MECHANISM_PARAM_INVALID;
	rv = shown(d.o, t, n);
	if (rv != CKR_OK)
		return rv;
	if (d.len == 0)
		return CKR_TEMPLATE_INCOMPLETE;
	if (!secret_init(&value, d.len))
		return CKR_HOST_MEMORY;
	if (PKCS5_PBKDF2_HMAC((const char *)p->pPassword, (int)password, p->pSaltSourceData,
			      (int)p->ulSaltSourceDataLen, (int)p->iterations, md, (int)d.len, value.p) != 1)
		return CKR_FUNCTION_FAILED;
	value.len = d.len;
	return mech_derive_end(&d, secret_view(&value), DERIVE_EXACT, ret);
}

const struct mech_ops kdf_pbkdf2_ops = {
	.generate = pbkdf2_generate,
};
