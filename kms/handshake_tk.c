/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>

#include "handshake_rows.h"
#include "handshake_tk.h"

enum reason hsm_reason(enum err e)
{
	return e == ERR_BUSY ? REASON_BUSY : REASON_HSM;
}

struct ops_shake handshake_shake(const struct handshake *h)
{
	return (struct ops_shake){ .terminal_random = VIEW(h->terminal_random, h->nonce_len),
				   .host_random = VIEW(h->host_random, h->nonce_len) };
}

static enum reason formal_get(struct handshake *h, struct buf *record, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row;
	enum err e;

	e = db_query(h->kms->db, &s, f,
		     "SELECT record, tek_check_value, auk_check_value, tk_counter FROM key_formal"
		     " WHERE serial_number = ?",
		     "v", VIEW(h->serial, h->serial_len));
	if (!e)
		e = db_next(s, &row, f);
	if (e)
		return db_reason(e);
	if (!row)
		return REASON_UNKNOWN;
	buf_put_view(record, db_blob(s, 0));
	snprintf(h->tek_check, sizeof(h->tek_check), "%s", db_text(s, 1));
	snprintf(h->auk_check, sizeof(h->auk_check), "%s", db_text(s, 2));
	h->counter = db_int(s, 3);
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

enum reason handshake_tk(struct handshake *h, uint8_t version, size_t nonce_len, struct fail *f)
{
	BUF_AUTO record = { 0 };
	enum reason r;

	r = formal_get(h, &record, f);
	if (!r)
		r = formal_open(h, buf_view(&record), f);
	if (!r && version != h->tk.handshake)
		r = REASON_VERSION;
	if (!r && nonce_len != ops_nonce_len(&h->tk))
		r = REASON_NONCE;
	if (r)
		ops_tk_close(&h->tk);
	return r;
}

/* The next terminal's record in the order of serial numbers: the same one whenever the same is asked for. */
static enum err neighbour(struct handshake *h, uint8_t version, struct buf *ret, struct fail *f)
{
	static const char *const sql[] = { "SELECT record FROM key_formal WHERE handshake = ? AND serial_number > ?"
					   " ORDER BY serial_number LIMIT 1",
					   "SELECT record FROM key_formal WHERE handshake = ? AND serial_number <> ?"
					   " ORDER BY serial_number LIMIT 1" };
	bool row = false;
	enum err e = ERR_OK;

	for (size_t i = 0; !e && !row && i < ARRAY_LEN(sql); i++) {
		DB_STMT_AUTO *s = NULL;

		e = db_query(h->kms->db, &s, f, sql[i], "iv", (int64_t)version, VIEW(h->serial, h->serial_len));
		if (!e)
			e = db_next(s, &row, f);
		if (!e && row)
			buf_put_view(ret, db_blob(s, 0));
	}
	return !e && row && buf_ok(ret) ? ERR_OK : ERR_NOT_FOUND;
}

void handshake_stand_in(struct handshake *h, uint8_t version, size_t nonce_len, size_t *ret_tag_len)
{
	BUF_AUTO bytes = { 0 };
	struct tk_record record;
	struct fail hidden = { 0 };
	enum err e = neighbour(h, version, &bytes, &hidden);

	*ret_tag_len = version == FORMAT_HANDSHAKE_V1 ? nonce_len : FORMAT_MAC_MAX;
	if (e || !tk_record_parse(buf_view(&bytes), &record) || !h->kms->keys[record.suite].pk)
		return;
	e = ops_tk_open(h->kms->ops, &h->kms->keys[record.suite], buf_view(&bytes), &h->tk, &hidden);
	if (!e && version == FORMAT_HANDSHAKE_V2)
		*ret_tag_len = ops_tag_len(&h->tk);
}
