/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit_keys.h"

#include <string.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "crypto.h"
#include "seal.h"
#include "store_rv.h"

#define RECORD_VERSION 1
#define SEALED_HALF (AUDIT_KEY_LEN + SEAL_OVERHEAD)

/* One row per pair: its record in the database meta. */
struct pair {
	const char *record;
	const char *type;
	size_t public_at, private_at;
};

static const struct pair pairs[] = {
	{ "audit key", "X25519", offsetof(struct audit_keys, audit_public),
	  offsetof(struct audit_keys, audit_private) },
	{ "statement key", "ED25519", offsetof(struct audit_keys, statement_public),
	  offsetof(struct audit_keys, statement_private) },
};

CK_RV audit_expand(const struct crypto *c, struct view key, struct view info, struct secret *ret)
{
	static const uint8_t first = 1;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_end(),
	};
	SECRET_AUTO out = { 0 };
	EVP_MAC_CTX *mac = EVP_MAC_CTX_new(c->hmac);
	size_t n = 0;
	bool done = mac != NULL && secret_init(&out, AUDIT_KEY_LEN) && EVP_MAC_init(mac, key.p, key.n, params) == 1 &&
		    EVP_MAC_update(mac, info.p, info.n) == 1 && EVP_MAC_update(mac, &first, 1) == 1 &&
		    EVP_MAC_final(mac, out.p, &n, AUDIT_KEY_LEN) == 1;

	EVP_MAC_CTX_free(mac);
	if (!done)
		return CKR_HOST_MEMORY;
	out.len = n;
	secret_done(ret);
	secret_move(ret, &out);
	return CKR_OK;
}

CK_RV audit_derive(const struct crypto *c, struct view key, struct view info, struct secret *ret)
{
	static const uint8_t salt[32];
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_end(),
	};
	SECRET_AUTO extracted = { 0 };
	EVP_MAC_CTX *mac = EVP_MAC_CTX_new(c->hmac);
	size_t n = 0;
	bool done = mac != NULL && secret_init(&extracted, AUDIT_KEY_LEN) &&
		    EVP_MAC_init(mac, salt, sizeof(salt), params) == 1 && EVP_MAC_update(mac, key.p, key.n) == 1 &&
		    EVP_MAC_final(mac, extracted.p, &n, AUDIT_KEY_LEN) == 1;

	EVP_MAC_CTX_free(mac);
	if (!done)
		return CKR_HOST_MEMORY;
	extracted.len = n;
	return audit_expand(c, secret_view(&extracted), info, ret);
}

static uint8_t *public_of(struct audit_keys *k, const struct pair *p)
{
	return (uint8_t *)k + p->public_at;
}

static struct secret *private_of(struct audit_keys *k, const struct pair *p)
{
	return (struct secret *)(void *)((uint8_t *)k + p->private_at);
}

void audit_keys_done(struct audit_keys *k)
{
	secret_done(&k->audit_private);
	secret_done(&k->statement_private);
}

/* new_pair: every 32 random bytes are a private key of either kind. */
static CK_RV new_pair(const struct crypto *c, const char *type, struct secret *private, uint8_t public[AUDIT_KEY_LEN])
{
	size_t n = AUDIT_KEY_LEN;
	EVP_PKEY *key = NULL;
	CK_RV rv = CKR_HOST_MEMORY;

	if (!secret_init(private, AUDIT_KEY_LEN))
		return rv;
	rv = crypto_random(c, private->p, AUDIT_KEY_LEN);
	if (rv != CKR_OK)
		return rv;
	private->len = AUDIT_KEY_LEN;
	key = EVP_PKEY_new_raw_private_key_ex(c->lib, type, NULL, private->p, private->len);
	if (key == NULL || EVP_PKEY_get_raw_public_key(key, public, &n) != 1 || n != AUDIT_KEY_LEN)
		rv = CKR_GENERAL_ERROR;
	EVP_PKEY_free(key);
	return rv;
}

CK_RV audit_keys_new(const struct crypto *c, struct audit_keys *ret)
{
	struct audit_keys k = { { 0 } };
	CK_RV rv = CKR_OK;

	for (size_t i = 0; rv == CKR_OK && i < ARRAY_LEN(pairs); i++)
		rv = new_pair(c, pairs[i].type, private_of(&k, &pairs[i]), public_of(&k, &pairs[i]));
	if (rv == CKR_OK)
		*ret = k;
	else
		audit_keys_done(&k);
	return rv;
}

static void put_aad(struct buf *b, const struct pair *p, const char *serial, struct view public)
{
	buf_put_view(b, VIEW_STR("strongroom "));
	buf_put_view(b, view_of_string(p->record));
	buf_put(b, serial, STORE_SERIAL_LEN);
	buf_put_view(b, public);
}

CK_RV audit_keys_put(const struct crypto *c, struct store_txn *txn, const struct audit_keys *k,
		     const struct secret *user_key)
{
	struct audit_keys *keys = (struct audit_keys *)(uintptr_t)k;
	SECRET_AUTO under = { 0 };
	CK_RV rv = audit_derive(c, secret_view(user_key), VIEW_STR("strongroom audit keys"), &under);

	for (size_t i = 0; rv == CKR_OK && i < ARRAY_LEN(pairs); i++) {
		struct view public = VIEW(public_of(keys, &pairs[i]), AUDIT_KEY_LEN);
		BUF_AUTO aad = { 0 };
		BUF_AUTO record = { 0 };

		put_aad(&aad, &pairs[i], store_serial(txn), public);
		buf_put_u8(&record, RECORD_VERSION);
		buf_put_view(&record, public);
		if (!buf_ok(&aad))
			return CKR_HOST_MEMORY;
		rv = seal_bytes(c, under.p, buf_view(&aad), secret_view(private_of(keys, &pairs[i])), &record);
		if (rv == CKR_OK)
			rv = store_rv(store_meta_put(txn, pairs[i].record, buf_view(&record)));
	}
	return rv;
}

static CK_RV get_pair(const struct crypto *c, struct store_txn *txn, const struct pair *p, const struct secret *under,
		      struct audit_keys *ret)
{
	BUF_AUTO aad = { 0 };
	struct view v, public, sealed;
	struct reader r;
	uint8_t version;
	CK_RV rv;
	int e = store_meta_get(txn, p->record, &v);

	if (e == STORE_ENOTFOUND)
		return CKR_KEY_HANDLE_INVALID;
	if (e != STORE_OK)
		return store_rv(e);
	r = reader_of(v);
	version = reader_u8(&r);
	public = reader_bytes(&r, AUDIT_KEY_LEN);
	sealed = reader_bytes(&r, SEALED_HALF);
	if (!reader_done(&r) || version != RECORD_VERSION)
		return CKR_DEVICE_ERROR;
	memcpy(public_of(ret, p), public.p, public.n);
	if (under->len == 0)
		return CKR_OK;
	put_aad(&aad, p, store_serial(txn), public);
	if (!buf_ok(&aad))
		return CKR_HOST_MEMORY;
	rv = open_bytes(c, under->p, buf_view(&aad), sealed, private_of(ret, p));
	return rv == CKR_ENCRYPTED_DATA_INVALID ? CKR_DEVICE_ERROR : rv;
}

CK_RV audit_keys_get(const struct crypto *c, struct store_txn *txn, const struct secret *user_key,
		     struct audit_keys *ret)
{
	AUDIT_KEYS_AUTO k = { { 0 } };
	SECRET_AUTO under = { 0 };
	CK_RV rv = CKR_OK;

	if (user_key != NULL)
		rv = audit_derive(c, secret_view(user_key), VIEW_STR("strongroom audit keys"), &under);
	for (size_t i = 0; rv == CKR_OK && i < ARRAY_LEN(pairs); i++)
		rv = get_pair(c, txn, &pairs[i], &under, &k);
	if (rv != CKR_OK)
		return rv;
	*ret = k;
	k = (struct audit_keys){ { 0 } };
	return CKR_OK;
}

static bool put_signed(struct buf *b, const char *domain, const char *serial, struct view data)
{
	buf_put(b, domain, strlen(domain) + 1);
	buf_put(b, serial, STORE_SERIAL_LEN);
	buf_put_view(b, data);
	return buf_ok(b);
}

CK_RV audit_sign(const struct crypto *c, const struct secret *private, const char *domain, const char *serial,
		 struct view data, uint8_t ret[AUDIT_SIGNATURE_LEN])
{
	uint8_t signature[AUDIT_SIGNATURE_LEN];
	size_t n = sizeof(signature);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key_ex(c->lib, "ED25519", NULL, private->p, private->len);
	BUF_AUTO b = { 0 };
	CK_RV rv = CKR_HOST_MEMORY;

	if (!put_signed(&b, domain, serial, data) || ctx == NULL || key == NULL)
		goto out;
	rv = CKR_GENERAL_ERROR;
	if (EVP_DigestSignInit_ex(ctx, NULL, NULL, c->lib, NULL, key, NULL) != 1 ||
	    EVP_DigestSign(ctx, signature, &n, b.p, b.len) != 1 || n != sizeof(signature))
		goto out;
	memcpy(ret, signature, sizeof(signature));
	rv = CKR_OK;
out:
	EVP_PKEY_free(key);
	EVP_MD_CTX_free(ctx);
	return rv;
}

bool audit_signed(const struct crypto *c, const uint8_t public[AUDIT_KEY_LEN], const char *domain, const char *serial,
		  struct view data, struct view signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key_ex(c->lib, "ED25519", NULL, public, AUDIT_KEY_LEN);
	BUF_AUTO b = { 0 };
	bool right = put_signed(&b, domain, serial, data) && ctx != NULL && key != NULL &&
		     EVP_DigestVerifyInit_ex(ctx, NULL, NULL, c->lib, NULL, key, NULL) == 1 &&
		     EVP_DigestVerify(ctx, signature.p, signature.n, b.p, b.len) == 1;

	EVP_PKEY_free(key);
	EVP_MD_CTX_free(ctx);
	return right;
}

/* agree: the key that both sides of an X25519 agreement have, bound to both public halves. */
static CK_RV agree(const struct crypto *c, const struct secret *private, const uint8_t *other, struct view ephemeral,
		   struct view public, struct secret *ret)
{
	EVP_PKEY *mine = EVP_PKEY_new_raw_private_key_ex(c->lib, "X25519", NULL, private->p, private->len);
	EVP_PKEY *theirs = EVP_PKEY_new_raw_public_key_ex(c->lib, "X25519", NULL, other, AUDIT_KEY_LEN);
	EVP_PKEY_CTX *ctx = mine != NULL ? EVP_PKEY_CTX_new_from_pkey(c->lib, mine, NULL) : NULL;
	SECRET_AUTO shared = { 0 };
	size_t n = AUDIT_KEY_LEN;
	BUF_AUTO info = { 0 };
	CK_RV rv = CKR_HOST_MEMORY;

	if (ctx == NULL || theirs == NULL || !secret_init(&shared, AUDIT_KEY_LEN))
		goto out;
	rv = CKR_DEVICE_ERROR; /* a public half of small order agrees on nothing */
	if (EVP_PKEY_derive_init(ctx) != 1 || EVP_PKEY_derive_set_peer(ctx, theirs) != 1 ||
	    EVP_PKEY_derive(ctx, shared.p, &n) != 1 || n != AUDIT_KEY_LEN)
		goto out;
	shared.len = n;
	buf_put_view(&info, VIEW_STR("strongroom audit segment key"));
	buf_put_view(&info, ephemeral);
	buf_put_view(&info, public);
	rv = buf_ok(&info) ? audit_derive(c, secret_view(&shared), buf_view(&info), ret) : CKR_HOST_MEMORY;
out:
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(theirs);
	EVP_PKEY_free(mine);
	return rv;
}

CK_RV audit_seal_to(const struct crypto *c, const uint8_t public[AUDIT_KEY_LEN], struct view aad,
		    const struct secret *key, struct buf *out)
{
	uint8_t ephemeral[AUDIT_KEY_LEN];
	SECRET_AUTO private = { 0 };
	SECRET_AUTO under = { 0 };
	CK_RV rv = new_pair(c, "X25519", &private, ephemeral);

	if (rv == CKR_OK)
		rv =
		    agree(c, &private, public, VIEW(ephemeral, sizeof(ephemeral)), VIEW(public, AUDIT_KEY_LEN), &under);
	if (rv != CKR_OK)
		return rv;
	buf_put(out, ephemeral, sizeof(ephemeral));
	return seal_bytes(c, under.p, aad, secret_view(key), out);
}

CK_RV audit_open_from(const struct crypto *c, const struct audit_keys *k, struct view aad, struct view sealed,
		      struct secret *ret)
{
	struct view ephemeral = VIEW(sealed.p, AUDIT_KEY_LEN);
	SECRET_AUTO under = { 0 };
	CK_RV rv;

	if (sealed.n != AUDIT_SEALED_LEN)
		return CKR_ENCRYPTED_DATA_INVALID;
	rv = agree(c, &k->audit_private, ephemeral.p, ephemeral, VIEW(k->audit_public, AUDIT_KEY_LEN), &under);
	if (rv != CKR_OK)
		return rv == CKR_DEVICE_ERROR ? CKR_ENCRYPTED_DATA_INVALID : rv;
	return open_bytes(c, under.p, aad, VIEW(sealed.p + AUDIT_KEY_LEN, sealed.n - AUDIT_KEY_LEN), ret);
}
