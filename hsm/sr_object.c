/* SPDX-License-Identifier: BSD-2-Clause */
#include "sr_functions.h"

#include <stdlib.h>

#include "module.h"
#include "object_own.h"

/* make_all: the objects of the templates, uncommitted. One that must be the only one of its kind comes by itself. */
static CK_RV make_all(struct session *s, const struct sr_template *templates, CK_ULONG n, struct object **objects)
{
	const struct object_make make = { .origin = OBJECT_CREATED, .class = OBJECT_ANY, .key_type = OBJECT_ANY };
	CK_RV rv = CKR_OK;

	for (CK_ULONG i = 0; rv == CKR_OK && i < n; i++) {
		rv = object_new_from(s, &make, templates[i].pTemplate, templates[i].ulCount, &objects[i]);
		if (rv == CKR_OK && objects[i]->check != NULL)
			rv = CKR_ACTION_PROHIBITED;
	}
	return rv;
}

static CK_RV create_objects(struct session *s, const struct sr_template *templates, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	struct object **objects;
	CK_RV rv;

	if (n == 0 || n > SR_CREATE_MAX || templates == NULL || ret == NULL)
		return CKR_ARGUMENTS_BAD;
	objects = calloc(n, sizeof(struct object *));
	rv = objects != NULL ? make_all(s, templates, n, objects) : CKR_HOST_MEMORY;
	if (rv == CKR_OK) {
		struct object_change c = { .create = objects, .creates = n };

		rv = object_commit_change(s, &c, ret);
	}
	for (CK_ULONG i = 0; objects != NULL && i < n; i++)
		object_unref(objects[i]);
	free(objects);
	return rv;
}

CK_RV SR_CreateObjects(CK_SESSION_HANDLE session, struct sr_template *templates, CK_ULONG n,
		       CK_OBJECT_HANDLE_PTR handles)
{
	CALL_SESSION(session, 0, create_objects(call_s, templates, n, handles));
}
