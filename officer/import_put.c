/* SPDX-License-Identifier: BSD-2-Clause */
#include "import.h"

#include <string.h>

static bool left_out(const CK_ATTRIBUTE_TYPE *without, CK_ATTRIBUTE_TYPE type)
{
	for (; without && *without; without++)
		if (*without == type)
			return true;
	return false;
}

CK_ULONG import_template(const struct import_object *o, const CK_ATTRIBUTE_TYPE *without, CK_ATTRIBUTE *ret)
{
	static CK_BBOOL yes = CK_TRUE;
	CK_ULONG n = 0;

	ret[n++] = (CK_ATTRIBUTE){ CKA_TOKEN, &yes, sizeof(yes) };
	for (size_t i = 0; i < o->count; i++) {
		const struct import_attr *a = &o->attrs[i];
		const struct import_row *row = import_row_of(o->class, a->type);

		/* What is empty is so without being said. */
		if (!row || (row->kind == IMPORT_BYTES && a->value.len == 0) || left_out(without, a->type))
			continue;
		if (row->part != IMPORT_ABOUT && o->wrapped.len > 0)
			continue;
		ret[n++] = (CK_ATTRIBUTE){ a->type, a->value.p, a->value.len };
	}
	return n;
}

enum err import_there(struct pk11_session *to, const struct import_object *o, bool *ret, struct fail *f)
{
	static const CK_ATTRIBUTE_TYPE asked[] = { CKA_CLASS, CKA_KEY_TYPE, CKA_LABEL, CKA_ID };
	static CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE t[ARRAY_LEN(asked) + 1] = { { CKA_TOKEN, &yes, sizeof(yes) } };
	CK_OBJECT_HANDLE found;
	CK_ULONG n = 1;
	size_t count = 0;
	bool named = false;

	for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
		const struct import_attr *a = import_object_find(o, asked[i]);

		if (!a || a->value.len == 0)
			continue;
		named = named || asked[i] == CKA_LABEL || asked[i] == CKA_ID;
		t[n++] = (CK_ATTRIBUTE){ a->type, a->value.p, a->value.len };
	}
	*ret = false;
	if (!named)
		return ERR_OK;
	enum err e = pk11_find(to, t, n, &found, 1, &count, f);
	*ret = e == ERR_OK && count > 0;
	return e;
}

enum err import_put(struct pk11_session *to, const struct import_object *o, const CK_ATTRIBUTE_TYPE *without,
		    struct fail *f)
{
	CK_ATTRIBUTE t[IMPORT_ATTRS_MAX + 2];
	CK_ULONG n = import_template(o, without, t);
	CK_OBJECT_HANDLE made;
	CK_RV rv;

	if (o->wrapped.len == 0) {
		rv = to->f->C_CreateObject(to->handle, t, n, &made);
		return rv == CKR_OK ? ERR_OK : pk11_fail(f, rv, "C_CreateObject");
	}
	CK_MECHANISM m = { o->mechanism, NULL, 0 };
	rv = to->f->C_UnwrapKey(to->handle, &m, o->unwrapping, o->wrapped.p, o->wrapped.len, t, n, &made);
	return rv == CKR_OK ? ERR_OK : pk11_fail(f, rv, "C_UnwrapKey");
}
