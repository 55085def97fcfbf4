/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

/* The operations through PKCS#11: each with its Init, in a single part. */
#define MADE_MAX 4096

struct call {
	CK_FUNCTION_LIST *f;
	CK_SESSION_HANDLE session;
	CK_MECHANISM m;
	union {
		CK_GCM_PARAMS gcm;
		CK_AES_CTR_PARAMS ctr;
		CK_RSA_PKCS_OAEP_PARAMS oaep;
		CK_ECDH1_DERIVE_PARAMS ecdh;
	} param;
	uint8_t iv[16], point[65];
	CK_OBJECT_HANDLE key, public, cargo;
	uint8_t *in, *out;
	CK_ULONG in_len, room;
	uint8_t other[1024]; /* signature, ciphertext, wrapped key */
	CK_ULONG other_len;
	CK_OBJECT_HANDLE made[MADE_MAX];
	size_t made_n;
	const struct bench_row *row;
	uint64_t seed;     /* work_find */
	CK_ATTRIBUTE find; /* work_find: points to text */
	char text[32];
};

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static bool run_encrypt(void *state)
{
	struct call *c = state;
	CK_ULONG n = c->room;

	return c->f->C_EncryptInit(c->session, &c->m, c->key) == CKR_OK &&
	       c->f->C_Encrypt(c->session, c->in, c->in_len, c->out, &n) == CKR_OK;
}

static bool run_decrypt(void *state)
{
	struct call *c = state;
	CK_ULONG n = c->room;

	return c->f->C_DecryptInit(c->session, &c->m, c->key) == CKR_OK &&
	       c->f->C_Decrypt(c->session, c->other, c->other_len, c->out, &n) == CKR_OK;
}

static bool run_sign(void *state)
{
	struct call *c = state;
	CK_ULONG n = c->room;

	return c->f->C_SignInit(c->session, &c->m, c->key) == CKR_OK &&
	       c->f->C_Sign(c->session, c->in, c->in_len, c->out, &n) == CKR_OK;
}

static bool run_verify(void *state)
{
	struct call *c = state;

	return c->f->C_VerifyInit(c->session, &c->m, c->public) == CKR_OK &&
	       c->f->C_Verify(c->session, c->in, c->in_len, c->other, c->other_len) == CKR_OK;
}

static bool run_digest(void *state)
{
	struct call *c = state;
	CK_ULONG n = c->room;

	return c->f->C_DigestInit(c->session, &c->m) == CKR_OK &&
	       c->f->C_Digest(c->session, c->in, c->in_len, c->out, &n) == CKR_OK;
}

static bool run_random(void *state)
{
	struct call *c = state;

	return c->f->C_GenerateRandom(c->session, c->out, c->row->size) == CKR_OK;
}

static bool run_wrap(void *state)
{
	struct call *c = state;
	CK_ULONG n = c->room;

	return c->f->C_WrapKey(c->session, &c->m, c->key, c->cargo, c->out, &n) == CKR_OK;
}

/* New session keys: what every template of them says. */
static CK_OBJECT_CLASS secret_class = CKO_SECRET_KEY;
#define NEW_KEY                                                                                                        \
	{ CKA_CLASS, &secret_class, sizeof(secret_class) }, { CKA_TOKEN, &no, 1 }, { CKA_SENSITIVE, &yes, 1 },         \
	{                                                                                                              \
		CKA_EXTRACTABLE, &no, 1                                                                                \
	}

static bool run_unwrap(void *state)
{
	struct call *c = state;
	CK_KEY_TYPE type = CKK_AES;
	CK_ATTRIBUTE t[] = { NEW_KEY, { CKA_KEY_TYPE, &type, sizeof(type) } };
	CK_OBJECT_HANDLE h;

	return c->f->C_UnwrapKey(c->session, &c->m, c->key, c->other, c->other_len, t, 5, &h) == CKR_OK &&
	       c->f->C_DestroyObject(c->session, h) == CKR_OK;
}

static bool run_ecdh(void *state)
{
	struct call *c = state;
	CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	CK_ULONG len = 32;
	CK_ATTRIBUTE t[] = { NEW_KEY, { CKA_KEY_TYPE, &type, sizeof(type) }, { CKA_VALUE_LEN, &len, sizeof(len) } };
	CK_OBJECT_HANDLE h;

	return c->f->C_DeriveKey(c->session, &c->m, c->key, t, 6, &h) == CKR_OK &&
	       c->f->C_DestroyObject(c->session, h) == CKR_OK;
}

static bool run_generate(void *state)
{
	struct call *c = state;
	CK_ULONG len = c->row->size;
	CK_ATTRIBUTE t[] = { NEW_KEY, { CKA_VALUE_LEN, &len, sizeof(len) } };

	return c->f->C_GenerateKey(c->session, &c->m, t, 5, &c->made[c->made_n++]) == CKR_OK;
}

static void clear_made(void *state)
{
	struct call *c = state;

	while (c->made_n > 0)
		c->f->C_DestroyObject(c->session, c->made[--c->made_n]);
}

static void drop(void *state)
{
	struct call *c = state;

	clear_made(c);
	free(c->in);
	free(c->out);
	free(c);
}

/* by_label: the object of that class that a lane before this one made. */
static bool by_label(struct call *c, CK_OBJECT_CLASS class, const char *label, bool token, CK_OBJECT_HANDLE *ret)
{
	CK_ATTRIBUTE t[] = {
		{ CKA_LABEL, (void *)(uintptr_t)label, strlen(label) },
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_TOKEN, token ? &yes : &no, 1 },
	};
	CK_ULONG n = 0;

	if (c->f->C_FindObjectsInit(c->session, t, 3) != CKR_OK)
		return false;
	if (c->f->C_FindObjects(c->session, ret, 1, &n) != CKR_OK)
		n = 0;
	c->f->C_FindObjectsFinal(c->session);
	return n == 1;
}

/* secret_key: for what the family does and nothing else, as the policy strict wants it. */
static bool secret_key(struct call *c, CK_MECHANISM_TYPE generate, size_t len, const char *label, bool token,
		       bool cargo, CK_OBJECT_HANDLE *ret)
{
	CK_MECHANISM m = { generate, NULL, 0 };
	CK_ULONG value_len = len;
	bool cipher = c->row->family == BENCH_CIPHER || c->row->family == BENCH_GCM;
	bool wraps = !cargo && (c->row->family == BENCH_WRAP || c->row->family == BENCH_UNWRAP);
	bool mac = !cipher && !wraps && !cargo;
	CK_ATTRIBUTE t[] = {
		{ CKA_LABEL, (void *)(uintptr_t)label, strlen(label) },
		{ CKA_TOKEN, token ? &yes : &no, 1 },
		{ CKA_PRIVATE, &yes, 1 },
		{ CKA_SENSITIVE, &yes, 1 },
		{ CKA_EXTRACTABLE, cargo ? &yes : &no, 1 },
		{ CKA_ENCRYPT, cipher ? &yes : &no, 1 },
		{ CKA_DECRYPT, &no, 1 },
		{ CKA_SIGN, mac ? &yes : &no, 1 },
		{ CKA_VERIFY, &no, 1 },
		{ CKA_WRAP, wraps ? &yes : &no, 1 },
		{ CKA_UNWRAP, wraps ? &yes : &no, 1 },
		{ CKA_VALUE_LEN, &value_len, sizeof(value_len) },
	};
	bool fixed = generate == CKM_DES_KEY_GEN || generate == CKM_DES2_KEY_GEN || generate == CKM_DES3_KEY_GEN;

	if (by_label(c, CKO_SECRET_KEY, label, token, ret))
		return true;
	return c->f->C_GenerateKey(c->session, &m, t, fixed ? 11 : 12, ret) == CKR_OK;
}

static bool pair(struct call *c, const char *label, bool token)
{
	static uint8_t p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
	static uint8_t ed25519[] = { 0x06, 0x03, 0x2b, 0x65, 0x70 }, e[] = { 1, 0, 1 };
	enum bench_family family = c->row->family;
	CK_MECHANISM m = { c->row->generate, NULL, 0 };
	CK_ULONG bits = c->row->key;
	bool rsa = c->row->generate == CKM_RSA_PKCS_KEY_PAIR_GEN, ed = c->row->mechanism == CKM_EDDSA;
	bool oaep = family == BENCH_OAEP, ecdh = family == BENCH_ECDH, signs = !oaep && !ecdh;
	CK_ATTRIBUTE public[] = {
		{ CKA_LABEL, (void *)(uintptr_t)label, strlen(label) },
		{ CKA_TOKEN, token ? &yes : &no, 1 },
		{ CKA_PRIVATE, &no, 1 },
		{ CKA_VERIFY, signs ? &yes : &no, 1 },
		{ CKA_ENCRYPT, oaep ? &yes : &no, 1 },
		{ CKA_WRAP, &no, 1 },
		rsa ? (CK_ATTRIBUTE){ CKA_MODULUS_BITS, &bits, sizeof(bits) }
		    : (CK_ATTRIBUTE){ CKA_EC_PARAMS, ed ? ed25519 : p256, ed ? sizeof(ed25519) : sizeof(p256) },
		{ CKA_PUBLIC_EXPONENT, e, sizeof(e) },
	};
	CK_ATTRIBUTE private[] = {
		{ CKA_LABEL, (void *)(uintptr_t)label, strlen(label) },
		{ CKA_TOKEN, token ? &yes : &no, 1 },
		{ CKA_PRIVATE, &yes, 1 },
		{ CKA_SENSITIVE, &yes, 1 },
		{ CKA_EXTRACTABLE, &no, 1 },
		{ CKA_SIGN, signs ? &yes : &no, 1 },
		{ CKA_DECRYPT, oaep ? &yes : &no, 1 },
		{ CKA_DERIVE, ecdh ? &yes : &no, 1 },
		{ CKA_UNWRAP, &no, 1 },
	};

	if (by_label(c, CKO_PRIVATE_KEY, label, token, &c->key) &&
	    by_label(c, CKO_PUBLIC_KEY, label, token, &c->public))
		return true;
	return c->f->C_GenerateKeyPair(c->session, &m, public, rsa ? 8 : 7, private, 9, &c->public, &c->key) == CKR_OK;
}

/* set_param: the mechanism with its parameter. */
static void set_param(struct call *c)
{
	EVP_PKEY *peer;
	size_t n;

	c->m = (CK_MECHANISM){ c->row->mechanism, NULL, 0 };
	switch (c->row->mechanism) {
	case CKM_AES_CBC:
		c->m.pParameter = c->iv;
		c->m.ulParameterLen = 16;
		break;
	case CKM_DES3_CBC:
		c->m.pParameter = c->iv;
		c->m.ulParameterLen = 8;
		break;
	case CKM_AES_CTR:
		c->param.ctr.counter_bits = 128;
		c->m.pParameter = &c->param;
		c->m.ulParameterLen = sizeof(c->param.ctr);
		break;
	case CKM_AES_GCM:
		c->param.gcm = (CK_GCM_PARAMS){ .iv_ptr = c->iv, .iv_len = 12, .iv_bits = 96, .tag_bits = 128 };
		c->m.pParameter = &c->param;
		c->m.ulParameterLen = sizeof(c->param.gcm);
		break;
	case CKM_RSA_PKCS_OAEP:
		c->param.oaep = (CK_RSA_PKCS_OAEP_PARAMS){ CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0 };
		c->m.pParameter = &c->param;
		c->m.ulParameterLen = sizeof(c->param.oaep);
		break;
	case CKM_ECDH1_DERIVE:
		peer = EVP_EC_gen("P-256");
		if (EVP_PKEY_get_octet_string_param(peer, OSSL_PKEY_PARAM_PUB_KEY, c->point, sizeof(c->point), &n) != 1)
			bench_fail("OpenSSL makes no P-256 key");
		EVP_PKEY_free(peer);
		c->param.ecdh = (CK_ECDH1_DERIVE_PARAMS){ CKD_NULL, 0, NULL, sizeof(c->point), c->point };
		c->m.pParameter = &c->param;
		c->m.ulParameterLen = sizeof(c->param.ecdh);
		break;
	default:
		break;
	}
}

/* set_other: what the operation begins with besides its input. */
static bool set_other(struct call *c, bool token)
{
	c->other_len = sizeof(c->other);
	switch (c->row->family) {
	case BENCH_OAEP:
		return c->f->C_EncryptInit(c->session, &c->m, c->public) == CKR_OK &&
		       c->f->C_Encrypt(c->session, c->in, c->in_len, c->other, &c->other_len) == CKR_OK;
	case BENCH_VERIFY:
		return c->f->C_SignInit(c->session, &c->m, c->key) == CKR_OK &&
		       c->f->C_Sign(c->session, c->in, c->in_len, c->other, &c->other_len) == CKR_OK;
	case BENCH_WRAP:
	case BENCH_UNWRAP:
		return secret_key(c, CKM_AES_KEY_GEN, 32, "cargo", token, true, &c->cargo) &&
		       c->f->C_WrapKey(c->session, &c->m, c->key, c->cargo, c->other, &c->other_len) == CKR_OK;
	default:
		return true;
	}
}

static bool prepare(struct call *c, bool token)
{
	set_param(c);
	if (!bench_has_key(c->row))
		return true;
	if (c->row->floor[0] != '\0' && (strcmp(c->row->floor, "RSA") == 0 || strcmp(c->row->floor, "EC") == 0 ||
					 strcmp(c->row->floor, "ED25519") == 0))
		return pair(c, c->row->name, token) && set_other(c, token);
	return secret_key(c, c->row->generate, c->row->key, c->row->name, token, false, &c->key) && set_other(c, token);
}

static struct call *call_new(const struct place *p, const struct bench_row *row)
{
	struct call *c = calloc(1, sizeof(*c));

	if (c == NULL)
		bench_fail("no memory");
	c->f = p->f;
	c->session = p->session;
	c->row = row;
	return c;
}

bool work_module(const struct place *p, const struct bench_row *row, bool token, struct work *w)
{
	static bool (*const run[])(void *) = {
		[BENCH_CIPHER] = run_encrypt, [BENCH_GCM] = run_encrypt,       [BENCH_MAC] = run_sign,
		[BENCH_CBC_MAC] = run_sign,   [BENCH_RETAIL_MAC] = run_sign,   [BENCH_DIGEST] = run_digest,
		[BENCH_SIGN] = run_sign,      [BENCH_VERIFY] = run_verify,     [BENCH_OAEP] = run_decrypt,
		[BENCH_ECDH] = run_ecdh,      [BENCH_GENERATE] = run_generate, [BENCH_WRAP] = run_wrap,
		[BENCH_UNWRAP] = run_unwrap,  [BENCH_RANDOM] = run_random,
	};
	struct call *c = call_new(p, row);

	*w = (struct work){ .state = c, .run = run[row->family], .clear = clear_made, .drop = drop };
	w->most = row->family == BENCH_GENERATE ? MADE_MAX : 0;
	c->in_len = row->size;
	c->room = row->size + 1024;
	c->in = calloc(1, c->room);
	c->out = calloc(1, c->room);
	if (c->in == NULL || c->out == NULL)
		bench_fail("no memory");
	if (!prepare(c, token) || !w->run(c)) {
		drop(c);
		return false;
	}
	clear_made(c);
	return true;
}

/* next: the number of the next object, in an order of no pattern. */
static size_t next(struct call *c)
{
	c->seed = c->seed * 6364136223846793005u + 1442695040888963407u;
	return (size_t)((c->seed >> 33) % c->row->size);
}

static bool find_one(struct call *c, CK_OBJECT_HANDLE *ret)
{
	CK_OBJECT_HANDLE found[2];
	CK_ULONG n = 0;

	snprintf(c->text, sizeof(c->text), STORE_LABEL, next(c));
	c->find = (CK_ATTRIBUTE){ c->row->attribute == CKA_ID ? CKA_ID : CKA_LABEL, c->text, strlen(c->text) };
	if (c->f->C_FindObjectsInit(c->session, &c->find, 1) != CKR_OK)
		return false;
	if (c->f->C_FindObjects(c->session, found, 2, &n) != CKR_OK || c->f->C_FindObjectsFinal(c->session) != CKR_OK)
		return false;
	*ret = found[0];
	return n == 1;
}

static bool run_find(void *state)
{
	CK_OBJECT_HANDLE h;

	return find_one(state, &h);
}

void work_find(const struct place *p, const struct bench_row *row, struct work *w)
{
	*w = (struct work){ .state = call_new(p, row), .run = run_find, .drop = drop };
}

static bool run_attributes(void *state)
{
	struct call *c = state;
	char label[64], id[64];
	CK_OBJECT_CLASS class;
	CK_KEY_TYPE type;
	CK_BBOOL sensitive;
	CK_ATTRIBUTE t[] = {
		{ CKA_CLASS, &class, sizeof(class) }, { CKA_KEY_TYPE, &type, sizeof(type) },
		{ CKA_LABEL, label, sizeof(label) },  { CKA_ID, id, sizeof(id) },
		{ CKA_SENSITIVE, &sensitive, 1 },
	};

	return c->f->C_GetAttributeValue(c->session, c->key, t, 5) == CKR_OK;
}

void work_attributes(const struct place *p, const struct bench_row *row, struct work *w)
{
	struct call *c = call_new(p, row);

	*w = (struct work){ .state = c, .run = run_attributes, .drop = drop };
	if (!find_one(c, &c->key))
		bench_fail("an object is not found");
}
