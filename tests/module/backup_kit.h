/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_BACKUP_KIT_H
#define TESTS_BACKUP_KIT_H

#include "ck_test.h"
#include "vendor_functions.h"

/* Backups through the module's own functions; the token is that of ck_test_begin. */
extern const struct sr_function_list *sr;

#define KIT_PASSPHRASE "correct horse battery"
#define KIT_SHARES 3

/* struct kit_backup: a backup file and, when it was sealed under shares (2 of 3), those. */
struct kit_backup {
	struct buf file;
	char share[KIT_SHARES][SR_BACKUP_SHARE_TEXT];
	struct sr_backup info;
};

/* kit_sr: finds the functions; after ck_test_begin. */
void kit_sr(void);
/* kit_fill: a custodian "alice", a public and a private data object and a sensitive AES key on the token. */
void kit_fill(void);
/* kit_backup: by the SO, who is logged out afterwards; passphrase NULL: 2 of 3 shares. kit_backup_done. */
void kit_backup(const char *passphrase, struct kit_backup *ret);
void kit_backup_done(struct kit_backup *b);
/* kit_go: C_Finalize, and C_Initialize with another directory of tokens below ck_test_dir. ck_slot: the free slot. */
void kit_go(const char *name);
/* kit_feed: header, key (passphrase, or the first two shares) and all bytes up to end; the first error. */
CK_RV kit_feed(const struct kit_backup *b, const char *passphrase, size_t end);
/* kit_final: SR_RestoreFinal; ck_slot becomes the token's when it is CKR_OK. */
CK_RV kit_final(struct sr_verify_state *ret_state);
/* kit_restore: all of it, the SO logs in; a session in ck_session. */
void kit_restore(const struct kit_backup *b, const char *passphrase);
/* kit_entries: how many things stand in the directory of tokens. */
unsigned kit_entries(void);

#endif
