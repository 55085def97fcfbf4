/* SPDX-License-Identifier: BSD-2-Clause */
#include "import_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pk11_sr.h"
#include "vendor_functions.h"

/* A batch: objects that are made in one commit. */
struct batch {
	struct import_object *objects;
	size_t len;
};

static enum err say(const struct import_run *run, const struct import_object *o, enum import_result result,
		    const char *why, struct fail *f)
{
	struct import_line line = { .name = o->name, .result = result, .why = why };

	return run->each(run->ctx, &line, f);
}

/* put_one: an object by itself. Only what concerns our token as a whole ends the import. */
static enum err put_one(const struct import_run *run, const struct import_object *o, struct fail *f)
{
	struct fail why = { 0 };
	enum err e = import_put(run->to, o, run->without, &why);

	if (e == ERR_OK)
		return say(run, o, IMPORT_MADE, "", f);
	if (pk11_lost(why.rv) || e == ERR_NO_MEMORY)
		return fail_set(f, e, why.rv, "%s: %s", o->name, why.text);
	return say(run, o, IMPORT_LEFT, why.text, f);
}

/* put_all: the batch in one commit; *ret_made false: our token refused it, and nothing was made. */
static enum err put_all(const struct import_run *run, const struct batch *b, bool *ret_made, struct fail *f)
{
	struct sr_template *templates = calloc(b->len, sizeof(*templates));
	CK_ATTRIBUTE *attrs = calloc(b->len * (IMPORT_ATTRS_MAX + 2), sizeof(*attrs));
	CK_OBJECT_HANDLE *handles = calloc(b->len, sizeof(*handles));
	enum err e = templates && attrs && handles ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "batch");

	for (size_t i = 0; e == ERR_OK && i < b->len; i++) {
		templates[i].pTemplate = attrs + i * (IMPORT_ATTRS_MAX + 2);
		templates[i].ulCount = import_template(&b->objects[i], run->without, templates[i].pTemplate);
	}
	if (e == ERR_OK)
		*ret_made = run->sr->SR_CreateObjects(run->to->handle, templates, b->len, handles) == CKR_OK;
	free(templates);
	free(attrs);
	free(handles);
	return e;
}

/* flush: what waits is made; when the whole is refused, one by one, to tell which it is. */
static enum err flush(const struct import_run *run, struct batch *b, struct fail *f)
{
	bool made = false;
	enum err e = b->len > 0 ? put_all(run, b, &made, f) : ERR_OK;

	for (size_t i = 0; i < b->len; i++) {
		if (e == ERR_OK)
			e = made ? say(run, &b->objects[i], IMPORT_MADE, "", f) : put_one(run, &b->objects[i], f);
		import_object_done(&b->objects[i]);
	}
	b->len = 0;
	return e;
}

/* take: one object of the source; it is put, or goes into the batch. */
static enum err take(const struct import_run *run, struct batch *b, struct import_object *o, struct fail *f)
{
	bool there = false;
	enum err e;

	if (o->stays[0])
		return say(run, o, IMPORT_LEFT, o->stays, f);
	e = import_there(run->to, o, &there, f);
	if (e != ERR_OK)
		return e;
	if (there)
		return say(run, o, IMPORT_THERE, "", f);
	if (run->bulk <= 1 || o->wrapped.len > 0)
		return put_one(run, o, f);
	b->objects[b->len++] = *o;
	*o = (struct import_object){ 0 };
	return b->len == run->bulk ? flush(run, b, f) : ERR_OK;
}

enum err import_run(const struct import_run *run, struct fail *f)
{
	struct batch batch = { .objects = calloc(run->bulk > 0 ? run->bulk : 1, sizeof(*batch.objects)) };
	enum err e = batch.objects ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "batch");
	bool end = false;

	while (e == ERR_OK && !end) {
		IMPORT_OBJECT_AUTO o = { 0 };

		e = run->from->next(run->from->ctx, &o, &end, f);
		if (e == ERR_OK && !end)
			e = take(run, &batch, &o, f);
	}
	if (e == ERR_OK)
		e = flush(run, &batch, f);
	for (size_t i = 0; i < batch.len; i++)
		import_object_done(&batch.objects[i]);
	free(batch.objects);
	return e;
}
