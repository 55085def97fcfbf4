/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "ops_own.h"

static CK_BBOOL ck_true = CK_TRUE, ck_false = CK_FALSE;

static CK_ATTRIBUTE *template_next(struct template *t, CK_ATTRIBUTE_TYPE type)
{
	if (t->n == ARRAY_LEN(t->a))
		abort();
	t->a[t->n].type = type;
	return &t->a[t->n++];
}

void template_bool(struct template *t, CK_ATTRIBUTE_TYPE type, bool value)
{
	CK_ATTRIBUTE *a = template_next(t, type);

	a->pValue = value ? &ck_true : &ck_false;
	a->ulValueLen = sizeof(CK_BBOOL);
}

void template_number(struct template *t, CK_ATTRIBUTE_TYPE type, CK_ULONG value)
{
	CK_ATTRIBUTE *a = template_next(t, type);

	if (t->numbers == ARRAY_LEN(t->number))
		abort();
	t->number[t->numbers] = value;
	a->pValue = &t->number[t->numbers++];
	a->ulValueLen = sizeof(CK_ULONG);
}

void template_bytes(struct template *t, CK_ATTRIBUTE_TYPE type, struct view v)
{
	CK_ATTRIBUTE *a = template_next(t, type);

	a->pValue = (void *)(uintptr_t)v.p;
	a->ulValueLen = v.n;
}

void template_secret(struct template *t, uint8_t type, uint8_t length, bool token, bool generated)
{
	template_number(t, CKA_CLASS, CKO_SECRET_KEY);
	template_number(t, CKA_KEY_TYPE, step_key_type(type, length));
	template_bool(t, CKA_TOKEN, token);
	if (generated && type == FORMAT_KEY_AES)
		template_number(t, CKA_VALUE_LEN, length);
}

CK_KEY_TYPE step_key_type(uint8_t type, uint8_t length)
{
	if (type == FORMAT_KEY_AES)
		return CKK_AES;
	return length == 16 ? CKK_DES2 : CKK_DES3;
}

CK_MECHANISM_TYPE step_cmac(uint8_t type)
{
	return type == FORMAT_KEY_AES ? CKM_AES_CMAC : CKM_DES3_CMAC;
}

CK_MECHANISM step_key_mechanism(uint8_t wrapper_type, struct view iv)
{
	if (wrapper_type == FORMAT_KEY_AES)
		return (CK_MECHANISM){ CKM_AES_KEY_WRAP, NULL, 0 };
	return (CK_MECHANISM){ CKM_DES3_CBC, (void *)(uintptr_t)iv.p, iv.n };
}

size_t step_wrapped_length(uint8_t wrapper_type, size_t length)
{
	return wrapper_type == FORMAT_KEY_AES ? length + 8 : length;
}

CK_MECHANISM step_generation(uint8_t type, uint8_t length)
{
	if (type == FORMAT_KEY_AES)
		return (CK_MECHANISM){ CKM_AES_KEY_GEN, NULL, 0 };
	return (CK_MECHANISM){ length == 16 ? CKM_DES2_KEY_GEN : CKM_DES3_KEY_GEN, NULL, 0 };
}

bool step_oaep(uint8_t hash, CK_RSA_PKCS_OAEP_PARAMS *params, CK_MECHANISM *ret)
{
	static const struct {
		uint8_t hash;
		CK_MECHANISM_TYPE mechanism;
		CK_ULONG mgf;
	} rows[] = {
		{ FORMAT_HASH_SHA1, CKM_SHA_1, CKG_MGF1_SHA1 },
		{ FORMAT_HASH_SHA256, CKM_SHA256, CKG_MGF1_SHA256 },
		{ FORMAT_HASH_SHA384, CKM_SHA384, CKG_MGF1_SHA384 },
		{ FORMAT_HASH_SHA512, CKM_SHA512, CKG_MGF1_SHA512 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].hash != hash)
			continue;
		memset(params, 0, sizeof(*params));
		params->hashAlg = rows[i].mechanism;
		params->mgf = rows[i].mgf;
		params->source = CKZ_DATA_SPECIFIED;
		*ret = (CK_MECHANISM){ CKM_RSA_PKCS_OAEP, params, sizeof(*params) };
		return true;
	}
	return false;
}

enum err step_key_kind(struct pk11_session *s, CK_OBJECT_HANDLE key, uint8_t *ret_type, uint8_t *ret_length,
		       struct fail *f)
{
	CK_KEY_TYPE type = 0;
	CK_ULONG length = 0;
	CK_ATTRIBUTE a = { CKA_KEY_TYPE, &type, sizeof(type) };
	CK_ATTRIBUTE n = { CKA_VALUE_LEN, &length, sizeof(length) };
	CK_RV rv = s->f->C_GetAttributeValue(s->handle, key, &a, 1);

	if (rv == CKR_OK && type == CKK_AES)
		rv = s->f->C_GetAttributeValue(s->handle, key, &n, 1);
	if (rv != CKR_OK)
		return pk11_fail(f, rv, "C_GetAttributeValue");
	if (type != CKK_AES && type != CKK_DES2 && type != CKK_DES3)
		return fail_set(f, ERR_KEY_MISSING, 0, "key type 0x%lx is neither TDES nor AES", type);
	*ret_type = type == CKK_AES ? FORMAT_KEY_AES : FORMAT_KEY_TDES;
	*ret_length = type == CKK_AES ? (uint8_t)length : type == CKK_DES2 ? 16 : 24;
	return ERR_OK;
}

enum err step_random(struct pk11_session *s, uint8_t *ret, size_t n, struct fail *f)
{
	CK_RV rv = s->f->C_GenerateRandom(s->handle, ret, n);
	return rv == CKR_OK ? ERR_OK : pk11_fail(f, rv, "C_GenerateRandom");
}

enum err step_iv(struct pk11_session *s, uint8_t wrapper_type, struct view given, uint8_t room[FORMAT_IV],
		 struct view *ret, struct fail *f)
{
	if (given.n && (wrapper_type != FORMAT_KEY_TDES || given.n != FORMAT_IV))
		return fail_set(f, ERR_USAGE, 0, "IV of %zu bytes", given.n);
	if (wrapper_type != FORMAT_KEY_TDES) {
		*ret = VIEW(NULL, 0);
		return ERR_OK;
	}
	if (given.n) {
		*ret = given;
		return ERR_OK;
	}
	enum err e = step_random(s, room, FORMAT_IV, f);
	if (e == ERR_OK)
		*ret = VIEW(room, FORMAT_IV);
	return e;
}

enum err step_sign(struct pk11_session *s, CK_MECHANISM *m, CK_OBJECT_HANDLE key, struct view data, uint8_t *ret,
		   size_t room, size_t *ret_len, struct fail *f)
{
	CK_ULONG n = room;
	CK_RV rv = s->f->C_SignInit(s->handle, m, key);

	if (rv != CKR_OK)
		return pk11_fail(f, rv, "C_SignInit");
	rv = s->f->C_Sign(s->handle, (CK_BYTE_PTR)(uintptr_t)data.p, data.n, ret, &n);
	if (rv != CKR_OK)
		return pk11_fail(f, rv, "C_Sign");
	*ret_len = n;
	return ERR_OK;
}

enum err step_verify(struct pk11_session *s, CK_MECHANISM *m, CK_OBJECT_HANDLE key, struct view data, struct view mac,
		     struct fail *f)
{
	CK_RV rv = s->f->C_VerifyInit(s->handle, m, key);

	if (rv != CKR_OK)
		return pk11_fail(f, rv, "C_VerifyInit");
	rv = s->f->C_Verify(s->handle, (CK_BYTE_PTR)(uintptr_t)data.p, data.n, (CK_BYTE_PTR)(uintptr_t)mac.p, mac.n);
	return rv == CKR_OK ? ERR_OK : pk11_fail(f, rv, "C_Verify");
}

enum err step_ecb(struct pk11_session *s, CK_OBJECT_HANDLE key, uint8_t type, const uint8_t *in, uint8_t *ret,
		  size_t *ret_len, struct fail *f)
{
	CK_MECHANISM m = { type == FORMAT_KEY_AES ? CKM_AES_ECB : CKM_DES3_ECB, NULL, 0 };
	CK_ULONG block = type == FORMAT_KEY_AES ? 16 : 8, n = block;
	CK_RV rv = s->f->C_EncryptInit(s->handle, &m, key);

	if (rv != CKR_OK)
		return pk11_fail(f, rv, "C_EncryptInit");
	rv = s->f->C_Encrypt(s->handle, (CK_BYTE_PTR)(uintptr_t)in, block, ret, &n);
	if (rv != CKR_OK || n != block)
		return pk11_fail(f, rv == CKR_OK ? CKR_GENERAL_ERROR : rv, "C_Encrypt");
	*ret_len = n;
	return ERR_OK;
}

enum err step_wrap(struct pk11_session *s, CK_MECHANISM *m, CK_OBJECT_HANDLE wrapping, CK_OBJECT_HANDLE key,
		   uint8_t *ret, size_t room, size_t *ret_len, struct fail *f)
{
	CK_ULONG n = room;
	CK_RV rv = s->f->C_WrapKey(s->handle, m, wrapping, key, ret, &n);

	if (rv != CKR_OK)
		return pk11_fail(f, rv, "C_WrapKey");
	*ret_len = n;
	return ERR_OK;
}

enum err step_unwrap(struct pk11_session *s, CK_MECHANISM *m, CK_OBJECT_HANDLE unwrapping, struct view wrapped,
		     struct template *t, CK_OBJECT_HANDLE *ret, struct fail *f)
{
	char room[32];
	CK_RV rv =
	    s->f->C_UnwrapKey(s->handle, m, unwrapping, (CK_BYTE_PTR)(uintptr_t)wrapped.p, wrapped.n, t->a, t->n, ret);

	if (rv == CKR_OK)
		return ERR_OK;
	/* Tokens in the field say these for a padding or integrity fault as well. */
	if (rv == CKR_GENERAL_ERROR || rv == CKR_FUNCTION_FAILED || rv == CKR_KEY_SIZE_RANGE)
		return fail_set(f, ERR_BAD_DATA, rv, "C_UnwrapKey: %s", ck_name(rv, room));
	return pk11_fail(f, rv, "C_UnwrapKey");
}

enum err step_generate(struct pk11_session *s, CK_MECHANISM *m, struct template *t, CK_OBJECT_HANDLE *ret,
		       struct fail *f)
{
	CK_RV rv = s->f->C_GenerateKey(s->handle, m, t->a, t->n, ret);
	return rv == CKR_OK ? ERR_OK : pk11_fail(f, rv, "C_GenerateKey");
}

void step_destroy(struct pk11_session *s, CK_OBJECT_HANDLE *key)
{
	if (*key != CK_INVALID_HANDLE)
		s->f->C_DestroyObject(s->handle, *key);
	*key = CK_INVALID_HANDLE;
}

void tmk_blob_put(struct buf *b, const struct tmk_blob *blob)
{
	BUF_AUTO attrs = { 0 };
	BUF_AUTO check = { 0 };

	key_attrs_put(&attrs, &blob->attrs);
	check_value_put(&check, &blob->check);
	if (!buf_ok(&attrs) || !buf_ok(&check))
		b->failed = true;
	buf_put_u8(b, FORMAT_VERSION);
	buf_put_lv(b, buf_view(&attrs));
	buf_put_lv(b, buf_view(&check));
	buf_put_lv(b, blob->wrapped);
}

bool tmk_blob_parse(struct view v, struct tmk_blob *ret)
{
	struct reader r = reader_of(v);
	struct tmk_blob blob;
	uint8_t version = reader_u8(&r);
	struct view attrs = reader_lv(&r, 1, FORMAT_ATTRS_MAX);
	struct view check = reader_lv(&r, 1, 1 + FORMAT_CHECK);

	blob.wrapped = reader_lv(&r, 1, FORMAT_WRAPPED_MAX);
	if (!reader_done(&r) || version != FORMAT_VERSION || !key_attrs_parse(attrs, &blob.attrs) ||
	    !check_value_parse(check, &blob.check) || blob.attrs.role != FORMAT_ROLE_TMK || blob.attrs.iv.n ||
	    !format_key_ok(blob.attrs.type, blob.attrs.length) || blob.wrapped.n != blob.attrs.length + 8u)
		return false;
	*ret = blob;
	return true;
}

/*
 * blob_open: by the storage key that makes, else by one of before: key wrap says which one it was. *ret_newest: it was
 * the one that makes. A key that cannot be asked is told when no other one opens the blob.
 */
static enum err blob_open(struct pk11_session *s, struct pk11_key *srk, const struct tmk_blob *blob, struct template *t,
			  CK_OBJECT_HANDLE *ret, bool *ret_newest, struct fail *f)
{
	CK_MECHANISM m = step_key_mechanism(FORMAT_KEY_AES, VIEW(NULL, 0));
	struct fail first = { 0 }, cannot = { 0 };
	CK_OBJECT_HANDLE wrapper;
	size_t i = 0;
	enum err e = pk11_key_handle(s, srk, &wrapper, f);

	if (e != ERR_OK)
		return e;
	e = step_unwrap(s, &m, wrapper, blob->wrapped, t, ret, &first);
	*ret_newest = e == ERR_OK;
	while (e == ERR_BAD_DATA) {
		struct fail none = { 0 };
		enum err other = pk11_key_older(s, srk, i, &wrapper, &none);

		if (other != ERR_OK)
			break;
		i++;
		other = step_unwrap(s, &m, wrapper, blob->wrapped, t, ret, &none);
		if (other == ERR_OK)
			return ERR_OK;
		if (other != ERR_BAD_DATA && !cannot.code)
			cannot = none;
	}
	if (e == ERR_BAD_DATA && cannot.code)
		return fail_set(f, cannot.code, cannot.rv, "%s", cannot.text);
	if (e == ERR_BAD_DATA)
		return fail_set(f, e, first.rv, "TMK of the database: no storage key opens it, of %zu", i ? i : 1);
	return e == ERR_OK ? e : fail_set(f, e, first.rv, "%s", first.text);
}

/* blob_same: an opened TMK is of the blob's type, length and check value. */
static enum err blob_same(struct ops *o, struct pk11_session *s, const struct tmk_blob *blob, CK_OBJECT_HANDLE tmk,
			  struct fail *f)
{
	struct check_value check;
	uint8_t type, length;
	enum err e = step_key_kind(s, tmk, &type, &length, f);

	if (e == ERR_OK && (type != blob->attrs.type || (length && length != blob->attrs.length)))
		e = fail_set(f, ERR_BAD_DATA, 0, "TMK of the database: not of the length it says");
	if (e == ERR_OK)
		e = ops_check_value_of(o, s, tmk, &check, f);
	if (e == ERR_OK && !check_value_equal(&check, &blob->check))
		e = fail_set(f, ERR_BAD_DATA, 0, "TMK of the database: check value differs");
	return e;
}

enum err step_blob_unwrap(struct ops *o, struct pk11_session *s, struct pk11_key *srk, const struct tmk_blob *blob,
			  struct template *t, CK_OBJECT_HANDLE *ret, struct fail *f)
{
	CK_OBJECT_HANDLE tmk = CK_INVALID_HANDLE;
	bool newest;
	enum err e = blob_open(s, srk, blob, t, &tmk, &newest, f);

	if (e == ERR_OK)
		e = blob_same(o, s, blob, tmk, f);
	if (e != ERR_OK) {
		step_destroy(s, &tmk);
		return e;
	}
	*ret = tmk;
	return ERR_OK;
}

enum err step_blob_rewrap(struct ops *o, struct pk11_session *s, struct ops_again_arg *in, struct template *t,
			  struct fail *f)
{
	CK_OBJECT_HANDLE wrapper, tmk = CK_INVALID_HANDLE, back = CK_INVALID_HANDLE;
	CK_MECHANISM m = step_key_mechanism(FORMAT_KEY_AES, VIEW(NULL, 0));
	struct tmk_blob blob = *in->blob;
	uint8_t wrapped[FORMAT_WRAPPED_MAX];
	bool newest = false;
	size_t n = 0;
	enum err e = blob_open(s, in->srk, &blob, t, &tmk, &newest, f);

	if (e == ERR_OK)
		e = blob_same(o, s, &blob, tmk, f);
	if (e == ERR_OK && newest)
		goto out;
	if (e == ERR_OK)
		e = pk11_key_handle(s, in->srk, &wrapper, f);
	if (e == ERR_OK)
		e = step_wrap(s, &m, wrapper, tmk, wrapped, sizeof(wrapped), &n, f);
	blob.wrapped = VIEW(wrapped, n);
	if (e == ERR_OK)
		e = step_unwrap(s, &m, wrapper, blob.wrapped, t, &back, f);
	if (e == ERR_OK)
		e = blob_same(o, s, &blob, back, f);
	if (e != ERR_OK)
		goto out;
	tmk_blob_put(in->out, &blob);
	if (!buf_ok(in->out))
		e = fail_set(f, ERR_NO_MEMORY, 0, "TMK blob");
out:
	step_destroy(s, &tmk);
	step_destroy(s, &back);
	if (e == ERR_OK)
		in->rewrapped = !newest;
	return e;
}

enum err step_blob_make(struct ops *o, struct pk11_session *s, struct ops_generate_arg *in, struct template *t,
			struct fail *f)
{
	CK_OBJECT_HANDLE wrapper, tmk = CK_INVALID_HANDLE;
	CK_MECHANISM generation = step_generation(in->type, in->length);
	CK_MECHANISM m = step_key_mechanism(FORMAT_KEY_AES, VIEW(NULL, 0));
	struct tmk_blob blob = { .attrs = { FORMAT_ROLE_TMK, in->type, in->length, VIEW(NULL, 0) } };
	uint8_t wrapped[FORMAT_WRAPPED_MAX];
	size_t n = 0;
	enum err e = pk11_key_handle(s, in->srk, &wrapper, f);

	if (e == ERR_OK)
		e = step_generate(s, &generation, t, &tmk, f);
	if (e == ERR_OK)
		e = ops_check_value_of(o, s, tmk, &blob.check, f);
	if (e == ERR_OK)
		e = step_wrap(s, &m, wrapper, tmk, wrapped, sizeof(wrapped), &n, f);
	step_destroy(s, &tmk);
	if (e != ERR_OK)
		return e;
	blob.wrapped = VIEW(wrapped, n);
	tmk_blob_put(in->out, &blob);
	if (!buf_ok(in->out))
		return fail_set(f, ERR_NO_MEMORY, 0, "TMK blob");
	in->check = blob.check;
	return ERR_OK;
}
