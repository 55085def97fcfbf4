/* SPDX-License-Identifier: BSD-2-Clause */
#include "object_index.h"

#include <string.h>

#include "role.h"
#include "store_rv.h"

static void put_kind(uint8_t kind[STORE_KIND_LEN], CK_OBJECT_CLASS class, CK_KEY_TYPE type, CK_ULONG role)
{
	be_put64(kind, class);
	be_put64(kind + 8, type);
	be_put64(kind + 16, role);
}

void index_room_done(struct index_room *room)
{
	buf_done(&room->issuer_serial);
}

CK_RV object_index(const struct object *o, struct index_room *room, struct store_object *ret)
{
	struct view issuer = object_bytes(o, CKA_ISSUER), serial = object_bytes(o, CKA_SERIAL_NUMBER);

	put_kind(room->kind, object_class(o), object_key_type(o), object_role(o));
	ret->index[STORE_BY_KIND] = VIEW(room->kind, STORE_KIND_LEN);
	ret->index[STORE_BY_ID] = object_bytes(o, CKA_ID);
	ret->index[STORE_BY_LABEL] = object_bytes(o, CKA_LABEL);
	ret->index[STORE_BY_SUBJECT] = object_bytes(o, CKA_SUBJECT);
	if (issuer.n > 0 && serial.n > 0) {
		buf_put_lv32(&room->issuer_serial, issuer);
		buf_put_view(&room->issuer_serial, serial);
		if (!buf_ok(&room->issuer_serial))
			return CKR_HOST_MEMORY;
		ret->index[STORE_BY_ISSUER_SERIAL] = buf_view(&room->issuer_serial);
	}
	return CKR_OK;
}

/* given: an attribute with a value; the empty one is not indexed. */
static bool given(const CK_ATTRIBUTE *t, CK_ULONG n, CK_ATTRIBUTE_TYPE type, struct view *ret)
{
	const CK_ATTRIBUTE *a = template_find(t, n, type);

	if (a == NULL || a->ulValueLen == 0)
		return false;
	*ret = VIEW(a->pValue, a->ulValueLen);
	return true;
}

static void add_match(struct question *q, enum store_index index, struct view value)
{
	q->m[q->matches++] = (struct store_match){ index, value };
}

/* ask_kind: n: 8, 16 or 24 bytes of it. More kinds than there is room for are one question the less. */
static bool ask_kind(struct question *q, CK_OBJECT_CLASS class, CK_KEY_TYPE type, CK_ULONG role, size_t n)
{
	if (q->kind_count == QUESTION_KINDS)
		return false;
	put_kind(q->kinds[q->kind_count].value, class, type, role);
	q->kinds[q->kind_count++].n = n;
	return true;
}

/* ask_role: keys of a role have its class and one of its types. */
static bool ask_role(struct question *q, const struct role_row *row, const CK_KEY_TYPE *type)
{
	if (row == NULL || (q->has_class && q->class != row->class)) {
		q->nothing = true;
		return true;
	}
	if (type != NULL)
		return ask_kind(q, row->class, *type, row->role, STORE_KIND_LEN);
	for (size_t i = 0; i < ROLE_LENGTHS && row->keys[i].max > 0; i++)
		if (!ask_kind(q, row->class, row->keys[i].type, row->role, STORE_KIND_LEN))
			return false;
	return true;
}

/* ask_kinds: which kinds may be meant? True: all that the template says of class, type and role is asked. */
static bool ask_kinds(struct question *q, const CK_ATTRIBUTE *t, CK_ULONG n)
{
	static const CK_OBJECT_CLASS typed[] = { CKO_SECRET_KEY, CKO_PRIVATE_KEY, CKO_PUBLIC_KEY,
						 CKO_DOMAIN_PARAMETERS };
	CK_KEY_TYPE type;
	CK_ULONG role;
	bool has_type = template_ulong(t, n, CKA_KEY_TYPE, &type);

	if (template_ulong(t, n, CKA_SR_ROLE, &role) && role != 0)
		return ask_role(q, role_find(role), has_type ? &type : NULL);
	if (q->has_class && has_type)
		return ask_kind(q, q->class, type, 0, 16);
	if (q->has_class)
		return ask_kind(q, q->class, 0, 0, 8);
	for (size_t i = 0; has_type && i < ARRAY_LEN(typed); i++)
		if (!ask_kind(q, typed[i], type, 0, 16))
			return false;
	return true;
}

/* one_bool: an attribute of a boolean's form. */
static bool one_bool(const CK_ATTRIBUTE *a, bool *ret)
{
	if (a->ulValueLen != 1 || *(const uint8_t *)a->pValue > 1)
		return false;
	*ret = *(const uint8_t *)a->pValue == 1;
	return true;
}

/* known: the index has a value of its own for what has no key type, or no role: who asks for that one means no object.
 */
static bool known(const CK_ATTRIBUTE *a)
{
	CK_ULONG value;

	return template_ulong(a, 1, a->type, &value) &&
	       value != (a->type == CKA_SR_ROLE ? 0 : CK_UNAVAILABLE_INFORMATION);
}

/* judges: do the indexes answer for this attribute? kinds: for class, type and role they do. */
static bool judges(struct question *q, const CK_ATTRIBUTE *a, bool kinds, bool pair)
{
	bool on;

	switch (a->type) {
	case CKA_CLASS:
		return q->has_class;
	case CKA_KEY_TYPE:
	case CKA_SR_ROLE:
		return kinds && known(a) && q->kind_count > 0;
	case CKA_ID:
	case CKA_LABEL:
	case CKA_SUBJECT:
		return a->ulValueLen > 0;
	case CKA_ISSUER:
	case CKA_SERIAL_NUMBER:
		return pair;
	case CKA_TOKEN:
		return one_bool(a, &on) && on;
	case CKA_PRIVATE:
		q->has_private = one_bool(a, &q->private);
		return q->has_private;
	default:
		return false;
	}
}

static void ask_id(struct question *q, struct view hex)
{
	BUF_AUTO id = { 0 };

	q->by_id = true;
	q->nothing = !hex_decode((const char *)hex.p, hex.n, &id) || id.len != STORE_ID_LEN;
	if (!q->nothing)
		memcpy(q->id, id.p, STORE_ID_LEN);
}

CK_RV question_make(const CK_ATTRIBUTE *t, CK_ULONG n, struct question *ret)
{
	static const struct {
		CK_ATTRIBUTE_TYPE type;
		enum store_index index;
	} plain[] = { { CKA_ID, STORE_BY_ID }, { CKA_LABEL, STORE_BY_LABEL }, { CKA_SUBJECT, STORE_BY_SUBJECT } };
	struct question *q = ret;
	struct view v, serial;
	bool kinds, pair;

	*q = (struct question){ .judged = true };
	if (given(t, n, CKA_UNIQUE_ID, &v)) {
		ask_id(q, v);
		return CKR_OK;
	}
	q->has_class = template_ulong(t, n, CKA_CLASS, &q->class);
	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		if (given(t, n, plain[i].type, &v))
			add_match(q, plain[i].index, v);
	pair = given(t, n, CKA_ISSUER, &v) && given(t, n, CKA_SERIAL_NUMBER, &serial);
	if (pair) {
		buf_put_lv32(&q->issuer_serial, v);
		buf_put_view(&q->issuer_serial, serial);
		if (!buf_ok(&q->issuer_serial))
			return CKR_HOST_MEMORY;
		add_match(q, STORE_BY_ISSUER_SERIAL, buf_view(&q->issuer_serial));
	}
	kinds = ask_kinds(q, t, n);
	if (!kinds)
		q->kind_count = 0;
	for (CK_ULONG i = 0; i < n; i++)
		q->judged = judges(q, &t[i], kinds, pair) && template_find(t, n, t[i].type) == &t[i] && q->judged;
	return CKR_OK;
}

void question_done(struct question *q)
{
	buf_done(&q->issuer_serial);
}

struct asking {
	const struct question *q;
	CK_RV (*each)(void *ctx, const struct candidate *c);
	void *ctx;
	CK_RV rv;
};

static int on_hit(void *ctx, const struct store_hit *hit)
{
	struct asking *a = ctx;
	struct candidate c = { .id = hit->id,
			       .judged = a->q->judged && !hit->old,
			       .private = hit->private,
			       .class = hit->class };

	if (!hit->old &&
	    ((a->q->has_class && hit->class != a->q->class) || (a->q->has_private && hit->private != a->q->private)))
		return 0;
	a->rv = a->each(a->ctx, &c);
	return a->rv != CKR_OK;
}

CK_RV question_find(const struct question *q, struct store_txn *txn, const struct store_crypto *crypto,
		    CK_RV (*each)(void *ctx, const struct candidate *c), void *ctx)
{
	struct asking a = { .q = q, .each = each, .ctx = ctx, .rv = CKR_OK };
	struct candidate one = { .id = q->id };
	struct store_match m[STORE_INDEXES];
	size_t kinds = q->kind_count > 0 ? q->kind_count : 1;
	int e = STORE_OK;

	if (q->nothing)
		return CKR_OK;
	if (q->by_id)
		return each(ctx, &one);
	memcpy(m, q->m, sizeof(m));
	/* Each object is of one kind: no hit comes twice. In a store of the old schema every round meets all objects.
	 */
	if (store_schema(txn) == STORE_SCHEMA_OLDEST)
		kinds = 1;
	for (size_t i = 0; e == STORE_OK && i < kinds; i++) {
		size_t n = q->matches;

		if (q->kind_count > 0)
			m[n++] = (struct store_match){ STORE_BY_KIND, VIEW(q->kinds[i].value, q->kinds[i].n) };
		e = store_find(txn, crypto, m, n, on_hit, &a);
	}
	return a.rv != CKR_OK ? a.rv : store_rv(e);
}
