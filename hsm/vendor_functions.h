/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STRONGROOM_VENDOR_FUNCTIONS_H
#define STRONGROOM_VENDOR_FUNCTIONS_H

#include "vendor_audit.h"
#include "vendor_dual.h"
#include "vendor_backup.h"

/*
 * Functions of the strongroom module for those who look after tokens, beside the C_ functions of PKCS #11. They stand
 * in an interface of their own: C_GetInterface(SR_INTERFACE_NAME, NULL, ...) gives a CK_INTERFACE whose pFunctionList
 * is a struct sr_function_list.
 *
 * Public: any PKCS#11 client may include it after a PKCS#11 header of 3.0 (or hsm/ck.h). They follow the rules of the
 * C_ functions: CKR_CRYPTOKI_NOT_INITIALIZED, CKR_SESSION_HANDLE_INVALID, CKR_PIN_EXPIRED and CKR_ARGUMENTS_BAD may
 * come from each; an output buffer that is NULL asks for the length; one that is too short answers CKR_BUFFER_TOO_SMALL
 * with the length needed. New functions come behind the last one, with a higher minor version.
 *
 * Secrets: none leaves through any of them, but for the shares of a backup key (SR_BackupShare).
 */
#define SR_INTERFACE_NAME "Vendor Strongroom"

/*
 * struct sr_user: a user of the token. ulRetriesLeft 0: locked.
 */
#define SR_USER_SO 1UL
#define SR_USER_DEFAULT 2UL
#define SR_USER_CUSTODIAN 3UL
#define SR_USER_PIN_TO_BE_CHANGED 0x1UL
#define SR_USER_COUNCIL 0x2UL /* his approvals count under dual control; shown to who is logged in */
struct sr_user {
	CK_ULONG ulKind;        /* SR_USER_* */
	CK_UTF8CHAR szName[40]; /* custodians only, ends with a zero byte */
	CK_FLAGS flags;
	CK_ULONG ulRetriesLeft;
	CK_ULONG ulRetriesMax;
};

/* struct sr_template: a template of an object, as C_CreateObject takes it. */
struct sr_template {
	CK_ATTRIBUTE_PTR pTemplate;
	CK_ULONG ulCount;
};
#define SR_CREATE_MAX 10000UL

/* struct sr_token_state: what a token is, for lists of tokens. */
#define SR_TOKEN_HOST_BOUND 0x1UL /* without the host's secret nobody logs in */
#define SR_TOKEN_COPY 0x2UL       /* restored from a backup */
struct sr_token_state {
	CK_FLAGS flags;
	CK_ULONG ulObjects; /* of the token, private ones included */
	CK_ULONG ulSchema;  /* of its files (docs/store.md) */
};

/*
 * SR_GetUsers       the users, the SO first, then the default user, then custodians by name. Any session.
 * SR_RemoveUser     the default user (no name) or a custodian goes, and with a custodian the components of his that
 *                   wait; what others are logged in as him ends. R/W session of the SO. CKR_USER_PIN_NOT_INITIALIZED:
 *                   no such user.
 * SR_CreateObjects  C_CreateObject of 1 to SR_CREATE_MAX templates, all or none, in one commit. phObjects: a handle for
 *                   each. What C_CreateObject answers for the first that is refused; CKR_ACTION_PROHIBITED: a component
 *                   (R1.3), which is entered by itself.
 * SR_GetTokenState  how many objects there are, and what the token is. Any session.
 *
 * SR_RotateTokenKey: a fresh token key, while others go on. Begins when no rotation is under way, then seals at most
 * ulBatch records (up to 10,000) anew; with the last one the older key goes. pulGeneration: of the key that writes;
 * pulDone: records of this call; pulLeft: those to come, 0: it has ended. ulBatch 0: changes nothing and tells what is
 * left of one that is under way. R/W session of the SO. CKR_DEVICE_ERROR: a record that is not what was written stands
 * in the way; the log names it.
 */
#define SR_FUNCTIONS(X)                                                                                                \
	X(SR_GetUsers, (CK_SESSION_HANDLE hSession, struct sr_user * pUsers, CK_ULONG_PTR pulCount))                   \
	X(SR_RemoveUser, (CK_SESSION_HANDLE hSession, CK_ULONG ulKind, CK_UTF8CHAR_PTR pName, CK_ULONG ulNameLen))     \
	X(SR_CreateObjects, (CK_SESSION_HANDLE hSession, struct sr_template * pTemplates, CK_ULONG ulCount,            \
			     CK_OBJECT_HANDLE_PTR phObjects))                                                          \
	SR_FUNCTIONS_BACKUP(X)                                                                                         \
	SR_FUNCTIONS_AUDIT(X)                                                                                          \
	X(SR_GetTokenState, (CK_SESSION_HANDLE hSession, struct sr_token_state * pState))                              \
	X(SR_RotateTokenKey, (CK_SESSION_HANDLE hSession, CK_ULONG ulBatch, CK_ULONG_PTR pulGeneration,                \
			      CK_ULONG_PTR pulDone, CK_ULONG_PTR pulLeft))                                             \
	SR_FUNCTIONS_DUAL(X)

struct sr_function_list {
	CK_VERSION version;
#define SR_MEMBER(name, arguments) CK_RV(*name) arguments;
	SR_FUNCTIONS(SR_MEMBER)
#undef SR_MEMBER
};

#endif
