/* SPDX-License-Identifier: BSD-2-Clause */
#include "ck.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ask.h"
#include "ceremony.h"
#include "commands.h"
#include "pk11_sr.h"
#include "protocol.h"
#include "statement.h"
#include "vendor_functions.h"

static enum err ask_text(const char *prompt, char *ret, size_t room, struct fail *f)
{
	BUF_AUTO line = { 0 };
	enum err e = ask_line(prompt, &line, f);

	if (e != ERR_OK)
		return e;
	if (line.len == 0 || line.len >= room || memchr(line.p, 0, line.len))
		return fail_set(f, ERR_USAGE, 0, "nothing was typed, or too much");
	memcpy(ret, line.p, line.len);
	ret[line.len] = 0;
	return ERR_OK;
}

static enum err plan_name(const char *word, struct ceremony_plan *p, struct fail *f)
{
	enum err e = ERR_OK;

	if (word && strlen(word) >= sizeof(p->name))
		return fail_set(f, ERR_USAGE, 0, "%.64s...: a name that is too long", word);
	if (word)
		snprintf(p->name, sizeof(p->name), "%s", word);
	else
		e = ask_text("Which key (PK-ACME, MAK-ACME, ...)? ", p->name, sizeof(p->name), f);
	return e == ERR_OK ? component_name_fits(p->name, f) : e;
}

static enum err plan_kind(const struct officer *o, bool asks, struct ceremony_plan *p, struct fail *f)
{
	const char *option = officer_value(o, "type");
	char typed[32] = "AES-256";
	enum err e = ERR_OK;

	if (!option && asks)
		e = ask_text("Of which kind (" KEY_KINDS ")? ", typed, sizeof(typed), f);
	if (e != ERR_OK)
		return e;
	p->kind = key_kind_named(option ? option : typed);
	return p->kind ? ERR_OK : fail_set(f, ERR_USAGE, 0, "%.32s: " KEY_KINDS, option ? option : typed);
}

/* plan_custodians: those of --custodian, in the order of the components; else asked for, how many and who. */
static enum err plan_custodians(const struct officer *o, struct ceremony_plan *p, struct fail *f)
{
	const char *name;
	unsigned n = 0;
	enum err e = ERR_OK;

	for (; n < PARTS_MAX && (name = officer_value_at(o, "custodian", n)); n++)
		if (snprintf(p->custodians[n], sizeof(p->custodians[n]), "%s", name) >= (int)sizeof(p->custodians[n]))
			return fail_set(f, ERR_USAGE, 0, "--custodian: %.64s: there is no such custodian", name);
	if (n == PARTS_MAX && officer_value_at(o, "custodian", n))
		return fail_set(f, ERR_USAGE, 0, "--custodian: a key has 9 components at most");
	if (n == 0) {
		char typed[8];

		e = ask_text("How many components (2 to 9)? ", typed, sizeof(typed), f);
		if (e == ERR_OK && (strlen(typed) != 1 || typed[0] < '2' || typed[0] > '9'))
			e = fail_set(f, ERR_USAGE, 0, "%.8s: a number from 2 to 9 is needed", typed);
		for (unsigned of = e == ERR_OK ? (unsigned)(typed[0] - '0') : 0; e == ERR_OK && n < of; n++) {
			char prompt[64];

			snprintf(prompt, sizeof(prompt), "Custodian of component %u of %u: ", n + 1, of);
			e = ask_text(prompt, p->custodians[n], sizeof(p->custodians[n]), f);
		}
	}
	p->of = n;
	if (e == ERR_OK && n < 2)
		e = fail_set(f, ERR_USAGE, 0, "--custodian: two at least, one for each component, in their order");
	for (unsigned i = 0; e == ERR_OK && i < n; i++)
		for (unsigned k = 0; e == ERR_OK && k < i; k++)
			if (!strcmp(p->custodians[i], p->custodians[k]))
				e = fail_set(f, ERR_USAGE, 0, "%.40s: nobody enters two components of one key",
					     p->custodians[i]);
	return e;
}

const char *ceremony_file_of(const struct officer *o, const char *option, const char *custodian)
{
	size_t n = strlen(custodian);
	const char *value;

	for (size_t i = 0; (value = officer_value_at(o, option, i)); i++)
		if (!strncmp(value, custodian, n) && value[n] == '=')
			return value + n + 1;
	return NULL;
}

/* files_fit: does each NAME=FILE name a custodian of the plan? */
static enum err files_fit(const struct officer *o, const char *option, const struct ceremony_plan *p, struct fail *f)
{
	const char *value;

	for (size_t i = 0; (value = officer_value_at(o, option, i)); i++) {
		size_t n = strcspn(value, "=");
		bool known = false;

		for (unsigned k = 0; k < p->of; k++)
			known = known || (strlen(p->custodians[k]) == n && !strncmp(p->custodians[k], value, n));
		if (!value[n] || !known)
			return fail_set(f, ERR_USAGE, 0, "--%s: %.64s: NAME=FILE, with the name of a --custodian",
					option, value);
	}
	return ERR_OK;
}

enum err ceremony_plan_of(const struct officer *o, char **words, struct ceremony_plan *ret, struct fail *f)
{
	enum err e = plan_name(words[0], ret, f);

	if (e == ERR_OK)
		e = plan_kind(o, !words[0], ret, f);
	if (e == ERR_OK)
		e = plan_custodians(o, ret, f);
	if (e == ERR_OK)
		e = files_fit(o, "custodian-pin-file", ret, f);
	return e == ERR_OK ? files_fit(o, "component-file", ret, f) : e;
}

static enum err run_combine(struct officer *o, char **words, struct fail *f)
{
	const char *out = officer_value(o, "out");
	const char *expect = officer_value(o, "expect");
	struct protocol_files files = { .fd = { -1, -1 } };
	struct ceremony_plan plan = { 0 };
	json_t *protocol = NULL;
	enum err e = ceremony_plan_of(o, words, &plan, f);

	if (e == ERR_OK && !out)
		e = fail_set(f, ERR_USAGE, 0, "--out: where does the protocol go? NAME makes NAME.txt and NAME.json");
	if (e == ERR_OK)
		e = protocol_files_open(&files, out, f);
	if (e == ERR_OK)
		e = ceremony_run(o, &plan, &files, &protocol, f);
	protocol_files_done(&files);
	if (e != ERR_OK)
		return e;
	if (expect && strcasecmp(expect, json_string_value(json_object_get(protocol, "check_value")))) {
		officer_found(o);
		fprintf(stderr,
			"strongroom ceremony: the check value is not %.16s. The key is there; destroy it and begin "
			"anew if it is "
			"the wrong one\n",
			expect);
	}
	return officer_show(o, protocol, f);
}

/* statement_key: of the token, SubjectPublicKeyInfo. */
static enum err statement_key(struct pk11 *p, struct buf *ret, struct fail *f)
{
	const struct sr_function_list *sr = NULL;
	struct pk11_session *s = NULL;
	uint8_t key[128];
	CK_ULONG n = sizeof(key);
	enum err e = pk11_sr(p, &sr, f);
	CK_RV rv;

	if (e == ERR_OK)
		e = pk11_borrow(p, &s, f);
	if (e == ERR_OK) {
		rv = sr->SR_GetStatementKey(s->handle, key, &n);
		e = rv == CKR_OK ? ERR_OK : pk11_fail(f, rv, "SR_GetStatementKey");
		buf_put(ret, key, e == ERR_OK ? n : 0);
	}
	pk11_return(s, CKR_OK);
	return e == ERR_OK && !buf_ok(ret) ? fail_set(f, ERR_NO_MEMORY, 0, "key") : e;
}

static const struct show_field check_fields[] = {
	{ "good", "good", "true: signed by this token, and nothing was changed" },
	{ "wrong", "wrong", "what is wrong; null: nothing" },
	{ "proved_by", "proved by", "`token`, or the path of the key file" },
	{ "protocol", "protocol", "what the file says", protocol_fields },
	{ 0 },
};

/* trusted_key: from --key, else from the token itself. */
static enum err trusted_key(struct officer *o, struct buf *ret, struct fail *f)
{
	const char *path = officer_value(o, "key");
	struct pk11 *p = NULL;
	enum err e;

	if (path)
		return statement_key_read(path, ret, f);
	e = officer_open(o, PK11_NOBODY, &p, f);
	if (e == ERR_OK)
		e = statement_key(p, ret, f);
	pk11_free(p);
	return e;
}

static enum err run_check(struct officer *o, char **words, struct fail *f)
{
	BUF_AUTO signed_words = { 0 };
	BUF_AUTO signature = { 0 };
	BUF_AUTO key = { 0 };
	struct fail wrong = { 0 };
	json_t *protocol = NULL;
	const char *serial;
	bool good;
	enum err e = protocol_read(words[0], &protocol, &signed_words, &signature, f);

	if (e == ERR_OK)
		e = trusted_key(o, &key, f);
	if (e != ERR_OK) {
		json_decref(protocol);
		return e;
	}
	serial = json_string_value(json_object_get(protocol, "serial"));
	good = statement_verify(buf_view(&key), serial ? serial : "", buf_view(&signed_words), buf_view(&signature),
				&wrong) == ERR_OK;
	if (!good)
		officer_found(o);
	return officer_show(
	    o,
	    json_pack("{s:b, s:o, s:s, s:o}", "good", (int)good, "wrong", good ? json_null() : json_string(wrong.text),
		      "proved_by", officer_value(o, "key") ? officer_value(o, "key") : "token", "protocol", protocol),
	    f);
}

static const struct show_field key_fields[] = {
	OFFICER_TOKEN_FIELDS,
	{ "statement_key", "statement key", "Ed25519 public key, PEM" },
	{ 0 },
};

static enum err run_key(struct officer *o, char **words, struct fail *f)
{
	struct pk11 *p = NULL;
	BUF_AUTO key = { 0 };
	BUF_AUTO pem = { 0 };
	json_t *all = NULL;
	enum err e = officer_open(o, PK11_NOBODY, &p, f);

	if (e == ERR_OK)
		e = statement_key(p, &key, f);
	if (e == ERR_OK)
		e = statement_key_pem(buf_view(&key), &pem, f);
	if (e == ERR_OK && !officer_json(o) && fwrite(pem.p, 1, pem.len, stdout) != pem.len)
		e = fail_set(f, ERR_IO, 0, "cannot write the answer");
	if (e == ERR_OK && officer_json(o)) {
		all = officer_answer(p);
		json_object_set_new(all, "statement_key", show_string(buf_view(&pem)));
		e = officer_show(o, all, f);
	}
	pk11_free(p);
	return e;
}

static const struct officer_option options[] = {
	{ "type", "KIND", "combine: " KEY_KINDS "; AES-256 without it" },
	{ "custodian", "NAME", "combine: the custodian of component 1, then of component 2, ...", true },
	{ "custodian-pin-file", "NAME=FILE", "combine: the PIN of custodian NAME stands there; without it he is asked",
	  true },
	{ "component-file", "NAME=FILE", "combine: the digits of his component stand there; without it he is asked",
	  true },
	{ "next", NULL, "combine: the key is the next generation of one of this name (docs/roles.md)" },
	{ "expect", "VALUE", "combine: the check value that the key must have; exit status 3 when it has another" },
	{ "out", "NAME", "combine: the protocol becomes NAME.txt and NAME.json, which must not be there yet" },
	{ "key", "FILE", "check: the token's statement key as a public key file, when the token is not at hand" },
	{ 0 },
};

static const struct officer_form forms[] = {
	{ "combine", "[NAME]", 0, 1,
	  "a guided ceremony: each custodian is present with his PIN, enters his component or confirms the one that "
	  "waits; then the "
	  "key NAME (`PK-ACME`) is made of them and the protocol written. What the command line does not say is asked",
	  run_combine, protocol_fields },
	{ "check", "FILE", 1, 1, "is this protocol (either file) the one that the token signed? Status 3: it is not",
	  run_check, check_fields },
	{ "key", "", 0, 0, "the public key that proves the token's protocols, PEM, to be kept elsewhere", run_key,
	  key_fields },
	{ 0 },
};

const struct officer_command command_ceremony = {
	.name = "ceremony",
	.summary = "combines components into a key, with a signed protocol",
	.text = "A ceremony may be broken off and begun again: components that were entered wait, and are confirmed by "
		"their check value "
		"when it goes on. The protocol says date, token, participants, check values and the place in the audit "
		"trail, and no "
		"secret; both its files are signed by the token on their own. docs/ceremony.md leads through the whole "
		"of it.",
	.common = COMMON_TOKEN,
	.options = options,
	.forms = forms,
	.examples =
	    "strongroom ceremony combine --token HSM1 --out pk-acme\n"
	    "strongroom ceremony combine PK-ACME --custodian mtms-officer --custodian acme-officer --out pk-acme\n"
	    "strongroom ceremony check pk-acme.txt --key hsm1.pem",
};
