/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "handshake_rows.h"
#include "handshake_tk.h"
#include "signin.h"
#include "tmk.h"

#define CHECK_BYTES (1 + FORMAT_CHECK) /* of a check value in a frame */

typedef enum reason (*handshake_handler)(struct handshake *h, const struct frame *in, struct buf *out, struct fail *f);

/* stand_in_len: bytes of the tag where there is no key to make it with; else 0. */
static enum reason prove_host(struct handshake *h, size_t stand_in_len, struct buf *out, struct fail *f)
{
	struct ops_shake shake = handshake_shake(h);
	uint8_t tag[OPS_TAG_MAX];
	struct frame answer = { .type = FRAME_PROOF_K };
	size_t len = 0;
	enum err e = ERR_OK;

	if (h->tk.session && ops_nonce_len(&h->tk) == h->nonce_len) {
		struct fail *why = stand_in_len ? NULL : f;
		enum err made = ops_prove(h->kms->ops, &h->tk, &shake, TRANSCRIPT_HOST_PROVES, NULL, tag, &len, why);

		e = stand_in_len ? ERR_OK : made;
	}
	if (!e && stand_in_len) {
		len = stand_in_len;
		e = ops_random(h->kms->ops, tag, len, f);
	}
	if (e)
		return hsm_reason(e);
	answer.field[PROOF_K_RANDOM] = shake.host_random;
	answer.field[PROOF_K_TAG] = VIEW(tag, len);
	frame_put(out, &answer);
	return REASON_NONE;
}

/* What is wrong with a HELLO whoever sends it, before anything is looked up. */
static enum reason hello_form(const struct frame *in)
{
	uint8_t version = in->field[HELLO_HANDSHAKE].p[0];
	size_t n = in->field[HELLO_RANDOM].n;

	if (version != FORMAT_HANDSHAKE_V1 && version != FORMAT_HANDSHAKE_V2)
		return REASON_VERSION;
	return n == FORMAT_NONCE || (version == FORMAT_HANDSHAKE_V1 && n == 8) ? REASON_NONE : REASON_NONCE;
}

static enum reason on_hello(struct handshake *h, const struct frame *in, struct buf *out, struct fail *f)
{
	struct view serial = in->field[HELLO_SERIAL], random = in->field[HELLO_RANDOM];
	uint8_t version = in->field[HELLO_HANDSHAKE].p[0];
	size_t stand_in_len = 0;
	enum reason r;

	if (!format_pos_serial_ok(serial))
		return REASON_FRAME;
	memcpy(h->serial, serial.p, serial.n);
	h->serial_len = serial.n;
	r = rows_open(h, random, f);
	h->failure = r == REASON_REPLAY;
	if (!r)
		r = hello_form(in);
	if (r)
		return r;
	h->nonce_len = random.n;
	memcpy(h->terminal_random, random.p, random.n);
	r = handshake_tk(h, version, random.n, f);
	if (r == REASON_UNKNOWN || r == REASON_VERSION || r == REASON_NONCE) {
		h->stand_in = r;
		handshake_stand_in(h, version, random.n, &stand_in_len);
		r = REASON_NONE;
	}
	return r ? r : prove_host(h, stand_in_len, out, f);
}

/* Proven, the TMK that was made where there is none, and the older handshakes ended: one transaction. */
static enum reason proven_with(struct handshake *h, enum reason unmade, const struct tmk_made *made,
			       struct buf *ciphertext, struct fail *f)
{
	struct db *d = h->kms->db;
	enum reason r = REASON_NONE;
	enum err e = db_begin(d, f);

	if (e)
		return db_reason(e);
	r = rows_prove(h, f);
	if (!r)
		r = unmade;
	if (!r)
		r = tmk_current(h->kms, &h->tk, made, ciphertext, &h->generation, f);
	if (r == REASON_TMK_TYPE) {
		/* the proof held all the same: the older handshakes are over, the pair is clear */
		struct fail ignored = { 0 };

		e = db_commit(d, &ignored);
	} else if (!r) {
		e = db_commit(d, f);
	}
	db_rollback(d);
	return r ? r : e ? db_reason(e) : REASON_NONE;
}

static enum reason proven(struct handshake *h, struct buf *ciphertext, struct fail *f)
{
	struct tmk_made made = { 0 };
	enum reason r = tmk_prepare(h->kms, &h->tk, &made, f);

	if (!r || r == REASON_TMK_TYPE)
		r = proven_with(h, r, &made, ciphertext, f);
	tmk_made_done(&made);
	return r;
}

static enum reason on_proof(struct handshake *h, const struct frame *in, struct buf *out, struct fail *f)
{
	struct ops_shake shake = handshake_shake(h);
	struct frame answer = { .type = FRAME_TMK };
	BUF_AUTO ciphertext = { 0 };
	BUF_AUTO message = { 0 };
	enum reason r;
	enum err e = ERR_REFUSED;

	if (!h->stand_in || (h->tk.session && ops_nonce_len(&h->tk) == h->nonce_len))
		e = ops_check(h->kms->ops, &h->tk, &shake, TRANSCRIPT_TERMINAL_PROVES, NULL, in->field[PROOF_T_TAG],
			      h->stand_in ? NULL : f);
	h->failure = h->stand_in || e == ERR_REFUSED || e == ERR_BAD_DATA;
	if (h->failure)
		return h->stand_in ? h->stand_in : REASON_PROOF;
	if (e)
		return hsm_reason(e);
	r = proven(h, &ciphertext, f);
	if (r)
		return r;
	e = ops_tmk_export(h->kms->ops, &h->tk, &shake, h->kms->srk, buf_view(&ciphertext), VIEW(NULL, 0), &message,
			   &h->tmk_check, f);
	if (e)
		return hsm_reason(e);
	answer.field[TMK_MESSAGE] = buf_view(&message);
	frame_put(out, &answer);
	return REASON_NONE;
}

/* Download row and audit entry in one transaction: DONE goes out only when both are durable. */
static enum reason confirmed(struct handshake *h, struct fail *f)
{
	struct db *d = h->kms->db;
	struct audit_entry entry = { .peer = h->peer, .event = "download", .object = h->serial };
	char hex[CHECK_HEX], text[160];
	enum reason r;
	enum err e;

	check_hex(&h->tmk_check, hex);
	snprintf(text, sizeof(text), "TMK %s generation %lld confirmed; TK counter %llu, TEK %s, AUK %s", hex,
		 (long long)h->generation, (unsigned long long)h->tk.counter, h->tek_check, h->auk_check);
	entry.text = text;
	e = db_begin(d, f);
	if (e)
		return db_reason(e);
	r = rows_confirm(h, f);
	if (!r)
		e = db_run(d, f,
			   "INSERT INTO download(serial_number, tk_counter, handshake, generation, method,"
			   " check_value, peer, confirmed) VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
			   "viiiitti", VIEW(h->serial, h->serial_len), (int64_t)h->tk.counter, (int64_t)h->tk.handshake,
			   h->generation, (int64_t)h->tmk_check.method, hex, h->peer, (int64_t)time(NULL));
	if (!r && !e)
		e = tmk_confirmed(h->kms, VIEW(h->serial, h->serial_len), h->generation, f);
	if (!r && !e)
		e = audit_append(d, &entry, f);
	if (!r && !e)
		e = db_commit(d, f);
	db_rollback(d);
	return r ? r : e ? db_reason(e) : REASON_NONE;
}

static enum reason on_confirm(struct handshake *h, const struct frame *in, struct buf *out, struct fail *f)
{
	struct ops_shake shake = handshake_shake(h);
	struct frame answer = { .type = FRAME_DONE };
	struct view tag = in->field[CONFIRM_TAG];
	struct check_value loaded;
	enum reason r;
	enum err e;

	if (!check_value_parse(in->field[CONFIRM_CHECK], &loaded))
		return REASON_FRAME;
	if (h->tk.handshake == FORMAT_HANDSHAKE_V1) {
		if (tag.n)
			return REASON_FRAME;
	} else {
		e = ops_check(h->kms->ops, &h->tk, &shake, TRANSCRIPT_CONFIRM, &loaded, tag, f);
		h->failure = e == ERR_REFUSED || e == ERR_BAD_DATA;
		if (h->failure)
			return REASON_CONFIRM;
		if (e)
			return hsm_reason(e);
	}
	if (loaded.method != h->tmk_check.method || memcmp(loaded.value, h->tmk_check.value, FORMAT_CHECK) != 0)
		return REASON_CONFIRM_VALUE;
	r = confirmed(h, f);
	if (!r)
		frame_put(out, &answer);
	return r;
}

static enum reason on_error(struct handshake *h, const struct frame *in, struct buf *out, struct fail *f)
{
	struct view told = in->field[ERROR_CHECKS];
	struct check_value tek, auk;

	fail_set(f, ERR_PEER, 0, "code %u", frame_error_code(in));
	if (told.n == 2 * CHECK_BYTES && check_value_parse(VIEW(told.p, CHECK_BYTES), &tek) &&
	    check_value_parse(VIEW(told.p + CHECK_BYTES, CHECK_BYTES), &auk)) {
		check_hex(&tek, h->tek_told);
		check_hex(&auk, h->auk_told);
	}
	return REASON_PEER;
}

/* What may come when, and what follows. Everything else is REASON_ORDER. */
static const struct handshake_row {
	enum handshake_state state;
	uint8_t frame;
	handshake_handler handler;
	enum handshake_state next;
} rows[] = {
	{ HANDSHAKE_HELLO, FRAME_HELLO, on_hello, HANDSHAKE_PROOF },
	{ HANDSHAKE_PROOF, FRAME_PROOF_T, on_proof, HANDSHAKE_CONFIRM },
	{ HANDSHAKE_CONFIRM, FRAME_CONFIRM, on_confirm, HANDSHAKE_DONE },
	{ HANDSHAKE_PROOF, FRAME_SIGN_IN, signin_ask, HANDSHAKE_WK_CONFIRM },
	{ HANDSHAKE_WK_CONFIRM, FRAME_WK_CONFIRM, signin_confirm, HANDSHAKE_DONE },
	{ HANDSHAKE_HELLO, FRAME_ERROR, on_error, HANDSHAKE_OVER },
	{ HANDSHAKE_PROOF, FRAME_ERROR, on_error, HANDSHAKE_OVER },
	{ HANDSHAKE_CONFIRM, FRAME_ERROR, on_error, HANDSHAKE_OVER },
	{ HANDSHAKE_WK_CONFIRM, FRAME_ERROR, on_error, HANDSHAKE_OVER },
};

static const char *const steps[] = { "HELLO", "PROOF_T", "CONFIRM", "WK_CONFIRM", "end", "end" };

void handshake_init(struct handshake *h, struct kms *k, const char *peer, const char *host)
{
	*h = (struct handshake){ .kms = k, .peer = peer, .host = host };
}

enum reason handshake_frame(struct handshake *h, const struct frame *in, struct buf *ret_out, struct fail *f)
{
	const struct handshake_row *row = NULL;
	enum reason r;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].state == h->state && rows[i].frame == in->type)
			row = &rows[i];
	if (!row) {
		fail_set(f, ERR_UNEXPECTED, 0, "frame %s", frame_name(in->type));
		return REASON_ORDER;
	}
	r = row->handler(h, in, ret_out, f);
	if (!r && !buf_ok(ret_out))
		r = REASON_DB;
	if (!r)
		h->state = row->next;
	if (h->state == HANDSHAKE_DONE)
		handshake_done(h);
	return r;
}

bool handshake_quiet(enum reason reason)
{
	return reason == REASON_FULL || reason == REASON_QUEUE || reason == REASON_RATE || reason == REASON_LOCKED ||
	       reason == REASON_UNPROVEN;
}

enum err handshake_refuse(struct handshake *h, enum reason reason, const char *detail, struct fail *f)
{
	struct rows_end end = {
		.reason = reason, .detail = detail, .failure = h->failure, .quiet = handshake_quiet(reason)
	};
	struct check_value tek, auk;
	char text[300];
	struct fail ignored = { 0 };

	/* whatever the peer was told: the operator learns that there was no TK */
	if (h->stand_in && reason != h->stand_in) {
		snprintf(text, sizeof(text), "%s%s%s", reason_text(reason), detail[0] ? "; " : "", detail);
		end.reason = h->stand_in;
		end.detail = text;
	}
	if (!h->stand_in && h->tk.session && ops_tk_check_values(h->kms->ops, &h->tk, &tek, &auk, &ignored) == ERR_OK) {
		check_hex(&tek, end.tek_hsm);
		check_hex(&auk, end.auk_hsm);
	}
	handshake_done(h);
	enum err e = rows_end(h, &end, f);
	h->state = HANDSHAKE_OVER;
	return e;
}

void handshake_done(struct handshake *h)
{
	ops_tk_close(&h->tk);
	memory_wipe(h->host_random, sizeof(h->host_random));
	memory_wipe(h->terminal_random, sizeof(h->terminal_random));
	memory_wipe(h->wk_confirm, sizeof(h->wk_confirm));
	h->wk_confirm_len = 0;
}

const char *handshake_step(const struct handshake *h)
{
	return h->sign_in && h->state == HANDSHAKE_PROOF ? "SIGN_IN" : steps[h->state];
}
