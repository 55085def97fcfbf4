/* SPDX-License-Identifier: BSD-2-Clause */
/* What a report on a key that may be known cannot say, and what to do. */
#include "ck.h"

#include <stdarg.h>
#include <string.h>

#include "compromise.h"

const struct show_field word_fields[] = {
	{ "what", "WHAT", "in words" },
	{ 0 },
};
const struct show_field step_fields[] = {
	{ "unique_id", "UNIQUE ID", "of the key that may be known; null: the token key" },
	{ "step", "STEP", "number; in this order" },
	{ "what", "WHAT", "what to do, in words" },
	{ "command", "COMMAND", "how; null: not by a command of this token" },
	{ 0 },
};

static void say(json_t *list, const char *what)
{
	json_array_append_new(list, json_pack("{s:s}", "what", what));
}

/* struct steps: of one key, appended to list. */
struct steps {
	json_t *list;
	const json_t *key;
	const char *token;
	int n;
};

static void step(struct steps *t, const char *what, json_t *command)
{
	const json_t *id = t->key ? json_object_get(t->key, "unique_id") : NULL;

	json_array_append_new(t->list,
			      json_pack("{s:o, s:i, s:s, s:o}", "unique_id", id ? json_deep_copy(id) : json_null(),
					"step", ++t->n, "what", what, "command", command ? command : json_null()));
}

json_t *advice_unsaid(const json_t *suspect)
{
	json_t *list = json_array();

	say(list, "keys that came in or were derived in a session and were never stored: CKA_SR_PARENT names the token "
		  "keys behind them only in what was stored of them");
	say(list, "uses that are not counted: encrypting, decrypting, signing, verifying, deriving in a session");
	say(list, "counts of a process that was killed, and of one that still runs: they are written when its session "
		  "ends");
	say(list, "what other tokens, terminals and databases hold of it or under it: ask the same of each");
	if (!suspect) {
		say(list, "who read the token key or a file of the token: neither is an act of the module");
		return list;
	}
	say(list, "which keys were wrapped under it, where dual control did not ask (an approval names both): an entry "
		  "names the key that left, or the wrapping key where the other lived in a session");
	say(list, "keys that came of one that was destroyed meanwhile: those of orphans may be such");
	say(list,
	    "data objects that were derived of it (CKM_HKDF_DATA), and keys of a time before tokens noted where keys "
	    "come from");
	return list;
}

static const char *text_of(const json_t *row, const char *name)
{
	const char *text = json_string_value(json_object_get(row, name));

	return text ? text : "";
}

static bool one_of(const char *role, const char *const *roles)
{
	for (; *roles; roles++)
		if (!strcmp(role, *roles))
			return true;
	return false;
}

/* successor: the key that takes over. */
static void successor(struct steps *t, const json_t *key, const char *token)
{
	static const char *const combined[] = { "PK", "MAK", "KBPK", "DMK", "ROOT", "FPK", "KTK", NULL };
	const char *role = text_of(key, "role"), *label = text_of(key, "label");
	bool generations = !json_is_null(json_object_get(key, "generation"));

	if (!strcmp(role, "SRK"))
		step(t, "the next generation, made in the token",
		     json_sprintf("kmsd --config FILE srk-init %s ID", label));
	else if (one_of(role, combined) && generations)
		step(t,
		     "the next generation, of fresh components, first in every token that opens with it, then where it "
		     "makes; compare the check values",
		     json_sprintf("strongroom ceremony combine %s --next --out FILE --token %s", label, token));
	else if (one_of(role, combined))
		step(t, "its successor, of fresh components, under another name, as its role has no generations",
		     json_sprintf("strongroom ceremony combine %s-NEW --out FILE --token %s", role, token));
	else if (!strcmp(role, "TEK") || !strcmp(role, "AUK"))
		step(t, "the terminal makes a new TK; the host refuses its records with the older counter", NULL);
	else
		step(t, "its successor, from where it came", NULL);
	if (generations)
		step(t, "nothing is made with the old one any more; it still opens",
		     json_sprintf("strongroom retire %s --token %s", text_of(key, "unique_id"), token));
}

/* under_it: what lies under the key outside of the token. */
static void under_it(struct steps *t, const char *role)
{
	if (!strcmp(role, "PK") || !strcmp(role, "MAK"))
		step(t,
		     strcmp(role, "PK")
			 ? "records that came in while it may have been known may be false: take them again from the "
			   "terminals"
			 : "every TK in a record that was made under it is known to who has the record: the terminals "
			   "make new ones; a record that is sealed anew keeps its TK",
		     NULL);
	else if (!strcmp(role, "SRK")) {
		step(t, "the TMKs of the database, under the newest key, so that the old one can go",
		     json_string("kmsd --config FILE srk-rewrap"));
		step(t,
		     "every TMK that was in the database is known to who has a copy of it: the next download brings a "
		     "new one",
		     json_string("kmsd --config FILE tmk-renew"));
	} else
		step(t,
		     "whatever was wrapped, enciphered or signed with it is known or may be false: replace it, and do "
		     "not only wrap it anew",
		     NULL);
}

static void token_key_steps(struct steps *t, const char *token)
{
	step(t,
	     "a fresh token key: the older one opens nothing that is in the token afterwards, and nothing of an older "
	     "file can be put back",
	     json_sprintf("strongroom rotate token-key --token %s", token));
	step(t,
	     "a rotation does not make a value unknown, does not change who has a PIN, and does not help against who "
	     "has the user key as well (an image of a process with a login): then a new token, by `init` or ceremonies",
	     json_sprintf("strongroom init --label NEW"));
	step(t,
	     "who had an older file as well as the token key knows every value of `objects` that was in it: each is a "
	     "key that may be known",
	     json_sprintf("strongroom compromise --unique-id ID --token %s", token));
	step(t,
	     "older files and backups that are not needed are destroyed: they stay under their own seals; who may "
	     "know a PIN, too, gives the PINs anew first",
	     json_sprintf("strongroom users pin --token %s", token));
	step(t, "a head of the trail is kept elsewhere", json_sprintf("strongroom audit head --token %s", token));
}

void advice_steps(json_t *list, const json_t *suspect, const char *token)
{
	struct steps t = { .list = list, .key = suspect, .token = token };

	if (!suspect) {
		token_key_steps(&t, token);
		return;
	}
	step(&t, "a head of the trail is kept elsewhere, before anything is changed",
	     json_sprintf("strongroom audit head --json --token %s", token));
	successor(&t, suspect, token);
	step(&t,
	     "each key of `came_of_it` is known to who saw it come in or knows how it was derived: the same for each, "
	     "the last in the line first",
	     json_sprintf("strongroom compromise --unique-id ID --token %s", token));
	under_it(&t, text_of(suspect, "role"));
	step(&t, "when nothing of its time is needed any more, the key is destroyed, here and in every other token",
	     json_sprintf("strongroom destroy %s --token %s", text_of(suspect, "unique_id"), token));
}
