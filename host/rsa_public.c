/* SPDX-License-Identifier: BSD-2-Clause */
#include "rsa_public.h"
#include "sha256.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define BITS_MIN 2048
#define BITS_MAX 4096

void rsa_public_done(struct rsa_public *k)
{
	buf_done(&k->info);
	buf_done(&k->modulus);
	buf_done(&k->exponent);
}

/* key_in: the forms that a file may have, one after the other. */
static EVP_PKEY *key_in(FILE *file)
{
	EVP_PKEY *key = PEM_read_PUBKEY(file, NULL, NULL, NULL);
	X509 *certificate = NULL;

	if (key == NULL && fseek(file, 0, SEEK_SET) == 0)
		certificate = PEM_read_X509(file, NULL, NULL, NULL);
	if (key == NULL && certificate == NULL && fseek(file, 0, SEEK_SET) == 0)
		key = d2i_PUBKEY_fp(file, NULL);
	if (key == NULL && certificate == NULL && fseek(file, 0, SEEK_SET) == 0)
		certificate = d2i_X509_fp(file, NULL);
	if (certificate != NULL)
		key = X509_get_pubkey(certificate);
	X509_free(certificate);
	return key;
}

static bool put_number(EVP_PKEY *key, const char *name, struct buf *out)
{
	uint8_t room[BITS_MAX / 8];
	BIGNUM *number = NULL;
	int n = 0;

	if (EVP_PKEY_get_bn_param(key, name, &number) != 1 || BN_num_bytes(number) > (int)sizeof(room)) {
		BN_free(number);
		return false;
	}
	n = BN_bn2bin(number, room);
	BN_free(number);
	buf_put(out, room, (size_t)n);
	return true;
}

static enum err take(EVP_PKEY *key, const char *what, struct rsa_public *ret, struct fail *f)
{
	uint8_t *der = NULL;
	int bits = key != NULL && EVP_PKEY_is_a(key, "RSA") ? EVP_PKEY_get_bits(key) : 0;
	int n;

	if (bits < BITS_MIN || bits > BITS_MAX)
		return fail_set(f, ERR_CONFIG, 0,
				"%.128s: no public RSA key of %d to %d bits (PEM or DER), nor a certificate over one",
				what, BITS_MIN, BITS_MAX);
	n = i2d_PUBKEY(key, &der);
	if (n > 0)
		buf_put(&ret->info, der, (size_t)n);
	OPENSSL_free(der);
	ret->bits = (unsigned)bits;
	if (n <= 0 || !put_number(key, OSSL_PKEY_PARAM_RSA_N, &ret->modulus) ||
	    !put_number(key, OSSL_PKEY_PARAM_RSA_E, &ret->exponent) || !buf_ok(&ret->info) || !buf_ok(&ret->modulus))
		return fail_set(f, ERR_NO_MEMORY, 0, "key");
	return ERR_OK;
}

enum err rsa_public_read(const char *path, struct rsa_public *ret, struct fail *f)
{
	FILE *file = fopen(path, "re");
	EVP_PKEY *key;
	enum err e;

	if (file == NULL)
		return fail_set(f, ERR_CONFIG, 0, "%.128s: %s", path, strerror(errno));
	key = key_in(file);
	fclose(file);
	e = take(key, path, ret, f);
	EVP_PKEY_free(key);
	return e;
}

enum err rsa_public_of(struct view modulus, struct view exponent, struct rsa_public *ret, struct fail *f)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	BIGNUM *n = BN_bin2bn(modulus.p, (int)modulus.n, NULL), *x = BN_bin2bn(exponent.p, (int)exponent.n, NULL);
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key = NULL;
	enum err e;

	if (build != NULL && n != NULL && x != NULL && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, x) == 1)
		params = OSSL_PARAM_BLD_to_param(build);
	if (ctx != NULL && params != NULL && EVP_PKEY_fromdata_init(ctx) == 1)
		(void)EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params);
	e = take(key, "the token's key", ret, f);
	EVP_PKEY_free(key);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	BN_free(n);
	BN_free(x);
	EVP_PKEY_CTX_free(ctx);
	return e;
}

enum err rsa_public_pem(const struct rsa_public *k, struct buf *ret, struct fail *f)
{
	const uint8_t *p = k->info.p;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)k->info.len);
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long n = 0;
	enum err e = ERR_OK;

	if (key == NULL || bio == NULL || PEM_write_bio_PUBKEY(bio, key) != 1 ||
	    (n = BIO_get_mem_data(bio, &text)) <= 0)
		e = fail_set(f, ERR_NO_MEMORY, 0, "key");
	else
		buf_put(ret, text, (size_t)n);
	BIO_free(bio);
	EVP_PKEY_free(key);
	return e;
}

enum err fingerprint_hex(struct view v, char ret[65], struct fail *f)
{
	return sha256_hex(v, ret) ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "SHA-256");
}
