/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_aead.h"
#include "message.h"
#include <stdlib.h>
#include <string.h>

/*
 * Authenticated encryption by messages. The tag stands apart, in the parameter. A message that is decrypted in parts
 * gives nothing out before its end, when the tag was verified.
 */
struct state {
	struct aead a;
	struct iv_maker iv;
};

static enum aead_kind kind_of(const struct mech_row *row)
{
	return ((const struct aead_arg *)row->arg)->kind;
}

static CK_RV check(const struct mech_row *row, const void *param, size_t n)
{
	struct aead_param p;

	return aead_read_message(kind_of(row), param, n, VIEW(NULL, 0), &p);
}

static void end(struct message *m)
{
	aead_done(&((struct state *)m->state)->a);
}

static void done(struct message *m)
{
	free(m->state);
	m->state = NULL;
}

static CK_RV begin(struct message *m, void *param, size_t n, struct view aad)
{
	bool encrypt = m->use == CKF_MESSAGE_ENCRYPT;
	struct state *state = m->state;
	struct aead_param p = { 0 };
	CK_RV rv = aead_read_message(kind_of(m->row), param, n, aad, &p);

	if (rv != CKR_OK)
		return rv;
	if (state == NULL) {
		state = calloc(1, sizeof(*state));
		if (state == NULL)
			return CKR_HOST_MEMORY;
		m->state = state;
	}
	if (encrypt)
		rv = iv_make(&state->iv, &p);
	if (rv == CKR_OK)
		rv = aead_begin(kind_of(m->row), m->key, &p, encrypt, &state->a);
	return rv;
}

static size_t bound(const struct message *m, enum mech_part part, size_t in_len)
{
	const struct state *state = m->state;

	if (part == MECH_SINGLE)
		return in_len;
	if (part == MECH_UPDATE)
		return aead_keeps(&state->a) ? 0 : in_len;
	return state->a.held.len + in_len;
}

/* put: the message's end; all is what of it has not been done. */
static CK_RV finish(struct aead *a, struct view all, const struct aead_param *p, uint8_t *out)
{
	CK_RV rv;

	if (!a->encrypt) {
		rv = aead_open(a, all, p->tag, out);
		return rv == CKR_ENCRYPTED_DATA_INVALID ? CKR_AEAD_DECRYPT_FAILED : rv;
	}
	rv = aead_seal(a, all, out);
	return rv == CKR_OK ? aead_tag(a, p->tag) : rv;
}

static CK_RV next(struct message *m, void *param, size_t n, enum mech_part part, struct view in, uint8_t *out)
{
	struct aead *a = &((struct state *)m->state)->a;
	struct aead_param p = { .tag_len = a->tag_len };
	size_t total = a->held.len + in.n;
	CK_RV rv = CKR_OK;

	if (part != MECH_UPDATE || n != 0)
		rv = aead_read_message(a->kind, param, n, VIEW(NULL, 0), &p);
	if (rv == CKR_OK && p.tag_len != a->tag_len)
		rv = CKR_MECHANISM_PARAM_INVALID;
	if (rv == CKR_OK && !aead_len_ok(a, total, part != MECH_UPDATE))
		rv = a->encrypt ? CKR_DATA_LEN_RANGE : CKR_ENCRYPTED_DATA_LEN_RANGE;
	if (rv != CKR_OK)
		return rv;
	if (part == MECH_SINGLE)
		return finish(a, in, &p, out);
	if (!aead_keeps(a))
		return part == MECH_UPDATE ? aead_seal(a, in, out) : finish(a, in, &p, out);
	rv = hold_put(&a->held, in);
	if (rv == CKR_OK && part == MECH_FINAL)
		rv = finish(a, hold_view(&a->held), &p, out);
	return rv;
}

const struct mech_message_ops aead_message_ops = {
	.check = check,
	.begin = begin,
	.bound = bound,
	.next = next,
	.end = end,
	.done = done,
};
