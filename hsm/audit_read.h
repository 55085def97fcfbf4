/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_AUDIT_READ_H
#define HSM_AUDIT_READ_H

#include "audit_own.h"

/*
 * Reading the trail from its first record on, proving each on the way. Without the token's private audit key (nobody is
 * logged in) the contents stay sealed and what is proved is the chain of hashes and, by the state, the end.
 *
 * A record that is bad does not end the walk: the keys of those behind it follow from its place alone.
 */
enum audit_bad {
	AUDIT_GOOD = 0,
	AUDIT_CUT = 1,      /* the record is not there */
	AUDIT_CHANGED = 2,  /* it is not what was written */
	AUDIT_MOVED = 3,    /* it was written, for another place */
	AUDIT_UNSIGNED = 4, /* head of a copy's segment that nobody has signed for */
};

struct audit_seen {
	uint64_t sequence;
	uint32_t segment;
	enum audit_bad bad;
	bool head;
	bool open;                  /* fields say what was written */
	struct audit_fields fields; /* views into text */
	struct audit_record record; /* of a head; views into the transaction */
	struct secret text;
};
#define AUDIT_SEEN_AUTO __attribute__((cleanup(audit_seen_done))) struct audit_seen
void audit_seen_done(struct audit_seen *s);

struct audit_walk {
	bool keyed;
	bool old; /* the token has no audit keys: all is of schema 1 */
	struct audit_keys keys;
	uint64_t next; /* the sequence number to come */
	uint32_t segment;
	struct secret k;                             /* len 0: not known */
	uint8_t link[AUDIT_LINK_LEN];                /* of the record before next */
	uint8_t links[STORE_STATES][AUDIT_LINK_LEN]; /* what the state says of the last record */
	unsigned links_n;
	bool linked;     /* link is what the record at next should name */
	uint64_t bad_at; /* 0: none */
	enum audit_bad bad;
};

/*
 * audit_walk_new: keyed when somebody is logged in. audit_walk_states: what the state file says now (store_state_read,
 * before the transaction began).
 */
CK_RV audit_walk_new(struct token *t, struct store_txn *txn, struct audit_walk **ret) MUST_CHECK;
void audit_walk_states(struct audit_walk *w, const char *serial, const struct secret *states, unsigned n);
void audit_walk_free(struct audit_walk *w);
/* audit_walk_next: the next record, or the gap before it; *ret (all zero, or of an earlier call) is made anew. False in
 * *ret_more: there is none. */
CK_RV audit_walk_next(const struct crypto *c, struct store_txn *txn, struct audit_walk *w, struct audit_seen *ret,
		      bool *ret_more) MUST_CHECK;
/* audit_walk_note: something is bad there, unless something before was. */
void audit_walk_note(struct audit_walk *w, uint64_t at, enum audit_bad bad);
/*
 * audit_walk_end: at the end: what the states, read from the file before the transaction began, say of it. n 0: e is
 * why (store_state_read).
 */
CK_RV audit_walk_end(const struct crypto *c, struct store_txn *txn, struct audit_walk *w, const struct secret *states,
		     unsigned n, int e, enum audit_fault *ret) MUST_CHECK;

#endif
