/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <string.h>

#include "signin_kit.h"

struct rig *signin_rig;
#define r signin_rig

static struct ops_shake shake_of(const struct rig_client *c)
{
	return (struct ops_shake){ VIEW(c->terminal_random, c->nonce_len), VIEW(c->host_random, c->nonce_len) };
}

static void new_id(uint8_t id[8])
{
	static uint64_t number = 1000000;

	be_put64(id, ++number);
}

void pos_load_tmk(struct pos *p)
{
	struct rig_client c;
	struct ops_shake shake;
	uint8_t tag[OPS_TAG_MAX];
	struct frame got;

	rig_greet(r, &c, &p->t);
	rig_proof_send(&c, VIEW(tag, rig_proof(r, &c, tag)));
	got = rig_recv(&c);
	ck_assert_int_eq(got.type, FRAME_TMK);
	shake = shake_of(&c);
	new_id(p->tmk);
	ck_assert(!ops_tmk_load(r->pos_ops, &c.tk, &shake, got.field[TMK_MESSAGE], VIEW(p->tmk, 8), &p->check, NULL));
	rig_confirm(r, &c, &p->check);
	got = rig_recv(&c);
	ck_assert_int_eq(got.type, FRAME_DONE);
	rig_close(&c);
}

void pos_known(struct pos *p, uint8_t suite, uint8_t handshake)
{
	*p = (struct pos){ 0 };
	rig_known(r, &p->t, suite, handshake);
	pos_load_tmk(p);
}

uint8_t pos_forms(const struct pos *p)
{
	return ops_wk_forms(r->pos_ops, p->check.method == FORMAT_CHECK_CMAC ? FORMAT_KEY_AES : FORMAT_KEY_TDES);
}

void pos_ask_with(struct rig_client *c, const struct check_value *tmk, uint8_t forms, uint8_t spoil)
{
	struct ops_shake shake = shake_of(c);
	struct frame ask = { .type = FRAME_SIGN_IN };
	uint8_t tag[OPS_TAG_MAX];
	BUF_AUTO check = { 0 };
	size_t n = 0;

	ck_assert(!ops_sign_in_prove(r->pos_ops, &c->tk, &shake, tmk, forms, tag, &n, NULL));
	tag[0] ^= spoil;
	check_value_put(&check, tmk);
	ask.field[SIGN_IN_TAG] = VIEW(tag, n);
	ask.field[SIGN_IN_CHECK] = buf_view(&check);
	ask.field[SIGN_IN_FORMS] = VIEW(&forms, 1);
	rig_send(c, &ask);
}

void pos_ask(struct rig_client *c, struct pos *p)
{
	struct ops_wk_load_in in = { .tk = &c->tk, .tmk_id = VIEW(p->tmk, 8) };
	struct ops_shake shake;
	struct fail f = { 0 };
	struct frame got;

	rig_greet(r, c, &p->t);
	pos_ask_with(c, &p->check, pos_forms(p), 0);
	got = rig_recv(c);
	ck_assert_msg(got.type == FRAME_WORKING_KEYS, "%s", frame_name(got.type));
	shake = shake_of(c);
	new_id(p->wk);
	in.shake = &shake;
	in.message = got.field[WORKING_KEYS_MESSAGE];
	in.id = VIEW(p->wk, 8);
	ck_assert_msg(!ops_wk_load(r->pos_ops, &in, &p->keys, &f), "%s", f.text);
}

void pos_confirm(struct rig_client *c, const struct pos *p, uint8_t spoil_check, uint8_t spoil_tag)
{
	struct frame out = { .type = FRAME_WK_CONFIRM };
	uint8_t tag[OPS_TAG_MAX];
	BUF_AUTO checks = { 0 };

	for (size_t i = 0; i < WK_KINDS; i++)
		check_value_put(&checks, &p->keys.check[i]);
	checks.p[checks.len - 1] ^= spoil_check;
	memcpy(tag, p->keys.confirm, p->keys.confirm_len);
	tag[0] ^= spoil_tag;
	out.field[WK_CONFIRM_CHECKS] = buf_view(&checks);
	out.field[WK_CONFIRM_TAG] = VIEW(tag, p->keys.confirm_len);
	rig_send(c, &out);
}

void pos_done(struct rig_client *c)
{
	struct frame got = rig_recv(c);

	ck_assert_msg(got.type == FRAME_DONE, "%s %u", frame_name(got.type),
		      got.type == FRAME_ERROR ? frame_error_code(&got) : 0);
	rig_close(c);
}

void pos_refused(struct rig_client *c, enum err code)
{
	rig_refused(c, code);
	rig_close(c);
}

void pos_sign_in(struct pos *p)
{
	struct rig_client c;

	pos_ask(&c, p);
	pos_confirm(&c, p, 0, 0);
	pos_done(&c);
}
