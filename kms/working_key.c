/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>
#include <time.h>

#include "handshake_rows.h"
#include "working_key.h"

static const char *const kinds[WK_KINDS] = { "PINKEY", "MACKEY" };

const char *working_kind(enum wk_kind kind)
{
	return kinds[kind];
}

void working_tmk_done(struct working_tmk *t)
{
	buf_done(&t->ciphertext);
	*t = (struct working_tmk){ 0 };
}

static enum err tmk_read(struct kms *k, struct view serial, struct working_tmk *t, bool *ret_there, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	BUF_AUTO check = { 0 };
	const char *hex;
	enum err e = db_query(k->db, &s, f,
			      "SELECT generation, ciphertext, method, check_value FROM tmk WHERE serial_number = ?"
			      " AND confirmed > 0 ORDER BY generation DESC LIMIT 1",
			      "v", serial);

	if (!e)
		e = db_next(s, ret_there, f);
	if (e || !*ret_there)
		return e;
	hex = db_text(s, 3);
	if (!hex_decode(hex, strlen(hex), &check) || check.len != FORMAT_CHECK)
		return fail_set(f, ERR_IO, 0, "TMK of the database: its check value is none");
	t->generation = db_int(s, 0);
	t->check.method = (uint8_t)db_int(s, 2);
	memcpy(t->check.value, check.p, FORMAT_CHECK);
	buf_put_view(&t->ciphertext, db_blob(s, 1));
	return buf_ok(&t->ciphertext) ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "no memory for a TMK's ciphertext");
}

enum reason working_prepare(struct kms *k, struct view serial, struct working_tmk *ret, int64_t *ret_next,
			    struct fail *f)
{
	int64_t last = 0;
	bool there = false;
	enum err e = tmk_read(k, serial, ret, &there, f);

	if (!e)
		e = db_one(k->db, &last, f,
			   "SELECT coalesce(max(generation), 0) FROM working_key WHERE serial_number = ?", "v", serial);
	if (e)
		return db_reason(e);
	*ret_next = last + 1;
	return there ? REASON_NONE : REASON_NO_TMK;
}

enum err working_put(struct kms *k, const struct working_new *in, bool *ret_put, struct fail *f)
{
	int64_t now = (int64_t)time(NULL), newer = 0;
	char hex[CHECK_HEX];
	bool put = true;
	enum err e = db_one(k->db, &newer, f,
			    "SELECT count(*) FROM tmk WHERE serial_number = ? AND generation > ? AND confirmed > 0",
			    "vi", in->serial, in->tmk->generation);

	put = newer == 0;
	for (size_t i = 0; !e && put && i < WK_KINDS; i++) {
		check_hex(&in->made->check[i], hex);
		e = db_run(k->db, f,
			   "INSERT INTO working_key(serial_number, generation, kind, tmk_generation, type, length,"
			   " ciphertext, storage_key, wrapped, method, check_value, made)"
			   " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
			   " ON CONFLICT(serial_number, generation, kind) DO NOTHING",
			   "vitiiibtiiti", in->serial, in->generation, kinds[i], in->tmk->generation,
			   (int64_t)in->made->type, (int64_t)in->made->length, buf_view(&in->made->blob[i]),
			   in->storage_key, now, (int64_t)in->made->check[i].method, hex, now);
		put = !e && db_changes(k->db) == 1;
	}
	if (!e && put)
		e = db_run(k->db, f,
			   "UPDATE working_key SET retired = ? WHERE serial_number = ? AND generation < ?"
			   " AND retired = 0 AND confirmed = 0",
			   "ivi", now, in->serial, in->generation);
	if (!e)
		*ret_put = put;
	return e;
}

enum err working_confirm(struct kms *k, struct view serial, int64_t generation, bool *ret_done, struct fail *f)
{
	int64_t now = (int64_t)time(NULL);
	enum err e = db_run(
	    k->db, f, "UPDATE working_key SET retired = ? WHERE serial_number = ? AND generation < ? AND retired = 0",
	    "ivi", now, serial, generation);

	if (!e)
		e = db_run(k->db, f,
			   "UPDATE working_key SET confirmed = ? WHERE serial_number = ? AND generation = ?"
			   " AND confirmed = 0 AND retired = 0 AND NOT EXISTS(SELECT 1 FROM tmk t WHERE"
			   " t.serial_number = working_key.serial_number AND t.confirmed > 0"
			   " AND t.generation > working_key.tmk_generation)",
			   "ivi", now, serial, generation);
	if (!e)
		*ret_done = db_changes(k->db) == WK_KINDS;
	return e;
}

enum err working_retire(struct kms *k, struct view serial, struct fail *f)
{
	return db_run(k->db, f, "UPDATE working_key SET retired = ? WHERE serial_number = ? AND retired = 0", "iv",
		      (int64_t)time(NULL), serial);
}
