/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STRONGROOM_VENDOR_DUAL_H
#define STRONGROOM_VENDOR_DUAL_H

/* Dual control and recovery: a part of vendor_functions.h, which includes it. */

/*
 * Two custodians must approve this first (SR_Approve, docs/dual-control.md); or, of a change that begins dual control,
 * the token has not two custodians with PINs of their own.
 */
#define CKR_SR_NOT_APPROVED (CKR_VENDOR_DEFINED | 0x53520001UL)

/*
 * Dual control (docs/dual-control.md): actions, and what a subject of each looks like (ASCII; the module writes it in
 * its own way, and the same subject is the same text).
 */
#define SR_ACTION_EXPORT 1UL    /* `KEY under WRAPPING-KEY`, CKA_UNIQUE_ID of both: C_WrapKey of a token key */
#define SR_ACTION_POLICY 2UL    /* the whole policy as it shall be: `raw-unwrap dual=policy,trust pin-min=default` */
#define SR_ACTION_TRUST 4UL     /* CKA_UNIQUE_ID of the object that gets CKA_TRUSTED */
#define SR_ACTION_BACKUP 5UL    /* empty: the token itself */
#define SR_ACTION_SO_PIN 6UL    /* empty: a new PIN for the SO */
#define SR_ACTION_UNLOCK 7UL    /* a custodian's name, or empty: the default user */
#define SR_ACTION_CUSTODIAN 8UL /* a custodian's name: his approvals count from now on */
#define SR_ACTION_TRANSPORT_OUT                                                                                        \
	9UL /* `KEY to TARGET`: CKA_UNIQUE_ID; the fingerprint of an RSA key, or of a KTK the same */
#define SR_ACTION_TRANSPORT_IN                                                                                         \
	10UL /* `BLOCK from SOURCE`: SHA-256 of the transport block and of the source's statement key */
/* The fingerprint of an RSA key: SHA-256 of its SubjectPublicKeyInfo (DER), in hex. */
struct sr_approval {
	CK_ULONG ulAction;
	CK_UTF8CHAR szCustodian[40];
	CK_UTF8CHAR szSubject[408];
	CK_ULONG ulSecondsLeft;
	CK_FLAGS flags;
};
#define SR_APPROVAL_COUNTS 0x1UL /* the custodian is still who he was, and of the council */

/*
 * SR_Approve       the custodian who is logged in approves an action, in a R/W session; for one hour and one time.
 *                  Again for the same subject: the hour begins anew. CKR_ARGUMENTS_BAD: no such action or subject;
 *                  CKR_ACTION_PROHIBITED: not a custodian whose approvals count; CKR_DEVICE_MEMORY: too many wait.
 * SR_Withdraw      takes his approval back. CKR_OBJECT_HANDLE_INVALID: he has none.
 * SR_GetApprovals  those that wait, of all custodians. Any user.
 * SR_Enrol         the SO: the approvals of this custodian, who has a PIN of his own, count; two whose approvals count
 *                  have approved that (SR_ACTION_CUSTODIAN). CKR_SR_NOT_APPROVED.
 * SR_Unlock        the retries of the default user (no name) or a custodian are given back, his PIN stays. The SO, but
 *                  for custodians whose approvals count under dual control; else a custodian, with the approvals of
 *                  two, his own among them or not. CKR_SR_NOT_APPROVED.
 * SR_SetSOPIN      a custodian: the SO has this PIN, and no login any more. Approvals as for SR_Unlock.
 * SR_RetireKey     the SO: a token key whose role has generations (docs/roles.md) opens what was made under it and
 *                  makes nothing any more, for good; an SRK can be destroyed then. CKR_KEY_FUNCTION_NOT_PERMITTED: no
 *                  such key.
 */
#define SR_FUNCTIONS_DUAL(X)                                                                                           \
	X(SR_Approve,                                                                                                  \
	  (CK_SESSION_HANDLE hSession, CK_ULONG ulAction, CK_UTF8CHAR_PTR pSubject, CK_ULONG ulSubjectLen))            \
	X(SR_Withdraw,                                                                                                 \
	  (CK_SESSION_HANDLE hSession, CK_ULONG ulAction, CK_UTF8CHAR_PTR pSubject, CK_ULONG ulSubjectLen))            \
	X(SR_GetApprovals, (CK_SESSION_HANDLE hSession, struct sr_approval * pApprovals, CK_ULONG_PTR pulCount))       \
	X(SR_Enrol, (CK_SESSION_HANDLE hSession, CK_UTF8CHAR_PTR pName, CK_ULONG ulNameLen))                           \
	X(SR_Unlock, (CK_SESSION_HANDLE hSession, CK_UTF8CHAR_PTR pName, CK_ULONG ulNameLen))                          \
	X(SR_SetSOPIN, (CK_SESSION_HANDLE hSession, CK_UTF8CHAR_PTR pPin, CK_ULONG ulPinLen))                          \
	X(SR_RetireKey, (CK_SESSION_HANDLE hSession, CK_OBJECT_HANDLE hKey))

#endif
