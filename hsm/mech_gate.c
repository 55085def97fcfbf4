/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech.h"
#include "key.h"
#include "object.h"
#include "object_attr.h"
#include "op_state.h"
#include "policy.h"
#include "role.h"
#include "session.h"
#include <stdatomic.h>
#include <stdlib.h>

const struct mech_param param_none = { .text = "none", .flat = true };

/* How a fault of the key is called, by what the key is there for. */
struct key_faults {
	CK_RV handle, type, size;
};

static const struct key_faults of_key = { CKR_KEY_HANDLE_INVALID, CKR_KEY_TYPE_INCONSISTENT, CKR_KEY_SIZE_RANGE };
static const struct key_faults of_wrapping = { CKR_WRAPPING_KEY_HANDLE_INVALID, CKR_WRAPPING_KEY_TYPE_INCONSISTENT,
					       CKR_WRAPPING_KEY_SIZE_RANGE };
static const struct key_faults of_unwrapping = { CKR_UNWRAPPING_KEY_HANDLE_INVALID,
						 CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT, CKR_UNWRAPPING_KEY_SIZE_RANGE };

/* What a use demands of a key. */
static const struct use {
	CK_FLAGS use;
	CK_ATTRIBUTE_TYPE usage;
	CK_OBJECT_CLASS asymmetric; /* class of an asymmetric key; symmetric ones are secret keys */
	const struct key_faults *faults;
} uses[] = {
	{ CKF_ENCRYPT, CKA_ENCRYPT, CKO_PUBLIC_KEY, &of_key },
	{ CKF_DECRYPT, CKA_DECRYPT, CKO_PRIVATE_KEY, &of_key },
	{ CKF_SIGN, CKA_SIGN, CKO_PRIVATE_KEY, &of_key },
	{ CKF_VERIFY, CKA_VERIFY, CKO_PUBLIC_KEY, &of_key },
	{ CKF_WRAP, CKA_WRAP, CKO_PUBLIC_KEY, &of_wrapping },
	{ CKF_UNWRAP, CKA_UNWRAP, CKO_PRIVATE_KEY, &of_unwrapping },
	{ CKF_DERIVE, CKA_DERIVE, CKO_PRIVATE_KEY, &of_key },
	{ CKF_SIGN_RECOVER, CKA_SIGN_RECOVER, CKO_PRIVATE_KEY, &of_key },
	{ CKF_VERIFY_RECOVER, CKA_VERIFY_RECOVER, CKO_PUBLIC_KEY, &of_key },
	{ CKF_MESSAGE_ENCRYPT, CKA_ENCRYPT, CKO_PUBLIC_KEY, &of_key },
	{ CKF_MESSAGE_DECRYPT, CKA_DECRYPT, CKO_PRIVATE_KEY, &of_key },
	{ CKF_MESSAGE_SIGN, CKA_SIGN, CKO_PRIVATE_KEY, &of_key },
	{ CKF_MESSAGE_VERIFY, CKA_VERIFY, CKO_PUBLIC_KEY, &of_key },
	{ CKF_ENCAPSULATE, CKA_ENCAPSULATE, CKO_PUBLIC_KEY, &of_key },
	{ CKF_DECAPSULATE, CKA_DECAPSULATE, CKO_PRIVATE_KEY, &of_key },
};

static bool key_type_ok(const struct mech_row *row, CK_KEY_TYPE type)
{
	for (size_t i = 0; i < row->keys.count; i++) {
		if (row->keys.types[i] == type)
			return true;
	}
	return false;
}

static CK_RV gate_key(struct session *s, const struct mech_row *row, const struct use *u, const struct object *key)
{
	CK_OBJECT_CLASS class = object_class(key);
	CK_ULONG size;

	if (class != CKO_SECRET_KEY && class != CKO_PUBLIC_KEY && class != CKO_PRIVATE_KEY)
		return u->faults->handle;
	/* The SO sees components, to destroy them. */
	if (object_bool(key, CKA_PRIVATE) && !session_sees_private(s))
		return CKR_USER_NOT_LOGGED_IN;
	if (!object_mechanism_allowed(key, row->type))
		return CKR_MECHANISM_INVALID;
	if (class != CKO_SECRET_KEY && class != u->asymmetric)
		return u->faults->type;
	if (!key_type_ok(row, object_key_type(key)))
		return u->faults->type;
	size = key_size(key);
	if (size < row->key_min || size > row->key_max)
		return u->faults->size;
	if (!object_bool(key, u->usage))
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	/*
	 * There is nobody to log in between the beginning and the end of a call that is both, nor between messages.
	 */
	if ((u->use & (CKF_UNWRAP | CKF_DERIVE | CKF_DECAPSULATE | CKF_MESSAGE_SIGN | CKF_MESSAGE_DECRYPT)) &&
	    object_bool(key, CKA_ALWAYS_AUTHENTICATE))
		return CKR_USER_NOT_LOGGED_IN;
	return role_permits(key, row->type, mech_plain_use(u->use));
}

CK_FLAGS mech_plain_use(CK_FLAGS use)
{
	switch (use) {
	case CKF_MESSAGE_ENCRYPT:
		return CKF_ENCRYPT;
	case CKF_MESSAGE_DECRYPT:
		return CKF_DECRYPT;
	case CKF_MESSAGE_SIGN:
		return CKF_SIGN;
	case CKF_MESSAGE_VERIFY:
		return CKF_VERIFY;
	default:
		return use;
	}
}

CK_RV mech_param_ok(const struct mech_row *row, const CK_MECHANISM *m, CK_FLAGS use)
{
	const struct mech_param *p = row->param;

	if (use == CKF_MESSAGE_ENCRYPT || use == CKF_MESSAGE_DECRYPT) {
		if (m->ulParameterLen == 0)
			return CKR_OK;
		return row->ops->message->check(row, m->pParameter, m->ulParameterLen);
	}
	if (m->ulParameterLen == 0 &&
	    (p->size == 0 || p->optional || ((use == CKF_MESSAGE_SIGN || use == CKF_MESSAGE_VERIFY) && !p->flat)))
		return CKR_OK;
	if ((p->size != PARAM_ANY_SIZE && m->ulParameterLen != p->size) || m->pParameter == NULL)
		return CKR_MECHANISM_PARAM_INVALID;
	return p->check == NULL ? CKR_OK : p->check(row, m);
}

CK_RV mech_gate(struct session *s, const CK_MECHANISM *m, CK_FLAGS use, struct object *key,
		const struct mech_row **ret_row)
{
	const struct mech_row *row = mech_find(m->mechanism);
	CK_RV rv = CKR_OK;

	if (row == NULL || (row->flags & use) == 0)
		return CKR_MECHANISM_INVALID;
	for (size_t i = 0; key != NULL && i < ARRAY_LEN(uses) && rv == CKR_OK; i++) {
		if (uses[i].use == use)
			rv = gate_key(s, row, &uses[i], key);
	}
	if (rv == CKR_OK)
		rv = mech_param_ok(row, m, use);
	if (rv == CKR_OK)
		rv = policy_use(s, row, use, key);
	if (rv == CKR_OK)
		*ret_row = row;
	return rv;
}

CK_RV mech_gate_cargo(struct session *s, const struct mech_row *row, struct object *wrapping, struct object *key)
{
	CK_OBJECT_CLASS class = object_class(key);
	CK_RV rv;

	if (class != CKO_SECRET_KEY && class != CKO_PRIVATE_KEY)
		return class == CKO_PUBLIC_KEY ? CKR_KEY_NOT_WRAPPABLE : CKR_KEY_HANDLE_INVALID;
	if (row->traits & MECH_OWN_CARGO)
		return CKR_OK;
	if (!object_bool(key, CKA_EXTRACTABLE))
		return CKR_KEY_UNEXTRACTABLE;
	if (object_bool(key, CKA_WRAP_WITH_TRUSTED) && !object_bool(wrapping, CKA_TRUSTED))
		return CKR_KEY_NOT_WRAPPABLE;
	if (!template_admits(wrapping, key))
		return CKR_KEY_HANDLE_INVALID; /* the code that PKCS#11 gives for it */
	rv = role_permits_cargo(wrapping, row->type, key);
	return rv == CKR_OK ? policy_wrap(s, row, wrapping, key) : rv;
}

/* Of the operations that were begun, in all sessions. */
static atomic_uint_least64_t last_order = 1;

CK_RV op_make(struct session *s, const struct mech_row *row, const CK_MECHANISM *m, CK_FLAGS use, struct object *key,
	      struct op **ret)
{
	struct op *op = calloc(1, sizeof(*op));
	size_t most = 0;
	CK_RV rv;

	if (op == NULL)
		return CKR_HOST_MEMORY;
	op->row = row;
	op->use = use;
	op->order = atomic_fetch_add(&last_order, 1);
	if (key != NULL) {
		most = role_data_max(key);
		op->needs_login = object_bool(key, CKA_ALWAYS_AUTHENTICATE);
	}
	if (key != NULL && policy_watches(row, use, key))
		op->watched = object_ref(key);
	op->data_left = most != 0 ? most : SIZE_MAX;
	rv = row->ops->init(op, s, m, key);
	if (rv != CKR_OK) {
		op_free(op);
		return rv;
	}
	op_record_new(op, m, key);
	*ret = op;
	return CKR_OK;
}

CK_RV op_new(struct session *s, const CK_MECHANISM *m, CK_FLAGS use, struct object *key, struct op **ret)
{
	const struct mech_row *row = NULL;
	CK_RV rv = mech_gate(s, m, use, key, &row);

	return rv == CKR_OK ? op_make(s, row, m, use, key, ret) : rv;
}

void op_free(struct op *op)
{
	if (op == NULL)
		return;
	op->row->ops->done(op);
	buf_done(&op->signature);
	op_record_free(op->record);
	object_unref(op->watched);
	free(op);
}
