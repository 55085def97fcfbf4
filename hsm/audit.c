/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit.h"

#include <string.h>
#include <time.h>
#include <unistd.h>
#include <openssl/evp.h>

#include "crypto.h"
#include "store_rv.h"
#include "token_own.h"

#define AUDIT_VERSION 1
#define HASH_LEN 32

const char *audit_name(enum audit_number number)
{
	switch (number) {
#define AUDIT_CASE(symbol, value, name)                                                                                \
	case symbol:                                                                                                   \
		return name;
		AUDIT_EVENTS(AUDIT_CASE)
#undef AUDIT_CASE
	default:
		return NULL;
	}
}

/* chain: SHA-256 of the previous entry; zeros before the first. */
static CK_RV chain(const struct crypto *c, struct store_txn *txn, uint8_t ret[HASH_LEN])
{
	struct view last;
	uint64_t sequence;
	int e = store_audit_last(txn, &sequence, &last);

	memset(ret, 0, HASH_LEN);
	if (e == STORE_ENOTFOUND)
		return CKR_OK;
	if (e != STORE_OK)
		return store_rv(e);
	if (sequence == 0)
		return CKR_OK;
	if (EVP_Digest(last.p, last.n, ret, NULL, c->md[CRYPTO_SHA256], NULL) != 1)
		return CKR_GENERAL_ERROR;
	return CKR_OK;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

CK_RV audit_append(const struct crypto *c, struct store_txn *txn, const struct token_user *who,
		   const struct audit_event *e)
{
	BUF_AUTO b = { 0 };
	uint8_t hash[HASH_LEN];
	uint64_t sequence;
	CK_RV rv = chain(c, txn, hash);

	if (rv != CKR_OK)
		return rv;
	buf_put_u8(&b, AUDIT_VERSION);
	buf_put(&b, hash, sizeof(hash));
	buf_put_u64(&b, now_ms());
	buf_put_u32(&b, (uint32_t)getpid());
	buf_put_u8(&b, (uint8_t)who->kind);
	buf_put_lv(&b, view_of_string(who->name));
	buf_put_u16(&b, (uint16_t)e->number);
	buf_put_u64(&b, e->result);
	buf_put_lv(&b, e->object);
	buf_put_lv(&b, e->label.n > 256 ? VIEW(e->label.p, 256) : e->label);
	buf_put_u64(&b, e->count);
	if (!buf_ok(&b))
		return CKR_HOST_MEMORY;
	return store_rv(store_audit_append(txn, buf_view(&b), &sequence));
}

CK_RV token_audit(struct token *t, struct store_txn *txn, const struct audit_event *e)
{
	struct token_user who;

	token_user(t, &who);
	return audit_append(t->crypto, txn, &who, e);
}
