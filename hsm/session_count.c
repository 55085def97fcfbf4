/* SPDX-License-Identifier: BSD-2-Clause */
#include "session.h"

#include <stdlib.h>
#include <string.h>

#include "audit_own.h"
#include "object.h"
#include "store_rv.h"

/*
 * What services do all the time: counted in the session, by kind and token object, and written into the trail as one
 * entry each when the session ends.
 */
#define COUNTED_MAX 128 /* more objects than that: one entry for the rest of each kind */
#define LABEL_MAX 64

struct counted {
	enum audit_number number;
	uint64_t n;
	uint8_t object[STORE_ID_LEN];
	bool named;
	uint8_t label[LABEL_MAX];
	size_t label_len;
	struct counted *next;
};

/* find: the counter of this kind and object; NULL: there is none yet. rest: how many of any kind there are. */
static struct counted *find(struct session *s, enum audit_number number, struct view object, size_t *ret_all)
{
	struct counted *c = s->counted;

	for (*ret_all = 0; c != NULL; c = c->next, (*ret_all)++)
		if (c->number == number && c->named == (object.n > 0) &&
		    (!c->named || memcmp(c->object, object.p, STORE_ID_LEN) == 0))
			return c;
	return NULL;
}

static struct counted *counter(struct session *s, enum audit_number number, const struct object *o)
{
	bool named = o != NULL && object_bool(o, CKA_TOKEN);
	struct view label = named ? object_bytes(o, CKA_LABEL) : VIEW(NULL, 0);
	struct counted *c;
	size_t all;

	c = find(s, number, named ? object_id(o) : VIEW(NULL, 0), &all);
	if (c == NULL && named && all >= COUNTED_MAX) {
		named = false;
		c = find(s, number, VIEW(NULL, 0), &all);
	}
	if (c != NULL)
		return c;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return NULL;
	c->number = number;
	c->named = named;
	if (named) {
		memcpy(c->object, object_id(o).p, STORE_ID_LEN);
		c->label_len = label.n < LABEL_MAX ? label.n : LABEL_MAX;
		if (label.n > 0)
			memcpy(c->label, label.p, c->label_len);
	}
	c->next = s->counted;
	s->counted = c;
	return c;
}

CK_RV session_may_count(struct session *s)
{

	return audit_usable(s->token);
}

void session_count(struct session *s, enum audit_number number, const struct object *o)
{
	struct counted *c = counter(s, number, o);

	if (c != NULL)
		c->n++;
}

void session_counts_free(struct session *s)
{
	struct counted *next;

	for (struct counted *c = s->counted; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
	s->counted = NULL;
}

/* write_counts: by kind, the objects in the order in which they were first counted. */
static CK_RV write_counts(struct session *s, struct store_txn *txn)
{
	struct counted *in_order = NULL, *next;
	CK_RV rv = CKR_OK;

	for (struct counted *c = s->counted; c != NULL; c = next) {
		next = c->next;
		c->next = in_order;
		in_order = c;
	}
	for (int number = 0; rv == CKR_OK && number < AUDIT_NUMBERS; number++) {
		for (struct counted *c = in_order; rv == CKR_OK && c != NULL; c = c->next) {
			struct audit_event event = { .number = c->number,
						     .object = VIEW(c->object, c->named ? STORE_ID_LEN : 0),
						     .label = VIEW(c->label, c->label_len),
						     .count = c->n };

			if ((int)c->number == number)
				rv = token_audit(s->token, txn, &event);
		}
	}
	for (struct counted *c = in_order; c != NULL; c = next) { /* back as it was, for another try */
		next = c->next;
		c->next = c == in_order ? NULL : s->counted;
		s->counted = c;
	}
	return rv;
}

void session_flush_counts(struct session *s)
{
	struct store *store = token_store(s->token);
	struct store_txn *txn = NULL;

	if (s->counted == NULL || store == NULL || store_begin(store, true, &txn) != STORE_OK)
		return;
	if (write_counts(s, txn) != CKR_OK)
		store_abort(txn);
	else if (store_commit(txn) == STORE_OK)
		session_counts_free(s);
}
