/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_OBJECT_INDEX_H
#define HSM_OBJECT_INDEX_H

#include "object_own.h"

/*
 * Attributes and the store's indexes: what is indexed of an object, and what a template asks of the indexes.
 *
 * object_index  fills in o's index values; room holds what is not an attribute's own value and must outlive them.
 * question_make what can be asked; question_find asks it: calls each for every object that may match. judged: the
 *               indexes have answered for all attributes of the template, nothing is left to be read.
 *               each answering not CKR_OK ends the walk and is answered. question_done takes an empty one.
 */
struct index_room {
	uint8_t kind[STORE_KIND_LEN];
	struct buf issuer_serial;
};
CK_RV object_index(const struct object *o, struct index_room *room, struct store_object *ret) MUST_CHECK;
void index_room_done(struct index_room *room);

#define QUESTION_KINDS 8
struct question {
	struct store_match m[STORE_INDEXES]; /* that of the kind is the last one */
	size_t matches;
	struct buf issuer_serial;
	struct {
		uint8_t value[STORE_KIND_LEN];
		size_t n;
	} kinds[QUESTION_KINDS]; /* one after the other takes the place of the kind's match; none: there is no such
				    match */
	size_t kind_count;
	uint8_t id[STORE_ID_LEN];
	bool by_id;   /* CKA_UNIQUE_ID: this one or none */
	bool nothing; /* no stored object can match */
	bool judged;
	bool has_class, has_private, private;
	CK_OBJECT_CLASS class;
};
CK_RV question_make(const CK_ATTRIBUTE *t, CK_ULONG n, struct question *ret) MUST_CHECK;
void question_done(struct question *q);

/* struct candidate: judged: it matches; else the object must be read and looked at. */
struct candidate {
	const uint8_t *id;
	bool judged;
	bool private;          /* judged only */
	CK_OBJECT_CLASS class; /* judged only */
};
CK_RV question_find(const struct question *q, struct store_txn *txn, const struct store_crypto *crypto,
		    CK_RV (*each)(void *ctx, const struct candidate *c), void *ctx) MUST_CHECK;

#endif
