/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_KEY_BLOCK_H
#define HSM_KEY_BLOCK_H

#include "bytes.h"

/*
 * The text of key blocks, ASC X9 TR-31:2018 = ANSI X9.143:2022 (and TR-31:2005 for version A): header, optional blocks,
 * hexadecimal key data and MAC. A leaf: no cryptography, no secrets, nothing allocated by the parser.
 *
 *   0 version  1-4 length  5-6 usage  7 algorithm  8 mode of use  9-10 key version  11 exportability
 *   12-13 number of optional blocks  14 key context  15 reserved ("0")  16.. optional blocks, key data, MAC
 */
#define KEY_BLOCK_HEADER 16
#define KEY_BLOCK_MAX 9999 /* four digits of length */
#define KEY_BLOCK_OPTIONALS 99

struct key_block_header {
	char version; /* 'A' to 'D' */
	char usage[2];
	char algorithm;
	char mode;
	char key_version[2];
	char exportability; /* 'E', 'N', 'S' */
	char context;       /* '0', '1', '2' */
};

/* struct key_block: views into the text. */
struct key_block {
	struct key_block_header h;
	struct view covered;  /* header and optional blocks: the bytes that the MAC covers */
	struct view optional; /* optional blocks alone */
	unsigned optionals;
	struct view data; /* upper-case hexadecimal, whole cipher blocks, at least one */
	struct view mac;  /* upper-case hexadecimal */
};

/* struct key_block_option: an optional block. */
struct key_block_option {
	char id[2];
	struct view data; /* printable ASCII */
};

/* key_block_cipher_block, key_block_mac_len: bytes, by version; 0: no such version. */
size_t key_block_cipher_block(char version);
size_t key_block_mac_len(char version);
/*
 * key_block_parse: true when v is exactly one well-formed key block: the length says so, every field has letters that
 * it may have, the optional blocks end where a cipher block ends and only the last of them is a PB, hexadecimal is in
 * upper case. Whether usage, algorithm and mode mean anything here is not asked. *ret untouched on false.
 */
bool key_block_parse(struct view v, struct key_block *ret) MUST_CHECK;
/*
 * key_block_option_next: takes the next optional block off r; false: there is none, or it is malformed (r->failed).
 * key_block_option_find: the data of the first one with this id. key_block_options_ok: v is `count` well-formed blocks
 * without PB (ret_count the number of them); for those that a caller hands in.
 */
bool key_block_option_next(struct reader *r, struct key_block_option *ret) MUST_CHECK;
bool key_block_option_find(struct view options, const char *id, struct view *ret) MUST_CHECK;
bool key_block_options_ok(struct view options, unsigned *ret_count) MUST_CHECK;
/* key_block_option_put: appends one; data longer than 251 bytes gets the extended length. */
void key_block_option_put(struct buf *b, const char *id, struct view data);
/*
 * key_block_put_header: appends header and optional blocks, with a PB where they do not fill cipher blocks; data_len is
 * the number of bytes (not digits) of the encrypted key data. filler: at least 32 bytes that the PB is made of. Fails
 * the buffer when the whole is longer than a key block may be, or has too many optional blocks.
 */
#define KEY_BLOCK_FILLER 32
void key_block_put_header(struct buf *b, const struct key_block_header *h, struct view options, unsigned count,
			  size_t data_len, const uint8_t filler[KEY_BLOCK_FILLER]);
/* key_block_put_hex: upper case. key_block_get_hex: of what key_block_parse has checked; out: v.n / 2 bytes. */
void key_block_put_hex(struct buf *b, struct view v);
void key_block_get_hex(struct view v, uint8_t *out);
/* key_block_data_len: bytes of key data: length in bits, key, padding to the longest key of the algorithm (hides) and
 * to a cipher block. */
size_t key_block_data_len(const struct key_block_header *h, size_t key_len, bool hides);
/* key_block_length: of the whole text; 0: longer than a key block may be. */
size_t key_block_length(char version, size_t options_len, unsigned count, size_t data_len);

#endif
