/* SPDX-License-Identifier: BSD-2-Clause */
#include "ck.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "commands.h"
#include "names.h"
#include "objects.h"

static const struct show_field key_fields[] = {
	{ "label", "LABEL", "CKA_LABEL" },
	{ "role", "ROLE", "role of a payment key; null: none" },
	{ "type", "TYPE", "key type" },
	{ "check_value", "CHECK VALUE", "six hexadecimal digits" },
	{ "method", "METHOD",
	  "ecb: a zero block enciphered (DES keys); cmac: CMAC of a zero block (AES keys), both ANSI X9.24-1; "
	  "attribute: "
	  "CKA_CHECK_VALUE, of other types" },
	{ "unique_id", NULL, "CKA_UNIQUE_ID" },
	{ 0 },
};
static const struct show_field fields[] = {
	OFFICER_TOKEN_FIELDS,
	{ "keys", "keys", "in the order of their labels", key_fields },
	{ 0 },
};

static enum err key_json(struct pk11_session *s, CK_OBJECT_HANDLE key, json_t **ret, struct fail *f)
{
	BUF_AUTO label = { 0 };
	BUF_AUTO unique = { 0 };
	char value[CHECK_VALUE_HEX];
	char room[24], role_room[24];
	const char *method = "";
	CK_ULONG type = 0, role = 0;
	bool has_role = object_number(s, key, CKA_SR_ROLE, &role);
	enum err e = object_check_value(s, key, value, &method, f);

	if (e != ERR_OK)
		return e;
	object_number(s, key, CKA_KEY_TYPE, &type);
	object_text(s, key, CKA_LABEL, &label);
	object_text(s, key, CKA_UNIQUE_ID, &unique);
	*ret = json_pack("{s:o, s:o, s:s, s:s, s:s, s:o}", "label", show_string(buf_view(&label)), "role",
			 has_role ? json_string(names_text(NAMES_ROLE, role, role_room)) : json_null(), "type",
			 names_text(NAMES_KEY_TYPE, type, room), "check_value", value, "method", method, "unique_id",
			 show_string(buf_view(&unique)));
	return *ret ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "key");
}

static int by_label(const void *a, const void *b)
{
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;

	return strcmp(json_string_value(json_object_get(x, "label")), json_string_value(json_object_get(y, "label")));
}

static json_t *sorted(json_t *list)
{
	size_t n = json_array_size(list);
	json_t **keys = calloc(n + 1, sizeof(*keys));
	json_t *made = json_array();

	for (size_t i = 0; keys && i < n; i++)
		keys[i] = json_array_get(list, i);
	if (keys)
		qsort(keys, n, sizeof(*keys), by_label);
	for (size_t i = 0; keys && i < n; i++)
		json_array_append(made, keys[i]);
	free(keys);
	return made;
}

/* collect_all: those that the options choose and that have a check value. */
static enum err collect_all(const struct officer *o, struct pk11_session *s, json_t *list, struct fail *f)
{
	static const CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	OBJECT_QUERY_AUTO q = { 0 };
	CK_OBJECT_HANDLE *found = NULL;
	size_t n = 0;
	enum err e = object_query_of(o, &q, f);

	object_query_add(&q, CKA_CLASS, &class, sizeof(class));
	if (e == ERR_OK)
		e = objects_found(s, &q, &found, &n, f);
	for (size_t i = 0; e == ERR_OK && i < n; i++) {
		struct fail none = { 0 };
		json_t *one = NULL;

		if (key_json(s, found[i], &one, &none) == ERR_OK)
			json_array_append_new(list, one);
	}
	free(found);
	return e;
}

static enum err collect_labels(struct pk11_session *s, char **labels, json_t *list, struct fail *f)
{
	enum err e = ERR_OK;

	for (; e == ERR_OK && *labels; labels++) {
		CK_OBJECT_HANDLE key = 0;
		json_t *one = NULL;

		e = object_of_label(s, *labels, &key, f);
		if (e == ERR_OK)
			e = key_json(s, key, &one, f);
		if (one)
			json_array_append_new(list, one);
	}
	return e;
}

/* expected: do all have the check value that --expect says? */
static void expected(struct officer *o, const json_t *list)
{
	const char *value = officer_value(o, "expect");

	for (size_t i = 0; value && i < json_array_size(list); i++)
		if (strcasecmp(value, json_string_value(json_object_get(json_array_get(list, i), "check_value"))))
			officer_found(o);
	if (value && json_array_size(list) == 0)
		officer_found(o);
}

static enum err run(struct officer *o, char **words, struct fail *f)
{
	bool chosen = officer_has(o, "all") || officer_has(o, "role") || officer_has(o, "label") ||
		      officer_has(o, "type") || officer_has(o, "id");
	struct pk11_session *s = NULL;
	struct pk11 *p = NULL;
	json_t *list = NULL;
	enum err e;

	if (chosen == (*words != NULL))
		return fail_set(f, ERR_USAGE, 0, "which keys? labels, or --role, --type, --id, --all");
	e = officer_open(o, PK11_USER, &p, f);
	if (e == ERR_OK)
		e = pk11_borrow(p, &s, f);
	list = json_array();
	if (e == ERR_OK)
		e = *words ? collect_labels(s, words, list, f) : collect_all(o, s, list, f);
	if (e == ERR_OK) {
		json_t *all = officer_answer(p);

		json_object_set_new(all, "keys", sorted(list));
		expected(o, list);
		e = officer_show(o, all, f);
	}
	json_decref(list);
	pk11_return(s, CKR_OK);
	pk11_free(p);
	return e;
}

static const struct officer_option options[] = {
	{ "role", "ROLE", "all keys of this role: PK, MAK, TMK, COMPONENT, ... (docs/roles.md)" },
	{ "type", "TYPE", "all keys of this type: AES, DES2, DES3, ..." },
	{ "id", "HEX", "all keys with this CKA_ID" },
	{ "all", NULL, "all secret keys" },
	{ "expect", "VALUE",
	  "the check value that they must have; exit status 3 when one has another, or none is there" },
	{ 0 },
};

static const struct officer_form forms[] = {
	{ "", "[LABEL...]", 0, -1, "the check values of these keys, or of those that the options choose", run, fields },
	{ 0 },
};

const struct officer_command command_kcv = {
	.name = "kcv",
	.summary = "check values of keys",
	.text = "A check value tells whether two parties hold the same key and shows nothing else of it. DES keys: the "
		"first three "
		"bytes of a zero block enciphered; AES keys: of the CMAC of a zero block (ANSI X9.24-1:2017 annex A).",
	.common = COMMON_TOKEN | COMMON_USER,
	.options = options,
	.forms = forms,
	.examples = "strongroom kcv PK-ACME MAK-ACME --token HSM1\nstrongroom kcv PK-ACME --expect BAFE39 --token HSM1 "
		    "--pin-file p",
};
