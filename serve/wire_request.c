/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "wire_walk.h"

/*
 * Requests: a structure in three passes, so that whatever says how long something is comes before it:
 *   1. numbers and bytes that stand in the structure; of each pointer, whether it is there
 *   2. the lengths that pointers point to
 *   3. all else that the pointers point to, and structures inside
 */

/* is_length: a single number behind a pointer that goes both ways. */
static bool is_length(const struct wire_field *f)
{
	return f->type == WIRE_NUMBER && f->count == WIRE_FIXED && (f->way & WIRE_IN);
}

static bool is_inside(const struct wire_field *f)
{
	return f->count == WIRE_INLINE && f->type == WIRE_STRUCT;
}

/* wanted: a length is read only where there is room: else the caller need not have set it. */
static bool wanted(const struct wire_field *f, const void *base)
{
	void *before;

	if (!f->optional_in)
		return true;
	memcpy(&before, (const uint8_t *)base + f->at - sizeof(CK_ULONG), sizeof(before));
	return before != NULL;
}

static void put_flat(struct wire_walk *w, const struct wire_field *f, const void *base, const void *parent)
{
	const uint8_t *p = (const uint8_t *)base + f->at;

	if (f->type == WIRE_ABSENT || is_inside(f))
		return;
	if (f->count != WIRE_INLINE)
		wire_put_u8(w->out, (uint8_t)wire_there(f, base, parent));
	else if (!(f->way & WIRE_IN))
		return;
	else if (f->type == WIRE_NUMBER)
		wire_put_u64(w->out, wire_load(p, f->size));
	else
		wire_put(w->out, p, f->size);
}

static bool put_mechanism(struct wire_walk *w, const struct wire_field *f, const CK_MECHANISM *m)
{
	bool ok;

	wire_put_u64(w->out, m->mechanism);
	wire_put_u64(w->out, m->ulParameterLen);
	wire_put_u8(w->out, m->pParameter != NULL);
	if (m->pParameter == NULL)
		return true;
	w->inside = true;
	ok = wire_param_put(w, m->mechanism, f->context, m->pParameter, m->ulParameterLen);
	w->inside = false;
	return ok;
}

static bool put_param(struct wire_walk *w, const struct wire_field *f, const void *p, size_t n)
{
	bool ok;

	w->inside = true;
	ok = wire_param_put(w, w->process, f->context, p, n);
	w->inside = false;
	return ok;
}

/* put_pointed: what a pointer that is there points to. */
static bool put_pointed(struct wire_walk *w, const struct wire_field *f, const void *base, const void *parent)
{
	const uint8_t *p = wire_pointer(f, base);
	size_t n = wire_elements(f, base, parent);

	if (f->type == WIRE_MECHANISM)
		return put_mechanism(w, f, (const CK_MECHANISM *)(uintptr_t)p);
	if (f->type == WIRE_PARAM)
		return !w->known || put_param(w, f, p, n);
	if (f->type == WIRE_ATTRIBUTES)
		return wire_template_put(w, (const CK_ATTRIBUTE *)(uintptr_t)p, n, f->way == WIRE_IN);
	if (!(f->way & WIRE_IN))
		return true;
	if (f->type == WIRE_BYTES)
		wire_put(w->out, p, n * f->size);
	for (size_t i = 0; f->type == WIRE_NUMBER && i < n; i++)
		wire_put_u64(w->out, wire_load(p + i * f->size, f->size));
	for (size_t i = 0; f->type == WIRE_STRUCT && i < n; i++)
		if (!wire_struct_put(w, f->of, p + i * f->size, base))
			return false;
	return true;
}

bool wire_struct_put(struct wire_walk *w, const struct wire_struct *s, const void *base, const void *parent)
{
	if (!wire_deeper(w))
		return false;
	for (size_t i = 0; i < s->count; i++)
		put_flat(w, &s->fields[i], base, parent);
	for (size_t i = 0; i < s->count; i++) {
		const struct wire_field *f = &s->fields[i];

		if (is_length(f) && wire_pointer(f, base) != NULL)
			wire_put_u64(w->out, wanted(f, base) ? wire_load(wire_pointer(f, base), f->size) : 0);
	}
	for (size_t i = 0; i < s->count; i++) {
		const struct wire_field *f = &s->fields[i];

		if (is_inside(f)) {
			if (!wire_struct_put(w, f->of, (const uint8_t *)base + f->at, base))
				return false;
		} else if (f->count != WIRE_INLINE && !is_length(f) && f->type != WIRE_ABSENT &&
			   f->type != WIRE_RESERVED && wire_there(f, base, parent) == WIRE_THERE) {
			if (!put_pointed(w, f, base, parent))
				return false;
		}
	}
	wire_left(w);
	return true;
}

/* The same order, from the other end. */

static bool get_flat(struct wire_walk *w, const struct wire_field *f, void *base, uint8_t *ret_there)
{
	uint8_t *p = (uint8_t *)base + f->at;

	if (f->type == WIRE_ABSENT || is_inside(f))
		return true;
	if (f->count != WIRE_INLINE) {
		uint8_t there = reader_u8(&w->in);

		*ret_there = there;
		return there <= (f->hollow ? WIRE_HOLLOW_ONE : WIRE_THERE) || wire_fail(w, CKR_DEVICE_ERROR);
	}
	if (!(f->way & WIRE_IN))
		return true;
	if (f->type == WIRE_NUMBER) {
		uint64_t v = reader_u64(&w->in);

		if (f->size < 8 && v >> (8 * f->size) != 0)
			return wire_fail(w, CKR_DEVICE_ERROR);
		wire_store(p, f->size, v);
	} else {
		struct view v = reader_bytes(&w->in, f->size);

		if (v.n > 0)
			memcpy(p, v.p, v.n);
	}
	return !w->in.failed || wire_fail(w, CKR_DEVICE_ERROR);
}

/* give: a block of n elements for the pointer of a field. */
static void *give(struct wire_walk *w, const struct wire_field *f, void *base, size_t n)
{
	void *p = wire_arena_take(w->arena, n * f->size);

	if (p == NULL)
		wire_fail(w, CKR_HOST_MEMORY);
	else
		memcpy((uint8_t *)base + f->at, &p, sizeof(p));
	return p;
}

static bool get_mechanism(struct wire_walk *w, const struct wire_field *f, void *base)
{
	CK_MECHANISM *m = give(w, f, base, 1);
	uint8_t there;
	bool ok;

	if (m == NULL)
		return false;
	m->mechanism = reader_u64(&w->in);
	m->ulParameterLen = reader_u64(&w->in);
	there = reader_u8(&w->in);
	if (w->in.failed || there > 1)
		return wire_fail(w, CKR_DEVICE_ERROR);
	if (!there)
		return true;
	w->inside = true;
	ok = wire_param_get(w, m->mechanism, f->context, m->ulParameterLen, &m->pParameter);
	w->inside = false;
	return ok;
}

/* get_param: of a message. Without a process the module looks at no parameter, and gets none. */
static bool get_param(struct wire_walk *w, const struct wire_field *f, void *base, size_t n)
{
	void *p = NULL;

	w->inside = true;
	if (w->known && !wire_param_get(w, w->process, f->context, n, &p))
		return false;
	w->inside = false;
	memcpy((uint8_t *)base + f->at, &p, sizeof(p));
	return true;
}

/* room: elements of an output; more than can be carried is cut down to that, and the module hears of no more. */
static size_t room(const struct wire_field *f, void *base, size_t n)
{
	CK_ULONG most = wire_most(f);
	CK_ULONG *pointed = NULL;

	if (n <= most)
		return n;
	if (f->count == WIRE_POINTED)
		memcpy(&pointed, (uint8_t *)base + f->count_at, sizeof(pointed));
	memcpy(pointed != NULL ? (uint8_t *)pointed : (uint8_t *)base + f->count_at, &most, sizeof(most));
	return most;
}

static bool get_text(struct wire_walk *w, const struct wire_field *f, void *base)
{
	size_t most = w->in.left < f->fixed ? w->in.left : f->fixed;
	const uint8_t *end = memchr(w->in.p, 0, most);
	struct view v;
	uint8_t *p;

	if (end == NULL)
		return wire_fail(w, CKR_DEVICE_ERROR);
	v = reader_bytes(&w->in, (size_t)(end - w->in.p) + 1);
	p = give(w, f, base, v.n);
	if (p != NULL)
		memcpy(p, v.p, v.n);
	return p != NULL;
}

static bool get_elements(struct wire_walk *w, const struct wire_field *f, void *base, size_t n)
{
	uint8_t *p;
	struct view v;

	/* What comes takes at least a byte of the frame for each element: no more memory than that is asked for. */
	if ((f->way & WIRE_IN) && f->type != WIRE_ATTRIBUTES && n > w->in.left)
		return wire_fail(w, CKR_DEVICE_ERROR);
	p = give(w, f, base, n);
	if (p == NULL)
		return false;
	if (f->type == WIRE_ATTRIBUTES)
		return wire_template_get(w, (CK_ATTRIBUTE *)(void *)p, n, f->way == WIRE_IN);
	if (!(f->way & WIRE_IN))
		return true;
	if (f->type == WIRE_BYTES) {
		v = reader_bytes(&w->in, n * f->size);
		if (v.n > 0)
			memcpy(p, v.p, v.n);
	}
	for (size_t i = 0; f->type == WIRE_NUMBER && i < n; i++)
		wire_store(p + i * f->size, f->size, reader_u64(&w->in));
	for (size_t i = 0; f->type == WIRE_STRUCT && i < n; i++)
		if (!wire_struct_get(w, f->of, p + i * f->size, base))
			return false;
	return !w->in.failed || wire_fail(w, CKR_DEVICE_ERROR);
}

static bool get_pointed(struct wire_walk *w, const struct wire_field *f, void *base, const void *parent)
{
	size_t n;

	if (f->count == WIRE_TEXT)
		return get_text(w, f, base);
	n = wire_elements(f, base, parent);
	if (f->type == WIRE_MECHANISM)
		return get_mechanism(w, f, base);
	if (f->type == WIRE_PARAM)
		return get_param(w, f, base, n);
	if (f->count == WIRE_POINTED || f->count == WIRE_ROOM)
		n = room(f, base, n);
	if (n > wire_most(f))
		return wire_fail(w, CKR_ARGUMENTS_BAD);
	return get_elements(w, f, base, n);
}

/* get_hollow: zeros, one more than any module takes. */
static bool get_hollow(struct wire_walk *w, const struct wire_field *f, void *base)
{
	CK_ULONG n = wire_most(f) + 1;

	memcpy((uint8_t *)base + f->count_at, &n, sizeof(n));
	return give(w, f, base, n) != NULL;
}

/* bounded: a length that is bounded is so even where nothing stands behind it. */
static bool bounded(struct wire_walk *w, const struct wire_field *f, const void *base)
{
	return !f->bound_all || wire_elements(f, base, NULL) <= f->most || wire_fail(w, CKR_ARGUMENTS_BAD);
}

static bool get_lengths(struct wire_walk *w, const struct wire_struct *s, void *base, const uint8_t *there)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct wire_field *f = &s->fields[i];
		void *p;

		if (!is_length(f) || !there[i])
			continue;
		p = give(w, f, base, 1);
		if (p == NULL)
			return false;
		wire_store(p, f->size, reader_u64(&w->in));
	}
	return !w->in.failed || wire_fail(w, CKR_DEVICE_ERROR);
}

bool wire_struct_get(struct wire_walk *w, const struct wire_struct *s, void *base, const void *parent)
{
	uint8_t there[32] = { 0 };

	if (!wire_deeper(w))
		return false;
	for (size_t i = 0; i < s->count; i++)
		if (!get_flat(w, &s->fields[i], base, &there[i]))
			return false;
	if (!get_lengths(w, s, base, there))
		return false;
	for (size_t i = 0; i < s->count; i++) {
		const struct wire_field *f = &s->fields[i];

		if (is_inside(f)) {
			if (!wire_struct_get(w, f->of, (uint8_t *)base + f->at, base))
				return false;
		} else if (f->type == WIRE_RESERVED && there[i]) {
			if (give(w, &(struct wire_field){ .at = f->at, .size = 1 }, base, 1) == NULL)
				return false;
		} else if (f->count != WIRE_INLINE && !is_length(f)) {
			if (!bounded(w, f, base) || (there[i] == WIRE_THERE && !get_pointed(w, f, base, parent)) ||
			    (there[i] == WIRE_HOLLOW_ONE && !get_hollow(w, f, base)))
				return false;
		}
	}
	wire_left(w);
	return true;
}
