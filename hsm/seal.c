/* SPDX-License-Identifier: BSD-2-Clause */
#include "seal.h"

#include <string.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "crypto.h"

#define GENERATION 1 /* of the token key: there is one */
#define NONCE_LEN 12
#define TAG_LEN 16

static CK_RV hkdf(const struct crypto *c, struct view key, const char *info, struct secret *ret)
{
	SECRET_AUTO out = { 0 };
	EVP_KDF *kdf = EVP_KDF_fetch(c->lib, "HKDF", NULL);
	EVP_KDF_CTX *ctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
	CK_RV rv = CKR_HOST_MEMORY;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)key.p, key.n),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)info, strlen(info)),
		OSSL_PARAM_construct_end(),
	};

	if (ctx == NULL || !secret_init(&out, SEAL_KEY_LEN))
		goto out;
	rv = CKR_GENERAL_ERROR;
	if (EVP_KDF_derive(ctx, out.p, SEAL_KEY_LEN, params) != 1)
		goto out;
	out.len = SEAL_KEY_LEN;
	secret_done(ret);
	secret_move(ret, &out);
	rv = CKR_OK;
out:
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return rv;
}

CK_RV seal_bytes(const struct crypto *c, const uint8_t key[SEAL_KEY_LEN], struct view aad, struct view plain,
		 struct buf *out)
{
	uint8_t nonce[NONCE_LEN];
	uint8_t tag[TAG_LEN];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t *sealed = plain.n > 0 ? OPENSSL_malloc(plain.n) : NULL;
	CK_RV rv = CKR_HOST_MEMORY;
	int n = 0;

	if (ctx == NULL || (plain.n > 0 && sealed == NULL))
		goto out;
	rv = crypto_random(c, nonce, sizeof(nonce));
	if (rv != CKR_OK)
		goto out;
	rv = CKR_GENERAL_ERROR;
	if (EVP_EncryptInit_ex2(ctx, c->cipher[CRYPTO_AES_256_GCM], key, nonce, NULL) != 1 ||
	    EVP_EncryptUpdate(ctx, NULL, &n, aad.p, (int)aad.n) != 1 ||
	    (plain.n > 0 && EVP_EncryptUpdate(ctx, sealed, &n, plain.p, (int)plain.n) != 1) ||
	    EVP_EncryptFinal_ex(ctx, tag, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, tag) != 1)
		goto out;
	buf_put(out, nonce, sizeof(nonce));
	buf_put(out, sealed, plain.n);
	buf_put(out, tag, sizeof(tag));
	rv = buf_ok(out) ? CKR_OK : CKR_HOST_MEMORY;
out:
	EVP_CIPHER_CTX_free(ctx);
	OPENSSL_free(sealed);
	return rv;
}

CK_RV open_bytes(const struct crypto *c, const uint8_t key[SEAL_KEY_LEN], struct view aad, struct view sealed,
		 struct secret *ret)
{
	SECRET_AUTO out = { 0 };
	EVP_CIPHER_CTX *ctx = NULL;
	uint8_t tag[TAG_LEN], last[16];
	CK_RV rv = CKR_HOST_MEMORY;
	size_t body;
	int n = 0;

	if (sealed.n < SEAL_OVERHEAD)
		return CKR_ENCRYPTED_DATA_INVALID;
	body = sealed.n - SEAL_OVERHEAD;
	ctx = EVP_CIPHER_CTX_new();
	if (ctx == NULL || !secret_init(&out, body > 0 ? body : 1))
		goto out;
	rv = CKR_ENCRYPTED_DATA_INVALID;
	memcpy(tag, sealed.p + sealed.n - TAG_LEN, TAG_LEN);
	if (EVP_DecryptInit_ex2(ctx, c->cipher[CRYPTO_AES_256_GCM], key, sealed.p, NULL) != 1 ||
	    EVP_DecryptUpdate(ctx, NULL, &n, aad.p, (int)aad.n) != 1 ||
	    (body > 0 && EVP_DecryptUpdate(ctx, out.p, &n, sealed.p + NONCE_LEN, (int)body) != 1) ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag) != 1 ||
	    EVP_DecryptFinal_ex(ctx, last, &n) != 1)
		goto out;
	out.len = body;
	secret_move(ret, &out);
	rv = CKR_OK;
out:
	EVP_CIPHER_CTX_free(ctx);
	return rv;
}

static const enum seal_key domain_key[] = {
	[STORE_PUBLIC] = SEAL_PUBLIC,
	[STORE_PRIVATE] = SEAL_PRIVATE,
	[STORE_SECRET] = SEAL_SECRET,
};

static int seal_under(struct seal *s, enum seal_key which, struct view aad, struct view plain, struct buf *out)
{
	const struct secret *key = &s->keys[which];
	int e = STORE_ESEALED;
	CK_RV rv;

	pthread_mutex_lock(&s->lock);
	if (key->len == SEAL_KEY_LEN) {
		rv = seal_bytes(s->crypto, key->p, aad, plain, out);
		e = rv == CKR_OK ? STORE_OK : rv == CKR_HOST_MEMORY ? STORE_ENOMEM : STORE_EIO;
	}
	pthread_mutex_unlock(&s->lock);
	return e;
}

static int open_under(struct seal *s, enum seal_key which, struct view aad, struct view sealed, struct secret *ret)
{
	const struct secret *key = &s->keys[which];
	int e = STORE_ESEALED;
	CK_RV rv;

	pthread_mutex_lock(&s->lock);
	if (key->len == SEAL_KEY_LEN) {
		rv = open_bytes(s->crypto, key->p, aad, sealed, ret);
		e = rv == CKR_OK ? STORE_OK : rv == CKR_HOST_MEMORY ? STORE_ENOMEM : STORE_ECORRUPT;
	}
	pthread_mutex_unlock(&s->lock);
	return e;
}

/* known: is there such a generation? 0 of a private domain: what schema 1 sealed with, only to be opened. */
static bool known(enum store_domain domain, uint16_t generation, bool old_too)
{
	if (domain == STORE_PUBLIC)
		return generation == 0;
	return generation == GENERATION || (generation == 0 && old_too);
}

static int on_seal(void *ctx, enum store_domain domain, uint16_t generation, struct view aad, struct view plain,
		   struct buf *out)
{
	return known(domain, generation, false) ? seal_under(ctx, domain_key[domain], aad, plain, out) : STORE_ECORRUPT;
}

static int on_open(void *ctx, enum store_domain domain, uint16_t generation, struct view aad, struct view sealed,
		   struct secret *ret)
{
	return known(domain, generation, true) ? open_under(ctx, domain_key[domain], aad, sealed, ret) : STORE_ECORRUPT;
}

static int on_generations(void *ctx, enum store_domain domain, uint16_t ret[STORE_GENERATIONS], unsigned *ret_n)
{
	struct seal *s = ctx;
	bool there;

	pthread_mutex_lock(&s->lock);
	there = s->keys[domain_key[domain]].len == SEAL_KEY_LEN;
	pthread_mutex_unlock(&s->lock);
	if (!there)
		return STORE_ESEALED;
	ret[0] = domain == STORE_PUBLIC ? 0 : GENERATION;
	*ret_n = 1;
	return STORE_OK;
}

int seal_proof(struct seal *s, enum seal_key key, struct view data, struct buf *out)
{
	return seal_under(s, key, data, VIEW(NULL, 0), out);
}

int seal_proves(struct seal *s, enum seal_key key, struct view data, struct view proof)
{
	SECRET_AUTO empty = { 0 };

	return open_under(s, key, data, proof, &empty);
}

int seal_hash(struct seal *s, enum seal_key which, struct view data, uint8_t ret[16])
{
	const struct secret *key = &s->keys[which];
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_end(),
	};
	uint8_t full[32];
	EVP_MAC_CTX *mac = NULL;
	size_t n = 0;
	int e = STORE_ESEALED;

	pthread_mutex_lock(&s->lock);
	if (key->len == SEAL_KEY_LEN) {
		e = STORE_ENOMEM;
		mac = EVP_MAC_CTX_new(s->crypto->hmac);
		if (mac != NULL && EVP_MAC_init(mac, key->p, key->len, params) == 1 &&
		    EVP_MAC_update(mac, data.p, data.n) == 1 && EVP_MAC_final(mac, full, &n, sizeof(full)) == 1) {
			memcpy(ret, full, 16);
			e = STORE_OK;
		}
		EVP_MAC_CTX_free(mac);
	}
	pthread_mutex_unlock(&s->lock);
	return e;
}

/* index_mac: the context that on_mac keeps for a domain, made anew when its key is. Under s->lock. */
static CK_RV index_mac(struct seal *s, enum store_domain domain)
{
	const struct secret *key = &s->keys[domain == STORE_PUBLIC ? SEAL_PUBLIC_INDEX : SEAL_PRIVATE_INDEX];

	EVP_MAC_CTX_free(s->mac[domain]);
	s->mac[domain] = NULL;
	return crypto_cmac_start(s->crypto, CKK_AES, secret_view(key), &s->mac[domain]);
}

/* CMAC on a context that keeps its key schedule: a find takes a handful of them. */
static int on_mac(void *ctx, enum store_domain domain, uint16_t generation, struct view data, uint8_t ret_mac[16])
{
	struct seal *s = ctx;
	int e = STORE_ESEALED;
	size_t n = 0;

	if (domain == STORE_SECRET || !known(domain, generation, false))
		return STORE_ECORRUPT;
	pthread_mutex_lock(&s->lock);
	if (s->mac[domain] != NULL)
		e = EVP_MAC_init(s->mac[domain], NULL, 0, NULL) == 1 &&
			    EVP_MAC_update(s->mac[domain], data.p, data.n) == 1 &&
			    EVP_MAC_final(s->mac[domain], ret_mac, &n, 16) == 1
			? STORE_OK
			: STORE_EIO;
	pthread_mutex_unlock(&s->lock);
	return e;
}

void seal_init(struct seal *s, const struct crypto *c)
{
	*s = (struct seal){ .crypto = c };
	pthread_mutex_init(&s->lock, NULL);
	s->store = (struct store_crypto){
		.ctx = s, .seal = on_seal, .open = on_open, .mac = on_mac, .generations = on_generations
	};
}

void seal_done(struct seal *s)
{
	for (size_t i = 0; i < SEAL_KEYS; i++)
		secret_done(&s->keys[i]);
	for (size_t i = 0; i < ARRAY_LEN(s->mac); i++)
		EVP_MAC_CTX_free(s->mac[i]);
	pthread_mutex_destroy(&s->lock);
}

CK_RV seal_public(struct seal *s, const uint8_t key[SEAL_KEY_LEN])
{
	struct view v = VIEW(key, SEAL_KEY_LEN);
	CK_RV rv;

	pthread_mutex_lock(&s->lock);
	rv = hkdf(s->crypto, v, "strongroom public objects", &s->keys[SEAL_PUBLIC]);
	if (rv == CKR_OK)
		rv = hkdf(s->crypto, v, "strongroom public index", &s->keys[SEAL_PUBLIC_INDEX]);
	if (rv == CKR_OK)
		rv = index_mac(s, STORE_PUBLIC);
	pthread_mutex_unlock(&s->lock);
	return rv;
}

CK_RV seal_open_token(struct seal *s, const struct secret *token_key)
{
	struct view v = secret_view(token_key);
	SECRET_AUTO copy = { 0 };
	CK_RV rv = CKR_HOST_MEMORY;

	if (!secret_init(&copy, SEAL_KEY_LEN) || !secret_set(&copy, v.p, v.n))
		return rv;
	pthread_mutex_lock(&s->lock);
	rv = hkdf(s->crypto, v, "strongroom private objects", &s->keys[SEAL_PRIVATE]);
	if (rv == CKR_OK)
		rv = hkdf(s->crypto, v, "strongroom secret values", &s->keys[SEAL_SECRET]);
	if (rv == CKR_OK)
		rv = hkdf(s->crypto, v, "strongroom private index", &s->keys[SEAL_PRIVATE_INDEX]);
	if (rv == CKR_OK)
		rv = index_mac(s, STORE_PRIVATE);
	if (rv == CKR_OK)
		rv = hkdf(s->crypto, v, "strongroom policy", &s->keys[SEAL_POLICY]);
	if (rv == CKR_OK)
		rv = hkdf(s->crypto, v, "strongroom key usages", &s->keys[SEAL_USES]);
	if (rv == CKR_OK) {
		secret_done(&s->keys[SEAL_TOKEN]);
		secret_move(&s->keys[SEAL_TOKEN], &copy);
	}
	pthread_mutex_unlock(&s->lock);
	return rv;
}

void seal_close_token(struct seal *s)
{
	pthread_mutex_lock(&s->lock);
	for (size_t i = SEAL_PRIVATE; i < SEAL_KEYS; i++)
		secret_done(&s->keys[i]);
	EVP_MAC_CTX_free(s->mac[STORE_PRIVATE]);
	s->mac[STORE_PRIVATE] = NULL;
	pthread_mutex_unlock(&s->lock);
}

CK_RV seal_token_key(struct seal *s, struct secret *ret)
{
	const struct secret *key = &s->keys[SEAL_TOKEN];
	SECRET_AUTO out = { 0 };
	CK_RV rv = CKR_USER_NOT_LOGGED_IN;

	pthread_mutex_lock(&s->lock);
	if (key->len == SEAL_KEY_LEN)
		rv = secret_init(&out, SEAL_KEY_LEN) && secret_set(&out, key->p, key->len) ? CKR_OK : CKR_HOST_MEMORY;
	pthread_mutex_unlock(&s->lock);
	if (rv == CKR_OK)
		secret_move(ret, &out);
	return rv;
}

CK_RV seal_state_key(struct seal *s, bool logged_in, struct secret *ret)
{
	const struct secret *from = &s->keys[logged_in ? SEAL_TOKEN : SEAL_PUBLIC];
	CK_RV rv = CKR_USER_NOT_LOGGED_IN;

	pthread_mutex_lock(&s->lock);
	if (from->len == SEAL_KEY_LEN)
		rv = hkdf(s->crypto, secret_view(from), "strongroom operation state", ret);
	pthread_mutex_unlock(&s->lock);
	return rv;
}
