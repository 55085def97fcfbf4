/* SPDX-License-Identifier: BSD-2-Clause */
/* Who may approve, what counts, and how approvals are used up. */
#include <stdlib.h>
#include <string.h>

#include "dual_own.h"
#include "module.h"
#include "object_change.h"
#include "policy.h"
#include "store_rv.h"
#include "user.h"
#include "vendor_functions.h"

bool dual_member(const struct dual_state *d, const uint8_t id[STORE_ID_LEN])
{
	for (size_t i = 0; i < d->council; i++)
		if (memcmp(d->member[i], id, STORE_ID_LEN) == 0)
			return true;
	return false;
}

CK_RV dual_counts(struct store_txn *txn, const struct dual_state *d, const struct dual_approval *a, bool *ret)
{
	struct user_record r;
	CK_RV rv = user_find(module_crypto(), txn, USER_CUSTODIAN, a->name, &r);

	*ret = false;
	if (rv != CKR_OK)
		return rv == CKR_USER_PIN_NOT_INITIALIZED ? CKR_OK : rv;
	*ret = memcmp(r.user.id, a->id, STORE_ID_LEN) == 0 && !r.user.must_change &&
	       (d->bits == 0 || dual_member(d, a->id)) && dual_alive(a) > 0;
	return CKR_OK;
}

static bool is_about(const struct dual_approval *a, CK_ULONG action, struct view subject)
{
	return a->action == action && view_equal(view_of_string(a->subject), subject);
}

/* two_of: two approvals of two custodians, with different internal ids. CKR_SR_NOT_APPROVED. */
static CK_RV two_of(struct session *s, struct store_txn *txn, const struct dual_state *d, const struct dual_row *row,
		    struct view subject, bool by_one, const struct dual_approval *ret[2])
{
	const struct dual_approval *first = NULL, *second = NULL;
	struct token_user actor;
	CK_RV rv;

	session_user(s, &actor);
	for (size_t i = 0; i < d->count && second == NULL; i++) {
		const struct dual_approval *a = &d->approval[i];
		bool good = false;

		if (!is_about(a, row->action, subject) || (!by_one && memcmp(a->id, actor.id, STORE_ID_LEN) == 0))
			continue;
		rv = dual_counts(txn, d, a, &good);
		if (rv != CKR_OK)
			return rv;
		if (good && first == NULL)
			first = a;
		else if (good && memcmp(first->id, a->id, STORE_ID_LEN) != 0)
			second = a;
	}
	if (second == NULL)
		return CKR_SR_NOT_APPROVED;
	ret[0] = first;
	ret[1] = second;
	return CKR_OK;
}

/* spend: all approvals of the subject go, a third one as well: what was approved has happened. */
static CK_RV spend(struct session *s, struct store_txn *txn, struct dual_state *d, const struct dual_row *row,
		   struct view subject, bool by_one)
{
	struct audit_event event = { .number = AUDIT_DUAL_SPENT };
	const struct dual_approval *two[2] = { NULL };
	BUF_AUTO label = { 0 };
	size_t kept = 0;
	CK_RV rv = two_of(s, txn, d, row, subject, by_one, two);

	if (rv != CKR_OK)
		return rv;
	buf_printf(&label, "%s by %s and %s: ", row->name, two[0]->name, two[1]->name);
	buf_put_view(&label, subject);
	if (!buf_ok(&label))
		return CKR_HOST_MEMORY;
	for (size_t i = 0; i < d->count; i++)
		if (!is_about(&d->approval[i], row->action, subject))
			memmove(&d->approval[kept++], &d->approval[i], sizeof(d->approval[i]));
	d->count = kept;
	rv = dual_save(s->token, txn, d);
	event.label = buf_view(&label);
	return rv == CKR_OK ? token_audit(s->token, txn, &event) : rv;
}

static CK_RV load_and_spend(struct session *s, struct store_txn *txn, CK_ULONG action, struct view subject, bool by_one)
{
	const struct dual_row *row = dual_row(action);
	struct dual_state *d = NULL;
	CK_RV rv = dual_load(s->token, txn, &d);

	if (rv == CKR_OK && (row->bit == 0 || (d->bits & row->bit) != 0))
		rv = spend(s, txn, d, row, subject, by_one);
	free(d);
	return rv;
}

CK_RV dual_spend(struct session *s, struct store_txn *txn, CK_ULONG action, struct view subject)
{
	return load_and_spend(s, txn, action, subject, false);
}

CK_RV dual_spend_by_one(struct session *s, struct store_txn *txn, CK_ULONG action, struct view subject)
{
	return load_and_spend(s, txn, action, subject, true);
}

CK_RV dual_approved_by_one(struct session *s, CK_ULONG action, struct view subject)
{
	const struct dual_approval *two[2] = { NULL };
	const struct dual_row *row = dual_row(action);
	struct dual_state *d = NULL;
	struct store_txn *txn = NULL;
	CK_RV rv = store_rv(store_begin(token_store(s->token), false, &txn));

	if (rv == CKR_OK)
		rv = dual_load(s->token, txn, &d);
	if (rv == CKR_OK && (row->bit == 0 || (d->bits & row->bit) != 0))
		rv = two_of(s, txn, d, row, subject, true, two);
	store_abort(txn);
	free(d);
	return rv;
}

CK_RV dual_asks(struct session *s, CK_ULONG action, bool *ret)
{
	struct policy p;
	CK_RV rv = policy_get(s->token, &p);

	if (rv == CKR_OK)
		*ret = (p.dual & dual_row(action)->bit) != 0;
	return rv;
}

CK_RV dual_refuses(struct session *s, CK_ULONG action)
{
	bool asks = false;
	CK_RV rv = dual_asks(s, action, &asks);

	return rv == CKR_OK && asks ? CKR_SR_NOT_APPROVED : rv;
}

struct found {
	struct dual_state *d;
	bool full;
};

static CK_RV found_one(void *ctx, const struct user_record *r)
{
	struct found *f = ctx;

	if (r->user.kind != USER_CUSTODIAN || r->user.must_change)
		return CKR_OK;
	f->full = f->d->council == DUAL_COUNCIL_MAX;
	if (!f->full)
		memcpy(f->d->member[f->d->council++], r->user.id, STORE_ID_LEN);
	return CKR_OK;
}

CK_RV dual_choose(struct session *s, struct store_txn *txn, uint32_t bits)
{
	struct dual_state *d = NULL;
	CK_RV rv = dual_load(s->token, txn, &d);

	if (rv == CKR_OK && bits == d->bits) {
		free(d);
		return CKR_OK;
	}
	if (rv == CKR_OK && d->bits == 0) {
		struct found f = { .d = d };

		d->council = 0;
		rv = user_each(module_crypto(), txn, found_one, &f);
		if (rv == CKR_OK && f.full)
			rv = CKR_DEVICE_MEMORY;
		if (rv == CKR_OK && d->council < 2)
			rv = CKR_SR_NOT_APPROVED;
	}
	if (rv == CKR_OK) {
		d->bits = bits;
		if (bits == 0)
			d->council = 0;
		rv = dual_save(s->token, txn, d);
	}
	free(d);
	return rv;
}

/* begin: what approve and withdraw begin with: a R/W session of a custodian, the record, the subject. */
static CK_RV begin(struct session *s, CK_ULONG action, struct view given, struct token_user *who,
		   struct store_txn **ret_txn, struct dual_state **ret, struct buf *subject)
{
	struct store_txn *txn = NULL;
	CK_RV rv;

	session_user(s, who);
	if (who->kind != USER_CUSTODIAN)
		return who->kind == USER_NONE ? CKR_USER_NOT_LOGGED_IN : CKR_ACTION_PROHIBITED;
	if (!s->rw)
		return CKR_SESSION_READ_ONLY;
	rv = object_begin_write(s, &txn);
	if (rv != CKR_OK)
		return rv;
	rv = dual_subject(s->token, txn, action, given, subject);
	if (rv == CKR_OK)
		rv = dual_load(s->token, txn, ret);
	if (rv == CKR_OK)
		*ret_txn = txn;
	else
		store_abort(txn);
	return rv;
}

/* finish: the record and the entry, or nothing. */
static CK_RV finish(struct session *s, struct store_txn *txn, struct dual_state *d, enum audit_number number,
		    const char *name, struct view subject, CK_RV rv)
{
	struct audit_event event = { .number = number };
	BUF_AUTO label = { 0 };

	buf_printf(&label, "%s: ", name);
	buf_put_view(&label, subject);
	event.label = buf_view(&label);
	if (rv == CKR_OK)
		rv = buf_ok(&label) ? dual_save(s->token, txn, d) : CKR_HOST_MEMORY;
	if (rv == CKR_OK)
		rv = token_audit(s->token, txn, &event);
	free(d);
	if (rv == CKR_OK)
		return store_rv(store_commit(txn));
	store_abort(txn);
	return rv;
}

/* drop_own: his approval of this subject; false: there is none. */
static bool drop_own(struct dual_state *d, const struct token_user *who, CK_ULONG action, struct view subject)
{
	for (size_t i = 0; i < d->count; i++) {
		if (!is_about(&d->approval[i], action, subject) ||
		    memcmp(d->approval[i].id, who->id, STORE_ID_LEN) != 0)
			continue;
		memmove(&d->approval[i], &d->approval[i + 1], (d->count - i - 1) * sizeof(d->approval[0]));
		d->count--;
		return true;
	}
	return false;
}

CK_RV dual_approve(struct session *s, CK_ULONG action, struct view given)
{
	struct dual_approval a = { .action = action };
	struct dual_state *d = NULL;
	struct store_txn *txn = NULL;
	struct token_user who;
	BUF_AUTO subject = { 0 };
	CK_RV rv = begin(s, action, given, &who, &txn, &d, &subject);

	if (rv != CKR_OK)
		return rv;
	if (d->bits != 0 && !dual_member(d, who.id))
		rv = CKR_ACTION_PROHIBITED;
	drop_own(d, &who, action, buf_view(&subject));
	dual_drop_expired(d);
	if (rv == CKR_OK && d->count == DUAL_APPROVALS_MAX)
		rv = CKR_DEVICE_MEMORY;
	if (rv == CKR_OK) {
		memcpy(a.id, who.id, sizeof(a.id));
		memcpy(a.name, who.name, sizeof(who.name));
		memcpy(a.subject, subject.p, subject.len);
		dual_now(&a);
		d->approval[d->count++] = a;
	}
	return finish(s, txn, d, AUDIT_DUAL_APPROVED, dual_row(action)->name, buf_view(&subject), rv);
}

CK_RV dual_withdraw(struct session *s, CK_ULONG action, struct view given)
{
	struct dual_state *d = NULL;
	struct store_txn *txn = NULL;
	struct token_user who;
	BUF_AUTO subject = { 0 };
	CK_RV rv = begin(s, action, given, &who, &txn, &d, &subject);

	if (rv != CKR_OK)
		return rv;
	if (!drop_own(d, &who, action, buf_view(&subject)))
		rv = CKR_OBJECT_HANDLE_INVALID;
	return finish(s, txn, d, AUDIT_DUAL_WITHDRAWN, dual_row(action)->name, buf_view(&subject), rv);
}

/* enrol: in the transaction. */
static CK_RV enrol(struct session *s, struct store_txn *txn, struct view name)
{
	char text[TOKEN_NAME_MAX + 2] = { 0 };
	struct dual_state *d = NULL;
	struct user_record r;
	BUF_AUTO subject = { 0 };
	CK_RV rv = dual_subject(s->token, txn, SR_ACTION_CUSTODIAN, name, &subject);

	if (rv != CKR_OK)
		return rv;
	memcpy(text, name.p, name.n);
	rv = user_find(module_crypto(), txn, USER_CUSTODIAN, text, &r);
	if (rv == CKR_OK && r.user.must_change)
		rv = CKR_PIN_EXPIRED;
	if (rv == CKR_OK)
		rv = dual_spend(s, txn, SR_ACTION_CUSTODIAN, buf_view(&subject));
	if (rv == CKR_OK)
		rv = dual_load(s->token, txn, &d);
	if (rv == CKR_OK && d->bits == 0)
		rv = CKR_ACTION_PROHIBITED; /* every custodian may approve then */
	if (rv == CKR_OK && !dual_member(d, r.user.id)) {
		if (d->council == DUAL_COUNCIL_MAX)
			rv = CKR_DEVICE_MEMORY;
		else
			memcpy(d->member[d->council++], r.user.id, STORE_ID_LEN);
	}
	if (rv == CKR_OK)
		rv = dual_save(s->token, txn, d);
	free(d);
	return rv;
}

CK_RV dual_enrol(struct session *s, struct view name)
{
	struct audit_event event = { .number = AUDIT_DUAL_ENROLLED, .label = name };
	struct store_txn *txn = NULL;
	struct token_user so;
	CK_RV rv;

	session_user(s, &so);
	if (so.kind != USER_SO)
		return so.kind == USER_NONE ? CKR_USER_NOT_LOGGED_IN : CKR_ACTION_PROHIBITED;
	if (!s->rw)
		return CKR_SESSION_READ_ONLY;
	if (!user_name_ok(name))
		return CKR_ARGUMENTS_BAD;
	rv = object_begin_write(s, &txn);
	if (rv != CKR_OK)
		return rv;
	rv = enrol(s, txn, name);
	if (rv == CKR_OK)
		rv = token_audit(s->token, txn, &event);
	if (rv == CKR_OK)
		return store_rv(store_commit(txn));
	store_abort(txn);
	return rv;
}
