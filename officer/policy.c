/* SPDX-License-Identifier: BSD-2-Clause */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "officer.h"
#include "pk11_policy.h"

/* words_json: a string for each word. */
static void words_json(struct view text, json_t *array)
{
	while (text.n > 0) {
		const uint8_t *end = memchr(text.p, ' ', text.n);
		size_t n = end ? (size_t)(end - text.p) : text.n;

		json_array_append_new(array, json_stringn((const char *)text.p, n));
		n += end != NULL;
		text = VIEW(text.p + n, text.n - n);
	}
}

static enum err print_json(const struct pk11 *p, const struct pk11_policy *policy, struct fail *f)
{
	const struct {
		const char *name;
		const struct buf *text;
	} rows[] = { { "allowed", &policy->allowed }, { "in_force", &policy->in_force }, { "known", &policy->known } };
	json_t *all = json_object();
	char *text;

	json_object_set_new(all, "token", json_string(pk11_describe(p)));
	json_object_set_new(all, "strict", json_boolean(pk11_policy_is_strict(policy)));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *array = json_array();

		words_json(buf_view(rows[i].text), array);
		json_object_set_new(all, rows[i].name, array);
	}
	text = json_dumps(all, JSON_INDENT(2));
	json_decref(all);
	if (!text)
		return fail_set(f, ERR_NO_MEMORY, 0, "JSON");
	puts(text);
	free(text);
	return ERR_OK;
}

static void print_words(const char *title, const struct buf *text)
{
	if (text->len == 0)
		printf("%-10s nothing\n", title);
	else
		printf("%-10s %.*s\n", title, (int)text->len, (const char *)text->p);
}

static enum err show(const struct officer *o, struct pk11 *p, struct pk11_session *s, struct fail *f)
{
	PK11_POLICY_AUTO policy = { 0 };
	enum err e = pk11_policy_get(s, &policy, f);

	if (e != ERR_OK)
		return e;
	if (o->json)
		return print_json(p, &policy, f);
	printf("%-10s %s\n", "token", pk11_describe(p));
	printf("%-10s %s\n", "profile", pk11_policy_is_strict(&policy) ? "strict" : "compatible");
	print_words("allows", &policy.allowed);
	if (pk11_logged_in(p))
		print_words("in force", &policy.in_force);
	print_words("known", &policy.known);
	return ERR_OK;
}

/* is_word: one of the words behind the command. */
static bool is_word(char **words, const char *name)
{
	for (; *words; words++)
		if (!strcmp(*words, name))
			return true;
	return false;
}

/* change: allow adds words, forbid takes them away; the order is the module's. */
static enum err change(struct pk11_session *s, bool allow, char **words, struct fail *f)
{
	PK11_POLICY_AUTO policy = { 0 };
	BUF_AUTO made = { 0 };
	struct view rest;
	enum err e = pk11_policy_get(s, &policy, f);

	for (char **w = words; e == ERR_OK && *w; w++)
		if (!pk11_policy_has(buf_view(&policy.known), *w))
			e = fail_set(f, ERR_USAGE, 0, "%.64s: no such relaxation; `show` names them", *w);
	if (e != ERR_OK)
		return e;
	rest = buf_view(&policy.known);
	while (rest.n > 0) {
		const uint8_t *end = memchr(rest.p, ' ', rest.n);
		size_t n = end ? (size_t)(end - rest.p) : rest.n;
		char name[64];

		snprintf(name, sizeof(name), "%.*s", (int)n, (const char *)rest.p);
		if (is_word(words, name) ? allow : pk11_policy_has(buf_view(&policy.allowed), name))
			buf_printf(&made, "%s%s", made.len ? " " : "", name);
		n += end != NULL;
		rest = VIEW(rest.p + n, rest.n - n);
	}
	if (!buf_ok(&made))
		return fail_set(f, ERR_NO_MEMORY, 0, "policy");
	return pk11_policy_set(s, buf_view(&made), f);
}

enum err officer_policy(const struct officer *o, char **words, struct fail *f)
{
	const char *what = words[0] ? words[0] : "show";
	bool reads = !strcmp(what, "show") && !(words[0] && words[1]);
	bool sets = !strcmp(what, "set") && words[1] && !strcmp(words[1], "strict") && !words[2];
	bool changes = (!strcmp(what, "allow") || !strcmp(what, "forbid")) && words[1];
	struct pk11_session *s = NULL;
	struct pk11 *p = NULL;
	enum err e;

	if (!reads && !sets && !changes)
		return fail_set(f, ERR_USAGE, 0, "policy show | set strict | allow NAME... | forbid NAME...");
	e = officer_open(o, reads ? PK11_NOBODY : PK11_SO, &p, f);
	if (e == ERR_OK)
		e = pk11_borrow(p, &s, f);
	if (e == ERR_OK && sets)
		e = pk11_policy_set(s, VIEW_STR("strict"), f);
	if (e == ERR_OK && changes)
		e = change(s, !strcmp(what, "allow"), words + 1, f);
	if (e == ERR_OK)
		e = show(o, p, s, f);
	pk11_return(s, CKR_OK);
	pk11_free(p);
	return e;
}
