/* SPDX-License-Identifier: BSD-2-Clause */
#include "spec_kit.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "served.h"
#include "temp.h"

struct ck_function_list_3_2 *spec;
CK_SLOT_ID spec_slot;
CK_SESSION_HANDLE spec_session;
uint8_t spec_bytes[256], spec_out[1024];
CK_ULONG spec_len;
CK_BBOOL spec_yes = CK_TRUE, spec_no = CK_FALSE;

static uint8_t iv[16];
CK_MECHANISM spec_sha256 = { CKM_SHA256, NULL, 0 }, spec_hmac = { CKM_SHA256_HMAC, NULL, 0 },
	     spec_ecb = { CKM_AES_ECB, NULL, 0 }, spec_cbc_pad = { CKM_AES_CBC_PAD, iv, sizeof(iv) },
	     spec_rsa_pkcs = { CKM_RSA_PKCS, NULL, 0 }, spec_rsa_sha256 = { CKM_SHA256_RSA_PKCS, NULL, 0 },
	     spec_unknown = { 0x7ffffff0UL, NULL, 0 }, spec_bad_param = { CKM_AES_CBC_PAD, iv, 15 };

static void *library;
static char directory[128];

#define FUNCTIONS_MAX 110
#define CODES_MAX 128
static const char *codes[CODES_MAX];
static unsigned wrong;
static bool seen[FUNCTIONS_MAX][CODES_MAX];

#define NAME(code) { #code, CKR_##code },
static const struct {
	const char *name;
	CK_RV value;
} names[] = {
	NAME(ACTION_PROHIBITED) NAME(AEAD_DECRYPT_FAILED) NAME(ARGUMENTS_BAD) NAME(ATTRIBUTE_READ_ONLY) NAME(
	    ATTRIBUTE_SENSITIVE) NAME(ATTRIBUTE_TYPE_INVALID) NAME(ATTRIBUTE_VALUE_INVALID) NAME(BUFFER_TOO_SMALL)
	    NAME(CANT_LOCK) NAME(CRYPTOKI_ALREADY_INITIALIZED) NAME(CRYPTOKI_NOT_INITIALIZED) NAME(CURVE_NOT_SUPPORTED)
		NAME(DATA_INVALID) NAME(DATA_LEN_RANGE) NAME(DOMAIN_PARAMS_INVALID) NAME(ENCRYPTED_DATA_INVALID)
		    NAME(ENCRYPTED_DATA_LEN_RANGE) NAME(FUNCTION_FAILED) NAME(FUNCTION_NOT_PARALLEL) NAME(
			FUNCTION_NOT_SUPPORTED) NAME(GENERAL_ERROR) NAME(KEY_CHANGED) NAME(KEY_FUNCTION_NOT_PERMITTED)
			NAME(KEY_HANDLE_INVALID) NAME(KEY_INDIGESTIBLE) NAME(KEY_NEEDED) NAME(KEY_NOT_NEEDED) NAME(
			    KEY_NOT_WRAPPABLE) NAME(KEY_SIZE_RANGE) NAME(KEY_TYPE_INCONSISTENT) NAME(KEY_UNEXTRACTABLE)
			    NAME(MECHANISM_INVALID) NAME(MECHANISM_PARAM_INVALID) NAME(NO_EVENT)
				NAME(OBJECT_HANDLE_INVALID) NAME(OPERATION_ACTIVE) NAME(OPERATION_NOT_INITIALIZED) NAME(
				    PARAMETER_SET_NOT_SUPPORTED) NAME(PIN_EXPIRED) NAME(PIN_INCORRECT) NAME(PIN_INVALID)
				    NAME(PIN_LEN_RANGE) NAME(PIN_LOCKED) NAME(SAVED_STATE_INVALID) NAME(
					SESSION_ASYNC_NOT_SUPPORTED) NAME(SESSION_EXISTS) NAME(SESSION_HANDLE_INVALID)
					NAME(SESSION_PARALLEL_NOT_SUPPORTED) NAME(SESSION_READ_ONLY)
					    NAME(SESSION_READ_ONLY_EXISTS) NAME(SESSION_READ_WRITE_SO_EXISTS) NAME(
						SIGNATURE_INVALID) NAME(SIGNATURE_LEN_RANGE) NAME(SLOT_ID_INVALID)
						NAME(STATE_UNSAVEABLE) NAME(TEMPLATE_INCOMPLETE)
						    NAME(TEMPLATE_INCONSISTENT) NAME(TOKEN_NOT_RECOGNIZED) NAME(
							UNWRAPPING_KEY_HANDLE_INVALID) NAME(UNWRAPPING_KEY_SIZE_RANGE)
							NAME(UNWRAPPING_KEY_TYPE_INCONSISTENT) NAME(
							    USER_ALREADY_LOGGED_IN) NAME(USER_ANOTHER_ALREADY_LOGGED_IN)
							    NAME(USER_NOT_LOGGED_IN) NAME(USER_PIN_NOT_INITIALIZED)
								NAME(USER_TYPE_INVALID) NAME(WRAPPED_KEY_INVALID)
								    NAME(WRAPPED_KEY_LEN_RANGE)
									NAME(WRAPPING_KEY_HANDLE_INVALID)
									    NAME(WRAPPING_KEY_SIZE_RANGE)
										NAME(WRAPPING_KEY_TYPE_INCONSISTENT)
};

static size_t index_of(const char *code)
{
	size_t i = 0;

	while (i < CODES_MAX - 1 && codes[i] != NULL && strcmp(codes[i], code) != 0)
		i++;
	codes[i] = code;
	return i;
}

void spec_check(const char *function, int line, CK_RV rv, const char *code)
{
	CK_RV want = CKR_OK;
	size_t f = 0;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(names[i].name, code) == 0)
			want = names[i].value;
	ck_assert_msg(want != CKR_OK, "%s is not in the list of names", code);
	/* All of them are said, and fail the suite at its end. */
	if (rv != want) {
		printf("%s in line %d: 0x%lx, not CKR_%s\n", function, line, rv, code);
		wrong++;
		return;
	}
	while (f < spec_count && strcmp(spec_functions[f].name, function) != 0)
		f++;
	ck_assert_msg(f < spec_count, "%s is not in the table", function);
	seen[f][index_of(code)] = true;
}

/* complain: one line per fault, so that all are seen at once. */
static unsigned complain(const struct spec_function *f, const char *code, const char *what)
{
	printf("%s CKR_%s: %s\n", f->name, code, what);
	return 1;
}

void spec_complete(void)
{
	unsigned faults = wrong, pairs = 0;

	for (size_t i = 0; i < spec_count; i++) {
		const struct spec_function *f = &spec_functions[i];
		char list[1024];

		ck_assert_uint_lt(strlen(f->codes), sizeof(list));
		strcpy(list, f->codes);
		for (char *code = strtok(list, " "); code != NULL; code = strtok(NULL, " ")) {
			size_t k = 0;

			while (codes[k] != NULL && strcmp(codes[k], code) != 0)
				k++;
			pairs++;
			if (codes[k] != NULL && seen[i][k] && spec_never_of(f->name, code) != NULL)
				faults += complain(f, code, "provoked, though it is said that it cannot be");
			if ((codes[k] == NULL || !seen[i][k]) && spec_never_of(f->name, code) == NULL)
				faults += complain(f, code, "not provoked, and no reason is given");
		}
		for (size_t k = 0; codes[k] != NULL; k++)
			if (seen[i][k] && !spec_word(f->codes, codes[k]) && !spec_word(f->also, codes[k]) &&
			    !spec_word(spec_also, codes[k]))
				faults += complain(f, codes[k], "answered, though nobody lists it");
	}
	printf("%u codes of %zu functions\n", pairs, spec_count);
	ck_assert_uint_eq(faults, 0);
}

CK_ULONG *spec_room(CK_ULONG n)
{
	spec_len = n;
	return &spec_len;
}

CK_SESSION_HANDLE spec_open(CK_FLAGS flags)
{
	CK_SESSION_HANDLE h = 0;

	DONE(spec->C_OpenSession(spec_slot, CKF_SERIAL_SESSION | flags, NULL, NULL, &h));
	return h;
}

void spec_logout(void)
{
	(void)spec->C_Logout(spec_session);
}

void spec_login(CK_USER_TYPE type)
{
	spec_logout();
	if (type == CKU_SO)
		DONE(spec->C_Login(spec_session, CKU_SO, PIN(SO_PIN)));
	else
		DONE(spec->C_Login(spec_session, CKU_USER, PIN(USER_PIN)));
}

/* configure: little is held, so that the limit is soon reached. */
static void configure(void)
{
	char path[200];
	FILE *f;

	snprintf(path, sizeof(path), "%s/strongroom", directory);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/strongroom/strongroom.conf", directory);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs("hold_max = 4096\n", f);
	fclose(f);
}

void spec_begin(void)
{
	CK_RV (*get)(CK_UTF8CHAR_PTR, CK_VERSION_PTR, CK_INTERFACE_PTR_PTR, CK_FLAGS);
	CK_VERSION version = { 3, 2 };
	CK_INTERFACE *found = NULL;
	CK_UTF8CHAR label[32];
	CK_ULONG n = 1;

	for (size_t i = 0; i < sizeof(spec_bytes); i++)
		spec_bytes[i] = (uint8_t)(i + 1);
	temp_dir(directory);
	setenv("STRONGROOM_TOKEN_DIR", directory, 1);
	setenv("XDG_CONFIG_HOME", directory, 1);
	setenv("HOME", directory, 1);
	configure();
	served_start(directory);
	library = dlopen(getenv("STRONGROOM_MODULE"), RTLD_NOW | RTLD_LOCAL);
	ck_assert_msg(library != NULL, "%s", dlerror());
	*(void **)&get = dlsym(library, "C_GetInterface");
	DONE(get((CK_UTF8CHAR_PTR) "PKCS 11", &version, &found, 0));
	spec = found->pFunctionList;
	spec_every(0, "CRYPTOKI_NOT_INITIALIZED", false);
	DONE(spec->C_Initialize(NULL));
	DONE(spec->C_GetSlotList(CK_TRUE, &spec_slot, &n));
	memset(label, ' ', sizeof(label));
	memcpy(label, "specification", 13);
	DONE(spec->C_InitToken(spec_slot, PIN(SO_PIN), label));
	spec_session = spec_open(CKF_RW_SESSION);
	SPEC(USER_PIN_NOT_INITIALIZED, C_Login, spec_session, CKU_USER, PIN(USER_PIN));
	SPEC(USER_PIN_NOT_INITIALIZED, C_LoginUser, spec_session, CKU_USER, PIN(USER_PIN), NULL, 0);
	spec_login(CKU_SO);
	DONE(spec->C_InitPIN(spec_session, PIN(USER_PIN)));
	spec_login(CKU_USER);
}

void spec_end(void)
{
	DONE(spec->C_Finalize(NULL));
	dlclose(library);
	served_stop();
	temp_remove(directory);
}

static const struct {
	CK_FLAGS use;
	CK_ATTRIBUTE_TYPE type;
} usages[] = {
	{ CKF_ENCRYPT, CKA_ENCRYPT }, { CKF_DECRYPT, CKA_DECRYPT }, { CKF_SIGN, CKA_SIGN },
	{ CKF_VERIFY, CKA_VERIFY },   { CKF_WRAP, CKA_WRAP },       { CKF_UNWRAP, CKA_UNWRAP },
	{ CKF_DERIVE, CKA_DERIVE },
};

static CK_OBJECT_HANDLE generate(CK_MECHANISM_TYPE type, CK_ULONG len, CK_FLAGS uses, bool token)
{
	CK_MECHANISM m = { type, NULL, 0 };
	CK_OBJECT_HANDLE key = 0;
	CK_ATTRIBUTE t[16] = { { CKA_VALUE_LEN, &len, sizeof(len) },
			       { CKA_EXTRACTABLE, &spec_yes, 1 },
			       { CKA_TOKEN, token ? &spec_yes : &spec_no, 1 },
			       { CKA_PRIVATE, token ? &spec_no : &spec_yes, 1 } };
	CK_ULONG n = 4;

	for (size_t i = 0; i < ARRAY_LEN(usages); i++)
		if (uses & usages[i].use)
			t[n++] = (CK_ATTRIBUTE){ usages[i].type, &spec_yes, 1 };
	DONE(spec->C_GenerateKey(spec_session, &m, t, n, &key));
	return key;
}

CK_OBJECT_HANDLE spec_aes(CK_FLAGS uses)
{
	return generate(CKM_AES_KEY_GEN, 16, uses, false);
}

CK_OBJECT_HANDLE spec_generic(CK_ULONG len, CK_FLAGS uses)
{
	return generate(CKM_GENERIC_SECRET_KEY_GEN, len, uses, false);
}

CK_OBJECT_HANDLE spec_public_secret(CK_KEY_TYPE type, CK_FLAGS uses)
{
	return generate(type == CKK_AES ? CKM_AES_KEY_GEN : CKM_GENERIC_SECRET_KEY_GEN, 32, uses, true);
}

CK_OBJECT_HANDLE spec_data(bool token, bool private)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_OBJECT_HANDLE o = 0;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_TOKEN, token ? &spec_yes : &spec_no, 1 },
			     { CKA_PRIVATE, private ? &spec_yes : &spec_no, 1 },
			     { CKA_VALUE, spec_bytes, 20 } };

	DONE(spec->C_CreateObject(spec_session, t, ARRAY_LEN(t), &o));
	return o;
}

static void number(EVP_PKEY *pkey, const char *name, CK_ATTRIBUTE_TYPE type, CK_ATTRIBUTE *ret)
{
	BIGNUM *bn = NULL;

	ck_assert_int_eq(EVP_PKEY_get_bn_param(pkey, name, &bn), 1);
	*ret = (CK_ATTRIBUTE){ type, malloc((size_t)BN_num_bytes(bn)), (CK_ULONG)BN_num_bytes(bn) };
	BN_bn2bin(bn, ret->pValue);
	BN_free(bn);
}

/* imported: a pair from outside, which may be of any size. */
static void imported(unsigned bits, CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private)
{
	static const struct {
		const char *name;
		CK_ATTRIBUTE_TYPE type;
	} parts[] = { { OSSL_PKEY_PARAM_RSA_N, CKA_MODULUS },
		      { OSSL_PKEY_PARAM_RSA_E, CKA_PUBLIC_EXPONENT },
		      { OSSL_PKEY_PARAM_RSA_D, CKA_PRIVATE_EXPONENT },
		      { OSSL_PKEY_PARAM_RSA_FACTOR1, CKA_PRIME_1 },
		      { OSSL_PKEY_PARAM_RSA_FACTOR2, CKA_PRIME_2 },
		      { OSSL_PKEY_PARAM_RSA_EXPONENT1, CKA_EXPONENT_1 },
		      { OSSL_PKEY_PARAM_RSA_EXPONENT2, CKA_EXPONENT_2 },
		      { OSSL_PKEY_PARAM_RSA_COEFFICIENT1, CKA_COEFFICIENT } };
	static EVP_PKEY *made[2];
	EVP_PKEY **pkey = &made[bits == 512];
	CK_OBJECT_CLASS public = CKO_PUBLIC_KEY, private = CKO_PRIVATE_KEY;
	CK_KEY_TYPE rsa = CKK_RSA;
	CK_ATTRIBUTE t[24] = { { CKA_CLASS, &public, sizeof(public) }, { CKA_KEY_TYPE, &rsa, sizeof(rsa) } };
	size_t n = 2, uses;

	if (*pkey == NULL)
		*pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)bits);
	ck_assert_ptr_nonnull(*pkey);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		number(*pkey, parts[i].name, parts[i].type, &t[n + i]);
	if (ret_public != NULL) {
		CK_ATTRIBUTE p[] = { t[0],
				     t[1],
				     t[2],
				     t[3],
				     { CKA_ENCRYPT, &spec_yes, 1 },
				     { CKA_VERIFY, &spec_yes, 1 },
				     { CKA_WRAP, &spec_yes, 1 },
				     { CKA_VERIFY_RECOVER, &spec_yes, 1 } };

		DONE(spec->C_CreateObject(spec_session, p, ARRAY_LEN(p), ret_public));
	}
	t[0].pValue = &private;
	uses = n + ARRAY_LEN(parts);
	t[uses++] = (CK_ATTRIBUTE){ CKA_DECRYPT, &spec_yes, 1 };
	t[uses++] = (CK_ATTRIBUTE){ CKA_SIGN, &spec_yes, 1 };
	t[uses++] = (CK_ATTRIBUTE){ CKA_SIGN_RECOVER, &spec_yes, 1 };
	t[uses++] = (CK_ATTRIBUTE){ CKA_UNWRAP, &spec_yes, 1 };
	DONE(spec->C_CreateObject(spec_session, t, uses, ret_private));
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		free(t[n + i].pValue);
}

void spec_rsa(unsigned bits, CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private)
{
	static CK_OBJECT_HANDLE pairs[2][2];
	CK_OBJECT_HANDLE *pair = pairs[bits == 512];
	CK_OBJECT_CLASS class;
	CK_ATTRIBUTE t = { CKA_CLASS, &class, sizeof(class) };

	/* Private objects go with a logout. */
	if (pair[1] == 0 || spec->C_GetAttributeValue(spec_session, pair[1], &t, 1) != CKR_OK)
		imported(bits, &pair[0], &pair[1]);
	*ret_public = pair[0];
	*ret_private = pair[1];
}
