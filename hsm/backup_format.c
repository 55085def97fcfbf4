/* SPDX-License-Identifier: BSD-2-Clause */
#include "backup.h"

#include <string.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "crypto.h"
#include "seal.h"

/* Layout: docs/backup.md. */
#define MAGIC "SRBK"
#define VERSION 1
#define CHECK_LEN 8
#define HEADER_MIN 128
#define LOG2_N_MIN 14
#define LOG2_N_MAX 22
#define SCRYPT_R 8
#define SCRYPT_P 1
#define NONCE_LEN 12

/* key_for: a key of its own for each use, salted with the id of the backup. */
static CK_RV key_for(const struct crypto *c, const struct secret *key, const uint8_t id[BACKUP_ID_LEN],
		     const char *info, struct secret *ret)
{
	return seal_kdf(c, secret_view(key), VIEW(id, BACKUP_ID_LEN), info, ret);
}

static CK_RV header_mac(const struct crypto *c, const struct backup_header *h, const struct secret *key, struct view v,
			uint8_t ret[BACKUP_MAC_LEN])
{
	SECRET_AUTO mac_key = { 0 };
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC_CTX *ctx = NULL;
	size_t n = 0;
	CK_RV rv = key_for(c, key, h->id, "strongroom backup header", &mac_key);

	if (rv != CKR_OK)
		return rv;
	ctx = EVP_MAC_CTX_new(c->hmac);
	if (ctx == NULL || EVP_MAC_init(ctx, mac_key.p, mac_key.len, params) != 1 ||
	    EVP_MAC_update(ctx, v.p, v.n) != 1 || EVP_MAC_final(ctx, ret, &n, BACKUP_MAC_LEN) != 1)
		rv = CKR_HOST_MEMORY;
	EVP_MAC_CTX_free(ctx);
	return rv;
}

static CK_RV check_of(const struct crypto *c, struct view v, uint8_t ret[CHECK_LEN])
{
	uint8_t hash[32];

	if (EVP_Digest(v.p, v.n, hash, NULL, c->md[CRYPTO_SHA256], NULL) != 1)
		return CKR_HOST_MEMORY;
	memcpy(ret, hash, CHECK_LEN);
	return CKR_OK;
}

static void put_key_fields(struct buf *b, const struct backup_header *h)
{
	buf_put_u8(b, (uint8_t)h->kind);
	if (h->kind == BACKUP_PASSPHRASE) {
		buf_put(b, h->salt, sizeof(h->salt));
		buf_put_u8(b, h->log2_n);
		buf_put_u8(b, SCRYPT_R);
		buf_put_u8(b, SCRYPT_P);
	} else {
		buf_put(b, h->set, sizeof(h->set));
		buf_put_u8(b, h->needed);
		buf_put_u8(b, h->count);
	}
}

CK_RV backup_header_put(const struct crypto *c, const struct backup_header *h, const struct secret *key,
			struct buf *out)
{
	BUF_AUTO fields = { 0 };
	BUF_AUTO all = { 0 };
	uint8_t mac[BACKUP_MAC_LEN], check[CHECK_LEN];
	CK_RV rv;

	buf_put(&fields, h->id, sizeof(h->id));
	buf_put(&fields, h->serial, STORE_SERIAL_LEN);
	buf_put(&fields, h->label, sizeof(h->label));
	buf_put_u64(&fields, h->time);
	buf_put_u64(&fields, h->size);
	put_key_fields(&fields, h);
	buf_put_u64(&fields, h->audit_sequence);
	buf_put_lv(&fields, VIEW(h->anchor, h->anchor_len));
	buf_put(&all, MAGIC, 4);
	buf_put_u16(&all, VERSION);
	buf_put_u32(&all, (uint32_t)(10 + fields.len + BACKUP_MAC_LEN + CHECK_LEN));
	buf_put_view(&all, buf_view(&fields));
	if (!buf_ok(&fields) || !buf_ok(&all))
		return CKR_HOST_MEMORY;
	rv = header_mac(c, h, key, buf_view(&all), mac);
	buf_put(&all, mac, sizeof(mac));
	if (rv == CKR_OK && buf_ok(&all))
		rv = check_of(c, buf_view(&all), check);
	if (rv != CKR_OK)
		return rv;
	buf_put(&all, check, sizeof(check));
	buf_put_view(out, buf_view(&all));
	return buf_ok(&all) && buf_ok(out) ? CKR_OK : CKR_HOST_MEMORY;
}

static bool get_key_fields(struct reader *r, struct backup_header *h)
{
	h->kind = (enum backup_kind)reader_u8(r);
	if (h->kind == BACKUP_PASSPHRASE) {
		struct view salt = reader_bytes(r, sizeof(h->salt));

		h->log2_n = reader_u8(r);
		if (salt.n == sizeof(h->salt))
			memcpy(h->salt, salt.p, salt.n);
		return reader_u8(r) == SCRYPT_R && reader_u8(r) == SCRYPT_P && h->log2_n >= LOG2_N_MIN &&
		       h->log2_n <= LOG2_N_MAX;
	}
	if (h->kind == BACKUP_SHARES) {
		struct view set = reader_bytes(r, sizeof(h->set));

		if (set.n == sizeof(h->set))
			memcpy(h->set, set.p, set.n);
		h->needed = reader_u8(r);
		h->count = reader_u8(r);
		return h->needed >= 2 && h->needed <= h->count && h->count <= SHAMIR_SHARES_MAX;
	}
	return false;
}

static bool serial_ok(struct view v)
{
	for (size_t i = 0; i < v.n; i++) {
		uint8_t c = v.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
			return false;
	}
	return v.n == STORE_SERIAL_LEN;
}

static bool get_fields(struct view v, struct backup_header *ret)
{
	struct reader r = reader_of(v);
	struct view id = reader_bytes(&r, BACKUP_ID_LEN);
	struct view serial = reader_bytes(&r, STORE_SERIAL_LEN);
	struct view label = reader_bytes(&r, sizeof(ret->label));
	struct view anchor;
	bool ok;

	*ret = (struct backup_header){ 0 };
	ret->time = reader_u64(&r);
	ret->size = reader_u64(&r);
	ok = get_key_fields(&r, ret);
	ret->audit_sequence = reader_u64(&r);
	anchor = reader_lv(&r, 0, BACKUP_ANCHOR_MAX);
	if (!ok || !reader_done(&r) || !serial_ok(serial) || ret->size == 0 || ret->size > (uint64_t)1 << 48)
		return false;
	memcpy(ret->id, id.p, id.n);
	memcpy(ret->serial, serial.p, serial.n);
	memcpy(ret->label, label.p, label.n);
	if (anchor.n > 0)
		memcpy(ret->anchor, anchor.p, anchor.n);
	ret->anchor_len = anchor.n;
	return true;
}

CK_RV backup_header_get(const struct crypto *c, struct view v, struct backup_header *ret, size_t *ret_len)
{
	struct reader r = reader_of(v);
	struct view magic = reader_bytes(&r, 4);
	uint16_t version = reader_u16(&r);
	uint32_t len = reader_u32(&r);
	uint8_t check[CHECK_LEN];
	struct backup_header h;
	CK_RV rv;

	if (r.failed)
		return v.n == 0 || memcmp(v.p, MAGIC, v.n < 4 ? v.n : 4) == 0 ? CKR_BUFFER_TOO_SMALL : CKR_DATA_INVALID;
	if (!view_equal(magic, VIEW(MAGIC, 4)) || version != VERSION)
		return CKR_DATA_INVALID;
	if (len < HEADER_MIN || len > SR_BACKUP_HEADER_MAX)
		return CKR_ENCRYPTED_DATA_INVALID;
	if (v.n < len)
		return CKR_BUFFER_TOO_SMALL;
	rv = check_of(c, VIEW(v.p, len - CHECK_LEN), check);
	if (rv != CKR_OK)
		return rv;
	if (memcmp(check, v.p + len - CHECK_LEN, CHECK_LEN) != 0 ||
	    !get_fields(VIEW(v.p + 10, len - 10 - BACKUP_MAC_LEN - CHECK_LEN), &h))
		return CKR_ENCRYPTED_DATA_INVALID;
	*ret = h;
	*ret_len = len;
	return CKR_OK;
}

CK_RV backup_header_proves(const struct crypto *c, struct view header, const struct backup_header *h,
			   const struct secret *key)
{
	size_t len = header.n - CHECK_LEN - BACKUP_MAC_LEN;
	uint8_t mac[BACKUP_MAC_LEN];
	CK_RV rv = header_mac(c, h, key, VIEW(header.p, len), mac);

	if (rv != CKR_OK)
		return rv;
	return ct_equal(mac, header.p + len, sizeof(mac)) ? CKR_OK : CKR_PIN_INCORRECT;
}

uint64_t backup_sealed_len(uint64_t size)
{
	return size + (size + BACKUP_CHUNK - 1) / BACKUP_CHUNK * BACKUP_TAG_LEN;
}

CK_RV backup_chunks_init(struct backup_chunks *b, const struct crypto *c, struct view header,
			 const struct backup_header *h, const struct secret *key)
{
	*b = (struct backup_chunks){ .crypto = c, .left = h->size };
	memcpy(b->mac, header.p + header.n - CHECK_LEN - BACKUP_MAC_LEN, BACKUP_MAC_LEN);
	return key_for(c, key, h->id, "strongroom backup chunks", &b->key);
}

void backup_chunks_done(struct backup_chunks *b)
{
	secret_done(&b->key);
	*b = (struct backup_chunks){ 0 };
}

size_t backup_chunk_len(const struct backup_chunks *b)
{
	return b->left < BACKUP_CHUNK ? (size_t)b->left : BACKUP_CHUNK;
}

/* chunk_nonce: 1 for the last chunk, 3 zero bytes, its number: never twice under the key of one backup. */
static void chunk_nonce(const struct backup_chunks *b, uint8_t ret[NONCE_LEN])
{
	memset(ret, 0, NONCE_LEN);
	ret[0] = b->left <= BACKUP_CHUNK;
	be_put64(ret + 4, b->number);
}

static void chunk_passed(struct backup_chunks *b, size_t n)
{
	b->left -= n;
	b->number++;
}

CK_RV backup_chunk_seal(struct backup_chunks *b, const uint8_t *plain, uint8_t *out)
{
	size_t len = backup_chunk_len(b);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t nonce[NONCE_LEN];
	int n = 0;
	CK_RV rv = CKR_HOST_MEMORY;

	chunk_nonce(b, nonce);
	if (ctx != NULL &&
	    EVP_EncryptInit_ex2(ctx, b->crypto->cipher[CRYPTO_AES_256_GCM], b->key.p, nonce, NULL) == 1 &&
	    EVP_EncryptUpdate(ctx, NULL, &n, b->mac, sizeof(b->mac)) == 1 &&
	    EVP_EncryptUpdate(ctx, out, &n, plain, (int)len) == 1 && EVP_EncryptFinal_ex(ctx, out + len, &n) == 1 &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, BACKUP_TAG_LEN, out + len) == 1) {
		chunk_passed(b, len);
		rv = CKR_OK;
	}
	EVP_CIPHER_CTX_free(ctx);
	return rv;
}

CK_RV backup_chunk_open(struct backup_chunks *b, const uint8_t *sealed, uint8_t *out)
{
	size_t len = backup_chunk_len(b);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t nonce[NONCE_LEN], tag[BACKUP_TAG_LEN], rest[16];
	int n = 0;
	CK_RV rv = CKR_HOST_MEMORY;

	chunk_nonce(b, nonce);
	memcpy(tag, sealed + len, sizeof(tag));
	if (ctx != NULL &&
	    EVP_DecryptInit_ex2(ctx, b->crypto->cipher[CRYPTO_AES_256_GCM], b->key.p, nonce, NULL) == 1 &&
	    EVP_DecryptUpdate(ctx, NULL, &n, b->mac, sizeof(b->mac)) == 1 &&
	    EVP_DecryptUpdate(ctx, out, &n, sealed, (int)len) == 1 &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, sizeof(tag), tag) == 1) {
		rv = EVP_DecryptFinal_ex(ctx, rest, &n) == 1 ? CKR_OK : CKR_ENCRYPTED_DATA_INVALID;
	}
	EVP_CIPHER_CTX_free(ctx);
	if (rv == CKR_OK)
		chunk_passed(b, len);
	return rv;
}
