/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "sealed.h"

#define APPLICATION "strongroom"

/* One call: what, and where its answer goes. */
struct work {
	const char *name;
	const struct secret *in;
	struct secret *out;
	bool found;
};

static enum err find(struct pk11_session *s, struct work *w, CK_OBJECT_HANDLE *ret, struct fail *f)
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
	size_t count = 0;
	enum err e = pk11_find(s, template, ARRAY_LEN(template), ret, 1, &count, f);

	if (!e && count > 1)
		return fail_set(f, ERR_TOKEN, 0, "the token has several objects %.100s", w->name);
	w->found = !e && count == 1;
	return e;
}

static enum err make(struct pk11_session *s, const struct work *w, struct fail *f)
{
	static CK_OBJECT_CLASS class = CKO_DATA;
	static CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE template[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_TOKEN, &yes, sizeof(yes) },
		{ CKA_PRIVATE, &yes, sizeof(yes) },
		{ CKA_MODIFIABLE, &yes, sizeof(yes) },
		{ CKA_APPLICATION, (void *)APPLICATION, sizeof(APPLICATION) - 1 },
		{ CKA_LABEL, (void *)w->name, strlen(w->name) },
		{ CKA_VALUE, w->in->p, w->in->len },
	};
	CK_OBJECT_HANDLE handle;
	CK_RV rv = s->f->C_CreateObject(s->handle, template, ARRAY_LEN(template), &handle);

	return rv == CKR_OK ? ERR_OK : pk11_fail(f, rv, "C_CreateObject");
}

static enum err put(struct pk11_session *s, void *arg, struct fail *f)
{
	struct work *w = arg;
	CK_ATTRIBUTE value = { CKA_VALUE, w->in->p, w->in->len };
	CK_OBJECT_HANDLE handle;
	enum err e = find(s, w, &handle, f);
	CK_RV rv;

	if (e || !w->found)
		return e ? e : make(s, w, f);
	rv = s->f->C_SetAttributeValue(s->handle, handle, &value, 1);
	return rv == CKR_OK ? ERR_OK : pk11_fail(f, rv, "C_SetAttributeValue");
}

static enum err get(struct pk11_session *s, void *arg, struct fail *f)
{
	struct work *w = arg;
	SECRET_AUTO room = { 0 };
	CK_ATTRIBUTE value = { CKA_VALUE, NULL, SEALED_MAX };
	CK_OBJECT_HANDLE handle;
	enum err e = find(s, w, &handle, f);
	CK_RV rv;

	if (e || !w->found)
		return e ? e : fail_set(f, ERR_NOT_FOUND, 0, "the token has no object %.100s", w->name);
	if (!secret_init(&room, SEALED_MAX + 1))
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory for a secret");
	value.pValue = room.p;
	rv = s->f->C_GetAttributeValue(s->handle, handle, &value, 1);
	if (rv != CKR_OK)
		return pk11_fail(f, rv, "C_GetAttributeValue");
	room.len = value.ulValueLen;
	secret_move(w->out, &room);
	return ERR_OK;
}

static enum err destroy(struct pk11_session *s, void *arg, struct fail *f)
{
	struct work *w = arg;
	CK_OBJECT_HANDLE handle;
	enum err e = find(s, w, &handle, f);
	CK_RV rv;

	if (e || !w->found)
		return e;
	rv = s->f->C_DestroyObject(s->handle, handle);
	return rv == CKR_OK ? ERR_OK : pk11_fail(f, rv, "C_DestroyObject");
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
	struct work w = { .name = name, .out = ret };

	return pk11_run(p, get, &w, f);
}

enum err sealed_remove(struct pk11 *p, const char *name, bool *ret_found, struct fail *f)
{
	struct work w = { .name = name };
	enum err e = pk11_run(p, destroy, &w, f);

	if (!e)
		*ret_found = w.found;
	return e;
}
