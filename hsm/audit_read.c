/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit_read.h"

#include <stdlib.h>
#include <string.h>

#include "audit_anchor.h"
#include "store_rv.h"

#define STEPS_MAX ((uint64_t)1 << 20) /* a wider gap: what follows is read from the next segment on */

void audit_seen_done(struct audit_seen *s)
{
	secret_done(&s->text);
	*s = (struct audit_seen){ 0 };
}

void audit_walk_free(struct audit_walk *w)
{
	if (w == NULL)
		return;
	audit_keys_done(&w->keys);
	secret_done(&w->k);
	free(w);
}

CK_RV audit_walk_new(struct token *t, struct store_txn *txn, struct audit_walk **ret)
{
	struct audit_walk *w = calloc(1, sizeof(*w));
	CK_RV rv = w != NULL ? audit_keys_of(t, txn, &w->keys) : CKR_HOST_MEMORY;

	if (rv == CKR_KEY_HANDLE_INVALID) {
		/* Taken away: without them no head is right. */
		rv = audit_old(t->crypto, txn, &w->old);
		if (rv == CKR_DEVICE_ERROR)
			rv = CKR_USER_NOT_LOGGED_IN;
	}
	if (rv != CKR_OK && rv != CKR_USER_NOT_LOGGED_IN) {
		audit_walk_free(w);
		return rv;
	}
	w->keyed = w->keys.audit_private.len > 0;
	w->next = 1;
	w->linked = true; /* zeroes before the first */
	*ret = w;
	return CKR_OK;
}

void audit_walk_states(struct audit_walk *w, const char *serial, const struct secret *states, unsigned n)
{
	w->links_n = 0;
	for (unsigned i = 0; i < n; i++) {
		AUDIT_STATE_AUTO s = { 0 };

		if (audit_state_get(&states[i], serial, &s))
			memcpy(w->links[w->links_n++], s.link, AUDIT_LINK_LEN);
	}
}

void audit_walk_note(struct audit_walk *w, uint64_t at, enum audit_bad bad)
{
	if (bad != AUDIT_GOOD && w->bad_at == 0) {
		w->bad_at = at;
		w->bad = bad;
	}
}

/* on: k goes n places on. */
static CK_RV on(const struct crypto *c, struct audit_walk *w, uint64_t n)
{
	CK_RV rv = CKR_OK;

	if (n > STEPS_MAX)
		secret_done(&w->k);
	while (rv == CKR_OK && w->k.len > 0 && n-- > 0)
		rv = audit_step(c, &w->k);
	return rv;
}

/* vouched: what stands behind the record at `at` says that it is what was written: the next one, or the state. */
static bool vouched(const struct crypto *c, struct store_txn *txn, const struct audit_walk *w, uint64_t at,
		    struct view v)
{
	uint8_t link[AUDIT_LINK_LEN];
	struct audit_record after;
	struct view next;

	if (audit_link(c, v, link) != CKR_OK)
		return false;
	if (store_audit_get(txn, at + 1, &next) == STORE_OK)
		return audit_record_get(next, &after) && view_equal(after.previous, VIEW(link, sizeof(link)));
	for (unsigned i = 0; i < w->links_n; i++)
		if (memcmp(link, w->links[i], sizeof(link)) == 0)
			return true;
	return false;
}

/*
 * disowned: without its key: the next record names another one than v in this place, and what stands behind it vouches
 * for that next record: so v was changed, and not the next.
 */
static bool disowned(const struct crypto *c, struct store_txn *txn, const struct audit_walk *w, uint64_t at,
		     struct view v)
{
	struct view next;

	if (vouched(c, txn, w, at, v) || store_audit_get(txn, at + 1, &next) != STORE_OK)
		return false;
	return vouched(c, txn, w, at + 1, next);
}

static CK_RV see_old(const struct crypto *c, struct store_txn *txn, struct audit_walk *w, struct view v,
		     const struct audit_record *r, struct audit_seen *ret)
{
	if (w->segment != 0 || !secret_init(&ret->text, r->sealed.n + 1) ||
	    !secret_set(&ret->text, r->sealed.p, r->sealed.n)) {
		ret->bad = AUDIT_CHANGED;
		return CKR_OK;
	}
	ret->open = audit_fields_get(secret_view(&ret->text), true, &ret->fields);
	if (!ret->open || disowned(c, txn, w, ret->sequence, v))
		ret->bad = AUDIT_CHANGED;
	return CKR_OK;
}

static CK_RV see_entry(const struct crypto *c, struct store_txn *txn, struct audit_walk *w, struct view v,
		       const struct audit_record *r, struct audit_seen *ret)
{
	CK_RV rv = CKR_OK;

	ret->segment = r->segment;
	if (r->segment != w->segment || r->segment == 0 || r->sequence != ret->sequence) {
		ret->bad = AUDIT_MOVED;
	} else if (w->k.len > 0) {
		rv = audit_entry_open(c, store_serial(txn), r, &w->k, &ret->text);
		ret->open = rv == CKR_OK && audit_fields_get(secret_view(&ret->text), false, &ret->fields);
		if (!ret->open)
			ret->bad = AUDIT_CHANGED;
		if (rv == CKR_ENCRYPTED_DATA_INVALID)
			rv = CKR_OK;
	} else if (disowned(c, txn, w, ret->sequence, v)) {
		ret->bad = AUDIT_CHANGED;
	}
	return rv == CKR_OK ? on(c, w, 1) : rv;
}

/* of_source: a copy's head names a signed head of its source, which tells of a record before it. */
static bool of_source(const struct crypto *c, struct store_txn *txn, const struct audit_record *r)
{
	uint8_t link[AUDIT_LINK_LEN];
	struct audit_anchor a;
	struct view v;

	return audit_anchor_get(r->source, &a) && audit_anchor_signed(c, &a) && a.purpose == AUDIT_ANCHOR_BACKUP &&
	       memcmp(a.statement_public, r->statement_public.p, AUDIT_KEY_LEN) == 0 &&
	       strcmp(a.serial, store_serial(txn)) == 0 && a.sequence < r->sequence &&
	       store_audit_get(txn, a.sequence, &v) == STORE_OK && audit_link(c, v, link) == CKR_OK &&
	       memcmp(link, a.link, sizeof(link)) == 0;
}

static enum audit_bad judge_head(const struct crypto *c, struct store_txn *txn, const struct audit_walk *w,
				 const struct audit_record *r)
{
	if (!view_equal(r->statement_public, VIEW(w->keys.statement_public, AUDIT_KEY_LEN)))
		return AUDIT_CHANGED;
	/* Records before the first segment are of schema 1, and only two ways lead out of that. */
	if (w->segment == 0 && r->sequence > 1 && r->reason != AUDIT_REASON_MIGRATION &&
	    r->reason != AUDIT_REASON_AGAIN)
		return AUDIT_CHANGED;
	if (r->reason == AUDIT_REASON_COPY && !of_source(c, txn, r))
		return AUDIT_CHANGED;
	if (r->signature.n == 0)
		return r->reason == AUDIT_REASON_COPY ? AUDIT_UNSIGNED : AUDIT_CHANGED;
	return audit_head_signed(c, store_serial(txn), r) ? AUDIT_GOOD : AUDIT_CHANGED;
}

static CK_RV see_head(const struct crypto *c, struct store_txn *txn, struct audit_walk *w, const struct audit_record *r,
		      struct audit_seen *ret)
{
	CK_RV rv = CKR_OK;

	ret->segment = r->segment;
	ret->head = true;
	ret->record = *r;
	if (r->sequence != ret->sequence || r->segment <= w->segment) {
		ret->bad = AUDIT_MOVED;
		return on(c, w, 1);
	}
	ret->bad = judge_head(c, txn, w, r);
	if (ret->bad == AUDIT_GOOD && r->segment != w->segment + 1)
		ret->bad = AUDIT_MOVED;
	w->segment = r->segment;
	secret_done(&w->k);
	if (w->keyed)
		rv = audit_head_open(c, store_serial(txn), r, &w->keys, &w->k);
	if (rv == CKR_ENCRYPTED_DATA_INVALID) {
		ret->bad = AUDIT_CHANGED;
		rv = CKR_OK;
	}
	return rv;
}

static CK_RV see(const struct crypto *c, struct store_txn *txn, struct audit_walk *w, struct view v,
		 struct audit_seen *ret)
{
	struct audit_record r;
	CK_RV rv;

	if (!audit_record_get(v, &r)) {
		ret->bad = AUDIT_CHANGED;
		rv = on(c, w, 1);
	} else {
		bool names = view_equal(r.previous, VIEW(w->link, sizeof(w->link)));

		if (r.kind == AUDIT_RECORD_OLD)
			rv = see_old(c, txn, w, v, &r, ret);
		else if (r.kind == AUDIT_RECORD_ENTRY)
			rv = see_entry(c, txn, w, v, &r, ret);
		else
			rv = see_head(c, txn, w, &r, ret);
		if (ret->bad == AUDIT_GOOD && w->linked && !names)
			ret->bad = AUDIT_CHANGED;
	}
	if (rv != CKR_OK)
		return rv;
	/* What a bad record should have been is not known, so the next one may name anything. */
	w->linked = ret->bad == AUDIT_GOOD || ret->bad == AUDIT_UNSIGNED;
	w->next++;
	return audit_link(c, v, w->link);
}

CK_RV audit_walk_next(const struct crypto *c, struct store_txn *txn, struct audit_walk *w, struct audit_seen *ret,
		      bool *ret_more)
{
	struct view v;
	uint64_t sequence;
	int e = store_audit_next(txn, w->next, &sequence, &v);
	CK_RV rv = CKR_OK;

	audit_seen_done(ret);
	*ret_more = e == STORE_OK;
	if (e != STORE_OK)
		return e == STORE_ENOTFOUND ? CKR_OK : store_rv(e);
	ret->sequence = w->next;
	ret->segment = w->segment;
	if (sequence > w->next) {
		ret->bad = AUDIT_CUT;
		rv = on(c, w, sequence - w->next);
		w->next = sequence;
		w->linked = false;
	} else {
		rv = see(c, txn, w, v, ret);
	}
	audit_walk_note(w, ret->sequence, ret->bad);
	return rv;
}

/* fits: one of the states: it goes with the end of the trail, and has the k that the walk came to. */
static CK_RV fits(const struct crypto *c, struct store_txn *txn, struct audit_walk *w, const struct secret *bytes,
		  enum audit_fault *ret_fault, uint64_t *ret_at)
{
	AUDIT_STATE_AUTO s = { 0 };
	struct audit_state end = { 0 };
	CK_RV rv = audit_end(c, txn, &end);

	*ret_fault = AUDIT_STATE_FOREIGN;
	*ret_at = 0;
	if (rv != CKR_OK || !audit_state_get(bytes, store_serial(txn), &s))
		return rv;
	rv = audit_fit(c, txn, &end, &s, ret_fault, ret_at);
	if (rv == CKR_OK && *ret_fault == AUDIT_WHOLE && w->k.len > 0 && w->segment == s.segment &&
	    !secret_equal(&s.k, &w->k))
		*ret_fault = AUDIT_STATE_FOREIGN;
	return rv;
}

CK_RV audit_walk_end(const struct crypto *c, struct store_txn *txn, struct audit_walk *w, const struct secret *states,
		     unsigned n, int e, enum audit_fault *ret)
{
	enum audit_fault fault = e == STORE_ENOTFOUND ? AUDIT_STATE_MISSING : AUDIT_STATE_UNREADABLE;
	uint64_t at = 0;
	CK_RV rv = CKR_OK;

	/* Nobody has sealed anything yet. */
	if (w->old && w->segment == 0 && e == STORE_ENOTFOUND) {
		*ret = AUDIT_WHOLE;
		return CKR_OK;
	}
	for (unsigned i = 0; rv == CKR_OK && i < n; i++) {
		enum audit_fault one;
		uint64_t one_at;

		rv = fits(c, txn, w, &states[i], &one, &one_at);
		if (rv == CKR_OK && (i == 0 || one == AUDIT_WHOLE)) {
			fault = one;
			at = one_at;
		}
		if (fault == AUDIT_WHOLE)
			break;
	}
	if (rv != CKR_OK)
		return rv;
	if (fault == AUDIT_STATE_LEADS)
		audit_walk_note(w, w->next, AUDIT_CUT);
	else if (fault == AUDIT_TAIL_CHANGED)
		audit_walk_note(w, at, AUDIT_CHANGED);
	*ret = fault;
	return CKR_OK;
}
