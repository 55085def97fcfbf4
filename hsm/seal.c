/* SPDX-License-Identifier: BSD-2-Clause */
#include "seal.h"

#include <string.h>

#include "crypto.h"

/* HKDF's info texts. */
static const char *const info_of[SEAL_KEYS] = {
	[SEAL_PUBLIC] = "strongroom public objects", [SEAL_PUBLIC_INDEX] = "strongroom public index",
	[SEAL_USES] = "strongroom key usages",       [SEAL_PRIVATE] = "strongroom private objects",
	[SEAL_SECRET] = "strongroom secret values",  [SEAL_PRIVATE_INDEX] = "strongroom private index",
	[SEAL_POLICY] = "strongroom policy",         [SEAL_USES_PROOF] = "strongroom key usages",
};

static CK_RV derive(const struct seal *s, const struct secret *from, enum seal_key which, struct secret *ret)
{
	return seal_kdf(s->crypto, secret_view(from), VIEW(NULL, 0), info_of[which], ret);
}

static int store_of(CK_RV rv, int otherwise)
{
	return rv == CKR_OK ? STORE_OK : rv == CKR_HOST_MEMORY ? STORE_ENOMEM : otherwise;
}

/* by_number: under the lock; NULL: not there. SEAL_ANY: the writing one. */
static struct seal_generation *by_number(struct seal *s, uint16_t number)
{
	for (unsigned i = 0; i < s->generations; i++)
		if (number == SEAL_ANY || s->generation[i].number == number)
			return &s->generation[i];
	return NULL;
}

/* key_of: under the lock; NULL: not there. */
static const struct secret *key_of(struct seal *s, enum seal_key which, uint16_t number)
{
	const struct seal_generation *g;

	if (which < SEAL_FIXED)
		return s->fixed[which].len == SEAL_KEY_LEN ? &s->fixed[which] : NULL;
	g = by_number(s, number);
	return g != NULL ? &g->keys[which - SEAL_FIXED] : NULL;
}

/* missing: STORE_ESEALED: nobody is logged in. Else the generation may have come since: it is looked for, once. */
static int missing(struct seal *s, enum seal_key which, bool again)
{
	if (which < SEAL_FIXED || s->fixed[SEAL_USER].len == 0)
		return STORE_ESEALED;
	return again || s->look == NULL ? STORE_ECORRUPT : STORE_OK;
}

int seal_under(struct seal *s, enum seal_key which, uint16_t generation, struct view aad, struct view plain,
	       struct buf *out)
{
	for (bool again = false;; again = true) {
		const struct secret *key;
		int e;

		pthread_mutex_lock(&s->lock);
		key = key_of(s, which, generation);
		if (key != NULL)
			e = store_of(seal_bytes(s->crypto, key->p, aad, plain, out), STORE_EIO);
		else
			e = missing(s, which, again);
		pthread_mutex_unlock(&s->lock);
		if (key != NULL || e != STORE_OK)
			return e;
		s->look(s->look_ctx);
	}
}

/* open_any: under the lock: with each living generation. */
static int open_any(struct seal *s, enum seal_key which, struct view aad, struct view sealed, struct secret *ret)
{
	int e = STORE_ECORRUPT;

	for (unsigned i = 0; i < s->generations && e == STORE_ECORRUPT; i++)
		e = store_of(open_bytes(s->crypto, s->generation[i].keys[which - SEAL_FIXED].p, aad, sealed, ret),
			     STORE_ECORRUPT);
	return e;
}

int open_under(struct seal *s, enum seal_key which, uint16_t generation, struct view aad, struct view sealed,
	       struct secret *ret)
{
	bool any = which >= SEAL_FIXED && generation == SEAL_ANY;

	for (bool again = false;; again = true) {
		const struct secret *key;
		bool found;
		int e;

		pthread_mutex_lock(&s->lock);
		key = key_of(s, which, generation);
		if (key == NULL)
			e = STORE_ECORRUPT;
		else if (any)
			e = open_any(s, which, aad, sealed, ret);
		else
			e = store_of(open_bytes(s->crypto, key->p, aad, sealed, ret), STORE_ECORRUPT);
		found = key != NULL && !(any && e == STORE_ECORRUPT);
		if (!found && (e = missing(s, which, again)) != STORE_OK)
			found = true;
		pthread_mutex_unlock(&s->lock);
		if (found)
			return e;
		s->look(s->look_ctx);
	}
}

int seal_proof(struct seal *s, enum seal_key key, struct view data, struct buf *out)
{
	return seal_under(s, key, SEAL_ANY, data, VIEW(NULL, 0), out);
}

int seal_proves(struct seal *s, enum seal_key key, struct view data, struct view proof)
{
	SECRET_AUTO empty = { 0 };

	return open_under(s, key, SEAL_ANY, data, proof, &empty);
}

int seal_hash(struct seal *s, enum seal_key which, struct view data, uint8_t ret[16])
{
	const struct secret *key;
	int e = STORE_ESEALED;

	pthread_mutex_lock(&s->lock);
	key = key_of(s, which, SEAL_ANY);
	if (key != NULL)
		e = store_of(seal_mac(s->crypto, secret_view(key), data, ret), STORE_ENOMEM);
	pthread_mutex_unlock(&s->lock);
	return e;
}

static const enum seal_key domain_key[] = {
	[STORE_PUBLIC] = SEAL_PUBLIC,
	[STORE_PRIVATE] = SEAL_PRIVATE,
	[STORE_SECRET] = SEAL_SECRET,
};

static int on_seal(void *ctx, enum store_domain domain, uint16_t generation, struct view aad, struct view plain,
		   struct buf *out)
{
	return seal_under(ctx, domain_key[domain], generation, aad, plain, out);
}

static int on_open(void *ctx, enum store_domain domain, uint16_t generation, struct view aad, struct view sealed,
		   struct secret *ret)
{
	return open_under(ctx, domain_key[domain], generation, aad, sealed, ret);
}

static int mac_with(EVP_MAC_CTX *mac, struct view data, uint8_t ret[16])
{
	size_t n = 0;

	return EVP_MAC_init(mac, NULL, 0, NULL) == 1 && EVP_MAC_update(mac, data.p, data.n) == 1 &&
		       EVP_MAC_final(mac, ret, &n, 16) == 1
		   ? STORE_OK
		   : STORE_EIO;
}

static int on_mac(void *ctx, enum store_domain domain, uint16_t generation, struct view data, uint8_t ret_mac[16])
{
	struct seal *s = ctx;

	for (bool again = false;; again = true) {
		const struct seal_generation *g = NULL;
		EVP_MAC_CTX *mac;
		int e;

		pthread_mutex_lock(&s->lock);
		if (domain != STORE_PUBLIC)
			g = by_number(s, generation);
		mac = domain == STORE_PUBLIC ? s->mac : g != NULL ? g->mac : NULL;
		e = mac != NULL ? mac_with(mac, data, ret_mac)
				: missing(s, domain == STORE_PUBLIC ? SEAL_PUBLIC_INDEX : SEAL_PRIVATE_INDEX, again);
		pthread_mutex_unlock(&s->lock);
		if (mac != NULL || e != STORE_OK)
			return e;
		s->look(s->look_ctx);
	}
}

static int on_generations(void *ctx, enum store_domain domain, uint16_t ret[STORE_GENERATIONS], unsigned *ret_n)
{
	struct seal *s = ctx;
	int e = STORE_OK;

	pthread_mutex_lock(&s->lock);
	if (domain == STORE_PUBLIC) {
		ret[0] = 0;
		*ret_n = 1;
	} else if (s->generations == 0) {
		e = STORE_ESEALED;
	} else {
		for (unsigned i = 0; i < s->generations; i++)
			ret[i] = s->generation[i].number;
		*ret_n = s->generations;
	}
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

static void generation_done(struct seal_generation *g)
{
	for (size_t i = 0; i < ARRAY_LEN(g->keys); i++)
		secret_done(&g->keys[i]);
	EVP_MAC_CTX_free(g->mac);
	g->mac = NULL;
	g->number = 0;
}

/* close_all: under the lock. */
static void close_all(struct seal *s)
{
	for (unsigned i = 0; i < s->generations; i++)
		generation_done(&s->generation[i]);
	s->generations = 0;
	for (size_t i = SEAL_USER; i < SEAL_FIXED; i++)
		secret_done(&s->fixed[i]);
}

void seal_close(struct seal *s)
{
	pthread_mutex_lock(&s->lock);
	close_all(s);
	pthread_mutex_unlock(&s->lock);
}

void seal_done(struct seal *s)
{
	close_all(s);
	for (size_t i = 0; i < SEAL_FIXED; i++)
		secret_done(&s->fixed[i]);
	EVP_MAC_CTX_free(s->mac);
	pthread_mutex_destroy(&s->lock);
}

static CK_RV start_mac(struct seal *s, const struct secret *key, EVP_MAC_CTX **mac)
{
	EVP_MAC_CTX_free(*mac);
	*mac = NULL;
	return crypto_cmac_start(s->crypto, CKK_AES, secret_view(key), mac);
}

CK_RV seal_public(struct seal *s, const uint8_t key[SEAL_KEY_LEN])
{
	CK_RV rv = CKR_OK;

	pthread_mutex_lock(&s->lock);
	for (size_t i = SEAL_PUBLIC; rv == CKR_OK && i <= SEAL_PUBLIC_INDEX; i++)
		rv = seal_kdf(s->crypto, VIEW(key, SEAL_KEY_LEN), VIEW(NULL, 0), info_of[i], &s->fixed[i]);
	if (rv == CKR_OK)
		rv = start_mac(s, &s->fixed[SEAL_PUBLIC_INDEX], &s->mac);
	pthread_mutex_unlock(&s->lock);
	return rv;
}

CK_RV seal_open_user(struct seal *s, const struct secret *user_key)
{
	SECRET_AUTO copy = { 0 };
	CK_RV rv;

	if (!secret_init(&copy, SEAL_KEY_LEN) || !secret_set(&copy, user_key->p, user_key->len))
		return CKR_HOST_MEMORY;
	pthread_mutex_lock(&s->lock);
	close_all(s);
	rv = derive(s, user_key, SEAL_USES, &s->fixed[SEAL_USES]);
	if (rv == CKR_OK)
		secret_move(&s->fixed[SEAL_USER], &copy);
	pthread_mutex_unlock(&s->lock);
	return rv;
}

CK_RV seal_user_key(struct seal *s, struct secret *ret)
{
	const struct secret *key = &s->fixed[SEAL_USER];
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

/* generation_take: the one that is there moves over; else its keys are derived. Under the lock. */
static CK_RV generation_take(struct seal *s, const struct seal_living *l, struct seal_generation *ret)
{
	struct seal_generation *old = by_number(s, l->number);
	CK_RV rv = CKR_OK;

	ret->number = l->number;
	if (old != NULL) {
		for (size_t i = 0; i < ARRAY_LEN(ret->keys); i++)
			secret_move(&ret->keys[i], &old->keys[i]);
		ret->mac = old->mac;
		old->mac = NULL;
		return CKR_OK;
	}
	for (size_t i = 0; rv == CKR_OK && i < ARRAY_LEN(ret->keys); i++)
		rv = derive(s, l->key, (enum seal_key)(SEAL_FIXED + i), &ret->keys[i]);
	return rv == CKR_OK ? start_mac(s, &ret->keys[SEAL_PRIVATE_INDEX - SEAL_FIXED], &ret->mac) : rv;
}

static bool listed(const struct seal_living *living, unsigned n, uint16_t number)
{
	for (unsigned i = 0; i < n; i++)
		if (living[i].number == number)
			return true;
	return false;
}

CK_RV seal_live(struct seal *s, const struct seal_living *living, unsigned n, bool keep)
{
	struct seal_generation all[STORE_GENERATIONS] = { 0 };
	unsigned taken = 0;
	CK_RV rv = n <= STORE_GENERATIONS ? CKR_OK : CKR_GENERAL_ERROR;

	pthread_mutex_lock(&s->lock);
	/* New ones first, so that nothing has moved when one fails. */
	for (unsigned i = 0; rv == CKR_OK && i < n; i++)
		if (by_number(s, living[i].number) == NULL)
			rv = generation_take(s, &living[i], &all[i]);
	if (rv == CKR_OK) {
		for (taken = 0; rv == CKR_OK && taken < n; taken++)
			if (by_number(s, living[taken].number) != NULL)
				rv = generation_take(s, &living[taken], &all[taken]);
		for (unsigned i = 0; i < s->generations; i++) {
			struct seal_living old = { .number = s->generation[i].number };

			if (keep && taken < STORE_GENERATIONS && !listed(living, n, old.number))
				rv = generation_take(s, &old, &all[taken++]);
			generation_done(&s->generation[i]);
		}
		memcpy(s->generation, all, sizeof(all));
		s->generations = taken;
	} else {
		for (unsigned i = 0; i < n && i < STORE_GENERATIONS; i++)
			generation_done(&all[i]);
	}
	pthread_mutex_unlock(&s->lock);
	return rv;
}

uint16_t seal_current(struct seal *s)
{
	uint16_t number;

	pthread_mutex_lock(&s->lock);
	number = s->generations > 0 ? s->generation[0].number : 0;
	pthread_mutex_unlock(&s->lock);
	return number;
}

CK_RV seal_state_key(struct seal *s, bool logged_in, struct secret *ret)
{
	const struct secret *from = &s->fixed[logged_in ? SEAL_USER : SEAL_PUBLIC];
	CK_RV rv = CKR_USER_NOT_LOGGED_IN;

	pthread_mutex_lock(&s->lock);
	if (from->len == SEAL_KEY_LEN)
		rv = seal_kdf(s->crypto, secret_view(from), VIEW(NULL, 0), "strongroom operation state", ret);
	pthread_mutex_unlock(&s->lock);
	return rv;
}
