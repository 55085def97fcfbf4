/* SPDX-License-Identifier: BSD-2-Clause */
#include "ck.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "commands.h"
#include "component.h"
#include "file.h"

static const struct show_field list_fields[] = {
	OFFICER_TOKEN_FIELDS,
	{ "components", "components", "that wait to be combined", component_fields },
	{ 0 },
};
static const struct show_field entered_fields[] = {
	OFFICER_TOKEN_FIELDS,
	{ "label", "label", "NAME#k/n" },
	{ "custodian", "custodian", "who entered it" },
	{ "check_value", "check value", "six hexadecimal digits" },
	{ "generated", "generated", "true: the token's random generator made it" },
	{ 0 },
};
static const struct show_field destroyed_fields[] = {
	OFFICER_TOKEN_FIELDS,
	{ "destroyed", "destroyed", "label of the component" },
	{ 0 },
};

/* struct entry: what `enter` was asked to do. */
struct entry {
	char label[64];
	struct component_entry c;
	bool generate;
};

static enum err entry_of(const struct officer *o, const char *name, struct entry *ret, struct fail *f)
{
	const char *type = officer_value(o, "type");
	unsigned long number, of;
	enum err e = component_name_fits(name, f);

	if (e == ERR_OK)
		e = officer_number(o, "of", 2, 9, 2, &of, f);
	if (e == ERR_OK)
		e = officer_number(o, "number", 1, of, 0, &number, f);
	if (e != ERR_OK)
		return e;
	if (!number)
		return fail_set(f, ERR_USAGE, 0, "--number: which of the %lu components is it?", of);
	ret->c.kind = key_kind_named(type ? type : "AES-256");
	if (!ret->c.kind)
		return fail_set(f, ERR_USAGE, 0, "--type: %.32s: " KEY_KINDS, type);
	if (!officer_has(o, "user"))
		return fail_set(f, ERR_USAGE, 0, "--user: which custodian enters it?");
	snprintf(ret->label, sizeof(ret->label), "%.40s#%lu/%lu", name, number, of);
	ret->generate = officer_has(o, "generate");
	ret->c.label = ret->label;
	ret->c.who = officer_value(o, "user");
	ret->c.file = officer_value(o, "component-file");
	ret->c.expect = officer_value(o, "expect");
	ret->c.twice = officer_has(o, "twice");
	if (ret->generate && (ret->c.file || ret->c.expect || ret->c.twice))
		return fail_set(f, ERR_USAGE, 0, "--generate: nothing is typed or compared then; leave the others out");
	if (ret->generate && !officer_has(o, "show") && !officer_has(o, "out"))
		return fail_set(f, ERR_USAGE, 0,
				"--generate: where does the component go? --show (on the terminal) or --out FILE");
	if (!ret->generate && (officer_has(o, "show") || officer_has(o, "out")))
		return fail_set(f, ERR_USAGE, 0, "--show and --out: with --generate alone");
	return ERR_OK;
}

/* in_groups: as digits in groups of four, a newline at the end. */
static bool in_groups(const struct secret *value, struct secret *ret)
{
	static const char digits[] = "0123456789ABCDEF";

	if (!secret_init(ret, value->len * 3 + 1))
		return false;
	for (size_t i = 0; i < value->len; i++) {
		ret->p[ret->len++] = (uint8_t)digits[value->p[i] >> 4];
		ret->p[ret->len++] = (uint8_t)digits[value->p[i] & 15];
		if (i % 2 && i + 1 < value->len)
			ret->p[ret->len++] = ' ';
	}
	ret->p[ret->len++] = '\n';
	return true;
}

/* show_and_check: on the terminal alone; what was written down must be typed back before it counts. */
static enum err show_and_check(const struct entry *entry, const struct secret *value, const struct secret *text,
			       struct fail *f)
{
	SECRET_AUTO back = { 0 };
	SECRET_AUTO typed = { 0 };
	enum err e;
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return fail_set(f, ERR_CONFIG, 0, "--show: there is no terminal to show a component on");
	e = dprintf(fd, "%s: write it down:\n\n    ", entry->label) < 0 || write(fd, text->p, text->len) < 0
		? fail_set(f, ERR_IO, 0, "terminal: %s", strerror(errno))
		: ERR_OK;
	close(fd);
	if (e == ERR_OK)
		e = ask_hidden("\nand type it from the paper: ", &back, f);
	/* Three lines up and everything below gone: the digits do not stay on the screen. */
	if (e == ERR_OK)
		ask_tell("\033[4A\033[J(shown)");
	if (e == ERR_OK)
		e = component_hex(&back, entry->c.kind->len, &typed, f);
	if (e == ERR_OK && !secret_equal(&typed, value))
		e = fail_set(f, ERR_BAD_DATA, 0, "%s: what was typed is not what was shown; nothing was entered",
			     entry->label);
	return e;
}

/* generate: the value from the token's generator; to paper or file first, then into the token. */
static enum err generate(struct officer *o, struct pk11_session *s, const struct entry *entry,
			 char check[CHECK_VALUE_HEX], struct fail *f)
{
	const char *out = officer_value(o, "out");
	SECRET_AUTO value = { 0 };
	SECRET_AUTO text = { 0 };
	CK_OBJECT_HANDLE made = 0;
	enum err e = ERR_OK;
	CK_RV rv;

	if (!secret_init(&value, entry->c.kind->len))
		return fail_set(f, ERR_NO_MEMORY, 0, "component");
	rv = s->f->C_GenerateRandom(s->handle, value.p, entry->c.kind->len);
	if (rv != CKR_OK)
		return officer_fail(o, f, rv, "C_GenerateRandom", NULL);
	value.len = entry->c.kind->len;
	if (!in_groups(&value, &text))
		return fail_set(f, ERR_NO_MEMORY, 0, "component");
	if (officer_has(o, "show"))
		e = show_and_check(entry, &value, &text, f);
	if (e == ERR_OK && out)
		e = file_create(out, 0600, secret_view(&text), f);
	if (e != ERR_OK)
		return e;
	e = component_create(o, s, entry->label, entry->c.kind, &value, entry->c.who, &made, check, f);
	if (e != ERR_OK && out)
		unlink(out);
	return e;
}

static enum err run_enter(struct officer *o, char **words, struct fail *f)
{
	struct entry entry = { 0 };
	struct pk11_session *s = NULL;
	struct pk11 *p = NULL;
	char check[CHECK_VALUE_HEX];
	enum err e = entry_of(o, words[0], &entry, f);

	if (e == ERR_OK)
		e = officer_open(o, PK11_USER, &p, f);
	if (e == ERR_OK)
		e = pk11_borrow(p, &s, f);
	if (e == ERR_OK)
		e = entry.generate ? generate(o, s, &entry, check, f) : component_enter(o, s, &entry.c, check, f);
	if (e == ERR_OK) {
		json_t *all = officer_answer(p);

		json_object_set_new(all, "label", json_string(entry.label));
		json_object_set_new(all, "custodian", json_string(entry.c.who));
		json_object_set_new(all, "check_value", json_string(check));
		json_object_set_new(all, "generated", json_boolean(entry.generate));
		e = officer_show(o, all, f);
	}
	pk11_return(s, CKR_OK);
	pk11_free(p);
	return e;
}

static enum err run_list(struct officer *o, char **words, struct fail *f)
{
	struct pk11_session *s = NULL;
	struct pk11 *p = NULL;
	json_t *list = NULL;
	enum err e = officer_open(o, PK11_USER, &p, f);

	if (e == ERR_OK)
		e = pk11_borrow(p, &s, f);
	if (e == ERR_OK)
		e = component_rows(s, NULL, &list, f);
	if (e == ERR_OK) {
		json_t *all = officer_answer(p);

		json_object_set_new(all, "components", list);
		e = officer_show(o, all, f);
	}
	pk11_return(s, CKR_OK);
	pk11_free(p);
	return e;
}

static enum err run_destroy(struct officer *o, char **words, struct fail *f)
{
	struct pk11_session *s = NULL;
	struct pk11 *p = NULL;
	CK_OBJECT_HANDLE component = 0;
	CK_ULONG role = 0;
	enum err e = officer_open(o, officer_has(o, "so") ? PK11_SO : PK11_USER, &p, f);

	if (e == ERR_OK)
		e = pk11_borrow(p, &s, f);
	if (e == ERR_OK)
		e = object_of_label(s, words[0], &component, f);
	if (e == ERR_OK && (!object_number(s, component, CKA_SR_ROLE, &role) || role != SR_ROLE_COMPONENT))
		e = fail_set(f, ERR_REFUSED, 0, "%.64s: is a key and no component", words[0]);
	if (e == ERR_OK)
		e = component_destroy(o, s, component, f);
	if (e == ERR_OK) {
		json_t *all = officer_answer(p);

		json_object_set_new(all, "destroyed", show_string(view_of_string(words[0])));
		e = officer_show(o, all, f);
	}
	pk11_return(s, CKR_OK);
	pk11_free(p);
	return e;
}

static const struct officer_option options[] = {
	{ "number", "K", "enter: which component of the key it is, from 1" },
	{ "of", "N", "enter: how many components the key has, 2 to 9; 2 without it" },
	{ "type", "KIND", "enter: " KEY_KINDS "; AES-256 without it" },
	{ "component-file", "FILE",
	  "enter: the digits stand in the first line of this file (mode 0600) or pipe; `-`: in the next line of "
	  "standard input. Without "
	  "it they are typed, unseen" },
	{ "expect", "VALUE", "enter: the check value on the envelope; another one destroys the component again" },
	{ "twice", NULL, "enter: the digits are typed twice" },
	{ "generate", NULL, "enter: the token's random generator makes the component" },
	{ "show", NULL, "with --generate: on the terminal, to be written down and typed back from the paper" },
	{ "out", "FILE", "with --generate: into a new file, mode 0600, for the other HSM" },
	{ "so", NULL, "destroy: as the security officer" },
	{ 0 },
};

static const struct officer_form forms[] = {
	{ "list", "", 0, 0, "what waits to be combined", run_list, list_fields },
	{ "enter", "NAME", 1, 1, "a custodian enters component --number of --of of the key NAME (`PK-ACME`)", run_enter,
	  entered_fields },
	{ "destroy", "LABEL", 1, 1,
	  "destroys a waiting component (`PK-ACME#1/2`): who entered it does, or with --so the SO", run_destroy,
	  destroyed_fields },
	{ 0 },
};

const struct officer_command command_components = {
	.name = "components",
	.summary = "components of keys: entry, what waits, destruction",
	.text = "A key that no one may know alone comes as components, one each from different custodians, and is "
		"their XOR; `strongroom "
		"ceremony` combines them. The digits are hexadecimal, in groups as one likes, with blanks or dashes "
		"between. They are "
		"typed unseen; then the token says the check value, which must be the one on the envelope.",
	.common = COMMON_TOKEN | COMMON_USER | COMMON_SO,
	.options = options,
	.forms = forms,
	.examples = "strongroom components enter PK-ACME --number 1 --user mtms-officer --token HSM1\n"
		    "strongroom components --user mtms-officer --token HSM1",
};
