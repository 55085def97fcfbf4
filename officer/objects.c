/* SPDX-License-Identifier: BSD-2-Clause */
#include "ck.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "objects.h"

#define BATCH 1024

void object_query_done(struct object_query *q)
{
	buf_done(&q->id);
}

void object_query_add(struct object_query *q, CK_ATTRIBUTE_TYPE type, const void *value, size_t n)
{
	if (q->n < ARRAY_LEN(q->t))
		q->t[q->n++] = (CK_ATTRIBUTE){ type, (void *)(uintptr_t)value, n };
}

/* add_named: an option whose value is a name of names.h. */
static enum err add_named(const struct officer *o, const char *option, enum names what, CK_ATTRIBUTE_TYPE type,
			  CK_ULONG *room, struct object_query *q, struct fail *f)
{
	const char *text = officer_value(o, option);

	if (!text)
		return ERR_OK;
	if (!names_number(what, text, room))
		return fail_set(f, ERR_USAGE, 0, "--%s: %.64s: there is no such %s", option, text, option);
	object_query_add(q, type, room, sizeof(*room));
	return ERR_OK;
}

enum err object_query_of(const struct officer *o, struct object_query *ret, struct fail *f)
{
	const char *label = officer_value(o, "label");
	const char *id = officer_value(o, "id");
	enum err e;

	ret->token = CK_TRUE;
	object_query_add(ret, CKA_TOKEN, &ret->token, sizeof(ret->token));
	e = add_named(o, "class", NAMES_CLASS, CKA_CLASS, &ret->class, ret, f);
	if (e == ERR_OK)
		e = add_named(o, "type", NAMES_KEY_TYPE, CKA_KEY_TYPE, &ret->type, ret, f);
	if (e == ERR_OK)
		e = add_named(o, "role", NAMES_ROLE, CKA_SR_ROLE, &ret->role, ret, f);
	if (e != ERR_OK)
		return e;
	if (label)
		object_query_add(ret, CKA_LABEL, label, strlen(label));
	if (id && !hex_decode(id, strlen(id), &ret->id))
		return fail_set(f, ERR_USAGE, 0, "--id: %.64s: pairs of hexadecimal digits are needed", id);
	if (id)
		object_query_add(ret, CKA_ID, ret->id.p, ret->id.len);
	return ERR_OK;
}

enum err objects_found(struct pk11_session *s, struct object_query *q, CK_OBJECT_HANDLE **ret, size_t *ret_n,
		       struct fail *f)
{
	CK_OBJECT_HANDLE *all = NULL;
	size_t n = 0;
	CK_ULONG got = 0;
	CK_RV rv = s->f->C_FindObjectsInit(s->handle, q->t, q->n);

	if (rv != CKR_OK)
		return pk11_fail(f, rv, "C_FindObjectsInit");
	do {
		CK_OBJECT_HANDLE *more = realloc(all, (n + BATCH) * sizeof(*more));

		rv = more ? s->f->C_FindObjects(s->handle, more + n, BATCH, &got) : CKR_HOST_MEMORY;
		all = more ? more : all;
		n += rv == CKR_OK ? got : 0;
	} while (rv == CKR_OK && got > 0);
	s->f->C_FindObjectsFinal(s->handle);
	if (rv != CKR_OK) {
		free(all);
		return pk11_fail(f, rv, "C_FindObjects");
	}
	*ret = all;
	*ret_n = n;
	return ERR_OK;
}

/* newest: the newest of the generations of one key comes first, and is the one that is left; others stay as they are.
 */
static size_t newest(struct pk11_session *s, CK_OBJECT_HANDLE *found, size_t n)
{
	CK_ULONG role = 0, last = 0;
	size_t at = 0;

	for (size_t i = 0; i < n; i++) {
		CK_ULONG generation = 0, of = 0;

		if (!object_number(s, found[i], CKA_SR_ROLE, &of) || (i > 0 && of != role) ||
		    !object_number(s, found[i], CKA_SR_GENERATION, &generation))
			return n;
		role = of;
		if (generation > last) {
			last = generation;
			at = i;
		}
	}
	found[0] = found[at];
	return 1;
}

enum err object_of_label(struct pk11_session *s, const char *label, CK_OBJECT_HANDLE *ret, struct fail *f)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	struct object_query q = { 0 };
	CK_OBJECT_HANDLE *found = NULL;
	size_t n = 0;
	enum err e;

	object_query_add(&q, CKA_CLASS, &class, sizeof(class));
	object_query_add(&q, CKA_LABEL, label, strlen(label));
	e = objects_found(s, &q, &found, &n, f);
	if (e == ERR_OK && n > 1)
		n = newest(s, found, n);
	if (e == ERR_OK && n != 1)
		e = fail_set(f, ERR_KEY_MISSING, 0, "%.64s: %s", label,
			     n ? "several keys have this label; `strongroom list objects` shows them"
			       : "there is no key of this label; `strongroom list objects` shows those that are there");
	if (e == ERR_OK)
		*ret = found[0];
	free(found);
	return e;
}

void object_text(struct pk11_session *s, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, struct buf *ret)
{
	struct fail ignored = { 0 };

	if (pk11_attribute(s, object, type, ret, &ignored) != ERR_OK)
		ret->len = 0;
}

bool object_number(struct pk11_session *s, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, CK_ULONG *ret)
{
	CK_ATTRIBUTE a = { type, ret, sizeof(*ret) };
	CK_ULONG before = *ret;

	if (s->f->C_GetAttributeValue(s->handle, object, &a, 1) == CKR_OK && a.ulValueLen == sizeof(*ret))
		return true;
	*ret = before;
	return false;
}

enum err object_check_value(struct pk11_session *s, CK_OBJECT_HANDLE object, char ret[CHECK_VALUE_HEX],
			    const char **ret_method, struct fail *f)
{
	CK_MECHANISM m = { CKM_SR_CHECK_VALUE, NULL, 0 };
	uint8_t value[16];
	CK_ULONG len = sizeof(value);
	CK_ULONG type = 0;
	BUF_AUTO attribute = { 0 };
	CK_RV rv = s->f->C_SignInit(s->handle, &m, object);

	if (rv == CKR_OK)
		rv = s->f->C_Sign(s->handle, (CK_BYTE_PTR) "", 0, value, &len);
	if (rv == CKR_OK && len >= 3 && object_number(s, object, CKA_KEY_TYPE, &type)) {
		snprintf(ret, CHECK_VALUE_HEX, "%02X%02X%02X", value[0], value[1], value[2]);
		*ret_method = type == CKK_AES ? "cmac" : "ecb";
		return ERR_OK;
	}
	object_text(s, object, CKA_CHECK_VALUE, &attribute);
	if (attribute.len < 3)
		return fail_set(f, ERR_NOT_FOUND, 0, "the object has no check value");
	snprintf(ret, CHECK_VALUE_HEX, "%02X%02X%02X", attribute.p[0], attribute.p[1], attribute.p[2]);
	*ret_method = "attribute";
	return ERR_OK;
}

const struct show_field object_fields[] = {
	{ "class", "CLASS", "data, certificate, public-key, private-key, secret-key, or a number" },
	{ "type", "TYPE", "key type; null: no key" },
	{ "role", "ROLE", "role of a payment key (docs/roles.md); null: none" },
	{ "label", "LABEL", "CKA_LABEL" },
	{ "id", "ID", "CKA_ID, hexadecimal" },
	{ "check_value", "CHECK VALUE", "of a secret key, six digits; null: it has none" },
	{ "flags", "FLAGS",
	  "what it is: private, sensitive, extractable, modifiable, trusted, always-authenticate, local, and what it "
	  "may do: "
	  "encrypt, decrypt, sign, verify, wrap, unwrap, derive" },
	{ "custodian", "CUSTODIAN", "who entered it, of a component", .maybe = true },
	{ "unique_id", NULL, "CKA_UNIQUE_ID" },
	{ 0 },
};

static const struct {
	CK_ATTRIBUTE_TYPE type;
	const char *name;
} flags[] = {
	{ CKA_PRIVATE, "private" },
	{ CKA_SENSITIVE, "sensitive" },
	{ CKA_EXTRACTABLE, "extractable" },
	{ CKA_MODIFIABLE, "modifiable" },
	{ CKA_TRUSTED, "trusted" },
	{ CKA_ALWAYS_AUTHENTICATE, "always-authenticate" },
	{ CKA_LOCAL, "local" },
	{ CKA_ENCRYPT, "encrypt" },
	{ CKA_DECRYPT, "decrypt" },
	{ CKA_SIGN, "sign" },
	{ CKA_VERIFY, "verify" },
	{ CKA_WRAP, "wrap" },
	{ CKA_UNWRAP, "unwrap" },
	{ CKA_DERIVE, "derive" },
};

static json_t *flags_json(struct pk11_session *s, CK_OBJECT_HANDLE object)
{
	CK_BBOOL values[ARRAY_LEN(flags)] = { 0 };
	CK_ATTRIBUTE t[ARRAY_LEN(flags)];
	json_t *list = json_array();

	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		t[i] = (CK_ATTRIBUTE){ flags[i].type, &values[i], sizeof(values[i]) };
	/* Attributes that an object of this class has not come back with no length; the others are filled in. */
	s->f->C_GetAttributeValue(s->handle, object, t, ARRAY_LEN(t));
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (t[i].ulValueLen == sizeof(values[i]) && values[i] == CK_TRUE)
			json_array_append_new(list, json_string(flags[i].name));
	return list;
}

static json_t *name_json(struct pk11_session *s, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, enum names what)
{
	CK_ULONG number = 0;
	char room[24];

	return object_number(s, object, type, &number) ? json_string(names_text(what, number, room)) : json_null();
}

static json_t *text_json(struct pk11_session *s, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	BUF_AUTO text = { 0 };

	object_text(s, object, type, &text);
	return show_string(buf_view(&text));
}

enum err object_json(struct pk11_session *s, CK_OBJECT_HANDLE object, json_t **ret, struct fail *f)
{
	struct fail ignored = { 0 };
	char value[CHECK_VALUE_HEX];
	const char *method;
	CK_ULONG class = 0;
	BUF_AUTO id = { 0 };
	json_t *all;
	bool has;

	if (!object_number(s, object, CKA_CLASS, &class)) {
		*ret = NULL;
		return ERR_OK;
	}
	all = json_object();
	object_text(s, object, CKA_ID, &id);
	json_object_set_new(all, "class", name_json(s, object, CKA_CLASS, NAMES_CLASS));
	json_object_set_new(all, "type", name_json(s, object, CKA_KEY_TYPE, NAMES_KEY_TYPE));
	json_object_set_new(all, "role", name_json(s, object, CKA_SR_ROLE, NAMES_ROLE));
	json_object_set_new(all, "label", text_json(s, object, CKA_LABEL));
	json_object_set_new(all, "id", show_hex(buf_view(&id)));
	has = class == CKO_SECRET_KEY && object_check_value(s, object, value, &method, &ignored) == ERR_OK;
	json_object_set_new(all, "check_value", has ? json_string(value) : json_null());
	json_object_set_new(all, "flags", flags_json(s, object));
	if (object_number(s, object, CKA_SR_ROLE, &class) && class == SR_ROLE_COMPONENT)
		json_object_set_new(all, "custodian", text_json(s, object, CKA_SR_CUSTODIAN));
	json_object_set_new(all, "unique_id", text_json(s, object, CKA_UNIQUE_ID));
	*ret = all;
	return json_object_size(all) >= 8 ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "object");
}
