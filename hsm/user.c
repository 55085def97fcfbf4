/* SPDX-License-Identifier: BSD-2-Clause */
#include "user.h"

#include <string.h>
#include <time.h>
#include <openssl/evp.h>

#include "audit_own.h"
#include "crypto.h"
#include "store_rv.h"
#include "token_migrate.h"

#define DERIVE_MS_MIN 100

static CK_RV derive(const struct crypto *c, struct view pin, const uint8_t salt[16], uint8_t log2_n, struct secret *ret)
{
	uint64_t n = (uint64_t)1 << log2_n;
	SECRET_AUTO key = { 0 };

	if (!secret_init(&key, SEAL_KEY_LEN))
		return CKR_HOST_MEMORY;
	if (EVP_PBE_scrypt_ex((const char *)pin.p, pin.n, salt, 16, n, SCRYPT_R, SCRYPT_P,
			      n * SCRYPT_R * 128 + (1 << 20), key.p, SEAL_KEY_LEN, c->lib, NULL) != 1)
		return CKR_HOST_MEMORY;
	key.len = SEAL_KEY_LEN;
	secret_move(ret, &key);
	return CKR_OK;
}

static long thread_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* derive_new: the cost rises until one derivation takes DERIVE_MS_MIN of processor time here. */
static CK_RV derive_new(const struct crypto *c, struct view pin, const uint8_t salt[16], uint8_t *ret_log2_n,
			struct secret *ret)
{
	for (uint8_t log2_n = LOG2_N_MIN;; log2_n++) {
		SECRET_AUTO key = { 0 };
		long before = thread_ms();
		CK_RV rv = derive(c, pin, salt, log2_n, &key);

		if (rv != CKR_OK)
			return rv;
		if (thread_ms() - before >= DERIVE_MS_MIN || log2_n == LOG2_N_MAX) {
			*ret_log2_n = log2_n;
			secret_move(ret, &key);
			return CKR_OK;
		}
	}
}

/* wrap: the user key under the PIN, and under the host's seal. */
static CK_RV wrap(const struct token_place *place, const struct secret *pin_key, const struct secret *user_key,
		  struct user_record *r)
{
	BUF_AUTO aad = { 0 };
	BUF_AUTO inner = { 0 };
	BUF_AUTO outer = { 0 };
	CK_RV rv;

	if (!user_covered(place, r, &aad))
		return CKR_HOST_MEMORY;
	rv = seal_bytes(place->crypto, pin_key->p, buf_view(&aad), secret_view(user_key), &inner);
	if (rv == CKR_OK)
		rv = host_seal(place, VIEW(r->user.id, STORE_ID_LEN), buf_view(&inner), &outer);
	if (rv != CKR_OK)
		return rv;
	memcpy(r->wrapped, outer.p, outer.len);
	r->wrapped_len = outer.len;
	return CKR_OK;
}

/* unwrap: CKR_ENCRYPTED_DATA_INVALID: not this PIN. */
static CK_RV unwrap(const struct token_place *place, const struct secret *pin_key, const struct user_record *r,
		    struct secret *ret)
{
	BUF_AUTO aad = { 0 };
	BUF_AUTO inner = { 0 };
	CK_RV rv = host_open(place, VIEW(r->user.id, STORE_ID_LEN), VIEW(r->wrapped, r->wrapped_len), &inner);

	if (rv == CKR_OK && !user_covered(place, r, &aad))
		rv = CKR_HOST_MEMORY;
	return rv == CKR_OK ? open_bytes(place->crypto, pin_key->p, buf_view(&aad), buf_view(&inner), ret) : rv;
}

CK_RV user_make_at(const struct token_place *place, enum user_kind kind, struct view name, const uint8_t *id,
		   struct view pin, const struct secret *user_key, uint32_t flags, struct user_record *ret)
{
	struct user_record r = { .flags = flags, .retries_max = TOKEN_RETRIES, .retries_left = TOKEN_RETRIES };
	SECRET_AUTO key = { 0 };
	CK_RV rv = crypto_random(place->crypto, r.salt, sizeof(r.salt));

	r.user.kind = kind;
	r.user.must_change = (flags & USER_MUST_CHANGE) != 0;
	if (name.n > 0)
		memcpy(r.user.name, name.p, name.n);
	if (id != NULL)
		memcpy(r.user.id, id, STORE_ID_LEN);
	else if (rv == CKR_OK)
		rv = crypto_random(place->crypto, r.user.id, STORE_ID_LEN);
	if (rv == CKR_OK)
		rv = derive_new(place->crypto, pin, r.salt, &r.log2_n, &key);
	if (rv == CKR_OK)
		rv = wrap(place, &key, user_key, &r);
	if (rv == CKR_OK)
		*ret = r;
	return rv;
}

/* read_record: the token record as it is committed. */
static CK_RV read_record(struct token *t, struct token_record *ret)
{
	struct store_txn *txn = NULL;
	CK_RV rv = store_rv(store_begin(atomic_load(&t->store), false, &txn));

	if (rv == CKR_OK)
		rv = token_record_load(t->crypto, txn, ret);
	store_abort(txn);
	return rv;
}

CK_RV user_make(struct token *t, enum user_kind kind, struct view name, const uint8_t *id, struct view pin,
		const struct secret *user_key, uint32_t flags, struct user_record *ret)
{
	struct token_record record;
	struct token_place place;
	SECRET_AUTO host = { 0 };
	CK_RV rv = read_record(t, &record);

	pthread_mutex_lock(&t->lock);
	if (rv == CKR_OK && memcmp(record.generation, t->generation, sizeof(t->generation)) != 0)
		rv = CKR_DEVICE_REMOVED;
	pthread_mutex_unlock(&t->lock);
	if (rv == CKR_OK)
		rv = token_place(t, &record, &host, &place);
	return rv == CKR_OK ? user_make_at(&place, kind, name, id, pin, user_key, flags, ret) : rv;
}

/* take_retry: one less, on disk, before anything is derived. */
static CK_RV take_retry(struct token *t, const struct user_check *check, const char *name,
			const struct token_record *record, struct user_record *ret)
{
	struct token_record now;
	struct store_txn *txn = NULL;
	int e = store_begin(atomic_load(&t->store), true, &txn);
	CK_RV rv = e != STORE_OK ? store_rv(e) : token_record_load(t->crypto, txn, &now);

	if (rv == CKR_OK && memcmp(now.generation, record->generation, STORE_ID_LEN) != 0)
		rv = CKR_DEVICE_REMOVED;
	if (rv == CKR_OK)
		rv = user_find(t->crypto, txn, check->kind, name, ret);
	if (rv == CKR_OK && ret->retries_left == 0)
		rv = CKR_PIN_LOCKED;
	/* No PIN is tried that nobody would hear of. */
	if (rv == CKR_OK && !check->anew && !t->staged)
		rv = audit_ready(t->crypto, txn);
	if (rv == CKR_OK) {
		ret->retries_left--;
		rv = user_store(t->crypto, txn, ret);
	}
	if (rv != CKR_OK) {
		store_abort(txn);
		return rv;
	}
	return store_rv(store_commit(txn));
}

/* settle: after the derivation: the audit entry, and for a right PIN the retries, in one transaction. */
static CK_RV settle(struct token *t, const struct user_check *check, struct user_record *r,
		    const struct secret *user_key, CK_RV result)
{
	bool right = result == CKR_OK;
	struct audit_event event = { .number = right ? check->event : AUDIT_LOGIN_FAILED, .result = result };
	struct store_txn *txn = NULL;
	struct user_record now;
	int e = store_begin(atomic_load(&t->store), true, &txn);
	CK_RV rv = store_rv(e);

	if (right && check->event == AUDIT_RESTARTED) /* the rest were tried before */
		event.count = (uint64_t)r->retries_max - r->retries_left - 1;

	if (rv == CKR_OK && right) {
		rv = user_find(t->crypto, txn, check->kind, r->user.name, &now);
		/* Changed by another process while we derived: what the PIN opened is not this record any more. */
		if (rv == CKR_OK && (memcmp(now.user.id, r->user.id, STORE_ID_LEN) != 0 ||
				     !view_equal(VIEW(now.wrapped, now.wrapped_len), VIEW(r->wrapped, r->wrapped_len))))
			rv = CKR_PIN_INCORRECT;
		r->retries_left = r->retries_max;
		if (rv == CKR_OK && check->on_success != NULL)
			rv = check->on_success(check->ctx, txn, r, user_key);
		if (rv == CKR_OK)
			rv = user_store(t->crypto, txn, r);
		if (rv == CKR_OK)
			rv = audit_adopt(t->crypto, txn, user_key);
		if (rv == CKR_OK && t->staged)
			rv = audit_copy(t->crypto, txn, user_key);
	}
	if (rv == CKR_OK)
		rv = audit_append(t->crypto, txn, &r->user, &event);
	if (rv == CKR_OK)
		return store_rv(store_commit(txn));
	store_abort(txn);
	return rv;
}

/*
 * refuse: the failure goes into the trail. Where a PIN is asked for because the trail is broken, or has not begun, it
 * cannot: the retry is gone all the same, and the record of the one that succeeds counts them.
 */
static CK_RV refuse(struct token *t, const struct user_check *check, struct user_record *r, CK_RV result)
{
	CK_RV rv = settle(t, check, r, NULL, result);

	if (rv == CKR_DEVICE_ERROR && (check->anew || t->staged))
		rv = CKR_OK;
	return rv == CKR_OK ? result : rv;
}

CK_RV user_refused(struct token *t, enum user_kind kind, CK_RV result)
{
	const struct user_check check = { .kind = kind };
	struct user_record nobody = { .user = { .kind = kind } };

	return refuse(t, &check, &nobody, result);
}

/*
 * pretend_retry: what take_retry costs, for a user who is not there: the SO's record is written as it is. Its scrypt
 * cost is the one to pay.
 */
static CK_RV pretend_retry(struct token *t, uint8_t *ret_log2_n)
{
	struct store_txn *txn = NULL;
	struct user_record so;
	CK_RV rv = store_rv(store_begin(atomic_load(&t->store), true, &txn));

	if (rv == CKR_OK)
		rv = user_find(t->crypto, txn, USER_SO, "", &so);
	if (rv == CKR_OK)
		rv = user_store(t->crypto, txn, &so);
	if (rv == CKR_OK) {
		*ret_log2_n = so.log2_n;
		return store_rv(store_commit(txn));
	}
	store_abort(txn);
	return rv;
}

/* unknown: a name that nobody has costs what a wrong PIN costs, and says the same. */
static CK_RV unknown(struct token *t, const struct user_check *check)
{
	static const uint8_t salt[16];
	struct user_record nobody = { .user = { .kind = check->kind } };
	SECRET_AUTO key = { 0 };
	uint8_t log2_n = LOG2_N_MIN;
	CK_RV rv = pretend_retry(t, &log2_n);

	if (rv == CKR_OK)
		rv = derive(t->crypto, check->pin, salt, log2_n, &key);
	if (rv == CKR_OK)
		rv = refuse(t, check, &nobody, CKR_PIN_INCORRECT);
	return rv;
}

/* find_place: the token record, and for a bound token its host secret, proved before a retry is taken. */
static CK_RV find_place(struct token *t, struct token_record *record, struct secret *host, struct token_place *ret)
{
	struct store_txn *txn = NULL;
	CK_RV rv = store_rv(store_begin(atomic_load(&t->store), false, &txn));

	if (rv != CKR_OK)
		return rv;
	rv = token_record_load(t->crypto, txn, record);
	if (rv == CKR_OK)
		rv = token_place(t, record, host, ret);
	if (rv == CKR_OK && ret->host_key != NULL)
		rv = token_keys_host(ret, txn);
	store_abort(txn);
	return rv;
}

/* accept: the PIN is right. */
static CK_RV accept(struct token *t, const struct user_check *check, const struct token_record *record,
		    struct user_record *r, const struct secret *user_key)
{
	CK_RV rv = CKR_OK;

	if (record->version == TOKEN_VERSION_OLD)
		rv = token_migrate(t, record, &r->user, user_key);
	if (rv == CKR_OK && check->before_success != NULL)
		rv = check->before_success(check->ctx, r, user_key);
	return rv == CKR_OK ? settle(t, check, r, user_key, CKR_OK) : rv;
}

CK_RV user_check(struct token *t, const struct user_check *check, struct user_record *ret_user,
		 struct secret *ret_user_key)
{
	struct user_record r = { 0 };
	struct token_record record;
	struct token_place place;
	SECRET_AUTO host = { 0 };
	SECRET_AUTO key = { 0 };
	SECRET_AUTO user_key = { 0 };
	char name[TOKEN_NAME_MAX + 2] = { 0 };
	CK_RV rv = find_place(t, &record, &host, &place);

	if (rv != CKR_OK)
		return rv;
	if (check->name.n > TOKEN_NAME_MAX + 1)
		return unknown(t, check);
	if (check->name.n > 0)
		memcpy(name, check->name.p, check->name.n);
	rv = take_retry(t, check, name, &record, &r);
	if (rv == CKR_USER_PIN_NOT_INITIALIZED && check->kind == USER_CUSTODIAN)
		return unknown(t, check);
	if (rv == CKR_USER_PIN_NOT_INITIALIZED)
		r.user.kind = check->kind;
	if (rv == CKR_PIN_LOCKED || rv == CKR_USER_PIN_NOT_INITIALIZED)
		return refuse(t, check, &r, rv);
	if (rv == CKR_OK)
		rv = derive(t->crypto, check->pin, r.salt, r.log2_n, &key);
	if (rv == CKR_OK)
		rv = unwrap(&place, &key, &r, &user_key);
	if (rv == CKR_ENCRYPTED_DATA_INVALID)
		return refuse(t, check, &r, CKR_PIN_INCORRECT);
	if (rv == CKR_OK)
		rv = accept(t, check, &record, &r, &user_key);
	if (rv != CKR_OK)
		return rv;
	if (ret_user != NULL)
		*ret_user = r;
	if (ret_user_key != NULL)
		secret_move(ret_user_key, &user_key);
	return CKR_OK;
}
