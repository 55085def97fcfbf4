/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CKM_SR_CHECK_VALUE (ANSI X9.24-1:2017 annex A). C_Sign: 3 bytes for the key, data empty. C_Digest: the data is the
 * label of exactly one visible key, or of several generations of one key, the newest of which is meant; a trailing
 * newline dropped: that is what `pkcs11-tool --hash` can send. Both ways ask the gate whether the key may be used for
 * C_Sign with this mechanism.
 */
#include <stdlib.h>
#include <string.h>
#include "check_value.h"
#include "mech_vendor.h"
#include "module.h"
#include "object.h"
#include "role.h"
#include "session.h"

#define LABEL_MAX 256

struct check_value_state {
	struct session *session;
	uint8_t value[CHECK_VALUE_LEN];
	bool has_value;
	char label[LABEL_MAX];
	size_t len;
};

static CK_RV state_set(struct check_value_state *st, struct object *key)
{
	uint8_t method;
	CK_RV rv = check_value_payment(module_crypto(), object_key_type(key), object_secret(key, CKA_VALUE), &method,
				       st->value);

	st->has_value = rv == CKR_OK;
	return rv;
}

static CK_RV init(struct op *op, struct session *s, const CK_MECHANISM *m, struct object *key)
{
	struct check_value_state *st = calloc(1, sizeof(*st));

	if (!st)
		return CKR_HOST_MEMORY;
	op->state = st;
	op->out_len = CHECK_VALUE_LEN;
	st->session = s;
	if (!key && !session_sees_private(s))
		return CKR_USER_NOT_LOGGED_IN;
	return key ? state_set(st, key) : CKR_OK;
}

static void done(struct op *op)
{
	free(op->state);
	op->state = NULL;
}

/* For C_Sign there is nothing to sign. */
static CK_RV update(struct op *op, struct view data)
{
	struct check_value_state *st = op->state;

	if (op->use == CKF_SIGN)
		return data.n ? CKR_DATA_LEN_RANGE : CKR_OK;
	if (data.n > LABEL_MAX - st->len)
		return CKR_DATA_LEN_RANGE;
	if (data.n)
		memcpy(st->label + st->len, data.p, data.n);
	st->len += data.n;
	return CKR_OK;
}

/* newest: of those that were found, all of which must be generations of one key when they are several. */
static CK_RV newest(struct session *s, const struct handles *found, struct object **ret)
{
	struct object *best = NULL;
	CK_RV rv = found->len > 0 ? CKR_OK : CKR_DATA_INVALID;

	for (size_t i = 0; rv == CKR_OK && i < found->len; i++) {
		struct object *o = NULL;
		CK_ULONG role, generation;

		rv = object_get(s, found->p[i], &o);
		if (rv != CKR_OK)
			break;
		role = object_role(best != NULL ? best : o);
		generation = role_generation(o, role);
		if (found->len > 1 && generation == 0)
			rv = CKR_DATA_INVALID;
		else if (best == NULL || generation > role_generation(best, role)) {
			object_unref(best);
			best = object_ref(o);
		}
		object_unref(o);
	}
	if (rv == CKR_OK)
		*ret = best;
	else
		object_unref(best);
	return rv;
}

/* The key that the label means, of the secret keys that this session sees. */
static CK_RV labelled_key(struct check_value_state *st, struct object **ret)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	size_t n = st->len && st->label[st->len - 1] == '\n' ? st->len - 1 : st->len;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_LABEL, st->label, n } };
	struct handles found = { 0 };
	CK_RV rv;

	if (n == 0)
		return CKR_DATA_INVALID;
	rv = object_find(st->session, t, ARRAY_LEN(t), &found);
	if (rv == CKR_OK)
		rv = newest(st->session, &found, ret);
	handles_done(&found);
	return rv;
}

static CK_RV final(struct op *op, uint8_t *out)
{
	struct check_value_state *st = op->state;
	CK_MECHANISM m = { .mechanism = op->row->type };
	const struct mech_row *row;
	struct object *key = NULL;
	CK_RV rv = CKR_OK;

	if (op->use == CKF_DIGEST) {
		rv = labelled_key(st, &key);
		if (rv == CKR_OK)
			rv = mech_gate(st->session, &m, CKF_SIGN, key, &row);
		if (rv == CKR_OK)
			rv = state_set(st, key);
		object_unref(key);
	}
	if (rv == CKR_OK && !st->has_value)
		rv = CKR_GENERAL_ERROR;
	if (rv == CKR_OK)
		memcpy(out, st->value, CHECK_VALUE_LEN);
	return rv;
}

const struct mech_ops mech_check_value_ops = { .init = init, .done = done, .update = update, .final = final };
