/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

/*
 * The floor: the same work by OpenSSL's EVP. What may be kept is kept: context, algorithm, for public keys
 * EVP_PKEY_CTX; key and IV are set for each operation.
 */
struct floor {
	const struct bench_row *row;
	EVP_CIPHER *cipher;
	EVP_CIPHER_CTX *ctx;
	EVP_CIPHER_CTX *ecb[2]; /* X9.19: decrypts and encrypts the last block */
	EVP_MAC *mac;
	EVP_MAC_CTX *mac_ctx;
	EVP_MD *md;
	EVP_MD_CTX *md_ctx;
	EVP_PKEY *pkey, *peer;
	EVP_PKEY_CTX *pkey_ctx;
	uint8_t key[64], iv[16], tag[64];
	uint8_t point[65]; /* of the peer */
	uint8_t *in, *out;
	uint8_t other[512]; /* signature, ciphertext */
	size_t other_len;
};

#define MUST(call)                                                                                                     \
	do {                                                                                                           \
		if ((call) != 1)                                                                                       \
			bench_fail("OpenSSL: %s failed", #call);                                                       \
	} while (0)
#define OUT_EXTRA 64

static OSSL_LIB_CTX *floor_lib(void)
{
	static OSSL_LIB_CTX *lib;

	if (lib != NULL)
		return lib;
	lib = OSSL_LIB_CTX_new();
	if (lib == NULL || OSSL_PROVIDER_load(lib, "default") == NULL)
		bench_fail("OpenSSL has no default provider");
	/* Single DES; without it the rows that need it say so. */
	OSSL_PROVIDER_load(lib, "legacy");
	return lib;
}

static bool run_cipher(void *state)
{
	struct floor *f = state;
	int n, rest;

	return EVP_CipherInit_ex2(f->ctx, NULL, f->key, f->iv, 1, NULL) == 1 &&
	       EVP_CipherUpdate(f->ctx, f->out, &n, f->in, (int)f->row->size) == 1 &&
	       EVP_CipherFinal_ex(f->ctx, f->out + n, &rest) == 1;
}

static bool run_gcm(void *state)
{
	struct floor *f = state;

	return run_cipher(f) && EVP_CIPHER_CTX_ctrl(f->ctx, EVP_CTRL_AEAD_GET_TAG, 16, f->tag) == 1;
}

static bool run_chain(void *state)
{
	struct floor *f = state;
	int n;

	return EVP_CipherInit_ex2(f->ctx, NULL, f->key, f->iv, 1, NULL) == 1 &&
	       EVP_CipherUpdate(f->ctx, f->out, &n, f->in, (int)f->row->size) == 1;
}

static bool run_retail(void *state)
{
	struct floor *f = state;
	int n;

	return run_chain(f) && EVP_CipherInit_ex2(f->ecb[0], NULL, f->key + 8, NULL, 0, NULL) == 1 &&
	       EVP_CipherUpdate(f->ecb[0], f->tag, &n, f->out + f->row->size - 8, 8) == 1 &&
	       EVP_CipherInit_ex2(f->ecb[1], NULL, f->key, NULL, 1, NULL) == 1 &&
	       EVP_CipherUpdate(f->ecb[1], f->tag, &n, f->tag, 8) == 1;
}

static bool run_mac(void *state)
{
	struct floor *f = state;
	size_t n;

	return EVP_MAC_init(f->mac_ctx, f->key, f->row->key, NULL) == 1 &&
	       EVP_MAC_update(f->mac_ctx, f->in, f->row->size) == 1 &&
	       EVP_MAC_final(f->mac_ctx, f->tag, &n, sizeof(f->tag)) == 1;
}

static bool run_digest(void *state)
{
	struct floor *f = state;

	return EVP_DigestInit_ex2(f->md_ctx, f->md, NULL) == 1 &&
	       EVP_DigestUpdate(f->md_ctx, f->in, f->row->size) == 1 &&
	       EVP_DigestFinal_ex(f->md_ctx, f->tag, NULL) == 1;
}

static bool run_sign(void *state)
{
	struct floor *f = state;
	size_t n = sizeof(f->other);

	return EVP_PKEY_sign(f->pkey_ctx, f->other, &n, f->in, f->row->size) == 1;
}

static bool run_eddsa(void *state)
{
	struct floor *f = state;
	size_t n = sizeof(f->other);

	return EVP_DigestSign(f->md_ctx, f->other, &n, f->in, f->row->size) == 1;
}

static bool run_verify(void *state)
{
	struct floor *f = state;

	return EVP_PKEY_verify(f->pkey_ctx, f->other, f->other_len, f->in, f->row->size) == 1;
}

static bool run_decrypt(void *state)
{
	struct floor *f = state;
	size_t n = 512;

	return EVP_PKEY_decrypt(f->pkey_ctx, f->out, &n, f->other, f->other_len) == 1;
}

/* The other's point comes as bytes, and must be on the curve. */
static bool run_ecdh(void *state)
{
	struct floor *f = state;
	size_t n = 64;

	return EVP_PKEY_set1_encoded_public_key(f->peer, f->point, sizeof(f->point)) == 1 &&
	       EVP_PKEY_derive_set_peer_ex(f->pkey_ctx, f->peer, 0) == 1 &&
	       EVP_PKEY_derive(f->pkey_ctx, f->out, &n) == 1;
}

static bool run_generate(void *state)
{
	struct floor *f = state;

	return RAND_priv_bytes_ex(floor_lib(), f->key, f->row->size, 0) == 1;
}

static bool run_random(void *state)
{
	struct floor *f = state;

	return RAND_bytes_ex(floor_lib(), f->out, f->row->size, 0) == 1;
}

static bool run_wrap(void *state)
{
	struct floor *f = state;
	int n;

	return EVP_CipherInit_ex2(f->ctx, NULL, f->key, NULL, 1, NULL) == 1 &&
	       EVP_CipherUpdate(f->ctx, f->out, &n, f->in, (int)f->row->size) == 1;
}

static bool run_unwrap(void *state)
{
	struct floor *f = state;
	int n;

	return EVP_CipherInit_ex2(f->ctx, NULL, f->key, NULL, 0, NULL) == 1 &&
	       EVP_CipherUpdate(f->ctx, f->out, &n, f->other, (int)f->other_len) == 1;
}

static void drop(void *state)
{
	struct floor *f = state;

	EVP_CIPHER_CTX_free(f->ecb[0]);
	EVP_CIPHER_CTX_free(f->ecb[1]);
	EVP_CIPHER_CTX_free(f->ctx);
	EVP_CIPHER_free(f->cipher);
	EVP_MAC_CTX_free(f->mac_ctx);
	EVP_MAC_free(f->mac);
	EVP_MD_CTX_free(f->md_ctx);
	EVP_MD_free(f->md);
	EVP_PKEY_CTX_free(f->pkey_ctx);
	EVP_PKEY_free(f->peer);
	EVP_PKEY_free(f->pkey);
	free(f->in);
	free(f->out);
	free(f);
}

static void start_cipher(EVP_CIPHER_CTX **ctx, const EVP_CIPHER *cipher, int encrypt)
{
	*ctx = EVP_CIPHER_CTX_new();
	if (*ctx == NULL)
		bench_fail("no memory");
	EVP_CIPHER_CTX_set_flags(*ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	MUST(EVP_CipherInit_ex2(*ctx, cipher, NULL, NULL, encrypt, NULL));
	EVP_CIPHER_CTX_set_padding(*ctx, 0);
}

static void make_cipher(struct floor *f, const char *name)
{
	f->cipher = EVP_CIPHER_fetch(floor_lib(), name, NULL);
	if (f->cipher == NULL)
		bench_fail("OpenSSL has no %s (single DES is in its legacy provider)", name);
	start_cipher(&f->ctx, f->cipher, f->row->family != BENCH_UNWRAP);
}

static void make_retail(struct floor *f)
{
	EVP_CIPHER *ecb = EVP_CIPHER_fetch(floor_lib(), "DES-ECB", NULL);

	make_cipher(f, f->row->floor);
	start_cipher(&f->ecb[0], ecb, 0);
	start_cipher(&f->ecb[1], ecb, 1);
	EVP_CIPHER_free(ecb);
}

/* The name is MAC:ALGORITHM. */
static void make_mac(struct floor *f)
{
	const char *colon = strchr(f->row->floor, ':');
	char name[16] = { 0 };
	bool hmac = strncmp(f->row->floor, "HMAC", 4) == 0;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(hmac ? OSSL_MAC_PARAM_DIGEST : OSSL_MAC_PARAM_CIPHER,
						 (char *)(uintptr_t)(colon + 1), 0),
		OSSL_PARAM_construct_end(),
	};

	memcpy(name, f->row->floor, (size_t)(colon - f->row->floor));
	f->mac = EVP_MAC_fetch(floor_lib(), name, NULL);
	f->mac_ctx = EVP_MAC_CTX_new(f->mac);
	if (f->mac_ctx == NULL)
		bench_fail("OpenSSL has no %s", f->row->floor);
	MUST(EVP_MAC_init(f->mac_ctx, f->key, f->row->key, params));
}

static void make_digest(struct floor *f)
{
	f->md = EVP_MD_fetch(floor_lib(), f->row->floor, NULL);
	f->md_ctx = EVP_MD_CTX_new();
	if (f->md == NULL || f->md_ctx == NULL)
		bench_fail("OpenSSL has no %s", f->row->floor);
}

static EVP_PKEY *make_pkey(const struct bench_row *row)
{
	EVP_PKEY *pkey;

	if (strcmp(row->floor, "RSA") == 0)
		pkey = EVP_PKEY_Q_keygen(floor_lib(), NULL, "RSA", row->key);
	else if (strcmp(row->floor, "EC") == 0)
		pkey = EVP_PKEY_Q_keygen(floor_lib(), NULL, "EC", "P-256");
	else
		pkey = EVP_PKEY_Q_keygen(floor_lib(), NULL, row->floor);
	if (pkey == NULL)
		bench_fail("OpenSSL makes no key for %s", row->name);
	return pkey;
}

static void make_eddsa(struct floor *f)
{
	f->pkey = make_pkey(f->row);
	f->md_ctx = EVP_MD_CTX_new();
	MUST(EVP_DigestSignInit_ex(f->md_ctx, NULL, NULL, floor_lib(), NULL, f->pkey, NULL));
}

static void make_public(struct floor *f)
{
	f->pkey = make_pkey(f->row);
	f->pkey_ctx = EVP_PKEY_CTX_new_from_pkey(floor_lib(), f->pkey, NULL);
	f->other_len = sizeof(f->other);
	switch (f->row->family) {
	case BENCH_SIGN:
		MUST(EVP_PKEY_sign_init(f->pkey_ctx));
		if (f->row->mechanism == CKM_RSA_PKCS)
			MUST(EVP_PKEY_CTX_set_rsa_padding(f->pkey_ctx, RSA_PKCS1_PADDING));
		break;
	case BENCH_VERIFY:
		MUST(EVP_PKEY_sign_init(f->pkey_ctx));
		MUST(EVP_PKEY_sign(f->pkey_ctx, f->other, &f->other_len, f->in, f->row->size));
		MUST(EVP_PKEY_verify_init(f->pkey_ctx));
		break;
	case BENCH_OAEP:
		MUST(EVP_PKEY_encrypt_init(f->pkey_ctx));
		MUST(EVP_PKEY_CTX_set_rsa_padding(f->pkey_ctx, RSA_PKCS1_OAEP_PADDING));
		MUST(EVP_PKEY_encrypt(f->pkey_ctx, f->other, &f->other_len, f->in, f->row->size));
		MUST(EVP_PKEY_decrypt_init(f->pkey_ctx));
		MUST(EVP_PKEY_CTX_set_rsa_padding(f->pkey_ctx, RSA_PKCS1_OAEP_PADDING));
		break;
	default:
		f->peer = make_pkey(f->row);
		MUST(EVP_PKEY_get_octet_string_param(f->peer, OSSL_PKEY_PARAM_PUB_KEY, f->point, sizeof(f->point),
						     &f->other_len));
		MUST(EVP_PKEY_derive_init(f->pkey_ctx));
	}
}

static void make_unwrap(struct floor *f)
{
	EVP_CIPHER_CTX *wrap;
	int n;

	make_cipher(f, f->row->floor);
	start_cipher(&wrap, f->cipher, 1);
	MUST(EVP_CipherInit_ex2(wrap, NULL, f->key, NULL, 1, NULL));
	MUST(EVP_CipherUpdate(wrap, f->other, &n, f->in, (int)f->row->size));
	f->other_len = (size_t)n;
	EVP_CIPHER_CTX_free(wrap);
}

void work_floor(const struct bench_row *row, struct work *w)
{
	static bool (*const run[])(void *) = {
		[BENCH_CIPHER] = run_cipher, [BENCH_GCM] = run_gcm,           [BENCH_MAC] = run_mac,
		[BENCH_CBC_MAC] = run_chain, [BENCH_RETAIL_MAC] = run_retail, [BENCH_DIGEST] = run_digest,
		[BENCH_SIGN] = run_sign,     [BENCH_VERIFY] = run_verify,     [BENCH_OAEP] = run_decrypt,
		[BENCH_ECDH] = run_ecdh,     [BENCH_GENERATE] = run_generate, [BENCH_WRAP] = run_wrap,
		[BENCH_UNWRAP] = run_unwrap, [BENCH_RANDOM] = run_random,
	};
	struct floor *f = calloc(1, sizeof(*f));
	bool eddsa = row->mechanism == CKM_EDDSA;

	if (f == NULL)
		bench_fail("no memory");
	*w = (struct work){ .state = f, .run = eddsa ? run_eddsa : run[row->family], .drop = drop };
	f->row = row;
	f->in = calloc(1, row->size + OUT_EXTRA);
	f->out = calloc(1, row->size + 1024);
	MUST(RAND_bytes_ex(floor_lib(), f->key, sizeof(f->key), 0));
	switch (row->family) {
	case BENCH_CIPHER:
	case BENCH_GCM:
	case BENCH_CBC_MAC:
	case BENCH_WRAP:
		make_cipher(f, row->floor);
		break;
	case BENCH_RETAIL_MAC:
		make_retail(f);
		break;
	case BENCH_MAC:
		make_mac(f);
		break;
	case BENCH_DIGEST:
		make_digest(f);
		break;
	case BENCH_UNWRAP:
		make_unwrap(f);
		break;
	case BENCH_GENERATE:
	case BENCH_RANDOM:
		break;
	default:
		if (eddsa)
			make_eddsa(f);
		else
			make_public(f);
	}
}
