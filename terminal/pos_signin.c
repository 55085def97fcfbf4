/* SPDX-License-Identifier: BSD-2-Clause */
#include "pos_signin.h"
#include "pos_own.h"

#include <string.h>

static enum err ask(struct pos_visit *v, struct fail *f)
{
	uint8_t tag[OPS_TAG_MAX], forms;
	size_t n = 0;
	BUF_AUTO value = { 0 };
	struct check_value tmk;
	struct frame out = { .type = FRAME_SIGN_IN };
	enum err e = device_tmk_check(v->d, &tmk, f);
	if (e != ERR_OK)
		return e;
	forms = ops_wk_forms(v->d->ops, tmk.method == FORMAT_CHECK_CMAC ? FORMAT_KEY_AES : FORMAT_KEY_TDES);
	check_value_put(&value, &tmk);
	if (!buf_ok(&value))
		return fail_set(f, ERR_NO_MEMORY, 0, "out of memory");
	if ((e = ops_sign_in_prove(v->d->ops, &v->tk, &v->shake, &tmk, forms, tag, &n, f)) != ERR_OK)
		return e;
	out.field[SIGN_IN_TAG] = VIEW(tag, n);
	out.field[SIGN_IN_CHECK] = buf_view(&value);
	out.field[SIGN_IN_FORMS] = VIEW(&forms, 1);
	return stream_send(v->stream, &out, STEP_TIMEOUT_MS, f);
}

/* The load call opens and verifies; the keys of before go only after it succeeded and the state says so. */
static enum err load(struct pos_visit *v, struct ops_wk_loaded *ret, struct fail *f)
{
	uint8_t tmk_room[8], id_room[8];
	struct device *d = v->d;
	struct ops_wk_load_in in = { .tk = &v->tk, .shake = &v->shake };
	struct frame got;
	enum err e = pos_receive(v, FRAME_WORKING_KEYS, &got, f);
	if (e != ERR_OK)
		return e;
	in.tmk_id = device_id(d->state.tmk, tmk_room);
	in.id = device_id(d->state.wk + 1, id_room);
	in.message = got.field[WORKING_KEYS_MESSAGE];
	if ((e = ops_destroy(d->ops, OPS_PINKEY_LABEL, in.id, f)) != ERR_OK ||
	    (e = ops_destroy(d->ops, OPS_MACKEY_LABEL, in.id, f)) != ERR_OK ||
	    (e = ops_wk_load(d->ops, &in, ret, f)) != ERR_OK)
		return e;
	struct device_state before = d->state;
	d->state.wk++;
	d->state.wk_generation = ret->generation;
	d->state.wk_state = DEVICE_WK_WAITING;
	if ((e = device_save(d, f)) != ERR_OK) {
		d->state = before;
		return e;
	}
	return device_sweep(d, f);
}

static enum err confirm(struct pos_visit *v, const struct ops_wk_loaded *loaded, struct fail *f)
{
	BUF_AUTO values = { 0 };
	struct frame in, out = { .type = FRAME_WK_CONFIRM };
	enum err e;
	for (size_t i = 0; i < WK_KINDS; i++)
		check_value_put(&values, &loaded->check[i]);
	if (!buf_ok(&values))
		return fail_set(f, ERR_NO_MEMORY, 0, "out of memory");
	out.field[WK_CONFIRM_CHECKS] = buf_view(&values);
	out.field[WK_CONFIRM_TAG] = VIEW(loaded->confirm, loaded->confirm_len);
	if ((e = stream_send(v->stream, &out, STEP_TIMEOUT_MS, f)) != ERR_OK ||
	    (e = pos_receive(v, FRAME_DONE, &in, f)) != ERR_OK)
		return e;
	v->d->state.wk_state = DEVICE_WK_IN_USE;
	if ((e = device_save(v->d, f)) != ERR_OK)
		v->d->state.wk_state = DEVICE_WK_WAITING;
	return e;
}

static enum err exchange(struct pos_visit *v, struct ops_wk_loaded *loaded, struct fail *f)
{
	struct fail last = { 0 };
	enum err e = pos_hello(v, f);
	if (e == ERR_OK)
		e = pos_check_kms(v, f);
	if (e == ERR_OK)
		e = ask(v, f);
	if (e == ERR_OK)
		e = load(v, loaded, f);
	if (e != ERR_OK)
		return e;
	e = confirm(v, loaded, &last);
	if (e != ERR_OK)
		return fail_set(f, e, last.rv, "the KMS did not confirm the working keys: sign in again: %.150s",
				last.text);
	return ERR_OK;
}

enum err pos_signin(struct device *d, const struct frame_stream *s, struct check_value ret_check[WK_KINDS],
		    struct fail *f)
{
	struct pos_visit v = { .d = d, .stream = s };
	struct ops_wk_loaded loaded = { 0 };
	if (d->state.made == 0)
		return fail_set(f, ERR_UNEXPECTED, 0, "this terminal has no TK yet");
	if (d->state.tmk == 0)
		return fail_set(f, ERR_UNEXPECTED, 0, "this terminal has no TMK yet: `pos download` loads it");
	enum err e = pos_find_newest(&v, f);
	if (e != ERR_OK)
		return e;
	e = exchange(&v, &loaded, f);
	pos_refuse(&v, e);
	if (e == ERR_OK)
		memcpy(ret_check, loaded.check, sizeof(loaded.check));
	ops_tk_close(&v.tk);
	buf_done(&v.storage);
	return e;
}
