/* SPDX-License-Identifier: BSD-2-Clause */
#include "token_migrate.h"

#include <stdlib.h>
#include <string.h>

#include "audit_own.h"
#include "module.h"
#include "object_change.h"
#include "object_own.h"
#include "policy_own.h"
#include "store_rv.h"
#include "token_create.h"
#include "user.h"

struct migration {
	struct token *t;
	struct store_txn *txn;
	struct seal seal; /* opens generation 0, writes generation 1 */
	struct token_record record;
	struct token_keys keys;
	struct token_place place;
};

struct ids {
	uint8_t (*p)[STORE_ID_LEN];
	size_t len, room;
};

static int ids_add(struct ids *ids, const uint8_t *id)
{
	if (ids->len == ids->room) {
		size_t room = ids->room > 0 ? ids->room * 2 : 64;
		void *more = realloc(ids->p, room * STORE_ID_LEN);

		if (more == NULL)
			return STORE_ENOMEM;
		ids->p = more;
		ids->room = room;
	}
	memcpy(ids->p[ids->len++], id, STORE_ID_LEN);
	return STORE_OK;
}

static int one_object(void *ctx, const uint8_t *id, bool private, uint16_t generation)
{
	return ids_add(ctx, id);
}

static CK_RV move_object(struct migration *m, const uint8_t id[STORE_ID_LEN])
{
	struct object *o = NULL;
	CK_RV rv = object_load(m->txn, &m->seal.store, id, true, &o);

	if (rv == CKR_OK)
		rv = object_put_sealed(&m->seal.store, m->txn, o);
	if (rv != CKR_OK) {
		char hex[2 * STORE_ID_LEN + 1];

		hex_encode(VIEW(id, STORE_ID_LEN), hex);
		call_note("migration of this token to schema 2: object %s cannot be sealed anew", hex);
	}
	object_unref(o);
	return rv;
}

static CK_RV move_objects(struct migration *m)
{
	struct ids ids = { 0 };
	CK_RV rv = store_rv(store_object_each(m->txn, NULL, one_object, &ids));

	for (size_t i = 0; rv == CKR_OK && i < ids.len; i++)
		rv = move_object(m, ids.p[i]);
	free(ids.p);
	return rv;
}

struct users {
	struct user_record *p;
	size_t len;
};

static CK_RV one_user(void *ctx, const struct user_record *r)
{
	struct users *u = ctx;
	struct user_record *more = realloc(u->p, (u->len + 1) * sizeof(*more));

	if (more == NULL)
		return CKR_HOST_MEMORY;
	u->p = more;
	u->p[u->len++] = *r;
	return CKR_OK;
}

/* move_records: the token record, and behind it the users' in its form, and the token keys. */
static CK_RV move_records(struct migration *m)
{
	const struct crypto *c = m->t->crypto;
	struct users users = { 0 };
	SECRET_AUTO user_key = { 0 };
	CK_RV rv = user_each(c, m->txn, one_user, &users);

	if (rv == CKR_OK)
		rv = seal_user_key(&m->seal, &user_key);
	if (rv == CKR_OK)
		rv = token_write_keys(&m->place, &m->seal, m->txn, &m->record, &user_key, &m->keys);
	for (size_t i = 0; rv == CKR_OK && i < users.len; i++)
		rv = user_store(c, m->txn, &users.p[i]);
	free(users.p);
	return rv;
}

static CK_RV open_seal(struct migration *m, const struct secret *user_key)
{
	struct seal_living living[2] = { { .number = 1 }, { .number = 0, .key = user_key } };
	CK_RV rv = seal_public(&m->seal, m->record.public_key);

	if (rv == CKR_OK)
		rv = seal_open_user(&m->seal, user_key);
	if (rv == CKR_OK)
		rv = token_keys_add(m->t->crypto, &m->keys);
	living[0].key = &m->keys.key[0];
	return rv == CKR_OK ? seal_live(&m->seal, living, 2, false) : rv;
}

static CK_RV migrate(struct migration *m, const struct token_user *who, const struct secret *user_key)
{
	struct audit_event event = { .number = AUDIT_MIGRATED, .count = STORE_SCHEMA };
	size_t done = 0, left = 0;
	CK_RV rv = open_seal(m, user_key);

	if (rv == CKR_OK)
		rv = store_rv(store_upgrade(m->txn));
	if (rv == CKR_OK)
		rv = move_objects(m);
	if (rv == CKR_OK)
		rv = policy_reprove(m->t, &m->seal, m->txn);
	if (rv == CKR_OK)
		rv = uses_reprove(m->t, &m->seal, m->txn, SIZE_MAX, &done, &left);
	/* Before the token record is of version 2, of which none may be without audit keys. */
	if (rv == CKR_OK)
		rv = audit_adopt(m->t->crypto, m->txn, user_key);
	if (rv == CKR_OK)
		rv = move_records(m);
	return rv == CKR_OK ? audit_append(m->t->crypto, m->txn, who, &event) : rv;
}

CK_RV token_migrate(struct token *t, const struct token_record *record, const struct token_user *who,
		    const struct secret *user_key)
{
	struct migration m = { .t = t, .record = *record };
	struct token_record now;
	CK_RV rv = store_rv(store_begin(atomic_load(&t->store), true, &m.txn));

	if (rv != CKR_OK)
		return rv;
	m.place = (struct token_place){ .crypto = t->crypto, .serial = t->serial, .generation = m.record.generation };
	seal_init(&m.seal, t->crypto);
	rv = token_record_load(t->crypto, m.txn, &now);
	if (rv == CKR_OK && memcmp(now.generation, record->generation, STORE_ID_LEN) != 0)
		rv = CKR_DEVICE_REMOVED;
	if (rv == CKR_OK && now.version == TOKEN_VERSION_OLD)
		rv = migrate(&m, who, user_key);
	if (rv == CKR_OK && now.version == TOKEN_VERSION_OLD)
		rv = store_rv(store_commit(m.txn));
	else
		store_abort(m.txn);
	seal_done(&m.seal);
	token_keys_done(&m.keys);
	return rv;
}
