/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TOKENS_STORE_H
#define TOKENS_STORE_H

#include "bytes.h"
#include "secret.h"

/*
 * The token store: one LMDB environment per token, in a directory of its own, named by the token's serial number.
 *
 * The store knows records, versions, indexes and the order in which they are made durable. It knows no key: sealing,
 * opening and index hashing come in through struct store_crypto. What it does not get sealed it does not write, except
 * the meta and user records, which the caller seals or leaves open itself.
 *
 * Errors are negative STORE_E*. One environment per directory and process (store_open answers the open one again,
 * counted). Threads: every function may be called from any thread; a struct store_txn belongs to one thread at a time.
 * Layout on disk: docs/store.md.
 */
enum {
	STORE_OK = 0,
	STORE_ENOTFOUND = -1, /* no such directory, record, user */
	STORE_EEXIST = -2,    /* store_create: the directory is there */
	STORE_ENOMEM = -3,
	STORE_EFULL = -4,    /* disk or map full */
	STORE_EACCESS = -5,  /* permissions, owner, read-only file */
	STORE_ECORRUPT = -6, /* a record, index entry or file that is not what was written */
	STORE_EFOREIGN = -7, /* not a token of ours, or a schema version from the future */
	STORE_ESEALED = -8,  /* the domain's key is not there: log in first */
	STORE_EBUSY = -9,    /* reader table full, lock not to be had */
	STORE_EIO = -10,
	STORE_EPANIC = -11, /* MDB_PANIC: the environment must be reopened */
	STORE_EINVAL = -12, /* an argument out of its range, a write in a read transaction */
};

/* Sealing domains of an object record. */
enum store_domain {
	STORE_PUBLIC,  /* attributes of a public object: key stands in the meta record, guards against accidents only */
	STORE_PRIVATE, /* attributes of a private object: key under the token key */
	STORE_SECRET,  /* sensitive values of any object: key under the token key */
};

/*
 * The seals, by domain and generation of the token key.
 *
 * generation   STORE_PUBLIC: always 0. The others: from 1; 0: the key that sealed records of schema 1 (open only)
 * seal         appends nonce, ciphertext and tag to out
 * open         room is made by the callee (secret_init)
 * mac          keyed hash of 16 bytes, for index keys, index entries and the directory (STORE_PUBLIC, STORE_PRIVATE)
 * generations  those whose keys are there, the one for writing first; at least one
 *
 * Errors: STORE_ESEALED when the domain's key is not there; STORE_ECORRUPT: a wrong tag, a generation that there is
 * not.
 */
#define STORE_GENERATIONS 4
struct store_crypto {
	void *ctx;
	int (*seal)(void *ctx, enum store_domain domain, uint16_t generation, struct view aad, struct view plain,
		    struct buf *out);
	int (*open)(void *ctx, enum store_domain domain, uint16_t generation, struct view aad, struct view sealed,
		    struct secret *ret_plain);
	int (*mac)(void *ctx, enum store_domain domain, uint16_t generation, struct view data, uint8_t ret_mac[16]);
	int (*generations)(void *ctx, enum store_domain domain, uint16_t ret[STORE_GENERATIONS], unsigned *ret_n);
};

#define STORE_ID_LEN 16
#define STORE_SERIAL_LEN 16

struct store;
struct store_txn;

struct store_options {
	size_t map_size;  /* bytes reserved, 0: 64 GiB */
	unsigned readers; /* 0: 4096 */
};

/*
 * store_create: makes <dir>/<serial> with an empty environment holding meta as the record "token", whole or not at all
 * (built under a temporary name, synced, renamed). meta: at most 4096 bytes.
 */
int store_create(const char *dir, const char *serial, struct view meta, const struct store_options *o) MUST_CHECK;
/*
 * store_list: calls each(ctx, serial) for every token directory under dir, in name order; leftovers are passed over.
 * STORE_ENOTFOUND: dir is not there.
 */
int store_list(const char *dir, void (*each)(void *ctx, const char *serial), void *ctx) MUST_CHECK;
/*
 * store_open: the directories and the data file must belong to the effective user and be closed to others (dir may be
 * root's and readable), else STORE_EACCESS. STORE_ECORRUPT: a file shorter than its meta pages say. A store that a
 * parent process left open is abandoned first.
 */
int store_open(const char *dir, const char *serial, const struct store_options *o, struct store **ret) MUST_CHECK;
/* store_close: no transaction may be open. Takes NULL. */
void store_close(struct store *s);
/*
 * store_abandon: in a forked child: unmaps and closes without touching what the parent shares. The struct stays in
 * memory (LMDB has no way to free it in a child); a second call does nothing.
 * An abandoned store begins no transaction (STORE_EPANIC).
 */
void store_abandon(struct store *s);

/*
 * store_begin: write: waits for the one write lock of all processes and for the turn among the threads of this one,
 * which share a commit (group.c): what other threads wrote just before is seen, and stays only if that commit succeeds.
 * Commit and abort in the thread that began; a second write transaction in that thread is STORE_EINVAL. A write that
 * fails half way makes store_commit refuse with its error; then, and after an abort, what others wrote stays.
 * read: the state of the last commit; in a thread that has a write transaction of this store open: what that one sees.
 *
 * An environment that LMDB gave up (MDB_PANIC, after a failed write of a meta page) is opened again here.
 */
int store_begin(struct store *s, bool write, struct store_txn **ret) MUST_CHECK;
int store_commit(struct store_txn *t) MUST_CHECK; /* durable when STORE_OK; the txn is gone either way */
void store_abort(struct store_txn *t);            /* takes NULL */
/*
 * store_sequence: a number that changes with every committed write of any process; cheap. In a thread that has a write
 * transaction open: a number of that transaction alone, for which store_sequence_lasts says no: what was read then may
 * never be committed, so that nothing may be kept under it.
 */
uint64_t store_sequence(struct store *s);
bool store_sequence_lasts(uint64_t sequence) MUST_CHECK;
/*
 * store_fault_take: what the store found wrong last in this thread: file, colon, text; false: nothing since the last
 * time. For the one line in the log. No secrets.
 */
#define STORE_FAULT_MAX 512
bool store_fault_take(char ret_text[STORE_FAULT_MAX]);

/* Views returned inside a transaction live until the transaction's next write or its end. */
int store_meta_get(struct store_txn *t, const char *name, struct view *ret) MUST_CHECK;
int store_meta_put(struct store_txn *t, const char *name, struct view value) MUST_CHECK;
/*
 * store_meta_each: records whose names begin with prefix, in name order, behind after (NULL: from the first). each
 * answering non-zero stops the walk and is what the function answers; it must not write in this transaction.
 */
int store_meta_each(struct store_txn *t, const char *prefix, const char *after,
		    int (*each)(void *ctx, const char *name, struct view value), void *ctx) MUST_CHECK;
int store_user_get(struct store_txn *t, const uint8_t id[STORE_ID_LEN], struct view *ret) MUST_CHECK;
int store_user_put(struct store_txn *t, const uint8_t id[STORE_ID_LEN], struct view value) MUST_CHECK;
int store_user_del(struct store_txn *t, const uint8_t id[STORE_ID_LEN]) MUST_CHECK;
/* store_user_each: stops at the first non-zero answer and returns it. */
int store_user_each(struct store_txn *t, int (*each)(void *ctx, const uint8_t *id, struct view value),
		    void *ctx) MUST_CHECK;
/*
 * store_wipe: removes all users, objects and index entries (re-initialisation), and meta records with a dot in their
 * name; other meta records and audit stay.
 */
int store_wipe(struct store_txn *t) MUST_CHECK;

/*
 * Schema. A store of schema 1 is read and searched by walking over all of it, and refuses writes of objects
 * (STORE_EACCESS) until store_upgrade: from then on, in that write transaction, records of schema 1 open and can be
 * put anew, each with its index values; the caller does so with all of them before it commits.
 */
#define STORE_SCHEMA_OLDEST 1
#define STORE_SCHEMA 2
unsigned store_schema(struct store_txn *t);
int store_upgrade(struct store_txn *t) MUST_CHECK;

/*
 * Indexed facts of an object; an empty view is not indexed.
 *
 * STORE_BY_KIND           class, key type, role: 8 bytes each, big-endian; what an object has not is all ones (type) or
 *                         zero (role). A find may give the first one, two or three.
 * STORE_BY_ISSUER_SERIAL  the two as the caller joins them
 */
enum store_index {
	STORE_BY_KIND,
	STORE_BY_ID,
	STORE_BY_LABEL,
	STORE_BY_SUBJECT,
	STORE_BY_ISSUER_SERIAL,
	STORE_INDEXES
};
#define STORE_KIND_LEN 24

struct store_object {
	uint8_t id[STORE_ID_LEN];
	bool private;                     /* body sealed under STORE_PRIVATE instead of STORE_PUBLIC */
	struct view body;                 /* attributes, plain */
	struct view secret;               /* sensitive attributes, plain; empty: none */
	struct view index[STORE_INDEXES]; /* STORE_BY_KIND: always all three */
};

/* What store_object_get gives back; store_loaded_done wipes and frees. secret is opened only when asked for. */
struct store_loaded {
	uint64_t version;
	uint16_t generation; /* of the token key; 0: nothing of it is under the token key, or schema 1 */
	uint16_t schema;
	bool private;
	bool has_secret;
	struct secret body;
	struct secret secret;
};
void store_loaded_done(struct store_loaded *l);

/*
 * store_object_put: creates (version 1) or replaces (version + 1, old index entries removed), under the generation that
 * writes. Body and secret at most 256 KiB each. To replace or delete, the old body must open and its index entries be
 * its own: STORE_ESEALED, STORE_ECORRUPT.
 */
int store_object_put(struct store_txn *t, const struct store_crypto *c, const struct store_object *o) MUST_CHECK;
/*
 * store_object_get: STORE_ESEALED for a private object whose key is not there. STORE_ENOTFOUND; STORE_ECORRUPT for a
 * private one whose record somebody took out of the file.
 */
int store_object_get(struct store_txn *t, const struct store_crypto *c, const uint8_t id[STORE_ID_LEN],
		     bool with_secret, struct store_loaded *ret) MUST_CHECK;
/* store_object_version: current version without opening; STORE_ENOTFOUND when gone. */
int store_object_version(struct store_txn *t, const uint8_t id[STORE_ID_LEN], uint64_t *ret) MUST_CHECK;
int store_object_del(struct store_txn *t, const struct store_crypto *c, const uint8_t id[STORE_ID_LEN]) MUST_CHECK;
/* store_object_count: how many objects there are, without reading any. */
int store_object_count(struct store_txn *t, uint64_t *ret) MUST_CHECK;

/*
 * store_find: the objects whose indexes hold exactly all of the values, of both domains whose keys are there; nothing
 * is decrypted, no record is read. n 0: all of them. Every entry is proved: its MAC, and that it is of the object's
 * current version (STORE_ECORRUPT names nothing wrong silently). Cost: one walk over the hits of the first value in the
 * order ISSUER_SERIAL, ID, LABEL, SUBJECT, KIND that is given, one look-up a hit for each further one but KIND.
 *
 * each: may stop the walk by answering non-zero, which is what the function answers. It must not write in this
 * transaction. In a store of schema 1 nothing is indexed: every object is a hit, old is set and class is 0.
 */
struct store_match {
	enum store_index index;
	struct view value;
};
struct store_hit {
	const uint8_t *id;
	uint64_t class;
	uint64_t version;
	bool private;
	bool old;
};
int store_find(struct store_txn *t, const struct store_crypto *c, const struct store_match *m, size_t n,
	       int (*each)(void *ctx, const struct store_hit *hit), void *ctx) MUST_CHECK;
/*
 * store_object_each: all ids as they stand, with private and generation as the record's head says (proved only when the
 * object is opened), in the order of their bytes, behind after (NULL: from the first). each as in store_find.
 */
int store_object_each(struct store_txn *t, const uint8_t *after,
		      int (*each)(void *ctx, const uint8_t *id, bool private, uint16_t generation),
		      void *ctx) MUST_CHECK;

/*
 * store_verify: every record is opened, as far as the keys are there, and what the indexes and the directory must hold
 * is compared with what they do hold. each gets what is not as it was written; non-zero ends the walk and is answered.
 * STORE_OK: all was looked at. It reads every page that is in use: of a file of doubtful origin in a child process.
 *
 * store_rebuild: writes all index entries and the whole directory anew, from the records as they stand: after damage,
 * by somebody who knows that no older record was put back. Needs all keys (STORE_ESEALED). Records that do not open
 * are left out, and told to each.
 */
enum store_finding_kind {
	STORE_BAD_RECORD,     /* does not open: changed, or of another object or token */
	STORE_OLD_RECORD,     /* of another version than the directory says */
	STORE_UNKNOWN_RECORD, /* the directory does not know it */
	STORE_LOST_RECORD,    /* the directory knows it, and it is not there */
	STORE_BAD_ENTRY,      /* an index entry that is not the object's, or an older one */
	STORE_LOST_ENTRY,     /* an index entry is missing */
	STORE_STRAY_ENTRY,    /* an index entry that no record asks for */
	STORE_BAD_DIRECTORY, /* a node of the directory, changed or an older one: the objects below it are not opened */
	STORE_STRAY_NODE,    /* a node of the directory, or a key of the index, that belongs to nothing */
	STORE_SEALED,        /* no finding: a record that could not be looked into without a login */
	STORE_FINDING_KINDS
};
struct store_finding {
	enum store_finding_kind kind;
	bool has_id;
	uint8_t id[STORE_ID_LEN]; /* of the object; STORE_BAD_DIRECTORY: the first that can be below */
};
/* store_finding_text: what it is, in words for the person who asked. */
const char *store_finding_text(enum store_finding_kind kind);
int store_verify(struct store_txn *t, const struct store_crypto *c,
		 int (*each)(void *ctx, const struct store_finding *f), void *ctx) MUST_CHECK;
int store_rebuild(struct store_txn *t, const struct store_crypto *c,
		  int (*each)(void *ctx, const struct store_finding *f), void *ctx) MUST_CHECK;

/*
 * store_audit_append: the next entry, chained by the caller; ret_sequence from 1. At most 65535 bytes.
 * store_audit_last, store_audit_next (the first at or behind from): STORE_ENOTFOUND when there is none.
 */
int store_audit_last(struct store_txn *t, uint64_t *ret_sequence, struct view *ret_entry) MUST_CHECK;
int store_audit_append(struct store_txn *t, struct view entry, uint64_t *ret_sequence) MUST_CHECK;
int store_audit_get(struct store_txn *t, uint64_t sequence, struct view *ret_entry) MUST_CHECK;
int store_audit_next(struct store_txn *t, uint64_t from, uint64_t *ret_sequence, struct view *ret_entry) MUST_CHECK;
/* store_serial: of the token, STORE_SERIAL_LEN letters and a zero byte. */
const char *store_serial(const struct store_txn *t);

/*
 * The state of the audit chain: secret bytes of the module, in the file audit.state beside the data and not in the
 * database, which keeps old pages. It is overwritten after each commit of a transaction that put one; after a crash it
 * may be older than the database, it is never newer.
 *
 * store_state_read  what stands in the file: one state, or two where a new chain was begun when the process was killed;
 *                   the newer first; ret is made here (secret_init). STORE_ENOTFOUND: no file. STORE_EACCESS: its
 *                   owner, mode or kind is not what we made. STORE_ECORRUPT: nothing legible.
 * store_state_there is it there, and as we made it? STORE_ENOTFOUND, STORE_EACCESS; what stands in it is not looked at.
 *                   ret_file: another number for another file.
 * store_state_get   the same inside of a write transaction, whose own comes first.
 * store_state_put   rank: greater is newer. STORE_STATE_NEXT: written when the transaction is committed.
 *                   STORE_STATE_NOW: written at once: it belongs to what is committed already. STORE_STATE_ANEW: a new
 *                   chain: whatever file there is gives way; it is written at once beside the state of the old chain,
 *                   in whose place it comes with the commit.
 */
#define STORE_STATE_MAX 192
#define STORE_STATES 2
enum store_state_how { STORE_STATE_NEXT, STORE_STATE_NOW, STORE_STATE_ANEW };
int store_state_read(struct store *s, struct secret ret[STORE_STATES], unsigned *ret_n) MUST_CHECK;
int store_state_there(struct store *s, uint64_t *ret_file) MUST_CHECK;
int store_state_get(struct store_txn *t, struct secret ret[STORE_STATES], unsigned *ret_n) MUST_CHECK;
int store_state_put(struct store_txn *t, const struct secret *state, uint64_t rank,
		    enum store_state_how how) MUST_CHECK;
/* store_state_pending: the transaction has put one. */
bool store_state_pending(const struct store_txn *t);

#endif
