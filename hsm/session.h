/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_SESSION_H
#define HSM_SESSION_H

#include <pthread.h>
#include "bytes.h"
#include "ck.h"
#include "audit.h"
#include "token.h"

/*
 * struct session: what one session holds. Inside a C_ call the session is locked by the shell (module.h), so its fields
 * are the caller's alone. Keys that operations hold are released when the user logs out, the session is closed or the
 * operation ends.
 */
struct op;
struct message;
struct find;
struct audit_walk;
struct counted;
struct object;
struct backup;

enum message_kind { MESSAGE_ENCRYPT, MESSAGE_DECRYPT, MESSAGE_SIGN, MESSAGE_VERIFY, MESSAGE_KINDS };
enum op_kind {
	OP_DIGEST,
	OP_SIGN,
	OP_SIGN_RECOVER,
	OP_VERIFY,
	OP_VERIFY_RECOVER,
	OP_VERIFY_SIGNATURE, /* the signature came first */
	OP_ENCRYPT,
	OP_DECRYPT,
	OP_KINDS
};

struct session {
	CK_SESSION_HANDLE handle;
	struct token *token;
	bool rw;
	struct op *ops[OP_KINDS]; /* mech's: NULL when no operation of that kind is active; ended with op_free */
	struct message *messages[MESSAGE_KINDS]; /* message.h's, likewise; ended with message_free */
	struct find *find;                       /* object_find.c */
	struct audit_walk *audit;                /* audit_read.h: where SR_GetAudit was */
	struct backup *backup;                   /* sr_backup.h */
	struct counted *counted;                 /* session_count.c */

	/* session.c's own */
	pthread_mutex_t lock;
	unsigned refs;   /* under the session table's lock */
	bool closed;     /* under lock */
	uint64_t logins; /* token's logout count that the operations belong to */
	struct session *next;
};

/* session_get: finds, counts and locks; session_put unlocks and releases. Used by the shell. */
CK_RV session_get(CK_SESSION_HANDLE handle, struct session **ret) MUST_CHECK;
void session_put(struct session *s);

/* session_user: a copy of the token's logged-in user. */
void session_user(struct session *s, struct token_user *ret);
/* session_state: CKS_*. */
CK_STATE session_state(struct session *s);
/* session_end_operations: all operations, and the search. */
void session_end_operations(struct session *s);
/* session_sees_private: the default user or a custodian is logged in and has no PIN change due. */
bool session_sees_private(struct session *s);

/*
 * session_count: one more event of a frequent kind (rewrap, export), with this object, which is named when it is a
 * token object (NULL: none). The numbers are written to the audit trail when the session is closed, the user logs out
 * or the module is finalised, so that the hot path writes nothing. session_may_count: before such an operation:
 * CKR_DEVICE_ERROR when the trail takes no entries, so that nothing is done that could not be written down.
 * session_counts_free: what was not written is forgotten.
 */
void session_count(struct session *s, enum audit_number number, const struct object *o);
CK_RV session_may_count(struct session *s) MUST_CHECK;
void session_counts_free(struct session *s);

#endif
