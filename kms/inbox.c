/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "conf.h"
#include "inbox.h"
#include "log.h"
#include "manifest.h"
#include "open.h"

/* What came with a file, as far as it is known. */
struct given {
	struct manifest manifest;
	struct cms_signer signer;
	struct receive_file file;
	bool signed_; /* the manifest is a DC's */
	bool whole;   /* the key file is one */
	char detail[200];
};

/* An error: not the manifest's fault; a list of revoked certificates that is not there, for one. */
static enum err manifest_look(X509_STORE *roots, const struct inbox_file *in, struct given *g, enum reason *ret,
			      struct fail *f)
{
	struct fail why = { 0 };
	enum err e = manifest_read(roots, 0, in->manifest, &g->manifest, &g->signer, &why);

	if (e && e != ERR_REFUSED && e != ERR_MALFORMED && e != ERR_BAD_DATA)
		return fail_set(f, e, why.rv, "%s", why.text);
	g->signed_ = !e;
	snprintf(g->detail, sizeof(g->detail), "%.190s", e ? why.text : "");
	*ret = !e ? REASON_NONE : e == ERR_REFUSED ? REASON_MANIFEST_SIGNER : REASON_MANIFEST_FORM;
	return ERR_OK;
}

/* An error: not the file's fault. */
static enum err keys_look(const struct receive *r, struct given *g, enum reason *ret, struct fail *f)
{
	struct fail why = { 0 };
	enum err e = receive_verify(r, &g->file, &why);

	g->whole = !e;
	if (e && e != ERR_BAD_DATA && e != ERR_TOO_LARGE)
		return fail_set(f, e, why.rv, "%s", why.text);
	snprintf(g->detail, sizeof(g->detail), "%.190s", e ? why.text : "");
	*ret = !e ? REASON_NONE : e == ERR_TOO_LARGE ? REASON_FILE_LARGE : REASON_FILE_FORM;
	return ERR_OK;
}

/* The announcement of a DC, if there was one, is kept to. */
static enum err notice_look(struct kms *k, const struct given *g, enum reason *ret, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e;

	e = db_query(k->db, &s, f,
		     "SELECT sequence, records, size, digest FROM delivery_notice WHERE dc = ? AND delivery = ?", "tt",
		     g->manifest.dc, g->manifest.name);
	if (!e)
		e = db_next(s, &row, f);
	if (!e && row &&
	    (db_int(s, 0) != (int64_t)g->manifest.sequence || db_int(s, 1) != (int64_t)g->manifest.count ||
	     db_int(s, 2) != (int64_t)g->manifest.size || strcmp(db_text(s, 3), g->manifest.sha256) != 0))
		*ret = REASON_NOTICE;
	return e;
}

static enum reason fits(struct kms *k, const struct inbox_file *in, const struct given *g)
{
	const struct manifest *m = &g->manifest;
	const struct receive_file *file = &g->file;

	if (strcmp(file->head.kms, k->customer) != 0 || (g->signed_ && strcmp(m->kms, k->customer) != 0))
		return REASON_FILE_OTHER_KMS;
	if (strcmp(file->head.name, in->name) != 0)
		return REASON_FILE_RENAMED;
	if (!g->signed_)
		return REASON_NONE;
	if (strcmp(m->dc, file->head.dc) != 0 || strcmp(m->name, file->head.name) != 0 || m->count != file->count ||
	    m->size != file->sums.size || strcmp(m->sha256, file->sums.sha256) != 0)
		return REASON_MANIFEST_FILE;
	return REASON_NONE;
}

/* What was seen before is told first, whatever else is wrong with it. */
static enum err seen_first(struct kms *k, const struct import_in *in, enum reason *reason, struct fail *f)
{
	struct import_seen seen;
	enum err e = import_seen(k, in, &seen, f);

	if (!e && seen.id && (seen.whole || !seen.free))
		*reason = seen.name ? REASON_FILE_NAME : REASON_FILE_CONTENT;
	return e;
}

static enum err judge(const struct receive *r, X509_STORE *roots, const struct inbox_file *in, struct given *g,
		      enum reason *ret, struct fail *f)
{
	enum reason signature = REASON_NONE;
	char detail[sizeof(g->detail)];
	enum err e = in->is_unsigned ? ERR_OK : manifest_look(roots, in, g, &signature, f);

	if (e)
		return e;
	*ret = signature;
	if (in->bad) {
		*ret = signature ? signature : in->bad;
		if (!signature)
			snprintf(g->detail, sizeof(g->detail), "%.190s", in->why);
		return ERR_OK;
	}
	memcpy(detail, g->detail, sizeof(detail));
	e = keys_look(r, g, ret, f);
	if (!e && !*ret)
		*ret = signature;
	if (!e && *ret == signature)
		memcpy(g->detail, detail, sizeof(detail));
	if (!e && !*ret)
		*ret = fits(r->k, in, g);
	if (!e && !*ret && g->signed_)
		e = notice_look(r->k, g, ret, f);
	return e;
}

static enum err refuse(struct kms *k, const struct import_in *in, enum reason reason, const char *detail,
		       int64_t *ret_id, struct fail *f)
{
	log_line(LOG_LEVEL_WARN, "key file", "%s from %s refused: %s; %s", in->name, in->source, reason_text(reason),
		 detail);
	return import_refuse(k, in, reason, detail, ret_id, f);
}

/* A file's name as it can stand in a table: one that no key file can have is written as answers to operators are. */
static void name_shown(const char *name, char ret[1100])
{
	size_t n = 0;

	for (; *name && n + 5 < 1100; name++)
		n += (size_t)sprintf(ret + n, *name >= ' ' && *name <= '~' && *name != '\\' ? "%c" : "\\x%02x",
				     (unsigned char)*name);
	ret[n] = 0;
}

enum err inbox_take(const struct receive *r, X509_STORE *roots, const struct inbox_file *file, int64_t *ret_id,
		    enum reason *ret_reason, struct fail *f)
{
	struct import_in in = {
		.kind = "file", .name = file->name, .source = file->source, .sender = "?", .digest = ""
	};
	enum reason reason = REASON_NONE;
	struct given g = { 0 };
	int64_t id = 0;
	char note[180], shown[1100], claimed[sizeof(g.file.head.dc) + 16];
	enum err e;

	name_shown(file->name, shown);
	in.name = shown;
	e = judge(r, roots, file, &g, &reason, f);
	if (e)
		return e;
	if (g.whole) {
		/* What a file says of its sender counts when that one signed it. */
		snprintf(claimed, sizeof(claimed), "unproven:%s", g.file.head.dc);
		in.sender = claimed;
		in.digest = g.file.sums.records_sha256;
		in.count = g.file.count;
	}
	if (g.signed_) {
		in.sender = in.dc = g.manifest.dc;
		in.order = g.manifest.order;
		in.sequence = g.manifest.sequence;
	}
	if (reason && g.whole)
		e = seen_first(r->k, &in, &reason, f);
	snprintf(note, sizeof(note), file->is_unsigned ? "unsigned, by command" : "manifest of %.128s", g.signer.name);
	if (!e && !reason)
		e = receive_store(r, &in, &g.file, note, &id, &reason, f);
	if (!e && reason)
		e = refuse(r->k, &in, reason, g.detail, &id, f);
	if (e)
		return e;
	*ret_id = id;
	*ret_reason = reason;
	return ERR_OK;
}

enum err inbox_alone(struct kms *k, const char *name, const char *source, int64_t *ret_id, struct fail *f)
{
	struct import_in in = { .kind = "file", .source = source, .sender = "?", .digest = "" };
	char shown[1100];

	name_shown(name, shown);
	in.name = shown;
	return refuse(k, &in, REASON_FILE_ALONE, "", ret_id, f);
}

enum err inbox_roots(const struct conf *c, X509_STORE **ret, struct fail *f)
{
	struct identity *identity = NULL;
	enum err e = kms_identity(c, &identity, f);

	if (!e && X509_STORE_up_ref(identity->roots) != 1)
		e = fail_set(f, ERR_INTERNAL, 0, "roots");
	if (!e)
		*ret = identity->roots;
	identity_free(identity);
	return e;
}
