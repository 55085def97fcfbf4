/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_MESSAGE_H
#define HSM_MESSAGE_H

#include "mech.h"
#include "session.h"

/*
 * struct message: a process of many messages under one key (PKCS#11 3.0, 5.9, 5.11, 5.14, 5.16): C_Message*Init to
 * C_Message*Final. It holds the key, so that each message starts afresh.
 *
 * An error inside one message ends that message; the process goes on until C_Message*Final, or C_Message*Init without a
 * mechanism. While a message runs in parts, another one, and C_Message*Final, are refused with CKR_OPERATION_ACTIVE and
 * the message goes on.
 */
struct message {
	const struct mech_row *row;
	CK_FLAGS use; /* CKF_MESSAGE_* */
	struct object *key;
	bool begun;             /* C_*MessageBegin, and not yet its end */
	void *state;            /* encryption: the family's (struct mech_message_ops) */
	CK_MECHANISM mechanism; /* signatures: the parameter is our own copy, or absent */
	bool bring;             /* signatures: each message brings its parameter */
	struct op *op;          /* signatures: the message that has begun */
};

/*
 * message_start   C_Message*Init; m NULL ends what is active (CKR_ARGUMENTS_BAD: nothing is). CKR_OPERATION_ACTIVE.
 * message_current CKR_OPERATION_NOT_INITIALIZED; begun: a call that wants a message in parts, or none
 *                 (CKR_OPERATION_ACTIVE). What the policy answers when the key's value was used meanwhile for
 *                 something that excludes this (policy_watches of policy.h): it ends the message.
 * message_drop    ends the message that has begun; answers rv
 * message_finish  C_Message*Final: CKR_OPERATION_NOT_INITIALIZED, CKR_OPERATION_ACTIVE; the policy has no say
 * message_use     the CKF_* of a kind of process
 * message_free    ends the process; takes NULL
 */
CK_RV message_start(struct session *s, enum message_kind kind, const CK_MECHANISM *m, CK_OBJECT_HANDLE key) MUST_CHECK;
CK_RV message_current(struct session *s, enum message_kind kind, bool begun, struct message **ret) MUST_CHECK;
CK_RV message_drop(struct message *m, CK_RV rv);
CK_RV message_finish(struct session *s, enum message_kind kind) MUST_CHECK;
CK_FLAGS message_use(enum message_kind kind);
void message_free(struct message *m);

#endif
