/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "sealed.h"

#define APPLICATION "strongroom"

#define NUMBER 8
#define OBJECTS_MAX 16 /* of one name; more than two come of nobody */

/* One call: what, and where its answer goes. */
struct work {
	const char *name;
	const struct secret *in;
	struct secret *out; /* NULL: not asked for */
	bool found;
};

/* All objects of this name. */
struct objects {
	CK_OBJECT_HANDLE handle[OBJECTS_MAX];
	size_t count;
	uint64_t number; /* of the newest; 0: there is none */
};

static enum err value_read(struct pk11_session *s, CK_OBJECT_HANDLE handle, struct secret *ret, struct fail *f)
{
	CK_ATTRIBUTE value = { CKA_VALUE, ret->p, NUMBER + SEALED_MAX };
	CK_RV rv = s->f->C_GetAttributeValue(s->handle, handle, &value, 1);

	if (rv != CKR_OK)
		return pk11_fail(f, rv, "C_GetAttributeValue");
	if (value.ulValueLen <= NUMBER || value.ulValueLen > NUMBER + SEALED_MAX)
		return fail_set(f, ERR_TOKEN, 0, "an object of the token has not the form of a secret");
	ret->len = value.ulValueLen;
	return ERR_OK;
}

static enum err find(struct pk11_session *s, struct work *w, struct objects *o, struct fail *f)
{
	static CK_OBJECT_CLASS class = CKO_DATA;
	static CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE template[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_TOKEN, &yes, sizeof(yes) },
		{ CKA_PRIVATE, &yes, sizeof(yes) },
		{ CKA_APPLICATION, (void *)APPLICATION, sizeof(APPLICATION) - 1 },
		{ CKA_LABEL, (void *)w->name, strlen(w->name) },
	};
	SECRET_AUTO room = { 0 };
	enum err e;

	*o = (struct objects){ 0 };
	e = pk11_find(s, template, ARRAY_LEN(template), o->handle, OBJECTS_MAX, &o->count, f);
	if (!e && o->count > OBJECTS_MAX)
		e = fail_set(f, ERR_TOKEN, 0, "the token has too many objects %.100s", w->name);
	if (!e && !secret_init(&room, NUMBER + SEALED_MAX + 1))
		e = fail_set(f, ERR_NO_MEMORY, 0, "no memory for a secret");
	for (size_t i = 0; !e && i < o->count; i++) {
		e = value_read(s, o->handle[i], &room, f);
		if (e || be_get64(room.p) < o->number)
			continue;
		o->number = be_get64(room.p);
		if (w->out && !secret_set(w->out, room.p + NUMBER, room.len - NUMBER))
			e = fail_set(f, ERR_INTERNAL, 0, "a secret of %zu bytes", room.len);
		if (w->out)
			w->out->p[w->out->len] = 0;
	}
	w->found = !e && o->count;
	return e;
}

static enum err make(struct pk11_session *s, const struct work *w, uint64_t number, struct fail *f)
{
	static CK_OBJECT_CLASS class = CKO_DATA;
	static CK_BBOOL yes = CK_TRUE;
	SECRET_AUTO value = { 0 };
	CK_OBJECT_HANDLE handle;
	uint8_t head[NUMBER];
	CK_RV rv;

	be_put64(head, number);
	if (!secret_init(&value, NUMBER + SEALED_MAX) || !secret_set(&value, head, NUMBER) ||
	    !secret_append(&value, w->in->p, w->in->len))
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory for a secret");
	CK_ATTRIBUTE template[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_TOKEN, &yes, sizeof(yes) },
		{ CKA_PRIVATE, &yes, sizeof(yes) },
		{ CKA_APPLICATION, (void *)APPLICATION, sizeof(APPLICATION) - 1 },
		{ CKA_LABEL, (void *)w->name, strlen(w->name) },
		{ CKA_VALUE, value.p, value.len },
	};
	rv = s->f->C_CreateObject(s->handle, template, ARRAY_LEN(template), &handle);
	return rv == CKR_OK ? ERR_OK : pk11_fail(f, rv, "C_CreateObject");
}

static enum err destroy_all(struct pk11_session *s, const struct objects *o, struct fail *f)
{
	enum err e = ERR_OK;

	for (size_t i = 0; !e && i < o->count; i++) {
		CK_RV rv = s->f->C_DestroyObject(s->handle, o->handle[i]);

		if (rv != CKR_OK)
			e = pk11_fail(f, rv, "C_DestroyObject");
	}
	return e;
}

static enum err put(struct pk11_session *s, void *arg, struct fail *f)
{
	struct work *w = arg;
	struct objects o;
	enum err e = find(s, w, &o, f);

	if (!e)
		e = make(s, w, o.number + 1, f);
	return e ? e : destroy_all(s, &o, f);
}

static enum err get(struct pk11_session *s, void *arg, struct fail *f)
{
	struct work *w = arg;
	struct objects o;
	enum err e = find(s, w, &o, f);

	return e || w->found ? e : fail_set(f, ERR_NOT_FOUND, 0, "the token has no object %.100s", w->name);
}

static enum err destroy(struct pk11_session *s, void *arg, struct fail *f)
{
	struct objects o;
	enum err e = find(s, arg, &o, f);

	return e ? e : destroy_all(s, &o, f);
}

enum err sealed_put(struct pk11 *p, const char *name, const struct secret *value, struct fail *f)
{
	struct work w = { .name = name, .in = value };

	if (!value->len || value->len > SEALED_MAX)
		return fail_set(f, ERR_USAGE, 0, "%.100s: 1 to %d bytes", name, SEALED_MAX);
	return pk11_run(p, put, &w, f);
}

enum err sealed_get(struct pk11 *p, const char *name, struct secret *ret, struct fail *f)
{
	SECRET_AUTO out = { 0 };
	struct work w = { .name = name, .out = &out };
	enum err e;

	if (!secret_init(&out, SEALED_MAX + 1))
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory for a secret");
	e = pk11_run(p, get, &w, f);
	if (!e)
		secret_move(ret, &out);
	return e;
}

enum err sealed_remove(struct pk11 *p, const char *name, bool *ret_found, struct fail *f)
{
	struct work w = { .name = name };
	enum err e = pk11_run(p, destroy, &w, f);

	if (!e)
		*ret_found = w.found;
	return e;
}
