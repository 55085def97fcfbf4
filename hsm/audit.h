/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_AUDIT_H
#define HSM_AUDIT_H

#include "bytes.h"
#include "ck.h"

/*
 * Audit events of a token: number (in the entry, for good), name, what the entry tells. docs/audit.md is made of this
 * table; bytes of an entry: docs/store.md. The entry is written in the transaction of what it tells; when it cannot be
 * written, nothing happens.
 */
#define AUDIT_EVENTS(X)                                                                                                \
	X(AUDIT_INIT_TOKEN, 1, "token initialised", "C_InitToken; the label is the token's")                           \
	X(AUDIT_LOGIN, 2, "login", "C_Login, C_LoginUser, with CKU_CONTEXT_SPECIFIC too")                              \
	X(AUDIT_LOGIN_FAILED, 3, "login failed",                                                                       \
	  "a PIN that was wrong, locked, or of nobody, at whatever asks for one; the user is who it was said to be")   \
	X(AUDIT_PIN_SET, 4, "PIN changed by its owner", "C_SetPIN")                                                    \
	X(AUDIT_PIN_INIT, 5, "PIN set by the SO", "C_InitPIN of the default user")                                     \
	X(AUDIT_CUSTODIAN_CREATED, 6, "custodian created", "C_InitPIN with a name; the label is the name")             \
	X(AUDIT_CUSTODIAN_RESET, 7, "custodian created anew, components dropped",                                      \
	  "the same for a name that was there")                                                                        \
	X(AUDIT_KEY_CREATED, 8, "key created",                                                                         \
	  "a token object: generated, imported, unwrapped, derived, copied; the label is the key's")                   \
	X(AUDIT_KEY_DESTROYED, 9, "key destroyed", "C_DestroyObject of a token object")                                \
	X(AUDIT_KEY_CHANGED, 10, "key attributes changed", "C_SetAttributeValue of a token object")                    \
	X(AUDIT_COMPONENT_ENTERED, 11, "component entered", "the label is the component's")                            \
	X(AUDIT_COMPONENT_DESTROYED, 12, "component destroyed", "by hand, or with its custodian")                      \
	X(AUDIT_COMBINED, 13, "components combined", "the object is the key that came of it")                          \
	X(AUDIT_TK_GENERATED, 14, "TK generated", "the label is the terminal's")                                       \
	X(AUDIT_TK_REWRAPPED, 15, "TKs rewrapped in a session", "counted")                                             \
	X(AUDIT_TK_OPENED, 16, "TK records opened in a session", "counted")                                            \
	X(AUDIT_TMK_EXPORTED, 17, "TMKs exported in a session", "counted")                                             \
	X(AUDIT_TMK_LOADED, 18, "TMK loaded", "counted where it was loaded as a session object")                       \
	X(AUDIT_KEY_WRAPPED, 19, "keys wrapped in a session", "counted; export under another key")                     \
	X(AUDIT_KEY_UNWRAPPED, 20, "keys unwrapped in a session", "counted")                                           \
	X(AUDIT_VALUE_READ, 21, "key values read in a session",                                                        \
	  "counted; C_GetAttributeValue showed the value of a secret or private key of the token")                     \
	X(AUDIT_POLICY, 30, "policy changed", "the label is the new policy")                                           \
	X(AUDIT_USE_DECIDED, 31, "key decided between usages", "the count is the usages, CKF_ bits (docs/policy.md)")  \
	X(AUDIT_RESTARTED, 32, "audit trail begun anew",                                                               \
	  "SR_RestartAudit; the count is the SO PINs that were tried in vain before")                                  \
	X(AUDIT_STATEMENT, 33, "statement signed", "SR_SignStatement; the label is the SHA-256 of the text, in hex")   \
	X(AUDIT_USER_REMOVED, 40, "user removed, components dropped",                                                  \
	  "SR_RemoveUser; the label is a custodian's name")                                                            \
	X(AUDIT_BACKUP, 50, "backup made", "SR_BackupInit")                                                            \
	X(AUDIT_RESTORED, 51, "restored from a backup: this is a copy", "SR_RestoreFinal")                             \
	X(AUDIT_REBUILT, 52, "indexes written anew", "SR_Verify")                                                      \
	X(AUDIT_MIGRATED, 60, "token migrated to a newer schema", "at the first login; the count is the schema")       \
	X(AUDIT_TOKEN_KEY_NEW, 61, "rotation of the token key begun",                                                  \
	  "SR_RotateTokenKey; the count is the generation that writes from now on")                                    \
	X(AUDIT_TOKEN_KEY_RETIRED, 62, "rotation of the token key ended",                                              \
	  "SR_RotateTokenKey; the count is the generation that is gone, the label what was sealed anew since")         \
	X(AUDIT_DUAL_APPROVED, 70, "approved by a custodian", "SR_Approve; the label is action and subject")           \
	X(AUDIT_DUAL_WITHDRAWN, 71, "approval withdrawn", "SR_Withdraw; likewise")                                     \
	X(AUDIT_DUAL_SPENT, 72, "approvals used up",                                                                   \
	  "in the transaction of what they allow; the label is action, both custodians, subject")                      \
	X(AUDIT_DUAL_ENROLLED, 73, "custodian joined the council", "SR_Enrol; the label is the name")                  \
	X(AUDIT_SO_RECOVERED, 74, "SO PIN set by custodians", "SR_SetSOPIN")                                           \
	X(AUDIT_UNLOCKED, 75, "tries given back", "SR_Unlock; the label is a custodian's name")                        \
	X(AUDIT_KEY_RETIRED, 76, "key retired", "SR_RetireKey")                                                        \
	X(AUDIT_TRANSPORT_OUT, 80, "key sent to another token",                                                        \
	  "CKM_SR_TRANSPORT_RSA, CKM_SR_TRANSPORT_AES; the label is the key's, its check value and the target's "      \
	  "fingerprint")                                                                                               \
	X(AUDIT_TRANSPORT_IN, 81, "key received from another token",                                                   \
	  "likewise; the label is the key's, its check value and the serial number of the source")

enum audit_number {
	AUDIT_NONE = 0, /* none of its own; token keys are audited as created or destroyed anyway */
#define AUDIT_ENUM(symbol, number, name, tells) symbol = (number),
	AUDIT_EVENTS(AUDIT_ENUM)
#undef AUDIT_ENUM
	    AUDIT_NUMBERS
};

struct audit_event {
	enum audit_number number;
	CK_RV result;
	struct view object; /* object id, 16 bytes, or empty */
	struct view label;  /* label or custodian name, or empty */
	uint64_t count;     /* events counted over a session; else 0 */
};

/* audit_name: the name of an event, for a text dump; NULL when unknown. */
const char *audit_name(enum audit_number number);

#endif
