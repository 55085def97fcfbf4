/* SPDX-License-Identifier: BSD-2-Clause */
#include "ck.h"

#include <dlfcn.h>
#include <p11-kit/p11-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "own.h"
#include "pk11_sr.h"
#include "vendor_functions.h"

static void put_percent(struct buf *b, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~/", c))
			buf_put_u8(b, c);
		else
			buf_printf(b, "%%%02X", c);
	}
}

static bool uri_has(const char *uri, const char *attribute)
{
	return uri && strstr(uri, attribute);
}

const char *officer_module_path(const struct officer *o)
{
	const char *path = officer_value(o, "module");

	return path ? path : STRONGROOM_MODULE;
}

/* uri_of: the URI of the token and of the module that has it, with a final zero. */
static enum err uri_of(const struct officer *o, struct buf *ret, struct fail *f)
{
	const char *uri = officer_value(o, "uri");
	const char *label = officer_value(o, "token");
	bool named = uri_has(uri, "module-path=") || uri_has(uri, "module-name=");

	if (uri_has(uri, "pin-value="))
		return fail_set(f, ERR_USAGE, 0, "--uri: a PIN in the command line can be seen by all; use --pin-file");
	if (named && officer_has(o, "module"))
		return fail_set(f, ERR_USAGE, 0, "--module: the URI names a module as well; leave one out");
	if (uri)
		buf_printf(ret, "%s", uri);
	else
		buf_printf(ret, "pkcs11:");
	if (label) {
		buf_printf(ret, "token=");
		put_percent(ret, label);
	}
	if (!named) {
		buf_printf(ret, "%cmodule-path=", uri && strchr(uri, '?') ? '&' : '?');
		put_percent(ret, officer_module_path(o));
	}
	buf_put_u8(ret, 0);
	return buf_ok(ret) ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "URI");
}

static void set_who(struct officer *o, const char *who)
{
	snprintf(o->who, sizeof(o->who), "%s", who);
}

enum err officer_pin_of(const char *name, const char *file, struct secret *ret, struct fail *f)
{
	SECRET_AUTO pin = { 0 };
	SECRET_AUTO whole = { 0 };
	char prompt[64];
	size_t n = strlen(name);
	enum err e;

	snprintf(prompt, sizeof(prompt), "PIN of %.40s: ", name);
	e = file ? ask_file(file, &pin, f) : ask_hidden(prompt, &pin, f);
	if (e != ERR_OK)
		return e;
	if (pin.len > n && !memcmp(pin.p, name, n) && pin.p[n] == ':') {
		secret_move(ret, &pin);
		return ERR_OK;
	}
	if (!secret_init(&whole, n + 1 + pin.len) || !secret_append(&whole, name, n) ||
	    !secret_append(&whole, ":", 1) || !secret_append(&whole, pin.p, pin.len))
		return fail_set(f, ERR_NO_MEMORY, 0, "PIN");
	secret_move(ret, &whole);
	return ERR_OK;
}

enum err officer_pin(struct officer *o, enum pk11_who who, struct secret *ret, struct fail *f)
{
	const char *user = who == PK11_USER ? officer_value(o, "user") : NULL;
	const char *file = officer_value(o, who == PK11_SO ? "so-pin-file" : "pin-file");
	char text[64];

	if (user) {
		snprintf(text, sizeof(text), "custodian %.40s", user);
		set_who(o, text);
		return officer_pin_of(user, file, ret, f);
	}
	set_who(o, who == PK11_SO ? "the security officer (SO)" : "the user");
	if (file)
		return ask_file(file, ret, f);
	if (uri_has(officer_value(o, "uri"), "pin-source="))
		return ERR_OK;
	return ask_hidden(who == PK11_SO ? "SO PIN: " : "PIN: ", ret, f);
}

enum err officer_open_as(struct officer *o, enum pk11_who who, const struct secret *pin, const char *who_text,
			 struct pk11 **ret, struct fail *f)
{
	struct pk11_options options = { .who = who, .pin = pin };
	BUF_AUTO uri = { 0 };
	struct fail why = { 0 };
	enum err e = uri_of(o, &uri, f);

	if (who_text)
		set_who(o, who_text);
	if (e == ERR_OK)
		e = pk11_open((const char *)uri.p, &options, ret, &why);
	/* The module passes over what it cannot read, so that one damaged token does not hide the others. */
	if (e == ERR_NOT_FOUND && strstr(why.text, "no such token"))
		return fail_set(
		    f, e, why.rv,
		    "%.170s (one whose file is damaged, foreign or not yours is passed over: STRONGROOM_LOG=stderr)",
		    why.text);
	return e == ERR_OK || why.code == ERR_OK ? e : fail_set(f, e, why.rv, "%s", why.text);
}

enum err officer_open(struct officer *o, enum pk11_who who, struct pk11 **ret, struct fail *f)
{
	SECRET_AUTO pin = { 0 };
	struct pk11 *seen = NULL;
	/* Whether the token is there is said before a PIN is asked for. */
	enum err e = officer_open_as(o, PK11_NOBODY, NULL, NULL, &seen, f);

	if (e != ERR_OK || who == PK11_NOBODY) {
		*ret = e == ERR_OK ? seen : *ret;
		return e;
	}
	e = officer_pin(o, who, &pin, f);
	if (e == ERR_OK)
		e = officer_open_as(o, who, &pin, NULL, ret, f);
	pk11_free(seen);
	return e;
}

json_t *officer_answer(const struct pk11 *p)
{
	CK_TOKEN_INFO info = { 0 };
	json_t *all = json_object();

	if (pk11_module(p)->C_GetTokenInfo(pk11_slot(p), &info) != CKR_OK)
		memset(&info, 0, sizeof(info));
	json_object_set_new(all, "token", show_padded(info.label, sizeof(info.label)));
	json_object_set_new(all, "serial", show_padded(info.serialNumber, sizeof(info.serialNumber)));
	return all;
}

/* functions_of: the module's own interface; p11-kit passes no such interface on. */
static const struct sr_function_list *functions_of(const char *path)
{
	CK_UTF8CHAR name[] = SR_INTERFACE_NAME;
	CK_INTERFACE *found = NULL;
	void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
	CK_RV (*get)(CK_UTF8CHAR_PTR, CK_VERSION_PTR, CK_INTERFACE_PTR_PTR, CK_FLAGS) = NULL;

	if (!module)
		return NULL;
	*(void **)&get = dlsym(module, "C_GetInterface");
	if (get && get(name, NULL, &found, 0) != CKR_OK)
		found = NULL;
	dlclose(module);
	return found ? found->pFunctionList : NULL;
}

enum err officer_module_open(const struct officer *o, struct officer_module *ret, struct fail *f)
{
	const char *path = officer_module_path(o);
	CK_FUNCTION_LIST *list = p11_kit_module_load(path, 0);
	CK_RV rv;

	if (!list)
		return fail_set(f, ERR_CONFIG, 0, "module %.160s: %s", path, p11_kit_message());
	rv = p11_kit_module_initialize(list);
	if (rv != CKR_OK) {
		p11_kit_module_release(list);
		return pk11_fail(f, rv, "C_Initialize");
	}
	*ret = (struct officer_module){ .f = list, .sr = functions_of(path) };
	return ERR_OK;
}

void officer_module_close(struct officer_module *m)
{
	if (!m->f)
		return;
	p11_kit_module_finalize(m->f);
	p11_kit_module_release(m->f);
	m->f = NULL;
}

enum err officer_fail(struct officer *o, struct fail *f, CK_RV rv, const char *call, const char *who)
{
	if (who)
		set_who(o, who);
	return pk11_fail(f, rv, call);
}
