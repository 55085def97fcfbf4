/* SPDX-License-Identifier: BSD-2-Clause */
#include "ck.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "commands.h"
#include "pk11_policy.h"
#include "vendor_functions.h"

#define SLOTS_MAX 4096

static const struct show_field fields[] = {
	OFFICER_TOKEN_FIELDS,
	{ "profile", "profile", "`strict`, or `compatible`: every relaxation is allowed" },
	{ "host_bound", "host bound", "true: bound to this host's secret, as the configuration says" },
	{ "user", "default user", "true: the default user can log in" },
	{ 0 },
};

/* struct wish: what init is to make; all of it is known, and checked as far as it can be, before anything is made. */
struct wish {
	const char *label;
	bool compatible;
	bool user;
	struct secret so_pin;
	struct secret user_pin;
	char serial[17];
	bool bound; /* made: to the host */
};

static void wish_done(struct wish *w)
{
	secret_done(&w->so_pin);
	secret_done(&w->user_pin);
}

static enum err new_pin(const struct officer *o, const char *option, const char *prompt, struct secret *ret,
			struct fail *f)
{
	const char *file = officer_value(o, option);

	return file ? ask_file(file, ret, f) : ask_twice(prompt, ret, f);
}

static enum err wish_of(const struct officer *o, struct wish *w, struct fail *f)
{
	const char *profile = officer_value(o, "profile");

	w->label = officer_value(o, "label");
	w->user = !officer_has(o, "no-user");
	w->compatible = profile && !strcmp(profile, "compatible");
	if (!w->label || !*w->label || strlen(w->label) > 32)
		return fail_set(f, ERR_USAGE, 0, "--label: a label of 1 to 32 bytes is needed");
	if (profile && !w->compatible && strcmp(profile, "strict"))
		return fail_set(f, ERR_USAGE, 0, "--profile: %.32s: strict or compatible", profile);
	if (!w->user && officer_has(o, "pin-file"))
		return fail_set(f, ERR_USAGE, 0, "--no-user and --pin-file: one of them");
	return ERR_OK;
}

/* pin_fits: by what the slot says of PINs. what: "SO PIN". */
static enum err pin_fits(const CK_TOKEN_INFO *info, const struct secret *pin, const char *what, struct fail *f)
{
	if (pin->len < info->ulMinPinLen || pin->len > info->ulMaxPinLen)
		return fail_set(f, ERR_USAGE, 0, "%s: %lu to %lu letters are needed", what, info->ulMinPinLen,
				info->ulMaxPinLen);
	return ERR_OK;
}

/* free_slot: one without a token; refuses a label that is taken. */
static enum err free_slot(const struct officer_module *m, const struct wish *w, CK_SLOT_ID *ret,
			  CK_TOKEN_INFO *ret_info, struct fail *f)
{
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG n = 0;
	bool found = false;
	unsigned char label[32];
	/* Without a buffer first: modules look for new tokens then. */
	CK_RV rv = m->f->C_GetSlotList(CK_TRUE, NULL, &n);

	memset(label, ' ', sizeof(label));
	memcpy(label, w->label, strlen(w->label));
	n = SLOTS_MAX;
	if (rv == CKR_OK)
		rv = m->f->C_GetSlotList(CK_TRUE, slots, &n);
	if (rv != CKR_OK)
		return pk11_fail(f, rv, "C_GetSlotList");
	for (CK_ULONG i = 0; i < n; i++) {
		CK_TOKEN_INFO info;

		if (m->f->C_GetTokenInfo(slots[i], &info) != CKR_OK)
			continue;
		if (!(info.flags & CKF_TOKEN_INITIALIZED) && !found) {
			found = true;
			*ret = slots[i];
			*ret_info = info;
		}
		if ((info.flags & CKF_TOKEN_INITIALIZED) && !memcmp(info.label, label, sizeof(label)))
			return fail_set(f, ERR_DUPLICATE, 0,
					"--label: %.32s: a token has this label already (serial %.16s)", w->label,
					(const char *)info.serialNumber);
	}
	return found ? ERR_OK : fail_set(f, ERR_NOT_FOUND, 0, "the module has no slot for another token");
}

static enum err set_compatible(CK_FUNCTION_LIST *list, CK_SESSION_HANDLE session, struct fail *f)
{
	struct pk11_session s = { .f = list, .handle = session };
	PK11_POLICY_AUTO policy = { 0 };
	enum err e = pk11_policy_get(&s, &policy, f);

	return e == ERR_OK ? pk11_policy_set(&s, buf_view(&policy.known), f) : e;
}

/* furnish: what the SO does with the new token: the profile, the default user's PIN. */
static enum err furnish(struct officer *o, const struct officer_module *m, CK_SLOT_ID slot, struct wish *w,
			struct fail *f)
{
	struct sr_token_state state = { 0 };
	CK_SESSION_HANDLE session = 0;
	enum err e = ERR_OK;
	CK_RV rv = m->f->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session);

	if (rv != CKR_OK)
		return officer_fail(o, f, rv, "C_OpenSession", NULL);
	if (m->sr && m->sr->SR_GetTokenState(session, &state) == CKR_OK)
		w->bound = state.flags & SR_TOKEN_HOST_BOUND;
	rv = m->f->C_Login(session, CKU_SO, w->so_pin.p, w->so_pin.len);
	if (rv != CKR_OK)
		e = officer_fail(o, f, rv, "C_Login", "the security officer (SO)");
	if (e == ERR_OK && w->compatible)
		e = set_compatible(m->f, session, f);
	if (e == ERR_OK && w->user) {
		rv = m->f->C_InitPIN(session, w->user_pin.p, w->user_pin.len);
		if (rv != CKR_OK)
			e = officer_fail(o, f, rv, "C_InitPIN", "the default user");
	}
	m->f->C_CloseSession(session);
	return e;
}

static enum err make(struct officer *o, const struct officer_module *m, CK_SLOT_ID slot, struct wish *w, struct fail *f)
{
	CK_TOKEN_INFO info;
	unsigned char label[32];
	struct fail first = { 0 };
	enum err e;
	CK_RV rv;

	memset(label, ' ', sizeof(label));
	memcpy(label, w->label, strlen(w->label));
	rv = m->f->C_InitToken(slot, w->so_pin.p, w->so_pin.len, label);
	if (rv == CKR_OK)
		rv = m->f->C_GetTokenInfo(slot, &info);
	if (rv != CKR_OK)
		return officer_fail(o, f, rv, "C_InitToken", "the security officer (SO)");
	memcpy(w->serial, info.serialNumber, 16);
	e = furnish(o, m, slot, w, &first);
	if (e != ERR_OK)
		return fail_set(
		    f, e, first.rv,
		    "%.120s. The token %.32s is there with its SO PIN; `strongroom users add` and `strongroom policy` "
		    "do the rest",
		    first.text, w->label);
	return ERR_OK;
}

static enum err run(struct officer *o, char **words, struct fail *f)
{
	struct officer_module m = { 0 };
	struct wish w = { 0 };
	CK_TOKEN_INFO info;
	CK_SLOT_ID slot = 0;
	enum err e = wish_of(o, &w, f);

	if (e == ERR_OK)
		e = officer_module_open(o, &m, f);
	if (e == ERR_OK)
		e = free_slot(&m, &w, &slot, &info, f);
	if (e == ERR_OK)
		e = new_pin(o, "so-pin-file", "New SO PIN: ", &w.so_pin, f);
	if (e == ERR_OK)
		e = pin_fits(&info, &w.so_pin, "SO PIN", f);
	if (e == ERR_OK && w.user)
		e = new_pin(o, "pin-file", "New PIN of the default user: ", &w.user_pin, f);
	if (e == ERR_OK && w.user)
		e = pin_fits(&info, &w.user_pin, "PIN of the default user", f);
	if (e == ERR_OK && w.user && memchr(w.user_pin.p, ':', w.user_pin.len))
		e = fail_set(f, ERR_USAGE, 0,
			     "PIN of the default user: no colon may stand in it (`name:pin` is a custodian's)");
	if (e == ERR_OK)
		e = make(o, &m, slot, &w, f);
	if (e == ERR_OK)
		e = officer_show(o,
				 json_pack("{s:o, s:s, s:s, s:b, s:b}", "token", show_string(view_of_string(w.label)),
					   "serial", w.serial, "profile", w.compatible ? "compatible" : "strict",
					   "host_bound", (int)w.bound, "user", (int)w.user),
				 f);
	officer_module_close(&m);
	wish_done(&w);
	return e;
}

static const struct officer_option options[] = {
	{ "label", "LABEL", "label of the new token, which no other may have" },
	{ "profile", "NAME", "strict (without it) or compatible: docs/policy.md" },
	{ "pin-file", "FILE",
	  "the PIN of the default user stands in the first line of this file (mode 0600) or pipe; `-`: in the next "
	  "line of standard "
	  "input. Without it the PIN is asked for, twice" },
	{ "no-user", NULL, "no default user: a token for custodians alone, for now" },
	{ 0 },
};

static const struct officer_form forms[] = {
	{ "", "", 0, 0, "makes a token with its security officer and default user", run, fields },
	{ 0 },
};

const struct officer_command command_init = {
	.name = "init",
	.summary = "makes a new token",
	.text = "The token gets a serial number, an SO PIN and, unless --no-user is given, the PIN of the default "
		"user, with whom services "
		"log in. It is strict. Where the configuration names a host secret, the token is bound to it: a copy "
		"of its files cannot "
		"be attacked by guessing PINs alone, and without the secret nobody can log in. A token that is there "
		"is never touched.",
	.common = COMMON_MODULE | COMMON_SO,
	.options = options,
	.forms = forms,
	.examples = "strongroom init --label HSM1\nstrongroom init --label HSM1 --so-pin-file so.pin --pin-file "
		    "service.pin --json",
};
