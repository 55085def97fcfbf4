/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_TOKEN_OWN_H
#define HSM_TOKEN_OWN_H

#include <pthread.h>
#include <stdatomic.h>
#include "policy.h"
#include "seal.h"
#include "token_key.h"
#include "session.h"
#include "token.h"

/*
 * Inside of struct token, for token.c, user.c, login.c and object_*.c.
 *
 * Order of locks: session, store write transaction, token->lock, seal lock, session table. Nobody who holds token->lock
 * begins a write transaction; read transactions are fine.
 */
struct crypto;
struct object;

/* struct entry: a handle and what stands behind it. */
struct entry {
	CK_OBJECT_HANDLE handle;
	uint8_t id[STORE_ID_LEN];
	bool stored; /* token object */
	bool private;
	struct object *object;   /* session object: always; token object: when cached */
	uint64_t checked;        /* store_sequence for which object is known to be current */
	CK_SESSION_HANDLE owner; /* session object: the session that made it */
	struct entry *next_by_handle;
	struct entry *next_by_id;
	struct entry *next_session, **back_session; /* not stored */
	size_t place;                               /* in entries.kept */
};

struct entries {
	struct entry **by_handle;
	struct entry **by_id;
	struct entry *session; /* those that are not stored */
	size_t buckets;        /* a power of two, 0 before the first */
	size_t len;
	struct entry **kept; /* those of token objects held in memory, cached of them */
	size_t cached;
	size_t hand;                 /* who goes next when there are too many */
	size_t profiles, mechanisms; /* built-in objects made so far (object_built_in.c) */
};

/* struct policy_cache: the policy record as it was last read (policy.c), under t->lock. */
struct policy_cache {
	bool read;
	bool proved;       /* with the token's key; false: nobody is logged in */
	bool torn;         /* it speaks of dual control, of which there is no record */
	uint64_t sequence; /* of the store */
	struct policy policy;
	CK_RV rv;
};

/* struct token_rotating: how far this process has come with a rotation (token_rotate.c); under the store's write lock.
 */
struct token_rotating {
	uint16_t generation; /* 0: nothing is known */
	bool some;
	uint8_t after[STORE_ID_LEN];
	size_t left;
};

struct token {
	/* Fixed once the slot is listed, but for what C_InitToken fills into the free slot (under lock). */
	CK_SLOT_ID slot;
	const char *dir;
	const struct crypto *crypto;
	char serial[STORE_SERIAL_LEN + 1];

	struct store *_Atomic store; /* NULL: no token in this slot yet */
	pthread_mutex_t lock;
	bool recognised; /* the token record was read */
	/* audit_usable: store_sequence and state file for which the trail was found in order; 0: none. */
	_Atomic uint64_t audited, audited_file;
	bool staged;                      /* a copy that is being restored: its trail begins with the first login */
	uint8_t generation[STORE_ID_LEN]; /* of the token record that is in use */
	uint8_t label[32];
	uint8_t flags;     /* TOKEN_*, of the token record */
	uint64_t sequence; /* of the store when the token was last looked at */
	struct seal seal;
	struct token_ring ring;
	struct token_rotating rotating;
	struct policy_cache policy;
	struct token_user user;
	uint64_t logouts; /* operations of older logins are dropped */
	unsigned sessions;
	unsigned rw_sessions;
	_Atomic bool event; /* another process made this token, not told yet (slot_event.h) */
	struct entries entries;
	struct token *_Atomic next;
};

/* tokens: all slots of the process; read without a lock, grows at its end. */
struct tokens {
	const char *dir;
	const struct crypto *crypto;
	pthread_mutex_t lock; /* scanning */
	bool started;         /* what is found from now on is new; under lock */
	struct token *_Atomic first;
};

/* tokens_new: scans dir, which may be absent. tokens_free closes the stores and wipes all keys; takes NULL. */
CK_RV tokens_new(const char *dir, const struct crypto *c, struct tokens **ret) MUST_CHECK;
void tokens_free(struct tokens *t);
/* tokens_abandon: in a forked child, on the parent's slots: lets the stores go and touches nothing else. */
void tokens_abandon(struct tokens *t);
/* tokens_scan: looks for new token directories and makes sure that there is a free slot. */
CK_RV tokens_scan(struct tokens *t) MUST_CHECK;

/*
 * token_open_at: a token that is in no slot, in a directory of its own that must outlive it; token_close closes its
 * store; takes NULL.
 */
CK_RV token_open_at(const char *dir, const char *serial, const struct crypto *c, struct token **ret) MUST_CHECK;
void token_close(struct token *t);

/* token_refresh: after another process wrote: drops the login when the token or the user is not the same any more. */
void token_refresh(struct token *t);
/* token_drop_login: keys, private objects and operations go; under t->lock. */
void token_drop_login(struct token *t);

/* audit_append: one entry by this user; see token_audit. */
CK_RV audit_append(const struct crypto *c, struct store_txn *txn, const struct token_user *who,
		   const struct audit_event *e) MUST_CHECK;

/*
 * The token record (docs/store.md): meta record "token". version: as read, 1 or 2; what is written is version 2.
 * token_record_get: CKR_TOKEN_NOT_RECOGNIZED: not what was written.
 */
#define TOKEN_VERSION_OLD 1 /* with schema 1: one key for everything, MACs nowhere */
enum { TOKEN_HOST_BOUND = 1u << 0, TOKEN_COPY = 1u << 1 };
struct token_record {
	uint8_t version;
	uint8_t generation[STORE_ID_LEN];
	uint8_t label[32];
	uint8_t flags;
	uint8_t public_key[SEAL_KEY_LEN];
};
CK_RV token_record_put(const struct crypto *c, struct buf *b, const struct token_record *r) MUST_CHECK;
CK_RV token_record_get(const struct crypto *c, struct view v, struct token_record *ret) MUST_CHECK;
CK_RV token_record_load(const struct crypto *c, struct store_txn *txn, struct token_record *ret) MUST_CHECK;

/*
 * token_place: what a token's key records belong to (token_host.h), as the token record says; host: gets the key of the
 * outer seals when the token is bound. The answer points into record and host. CKR_DEVICE_ERROR: no host secret.
 */
CK_RV token_place(const struct token *t, const struct token_record *record, struct secret *host,
		  struct token_place *ret) MUST_CHECK;

/* entries (object_table.c); all under t->lock. */
void entries_done(struct entries *e);
void entries_drop_private(struct entries *e);
void entries_drop_session(struct entries *e, CK_SESSION_HANDLE owner);
void entries_drop_all(struct entries *e);

/* sessions (session.c). */
struct sessions;
CK_RV sessions_new(struct sessions **ret) MUST_CHECK;
void sessions_free(struct sessions *s);
/* sessions_close_all: those of one token; NULL: all. */
void sessions_close_all(struct sessions *s, struct token *t);
/* session_flush_counts: writes the counted events of a session to the audit chain. */
void session_flush_counts(struct session *s);

#endif
