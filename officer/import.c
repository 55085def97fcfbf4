/* SPDX-License-Identifier: BSD-2-Clause */
#include "import_run.h"

#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "commands.h"
#include "pk11_sr.h"
#include "verify.h"

#define BULK_DEFAULT 100
#define BULK_MAX 10000
#define WITHOUT_MAX 16

static const struct show_field object_fields[] = {
	{ "name", "OBJECT", "class, key type, label and id; of a file that cannot be read, its name" },
	{ "result", "RESULT",
	  "`imported`; `there`: an object of this class, type, label and id was there already; `left`: it stayed" },
	{ "why", "WHY", "it stayed; else empty" },
	{ 0 },
};
static const struct show_field fields[] = {
	OFFICER_TOKEN_FIELDS,
	{ "from", "from", "where the objects come from" },
	{ "imported", "imported", "objects that came over" },
	{ "there", "there", "objects that were there already" },
	{ "left", "left", "objects that stayed where they are" },
	{ "objects", "objects", "what became of each", object_fields },
	{ 0 },
};

/* struct report: what import_run tells. */
struct report {
	json_t *objects;
	json_int_t counts[IMPORT_LEFT + 1];
};

static enum err note(void *ctx, const struct import_line *line, struct fail *f)
{
	static const char *const results[] = {
		[IMPORT_MADE] = "imported", [IMPORT_THERE] = "there", [IMPORT_LEFT] = "left"
	};
	struct report *r = ctx;
	json_t *object = json_object();

	json_object_set_new(object, "name", show_string(view_of_string(line->name)));
	json_object_set_new(object, "result", json_string(results[line->result]));
	json_object_set_new(object, "why", show_string(view_of_string(line->why)));
	r->counts[line->result]++;
	return json_array_append_new(r->objects, object) == 0 ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "report");
}

/* without: the usages that --without names. */
static enum err without(const struct officer *o, CK_ATTRIBUTE_TYPE ret[WITHOUT_MAX + 1], struct fail *f)
{
	static const struct {
		const char *name;
		CK_ATTRIBUTE_TYPE type;
	} usages[] = { { "encrypt", CKA_ENCRYPT },
		       { "decrypt", CKA_DECRYPT },
		       { "sign", CKA_SIGN },
		       { "verify", CKA_VERIFY },
		       { "sign-recover", CKA_SIGN_RECOVER },
		       { "verify-recover", CKA_VERIFY_RECOVER },
		       { "wrap", CKA_WRAP },
		       { "unwrap", CKA_UNWRAP },
		       { "derive", CKA_DERIVE } };
	const char *at = officer_value(o, "without");
	size_t n = 0;

	while (at && *at) {
		size_t len = strcspn(at, ","), i = 0;

		while (i < ARRAY_LEN(usages) && (strlen(usages[i].name) != len || memcmp(usages[i].name, at, len) != 0))
			i++;
		if (i == ARRAY_LEN(usages) || n == WITHOUT_MAX)
			return fail_set(f, ERR_USAGE, 0,
					"--without: %.*s is no usage: encrypt, decrypt, sign, verify, sign-recover, "
					"verify-recover, wrap, unwrap, derive",
					(int)(len < 40 ? len : 40), at);
		ret[n++] = usages[i].type;
		at += len + (at[len] == ',');
	}
	ret[n] = 0;
	return ERR_OK;
}

/* their_pin: of the user of the other token: --from-pin-file, else asked for. */
static enum err their_pin(const struct officer *o, struct secret *ret, struct fail *f)
{
	const char *file = officer_value(o, "from-pin-file");

	return file ? ask_file(file, ret, f) : ask_hidden("PIN of the other token: ", ret, f);
}

/* struct other: where the objects come from, open. */
struct other {
	struct pk11 *token;
	struct pk11_session *session;
	struct import_source source;
};

static void other_close(struct other *other)
{
	if (other->source.done)
		other->source.done(other->source.ctx);
	pk11_return(other->session, CKR_OK);
	pk11_free(other->token);
}

static enum err other_open(const struct officer *o, struct pk11_session *to, struct other *other, struct fail *f)
{
	const char *uri = officer_value(o, "from"), *dir = officer_value(o, "softhsm-dir");
	SECRET_AUTO pin = { 0 };
	struct pk11_options options = { .who = PK11_USER, .pin = &pin };
	enum err e = ERR_OK;

	if (dir || !strstr(uri, "pin-source="))
		e = their_pin(o, &pin, f);
	if (e == ERR_OK && dir)
		return import_from_softhsm(dir, officer_value(o, "softhsm-token"), &pin, &other->source, f);
	if (e == ERR_OK)
		e = pk11_open(uri, &options, &other->token, f);
	if (e == ERR_OK)
		e = pk11_borrow(other->token, &other->session, f);
	if (e == ERR_OK)
		e = import_from_token(other->session, to, &other->source, f);
	return e;
}

static enum err check_usage(const struct officer *o, struct fail *f)
{
	const char *uri = officer_value(o, "from");

	if (!uri == !officer_value(o, "softhsm-dir"))
		return fail_set(f, ERR_USAGE, 0, "where from? Either --from URI or --softhsm-dir DIR");
	if (uri && strstr(uri, "pin-value="))
		return fail_set(f, ERR_USAGE, 0,
				"--from: a PIN in the command line can be seen by all; use --from-pin-file");
	if (uri && officer_has(o, "softhsm-token"))
		return fail_set(f, ERR_USAGE, 0,
				"--softhsm-token goes with --softhsm-dir; --from names the token itself");
	return ERR_OK;
}

static enum err answer(struct officer *o, const struct pk11 *p, struct report *r, struct fail *f)
{
	json_t *all = officer_answer(p);
	const char *dir = officer_value(o, "softhsm-dir");

	json_object_set_new(all, "from", json_string(dir ? dir : officer_value(o, "from")));
	json_object_set_new(all, "imported", json_integer(r->counts[IMPORT_MADE]));
	json_object_set_new(all, "there", json_integer(r->counts[IMPORT_THERE]));
	json_object_set_new(all, "left", json_integer(r->counts[IMPORT_LEFT]));
	json_object_set(all, "objects", r->objects);
	if (r->counts[IMPORT_LEFT] > 0)
		officer_found(o);
	return officer_show(o, all, f);
}

static enum err run_import(struct officer *o, char **words, struct fail *f)
{
	CK_ATTRIBUTE_TYPE usages[WITHOUT_MAX + 1];
	struct report report = { .objects = json_array() };
	struct other other = { 0 };
	struct import_run run = { .from = &other.source, .without = usages, .each = note, .ctx = &report };
	struct pk11 *p = NULL;
	unsigned long bulk = 0;
	enum err e = check_usage(o, f);

	if (e == ERR_OK)
		e = without(o, usages, f);
	if (e == ERR_OK)
		e = officer_number(o, "bulk", 1, BULK_MAX, BULK_DEFAULT, &bulk, f);
	/* What is damaged is not added to. */
	if (e == ERR_OK)
		e = verify_before(o, f);
	if (e == ERR_OK)
		e = officer_open(o, PK11_USER, &p, f);
	if (e == ERR_OK)
		e = pk11_sr(p, &run.sr, f);
	if (e == ERR_OK)
		e = pk11_borrow(p, &run.to, f);
	if (e == ERR_OK)
		e = other_open(o, run.to, &other, f);
	if (e == ERR_OK) {
		run.bulk = bulk;
		e = import_run(&run, f);
	}
	if (e == ERR_OK)
		e = answer(o, p, &report, f);
	other_close(&other);
	json_decref(report.objects);
	pk11_return(run.to, CKR_OK);
	pk11_free(p);
	return e;
}

static const struct officer_option options[] = {
	{ "from", "URI", "the other token: module-path or module-name, token, and pin-source if it is not asked for" },
	{ "softhsm-dir", "DIR", "the token directory of SoftHSMv2 (directories.tokendir in softhsm2.conf)" },
	{ "softhsm-token", "LABEL", "which token of that directory, when there are several" },
	{ "from-pin-file", "FILE", "the user PIN of the other token; else it is asked for" },
	{ "without", "USAGE,...",
	  "usages that keys lose on the way: encrypt, decrypt, sign, verify, wrap, unwrap, derive ..." },
	{ "bulk", "N", "so many objects in one commit, 1 to 10000 (default 100)" },
	{ 0 },
};

static const struct officer_form forms[] = {
	{ "", "", 0, 0, "copy the objects of another token", run_import, fields },
	{ 0 },
};

const struct officer_command command_import = {
	.name = "import",
	.summary = "copy a token of another module, or of the files of SoftHSMv2",
	.text =
	    "Objects that the other token shows come as they are. Keys that are sensitive and extractable come\n"
	    "wrapped under an AES key of the other token that itself comes under an RSA key of ours. Keys that are\n"
	    "not extractable stay, and are listed; those of SoftHSMv2 are in its files, which its user PIN opens\n"
	    "(--softhsm-dir). What is there already, by class, key type, label and id, is passed by, so that an\n"
	    "import can be begun again. Our token is verified first.\n"
	    "\n"
	    "A key whose usages the policy of the token keeps apart (docs/policy.md) stays and is named: give up\n"
	    "usages by --without. CKA_TRUSTED and roles do not come: the security officer and a ceremony give those.",
	.common = COMMON_TOKEN | COMMON_USER,
	.options = options,
	.forms = forms,
	.examples = "strongroom import --token acquirer --softhsm-dir /var/lib/softhsm/tokens --without wrap,unwrap\n"
		    "strongroom import --token acquirer --from 'pkcs11:token=old?module-path=/usr/lib/old.so'\n",
};
