/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit_own.h"

#include <string.h>

#include "module.h"
#include "store_rv.h"

CK_RV audit_end(const struct crypto *c, struct store_txn *txn, struct audit_state *ret)
{
	struct audit_record r = { 0 };
	struct view last;
	uint64_t sequence;
	int e = store_audit_last(txn, &sequence, &last);

	ret->segment = 0;
	ret->next = 1;
	memset(ret->link, 0, sizeof(ret->link));
	if (e == STORE_ENOTFOUND)
		return CKR_OK;
	if (e != STORE_OK)
		return store_rv(e);
	/* What is no record leaves the number as it was: it is the reader who names it. */
	if (audit_record_get(last, &r))
		ret->segment = r.segment;
	ret->next = sequence + 1;
	return audit_link(c, last, ret->link);
}

/* fit_one: the record that s has not seen is the one that belongs there. */
static CK_RV fit_one(const struct crypto *c, struct store_txn *txn, struct audit_state *s, bool *ret_fits)
{
	struct audit_record r;
	SECRET_AUTO plain = { 0 };
	struct view v;
	int e = store_audit_get(txn, s->next, &v);
	CK_RV rv;

	*ret_fits = false;
	if (e == STORE_ENOTFOUND)
		return CKR_OK;
	if (e != STORE_OK)
		return store_rv(e);
	if (!audit_record_get(v, &r) || r.kind != AUDIT_RECORD_ENTRY || r.segment != s->segment ||
	    r.sequence != s->next || !view_equal(r.previous, VIEW(s->link, sizeof(s->link))))
		return CKR_OK;
	rv = audit_entry_open(c, store_serial(txn), &r, &s->k, &plain);
	if (rv == CKR_ENCRYPTED_DATA_INVALID)
		return CKR_OK;
	if (rv == CKR_OK)
		rv = audit_step(c, &s->k);
	if (rv == CKR_OK)
		rv = audit_link(c, v, s->link);
	if (rv == CKR_OK)
		s->next++;
	*ret_fits = rv == CKR_OK;
	return rv;
}

CK_RV audit_fit(const struct crypto *c, struct store_txn *txn, const struct audit_state *end, struct audit_state *s,
		enum audit_fault *ret_fault, uint64_t *ret_at)
{
	bool fits = true;
	CK_RV rv = CKR_OK;

	*ret_at = s->next;
	*ret_fault = AUDIT_STATE_FOREIGN;
	if (audit_state_rank(s) > audit_state_rank(end))
		*ret_fault = AUDIT_STATE_LEADS;
	/* Nothing is sealed outside of a segment. */
	if (*ret_fault == AUDIT_STATE_LEADS || s->segment != end->segment || s->segment == 0)
		return CKR_OK;
	*ret_fault = AUDIT_TAIL_CHANGED;
	while (rv == CKR_OK && fits && s->next < end->next) {
		*ret_at = s->next;
		rv = fit_one(c, txn, s, &fits);
	}
	if (rv != CKR_OK || !fits)
		return rv;
	*ret_at = s->next - 1;
	if (memcmp(s->link, end->link, sizeof(s->link)) == 0)
		*ret_fault = AUDIT_WHOLE;
	return CKR_OK;
}

/* catch_up: the file gets the state that the trail has come to. */
static CK_RV catch_up(struct store_txn *txn, const struct audit_state *s)
{
	SECRET_AUTO bytes = { 0 };
	CK_RV rv = audit_state_put(s, store_serial(txn), &bytes);

	return rv == CKR_OK ? store_rv(store_state_put(txn, &bytes, audit_state_rank(s), STORE_STATE_NOW)) : rv;
}

/* try_state: one of the states that the file holds. */
static CK_RV try_state(const struct crypto *c, struct store_txn *txn, const struct secret *bytes,
		       struct audit_state *ret, enum audit_fault *ret_fault, uint64_t *ret_at)
{
	AUDIT_STATE_AUTO s = { 0 };
	struct audit_state end = { 0 };
	uint64_t from;
	CK_RV rv = audit_end(c, txn, &end);

	if (rv != CKR_OK)
		return rv;
	*ret_fault = AUDIT_STATE_FOREIGN;
	*ret_at = end.next;
	if (!audit_state_get(bytes, store_serial(txn), &s))
		return CKR_OK;
	from = s.next;
	rv = audit_fit(c, txn, &end, &s, ret_fault, ret_at);
	if (rv != CKR_OK || *ret_fault != AUDIT_WHOLE)
		return rv;
	if (from < s.next && !store_state_pending(txn))
		rv = catch_up(txn, &s);
	if (rv != CKR_OK)
		return rv;
	secret_done(&ret->k);
	*ret = s;
	s = (struct audit_state){ 0 };
	return CKR_OK;
}

CK_RV audit_position(const struct crypto *c, struct store_txn *txn, struct audit_state *ret,
		     enum audit_fault *ret_fault, uint64_t *ret_expected)
{
	struct secret states[STORE_STATES] = { { 0 } };
	enum audit_fault fault = AUDIT_STATE_MISSING;
	struct audit_state end = { 0 };
	uint64_t at;
	unsigned n = 0;
	CK_RV rv = audit_end(c, txn, &end);
	int e = store_state_get(txn, states, &n);

	at = end.next;
	if (e == STORE_EACCESS || e == STORE_ECORRUPT)
		fault = AUDIT_STATE_UNREADABLE;
	else if (rv == CKR_OK && e != STORE_OK && e != STORE_ENOTFOUND)
		rv = store_rv(e);
	for (unsigned i = 0; rv == CKR_OK && i < n; i++) {
		enum audit_fault one;
		uint64_t one_at;

		rv = try_state(c, txn, &states[i], ret, &one, &one_at);
		/* The newer one tells what is wrong, unless the older one is right: it is when a segment was not
		 * committed. */
		if (rv == CKR_OK && (i == 0 || one == AUDIT_WHOLE)) {
			fault = one;
			at = one_at;
		}
		if (fault == AUDIT_WHOLE)
			break;
	}
	for (unsigned i = 0; i < STORE_STATES; i++)
		secret_done(&states[i]);
	if (rv != CKR_OK)
		return rv;
	*ret_fault = fault;
	*ret_expected = at;
	return CKR_OK;
}

CK_RV audit_refuse(enum audit_fault fault, uint64_t at)
{
	static const char what[] = "the SO begins the trail anew (SR_RestartAudit, `strongroom audit restart`)";

	switch (fault) {
	case AUDIT_WHOLE:
		return CKR_OK;
	case AUDIT_STATE_MISSING:
		call_note("audit.state is missing: put it back, or %s", what);
		break;
	case AUDIT_STATE_UNREADABLE:
		call_note("audit.state is not the file that it was (owner, mode 0600, contents): put it back, or %s",
			  what);
		break;
	case AUDIT_STATE_FOREIGN:
		call_note("audit.state is of another token or another time: put it back, or %s", what);
		break;
	case AUDIT_STATE_LEADS:
		call_note("the audit trail was cut off before record %llu: %s", (unsigned long long)at, what);
		break;
	case AUDIT_TAIL_CHANGED:
		call_note("record %llu of the audit trail is not what was written: %s", (unsigned long long)at, what);
		break;
	}
	return CKR_DEVICE_ERROR;
}

/* look_usable: whether the state fits the end of the trail. */
static CK_RV look_usable(struct token *t)
{
	struct secret states[STORE_STATES] = { { 0 } };
	struct audit_state end = { 0 };
	enum audit_fault fault = AUDIT_WHOLE;
	struct store_txn *txn = NULL;
	bool old = false;
	uint64_t at = 0;
	unsigned n = 0;
	int e = store_state_read(token_store(t), states, &n); /* first: what it knows of is in the database then */
	CK_RV rv = store_rv(store_begin(token_store(t), false, &txn));

	if (rv == CKR_OK)
		rv = audit_old(t->crypto, txn, &old);
	if (rv == CKR_OK)
		rv = audit_end(t->crypto, txn, &end);
	if (rv == CKR_OK && e != STORE_OK)
		fault = e == STORE_ENOTFOUND ? AUDIT_STATE_MISSING : AUDIT_STATE_UNREADABLE;
	for (unsigned i = 0; rv == CKR_OK && i < n; i++) {
		AUDIT_STATE_AUTO s = { 0 };

		fault = AUDIT_STATE_FOREIGN;
		if (audit_state_get(&states[i], t->serial, &s))
			rv = audit_fit(t->crypto, txn, &end, &s, &fault, &at);
		if (fault == AUDIT_WHOLE)
			break;
	}
	store_abort(txn);
	for (unsigned i = 0; i < STORE_STATES; i++)
		secret_done(&states[i]);
	return rv == CKR_OK && !old ? audit_refuse(fault, at) : rv;
}

CK_RV audit_usable(struct token *t)
{
	uint64_t sequence = store_sequence(token_store(t));
	uint64_t file = 0;
	bool there = store_state_there(token_store(t), &file) == STORE_OK && sequence != 0;
	CK_RV rv;

	/* Nobody has written since it was in order, and it is the same file. */
	if (there && atomic_load(&t->audited) == sequence && atomic_load(&t->audited_file) == file)
		return CKR_OK;
	atomic_store(&t->audited, 0);
	rv = look_usable(t);
	if (rv == CKR_OK && there && store_sequence_lasts(sequence)) {
		atomic_store(&t->audited_file, file);
		atomic_store(&t->audited, sequence);
	}
	return rv;
}
