/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_rows.h"
#include <openssl/kdf.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* The mechanism table: the families' rows in the order in which C_GetMechanismList and docs/mechanisms.md show them. */
static const struct mech_rows *const families[] = {
	&mech_rows_digest, &mech_rows_mac, &mech_rows_cipher,   &mech_rows_aead, &mech_rows_wrap,   &mech_rows_rsa,
	&mech_rows_ec,     &mech_rows_pq,  &mech_rows_generate, &mech_rows_ffc,  &mech_rows_derive, &mech_rows_payment,
};

#define ROWS_MAX 512

/* What is there, in the table's order and by number; filled once and never changed. */
static struct {
	pthread_mutex_t lock;
	bool filled;
	size_t count;
	const struct mech_row *in_order[ROWS_MAX];
	const struct mech_row *by_type[ROWS_MAX];
} there = { .lock = PTHREAD_MUTEX_INITIALIZER };

size_t mech_row_count(void)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		n += families[i]->count;
	return n;
}

const struct mech_row *mech_row_at(size_t i)
{
	size_t f = 0;

	while (i >= families[f]->count)
		i -= families[f++]->count;
	return &families[f]->rows[i];
}

/* needs_met: fetches what a row needs, by kind and name. */
static bool needs_met(OSSL_LIB_CTX *lib, const char *needs)
{
	const char *name;
	void *got;

	if (needs == NULL || lib == NULL)
		return true;
	name = strchr(needs, ':') + 1;
#define KIND(kind, fetch, drop)                                                                                        \
	if (strncmp(needs, kind ":", sizeof(kind)) == 0) {                                                             \
		got = fetch(lib, name, NULL);                                                                          \
		drop(got);                                                                                             \
		return got != NULL;                                                                                    \
	}
	KIND("cipher", EVP_CIPHER_fetch, EVP_CIPHER_free)
	KIND("digest", EVP_MD_fetch, EVP_MD_free)
	KIND("mac", EVP_MAC_fetch, EVP_MAC_free)
	KIND("kdf", EVP_KDF_fetch, EVP_KDF_free)
	KIND("keymgmt", EVP_KEYMGMT_fetch, EVP_KEYMGMT_free)
	KIND("signature", EVP_SIGNATURE_fetch, EVP_SIGNATURE_free)
#undef KIND
	return false;
}

static int by_type(const void *a, const void *b)
{
	CK_MECHANISM_TYPE x = (*(const struct mech_row *const *)a)->type;
	CK_MECHANISM_TYPE y = (*(const struct mech_row *const *)b)->type;

	return x < y ? -1 : x > y;
}

static bool fill(OSSL_LIB_CTX *lib)
{
	bool ok = true;

	pthread_mutex_lock(&there.lock);
	if (!there.filled) {
		size_t n = 0;

		ok = mech_row_count() <= ROWS_MAX;
		for (size_t i = 0; ok && i < mech_row_count(); i++) {
			if (needs_met(lib, mech_row_at(i)->needs))
				there.in_order[n++] = mech_row_at(i);
		}
		memcpy(there.by_type, there.in_order, n * sizeof(there.by_type[0]));
		qsort(there.by_type, n, sizeof(there.by_type[0]), by_type);
		there.count = n;
		there.filled = ok;
	}
	pthread_mutex_unlock(&there.lock);
	return ok;
}

CK_RV mech_table_start(OSSL_LIB_CTX *lib)
{
	return fill(lib) ? CKR_OK : CKR_GENERAL_ERROR;
}

size_t mech_count(void)
{
	if (!there.filled)
		(void)fill(NULL);
	return there.count;
}

const struct mech_row *mech_at(size_t i)
{
	return there.in_order[i];
}

const struct mech_row *mech_find(CK_MECHANISM_TYPE type)
{
	size_t low = 0, high = mech_count();

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (there.by_type[middle]->type == type)
			return there.by_type[middle];
		if (there.by_type[middle]->type < type)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
