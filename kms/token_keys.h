/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_TOKEN_KEYS_H
#define KMS_TOKEN_KEYS_H

#include "kms.h"

/* The keys of HSM 2 that a KMS works with: the one list of their names. token_keys: all of them, of this KMS. */
struct token_key {
	const char *kind;     /* in node_key and in backups: "PK-2" */
	const char *seen;     /* in token_key: "PK" */
	const char *name;     /* in texts: "PK of suite 2" */
	struct pk11_key *key; /* NULL: not configured */
};
#define TOKEN_KEYS 8
void token_keys(const struct kms *k, struct token_key ret[TOKEN_KEYS]);

/* token_keys_note: table token_key: when this database first saw each key of the HSM, by check value (report `ages`).
 */
enum err token_keys_note(struct kms *k, struct fail *f) MUST_CHECK;

#endif
