/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_AUDIT_H
#define HSM_AUDIT_H

#include "bytes.h"
#include "ck.h"

/*
 * Audit events of a token: number (in the entry, for good), name. Bytes of an entry: docs/store.md. The entry is
 * written in the transaction of what it tells; when it cannot be written, nothing happens.
 */
#define AUDIT_EVENTS(X)                                                                                                \
	X(AUDIT_INIT_TOKEN, 1, "token initialised")                                                                    \
	X(AUDIT_LOGIN, 2, "login")                                                                                     \
	X(AUDIT_LOGIN_FAILED, 3, "login failed")                                                                       \
	X(AUDIT_PIN_SET, 4, "PIN changed by its owner")                                                                \
	X(AUDIT_PIN_INIT, 5, "PIN set by the SO")                                                                      \
	X(AUDIT_CUSTODIAN_CREATED, 6, "custodian created")                                                             \
	X(AUDIT_CUSTODIAN_RESET, 7, "custodian created anew, components dropped")                                      \
	X(AUDIT_KEY_CREATED, 8, "key created")                                                                         \
	X(AUDIT_KEY_DESTROYED, 9, "key destroyed")                                                                     \
	X(AUDIT_KEY_CHANGED, 10, "key attributes changed")                                                             \
	X(AUDIT_COMPONENT_ENTERED, 11, "component entered")                                                            \
	X(AUDIT_COMPONENT_DESTROYED, 12, "component destroyed")                                                        \
	X(AUDIT_COMBINED, 13, "components combined")                                                                   \
	X(AUDIT_TK_GENERATED, 14, "TK generated")                                                                      \
	X(AUDIT_TK_REWRAPPED, 15, "TKs rewrapped in a session")                                                        \
	X(AUDIT_TK_OPENED, 16, "TK records opened in a session")                                                       \
	X(AUDIT_TMK_EXPORTED, 17, "TMKs exported in a session")                                                        \
	X(AUDIT_TMK_LOADED, 18, "TMK loaded")                                                                          \
	X(AUDIT_KEY_WRAPPED, 19, "keys wrapped in a session")                                                          \
	X(AUDIT_KEY_UNWRAPPED, 20, "keys unwrapped in a session")                                                      \
	X(AUDIT_POLICY, 30, "policy changed")                                                                          \
	X(AUDIT_USE_DECIDED, 31, "key decided between usages")                                                         \
	X(AUDIT_USER_REMOVED, 40, "user removed, components dropped")                                                  \
	X(AUDIT_BACKUP, 50, "backup made")                                                                             \
	X(AUDIT_RESTORED, 51, "restored from a backup: this is a copy")                                                \
	X(AUDIT_REBUILT, 52, "indexes written anew")

enum audit_number {
	AUDIT_NONE = 0, /* none of its own; token keys are audited as created or destroyed anyway */
#define AUDIT_ENUM(symbol, number, name) symbol = (number),
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
