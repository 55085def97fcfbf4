/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire_walk.h"

#include <string.h>

bool wire_fail(struct wire_walk *w, CK_RV rv)
{
	if (w->rv == CKR_OK)
		w->rv = w->inside && rv != CKR_HOST_MEMORY && rv != CKR_DEVICE_ERROR ? CKR_MECHANISM_PARAM_INVALID : rv;
	return false;
}

uint64_t wire_load(const void *p, size_t size)
{
	uint8_t one;
	uint16_t two;
	uint32_t four;
	uint64_t eight;

	switch (size) {
	case 1:
		memcpy(&one, p, 1);
		return one;
	case 2:
		memcpy(&two, p, 2);
		return two;
	case 4:
		memcpy(&four, p, 4);
		return four;
	default:
		memcpy(&eight, p, 8);
		return eight;
	}
}

void wire_store(void *p, size_t size, uint64_t v)
{
	uint8_t one = (uint8_t)v;
	uint16_t two = (uint16_t)v;
	uint32_t four = (uint32_t)v;

	switch (size) {
	case 1:
		memcpy(p, &one, 1);
		break;
	case 2:
		memcpy(p, &two, 2);
		break;
	case 4:
		memcpy(p, &four, 4);
		break;
	default:
		memcpy(p, &v, 8);
		break;
	}
}

void *wire_pointer(const struct wire_field *f, const void *base)
{
	void *p;

	memcpy(&p, (const uint8_t *)base + f->at, sizeof(p));
	return p;
}

static CK_ULONG member(const void *base, size_t at)
{
	CK_ULONG n;

	memcpy(&n, (const uint8_t *)base + at, sizeof(n));
	return n;
}

static size_t bytes_of_bits(CK_ULONG bits)
{
	return bits / 8 + (bits % 8 != 0);
}

size_t wire_elements(const struct wire_field *f, const void *base, const void *parent)
{
	CK_ULONG n = f->count == WIRE_FIXED || f->count == WIRE_INLINE || f->count == WIRE_PARENT_BITS
			 ? 0
			 : member(base, f->count_at);

	switch (f->count) {
	case WIRE_INLINE:
		return 1;
	case WIRE_FIXED:
		return f->fixed;
	case WIRE_BITS:
		return bytes_of_bits(n);
	case WIRE_NONCE:
		return n <= 24 ? n : bytes_of_bits(n);
	case WIRE_PARENT_BITS:
		return parent != NULL ? bytes_of_bits(member(parent, f->count_at)) : 0;
	case WIRE_POINTED:
		return n != 0 ? member((const void *)(uintptr_t)n, 0) : 0;
	case WIRE_TEXT:
		return strnlen(wire_pointer(f, base), f->fixed - 1) + 1;
	default:
		return n;
	}
}

size_t wire_most(const struct wire_field *f)
{
	size_t most = WIRE_DATA_MAX / (f->size > 0 ? f->size : 1);

	return f->most > 0 && f->most < most ? f->most : most;
}

enum wire_presence wire_there(const struct wire_field *f, const void *base, const void *parent)
{
	if (wire_pointer(f, base) == NULL)
		return WIRE_NOT_THERE;
	if ((!(f->way & WIRE_IN) && f->type != WIRE_ATTRIBUTES) || f->type == WIRE_MECHANISM || f->type == WIRE_PARAM ||
	    f->count == WIRE_POINTED || f->count == WIRE_ROOM || wire_elements(f, base, parent) <= wire_most(f))
		return WIRE_THERE;
	return f->hollow ? WIRE_HOLLOW_ONE : WIRE_NOT_THERE;
}

bool wire_deeper(struct wire_walk *w)
{
	if (w->depth >= WIRE_DEPTH_MAX)
		return wire_fail(w, CKR_ARGUMENTS_BAD);
	w->depth++;
	return true;
}

void wire_left(struct wire_walk *w)
{
	w->depth--;
}

bool wire_request_put(struct wire_walk *w, const struct wire_struct *arguments, const CK_ULONG *words)
{
	if (!wire_struct_put(w, arguments, words, NULL))
		return false;
	return !w->out->failed || wire_fail(w, CKR_HOST_MEMORY);
}

bool wire_request_get(struct wire_walk *w, const struct wire_struct *arguments, CK_ULONG *ret_words)
{
	memset(ret_words, 0, arguments->size);
	if (!wire_struct_get(w, arguments, ret_words, NULL))
		return false;
	return reader_done(&w->in) || wire_fail(w, CKR_DEVICE_ERROR);
}

bool wire_reply_put(struct wire_walk *w, const struct wire_struct *arguments, const CK_ULONG *words)
{
	if (!wire_struct_put_back(w, arguments, words, NULL))
		return false;
	return !w->out->failed || wire_fail(w, CKR_HOST_MEMORY);
}

bool wire_reply_get(struct wire_walk *w, const struct wire_struct *arguments, const CK_ULONG *words)
{
	CK_ULONG copy[WIRE_ARGUMENTS_MAX];

	memcpy(copy, words, arguments->size);
	if (!wire_struct_get_back(w, arguments, copy, NULL))
		return false;
	return reader_done(&w->in) || wire_fail(w, CKR_DEVICE_ERROR);
}
