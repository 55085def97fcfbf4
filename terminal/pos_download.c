/* SPDX-License-Identifier: BSD-2-Clause */
#include "pos_own.h"
#include "msg.h"

#include <string.h>

#define REFUSE_TIMEOUT_MS 2000

enum err pos_receive(struct pos_visit *v, uint8_t type, struct frame *ret, struct fail *f)
{
	return stream_expect(v->stream, type, &v->storage, ret, STEP_TIMEOUT_MS, f);
}

enum err pos_hello(struct pos_visit *v, struct fail *f)
{
	struct frame out = { .type = FRAME_HELLO };
	size_t n = ops_nonce_len(&v->tk);
	enum err e = ops_random(v->d->ops, v->terminal_random, n, f);
	if (e != ERR_OK)
		return e;
	v->shake.terminal_random = VIEW(v->terminal_random, n);
	out.field[HELLO_HANDSHAKE] = VIEW(&v->tk.handshake, 1);
	out.field[HELLO_SERIAL] = device_serial(v->d);
	out.field[HELLO_RANDOM] = v->shake.terminal_random;
	return stream_send(v->stream, &out, STEP_TIMEOUT_MS, f);
}

static enum err find_tk(struct device *d, uint64_t number, uint8_t handshake, struct ops_tk *ret, struct fail *f)
{
	uint8_t id[8];
	return ops_tk_find(d->ops, device_id(number, id), handshake, device_serial(d), ret, f);
}

enum err pos_tk_checks(struct device *d, uint64_t number, struct check_value *ret_tek, struct check_value *ret_auk,
		       struct fail *f)
{
	const struct device_state *s = &d->state;
	struct ops_tk tk = { 0 };
	enum err e = find_tk(d, number, number == s->made ? s->made_handshake : s->current_handshake, &tk, f);
	if (e == ERR_OK)
		e = ops_tk_check_values(d->ops, &tk, ret_tek, ret_auk, f);
	ops_tk_close(&tk);
	return e;
}

enum err pos_find_newest(struct pos_visit *v, struct fail *f)
{
	const struct device_state *s = &v->d->state;
	struct fail ignored = { 0 };
	v->number = s->made;
	enum err e = find_tk(v->d, s->made, s->made_handshake, &v->tk, s->made == s->current ? f : &ignored);
	if (e == ERR_OK || s->made == s->current)
		return e;
	if (s->current == 0)
		return fail_set(f, e, ignored.rv, "%s", ignored.text);
	v->number = s->current;
	return find_tk(v->d, s->current, s->current_handshake, &v->tk, f);
}

/* The newest TK was not collected after all, it seems: the KMS may know the one before. */
static enum err check_older(struct pos_visit *v, struct view tag, struct fail *f)
{
	const struct device_state *s = &v->d->state;
	struct ops_tk older = { 0 };
	if (s->current == 0 || s->current_handshake != v->tk.handshake)
		return fail_set(f, ERR_REFUSED, 0, "the KMS did not prove itself");
	enum err e = find_tk(v->d, s->current, s->current_handshake, &older, f);
	if (e != ERR_OK)
		return e;
	if (ops_nonce_len(&older) != ops_nonce_len(&v->tk))
		e = fail_set(f, ERR_REFUSED, 0, "the KMS did not prove itself");
	else
		e = ops_check(v->d->ops, &older, &v->shake, TRANSCRIPT_HOST_PROVES, NULL, tag, f);
	if (e != ERR_OK) {
		ops_tk_close(&older);
		return e;
	}
	ops_tk_close(&v->tk);
	v->tk = older;
	v->number = s->current;
	return ERR_OK;
}

enum err pos_check_kms(struct pos_visit *v, struct fail *f)
{
	struct frame in;
	enum err e = pos_receive(v, FRAME_PROOF_K, &in, f);
	if (e != ERR_OK)
		return e;
	struct view random = in.field[PROOF_K_RANDOM];
	if (random.n != ops_nonce_len(&v->tk))
		return fail_set(f, ERR_MALFORMED, 0, "PROOF_K: nonce of %zu bytes", random.n);
	memcpy(v->host_random, random.p, random.n);
	v->shake.host_random = VIEW(v->host_random, random.n);
	if (view_equal(v->shake.host_random, v->shake.terminal_random))
		return fail_set(f, ERR_REFUSED, 0, "the KMS sent our own nonce back");
	struct fail first = { 0 };
	e = ops_check(v->d->ops, &v->tk, &v->shake, TRANSCRIPT_HOST_PROVES, NULL, in.field[PROOF_K_TAG], &first);
	if (e == ERR_REFUSED && v->number != v->d->state.current)
		return check_older(v, in.field[PROOF_K_TAG], f);
	return e == ERR_OK ? ERR_OK : fail_set(f, e, first.rv, "the KMS did not prove itself: %.200s", first.text);
}

static enum err prove(struct pos_visit *v, struct fail *f)
{
	uint8_t tag[OPS_TAG_MAX];
	size_t n = 0;
	struct frame out = { .type = FRAME_PROOF_T };
	enum err e = ops_prove(v->d->ops, &v->tk, &v->shake, TRANSCRIPT_TERMINAL_PROVES, NULL, tag, &n, f);
	if (e != ERR_OK)
		return e;
	out.field[PROOF_T_TAG] = VIEW(tag, n);
	return stream_send(v->stream, &out, STEP_TIMEOUT_MS, f);
}

/* The load call verifies and unwraps; the older TMK goes only after it succeeded. */
static enum err load(struct pos_visit *v, struct check_value *ret, struct fail *f)
{
	uint8_t id_room[8];
	struct frame in;
	struct check_value check;
	struct device *d = v->d;
	enum err e = pos_receive(v, FRAME_TMK, &in, f);
	if (e != ERR_OK)
		return e;
	struct view id = device_id(d->state.tmk + 1, id_room);
	if ((e = ops_destroy(d->ops, DEVICE_TMK_LABEL, id, f)) != ERR_OK ||
	    (e = ops_tmk_load(d->ops, &v->tk, &v->shake, in.field[TMK_MESSAGE], id, &check, f)) != ERR_OK)
		return e;
	/* Whoever made this message holds the TK: it was collected, whatever became of the COLLECTED frame. */
	struct device_state before = d->state;
	d->state.tmk++;
	d->state.wk_state = DEVICE_WK_NONE; /* what came under the older one is over */
	if (v->number > d->state.current) {
		d->state.current = d->state.made;
		d->state.current_handshake = d->state.made_handshake;
	}
	if ((e = device_save(d, f)) != ERR_OK) {
		d->state = before;
		return e;
	}
	if ((e = device_sweep(d, f)) != ERR_OK)
		return e;
	*ret = check;
	return ERR_OK;
}

static enum err confirm(struct pos_visit *v, const struct check_value *check, struct fail *f)
{
	uint8_t tag[OPS_TAG_MAX];
	size_t n = 0;
	BUF_AUTO value = { 0 };
	struct frame in, out = { .type = FRAME_CONFIRM };
	check_value_put(&value, check);
	enum err e = ops_prove(v->d->ops, &v->tk, &v->shake, TRANSCRIPT_CONFIRM, check, tag, &n, f);
	if (e != ERR_OK)
		return e;
	if (!buf_ok(&value))
		return fail_set(f, ERR_NO_MEMORY, 0, "out of memory");
	out.field[CONFIRM_CHECK] = buf_view(&value);
	out.field[CONFIRM_TAG] = VIEW(tag, n);
	if ((e = stream_send(v->stream, &out, STEP_TIMEOUT_MS, f)) != ERR_OK)
		return e;
	return pos_receive(v, FRAME_DONE, &in, f);
}

static enum err exchange(struct pos_visit *v, struct check_value *ret, struct fail *f)
{
	struct check_value check;
	struct fail last = { 0 };
	enum err e = pos_hello(v, f);
	if (e == ERR_OK)
		e = pos_check_kms(v, f);
	if (e == ERR_OK)
		e = prove(v, f);
	if (e == ERR_OK)
		e = load(v, &check, f);
	if (e != ERR_OK)
		return e;
	e = confirm(v, &check, &last);
	if (e != ERR_OK)
		return fail_set(f, e, last.rv, "the TMK is loaded, but the KMS did not confirm: %.150s", last.text);
	*ret = check;
	return ERR_OK;
}

void pos_refuse(struct pos_visit *v, enum err e)
{
	uint8_t code[2];
	BUF_AUTO checks = { 0 };
	struct check_value tek, auk;
	struct frame error = { .type = FRAME_ERROR };
	struct fail ignored = { 0 };
	if (e == ERR_OK || e == ERR_PEER)
		return;
	be_put16(code, (uint16_t)msg_public(e));
	error.field[ERROR_CODE] = VIEW(code, sizeof(code));
	if (ops_tk_check_values(v->d->ops, &v->tk, &tek, &auk, &ignored) == ERR_OK) {
		check_value_put(&checks, &tek);
		check_value_put(&checks, &auk);
	}
	if (buf_ok(&checks))
		error.field[ERROR_CHECKS] = buf_view(&checks);
	if (stream_send(v->stream, &error, REFUSE_TIMEOUT_MS, &ignored) != ERR_OK)
		return; /* gone: the reason is with the caller anyway */
}

enum err pos_download(struct device *d, const struct frame_stream *s, struct check_value *ret_check, struct fail *f)
{
	struct pos_visit v = { .d = d, .stream = s };
	if (d->state.made == 0)
		return fail_set(f, ERR_UNEXPECTED, 0, "this terminal has no TK yet");
	enum err e = pos_find_newest(&v, f);
	if (e != ERR_OK)
		return e;
	e = exchange(&v, ret_check, f);
	pos_refuse(&v, e);
	ops_tk_close(&v.tk);
	buf_done(&v.storage);
	return e;
}
