/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_kit.h"
#include "mech_kdf.h"

bool mk_derive_param(const struct mech_row *row, union mk_param *p, uint8_t *bytes)
{
	static CK_SP800_108_COUNTER_FORMAT format = { CK_FALSE, 32 };
	static CK_PRF_DATA_PARAM counter = { CK_SP800_108_ITERATION_VARIABLE, &format, sizeof(format) };
	static CK_PRF_DATA_PARAM before = { CK_SP800_108_ITERATION_VARIABLE, NULL, 0 };
	static CK_SSL3_KEY_MAT_OUT out;
	CK_SSL3_RANDOM_DATA randoms = { bytes, 16, bytes, 16 };
	bool counts = row->type == CKM_SP800_108_COUNTER_KDF;

	if (row->param == &param_derivation_string || row->param == &param_encrypt_string)
		p->string = (CK_KEY_DERIVATION_STRING_DATA){ bytes, 16 };
	else if (row->param == &param_aes_encrypt)
		p->aes = (CK_AES_CBC_ENCRYPT_DATA_PARAMS){ { 0 }, bytes, 16 };
	else if (row->param == &param_des_encrypt)
		p->des = (CK_DES_CBC_ENCRYPT_DATA_PARAMS){ { 0 }, bytes, 16 };
	else if (row->param == &param_hkdf)
		p->hkdf = (CK_HKDF_PARAMS){ .bExpand = CK_TRUE, .prfHashMechanism = CKM_SHA256 };
	else if (row->param == &param_108)
		p->kdf108 = (CK_SP800_108_KDF_PARAMS){ CKM_SHA256_HMAC, 1, counts ? &counter : &before, 0, NULL };
	else if (row->param == &param_108_feedback)
		p->feedback = (CK_SP800_108_FEEDBACK_KDF_PARAMS){ CKM_SHA256_HMAC, 1, &before, 0, NULL, 0, NULL };
	else if (row->param == &param_pbkdf2)
		p->pbkdf2 = (CK_PKCS5_PBKD2_PARAMS2){
			CKZ_SALT_SPECIFIED, bytes, 16, 1, CKP_PKCS5_PBKD2_HMAC_SHA256, NULL, 0, bytes, 16
		};
	else if (row->param == &param_tls_master)
		p->master = (CK_TLS12_MASTER_KEY_DERIVE_PARAMS){ randoms, NULL, CKM_SHA256 };
	else if (row->param == &param_tls_extended)
		p->extended = (CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS){ CKM_SHA256, bytes, 16, NULL };
	else if (row->param == &param_tls_key_block)
		p->key_block = (CK_TLS12_KEY_MAT_PARAMS){ 0, 128, 0, CK_FALSE, randoms, &out, CKM_SHA256 };
	else if (row->param == &param_tls_kdf)
		p->tls = (CK_TLS_KDF_PARAMS){ CKM_SHA256, bytes, 16, randoms, NULL, 0 };
	else if (row->param == &param_tls_mac)
		p->tls_mac = (CK_TLS_MAC_PARAMS){ CKM_SHA256, 12, 1 };
	else
		return false;
	return true;
}

CK_OBJECT_HANDLE mk_base(CK_KEY_TYPE type, struct view value, CK_BBOOL *sensitive)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE, *extractable = *sensitive ? &no : &yes;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_KEY_TYPE, &type, sizeof(type) },
			     { CKA_VALUE, (void *)(uintptr_t)value.p, value.n },
			     { CKA_SENSITIVE, sensitive, 1 },
			     { CKA_EXTRACTABLE, extractable, 1 },
			     { CKA_SIGN, &yes, 1 },
			     { CKA_VERIFY, &yes, 1 },
			     { CKA_DERIVE, &yes, 1 } };
	CK_OBJECT_HANDLE key = 0;

	OK(ck->C_CreateObject(mk_session, t, ARRAY_LEN(t), &key));
	return key;
}

CK_RV mk_derive(CK_MECHANISM *m, CK_OBJECT_HANDLE base, CK_KEY_TYPE type, CK_ULONG len, CK_OBJECT_HANDLE *ret)
{
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ATTRIBUTE t[5] = { { CKA_KEY_TYPE, &type, sizeof(type) },
			      { CKA_SENSITIVE, &no, 1 },
			      { CKA_EXTRACTABLE, &yes, 1 } };
	CK_ULONG n = 3;

	if (len > 0)
		t[n++] = (CK_ATTRIBUTE){ CKA_VALUE_LEN, &len, sizeof(len) };
	return ck->C_DeriveKey(mk_session, m, base, t, n, ret);
}
