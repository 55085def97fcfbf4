/* SPDX-License-Identifier: BSD-2-Clause */
#include "verify.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "audit_read.h"
#include "object_change.h"
#include "pages.h"
#include "policy.h"
#include "policy_own.h"
#include "store_rv.h"
#include "user.h"

/* finding: one more. id: NULL: of no object. */
__attribute__((format(printf, 4, 5))) static void finding(struct verify *v, CK_ULONG kind, const uint8_t *id,
							  const char *format, ...)
{
	struct sr_finding *f = v->count < v->room ? &v->findings[v->count++] : NULL;
	va_list arguments;

	v->state.ulFindings++;
	v->damaged = v->damaged || kind != SR_FINDING_USE;
	if (f == NULL)
		return;
	*f = (struct sr_finding){ .ulKind = kind };
	if (id != NULL)
		memcpy(f->id, id, sizeof(f->id));
	va_start(arguments, format);
	vsnprintf((char *)f->szText, sizeof(f->szText), format, arguments);
	va_end(arguments);
}

struct look {
	struct token *t;
	struct store_txn *txn;
	struct verify *v;
};

static void page_one(void *ctx, uint64_t page, const char *text)
{
	finding(ctx, SR_FINDING_PAGE, NULL, "page %llu: %s", (unsigned long long)page, text);
}

/* check_pages: false: what stands on them is not to be read. */
static CK_RV check_pages(struct token *t, struct verify *v, bool *ret_sound)
{
	CK_ULONG before = v->state.ulFindings;
	uint64_t pages = 0;
	int e = store_pages_check(token_store(t), page_one, v, &pages);

	if (e == STORE_ECORRUPT || e == STORE_EFOREIGN)
		finding(v, SR_FINDING_PAGE, NULL, "the file is shorter than its first pages say, or no database");
	else if (e != STORE_OK)
		return store_rv(e);
	v->state.ulPages = pages;
	*ret_sound = v->state.ulFindings == before;
	return CKR_OK;
}

static CK_ULONG kind_of(enum store_finding_kind kind)
{
	switch (kind) {
	case STORE_BAD_ENTRY:
	case STORE_LOST_ENTRY:
	case STORE_STRAY_ENTRY:
		return SR_FINDING_INDEX;
	case STORE_BAD_DIRECTORY:
	case STORE_STRAY_NODE:
		return SR_FINDING_DIRECTORY;
	default:
		return SR_FINDING_OBJECT;
	}
}

static int store_one(void *ctx, const struct store_finding *f)
{
	struct look *l = ctx;

	if (f->kind == STORE_SEALED)
		l->v->state.flags |= SR_VERIFY_PRIVATE_UNSEEN;
	else
		finding(l->v, kind_of(f->kind), f->has_id ? f->id : NULL, "%s", store_finding_text(f->kind));
	return 0;
}

static int count_one(void *ctx, const uint8_t *id, bool private, uint16_t generation)
{
	struct look *l = ctx;

	l->v->state.ulObjects++;
	return 0;
}

static CK_RV check_objects(struct look *l)
{
	int e = store_object_each(l->txn, NULL, count_one, l);

	if (e == STORE_OK)
		e = store_verify(l->txn, token_sealing(l->t), store_one, l);
	if (e == STORE_ECORRUPT)
		finding(l->v, SR_FINDING_OBJECT, NULL, "the records cannot be read to their end");
	return e == STORE_ECORRUPT ? CKR_OK : store_rv(e);
}

static void user_one(void *ctx, const uint8_t *id, bool whole)
{
	struct look *l = ctx;

	l->v->state.ulUsers++;
	if (!whole)
		finding(l->v, SR_FINDING_USER, id, "the record of a user is not what was written");
}

static int use_one(void *ctx, const char *name, struct view value)
{
	struct look *l = ctx;

	l->v->state.ulRecords++;
	if (uses_prove(l->t, l->txn, name) == CKR_DEVICE_ERROR)
		finding(l->v, SR_FINDING_USE, NULL, "%s: not what was written", name);
	return 0;
}

static CK_RV check_records(struct look *l)
{
	struct token_record record;
	CK_RV rv = token_record_load(l->t->crypto, l->txn, &record);
	int e;

	l->v->state.ulRecords++;
	if (rv != CKR_OK) {
		finding(l->v, SR_FINDING_META, NULL, "the token record is not what was written");
		return rv == CKR_HOST_MEMORY ? rv : CKR_OK;
	}
	rv = user_verify(l->t->crypto, l->txn, user_one, l);
	if (rv != CKR_OK)
		return rv;
	e = store_meta_each(l->txn, "use.", NULL, use_one, l);
	if (e == STORE_ECORRUPT)
		finding(l->v, SR_FINDING_META, NULL, "a record with an impossible name");
	return e == STORE_ECORRUPT ? CKR_OK : store_rv(e);
}

static void check_policy(struct look *l)
{
	struct policy policy;

	l->v->state.ulRecords++;
	if (policy_get(l->t, &policy) != CKR_OK)
		finding(l->v, SR_FINDING_POLICY, NULL,
			"the policy record is not what was written; the SO sets it anew");
}

static const char *bad_text(enum audit_bad bad)
{
	switch (bad) {
	case AUDIT_CUT:
		return "missing";
	case AUDIT_MOVED:
		return "written for another place";
	case AUDIT_UNSIGNED:
		return "the head of a copy that nobody signed for";
	default:
		return "not what was written";
	}
}

static CK_RV walk_audit(struct look *l, struct audit_walk *w)
{
	AUDIT_SEEN_AUTO seen = { 0 };
	bool more = true;
	CK_RV rv = CKR_OK;

	while (rv == CKR_OK && more) {
		rv = audit_walk_next(l->t->crypto, l->txn, w, &seen, &more);
		if (rv == CKR_OK && more)
			l->v->state.ulRecords++;
	}
	return rv;
}

/* check_audit: the first record that is bad is told; `strongroom audit verify` says more. */
static CK_RV check_audit(struct token *t, struct verify *v)
{
	struct look l = { .t = t, .v = v };
	struct secret states[STORE_STATES] = { { 0 } };
	struct audit_walk *w = NULL;
	enum audit_fault fault = AUDIT_WHOLE;
	unsigned n = 0;
	/* First the state: what it knows of is in the database by then. */
	int e = store_state_read(token_store(t), states, &n);
	CK_RV rv = store_rv(store_begin(token_store(t), false, &l.txn));

	if (rv == CKR_OK)
		rv = audit_walk_new(t, l.txn, &w);
	if (rv == CKR_OK) {
		audit_walk_states(w, t->serial, states, n);
		rv = walk_audit(&l, w);
	}
	if (rv == CKR_OK)
		rv = audit_walk_end(t->crypto, l.txn, w, states, n, e, &fault);
	if (rv == CKR_OK && w->bad_at != 0)
		finding(v, SR_FINDING_AUDIT, NULL, "record %llu of the audit trail: %s", (unsigned long long)w->bad_at,
			bad_text(w->bad));
	else if (rv == CKR_OK && fault != AUDIT_WHOLE)
		finding(v, SR_FINDING_AUDIT, NULL, "the end of the audit trail is not the one that audit.state knows");
	audit_walk_free(w);
	for (unsigned i = 0; i < STORE_STATES; i++)
		secret_done(&states[i]);
	store_abort(l.txn);
	return rv;
}

CK_RV verify_token(struct token *t, struct verify *v)
{
	struct look l = { .t = t, .v = v };
	bool sound = false;
	CK_RV rv = check_pages(t, v, &sound);

	if (rv != CKR_OK || !sound)
		return rv;
	pthread_mutex_lock(&t->lock);
	rv = token_begin_read(t, &l.txn);
	pthread_mutex_unlock(&t->lock);
	if (rv == CKR_OK)
		rv = check_objects(&l);
	if (rv == CKR_OK)
		rv = check_records(&l);
	store_abort(l.txn);
	if (rv == CKR_OK)
		check_policy(&l);
	return rv == CKR_OK ? check_audit(t, v) : rv;
}

CK_RV verify_repair(struct session *s, struct verify *v)
{
	struct audit_event event = { .number = AUDIT_REBUILT };
	struct look l = { .t = s->token, .v = v };
	struct token_user user;
	bool sound = false;
	CK_RV rv;

	token_user(s->token, &user);
	if (user.kind != USER_SO)
		return CKR_USER_NOT_LOGGED_IN;
	if (!s->rw)
		return CKR_SESSION_READ_ONLY;
	/* What LMDB takes on trust must be so, or writing makes it worse. */
	rv = check_pages(s->token, v, &sound);
	if (rv != CKR_OK || !sound)
		return rv;
	rv = object_begin_write(s, &l.txn);
	if (rv == CKR_OK)
		rv = store_rv(store_rebuild(l.txn, token_sealing(s->token), store_one, &l));
	if (rv == CKR_OK)
		rv = token_audit(s->token, l.txn, &event);
	if (rv != CKR_OK) {
		store_abort(l.txn);
		return rv;
	}
	rv = store_rv(store_commit(l.txn));
	/* What did not open is told again by what follows. */
	*v = (struct verify){ .findings = v->findings, .room = v->room };
	if (rv == CKR_OK)
		v->state.flags |= SR_VERIFY_REPAIRED;
	return rv;
}
