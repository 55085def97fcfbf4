/* SPDX-License-Identifier: BSD-2-Clause */
#include "message.h"
#include "object.h"
#include "policy.h"
#include "role.h"
#include <stdlib.h>
#include <string.h>

/* keep: what a process of signatures needs of the parameter of its Init. */
static CK_RV keep(struct message *m, const CK_MECHANISM *given)
{
	m->mechanism.mechanism = given->mechanism;
	if (given->ulParameterLen == 0 || !m->row->param->flat) {
		/* Where none is a parameter, too, a message need not bring one. */
		m->bring = !m->row->param->flat && (given->ulParameterLen != 0 || !m->row->param->optional);
		return CKR_OK;
	}
	m->mechanism.pParameter = malloc(given->ulParameterLen);
	if (m->mechanism.pParameter == NULL)
		return CKR_HOST_MEMORY;
	memcpy(m->mechanism.pParameter, given->pParameter, given->ulParameterLen);
	m->mechanism.ulParameterLen = given->ulParameterLen;
	return CKR_OK;
}

static CK_RV start(struct session *s, const CK_MECHANISM *given, CK_FLAGS use, struct object *key, struct message **ret)
{
	struct message *m;
	const struct mech_row *row = NULL;
	CK_RV rv = mech_gate(s, given, use, key, &row);

	if (rv != CKR_OK)
		return rv;
	/* A role's bound on the data of one operation has no meaning where one operation is many messages. */
	if (role_data_max(key) != 0)
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	m = calloc(1, sizeof(*m));
	if (m == NULL)
		return CKR_HOST_MEMORY;
	m->row = row;
	m->use = use;
	m->key = object_ref(key);
	if (use == CKF_MESSAGE_SIGN || use == CKF_MESSAGE_VERIFY)
		rv = keep(m, given);
	if (rv != CKR_OK) {
		message_free(m);
		return rv;
	}
	*ret = m;
	return CKR_OK;
}

CK_FLAGS message_use(enum message_kind kind)
{
	static const CK_FLAGS uses[MESSAGE_KINDS] = {
		[MESSAGE_ENCRYPT] = CKF_MESSAGE_ENCRYPT,
		[MESSAGE_DECRYPT] = CKF_MESSAGE_DECRYPT,
		[MESSAGE_SIGN] = CKF_MESSAGE_SIGN,
		[MESSAGE_VERIFY] = CKF_MESSAGE_VERIFY,
	};

	return uses[kind];
}

CK_RV message_start(struct session *s, enum message_kind kind, const CK_MECHANISM *m, CK_OBJECT_HANDLE handle)
{
	struct object *key = NULL;
	CK_RV rv;

	if (m == NULL) {
		if (s->messages[kind] == NULL)
			return CKR_ARGUMENTS_BAD;
		message_free(s->messages[kind]);
		s->messages[kind] = NULL;
		return CKR_OK;
	}
	if (s->messages[kind] != NULL)
		return CKR_OPERATION_ACTIVE;
	rv = object_get_key(s, handle, CKR_KEY_HANDLE_INVALID, &key);
	if (rv == CKR_OK)
		rv = start(s, m, message_use(kind), key, &s->messages[kind]);
	object_unref(key);
	return rv;
}

CK_RV message_current(struct session *s, enum message_kind kind, bool begun, struct message **ret)
{
	struct message *m = s->messages[kind];
	CK_RV rv = CKR_OK;

	if (m == NULL || (begun && !m->begun))
		return CKR_OPERATION_NOT_INITIALIZED;
	if (!begun && m->begun)
		return CKR_OPERATION_ACTIVE;
	if (policy_watches(m->row, m->use, m->key))
		rv = policy_use(s, m->row, m->use, m->key);
	if (rv != CKR_OK)
		return message_drop(m, rv);
	*ret = m;
	return CKR_OK;
}

CK_RV message_drop(struct message *m, CK_RV rv)
{
	op_free(m->op);
	m->op = NULL;
	if (m->state != NULL)
		m->row->ops->message->end(m);
	m->begun = false;
	return rv;
}

CK_RV message_finish(struct session *s, enum message_kind kind)
{
	/* The policy is not asked: nothing is done with the key any more. */
	if (s->messages[kind] == NULL)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (s->messages[kind]->begun)
		return CKR_OPERATION_ACTIVE;
	message_free(s->messages[kind]);
	s->messages[kind] = NULL;
	return CKR_OK;
}

void message_free(struct message *m)
{
	if (m == NULL)
		return;
	message_drop(m, CKR_OK);
	if (m->state != NULL)
		m->row->ops->message->done(m);
	object_unref(m->key);
	free(m->mechanism.pParameter);
	free(m);
}
