/* SPDX-License-Identifier: BSD-2-Clause */
#include "statement.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define SIGNATURE_LEN 64
#define SERIAL_LEN 16

static EVP_PKEY *key_of(struct view key)
{
	const uint8_t *p = key.p;
	EVP_PKEY *pkey = d2i_PUBKEY(NULL, &p, (long)key.n);

	if (pkey && (p != key.p + key.n || !EVP_PKEY_is_a(pkey, "ED25519"))) {
		EVP_PKEY_free(pkey);
		return NULL;
	}
	return pkey;
}

static enum err verify(struct view key, const char *domain, const char *serial, struct view words,
		       struct view signature, struct fail *f)
{
	BUF_AUTO whole = { 0 };
	EVP_PKEY *pkey = key_of(key);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	enum err e = ERR_OK;

	buf_put(&whole, domain, strlen(domain) + 1);
	buf_put(&whole, serial, strlen(serial));
	buf_put_view(&whole, words);
	if (!pkey || strlen(serial) != SERIAL_LEN || signature.n != SIGNATURE_LEN)
		e = fail_set(f, ERR_MALFORMED, 0, "%s",
			     !pkey ? "statement key: not an Ed25519 public key"
				   : "serial number or signature of a wrong length");
	else if (!ctx || !buf_ok(&whole) || EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) != 1)
		e = fail_set(f, ERR_NO_MEMORY, 0, "signature");
	else if (EVP_DigestVerify(ctx, signature.p, signature.n, whole.p, whole.len) != 1)
		e = fail_set(f, ERR_REFUSED, 0, "the signature is not that of this token over these words");
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return e;
}

enum err statement_verify(struct view key, const char *serial, struct view words, struct view signature, struct fail *f)
{
	return verify(key, "strongroom statement", serial, words, signature, f);
}

enum err transport_verify(struct view key, const char *serial, struct view covered, struct view signature,
			  struct fail *f)
{
	return verify(key, "strongroom transport", serial, covered, signature, f);
}

enum err statement_key_read(const char *path, struct buf *ret, struct fail *f)
{
	FILE *file = fopen(path, "re");
	EVP_PKEY *pkey = NULL;
	uint8_t *der = NULL;
	int n = -1;

	if (!file)
		return fail_set(f, ERR_CONFIG, 0, "%.128s: %s", path, strerror(errno));
	pkey = PEM_read_PUBKEY(file, NULL, NULL, NULL);
	if (!pkey && fseek(file, 0, SEEK_SET) == 0)
		pkey = d2i_PUBKEY_fp(file, NULL);
	fclose(file);
	if (pkey && EVP_PKEY_is_a(pkey, "ED25519"))
		n = i2d_PUBKEY(pkey, &der);
	EVP_PKEY_free(pkey);
	if (n <= 0)
		return fail_set(f, ERR_CONFIG, 0, "%.128s: not a public key of Ed25519 (PEM or DER)", path);
	buf_put(ret, der, (size_t)n);
	OPENSSL_free(der);
	return buf_ok(ret) ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "key");
}

enum err statement_key_pem(struct view key, struct buf *ret, struct fail *f)
{
	EVP_PKEY *pkey = key_of(key);
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long n = 0;
	enum err e = ERR_OK;

	if (!pkey)
		e = fail_set(f, ERR_MALFORMED, 0, "statement key: not an Ed25519 public key");
	else if (!bio || PEM_write_bio_PUBKEY(bio, pkey) != 1 || (n = BIO_get_mem_data(bio, &text)) <= 0)
		e = fail_set(f, ERR_NO_MEMORY, 0, "key");
	else
		buf_put(ret, text, (size_t)n);
	BIO_free(bio);
	EVP_PKEY_free(pkey);
	return e;
}
