/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "ops_own.h"
#include "ops_standard.h"

struct suite_arg {
	unsigned suite;
	struct pk11_key *keys[2]; /* PK, MAK */
};

static enum err check_keys(struct pk11_session *s, void *arg, struct fail *f)
{
	const struct suite_arg *a = arg;

	for (size_t i = 0; i < ARRAY_LEN(a->keys); i++) {
		CK_OBJECT_HANDLE handle;
		CK_KEY_TYPE type;
		BUF_AUTO bytes = { 0 };
		enum err e = pk11_key_handle(s, a->keys[i], &handle, f);

		if (e == ERR_OK)
			e = pk11_attribute(s, handle, CKA_KEY_TYPE, &bytes, f);
		if (e != ERR_OK)
			return e;
		if (bytes.len != sizeof(type))
			return fail_set(f, ERR_TOKEN, 0, "CKA_KEY_TYPE of %zu bytes", bytes.len);
		memcpy(&type, bytes.p, sizeof(type));
		bool good = format_suite_key((uint8_t)a->suite) == FORMAT_KEY_AES
				? type == CKK_AES
				: type == CKK_DES2 || type == CKK_DES3;
		if (!good)
			return fail_set(f, ERR_CONFIG, 0, "%.160s: not a key of suite %u", pk11_key_uri(a->keys[i]),
					a->suite);
	}
	return ERR_OK;
}

enum err ops_suite_keys(struct ops *o, unsigned suite, struct pk11_key *pk, struct pk11_key *mak, struct fail *f)
{
	static const enum ops_kind kinds[] = { OPS_REWRAP, OPS_TK_OPEN };
	struct suite_arg arg = { suite, { pk, mak } };

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const struct ops_row *row = ops_row_of(o, kinds[i]);

		enum err e = row && row->way == OPS_WAY_STANDARD ? standard_suite((uint8_t)suite, f) : ERR_OK;
		if (e != ERR_OK)
			return e;
	}
	return pk11_run(ops_token(o), check_keys, &arg, f);
}
