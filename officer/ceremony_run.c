/* SPDX-License-Identifier: BSD-2-Clause */
#include "ck.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ask.h"
#include "ceremony.h"
#include "now.h"
#include "pk11_sr.h"
#include "protocol.h"
#include "vendor_functions.h"

static json_t *now_json(void)
{
	char text[TIME_TEXT];

	return json_string(time_text((int64_t)time(NULL), text));
}

/* custodian_fits: does the token have him, with a PIN of his own? Before anybody types anything. */
static enum err custodian_fits(const struct sr_user *users, CK_ULONG n, const char *name, struct fail *f)
{
	for (CK_ULONG i = 0; i < n; i++) {
		if (users[i].ulKind != SR_USER_CUSTODIAN || strcmp((const char *)users[i].szName, name) != 0)
			continue;
		if (users[i].flags & SR_USER_PIN_TO_BE_CHANGED)
			return fail_set(f, ERR_REFUSED, 0,
					"%.40s: must take a PIN of his own first: strongroom users pin --user %.40s",
					name, name);
		if (users[i].ulRetriesLeft == 0)
			return fail_set(f, ERR_REFUSED, 0,
					"%.40s: is locked after too many wrong PINs: strongroom unlock", name);
		return ERR_OK;
	}
	return fail_set(f, ERR_NOT_FOUND, 0,
			"%.40s: there is no such custodian; the SO makes one: strongroom users add", name);
}

static enum err look(struct officer *o, const struct ceremony_plan *plan, struct fail *f)
{
	const struct sr_function_list *sr = NULL;
	struct pk11_session *s = NULL;
	struct sr_user *users = NULL;
	struct pk11 *p = NULL;
	CK_ULONG n = 0;
	CK_RV rv = CKR_OK;
	enum err e = officer_open_as(o, PK11_NOBODY, NULL, NULL, &p, f);

	if (e == ERR_OK)
		e = pk11_sr(p, &sr, f);
	if (e == ERR_OK)
		e = pk11_borrow(p, &s, f);
	if (e == ERR_OK)
		rv = sr->SR_GetUsers(s->handle, NULL, &n);
	n += 8; /* for those who come in between */
	users = e == ERR_OK && rv == CKR_OK ? calloc(n, sizeof(*users)) : NULL;
	if (users)
		rv = sr->SR_GetUsers(s->handle, users, &n);
	if (e == ERR_OK && (!users || rv != CKR_OK))
		e = officer_fail(o, f, rv == CKR_OK ? CKR_HOST_MEMORY : rv, "SR_GetUsers", NULL);
	for (unsigned i = 0; e == ERR_OK && i < plan->of; i++)
		e = custodian_fits(users, n, plan->custodians[i], f);
	free(users);
	pk11_return(s, CKR_OK);
	pk11_free(p);
	return e;
}

/* waiting: the row of component k among those that wait; NULL: it was not entered yet. */
static const json_t *waiting(const json_t *rows, unsigned k)
{
	for (size_t i = 0; i < json_array_size(rows); i++)
		if (json_integer_value(json_object_get(json_array_get(rows, i), "number")) == k)
			return json_array_get(rows, i);
	return NULL;
}

/* confirm: a component that waits: entered by whom the plan says, of the number it says, and known to him. */
static enum err confirm(const struct officer *o, const struct ceremony_plan *plan, unsigned k, const json_t *row,
			struct fail *f)
{
	const char *name = plan->custodians[k - 1];
	const char *who = json_string_value(json_object_get(row, "custodian"));
	char prompt[160];
	bool yes = true;
	enum err e = ERR_OK;

	if (strcmp(who, name) != 0 || json_integer_value(json_object_get(row, "of")) != plan->of)
		return fail_set(f, ERR_REFUSED, 0,
				"%.40s#%u: waits already, of %.40s and as one of %d; strongroom components destroy",
				plan->name, k, who, (int)json_integer_value(json_object_get(row, "of")));
	if (ceremony_file_of(o, "custodian-pin-file", name))
		return ERR_OK;
	snprintf(prompt, sizeof(prompt),
		 "%.40s: component %u waits, check value %s. Is it the one on the envelope? [y/N] ", name, k,
		 json_string_value(json_object_get(row, "check_value")));
	e = ask_yes(prompt, &yes, f);
	return e == ERR_OK && !yes
		   ? fail_set(f, ERR_REFUSED, 0, "%.40s: his component is not the one that he knows", name)
		   : e;
}

/* take_part: one custodian, logged in: his component is there afterwards, and stands in parts. */
static enum err take_part(struct officer *o, const struct ceremony_plan *plan, unsigned k, struct pk11_session *s,
			  json_t *parts, struct fail *f)
{
	const char *name = plan->custodians[k - 1];
	char label[80];
	char check[CHECK_VALUE_HEX];
	struct component_entry entry = { .label = label, .kind = plan->kind, .who = name };
	json_t *rows = NULL;
	const json_t *row = NULL;
	enum err e = component_rows(s, plan->name, &rows, f);

	snprintf(label, sizeof(label), "%.60s#%u/%u", plan->name, k, plan->of);
	entry.file = ceremony_file_of(o, "component-file", name);
	if (e == ERR_OK)
		row = waiting(rows, k);
	if (e == ERR_OK && row) {
		e = confirm(o, plan, k, row, f);
		snprintf(check, sizeof(check), "%.6s", json_string_value(json_object_get(row, "check_value")));
	} else if (e == ERR_OK) {
		e = component_enter(o, s, &entry, check, f);
	}
	if (e == ERR_OK)
		json_array_append_new(parts, json_pack("{s:i, s:s, s:s, s:b}", "number", (int)k, "custodian", name,
						       "check_value", check, "entered", row == NULL));
	json_decref(rows);
	return e;
}

/* log_in: custodian k is present. */
static enum err log_in(struct officer *o, const char *name, unsigned k, unsigned of, struct pk11 **ret, struct fail *f)
{
	const char *file = ceremony_file_of(o, "custodian-pin-file", name);
	SECRET_AUTO pin = { 0 };
	char who[64];
	enum err e;

	if (!file)
		ask_tell("Component %u of %u: %s.", k, of, name);
	snprintf(who, sizeof(who), "custodian %.40s", name);
	e = officer_pin_of(name, file, &pin, f);
	return e == ERR_OK ? officer_open_as(o, PK11_USER, &pin, who, ret, f) : e;
}

/* name_meant: a key of this name is there only when the new one is meant to be its next generation. */
static enum err name_meant(const struct officer *o, const struct ceremony_plan *plan, struct pk11_session *s,
			   struct fail *f)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	OBJECT_QUERY_AUTO q = { 0 };
	CK_OBJECT_HANDLE *found = NULL;
	size_t n = 0;
	enum err e;

	object_query_add(&q, CKA_CLASS, &class, sizeof(class));
	object_query_add(&q, CKA_LABEL, plan->name, strlen(plan->name));
	e = objects_found(s, &q, &found, &n, f);
	free(found);
	if (e == ERR_OK && (n > 0) != officer_has(o, "next"))
		e = fail_set(
		    f, ERR_REFUSED, 0,
		    n > 0 ? "%.64s: refused: a key of this name is there already; --next makes its next generation"
			  : "%.64s: refused: --next, and no key of this name is there",
		    plan->name);
	return e;
}

static enum err combine(struct officer *o, const struct ceremony_plan *plan, struct pk11_session *s, json_t *protocol,
			struct fail *f)
{
	CK_MECHANISM m = { CKM_SR_COMPONENT_COMBINE, NULL, 0 };
	CK_KEY_TYPE type = plan->kind->type;
	CK_ULONG len = plan->kind->len;
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE t[] = { { CKA_TOKEN, &yes, sizeof(yes) },
			     { CKA_KEY_TYPE, &type, sizeof(type) },
			     { CKA_VALUE_LEN, &len, sizeof(len) },
			     { CKA_LABEL, (void *)(uintptr_t)plan->name, strlen(plan->name) } };
	CK_OBJECT_HANDLE key = 0;
	BUF_AUTO unique = { 0 };
	char check[CHECK_VALUE_HEX];
	const char *method;
	enum err e = name_meant(o, plan, s, f);
	CK_RV rv;

	if (e != ERR_OK)
		return e;
	rv = s->f->C_GenerateKey(s->handle, &m, t, ARRAY_LEN(t), &key);
	if (rv == CKR_ACTION_PROHIBITED)
		return fail_set(
		    f, ERR_REFUSED, 0,
		    "%.64s: refused: two components are equal, the key would be weak, or a key of this name "
		    "is there already that has the same value or a role without generations",
		    plan->name);
	if (rv == CKR_TEMPLATE_INCONSISTENT)
		return fail_set(f, ERR_REFUSED, 0,
				"%.64s: refused: the components that wait are of another kind than %s", plan->name,
				plan->kind->name);
	if (rv != CKR_OK)
		return officer_fail(o, f, rv, "C_GenerateKey", NULL);
	e = object_check_value(s, key, check, &method, f);
	object_text(s, key, CKA_UNIQUE_ID, &unique);
	json_object_set_new(protocol, "check_value", json_string(check));
	json_object_set_new(protocol, "unique_id", show_string(buf_view(&unique)));
	return e;
}

/* sign: one of the two files. */
static enum err sign(const struct sr_function_list *sr, struct pk11_session *s, const json_t *protocol, int which,
		     struct protocol_files *files, struct fail *f)
{
	uint8_t signature[SR_SIGNATURE_LEN];
	CK_ULONG n = sizeof(signature);
	BUF_AUTO words = { 0 };
	BUF_AUTO whole = { 0 };
	enum err e = ERR_OK;
	CK_RV rv;

	if (which == PROTOCOL_TEXT)
		protocol_text(protocol, &words);
	else
		e = protocol_words(protocol, &words, f);
	if (e == ERR_OK && !buf_ok(&words))
		e = fail_set(f, ERR_NO_MEMORY, 0, "protocol");
	if (e != ERR_OK)
		return e;
	rv = sr->SR_SignStatement(s->handle, words.p, words.len, signature, &n);
	if (rv != CKR_OK)
		return pk11_fail(f, rv, "SR_SignStatement");
	e = protocol_signed(protocol, which, buf_view(&words), VIEW(signature, n), &whole, f);
	return e == ERR_OK ? protocol_files_write(files, which, buf_view(&whole), f) : e;
}

/* finish: what the token says of itself, and its signatures. */
static enum err finish(struct pk11 *p, struct pk11_session *s, json_t *protocol, struct protocol_files *files,
		       struct fail *f)
{
	const struct sr_function_list *sr = NULL;
	struct sr_audit_state state = { 0 };
	uint8_t key[128];
	CK_ULONG n = sizeof(key), none = 0;
	BUF_AUTO base64 = { 0 };
	CK_RV rv = CKR_OK;
	enum err e = pk11_sr(p, &sr, f);

	if (e == ERR_OK)
		rv = sr->SR_GetStatementKey(s->handle, key, &n);
	if (e == ERR_OK && rv == CKR_OK)
		rv = sr->SR_GetAudit(s->handle, 1, NULL, &none, &state);
	if (e == ERR_OK && rv != CKR_OK)
		e = pk11_fail(f, rv, "audit trail");
	if (e != ERR_OK)
		return e;
	base64_encode(VIEW(key, n), &base64);
	json_object_set_new(protocol, "ended", now_json());
	json_object_set_new(protocol, "audit_record", json_integer((json_int_t)state.ulLast));
	json_object_set_new(protocol, "statement_key", show_string(buf_view(&base64)));
	e = sign(sr, s, protocol, PROTOCOL_TEXT, files, f);
	return e == ERR_OK ? sign(sr, s, protocol, PROTOCOL_JSON, files, f) : e;
}

/* head: what the protocol begins with; a label that would make lines of its own in the text shows as one line. */
static json_t *head(const struct ceremony_plan *plan, json_t *began)
{
	json_t *protocol = json_object();

	json_object_set_new(protocol, "key", json_string(plan->name));
	json_object_set_new(protocol, "type", json_string(plan->kind->name));
	json_object_set_new(protocol, "began", began);
	return protocol;
}

static void name_token(json_t *protocol, struct pk11 *p)
{
	json_t *token = officer_answer(p);
	const char *label = json_string_value(json_object_get(token, "token"));
	BUF_AUTO line = { 0 };

	for (; label && *label; label++)
		buf_put_u8(&line, (unsigned char)*label < ' ' ? '?' : (uint8_t)*label);
	json_object_set_new(protocol, "token", show_string(buf_view(&line)));
	json_object_set(protocol, "serial", json_object_get(token, "serial"));
	json_decref(token);
}

enum err ceremony_run(struct officer *o, const struct ceremony_plan *plan, struct protocol_files *files, json_t **ret,
		      struct fail *f)
{
	json_t *protocol = head(plan, now_json());
	json_t *parts = json_array();
	struct fail late = { 0 };
	enum err e = look(o, plan, f);

	for (unsigned k = 1; e == ERR_OK && k <= plan->of; k++) {
		struct pk11_session *s = NULL;
		struct pk11 *p = NULL;

		e = log_in(o, plan->custodians[k - 1], k, plan->of, &p, f);
		if (e == ERR_OK)
			e = pk11_borrow(p, &s, f);
		if (e == ERR_OK)
			e = take_part(o, plan, k, s, parts, f);
		if (e == ERR_OK && k == plan->of) {
			name_token(protocol, p);
			e = combine(o, plan, s, protocol, f);
			json_object_set(protocol, "components", parts);
			if (e == ERR_OK && (e = finish(p, s, protocol, files, &late)) != ERR_OK)
				e = fail_set(f, e, late.rv, "the key %.40s was made, but its protocol was not: %.160s",
					     plan->name, late.text);
		}
		pk11_return(s, CKR_OK);
		pk11_free(p);
	}
	json_decref(parts);
	if (e == ERR_OK)
		*ret = protocol;
	else
		json_decref(protocol);
	return e;
}
