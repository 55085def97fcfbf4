/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TOKENS_STORE_INNER_H
#define TOKENS_STORE_INNER_H

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "store.h"

/* Shared by the files of tokens/ only. */

#define STORE_DATA_FILE "data.mdb"
#define STORE_LOCK_FILE "lock.mdb"
#define STORE_STATE_FILE "audit.state"
#define STORE_PATH_MAX 4096
#define STORE_META_MAX 4096
#define STORE_USER_MAX 4096
#define STORE_AUDIT_MAX 65535
#define STORE_NAME_MAX 64
#define STORE_BODY_MAX ((size_t)256 << 10)

enum store_db { DB_META, DB_USERS, DB_OBJECTS, DB_INDEX, DB_AUDIT, STORE_DBS };

/* struct tree: domain and generation of the keys that an object's index entries (or place in the directory) are under.
 */
struct tree {
	enum store_domain domain;
	uint16_t generation;
};

/* The directory's part of a store: nodes that were proved; and of a write transaction: nodes that it changed. */
struct dir_node;
struct directory_cache {
	pthread_mutex_t mutex;
	struct dir_node **slots;
	size_t bytes;
};
struct directory_changes {
	struct dir_node **slots;
	size_t size; /* a power of two, 0 before the first */
	size_t count;
	uint64_t stamp;
	const struct store_crypto *crypto; /* outlives the transaction */
};

#define STORE_IDLE_MAX 32
#define STORE_FDS_MAX 4

/* Where a write transaction stands in its group (group.c). */
enum group_state {
	GROUP_WAITS,    /* for its turn; the leader: for the turn to come back */
	GROUP_LEADS,    /* has LMDB's transaction, and the turn */
	GROUP_TURN,     /* works in a transaction nested in the leader's */
	GROUP_DONE,     /* waits for the leader's commit */
	GROUP_ANSWERED, /* result is there */
};

struct group {
	pthread_mutex_t mutex;
	struct store_txn *leader;       /* NULL: nobody writes */
	struct store_txn *first, *last; /* who waits for a turn */
	struct store_txn *done;         /* who waits for the commit */
	unsigned members;               /* who had a turn, the leader included */
	uint64_t sequence;              /* of write transactions begun */
};

struct store {
	struct store *next;
	unsigned refs; /* under the registry's mutex */
	char serial[STORE_SERIAL_LEN + 1];
	char path[STORE_PATH_MAX];
	dev_t device; /* of the data file: what makes two names one store */
	ino_t inode;
	ino_t lock_inode;
	MDB_env *env;
	MDB_dbi dbi[STORE_DBS];
	size_t page_size;
	int fds[STORE_FDS_MAX]; /* what LMDB opened, for store_abandon */
	unsigned fd_count;
	pthread_mutex_t mutex;
	atomic_uint schema;            /* as last read; never goes down */
	MDB_txn *idle[STORE_IDLE_MAX]; /* reset read transactions, under mutex */
	unsigned idle_count;
	struct store_options options;
	struct group group;
	struct directory_cache directory;
	atomic_uint writes;
	atomic_bool abandoned;
	pthread_mutex_t reopen;      /* held by who opens a failed environment again */
	atomic_uint pins;            /* who uses env just now */
	atomic_bool closing;         /* nobody may begin to */
	atomic_bool broken;          /* LMDB gave env up: MDB_PANIC */
	pthread_mutex_t state_mutex; /* audit_state.c's own, from here on */
	int state_fd;                /* 0: not open */
	ino_t state_inode;
	bool state_unsynced;
};

/* struct audit_pending: the state of the audit chain that a transaction will leave; len 0: it wrote no entry. */
struct audit_pending {
	struct secret state;
	uint64_t rank;
	bool anew;
};

struct store_txn {
	struct store *store;
	MDB_txn *txn;
	bool write;
	struct audit_pending audit;
	bool within;              /* reads in the write transaction that its thread has open */
	int failed;               /* a write stopped half way: commit refuses with this */
	bool upgraded;            /* store_upgrade was called here: records of schema 1 are open to replacement */
	struct store_txn *writer; /* of within: the write transaction; else the transaction itself */
	unsigned schema;
	struct directory_changes changes;
	size_t puts;
	size_t bytes;
	struct store_txn *outer; /* of another store, in the same thread */
	/* A write transaction's place in its group, under the group's mutex. */
	enum group_state state;
	pthread_cond_t wake;
	struct store_txn *next;
	int result;
	uint64_t sequence;
};

/* store_error: the one place where LMDB's and errno's numbers become STORE_E*. */
int store_error(int rc) MUST_CHECK;
/* store_serial_ok: 16 letters or digits. */
bool store_serial_ok(const char *serial) MUST_CHECK;
/* store_path: <dir>/<name> or <dir>/<name>/<file>; STORE_EINVAL when longer than STORE_PATH_MAX. */
int store_path(const char *dir, const char *name, const char *file, char ret_path[STORE_PATH_MAX]) MUST_CHECK;
/*
 * store_make_dirs: the directory and its parents, each 0700 when it is new. store_sync: fsync of a file or directory.
 * store_rename_new: never over something that is there: STORE_EEXIST.
 */
int store_make_dirs(const char *dir) MUST_CHECK;
int store_sync(const char *path) MUST_CHECK;
int store_rename_new(const char *from, const char *to) MUST_CHECK;
/* store_check_dir: owner and mode of the directory that holds the tokens. */
int store_check_dir(const char *dir) MUST_CHECK;
/*
 * store_check_token: owner and mode of a token's directory and data file; STORE_ENOTFOUND when there is none.
 * store_check_pages: both meta pages of the data file and its size, before LMDB maps it.
 */
int store_check_token(const char *path, struct stat *ret_data) MUST_CHECK;
int store_check_pages(const char *path) MUST_CHECK;
/* store_env_open: LMDB environment at path with our options; the caller closes it. */
int store_env_open(const char *path, const struct store_options *o, MDB_env **ret) MUST_CHECK;
/* store_attach: checks the file and opens its environment and databases. store_detach: closes; no transaction is open.
 */
int store_attach(struct store *s) MUST_CHECK;
void store_detach(struct store *s);
/*
 * store_pin: the environment stays open until store_unpin; after a reopening that failed env is NULL. Every transaction
 * but a nested one holds a pin. store_reopen: closes an environment that LMDB gave up and opens it again, when nobody
 * has a pin: STORE_EPANIC when somebody still has after a second. Not by who has a pin.
 */
void store_pin(struct store *s);
void store_unpin(struct store *s);
int store_reopen(struct store *s) MUST_CHECK;
/* store_file_check: the mapped file is there and as long as its meta pages say: reading it is no SIGBUS. Pinned. */
int store_file_check(struct store *s) MUST_CHECK;
/* store_fault: notes what store_fault_take answers, and answers e. store_fault_errno: rc is LMDB's or errno's. */
int store_fault(int e, const char *path, const char *format, ...) __attribute__((format(printf, 3, 4)));
int store_fault_errno(int rc, const char *path, const char *what);
/* store_record_*: the record "store" of the database meta: magic, schema, serial number. */
void store_record_put(struct buf *out, const char *serial);
int store_record_check(struct view record, const char *serial, unsigned *ret_schema) MUST_CHECK;
/* store_schema_read: t->schema, at the beginning of a transaction; cheap once the store is of the newest schema. */
int store_schema_read(struct store_txn *t) MUST_CHECK;
extern const char *const store_db_names[STORE_DBS];

/*
 * txn_open: LMDB's transaction, pinned; parent: nested in that one's. After MDB_PANIC the environment is opened again
 * first. txn_commit: a write transaction that is nobody's child: the file grown, the pin given back.
 */
int txn_open(struct store *s, struct store_txn *parent, bool write, MDB_txn **ret) MUST_CHECK;
int txn_commit(struct store_txn *t) MUST_CHECK;

/*
 * group_begin: t becomes the leader of a group or gets its turn in one. group_commit and group_abort end t's part, and
 * what t points to is not used afterwards. group_commit answers when the disk has what was written.
 */
void group_init(struct group *g);
void group_done(struct group *g);
int group_begin(struct group *g, struct store_txn *t) MUST_CHECK;
int group_commit(struct group *g, struct store_txn *t) MUST_CHECK;
void group_abort(struct group *g, struct store_txn *t);

/* Raw access to one database inside a transaction. A failed write marks the transaction as failed. */
int txn_get(struct store_txn *t, enum store_db db, struct view key, struct view *ret) MUST_CHECK;
int txn_put(struct store_txn *t, enum store_db db, struct view key, struct view value, unsigned flags) MUST_CHECK;
int txn_del(struct store_txn *t, enum store_db db, struct view key) MUST_CHECK;
/* txn_fail: marks a write transaction as failed; answers rc. */
int txn_fail(struct store_txn *t, int rc);

/*
 * The state of the audit chain follows its transaction: state_commit after a commit that reached the disk writes it to
 * the file, state_drop forgets it with an abort. state_move: a nested transaction's becomes its leader's.
 */
void state_commit(struct store *s, struct audit_pending *p);
void state_move(struct audit_pending *to, struct audit_pending *from);
void state_drop(struct audit_pending *p);
/* state_close: with the environment; state_abandon: in a forked child. */
void state_close(struct store *s);
void state_abandon(struct store *s);

/* Index entries of one object: what the record's head lists. */
#define KIND_PARTS 3
struct index_key {
	uint8_t index;
	uint8_t mac[16];
};

/* index_drop: all entries and the directory go. index_of_key: taken apart; false: not the key of an entry. */
int index_drop(struct store_txn *t) MUST_CHECK;
bool index_of_key(struct view key, struct index_key *ret, const uint8_t **ret_id);

/* struct record: an object record taken apart; views into the transaction, or the head of one that is being made. */
struct record {
	uint16_t schema;
	uint16_t generation;
	bool private;
	bool has_secret;
	uint64_t version;
	uint64_t class;
	struct view head; /* header and index list: additional data of both seals */
	unsigned index_count;
	struct index_key index[STORE_INDEXES];
	struct view body;
	struct view secret;
};

/* Under whose keys the index entries stand; which tree of the directory the object is in. */
struct tree record_index_tree(const struct record *r);
struct tree record_directory_tree(bool private, bool has_secret, uint16_t generation);

/*
 * index_hash: the key of a value under one key; ret_n: how much of it there is (STORE_BY_KIND: a prefix for a prefix).
 * index_put, index_del: one entry of the record; del: STORE_ECORRUPT when it is not there as it was written.
 * index_check: the same without removing it. index_get: as it stands; STORE_ENOTFOUND.
 */
int index_hash(struct store_txn *t, const struct store_crypto *c, struct tree tree, enum store_index index,
	       struct view value, uint8_t ret_mac[16], size_t *ret_n) MUST_CHECK;
int index_put(struct store_txn *t, const struct store_crypto *c, const uint8_t *id, const struct record *r,
	      const struct index_key *k) MUST_CHECK;
int index_get(struct store_txn *t, const uint8_t *id, const struct index_key *k, struct view *ret) MUST_CHECK;
int index_check(struct store_txn *t, const struct store_crypto *c, const uint8_t *id, const struct record *r,
		const struct index_key *k) MUST_CHECK;
int index_del(struct store_txn *t, const struct store_crypto *c, const uint8_t *id, const struct record *r,
	      const struct index_key *k) MUST_CHECK;

/* record_get: takes the record of id apart; nothing is opened or proved yet. STORE_ECORRUPT. */
int record_get(struct store_txn *t, const uint8_t id[STORE_ID_LEN], struct record *ret) MUST_CHECK;
/* record_current: the record is of the version that the directory says. record_open: both parts open. */
int record_current(struct store_txn *t, const struct store_crypto *c, const uint8_t id[STORE_ID_LEN],
		   const struct record *r) MUST_CHECK;
int record_open(struct store_txn *t, const struct store_crypto *c, const uint8_t id[STORE_ID_LEN],
		const struct record *r) MUST_CHECK;
/* object_fault: notes what is wrong with an object, by its id; answers STORE_ECORRUPT. */
int object_fault(struct store_txn *t, const uint8_t id[STORE_ID_LEN], const char *what);

/*
 * directory_get: the version that an object has; STORE_ENOTFOUND, STORE_ECORRUPT (a node on the way is not what was
 * written), STORE_ESEALED. directory_put, directory_del: in a write transaction; seen in it at once, written by
 * directory_flush, before the transaction is committed. directory_drop: forgets what was not written.
 */
void directory_init(struct directory_cache *cache);
void directory_done(struct directory_cache *cache);
int directory_get(struct store_txn *t, const struct store_crypto *c, struct tree tree, const uint8_t *id,
		  uint64_t *ret_version) MUST_CHECK;
int directory_put(struct store_txn *t, const struct store_crypto *c, struct tree tree, const uint8_t *id,
		  uint64_t version) MUST_CHECK;
int directory_del(struct store_txn *t, const struct store_crypto *c, struct tree tree, const uint8_t *id) MUST_CHECK;
int directory_flush(struct store_txn *t) MUST_CHECK;
void directory_drop(struct store_txn *t);

#endif
