/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "admin.h"
#include "audit.h"
#include "cms.h"
#include "file.h"

#define PR_BITS 2048

/* The index number is recorded before the key is made: an interrupted run leaves a number unused, never a key unknown.
 */
static enum err new_index(struct mtms *m, int64_t *ret, char label[32], struct fail *f)
{
	int64_t index = 0;
	enum err e = db_begin(m->db, f);

	if (!e)
		e = db_one(m->db, &index, f, "SELECT coalesce(max(key_index), 0) + 1 FROM pr_key", "");
	snprintf(label, 32, "Pr-%lld", (long long)index);
	if (!e)
		e = db_run(m->db, f, "INSERT INTO pr_key (key_index, label, created) VALUES (?, ?, ?)", "iti", index,
			   label, (int64_t)time(NULL));
	e = db_settle(m->db, e, f);
	if (!e)
		*ret = index;
	return e;
}

static enum err make_key(struct mtms *m, const char *path, const char *reason, struct fail *f)
{
	BUF_AUTO spki = { 0 };
	BUF_AUTO request = { 0 };
	uint8_t id[PR_ID_LEN];
	char label[32], number[32], text[512];
	int64_t index = 0;
	enum err e = mtms_identity(m, f);

	if (!e)
		e = mtms_open_token(m, f);
	if (!e)
		e = new_index(m, &index, label, f);
	if (e)
		return e;
	pr_id(index, id);
	snprintf(number, sizeof(number), "%lld", (long long)index);
	e = ops_pr_generate(m->ops, PR_BITS, label, VIEW(id, sizeof(id)), &spki, f);
	if (!e)
		e = db_run(m->db, f, "UPDATE pr_key SET spki = ? WHERE key_index = ?", "bi", buf_view(&spki), index);
	if (!e)
		e = cms_sign(m->identity, buf_view(&spki), &request, f);
	if (!e)
		e = file_create(path, 0644, buf_view(&request), f);
	snprintf(text, sizeof(text), "request %.180s%s%.180s", path,
		 reason ? "; the one before was lost or leaked: " : "", reason ? reason : "");
	if (!e)
		e = audit_console(m->db, "key-init", number, text, f);
	if (!e)
		printf("Pr has the index number %lld; its request for HsmWCRT: %s\n", (long long)index, path);
	return e;
}

enum err key_init(void *service, char **arguments, struct fail *f)
{
	struct mtms *m = service;
	const char *reason = NULL;
	const struct command_option options[] = { { "--lost-or-leaked", true, &reason } };
	int64_t count = 0;
	enum err e = command_options(arguments, 1, options, ARRAY_LEN(options), f);

	if (!e)
		e = db_one(m->db, &count, f, "SELECT count(*) FROM pr_key WHERE spki IS NOT NULL", "");
	if (!e && count && !reason)
		e = fail_set(f, ERR_DUPLICATE, 0,
			     "Pr is there already; a new one is made only when it was lost or leaked: --lost-or-leaked "
			     "REASON");
	if (!e && !count && reason)
		e = fail_set(f, ERR_NOT_FOUND, 0, "there is no Pr yet that could be lost or leaked");
	if (!e && reason && !reason[0])
		e = fail_set(f, ERR_USAGE, 0, "--lost-or-leaked: say how");
	return e ? e : make_key(m, arguments[0], reason, f);
}

static enum err import_checked(struct mtms *m, const struct working_certificate *w, struct fail *f)
{
	int64_t index = 0;
	char number[32];
	enum err e = db_one(m->db, &index, f, "SELECT key_index FROM pr_key WHERE spki = ?", "b", buf_view(&w->spki));

	if (e == ERR_NOT_FOUND)
		*f = (struct fail){ 0 };
	if (e == ERR_NOT_FOUND)
		return fail_set(f, ERR_REFUSED, 0, "the certificate is not over a key of this MTMS");
	snprintf(number, sizeof(number), "%lld", (long long)index);
	if (!e)
		e = db_begin(m->db, f);
	if (!e)
		e = db_run(m->db, f,
			   "INSERT INTO working_certificate (serial, key_index, certificate, imported, number) VALUES "
			   "(?, ?, ?, ?,"
			   " (SELECT coalesce(max(number), 0) + 1 FROM working_certificate))",
			   "bibi", buf_view(&w->serial), index, buf_view(&w->der), (int64_t)time(NULL));
	e = audit_settle(m->db, e, "cert-import", number, "", f);
	if (!e)
		printf("HsmWCRT of Pr %lld is stored\n", (long long)index);
	return e;
}

enum err cert_import(void *service, char **arguments, struct fail *f)
{
	struct mtms *m = service;
	struct working_certificate w = { 0 };
	enum err e = mtms_identity(m, f);

	if (!e)
		e = working_certificate_load(arguments[0], m->identity->roots, &w, f);
	if (!e)
		e = import_checked(m, &w, f);
	working_certificate_done(&w);
	return e;
}
