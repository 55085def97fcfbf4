/* SPDX-License-Identifier: BSD-2-Clause */
#include "object_own.h"

#include <stdlib.h>
#include <string.h>

#include "dual.h"
#include "object_attr.h"
#include "store_rv.h"

#define BUCKETS_MIN 64
#define CACHED_MAX 4096

/* Handles are never used twice in a process. */
static _Atomic CK_OBJECT_HANDLE next_handle = 1;

static size_t slot_of_handle(const struct entries *e, CK_OBJECT_HANDLE handle)
{
	return handle & (e->buckets - 1);
}

static size_t slot_of_id(const struct entries *e, const uint8_t *id)
{
	return be_get64(id) & (e->buckets - 1);
}

static bool grow(struct entries *e)
{
	struct entries bigger = *e;

	if (e->len < e->buckets)
		return true;
	bigger.buckets = e->buckets > 0 ? e->buckets * 2 : BUCKETS_MIN;
	bigger.by_handle = calloc(bigger.buckets, sizeof(struct entry *));
	bigger.by_id = calloc(bigger.buckets, sizeof(struct entry *));
	if (bigger.by_handle == NULL || bigger.by_id == NULL) {
		free(bigger.by_handle);
		free(bigger.by_id);
		return false;
	}
	for (size_t i = 0; i < e->buckets; i++) {
		struct entry *next;

		for (struct entry *at = e->by_handle[i]; at != NULL; at = next) {
			struct entry **h = &bigger.by_handle[slot_of_handle(&bigger, at->handle)];
			struct entry **d = &bigger.by_id[slot_of_id(&bigger, at->id)];

			next = at->next_by_handle;
			at->next_by_handle = *h;
			*h = at;
			at->next_by_id = *d;
			*d = at;
		}
	}
	free(e->by_handle);
	free(e->by_id);
	*e = bigger;
	return true;
}

struct entry *entry_by_handle(struct entries *e, CK_OBJECT_HANDLE handle)
{
	struct entry *at = e->buckets > 0 ? e->by_handle[slot_of_handle(e, handle)] : NULL;

	while (at != NULL && at->handle != handle)
		at = at->next_by_handle;
	return at;
}

struct entry *entry_by_id(struct entries *e, const uint8_t id[STORE_ID_LEN])
{
	struct entry *at = e->buckets > 0 ? e->by_id[slot_of_id(e, id)] : NULL;

	while (at != NULL && memcmp(at->id, id, STORE_ID_LEN) != 0)
		at = at->next_by_id;
	return at;
}

static void session_link(struct entries *e, struct entry *entry)
{
	entry->next_session = e->session;
	entry->back_session = &e->session;
	if (e->session != NULL)
		e->session->back_session = &entry->next_session;
	e->session = entry;
}

static void session_unlink(struct entry *entry)
{
	if (entry->back_session == NULL)
		return;
	*entry->back_session = entry->next_session;
	if (entry->next_session != NULL)
		entry->next_session->back_session = entry->back_session;
}

struct entry *entry_add(struct entries *e, const uint8_t id[STORE_ID_LEN], bool stored)
{
	struct entry *new = calloc(1, sizeof(*new));
	struct entry **h, **d;

	if (new == NULL || !grow(e)) {
		free(new);
		return NULL;
	}
	new->handle = atomic_fetch_add(&next_handle, 1);
	memcpy(new->id, id, STORE_ID_LEN);
	h = &e->by_handle[slot_of_handle(e, new->handle)];
	d = &e->by_id[slot_of_id(e, id)];
	new->next_by_handle = *h;
	*h = new;
	new->next_by_id = *d;
	*d = new;
	e->len++;
	new->stored = stored;
	if (!stored)
		session_link(e, new);
	return new;
}

static void uncache(struct entries *e, struct entry *entry)
{
	if (entry->object != NULL && entry->stored) {
		struct entry *last = e->kept[--e->cached];

		last->place = entry->place;
		e->kept[entry->place] = last;
	}
	object_unref(entry->object);
	entry->object = NULL;
}

void entry_cache(struct entries *e, struct entry *entry, struct object *o, uint64_t sequence)
{
	struct object *held = object_ref(o);

	uncache(e, entry);
	if (entry->stored && e->kept == NULL)
		e->kept = calloc(CACHED_MAX, sizeof(struct entry *));
	if (entry->stored && (e->kept == NULL || !store_sequence_lasts(sequence))) {
		object_unref(held);
		return;
	}
	if (entry->stored && e->cached == CACHED_MAX)
		uncache(e, e->kept[e->hand++ % CACHED_MAX]);
	entry->object = held;
	entry->checked = sequence;
	if (entry->stored) {
		entry->place = e->cached;
		e->kept[e->cached++] = entry;
	}
}

void entry_drop(struct entries *e, struct entry *entry)
{
	struct entry **h = &e->by_handle[slot_of_handle(e, entry->handle)];
	struct entry **d = &e->by_id[slot_of_id(e, entry->id)];

	while (*h != entry)
		h = &(*h)->next_by_handle;
	*h = entry->next_by_handle;
	while (*d != entry)
		d = &(*d)->next_by_id;
	*d = entry->next_by_id;
	session_unlink(entry);
	uncache(e, entry);
	free(entry);
	e->len--;
}

void entries_each_session(struct entries *e, bool (*each)(void *ctx, struct entry *entry), void *ctx)
{
	for (struct entry *at = e->session; at != NULL; at = at->next_session)
		if (!each(ctx, at))
			return;
}

static void drop_where(struct entries *e, bool (*goes)(const struct entry *entry, CK_SESSION_HANDLE owner),
		       CK_SESSION_HANDLE owner)
{
	for (size_t i = 0; i < e->buckets; i++) {
		struct entry *next;

		for (struct entry *at = e->by_handle[i]; at != NULL; at = next) {
			next = at->next_by_handle;
			if (goes(at, owner))
				entry_drop(e, at);
			else if (at->stored)
				uncache(e, at);
		}
	}
}

static bool goes_private(const struct entry *entry, CK_SESSION_HANDLE owner)
{
	return entry->private;
}

static bool goes_all(const struct entry *entry, CK_SESSION_HANDLE owner)
{
	return true;
}

void entries_drop_private(struct entries *e)
{
	drop_where(e, goes_private, 0);
}

void entries_drop_all(struct entries *e)
{
	drop_where(e, goes_all, 0);
	e->profiles = 0;
	e->mechanisms = 0;
}

void entries_drop_session(struct entries *e, CK_SESSION_HANDLE owner)
{
	struct entry *next;

	for (struct entry *at = e->session; at != NULL; at = next) {
		next = at->next_session;
		if (at->owner == owner)
			entry_drop(e, at);
	}
}

void entries_done(struct entries *e)
{
	entries_drop_all(e);
	free(e->by_handle);
	free(e->by_id);
	free(e->kept);
	*e = (struct entries){ 0 };
}

bool class_visible(const struct token_user *user, bool private, CK_OBJECT_CLASS class)
{
	if (!private)
		return true;
	if (class == CKO_SR_DUAL)
		return false;
	/* Keys, to be trusted; components, to be destroyed. */
	if (user->kind == USER_SO)
		return (class_bit(class) & CLASS_KEYS) != 0;
	return user->kind != USER_NONE && !user->must_change;
}

bool object_visible(const struct token_user *user, const struct object *o)
{
	return class_visible(user, object_bool(o, CKA_PRIVATE), object_class(o));
}

CK_RV object_load(struct store_txn *txn, const struct store_crypto *c, const uint8_t id[STORE_ID_LEN], bool with_secret,
		  struct object **ret)
{
	struct store_loaded loaded = { 0 };
	struct object *o = NULL;
	CK_RV rv = store_rv(store_object_get(txn, c, id, with_secret, &loaded));

	if (rv != CKR_OK)
		return rv;
	o = object_alloc();
	rv = o != NULL ? object_decode(o, secret_view(&loaded.body), false) : CKR_HOST_MEMORY;
	if (rv == CKR_OK && with_secret && loaded.has_secret)
		rv = object_decode(o, secret_view(&loaded.secret), true);
	if (rv == CKR_OK && object_bool(o, CKA_PRIVATE) != loaded.private)
		rv = CKR_DEVICE_ERROR;
	if (rv == CKR_OK) {
		memcpy(o->id, id, STORE_ID_LEN);
		o->version = loaded.version;
		o->has_secret = loaded.has_secret;
		o->secret_loaded = with_secret || !loaded.has_secret;
		*ret = o;
	} else {
		object_unref(o);
	}
	store_loaded_done(&loaded);
	return rv;
}

static bool enough(const struct object *o, enum fetch want)
{
	return want == FETCH_OPEN || o->secret_loaded;
}

/* load: with as much as is wanted. */
static CK_RV load(struct token *t, struct store_txn *txn, const struct entry *entry, enum fetch want,
		  struct object **ret)
{
	CK_RV rv = object_load(txn, token_sealing(t), entry->id, want != FETCH_OPEN, ret);

	if (rv == CKR_USER_NOT_LOGGED_IN && want == FETCH_TRY)
		rv = object_load(txn, token_sealing(t), entry->id, false, ret);
	return rv;
}

/* current: makes entry's object the one that the store has now. Under t->lock. */
static CK_RV current(struct token *t, struct entry *entry, enum fetch want, struct object **ret)
{
	uint64_t sequence = store_sequence(token_store(t));
	struct store_txn *txn = NULL;
	struct object *o = NULL;
	uint64_t version;
	CK_RV rv;

	if (entry->object != NULL && entry->checked == sequence && enough(entry->object, want)) {
		*ret = object_ref(entry->object);
		return CKR_OK;
	}
	rv = token_begin_read(t, &txn);
	if (rv == CKR_OK)
		rv = store_rv(store_object_version(txn, entry->id, &version));
	if (rv == CKR_OK && entry->object != NULL && entry->object->version == version && enough(entry->object, want)) {
		entry->checked = sequence;
		o = object_ref(entry->object);
	} else if (rv == CKR_OK) {
		rv = load(t, txn, entry, want, &o);
		if (rv == CKR_OK)
			entry_cache(&t->entries, entry, o, sequence);
	}
	store_abort(txn);
	if (rv == CKR_OK)
		*ret = o;
	return rv;
}

CK_RV object_fetch(struct session *s, CK_OBJECT_HANDLE handle, enum fetch want, struct object **ret)
{
	struct token *t = s->token;
	struct object *o = NULL;
	struct entry *entry;
	bool refused = false;
	CK_RV rv = CKR_OBJECT_HANDLE_INVALID;

	pthread_mutex_lock(&t->lock);
	entry = entry_by_handle(&t->entries, handle);
	/* The values of private keys that the SO sees stay sealed. */
	if (t->user.kind == USER_SO && entry != NULL && entry->private) {
		refused = want == FETCH_ALL;
		want = FETCH_OPEN;
	}
	if (entry != NULL && entry->stored) {
		rv = current(t, entry, want, &o);
		if (rv == CKR_OBJECT_HANDLE_INVALID)
			entry_drop(&t->entries, entry);
	} else if (entry != NULL) {
		o = object_ref(entry->object);
		rv = CKR_OK;
	}
	if (rv == CKR_OK && !object_visible(&t->user, o))
		rv = CKR_OBJECT_HANDLE_INVALID;
	if (rv == CKR_OK && refused)
		rv = CKR_USER_NOT_LOGGED_IN;
	pthread_mutex_unlock(&t->lock);
	if (rv == CKR_OK)
		*ret = o;
	else
		object_unref(o);
	return rv;
}

CK_RV object_get(struct session *s, CK_OBJECT_HANDLE handle, struct object **ret)
{
	return object_fetch(s, handle, FETCH_ALL, ret);
}

CK_RV object_get_key(struct session *s, CK_OBJECT_HANDLE handle, CK_RV bad_handle, struct object **ret)
{
	struct object *o = NULL;
	CK_RV rv = object_fetch(s, handle, FETCH_ALL, &o);

	if (rv == CKR_OBJECT_HANDLE_INVALID)
		return bad_handle;
	if (rv != CKR_OK)
		return rv;
	if (object_class(o) != CKO_SECRET_KEY && object_class(o) != CKO_PUBLIC_KEY &&
	    object_class(o) != CKO_PRIVATE_KEY) {
		object_unref(o);
		return bad_handle;
	}
	*ret = o;
	return CKR_OK;
}
