/* SPDX-License-Identifier: BSD-2-Clause */
/* What two custodians approve: the table of actions, and what a subject of each looks like. */
#include <string.h>

#include "dual_own.h"
#include "module.h"
#include "object.h"
#include "policy.h"
#include "token_own.h"
#include "user.h"
#include "vendor_functions.h"

#define HEX_ID (2 * STORE_ID_LEN)

static const struct {
	uint32_t bit;
	const char *name;
} words[] = {
	{ DUAL_EXPORT, "export" },
	{ DUAL_POLICY, "policy" },
	{ DUAL_RESTORE, "restore" },
	{ DUAL_TRUST, "trust" },
};

static struct view next_word(struct view *text)
{
	struct view word;
	size_t n = 0;

	while (text->n > 0 && text->p[0] == ' ')
		*text = VIEW(text->p + 1, text->n - 1);
	while (n < text->n && text->p[n] != ' ')
		n++;
	word = VIEW(text->p, n);
	*text = VIEW(text->p + n, text->n - n);
	return word;
}

bool dual_parse(struct view text, uint32_t *ret)
{
	uint32_t bits = 0;

	for (struct view word = next_word(&text); word.n > 0; word = next_word(&text)) {
		uint32_t bit = 0;

		for (size_t i = 0; i < ARRAY_LEN(words); i++)
			bit |= view_equal(word, view_of_string(words[i].name)) ? words[i].bit : 0;
		if (bit == 0)
			return false;
		bits |= bit;
	}
	*ret = bits;
	return true;
}

void dual_text(uint32_t bits, struct buf *out)
{
	const char *space = "";

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (bits & words[i].bit) {
			buf_printf(out, "%s%s", space, words[i].name);
			space = " ";
		}
	}
}

static bool is_hex(struct view v)
{
	for (size_t i = 0; i < v.n; i++)
		if (!((v.p[i] >= '0' && v.p[i] <= '9') || (v.p[i] >= 'a' && v.p[i] <= 'f')))
			return false;
	return true;
}

static bool is_hex_id(struct view v)
{
	return v.n == HEX_ID && is_hex(v);
}

/* on_export: `KEY under WRAPPING KEY`, by CKA_UNIQUE_ID. */
static CK_RV on_export(struct token *t, struct store_txn *txn, struct view given, struct buf *out)
{
	struct view rest = given;
	struct view key = next_word(&rest), under = next_word(&rest), wrapping = next_word(&rest);

	if (!is_hex_id(key) || !is_hex_id(wrapping) || !view_equal(under, VIEW_STR("under")) || rest.n > 0)
		return CKR_ARGUMENTS_BAD;
	buf_printf(out, "%.*s under %.*s", HEX_ID, (const char *)key.p, HEX_ID, (const char *)wrapping.p);
	return CKR_OK;
}

/* two_of: `FIRST between SECOND`, in hex. */
static CK_RV two_of(struct view given, const char *between, size_t first_len, size_t least, size_t most,
		    struct buf *out)
{
	struct view rest = given;
	struct view first = next_word(&rest), word = next_word(&rest), second = next_word(&rest);

	if (!is_hex(first) || first.n != first_len || !view_equal(word, view_of_string(between)) || !is_hex(second) ||
	    (second.n != least && second.n != most) || rest.n > 0)
		return CKR_ARGUMENTS_BAD;
	buf_put_view(out, first);
	buf_printf(out, " %s ", between);
	buf_put_view(out, second);
	return CKR_OK;
}

/* on_transport_out: `KEY to TARGET`: CKA_UNIQUE_ID; fingerprint of an RSA key, or CKA_UNIQUE_ID of a KTK. */
static CK_RV on_transport_out(struct token *t, struct store_txn *txn, struct view given, struct buf *out)
{
	return two_of(given, "to", HEX_ID, 32, 64, out);
}

/* on_transport_in: `BLOCK from SOURCE`, two SHA-256. */
static CK_RV on_transport_in(struct token *t, struct store_txn *txn, struct view given, struct buf *out)
{
	return two_of(given, "from", 64, 64, 64, out);
}

static CK_RV on_object(struct token *t, struct store_txn *txn, struct view given, struct buf *out)
{
	if (!is_hex_id(given))
		return CKR_ARGUMENTS_BAD;
	buf_put_view(out, given);
	return CKR_OK;
}

/* on_policy: the whole policy as it would be, as policy_describe writes it. */
static CK_RV on_policy(struct token *t, struct store_txn *txn, struct view given, struct buf *out)
{
	struct policy p;

	if (!policy_described(given, &p))
		return CKR_ARGUMENTS_BAD;
	policy_describe(&p, out);
	return CKR_OK;
}

/* on_token: nothing but the token itself. */
static CK_RV on_token(struct token *t, struct store_txn *txn, struct view given, struct buf *out)
{
	if (given.n > 0 && !view_equal(given, VIEW(t->serial, STORE_SERIAL_LEN)))
		return CKR_ARGUMENTS_BAD;
	buf_put(out, t->serial, STORE_SERIAL_LEN);
	return CKR_OK;
}

/* on_user: a user as he is now; one whom the SO makes anew is another. No name: the default user. */
static CK_RV on_user(struct token *t, struct store_txn *txn, struct view given, struct buf *out)
{
	char name[TOKEN_NAME_MAX + 2] = { 0 };
	char hex[HEX_ID + 1];
	struct user_record r;
	struct view rest = given;
	struct view first = next_word(&rest), second = next_word(&rest);
	CK_RV rv;

	if (rest.n > 0 || (first.n > 0 && !user_name_ok(first)))
		return CKR_ARGUMENTS_BAD;
	if (first.n > 0)
		memcpy(name, first.p, first.n);
	rv = user_find(module_crypto(), txn, first.n > 0 ? USER_CUSTODIAN : USER_DEFAULT, name, &r);
	if (rv != CKR_OK)
		return rv == CKR_USER_PIN_NOT_INITIALIZED ? CKR_ARGUMENTS_BAD : rv;
	hex_encode(VIEW(r.user.id, sizeof(r.user.id)), hex);
	if (second.n > 0 && !view_equal(second, view_of_string(hex)))
		return CKR_ARGUMENTS_BAD;
	buf_printf(out, "%s%s%s", name, first.n > 0 ? " " : "user ", hex);
	return CKR_OK;
}

static CK_RV on_custodian(struct token *t, struct store_txn *txn, struct view given, struct buf *out)
{
	return given.n > 0 ? on_user(t, txn, given, out) : CKR_ARGUMENTS_BAD;
}

static const struct dual_row rows[] = {
	{ SR_ACTION_EXPORT, "export", DUAL_EXPORT, on_export },
	{ SR_ACTION_POLICY, "policy", 0, on_policy }, /* policy_store.c knows when */
	{ SR_ACTION_TRUST, "trust", DUAL_TRUST, on_object },
	{ SR_ACTION_BACKUP, "backup", DUAL_EXPORT, on_token },
	{ SR_ACTION_SO_PIN, "so-pin", 0, on_token },
	{ SR_ACTION_UNLOCK, "unlock", 0, on_user },
	{ SR_ACTION_CUSTODIAN, "custodian", 0, on_custodian },
	{ SR_ACTION_TRANSPORT_OUT, "transport-out", 0, on_transport_out },
	{ SR_ACTION_TRANSPORT_IN, "transport-in", 0, on_transport_in },
};

const struct dual_row *dual_row(CK_ULONG action)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].action == action)
			return &rows[i];
	return NULL;
}

CK_RV dual_subject(struct token *t, struct store_txn *txn, CK_ULONG action, struct view given, struct buf *out)
{
	const struct dual_row *row = dual_row(action);
	CK_RV rv;

	if (row == NULL || given.n > DUAL_SUBJECT_MAX)
		return CKR_ARGUMENTS_BAD;
	rv = row->subject(t, txn, given, out);
	if (rv == CKR_OK && !buf_ok(out))
		return CKR_HOST_MEMORY;
	return rv == CKR_OK && out->len > DUAL_SUBJECT_MAX ? CKR_ARGUMENTS_BAD : rv;
}

static void put_hex(struct view id, struct buf *out)
{
	char hex[HEX_ID + 1];

	hex_encode(id, hex);
	buf_put(out, hex, HEX_ID);
}

void dual_subject_export(const struct object *wrapping, const struct object *key, struct buf *out)
{
	put_hex(object_id(key), out);
	buf_put_view(out, VIEW_STR(" under "));
	put_hex(object_id(wrapping), out);
}

void dual_subject_object(const struct object *o, struct buf *out)
{
	put_hex(object_id(o), out);
}
