/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_LOGIN_H
#define HSM_LOGIN_H

#include "token_own.h"

/*
 * login_pin: C_Login and C_LoginUser. A PIN `name:pin` with CKU_USER and no user name is a custodian's; SO PINs are
 * never split. Slow (one scrypt derivation), runs without any lock but the session's.
 *
 * CKU_CONTEXT_SPECIFIC: the PIN of whoever is logged in, by the same retry counter, for the operation of this session
 * that was begun last of those whose keys ask for it (CKA_ALWAYS_AUTHENTICATE); it may then go on to its end.
 * CKR_OPERATION_NOT_INITIALIZED: there is none. CKR_PIN_LOCKED logs out.
 *
 * Errors: CKR_USER_TYPE_INVALID, CKR_OPERATION_NOT_INITIALIZED (context specific), CKR_USER_ALREADY_LOGGED_IN,
 * CKR_USER_ANOTHER_ALREADY_LOGGED_IN, CKR_SESSION_READ_ONLY_EXISTS, what user_check answers.
 */
CK_RV login_pin(struct session *s, CK_USER_TYPE type, struct view name, struct view pin) MUST_CHECK;
/* login_token: the same without a session, but for CKU_CONTEXT_SPECIFIC, on a token of token_open_at too. */
CK_RV login_token(struct token *t, CK_USER_TYPE type, struct view name, struct view pin) MUST_CHECK;
CK_RV login_logout(struct session *s) MUST_CHECK;

/* login_pin_length: may a new PIN of a token have this length? least: policy_pin_min. CKR_PIN_LEN_RANGE. */
CK_RV login_pin_length(struct view pin, size_t least) MUST_CHECK;
/* login_init_pin: C_InitPIN in an SO session: the default user, or with `name:pin` a custodian, anew. */
CK_RV login_init_pin(struct session *s, struct view pin) MUST_CHECK;
/*
 * login_remove_user: in an SO session: the default user (name "") or a custodian is no more, nor are his waiting
 * components. Whoever is logged in as him has no login any more. CKR_USER_NOT_LOGGED_IN: not the SO;
 * CKR_USER_PIN_NOT_INITIALIZED: no such user.
 */
CK_RV login_remove_user(struct session *s, enum user_kind kind, const char *name) MUST_CHECK;
CK_RV login_set_pin(struct session *s, struct view old, struct view new) MUST_CHECK;

#endif
