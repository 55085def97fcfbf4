/* SPDX-License-Identifier: BSD-2-Clause */
#include "token_own.h"

#include <stdlib.h>
#include <string.h>

#include "module.h"
#include "store_rv.h"
#include "user.h"

CK_RV token_place(const struct token *t, const struct token_record *record, struct secret *host,
		  struct token_place *ret)
{
	struct token_place place = { .crypto = t->crypto, .serial = t->serial, .generation = record->generation };
	CK_RV rv = CKR_OK;

	if (record->flags & TOKEN_HOST_BOUND) {
		rv = host_key(&place, module_get()->settings.host_secret, host);
		place.host_key = host;
	}
	if (rv == CKR_OK)
		*ret = place;
	return rv;
}

static struct token *token_new(struct tokens *all, CK_SLOT_ID slot)
{
	struct token *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->slot = slot;
	t->dir = all->dir;
	t->crypto = all->crypto;
	memset(t->label, ' ', sizeof(t->label));
	pthread_mutex_init(&t->lock, NULL);
	seal_init(&t->seal, all->crypto);
	token_ring_init(t);
	return t;
}

static void token_free(struct token *t)
{
	entries_done(&t->entries);
	seal_done(&t->seal);
	pthread_mutex_destroy(&t->ring.lock);
	store_close(atomic_load(&t->store));
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static void tokens_append(struct tokens *all, struct token *t)
{
	struct token *_Atomic *at = &all->first;

	while (atomic_load(at) != NULL)
		at = &atomic_load(at)->next;
	atomic_store(at, t);
}

static struct token *tokens_by_slot(struct tokens *all, CK_SLOT_ID id)
{
	struct token *t = atomic_load(&all->first);

	while (t != NULL && t->slot != id)
		t = atomic_load(&t->next);
	return t;
}

/* slot_id: 31 bits of the serial number; the next one that is free and not one of the small ones of free slots. */
static CK_SLOT_ID slot_id(struct tokens *all, const char *serial)
{
	char head[9] = { 0 };
	CK_SLOT_ID id;

	memcpy(head, serial, 8);
	id = strtoul(head, NULL, 16) & 0x7fffffffUL;
	while (id < 1024 || tokens_by_slot(all, id) != NULL)
		id = (id + 1) & 0x7fffffffUL;
	return id;
}

/* token_attach: opens the store and reads the token record; what is not a finished token of ours stays out. */
static CK_RV token_attach(struct token *t, const char *serial)
{
	struct token_record record;
	struct store *store = NULL;
	struct store_txn *txn = NULL;
	bool so = false;
	int e = store_open(t->dir, serial, NULL, &store);
	CK_RV rv;

	if (e != STORE_OK)
		return store_rv(e);
	memcpy(t->serial, serial, STORE_SERIAL_LEN);
	t->sequence = store_sequence(store);
	e = store_begin(store, false, &txn);
	rv = e != STORE_OK ? store_rv(e) : token_record_load(t->crypto, txn, &record);
	if (rv == CKR_OK)
		rv = user_exists(t->crypto, txn, USER_SO, "", &so);
	if (rv == CKR_OK && !so)
		rv = CKR_TOKEN_NOT_RECOGNIZED;
	store_abort(txn);
	if (rv == CKR_OK)
		rv = seal_public(&t->seal, record.public_key);
	if (rv != CKR_OK) {
		store_close(store);
		return rv;
	}
	memcpy(t->generation, record.generation, sizeof(t->generation));
	memcpy(t->label, record.label, sizeof(t->label));
	t->flags = record.flags;
	t->recognised = true;
	atomic_store(&t->store, store);
	return CKR_OK;
}

CK_RV token_open_at(const char *dir, const char *serial, const struct crypto *c, struct token **ret)
{
	struct tokens at = { .dir = dir, .crypto = c };
	struct token *t = token_new(&at, 0);
	CK_RV rv = t != NULL ? token_attach(t, serial) : CKR_HOST_MEMORY;

	if (rv == CKR_OK)
		*ret = t;
	else if (t != NULL)
		token_free(t);
	return rv;
}

void token_close(struct token *t)
{
	if (t != NULL)
		token_free(t);
}

struct scan {
	struct tokens *all;
	CK_RV rv;
};

static void scan_one(void *ctx, const char *serial)
{
	struct scan *scan = ctx;
	struct token *t = atomic_load(&scan->all->first);

	for (; t != NULL; t = atomic_load(&t->next))
		if (strcmp(t->serial, serial) == 0)
			return;
	t = token_new(scan->all, slot_id(scan->all, serial));
	if (t == NULL)
		scan->rv = CKR_HOST_MEMORY;
	else if (token_attach(t, serial) == CKR_OK) {
		atomic_store(&t->event, scan->all->started);
		tokens_append(scan->all, t);
	} else
		token_free(t);
}

/* A free slot there must be; the first has id 0, later ones (after C_InitToken took it) the next small number. */
static CK_RV ensure_free(struct tokens *all)
{
	struct token *t = atomic_load(&all->first);
	CK_SLOT_ID id = 0;

	for (; t != NULL; t = atomic_load(&t->next))
		if (atomic_load(&t->store) == NULL)
			return CKR_OK;
	while (tokens_by_slot(all, id) != NULL)
		id++;
	t = token_new(all, id);
	if (t == NULL)
		return CKR_HOST_MEMORY;
	tokens_append(all, t);
	return CKR_OK;
}

CK_RV tokens_scan(struct tokens *all)
{
	struct scan scan = { .all = all, .rv = CKR_OK };
	int e;

	pthread_mutex_lock(&all->lock);
	e = store_list(all->dir, scan_one, &scan);
	/* A directory that is not there or not readable: no tokens. */
	if (e == STORE_ENOMEM)
		scan.rv = CKR_HOST_MEMORY;
	if (scan.rv == CKR_OK)
		scan.rv = ensure_free(all);
	pthread_mutex_unlock(&all->lock);
	return scan.rv;
}

CK_RV tokens_new(const char *dir, const struct crypto *c, struct tokens **ret)
{
	struct tokens *all = calloc(1, sizeof(*all));
	CK_RV rv;

	if (all == NULL)
		return CKR_HOST_MEMORY;
	all->dir = dir;
	all->crypto = c;
	pthread_mutex_init(&all->lock, NULL);
	rv = tokens_scan(all);
	if (rv != CKR_OK) {
		tokens_free(all);
		return rv;
	}
	all->started = true;
	*ret = all;
	return rv;
}

void tokens_free(struct tokens *all)
{
	struct token *t, *next;

	if (all == NULL)
		return;
	for (t = atomic_load(&all->first); t != NULL; t = next) {
		next = atomic_load(&t->next);
		token_free(t);
	}
	pthread_mutex_destroy(&all->lock);
	free(all);
}

void tokens_abandon(struct tokens *all)
{
	struct token *t = all != NULL ? atomic_load(&all->first) : NULL;

	for (; t != NULL; t = atomic_load(&t->next)) {
		struct store *store = atomic_exchange(&t->store, NULL);

		if (store != NULL)
			store_abandon(store);
	}
}

CK_RV token_find(CK_SLOT_ID id, struct token **ret)
{
	struct token *t = tokens_by_slot(module_get()->tokens, id);

	if (t == NULL)
		return CKR_SLOT_ID_INVALID;
	*ret = t;
	return CKR_OK;
}

CK_RV token_present(struct token *t)
{
	return atomic_load(&t->store) != NULL ? CKR_OK : CKR_TOKEN_NOT_RECOGNIZED;
}

struct store *token_store(struct token *t)
{
	return atomic_load(&t->store);
}

const struct store_crypto *token_sealing(struct token *t)
{
	return &t->seal.store;
}

void token_user(struct token *t, struct token_user *ret)
{
	pthread_mutex_lock(&t->lock);
	*ret = t->user;
	pthread_mutex_unlock(&t->lock);
}

void token_drop_login(struct token *t)
{
	t->user = (struct token_user){ .kind = USER_NONE };
	t->logouts++;
	t->policy.read = false;
	seal_close(&t->seal);
	entries_drop_private(&t->entries);
}

/*
 * reread: the token record may be of a new generation (C_InitToken elsewhere), the user gone or given a new PIN, the
 * token key of another generation.
 */
static void reread(struct token *t, struct store_txn *txn)
{
	struct token_record record;
	struct view v;

	if (token_record_load(t->crypto, txn, &record) != CKR_OK)
		return;
	if (memcmp(record.generation, t->generation, sizeof(t->generation)) != 0) {
		token_drop_login(t);
		entries_drop_all(&t->entries);
		memcpy(t->generation, record.generation, sizeof(t->generation));
		memcpy(t->label, record.label, sizeof(t->label));
		t->flags = record.flags;
		atomic_store(&t->event, true);
		if (seal_public(&t->seal, record.public_key) != CKR_OK)
			t->recognised = false;
	} else if (t->user.kind != USER_NONE && (store_user_get(txn, t->user.id, &v) == STORE_ENOTFOUND ||
						 token_ring_sync(t, txn, false) != CKR_OK)) {
		token_drop_login(t);
	}
}

void token_refresh(struct token *t)
{
	struct store *store = atomic_load(&t->store);
	struct store_txn *txn = NULL;
	uint64_t sequence;

	if (store == NULL)
		return;
	sequence = store_sequence(store);
	pthread_mutex_lock(&t->lock);
	if (t->sequence != sequence && store_begin(store, false, &txn) == STORE_OK) {
		t->sequence = sequence;
		reread(t, txn);
		store_abort(txn);
	}
	pthread_mutex_unlock(&t->lock);
}
