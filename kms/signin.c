/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "handshake_rows.h"
#include "handshake_tk.h"
#include "signin.h"
#include "working_key.h"

#define CHECK_BYTES (1 + FORMAT_CHECK) /* of a check value in a frame */
#define TRIES 3                        /* other nodes may make the same generation */

static struct view serial_of(const struct handshake *h)
{
	return VIEW(h->serial, h->serial_len);
}

/* As in a download: a stand-in takes the work of a true TK. */
static enum reason proof_check(struct handshake *h, const struct frame *in, const struct check_value *tmk,
			       struct fail *f)
{
	struct ops_shake shake = handshake_shake(h);
	uint8_t forms = in->field[SIGN_IN_FORMS].p[0];
	enum err e = ERR_REFUSED;

	if (!h->stand_in || (h->tk.session && ops_nonce_len(&h->tk) == h->nonce_len))
		e = ops_sign_in_check(h->kms->ops, &h->tk, &shake, tmk, forms, in->field[SIGN_IN_TAG],
				      h->stand_in ? NULL : f);
	h->failure = h->stand_in || e == ERR_REFUSED || e == ERR_BAD_DATA;
	if (h->failure)
		return h->stand_in ? h->stand_in : REASON_PROOF;
	return e ? hsm_reason(e) : REASON_NONE;
}

/* The proof held, whatever comes of the rest: the older handshakes are over, the pair is clear. */
static enum reason proven_only(struct handshake *h, enum reason reason, struct fail *f)
{
	enum reason r = REASON_NONE;
	enum err e = db_begin(h->kms->db, f);

	if (!e)
		r = rows_prove(h, f);
	if (!e && !r)
		e = db_commit(h->kms->db, f);
	db_rollback(h->kms->db);
	return r ? r : e ? db_reason(e) : reason;
}

/* Proven, and the keys in the tables: one transaction, before they are given out. */
static enum reason give(struct handshake *h, const struct working_new *new, bool *ret_put, struct fail *f)
{
	struct db *d = h->kms->db;
	enum reason r = REASON_NONE;
	enum err e = db_begin(d, f);

	if (e)
		return db_reason(e);
	r = rows_prove(h, f);
	if (!r)
		e = working_put(h->kms, new, ret_put, f);
	if (!r && !e && *ret_put)
		e = db_commit(d, f);
	db_rollback(d);
	return r ? r : e ? db_reason(e) : REASON_NONE;
}

static enum reason storage_key(struct kms *k, char ret[CHECK_HEX], struct fail *f)
{
	struct check_value check;
	enum err e = ops_check_value(k->ops, k->srk, &check, f);

	if (!e)
		check_hex(&check, ret);
	return e ? hsm_reason(e) : REASON_NONE;
}

/* In the HSM alone, before any transaction. */
static enum reason make(struct handshake *h, uint8_t forms, const struct working_tmk *tmk, int64_t generation,
			struct ops_wk_made *made, struct fail *f)
{
	struct ops_shake shake = handshake_shake(h);
	struct ops_wk_in in = { &h->tk, &shake, h->kms->srk, buf_view(&tmk->ciphertext), forms, (uint64_t)generation };
	enum err e = ops_wk_make(h->kms->ops, &in, made, f);

	return e == ERR_REFUSED ? REASON_WK_FORM : e ? hsm_reason(e) : REASON_NONE;
}

static bool same_check(const struct check_value *a, const struct check_value *b)
{
	return a->method == b->method && !memcmp(a->value, b->value, FORMAT_CHECK);
}

/* One try: *ret_put false: somebody else was first, again. */
static enum reason try(struct handshake *h, uint8_t forms, const struct check_value *told, struct ops_wk_made *made,
		       bool *ret_put, struct fail *f)
{
	struct working_tmk tmk = { 0 };
	char key[CHECK_HEX] = "";
	struct working_new new = { .serial = serial_of(h), .tmk = &tmk, .made = made, .storage_key = key };
	enum reason r = working_prepare(h->kms, new.serial, &tmk, &new.generation, f);

	if (!r) {
		check_hex(&tmk.check, h->tmk_kms);
		r = same_check(&tmk.check, told) ? REASON_NONE : REASON_OTHER_TMK;
	}
	if (!r)
		r = storage_key(h->kms, key, f);
	if (!r)
		r = make(h, forms, &tmk, new.generation, made, f);
	if (r == REASON_NO_TMK || r == REASON_OTHER_TMK || r == REASON_WK_FORM)
		r = proven_only(h, r, f);
	else if (!r)
		r = give(h, &new, ret_put, f);
	if (!r && *ret_put)
		h->generation = new.generation;
	working_tmk_done(&tmk);
	return r;
}

enum reason signin_ask(struct handshake *h, const struct frame *in, struct buf *out, struct fail *f)
{
	struct frame answer = { .type = FRAME_WORKING_KEYS };
	struct view forms = in->field[SIGN_IN_FORMS];
	struct ops_wk_made made = { 0 };
	struct check_value told;
	bool put = false;
	enum reason r;

	h->sign_in = true;
	if (!check_value_parse(in->field[SIGN_IN_CHECK], &told) || !forms.p[0] ||
	    forms.p[0] > (WK_FORM_BLOCK | WK_FORM_WRAP))
		return REASON_FRAME;
	check_hex(&told, h->tmk_told);
	r = proof_check(h, in, &told, f);
	for (int i = 0; !r && !put && i < TRIES; i++) {
		ops_wk_made_done(&made);
		r = try(h, forms.p[0], &told, &made, &put, f);
	}
	if (!r && !put)
		r = REASON_DB_BUSY;
	if (!r) {
		memcpy(h->wk_check, made.check, sizeof(h->wk_check));
		memcpy(h->wk_confirm, made.confirm, made.confirm_len);
		h->wk_confirm_len = made.confirm_len;
		answer.field[WORKING_KEYS_MESSAGE] = buf_view(&made.message);
		frame_put(out, &answer);
	}
	ops_wk_made_done(&made);
	return r;
}

/* Tables and audit entry in one transaction: DONE goes out only when both are durable. */
static enum reason confirmed(struct handshake *h, struct fail *f)
{
	struct audit_entry entry = { .peer = h->peer, .event = "sign-in", .object = h->serial };
	char pin[CHECK_HEX], mac[CHECK_HEX], text[160];
	struct db *d = h->kms->db;
	bool done = false;
	enum reason r;
	enum err e = db_begin(d, f);

	if (e)
		return db_reason(e);
	check_hex(&h->wk_check[WK_PINKEY], pin);
	check_hex(&h->wk_check[WK_MACKEY], mac);
	snprintf(text, sizeof(text), "working keys generation %lld confirmed: PINKEY %s, MACKEY %s; under TMK %s",
		 (long long)h->generation, pin, mac, h->tmk_kms);
	entry.text = text;
	r = rows_confirm(h, f);
	if (!r)
		e = working_confirm(h->kms, serial_of(h), h->generation, &done, f);
	if (!r && !e && !done)
		r = REASON_SUPERSEDED;
	if (!r && !e)
		e = audit_append(d, &entry, f);
	if (!r && !e)
		e = db_commit(d, f);
	db_rollback(d);
	return r ? r : e ? db_reason(e) : REASON_NONE;
}

enum reason signin_confirm(struct handshake *h, const struct frame *in, struct buf *out, struct fail *f)
{
	struct view checks = in->field[WK_CONFIRM_CHECKS], tag = in->field[WK_CONFIRM_TAG];
	struct frame answer = { .type = FRAME_DONE };
	struct check_value loaded[WK_KINDS];
	bool same = true;
	enum reason r;

	for (size_t i = 0; i < WK_KINDS; i++) {
		if (!check_value_parse(VIEW(checks.p + i * CHECK_BYTES, CHECK_BYTES), &loaded[i]))
			return REASON_FRAME;
		same = same && same_check(&loaded[i], &h->wk_check[i]);
	}
	h->failure = tag.n != h->wk_confirm_len || !ct_equal(tag.p, h->wk_confirm, tag.n);
	if (h->failure)
		return REASON_CONFIRM;
	if (!same)
		return REASON_CONFIRM_VALUE;
	r = confirmed(h, f);
	if (!r)
		frame_put(out, &answer);
	return r;
}
