/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "wire_walk.h"

/*
 * Templates. Each attribute: type, ulValueLen, whether pValue is there; then its value, if the template carries values
 * (C_GetAttributeValue: it does not). The value of an attribute that is a template is one again. A value longer than
 * any attribute is not carried; the module gets one of that kind to refuse.
 */
enum { NOT_THERE, THERE, TOO_LONG };

static uint8_t there(const CK_ATTRIBUTE *a, bool values)
{
	if (a->pValue == NULL)
		return NOT_THERE;
	if (wire_is_template(a->type))
		return a->ulValueLen <= WIRE_ATTRIBUTES_MAX * sizeof(*a) ? THERE : NOT_THERE;
	return values && a->ulValueLen > WIRE_VALUE_MAX ? TOO_LONG : THERE;
}

static bool value_put(struct wire_walk *w, const CK_ATTRIBUTE *a, bool values)
{
	if (wire_is_template(a->type))
		return wire_template_put(w, a->pValue, a->ulValueLen / sizeof(*a), values);
	if (values)
		wire_put(w->out, a->pValue, a->ulValueLen);
	return true;
}

bool wire_template_put(struct wire_walk *w, const CK_ATTRIBUTE *t, size_t n, bool values)
{
	if (!wire_deeper(w))
		return false;
	for (size_t i = 0; i < n; i++) {
		uint8_t value = there(&t[i], values);

		wire_put_u64(w->out, t[i].type);
		wire_put_u64(w->out, t[i].ulValueLen);
		wire_put_u8(w->out, value);
		if (value == THERE && !value_put(w, &t[i], values))
			return false;
	}
	wire_left(w);
	return true;
}

static bool value_get(struct wire_walk *w, CK_ATTRIBUTE *a, bool values)
{
	bool template = wire_is_template(a->type);
	size_t len = a->ulValueLen;
	struct view v;

	if (template && len > WIRE_ATTRIBUTES_MAX * sizeof(*a))
		return wire_fail(w, CKR_ATTRIBUTE_VALUE_INVALID);
	if (values && !template && len > w->in.left)
		return wire_fail(w, CKR_DEVICE_ERROR);
	if (len > WIRE_DATA_MAX)
		a->ulValueLen = len = WIRE_DATA_MAX; /* room that nothing fills */
	a->pValue = wire_arena_take(w->arena, len);
	if (a->pValue == NULL)
		return wire_fail(w, CKR_HOST_MEMORY);
	if (template)
		return wire_template_get(w, a->pValue, len / sizeof(*a), values);
	if (values) {
		v = reader_bytes(&w->in, len);
		if (v.n > 0)
			memcpy(a->pValue, v.p, v.n);
	}
	return true;
}

bool wire_template_get(struct wire_walk *w, CK_ATTRIBUTE *t, size_t n, bool values)
{
	if (!wire_deeper(w))
		return false;
	for (size_t i = 0; i < n; i++) {
		uint8_t value;

		t[i].type = reader_u64(&w->in);
		t[i].ulValueLen = reader_u64(&w->in);
		value = reader_u8(&w->in);
		if (w->in.failed || value > TOO_LONG)
			return wire_fail(w, CKR_DEVICE_ERROR);
		if (value == TOO_LONG)
			t[i].ulValueLen = WIRE_VALUE_MAX + 1;
		if (value != NOT_THERE && !value_get(w, &t[i], values && value == THERE))
			return false;
	}
	wire_left(w);
	return true;
}

/*
 * Back: each attribute: type, ulValueLen, whether a value follows, and the value. None follows where there was no room
 * or the length is none.
 */
bool wire_template_put_back(struct wire_walk *w, const CK_ATTRIBUTE *t, size_t n)
{
	if (!wire_deeper(w))
		return false;
	for (size_t i = 0; i < n; i++) {
		const CK_ATTRIBUTE *a = &t[i];
		bool value = a->pValue != NULL && a->ulValueLen <= wire_arena_size(a->pValue);

		wire_put_u64(w->out, a->type);
		wire_put_u64(w->out, a->ulValueLen);
		wire_put_u8(w->out, value);
		if (!value)
			continue;
		if (!wire_is_template(a->type))
			wire_put(w->out, a->pValue, a->ulValueLen);
		else if (!wire_template_put_back(w, a->pValue, a->ulValueLen / sizeof(*a)))
			return false;
	}
	wire_left(w);
	return true;
}

bool wire_template_get_back(struct wire_walk *w, CK_ATTRIBUTE *t, size_t n)
{
	if (!wire_deeper(w))
		return false;
	for (size_t i = 0; i < n; i++) {
		CK_ATTRIBUTE *a = &t[i];
		CK_ATTRIBUTE_TYPE type = reader_u64(&w->in);
		CK_ULONG len = reader_u64(&w->in);
		uint8_t value = reader_u8(&w->in);
		struct view v;

		/* A template that has come back may have types where there was only room; others are what was asked. */
		if (w->in.failed || value > 1 || (w->depth == 2 && type != a->type))
			return wire_fail(w, CKR_DEVICE_ERROR);
		if (value && (a->pValue == NULL || len > a->ulValueLen))
			return wire_fail(w, CKR_DEVICE_ERROR);
		a->type = type;
		if (value && wire_is_template(type)) {
			if (!wire_template_get_back(w, a->pValue, len / sizeof(*a)))
				return false;
		} else if (value) {
			v = reader_bytes(&w->in, len);
			if (w->in.failed)
				return wire_fail(w, CKR_DEVICE_ERROR);
			if (v.n > 0)
				memcpy(a->pValue, v.p, v.n);
		}
		a->ulValueLen = len;
	}
	wire_left(w);
	return true;
}
