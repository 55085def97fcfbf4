/* SPDX-License-Identifier: BSD-2-Clause */
#include "sr_functions.h"

#include <string.h>

#include "audit_anchor.h"
#include "audit_read.h"
#include "crypto.h"
#include "module.h"
#include "object_change.h"
#include "session.h"
#include "store_rv.h"
#include "user.h"

_Static_assert(SR_AUDIT_HEAD_LEN == AUDIT_ANCHOR_LEN && SR_SIGNATURE_LEN == AUDIT_SIGNATURE_LEN, "lengths");
_Static_assert(SR_AUDIT_UNSIGNED == AUDIT_UNSIGNED && SR_AUDIT_STATE_CHANGED == AUDIT_TAIL_CHANGED &&
		   SR_AUDIT_BEGUN_MIGRATION == AUDIT_REASON_MIGRATION,
	       "numbers");

/* struct trail: a look at the trail: what the state file said, and then a read transaction. */
struct trail {
	struct token *token;
	struct secret states[STORE_STATES];
	unsigned states_n;
	int states_e;
	bool in; /* somebody is logged in */
	struct store_txn *txn;
};
#define TRAIL_AUTO __attribute__((cleanup(trail_done))) struct trail

static void trail_done(struct trail *l)
{
	for (unsigned i = 0; i < STORE_STATES; i++)
		secret_done(&l->states[i]);
	store_abort(l->txn);
}

static CK_RV trail_begin(struct token *t, struct trail *l)
{
	struct token_user user;

	token_user(t, &user);
	l->in = user.kind != USER_NONE;
	l->token = t;
	/* First the state: what it knows of is in the database by then. */
	l->states_e = store_state_read(token_store(t), l->states, &l->states_n);
	return store_rv(store_begin(token_store(t), false, &l->txn));
}

static CK_RV trail_walk(struct trail *l, struct audit_walk **ret)
{
	CK_RV rv = audit_walk_new(l->token, l->txn, ret);

	if (rv == CKR_OK)
		audit_walk_states(*ret, l->token->serial, l->states, l->states_n);
	return rv;
}

static CK_RV trail_end(struct trail *l, struct audit_walk *w, enum audit_fault *ret)
{
	return audit_walk_end(l->token->crypto, l->txn, w, l->states, l->states_n, l->states_e, ret);
}

static CK_RV trail_state(struct trail *l, const struct audit_walk *w, bool ended, enum audit_fault fault,
			 struct sr_audit_state *ret)
{
	struct audit_state end = { 0 };
	CK_RV rv = audit_end(l->token->crypto, l->txn, &end);

	if (rv != CKR_OK)
		return rv;
	*ret = (struct sr_audit_state){ .ulFirstBad = w->bad_at,
					.ulBad = w->bad,
					.ulState = fault,
					.ulChecked = w->next - 1,
					.ulLast = end.next - 1,
					.ulSegment = end.segment,
					.flags = (w->keyed ? 0 : SR_AUDIT_SEALED) | (ended ? SR_AUDIT_ENDED : 0) };
	return CKR_OK;
}

static void text(CK_UTF8CHAR *to, size_t room, struct view v)
{
	size_t n = v.n < room - 1 ? v.n : room - 1;

	memset(to, 0, room);
	if (n > 0)
		memcpy(to, v.p, n);
}

static void fill(const struct audit_seen *seen, struct sr_audit_entry *ret)
{
	const struct audit_fields *f = &seen->fields;
	struct sr_audit_entry e = { .ulSequence = seen->sequence, .ulSegment = seen->segment, .ulBad = seen->bad };

	if (seen->head) {
		e.ulEvent = SR_AUDIT_SEGMENT;
		e.ulTime = seen->record.time;
		e.ulBegun = seen->record.reason;
		e.ulState = seen->record.fault;
		e.ulExpected = seen->record.expected;
		text(e.szEvent, sizeof(e.szEvent), VIEW_STR("segment"));
	} else if (seen->open) {
		e.ulEvent = f->number;
		e.ulTime = f->time;
		e.ulProcess = f->process;
		e.ulUserKind = f->kind;
		e.ulResult = f->result;
		e.ulCount = f->count;
		e.ulObjectLen = f->object.n;
		if (f->object.n > 0)
			memcpy(e.object, f->object.p, f->object.n);
		text(e.szEvent, sizeof(e.szEvent), view_of_string(audit_name((enum audit_number)f->number)));
		text(e.szUser, sizeof(e.szUser), f->user);
		text(e.szProgram, sizeof(e.szProgram), f->program);
		text(e.szLabel, sizeof(e.szLabel), f->label);
	}
	*ret = e;
}

/* resumes: the walk of the session's last call ended before this record, and the trail is still the one it saw. */
static bool resumes(const struct session *s, const struct trail *l, uint64_t first)
{
	const struct audit_walk *w = s->audit;
	uint8_t link[AUDIT_LINK_LEN];
	struct view v;

	return w != NULL && w->next == first && w->keyed == l->in &&
	       store_audit_get(l->txn, first - 1, &v) == STORE_OK && audit_link(l->token->crypto, v, link) == CKR_OK &&
	       memcmp(link, w->link, sizeof(link)) == 0;
}

/* read_on: up to room entries from first on; without entries all, counted. */
static CK_RV read_on(struct trail *l, struct audit_walk *w, CK_ULONG first, struct sr_audit_entry *entries,
		     CK_ULONG *count, bool *ret_ended)
{
	AUDIT_SEEN_AUTO seen = { 0 };
	CK_ULONG room = *count, n = 0;
	bool more = true;
	CK_RV rv = CKR_OK;

	while (rv == CKR_OK && more && (entries == NULL || n < room)) {
		rv = audit_walk_next(l->token->crypto, l->txn, w, &seen, &more);
		if (rv != CKR_OK || !more || seen.sequence < first)
			continue;
		if (entries != NULL)
			fill(&seen, &entries[n]);
		n++;
	}
	if (rv != CKR_OK)
		return rv;
	if (more) {
		struct view v;
		uint64_t sequence;
		int e = store_audit_next(l->txn, w->next, &sequence, &v);

		if (e != STORE_OK && e != STORE_ENOTFOUND)
			return store_rv(e);
		more = e == STORE_OK;
	}
	*ret_ended = !more;
	*count = n;
	return CKR_OK;
}

static CK_RV get_audit(struct session *s, CK_ULONG first, struct sr_audit_entry *entries, CK_ULONG *count,
		       struct sr_audit_state *state)
{
	TRAIL_AUTO l = { 0 };
	enum audit_fault fault = AUDIT_WHOLE;
	struct audit_walk *w = NULL;
	bool ended = false;
	CK_ULONG n;
	CK_RV rv;

	if (count == NULL || first == 0)
		return CKR_ARGUMENTS_BAD;
	n = *count;
	rv = trail_begin(s->token, &l);
	if (rv == CKR_OK && entries != NULL && resumes(s, &l, first)) {
		w = s->audit;
		s->audit = NULL;
		audit_walk_states(w, s->token->serial, l.states, l.states_n);
	} else if (rv == CKR_OK) {
		rv = trail_walk(&l, &w);
	}
	if (rv == CKR_OK)
		rv = read_on(&l, w, first, entries, &n, &ended);
	if (rv == CKR_OK && ended)
		rv = trail_end(&l, w, &fault);
	if (rv == CKR_OK && state != NULL)
		rv = trail_state(&l, w, ended, fault, state);
	if (rv == CKR_OK)
		*count = n;
	if (rv == CKR_OK && entries != NULL) {
		audit_walk_free(s->audit);
		s->audit = w;
	} else {
		audit_walk_free(w);
	}
	return rv;
}

CK_RV SR_GetAudit(CK_SESSION_HANDLE session, CK_ULONG first, struct sr_audit_entry *entries, CK_ULONG_PTR count,
		  struct sr_audit_state *state)
{
	CALL_SESSION(session, 0, get_audit(call_s, first, entries, count, state));
}

/* given: the rule of output buffers; false: *ret_rv is the answer. */
static bool given(const CK_BYTE *out, CK_ULONG *len, CK_ULONG need, CK_RV *ret_rv)
{
	*ret_rv = len == NULL ? CKR_ARGUMENTS_BAD : CKR_OK;
	if (len == NULL)
		return false;
	if (out != NULL && *len < need)
		*ret_rv = CKR_BUFFER_TOO_SMALL;
	if (out != NULL && *len >= need)
		return true;
	*len = need;
	return false;
}

static CK_RV audit_head(struct session *s, CK_BYTE *head, CK_ULONG *len)
{
	TRAIL_AUTO l = { 0 };
	enum audit_fault fault = AUDIT_WHOLE;
	struct audit_walk *w = NULL;
	BUF_AUTO anchor = { 0 };
	CK_RV rv;

	if (!given(head, len, AUDIT_ANCHOR_LEN, &rv))
		return rv;
	rv = trail_begin(s->token, &l);
	if (rv == CKR_OK && !l.in)
		rv = CKR_USER_NOT_LOGGED_IN;
	if (rv == CKR_OK)
		rv = trail_walk(&l, &w);
	if (rv == CKR_OK)
		rv = trail_end(&l, w, &fault);
	if (rv == CKR_OK && (fault != AUDIT_WHOLE || !w->keyed))
		rv = CKR_DEVICE_ERROR;
	if (rv == CKR_OK)
		rv = audit_anchor_put(s->token->crypto, l.txn, &w->keys, AUDIT_ANCHOR_KEEP, &anchor);
	audit_walk_free(w);
	if (rv != CKR_OK)
		return rv;
	memcpy(head, anchor.p, anchor.len);
	*len = anchor.len;
	return CKR_OK;
}

CK_RV SR_AuditHead(CK_SESSION_HANDLE session, CK_BYTE_PTR head, CK_ULONG_PTR len)
{
	CALL_SESSION(session, 0, audit_head(call_s, head, len));
}

/* compare: the whole trail, and the anchor's record in it. */
static CK_RV compare(struct trail *l, struct audit_walk *w, const struct audit_anchor *a)
{
	AUDIT_SEEN_AUTO seen = { 0 };
	bool more = true;
	CK_RV rv = CKR_OK;

	while (rv == CKR_OK && more) {
		rv = audit_walk_next(l->token->crypto, l->txn, w, &seen, &more);
		if (rv == CKR_OK && more && w->next - 1 == a->sequence &&
		    memcmp(w->link, a->link, sizeof(a->link)) != 0)
			audit_walk_note(w, a->sequence, AUDIT_CHANGED);
	}
	if (rv == CKR_OK && w->next <= a->sequence)
		audit_walk_note(w, w->next, AUDIT_CUT);
	return rv;
}

static CK_RV check_audit(struct session *s, const CK_BYTE *head, CK_ULONG len, struct sr_audit_state *state)
{
	TRAIL_AUTO l = { 0 };
	enum audit_fault fault = AUDIT_WHOLE;
	struct audit_walk *w = NULL;
	struct audit_anchor a;
	CK_RV rv;

	if (head == NULL || state == NULL)
		return CKR_ARGUMENTS_BAD;
	if (!audit_anchor_get(VIEW(head, len), &a))
		return CKR_DATA_INVALID;
	rv = trail_begin(s->token, &l);
	if (rv == CKR_OK)
		rv = trail_walk(&l, &w);
	if (rv == CKR_OK && (w->old || strcmp(a.serial, s->token->serial) != 0 ||
			     memcmp(a.statement_public, w->keys.statement_public, AUDIT_KEY_LEN) != 0 ||
			     !audit_anchor_signed(s->token->crypto, &a)))
		rv = CKR_SIGNATURE_INVALID;
	if (rv == CKR_OK)
		rv = compare(&l, w, &a);
	if (rv == CKR_OK)
		rv = trail_end(&l, w, &fault);
	if (rv == CKR_OK)
		rv = trail_state(&l, w, true, fault, state);
	audit_walk_free(w);
	return rv;
}

CK_RV SR_CheckAudit(CK_SESSION_HANDLE session, CK_BYTE_PTR head, CK_ULONG len, struct sr_audit_state *state)
{
	CALL_SESSION(session, 0, check_audit(call_s, head, len, state));
}

static CK_RV restart(void *ctx, struct store_txn *txn, struct user_record *r, const struct secret *user_key)
{
	const struct crypto *c = ctx;

	return audit_renew(c, txn, AUDIT_REASON_RESTART, user_key, user_key);
}

static CK_RV restart_audit(struct session *s, const CK_UTF8CHAR *pin, CK_ULONG len)
{
	struct user_check check = { .kind = USER_SO,
				    .pin = VIEW(pin, len),
				    .event = AUDIT_RESTARTED,
				    .anew = true,
				    .on_success = restart,
				    .ctx = (void *)(uintptr_t)s->token->crypto };

	if (pin == NULL)
		return CKR_ARGUMENTS_BAD;
	if (!s->rw)
		return CKR_SESSION_READ_ONLY;
	return len > TOKEN_PIN_MAX ? CKR_PIN_INCORRECT : user_check(s->token, &check, NULL, NULL);
}

CK_RV SR_RestartAudit(CK_SESSION_HANDLE session, CK_UTF8CHAR_PTR pin, CK_ULONG len)
{
	CALL_SESSION(session, CALL_EXPIRED_OK, restart_audit(call_s, pin, len));
}
