/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>
#include <time.h>

#include "fingerprint.h"
#include "tmk.h"
#include "working_key.h"

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
static bool tek_carries(const struct tmk_tek *tek, uint8_t type, uint8_t length)
{
	if (tek->type == FORMAT_KEY_TDES && type != FORMAT_KEY_TDES)
		return false;
	return type != tek->type || length <= tek->length;
}

struct stored {
	bool there;
	bool due; /* a new one is to be made */
	int64_t generation;
	uint8_t type;
	uint8_t length;
};

/* By command, by age, by number of downloads: only what a terminal has confirmed grows old. */
static bool due(const struct kms *k, bool renew, int64_t confirmed, int64_t downloads)
{
	int64_t age = (int64_t)time(NULL) - confirmed;

	if (renew)
		return true;
	if (!confirmed)
		return false;
	return (k->renew_after_days && age >= (int64_t)k->renew_after_days * 86400) ||
	       (k->renew_after_downloads && downloads >= (int64_t)k->renew_after_downloads);
}

static enum err stored_get(struct kms *k, struct view serial, struct stored *ret, struct buf *ret_ciphertext,
			   struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	enum err e;

	*ret = (struct stored){ .due = true };
	e = db_query(k->db, &s, f,
		     "SELECT generation, type, length, ciphertext, renew, confirmed, downloads FROM tmk"
		     " WHERE serial_number = ? ORDER BY generation DESC LIMIT 1",
		     "v", serial);
	if (!e)
		e = db_next(s, &ret->there, f);
	if (e || !ret->there)
		return e;
	ret->generation = db_int(s, 0);
	ret->type = (uint8_t)db_int(s, 1);
	ret->length = (uint8_t)db_int(s, 2);
	ret->due = due(k, db_int(s, 4) != 0, db_int(s, 5), db_int(s, 6));
	buf_done(ret_ciphertext);
	buf_put_view(ret_ciphertext, db_blob(s, 3));
	return buf_ok(ret_ciphertext) ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "no memory for a TMK's ciphertext");
}

void tmk_made_done(struct tmk_made *m)
{
	buf_done(&m->ciphertext);
	*m = (struct tmk_made){ 0 };
}

static enum reason no_room(const struct tmk_tek *tek, uint8_t type, uint8_t length, struct fail *f)
{
	fail_set(f, ERR_REFUSED, 0, "TMK of type %u, %u bytes, under TEK of type %u, %u bytes", type, length, tek->type,
		 tek->length);
	return REASON_TMK_TYPE;
}

enum reason tmk_make(struct kms *k, const struct tmk_tek *tek, int64_t generation, struct tmk_made *ret, struct fail *f)
{
	uint8_t type = k->tmk_type ? k->tmk_type : tek->type, length = k->tmk_type ? k->tmk_length : tek->length;
	struct tmk_made m = { .generation = generation, .type = type, .length = length };
	enum err e;

	if (!tek_carries(tek, type, length))
		return no_room(tek, type, length, f);
	e = ops_tmk_generate(k->ops, k->srk, type, length, &m.ciphertext, &m.check, f);
	if (e)
		return e == ERR_BUSY ? REASON_BUSY : REASON_HSM;
	m.fingerprinted = fingerprint_of_tmk(k, buf_view(&m.ciphertext), m.fingerprint);
	*ret = m;
	return REASON_NONE;
}

enum reason tmk_put(struct kms *k, struct view serial, const struct tmk_made *made, bool *ret_put, struct fail *f)
{
	int64_t now = (int64_t)time(NULL);
	char hex[CHECK_HEX];
	enum err e;

	check_hex(&made->check, hex);
	e = db_run(k->db, f,
		   "INSERT INTO tmk(serial_number, generation, type, length, ciphertext, method, check_value, made,"
		   " wrapped) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(serial_number, generation) DO NOTHING",
		   "viiibitii", serial, made->generation, (int64_t)made->type, (int64_t)made->length,
		   buf_view(&made->ciphertext), (int64_t)made->check.method, hex, now, now);
	*ret_put = !e && db_changes(k->db) == 1;
	if (*ret_put && made->fingerprinted)
		e = fingerprint_tmk(k, serial, made->generation, made->fingerprint, f);
	return e == ERR_BUSY ? REASON_DB_BUSY : e ? REASON_DB : REASON_NONE;
}

enum reason tmk_prepare(struct kms *k, const struct ops_tk *tk, struct tmk_made *ret, struct fail *f)
{
	const struct tmk_tek tek = { tk->tek_type, tk->tek_length };
	BUF_AUTO ciphertext = { 0 };
	struct stored t = { 0 };
	enum err e = stored_get(k, VIEW(tk->serial, tk->serial_len), &t, &ciphertext, f);

	if (e)
		return e == ERR_BUSY ? REASON_DB_BUSY : REASON_DB;
	return t.due ? tmk_make(k, &tek, t.generation + 1, ret, f) : REASON_NONE;
}

static enum reason mark_sent(struct kms *k, struct view serial, int64_t generation, struct fail *f)
{
	enum err e = db_run(k->db, f, "UPDATE tmk SET sent = ? WHERE serial_number = ? AND generation = ? AND sent = 0",
			    "ivi", (int64_t)time(NULL), serial, generation);

	return e == ERR_BUSY ? REASON_DB_BUSY : e ? REASON_DB : REASON_NONE;
}

enum reason tmk_current(struct kms *k, const struct ops_tk *tk, const struct tmk_made *made, struct buf *ret_ciphertext,
			int64_t *ret_generation, struct fail *f)
{
	const struct tmk_tek tek = { tk->tek_type, tk->tek_length };
	struct view serial = VIEW(tk->serial, tk->serial_len);
	struct stored t = { 0 };
	enum reason r = REASON_NONE;
	bool put = false;
	enum err e = stored_get(k, serial, &t, ret_ciphertext, f);

	if (!e && t.due && made->generation == t.generation + 1) {
		r = tmk_put(k, serial, made, &put, f);
		/* or another node, or the operator, made the same generation: then theirs is the one */
		if (!r)
			e = stored_get(k, serial, &t, ret_ciphertext, f);
	}
	if (e)
		return e == ERR_BUSY ? REASON_DB_BUSY : REASON_DB;
	if (r)
		return r;
	if (!t.there) /* it went away since tmk_prepare */
		return REASON_DB_BUSY;
	if (!put && !tek_carries(&tek, t.type, t.length))
		return no_room(&tek, t.type, t.length, f);
	r = mark_sent(k, serial, t.generation, f);
	if (!r)
		*ret_generation = t.generation;
	return r || buf_ok(ret_ciphertext) ? r : REASON_DB;
}

enum err tmk_confirmed(struct kms *k, struct view serial, int64_t generation, struct fail *f)
{
	enum err e = working_retire(k, serial, f);

	if (e)
		return e;
	return db_run(k->db, f,
		      "UPDATE tmk SET confirmed = CASE WHEN confirmed = 0 THEN ? ELSE confirmed END,"
		      " downloads = downloads + 1 WHERE serial_number = ? AND generation = ?",
		      "ivi", (int64_t)time(NULL), serial, generation);
}
