/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "store_kit.h"
#include "temp.h"

#define KIT_KIND "\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0\x1f\0\0\0\0\0\0\0\2"

void kit_init(struct store_kit *k, size_t map_size)
{
	*k = (struct store_kit){ .options = { .map_size = map_size, .readers = 64 } };
	temp_dir(k->dir);
	snprintf(k->data_file, sizeof(k->data_file), "%s/" KIT_SERIAL "/data.mdb", k->dir);
	test_seal_init(&k->seal, 10);
	k->crypto = test_seal_crypto(&k->seal);
	ck_assert_int_eq(store_create(k->dir, KIT_SERIAL, VIEW_STR("meta of the token"), &k->options), STORE_OK);
	ck_assert_int_eq(store_open(k->dir, KIT_SERIAL, &k->options, &k->store), STORE_OK);
}

void kit_done(struct store_kit *k)
{
	store_close(k->store);
	temp_remove(k->dir);
}

int kit_put(struct store_kit *k, uint8_t id, bool private, const char *body, const char *secret, const char *label)
{
	struct store_object o = { .private = private };
	struct store_txn *t = NULL;

	memset(o.id, id, sizeof(o.id));
	o.body = view_of_string(body);
	o.secret = view_of_string(secret);
	if (!k->bare) {
		o.index[STORE_BY_KIND] = VIEW(KIT_KIND, STORE_KIND_LEN);
		o.index[STORE_BY_LABEL] = view_of_string(label);
	}
	int rc = store_begin(k->store, true, &t);
	if (rc)
		return rc;
	rc = store_object_put(t, &k->crypto, &o);
	if (rc) {
		store_abort(t);
		return rc;
	}
	return store_commit(t);
}

int kit_get(struct store_kit *k, uint8_t id, const char *body, const char *secret)
{
	struct store_loaded l = { 0 };
	struct store_txn *t = NULL;
	uint8_t full[STORE_ID_LEN];

	memset(full, id, sizeof(full));
	int rc = store_begin(k->store, false, &t);
	if (rc)
		return rc;
	rc = store_object_get(t, &k->crypto, full, true, &l);
	store_abort(t);
	if (rc)
		return rc;
	bool same = view_equal(secret_view(&l.body), view_of_string(body)) &&
		    view_equal(secret_view(&l.secret), view_of_string(secret)) && l.has_secret == (secret != NULL);
	store_loaded_done(&l);
	return same ? STORE_OK : 1;
}

int kit_del(struct store_kit *k, uint8_t id)
{
	struct store_txn *t = NULL;
	uint8_t full[STORE_ID_LEN];

	memset(full, id, sizeof(full));
	int rc = store_begin(k->store, true, &t);
	if (rc)
		return rc;
	rc = store_object_del(t, &k->crypto, full);
	if (rc) {
		store_abort(t);
		return rc;
	}
	return store_commit(t);
}

struct found {
	int count;
	uint8_t first;
};

static int count_hit(void *ctx, const struct store_hit *hit)
{
	struct found *f = ctx;

	if (f->count++ == 0)
		f->first = hit->id[0];
	return 0;
}

static int count_one(void *ctx, const uint8_t *id, bool private, uint16_t generation)
{
	struct found *f = ctx;

	(void)id, (void)private, (void)generation;
	f->count++;
	return 0;
}

int kit_find(struct store_kit *k, const char *label, uint8_t *ret_first)
{
	struct store_txn *t = NULL;
	struct store_match m = { STORE_BY_LABEL, view_of_string(label) };
	struct found f = { 0 };

	int rc = store_begin(k->store, false, &t);
	if (rc)
		return rc;
	rc = store_find(t, &k->crypto, &m, 1, count_hit, &f);
	store_abort(t);
	if (rc)
		return rc;
	if (ret_first)
		*ret_first = f.first;
	return f.count;
}

int kit_count(struct store_kit *k)
{
	struct store_txn *t = NULL;
	struct found f = { 0 };

	int rc = store_begin(k->store, false, &t);
	if (rc)
		return rc;
	rc = store_object_each(t, NULL, count_one, &f);
	store_abort(t);
	return rc ? rc : f.count;
}
