/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys of a token, and which came of which (CKA_SR_PARENT). */
#include "ck.h"

#include <stdlib.h>
#include <string.h>

#include "compromise.h"

#define PARENTS_MAX 4096 /* letters; more than a hundred parents */

void family_done(struct family *fam)
{
	for (size_t i = 0; i < fam->n; i++)
		free(fam->all[i].parents);
	free(fam->all);
	*fam = (struct family){ 0 };
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct kin *)a)->id, ((const struct kin *)b)->id);
}

struct kin *family_find(const struct family *fam, const char *id)
{
	struct kin key = { 0 };

	if (strlen(id) != KIN_ID)
		return NULL;
	memcpy(key.id, id, KIN_ID);
	return fam->n > 0 ? bsearch(&key, fam->all, fam->n, sizeof(key), by_id) : NULL;
}

/* read_one: false: gone meanwhile. */
static enum err read_one(struct pk11_session *s, CK_OBJECT_HANDLE object, CK_OBJECT_CLASS class, struct kin *ret,
			 bool *ret_there, struct fail *f)
{
	char parents[PARENTS_MAX];
	struct kin k = { .object = object, .class = class, .level = KIN_NOT };
	CK_ATTRIBUTE t[] = { { CKA_UNIQUE_ID, k.id, KIN_ID }, { CKA_SR_PARENT, parents, sizeof(parents) } };
	CK_RV rv = s->f->C_GetAttributeValue(s->handle, object, t, ARRAY_LEN(t));

	*ret_there = rv != CKR_OBJECT_HANDLE_INVALID;
	if (!*ret_there)
		return ERR_OK;
	if (rv != CKR_OK && rv != CKR_ATTRIBUTE_TYPE_INVALID)
		return pk11_fail(f, rv, "C_GetAttributeValue");
	if (t[0].ulValueLen != KIN_ID)
		return fail_set(f, ERR_TOKEN, 0, "a key without CKA_UNIQUE_ID: not a token of strongroom");
	if (t[1].ulValueLen != CK_UNAVAILABLE_INFORMATION && t[1].ulValueLen > 0) {
		k.parents = strndup(parents, t[1].ulValueLen);
		if (!k.parents)
			return fail_set(f, ERR_NO_MEMORY, 0, "keys");
	}
	*ret = k;
	return ERR_OK;
}

static enum err read_class(struct pk11_session *s, CK_OBJECT_CLASS class, struct family *fam, struct fail *f)
{
	static const CK_BBOOL yes = CK_TRUE;
	OBJECT_QUERY_AUTO q = { 0 };
	CK_OBJECT_HANDLE *found = NULL;
	struct kin *more = NULL;
	size_t n = 0;
	enum err e;

	object_query_add(&q, CKA_TOKEN, &yes, sizeof(yes));
	object_query_add(&q, CKA_CLASS, &class, sizeof(class));
	e = objects_found(s, &q, &found, &n, f);
	if (e == ERR_OK) {
		more = realloc(fam->all, (fam->n + n + 1) * sizeof(*more));
		if (more)
			fam->all = more;
		else
			e = fail_set(f, ERR_NO_MEMORY, 0, "keys");
	}
	for (size_t i = 0; e == ERR_OK && i < n; i++) {
		bool there = false;

		e = read_one(s, found[i], class, &fam->all[fam->n], &there, f);
		if (e == ERR_OK && there)
			fam->n++;
	}
	free(found);
	return e;
}

enum err family_read(struct pk11_session *s, struct family *ret, struct fail *f)
{
	static const CK_OBJECT_CLASS classes[] = { CKO_SECRET_KEY, CKO_PRIVATE_KEY, CKO_PUBLIC_KEY };
	struct family fam = { 0 };
	enum err e = ERR_OK;

	for (size_t i = 0; e == ERR_OK && i < ARRAY_LEN(classes); i++)
		e = read_class(s, classes[i], &fam, f);
	if (e == ERR_OK && fam.n > 0)
		qsort(fam.all, fam.n, sizeof(*fam.all), by_id);
	if (e == ERR_OK)
		*ret = fam;
	else
		family_done(&fam);
	return e;
}

/* parent_at: the i-th id that a key names; false: no more. */
static bool parent_at(const struct kin *k, size_t i, char ret[KIN_ID + 1])
{
	size_t at = i * (KIN_ID + 1);

	if (!k->parents || at + KIN_ID > strlen(k->parents))
		return false;
	memcpy(ret, k->parents + at, KIN_ID);
	ret[KIN_ID] = '\0';
	return true;
}

/* came_of: does the key name one of this level, or the one that is gone? */
static bool came_of(const struct family *fam, const struct kin *k, int level, const char *gone)
{
	char id[KIN_ID + 1];

	for (size_t i = 0; parent_at(k, i, id); i++) {
		const struct kin *parent = family_find(fam, id);

		if ((parent && parent->level == level) || (level == 0 && gone && !strcmp(id, gone)))
			return true;
	}
	return false;
}

void family_spread(struct family *fam, const char *gone)
{
	bool more = true;

	for (int level = 0; more; level++) {
		more = false;
		for (size_t i = 0; i < fam->n; i++) {
			struct kin *k = &fam->all[i];

			if (k->level == KIN_NOT && came_of(fam, k, level, gone)) {
				k->level = level + 1;
				more = true;
			}
		}
	}
}

bool family_orphan(const struct family *fam, const struct kin *k)
{
	char id[KIN_ID + 1];

	for (size_t i = 0; parent_at(k, i, id); i++)
		if (!family_find(fam, id))
			return true;
	return false;
}

const struct show_field key_row_fields[] = {
	{ "unique_id", "UNIQUE ID", "CKA_UNIQUE_ID" },
	{ "class", "CLASS", "secret-key, private-key, public-key" },
	{ "type", "TYPE", "key type" },
	{ "role", "ROLE", "role of a payment key (docs/roles.md); null: none" },
	{ "label", "LABEL", "CKA_LABEL" },
	{ "id", NULL, "CKA_ID, hexadecimal" },
	{ "check_value", "CHECK VALUE", "of a secret key, six digits; null: it has none" },
	{ "generation", "GENERATION", "of a key of a role with generations; null: its role has none" },
	{ "retired", "RETIRED", "true: it opens, and makes nothing any more" },
	{ "flags", NULL, "as of `list objects`" },
	{ "came_of", "CAME OF", "CKA_UNIQUE_ID of what it came in under, was derived from, or is a copy of" },
	{ "level", "LEVEL", "steps from the key that may be known; null: it did not come of it" },
	{ 0 },
};

static json_t *parents_json(const struct kin *k)
{
	json_t *list = json_array();
	char id[KIN_ID + 1];

	for (size_t i = 0; parent_at(k, i, id); i++)
		json_array_append_new(list, json_string(id));
	return list;
}

enum err key_row(struct pk11_session *s, const struct kin *k, json_t **ret, struct fail *f)
{
	CK_ULONG generation = 0;
	CK_BBOOL retired = CK_FALSE;
	CK_ATTRIBUTE t = { CKA_SR_RETIRED, &retired, sizeof(retired) };
	json_t *row = NULL;
	enum err e = object_json(s, k->object, &row, f);

	if (e != ERR_OK || !row)
		return e != ERR_OK ? e : fail_set(f, ERR_KEY_MISSING, 0, "%s: destroyed meanwhile", k->id);
	if (s->f->C_GetAttributeValue(s->handle, k->object, &t, 1) != CKR_OK)
		retired = CK_FALSE;
	json_object_del(row, "custodian");
	json_object_set_new(row, "generation",
			    object_number(s, k->object, CKA_SR_GENERATION, &generation)
				? json_integer((json_int_t)generation)
				: json_null());
	json_object_set_new(row, "retired", json_boolean(retired == CK_TRUE));
	json_object_set_new(row, "came_of", parents_json(k));
	json_object_set_new(row, "level", k->level == KIN_NOT ? json_null() : json_integer(k->level));
	*ret = row;
	return ERR_OK;
}
