/* SPDX-License-Identifier: BSD-2-Clause */
#include "tk_kit.h"

#include <string.h>

CK_OBJECT_HANDLE tk_pu, tk_pr, tk_pk[3], tk_mak[3];

const struct kit_wish tk_wishes[6] = {
	{ "PK-T16", CKK_DES2, 16 },  { "PK-T24", CKK_DES3, 24 },  { "PK", CKK_AES, 32 },
	{ "MAK-T16", CKK_DES2, 16 }, { "MAK-T24", CKK_DES3, 24 }, { "MAK", CKK_AES, 32 },
};

void tk_begin(void)
{
	kit_begin();
	kit_combined(tk_wishes, ARRAY_LEN(tk_wishes));
	kit_login(KIT_USER);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, tk_wishes[i].name, &tk_pk[i]), 1);
		ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, tk_wishes[i + 3].name, &tk_mak[i]), 1);
	}
	kit_pair(2048, true, &tk_pu, &tk_pr);
}

const struct tk_shape tk_shapes[TK_SHAPES] = {
	{ SR_SUITE_TDES, SR_HANDSHAKE_V1, CKK_DES2, 16, 0, CKM_SHA_1 },
	{ SR_SUITE_TDES, SR_HANDSHAKE_V2, CKK_DES2, 16, 1, CKM_SHA256 },
	{ SR_SUITE_TDES, SR_HANDSHAKE_V2, CKK_DES3, 24, 0, CKM_SHA384 },
	{ SR_SUITE_TDES, SR_HANDSHAKE_V1, CKK_DES3, 24, 1, CKM_SHA512 },
	{ SR_SUITE_AES, SR_HANDSHAKE_V2, CKK_AES, 16, 2, CKM_SHA_1 },
	{ SR_SUITE_AES, SR_HANDSHAKE_V2, CKK_AES, 24, 2, CKM_SHA256 },
	{ SR_SUITE_AES, SR_HANDSHAKE_V1, CKK_AES, 32, 2, CKM_SHA384 },
	{ SR_SUITE_AES, SR_HANDSHAKE_V2, CKK_AES, 32, 2, CKM_SHA512 },
	{ SR_SUITE_AES, SR_HANDSHAKE_V2, CKK_DES2, 16, 2, CKM_SHA256 },
	{ SR_SUITE_AES, SR_HANDSHAKE_V1, CKK_DES3, 24, 2, CKM_SHA256 },
	{ SR_SUITE_BLOCK, SR_HANDSHAKE_V2, CKK_AES, 32, 2, CKM_SHA256 },
	{ SR_SUITE_BLOCK, SR_HANDSHAKE_V1, CKK_AES, 16, 2, CKM_SHA_1 },
	{ SR_SUITE_BLOCK, SR_HANDSHAKE_V2, CKK_DES2, 16, 2, CKM_SHA256 },
	{ SR_SUITE_BLOCK, SR_HANDSHAKE_V1, CKK_DES3, 24, 2, CKM_SHA512 },
};

void tk_make(const struct tk_shape *s, struct tk_way *w)
{
	struct sr_tk_generate_params p;

	memset(w, 0, sizeof(*w));
	p = kit_tk_params(&w->tk, tk_pu, s->suite, s->handshake, s->type, s->length);
	p.oaepHash = s->hash;
	ck_ok(kit_tk_generate(&p, &w->tk));
}

CK_RV tk_rewrap(const struct tk_shape *s, struct tk_way *w)
{
	w->record_len = sizeof(w->record);
	return kit_rewrap(tk_pk[s->keys], tk_mak[s->keys], tk_pr, VIEW(w->tk.packet, w->tk.packet_len), w->record,
			  &w->record_len);
}

void tk_whole_way(const struct tk_shape *s, struct tk_way *w)
{
	tk_make(s, w);
	ck_ok(tk_rewrap(s, w));
	ck_ok(kit_open(tk_pk[s->keys], tk_mak[s->keys], VIEW(w->record, w->record_len), &w->tek, &w->auk));
}

void tk_drop(struct tk_way *w)
{
	CK_OBJECT_HANDLE h[] = { w->tk.tek, w->tk.auk, w->tek, w->auk };

	for (size_t i = 0; i < ARRAY_LEN(h); i++) {
		if (h[i])
			ck_ok(ck->C_DestroyObject(ck_session, h[i]));
	}
}

void tk_same_key(CK_OBJECT_HANDLE a, CK_OBJECT_HANDLE b)
{
	uint8_t va[3], vb[3];

	ck_ok(kit_check_value(a, va));
	ck_ok(kit_check_value(b, vb));
	ck_assert_mem_eq(va, vb, 3);
}
