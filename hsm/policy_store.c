/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy_own.h"

#include <string.h>

#include "dual.h"
#include "mech.h"
#include "module.h"
#include "object_change.h"
#include "store_rv.h"
#include "token_own.h"
#include "vendor_functions.h"

/* The policy record of a token (docs/store.md), and what is left of it in this process. */
#define RECORD "policy"
#define RECORD_VERSION 2 /* version 1 ends with the relaxations */

static void put_choice(struct buf *out, uint8_t version, const struct policy *p)
{
	buf_put_u64(out, p->relaxed);
	if (version == 1)
		return;
	buf_put_u32(out, p->dual);
	buf_put_u8(out, p->pin_min);
}

/* covered: what the proof covers. */
static CK_RV covered(const struct token *t, uint8_t version, const struct policy *p, struct buf *out)
{
	buf_put_view(out, version == 1 ? VIEW_STR("strongroom policy") : VIEW_STR("strongroom policy 2"));
	buf_put(out, t->serial, STORE_SERIAL_LEN);
	buf_put(out, t->generation, sizeof(t->generation));
	put_choice(out, version, p);
	return buf_ok(out) ? CKR_OK : CKR_HOST_MEMORY;
}

static CK_RV prove(struct token *t, struct seal *seal, uint8_t version, const struct policy *p, struct view proof,
		   bool *ret_proved)
{
	BUF_AUTO data = { 0 };
	CK_RV rv = covered(t, version, p, &data);
	int e;

	if (rv != CKR_OK)
		return rv;
	e = seal_proves(seal, SEAL_POLICY, buf_view(&data), proof);
	if (e != STORE_OK && e != STORE_ESEALED)
		return e == STORE_ENOMEM ? CKR_HOST_MEMORY : CKR_DEVICE_ERROR;
	*ret_proved = e == STORE_OK;
	return CKR_OK;
}

/* struct stored: a record taken apart. */
struct stored {
	uint8_t version;
	struct view generation;
	struct policy policy;
	struct view proof;
};

static CK_RV take_apart(struct view v, struct stored *ret)
{
	struct reader r = reader_of(v);
	struct stored s = { .version = reader_u8(&r) };

	s.generation = reader_bytes(&r, STORE_ID_LEN);
	s.policy.relaxed = reader_u64(&r);
	if (s.version > 1) {
		s.policy.dual = reader_u32(&r);
		s.policy.pin_min = reader_u8(&r);
	}
	s.proof = reader_bytes(&r, SEAL_OVERHEAD);
	if (!reader_done(&r) || s.version < 1 || s.version > RECORD_VERSION ||
	    (s.policy.pin_min != 0 && (s.policy.pin_min < POLICY_PIN_LEAST || s.policy.pin_min > POLICY_PIN_MOST)))
		return CKR_DEVICE_ERROR;
	*ret = s;
	return CKR_OK;
}

/* take: a record as it stands; one of an earlier life of the token says nothing. */
static CK_RV take(struct token *t, struct view v, struct policy_cache *c)
{
	struct stored s;
	CK_RV rv = take_apart(v, &s);

	if (rv != CKR_OK)
		return rv;
	if (!view_equal(s.generation, VIEW(t->generation, sizeof(t->generation)))) {
		c->proved = true;
		return CKR_OK;
	}
	c->policy = s.policy;
	c->policy.relaxed &= policy_all();
	return prove(t, &t->seal, s.version, &s.policy, s.proof, &c->proved);
}

CK_RV policy_reprove(struct token *t, struct seal *seal, struct store_txn *txn)
{
	BUF_AUTO data = { 0 };
	BUF_AUTO record = { 0 };
	struct stored s;
	struct view v;
	bool proved = false;
	int e = store_meta_get(txn, RECORD, &v);
	CK_RV rv;

	if (e == STORE_ENOTFOUND)
		return CKR_OK;
	rv = e == STORE_OK ? take_apart(v, &s) : store_rv(e);
	if (rv == CKR_OK && !view_equal(s.generation, VIEW(t->generation, sizeof(t->generation))))
		return CKR_OK;
	if (rv == CKR_OK)
		rv = prove(t, seal, s.version, &s.policy, s.proof, &proved);
	if (rv == CKR_OK && !proved)
		rv = CKR_USER_NOT_LOGGED_IN;
	if (rv == CKR_DEVICE_ERROR)
		call_note("the policy record is not this token's: the SO must set the policy anew first");
	if (rv == CKR_OK)
		rv = covered(t, s.version, &s.policy, &data);
	if (rv != CKR_OK)
		return rv;
	buf_put(&record, v.p, v.n - SEAL_OVERHEAD);
	rv = store_rv(seal_proof(seal, SEAL_POLICY, buf_view(&data), &record));
	if (rv == CKR_OK && !buf_ok(&record))
		rv = CKR_HOST_MEMORY;
	return rv == CKR_OK ? store_rv(store_meta_put(txn, RECORD, buf_view(&record))) : rv;
}

/*
 * take_dual: the sealed record of dual control is the one that counts: what the policy record says may be older. But
 * one that asks for approvals while the other is not there has lost its other half.
 */
static CK_RV take_dual(struct token *t, struct store_txn *txn, struct policy_cache *c)
{
	uint32_t said = c->policy.dual;
	CK_RV rv = dual_bits(t, txn, &c->policy.dual);

	c->torn = rv == CKR_OK && c->policy.dual == 0 && said != 0;
	return c->torn ? CKR_DEVICE_ERROR : rv;
}

/* refresh: under t->lock. */
static void refresh(struct token *t)
{
	struct store *store = token_store(t);
	struct policy_cache c = { .read = true, .policy = { .relaxed = policy_strict() }, .proved = true };
	struct store_txn *txn = NULL;
	struct view v;
	int e;

	if (store == NULL) {
		t->policy = c;
		t->policy.read = false;
		return;
	}
	c.sequence = store_sequence(store);
	if (t->policy.read && t->policy.sequence == c.sequence)
		return;
	e = store_begin(store, false, &txn);
	if (e == STORE_OK)
		e = store_meta_get(txn, RECORD, &v);
	if (e == STORE_OK)
		c.rv = take(t, v, &c);
	else if (e != STORE_ENOTFOUND)
		c.rv = store_rv(e);
	if (c.rv == CKR_OK && t->user.kind != USER_NONE)
		c.rv = take_dual(t, txn, &c);
	store_abort(txn);
	if (c.rv != CKR_OK) {
		c.policy = (struct policy){ .relaxed = policy_strict() };
		c.proved = false;
	}
	t->policy = c;
}

CK_RV policy_get(struct token *t, struct policy *ret)
{
	CK_RV rv;

	pthread_mutex_lock(&t->lock);
	refresh(t);
	rv = t->policy.rv;
	if (rv == CKR_OK)
		*ret = t->policy.policy;
	pthread_mutex_unlock(&t->lock);
	return rv;
}

CK_RV policy_bits(struct token *t, uint64_t *ret)
{
	struct policy p;
	CK_RV rv = policy_get(t, &p);

	if (rv == CKR_OK)
		*ret = p.relaxed;
	return rv;
}

size_t policy_pin_min(struct token *t)
{
	size_t least, chosen;

	pthread_mutex_lock(&t->lock);
	refresh(t);
	least = t->flags & TOKEN_HOST_BOUND ? POLICY_PIN_BOUND : POLICY_PIN_DEFAULT;
	chosen = t->policy.rv == CKR_OK ? t->policy.policy.pin_min : 0;
	/* What nobody can check makes a PIN longer, never shorter. */
	if (chosen > least || (chosen > 0 && t->policy.proved))
		least = chosen;
	pthread_mutex_unlock(&t->lock);
	return least;
}

CK_RV policy_in_force(struct token *t, uint64_t *ret)
{
	uint64_t bits;
	CK_RV rv;

	pthread_mutex_lock(&t->lock);
	refresh(t);
	rv = t->policy.rv;
	bits = t->policy.policy.relaxed & (t->policy.proved ? policy_all() : policy_strict());
	pthread_mutex_unlock(&t->lock);
	if (rv == CKR_OK)
		*ret = bits & module_get()->settings.policy_mask;
	return rv;
}

bool policy_allows(struct session *s, enum relax relax)
{
	uint64_t bits;

	return policy_in_force(s->token, &bits) == CKR_OK && (bits & RELAX_BIT(relax)) != 0;
}

/* write_record: the record and its audit entry. */
static CK_RV write_record(struct token *t, struct store_txn *txn, const struct policy *p)
{
	BUF_AUTO data = { 0 };
	BUF_AUTO record = { 0 };
	BUF_AUTO text = { 0 };
	struct audit_event event = { .number = AUDIT_POLICY, .count = p->relaxed };
	CK_RV rv = covered(t, RECORD_VERSION, p, &data);

	buf_put_u8(&record, RECORD_VERSION);
	buf_put(&record, t->generation, sizeof(t->generation));
	put_choice(&record, RECORD_VERSION, p);
	if (rv == CKR_OK)
		rv = store_rv(seal_proof(&t->seal, SEAL_POLICY, buf_view(&data), &record));
	policy_describe(p, &text);
	if (rv == CKR_OK && (!buf_ok(&record) || !buf_ok(&text)))
		rv = CKR_HOST_MEMORY;
	if (rv == CKR_OK)
		rv = store_rv(store_meta_put(txn, RECORD, buf_view(&record)));
	event.label = buf_view(&text);
	return rv == CKR_OK ? token_audit(t, txn, &event) : rv;
}

static bool torn(struct token *t)
{
	bool is;

	pthread_mutex_lock(&t->lock);
	is = t->policy.torn;
	pthread_mutex_unlock(&t->lock);
	return is;
}

/* changed: the policy as it would be. A record that nobody can read any more is replaced as a whole. */
static CK_RV changed(struct token *t, const struct policy_change *change, uint32_t dual, struct policy *ret)
{
	struct policy p = { .relaxed = policy_strict() };
	CK_RV rv = policy_get(t, &p);

	if ((rv != CKR_OK && rv != CKR_DEVICE_ERROR) || torn(t))
		return rv;
	p.dual = change->dual ? change->to.dual : dual;
	if (change->relaxed)
		p.relaxed = change->to.relaxed;
	if (change->pin_min)
		p.pin_min = change->to.pin_min;
	*ret = p;
	return CKR_OK;
}

/* set: in the transaction. */
static CK_RV set(struct session *s, struct store_txn *txn, const struct policy_change *change)
{
	BUF_AUTO subject = { 0 };
	struct policy p;
	uint32_t dual = 0;
	CK_RV rv = dual_bits(s->token, txn, &dual);

	if (rv == CKR_OK)
		rv = changed(s->token, change, dual, &p);
	if (rv == CKR_OK && ((dual & DUAL_POLICY) || (dual & ~p.dual))) {
		policy_describe(&p, &subject);
		rv = buf_ok(&subject) ? dual_spend(s, txn, SR_ACTION_POLICY, buf_view(&subject)) : CKR_HOST_MEMORY;
	}
	if (rv == CKR_OK)
		rv = dual_choose(s, txn, p.dual);
	return rv == CKR_OK ? write_record(s->token, txn, &p) : rv;
}

CK_RV policy_set(struct session *s, const struct policy_change *change)
{
	struct token_user user;
	struct store_txn *txn = NULL;
	CK_RV rv;

	session_user(s, &user);
	if (user.kind == USER_NONE)
		return CKR_USER_NOT_LOGGED_IN;
	if (user.kind != USER_SO)
		return CKR_ACTION_PROHIBITED;
	if (!s->rw)
		return CKR_SESSION_READ_ONLY;
	rv = object_begin_write(s, &txn);
	if (rv != CKR_OK)
		return rv;
	rv = set(s, txn, change);
	if (rv == CKR_OK)
		return store_rv(store_commit(txn));
	store_abort(txn);
	return rv;
}

CK_RV policy_shown(struct token *t, const struct mech_row *row, CK_MECHANISM_INFO *info)
{
	uint64_t bits;
	CK_RV rv = policy_bits(t, &bits);

	if (rv != CKR_OK)
		return rv;
	bits &= module_get()->settings.policy_mask;
	if ((row->traits & MECH_SEALED) == 0 &&
	    (bits & RELAX_BIT(row->traits & MECH_V15 ? RELAX_V15_UNWRAP : RELAX_RAW_UNWRAP)) == 0)
		info->flags &= ~(CK_FLAGS)CKF_UNWRAP;
	if ((row->traits & MECH_WEAK_SIGN) && (bits & RELAX_BIT(RELAX_MD5_SIGN)) == 0)
		info->flags &= ~(CK_FLAGS)(CKF_SIGN | CKF_MESSAGE_SIGN);
	if ((row->traits & MECH_RSA_PAIR) && info->ulMinKeySize < 2048 && (bits & RELAX_BIT(RELAX_SHORT_RSA)) == 0)
		info->ulMinKeySize = 2048;
	return CKR_OK;
}
