/* SPDX-License-Identifier: BSD-2-Clause */
#include "sr_functions.h"

#include <string.h>
#include <openssl/evp.h>

#include "audit_own.h"
#include "crypto.h"
#include "module.h"
#include "object_change.h"
#include "session.h"
#include "sr_statement.h"
#include "store_rv.h"

#define DOMAIN "strongroom statement"
#define SHA256_LEN 32

/* sign: the signature, and the record that it was made, in the transaction. */
static CK_RV sign(struct token *t, struct store_txn *txn, struct view words, uint8_t ret[AUDIT_SIGNATURE_LEN])
{
	AUDIT_KEYS_AUTO keys = { { 0 } };
	uint8_t hash[SHA256_LEN];
	char hex[2 * SHA256_LEN + 1];
	struct audit_event event = { .number = AUDIT_STATEMENT, .label = VIEW(hex, 2 * SHA256_LEN) };
	CK_RV rv = audit_keys_of(t, txn, &keys);

	if (rv == CKR_OK)
		rv = audit_sign(t->crypto, &keys.statement_private, DOMAIN, t->serial, words, ret);
	if (rv == CKR_OK && EVP_Digest(words.p, words.n, hash, NULL, t->crypto->md[CRYPTO_SHA256], NULL) != 1)
		rv = CKR_GENERAL_ERROR;
	if (rv != CKR_OK)
		return rv;
	hex_encode(VIEW(hash, sizeof(hash)), hex);
	return token_audit(t, txn, &event);
}

static CK_RV sign_statement(struct session *s, struct view words, CK_BYTE *signature, CK_ULONG *len)
{
	uint8_t made[AUDIT_SIGNATURE_LEN];
	struct store_txn *txn = NULL;
	struct token_user user;
	CK_RV rv;

	if ((words.p == NULL && words.n > 0) || len == NULL)
		return CKR_ARGUMENTS_BAD;
	if (signature == NULL || *len < sizeof(made)) {
		*len = sizeof(made);
		return signature == NULL ? CKR_OK : CKR_BUFFER_TOO_SMALL;
	}
	session_user(s, &user);
	if (user.kind == USER_NONE)
		return CKR_USER_NOT_LOGGED_IN;
	rv = object_begin_write(s, &txn);
	if (rv != CKR_OK)
		return rv;
	rv = sign(s->token, txn, words, made);
	if (rv == CKR_OK)
		rv = store_rv(store_commit(txn));
	else
		store_abort(txn);
	if (rv != CKR_OK)
		return rv;
	memcpy(signature, made, sizeof(made));
	*len = sizeof(made);
	return CKR_OK;
}

CK_RV SR_SignStatement(CK_SESSION_HANDLE session, CK_BYTE_PTR words, CK_ULONG words_len, CK_BYTE_PTR signature,
		       CK_ULONG_PTR len)
{
	CALL_SESSION(session, 0, sign_statement(call_s, VIEW(words, words_len), signature, len));
}

/* SubjectPublicKeyInfo of an Ed25519 key up to the key itself (RFC 8410). */
static const uint8_t info_head[] = { 0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00 };

bool statement_info_ok(struct view info)
{
	return info.n == sizeof(info_head) + AUDIT_KEY_LEN &&
	       view_equal(VIEW(info.p, sizeof(info_head)), VIEW(info_head, sizeof(info_head)));
}

_Static_assert(sizeof(info_head) + AUDIT_KEY_LEN == STATEMENT_INFO_LEN, "sr_statement.h");

static CK_RV statement_key(struct session *s, CK_BYTE *key, CK_ULONG *len)
{
	AUDIT_KEYS_AUTO keys = { { 0 } };
	struct store_txn *txn = NULL;
	CK_ULONG need = sizeof(info_head) + AUDIT_KEY_LEN;
	CK_RV rv;

	if (len == NULL)
		return CKR_ARGUMENTS_BAD;
	if (key == NULL || *len < need) {
		*len = need;
		return key == NULL ? CKR_OK : CKR_BUFFER_TOO_SMALL;
	}
	rv = store_rv(store_begin(token_store(s->token), false, &txn));
	if (rv == CKR_OK)
		rv = audit_keys_get(s->token->crypto, txn, NULL, &keys);
	store_abort(txn);
	if (rv != CKR_OK)
		return rv;
	memcpy(key, info_head, sizeof(info_head));
	memcpy(key + sizeof(info_head), keys.statement_public, AUDIT_KEY_LEN);
	*len = need;
	return CKR_OK;
}

CK_RV SR_GetStatementKey(CK_SESSION_HANDLE session, CK_BYTE_PTR key, CK_ULONG_PTR len)
{
	CALL_SESSION(session, 0, statement_key(call_s, key, len));
}
