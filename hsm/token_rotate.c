/* SPDX-License-Identifier: BSD-2-Clause */
#include "token_rotate.h"

#include <stdlib.h>
#include <string.h>

#include "module.h"
#include "object_change.h"
#include "object_own.h"
#include "policy_own.h"
#include "store_rv.h"

struct rotation {
	struct token *t;
	struct store_txn *txn;
	struct token_record record;
	struct token_place place;
	struct secret host;
	struct secret user_key;
	struct token_keys keys;
	bool changed; /* the keys, in this transaction */
};

static void rotation_done(struct rotation *r)
{
	token_keys_done(&r->keys);
	secret_done(&r->user_key);
	secret_done(&r->host);
}

/* read_keys: as the transaction sees them. */
static CK_RV read_keys(struct rotation *r)
{
	CK_RV rv = token_record_load(r->t->crypto, r->txn, &r->record);

	if (rv == CKR_OK)
		rv = token_place(r->t, &r->record, &r->host, &r->place);
	if (rv == CKR_OK)
		rv = seal_user_key(&r->t->seal, &r->user_key);
	return rv == CKR_OK ? token_keys_get(&r->place, r->txn, &r->user_key, &r->keys) : rv;
}

/* write_keys: the record, and in step with it the keys in memory. */
static CK_RV write_keys(struct rotation *r)
{
	CK_RV rv;

	r->changed = true;
	rv = token_keys_put(&r->place, r->txn, &r->user_key, &r->keys);
	if (rv != CKR_OK)
		return rv;
	pthread_mutex_lock(&r->t->lock);
	rv = token_ring_sync(r->t, r->txn, true);
	pthread_mutex_unlock(&r->t->lock);
	return rv;
}

static CK_RV begin(struct rotation *r)
{
	struct audit_event event = { .number = AUDIT_TOKEN_KEY_NEW };
	CK_RV rv = token_keys_add(r->t->crypto, &r->keys);

	if (rv == CKR_OK)
		rv = write_keys(r);
	if (rv == CKR_OK)
		rv = policy_reprove(r->t, &r->t->seal, r->txn);
	event.count = r->keys.number[0];
	return rv == CKR_OK ? token_audit(r->t, r->txn, &event) : rv;
}

/* struct heads: what the heads of the object records say. */
struct heads {
	uint16_t current;
	size_t most, fresh, stale;
	uint8_t (*ids)[STORE_ID_LEN]; /* NULL: only counts; else stale ones, and the walk ends when it is full */
};

static int head_one(void *ctx, const uint8_t *id, bool private, uint16_t generation)
{
	struct heads *h = ctx;

	if (generation == h->current)
		h->fresh++;
	if (generation == 0 || generation == h->current)
		return 0;
	if (h->ids != NULL)
		memcpy(h->ids[h->stale], id, STORE_ID_LEN);
	h->stale++;
	return h->ids != NULL && h->stale == h->most;
}

static CK_RV seal_object(struct rotation *r, const uint8_t id[STORE_ID_LEN])
{
	struct object *o = NULL;
	CK_RV rv = object_load(r->txn, token_sealing(r->t), id, true, &o);

	if (rv == CKR_OK)
		rv = object_put(r->t, r->txn, o);
	if (rv == CKR_DEVICE_ERROR) {
		char hex[2 * STORE_ID_LEN + 1];

		hex_encode(VIEW(id, STORE_ID_LEN), hex);
		call_note("object %s is not what was written: it cannot be sealed under the new token key", hex);
	}
	object_unref(o);
	return rv;
}

/* end: nothing is left: only the writing key stays. */
static CK_RV end(struct rotation *r, const struct heads *h)
{
	BUF_AUTO text = { 0 };
	struct audit_event event = { .number = AUDIT_TOKEN_KEY_RETIRED, .count = r->keys.number[r->keys.n - 1] };
	CK_RV rv;

	buf_printf(&text, "now %u: %zu objects", r->keys.number[0], h->fresh);
	token_keys_retire(&r->keys);
	rv = buf_ok(&text) ? write_keys(r) : CKR_HOST_MEMORY;
	event.label = buf_view(&text);
	return rv == CKR_OK ? token_audit(r->t, r->txn, &event) : rv;
}

/* count: all that is left, and all that is done. */
static CK_RV count(struct rotation *r, struct heads *ret, size_t *ret_uses)
{
	struct heads h = { .current = r->keys.number[0] };
	size_t done;
	CK_RV rv = store_rv(store_object_each(r->txn, NULL, head_one, &h));

	if (rv == CKR_OK)
		rv = uses_reprove(r->t, &r->t->seal, r->txn, 0, &done, ret_uses);
	*ret = h;
	return rv;
}

/* seal_objects: the next ones behind the place that was reached. ret_end: there are no more behind them. */
static CK_RV seal_objects(struct rotation *r, size_t batch, size_t *ret_done, bool *ret_end)
{
	struct token_rotating *at = &r->t->rotating;
	struct heads h = { .current = r->keys.number[0], .most = batch };
	CK_RV rv;
	int e;

	h.ids = calloc(batch, STORE_ID_LEN);
	if (h.ids == NULL)
		return CKR_HOST_MEMORY;
	e = store_object_each(r->txn, at->some ? at->after : NULL, head_one, &h);
	rv = e < 0 ? store_rv(e) : CKR_OK;
	for (size_t i = 0; rv == CKR_OK && i < h.stale; i++)
		rv = seal_object(r, h.ids[i]);
	if (rv == CKR_OK && h.stale > 0) {
		at->some = true;
		memcpy(at->after, h.ids[h.stale - 1], STORE_ID_LEN);
	}
	free(h.ids);
	*ret_done = h.stale;
	*ret_end = e == 0;
	return rv;
}

/* work: a batch. The place that was reached is only a shortcut: before the end all heads are looked at once more. */
static CK_RV work(struct rotation *r, size_t batch, struct token_rotation *ret)
{
	struct token_rotating *at = &r->t->rotating;
	uint16_t current = r->keys.number[0];
	struct heads all = { 0 };
	size_t objects = 0, uses = 0, uses_left = 0;
	bool ended = false;
	CK_RV rv = CKR_OK;

	if (at->generation != current) {
		rv = count(r, &all, &uses_left);
		*at = (struct token_rotating){ .generation = current, .left = all.stale + uses_left };
	}
	if (rv == CKR_OK)
		rv = seal_objects(r, batch, &objects, &ended);
	if (rv == CKR_OK && ended && objects < batch)
		rv = uses_reprove(r->t, &r->t->seal, r->txn, batch - objects, &uses, &uses_left);
	at->left -= objects + uses < at->left ? objects + uses : at->left;
	if (rv == CKR_OK && ended && objects < batch) {
		rv = count(r, &all, &uses_left);
		at->some = false;
		at->left = all.stale + uses_left;
		if (rv == CKR_OK && at->left == 0)
			rv = end(r, &all);
	} else if (at->left == 0) {
		at->left = 1; /* the look at all of them */
	}
	if (rv == CKR_OK)
		*ret = (struct token_rotation){ .generation = current, .done = objects + uses, .left = at->left };
	return rv;
}

static CK_RV tell(struct token *t, struct token_rotation *ret)
{
	struct rotation r = { .t = t };
	struct heads all = { 0 };
	size_t uses = 0;
	CK_RV rv;

	pthread_mutex_lock(&t->lock);
	rv = token_begin_read(t, &r.txn);
	pthread_mutex_unlock(&t->lock);
	if (rv != CKR_OK)
		return rv;
	rv = read_keys(&r);
	if (rv == CKR_OK && r.keys.n > 1)
		rv = count(&r, &all, &uses);
	if (rv == CKR_OK)
		*ret = (struct token_rotation){ .generation = r.keys.number[0], .left = all.stale + uses };
	if (rv == CKR_OK && r.keys.n > 1 && ret->left == 0)
		ret->left = 1; /* its end */
	store_abort(r.txn);
	rotation_done(&r);
	return rv;
}

/* BATCH_MAX: the write lock is held, and memory, for so many at most. */
#define BATCH_MAX 10000

CK_RV token_rotate(struct session *s, size_t batch, struct token_rotation *ret)
{
	struct rotation r = { .t = s->token };
	struct token_rotation done = { 0 };
	struct token_user user;
	CK_RV rv;

	session_user(s, &user);
	if (user.kind != USER_SO)
		return CKR_USER_NOT_LOGGED_IN;
	if (!s->rw)
		return CKR_SESSION_READ_ONLY;
	if (batch == 0)
		return tell(s->token, ret);
	rv = object_begin_write(s, &r.txn);
	if (rv != CKR_OK)
		return rv;
	rv = read_keys(&r);
	if (rv == CKR_OK && r.keys.n == 1)
		rv = begin(&r);
	if (rv == CKR_OK)
		rv = work(&r, batch < BATCH_MAX ? batch : BATCH_MAX, &done);
	if (rv == CKR_OK)
		rv = store_rv(store_commit(r.txn));
	else
		store_abort(r.txn);
	if (rv != CKR_OK)
		s->token->rotating.generation = 0;
	if (rv != CKR_OK && r.changed)
		token_ring_reset(s->token);
	rotation_done(&r);
	if (rv == CKR_OK)
		*ret = done;
	return rv;
}
