/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_kdf.h"
#include "mech_derive.h"
#include "mech_family.h"
#include "key.h"
#include "session.h"
#include <stdlib.h>
#include <string.h>

/* Key derivation by a pseudorandom function in counter, feedback and double-pipeline mode (NIST SP 800-108). */

#define FIELDS_MAX 32
#define KEYS_MAX 16 /* additional keys of one call */
#define OUTPUT_MAX 8192
#define PRF_MAX EVP_MAX_MD_SIZE

/* struct prf: a pseudorandom function under the base key: HMAC (md) or CMAC. */
struct prf {
	const EVP_MD *md;
	CK_KEY_TYPE type;
	struct view key;
	size_t len;
};

/* struct fields: the data of an iteration, in the caller's order. */
struct fields {
	struct field {
		CK_PRF_DATA_TYPE type;
		struct view bytes; /* CK_SP800_108_BYTE_ARRAY, KEY_HANDLE, DKM_LENGTH */
		uint8_t length[8]; /* of DKM_LENGTH */
		size_t width;      /* of a counter: bytes */
		bool little;
		struct object *key; /* held for KEY_HANDLE */
	} at[FIELDS_MAX];
	size_t count;
};

static void fields_done(struct fields *f)
{
	for (size_t i = 0; i < f->count; i++)
		object_unref(f->at[i].key);
}

static bool width_ok(CK_BBOOL little, CK_ULONG bits, CK_ULONG most)
{
	return little <= CK_TRUE && bits >= 8 && bits <= most && bits % 8 == 0;
}

static bool counter_ok(const CK_PRF_DATA_PARAM *p)
{
	const CK_SP800_108_COUNTER_FORMAT *c = p->pValue;

	return c != NULL && p->ulValueLen == sizeof(*c) && width_ok(c->bLittleEndian, c->ulWidthInBits, 32);
}

static bool length_ok(const CK_PRF_DATA_PARAM *p)
{
	const CK_SP800_108_DKM_LENGTH_FORMAT *l = p->pValue;

	return l != NULL && p->ulValueLen == sizeof(*l) && width_ok(l->bLittleEndian, l->ulWidthInBits, 64) &&
	       (l->dkmLengthMethod == CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS ||
		l->dkmLengthMethod == CK_SP800_108_DKM_LENGTH_SUM_OF_SEGMENTS);
}

static bool field_ok(const CK_PRF_DATA_PARAM *p, bool counter_mode)
{
	switch (p->type) {
	case CK_SP800_108_ITERATION_VARIABLE:
		return counter_mode ? counter_ok(p) : p->pValue == NULL && p->ulValueLen == 0;
	case CK_SP800_108_OPTIONAL_COUNTER:
		return !counter_mode && counter_ok(p);
	case CK_SP800_108_DKM_LENGTH:
		return length_ok(p);
	case CK_SP800_108_BYTE_ARRAY:
		return p->ulValueLen > 0 && kdf_data_ok(p->pValue, p->ulValueLen);
	case CK_SP800_108_KEY_HANDLE:
		return p->pValue != NULL && p->ulValueLen == sizeof(CK_OBJECT_HANDLE);
	default:
		return false;
	}
}

/* once: how many of a type there are. */
static size_t how_many(const CK_PRF_DATA_PARAM *p, CK_ULONG n, CK_PRF_DATA_TYPE type)
{
	size_t count = 0;

	for (CK_ULONG i = 0; i < n; i++)
		count += p[i].type == type;
	return count;
}

static bool prf_known(CK_MECHANISM_TYPE type)
{
	return type == CKM_AES_CMAC || type == CKM_DES3_CMAC || (type != CKM_SHA_1 && kdf_hash_md(type) != NULL);
}

static CK_RV fields_check(CK_MECHANISM_TYPE prf, const CK_PRF_DATA_PARAM *p, CK_ULONG n, const CK_DERIVED_KEY *more,
			  CK_ULONG more_n, bool counter_mode)
{
	if (!prf_known(prf) || p == NULL || n == 0 || n > FIELDS_MAX || more_n > KEYS_MAX ||
	    (more == NULL && more_n > 0))
		return CKR_MECHANISM_PARAM_INVALID;
	for (CK_ULONG i = 0; i < n; i++)
		if (!field_ok(&p[i], counter_mode))
			return CKR_MECHANISM_PARAM_INVALID;
	for (CK_ULONG i = 0; i < more_n; i++)
		if (more[i].phKey == NULL || template_form(more[i].pTemplate, more[i].ulAttributeCount) != CKR_OK)
			return CKR_MECHANISM_PARAM_INVALID;
	return how_many(p, n, CK_SP800_108_ITERATION_VARIABLE) == 1 &&
		       how_many(p, n, CK_SP800_108_OPTIONAL_COUNTER) <= 1 &&
		       how_many(p, n, CK_SP800_108_DKM_LENGTH) <= 1
		   ? CKR_OK
		   : CKR_MECHANISM_PARAM_INVALID;
}

static CK_RV check_108(const struct mech_row *row, const CK_MECHANISM *m)
{
	const struct kdf_108_arg *a = row->arg;
	const CK_SP800_108_KDF_PARAMS *p = m->pParameter;

	return fields_check(p->prfType, p->pDataParams, p->ulNumberOfDataParams, p->pAdditionalDerivedKeys,
			    p->ulAdditionalDerivedKeys, a->mode == KDF_COUNTER);
}

static CK_RV check_feedback(const struct mech_row *row, const CK_MECHANISM *m)
{
	const CK_SP800_108_FEEDBACK_KDF_PARAMS *p = m->pParameter;

	if (!kdf_data_ok(p->pIV, p->ulIVLen))
		return CKR_MECHANISM_PARAM_INVALID;
	return fields_check(p->prfType, p->pDataParams, p->ulNumberOfDataParams, p->pAdditionalDerivedKeys,
			    p->ulAdditionalDerivedKeys, false);
}

const struct mech_param param_108 = {
	.text = "CK_SP800_108_KDF_PARAMS",
	.size = sizeof(CK_SP800_108_KDF_PARAMS),
	.check = check_108,
};
const struct mech_param param_108_feedback = {
	.text = "CK_SP800_108_FEEDBACK_KDF_PARAMS",
	.size = sizeof(CK_SP800_108_FEEDBACK_KDF_PARAMS),
	.check = check_feedback,
};

static CK_RV prf_init(struct prf *f, CK_MECHANISM_TYPE type, const struct object *base)
{
	CK_KEY_TYPE key = object_key_type(base);

	*f = (struct prf){ .type = key, .key = object_secret(base, CKA_VALUE) };
	if (type == CKM_AES_CMAC || type == CKM_DES3_CMAC) {
		f->len = type == CKM_AES_CMAC ? 16 : 8;
		return type == CKM_AES_CMAC ? (key == CKK_AES ? CKR_OK : CKR_KEY_TYPE_INCONSISTENT)
					    : (key == CKK_DES3 || key == CKK_DES2 ? CKR_OK : CKR_KEY_TYPE_INCONSISTENT);
	}
	f->md = kdf_hash_md(type);
	f->len = (size_t)EVP_MD_get_size(f->md);
	return CKR_OK;
}

static CK_RV prf_run(const struct prf *f, const struct view *parts, size_t count, uint8_t *out)
{
	size_t len = 0;

	if (f->md != NULL)
		return kdf_hmac(f->md, f->key, parts, count, out);
	return crypto_cmac(module_crypto(), f->type, f->key, parts, count, out, &len);
}

/* number: a number in width bytes, either end first. */
static void number(uint64_t value, size_t width, bool little, uint8_t *out)
{
	for (size_t i = 0; i < width; i++)
		out[little ? i : width - 1 - i] = (uint8_t)(value >> (8 * i));
}

/* field_init: keys are held, and asked by the gate like the base; the length is that of all keys, or of all blocks. */
static CK_RV field_init(struct session *s, const CK_MECHANISM *m, const CK_PRF_DATA_PARAM *p, const struct prf *f,
			size_t sum, struct field *ret)
{
	const CK_SP800_108_DKM_LENGTH_FORMAT *l = p->pValue;
	const CK_SP800_108_COUNTER_FORMAT *c = p->pValue;
	const struct mech_row *row = NULL;
	CK_OBJECT_HANDLE handle;
	CK_RV rv;

	ret->type = p->type;
	switch (p->type) {
	case CK_SP800_108_BYTE_ARRAY:
		ret->bytes = VIEW(p->pValue, p->ulValueLen);
		return CKR_OK;
	case CK_SP800_108_DKM_LENGTH:
		if (l->dkmLengthMethod == CK_SP800_108_DKM_LENGTH_SUM_OF_SEGMENTS)
			sum = (sum + f->len - 1) / f->len * f->len;
		if (l->ulWidthInBits < 64 && (uint64_t)sum * 8 >= 1ULL << l->ulWidthInBits)
			return CKR_KEY_SIZE_RANGE;
		number((uint64_t)sum * 8, l->ulWidthInBits / 8, l->bLittleEndian, ret->length);
		ret->bytes = VIEW(ret->length, l->ulWidthInBits / 8);
		return CKR_OK;
	case CK_SP800_108_KEY_HANDLE:
		memcpy(&handle, p->pValue, sizeof(handle));
		rv = object_get_key(s, handle, CKR_KEY_HANDLE_INVALID, &ret->key);
		if (rv == CKR_OK)
			rv = mech_gate(s, m, CKF_DERIVE, ret->key, &row);
		if (rv == CKR_OK)
			ret->bytes = object_secret(ret->key, CKA_VALUE);
		return rv;
	default:
		if (p->pValue != NULL) {
			ret->width = c->ulWidthInBits / 8;
			ret->little = c->bLittleEndian;
		}
		return CKR_OK;
	}
}

/* block: one iteration: the fields in order; before: K(i-1) or A(i) where the mode has them. */
static CK_RV block(const struct prf *f, const struct fields *fields, uint64_t i, struct view before, uint8_t *out)
{
	struct view parts[FIELDS_MAX];
	uint8_t counter[FIELDS_MAX][8];
	size_t n = 0;

	for (size_t k = 0; k < fields->count; k++) {
		const struct field *at = &fields->at[k];

		if (at->width > 0) {
			if (at->width < 8 && i >> (8 * at->width) != 0)
				return CKR_KEY_SIZE_RANGE;
			number(i, at->width, at->little, counter[k]);
			parts[n++] = VIEW(counter[k], at->width);
		} else {
			parts[n++] = at->type == CK_SP800_108_ITERATION_VARIABLE ? before : at->bytes;
		}
	}
	return prf_run(f, parts, n, out);
}

/* pipeline: A(i) from A(i-1); A(0) are the fields without what counts. */
static CK_RV pipeline(const struct prf *f, const struct fields *fields, bool first, uint8_t *a)
{
	struct view parts[FIELDS_MAX];
	size_t n = 0;

	if (!first) {
		parts[n++] = VIEW(a, f->len);
		return prf_run(f, parts, n, a);
	}
	for (size_t k = 0; k < fields->count; k++)
		if (fields->at[k].bytes.p != NULL)
			parts[n++] = fields->at[k].bytes;
	return prf_run(f, parts, n, a);
}

static CK_RV run(const struct kdf_108_arg *mode, const struct prf *f, const struct fields *fields, struct view iv,
		 size_t n, struct secret *ret)
{
	uint8_t k[PRF_MAX], a[PRF_MAX];
	struct view before = mode->mode == KDF_FEEDBACK ? iv : VIEW(NULL, 0);
	CK_RV rv = CKR_OK;

	if (!secret_init(ret, n))
		return CKR_HOST_MEMORY;
	for (uint64_t i = 1; rv == CKR_OK && ret->len < n; i++) {
		if (mode->mode == KDF_PIPELINE) {
			rv = pipeline(f, fields, i == 1, a);
			before = VIEW(a, f->len);
		}
		if (rv == CKR_OK)
			rv = block(f, fields, i, before, k);
		if (rv == CKR_OK && !secret_append(ret, k, n - ret->len < f->len ? n - ret->len : f->len))
			rv = CKR_GENERAL_ERROR;
		if (mode->mode == KDF_FEEDBACK)
			before = VIEW(k, f->len);
	}
	memory_wipe(k, sizeof(k));
	memory_wipe(a, sizeof(a));
	return rv;
}

/* struct job: the keys of one call, the caller's own first. */
struct job {
	const CK_DERIVED_KEY *more;
	CK_ULONG more_n;
	struct derive keys[KEYS_MAX + 1];
	size_t sum;
};

static CK_RV job_init(struct job *j, struct session *s, const struct mech_row *row, const struct prf *f,
		      struct object *base, const CK_ATTRIBUTE *t, CK_ULONG n)
{
	for (CK_ULONG i = 0; i <= j->more_n; i++) {
		const CK_ATTRIBUTE *template = i == 0 ? t : j->more[i - 1].pTemplate;
		CK_ULONG count = i == 0 ? n : j->more[i - 1].ulAttributeCount;
		CK_RV rv = mech_derive_begin(s, row, base, NULL, template, count, &j->keys[i]);

		if (rv != CKR_OK)
			return rv;
		if (j->keys[i].len == 0)
			j->keys[i].len = f->len;
		j->sum += j->keys[i].len;
	}
	return j->sum <= OUTPUT_MAX ? CKR_OK : CKR_KEY_SIZE_RANGE;
}

/* less: is the new key protected less than this one, which takes part in it? */
static bool less(const struct object *o, const struct object *part)
{
	return (object_bool(part, CKA_SENSITIVE) && !object_bool(o, CKA_SENSITIVE)) ||
	       (!object_bool(part, CKA_EXTRACTABLE) && object_bool(o, CKA_EXTRACTABLE));
}

/* job_protect: what goes for the base goes for the keys among the fields. */
static CK_RV job_protect(const struct job *j, const struct fields *fields)
{
	for (size_t k = 0; k < fields->count; k++)
		for (CK_ULONG i = 0; fields->at[k].key != NULL && i <= j->more_n; i++)
			if (less(j->keys[i].o, fields->at[k].key))
				return CKR_TEMPLATE_INCONSISTENT;
	return CKR_OK;
}

/* job_commit: all keys in one step; the handles of the additional ones go where the parameter wants them. */
static CK_RV job_commit(struct job *j, struct session *s, struct view output, CK_OBJECT_HANDLE *ret)
{
	struct object *objects[KEYS_MAX + 1];
	CK_OBJECT_HANDLE handles[KEYS_MAX + 1];
	struct object_change change = { .create = objects, .creates = j->more_n + 1 };
	size_t at = 0;
	CK_RV rv = CKR_OK;

	for (CK_ULONG i = 0; rv == CKR_OK && i <= j->more_n; i++) {
		rv = mech_derive_fill(&j->keys[i], VIEW(output.p + at, j->keys[i].len), DERIVE_EXACT);
		at += j->keys[i].len;
		objects[i] = j->keys[i].o;
	}
	if (rv == CKR_OK)
		rv = object_commit_change(s, &change, handles);
	if (rv != CKR_OK)
		return rv;
	*ret = handles[0];
	for (CK_ULONG i = 0; i < j->more_n; i++)
		*j->more[i].phKey = handles[i + 1];
	return CKR_OK;
}

static CK_RV derive(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, struct object *base,
		    const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	const struct kdf_108_arg *a = row->arg;
	const CK_SP800_108_KDF_PARAMS *p = m->pParameter;
	const CK_SP800_108_FEEDBACK_KDF_PARAMS *b = m->pParameter;
	bool feedback = a->mode == KDF_FEEDBACK;
	struct view iv = feedback ? VIEW(b->pIV, b->ulIVLen) : VIEW(NULL, 0);
	const CK_PRF_DATA_PARAM *data = feedback ? b->pDataParams : p->pDataParams;
	CK_ULONG count = feedback ? b->ulNumberOfDataParams : p->ulNumberOfDataParams;
	struct job j = { .more = feedback ? b->pAdditionalDerivedKeys : p->pAdditionalDerivedKeys,
			 .more_n = feedback ? b->ulAdditionalDerivedKeys : p->ulAdditionalDerivedKeys };
	struct fields fields = { 0 };
	SECRET_AUTO output = { 0 };
	struct prf f;
	CK_RV rv = prf_init(&f, p->prfType, base);

	if (rv == CKR_OK)
		rv = job_init(&j, s, row, &f, base, t, n);
	for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++)
		rv = field_init(s, m, &data[i], &f, j.sum, &fields.at[fields.count++]);
	if (rv == CKR_OK)
		rv = job_protect(&j, &fields);
	if (rv == CKR_OK)
		rv = run(a, &f, &fields, iv, j.sum, &output);
	if (rv == CKR_OK)
		rv = job_commit(&j, s, secret_view(&output), ret);
	for (CK_ULONG i = 0; i <= j.more_n; i++)
		mech_derive_done(&j.keys[i]);
	fields_done(&fields);
	return rv;
}

const struct mech_ops kdf_108_ops = {
	.derive = derive,
};
