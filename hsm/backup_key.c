/* SPDX-License-Identifier: BSD-2-Clause */
#include "backup.h"

#include <time.h>
#include <openssl/evp.h>

#include "crypto.h"

/* Dearer than a PIN's: nothing counts who tries it, and it is needed once. */
#define LOG2_N_MIN 17
#define LOG2_N_NEW_MAX 20
#define SCRYPT_R 8
#define SCRYPT_P 1
#define DERIVE_MS_MIN 300

static CK_RV derive(const struct crypto *c, const struct backup_header *h, struct view passphrase, struct secret *ret)
{
	uint64_t n = (uint64_t)1 << h->log2_n;
	SECRET_AUTO key = { 0 };

	if (!secret_init(&key, BACKUP_KEY_LEN))
		return CKR_HOST_MEMORY;
	if (EVP_PBE_scrypt_ex((const char *)passphrase.p, passphrase.n, h->salt, sizeof(h->salt), n, SCRYPT_R, SCRYPT_P,
			      n * SCRYPT_R * 128 + (1 << 20), key.p, BACKUP_KEY_LEN, c->lib, NULL) != 1)
		return CKR_HOST_MEMORY;
	key.len = BACKUP_KEY_LEN;
	secret_done(ret);
	secret_move(ret, &key);
	return CKR_OK;
}

static bool length_ok(struct view passphrase)
{
	return passphrase.n >= BACKUP_PASSPHRASE_MIN && passphrase.n <= BACKUP_PASSPHRASE_MAX;
}

CK_RV backup_passphrase(const struct crypto *c, const struct backup_header *h, struct view passphrase,
			struct secret *ret_key)
{
	return length_ok(passphrase) ? derive(c, h, passphrase, ret_key) : CKR_PIN_LEN_RANGE;
}

static long thread_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

CK_RV backup_passphrase_new(const struct crypto *c, struct view passphrase, struct backup_header *h,
			    struct secret *ret_key)
{
	CK_RV rv = length_ok(passphrase) ? crypto_random(c, h->salt, sizeof(h->salt)) : CKR_PIN_LEN_RANGE;

	if (rv != CKR_OK)
		return rv;
	h->kind = BACKUP_PASSPHRASE;
	for (h->log2_n = LOG2_N_MIN;; h->log2_n++) {
		SECRET_AUTO key = { 0 };
		long from = thread_ms();

		rv = derive(c, h, passphrase, &key);
		if (rv != CKR_OK)
			return rv;
		if (h->log2_n == LOG2_N_NEW_MAX || thread_ms() - from >= DERIVE_MS_MIN) {
			secret_move(ret_key, &key);
			return CKR_OK;
		}
	}
}

CK_RV backup_shares_new(const struct crypto *c, struct backup_header *h, struct secret *ret_key,
			struct secret *ret_shares)
{
	SECRET_AUTO key = { 0 };
	CK_RV rv = secret_init(&key, BACKUP_KEY_LEN) ? crypto_random(c, key.p, BACKUP_KEY_LEN) : CKR_HOST_MEMORY;

	key.len = key.room;
	h->kind = BACKUP_SHARES;
	if (rv == CKR_OK)
		rv = crypto_random(c, h->set, sizeof(h->set));
	if (rv == CKR_OK)
		rv = shamir_split(c, &key, h->needed, h->count, ret_shares);
	if (rv == CKR_OK)
		secret_move(ret_key, &key);
	return rv;
}
