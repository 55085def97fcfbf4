/* SPDX-License-Identifier: BSD-2-Clause */
#include "soft_kms.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "soft_kms: %s failed\n", what);
	abort();
}

/* TDES keys of 16 bytes as EDE3 with the first half again. */
static size_t widen(uint8_t type, const uint8_t *key, size_t length, uint8_t ret[32])
{
	memcpy(ret, key, length);
	if (type != FORMAT_KEY_TDES || length != 16)
		return length;
	memcpy(ret + 16, key, 8);
	return 24;
}

static const char *cipher_name(uint8_t type, size_t wide, const char *mode, char room[32])
{
	if (type == FORMAT_KEY_TDES)
		snprintf(room, 32, "DES-EDE3%s%s", strcmp(mode, "ECB") == 0 ? "" : "-",
			 strcmp(mode, "ECB") == 0 ? "" : mode);
	else
		snprintf(room, 32, "AES-%zu-%s", 8 * wide, mode);
	return room;
}

static void encrypt(const char *name, const uint8_t *key, const uint8_t *iv, struct view in, uint8_t *out,
		    size_t *ret_n)
{
	int n = 0, last = 0;
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	must(cipher != NULL && ctx != NULL, name);
	EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	must(EVP_EncryptInit_ex2(ctx, cipher, key, iv, NULL) == 1 && EVP_CIPHER_CTX_set_padding(ctx, 0) == 1, name);
	must(EVP_EncryptUpdate(ctx, out, &n, in.p, (int)in.n) == 1 && EVP_EncryptFinal_ex(ctx, out + n, &last) == 1,
	     name);
	*ret_n = (size_t)(n + last);
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(cipher);
}

static void cmac(uint8_t type, const uint8_t *key, size_t length, struct view data, struct soft_tag *ret)
{
	uint8_t wide[32];
	char name[32];
	size_t n = widen(type, key, length, wide);
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER,
						 (char *)(uintptr_t)cipher_name(type, n, "CBC", name), 0),
		OSSL_PARAM_construct_end(),
	};
	must(ctx != NULL && EVP_MAC_init(ctx, wide, n, params) == 1 && EVP_MAC_update(ctx, data.p, data.n) == 1 &&
		 EVP_MAC_final(ctx, ret->bytes, &ret->len, sizeof(ret->bytes)) == 1,
	     "CMAC");
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
}

void soft_cmac(const struct soft_kms *k, struct view data, struct soft_tag *ret)
{
	cmac(k->type, k->auk, k->length, data, ret);
}

void soft_transcript(const struct soft_kms *k, const struct transcript *t, struct soft_tag *ret)
{
	BUF_AUTO b = { 0 };
	transcript_put(&b, t);
	must(buf_ok(&b), "transcript");
	soft_cmac(k, buf_view(&b), ret);
}

static void ecb(uint8_t type, const uint8_t *key, size_t length, struct view block, struct soft_tag *ret)
{
	uint8_t wide[32];
	char name[32];
	size_t n = widen(type, key, length, wide);
	encrypt(cipher_name(type, n, "ECB", name), wide, NULL, block, ret->bytes, &ret->len);
}

void soft_ecb(const struct soft_kms *k, struct view block, struct soft_tag *ret)
{
	ecb(k->type, k->auk, k->length, block, ret);
}

void soft_check(uint8_t type, const uint8_t *key, size_t length, struct check_value *ret)
{
	static const uint8_t zero[16];
	struct soft_tag tag = { 0 };
	ret->method = check_value_method(type);
	if (type == FORMAT_KEY_TDES)
		ecb(type, key, length, VIEW(zero, 8), &tag);
	else
		cmac(type, key, length, VIEW(zero, 16), &tag);
	memcpy(ret->value, tag.bytes, FORMAT_CHECK);
}

void soft_wrap(const struct soft_kms *k, const uint8_t *key, size_t length, const uint8_t *iv, struct buf *ret)
{
	uint8_t wide[32], out[64];
	char name[32];
	size_t out_len = 0, n = widen(k->type, k->tek, k->length, wide);
	if (k->type == FORMAT_KEY_TDES)
		snprintf(name, sizeof(name), "DES-EDE3-CBC");
	else
		snprintf(name, sizeof(name), "AES-%zu-WRAP", 8 * n);
	encrypt(name, wide, k->type == FORMAT_KEY_TDES ? iv : NULL, VIEW(key, length), out, &out_len);
	buf_put(ret, out, out_len);
}

static const EVP_MD *hash_of(uint8_t number)
{
	switch (number) {
	case FORMAT_HASH_SHA1:
		return EVP_sha1();
	case FORMAT_HASH_SHA256:
		return EVP_sha256();
	case FORMAT_HASH_SHA384:
		return EVP_sha384();
	case FORMAT_HASH_SHA512:
		return EVP_sha512();
	default:
		return NULL;
	}
}

static void unwrap(EVP_PKEY *pr, const EVP_MD *hash, struct view in, uint8_t *out, size_t length)
{
	uint8_t plain[512];
	size_t n = sizeof(plain);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pr, NULL);
	must(ctx != NULL && EVP_PKEY_decrypt_init(ctx) == 1 &&
		 EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
		 EVP_PKEY_CTX_set_rsa_oaep_md(ctx, hash) == 1 && EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, hash) == 1 &&
		 EVP_PKEY_decrypt(ctx, plain, &n, in.p, in.n) == 1 && n == length,
	     "OAEP");
	memcpy(out, plain, length);
	EVP_PKEY_CTX_free(ctx);
}

static bool odd_parity(const uint8_t *key, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (__builtin_parity(key[i]) == 0)
			return false;
	return true;
}

void soft_kms_open(struct soft_kms *k, EVP_PKEY *pr, struct view packet)
{
	struct tk_packet p;
	struct soft_tag mac;
	BUF_AUTO input = { 0 };
	memset(k, 0, sizeof(*k));
	must(tk_packet_parse(packet, &p), "TK packet");
	k->suite = p.suite;
	k->handshake = p.handshake;
	k->type = p.tek.type;
	k->length = p.tek.length;
	k->block = k->type == FORMAT_KEY_TDES ? 8 : 16;
	memcpy(k->serial, p.pos_serial.p, p.pos_serial.n);
	unwrap(pr, hash_of(p.oaep_hash), p.ctek, k->tek, k->length);
	unwrap(pr, hash_of(p.oaep_hash), p.cauk, k->auk, k->length);
	tk_packet_mac_input(&input, &p);
	soft_cmac(k, buf_view(&input), &mac);
	must(view_equal(VIEW(mac.bytes, mac.len), p.mac), "possession MAC");
	must(memcmp(k->tek, k->auk, k->length) != 0, "TEK and AUK differ");
	must(k->type != FORMAT_KEY_TDES || (odd_parity(k->tek, k->length) && odd_parity(k->auk, k->length)), "parity");
}
