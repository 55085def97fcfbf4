/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "delivery.h"
#include "manifest.h"
#include "sha256.h"

/* Answers of a KMS that stay the same at the next try. */
static bool for_good(enum err e)
{
	return e == ERR_REFUSED || e == ERR_MALFORMED || e == ERR_TOO_LARGE;
}

static enum err send_message(struct route *r, const struct delivery *d, struct arena *a, bool *ret_for_good,
			     struct fail *f)
{
	struct delivery_in in = { .dc = view_of_string(r->dc->name),
				  .delivery = view_of_string(d->name),
				  .order = view_of_string(d->order),
				  .sequence = (uint64_t)d->sequence,
				  .records = { d->items, d->count } };
	struct msg_post_in call = { r->kms, r->url, RECORDS_PATH, &delivery_in_fields, &in, &delivery_out_fields };
	struct delivery_out out = { 0 };
	enum err e = msg_post(&call, a, &out, f);

	*ret_for_good = for_good(e);
	if (!e && (!view_equal(out.delivery, in.delivery) || out.received != d->count))
		e = fail_set(f, ERR_PEER, 0, "the KMS's answer is about another delivery");
	return e;
}

static enum err write_file(struct route *r, const struct delivery *d, struct arena *a, struct buf *ret, struct fail *f)
{
	struct keyfile_head head = { 0 };
	struct view *records = arena_alloc(a, d->count * sizeof(*records));

	if (!records)
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	for (size_t i = 0; i < d->count; i++)
		records[i] = d->items[i].record;
	snprintf(head.kms, sizeof(head.kms), "%s", r->customer);
	snprintf(head.dc, sizeof(head.dc), "%s", r->dc->name);
	snprintf(head.name, sizeof(head.name), "%s", d->name);
	return keyfile_write(&head, records, d->count, ret, f);
}

static struct manifest manifest_of(const struct route *r, const struct delivery *d, struct view file,
				   const char sha256[65])
{
	struct manifest m = { .sequence = (uint64_t)d->sequence, .count = d->count, .size = file.n };

	snprintf(m.dc, sizeof(m.dc), "%s", r->dc->name);
	snprintf(m.kms, sizeof(m.kms), "%s", r->customer);
	snprintf(m.name, sizeof(m.name), "%s", d->name);
	snprintf(m.order, sizeof(m.order), "%s", d->order);
	snprintf(m.sha256, sizeof(m.sha256), "%s", sha256);
	return m;
}

static enum err kept_manifest(struct route *r, const struct delivery *d, struct buf *ret, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e = db_query(r->db, &s, f, "SELECT manifest FROM delivery WHERE number = ? AND manifest IS NOT NULL",
			      "i", d->number);

	if (!e)
		e = db_next(s, &row, f);
	if (!e && row)
		buf_put_view(ret, db_blob(s, 0));
	return e;
}

/* A KMS would take it now: it is of this file, and the certificate that signed it has not run out. */
static bool holds(struct route *r, const struct manifest *want, const struct buf *manifest)
{
	struct cms_signer signer;
	struct manifest m;

	return manifest->len && !manifest_read(r->dc->identity->roots, 0, buf_view(manifest), &m, &signer, NULL) &&
	       !strcmp(m.dc, want->dc) && !strcmp(m.sha256, want->sha256);
}

/*
 * The one of an earlier try: another signature would be another file. Signed anew only when that one does not hold and
 * a new one does.
 */
static enum err sign_manifest(struct route *r, const struct delivery *d, const struct manifest *m, struct buf *ret,
			      struct fail *f)
{
	BUF_AUTO kept = { 0 };
	BUF_AUTO fresh = { 0 };
	enum err e = kept_manifest(r, d, &kept, f);

	if (!e && !holds(r, m, &kept)) {
		pthread_mutex_lock(&r->dc->signing);
		e = manifest_make(r->dc->identity, m, &fresh, f);
		pthread_mutex_unlock(&r->dc->signing);
	}
	if (e)
		return e;
	if (!fresh.len || (kept.len && !holds(r, m, &fresh))) {
		buf_put_view(ret, buf_view(&kept));
	} else {
		buf_put_view(ret, buf_view(&fresh));
		e = db_run(r->db, f, "UPDATE delivery SET manifest = ? WHERE number = ?", "bi", buf_view(ret),
			   d->number);
	}
	return e ? e : buf_ok(ret) ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "no memory");
}

/* The key file, then the manifest: without it the file is not there yet. */
static enum err place(struct route *r, const struct delivery *d, const struct manifest *m, struct view file,
		      struct fail *f)
{
	char name[KEYFILE_NAME_MAX + 16];
	BUF_AUTO manifest = { 0 };
	enum err e = sign_manifest(r, d, m, &manifest, f);

	snprintf(name, sizeof(name), "%s%s", d->name, KEYFILE_SUFFIX);
	if (!e)
		e = transfer_put(r->files, name, file, f);
	snprintf(name, sizeof(name), "%s%s", d->name, MANIFEST_SUFFIX);
	if (!e)
		e = transfer_put(r->files, name, buf_view(&manifest), f);
	if (!e)
		e = db_run(r->db, f,
			   "UPDATE delivery SET state = 'placed', placed = ? WHERE number = ? AND state = 'waiting'",
			   "ii", (int64_t)time(NULL), d->number);
	return e;
}

static enum err notify(struct route *r, const struct delivery *d, const struct manifest *m, struct arena *a,
		       bool *ret_for_good, struct fail *f)
{
	struct notice_in in = { .dc = view_of_string(r->dc->name),
				.delivery = view_of_string(d->name),
				.sequence = m->sequence,
				.count = m->count,
				.size = m->size,
				.sha256 = view_of_string(m->sha256) };
	struct msg_post_in call = { r->kms, r->url, DELIVERIES_PATH, &notice_in_fields, &in, &notice_out_fields };
	struct notice_out out = { 0 };
	enum err e = msg_post(&call, a, &out, f);

	*ret_for_good = for_good(e);
	if (!e && !view_equal(out.delivery, in.delivery))
		e = fail_set(f, ERR_PEER, 0, "the KMS's answer is about another delivery");
	return e;
}

enum err delivery_send(struct route *r, struct delivery *d, struct arena *a, bool *ret_for_good, struct fail *f)
{
	BUF_AUTO file = { 0 };
	struct manifest m;
	char sha256[65];
	enum err e = delivery_load(r->db, d, a, f);

	*ret_for_good = false;
	if (e)
		return e;
	if (r->mode == ROUTE_MESSAGE)
		return send_message(r, d, a, ret_for_good, f);
	e = write_file(r, d, a, &file, f);
	if (!e && !sha256_hex(buf_view(&file), sha256))
		e = fail_set(f, ERR_INTERNAL, 0, "SHA-256 failed");
	if (e)
		return e;
	m = manifest_of(r, d, buf_view(&file), sha256);
	if (!d->placed)
		e = place(r, d, &m, buf_view(&file), f);
	if (!e && r->mode == ROUTE_NOTICE)
		e = notify(r, d, &m, a, ret_for_good, f);
	return e;
}
