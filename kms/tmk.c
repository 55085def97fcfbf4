/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>
#include <time.h>

#include "tmk.h"

static const struct tmk_kind {
	const char *text;
	uint8_t type;
	uint8_t length;
} kinds[] = {
	{ "as-tek", 0, 0 },
	{ "tdes:16", FORMAT_KEY_TDES, 16 },
	{ "tdes:24", FORMAT_KEY_TDES, 24 },
	{ "aes:16", FORMAT_KEY_AES, 16 },
	{ "aes:24", FORMAT_KEY_AES, 24 },
	{ "aes:32", FORMAT_KEY_AES, 32 },
};

bool tmk_type_parse(const char *text, uint8_t *ret_type, uint8_t *ret_length)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (strcmp(kinds[i].text, text))
			continue;
		*ret_type = kinds[i].type;
		*ret_length = kinds[i].length;
		return true;
	}
	return false;
}

/* formats.md, TMK message: what a TEK may carry. */
static bool tek_carries(const struct ops_tk *tk, uint8_t type, uint8_t length)
{
	if (tk->tek_type == FORMAT_KEY_TDES && type != FORMAT_KEY_TDES)
		return false;
	return type != tk->tek_type || length <= tk->tek_length;
}

struct stored {
	bool there;
	bool renew;
	int64_t generation;
	uint8_t type;
	uint8_t length;
};

static enum err stored_get(struct kms *k, struct view serial, struct stored *ret, struct buf *ret_ciphertext,
			   struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	enum err e;

	e = db_query(k->db, &s, f,
		     "SELECT generation, type, length, ciphertext, renew FROM tmk WHERE serial_number = ?"
		     " ORDER BY generation DESC LIMIT 1",
		     "v", serial);
	if (!e)
		e = db_next(s, &ret->there, f);
	if (e || !ret->there)
		return e;
	ret->generation = db_int(s, 0);
	ret->type = (uint8_t)db_int(s, 1);
	ret->length = (uint8_t)db_int(s, 2);
	ret->renew = db_int(s, 4) != 0;
	if (!ret->renew)
		buf_put_view(ret_ciphertext, db_blob(s, 3));
	return buf_ok(ret_ciphertext) ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "no memory for a TMK's ciphertext");
}

static enum err tmk_make(struct kms *k, struct view serial, struct stored *t, struct buf *ret_ciphertext,
			 enum reason *ret_reason, struct fail *f)
{
	struct check_value check;
	char hex[CHECK_HEX];
	enum err e;

	*ret_reason = REASON_HSM;
	e = ops_tmk_generate(k->ops, k->srk, t->type, t->length, ret_ciphertext, &check, f);
	if (e)
		return e;
	*ret_reason = REASON_DB;
	t->generation++;
	check_hex(&check, hex);
	return db_run(k->db, f,
		      "INSERT INTO tmk(serial_number, generation, type, length, ciphertext, method, check_value, made)"
		      " VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
		      "viiibiti", serial, t->generation, (int64_t)t->type, (int64_t)t->length, buf_view(ret_ciphertext),
		      (int64_t)check.method, hex, (int64_t)time(NULL));
}

enum err tmk_current(struct kms *k, const struct ops_tk *tk, struct buf *ret_ciphertext, int64_t *ret_generation,
		     enum reason *ret_reason, struct fail *f)
{
	struct view serial = VIEW(tk->serial, tk->serial_len);
	enum reason reason = REASON_DB;
	struct stored t = { 0 };
	BUF_AUTO ciphertext = { 0 };
	enum err e;

	e = db_begin(k->db, f);
	if (!e)
		e = stored_get(k, serial, &t, &ciphertext, f);
	if (!e && (!t.there || t.renew)) {
		t.type = k->tmk_type ? k->tmk_type : tk->tek_type;
		t.length = k->tmk_type ? k->tmk_length : tk->tek_length;
	}
	if (!e && !tek_carries(tk, t.type, t.length)) {
		reason = REASON_TMK_TYPE;
		e = fail_set(f, ERR_REFUSED, 0, "TMK of type %u, %u bytes, under TEK of type %u, %u bytes", t.type,
			     t.length, tk->tek_type, tk->tek_length);
	}
	if (!e && (!t.there || t.renew))
		e = tmk_make(k, serial, &t, &ciphertext, &reason, f);
	if (!e)
		e = db_commit(k->db, f);
	db_rollback(k->db);
	if (e) {
		*ret_reason = reason;
		return e;
	}
	*ret_generation = t.generation;
	buf_put_view(ret_ciphertext, buf_view(&ciphertext));
	return ERR_OK;
}

enum err tmk_renew(struct db *d, const char *serial, struct fail *f)
{
	enum err e;

	e = db_run(d, f,
		   "UPDATE tmk SET renew = 1 WHERE serial_number = ? AND generation ="
		   " (SELECT max(generation) FROM tmk WHERE serial_number = ?)",
		   "tt", serial, serial);
	if (!e && db_changes(d) != 1)
		e = fail_set(f, ERR_NOT_FOUND, 0, "no TMK for serial number %s", serial);
	return e;
}
