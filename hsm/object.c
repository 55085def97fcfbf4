/* SPDX-License-Identifier: BSD-2-Clause */
#include "object_own.h"

#include <stdlib.h>
#include <string.h>

#include "object_attr.h"

#define BODY_VERSION 1
#define ATTRS_MAX 128
#define VALUE_MAX ((size_t)128 << 10)

struct object *object_alloc(void)
{
	struct object *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return NULL;
	atomic_init(&o->refs, 1);
	o->secret_loaded = true;
	pthread_mutex_init(&o->cache_lock, NULL);
	return o;
}

struct object *object_ref(struct object *o)
{
	atomic_fetch_add(&o->refs, 1);
	return o;
}

static void attr_done(struct attr *a)
{
	free(a->p);
	secret_done(&a->secret);
}

void object_unref(struct object *o)
{
	if (o == NULL || atomic_fetch_sub(&o->refs, 1) != 1)
		return;
	if (o->cache != NULL)
		o->cache_drop(o->cache);
	for (size_t i = 0; i < o->count; i++)
		attr_done(&o->attrs[i]);
	free(o->attrs);
	pthread_mutex_destroy(&o->cache_lock);
	free(o);
}

const struct attr *object_attr(const struct object *o, CK_ATTRIBUTE_TYPE type)
{
	for (size_t i = 0; i < o->count; i++)
		if (o->attrs[i].type == type)
			return &o->attrs[i];
	return NULL;
}

/* take: puts a made attribute in the place of one of its type, or behind the last. Takes it over also when it fails. */
static CK_RV take(struct object *o, struct attr *new)
{
	struct attr *a = (struct attr *)(uintptr_t)object_attr(o, new->type);

	if (a == NULL && o->count == o->room) {
		size_t room = o->room > 0 ? o->room * 2 : 32;
		struct attr *more = realloc(o->attrs, room * sizeof(*more));

		if (more == NULL) {
			attr_done(new);
			return CKR_HOST_MEMORY;
		}
		o->attrs = more;
		o->room = room;
	}
	if (a != NULL)
		attr_done(a);
	else
		a = &o->attrs[o->count++];
	*a = *new;
	if (new->hidden)
		o->has_secret = true;
	return CKR_OK;
}

CK_RV object_set_bytes(struct object *o, CK_ATTRIBUTE_TYPE type, struct view value)
{
	struct attr a = { .type = type, .n = value.n };

	if (value.n > 0) {
		a.p = malloc(value.n);
		if (a.p == NULL)
			return CKR_HOST_MEMORY;
		memcpy(a.p, value.p, value.n);
	}
	return take(o, &a);
}

CK_RV object_set_bool(struct object *o, CK_ATTRIBUTE_TYPE type, bool value)
{
	uint8_t b = value ? 1 : 0;

	return object_set_bytes(o, type, VIEW(&b, 1));
}

CK_RV object_set_ulong(struct object *o, CK_ATTRIBUTE_TYPE type, CK_ULONG value)
{
	uint8_t b[8];

	be_put64(b, value);
	return object_set_bytes(o, type, VIEW(b, sizeof(b)));
}

CK_RV object_set_mechanisms(struct object *o, CK_ATTRIBUTE_TYPE type, const CK_MECHANISM_TYPE *m, size_t n)
{
	BUF_AUTO b = { 0 };

	for (size_t i = 0; i < n; i++)
		buf_put_u64(&b, m[i]);
	return buf_ok(&b) ? object_set_bytes(o, type, buf_view(&b)) : CKR_HOST_MEMORY;
}

CK_RV object_set_secret(struct object *o, CK_ATTRIBUTE_TYPE type, struct view value)
{
	struct attr a = { .type = type, .hidden = true };

	if (!secret_init(&a.secret, value.n > 0 ? value.n : 1))
		return CKR_HOST_MEMORY;
	if (!secret_set(&a.secret, value.p, value.n)) {
		secret_done(&a.secret);
		return CKR_HOST_MEMORY;
	}
	return take(o, &a);
}

#define PARENT_ID_LEN 32 /* CKA_UNIQUE_ID: 16 bytes in hexadecimal */

/* names: is this id one of those, a blank between? */
static bool names(struct view ids, const uint8_t *id)
{
	for (size_t i = 0; i + PARENT_ID_LEN <= ids.n; i += PARENT_ID_LEN + 1)
		if (memcmp(ids.p + i, id, PARENT_ID_LEN) == 0)
			return true;
	return false;
}

CK_RV object_set_parent(struct object *o, const struct object *parent)
{
	struct view ids = VIEW(NULL, 0);
	struct view there = object_bytes(o, CKA_SR_PARENT);
	BUF_AUTO all = { 0 };

	if (parent != NULL)
		ids = object_bytes(parent, object_bool(parent, CKA_TOKEN) ? CKA_UNIQUE_ID : CKA_SR_PARENT);
	buf_put_view(&all, there);
	for (size_t i = 0; i + PARENT_ID_LEN <= ids.n; i += PARENT_ID_LEN + 1) {
		if (names(buf_view(&all), ids.p + i))
			continue;
		if (all.len > 0)
			buf_put_view(&all, VIEW_STR(" "));
		buf_put_view(&all, VIEW(ids.p + i, PARENT_ID_LEN));
	}
	if (!buf_ok(&all))
		return CKR_HOST_MEMORY;
	return all.len > there.n ? object_set_bytes(o, CKA_SR_PARENT, buf_view(&all)) : CKR_OK;
}

bool object_has(const struct object *o, CK_ATTRIBUTE_TYPE type)
{
	return object_attr(o, type) != NULL;
}

struct view object_bytes(const struct object *o, CK_ATTRIBUTE_TYPE type)
{
	const struct attr *a = object_attr(o, type);

	return a != NULL && !a->hidden ? VIEW(a->p, a->n) : VIEW(NULL, 0);
}

struct view object_secret(const struct object *o, CK_ATTRIBUTE_TYPE type)
{
	const struct attr *a = object_attr(o, type);

	return a != NULL && a->hidden ? secret_view(&a->secret) : object_bytes(o, type);
}

bool object_bool(const struct object *o, CK_ATTRIBUTE_TYPE type)
{
	struct view v = object_bytes(o, type);

	return v.n == 1 && v.p[0] == 1;
}

CK_ULONG object_ulong(const struct object *o, CK_ATTRIBUTE_TYPE type, CK_ULONG fallback)
{
	struct view v = object_bytes(o, type);

	return v.n == 8 ? be_get64(v.p) : fallback;
}

bool object_mechanism_allowed(const struct object *o, CK_MECHANISM_TYPE type)
{
	struct view v = object_bytes(o, CKA_ALLOWED_MECHANISMS);

	if (!object_has(o, CKA_ALLOWED_MECHANISMS))
		return true;
	for (size_t i = 0; i + 8 <= v.n; i += 8)
		if (be_get64(v.p + i) == type)
			return true;
	return false;
}

struct view object_id(const struct object *o)
{
	return VIEW(o->id, sizeof(o->id));
}

void object_set_check(struct object *o, CK_RV (*check)(struct session *s, void *object), enum audit_number event)
{
	o->check = check;
	o->event = event;
}

CK_RV object_cache(struct object *o, void *(*make)(const struct object *o), void (*drop)(void *p), void **ret)
{
	CK_RV rv = CKR_OK;

	pthread_mutex_lock(&o->cache_lock);
	if (o->cache == NULL) {
		o->cache = make(o);
		o->cache_drop = drop;
	}
	if (o->cache != NULL)
		*ret = o->cache;
	else
		rv = CKR_GENERAL_ERROR;
	pthread_mutex_unlock(&o->cache_lock);
	return rv;
}

CK_RV object_clone(const struct object *o, struct object **ret)
{
	struct object *copy = object_alloc();
	CK_RV rv = copy != NULL ? CKR_OK : CKR_HOST_MEMORY;

	for (size_t i = 0; rv == CKR_OK && i < o->count; i++) {
		const struct attr *a = &o->attrs[i];

		if (a->hidden)
			rv = object_set_secret(copy, a->type, secret_view(&a->secret));
		else
			rv = object_set_bytes(copy, a->type, VIEW(a->p, a->n));
	}
	if (rv != CKR_OK) {
		object_unref(copy);
		return rv;
	}
	memcpy(copy->id, o->id, sizeof(copy->id));
	copy->version = o->version;
	copy->has_secret = o->has_secret;
	copy->secret_loaded = o->secret_loaded;
	*ret = copy;
	return CKR_OK;
}

CK_RV object_encode_open(const struct object *o, struct buf *out)
{
	size_t count = 0;

	for (size_t i = 0; i < o->count; i++)
		count += !o->attrs[i].hidden;
	buf_put_u8(out, BODY_VERSION);
	buf_put_u16(out, (uint16_t)count);
	for (size_t i = 0; i < o->count; i++) {
		if (o->attrs[i].hidden)
			continue;
		buf_put_u32(out, (uint32_t)o->attrs[i].type);
		buf_put_lv32(out, VIEW(o->attrs[i].p, o->attrs[i].n));
	}
	return buf_ok(out) ? CKR_OK : CKR_HOST_MEMORY;
}

CK_RV object_encode_hidden(const struct object *o, struct secret *ret)
{
	SECRET_AUTO out = { 0 };
	uint8_t head[8];
	size_t room = 3;
	size_t count = 0;
	bool ok;

	for (size_t i = 0; i < o->count; i++) {
		if (o->attrs[i].hidden) {
			room += sizeof(head) + o->attrs[i].secret.len;
			count++;
		}
	}
	if (count == 0)
		return CKR_OK;
	head[0] = BODY_VERSION;
	be_put16(head + 1, (uint16_t)count);
	ok = secret_init(&out, room) && secret_append(&out, head, 3);
	for (size_t i = 0; ok && i < o->count; i++) {
		const struct attr *a = &o->attrs[i];

		if (!a->hidden)
			continue;
		be_put32(head, (uint32_t)a->type);
		be_put32(head + 4, (uint32_t)a->secret.len);
		ok = secret_append(&out, head, sizeof(head)) && secret_append(&out, a->secret.p, a->secret.len);
	}
	if (!ok)
		return CKR_HOST_MEMORY;
	secret_move(ret, &out);
	return CKR_OK;
}

CK_RV object_decode(struct object *o, struct view body, bool hidden)
{
	struct reader r = reader_of(body);
	uint8_t version = reader_u8(&r);
	uint16_t count = reader_u16(&r);
	CK_RV rv = CKR_OK;

	if (version != BODY_VERSION || count > ATTRS_MAX)
		return CKR_DEVICE_ERROR;
	for (uint16_t i = 0; rv == CKR_OK && i < count; i++) {
		CK_ATTRIBUTE_TYPE type = reader_u32(&r);
		struct view value = reader_lv32(&r, VALUE_MAX);

		if (r.failed)
			return CKR_DEVICE_ERROR;
		rv = hidden ? object_set_secret(o, type, value) : object_set_bytes(o, type, value);
	}
	if (rv == CKR_OK && !reader_done(&r))
		rv = CKR_DEVICE_ERROR;
	return rv;
}
