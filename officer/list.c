/* SPDX-License-Identifier: BSD-2-Clause */
#include "ck.h"

#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "objects.h"
#include "vendor_functions.h"

static const struct show_field token_fields[] = {
	{ "token", "TOKEN", "label of the token" },
	{ "serial", "SERIAL", "its serial number" },
	{ "slot", "SLOT", "its slot in this process; another one may count otherwise" },
	{ "objects", "OBJECTS", "objects of the token, private ones included; null: not a strongroom module" },
	{ "users", "USERS", "how many may log in, the security officer included; null: not a strongroom module" },
	{ "flags", "STATE",
	  "user-pin-set: somebody can log in; so-pin-locked, user-pin-locked: too many wrong PINs; so-pin-low, "
	  "user-pin-low: there "
	  "were some; write-protected; host-bound: nobody logs in without the host's secret; copy: restored from a "
	  "backup" },
	{ 0 },
};
static const struct show_field tokens_fields[] = {
	{ "module", "module", "path of the module" },
	{ "tokens", "tokens", "the initialised tokens", token_fields },
	{ 0 },
};

static json_t *flags_json(CK_FLAGS state, CK_FLAGS more)
{
	static const struct {
		CK_FLAGS flag;
		const char *name;
	} rows[] = {
		{ CKF_USER_PIN_INITIALIZED, "user-pin-set" }, { CKF_SO_PIN_LOCKED, "so-pin-locked" },
		{ CKF_USER_PIN_LOCKED, "user-pin-locked" },   { CKF_SO_PIN_COUNT_LOW, "so-pin-low" },
		{ CKF_USER_PIN_COUNT_LOW, "user-pin-low" },   { CKF_WRITE_PROTECTED, "write-protected" },
	};
	json_t *list = json_array();

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (state & rows[i].flag)
			json_array_append_new(list, json_string(rows[i].name));
	if (more & SR_TOKEN_HOST_BOUND)
		json_array_append_new(list, json_string("host-bound"));
	if (more & SR_TOKEN_COPY)
		json_array_append_new(list, json_string("copy"));
	return list;
}

/* token_json: ret NULL: a slot without a token. */
static CK_RV token_json(const struct officer_module *m, CK_SLOT_ID slot, json_t **ret)
{
	CK_TOKEN_INFO info = { 0 };
	struct sr_token_state state = { 0 };
	CK_SESSION_HANDLE session = 0;
	CK_ULONG users = 0;
	CK_RV rv = m->f->C_GetTokenInfo(slot, &info);

	*ret = NULL;
	if (rv == CKR_TOKEN_NOT_PRESENT || (rv == CKR_OK && !(info.flags & CKF_TOKEN_INITIALIZED)))
		return CKR_OK;
	if (rv == CKR_OK && m->sr)
		rv = m->f->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session);
	if (rv == CKR_OK && m->sr)
		rv = m->sr->SR_GetUsers(session, NULL, &users);
	if (rv == CKR_OK && m->sr)
		rv = m->sr->SR_GetTokenState(session, &state);
	if (session)
		m->f->C_CloseSession(session);
	if (rv != CKR_OK)
		return rv;
	*ret = json_pack("{s:o, s:o, s:I, s:o, s:o, s:o}", "token", show_padded(info.label, sizeof(info.label)),
			 "serial", show_padded(info.serialNumber, sizeof(info.serialNumber)), "slot", (json_int_t)slot,
			 "objects", m->sr ? json_integer((json_int_t)state.ulObjects) : json_null(), "users",
			 m->sr ? json_integer((json_int_t)users) : json_null(), "flags",
			 flags_json(info.flags, state.flags));
	return *ret ? CKR_OK : CKR_HOST_MEMORY;
}

static enum err run_tokens(struct officer *o, char **words, struct fail *f)
{
	struct officer_module m = { 0 };
	json_t *list = json_array();
	CK_SLOT_ID *slots = NULL;
	CK_ULONG n = 0;
	CK_RV rv;
	enum err e = officer_module_open(o, &m, f);

	if (e != ERR_OK) {
		json_decref(list);
		return e;
	}
	rv = m.f->C_GetSlotList(CK_TRUE, NULL, &n);
	slots = calloc(n + 1, sizeof(*slots));
	if (rv == CKR_OK)
		rv = slots ? m.f->C_GetSlotList(CK_TRUE, slots, &n) : CKR_HOST_MEMORY;
	for (CK_ULONG i = 0; rv == CKR_OK && i < n; i++) {
		json_t *one = NULL;

		rv = token_json(&m, slots[i], &one);
		if (one)
			json_array_append_new(list, one);
	}
	if (rv != CKR_OK)
		e = officer_fail(o, f, rv, "list of tokens", NULL);
	free(slots);
	officer_module_close(&m);
	if (e == ERR_OK)
		return officer_show(o,
				    json_pack("{s:o, s:o}", "module",
					      show_string(view_of_string(officer_module_path(o))), "tokens", list),
				    f);
	json_decref(list);
	return e;
}

static const struct show_field objects_fields[] = {
	OFFICER_TOKEN_FIELDS,
	{ "objects", "objects", "what the login sees; --public: what is seen without one", object_fields },
	{ 0 },
};

static enum err run_objects(struct officer *o, char **words, struct fail *f)
{
	OBJECT_QUERY_AUTO q = { 0 };
	struct pk11_session *s = NULL;
	struct pk11 *p = NULL;
	CK_OBJECT_HANDLE *found = NULL;
	size_t n = 0;
	json_t *list = json_array();
	json_t *all;
	enum err e = object_query_of(o, &q, f);

	if (e == ERR_OK)
		e = officer_open(o, officer_has(o, "public") ? PK11_NOBODY : PK11_USER, &p, f);
	if (e == ERR_OK)
		e = pk11_borrow(p, &s, f);
	if (e == ERR_OK)
		e = objects_found(s, &q, &found, &n, f);
	for (size_t i = 0; e == ERR_OK && i < n; i++) {
		json_t *one = NULL;

		e = object_json(s, found[i], &one, f);
		if (one)
			json_array_append_new(list, one);
	}
	if (e == ERR_OK) {
		all = officer_answer(p);
		json_object_set(all, "objects", list);
		e = officer_show(o, all, f);
	}
	json_decref(list);
	free(found);
	pk11_return(s, CKR_OK);
	pk11_free(p);
	return e;
}

static const struct officer_option options[] = {
	OBJECT_OPTIONS,
	{ "public", NULL, "objects: without a login" },
	{ 0 },
};

static const struct officer_form forms[] = {
	{ "tokens", "", 0, 0, "the tokens of the module; needs no login", run_tokens, tokens_fields },
	{ "objects", "", 0, 0, "the objects of a token, all or those that the options choose", run_objects,
	  objects_fields },
	{ 0 },
};

const struct officer_command command_list = {
	.name = "list",
	.summary = "tokens, and the objects of a token",
	.text = "Keys with a role are private: they are seen after a login alone. No value of a key is ever shown; the "
		"check value "
		"tells keys apart, and whether two tokens hold the same one.",
	.common = COMMON_TOKEN | COMMON_USER,
	.options = options,
	.forms = forms,
	.examples = "strongroom list\nstrongroom list objects --token HSM1 --role PK --pin-file service.pin --json",
};
