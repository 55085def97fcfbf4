/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "pk11_own.h"
#include "pk11_sr.h"
#include "waiting.h"

#define SESSIONS_MAX 512
#define PIN_MAX 256
#define SLOTS_MAX 256

enum err pin_read(const char *path, struct secret *ret, struct fail *f)
{
	return file_secret_line("PIN file ", path, PIN_MAX, ret, f);
}

/* pin_load: from the options' file, the URI's file or value, in that order. */
static enum err pin_load(struct pk11 *p, const struct pk11_options *o, struct fail *f)
{
	const char *file = o && o->pin_file ? o->pin_file : p11_kit_uri_get_pin_source(p->uri);
	const char *value = p11_kit_uri_get_pin_value(p->uri);

	p->who = o ? o->who : PK11_USER;
	if (p->who == PK11_NOBODY)
		return ERR_OK;
	if (o && o->pin && o->pin->len) {
		if (!secret_init(&p->pin, PIN_MAX) || !secret_set(&p->pin, o->pin->p, o->pin->len))
			return fail_set(f, ERR_NO_MEMORY, 0, "PIN");
		p->has_pin = true;
		return ERR_OK;
	}
	if (file) {
		enum err e = pin_read(!strncmp(file, "file:", 5) ? file + 5 : file, &p->pin, f);
		p->has_pin = e == ERR_OK;
		return e;
	}
	if (!value)
		return ERR_OK;
	if (!secret_init(&p->pin, PIN_MAX) || !secret_set(&p->pin, value, strlen(value)))
		return fail_set(f, ERR_CONFIG, 0, "PIN of the URI");
	p->has_pin = true;
	return ERR_OK;
}

static enum err modules_load(struct pk11 *p, struct fail *f)
{
	const char *path = p11_kit_uri_get_module_path(p->uri);

	if (!path) {
		p->modules = p11_kit_modules_load_and_initialize(0);
		return p->modules ? ERR_OK : fail_set(f, ERR_TOKEN, 0, "p11-kit: %s", p11_kit_message());
	}
	p->modules = calloc(2, sizeof(*p->modules));
	if (!p->modules)
		return fail_set(f, ERR_NO_MEMORY, 0, "PKCS#11");
	p->single = true;
	p->modules[0] = p11_kit_module_load(path, 0);
	if (!p->modules[0])
		return fail_set(f, ERR_TOKEN, 0, "module %s: %s", path, p11_kit_message());
	CK_RV rv = p11_kit_module_initialize(p->modules[0]);
	if (rv != CKR_OK) {
		p11_kit_module_release(p->modules[0]);
		p->modules[0] = NULL;
		return pk11_fail(f, rv, "C_Initialize");
	}
	return ERR_OK;
}

static void modules_unload(struct pk11 *p)
{
	if (!p->modules)
		return;
	if (!p->single) {
		p11_kit_modules_finalize_and_release(p->modules);
	} else {
		if (p->modules[0]) {
			p11_kit_module_finalize(p->modules[0]);
			p11_kit_module_release(p->modules[0]);
		}
		free(p->modules);
	}
	p->modules = NULL;
}

static bool slot_matches(struct pk11 *p, CK_FUNCTION_LIST *f, CK_SLOT_ID slot, CK_TOKEN_INFO *ret)
{
	CK_SLOT_INFO slot_info;
	CK_SLOT_ID wanted = p11_kit_uri_get_slot_id(p->uri);

	return (wanted == (CK_SLOT_ID)-1 || wanted == slot) && f->C_GetSlotInfo(slot, &slot_info) == CKR_OK &&
	       f->C_GetTokenInfo(slot, ret) == CKR_OK && (ret->flags & CKF_TOKEN_INITIALIZED) &&
	       p11_kit_uri_match_slot_info(p->uri, &slot_info) && p11_kit_uri_match_token_info(p->uri, ret);
}

/* module_search: adds the matching tokens of one module to *found and notes the last. */
static void module_search(struct pk11 *p, CK_FUNCTION_LIST *f, unsigned *found)
{
	CK_INFO info;
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG count = 0;

	if (f->C_GetInfo(&info) != CKR_OK || !p11_kit_uri_match_module_info(p->uri, &info))
		return;
	/* A query without a buffer first: modules look for new tokens then. */
	if (f->C_GetSlotList(CK_TRUE, NULL, &count) != CKR_OK)
		return;
	count = SLOTS_MAX;
	if (f->C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK)
		return;
	for (CK_ULONG i = 0; i < count; i++) {
		CK_TOKEN_INFO token;
		if (!slot_matches(p, f, slots[i], &token))
			continue;
		(*found)++;
		p->f = f;
		p->slot = slots[i];
		p->info = token;
	}
}

static enum err token_find(struct pk11 *p, struct fail *f)
{
	const char *name = p11_kit_uri_get_module_name(p->uri);
	unsigned found = 0;

	for (size_t i = 0; p->modules[i]; i++) {
		char *module_name = name ? p11_kit_module_get_name(p->modules[i]) : NULL;
		if (!name || (module_name && !strcmp(name, module_name)))
			module_search(p, p->modules[i], &found);
		free(module_name);
	}
	if (found != 1)
		return fail_set(f, ERR_NOT_FOUND, 0, "%.180s: %s", p->uri_text,
				found ? "several tokens match" : "no such token");
	return ERR_OK;
}

static void trimmed(char *to, size_t room, const unsigned char *from, size_t n)
{
	while (n && from[n - 1] == ' ')
		n--;
	if (n >= room)
		n = room - 1;
	memcpy(to, from, n);
	to[n] = 0;
}

static void describe(struct pk11 *p)
{
	char label[33], maker[33], serial[17];

	trimmed(label, sizeof(label), p->info.label, sizeof(p->info.label));
	trimmed(maker, sizeof(maker), p->info.manufacturerID, sizeof(p->info.manufacturerID));
	trimmed(serial, sizeof(serial), p->info.serialNumber, sizeof(p->info.serialNumber));
	snprintf(p->describe, sizeof(p->describe), "%s (%s, %s)", label, maker, serial);
}

/* uri_parse: own_text gets the URI without its PIN value. */
static enum err uri_parse(struct pk11 *p, const char *uri, struct fail *f)
{
	p->uri = p11_kit_uri_new();
	P11KitUri *shown = p11_kit_uri_new();
	enum err e = ERR_OK;
	char *text = NULL;

	if (!p->uri || !shown) {
		e = fail_set(f, ERR_NO_MEMORY, 0, "PKCS#11");
		goto out;
	}
	int rc = p11_kit_uri_parse(uri, P11_KIT_URI_FOR_ANY, p->uri);
	if (rc != P11_KIT_URI_OK || p11_kit_uri_any_unrecognized(p->uri)) {
		e = fail_set(f, ERR_CONFIG, 0, "PKCS#11 URI: %s",
			     rc == P11_KIT_URI_OK ? "unknown attribute" : p11_kit_uri_message(rc));
		goto out;
	}
	if (p11_kit_uri_parse(uri, P11_KIT_URI_FOR_ANY, shown) == P11_KIT_URI_OK) {
		p11_kit_uri_set_pin_value(shown, NULL);
		p11_kit_uri_format(shown, P11_KIT_URI_FOR_ANY, &text);
	}
	p->uri_text = strdup(text ? text : "pkcs11:");
	if (!p->uri_text)
		e = fail_set(f, ERR_NO_MEMORY, 0, "PKCS#11");
out:
	free(text);
	p11_kit_uri_free(shown);
	return e;
}

enum err pk11_open(const char *uri, const struct pk11_options *options, struct pk11 **ret, struct fail *f)
{
	struct pk11 *p = calloc(1, sizeof(*p));
	struct pk11_session *s = NULL;

	if (!p)
		return fail_set(f, ERR_NO_MEMORY, 0, "PKCS#11");
	pthread_mutex_init(&p->mutex, NULL);
	p->read_only = options && options->read_only;
	p->sessions_max = options && options->sessions_max ? options->sessions_max : SESSIONS_MAX;
	enum err e = uri_parse(p, uri, f);
	if (e == ERR_OK)
		e = pin_load(p, options, f);
	if (e == ERR_OK)
		e = modules_load(p, f);
	if (e == ERR_OK)
		e = token_find(p, f);
	if (e == ERR_OK)
		e = pk11_borrow(p, &s, f);
	if (e != ERR_OK) {
		pk11_free(p);
		return e;
	}
	pk11_return(s, CKR_OK);
	describe(p);
	*ret = p;
	return ERR_OK;
}

static void session_close(struct pk11 *p, struct pk11_session *s)
{
	s->f->C_CloseSession(s->handle);
	p->open--;
	free(s);
}

static void idle_close(struct pk11 *p)
{
	while (p->idle) {
		struct pk11_session *s = p->idle;
		p->idle = s->next;
		session_close(p, s);
	}
}

void pk11_free(struct pk11 *p)
{
	if (!p)
		return;
	idle_close(p);
	modules_unload(p);
	p11_kit_uri_free(p->uri);
	free(p->uri_text);
	secret_done(&p->pin);
	pthread_mutex_destroy(&p->mutex);
	free(p);
}

/* logged_in: is this the state of a session of who logs in? */
static bool logged_in(const struct pk11 *p, CK_STATE state)
{
	if (p->who == PK11_SO)
		return state == CKS_RW_SO_FUNCTIONS;
	return state == CKS_RW_USER_FUNCTIONS || state == CKS_RO_USER_FUNCTIONS;
}

static CK_RV session_login(struct pk11 *p, CK_SESSION_HANDLE handle)
{
	CK_SESSION_INFO info;

	if (!p->has_pin)
		return CKR_OK;
	CK_RV rv = p->f->C_GetSessionInfo(handle, &info);
	if (rv != CKR_OK || logged_in(p, info.state))
		return rv;
	rv = p->f->C_Login(handle, p->who == PK11_SO ? CKU_SO : CKU_USER, p->pin.p, p->pin.len);
	return rv == CKR_USER_ALREADY_LOGGED_IN ? CKR_OK : rv;
}

static enum err session_new(struct pk11 *p, struct pk11_session **ret, CK_RV *ret_rv, struct fail *f)
{
	CK_FLAGS flags = CKF_SERIAL_SESSION | (p->read_only ? 0 : CKF_RW_SESSION);
	struct pk11_session *s = calloc(1, sizeof(*s));

	if (!s)
		return fail_set(f, ERR_NO_MEMORY, 0, "PKCS#11");
	*s = (struct pk11_session){ .f = p->f, .token = p, .generation = p->generation };
	*ret_rv = p->f->C_OpenSession(p->slot, flags, NULL, NULL, &s->handle);
	if (*ret_rv != CKR_OK) {
		free(s);
		return pk11_fail(f, *ret_rv, "C_OpenSession");
	}
	*ret_rv = session_login(p, s->handle);
	if (*ret_rv != CKR_OK) {
		p->f->C_CloseSession(s->handle);
		free(s);
		return pk11_fail(f, *ret_rv, "C_Login");
	}
	p->open++;
	*ret = s;
	return ERR_OK;
}

static bool session_alive(const struct pk11_session *s)
{
	CK_SESSION_INFO info;

	return s->f->C_GetSessionInfo(s->handle, &info) == CKR_OK &&
	       (!s->token->has_pin || logged_in(s->token, info.state));
}

enum err pk11_borrow(struct pk11 *p, struct pk11_session **ret, struct fail *f)
{
	struct fail first = { 0 };
	enum err e = ERR_OK;
	CK_RV rv = CKR_OK;

	waiting_for("HSM", "a session");
	pthread_mutex_lock(&p->mutex);
	/* Somebody may have logged the user out: the token would then hide keys instead of saying why. */
	if (p->idle && !session_alive(p->idle)) {
		p->generation++;
		p->epoch++;
		idle_close(p);
	}
	if (p->idle) {
		*ret = p->idle;
		p->idle = (*ret)->next;
		goto out;
	}
	if (p->open >= p->sessions_max) {
		e = fail_set(f, ERR_BUSY, 0, "all %u sessions of the token are in use", p->sessions_max);
		goto out;
	}
	e = session_new(p, ret, &rv, &first);
	if (e == ERR_OK)
		goto out;
	if (pk11_lost(rv) && token_find(p, NULL) == ERR_OK)
		e = session_new(p, ret, &rv, f);
	else if (f && f->code == ERR_OK)
		*f = first;
out:
	pthread_mutex_unlock(&p->mutex);
	waiting_over();
	return e;
}

/* note: with the mutex held. */
static void note(struct pk11_session *s, CK_RV rv)
{
	struct pk11 *p = s->token;

	if (pk11_key_lost(rv))
		p->epoch++;
	if (pk11_lost(rv) && s->generation == p->generation) {
		p->generation++;
		p->epoch++;
		idle_close(p);
	}
	/* An operation that was left half done makes the session useless for the next borrower. */
	if (rv == CKR_OPERATION_ACTIVE || rv == CKR_BUFFER_TOO_SMALL)
		s->generation = p->generation - 1;
}

void pk11_note(struct pk11_session *s, CK_RV rv)
{
	pthread_mutex_lock(&s->token->mutex);
	note(s, rv);
	pthread_mutex_unlock(&s->token->mutex);
}

void pk11_return(struct pk11_session *s, CK_RV rv)
{
	if (!s)
		return;
	struct pk11 *p = s->token;
	pthread_mutex_lock(&p->mutex);
	note(s, rv);
	if (s->generation != p->generation) {
		session_close(p, s);
	} else {
		s->next = p->idle;
		p->idle = s;
	}
	pthread_mutex_unlock(&p->mutex);
}

enum err pk11_run(struct pk11 *p, pk11_work work, void *arg, struct fail *f)
{
	for (int attempt = 0;; attempt++) {
		struct pk11_session *s = NULL;
		struct fail mine = { 0 };
		enum err e = pk11_borrow(p, &s, &mine);
		if (e == ERR_OK) {
			waiting_for("HSM", "a call");
			e = work(s, arg, &mine);
			pk11_return(s, mine.rv);
			waiting_over();
		}
		if (e == ERR_OK)
			return ERR_OK;
		if (attempt == 0 && (pk11_lost(mine.rv) || pk11_key_lost(mine.rv)))
			continue;
		if (f && f->code == ERR_OK)
			*f = mine;
		return e;
	}
}

const char *pk11_describe(const struct pk11 *p)
{
	return p->describe;
}

const char *pk11_uri(const struct pk11 *p)
{
	return p->uri_text;
}

bool pk11_logged_in(const struct pk11 *p)
{
	return p->has_pin;
}

enum err pk11_mechanisms(struct pk11 *p, CK_MECHANISM_TYPE **ret, size_t *ret_count, struct fail *f)
{
	CK_ULONG count = 0;
	CK_RV rv = p->f->C_GetMechanismList(p->slot, NULL, &count);
	CK_MECHANISM_TYPE *list = rv == CKR_OK ? calloc(count + 1, sizeof(*list)) : NULL;

	if (rv == CKR_OK && list)
		rv = p->f->C_GetMechanismList(p->slot, list, &count);
	if (rv != CKR_OK || !list) {
		free(list);
		return rv != CKR_OK ? pk11_fail(f, rv, "C_GetMechanismList") : fail_set(f, ERR_NO_MEMORY, 0, "PKCS#11");
	}
	*ret = list;
	*ret_count = count;
	return ERR_OK;
}

CK_SLOT_ID pk11_slot(const struct pk11 *p)
{
	return p->slot;
}

CK_FUNCTION_LIST *pk11_module(const struct pk11 *p)
{
	return p->f;
}
