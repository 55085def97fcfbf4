/* SPDX-License-Identifier: BSD-2-Clause */
#include "object_attr.h"

#include <stdlib.h>
#include <string.h>

/* Values of attributes: from templates to stored form and back, and templates within templates. */

#define NESTED_MAX 64 /* attributes of a template within a template */

static bool date_ok(struct view v)
{
	if (v.n != 0 && v.n != sizeof(CK_DATE))
		return false;
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] < '0' || v.p[i] > '9')
			return false;
	return true;
}

/* nested_row: how an attribute stands in a template within a template: as it does for keys. Its form is the same for
 * all of them. *ret_known: there is such an attribute, be it allowed here or not. */
static const struct attr_row *nested_row(CK_ATTRIBUTE_TYPE type, bool *ret_known)
{
	const struct attr_row *found = NULL;

	*ret_known = false;
	for (size_t i = 0; i < attr_row_count(); i++) {
		const struct attr_row *row = attr_row_at(i);

		if (row->type != type || (row->classes & CLASS_KEYS) == 0)
			continue;
		*ret_known = true;
		if ((row->rules & ATTR_SENSITIVE) || row->form == FORM_TEMPLATE)
			return NULL;
		if (found == NULL)
			found = row;
	}
	return found;
}

static CK_RV import_one(const CK_ATTRIBUTE *a, struct buf *out)
{
	BUF_AUTO value = { 0 };
	bool known;
	const struct attr_row *row = nested_row(a->type, &known);
	CK_RV rv;

	if (row == NULL)
		return known ? CKR_ATTRIBUTE_VALUE_INVALID : CKR_ATTRIBUTE_TYPE_INVALID;
	rv = attr_import(row, a, &value);
	if (rv != CKR_OK)
		return rv;
	buf_put_u32(out, (uint32_t)a->type);
	buf_put_lv32(out, buf_view(&value));
	return buf_ok(out) ? CKR_OK : CKR_HOST_MEMORY;
}

/* import_template: raw: an array of CK_ATTRIBUTE, wherever it lies. */
static CK_RV import_template(struct view raw, struct buf *out)
{
	size_t n = raw.n / sizeof(CK_ATTRIBUTE);
	CK_ATTRIBUTE t[NESTED_MAX] = { 0 };
	CK_RV rv;

	if (raw.n % sizeof(CK_ATTRIBUTE) != 0 || n > NESTED_MAX)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	if (n > 0)
		memcpy(t, raw.p, raw.n);
	rv = template_form(t, n);
	buf_put_u16(out, (uint16_t)n);
	for (size_t i = 0; rv == CKR_OK && i < n; i++)
		rv = import_one(&t[i], out);
	return rv;
}

/* import_numbers: lists of CK_ULONG. */
static void import_numbers(struct view raw, struct buf *out)
{
	CK_ULONG value;

	for (size_t i = 0; i < raw.n; i += sizeof(value)) {
		memcpy(&value, raw.p + i, sizeof(value));
		buf_put_u64(out, value);
	}
}

CK_RV attr_import(const struct attr_row *row, const CK_ATTRIBUTE *a, struct buf *out)
{
	struct view raw = VIEW(a->pValue, a->ulValueLen);
	bool ok = true;

	if (raw.p == NULL && raw.n != 0)
		return CKR_ARGUMENTS_BAD;
	if (raw.n > ATTR_LEN_MAX)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	switch (row->form) {
	case FORM_BOOL:
		ok = raw.n == sizeof(CK_BBOOL) && raw.p[0] <= CK_TRUE;
		break;
	case FORM_ULONG:
		ok = raw.n == sizeof(CK_ULONG);
		break;
	case FORM_MECHANISMS:
		ok = raw.n % sizeof(CK_ULONG) == 0;
		break;
	case FORM_DATE:
		ok = date_ok(raw);
		break;
	case FORM_TEMPLATE:
		return import_template(raw, out);
	case FORM_BYTES:
		break;
	}
	if (!ok)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	if (row->form == FORM_ULONG || row->form == FORM_MECHANISMS)
		import_numbers(raw, out);
	else
		buf_put_view(out, raw);
	return buf_ok(out) ? CKR_OK : CKR_HOST_MEMORY;
}

bool nested_next(struct nested *n)
{
	CK_ATTRIBUTE_TYPE type;
	bool known;

	if (reader_done(&n->r))
		return false;
	type = reader_u32(&n->r);
	n->value = reader_lv32(&n->r, ATTR_LEN_MAX);
	n->row = n->r.failed ? NULL : nested_row(type, &known);
	return n->row != NULL;
}

bool nested_first(struct nested *n, struct view template)
{
	n->r = reader_of(template);
	if (template.n == 0)
		return false;
	reader_u16(&n->r);
	return nested_next(n);
}

static size_t nested_count(struct view template)
{
	return template.n >= 2 ? be_get16(template.p) : 0;
}

size_t attr_export_len(const struct attr_row *row, struct view value)
{
	switch (row->form) {
	case FORM_ULONG:
	case FORM_MECHANISMS:
		return value.n / 8 * sizeof(CK_ULONG);
	case FORM_TEMPLATE:
		return nested_count(value) * sizeof(CK_ATTRIBUTE);
	default:
		return value.n;
	}
}

/* export_one: one element of the caller's array: its type always, its value where there is room for it. */
static CK_RV export_one(const struct attr_row *row, struct view value, uint8_t *at)
{
	size_t need = attr_export_len(row, value);
	CK_ATTRIBUTE a;
	CK_RV rv = CKR_OK;

	memcpy(&a, at, sizeof(a));
	a.type = row->type;
	if (a.pValue != NULL && a.ulValueLen < need) {
		rv = CKR_BUFFER_TOO_SMALL;
		a.ulValueLen = CK_UNAVAILABLE_INFORMATION;
	} else {
		if (a.pValue != NULL)
			rv = attr_export(row, value, a.pValue);
		a.ulValueLen = need;
	}
	memcpy(at, &a, sizeof(a));
	return rv;
}

CK_RV attr_export(const struct attr_row *row, struct view value, void *ret)
{
	uint8_t *out = ret;
	struct nested at;
	CK_RV rv = CKR_OK;

	switch (row->form) {
	case FORM_ULONG:
	case FORM_MECHANISMS:
		for (size_t i = 0; i + 8 <= value.n; i += 8) {
			CK_ULONG number = be_get64(value.p + i);

			memcpy(out + i / 8 * sizeof(number), &number, sizeof(number));
		}
		return CKR_OK;
	case FORM_TEMPLATE:
		for (bool more = nested_first(&at, value); more; more = nested_next(&at)) {
			CK_RV one = export_one(at.row, at.value, out);

			if (one != CKR_OK)
				rv = one;
			out += sizeof(CK_ATTRIBUTE);
		}
		return rv;
	default:
		if (value.n > 0)
			memcpy(out, value.p, value.n);
		return CKR_OK;
	}
}

bool attr_default(const struct attr_row *row, struct buf *out)
{
	switch (row->fallback) {
	case DEFAULT_FALSE:
		buf_put_u8(out, CK_FALSE);
		break;
	case DEFAULT_TRUE:
		buf_put_u8(out, CK_TRUE);
		break;
	case DEFAULT_EMPTY:
		break;
	case DEFAULT_ZERO:
		buf_put_u64(out, 0);
		break;
	case DEFAULT_SHA_1:
		buf_put_u64(out, CKM_SHA_1);
		break;
	case DEFAULT_UNAVAILABLE:
		buf_put_u64(out, CK_UNAVAILABLE_INFORMATION);
		break;
	case DEFAULT_NONE:
	default:
		return false;
	}
	return true;
}

/* nested_find: the value of an attribute in a stored template. */
static bool nested_find(struct view template, CK_ATTRIBUTE_TYPE type, struct view *ret)
{
	struct nested at;

	for (bool more = nested_first(&at, template); more; more = nested_next(&at)) {
		if (at.row->type == type) {
			*ret = at.value;
			return true;
		}
	}
	return false;
}

bool attr_same(const struct attr_row *row, struct view a, struct view b)
{
	struct nested at;
	struct view other;

	if (row->form != FORM_TEMPLATE)
		return view_equal(a, b);
	if (nested_count(a) != nested_count(b))
		return false;
	for (bool more = nested_first(&at, a); more; more = nested_next(&at))
		if (!nested_find(b, at.row->type, &other) || !view_equal(at.value, other))
			return false;
	return true;
}

/* said: the caller's template says the same already. CKR_TEMPLATE_INCONSISTENT: something else. */
static CK_RV said(const struct nested *at, const CK_ATTRIBUTE *a)
{
	BUF_AUTO value = { 0 };
	CK_RV rv = attr_import(at->row, a, &value);

	if (rv != CKR_OK)
		return rv;
	return view_equal(buf_view(&value), at->value) ? CKR_OK : CKR_TEMPLATE_INCONSISTENT;
}

CK_RV template_merge(const struct object *key, CK_ATTRIBUTE_TYPE type, const CK_ATTRIBUTE *t, CK_ULONG n,
		     struct template_merged *ret)
{
	struct view added = object_bytes(key, type);
	size_t more = nested_count(added);
	struct nested at;
	CK_ATTRIBUTE *all;
	uint8_t *values;
	CK_ULONG count = n;
	CK_RV rv = CKR_OK;

	*ret = (struct template_merged){ .t = t, .n = n };
	if (more == 0)
		return CKR_OK;
	/* Every value in native form is as long as its stored form at most; each begins at a multiple of 8. */
	all = calloc(1, (n + more) * sizeof(*all) + added.n + 8 * more);
	if (all == NULL)
		return CKR_HOST_MEMORY;
	values = (uint8_t *)(all + n + more);
	if (n > 0)
		memcpy(all, t, n * sizeof(*all));
	for (bool next = nested_first(&at, added); next && rv == CKR_OK; next = nested_next(&at)) {
		const CK_ATTRIBUTE *same = template_find(t, n, at.row->type);
		size_t len = attr_export_len(at.row, at.value);

		more--;
		if (same != NULL) {
			rv = said(&at, same);
			continue;
		}
		rv = attr_export(at.row, at.value, values);
		all[count++] = (CK_ATTRIBUTE){ at.row->type, len > 0 ? values : NULL, len };
		values += (len + 7) / 8 * 8;
	}
	if (rv == CKR_OK && more != 0)
		rv = CKR_DEVICE_ERROR; /* an attribute that this version does not know */
	if (rv != CKR_OK) {
		free(all);
		return rv;
	}
	*ret = (struct template_merged){ .t = all, .n = count, .room = all };
	return CKR_OK;
}

void template_merged_done(struct template_merged *m)
{
	free(m->room);
	*m = (struct template_merged){ 0 };
}

bool template_admits(const struct object *wrapping, const struct object *key)
{
	struct view template = object_bytes(wrapping, CKA_WRAP_TEMPLATE);
	size_t left = nested_count(template);
	struct nested at;

	for (bool more = nested_first(&at, template); more; more = nested_next(&at)) {
		const struct attr_row *row = attr_row_of(key, at.row->type);
		BUF_AUTO fallback = { 0 };
		struct view have = object_bytes(key, at.row->type);

		if (row == NULL || (row->rules & ATTR_SENSITIVE))
			return false;
		if (!object_has(key, at.row->type)) {
			if (!attr_default(row, &fallback))
				return false;
			have = buf_view(&fallback);
		}
		if (!attr_same(row, have, at.value))
			return false;
		left--;
	}
	return left == 0; /* not with an attribute that this version does not know */
}
