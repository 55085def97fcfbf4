/* SPDX-License-Identifier: BSD-2-Clause */
#include "file.h"
#include "softhsm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <openssl/evp.h>

#define FILE_MAX (((size_t)1 << 20) - 1) /* a byte less than a secret may have: the reader wants one more */
#define BLOCK 16
#define KEY_LEN 32
#define SALT_LEN 8
#define ROUNDS_LEAST 1500
#define MAGIC "RJR"
#define MAGIC_LEN 3

enum err softhsm_read(const char *path, struct secret *ret, struct fail *f)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum err e;

	if (fd < 0)
		return fail_set(f, ERR_IO, 0, "%.160s: %s", path, strerror(errno));
	e = file_secret_read(fd, path, FILE_MAX, ret, f);
	close(fd);
	return e;
}

/* next_value: the value behind type and kind; its own length first, for what has one. */
static bool next_value(struct reader *r, enum softhsm_kind kind, struct view *ret)
{
	uint64_t n;

	switch (kind) {
	case SOFTHSM_BOOL:
		n = 1;
		break;
	case SOFTHSM_NUMBER:
		n = 8;
		break;
	case SOFTHSM_BYTES:
	case SOFTHSM_ATTRIBUTES:
		n = reader_u64(r);
		break;
	case SOFTHSM_MECHANISMS:
		n = reader_u64(r);
		n = n > FILE_MAX ? FILE_MAX + 1 : 8 * n;
		break;
	default:
		return false;
	}
	if (n > r->left)
		return false;
	*ret = reader_bytes(r, (size_t)n);
	return !r->failed;
}

enum err softhsm_each(struct view file, const char *path,
		      enum err (*each)(void *ctx, const struct softhsm_attr *a, struct fail *f), void *ctx,
		      struct fail *f)
{
	struct reader r = reader_of(file);
	enum err e = ERR_OK;

	(void)reader_u64(&r); /* generation: counts the changes of the file */
	while (e == ERR_OK && !r.failed && r.left > 0) {
		struct softhsm_attr a = { .type = reader_u64(&r) };

		a.kind = (enum softhsm_kind)reader_u64(&r);
		if (!next_value(&r, a.kind, &a.value))
			return fail_set(f, ERR_MALFORMED, 0, "%.120s: not an object file of SoftHSMv2 (at byte %zu)",
					path, file.n - r.left);
		e = each(ctx, &a, f);
	}
	if (e == ERR_OK && r.failed)
		e = fail_set(f, ERR_MALFORMED, 0, "%.120s: not an object file of SoftHSMv2 (ends too early)", path);
	return e;
}

/* decrypt: AES-256-CBC with padding; the IV stands in front. */
static enum err decrypt(const uint8_t key[KEY_LEN], struct view sealed, struct secret *ret, struct fail *f)
{
	SECRET_AUTO plain = { 0 };
	EVP_CIPHER_CTX *ctx;
	int n = 0, last = 0;
	enum err e = ERR_OK;

	if (sealed.n < 2 * BLOCK || sealed.n % BLOCK != 0 || sealed.n > FILE_MAX)
		return fail_set(f, ERR_BAD_DATA, 0, "%zu bytes are no ciphertext of SoftHSMv2", sealed.n);
	ctx = EVP_CIPHER_CTX_new();
	if (!ctx || !secret_init(&plain, sealed.n))
		e = fail_set(f, ERR_NO_MEMORY, 0, "ciphertext");
	else if (EVP_DecryptInit_ex2(ctx, EVP_aes_256_cbc(), key, sealed.p, NULL) != 1 ||
		 EVP_DecryptUpdate(ctx, plain.p, &n, sealed.p + BLOCK, (int)(sealed.n - BLOCK)) != 1 ||
		 EVP_DecryptFinal_ex(ctx, plain.p + n, &last) != 1)
		e = fail_set(f, ERR_BAD_DATA, 0, "does not decrypt under the token's key: damaged");
	EVP_CIPHER_CTX_free(ctx);
	if (e != ERR_OK)
		return e;
	plain.len = (size_t)(n + last);
	secret_move(ret, &plain);
	return ERR_OK;
}

/* derive: the key of a PIN. */
static enum err derive(const struct secret *pin, const uint8_t *salt, uint8_t ret[KEY_LEN], struct fail *f)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned rounds = ROUNDS_LEAST + salt[SALT_LEN - 1];
	bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
		  EVP_DigestUpdate(ctx, salt, SALT_LEN) == 1 && EVP_DigestUpdate(ctx, pin->p, pin->len) == 1 &&
		  EVP_DigestFinal_ex(ctx, ret, NULL) == 1;

	while (ok && --rounds > 0)
		ok = EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 && EVP_DigestUpdate(ctx, ret, KEY_LEN) == 1 &&
		     EVP_DigestFinal_ex(ctx, ret, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	return ok ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "SHA-256");
}

enum err softhsm_key(struct view record, const struct secret *pin, struct secret *ret, struct fail *f)
{
	SECRET_AUTO derived = { 0 };
	SECRET_AUTO plain = { 0 };
	SECRET_AUTO key = { 0 };
	struct fail why = { 0 };
	enum err e;

	if (record.n != SALT_LEN + BLOCK + 48)
		return fail_set(f, ERR_MALFORMED, 0, "the PIN record of SoftHSMv2 has %zu bytes instead of %d",
				record.n, SALT_LEN + BLOCK + 48);
	if (!secret_init(&derived, KEY_LEN) || !secret_init(&key, KEY_LEN))
		return fail_set(f, ERR_NO_MEMORY, 0, "key");
	e = derive(pin, record.p, derived.p, f);
	if (e != ERR_OK)
		return e;
	e = decrypt(derived.p, VIEW(record.p + SALT_LEN, record.n - SALT_LEN), &plain, &why);
	if (e == ERR_NO_MEMORY)
		return fail_set(f, e, 0, "key");
	if (e != ERR_OK || plain.len != MAGIC_LEN + KEY_LEN || !ct_equal(plain.p, (const uint8_t *)MAGIC, MAGIC_LEN))
		return fail_set(f, ERR_REFUSED, 0, "not the user PIN of this SoftHSMv2 token");
	if (!secret_set(&key, plain.p + MAGIC_LEN, KEY_LEN))
		return fail_set(f, ERR_NO_MEMORY, 0, "key");
	secret_move(ret, &key);
	return ERR_OK;
}

enum err softhsm_open(const struct secret *key, struct view sealed, struct secret *ret, struct fail *f)
{
	return decrypt(key->p, sealed, ret, f);
}
