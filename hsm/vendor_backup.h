/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STRONGROOM_VENDOR_BACKUP_H
#define STRONGROOM_VENDOR_BACKUP_H

/* Part of vendor_functions.h: backup, restore, verification. */

/*
 * struct sr_backup: what a backup says of itself (docs/backup.md). Proved only by SR_RestorePassphrase and the last
 * SR_RestoreShare that is needed.
 */
#define SR_BACKUP_PASSPHRASE 1UL
#define SR_BACKUP_SHARES 2UL
#define SR_BACKUP_HEADER_MAX 2048UL /* bytes of a header, at most */
#define SR_BACKUP_SHARES_MAX 16UL
#define SR_BACKUP_PART 65552UL /* room that is enough for each part of a backup */
#define SR_BACKUP_SHARE_TEXT 107UL
struct sr_backup {
	CK_ULONG ulKind;      /* SR_BACKUP_* */
	CK_ULONG ulNeeded;    /* shares; 0: by a passphrase */
	CK_ULONG ulShares;    /* how many were made */
	CK_BYTE set[4];       /* of the shares */
	CK_BYTE reserved[4];  /* zero */
	CK_CHAR szSerial[24]; /* of the token, ends with a zero byte */
	CK_UTF8CHAR szLabel[40];
	CK_ULONG ulTime;          /* seconds since 1970-01-01 UTC */
	CK_ULONG ulHeaderLen;     /* bytes of the header, which are the first of the file */
	CK_ULONG ulFileLen;       /* bytes of the whole file */
	CK_ULONG ulAuditSequence; /* of the audit trail when the backup began */
};

/*
 * struct sr_finding: one thing that SR_Verify found wrong. id: of the object or user, zeroes: of neither.
 */
#define SR_FINDING_PAGE 1UL      /* the file's pages: nothing else was read */
#define SR_FINDING_OBJECT 2UL    /* an object's record */
#define SR_FINDING_INDEX 3UL     /* an entry of an index; SR_VERIFY_REPAIR writes them all anew */
#define SR_FINDING_DIRECTORY 4UL /* the directory of objects; likewise */
#define SR_FINDING_USER 5UL
#define SR_FINDING_POLICY 6UL
#define SR_FINDING_USE 7UL /* what a key was used for */
#define SR_FINDING_META 8UL
#define SR_FINDING_AUDIT 9UL
struct sr_finding {
	CK_ULONG ulKind; /* SR_FINDING_* */
	CK_BYTE id[16];
	CK_UTF8CHAR szText[136]; /* what is wrong, ends with a zero byte */
};
#define SR_VERIFY_REPAIR 0x1UL         /* the SO: writes indexes and directory anew from the records */
#define SR_VERIFY_PRIVATE_UNSEEN 0x1UL /* flags of the state: nobody is logged in, what is private was passed over */
#define SR_VERIFY_REPAIRED 0x2UL
struct sr_verify_state {
	CK_FLAGS flags;
	CK_ULONG ulFindings; /* all, also those that had no room */
	CK_ULONG ulPages;    /* how much was read */
	CK_ULONG ulObjects;
	CK_ULONG ulUsers;
	CK_ULONG ulRecords; /* of users, policy, usages and the token's own */
};

/*
 * SR_BackupInit    a backup of the token as it is now, in the SO's session; others go on working. Sealed under a
 *                  passphrase (12 to 1024 bytes; ulNeeded and ulShares 0), or under a random key of which ulShares
 *                  shares are made (2 to 16), any ulNeeded of which (2 and more) open it (passphrase empty).
 *                  CKR_PIN_LEN_RANGE, CKR_OPERATION_ACTIVE, CKR_USER_NOT_LOGGED_IN (not the SO).
 * SR_BackupShare   share ulNumber, from 1, as text of SR_BACKUP_SHARE_TEXT letters without zero byte, for one
 *                  custodian. A secret.
 * SR_BackupNext    the next bytes of the file; none: that was all, the backup has ended. NULL: how many they are.
 * SR_BackupCancel  ends it; so do logout and the end of the session.
 *
 * SR_GetBackup        what the first bytes of a file say: SR_BACKUP_HEADER_MAX of them, or the whole file when it is
 *                     shorter. CKR_DATA_INVALID: no backup of ours; CKR_ENCRYPTED_DATA_INVALID: damaged;
 *                     CKR_DATA_LEN_RANGE: it ends too early.
 * SR_RestoreInit      begins to restore the token of these first bytes, in a free slot, one at a time in a process
 *                     (CKR_OPERATION_ACTIVE). CKR_ACTION_PROHIBITED: a token of that serial number is there.
 * SR_RestorePassphrase, SR_RestoreShare  the backup key, before the first bytes. CKR_PIN_INCORRECT: not the one.
 *                     A share: CKR_DATA_INVALID, CKR_DATA_LEN_RANGE: mistyped, in the group *pulWrong of five
 *                     letters (from 1; 0: somewhere); CKR_KEY_CHANGED: of another backup; CKR_KEY_NOT_NEEDED: given
 *                     already, or there are enough. *pulMissing: how many are still needed.
 * SR_RestoreNext      the next bytes behind the header, in parts of any length. CKR_KEY_NEEDED: no backup key yet;
 *                     CKR_ENCRYPTED_DATA_INVALID: changed or out of place; CKR_DATA_LEN_RANGE: more than there are.
 * SR_RestoreLogin     after the last byte: a user of the token that comes back, by his PIN, against its retries.
 *                     CKR_DATA_LEN_RANGE: bytes are missing.
 * SR_RestoreFinal     verifies all of it, as SR_Verify does, and makes it a token, in the slot *pSlot. Asks for the SO
 *                     or two custodians to have logged in, and where the token's policy has dual control of
 *                     restoring, for two custodians: CKR_USER_NOT_LOGGED_IN. With findings CKR_DEVICE_ERROR,
 *                     but for those of SR_FINDING_USE.
 * SR_RestoreCancel    ends it, and nothing is left. So do errors of SR_RestoreNext and SR_RestoreFinal, but for
 *                     CKR_KEY_NEEDED and CKR_USER_NOT_LOGGED_IN.
 *
 * SR_Verify  reads all of the token and proves it, as far as the login goes. *pulCount: room of pFindings, then how
 *            many stand there; pState: what was read, and how many there are in all. A session of any user, or of
 *            nobody. The pages of a file are read here before LMDB reads them; who fears for his process lets another
 *            one call this, as `strongroom verify` does.
 */
#define SR_FUNCTIONS_BACKUP(X)                                                                                         \
	X(SR_BackupInit, (CK_SESSION_HANDLE hSession, CK_UTF8CHAR_PTR pPassphrase, CK_ULONG ulPassphraseLen,           \
			  CK_ULONG ulNeeded, CK_ULONG ulShares))                                                       \
	X(SR_BackupShare,                                                                                              \
	  (CK_SESSION_HANDLE hSession, CK_ULONG ulNumber, CK_UTF8CHAR_PTR pShare, CK_ULONG_PTR pulShareLen))           \
	X(SR_BackupNext, (CK_SESSION_HANDLE hSession, CK_BYTE_PTR pPart, CK_ULONG_PTR pulPartLen))                     \
	X(SR_BackupCancel, (CK_SESSION_HANDLE hSession))                                                               \
	X(SR_GetBackup, (CK_SLOT_ID slotID, CK_BYTE_PTR pHeader, CK_ULONG ulHeaderLen, struct sr_backup * pInfo))      \
	X(SR_RestoreInit, (CK_SLOT_ID slotID, CK_BYTE_PTR pHeader, CK_ULONG ulHeaderLen))                              \
	X(SR_RestorePassphrase, (CK_SLOT_ID slotID, CK_UTF8CHAR_PTR pPassphrase, CK_ULONG ulPassphraseLen))            \
	X(SR_RestoreShare, (CK_SLOT_ID slotID, CK_UTF8CHAR_PTR pShare, CK_ULONG ulShareLen, CK_ULONG_PTR pulWrong,     \
			    CK_ULONG_PTR pulMissing))                                                                  \
	X(SR_RestoreNext, (CK_SLOT_ID slotID, CK_BYTE_PTR pPart, CK_ULONG ulPartLen))                                  \
	X(SR_RestoreLogin, (CK_SLOT_ID slotID, CK_USER_TYPE userType, CK_UTF8CHAR_PTR pUsername,                       \
			    CK_ULONG ulUsernameLen, CK_UTF8CHAR_PTR pPin, CK_ULONG ulPinLen))                          \
	X(SR_RestoreFinal, (CK_SLOT_ID slotID, struct sr_verify_state * pState, struct sr_finding * pFindings,         \
			    CK_ULONG_PTR pulCount, CK_SLOT_ID_PTR pSlot))                                              \
	X(SR_RestoreCancel, (CK_SLOT_ID slotID))                                                                       \
	X(SR_Verify, (CK_SESSION_HANDLE hSession, CK_FLAGS flags, struct sr_verify_state * pState,                     \
		      struct sr_finding * pFindings, CK_ULONG_PTR pulCount))

#endif
