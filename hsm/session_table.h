/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_SESSION_TABLE_H
#define HSM_SESSION_TABLE_H

#include "session.h"

/* session_open: C_OpenSession. CKR_SESSION_READ_WRITE_SO_EXISTS. */
CK_RV session_open(struct token *t, bool rw, CK_SESSION_HANDLE *ret) MUST_CHECK;
/* session_close: takes the held session out of the table; with the token's last one the user is logged out. */
void session_close(struct session *s);

#endif
