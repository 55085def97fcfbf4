/* SPDX-License-Identifier: BSD-2-Clause */
#include "pay_kit.h"
#include <string.h>
#include "crypto.h"
#include "key_block_seal.h"

#define TR31_A74 "88E1AB2A2E3DD38C1FA039A536500CC8A87AB9D62DC92C01058FA79F44657DE6"

struct pay_kbpk pay_aes = { .label = "KBPK", .type = CKK_AES, .len = 32 };
struct pay_kbpk pay_tdes = { .label = "KBPK-T", .type = CKK_DES3, .len = 24 };
static struct crypto *crypto;
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

size_t pay_hex(const char *hex, uint8_t *ret)
{
	BUF_AUTO b = { 0 };

	ck_assert(hex_decode(hex, strlen(hex), &b));
	memcpy(ret, b.p, b.len);
	return b.len;
}

static void enter(struct pay_kbpk *k, unsigned place)
{
	uint8_t part[32];
	char label[32];

	kit_pattern(part, k->len, (unsigned)k->len);
	for (size_t i = 0; i < k->len && place == 2; i++)
		part[i] ^= k->value[i];
	snprintf(label, sizeof(label), "%s#%u/2", k->label, place);
	ck_ok(kit_component(label, k->type, VIEW(part, k->len), NULL));
}

void pay_begin(void)
{
	ck_assert_uint_eq(crypto_new(&crypto), CKR_OK);
	kit_begin();
	pay_hex(TR31_A74, pay_aes.value);
	kit_pattern(pay_tdes.value, pay_tdes.len, 77);
	des_set_parity(pay_tdes.value, pay_tdes.len);
	kit_login(KIT_ALICE);
	enter(&pay_aes, 1);
	enter(&pay_tdes, 1);
	kit_login(KIT_BOB);
	enter(&pay_aes, 2);
	enter(&pay_tdes, 2);
	ck_ok(kit_combine(pay_aes.label, pay_aes.type, pay_aes.len, &pay_aes.key));
	ck_ok(kit_combine(pay_tdes.label, pay_tdes.type, pay_tdes.len, &pay_tdes.key));
	kit_login(KIT_USER);
	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, pay_aes.label, &pay_aes.key), 1);
	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, pay_tdes.label, &pay_tdes.key), 1);
}

void pay_end(void)
{
	ck_test_end();
	crypto_free(crypto);
}

static struct key_block_header header_of(CK_KEY_TYPE type, const char *header)
{
	struct key_block_header h = { .version = type == CKK_AES ? 'D' : 'B',
				      .algorithm = header[2],
				      .mode = header[3],
				      .exportability = header[6],
				      .context = '0' };

	memcpy(h.usage, header, 2);
	memcpy(h.key_version, header + 4, 2);
	return h;
}

size_t pay_block(CK_KEY_TYPE type, struct view kbpk, const char *header, const char *options, struct view key,
		 uint8_t *text)
{
	static const uint8_t filler[KEY_BLOCK_FILLER];
	struct key_block_header h = header_of(type, header);
	size_t block = key_block_cipher_block(h.version), n = (2 + key.n + block - 1) / block * block;
	SECRET_AUTO data = { 0 };
	BUF_AUTO b = { 0 };
	unsigned count = 0;
	uint8_t mac[16];

	ck_assert(key_block_options_ok(view_of_string(options), &count));
	ck_assert(secret_init(&data, n));
	data.len = n;
	be_put16(data.p, (uint16_t)(8 * key.n));
	memcpy(data.p + 2, key.p, key.n);
	key_block_put_header(&b, &h, view_of_string(options), count, n, filler);
	ck_assert_uint_eq(key_block_seal(crypto, type, kbpk, buf_view(&b), &data, mac), CKR_OK);
	key_block_put_hex(&b, secret_view(&data));
	key_block_put_hex(&b, VIEW(mac, key_block_mac_len(h.version)));
	ck_assert(buf_ok(&b));
	memcpy(text, b.p, b.len);
	return b.len;
}

bool pay_open(CK_KEY_TYPE type, struct view kbpk, struct view text, uint8_t *ret, size_t *ret_len)
{
	SECRET_AUTO data = { 0 };
	struct key_block b;

	if (!key_block_parse(text, &b) || key_block_open(crypto, type, kbpk, &b, &data) != CKR_OK)
		return false;
	*ret_len = be_get16(data.p) / 8;
	memcpy(ret, data.p + 2, *ret_len);
	return true;
}

bool pay_seals_again(CK_KEY_TYPE type, struct view kbpk, struct view text)
{
	SECRET_AUTO data = { 0 };
	BUF_AUTO again = { 0 };
	struct key_block b;
	uint8_t mac[16];

	ck_assert(key_block_parse(text, &b));
	ck_assert_uint_eq(key_block_open(crypto, type, kbpk, &b, &data), CKR_OK);
	ck_assert_uint_eq(key_block_seal(crypto, type, kbpk, b.covered, &data, mac), CKR_OK);
	buf_put_view(&again, b.covered);
	key_block_put_hex(&again, secret_view(&data));
	key_block_put_hex(&again, VIEW(mac, key_block_mac_len(b.h.version)));
	return view_equal(buf_view(&again), text);
}

CK_RV pay_unwrap(CK_OBJECT_HANDLE kbpk, struct view text, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
	CK_MECHANISM m = { CKM_SR_KEY_BLOCK, NULL, 0 };

	return ck->C_UnwrapKey(ck_session, &m, kbpk, (CK_BYTE_PTR)(uintptr_t)text.p, text.n, t, n, ret);
}

CK_OBJECT_HANDLE pay_import(const struct pay_kbpk *kbpk, const char *header, struct view key)
{
	uint8_t text[SR_KEY_BLOCK_MAX];
	size_t n = pay_block(kbpk->type, VIEW(kbpk->value, kbpk->len), header, "", key, text);
	CK_OBJECT_HANDLE h = 0;

	ck_ok(pay_unwrap(kbpk->key, VIEW(text, n), NULL, 0, &h));
	return h;
}

struct sr_key_block_params pay_params(const char *header, CK_ULONG flags)
{
	struct sr_key_block_params p = { .algorithm = (CK_BYTE)header[2],
					 .mode = (CK_BYTE)header[3],
					 .exportability = (CK_BYTE)header[6],
					 .flags = flags };

	memcpy(p.usage, header, 2);
	memcpy(p.keyVersion, header + 4, 2);
	return p;
}

CK_RV pay_wrap(CK_OBJECT_HANDLE kbpk, CK_OBJECT_HANDLE key, const char *header, CK_ULONG flags, uint8_t *text,
	       CK_ULONG *len)
{
	struct sr_key_block_params p = pay_params(header, flags);
	CK_MECHANISM m = { CKM_SR_KEY_BLOCK, &p, sizeof(p) };

	return ck->C_WrapKey(ck_session, &m, kbpk, key, text, len);
}

CK_OBJECT_HANDLE pay_key(CK_KEY_TYPE type, struct view value, CK_FLAGS uses)
{
	static const struct {
		CK_FLAGS flag;
		CK_ATTRIBUTE_TYPE type;
	} usages[] = { { CKF_ENCRYPT, CKA_ENCRYPT }, { CKF_DECRYPT, CKA_DECRYPT }, { CKF_SIGN, CKA_SIGN },
		       { CKF_VERIFY, CKA_VERIFY },   { CKF_WRAP, CKA_WRAP },       { CKF_UNWRAP, CKA_UNWRAP },
		       { CKF_DERIVE, CKA_DERIVE } };
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	uint8_t copy[512];
	CK_OBJECT_HANDLE h = 0;
	CK_ATTRIBUTE t[16] = { { CKA_CLASS, &class, sizeof(class) },
			       { CKA_KEY_TYPE, &type, sizeof(type) },
			       { CKA_VALUE, copy, value.n },
			       { CKA_SENSITIVE, &no, 1 },
			       { CKA_EXTRACTABLE, &yes, 1 } };
	CK_ULONG n = 5;

	memcpy(copy, value.p, value.n);
	if (type == CKK_DES || type == CKK_DES2 || type == CKK_DES3)
		des_set_parity(copy, value.n);
	for (size_t i = 0; i < ARRAY_LEN(usages); i++) {
		if (uses & usages[i].flag)
			t[n++] = (CK_ATTRIBUTE){ usages[i].type, &yes, 1 };
	}
	ck_ok(ck->C_CreateObject(ck_session, t, n, &h));
	return h;
}

bool pay_same(CK_OBJECT_HANDLE a, CK_OBJECT_HANDLE b)
{
	uint8_t x[8], y[8];
	CK_ATTRIBUTE ta = { CKA_CHECK_VALUE, x, sizeof(x) }, tb = { CKA_CHECK_VALUE, y, sizeof(y) };

	ck_ok(ck->C_GetAttributeValue(ck_session, a, &ta, 1));
	ck_ok(ck->C_GetAttributeValue(ck_session, b, &tb, 1));
	return ta.ulValueLen == 3 && tb.ulValueLen == 3 && memcmp(x, y, 3) == 0;
}

void pay_ecb(CK_KEY_TYPE type, struct view key, bool encrypt, uint8_t *block, size_t n)
{
	ck_assert_uint_eq(crypto_ecb(crypto, type, key, encrypt, VIEW(block, n), block), CKR_OK);
}
