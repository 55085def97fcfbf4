/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STRONGROOM_VENDOR_AUDIT_H
#define STRONGROOM_VENDOR_AUDIT_H

/* The audit trail of a token, and its signed word: part of vendor_functions.h. */

/*
 * struct sr_audit_entry: a record of the audit trail. What is bad (SR_AUDIT_*) about the record itself stands in
 * ulBad; its other fields then say what could be read all the same. ulEvent: the numbers of docs/audit.md;
 * SR_AUDIT_SEGMENT: a segment begins; 0: nobody is logged in, or it cannot be read. Times in milliseconds since
 * 1970-01-01 UTC. Texts end with a zero byte.
 */
#define SR_AUDIT_GOOD 0UL
#define SR_AUDIT_CUT 1UL      /* records are missing from this one on */
#define SR_AUDIT_CHANGED 2UL  /* not what was written */
#define SR_AUDIT_MOVED 3UL    /* written, but for another place */
#define SR_AUDIT_UNSIGNED 4UL /* a copy's segment that nobody has signed for */

#define SR_AUDIT_SEGMENT 0x10000UL

#define SR_AUDIT_BEGUN_INIT 1UL      /* C_InitToken made the token */
#define SR_AUDIT_BEGUN_AGAIN 2UL     /* C_InitToken of a token that was there */
#define SR_AUDIT_BEGUN_RESTART 3UL   /* SR_RestartAudit */
#define SR_AUDIT_BEGUN_COPY 4UL      /* restored from a backup */
#define SR_AUDIT_BEGUN_MIGRATION 5UL /* of a token of schema 1 */

/* The state file (audit.state) against the trail. */
#define SR_AUDIT_STATE_FITS 0UL
#define SR_AUDIT_STATE_MISSING 1UL
#define SR_AUDIT_STATE_UNREADABLE 2UL /* owner, mode, kind of file, contents */
#define SR_AUDIT_STATE_FOREIGN 3UL    /* of another token or another segment */
#define SR_AUDIT_STATE_LEADS 4UL      /* it knows of records that are not there */
#define SR_AUDIT_STATE_CHANGED 5UL    /* the last records are not those that it knows */

struct sr_audit_entry {
	CK_ULONG ulSequence; /* from 1 */
	CK_ULONG ulSegment;  /* 0: of schema 1 */
	CK_ULONG ulBad;
	CK_ULONG ulEvent;
	CK_ULONG ulTime;
	CK_ULONG ulProcess;
	CK_ULONG ulUserKind; /* SR_USER_*; 0: nobody */
	CK_ULONG ulResult;   /* a CK_RV */
	CK_ULONG ulCount;
	CK_ULONG ulObjectLen; /* 0 or 16 */
	CK_ULONG ulBegun;     /* of a segment: SR_AUDIT_BEGUN_* */
	CK_ULONG ulState;     /* of a segment: SR_AUDIT_STATE_*: what was wrong with the one before */
	CK_ULONG ulExpected;  /* of a segment: the record that was missing or changed first, as the state knew it */
	CK_BYTE object[16];   /* CKA_UNIQUE_ID */
	CK_UTF8CHAR szEvent[64];
	CK_UTF8CHAR szUser[40];
	CK_UTF8CHAR szProgram[256];
	CK_UTF8CHAR szLabel[264];
};

/* struct sr_audit_state: the trail up to where it was read, which is its end when ulChecked is ulLast. */
#define SR_AUDIT_SEALED 0x1UL /* nobody is logged in: hashes and the end were checked, contents were not */
#define SR_AUDIT_ENDED 0x2UL  /* the end was reached, and ulState says what the state file says of it */
struct sr_audit_state {
	CK_ULONG ulFirstBad; /* the first bad record; 0: none */
	CK_ULONG ulBad;      /* what it is */
	CK_ULONG ulState;    /* SR_AUDIT_STATE_* */
	CK_ULONG ulChecked;  /* the last record that was read */
	CK_ULONG ulLast;     /* the last record that there is */
	CK_ULONG ulSegment;  /* in which it stands */
	CK_FLAGS flags;
};

#define SR_AUDIT_HEAD_LEN 170UL
#define SR_SIGNATURE_LEN 64UL

/*
 * SR_GetAudit         the records from ulFirst on, *pulCount in all, fewer at the end; every record before them is
 *                     checked, too. pEntries NULL: all records are checked, *pulCount: how many there are from ulFirst
 *                     on. pState may be NULL. A bad record is no error. Nobody logged in: see SR_AUDIT_SEALED. Calls
 *                     that go on where the last one of the session ended cost what they answer.
 * SR_AuditHead        an anchor: the token's signed word on its last record, SR_AUDIT_HEAD_LEN bytes (docs/store.md).
 *                     Somebody must be logged in. CKR_DEVICE_ERROR: the trail's end is not in order.
 * SR_CheckAudit       the trail, and that it is the one that an anchor of this token tells of. CKR_DATA_INVALID: not an
 *                     anchor. CKR_SIGNATURE_INVALID: not signed by this token.
 * SR_RestartAudit     begins a new segment, whatever state the trail is in; with the SO PIN, whoever is logged in. What
 *                     was wrong stands in the trail. R/W session.
 * SR_SignStatement    Ed25519 (64 bytes) by the token's statement key over "strongroom statement", a zero byte, the
 *                     serial number (16) and the text. Somebody must be logged in; the trail notes the text's SHA-256.
 * SR_GetStatementKey  that key, SubjectPublicKeyInfo. Any session.
 */
#define SR_FUNCTIONS_AUDIT(X)                                                                                          \
	X(SR_GetAudit, (CK_SESSION_HANDLE hSession, CK_ULONG ulFirst, struct sr_audit_entry * pEntries,                \
			CK_ULONG_PTR pulCount, struct sr_audit_state * pState))                                        \
	X(SR_AuditHead, (CK_SESSION_HANDLE hSession, CK_BYTE_PTR pHead, CK_ULONG_PTR pulLen))                          \
	X(SR_CheckAudit,                                                                                               \
	  (CK_SESSION_HANDLE hSession, CK_BYTE_PTR pHead, CK_ULONG ulLen, struct sr_audit_state * pState))             \
	X(SR_RestartAudit, (CK_SESSION_HANDLE hSession, CK_UTF8CHAR_PTR pPin, CK_ULONG ulPinLen))                      \
	X(SR_SignStatement, (CK_SESSION_HANDLE hSession, CK_BYTE_PTR pText, CK_ULONG ulLen, CK_BYTE_PTR pSignature,    \
			     CK_ULONG_PTR pulSignatureLen))                                                            \
	X(SR_GetStatementKey, (CK_SESSION_HANDLE hSession, CK_BYTE_PTR pKey, CK_ULONG_PTR pulLen))

#endif
