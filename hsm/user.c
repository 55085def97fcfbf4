/* SPDX-License-Identifier: BSD-2-Clause */
#include "user.h"

#include <string.h>
#include <time.h>
#include <openssl/evp.h>

#include "audit_own.h"
#include "crypto.h"
#include "store_rv.h"

#define USER_VERSION 1
#define LOG2_N_MIN 16
#define LOG2_N_MAX 22
#define SCRYPT_R 8
#define SCRYPT_P 1
#define DERIVE_MS_MIN 100

bool user_name_ok(struct view name)
{
	if (name.n < 1 || name.n > TOKEN_NAME_MAX + 1 || name.p[0] < 'a' || name.p[0] > 'z')
		return false;
	for (size_t i = 1; i < name.n; i++) {
		uint8_t c = name.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
			return false;
	}
	return true;
}

bool user_split(struct view pin, struct view *ret_name, struct view *ret_pin)
{
	const uint8_t *colon = pin.n > 0 ? memchr(pin.p, ':', pin.n) : NULL;
	struct view name;

	if (colon == NULL)
		return false;
	name = VIEW(pin.p, colon - pin.p);
	if (!user_name_ok(name))
		return false;
	*ret_name = name;
	*ret_pin = VIEW(colon + 1, pin.n - name.n - 1);
	return true;
}

/* The part of a record that the seal of the wrapped key covers. */
static void put_fixed(struct buf *b, const struct user_record *r)
{
	buf_put_u8(b, USER_VERSION);
	buf_put_u8(b, (uint8_t)r->user.kind);
	buf_put(b, r->user.id, sizeof(r->user.id));
	buf_put_lv(b, view_of_string(r->user.name));
	buf_put(b, r->salt, sizeof(r->salt));
	buf_put_u8(b, r->log2_n);
	buf_put_u8(b, SCRYPT_R);
	buf_put_u8(b, SCRYPT_P);
	buf_put_u32(b, r->flags);
	buf_put_u8(b, r->retries_max);
}

static bool put_aad(struct buf *b, const char *serial, const uint8_t *generation, const struct user_record *r)
{
	buf_put_view(b, VIEW_STR("strongroom user"));
	buf_put(b, serial, STORE_SERIAL_LEN);
	buf_put(b, generation, STORE_ID_LEN);
	put_fixed(b, r);
	return buf_ok(b);
}

static CK_RV parse(struct view v, struct user_record *ret)
{
	struct user_record r = { 0 };
	struct reader in = reader_of(v);
	uint8_t version = reader_u8(&in);
	uint8_t kind = reader_u8(&in);
	struct view id = reader_bytes(&in, STORE_ID_LEN);
	struct view name = reader_lv(&in, 0, TOKEN_NAME_MAX + 1);
	struct view salt = reader_bytes(&in, sizeof(r.salt));
	uint8_t log2_n = reader_u8(&in);
	uint8_t scrypt_r = reader_u8(&in);
	uint8_t scrypt_p = reader_u8(&in);
	uint32_t flags = reader_u32(&in);
	uint8_t max = reader_u8(&in);
	uint8_t left = reader_u8(&in);
	struct view wrapped = reader_bytes(&in, USER_WRAPPED_LEN);

	if (!reader_done(&in) || version != USER_VERSION || kind < USER_SO || kind > USER_CUSTODIAN ||
	    log2_n < LOG2_N_MIN || log2_n > LOG2_N_MAX || scrypt_r != SCRYPT_R || scrypt_p != SCRYPT_P)
		return CKR_DEVICE_ERROR;
	r.user.kind = (enum user_kind)kind;
	memcpy(r.user.id, id.p, id.n);
	memcpy(r.user.name, name.p, name.n);
	r.user.must_change = (flags & USER_MUST_CHANGE) != 0;
	memcpy(r.salt, salt.p, salt.n);
	r.log2_n = log2_n;
	r.flags = flags;
	r.retries_max = max;
	r.retries_left = left;
	memcpy(r.wrapped, wrapped.p, wrapped.n);
	*ret = r;
	return CKR_OK;
}

struct search {
	enum user_kind kind;
	const char *name;
	bool any;
	bool found;
	bool spoilt; /* a record that is not what was written: matters when nothing else is found */
	struct user_record record;
};

static int search_one(void *ctx, const uint8_t *id, struct view value)
{
	struct search *s = ctx;
	struct user_record r;

	if (parse(value, &r) != CKR_OK || memcmp(r.user.id, id, STORE_ID_LEN) != 0) {
		s->spoilt = true;
		return 0;
	}
	if (s->any ? r.user.kind != USER_SO : r.user.kind == s->kind && strcmp(r.user.name, s->name) == 0) {
		s->record = r;
		s->found = true;
		return 1;
	}
	return 0;
}

static CK_RV search(struct store_txn *txn, struct search *s)
{
	int e = store_user_each(txn, search_one, s);

	if (e < 0)
		return store_rv(e);
	return !s->found && s->spoilt ? CKR_DEVICE_ERROR : CKR_OK;
}

CK_RV user_find(struct store_txn *txn, enum user_kind kind, const char *name, struct user_record *ret)
{
	struct search s = { .kind = kind, .name = name };
	CK_RV rv = search(txn, &s);

	if (rv != CKR_OK)
		return rv;
	if (!s.found)
		return CKR_USER_PIN_NOT_INITIALIZED;
	*ret = s.record;
	return CKR_OK;
}

CK_RV user_exists(struct store_txn *txn, enum user_kind kind, const char *name, bool *ret)
{
	struct search s = { .kind = kind, .name = name };
	CK_RV rv = search(txn, &s);

	if (rv == CKR_OK)
		*ret = s.found;
	return rv;
}

CK_RV user_any(struct store_txn *txn, bool *ret)
{
	struct search s = { .any = true };
	CK_RV rv = search(txn, &s);

	if (rv == CKR_OK)
		*ret = s.found;
	return rv;
}

struct walk {
	CK_RV (*each)(void *ctx, const struct user_record *r);
	void *ctx;
	CK_RV rv;
};

static int walk_one(void *ctx, const uint8_t *id, struct view value)
{
	struct walk *w = ctx;
	struct user_record r;

	w->rv = parse(value, &r);
	if (w->rv == CKR_OK)
		w->rv = memcmp(r.user.id, id, STORE_ID_LEN) == 0 ? w->each(w->ctx, &r) : CKR_DEVICE_ERROR;
	return w->rv != CKR_OK;
}

CK_RV user_each(struct store_txn *txn, CK_RV (*each)(void *ctx, const struct user_record *r), void *ctx)
{
	struct walk w = { .each = each, .ctx = ctx };
	int e = store_user_each(txn, walk_one, &w);

	return e < 0 ? store_rv(e) : w.rv;
}

CK_RV user_store(struct store_txn *txn, const struct user_record *r)
{
	BUF_AUTO b = { 0 };

	put_fixed(&b, r);
	buf_put_u8(&b, r->retries_left);
	buf_put(&b, r->wrapped, sizeof(r->wrapped));
	if (!buf_ok(&b))
		return CKR_HOST_MEMORY;
	return store_rv(store_user_put(txn, r->user.id, buf_view(&b)));
}

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

CK_RV user_make(const struct crypto *c, const char *serial, const uint8_t generation[STORE_ID_LEN], enum user_kind kind,
		struct view name, const uint8_t *id, struct view pin, const struct secret *token_key, uint32_t flags,
		struct user_record *ret)
{
	struct user_record r = { .flags = flags, .retries_max = TOKEN_RETRIES, .retries_left = TOKEN_RETRIES };
	SECRET_AUTO key = { 0 };
	BUF_AUTO aad = { 0 };
	BUF_AUTO wrapped = { 0 };
	CK_RV rv = crypto_random(c, r.salt, sizeof(r.salt));

	r.user.kind = kind;
	r.user.must_change = (flags & USER_MUST_CHANGE) != 0;
	if (name.n > 0)
		memcpy(r.user.name, name.p, name.n);
	if (id != NULL)
		memcpy(r.user.id, id, STORE_ID_LEN);
	else if (rv == CKR_OK)
		rv = crypto_random(c, r.user.id, STORE_ID_LEN);
	if (rv == CKR_OK)
		rv = derive_new(c, pin, r.salt, &r.log2_n, &key);
	if (rv != CKR_OK)
		return rv;
	if (!put_aad(&aad, serial, generation, &r))
		return CKR_HOST_MEMORY;
	rv = seal_bytes(c, key.p, buf_view(&aad), secret_view(token_key), &wrapped);
	if (rv != CKR_OK)
		return rv;
	memcpy(r.wrapped, wrapped.p, USER_WRAPPED_LEN);
	*ret = r;
	return CKR_OK;
}

/* take_retry: one less, on disk, before anything is derived. */
static CK_RV take_retry(struct token *t, const struct user_check *check, const char *name, struct user_record *ret,
			uint8_t ret_generation[STORE_ID_LEN])
{
	struct token_record record;
	struct store_txn *txn = NULL;
	int e = store_begin(atomic_load(&t->store), true, &txn);
	CK_RV rv = e != STORE_OK ? store_rv(e) : token_record_load(txn, &record);

	if (rv == CKR_OK)
		rv = user_find(txn, check->kind, name, ret);
	if (rv == CKR_OK && ret->retries_left == 0)
		rv = CKR_PIN_LOCKED;
	/* No PIN is tried that nobody would hear of. */
	if (rv == CKR_OK && !check->anew && !t->staged)
		rv = audit_ready(t->crypto, txn);
	if (rv == CKR_OK) {
		ret->retries_left--;
		rv = user_store(txn, ret);
	}
	if (rv != CKR_OK) {
		store_abort(txn);
		return rv;
	}
	memcpy(ret_generation, record.generation, STORE_ID_LEN);
	return store_rv(store_commit(txn));
}

/* settle: after the derivation: the audit entry, and for a right PIN the retries, in one transaction. */
static CK_RV settle(struct token *t, const struct user_check *check, struct user_record *r,
		    const struct secret *token_key, CK_RV result)
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
		rv = user_find(txn, check->kind, r->user.name, &now);
		/* Changed by another process while we derived: what the PIN opened is not this record any more. */
		if (rv == CKR_OK && (memcmp(now.user.id, r->user.id, STORE_ID_LEN) != 0 ||
				     memcmp(now.wrapped, r->wrapped, sizeof(r->wrapped)) != 0))
			rv = CKR_PIN_INCORRECT;
		r->retries_left = r->retries_max;
		if (rv == CKR_OK && check->on_success != NULL)
			rv = check->on_success(check->ctx, txn, r, token_key);
		if (rv == CKR_OK)
			rv = user_store(txn, r);
		if (rv == CKR_OK)
			rv = audit_adopt(t->crypto, txn, token_key);
		if (rv == CKR_OK && t->staged)
			rv = audit_copy(t->crypto, txn, token_key);
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
		rv = user_find(txn, USER_SO, "", &so);
	if (rv == CKR_OK)
		rv = user_store(txn, &so);
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

CK_RV user_check(struct token *t, const struct user_check *check, struct user_record *ret_user,
		 struct secret *ret_token_key)
{
	struct user_record r = { 0 };
	SECRET_AUTO key = { 0 };
	SECRET_AUTO token_key = { 0 };
	BUF_AUTO aad = { 0 };
	uint8_t generation[STORE_ID_LEN];
	char name[TOKEN_NAME_MAX + 2] = { 0 };
	CK_RV rv;

	if (check->name.n > TOKEN_NAME_MAX + 1)
		return unknown(t, check);
	if (check->name.n > 0)
		memcpy(name, check->name.p, check->name.n);
	rv = take_retry(t, check, name, &r, generation);
	if (rv == CKR_USER_PIN_NOT_INITIALIZED && check->kind == USER_CUSTODIAN)
		return unknown(t, check);
	if (rv == CKR_USER_PIN_NOT_INITIALIZED)
		r.user.kind = check->kind;
	if (rv == CKR_PIN_LOCKED || rv == CKR_USER_PIN_NOT_INITIALIZED)
		return refuse(t, check, &r, rv);
	if (rv == CKR_OK)
		rv = derive(t->crypto, check->pin, r.salt, r.log2_n, &key);
	if (rv != CKR_OK)
		return rv;
	if (!put_aad(&aad, t->serial, generation, &r))
		return CKR_HOST_MEMORY;
	rv = open_bytes(t->crypto, key.p, buf_view(&aad), VIEW(r.wrapped, sizeof(r.wrapped)), &token_key);
	if (rv == CKR_ENCRYPTED_DATA_INVALID)
		return refuse(t, check, &r, CKR_PIN_INCORRECT);
	if (rv == CKR_OK && check->before_success != NULL)
		rv = check->before_success(check->ctx, &r, &token_key);
	if (rv == CKR_OK)
		rv = settle(t, check, &r, &token_key, CKR_OK);
	if (rv != CKR_OK)
		return rv;
	if (ret_user != NULL)
		*ret_user = r;
	if (ret_token_key != NULL)
		secret_move(ret_token_key, &token_key);
	return CKR_OK;
}
