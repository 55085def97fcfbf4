/* SPDX-License-Identifier: BSD-2-Clause */
#include "token_create.h"

#include <string.h>

#include "audit_own.h"
#include "crypto.h"
#include "login.h"
#include "module.h"
#include "object_own.h"
#include "store_rv.h"
#include "user.h"

/* struct fresh: what a new or newly initialised token consists of. */
struct fresh {
	char serial[STORE_SERIAL_LEN + 1];
	struct token_record record;
	struct secret user_key;
	struct token_keys keys;
	struct secret host; /* what it is bound to; empty: nothing */
	struct token_place place;
	struct seal seal; /* opened with these keys */
	struct user_record so;
};

static void fresh_init(struct fresh *f, const struct crypto *c)
{
	*f = (struct fresh){ 0 };
	seal_init(&f->seal, c);
}

static void fresh_done(struct fresh *f)
{
	secret_done(&f->user_key);
	token_keys_done(&f->keys);
	secret_done(&f->host);
	seal_done(&f->seal);
}

/* bind: a token is bound to its host when the settings name a secret. */
static CK_RV bind(const struct crypto *c, struct fresh *f)
{
	const char *setting = module_get()->settings.host_secret;
	CK_RV rv = CKR_OK;

	f->place = (struct token_place){ .crypto = c, .serial = f->serial, .generation = f->record.generation };
	if (setting == NULL)
		return CKR_OK;
	rv = host_key(&f->place, setting, &f->host);
	f->place.host_key = &f->host;
	f->record.flags |= TOKEN_HOST_BOUND;
	return rv;
}

static CK_RV fresh_keys(const struct crypto *c, struct fresh *f)
{
	CK_RV rv = crypto_random(c, f->record.generation, sizeof(f->record.generation));

	if (rv == CKR_OK)
		rv = crypto_random(c, f->record.public_key, sizeof(f->record.public_key));
	if (rv == CKR_OK && !secret_init(&f->user_key, SEAL_KEY_LEN))
		rv = CKR_HOST_MEMORY;
	if (rv == CKR_OK)
		rv = crypto_random(c, f->user_key.p, SEAL_KEY_LEN);
	f->user_key.len = f->user_key.room;
	if (rv == CKR_OK)
		rv = token_keys_add(c, &f->keys);
	if (rv == CKR_OK)
		rv = seal_public(&f->seal, f->record.public_key);
	if (rv == CKR_OK)
		rv = seal_open_user(&f->seal, &f->user_key);
	return rv == CKR_OK ? token_keys_live(&f->seal, &f->keys, false) : rv;
}

static CK_RV fresh_make(const struct crypto *c, struct view pin, const uint8_t label[32], struct fresh *f)
{
	CK_RV rv;

	memcpy(f->record.label, label, sizeof(f->record.label));
	rv = fresh_keys(c, f);
	if (rv == CKR_OK)
		rv = bind(c, f);
	if (rv != CKR_OK)
		return rv;
	return user_make_at(&f->place, USER_SO, VIEW(NULL, 0), NULL, pin, &f->user_key, 0, &f->so);
}

CK_RV token_write_keys(const struct token_place *place, struct seal *seal, struct store_txn *txn,
		       struct token_record *record, const struct secret *user_key, struct token_keys *keys)
{
	BUF_AUTO meta = { 0 };
	CK_RV rv = token_record_put(place->crypto, &meta, record);

	if (rv == CKR_OK)
		rv = store_rv(store_meta_put(txn, "token", buf_view(&meta)));
	return rv == CKR_OK ? token_keys_put(place, txn, user_key, keys) : rv;
}

static CK_RV fresh_audit(struct token *t, struct store_txn *txn, const struct fresh *f)
{
	struct audit_event event = { .number = AUDIT_INIT_TOKEN,
				     .label = VIEW(f->record.label, sizeof(f->record.label)) };
	CK_RV rv = audit_renew(t->crypto, txn, AUDIT_REASON_INIT, NULL, &f->user_key);

	return rv == CKR_OK ? audit_append(t->crypto, txn, &f->so.user, &event) : rv;
}

/* fresh_use: the token in memory becomes this one. Under t->lock. */
static CK_RV fresh_use(struct token *t, const struct fresh *f)
{
	memcpy(t->generation, f->record.generation, sizeof(t->generation));
	memcpy(t->label, f->record.label, sizeof(t->label));
	t->flags = f->record.flags;
	token_drop_login(t);
	entries_drop_all(&t->entries);
	t->recognised = true;
	atomic_store(&t->event, false); /* what this process does itself is none */
	return seal_public(&t->seal, f->record.public_key);
}

/* create: a new token directory. It counts as a token only when its SO record is there. */
static CK_RV create(struct token *t, struct fresh *f)
{
	BUF_AUTO meta = { 0 };
	struct store *store = NULL;
	struct store_txn *txn = NULL;
	CK_RV rv = token_record_put(t->crypto, &meta, &f->record);

	if (rv != CKR_OK)
		return rv;
	rv = store_rv(store_create(t->dir, f->serial, buf_view(&meta), NULL));
	if (rv == CKR_OK)
		rv = store_rv(store_open(t->dir, f->serial, NULL, &store));
	if (rv == CKR_OK)
		rv = store_rv(store_begin(store, true, &txn));
	if (rv == CKR_OK) {
		rv = token_write_keys(&f->place, &f->seal, txn, &f->record, &f->user_key, &f->keys);
		if (rv == CKR_OK)
			rv = user_store(t->crypto, txn, &f->so);
		if (rv == CKR_OK)
			rv = fresh_audit(t, txn, f);
		if (rv == CKR_OK)
			rv = store_rv(store_commit(txn));
		else
			store_abort(txn);
	}
	if (rv != CKR_OK) {
		store_close(store);
		return rv;
	}
	pthread_mutex_lock(&t->lock);
	memcpy(t->serial, f->serial, sizeof(t->serial));
	rv = fresh_use(t, f);
	t->sequence = store_sequence(store);
	atomic_store(&t->store, store);
	pthread_mutex_unlock(&t->lock);
	return rv;
}

static CK_RV init_free(struct token *t, struct view pin, const uint8_t label[32])
{
	struct fresh f;
	uint8_t random[STORE_SERIAL_LEN / 2];
	CK_RV rv = crypto_random(t->crypto, random, sizeof(random));

	if (rv != CKR_OK)
		return rv;
	fresh_init(&f, t->crypto);
	hex_encode(VIEW(random, sizeof(random)), f.serial);
	rv = fresh_make(t->crypto, pin, label, &f);
	if (rv == CKR_OK)
		rv = create(t, &f);
	fresh_done(&f);
	return rv;
}

/* In the transaction that accepts the SO PIN: everything goes, the SO comes back with new keys. */
static CK_RV wipe(void *ctx, struct store_txn *txn, struct user_record *r, const struct secret *user_key)
{
	struct fresh *f = ctx;
	CK_RV rv = store_rv(store_wipe(txn));

	if (rv == CKR_OK)
		rv = token_write_keys(&f->place, &f->seal, txn, &f->record, &f->user_key, &f->keys);
	if (rv == CKR_OK)
		rv = audit_renew(f->place.crypto, txn, AUDIT_REASON_AGAIN, user_key, &f->user_key);
	*r = f->so;
	return rv;
}

/* pin_min: of the token that is about to be made. */
static size_t pin_min(void)
{
	return module_get()->settings.host_secret != NULL ? POLICY_PIN_BOUND : POLICY_PIN_DEFAULT;
}

static CK_RV init_again(struct token *t, struct view pin, const uint8_t label[32])
{
	struct fresh f;
	struct user_check check = {
		.kind = USER_SO,
		.pin = pin,
		.event = AUDIT_INIT_TOKEN,
		.anew = true,
		.on_success = wipe,
		.ctx = &f,
	};
	CK_RV rv;

	/* A right PIN that is too short for a new token: changed first, then it may be the next one's. */
	if (login_pin_length(pin, pin_min()) != CKR_OK) {
		check = (struct user_check){ .kind = USER_SO, .pin = pin, .event = AUDIT_LOGIN };
		rv = user_check(t, &check, NULL, NULL);
		return rv == CKR_OK ? CKR_PIN_LEN_RANGE : rv;
	}
	fresh_init(&f, t->crypto);
	memcpy(f.serial, t->serial, sizeof(f.serial));
	rv = fresh_make(t->crypto, pin, label, &f);
	if (rv == CKR_OK)
		rv = user_check(t, &check, NULL, NULL);
	if (rv == CKR_OK) {
		pthread_mutex_lock(&t->lock);
		rv = fresh_use(t, &f);
		pthread_mutex_unlock(&t->lock);
	}
	fresh_done(&f);
	return rv;
}

CK_RV token_create(struct token *t, struct view pin, const uint8_t label[32])
{
	struct tokens *all = module_get()->tokens;
	CK_RV rv = login_pin_length(pin, 1);
	unsigned sessions;
	bool there;

	/* One at a time, and no scan that would see the half-made directory. */
	pthread_mutex_lock(&all->lock);
	pthread_mutex_lock(&t->lock);
	sessions = t->sessions;
	pthread_mutex_unlock(&t->lock);
	there = atomic_load(&t->store) != NULL;
	if (sessions > 0)
		rv = CKR_SESSION_EXISTS;
	else if (!there)
		rv = login_pin_length(pin, pin_min()) == CKR_OK ? init_free(t, pin, label) : CKR_PIN_LEN_RANGE;
	else
		rv = rv == CKR_OK ? init_again(t, pin, label) : CKR_PIN_INCORRECT; /* such a PIN is nobody's */
	pthread_mutex_unlock(&all->lock);
	return rv;
}
