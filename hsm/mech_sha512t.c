/* SPDX-License-Identifier: BSD-2-Clause */
/* EVP knows SHA-512/224 and SHA-512/256 alone; for any other t the initial value must be set by hand. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "mech_family.h"
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * SHA-512/t (FIPS 180-4, 5.3.6 and 6.7) for every t from 1 to 511 but 384, as a digest and in HMAC: the parameter is t
 * in bits, the result its bytes rounded up, the bits behind t zero.
 */
#define BLOCK SHA512_CBLOCK

/* Stands in memory for secrets: the states have taken in HMAC's keys. */
struct sha512t {
	SHA512_CTX inner;
	SHA512_CTX outer; /* HMAC */
	bool hmac;
	unsigned t;
};

static struct sha512t *state_of(const struct op *op)
{
	const struct secret *room = op->state;

	return (void *)room->p;
}

static CK_RV t_check(const struct mech_row *row, const CK_MECHANISM *m)
{
	CK_ULONG t;

	memcpy(&t, m->pParameter, sizeof(t));
	return t >= 1 && t <= 511 && t != 384 ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

const struct mech_param param_sha512t = {
	.text = "CK_MAC_GENERAL_PARAMS: t in bits",
	.size = sizeof(CK_ULONG),
	.flat = true,
	.check = t_check,
};

/* start: the initial value is a digest of the algorithm's name by a SHA-512 whose own is masked. */
static bool start(SHA512_CTX *ret, unsigned t)
{
	uint8_t digest[SHA512_DIGEST_LENGTH];
	SHA512_CTX ctx;
	char name[16];
	int n = snprintf(name, sizeof(name), "SHA-512/%u", t);

	if (SHA512_Init(&ctx) != 1)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(ctx.h); i++)
		ctx.h[i] ^= 0xa5a5a5a5a5a5a5a5;
	if (SHA512_Update(&ctx, name, (size_t)n) != 1 || SHA512_Final(digest, &ctx) != 1 || SHA512_Init(ret) != 1)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(ret->h); i++)
		ret->h[i] = be_get64(digest + 8 * i);
	return true;
}

static bool finish(SHA512_CTX *ctx, unsigned t, uint8_t *out)
{
	uint8_t digest[SHA512_DIGEST_LENGTH];
	size_t len = (t + 7) / 8;
	bool ok = SHA512_Final(digest, ctx) == 1;

	if (t % 8 != 0)
		digest[len - 1] &= (uint8_t)(0xff << (8 - t % 8));
	memcpy(out, digest, len);
	memory_wipe(digest, sizeof(digest));
	return ok;
}

/* key_pads: HMAC's keys, inner and outer, go in. */
static CK_RV key_pads(struct sha512t *s, struct view key)
{
	SECRET_AUTO k = { 0 };
	bool ok = true;

	if (!secret_init(&k, BLOCK))
		return CKR_HOST_MEMORY;
	if (key.n > BLOCK) {
		ok = start(&s->inner, s->t) && SHA512_Update(&s->inner, key.p, key.n) == 1 &&
		     finish(&s->inner, s->t, k.p);
	} else {
		memcpy(k.p, key.p, key.n);
	}
	for (size_t i = 0; i < BLOCK; i++)
		k.p[i] ^= 0x36;
	ok = ok && start(&s->inner, s->t) && SHA512_Update(&s->inner, k.p, BLOCK) == 1;
	for (size_t i = 0; i < BLOCK; i++)
		k.p[i] ^= 0x36 ^ 0x5c;
	ok = ok && start(&s->outer, s->t) && SHA512_Update(&s->outer, k.p, BLOCK) == 1;
	return ok ? CKR_OK : CKR_GENERAL_ERROR;
}

static CK_RV sha512t_init(struct op *op, struct session *session, const CK_MECHANISM *m, struct object *key)
{
	struct secret *room = calloc(1, sizeof(*room));
	struct sha512t *s;
	CK_ULONG t;

	if (room == NULL)
		return CKR_HOST_MEMORY;
	op->state = room;
	if (!secret_init(room, sizeof(*s)))
		return CKR_HOST_MEMORY;
	memcpy(&t, m->pParameter, sizeof(t));
	s = state_of(op);
	s->t = (unsigned)t;
	s->hmac = key != NULL;
	op->out_len = (t + 7) / 8;
	if (s->hmac)
		return key_pads(s, object_secret(key, CKA_VALUE));
	return start(&s->inner, s->t) ? CKR_OK : CKR_GENERAL_ERROR;
}

static void sha512t_done(struct op *op)
{
	if (op->state != NULL)
		secret_done(op->state);
	free(op->state);
}

static CK_RV sha512t_update(struct op *op, struct view data)
{
	struct sha512t *s = state_of(op);

	return data.n == 0 || SHA512_Update(&s->inner, data.p, data.n) == 1 ? CKR_OK : CKR_GENERAL_ERROR;
}

static CK_RV sha512t_final(struct op *op, uint8_t *out)
{
	struct sha512t *s = state_of(op);

	if (!finish(&s->inner, s->t, out))
		return CKR_GENERAL_ERROR;
	if (!s->hmac)
		return CKR_OK;
	if (SHA512_Update(&s->outer, out, op->out_len) != 1 || !finish(&s->outer, s->t, out))
		return CKR_GENERAL_ERROR;
	return CKR_OK;
}

static CK_RV sha512t_key(struct op *op, struct object *key)
{
	struct view value;
	CK_RV rv = mech_digest_value(key, &value);

	return rv == CKR_OK ? sha512t_update(op, value) : rv;
}

const struct mech_ops sha512t_ops = {
	.init = sha512t_init,
	.done = sha512t_done,
	.update = sha512t_update,
	.final = sha512t_final,
	.digest_key = sha512t_key,
};
