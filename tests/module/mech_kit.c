/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_kit.h"
#include "crypto.h"
#include "key.h"
#include "mech_ec.h"
#include "mech_ffc.h"
#include "mech_pq.h"
#include "mech_vendor.h"
#include "served.h"
#include "temp.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

CK_FUNCTION_LIST *ck;
CK_SESSION_HANDLE mk_session;
CK_SLOT_ID mk_slot;
CK_ULONG mk_ccm_len = MK_CCM_LEN;

static void *library;
static OSSL_LIB_CTX *openssl;
static char directory[128];
static CK_OBJECT_HANDLE pair_public, pair_private;

/* Pairs, one of each kind: on a curve, or of a parameter set. */
static struct curve_pair {
	CK_KEY_TYPE type;
	CK_MECHANISM_TYPE mechanism;
	const char *curve;
	CK_ULONG set;
	CK_OBJECT_HANDLE public, private;
} curve_pairs[] = {
	{ CKK_EC, CKM_EC_KEY_PAIR_GEN, "prime256v1", 0, 0, 0 },
	{ CKK_EC_EDWARDS, CKM_EC_EDWARDS_KEY_PAIR_GEN, "ED25519", 0, 0, 0 },
	{ CKK_EC_MONTGOMERY, CKM_EC_MONTGOMERY_KEY_PAIR_GEN, "X25519", 0, 0, 0 },
	{ CKK_SR_SM2, CKM_SR_SM2_KEY_PAIR_GEN, "SM2", 0, 0, 0 },
	{ CKK_ML_KEM, CKM_ML_KEM_KEY_PAIR_GEN, NULL, CKP_ML_KEM_768, 0, 0 },
	{ CKK_ML_DSA, CKM_ML_DSA_KEY_PAIR_GEN, NULL, CKP_ML_DSA_65, 0, 0 },
	{ CKK_SLH_DSA, CKM_SLH_DSA_KEY_PAIR_GEN, NULL, CKP_SLH_DSA_SHA2_128F, 0, 0 },
};

void mk_begin(void)
{
	const char *path = getenv("STRONGROOM_MODULE");
	CK_C_GetFunctionList get;
	CK_UTF8CHAR label[32];
	CK_ULONG count = 1;

	ck_assert_msg(path != NULL, "STRONGROOM_MODULE is not set");
	/* This program's copy of the table, too, holds the rows that OpenSSL can do. */
	openssl = OSSL_LIB_CTX_new();
	OK(mech_table_start(openssl));
	temp_dir(directory);
	setenv("STRONGROOM_TOKEN_DIR", directory, 1);
	setenv("XDG_CONFIG_HOME", directory, 1);
	served_start(directory);
	library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	ck_assert_msg(library != NULL, "%s", dlerror());
	get = (CK_C_GetFunctionList)(uintptr_t)dlsym(library, "C_GetFunctionList");
	ck_assert_ptr_nonnull(get);
	OK(mech_table_start(OSSL_LIB_CTX_get0_global_default())); /* the rows that the module has */
	OK(get(&ck));
	OK(ck->C_Initialize(NULL));
	OK(ck->C_GetSlotList(CK_FALSE, &mk_slot, &count));
	memset(label, ' ', sizeof(label));
	memcpy(label, "mechanisms", 10);
	OK(ck->C_InitToken(mk_slot, (CK_UTF8CHAR_PTR) "12345678", 8, label));
	OK(ck->C_OpenSession(mk_slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &mk_session));
	OK(ck->C_Login(mk_session, CKU_SO, (CK_UTF8CHAR_PTR) "12345678", 8));
	OK(ck->C_InitPIN(mk_session, (CK_UTF8CHAR_PTR) "user1234", 8));
	OK(ck->C_Logout(mk_session));
	OK(ck->C_Login(mk_session, CKU_USER, (CK_UTF8CHAR_PTR) "user1234", 8));
	mk_compatible();
}

void mk_end(void)
{
	OK(ck->C_Finalize(NULL));
	dlclose(library);
	OSSL_LIB_CTX_free(openssl);
	served_stop();
	temp_remove(directory);
	pair_public = pair_private = 0;
	for (size_t i = 0; i < ARRAY_LEN(curve_pairs); i++)
		curve_pairs[i].public = curve_pairs[i].private = 0;
	mk_field_forget();
}

/* policy_object: its handle, and the value of CKA_SR_POLICY_NAMES in room. */
static CK_OBJECT_HANDLE policy_object(char *room, CK_ULONG n)
{
	CK_OBJECT_CLASS class = CKO_SR_POLICY;
	CK_ATTRIBUTE t = { CKA_CLASS, &class, sizeof(class) }, names = { CKA_SR_POLICY_NAMES, room, n - 1 };
	CK_OBJECT_HANDLE h = 0;
	CK_ULONG count = 0;

	OK(ck->C_FindObjectsInit(mk_session, &t, 1));
	OK(ck->C_FindObjects(mk_session, &h, 1, &count));
	OK(ck->C_FindObjectsFinal(mk_session));
	ck_assert_uint_eq(count, 1);
	OK(ck->C_GetAttributeValue(mk_session, h, &names, 1));
	room[names.ulValueLen] = '\0';
	return h;
}

void mk_policy(const char *text)
{
	char names[1024];
	CK_OBJECT_HANDLE h = policy_object(names, sizeof(names));
	CK_ATTRIBUTE t = { CKA_SR_POLICY, (void *)(uintptr_t)(text != NULL ? text : names),
			   strlen(text != NULL ? text : names) };

	OK(ck->C_Logout(mk_session));
	OK(ck->C_Login(mk_session, CKU_SO, (CK_UTF8CHAR_PTR) "12345678", 8));
	OK(ck->C_SetAttributeValue(mk_session, h, &t, 1));
	OK(ck->C_Logout(mk_session));
	OK(ck->C_Login(mk_session, CKU_USER, (CK_UTF8CHAR_PTR) "user1234", 8));
	pair_public = pair_private = 0;
}

void mk_compatible(void)
{
	mk_policy(NULL);
}

void *mk_symbol(const char *name)
{
	return dlsym(library, name);
}

int mk_main(Suite *s)
{
	SRunner *runner = srunner_create(s);
	int failed;

	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static const struct {
	CK_FLAGS use;
	CK_ATTRIBUTE_TYPE type;
} usages[] = {
	{ CKF_ENCRYPT, CKA_ENCRYPT }, { CKF_DECRYPT, CKA_DECRYPT }, { CKF_SIGN, CKA_SIGN },
	{ CKF_VERIFY, CKA_VERIFY },   { CKF_WRAP, CKA_WRAP },       { CKF_UNWRAP, CKA_UNWRAP },
	{ CKF_DERIVE, CKA_DERIVE },
};

CK_ULONG mk_uses(CK_ATTRIBUTE *t, CK_ULONG n, CK_FLAGS uses)
{
	for (size_t i = 0; i < ARRAY_LEN(usages); i++) {
		if (uses & usages[i].use)
			t[n++] = (CK_ATTRIBUTE){ usages[i].type, &yes, 1 };
	}
	return n;
}

CK_OBJECT_HANDLE mk_secret(CK_KEY_TYPE type, struct view value, CK_FLAGS uses)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	uint8_t copy[VECTOR_MAX];
	CK_OBJECT_HANDLE key = 0;
	CK_ATTRIBUTE t[16] = {
		{ CKA_CLASS, &class, sizeof(class) }, { CKA_KEY_TYPE, &type, sizeof(type) },
		{ CKA_TOKEN, &no, sizeof(no) },       { CKA_SENSITIVE, &no, sizeof(no) },
		{ CKA_EXTRACTABLE, &yes, 1 },         { CKA_VALUE, copy, value.n },
	};
	CK_ULONG n = 6;

	ck_assert_uint_le(value.n, sizeof(copy));
	memcpy(copy, value.p, value.n);
	if (type == CKK_DES || type == CKK_DES2 || type == CKK_DES3)
		des_set_parity(copy, value.n);
	n = mk_uses(t, n, uses);
	OK(ck->C_CreateObject(mk_session, t, n, &key));
	return key;
}

CK_OBJECT_HANDLE mk_secret_of_row(const struct mech_row *row, struct view value, CK_FLAGS uses)
{
	for (size_t i = 0; i < row->keys.count; i++) {
		CK_KEY_TYPE type = row->keys.types[i];

		if ((type == CKK_DES && value.n != 8) || (type == CKK_DES2 && value.n != 16) ||
		    (type == CKK_DES3 && value.n != 24) ||
		    ((type == CKK_CHACHA20 || type == CKK_POLY1305) && value.n != 32))
			continue;
		return mk_secret(type, value, uses);
	}
	ck_abort_msg("%s takes no key of %zu bytes", row->name, value.n);
	return 0;
}

void mk_pair(CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private)
{
	CK_MECHANISM m = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_ULONG bits = 2048;
	CK_ATTRIBUTE public_t[] = {
		{ CKA_MODULUS_BITS, &bits, sizeof(bits) },
		{ CKA_ENCRYPT, &yes, 1 },
		{ CKA_VERIFY, &yes, 1 },
		{ CKA_WRAP, &yes, 1 },
	};
	CK_ATTRIBUTE private_t[] = {
		{ CKA_DECRYPT, &yes, 1 },     { CKA_SIGN, &yes, 1 },      { CKA_UNWRAP, &yes, 1 },
		{ CKA_EXTRACTABLE, &yes, 1 }, { CKA_SENSITIVE, &yes, 1 },
	};

	if (pair_public == 0)
		OK(ck->C_GenerateKeyPair(mk_session, &m, public_t, ARRAY_LEN(public_t), private_t, ARRAY_LEN(private_t),
					 &pair_public, &pair_private));
	*ret_public = pair_public;
	*ret_private = pair_private;
}

bool mk_is_pair(const struct mech_row *row)
{
	return row->keys.count > 0 && key_kind(row->keys.types[0])->pair;
}

static struct curve_pair *curve_pair(CK_KEY_TYPE type)
{
	static const CK_ATTRIBUTE_TYPE uses[] = { CKA_ENCRYPT, CKA_VERIFY, CKA_WRAP,   CKA_DECRYPT,
						  CKA_SIGN,    CKA_UNWRAP, CKA_DERIVE, CKA_EXTRACTABLE };

	for (size_t i = 0; i < ARRAY_LEN(curve_pairs); i++) {
		struct curve_pair *p = &curve_pairs[i];
		const struct ec_curve *c = p->curve == NULL ? NULL : ec_curve_named(p->curve);
		CK_ATTRIBUTE t[1 + ARRAY_LEN(uses)] = { { CKA_PARAMETER_SET, &p->set, sizeof(p->set) } };
		CK_MECHANISM m = { p->mechanism, NULL, 0 };

		if (p->type != type)
			continue;
		if (c != NULL)
			t[0] = (CK_ATTRIBUTE){ CKA_EC_PARAMS, (void *)(uintptr_t)c->oid.p, c->oid.n };
		for (size_t k = 0; k < ARRAY_LEN(uses); k++)
			t[1 + k] = (CK_ATTRIBUTE){ uses[k], &yes, 1 };
		if (p->public == 0)
			OK(ck->C_GenerateKeyPair(mk_session, &m, t, 4, t + 4, 5, &p->public, &p->private));
		return p;
	}
	return NULL;
}

static bool is_kept(CK_OBJECT_HANDLE key)
{
	for (size_t i = 0; i < ARRAY_LEN(curve_pairs); i++) {
		if (key == curve_pairs[i].public || key == curve_pairs[i].private)
			return true;
	}
	return key == pair_public || key == pair_private || mk_field_kept(key);
}

CK_OBJECT_HANDLE mk_key_for(const struct mech_row *row, CK_FLAGS use)
{
	static const uint8_t bytes[48] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba,
					   0x98, 0x76, 0x54, 0x32, 0x10, 0x10, 0x29, 0x38, 0x47, 0x56, 0x6b,
					   0x7c, 0x8d, 0x9e, 0xaf, 0xb0, 0xc1, 0xd2, 0xe3, 0xf4, 0x05 };
	CK_OBJECT_HANDLE public = 0, private = 0;
	size_t n = row->key_max < 32 ? row->key_max : row->key_min > 32 ? row->key_min : 32;

	if (row->keys.types[0] == CKK_RSA) {
		mk_pair(&public, &private);
		return use & (CKF_ENCRYPT | CKF_VERIFY | CKF_WRAP) ? public : private;
	}
	if (mk_is_pair(row)) {
		struct curve_pair *p = curve_pair(row->keys.types[0]);

		if (mk_field_pair(row->keys.types[0], &public, &private))
			return use & CKF_VERIFY ? public : private;
		return use & (CKF_ENCRYPT | CKF_VERIFY | CKF_WRAP) ? p->public : p->private;
	}
	if (row->keys.types[0] == CKK_DES2)
		n = 16;
	if (row->keys.types[0] == CKK_DES)
		n = 8;
	return mk_secret_of_row(row, VIEW(bytes, n), use);
}

struct view mk_value(CK_OBJECT_HANDLE key, uint8_t *room, size_t n)
{
	CK_ATTRIBUTE t = { CKA_VALUE, room, n };

	OK(ck->C_GetAttributeValue(mk_session, key, &t, 1));
	return VIEW(room, t.ulValueLen);
}

void mk_destroy(CK_OBJECT_HANDLE key)
{
	if (!is_kept(key))
		OK(ck->C_DestroyObject(mk_session, key));
}

CK_RV mk_init(CK_FLAGS use, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
	switch (use) {
	case CKF_DIGEST:
		return ck->C_DigestInit(mk_session, m);
	case CKF_SIGN:
		return ck->C_SignInit(mk_session, m, key);
	case CKF_VERIFY:
		return ck->C_VerifyInit(mk_session, m, key);
	case CKF_ENCRYPT:
		return ck->C_EncryptInit(mk_session, m, key);
	case CKF_DECRYPT:
		return ck->C_DecryptInit(mk_session, m, key);
	default:
		ck_abort_msg("no such operation");
		return CKR_GENERAL_ERROR;
	}
}

CK_RV mk_single(CK_FLAGS use, struct view in, uint8_t *out, CK_ULONG *len)
{
	uint8_t *p = (uint8_t *)(uintptr_t)in.p;

	switch (use) {
	case CKF_DIGEST:
		return ck->C_Digest(mk_session, p, in.n, out, len);
	case CKF_SIGN:
		return ck->C_Sign(mk_session, p, in.n, out, len);
	case CKF_ENCRYPT:
		return ck->C_Encrypt(mk_session, p, in.n, out, len);
	default:
		return ck->C_Decrypt(mk_session, p, in.n, out, len);
	}
}

CK_RV mk_update(CK_FLAGS use, struct view in, uint8_t *out, CK_ULONG *len)
{
	uint8_t *p = (uint8_t *)(uintptr_t)in.p;

	switch (use) {
	case CKF_DIGEST:
		*len = 0;
		return ck->C_DigestUpdate(mk_session, p, in.n);
	case CKF_SIGN:
		*len = 0;
		return ck->C_SignUpdate(mk_session, p, in.n);
	case CKF_VERIFY:
		*len = 0;
		return ck->C_VerifyUpdate(mk_session, p, in.n);
	case CKF_ENCRYPT:
		return ck->C_EncryptUpdate(mk_session, p, in.n, out, len);
	default:
		return ck->C_DecryptUpdate(mk_session, p, in.n, out, len);
	}
}

CK_RV mk_final(CK_FLAGS use, uint8_t *out, CK_ULONG *len)
{
	switch (use) {
	case CKF_DIGEST:
		return ck->C_DigestFinal(mk_session, out, len);
	case CKF_SIGN:
		return ck->C_SignFinal(mk_session, out, len);
	case CKF_ENCRYPT:
		return ck->C_EncryptFinal(mk_session, out, len);
	default:
		return ck->C_DecryptFinal(mk_session, out, len);
	}
}

void mk_cancel(CK_FLAGS use)
{
	OK(mk_init(use, NULL, 0));
}

CK_MECHANISM mk_good(const struct mech_row *row, union mk_param *p)
{
	static uint8_t iv[16] = { 1, 2, 3 }, counter[8] = { 1 };
	static CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0 };
	CK_MECHANISM m = { row->type, p, row->param->size };

	memset(p, 0, sizeof(*p));
	if (mk_derive_param(row, p, iv))
		return m;
	if (row->param == &param_mac_general)
		p->len = 4;
	else if (row->param == &param_sha512t)
		p->len = 200;
	else if (row->param == &param_aes_ctr)
		p->ctr.counter_bits = 128;
	else if (row->param == &param_gcm || row->param == &param_gmac)
		p->gcm = (CK_GCM_PARAMS){ .iv_ptr = iv, .iv_len = 12, .tag_bits = 128 };
	else if (row->param == &param_ccm)
		p->ccm = (CK_CCM_PARAMS){ mk_ccm_len, iv, 12, NULL, 0, 16 };
	else if (row->param == &param_chacha20)
		p->chacha = (CK_CHACHA20_PARAMS){ counter, 32, iv, 96 };
	else if (row->param == &param_chacha_poly)
		p->chacha_poly = (CK_SALSA20_CHACHA20_POLY1305_PARAMS){ iv, 96, NULL, 0 };
	else if (row->param == &param_oaep)
		p->oaep = (CK_RSA_PKCS_OAEP_PARAMS){ CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0 };
	else if (row->param == &param_pss)
		p->pss = (CK_RSA_PKCS_PSS_PARAMS){ CKM_SHA256, CKG_MGF1_SHA256, 32 };
	else if (row->param == &param_iso9797)
		p->iso9797 = (struct sr_iso9797_params){ SR_ISO9797_PADDING_1, 4 };
	else if (row->param == &param_dh_public)
		m.ulParameterLen = sizeof(iv);
	else if (row->param == &param_x9_42)
		p->x9_42 = (CK_X9_42_DH1_DERIVE_PARAMS){ CKD_NULL, 0, NULL, sizeof(iv), iv };
	else if (row->param == &param_rsa_aes_wrap)
		p->rsa_aes = (CK_RSA_AES_KEY_WRAP_PARAMS){ 256, &oaep };
	else if (row->param == &param_ecdh)
		p->ecdh = (CK_ECDH1_DERIVE_PARAMS){ CKD_NULL, 0, NULL, sizeof(iv), iv };
	else if (row->param == &param_pq_hashed)
		p->pq_hashed = (CK_HASH_SIGN_ADDITIONAL_CONTEXT){ CKH_HEDGE_PREFERRED, NULL, 0, CKM_SHA256 };
	else if (row->param == &param_ecdh_wrap)
		p->ecdh_wrap = (CK_ECDH_AES_KEY_WRAP_PARAMS){ 256, CKD_SHA256_KDF, 0, NULL };
	else if (m.ulParameterLen == 0 || row->param->optional)
		m = (CK_MECHANISM){ row->type, NULL, 0 };
	if (row->param == &param_gcm || row->param == &param_gmac)
		m.ulParameterLen = sizeof(p->gcm);
	else if (row->param == &param_ccm)
		m.ulParameterLen = sizeof(p->ccm);
	else if (row->param == &param_chacha_poly)
		m.ulParameterLen = sizeof(p->chacha_poly);
	if (row->param == &param_pss) {
		static const struct {
			CK_MECHANISM_TYPE type, hash;
		} hashes[] = {
			{ CKM_SHA1_RSA_PKCS_PSS, CKM_SHA_1 },        { CKM_SHA224_RSA_PKCS_PSS, CKM_SHA224 },
			{ CKM_SHA384_RSA_PKCS_PSS, CKM_SHA384 },     { CKM_SHA512_RSA_PKCS_PSS, CKM_SHA512 },
			{ CKM_SHA3_224_RSA_PKCS_PSS, CKM_SHA3_224 }, { CKM_SHA3_256_RSA_PKCS_PSS, CKM_SHA3_256 },
			{ CKM_SHA3_384_RSA_PKCS_PSS, CKM_SHA3_384 }, { CKM_SHA3_512_RSA_PKCS_PSS, CKM_SHA3_512 }
		};

		for (size_t i = 0; i < ARRAY_LEN(hashes); i++) {
			if (hashes[i].type == row->type)
				p->pss.hash_alg = hashes[i].hash;
		}
	}
	return m;
}

static void hex_field(const char *name, const char *text, uint8_t *p, size_t *n)
{
	BUF_AUTO b = { 0 };

	if (strcmp(text, "-") == 0)
		return;
	ck_assert_msg(hex_decode(text, strlen(text), &b) && b.len <= VECTOR_MAX, "field %s: %s", name, text);
	memcpy(p, b.p, b.len);
	*n = b.len;
}

static void field(struct vector *v, const char *name, const char *text)
{
	if (strcmp(name, "mech") == 0)
		snprintf(v->mech, sizeof(v->mech), "%s", text);
	else if (strcmp(name, "len") == 0)
		v->len = strtoul(text, NULL, 10);
	else if (strcmp(name, "tag") == 0)
		v->tag = strtoul(text, NULL, 10);
	else if (strcmp(name, "pad") == 0)
		v->pad = strtoul(text, NULL, 10);
	else if (strcmp(name, "type") == 0)
		v->aes = strcmp(text, "AES") == 0;
	else if (strcmp(name, "key") == 0)
		hex_field(name, text, v->key.p, &v->key.n);
	else if (strcmp(name, "iv") == 0)
		hex_field(name, text, v->iv.p, &v->iv.n);
	else if (strcmp(name, "aad") == 0)
		hex_field(name, text, v->aad.p, &v->aad.n);
	else if (strcmp(name, "data") == 0)
		hex_field(name, text, v->data.p, &v->data.n);
	else if (strcmp(name, "out") == 0)
		hex_field(name, text, v->out.p, &v->out.n);
	else
		ck_abort_msg("unknown field %s", name);
}

unsigned mk_vectors(const char *file, void (*each)(const struct vector *v))
{
	const char *dir = getenv("STRONGROOM_VECTORS");
	char path[512], line[4096];
	unsigned count = 0, number = 0;
	struct vector v;
	FILE *f;

	ck_assert_msg(dir != NULL, "STRONGROOM_VECTORS is not set");
	snprintf(path, sizeof(path), "%s/%s", dir, file);
	f = fopen(path, "r");
	ck_assert_msg(f != NULL, "%s cannot be read", path);
	while (fgets(line, sizeof(line), f) != NULL) {
		char *rest = line, *word;

		number++;
		ck_assert_msg(number > 1 || (line[0] == '#' && strlen(line) > 10), "%s names no source", path);
		if (line[0] == '#' || line[0] == '\n')
			continue;
		v = (struct vector){ .tag = 128, .line = number };
		while ((word = strsep(&rest, " \n")) != NULL) {
			char *equals = strchr(word, '=');

			if (equals == NULL)
				continue;
			*equals = '\0';
			field(&v, word, equals + 1);
		}
		each(&v);
		count++;
	}
	fclose(f);
	return count;
}

CK_MECHANISM mk_vector_mechanism(const struct mech_row *row, const struct vector *v, union mk_param *p)
{
	CK_MECHANISM m = mk_good(row, p);

	if (row->param == &param_mac_general || row->param == &param_sha512t) {
		p->len = v->len;
	} else if (row->param == &param_iso9797) {
		p->iso9797 = (struct sr_iso9797_params){ v->pad, v->out.n };
	} else if (row->param == &param_aes_ctr) {
		memcpy(p->ctr.cb, v->iv.p, 16);
	} else if (row->param == &param_gcm || row->param == &param_gmac) {
		p->gcm = (CK_GCM_PARAMS){ (uint8_t *)(uintptr_t)v->iv.p,  v->iv.n,  8 * v->iv.n,
					  (uint8_t *)(uintptr_t)v->aad.p, v->aad.n, v->tag };
	} else if (row->param == &param_ccm) {
		p->ccm = (CK_CCM_PARAMS){ v->data.n, (uint8_t *)(uintptr_t)v->iv.p,
					  v->iv.n,   (uint8_t *)(uintptr_t)v->aad.p,
					  v->aad.n,  v->tag / 8 };
	} else if (row->param == &param_chacha20) {
		uint8_t *iv = (uint8_t *)(uintptr_t)v->iv.p;

		p->chacha = (CK_CHACHA20_PARAMS){ iv, v->len, iv + v->len / 8, 8 * v->iv.n - v->len };
	} else if (row->param == &param_chacha_poly) {
		p->chacha_poly = (CK_SALSA20_CHACHA20_POLY1305_PARAMS){ (uint8_t *)(uintptr_t)v->iv.p, 8 * v->iv.n,
									(uint8_t *)(uintptr_t)v->aad.p, v->aad.n };
	} else if (row->param == &param_iv8 || row->param == &param_iv16) {
		ck_assert_uint_eq(v->iv.n, row->param->size);
		memcpy(p->iv, v->iv.p, v->iv.n);
	}
	return m;
}

const struct mech_row *mk_row(const char *name)
{
	for (size_t i = 0; i < mech_count(); i++) {
		if (strcmp(mech_at(i)->name, name) == 0)
			return mech_at(i);
	}
	ck_abort_msg("no row %s", name);
	return NULL;
}
