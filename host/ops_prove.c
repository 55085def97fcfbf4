/* SPDX-License-Identifier: BSD-2-Clause */
/* Proofs of both sides in a handshake (R1.10). */
#include <string.h>

#include "ops_own.h"

void ops_transcript(const struct ops_tk *tk, const struct ops_shake *shake, const struct tmk_message *m,
		    struct buf *out)
{
	struct transcript t = {
		.direction = TRANSCRIPT_TMK,
		.handshake = tk->handshake,
		.pos_serial = VIEW(tk->serial, tk->serial_len),
		.terminal_random = shake->terminal_random,
		.host_random = shake->host_random,
		.attrs = m->attrs,
		.ctmk = m->ctmk,
		.check = m->check,
	};

	transcript_put(out, &t);
}

/* What a proof says besides who makes it. */
struct said {
	const struct check_value *check;
	uint8_t forms;
};

static void transcript_said(const struct ops_tk *tk, const struct ops_shake *shake, uint8_t direction,
			    const struct said *said, struct buf *out)
{
	struct transcript t = {
		.direction = direction,
		.handshake = tk->handshake,
		.pos_serial = VIEW(tk->serial, tk->serial_len),
		.terminal_random = shake->terminal_random,
		.host_random = shake->host_random,
		.forms = said->forms,
	};

	if (said->check)
		t.check = *said->check;
	transcript_put(out, &t);
}

static enum err shake_ok(const struct ops_tk *tk, const struct ops_shake *shake, struct fail *f)
{
	size_t n = ops_nonce_len(tk);

	if (!tk->session)
		return fail_set(f, ERR_USAGE, 0, "handshake: no TK open");
	if (shake->terminal_random.n != n || shake->host_random.n != n)
		return fail_set(f, ERR_REFUSED, 0, "handshake: nonces of %zu and %zu bytes, not %zu",
				shake->terminal_random.n, shake->host_random.n, n);
	if (view_equal(shake->terminal_random, shake->host_random))
		return fail_set(f, ERR_REFUSED, 0, "handshake: both nonces are the same");
	return ERR_OK;
}

/* proof: makes (or checks) the proof of one direction, whose maker is the host for direction 1. */
static enum err proof(struct ops *o, const struct ops_tk *tk, const struct ops_shake *shake, uint8_t direction,
		      const struct said *said, struct ops_prove_arg *arg, struct fail *f)
{
	BUF_AUTO covered = { 0 };
	bool confirm = direction == TRANSCRIPT_CONFIRM, sign_in = direction == TRANSCRIPT_SIGN_IN;
	enum err e = shake_ok(tk, shake, f);

	if (e != ERR_OK)
		return e;
	if (direction != TRANSCRIPT_HOST_PROVES && direction != TRANSCRIPT_TERMINAL_PROVES && !confirm && !sign_in)
		return fail_set(f, ERR_USAGE, 0, "handshake: direction %u", direction);
	if ((confirm || sign_in) != (said->check != NULL))
		return fail_set(f, ERR_USAGE, 0, "handshake: check value");
	bool ours = (direction == TRANSCRIPT_HOST_PROVES) == tk->host_side;
	if (ours == arg->check)
		return fail_set(f, ERR_UNEXPECTED, 0, "handshake: direction %u is not of %s side", direction,
				arg->check ? "the other" : "our");
	arg->tk = tk;
	if (tk->handshake == FORMAT_HANDSHAKE_V1) {
		arg->made_len = 0;
		if (confirm)
			return ERR_OK;
		struct view nonce = direction == TRANSCRIPT_HOST_PROVES ? shake->terminal_random : shake->host_random;
		struct fail mine = { 0 };
		e = step_ecb(tk->session, tk->auk, tk->auk_type, nonce.p, arg->made, &arg->made_len, &mine);
		pk11_note(tk->session, mine.rv);
		if (e != ERR_OK && f && f->code == ERR_OK)
			*f = mine;
		return e;
	}
	transcript_said(tk, shake, direction, said, &covered);
	if (!buf_ok(&covered))
		return fail_set(f, ERR_INTERNAL, 0, "handshake: transcript");
	arg->transcript = buf_view(&covered);
	return ops_run(o, OPS_PROVE, tk->session, arg, f);
}

static enum err prove(struct ops *o, const struct ops_tk *tk, const struct ops_shake *shake, uint8_t direction,
		      const struct said *said, uint8_t *ret_tag, size_t *ret_len, struct fail *f)
{
	struct ops_prove_arg arg = { .check = false };
	enum err e = proof(o, tk, shake, direction, said, &arg, f);

	if (e != ERR_OK)
		return e;
	memcpy(ret_tag, arg.made, arg.made_len);
	*ret_len = arg.made_len;
	return ERR_OK;
}

enum err ops_prove(struct ops *o, const struct ops_tk *tk, const struct ops_shake *shake, uint8_t direction,
		   const struct check_value *loaded, uint8_t *ret_tag, size_t *ret_len, struct fail *f)
{
	const struct said said = { .check = loaded };

	if (direction == TRANSCRIPT_SIGN_IN)
		return fail_set(f, ERR_USAGE, 0, "handshake: direction %u", direction);
	return prove(o, tk, shake, direction, &said, ret_tag, ret_len, f);
}

enum err ops_sign_in_prove(struct ops *o, const struct ops_tk *tk, const struct ops_shake *shake,
			   const struct check_value *tmk, uint8_t forms, uint8_t *ret_tag, size_t *ret_len,
			   struct fail *f)
{
	const struct said said = { tmk, forms };

	return prove(o, tk, shake, TRANSCRIPT_SIGN_IN, &said, ret_tag, ret_len, f);
}

static enum err check(struct ops *o, const struct ops_tk *tk, const struct ops_shake *shake, uint8_t direction,
		      const struct said *said, struct view tag, struct fail *f)
{
	struct ops_prove_arg arg = { .check = true, .tag = tag };
	struct fail mine = { 0 };
	enum err e = proof(o, tk, shake, direction, said, &arg, &mine);

	if (e == ERR_BAD_DATA)
		return fail_set(f, ERR_REFUSED, mine.rv, "handshake: proof of direction %u does not hold", direction);
	if (e != ERR_OK) {
		if (f && f->code == ERR_OK)
			*f = mine;
		return e;
	}
	if (tk->handshake == FORMAT_HANDSHAKE_V1 && (tag.n != arg.made_len || !ct_equal(tag.p, arg.made, arg.made_len)))
		return fail_set(f, ERR_REFUSED, 0, "handshake: answer of direction %u does not hold", direction);
	return ERR_OK;
}

enum err ops_check(struct ops *o, const struct ops_tk *tk, const struct ops_shake *shake, uint8_t direction,
		   const struct check_value *loaded, struct view tag, struct fail *f)
{
	const struct said said = { .check = loaded };

	if (direction == TRANSCRIPT_SIGN_IN)
		return fail_set(f, ERR_USAGE, 0, "handshake: direction %u", direction);
	return check(o, tk, shake, direction, &said, tag, f);
}

enum err ops_sign_in_check(struct ops *o, const struct ops_tk *tk, const struct ops_shake *shake,
			   const struct check_value *tmk, uint8_t forms, struct view tag, struct fail *f)
{
	const struct said said = { tmk, forms };

	return check(o, tk, shake, TRANSCRIPT_SIGN_IN, &said, tag, f);
}
