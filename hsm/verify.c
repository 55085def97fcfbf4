/* SPDX-License-Identifier: BSD-2-Clause */
#include "verify.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "object_own.h"
#include "policy.h"
#include "store_rv.h"
#include "user.h"

/* found: one more finding. id: NULL: of no object. */
__attribute__((format(printf, 4, 5))) static void found(struct verify *v, CK_ULONG kind, const uint8_t *id,
							const char *format, ...)
{
	struct sr_finding *f = v->count < v->room ? &v->findings[v->count++] : NULL;
	va_list arguments;

	v->state.ulFindings++;
	if (f == NULL)
		return;
	*f = (struct sr_finding){ .ulKind = kind };
	if (id != NULL)
		memcpy(f->id, id, sizeof(f->id));
	va_start(arguments, format);
	vsnprintf((char *)f->szText, sizeof(f->szText), format, arguments);
	va_end(arguments);
}

struct walk {
	struct token *t;
	struct store_txn *txn;
	struct verify *v;
	CK_RV rv;
};

static int object_one(void *ctx, const uint8_t *id, bool private, uint16_t generation)
{
	struct walk *w = ctx;
	struct store_loaded l = { 0 };
	bool seen = true;
	int e;

	w->v->state.ulObjects++;
	e = store_object_get(w->txn, token_sealing(w->t), id, true, &l);
	if (e == STORE_ESEALED) {
		seen = false;
		if (!private)
			e = store_object_get(w->txn, token_sealing(w->t), id, false, &l);
	}
	store_loaded_done(&l);
	if (!seen)
		w->v->state.flags |= SR_VERIFY_PRIVATE_UNSEEN;
	if (e == STORE_ECORRUPT || e == STORE_EFOREIGN)
		found(w->v, SR_FINDING_OBJECT, id, "the record is not what was written");
	else if (e != STORE_OK && e != STORE_ESEALED)
		w->rv = store_rv(e);
	return w->rv != CKR_OK;
}

static void check_objects(struct walk *w)
{
	int e = store_object_each(w->txn, NULL, object_one, w);

	if (e < 0)
		found(w->v, SR_FINDING_OBJECT, NULL, "the records cannot be read to the end");
}

static CK_RV user_one(void *ctx, const struct user_record *r)
{
	struct walk *w = ctx;

	w->v->state.ulUsers++;
	w->v->state.ulRecords++;
	return CKR_OK;
}

static void check_users(struct walk *w)
{
	if (user_each(w->t->crypto, w->txn, user_one, w) != CKR_OK)
		found(w->v, SR_FINDING_USER, NULL, "a user's record is not what was written");
}

static void check_policy(struct walk *w)
{
	uint64_t bits;

	w->v->state.ulRecords++;
	if (policy_bits(w->t, &bits) != CKR_OK)
		found(w->v, SR_FINDING_POLICY, NULL, "the policy record is not what was written; the SO sets it anew");
}

CK_RV verify_token(struct token *t, struct verify *v)
{
	struct walk w = { .t = t, .v = v };
	CK_RV rv = store_rv(store_begin(token_store(t), false, &w.txn));

	if (rv != CKR_OK)
		return rv;
	check_objects(&w);
	if (w.rv == CKR_OK)
		check_users(&w);
	store_abort(w.txn);
	if (w.rv == CKR_OK)
		check_policy(&w);
	return w.rv;
}

CK_RV verify_repair(struct session *s, struct verify *v)
{
	return CKR_FUNCTION_NOT_SUPPORTED;
}
