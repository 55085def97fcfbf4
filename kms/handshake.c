/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "handshake.h"
#include "tmk.h"

typedef enum reason (*handshake_handler)(struct handshake *h, const struct frame *in, struct buf *out, struct fail *f);

static struct ops_shake shake_of(const struct handshake *h)
{
	return (struct ops_shake){ .terminal_random = VIEW(h->terminal_random, h->nonce_len),
				   .host_random = VIEW(h->host_random, h->nonce_len) };
}

/* What an error of the HSM means where it is not about the peer's data. */
static enum reason hsm_reason(enum err e)
{
	return e == ERR_BUSY ? REASON_BUSY : REASON_HSM;
}

static enum reason formal_get(struct handshake *h, struct buf *record, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row;
	enum err e;

	e = db_query(h->kms->db, &s, f,
		     "SELECT record, tek_check_value, auk_check_value FROM key_formal WHERE serial_number = ?", "v",
		     VIEW(h->serial, h->serial_len));
	if (!e)
		e = db_next(s, &row, f);
	if (e)
		return REASON_DB;
	if (!row)
		return REASON_UNKNOWN;
	buf_put_view(record, db_blob(s, 0));
	snprintf(h->tek_check, sizeof(h->tek_check), "%s", db_text(s, 1));
	snprintf(h->auk_check, sizeof(h->auk_check), "%s", db_text(s, 2));
	return buf_ok(record) ? REASON_NONE : REASON_DB;
}

/* The formal record is verified by the HSM at every download, and must be the one of this row (R2.7). */
static enum reason formal_open(struct handshake *h, struct view bytes, struct fail *f)
{
	struct tk_record record;
	enum err e;

	if (!tk_record_parse(bytes, &record))
		return REASON_FORMAL;
	if (!view_equal(record.pos_serial, VIEW(h->serial, h->serial_len)) ||
	    !view_equal(record.customer, view_of_string(h->kms->customer)))
		return REASON_FORMAL_ROW;
	if (!h->kms->keys[record.suite].pk)
		return REASON_HSM;
	e = ops_tk_open(h->kms->ops, &h->kms->keys[record.suite], bytes, &h->tk, f);
	if (e == ERR_BAD_DATA || e == ERR_REFUSED)
		return REASON_FORMAL;
	return e ? hsm_reason(e) : REASON_NONE;
}

static enum reason prove_host(struct handshake *h, struct buf *out, struct fail *f)
{
	struct ops_shake shake = shake_of(h);
	uint8_t tag[OPS_TAG_MAX];
	struct frame answer = { .type = FRAME_PROOF_K };
	size_t len = 0;
	enum err e;

	e = ops_random(h->kms->ops, h->host_random, h->nonce_len, f);
	if (!e)
		e = ops_prove(h->kms->ops, &h->tk, &shake, TRANSCRIPT_HOST_PROVES, NULL, tag, &len, f);
	if (e)
		return hsm_reason(e);
	answer.field[PROOF_K_RANDOM] = shake.host_random;
	answer.field[PROOF_K_TAG] = VIEW(tag, len);
	frame_put(out, &answer);
	return REASON_NONE;
}

static enum reason on_hello(struct handshake *h, const struct frame *in, struct buf *out, struct fail *f)
{
	struct view serial = in->field[HELLO_SERIAL], random = in->field[HELLO_RANDOM];
	BUF_AUTO record = { 0 };
	enum reason r;

	if (!format_pos_serial_ok(serial))
		return REASON_FRAME;
	memcpy(h->serial, serial.p, serial.n);
	h->serial_len = serial.n;
	r = formal_get(h, &record, f);
	if (!r)
		r = formal_open(h, buf_view(&record), f);
	if (r)
		return r;
	if (in->field[HELLO_HANDSHAKE].p[0] != h->tk.handshake)
		return REASON_VERSION;
	h->nonce_len = ops_nonce_len(&h->tk);
	if (random.n != h->nonce_len)
		return REASON_NONCE;
	memcpy(h->terminal_random, random.p, random.n);
	return prove_host(h, out, f);
}

static enum reason on_proof(struct handshake *h, const struct frame *in, struct buf *out, struct fail *f)
{
	struct ops_shake shake = shake_of(h);
	struct frame answer = { .type = FRAME_TMK };
	BUF_AUTO ciphertext = { 0 };
	BUF_AUTO message = { 0 };
	enum reason r = REASON_DB;
	enum err e;

	e = ops_check(h->kms->ops, &h->tk, &shake, TRANSCRIPT_TERMINAL_PROVES, NULL, in->field[PROOF_T_TAG], f);
	if (e == ERR_REFUSED || e == ERR_BAD_DATA)
		return REASON_PROOF;
	if (e)
		return hsm_reason(e);
	if (tmk_current(h->kms, &h->tk, &ciphertext, &h->generation, &r, f))
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
	enum err e;

	check_hex(&h->tmk_check, hex);
	snprintf(text, sizeof(text), "TMK %s generation %lld confirmed; TK counter %llu, TEK %s, AUK %s", hex,
		 (long long)h->generation, (unsigned long long)h->tk.counter, h->tek_check, h->auk_check);
	entry.text = text;
	e = db_begin(d, f);
	if (!e)
		e = db_run(d, f,
			   "INSERT INTO download(serial_number, tk_counter, handshake, generation, method,"
			   " check_value, peer, confirmed) VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
			   "viiiitti", VIEW(h->serial, h->serial_len), (int64_t)h->tk.counter, (int64_t)h->tk.handshake,
			   h->generation, (int64_t)h->tmk_check.method, hex, h->peer, (int64_t)time(NULL));
	if (!e)
		e = audit_append(d, &entry, f);
	if (!e)
		e = db_commit(d, f);
	db_rollback(d);
	return e ? REASON_DB : REASON_NONE;
}

static enum reason on_confirm(struct handshake *h, const struct frame *in, struct buf *out, struct fail *f)
{
	struct ops_shake shake = shake_of(h);
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
		if (e == ERR_REFUSED || e == ERR_BAD_DATA)
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
	fail_set(f, ERR_PEER, 0, "code %u", frame_error_code(in));
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
	{ HANDSHAKE_HELLO, FRAME_ERROR, on_error, HANDSHAKE_OVER },
	{ HANDSHAKE_PROOF, FRAME_ERROR, on_error, HANDSHAKE_OVER },
	{ HANDSHAKE_CONFIRM, FRAME_ERROR, on_error, HANDSHAKE_OVER },
};

static const char *const steps[] = { "HELLO", "PROOF_T", "CONFIRM", "end", "end" };

void handshake_init(struct handshake *h, struct kms *k, const char *peer)
{
	*h = (struct handshake){ .kms = k, .peer = peer };
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

enum err handshake_refuse(struct handshake *h, enum reason reason, const char *detail, struct fail *f)
{
	struct audit_entry entry = {
		.peer = h->peer, .event = "download", .object = h->serial, .code = reason_err(reason)
	};
	char text[480];
	int n;

	n = snprintf(text, sizeof(text), "%s at %s: %s", reason_word(reason), handshake_step(h), reason_text(reason));
	if (h->tek_check[0] && n > 0 && (size_t)n < sizeof(text))
		n += snprintf(text + n, sizeof(text) - (size_t)n, "; TEK %s, AUK %s", h->tek_check, h->auk_check);
	if (detail[0] && n > 0 && (size_t)n < sizeof(text))
		snprintf(text + n, sizeof(text) - (size_t)n, "; %s", detail);
	entry.text = text;
	handshake_done(h);
	h->state = HANDSHAKE_OVER;
	return audit_append(h->kms->db, &entry, f);
}

void handshake_done(struct handshake *h)
{
	ops_tk_close(&h->tk);
	memory_wipe(h->host_random, sizeof(h->host_random));
	memory_wipe(h->terminal_random, sizeof(h->terminal_random));
}

const char *handshake_step(const struct handshake *h)
{
	return steps[h->state];
}
