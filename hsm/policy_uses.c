/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy_own.h"

#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "crypto.h"
#include "key.h"
#include "object_change.h"
#include "object_own.h"
#include "session.h"
#include "store_rv.h"

#define RECORD_VERSION 1
#define PREFIX "use."
#define NAME_LEN (sizeof(PREFIX) + 2 * USES_ID_LEN)

static int store_of(CK_RV rv)
{
	return rv == CKR_OK ? STORE_OK : rv == CKR_HOST_MEMORY ? STORE_ENOMEM : STORE_EIO;
}

/* secret_id: of the bytes; of DES keys as the cipher uses them, whatever their length and parity. */
static int secret_id(struct token *t, CK_KEY_TYPE type, struct view value, uint8_t ret[USES_ID_LEN])
{
	SECRET_AUTO data = { 0 };
	uint8_t des[24];
	bool is_des = type == CKK_DES || type == CKK_DES2 || type == CKK_DES3;
	int e;

	if (is_des && !crypto_des_key(value.p, value.n, des))
		return STORE_EINVAL;
	if (is_des)
		value = VIEW(des, sizeof(des));
	if (!secret_init(&data, value.n + 1))
		return STORE_ENOMEM;
	data.p[0] = is_des ? 'D' : 'S';
	memcpy(data.p + 1, value.p, value.n);
	data.len = value.n + 1;
	if (is_des)
		des_set_parity(data.p + 1, value.n);
	e = seal_hash(&t->seal, SEAL_USES, secret_view(&data), ret);
	OPENSSL_cleanse(des, sizeof(des));
	return e;
}

/* pair_id: of what both halves know. */
static int pair_id(struct token *t, struct object *key, uint8_t ret[USES_ID_LEN])
{
	struct view modulus = object_bytes(key, CKA_MODULUS);
	unsigned char *der = NULL;
	EVP_PKEY *pkey = NULL;
	BUF_AUTO data = { 0 };
	uint8_t hash[32];
	int n, e = STORE_EIO;

	buf_put(&data, t->generation, sizeof(t->generation));
	buf_put_view(&data, VIEW_STR("pair"));
	if (object_key_type(key) == CKK_RSA) {
		while (modulus.n > 0 && modulus.p[0] == 0)
			modulus = VIEW(modulus.p + 1, modulus.n - 1);
		buf_put_view(&data, modulus);
	} else {
		CK_RV rv = key_pkey(key, &pkey);

		n = rv == CKR_OK ? i2d_PUBKEY(pkey, &der) : -1;
		EVP_PKEY_free(pkey);
		if (n <= 0)
			return store_of(rv == CKR_OK ? CKR_GENERAL_ERROR : rv);
		buf_put(&data, der, (size_t)n);
		OPENSSL_free(der);
	}
	if (buf_ok(&data) && EVP_Digest(data.p, data.len, hash, NULL, t->crypto->md[CRYPTO_SHA256], NULL) == 1) {
		memcpy(ret, hash, USES_ID_LEN);
		e = STORE_OK;
	}
	return e;
}

/* identify: the name of the key's entry, kept beside the object. Under the object's cache lock. */
static int identify(struct token *t, struct object *key, uint8_t ret[USES_ID_LEN])
{
	bool secret = object_class(key) == CKO_SECRET_KEY;
	bool known;
	int e = STORE_OK;

	pthread_mutex_lock(&key->cache_lock);
	known = key->uses.named;
	if (known)
		memcpy(ret, key->uses.id, USES_ID_LEN);
	pthread_mutex_unlock(&key->cache_lock);
	if (known)
		return STORE_OK;
	e = secret ? secret_id(t, object_key_type(key), object_secret(key, CKA_VALUE), ret) : pair_id(t, key, ret);
	if (e != STORE_OK)
		return e;
	pthread_mutex_lock(&key->cache_lock);
	memcpy(key->uses.id, ret, USES_ID_LEN);
	key->uses.named = true;
	pthread_mutex_unlock(&key->cache_lock);
	return STORE_OK;
}

static void entry_name(const uint8_t id[USES_ID_LEN], char ret[NAME_LEN])
{
	memcpy(ret, PREFIX, sizeof(PREFIX));
	hex_encode(VIEW(id, USES_ID_LEN), ret + sizeof(PREFIX) - 1);
}

static void covered(const struct token *t, const char *name, uint32_t uses, struct buf *out)
{
	buf_put_view(out, VIEW_STR("strongroom key usages"));
	buf_put(out, t->serial, STORE_SERIAL_LEN);
	buf_put(out, t->generation, sizeof(t->generation));
	buf_put_view(out, view_of_string(name));
	buf_put_u32(out, uses);
}

static CK_RV take_apart(struct view v, uint32_t *ret_uses, struct view *ret_proof)
{
	struct reader r = reader_of(v);
	uint8_t version = reader_u8(&r);

	*ret_uses = reader_u32(&r);
	*ret_proof = reader_bytes(&r, SEAL_OVERHEAD);
	return reader_done(&r) && version == RECORD_VERSION ? CKR_OK : CKR_DEVICE_ERROR;
}

static CK_RV entry_read(struct token *t, struct store_txn *txn, const char *name, CK_FLAGS *ret)
{
	BUF_AUTO data = { 0 };
	struct view v, proof;
	uint32_t uses;
	int e = store_meta_get(txn, name, &v);
	CK_RV rv;

	if (e == STORE_ENOTFOUND) {
		*ret = 0;
		return CKR_OK;
	}
	if (e != STORE_OK)
		return store_rv(e);
	rv = take_apart(v, &uses, &proof);
	if (rv != CKR_OK)
		return rv;
	covered(t, name, uses, &data);
	if (!buf_ok(&data))
		return CKR_HOST_MEMORY;
	e = seal_proves(&t->seal, SEAL_USES_PROOF, buf_view(&data), proof);
	if (e != STORE_OK && e != STORE_ESEALED)
		return e == STORE_ENOMEM ? CKR_HOST_MEMORY : CKR_DEVICE_ERROR;
	*ret = uses;
	return CKR_OK;
}

CK_RV uses_prove(struct token *t, struct store_txn *txn, const char *name)
{
	CK_FLAGS uses;

	return entry_read(t, txn, name, &uses);
}

/* entry_put: the record with a proof of the seal's writing generation. */
static CK_RV entry_put(struct token *t, struct seal *seal, struct store_txn *txn, const char *name, uint32_t uses)
{
	BUF_AUTO data = { 0 };
	BUF_AUTO record = { 0 };
	CK_RV rv;

	covered(t, name, uses, &data);
	buf_put_u8(&record, RECORD_VERSION);
	buf_put_u32(&record, uses);
	if (!buf_ok(&data))
		return CKR_HOST_MEMORY;
	rv = store_rv(seal_proof(seal, SEAL_USES_PROOF, buf_view(&data), &record));
	if (rv == CKR_OK && !buf_ok(&record))
		rv = CKR_HOST_MEMORY;
	return rv == CKR_OK ? store_rv(store_meta_put(txn, name, buf_view(&record))) : rv;
}

static CK_RV entry_write(struct session *s, struct store_txn *txn, const struct object *key, const char *name,
			 CK_FLAGS uses)
{
	struct token *t = s->token;
	struct audit_event event = { .number = AUDIT_USE_DECIDED,
				     .object = object_id(key),
				     .label = object_bytes(key, CKA_LABEL),
				     .count = uses };
	CK_RV rv = entry_put(t, &t->seal, txn, name, (uint32_t)uses);

	return rv == CKR_OK ? token_audit(t, txn, &event) : rv;
}

/* entry_now: as committed. A proof of a token key that was retired meanwhile is read anew: there is another by then. */
static CK_RV entry_now(struct token *t, const char *name, CK_FLAGS *ret)
{
	CK_RV rv = CKR_DEVICE_ERROR;

	for (unsigned i = 0; i < 2 && rv == CKR_DEVICE_ERROR; i++) {
		struct store_txn *txn = NULL;

		rv = store_rv(store_begin(token_store(t), false, &txn));
		if (rv == CKR_OK)
			rv = entry_read(t, txn, name, ret);
		store_abort(txn);
	}
	return rv;
}

/* noted: what the key's value has been used for, as far as the store knows now. */
static CK_RV noted(struct token *t, struct object *key, const char *name, CK_FLAGS *ret)
{
	uint64_t sequence = store_sequence(token_store(t));
	bool known;
	CK_RV rv;

	pthread_mutex_lock(&key->cache_lock);
	known = key->uses.read && key->uses.sequence == sequence;
	if (known)
		*ret = key->uses.noted;
	pthread_mutex_unlock(&key->cache_lock);
	if (known)
		return CKR_OK;
	rv = entry_now(t, name, ret);
	if (rv != CKR_OK)
		return rv;
	pthread_mutex_lock(&key->cache_lock);
	key->uses.read = true;
	key->uses.sequence = sequence;
	key->uses.noted = *ret;
	pthread_mutex_unlock(&key->cache_lock);
	return CKR_OK;
}

static CK_RV note_down(struct session *s, struct object *key, const char *name, CK_FLAGS what, CK_FLAGS against,
		       bool relaxed)
{
	struct store_txn *txn = NULL;
	CK_FLAGS uses = 0;
	CK_RV rv = object_begin_write(s, &txn);

	if (rv != CKR_OK)
		return rv;
	rv = entry_read(s->token, txn, name, &uses);
	if (rv == CKR_OK && (uses & against) && !relaxed)
		rv = CKR_KEY_FUNCTION_NOT_PERMITTED;
	if (rv == CKR_OK)
		rv = entry_write(s, txn, key, name, uses | what);
	if (rv == CKR_OK)
		return store_rv(store_commit(txn));
	store_abort(txn);
	return rv;
}

/* is_free: anybody may know this value, so that it does not matter what it was used for. */
static bool is_free(const struct object *key)
{
	if (object_class(key) == CKO_PUBLIC_KEY)
		return true;
	return !object_bool(key, CKA_SENSITIVE) && object_bool(key, CKA_EXTRACTABLE);
}

CK_RV uses_decide(struct session *s, struct object *key, CK_FLAGS what, CK_FLAGS against, bool note, bool relaxed)
{
	uint8_t id[USES_ID_LEN];
	char name[NAME_LEN];
	CK_FLAGS uses = 0;
	int e = identify(s->token, key, id);
	struct token_user user;
	CK_RV rv;

	session_user(s, &user);
	if (e == STORE_ESEALED || user.kind == USER_NONE)
		return is_free(key) && !(note && (what == CKF_WRAP || what == CKF_UNWRAP)) ? CKR_OK
											   : CKR_USER_NOT_LOGGED_IN;
	if (e != STORE_OK)
		return store_rv(e);
	entry_name(id, name);
	rv = noted(s->token, key, name, &uses);
	if (rv != CKR_OK)
		return rv;
	if ((uses & against) && !relaxed)
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	if (!note || (uses & what))
		return CKR_OK;
	return note_down(s, key, name, what, against, relaxed);
}

CK_RV uses_decide_value(struct session *s, struct object *audited, CK_KEY_TYPE type, struct view value, CK_FLAGS what,
			CK_FLAGS against)
{
	struct token *t = s->token;
	uint8_t id[USES_ID_LEN];
	char name[NAME_LEN];
	CK_FLAGS uses = 0;
	CK_RV rv = store_rv(secret_id(t, type, value, id));

	if (rv != CKR_OK)
		return rv;
	entry_name(id, name);
	rv = entry_now(t, name, &uses);
	if (rv == CKR_OK && (uses & against))
		rv = CKR_KEY_FUNCTION_NOT_PERMITTED;
	if (rv != CKR_OK || (uses & what))
		return rv;
	return note_down(s, audited, name, what, against, false);
}

CK_RV uses_same(struct session *s, struct object *a, struct object *b, bool *ret)
{
	uint8_t of_a[USES_ID_LEN], of_b[USES_ID_LEN];
	int e = identify(s->token, a, of_a);

	if (e == STORE_OK)
		e = identify(s->token, b, of_b);
	if (e != STORE_OK)
		return store_rv(e);
	*ret = memcmp(of_a, of_b, USES_ID_LEN) == 0;
	return CKR_OK;
}

/* struct stale: names of entries that the writing generation does not prove, but another one does. */
struct stale {
	struct token *t;
	struct seal *seal;
	size_t most, len, left;
	struct {
		char name[NAME_LEN];
		uint32_t uses;
	} * entries;
};

static int stale_one(void *ctx, const char *name, struct view v)
{
	struct stale *s = ctx;
	BUF_AUTO data = { 0 };
	SECRET_AUTO empty = { 0 };
	struct view proof;
	uint32_t uses;
	void *more;

	if (strlen(name) + 1 != NAME_LEN || take_apart(v, &uses, &proof) != CKR_OK)
		return 0;
	covered(s->t, name, uses, &data);
	if (!buf_ok(&data))
		return STORE_ENOMEM;
	if (open_under(s->seal, SEAL_USES_PROOF, seal_current(s->seal), buf_view(&data), proof, &empty) == STORE_OK ||
	    seal_proves(s->seal, SEAL_USES_PROOF, buf_view(&data), proof) != STORE_OK)
		return 0;
	if (s->len == s->most) {
		s->left++;
		return 0;
	}
	more = realloc(s->entries, (s->len + 1) * sizeof(*s->entries));
	if (more == NULL)
		return STORE_ENOMEM;
	s->entries = more;
	memcpy(s->entries[s->len].name, name, NAME_LEN);
	s->entries[s->len++].uses = uses;
	return 0;
}

CK_RV uses_reprove(struct token *t, struct seal *seal, struct store_txn *txn, size_t most, size_t *ret_done,
		   size_t *ret_left)
{
	struct stale s = { .t = t, .seal = seal, .most = most };
	CK_RV rv = store_rv(store_meta_each(txn, PREFIX, NULL, stale_one, &s));

	for (size_t i = 0; rv == CKR_OK && i < s.len; i++)
		rv = entry_put(t, seal, txn, s.entries[i].name, s.entries[i].uses);
	free(s.entries);
	if (rv == CKR_OK) {
		*ret_done = s.len;
		*ret_left = s.left;
	}
	return rv;
}
