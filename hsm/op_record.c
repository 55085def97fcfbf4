/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "object.h"
#include "op_record.h"
#include "op_state.h"

#define ROOM_MIN 256

static bool can_be_saved(const struct op *op, const CK_MECHANISM *m, const struct object *key)
{
	if (!(op->use & (CKF_DIGEST | CKF_SIGN | CKF_VERIFY | CKF_ENCRYPT | CKF_DECRYPT)))
		return false;
	if (m->ulParameterLen > OP_PARAM_MAX || (m->ulParameterLen > 0 && !op->row->param->flat))
		return false;
	if (op->data_left != SIZE_MAX)
		return false;
	return key == NULL || (!object_bool(key, CKA_ALWAYS_AUTHENTICATE) && object_id(key).n == STORE_ID_LEN);
}

void op_record_new(struct op *op, const CK_MECHANISM *m, const struct object *key)
{
	struct op_record *r;

	if (!can_be_saved(op, m, key))
		return;
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return;
	r->param_len = m->ulParameterLen;
	if (r->param_len > 0)
		memcpy(r->param, m->pParameter, r->param_len);
	if (key != NULL)
		memcpy(r->key, object_id(key).p, sizeof(r->key));
	op->record = r;
}

void op_record_free(struct op_record *r)
{
	if (r == NULL)
		return;
	secret_done(&r->input);
	free(r);
}

void op_record_drop(struct op *op)
{
	op_record_free(op->record);
	op->record = NULL;
}

/* room_for: room for n more bytes; what was there moves. */
static bool room_for(struct secret *s, size_t n)
{
	size_t room = s->room > 0 ? s->room : ROOM_MIN;
	struct secret larger = { 0 };

	while (room < s->len + n)
		room *= 2;
	if (room == s->room)
		return true;
	if (!secret_init(&larger, room))
		return false;
	if (!secret_append(&larger, s->p, s->len)) {
		secret_done(&larger);
		return false;
	}
	secret_done(s);
	secret_move(s, &larger);
	return true;
}

void op_record_input(struct op *op, struct view data)
{
	struct op_record *r = op->record;

	if (r == NULL || data.n == 0)
		return;
	if (data.n > OP_RECORD_MAX - r->input.len || !room_for(&r->input, data.n) ||
	    !secret_append(&r->input, data.p, data.n))
		op_record_drop(op);
}
