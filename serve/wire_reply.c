/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "wire_walk.h"

/*
 * Replies: what is OUT of a structure, in two passes: what the pointers point to, each with its own length; then the
 * numbers, so that the client still has its own lengths to hold those of the server against. What goes out only is
 * carried with CKR_OK alone: with an error the caller's memory stays as it was.
 */

static bool is_number(const struct wire_field *f)
{
	return f->count == WIRE_INLINE ? f->type != WIRE_STRUCT : f->type == WIRE_NUMBER && f->count == WIRE_FIXED;
}

static bool put_elements(struct wire_walk *w, const struct wire_field *f, const void *base, const void *parent)
{
	const uint8_t *p = wire_pointer(f, base);
	size_t n = wire_elements(f, base, parent), has = wire_arena_size(p) / f->size;
	CK_ULONG *filled;

	if (f->count == WIRE_ROOM) {
		memcpy(&filled, (const uint8_t *)base + f->count_at + sizeof(CK_ULONG), sizeof(filled));
		n = filled != NULL ? *filled : 0;
	}
	if (n > has)
		n = has;
	wire_put_u32(w->out, (uint32_t)n);
	if (f->type == WIRE_BYTES)
		wire_put(w->out, p, n * f->size);
	for (size_t i = 0; f->type == WIRE_NUMBER && i < n; i++)
		wire_put_u64(w->out, wire_load(p + i * f->size, f->size));
	for (size_t i = 0; f->type == WIRE_STRUCT && i < n; i++)
		if (!wire_struct_put_back(w, f->of, p + i * f->size, base))
			return false;
	return true;
}

static bool put_pointed(struct wire_walk *w, const struct wire_field *f, const void *base, const void *parent)
{
	void *p = wire_pointer(f, base);
	const CK_MECHANISM *m = p;

	switch (f->type) {
	case WIRE_ATTRIBUTES:
		return wire_template_put_back(w, p, wire_elements(f, base, parent));
	case WIRE_MECHANISM:
		return m->pParameter == NULL ||
		       wire_param_put_back(w, m->mechanism, f->context, m->pParameter, m->ulParameterLen);
	case WIRE_PARAM:
		return !w->known || wire_param_put_back(w, w->process, f->context, p, wire_elements(f, base, parent));
	default:
		return put_elements(w, f, base, parent);
	}
}

/* carried: a field of the first pass that is there. */
static bool carried(const struct wire_walk *w, const struct wire_field *f, const void *base, const void *parent)
{
	if (f->count == WIRE_INLINE || is_number(f) || wire_pointer(f, base) == NULL || !(f->way & WIRE_OUT))
		return false;
	if (w->arena == NULL && wire_there(f, base, parent) != WIRE_THERE)
		return false;
	return wire_goes(f, w->answer);
}

bool wire_struct_put_back(struct wire_walk *w, const struct wire_struct *s, const void *base, const void *parent)
{
	if (!wire_deeper(w))
		return false;
	for (size_t i = 0; i < s->count; i++) {
		const struct wire_field *f = &s->fields[i];

		if (carried(w, f, base, parent) && !put_pointed(w, f, base, parent))
			return false;
	}
	for (size_t i = 0; i < s->count; i++) {
		const struct wire_field *f = &s->fields[i];
		const uint8_t *p = f->count == WIRE_INLINE ? (const uint8_t *)base + f->at : wire_pointer(f, base);

		if (!is_number(f) || !wire_goes(f, w->answer) || p == NULL)
			continue;
		if (f->type == WIRE_NUMBER)
			wire_put_u64(w->out, wire_load(p, f->size));
		else
			wire_put(w->out, p, f->size);
	}
	wire_left(w);
	return true;
}

/* change: what is the same is not written: a parameter that is only read may be constant. */
static void change(uint8_t *p, const void *now, size_t n)
{
	if (n > 0 && memcmp(p, now, n) != 0)
		memcpy(p, now, n);
}

static void change_number(uint8_t *p, size_t size, uint64_t now)
{
	uint8_t room[8];

	wire_store(room, size, now);
	change(p, room, size);
}

static bool get_elements(struct wire_walk *w, const struct wire_field *f, void *base, const void *parent)
{
	uint8_t *p = wire_pointer(f, base);
	size_t n = reader_u32(&w->in), has = wire_elements(f, base, parent);
	struct view v;

	if (w->in.failed || n > has || n > wire_most(f))
		return wire_fail(w, CKR_DEVICE_ERROR);
	if (f->type == WIRE_BYTES) {
		v = reader_bytes(&w->in, n * f->size);
		change(p, v.p, v.n);
	}
	for (size_t i = 0; f->type == WIRE_NUMBER && i < n && !w->in.failed; i++)
		change_number(p + i * f->size, f->size, reader_u64(&w->in));
	for (size_t i = 0; f->type == WIRE_STRUCT && i < n; i++)
		if (!wire_struct_get_back(w, f->of, p + i * f->size, base))
			return false;
	return !w->in.failed || wire_fail(w, CKR_DEVICE_ERROR);
}

static bool get_pointed(struct wire_walk *w, const struct wire_field *f, void *base, const void *parent)
{
	void *p = wire_pointer(f, base);
	CK_MECHANISM *m = p;

	switch (f->type) {
	case WIRE_ATTRIBUTES:
		return wire_template_get_back(w, p, wire_elements(f, base, parent));
	case WIRE_MECHANISM:
		return m->pParameter == NULL ||
		       wire_param_get_back(w, m->mechanism, f->context, m->pParameter, m->ulParameterLen);
	case WIRE_PARAM:
		return !w->known || wire_param_get_back(w, w->process, f->context, p, wire_elements(f, base, parent));
	default:
		return get_elements(w, f, base, parent);
	}
}

bool wire_struct_get_back(struct wire_walk *w, const struct wire_struct *s, void *base, const void *parent)
{
	if (!wire_deeper(w))
		return false;
	for (size_t i = 0; i < s->count; i++) {
		const struct wire_field *f = &s->fields[i];

		if (carried(w, f, base, parent) && !get_pointed(w, f, base, parent))
			return false;
	}
	for (size_t i = 0; i < s->count; i++) {
		const struct wire_field *f = &s->fields[i];
		uint8_t *p = f->count == WIRE_INLINE ? (uint8_t *)base + f->at : wire_pointer(f, base);
		struct view v;

		if (!is_number(f) || !wire_goes(f, w->answer) || p == NULL)
			continue;
		v = reader_bytes(&w->in, f->type == WIRE_NUMBER ? 8 : f->size);
		if (w->in.failed)
			return wire_fail(w, CKR_DEVICE_ERROR);
		if (f->type == WIRE_NUMBER)
			change_number(p, f->size, be_get64(v.p));
		else
			change(p, v.p, v.n);
	}
	wire_left(w);
	return true;
}
