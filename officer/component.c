/* SPDX-License-Identifier: BSD-2-Clause */
#include "ck.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ask.h"
#include "component.h"
#include "formats.h"
#include "names.h"

static const struct key_kind kinds[] = {
	{ "AES-256", CKK_AES, 32 },
	{ "TDES-128", CKK_DES2, 16 },
	{ "TDES-192", CKK_DES3, 24 },
};

const struct key_kind *key_kind_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (!strcasecmp(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

static int digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

enum err component_hex(const struct secret *text, CK_ULONG len, struct secret *ret, struct fail *f)
{
	SECRET_AUTO value = { 0 };
	size_t digits = 0;

	if (!secret_init(&value, len))
		return fail_set(f, ERR_NO_MEMORY, 0, "component");
	for (size_t i = 0; i < text->len; i++) {
		int d = digit(text->p[i]);

		if (text->p[i] == ' ' || text->p[i] == '-' || text->p[i] == '\t' || text->p[i] == '\r')
			continue;
		if (d < 0)
			return fail_set(
			    f, ERR_BAD_DATA, 0,
			    "component: letter %zu is no hexadecimal digit; blanks and dashes may stand between groups",
			    i + 1);
		if (digits < 2 * len)
			value.p[digits / 2] = (uint8_t)(value.p[digits / 2] << 4 | d);
		digits++;
	}
	if (digits != 2 * len)
		return fail_set(f, ERR_BAD_DATA, 0, "component: %zu hexadecimal digits, and %lu are needed", digits,
				2 * len);
	value.len = len;
	secret_move(ret, &value);
	return ERR_OK;
}

enum err component_name_fits(const char *name, struct fail *f)
{
	static const char *const roles[] = { "PK", "MAK", "DMK", "ROOT", "KBPK", "FPK", "KTK" };
	size_t n = strcspn(name, "-");

	for (size_t i = 0; i < ARRAY_LEN(roles); i++)
		if (strlen(roles[i]) == n && !strncmp(roles[i], name, n) && (!name[n] || name[n + 1]) &&
		    format_name_ok(view_of_string(name), n + 25))
			return ERR_OK;
	return fail_set(
	    f, ERR_USAGE, 0,
	    "%.64s: a key of components is called PK, MAK, DMK, ROOT, KBPK, FPK or KTK, alone or with a suffix: "
	    "`PK-ACME` (1 to 24 "
	    "of A-Z a-z 0-9 . _ -)",
	    name);
}

enum err component_create(struct officer *o, struct pk11_session *s, const char *label, const struct key_kind *kind,
			  const struct secret *value, const char *who, CK_OBJECT_HANDLE *ret,
			  char check[CHECK_VALUE_HEX], struct fail *f)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = kind->type;
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE t[] = {
		{ CKA_CLASS, &class, sizeof(class) }, { CKA_KEY_TYPE, &type, sizeof(type) },
		{ CKA_TOKEN, &yes, sizeof(yes) },     { CKA_PRIVATE, &yes, sizeof(yes) },
		{ CKA_SENSITIVE, &yes, sizeof(yes) }, { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) },
		{ CKA_VALUE, value->p, value->len }
	};
	CK_OBJECT_HANDLE made = 0;
	const char *method;
	char call[80];
	enum err e;
	CK_RV rv = s->f->C_CreateObject(s->handle, t, ARRAY_LEN(t), &made);

	snprintf(call, sizeof(call), "%.60s: C_CreateObject", label);
	if (rv == CKR_ACTION_PROHIBITED)
		return fail_set(f, ERR_REFUSED, 0,
				"%.60s: refused: only a custodian enters components, this one may be there already, or "
				"those that wait "
				"are of another number; `strongroom components` lists them",
				label);
	if (rv == CKR_ATTRIBUTE_VALUE_INVALID)
		return fail_set(f, ERR_BAD_DATA, 0,
				"%.60s: refused: the component is all zeroes, its digits are not those of a key of "
				"this type, or the "
				"name is not one that is combined",
				label);
	if (rv != CKR_OK)
		return officer_fail(o, f, rv, call, who);
	e = object_check_value(s, made, check, &method, f);
	if (e == ERR_OK)
		*ret = made;
	else
		s->f->C_DestroyObject(s->handle, made);
	return e;
}

enum err component_destroy(struct officer *o, struct pk11_session *s, CK_OBJECT_HANDLE component, struct fail *f)
{
	CK_RV rv = s->f->C_DestroyObject(s->handle, component);

	if (rv == CKR_ACTION_PROHIBITED)
		return fail_set(
		    f, ERR_REFUSED, 0,
		    "refused: a component is destroyed by the custodian who entered it, or by the security officer");
	return rv == CKR_OK ? ERR_OK : officer_fail(o, f, rv, "C_DestroyObject", NULL);
}

const struct show_field component_fields[] = {
	{ "label", "LABEL", "NAME#k/n: component k of n of the key NAME" },
	{ "key", NULL, "the key's name" },
	{ "number", NULL, "k" },
	{ "of", NULL, "n" },
	{ "type", "TYPE", "key type" },
	{ "custodian", "CUSTODIAN", "who entered it" },
	{ "check_value", "CHECK VALUE", "six hexadecimal digits; null: only after a login that may ask for it" },
	{ 0 },
};

static enum err component_row(struct pk11_session *s, CK_OBJECT_HANDLE object, const char *name, json_t *list,
			      struct fail *f)
{
	struct fail ignored = { 0 };
	BUF_AUTO label = { 0 };
	BUF_AUTO place = { 0 };
	BUF_AUTO custodian = { 0 };
	char value[CHECK_VALUE_HEX];
	char room[24];
	const char *method;
	CK_ULONG type = 0;
	const uint8_t *hash;
	size_t n;
	bool has;

	object_text(s, object, CKA_LABEL, &label);
	object_text(s, object, CKA_SR_COMPONENT, &place);
	object_text(s, object, CKA_SR_CUSTODIAN, &custodian);
	hash = label.len ? memchr(label.p, '#', label.len) : NULL;
	if (!hash || place.len != 2)
		return ERR_OK; /* gone meanwhile */
	n = (size_t)(hash - label.p);
	if (name && (strlen(name) != n || memcmp(name, label.p, n)))
		return ERR_OK;
	object_number(s, object, CKA_KEY_TYPE, &type);
	has = object_check_value(s, object, value, &method, &ignored) == ERR_OK;
	return json_array_append_new(list, json_pack("{s:o, s:o, s:i, s:i, s:s, s:o, s:o}", "label",
						     show_string(buf_view(&label)), "key",
						     show_string(VIEW(label.p, n)), "number", place.p[0], "of",
						     place.p[1], "type", names_text(NAMES_KEY_TYPE, type, room),
						     "custodian", show_string(buf_view(&custodian)), "check_value",
						     has ? json_string(value) : json_null()))
		   ? fail_set(f, ERR_NO_MEMORY, 0, "components")
		   : ERR_OK;
}

enum err component_rows(struct pk11_session *s, const char *name, json_t **ret, struct fail *f)
{
	static const CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	static const CK_ULONG role = SR_ROLE_COMPONENT;
	struct object_query q = { 0 };
	CK_OBJECT_HANDLE *found = NULL;
	json_t *list = json_array();
	size_t n = 0;
	enum err e;

	object_query_add(&q, CKA_CLASS, &class, sizeof(class));
	object_query_add(&q, CKA_SR_ROLE, &role, sizeof(role));
	e = objects_found(s, &q, &found, &n, f);
	for (size_t i = 0; e == ERR_OK && i < n; i++)
		e = component_row(s, found[i], name, list, f);
	free(found);
	if (e == ERR_OK)
		*ret = list;
	else
		json_decref(list);
	return e;
}

/* agreed: is this check value the one that it should be? */
static enum err agreed(const struct component_entry *entry, const char *check, bool *ret, struct fail *f)
{
	char prompt[120];

	if (entry->expect) {
		*ret = !strcasecmp(entry->expect, check);
		return ERR_OK;
	}
	if (entry->file) {
		*ret = true;
		return ERR_OK;
	}
	snprintf(prompt, sizeof(prompt), "Check value %s. Is it the one on the envelope? [y/N] ", check);
	return ask_yes(prompt, ret, f);
}

enum err component_enter(struct officer *o, struct pk11_session *s, const struct component_entry *entry,
			 char check[CHECK_VALUE_HEX], struct fail *f)
{
	SECRET_AUTO text = { 0 };
	SECRET_AUTO value = { 0 };
	CK_OBJECT_HANDLE made = 0;
	char prompt[120];
	bool good = false;
	enum err e;

	snprintf(prompt, sizeof(prompt), "%.40s, %lu hexadecimal digits: ", entry->label, 2 * entry->kind->len);
	if (entry->file)
		e = ask_file(entry->file, &text, f);
	else
		e = entry->twice ? ask_twice(prompt, &text, f) : ask_hidden(prompt, &text, f);
	if (e == ERR_OK)
		e = component_hex(&text, entry->kind->len, &value, f);
	if (e == ERR_OK)
		e = component_create(o, s, entry->label, entry->kind, &value, entry->who, &made, check, f);
	if (e != ERR_OK)
		return e;
	e = agreed(entry, check, &good, f);
	if (e == ERR_OK && good)
		return ERR_OK;
	if (e == ERR_OK)
		e = fail_set(f, ERR_BAD_DATA, 0,
			     "%.40s: check value %s is not the one expected%s%.8s; the component was destroyed again",
			     entry->label, check, entry->expect ? ", " : "", entry->expect ? entry->expect : "");
	s->f->C_DestroyObject(s->handle, made);
	return e;
}
