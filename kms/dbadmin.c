/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "command.h"
#include "db_dump.h"
#include "dbadmin.h"
#include "dbcheck.h"
#include "open.h"
#include "token_keys.h"

#define SERVICE "kms"
#define STATUS_WRONG 3

/* What a command works with. */
struct call {
	const struct conf *conf;
	int *status;
};

/* ---- the keys of the token ---- */

/* A key of which the HSM tells no check value has none to compare: an empty list. */
static json_t *key_json(struct kms *k, struct pk11_key *key)
{
	struct check_value values[PK11_GENERATIONS];
	char hex[CHECK_HEX];
	size_t count = 0;
	json_t *list = json_array();

	if (ops_key_checks(k->ops, key, values, &count, NULL))
		count = 0;
	for (size_t i = 0; i < count; i++) {
		check_hex(&values[i], hex);
		json_array_append_new(list, json_pack("{s:s, s:i}", "check_value", hex, "method", values[i].method));
	}
	return list;
}

/* By kind, the generations from the newest on. */
static json_t *keys_json(struct kms *k)
{
	struct token_key keys[TOKEN_KEYS];
	json_t *all = json_object();

	token_keys(k, keys);
	for (size_t i = 0; i < TOKEN_KEYS; i++) {
		if (keys[i].key)
			json_object_set_new(all, keys[i].kind, key_json(k, keys[i].key));
	}
	return all;
}

static bool among(json_t *list, json_t *one)
{
	size_t i;
	json_t *other;

	json_array_foreach(list, i, other) if (json_equal(other, one)) return true;
	return false;
}

/* What the backup's keys have that the token has not. */
static void keys_compare(json_t *backup, json_t *token, struct findings *n)
{
	const char *kind;
	json_t *list, *one;
	size_t i;

	n->checks++;
	json_object_foreach(backup, kind, list)
	{
		json_t *mine = json_object_get(token, kind);

		if (!mine) {
			finding_add(n, "token-key", kind,
				    "the backup was made with this key; the token in use has none");
			continue;
		}
		json_array_foreach(list, i, one) if (!among(mine, one))
		    finding_add(n, "token-key", kind,
				"%s of the backup has check value %.8s; the token in use has no generation "
				"with it",
				i ? "an older generation" : "the newest generation",
				json_string_value(json_object_get(one, "check_value")));
	}
}

/* The keys that the nodes of this database named: the newest of each must be one that the token in use has. */
static enum err nodes_compare(struct kms *k, json_t *token, struct findings *n, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e = db_query(
	    k->db, &s, f, "SELECT kind, check_value, node FROM node_key WHERE generation = 0 ORDER BY node, kind", "");

	n->checks++;
	while (!e && !(e = db_next(s, &row, f)) && row) {
		json_t *mine = json_object_get(token, db_text(s, 0)), *one;
		bool known = !json_array_size(mine);
		size_t i;

		json_array_foreach(mine, i, one) known |=
		    !strcmp(json_string_value(json_object_get(one, "check_value")), db_text(s, 1));
		if (!known)
			finding_add(n, "node-token", db_text(s, 2),
				    "its %s has check value %s; the token in use has no "
				    "generation with it",
				    db_text(s, 0), db_text(s, 1));
	}
	return e;
}

/* ---- answers ---- */

static void findings_print(const struct findings *n, bool json, json_t *more)
{
	size_t i;
	json_t *one;

	if (json) {
		json_t *top =
		    json_pack("{s:b, s:I, s:I, s:I, s:O}", "good", n->count == 0, "checks", (json_int_t)n->checks,
			      "rows", (json_int_t)n->rows, "found", (json_int_t)n->count, "findings", n->list);

		json_object_update(top, more);
		json_dumpf(top, stdout, JSON_INDENT(1));
		putchar('\n');
		json_decref(top);
		return;
	}
	json_array_foreach(n->list, i, one)
	{
		command_text(json_string_value(json_object_get(one, "check")));
		putchar('\t');
		command_text(json_string_value(json_object_get(one, "object")));
		putchar('\t');
		command_text(json_string_value(json_object_get(one, "text")));
		putchar('\n');
	}
	printf("%s: %lld found, %lld checks, %lld rows asked of the token\n", n->count ? "not good" : "good",
	       (long long)n->count, (long long)n->checks, (long long)n->rows);
}

/* ---- commands ---- */

static enum err schema_check(struct db *d, bool *ret_same, struct findings *n, struct fail *f)
{
	int64_t version = 0;
	enum err e = db_version(d, &version, f);

	n->checks++;
	*ret_same = version == (int64_t)kms_schema_count;
	if (!e && !*ret_same)
		finding_add(n, "schema", "", "the database has schema %lld, this program %zu%s", (long long)version,
			    kms_schema_count,
			    version < (int64_t)kms_schema_count ? "; the next start of kmsd brings it up" : "");
	return e;
}

static enum err check_all(const struct conf *c, struct kms *k, bool all, struct findings *n, struct fail *f)
{
	bool same = false;
	enum err e = db_open_read(conf_get(c, "", "database"), &k->db, f);

	if (!e)
		e = db_snapshot(k->db, f);
	if (!e)
		e = schema_check(k->db, &same, n, f);
	if (e || !same)
		return e;
	e = dbcheck_tables(k->db, n, f);
	if (!e)
		e = kms_open_keys(c, k, f);
	return e ? e : dbcheck_token(k, all, n, f);
}

static enum err check(void *service, char **arguments, struct fail *f)
{
	const struct call *call = service;
	struct findings n = { .list = json_array() };
	const char *all = NULL, *json = NULL, *against = NULL;
	const struct command_option options[] = { { "--all", false, &all },
						  { "--json", false, &json },
						  { "--backup", true, &against } };
	struct db_dump_head head = { 0 };
	struct kms k = { 0 };
	json_t *keys = NULL, *more = json_object();
	enum err e = command_options(arguments, 0, options, ARRAY_LEN(options), f);

	if (!e && against)
		e = db_dump_read(against, SERVICE, &head, f);
	if (!e)
		e = check_all(call->conf, &k, all != NULL, &n, f);
	if (!e && k.ops) {
		keys = keys_json(&k);
		e = nodes_compare(&k, keys, &n, f);
	}
	if (!e && keys) {
		json_object_set(more, "keys", keys);
		if (against)
			keys_compare(json_object_get(head.about, "keys"), keys, &n);
	}
	if (!e) {
		findings_print(&n, json != NULL, more);
		*call->status = n.count ? STATUS_WRONG : 0;
	}
	if (k.db)
		db_rollback(k.db);
	kms_done(&k);
	json_decref(head.about);
	json_decref(keys);
	json_decref(more);
	json_decref(n.list);
	return e;
}

static enum err backup(void *service, char **arguments, struct fail *f)
{
	const struct call *call = service;
	struct kms k = { 0 };
	json_t *keys = NULL, *about = NULL;
	int64_t rows = 0;
	enum err e = db_open_read(conf_get(call->conf, "", "database"), &k.db, f);

	if (!e)
		e = kms_open_keys(call->conf, &k, f);
	if (!e) {
		keys = keys_json(&k);
		about =
		    json_pack("{s:s, s:s, s:o}", "customer", k.customer, "token", pk11_describe(k.token), "keys", keys);
		e = about ? db_dump(k.db, SERVICE, about, arguments[0], &rows, f)
			  : fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	}
	if (!e)
		printf("%s: %lld rows\n", arguments[0], (long long)rows);
	json_decref(about);
	kms_done(&k);
	return e;
}

static enum err restored_audit(const struct conf *c, const char *path, const struct db_dump_head *head, bool unchecked,
			       struct fail *f)
{
	char text[160];
	DB_AUTO *d = NULL;
	enum err e = kms_open_db(c, &d, f);

	snprintf(text, sizeof(text), "%lld rows of a backup of %lld%s", (long long)head->rows, (long long)head->made,
		 unchecked ? "; the token was not compared" : "");
	return e ? e : audit_console(d, "db-restore", path, text, f);
}

static enum err compare_first(const struct conf *c, const struct db_dump_head *head, int *status, struct fail *f)
{
	struct findings n = { .list = json_array() };
	struct kms k = { 0 };
	json_t *keys = NULL;
	enum err e = kms_open_keys(c, &k, f);

	if (!e && strcmp(k.customer, json_string_value(json_object_get(head->about, "customer"))
					 ? json_string_value(json_object_get(head->about, "customer"))
					 : "") != 0)
		e = fail_set(f, ERR_REFUSED, 0, "the backup is of another customer's KMS");
	if (!e) {
		keys = keys_json(&k);
		keys_compare(json_object_get(head->about, "keys"), keys, &n);
	}
	if (!e && n.count) {
		findings_print(&n, false, NULL);
		*status = STATUS_WRONG;
	}
	json_decref(keys);
	json_decref(n.list);
	kms_done(&k);
	return e;
}

static enum err restore(void *service, char **arguments, struct fail *f)
{
	const struct call *call = service;
	const char *unchecked = NULL;
	const struct command_option options[] = { { "--unchecked", false, &unchecked } };
	struct db_dump_head head = { 0 };
	enum err e = command_options(arguments, 1, options, ARRAY_LEN(options), f);

	if (!e)
		e = db_dump_read(arguments[0], SERVICE, &head, f);
	if (!e && !unchecked)
		e = compare_first(call->conf, &head, call->status, f);
	if (!e && *call->status) {
		printf("nothing was restored: restore the token backup that goes with %s first\n", arguments[0]);
		goto out;
	}
	if (!e)
		e = db_dump_load(arguments[0], SERVICE, conf_get(call->conf, "", "database"), kms_schema,
				 kms_schema_count, f);
	if (!e)
		e = restored_audit(call->conf, arguments[0], &head, unchecked != NULL, f);
	if (!e)
		printf("%lld rows restored%s\n", (long long)head.rows,
		       unchecked ? "" : "; backup and token go together");
out:
	json_decref(head.about);
	return e;
}

static const struct command_row rows[] = {
	{ "db check", ~0,
	  "db check [--all] [--json] [--backup FILE]  tables among each other and against the token; --backup: does the"
	  " token go with it",
	  check, "R2.7" },
	{ "db backup", 1, "db backup FILE     the database and what keys of the token it needs, beside a running kmsd",
	  backup, "R1.12" },
	{ "db restore", ~1, "db restore FILE [--unchecked]  into a new database, when the token goes with it", restore,
	  "R1.12" },
};

enum err dbadmin_run(const struct conf *c, int argc, char **argv, int *ret_status, struct fail *f)
{
	struct call call = { c, ret_status };
	const struct command_row *row = NULL;
	char **arguments = NULL;
	enum err e = command_find(rows, ARRAY_LEN(rows), argc, argv, &row, &arguments, f);

	return e ? e : row->run(&call, arguments, f);
}

void dbadmin_usage(struct buf *b)
{
	command_usage(rows, ARRAY_LEN(rows), b);
}
