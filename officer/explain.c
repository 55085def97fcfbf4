/* SPDX-License-Identifier: BSD-2-Clause */
#include "ck.h"

#include "own.h"
#include "vendor_functions.h"

/*
 * What a CK_RV says to those who look after tokens: what is wrong, and what to do. `%`: whose PIN it was. Codes whose
 * name says it all have no row.
 */
/* clang-format off */
static const struct {
	CK_RV rv;
	const char *text;
} rows[] = {
	{ CKR_PIN_INCORRECT, "The PIN of % is wrong, or there is no such user. Each wrong one is counted; `strongroom users` shows how many tries are left." },
	{ CKR_PIN_LOCKED, "The PIN of % is locked after too many wrong ones. The security officer gives a user or custodian a new one "
			  "(`strongroom users reset`); `strongroom unlock` opens the lock, of the security officer too." },
	{ CKR_PIN_LEN_RANGE, "The new PIN is shorter or longer than the token allows; `strongroom policy` shows the least length." },
	{ CKR_PIN_INVALID, "The new PIN cannot be used: one that was used before, one with a colon, or a name that is no name of a custodian." },
	{ CKR_PIN_EXPIRED, "The PIN of % was given by the security officer and must be changed first: `strongroom users pin`." },
	{ CKR_USER_PIN_NOT_INITIALIZED, "There is no such user: no default user yet, or he is gone. The security officer makes one: `strongroom users add`." },
	{ CKR_USER_NOT_LOGGED_IN, "That needs a login: as the security officer, as the user or as a custodian." },
	{ CKR_USER_TYPE_INVALID, "There is no such user on this token." },
	{ CKR_ACTION_PROHIBITED, "The token does not allow that to this user in this state (docs/ceremony.md, docs/roles.md)." },
	{ CKR_SR_NOT_APPROVED, "Two custodians must approve exactly that first (`strongroom approve`, docs/dual-control.md); who begins dual control "
			       "needs at least two custodians with PINs of their own." },
	{ CKR_SESSION_EXISTS, "Another program has the token open. Stop it and try again." },
	{ CKR_SESSION_READ_ONLY_EXISTS, "Another program has the token open for reading, so that the security officer cannot log in there." },
	{ CKR_TOKEN_NOT_PRESENT, "There is no initialised token in that slot: `strongroom init` makes one." },
	{ CKR_TOKEN_NOT_RECOGNIZED, "What lies in the token directory is no token of strongroom, or a damaged one: `strongroom verify`." },
	{ CKR_TOKEN_WRITE_PROTECTED, "The token's files cannot be written: look at the file system, the owner and the mode of the token directory." },
	{ CKR_DEVICE_MEMORY, "The disk is full, or the token has reached its largest size. Nothing was changed." },
	{ CKR_DEVICE_ERROR, "The token cannot be read or written as it should, or its audit trail is not in order (`strongroom audit verify --no-login`). The module's log says which file or object (STRONGROOM_LOG); "
			    "`strongroom verify` looks at all of it. A token that is bound to a host needs that host's secret." },
	{ CKR_DEVICE_REMOVED, "The token's directory went away while it was in use." },
	{ CKR_TEMPLATE_INCOMPLETE, "Something that is needed is not there: for a key of components, not all of them have been entered." },
	{ CKR_TEMPLATE_INCONSISTENT, "Type, length or attributes do not fit together (docs/ceremony.md, docs/roles.md)." },
	{ CKR_ATTRIBUTE_VALUE_INVALID, "A value or a label is not of the form that is needed (docs/ceremony.md)." },
	{ CKR_OBJECT_HANDLE_INVALID, "That object is not there any more." },
	{ CKR_FUNCTION_NOT_SUPPORTED, "This module does not have that function: it is older than the command, or not ours." },
	{ CKR_HOST_MEMORY, "Out of memory." },
};
/* clang-format on */

const char *explain(CK_RV rv)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].rv == rv)
			return rows[i].text;
	return NULL;
}
