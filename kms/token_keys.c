/* SPDX-License-Identifier: BSD-2-Clause */
#include <time.h>

#include "token_keys.h"

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
	const struct {
		const char *name;
		struct pk11_key *key;
	} keys[] = {
		{ "SRK", k->srk },
		{ "FPK", k->fpk },
		{ "PK", k->keys[FORMAT_SUITE_AES].pk },
		{ "MAK", k->keys[FORMAT_SUITE_AES].mak },
		{ "PK-BLOCK", k->keys[FORMAT_SUITE_BLOCK].pk },
		{ "MAK-BLOCK", k->keys[FORMAT_SUITE_BLOCK].mak },
		{ "PK-TDES", k->keys[FORMAT_SUITE_TDES].pk },
		{ "MAK-TDES", k->keys[FORMAT_SUITE_TDES].mak },
	};
	enum err e = ERR_OK;

	for (size_t i = 0; !e && i < ARRAY_LEN(keys); i++)
		e = note(k, keys[i].name, keys[i].key, f);
	return e;
}
