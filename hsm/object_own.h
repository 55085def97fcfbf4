/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_OBJECT_OWN_H
#define HSM_OBJECT_OWN_H

#include <stdatomic.h>
#include "object.h"
#include "store.h"
#include "token_own.h"

/* Inside of struct object, for object*.c. */
struct attr {
	CK_ATTRIBUTE_TYPE type;
	bool hidden; /* sensitive: the value is in secret */
	uint8_t *p;
	size_t n;
	struct secret secret; /* room of at least 1 byte when hidden */
};

#define USES_ID_LEN 16

struct object {
	atomic_uint refs;
	uint8_t id[STORE_ID_LEN];
	uint64_t version;   /* of the record it was read from; 0: not stored */
	bool has_secret;    /* there are hidden attributes */
	bool secret_loaded; /* and they are here */
	struct attr *attrs;
	size_t count;
	size_t room;

	CK_RV (*check)(struct session *s, void *object);
	enum audit_number event;

	pthread_mutex_t cache_lock; /* cache, uses */
	struct {
		bool named, read;
		uint8_t id[USES_ID_LEN]; /* of the value's entry */
		uint64_t sequence;       /* of the store when it was read */
		CK_FLAGS noted;
	} uses; /* policy_uses.c */
	void *cache;
	void (*cache_drop)(void *p);
};

/* object_alloc: an empty uncommitted object; NULL: no memory. object_attr: the attribute, or NULL. */
struct object *object_alloc(void);
const struct attr *object_attr(const struct object *o, CK_ATTRIBUTE_TYPE type);
/* object_fill: the defaults of what the object, which has its class and type, was not given. */
CK_RV object_fill(struct object *o) MUST_CHECK;
/* object_clone: an uncommitted copy of all attributes, with the same id. */
CK_RV object_clone(const struct object *o, struct object **ret) MUST_CHECK;

/* Stored form (docs/store.md, Object bodies). object_decode adds to an empty object. */
CK_RV object_encode_open(const struct object *o, struct buf *out) MUST_CHECK;
CK_RV object_encode_hidden(const struct object *o, struct secret *ret) MUST_CHECK;
CK_RV object_decode(struct object *o, struct view body, bool hidden) MUST_CHECK;

/* object_load: reads a record; with_secret as in store_object_get. STORE_* in *ret_store for codes that matter. */
CK_RV object_load(struct store_txn *txn, const struct store_crypto *c, const uint8_t id[STORE_ID_LEN], bool with_secret,
		  struct object **ret) MUST_CHECK;

/* object_fetch: object_get with a choice: no sensitive values; those that can be opened; all or CKR_USER_NOT_LOGGED_IN.
 */
enum fetch { FETCH_OPEN, FETCH_TRY, FETCH_ALL };
CK_RV object_fetch(struct session *s, CK_OBJECT_HANDLE handle, enum fetch want, struct object **ret) MUST_CHECK;
/* object_visible, class_visible: may the session see it? (private objects; in an SO session private keys). */
bool object_visible(const struct token_user *user, const struct object *o);
bool class_visible(const struct token_user *user, bool private, CK_OBJECT_CLASS class);

/* Handles (object_table.c), under t->lock. */
struct entry *entry_by_handle(struct entries *e, CK_OBJECT_HANDLE handle);
struct entry *entry_by_id(struct entries *e, const uint8_t id[STORE_ID_LEN]);
struct entry *entry_add(struct entries *e, const uint8_t id[STORE_ID_LEN], bool stored);
void entry_drop(struct entries *e, struct entry *entry);
/*
 * entry_cache: keeps (a reference of) o as the current object of the entry; drops what was there. What was read in a
 * write transaction is not kept: store_sequence_lasts.
 */
void entry_cache(struct entries *e, struct entry *entry, struct object *o, uint64_t sequence);
/* entries_each_session: calls each for the session objects; it must not add or drop. Stops at false. */
void entries_each_session(struct entries *e, bool (*each)(void *ctx, struct entry *entry), void *ctx);

/* template_matches: every attribute of the template is there with this value; sensitive ones never match. */
bool template_matches(const struct object *o, const CK_ATTRIBUTE *t, CK_ULONG n);

/* object_components_of: ids of the stored components that a custodian of this name entered. */
struct component_list {
	uint8_t (*ids)[STORE_ID_LEN];
	size_t len;
	size_t room;
};
CK_RV object_components_of(struct token *t, struct store_txn *txn, const char *name,
			   struct component_list *ret) MUST_CHECK;
void component_list_done(struct component_list *l);

#endif
