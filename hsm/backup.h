/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_BACKUP_H
#define HSM_BACKUP_H

#include "bytes.h"
#include "ck.h"
#include "secret.h"
#include "shamir.h"
#include "store.h"
#include "vendor_functions.h"

/*
 * The file of a backup (docs/backup.md): a header in the clear, authenticated, and the token's database, sealed in
 * chunks. Everything hangs on the backup key, 32 bytes: from a passphrase by scrypt, or random and shared out.
 */
struct crypto;

#define BACKUP_KEY_LEN 32
#define BACKUP_ID_LEN 16
#define BACKUP_SET_LEN 4
#define BACKUP_MAC_LEN 32
#define BACKUP_CHUNK ((size_t)64 << 10)
#define BACKUP_TAG_LEN 16
#define BACKUP_ANCHOR_MAX 1024
#define BACKUP_PASSPHRASE_MIN 12
#define BACKUP_PASSPHRASE_MAX 1024

enum backup_kind { BACKUP_PASSPHRASE = SR_BACKUP_PASSPHRASE, BACKUP_SHARES = SR_BACKUP_SHARES };

struct backup_header {
	uint8_t id[BACKUP_ID_LEN]; /* random; salt of all keys of this backup */
	char serial[STORE_SERIAL_LEN + 1];
	uint8_t label[32];
	uint64_t time;           /* milliseconds since 1970-01-01 UTC */
	uint64_t size;           /* of the database, bytes; never 0 */
	uint64_t audit_sequence; /* last entry of the trail in the copy */
	uint8_t anchor[BACKUP_ANCHOR_MAX];
	size_t anchor_len; /* of the signed head of the trail, 0: none */
	enum backup_kind kind;
	uint8_t salt[16]; /* passphrase */
	uint8_t log2_n;
	uint8_t set[BACKUP_SET_LEN]; /* shares */
	uint8_t needed;
	uint8_t count;
};

/*
 * backup_passphrase_new: a backup key from a passphrase, salt and cost (at least 300 ms of processor time) put into *h.
 * backup_passphrase: the key again. CKR_PIN_LEN_RANGE: shorter than BACKUP_PASSPHRASE_MIN or longer than _MAX.
 */
CK_RV backup_passphrase_new(const struct crypto *c, struct view passphrase, struct backup_header *h,
			    struct secret *ret_key) MUST_CHECK;
CK_RV backup_passphrase(const struct crypto *c, const struct backup_header *h, struct view passphrase,
			struct secret *ret_key) MUST_CHECK;
/* backup_shares_new: a random backup key and its h->count shares, h->needed of which give it; the set's id goes to *h.
 */
CK_RV backup_shares_new(const struct crypto *c, struct backup_header *h, struct secret *ret_key,
			struct secret *ret_shares) MUST_CHECK;

/*
 * backup_header_put: appends the header, with its MAC under the key and the checksum.
 * backup_header_get: takes it apart; v may go on behind it. Authenticated only after backup_header_proves.
 * CKR_BUFFER_TOO_SMALL: v ends before the header does. CKR_DATA_INVALID: no backup, or of a later version.
 * CKR_ENCRYPTED_DATA_INVALID: damaged.
 * backup_header_proves: CKR_PIN_INCORRECT: another key.
 */
CK_RV backup_header_put(const struct crypto *c, const struct backup_header *h, const struct secret *key,
			struct buf *out) MUST_CHECK;
CK_RV backup_header_get(const struct crypto *c, struct view v, struct backup_header *ret, size_t *ret_len) MUST_CHECK;
CK_RV backup_header_proves(const struct crypto *c, struct view header, const struct backup_header *h,
			   const struct secret *key) MUST_CHECK;
/* backup_sealed_len: what follows the header of a database of so many bytes. */
uint64_t backup_sealed_len(uint64_t size);

/* struct backup_chunks: the chunks of one backup, in order, one way. */
struct backup_chunks {
	const struct crypto *crypto;
	struct secret key;
	uint8_t mac[BACKUP_MAC_LEN]; /* of the header: additional data of every chunk */
	uint64_t left;               /* bytes of the database that are still to come */
	uint64_t number;             /* of the chunk to come, from 0 */
};
/* backup_chunks_init: header: its bytes as they stand in the file. backup_chunks_done takes an empty one. */
CK_RV backup_chunks_init(struct backup_chunks *b, const struct crypto *c, struct view header,
			 const struct backup_header *h, const struct secret *key) MUST_CHECK;
void backup_chunks_done(struct backup_chunks *b);
/* backup_chunk_len: plain bytes of the chunk to come; 0: that was the last. */
size_t backup_chunk_len(const struct backup_chunks *b);
/*
 * backup_chunk_seal: plain (backup_chunk_len bytes) to out, BACKUP_TAG_LEN longer.
 * backup_chunk_open: the other way; CKR_ENCRYPTED_DATA_INVALID: changed, of another place or another backup; what
 * stands in out then is nothing.
 */
CK_RV backup_chunk_seal(struct backup_chunks *b, const uint8_t *plain, uint8_t *out) MUST_CHECK;
CK_RV backup_chunk_open(struct backup_chunks *b, const uint8_t *sealed, uint8_t *out) MUST_CHECK;

/*
 * A share as people write it: 18 groups of five letters and digits, the last of each its check letter.
 *
 * backup_share_put: appends the text. share: of backup_shares_new, at number (from 1).
 * backup_share_get: of text with any blanks, line ends and hyphens in it. CKR_DATA_LEN_RANGE, CKR_DATA_INVALID: a slip
 * in group *ret_wrong (from 1; 0: somewhere); CKR_KEY_CHANGED: of another backup's set.
 */
#define BACKUP_SHARE_GROUPS 18
#define BACKUP_SHARE_TEXT (BACKUP_SHARE_GROUPS * 6 - 1)
struct backup_share {
	uint8_t number;
	struct secret value;
};
CK_RV backup_share_put(const struct crypto *c, const struct backup_header *h, unsigned number,
		       const struct secret *share, struct secret *ret) MUST_CHECK;
CK_RV backup_share_get(const struct crypto *c, const struct backup_header *h, struct view text,
		       struct backup_share *ret, CK_ULONG *ret_wrong) MUST_CHECK;

#endif
