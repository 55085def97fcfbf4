/* SPDX-License-Identifier: BSD-2-Clause */
#include "role_kit.h"

const struct role_name names[KEYS] = {
	[PK] = { "PK", SR_ROLE_PK },
	[MAK] = { "MAK", SR_ROLE_MAK },
	[PR] = { "Pr", SR_ROLE_PR },
	[TEK_HOST] = { "TEK at the host", SR_ROLE_TEK },
	[TEK_TERMINAL] = { "TEK in the terminal", SR_ROLE_TEK },
	[AUK_HOST] = { "AUK at the host", SR_ROLE_AUK },
	[AUK_TERMINAL] = { "AUK in the terminal", SR_ROLE_AUK },
	[AUK_V1] = { "AUK of version 1", SR_ROLE_AUK },
	[TMK] = { "TMK at the host", SR_ROLE_TMK },
	[TMK_LOADED] = { "TMK in the terminal", SR_ROLE_TMK },
	[SRK] = { "SRK", SR_ROLE_SRK },
	[PINKEY] = { "PINKEY", SR_ROLE_PINKEY },
	[MACKEY] = { "MACKEY", SR_ROLE_MACKEY },
	[DMK] = { "DMK", SR_ROLE_DMK },
	[DWK] = { "DWK", SR_ROLE_DWK },
	[ROOT] = { "ROOT", SR_ROLE_ROOT },
	[KBPK] = { "KBPK", SR_ROLE_KBPK },
	[FPK] = { "FPK", SR_ROLE_FPK },
	[KTK] = { "KTK", SR_ROLE_KTK },
	[KTR] = { "KTR", SR_ROLE_KTR },
};
CK_OBJECT_HANDLE key[KEYS];
CK_OBJECT_HANDLE pu, plain_pr, plain_pu, ktr_pu, plain[3]; /* AES 32, DES2, DES3 */
uint8_t record[SR_RECORD_MAX];
CK_ULONG record_len = sizeof(record);

static void tk_of(CK_ULONG handshake, struct kit_tk *tk, CK_OBJECT_HANDLE *ret_tek, CK_OBJECT_HANDLE *ret_auk)
{
	struct sr_tk_generate_params p = kit_tk_params(tk, pu, SR_SUITE_AES, handshake, CKK_AES, 32);

	ck_ok(kit_tk_generate(&p, tk));
	record_len = sizeof(record);
	ck_ok(kit_rewrap(key[PK], key[MAK], key[PR], VIEW(tk->packet, tk->packet_len), record, &record_len));
	ck_ok(kit_open(key[PK], key[MAK], VIEW(record, record_len), ret_tek, ret_auk));
}

void role_begin(void)
{
	static const struct kit_wish wishes[] = {
		{ "PK", CKK_AES, 32 },   { "MAK", CKK_AES, 32 }, { "DMK", CKK_AES, 32 },
		{ "KBPK", CKK_AES, 32 }, { "KTK", CKK_AES, 32 },
	};
	static const int generated[] = { PINKEY, MACKEY, DWK, ROOT, FPK };
	uint8_t message[SR_TMK_MESSAGE_MAX];
	CK_ULONG len = sizeof(message);
	CK_MECHANISM pair = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_ULONG bits = 2048;
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE public[] = { { CKA_MODULUS_BITS, &bits, sizeof(bits) }, { CKA_WRAP, &yes, 1 } };
	CK_ATTRIBUTE private[] = { { CKA_UNWRAP, &yes, 1 },
				   { CKA_SR_ROLE, (void *)(uintptr_t)&names[KTR].role, sizeof(CK_ULONG) } };
	CK_OBJECT_HANDLE unused;
	struct kit_tk tk;

	kit_begin();
	kit_combined(wishes, ARRAY_LEN(wishes));
	kit_login(KIT_USER);
	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, "PK", &key[PK]), 1);
	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, "MAK", &key[MAK]), 1);
	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, "DMK", &key[DMK]), 1);
	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, "KBPK", &key[KBPK]), 1);
	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, "KTK", &key[KTK]), 1);
	for (size_t i = 0; i < ARRAY_LEN(generated); i++)
		ck_ok(kit_role_key(names[generated[i]].role, CKK_AES, 32, &key[generated[i]]));
	kit_pair(2048, true, &pu, &key[PR]);
	kit_pair(2048, false, &plain_pu, &plain_pr);
	ck_ok(ck->C_GenerateKeyPair(ck_session, &pair, public, ARRAY_LEN(public), private, ARRAY_LEN(private), &ktr_pu,
				    &key[KTR]));
	plain[0] = kit_plain_key(CKK_AES, 32);
	plain[1] = kit_plain_key(CKK_DES2, 16);
	plain[2] = kit_plain_key(CKK_DES3, 24);
	tk_of(SR_HANDSHAKE_V1, &tk, &unused, &key[AUK_V1]);
	tk_of(SR_HANDSHAKE_V2, &tk, &key[TEK_HOST], &key[AUK_HOST]);
	key[TEK_TERMINAL] = tk.tek;
	key[AUK_TERMINAL] = tk.auk;
	ck_ok(kit_role_key(SR_ROLE_TMK, CKK_AES, 32, &key[TMK]));
	ck_ok(kit_role_key(SR_ROLE_SRK, CKK_AES, 32, &key[SRK]));
	ck_ok(kit_export(key[TEK_HOST], key[AUK_HOST], key[TMK], true, message, &len));
	ck_ok(kit_load(key[TEK_TERMINAL], key[AUK_TERMINAL], VIEW(message, len), true, &key[TMK_LOADED]));
}
