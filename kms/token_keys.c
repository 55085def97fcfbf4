/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>
#include <time.h>

#include "token_keys.h"

void token_keys(const struct kms *k, struct token_key ret[TOKEN_KEYS])
{
	const struct token_key all[TOKEN_KEYS] = {
		{ "PK-1", "PK-TDES", "PK of suite 1", k->keys[FORMAT_SUITE_TDES].pk },
		{ "MAK-1", "MAK-TDES", "MAK of suite 1", k->keys[FORMAT_SUITE_TDES].mak },
		{ "PK-2", "PK", "PK of suite 2", k->keys[FORMAT_SUITE_AES].pk },
		{ "MAK-2", "MAK", "MAK of suite 2", k->keys[FORMAT_SUITE_AES].mak },
		{ "PK-3", "PK-BLOCK", "PK of suite 3", k->keys[FORMAT_SUITE_BLOCK].pk },
		{ "MAK-3", "MAK-BLOCK", "MAK of suite 3", k->keys[FORMAT_SUITE_BLOCK].mak },
		{ "SRK", "SRK", "storage key", k->srk },
		{ "FPK", "FPK", "fingerprint key", k->fpk },
	};

	memcpy(ret, all, sizeof(all));
}

static enum err note(struct kms *k, const char *name, struct pk11_key *key, struct fail *f)
{
	struct check_value check;
	char hex[CHECK_HEX];
	enum err e;

	if (!key)
		return ERR_OK;
	e = ops_check_value(k->ops, key, &check, f);
	if (e)
		return e;
	check_hex(&check, hex);
	return db_run(
	    k->db, f,
	    "INSERT INTO token_key(name, method, check_value, first_seen) VALUES(?, ?, ?, ?) ON CONFLICT DO NOTHING",
	    "titi", name, (int64_t)check.method, hex, (int64_t)time(NULL));
}

enum err token_keys_note(struct kms *k, struct fail *f)
{
	struct token_key keys[TOKEN_KEYS];
	enum err e = ERR_OK;

	token_keys(k, keys);
	for (size_t i = 0; !e && i < TOKEN_KEYS; i++)
		e = note(k, keys[i].seen, keys[i].key, f);
	return e;
}
