/* SPDX-License-Identifier: BSD-2-Clause */
#include "vendor_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint8_t kit_terminal_random[16], kit_host_random[16];

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

void kit_login(const char *pin)
{
	ck_logout();
	if (pin)
		ck_ok(ck->C_Login(ck_session, CKU_USER, CK_TEXT(pin)));
}

static void custodian(const char *given, const char *own)
{
	ck_login(CKU_SO);
	ck_ok(ck->C_InitPIN(ck_session, CK_TEXT(given)));
	kit_login(given);
	ck_ok(ck->C_SetPIN(ck_session, CK_TEXT(given), CK_TEXT(own)));
	kit_login(NULL);
}

void kit_begin(void)
{
	ck_test_begin();
	custodian("alice:11111111", KIT_ALICE);
	custodian("bob:22222222", KIT_BOB);
	custodian("carol:33333333", KIT_CAROL);
	kit_pattern(kit_terminal_random, 16, 1001);
	kit_pattern(kit_host_random, 16, 1002);
}

void kit_pattern(uint8_t *p, size_t n, unsigned seed)
{
	uint32_t x = seed * 2654435761u + 12345u;

	for (size_t i = 0; i < n; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		p[i] = (uint8_t)(x >> 11);
	}
}

CK_RV kit_component(const char *label, CK_KEY_TYPE type, struct view value, CK_OBJECT_HANDLE *ret)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_OBJECT_HANDLE h = 0;
	CK_ATTRIBUTE t[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_KEY_TYPE, &type, sizeof(type) },
		{ CKA_TOKEN, &yes, 1 },
		{ CKA_VALUE, (void *)(uintptr_t)value.p, value.n },
		{ CKA_PRIVATE, &yes, 1 },
		{ CKA_SENSITIVE, &yes, 1 },
		{ CKA_EXTRACTABLE, &no, 1 },
		{ CKA_ENCRYPT, &yes, 1 },
		{ CKA_DECRYPT, &yes, 1 },
		{ CKA_LABEL, (void *)(uintptr_t)label, strlen(label) },
	};
	CK_RV rv = ck->C_CreateObject(ck_session, t, ARRAY_LEN(t), &h);

	if (rv == CKR_OK && ret)
		*ret = h;
	return rv;
}

CK_RV kit_combine(const char *label, CK_KEY_TYPE type, CK_ULONG length, CK_OBJECT_HANDLE *ret)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_MECHANISM m = { CKM_SR_COMPONENT_COMBINE, NULL, 0 };
	CK_OBJECT_HANDLE h = 0;
	CK_BYTE id = 0x50;
	CK_ATTRIBUTE t[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_KEY_TYPE, &type, sizeof(type) },
		{ CKA_TOKEN, &yes, 1 },
		{ CKA_VALUE_LEN, &length, sizeof(length) },
		{ CKA_PRIVATE, &yes, 1 },
		{ CKA_SENSITIVE, &yes, 1 },
		{ CKA_EXTRACTABLE, &no, 1 },
		{ CKA_ENCRYPT, &yes, 1 },
		{ CKA_DECRYPT, &yes, 1 },
		{ CKA_LABEL, (void *)(uintptr_t)label, strlen(label) },
		{ CKA_ID, &id, 1 },
	};
	CK_RV rv = ck->C_GenerateKey(ck_session, &m, t, ARRAY_LEN(t), &h);

	if (rv == CKR_OK && ret)
		*ret = h;
	return rv;
}

static unsigned seed_of(const struct kit_wish *w, unsigned k)
{
	unsigned seed = k;

	for (const char *c = w->name; *c; c++)
		seed = seed * 31 + (unsigned char)*c;
	return seed;
}

void kit_wish_value(const struct kit_wish *w, uint8_t *ret)
{
	uint8_t other[32];

	kit_pattern(ret, w->length, seed_of(w, 1));
	kit_pattern(other, w->length, seed_of(w, 2));
	for (size_t i = 0; i < w->length; i++) {
		ret[i] ^= other[i];
		if (w->type != CKK_AES)
			ret[i] = (uint8_t)((ret[i] & 0xfe) | !(__builtin_popcount(ret[i] & 0xfe) & 1));
	}
}

static void enter(const struct kit_wish *w, unsigned k)
{
	uint8_t value[32];
	char label[64];

	kit_pattern(value, w->length, seed_of(w, k));
	snprintf(label, sizeof(label), "%s#%u/2", w->name, k);
	ck_ok(kit_component(label, w->type, VIEW(value, w->length), NULL));
}

void kit_combined(const struct kit_wish *wishes, size_t count)
{
	kit_login(KIT_ALICE);
	for (size_t i = 0; i < count; i++)
		enter(&wishes[i], 1);
	kit_login(KIT_BOB);
	for (size_t i = 0; i < count; i++) {
		enter(&wishes[i], 2);
		ck_ok(kit_combine(wishes[i].name, wishes[i].type, wishes[i].length, NULL));
	}
}

CK_ULONG kit_find(CK_OBJECT_CLASS class, const char *label, CK_OBJECT_HANDLE *ret)
{
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) } };

	return ck_find(t, ARRAY_LEN(t), ret);
}

CK_ULONG kit_count(void)
{
	CK_OBJECT_HANDLE found[4096];
	CK_ULONG n = 0;

	ck_ok(ck->C_FindObjectsInit(ck_session, NULL, 0));
	ck_ok(ck->C_FindObjects(ck_session, found, ARRAY_LEN(found), &n));
	ck_ok(ck->C_FindObjectsFinal(ck_session));
	ck_assert_uint_lt(n, ARRAY_LEN(found));
	return n;
}

CK_RV kit_sign(CK_MECHANISM_TYPE mechanism, CK_OBJECT_HANDLE key, struct view data, uint8_t *ret, CK_ULONG *len)
{
	CK_MECHANISM m = { mechanism, NULL, 0 };
	CK_RV rv = ck->C_SignInit(ck_session, &m, key);

	if (rv != CKR_OK)
		return rv;
	return ck->C_Sign(ck_session, (CK_BYTE_PTR)(uintptr_t)data.p, data.n, ret, len);
}

CK_RV kit_verify(CK_MECHANISM_TYPE mechanism, CK_OBJECT_HANDLE key, struct view data, struct view tag)
{
	CK_MECHANISM m = { mechanism, NULL, 0 };
	CK_RV rv = ck->C_VerifyInit(ck_session, &m, key);

	if (rv != CKR_OK)
		return rv;
	return ck->C_Verify(ck_session, (CK_BYTE_PTR)(uintptr_t)data.p, data.n, (CK_BYTE_PTR)(uintptr_t)tag.p, tag.n);
}

CK_RV kit_check_value(CK_OBJECT_HANDLE key, uint8_t ret[3])
{
	uint8_t none = 0;
	CK_ULONG len = 3;
	CK_RV rv = kit_sign(CKM_SR_CHECK_VALUE, key, VIEW(&none, 0), ret, &len);

	if (rv == CKR_OK)
		ck_assert_uint_eq(len, 3);
	return rv;
}

static CK_MECHANISM_TYPE generator(CK_KEY_TYPE type)
{
	return type == CKK_AES ? CKM_AES_KEY_GEN : type == CKK_DES2 ? CKM_DES2_KEY_GEN : CKM_DES3_KEY_GEN;
}

CK_OBJECT_HANDLE kit_plain_key(CK_KEY_TYPE type, CK_ULONG length)
{
	CK_MECHANISM m = { generator(type), NULL, 0 };
	CK_OBJECT_HANDLE h = 0;
	CK_ATTRIBUTE t[] = {
		{ CKA_ENCRYPT, &yes, 1 },     { CKA_DECRYPT, &yes, 1 },
		{ CKA_SIGN, &yes, 1 },        { CKA_VERIFY, &yes, 1 },
		{ CKA_WRAP, &yes, 1 },        { CKA_UNWRAP, &yes, 1 },
		{ CKA_EXTRACTABLE, &yes, 1 }, { CKA_VALUE_LEN, &length, sizeof(length) },
	};

	ck_ok(ck->C_GenerateKey(ck_session, &m, t, ARRAY_LEN(t), &h));
	return h;
}

CK_RV kit_role_key(CK_ULONG role, CK_KEY_TYPE type, CK_ULONG length, CK_OBJECT_HANDLE *ret)
{
	CK_MECHANISM m = { generator(type), NULL, 0 };
	CK_OBJECT_HANDLE h = 0;
	CK_ATTRIBUTE t[] = {
		{ CKA_SR_ROLE, &role, sizeof(role) },
		{ CKA_VALUE_LEN, &length, sizeof(length) },
	};
	CK_RV rv = ck->C_GenerateKey(ck_session, &m, t, ARRAY_LEN(t), &h);

	if (rv == CKR_OK)
		*ret = h;
	return rv;
}

void kit_pair(CK_ULONG bits, bool role, CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private)
{
	CK_MECHANISM m = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_ULONG pr = SR_ROLE_PR;
	CK_ATTRIBUTE public[] = { { CKA_MODULUS_BITS, &bits, sizeof(bits) }, { CKA_WRAP, &yes, 1 } };
	CK_ATTRIBUTE private[] = { { CKA_UNWRAP, &yes, 1 }, { CKA_SR_ROLE, &pr, sizeof(pr) } };

	ck_ok(ck->C_GenerateKeyPair(ck_session, &m, public, ARRAY_LEN(public), private, role ? 2 : 1, ret_public,
				    ret_private));
}

struct sr_tk_generate_params kit_tk_params(struct kit_tk *tk, CK_OBJECT_HANDLE pu, CK_ULONG suite, CK_ULONG handshake,
					   CK_KEY_TYPE type, CK_ULONG length)
{
	static CK_ULONG counter;
	static CK_BYTE serial[] = "POS-000042", pin_pad[] = "PP-7", cert[] = { 0x12, 0x34 };

	tk->packet_len = sizeof(tk->packet);
	return (struct sr_tk_generate_params){ .hPu = pu,
					       .suite = suite,
					       .handshake = handshake,
					       .oaepHash = CKM_SHA256,
					       .keyType = type,
					       .keyLen = length,
					       .pSerial = serial,
					       .ulSerialLen = sizeof(serial) - 1,
					       .pPinPad = pin_pad,
					       .ulPinPadLen = sizeof(pin_pad) - 1,
					       .pCertSerial = cert,
					       .ulCertSerialLen = sizeof(cert),
					       .counter = ++counter,
					       .phAuk = &tk->auk,
					       .pPacket = tk->packet,
					       .pulPacketLen = &tk->packet_len };
}

CK_RV kit_tk_generate(struct sr_tk_generate_params *p, struct kit_tk *tk)
{
	CK_MECHANISM m = { CKM_SR_TK_GENERATE, p, sizeof(*p) };
	CK_ATTRIBUTE t[] = { { CKA_LABEL, (void *)(uintptr_t) "TK", 2 } };

	return ck->C_GenerateKey(ck_session, &m, t, 1, &tk->tek);
}

CK_RV kit_rewrap(CK_OBJECT_HANDLE pk, CK_OBJECT_HANDLE mak, CK_OBJECT_HANDLE pr, struct view packet, uint8_t *ret,
		 CK_ULONG *len)
{
	static CK_BYTE customer[] = "ACME";
	struct sr_tk_rewrap_params p = { .hMak = mak,
					 .pPacket = (CK_BYTE_PTR)(uintptr_t)packet.p,
					 .ulPacketLen = packet.n,
					 .pCustomer = customer,
					 .ulCustomerLen = 4,
					 .collectionTime = 1700000000 };
	CK_MECHANISM m = { CKM_SR_TK_REWRAP, &p, sizeof(p) };

	return ck->C_WrapKey(ck_session, &m, pk, pr, ret, len);
}

CK_RV kit_open(CK_OBJECT_HANDLE pk, CK_OBJECT_HANDLE mak, struct view record, CK_OBJECT_HANDLE *ret_tek,
	       CK_OBJECT_HANDLE *ret_auk)
{
	struct sr_tk_open_params p = { .hMak = mak, .phAuk = ret_auk };
	CK_MECHANISM m = { CKM_SR_TK_OPEN, &p, sizeof(p) };

	return ck->C_UnwrapKey(ck_session, &m, pk, (CK_BYTE_PTR)(uintptr_t)record.p, record.n, NULL, 0, ret_tek);
}

static struct sr_tmk_params tmk_params(CK_OBJECT_HANDLE auk, bool nonces)
{
	struct sr_tmk_params p = { .hAuk = auk };

	if (nonces) {
		p.pTerminalRandom = kit_terminal_random;
		p.pHostRandom = kit_host_random;
		p.ulTerminalRandomLen = p.ulHostRandomLen = 16;
	}
	return p;
}

CK_RV kit_export(CK_OBJECT_HANDLE tek, CK_OBJECT_HANDLE auk, CK_OBJECT_HANDLE tmk, bool nonces, uint8_t *ret,
		 CK_ULONG *len)
{
	struct sr_tmk_params p = tmk_params(auk, nonces);
	CK_MECHANISM m = { CKM_SR_TMK_EXPORT, &p, sizeof(p) };

	return ck->C_WrapKey(ck_session, &m, tek, tmk, ret, len);
}

CK_RV kit_load(CK_OBJECT_HANDLE tek, CK_OBJECT_HANDLE auk, struct view message, bool nonces, CK_OBJECT_HANDLE *ret)
{
	struct sr_tmk_params p = tmk_params(auk, nonces);
	CK_MECHANISM m = { CKM_SR_TMK_LOAD, &p, sizeof(p) };
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) } };

	return ck->C_UnwrapKey(ck_session, &m, tek, (CK_BYTE_PTR)(uintptr_t)message.p, message.n, t, 1, ret);
}

/* key=value words of a vector line. */
bool kit_word(const char *line, const char *name, struct buf *out)
{
	char key[32];
	const char *at;

	snprintf(key, sizeof(key), " %s=", name);
	at = strstr(line, key);
	if (!at)
		return false;
	at += strlen(key);
	return hex_decode(at, strspn(at, "0123456789ABCDEFabcdef"), out);
}

FILE *kit_vectors(const char *name)
{
	char path[512];
	char line[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", getenv("STRONGROOM_VECTORS"), name);
	f = fopen(path, "r");
	ck_assert_msg(f != NULL, "%s cannot be read", path);
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), f)); /* the source */
	return f;
}

void kit_check_equals(CK_OBJECT_HANDLE h, const char *line, const char *name)
{
	BUF_AUTO want = { 0 };
	uint8_t got[3];

	ck_assert(kit_word(line, name, &want));
	ck_assert_uint_eq(want.len, 3);
	ck_ok(kit_check_value(h, got));
	ck_assert_mem_eq(got, want.p, 3);
}
