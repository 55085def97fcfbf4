/* SPDX-License-Identifier: BSD-2-Clause */
#include "token_own.h"

#include <string.h>

#include "module.h"
#include "store_rv.h"

/* How a process keeps the token keys in its memory in step with the record, which others may change. */

/* load: the keys of the record as this transaction sees it. Under the ring's lock. */
static CK_RV load(struct token *t, struct store_txn *txn, const struct secret *user_key, bool keep)
{
	struct token_ring *ring = &t->ring;
	struct token_place place = { .crypto = t->crypto, .serial = t->serial, .generation = ring->generation };
	TOKEN_KEYS_AUTO keys = { 0 };
	SECRET_AUTO host = { 0 };
	uint64_t edition;
	uint8_t tag[16];
	CK_RV rv = token_keys_tag(txn, &edition, tag);

	if (rv == CKR_OK && ring->bound) {
		rv = host_key(&place, module_get()->settings.host_secret, &host);
		place.host_key = &host;
	}
	if (rv == CKR_OK)
		rv = token_keys_get(&place, txn, user_key, &keys);
	if (rv == CKR_OK)
		rv = token_keys_live(&t->seal, &keys, keep);
	if (rv != CKR_OK)
		return rv;
	ring->edition = edition;
	memcpy(ring->tag, tag, sizeof(tag));
	return CKR_OK;
}

/* look: the seal met a generation that it does not know; the caller may be inside any transaction. */
static void look(void *ctx)
{
	struct token *t = ctx;
	struct store *store = atomic_load(&t->store);
	struct store_txn *txn = NULL;
	SECRET_AUTO user_key = { 0 };
	uint64_t edition;
	uint8_t tag[16];

	if (store == NULL || seal_user_key(&t->seal, &user_key) != CKR_OK ||
	    store_begin(store, false, &txn) != STORE_OK)
		return;
	pthread_mutex_lock(&t->ring.lock);
	/* What this process is about to commit itself is newer. The caller's own answer tells of a failure here. */
	if (token_keys_tag(txn, &edition, tag) == CKR_OK && edition > t->ring.edition &&
	    load(t, txn, &user_key, true) != CKR_OK)
		t->ring.edition = 0;
	pthread_mutex_unlock(&t->ring.lock);
	store_abort(txn);
}

void token_ring_init(struct token *t)
{
	pthread_mutex_init(&t->ring.lock, NULL);
	t->seal.look = look;
	t->seal.look_ctx = t;
}

CK_RV token_ring_open(struct token *t, const struct secret *user_key)
{
	struct token_record record;
	struct store_txn *txn = NULL;
	CK_RV rv = store_rv(store_begin(atomic_load(&t->store), false, &txn));

	if (rv != CKR_OK)
		return rv;
	rv = token_record_load(t->crypto, txn, &record);
	if (rv == CKR_OK && memcmp(record.generation, t->generation, sizeof(t->generation)) != 0)
		rv = CKR_DEVICE_REMOVED; /* initialised anew by another process */
	if (rv == CKR_OK)
		rv = seal_open_user(&t->seal, user_key);
	if (rv == CKR_OK) {
		pthread_mutex_lock(&t->ring.lock);
		memcpy(t->ring.generation, record.generation, sizeof(record.generation));
		t->ring.bound = (record.flags & TOKEN_HOST_BOUND) != 0;
		rv = load(t, txn, user_key, false);
		pthread_mutex_unlock(&t->ring.lock);
	}
	store_abort(txn);
	if (rv != CKR_OK)
		seal_close(&t->seal);
	return rv;
}

CK_RV token_ring_sync(struct token *t, struct store_txn *txn, bool write)
{
	SECRET_AUTO user_key = { 0 };
	uint64_t edition;
	uint8_t tag[16];
	CK_RV rv;

	if (t->user.kind == USER_NONE)
		return CKR_OK;
	pthread_mutex_lock(&t->ring.lock);
	rv = token_keys_tag(txn, &edition, tag);
	if (rv == CKR_OK && memcmp(tag, t->ring.tag, sizeof(tag)) != 0 && (write || edition > t->ring.edition)) {
		rv = seal_user_key(&t->seal, &user_key);
		if (rv == CKR_OK)
			rv = load(t, txn, &user_key, false);
	}
	pthread_mutex_unlock(&t->ring.lock);
	return rv;
}

void token_ring_reset(struct token *t)
{
	struct store_txn *txn = NULL;
	SECRET_AUTO user_key = { 0 };
	bool open = store_begin(atomic_load(&t->store), false, &txn) == STORE_OK &&
		    seal_user_key(&t->seal, &user_key) == CKR_OK;

	pthread_mutex_lock(&t->lock);
	pthread_mutex_lock(&t->ring.lock);
	t->ring.edition = 0;
	memset(t->ring.tag, 0, sizeof(t->ring.tag));
	if (open && t->user.kind != USER_NONE) {
		/* A number that was not committed may come again with another key. */
		if (seal_live(&t->seal, NULL, 0, false) != CKR_OK || load(t, txn, &user_key, false) != CKR_OK)
			t->ring.edition = 0;
	}
	pthread_mutex_unlock(&t->ring.lock);
	pthread_mutex_unlock(&t->lock);
	store_abort(txn);
}

CK_RV token_begin_read(struct token *t, struct store_txn **ret)
{
	struct store_txn *txn = NULL;
	CK_RV rv = store_rv(store_begin(atomic_load(&t->store), false, &txn));

	if (rv == CKR_OK)
		rv = token_ring_sync(t, txn, false);
	if (rv == CKR_OK)
		*ret = txn;
	else
		store_abort(txn);
	return rv;
}
