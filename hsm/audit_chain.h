/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_AUDIT_CHAIN_H
#define HSM_AUDIT_CHAIN_H

#include "audit_keys.h"

/*
 * Records of the trail and the chain that runs through them (docs/store.md, Audit trail). Each record names the SHA-256
 * of the one before. A segment begins with a head, which has the first chain key k sealed to the token's audit key;
 * each entry behind it is sealed under a key of its own from k, and k goes one step on, from which there is no way
 * back. The state, which stands in audit.state, is what the next entry needs.
 */
#define AUDIT_LINK_LEN 32
#define AUDIT_SOURCE_MAX 1024

enum audit_record_kind {
	AUDIT_RECORD_OLD = 1, /* schema 1: readable to all */
	AUDIT_RECORD_ENTRY = 2,
	AUDIT_RECORD_HEAD = 3,
};

/* Why a segment begins. */
enum audit_reason {
	AUDIT_REASON_INIT = 1,
	AUDIT_REASON_AGAIN = 2,
	AUDIT_REASON_RESTART = 3,
	AUDIT_REASON_COPY = 4,
	AUDIT_REASON_MIGRATION = 5,
};

/* What is wrong with the end of the trail, as the state sees it; the numbers stand in heads. */
enum audit_fault {
	AUDIT_WHOLE = 0,
	AUDIT_STATE_MISSING = 1,    /* no file */
	AUDIT_STATE_UNREADABLE = 2, /* owner, mode, kind, bytes */
	AUDIT_STATE_FOREIGN = 3,    /* of another token or another segment */
	AUDIT_STATE_LEADS = 4,      /* it knows of records that are not there */
	AUDIT_TAIL_CHANGED = 5,     /* a record at the end is not the one that the state knows */
};

struct audit_state {
	uint32_t segment;
	uint64_t next; /* sequence number of the next record */
	uint8_t link[AUDIT_LINK_LEN];
	struct secret k;
};
#define AUDIT_STATE_AUTO __attribute__((cleanup(audit_state_done))) struct audit_state
void audit_state_done(struct audit_state *s);

/* struct audit_record: a record taken apart, nothing proved; views into it. */
struct audit_record {
	enum audit_record_kind kind;
	uint32_t segment;
	uint64_t sequence; /* AUDIT_RECORD_OLD: not in it, 0 */
	struct view previous;
	struct view front; /* what the seal or the signature covers in the clear */
	struct view sealed;

	/* of a head */
	enum audit_reason reason;
	enum audit_fault fault;
	uint64_t time;
	uint64_t expected;
	struct view audit_public;
	struct view statement_public;
	struct view source;
	struct view signature;
};

/* audit_record_get: false: no record of ours. */
bool audit_record_get(struct view v, struct audit_record *ret) MUST_CHECK;
/* audit_link: what the next record says of this one. */
CK_RV audit_link(const struct crypto *c, struct view record, uint8_t ret[AUDIT_LINK_LEN]) MUST_CHECK;

/* audit_step: k goes on to the next entry's. */
CK_RV audit_step(const struct crypto *c, struct secret *k) MUST_CHECK;
/* audit_entry_seal: the next record of s, whose state it becomes. */
CK_RV audit_entry_seal(const struct crypto *c, const char *serial, struct audit_state *s, struct view plain,
		       struct buf *out) MUST_CHECK;
/* audit_entry_open: with the k of its place; CKR_ENCRYPTED_DATA_INVALID. */
CK_RV audit_entry_open(const struct crypto *c, const char *serial, const struct audit_record *r, const struct secret *k,
		       struct secret *ret) MUST_CHECK;

/* audit_head_put: head of a segment; s: number, next and link are given, k is made here; the state goes on. */
struct audit_head {
	enum audit_reason reason;
	enum audit_fault fault;
	uint64_t expected; /* AUDIT_STATE_LEADS: the sequence number that the state would have given next */
	uint64_t time;
	const struct audit_keys *keys; /* statement_private not open: the head is not signed */
	struct view source;
};
CK_RV audit_head_put(const struct crypto *c, const char *serial, const struct audit_head *h, struct audit_state *s,
		     struct buf *out) MUST_CHECK;
bool audit_head_signed(const struct crypto *c, const char *serial, const struct audit_record *r) MUST_CHECK;
/* audit_head_open: the first k; CKR_ENCRYPTED_DATA_INVALID. */
CK_RV audit_head_open(const struct crypto *c, const char *serial, const struct audit_record *r,
		      const struct audit_keys *keys, struct secret *ret) MUST_CHECK;

/* audit_state_put, audit_state_get: the bytes in audit.state; false of get: not of this token. */
CK_RV audit_state_put(const struct audit_state *s, const char *serial, struct secret *ret) MUST_CHECK;
bool audit_state_get(const struct secret *bytes, const char *serial, struct audit_state *ret) MUST_CHECK;
/* audit_state_rank: greater is newer. */
uint64_t audit_state_rank(const struct audit_state *s);

#endif
