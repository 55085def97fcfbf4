/* SPDX-License-Identifier: BSD-2-Clause */
#include "message_kit.h"
#include <string.h>

struct ck_function_list_3_2 *ck32;

void message_begin(void)
{
	CK_RV(*get)
	(CK_UTF8CHAR_PTR, CK_VERSION_PTR, CK_INTERFACE_PTR_PTR, CK_FLAGS);
	CK_VERSION version = { 3, 2 };
	CK_INTERFACE *interface = NULL;

	mk_begin();
	get = (CK_RV(*)(CK_UTF8CHAR_PTR, CK_VERSION_PTR, CK_INTERFACE_PTR_PTR, CK_FLAGS))(uintptr_t)mk_symbol(
	    "C_GetInterface");
	ck_assert(get != NULL);
	OK(get(NULL, &version, &interface, 0));
	ck32 = interface->pFunctionList;
}

void message_param(const struct mech_row *row, const struct vector *v, bool with_tag, struct message_param *ret)
{
	size_t tag = v->tag / 8;

	ck_assert_uint_le(v->iv.n, sizeof(ret->iv));
	memset(ret, 0, sizeof(*ret));
	memcpy(ret->iv, v->iv.p, v->iv.n);
	ret->tag_len = tag;
	if (with_tag)
		memcpy(ret->tag, v->out.p + v->out.n - tag, tag);
	if (row->type == CKM_AES_GCM) {
		ret->p.gcm = (CK_GCM_MESSAGE_PARAMS){ ret->iv, v->iv.n, 0, CKG_NO_GENERATE, ret->tag, v->tag };
		ret->len = sizeof(ret->p.gcm);
	} else if (row->type == CKM_AES_CCM) {
		ret->p.ccm = (CK_CCM_MESSAGE_PARAMS){ v->data.n, ret->iv, v->iv.n, 0, CKG_NO_GENERATE, ret->tag, tag };
		ret->len = sizeof(ret->p.ccm);
	} else {
		ret->p.chacha = (CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS){ ret->iv, 8 * v->iv.n, ret->tag };
		ret->len = sizeof(ret->p.chacha);
	}
}

void message_gcm(CK_GENERATOR_FUNCTION generator, CK_ULONG fixed_bits, struct message_param *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < 12; i++)
		ret->iv[i] = (uint8_t)(0xa0 + i);
	ret->tag_len = 16;
	ret->p.gcm = (CK_GCM_MESSAGE_PARAMS){ ret->iv, 12, fixed_bits, generator, ret->tag, 128 };
	ret->len = sizeof(ret->p.gcm);
}

CK_RV message_init(CK_FLAGS use, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
	return use == CKF_ENCRYPT ? ck32->C_MessageEncryptInit(mk_session, m, key)
				  : ck32->C_MessageDecryptInit(mk_session, m, key);
}

CK_RV message_one(CK_FLAGS use, struct message_param *p, struct view aad, struct view in, uint8_t *out, CK_ULONG *len)
{
	return (use == CKF_ENCRYPT ? ck32->C_EncryptMessage : ck32->C_DecryptMessage)(
	    mk_session, &p->p, p->len, UNVIEW(aad), UNVIEW(in), out, len);
}

CK_RV message_first(CK_FLAGS use, struct message_param *p, struct view aad)
{
	return (use == CKF_ENCRYPT ? ck32->C_EncryptMessageBegin : ck32->C_DecryptMessageBegin)(mk_session, &p->p,
												p->len, UNVIEW(aad));
}

CK_RV message_next(CK_FLAGS use, struct message_param *p, struct view in, uint8_t *out, CK_ULONG *len, CK_FLAGS flags)
{
	return (use == CKF_ENCRYPT ? ck32->C_EncryptMessageNext : ck32->C_DecryptMessageNext)(
	    mk_session, &p->p, p->len, UNVIEW(in), out, len, flags);
}

CK_RV message_final(CK_FLAGS use)
{
	return use == CKF_ENCRYPT ? ck32->C_MessageEncryptFinal(mk_session) : ck32->C_MessageDecryptFinal(mk_session);
}
