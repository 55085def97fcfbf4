/* SPDX-License-Identifier: BSD-2-Clause */
#include "op_state.h"

#include <string.h>

#include "op_call.h"
#include "module.h"
#include "object.h"
#include "object_find.h"
#include "op_record.h"
#include "op_run.h"
#include "token_own.h"

/* The bytes of a state stand in docs/store.md. */
#define VERSION 1
_Static_assert(OP_DIGEST == 0 && OP_SIGN == 1 && OP_VERIFY == 3 && OP_VERIFY_SIGNATURE == 5 && OP_ENCRYPT == 6 &&
		   OP_DECRYPT == 7 && OP_SINGLE == 1 && OP_MULTI == 2,
	       "the numbers in a state");
#define SIGNATURE_MAX 65536

/* Which of the two keys of C_SetOperationState an operation has; NO_KEY: it has none, or is not saved. */
enum whose { NO_KEY, CRYPT_KEY, SIGN_KEY, KEYS };

static const struct {
	bool saved;
	enum whose key;
} kinds[OP_KINDS] = {
	[OP_DIGEST] = { true, NO_KEY },     [OP_SIGN] = { true, SIGN_KEY },
	[OP_VERIFY] = { true, SIGN_KEY },   [OP_VERIFY_SIGNATURE] = { true, SIGN_KEY },
	[OP_ENCRYPT] = { true, CRYPT_KEY }, [OP_DECRYPT] = { true, CRYPT_KEY },
};

/* bind: what a state belongs to, as additional data of its seal, and the key of that seal. */
static CK_RV bind(struct session *s, struct buf *aad, struct secret *ret_key)
{
	struct token *t = s->token;
	struct token_user user;

	session_user(s, &user);
	buf_put_view(aad, VIEW_STR("strongroom operation state"));
	buf_put_u8(aad, VERSION);
	pthread_mutex_lock(&t->lock);
	buf_put(aad, t->serial, STORE_SERIAL_LEN);
	buf_put(aad, t->generation, STORE_ID_LEN);
	pthread_mutex_unlock(&t->lock);
	buf_put_u8(aad, (uint8_t)session_state(s));
	buf_put(aad, user.id, sizeof(user.id));
	if (!buf_ok(aad))
		return CKR_HOST_MEMORY;
	return seal_state_key(&t->seal, user.kind != USER_NONE, ret_key);
}

static size_t op_len(const struct op *op)
{
	return 1 + 1 + 8 + STORE_ID_LEN + 2 + op->record->param_len + 4 + op->signature.len + 4 + op->record->input.len;
}

/* state_len: plain bytes of all active operations, which must all be of those that can be saved. */
static CK_RV state_len(const struct session *s, size_t *ret)
{
	const uint8_t *keys[KEYS] = { NULL };
	size_t n = 1;

	/* Processes of messages hold counters of IVs, which must not be had twice. */
	for (size_t i = 0; i < MESSAGE_KINDS; i++) {
		if (s->messages[i] != NULL)
			return CKR_STATE_UNSAVEABLE;
	}
	for (size_t i = 0; i < OP_KINDS; i++) {
		const struct op *op = s->ops[i];
		const uint8_t **key = &keys[kinds[i].key];

		if (op == NULL || !kinds[i].saved)
			continue;
		if (op->record == NULL)
			return CKR_STATE_UNSAVEABLE;
		/* C_SetOperationState takes one key of each sort. */
		if (kinds[i].key != NO_KEY && *key != NULL && memcmp(*key, op->record->key, STORE_ID_LEN) != 0)
			return CKR_STATE_UNSAVEABLE;
		*key = op->record->key;
		n += op_len(op);
	}
	if (n == 1)
		return CKR_OPERATION_NOT_INITIALIZED;
	*ret = n;
	return CKR_OK;
}

static bool put(struct secret *out, const void *p, size_t n)
{
	return n == 0 || secret_append(out, p, n);
}

static bool put_op(struct secret *out, enum op_kind kind, const struct op *op)
{
	const struct op_record *r = op->record;
	uint8_t head[2] = { (uint8_t)kind, (uint8_t)op->phase }, number[8], length[4];

	be_put64(number, op->row->type);
	if (!put(out, head, 2) || !put(out, number, 8) || !put(out, r->key, sizeof(r->key)))
		return false;
	be_put16(length, (uint16_t)r->param_len);
	if (!put(out, length, 2) || !put(out, r->param, r->param_len))
		return false;
	be_put32(length, (uint32_t)op->signature.len);
	if (!put(out, length, 4) || !put(out, op->signature.p, op->signature.len))
		return false;
	be_put32(length, (uint32_t)r->input.len);
	return put(out, length, 4) && put(out, r->input.p, r->input.len);
}

static CK_RV seal_state(struct session *s, struct view plain, struct buf *out)
{
	SECRET_AUTO key = { 0 };
	BUF_AUTO aad = { 0 };
	CK_RV rv = bind(s, &aad, &key);

	return rv == CKR_OK ? seal_bytes(module_crypto(), key.p, buf_view(&aad), plain, out) : rv;
}

CK_RV op_state_save(struct session *s, uint8_t *out, CK_ULONG *len)
{
	SECRET_AUTO plain = { 0 };
	BUF_AUTO sealed = { 0 };
	const uint8_t version = VERSION;
	size_t n = 0;
	CK_RV rv = state_len(s, &n);
	bool ok;

	if (rv != CKR_OK)
		return rv;
	if (!length_go(out, len, n + SEAL_OVERHEAD, &rv))
		return rv;
	ok = secret_init(&plain, n) && put(&plain, &version, 1);
	for (size_t i = 0; ok && i < OP_KINDS; i++)
		if (s->ops[i] != NULL && kinds[i].saved)
			ok = put_op(&plain, (enum op_kind)i, s->ops[i]);
	if (!ok)
		return CKR_HOST_MEMORY;
	rv = seal_state(s, secret_view(&plain), &sealed);
	if (rv == CKR_OK && sealed.len != n + SEAL_OVERHEAD)
		rv = CKR_GENERAL_ERROR;
	if (rv != CKR_OK)
		return rv;
	memcpy(out, sealed.p, sealed.len);
	*len = sealed.len;
	return CKR_OK;
}

/* struct saved: one operation of a state; the views point into the opened bytes. */
struct saved {
	bool there;
	enum op_phase phase;
	CK_MECHANISM_TYPE mechanism;
	struct view key, param, signature, input;
};

static CK_RV read_state(struct view plain, struct saved ret[OP_KINDS])
{
	struct reader r = reader_of(plain);
	bool any = false;

	if (reader_u8(&r) != VERSION)
		return CKR_SAVED_STATE_INVALID;
	while (!r.failed && r.left > 0) {
		uint8_t kind = reader_u8(&r), phase = reader_u8(&r);
		struct saved one = { .there = true, .phase = (enum op_phase)phase };

		one.mechanism = reader_u64(&r);
		one.key = reader_bytes(&r, STORE_ID_LEN);
		one.param = reader_lv(&r, 0, OP_PARAM_MAX);
		one.signature = reader_lv32(&r, SIGNATURE_MAX);
		one.input = reader_lv32(&r, OP_RECORD_MAX);
		if (r.failed || kind >= OP_KINDS || !kinds[kind].saved || phase > OP_MULTI || ret[kind].there)
			return CKR_SAVED_STATE_INVALID;
		ret[kind] = one;
		any = true;
	}
	return any && reader_done(&r) ? CKR_OK : CKR_SAVED_STATE_INVALID;
}

static CK_RV open_state(struct session *s, struct view state, struct secret *ret)
{
	SECRET_AUTO key = { 0 };
	BUF_AUTO aad = { 0 };
	CK_RV rv = bind(s, &aad, &key);

	/* Nothing that long was ever saved; open_bytes cannot hold it either. */
	if (rv == CKR_OK && state.n > SECRET_ROOM_MAX)
		rv = CKR_SAVED_STATE_INVALID;
	if (rv == CKR_OK)
		rv = open_bytes(module_crypto(), key.p, buf_view(&aad), state, ret);
	return rv == CKR_ENCRYPTED_DATA_INVALID ? CKR_SAVED_STATE_INVALID : rv;
}

/* find_keys: the keys given must be those that were used, and no others. */
static CK_RV find_keys(struct session *s, const struct saved saved[OP_KINDS], const CK_OBJECT_HANDLE handles[KEYS],
		       struct object *ret[KEYS])
{
	struct view wanted[KEYS] = { { 0 } };

	for (size_t i = 0; i < OP_KINDS; i++)
		if (saved[i].there && kinds[i].key != NO_KEY)
			wanted[kinds[i].key] = saved[i].key;
	for (size_t k = CRYPT_KEY; k < KEYS; k++) {
		if (wanted[k].p == NULL && handles[k] != 0)
			return CKR_KEY_NOT_NEEDED;
		if (wanted[k].p != NULL && handles[k] == 0)
			return CKR_KEY_NEEDED;
	}
	for (size_t k = CRYPT_KEY; k < KEYS; k++) {
		CK_RV rv = CKR_OK;

		if (wanted[k].p != NULL)
			rv = object_get_key(s, handles[k], CKR_KEY_HANDLE_INVALID, &ret[k]);
		if (rv == CKR_OK && wanted[k].p != NULL && !view_equal(object_id(ret[k]), wanted[k]))
			rv = CKR_KEY_CHANGED;
		if (rv != CKR_OK)
			return rv;
	}
	return CKR_OK;
}

/* replay: the operation takes its input in again; what a cipher writes was given out before. */
static CK_RV replay(struct op *op, struct view input)
{
	SECRET_AUTO out = { 0 };
	CK_ULONG len = 0;
	CK_RV rv;

	if (input.n == 0)
		return CKR_OK;
	if (!(op->use & (CKF_ENCRYPT | CKF_DECRYPT)))
		return op_update(op, input);
	rv = op_crypt_ask(op, MECH_UPDATE, input, &len);
	if (rv == CKR_OK && !secret_init(&out, len > 0 ? len : 1))
		rv = CKR_HOST_MEMORY;
	return rv == CKR_OK ? op_crypt(op, MECH_UPDATE, input, out.p, &len) : rv;
}

static CK_RV restart(struct session *s, enum op_kind kind, const struct saved *saved, struct object *key,
		     struct op **ret)
{
	union {
		CK_ULONG aligned;
		uint8_t p[OP_PARAM_MAX];
	} param = { 0 };
	CK_MECHANISM m = { saved->mechanism, param.p, saved->param.n };
	struct op *op = NULL;
	CK_RV rv;

	if (saved->param.n > 0)
		memcpy(param.p, saved->param.p, saved->param.n);
	rv = op_new(s, &m, op_use(kind), key, &op);
	if (rv != CKR_OK)
		return rv;
	op->phase = saved->phase;
	buf_put_view(&op->signature, saved->signature);
	rv = buf_ok(&op->signature) ? replay(op, saved->input) : CKR_HOST_MEMORY;
	if (rv == CKR_OK)
		*ret = op;
	else
		op_free(op);
	return rv;
}

CK_RV op_state_restore(struct session *s, struct view state, CK_OBJECT_HANDLE crypt_key, CK_OBJECT_HANDLE sign_key)
{
	const CK_OBJECT_HANDLE handles[KEYS] = { [CRYPT_KEY] = crypt_key, [SIGN_KEY] = sign_key };
	struct object *keys[KEYS] = { NULL };
	struct saved saved[OP_KINDS] = { { 0 } };
	struct op *ops[OP_KINDS] = { NULL };
	SECRET_AUTO plain = { 0 };
	CK_RV rv = open_state(s, state, &plain);

	if (rv == CKR_OK)
		rv = read_state(secret_view(&plain), saved);
	if (rv == CKR_OK)
		rv = find_keys(s, saved, handles, keys);
	for (size_t i = 0; rv == CKR_OK && i < OP_KINDS; i++)
		if (saved[i].there)
			rv = restart(s, (enum op_kind)i, &saved[i], keys[kinds[i].key], &ops[i]);
	if (rv == CKR_OK)
		session_end_operations(s);
	for (size_t i = 0; i < OP_KINDS; i++) {
		if (rv == CKR_OK)
			s->ops[i] = ops[i];
		else
			op_free(ops[i]);
	}
	for (size_t k = 0; k < KEYS; k++)
		object_unref(keys[k]);
	return rv;
}
