/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_TOKEN_H
#define HSM_TOKEN_H

#include "bytes.h"
#include "ck.h"
#include "audit.h"
#include "store.h"

/*
 * struct token: a slot and the token in it. Slots live from C_Initialize to C_Finalize. The free slot holds a struct
 * token without a store until C_InitToken. Fields are in token_own.h, for the files token*.c, object*.c and login.c.
 */
struct token;
struct module;

#define TOKEN_PIN_MAX 128
#define TOKEN_NAME_MAX 31 /* custodian: [a-z][a-z0-9_-]{0,31}: first letter and up to 31 more */
#define TOKEN_PIN_NAMED_MAX (TOKEN_NAME_MAX + 2 + TOKEN_PIN_MAX) /* `name:pin`; what is longer is nobody's */
#define TOKEN_RETRIES 10

enum user_kind { USER_NONE, USER_SO, USER_DEFAULT, USER_CUSTODIAN };

/* struct token_user: who is logged in. name: "" but for custodians. id: internal id, new with every (re-)creation. */
struct token_user {
	enum user_kind kind;
	uint8_t id[STORE_ID_LEN];
	char name[TOKEN_NAME_MAX + 2];
	bool must_change; /* the PIN was given by the SO: only C_SetPIN is allowed */
};

/* token_user: a copy of the logged-in user; kind USER_NONE when nobody is. */
void token_user(struct token *t, struct token_user *ret);

/*
 * token_find: the slot of this id; CKR_SLOT_ID_INVALID. Slots are never freed before C_Finalize.
 * token_present: CKR_OK, or CKR_TOKEN_NOT_PRESENT / CKR_TOKEN_NOT_RECOGNIZED when the slot holds no initialised token.
 */
CK_RV token_find(CK_SLOT_ID id, struct token **ret) MUST_CHECK;
CK_RV token_present(struct token *t) MUST_CHECK;

/* token_store: the open store; token_sealing: the seal functions over the keys that login opened. */
struct store *token_store(struct token *t);
const struct store_crypto *token_sealing(struct token *t);

/*
 * token_audit: appends one entry to the token's audit chain inside a write transaction (who and when are filled in).
 * Secrets never. Error: the caller must abort the transaction and refuse what it was about to do.
 */
CK_RV token_audit(struct token *t, struct store_txn *txn, const struct audit_event *e) MUST_CHECK;

#endif
