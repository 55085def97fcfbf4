/* SPDX-License-Identifier: BSD-2-Clause */
#include "object_find.h"

#include <stdlib.h>
#include <string.h>

#include "object_attr.h"
#include "object_built_in.h"
#include "object_index.h"
#include "policy.h"
#include "store_rv.h"

void handles_done(struct handles *h)
{
	free(h->p);
	*h = (struct handles){ 0 };
}

static bool handles_add(struct handles *h, CK_OBJECT_HANDLE handle)
{
	if (h->len == h->room) {
		size_t room = h->room > 0 ? h->room * 2 : 16;
		CK_OBJECT_HANDLE *more = realloc(h->p, room * sizeof(*more));

		if (more == NULL)
			return false;
		h->p = more;
		h->room = room;
	}
	h->p[h->len++] = handle;
	return true;
}

void component_list_done(struct component_list *l)
{
	free(l->ids);
	*l = (struct component_list){ 0 };
}

static bool id_add(struct component_list *l, const uint8_t *id)
{
	if (l->len == l->room) {
		size_t room = l->room > 0 ? l->room * 2 : 64;
		void *more = realloc(l->ids, room * STORE_ID_LEN);

		if (more == NULL)
			return false;
		l->ids = more;
		l->room = room;
	}
	memcpy(l->ids[l->len++], id, STORE_ID_LEN);
	return true;
}

bool template_matches(const struct object *o, const CK_ATTRIBUTE *t, CK_ULONG n)
{
	for (CK_ULONG i = 0; i < n; i++) {
		const struct attr_row *row = attr_row_of(o, t[i].type);
		const struct attr *a = object_attr(o, t[i].type);
		BUF_AUTO wanted = { 0 };
		BUF_AUTO fallback = { 0 };

		if (row == NULL || (row->rules & ATTR_SENSITIVE) || (a != NULL && a->hidden))
			return false;
		if (a == NULL && !attr_default(row, &fallback))
			return false;
		if (attr_import(row, &t[i], &wanted) != CKR_OK ||
		    !attr_same(row, buf_view(&wanted), a != NULL ? VIEW(a->p, a->n) : buf_view(&fallback)))
			return false;
	}
	return true;
}

/* struct look: a walk over the stored objects that may match. Under token->lock. */
struct look {
	struct token *token;
	struct store_txn *txn;
	uint64_t sequence;
	const CK_ATTRIBUTE *t;
	CK_ULONG n;
	struct handles *ret;
};

static CK_RV add_stored(struct look *l, struct entry *entry, const uint8_t *id, bool private, struct object *o)
{
	struct entries *entries = &l->token->entries;

	if (entry == NULL) {
		entry = entry_add(entries, id, true);
		if (entry == NULL)
			return CKR_HOST_MEMORY;
		entry->private = private;
	}
	if (o != NULL && entry->object == NULL)
		entry_cache(entries, entry, o, l->sequence);
	return handles_add(l->ret, entry->handle) ? CKR_OK : CKR_HOST_MEMORY;
}

/* match_read: an object of which the indexes do not know enough. */
static CK_RV match_read(struct look *l, struct entry *entry, const struct candidate *c)
{
	struct token *token = l->token;
	struct object *o = NULL;
	CK_RV rv = CKR_OK;

	if (entry != NULL && entry->object != NULL && entry->checked == l->sequence)
		o = object_ref(entry->object);
	else
		rv = object_load(l->txn, token_sealing(token), c->id, false, &o);
	/* Without a login private objects are not there; nor is what CKA_UNIQUE_ID names and nobody has. */
	if (rv == CKR_OBJECT_HANDLE_INVALID || (rv == CKR_USER_NOT_LOGGED_IN && token->user.kind == USER_NONE))
		return CKR_OK;
	if (rv == CKR_OK && object_visible(&token->user, o) && template_matches(o, l->t, l->n))
		rv = add_stored(l, entry, c->id, object_bool(o, CKA_PRIVATE), o);
	object_unref(o);
	return rv;
}

static CK_RV match_stored(void *ctx, const struct candidate *c)
{
	struct look *l = ctx;
	struct token *token = l->token;
	struct entry *entry = entry_by_id(&token->entries, c->id);

	if (!c->judged)
		return match_read(l, entry, c);
	if (!class_visible(&token->user, c->private, c->class))
		return CKR_OK;
	return add_stored(l, entry, c->id, c->private, NULL);
}

struct match_session {
	struct token *token;
	const CK_ATTRIBUTE *t;
	CK_ULONG n;
	struct handles *ret;
	bool failed;
};

/* shown: built-in objects only to those who ask for them. */
static bool shown(const struct match_session *m, const struct object *o)
{
	CK_OBJECT_CLASS class = object_class(o);

	return (class_bit(class) & CLASS_BUILT_IN) == 0 || built_in_asked(class, m->t, m->n);
}

static bool match_session_object(void *ctx, struct entry *entry)
{
	struct match_session *m = ctx;

	if (object_visible(&m->token->user, entry->object) && shown(m, entry->object) &&
	    template_matches(entry->object, m->t, m->n))
		m->failed = !handles_add(m->ret, entry->handle);
	return !m->failed;
}

static CK_RV find_stored(struct token *token, const CK_ATTRIBUTE *t, CK_ULONG n, struct handles *ret)
{
	struct look l = { .token = token, .sequence = store_sequence(token_store(token)), .t = t, .n = n, .ret = ret };
	struct question q;
	CK_RV rv = token_begin_read(token, &l.txn);

	if (rv != CKR_OK)
		return rv;
	rv = question_make(t, n, &q);
	if (rv == CKR_OK)
		rv = question_find(&q, l.txn, token_sealing(token), match_stored, &l);
	question_done(&q);
	store_abort(l.txn);
	return rv;
}

CK_RV object_find(struct session *s, const CK_ATTRIBUTE *t, CK_ULONG n, struct handles *ret)
{
	struct token *token = s->token;
	struct handles found = { 0 };
	struct match_session m = { .token = token, .t = t, .n = n, .ret = &found };
	CK_ULONG class;
	CK_RV rv = CKR_OK;
	const CK_ATTRIBUTE *stored = template_find(t, n, CKA_TOKEN);
	bool only_session = stored != NULL && stored->ulValueLen == 1 && *(CK_BYTE *)stored->pValue == CK_FALSE;

	if (template_find(t, n, CKA_CLASS) != NULL && !template_ulong(t, n, CKA_CLASS, &class))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	if (policy_object_asked(t, n) && !handles_add(&found, POLICY_HANDLE))
		return CKR_HOST_MEMORY;
	pthread_mutex_lock(&token->lock);
	if (!only_session)
		rv = find_stored(token, t, n, &found);
	if (rv == CKR_OK)
		rv = built_in_make(token, t, n);
	if (rv == CKR_OK)
		entries_each_session(&token->entries, match_session_object, &m);
	pthread_mutex_unlock(&token->lock);
	if (rv == CKR_OK && m.failed)
		rv = CKR_HOST_MEMORY;
	if (rv == CKR_OK)
		*ret = found;
	else
		handles_done(&found);
	return rv;
}

struct components {
	struct token *token;
	struct store_txn *txn;
	const char *name;
	struct component_list *ret;
};

static CK_RV component_of(void *ctx, const struct candidate *c)
{
	struct components *of = ctx;
	struct object *o = NULL;
	CK_RV rv = object_load(of->txn, token_sealing(of->token), c->id, false, &o);

	if (rv == CKR_OK && object_role(o) == SR_ROLE_COMPONENT &&
	    view_equal(object_bytes(o, CKA_SR_CUSTODIAN), view_of_string(of->name)) && !id_add(of->ret, c->id))
		rv = CKR_HOST_MEMORY;
	object_unref(o);
	return rv;
}

CK_RV object_components_of(struct token *t, struct store_txn *txn, const char *name, struct component_list *ret)
{
	struct components of = { t, txn, name, ret };
	CK_ULONG role = SR_ROLE_COMPONENT;
	CK_ATTRIBUTE asked = { CKA_SR_ROLE, &role, sizeof(role) };
	struct question q;
	CK_RV rv = question_make(&asked, 1, &q);

	if (rv == CKR_OK)
		rv = question_find(&q, txn, token_sealing(t), component_of, &of);
	question_done(&q);
	return rv;
}

CK_RV find_start(struct session *s, const CK_ATTRIBUTE *t, CK_ULONG n)
{
	struct find *find;
	CK_RV rv = template_readable(t, n);

	if (rv != CKR_OK)
		return rv;
	if (s->find != NULL)
		return CKR_OPERATION_ACTIVE;
	find = calloc(1, sizeof(*find));
	if (find == NULL)
		return CKR_HOST_MEMORY;
	rv = object_find(s, t, n, &find->found);
	if (rv == CKR_OK)
		s->find = find;
	else
		find_free(find);
	return rv;
}

CK_RV find_next(struct session *s, CK_OBJECT_HANDLE *out, CK_ULONG room, CK_ULONG *ret_count)
{
	struct find *find = s->find;
	CK_ULONG n = 0;

	if (find == NULL)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (ret_count == NULL || (out == NULL && room > 0))
		return CKR_ARGUMENTS_BAD;
	while (n < room && find->at < find->found.len)
		out[n++] = find->found.p[find->at++];
	*ret_count = n;
	return CKR_OK;
}

CK_RV find_end(struct session *s)
{
	if (s->find == NULL)
		return CKR_OPERATION_NOT_INITIALIZED;
	find_free(s->find);
	s->find = NULL;
	return CKR_OK;
}

void find_free(struct find *find)
{
	if (find == NULL)
		return;
	handles_done(&find->found);
	free(find);
}
