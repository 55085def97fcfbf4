/* SPDX-License-Identifier: BSD-2-Clause */
#include "token_key.h"

#include <string.h>

#include "crypto.h"
#include "module.h"
#include "store_rv.h"

#define RECORD "token key"
#define VERSION 1
#define SALT_LEN 16
#define NAMES_MAX 256

void token_keys_done(struct token_keys *k)
{
	for (size_t i = 0; i < STORE_GENERATIONS; i++)
		secret_done(&k->key[i]);
	*k = (struct token_keys){ 0 };
}

CK_RV token_keys_add(const struct crypto *c, struct token_keys *k)
{
	SECRET_AUTO key = { 0 };
	CK_RV rv;

	if (k->n == STORE_GENERATIONS || (k->n > 0 && k->number[0] >= SEAL_ANY - 1))
		return CKR_FUNCTION_FAILED;
	if (!secret_init(&key, SEAL_KEY_LEN))
		return CKR_HOST_MEMORY;
	rv = crypto_random(c, key.p, SEAL_KEY_LEN);
	if (rv != CKR_OK)
		return rv;
	key.len = SEAL_KEY_LEN;
	for (unsigned i = k->n; i > 0; i--) {
		k->number[i] = k->number[i - 1];
		secret_move(&k->key[i], &k->key[i - 1]);
	}
	k->number[0] = k->n > 0 ? (uint16_t)(k->number[1] + 1) : 1;
	secret_move(&k->key[0], &key);
	k->n++;
	return CKR_OK;
}

void token_keys_retire(struct token_keys *k)
{
	for (unsigned i = 1; i < k->n; i++) {
		secret_done(&k->key[i]);
		k->number[i] = 0;
	}
	if (k->n > 1)
		k->n = 1;
}

/* covered: what stands in the clear, with what it belongs to. */
static CK_RV covered(const struct token_place *place, struct view clear, struct buf *out)
{
	buf_put_view(out, VIEW_STR("strongroom token key"));
	buf_put(out, place->serial, STORE_SERIAL_LEN);
	buf_put(out, place->generation, STORE_ID_LEN);
	buf_put_view(out, clear);
	return buf_ok(out) ? CKR_OK : CKR_HOST_MEMORY;
}

static CK_RV sealing_key(const struct token_place *place, const struct secret *user_key, const uint8_t salt[SALT_LEN],
			 struct secret *ret)
{
	return seal_kdf(place->crypto, secret_view(user_key), VIEW(salt, SALT_LEN), "strongroom token key", ret);
}

static CK_RV join(const struct token_keys *k, struct secret *ret)
{
	if (!secret_init(ret, STORE_GENERATIONS * SEAL_KEY_LEN))
		return CKR_HOST_MEMORY;
	for (unsigned i = 0; i < k->n; i++)
		if (!secret_append(ret, k->key[i].p, k->key[i].len))
			return CKR_GENERAL_ERROR;
	return CKR_OK;
}

CK_RV token_keys_put(const struct token_place *place, struct store_txn *txn, const struct secret *user_key,
		     struct token_keys *k)
{
	SECRET_AUTO plain = { 0 };
	SECRET_AUTO key = { 0 };
	BUF_AUTO record = { 0 };
	BUF_AUTO inner = { 0 };
	BUF_AUTO aad = { 0 };
	uint8_t salt[SALT_LEN];
	CK_RV rv = crypto_random(place->crypto, salt, sizeof(salt));

	buf_put_u8(&record, VERSION);
	buf_put_u64(&record, k->edition + 1);
	buf_put(&record, salt, sizeof(salt));
	buf_put_u8(&record, (uint8_t)k->n);
	for (unsigned i = 0; i < k->n; i++)
		buf_put_u16(&record, k->number[i]);
	if (rv == CKR_OK)
		rv = covered(place, buf_view(&record), &aad);
	if (rv == CKR_OK)
		rv = join(k, &plain);
	if (rv == CKR_OK)
		rv = sealing_key(place, user_key, salt, &key);
	if (rv == CKR_OK)
		rv = seal_bytes(place->crypto, key.p, buf_view(&aad), secret_view(&plain), &inner);
	if (rv == CKR_OK)
		rv = host_seal(place, VIEW_STR(RECORD), buf_view(&inner), &record);
	if (rv == CKR_OK)
		rv = store_rv(store_meta_put(txn, RECORD, buf_view(&record)));
	if (rv == CKR_OK)
		k->edition++;
	return rv;
}

/* struct parts: a record taken apart; views into the transaction. */
struct parts {
	uint64_t edition;
	struct view clear, salt, sealed, tag;
	unsigned n;
	uint16_t number[STORE_GENERATIONS];
};

static CK_RV take_apart(struct store_txn *txn, struct parts *ret)
{
	struct parts p = { 0 };
	struct reader r;
	struct view v;
	uint8_t version;
	int e = store_meta_get(txn, RECORD, &v);

	if (e != STORE_OK && e != STORE_ENOTFOUND)
		return store_rv(e);
	if (e == STORE_ENOTFOUND)
		return CKR_DEVICE_ERROR;
	r = reader_of(v);
	version = reader_u8(&r);
	p.edition = reader_u64(&r);
	p.salt = reader_bytes(&r, SALT_LEN);
	p.n = reader_u8(&r);
	if (version != VERSION || p.n == 0 || p.n > STORE_GENERATIONS)
		return CKR_DEVICE_ERROR;
	for (unsigned i = 0; i < p.n; i++)
		p.number[i] = reader_u16(&r);
	if (r.failed || r.left < SEAL_OVERHEAD)
		return CKR_DEVICE_ERROR;
	p.sealed = VIEW(r.p, r.left);
	p.clear = VIEW(v.p, v.n - p.sealed.n);
	p.tag = VIEW(v.p + v.n - 16, 16);
	*ret = p;
	return CKR_OK;
}

static CK_RV split(const struct parts *p, const struct secret *plain, struct token_keys *ret)
{
	TOKEN_KEYS_AUTO k = { .edition = p->edition, .n = p->n };

	if (plain->len != (size_t)p->n * SEAL_KEY_LEN)
		return CKR_DEVICE_ERROR;
	for (unsigned i = 0; i < p->n; i++) {
		k.number[i] = p->number[i];
		if (!secret_init(&k.key[i], SEAL_KEY_LEN) ||
		    !secret_set(&k.key[i], plain->p + (size_t)i * SEAL_KEY_LEN, SEAL_KEY_LEN))
			return CKR_HOST_MEMORY;
	}
	*ret = k;
	k = (struct token_keys){ 0 };
	return CKR_OK;
}

CK_RV token_keys_get(const struct token_place *place, struct store_txn *txn, const struct secret *user_key,
		     struct token_keys *ret)
{
	SECRET_AUTO plain = { 0 };
	SECRET_AUTO key = { 0 };
	BUF_AUTO inner = { 0 };
	BUF_AUTO aad = { 0 };
	struct parts p;
	CK_RV rv = take_apart(txn, &p);

	if (rv == CKR_OK)
		rv = host_open(place, VIEW_STR(RECORD), p.sealed, &inner);
	if (rv == CKR_OK)
		rv = covered(place, p.clear, &aad);
	if (rv == CKR_OK)
		rv = sealing_key(place, user_key, p.salt.p, &key);
	if (rv == CKR_OK)
		rv = open_bytes(place->crypto, key.p, buf_view(&aad), buf_view(&inner), &plain);
	if (rv == CKR_ENCRYPTED_DATA_INVALID) {
		call_note("the record of the token keys is not what was written");
		rv = CKR_DEVICE_ERROR;
	}
	return rv == CKR_OK ? split(&p, &plain, ret) : rv;
}

CK_RV token_keys_host(const struct token_place *place, struct store_txn *txn)
{
	BUF_AUTO inner = { 0 };
	struct parts p;
	CK_RV rv = take_apart(txn, &p);

	return rv == CKR_OK ? host_open(place, VIEW_STR(RECORD), p.sealed, &inner) : rv;
}

CK_RV token_keys_rebind(const struct token_place *from, const struct token_place *to, struct store_txn *txn)
{
	BUF_AUTO inner = { 0 };
	BUF_AUTO record = { 0 };
	struct parts p;
	CK_RV rv = take_apart(txn, &p);

	if (rv == CKR_OK)
		rv = host_open(from, VIEW_STR(RECORD), p.sealed, &inner);
	if (rv == CKR_OK) {
		buf_put_view(&record, p.clear);
		rv = host_seal(to, VIEW_STR(RECORD), buf_view(&inner), &record);
	}
	if (rv == CKR_OK && !buf_ok(&record))
		rv = CKR_HOST_MEMORY;
	return rv == CKR_OK ? store_rv(store_meta_put(txn, RECORD, buf_view(&record))) : rv;
}

CK_RV token_keys_live(struct seal *s, const struct token_keys *k, bool keep)
{
	struct seal_living living[STORE_GENERATIONS];

	for (unsigned i = 0; i < k->n; i++)
		living[i] = (struct seal_living){ .number = k->number[i], .key = &k->key[i] };
	return seal_live(s, living, k->n, keep);
}

CK_RV token_keys_tag(struct store_txn *txn, uint64_t *ret_edition, uint8_t ret_tag[16])
{
	struct parts p;
	CK_RV rv = take_apart(txn, &p);

	if (rv != CKR_OK)
		return rv;
	*ret_edition = p.edition;
	memcpy(ret_tag, p.tag.p, p.tag.n);
	return CKR_OK;
}
