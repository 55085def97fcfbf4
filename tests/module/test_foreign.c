/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The other end made with libcrypto alone: packets as another maker's secure module gives them out, records and TMK
 * messages read with the keys that this test knows. What the module writes and reads is docs/formats.md, not merely the
 * same on both of its own ends (R1.4, R1.7, R1.9 to R1.11).
 */
#include "tk_kit.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <string.h>

static EVP_PKEY *public_key(void)
{
	uint8_t modulus[512], exponent[8];
	CK_ATTRIBUTE t[] = { { CKA_MODULUS, modulus, sizeof(modulus) },
			     { CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent) } };
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY *pkey = NULL;
	OSSL_PARAM *params;
	BIGNUM *n, *e;

	ck_ok(ck->C_GetAttributeValue(ck_session, tk_pu, t, 2));
	n = BN_bin2bn(modulus, (int)t[0].ulValueLen, NULL);
	e = BN_bin2bn(exponent, (int)t[1].ulValueLen, NULL);
	ck_assert(OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1);
	ck_assert(OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1);
	params = OSSL_PARAM_BLD_to_param(build);
	ck_assert(EVP_PKEY_fromdata_init(ctx) == 1 && EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) == 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	BN_free(n);
	BN_free(e);
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

static const char *const hash_names[] = { NULL, "SHA1", "SHA256", "SHA384", "SHA512" };

static void oaep(EVP_PKEY *pkey, uint8_t hash, struct view in, uint8_t ret[256])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	size_t n = 256;

	ck_assert(EVP_PKEY_encrypt_init(ctx) == 1);
	ck_assert(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1);
	ck_assert(EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, hash_names[hash], NULL) == 1);
	ck_assert(EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, hash_names[hash], NULL) == 1);
	ck_assert(EVP_PKEY_encrypt(ctx, ret, &n, in.p, in.n) == 1);
	EVP_PKEY_CTX_free(ctx);
}

/* 16 bytes of TDES are K1 K2 K1. */
static struct view three(struct view key, bool aes, uint8_t store[24])
{
	if (aes || key.n == 24)
		return key;
	memcpy(store, key.p, 16);
	memcpy(store + 16, key.p, 8);
	return VIEW(store, 24);
}

static size_t cmac(bool aes, struct view key, const struct buf *data, uint8_t ret[16])
{
	static const char *const ciphers[] = { "AES-128-CBC", "AES-192-CBC", "AES-256-CBC" };
	uint8_t store[24];
	struct view k = three(key, aes, store);
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
	OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(
				    "cipher", (char *)(uintptr_t)(aes ? ciphers[k.n / 8 - 2] : "DES-EDE3-CBC"), 0),
				OSSL_PARAM_construct_end() };
	size_t n = 0;

	ck_assert(buf_ok(data));
	ck_assert(EVP_MAC_init(ctx, k.p, k.n, params) == 1);
	ck_assert(EVP_MAC_update(ctx, data->p, data->len) == 1 && EVP_MAC_final(ctx, ret, &n, 16) == 1);
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
	return n;
}

/* What a key encryption key does: AES key wrap, or DES3-CBC with an IV. */
static void carry(bool aes, bool wrap, struct view kek, const uint8_t *iv, struct view in, uint8_t *ret)
{
	static const char *const names[] = { "AES-128-WRAP", "AES-192-WRAP", "AES-256-WRAP" };
	uint8_t store[24];
	struct view k = three(kek, aes, store);
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, aes ? names[k.n / 8 - 2] : "DES-EDE3-CBC", NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;

	EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	ck_assert(EVP_CipherInit_ex2(ctx, cipher, k.p, aes ? NULL : iv, wrap, NULL) == 1);
	EVP_CIPHER_CTX_set_padding(ctx, 0);
	ck_assert(EVP_CipherUpdate(ctx, ret, &n, in.p, (int)in.n) == 1);
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(cipher);
}

static void check_value_of(bool aes, struct view key, uint8_t ret[3])
{
	uint8_t zero[16] = { 0 }, out[32];
	BUF_AUTO b = { 0 };

	if (aes) {
		buf_put(&b, zero, 16);
		cmac(true, key, &b, out);
	} else {
		carry(false, true, key, zero, VIEW(zero, 8), out);
	}
	memcpy(ret, out, 3);
}

/* A terminal of another maker: its keys are known here. */
struct foreign {
	bool aes;
	uint8_t tek[32], auk[32];
	size_t n;
	uint8_t ctek[256], cauk[256], mac[16];
	struct tk_packet p;
};

static const uint8_t wire_hash[] = { 1, 2, 3, 4, 1, 2, 3, 4, 2, 2, 2, 1, 2, 4 }; /* of tk_shapes */

static void odd_parity(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)((p[i] & 0xfe) | !(__builtin_popcount(p[i] & 0xfe) & 1));
}

static void foreign_keys(const struct tk_shape *s, struct foreign *f)
{
	memset(f, 0, sizeof(*f));
	f->aes = s->type == CKK_AES;
	f->n = s->length;
	kit_pattern(f->tek, f->n, 501);
	kit_pattern(f->auk, f->n, 502);
	if (!f->aes) {
		odd_parity(f->tek, f->n);
		odd_parity(f->auk, f->n);
	}
}

/* tek_len: how many bytes of TEK are encrypted (a wrong length is a fault to try). */
static void foreign_packet(const struct tk_shape *s, size_t shape, struct foreign *f, size_t tek_len, struct buf *out)
{
	uint8_t type = f->aes ? FORMAT_KEY_AES : FORMAT_KEY_TDES;
	EVP_PKEY *pkey = public_key();
	BUF_AUTO covered = { 0 };

	oaep(pkey, wire_hash[shape], VIEW(f->tek, tek_len), f->ctek);
	oaep(pkey, wire_hash[shape], VIEW(f->auk, f->n), f->cauk);
	EVP_PKEY_free(pkey);
	f->p = (struct tk_packet){ .suite = (uint8_t)s->suite,
				   .version = 1,
				   .handshake = (uint8_t)s->handshake,
				   .oaep_hash = wire_hash[shape],
				   .pos_serial = VIEW_STR("FOREIGN-1"),
				   .pin_pad = VIEW_STR(""),
				   .cert_serial = VIEW_STR("\x01"),
				   .counter = 9,
				   .tek = { FORMAT_ROLE_TEK, type, (uint8_t)f->n, VIEW(NULL, 0) },
				   .ctek = VIEW(f->ctek, 256),
				   .auk = { FORMAT_ROLE_AUK, type, (uint8_t)f->n, VIEW(NULL, 0) },
				   .cauk = VIEW(f->cauk, 256) };
	tk_packet_mac_input(&covered, &f->p);
	f->p.mac = VIEW(f->mac, cmac(f->aes, VIEW(f->auk, f->n), &covered, f->mac));
	tk_packet_put(out, &f->p);
	ck_assert(buf_ok(out));
}

static CK_RV foreign_rewrap(const struct tk_shape *s, const struct buf *packet, uint8_t *record, CK_ULONG *len)
{
	return kit_rewrap(tk_pk[s->keys], tk_mak[s->keys], tk_pr, buf_view(packet), record, len);
}

/* PK and MAK of a shape, which this test knows because it knows the components. */
static void known(const struct tk_shape *s, uint8_t pk[32], uint8_t mak[32], size_t *ret_len)
{
	kit_wish_value(&tk_wishes[s->keys], pk);
	kit_wish_value(&tk_wishes[s->keys + 3], mak);
	*ret_len = tk_wishes[s->keys].length;
}

START_TEST(foreign_packet_becomes_the_record_of_the_page) /* R1.7 R2.1 */
{
	const struct tk_shape *s = &tk_shapes[_i];
	bool suite2 = s->suite == SR_SUITE_AES;
	uint8_t record[SR_RECORD_MAX], pk[32], mak[32], key[48], mac[16];
	CK_ULONG len = sizeof(record);
	struct foreign f;
	struct tk_record r;
	BUF_AUTO packet = { 0 };
	BUF_AUTO covered = { 0 };
	size_t n;

	foreign_keys(s, &f);
	foreign_packet(s, (size_t)_i, &f, f.n, &packet);
	ck_ok(foreign_rewrap(s, &packet, record, &len));
	ck_assert(tk_record_parse(VIEW(record, len), &r));
	known(s, pk, mak, &n);
	carry(suite2, false, VIEW(pk, n), r.tek.iv.p, r.ctek, key);
	ck_assert_mem_eq(key, f.tek, f.n);
	carry(suite2, false, VIEW(pk, n), r.auk.iv.p, r.cauk, key);
	ck_assert_mem_eq(key, f.auk, f.n);
	tk_record_mac_input(&covered, &r);
	ck_assert_uint_eq(cmac(suite2, VIEW(mak, n), &covered, mac), r.mac.n);
	ck_assert_mem_eq(mac, r.mac.p, r.mac.n);
}
END_TEST

START_TEST(foreign_packet_with_a_true_mac_and_bad_keys_is_refused) /* R1.7 */
{
	for (int kind = 0; kind < 9; kind++) {
		size_t shape = kind < 4 ? 7 : 1; /* AES 32, DES2 */
		const struct tk_shape *s = &tk_shapes[shape];
		uint8_t record[SR_RECORD_MAX];
		CK_ULONG len = sizeof(record);
		struct foreign f;
		BUF_AUTO packet = { 0 };
		size_t tek_len;

		foreign_keys(s, &f);
		tek_len = f.n;
		switch (kind) {
		case 0:
		case 4: /* good */
			break;
		case 1:
		case 5: /* TEK equal to AUK */
			memcpy(f.tek, f.auk, f.n);
			break;
		case 2:
		case 6: /* TEK shorter than it says */
			tek_len -= 8;
			break;
		case 3:
			tek_len = 0;
			break;
		case 7: /* even parity */
			f.tek[3] ^= 1;
			break;
		default: /* equal halves */
			memcpy(f.auk + 8, f.auk, 8);
			break;
		}
		foreign_packet(s, shape, &f, tek_len, &packet);
		ck_assert_msg(foreign_rewrap(s, &packet, record, &len) ==
				  (kind % 4 == 0 && kind < 8 ? CKR_OK : CKR_WRAPPED_KEY_INVALID),
			      "kind %d", kind);
	}
}
END_TEST

/* A record by who has PK and MAK: the module opens it; with a true MAC and bad keys it does not. */
START_TEST(record_with_a_true_mac_and_bad_keys_is_refused) /* R1.9 */
{
	static const struct {
		size_t shape;
		bool good;
		const char *what;
	} cases[] = { { 7, true, "AES" },
		      { 1, true, "DES2" },
		      { 7, false, "TEK equal to AUK" },
		      { 1, false, "even parity" },
		      { 1, false, "weak half" } };
	static const uint8_t iv[8] = { 9 };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct tk_shape *s = &tk_shapes[cases[i].shape];
		bool suite2 = s->suite == SR_SUITE_AES;
		uint8_t pk[32], mak[32], ctek[40], cauk[40], mac[16];
		uint8_t type = s->type == CKK_AES ? FORMAT_KEY_AES : FORMAT_KEY_TDES;
		struct view v = VIEW(iv, suite2 ? 0 : 8);
		CK_OBJECT_HANDLE tek = 0, auk = 0;
		struct tk_record r;
		struct foreign f;
		BUF_AUTO covered = { 0 };
		BUF_AUTO record = { 0 };
		CK_RV rv;
		size_t n, wrapped;

		foreign_keys(s, &f);
		if (i == 2)
			memcpy(f.tek, f.auk, f.n);
		if (i == 3)
			f.auk[15] ^= 1;
		if (i == 4)
			memset(f.tek, 0x01, 8);
		known(s, pk, mak, &n);
		wrapped = f.n + (suite2 ? 8 : 0);
		carry(suite2, true, VIEW(pk, n), suite2 ? NULL : iv, VIEW(f.tek, f.n), ctek);
		carry(suite2, true, VIEW(pk, n), suite2 ? NULL : iv, VIEW(f.auk, f.n), cauk);
		r = (struct tk_record){ .suite = (uint8_t)s->suite,
					.version = 1,
					.handshake = 2,
					.customer = VIEW_STR("X"),
					.pos_serial = VIEW_STR("FOREIGN-1"),
					.cert_serial = VIEW_STR("\x01"),
					.counter = 9,
					.parameters = 2,
					.tek = { FORMAT_ROLE_TEK, type, (uint8_t)f.n, v },
					.ctek = VIEW(ctek, wrapped),
					.auk = { FORMAT_ROLE_AUK, type, (uint8_t)f.n, v },
					.cauk = VIEW(cauk, wrapped) };
		tk_record_mac_input(&covered, &r);
		r.mac = VIEW(mac, cmac(suite2, VIEW(mak, n), &covered, mac));
		tk_record_put(&record, &r);
		ck_assert(buf_ok(&record));
		rv = kit_open(tk_pk[s->keys], tk_mak[s->keys], buf_view(&record), &tek, &auk);
		ck_assert_msg(rv == (cases[i].good ? CKR_OK : CKR_WRAPPED_KEY_INVALID), "%s", cases[i].what);
		if (rv == CKR_OK) {
			uint8_t want[3], got[3];

			check_value_of(f.aes, VIEW(f.tek, f.n), want);
			ck_ok(kit_check_value(tek, got));
			ck_assert_mem_eq(want, got, 3);
			ck_ok(ck->C_DestroyObject(ck_session, tek));
			ck_ok(ck->C_DestroyObject(ck_session, auk));
		}
	}
}
END_TEST

START_TEST(tmk_message_and_tags_are_those_of_the_page) /* R1.10 R1.11 */
{
	const struct tk_shape *s = &tk_shapes[_i];
	bool v2 = s->handshake == SR_HANDSHAKE_V2;
	uint8_t record[SR_RECORD_MAX], message[SR_TMK_MESSAGE_MAX], key[48], want[16], got[16];
	CK_ULONG record_len = sizeof(record), len = sizeof(message), tag_len = sizeof(got);
	CK_OBJECT_HANDLE tek = 0, auk = 0, tmk = 0;
	struct tmk_message m;
	struct foreign f;
	BUF_AUTO packet = { 0 };
	BUF_AUTO covered = { 0 };
	BUF_AUTO proof = { 0 };
	struct transcript t = { .handshake = 2,
				.pos_serial = VIEW_STR("FOREIGN-1"),
				.terminal_random = VIEW(kit_terminal_random, 16),
				.host_random = VIEW(kit_host_random, 16) };

	foreign_keys(s, &f);
	foreign_packet(s, (size_t)_i, &f, f.n, &packet);
	ck_ok(foreign_rewrap(s, &packet, record, &record_len));
	ck_ok(kit_open(tk_pk[s->keys], tk_mak[s->keys], VIEW(record, record_len), &tek, &auk));
	ck_ok(kit_role_key(SR_ROLE_TMK, s->type, s->length, &tmk));
	ck_ok(kit_export(tek, auk, tmk, v2, message, &len));
	ck_assert(tmk_message_parse(VIEW(message, len), &m));
	carry(f.aes, false, VIEW(f.tek, f.n), m.attrs.iv.p, m.ctmk, key);
	check_value_of(f.aes, VIEW(key, m.attrs.length), want);
	ck_assert_mem_eq(m.check.value, want, 3);
	ck_ok(kit_check_value(tmk, got));
	ck_assert_mem_eq(got, want, 3);
	ck_assert_uint_eq(m.handshake, s->handshake);
	if (v2) {
		t.direction = TRANSCRIPT_TMK;
		t.attrs = m.attrs;
		t.ctmk = m.ctmk;
		t.check = m.check;
		transcript_put(&covered, &t);
		ck_assert_uint_eq(cmac(f.aes, VIEW(f.auk, f.n), &covered, want), m.mac.n);
		ck_assert_mem_eq(want, m.mac.p, m.mac.n);
		t.direction = TRANSCRIPT_HOST_PROVES;
		transcript_put(&proof, &t);
		ck_ok(kit_sign(CKM_SR_HANDSHAKE_MAC, auk, buf_view(&proof), got, &tag_len));
		ck_assert_uint_eq(cmac(f.aes, VIEW(f.auk, f.n), &proof, want), tag_len);
		ck_assert_mem_eq(want, got, tag_len);
	}
	ck_ok(ck->C_DestroyObject(ck_session, tmk));
	ck_ok(ck->C_DestroyObject(ck_session, tek));
	ck_ok(ck->C_DestroyObject(ck_session, auk));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("foreign");
	TCase *c = tcase_create("foreign");

	tcase_set_timeout(c, 0);
	tcase_add_unchecked_fixture(c, tk_begin, ck_test_end);
	tcase_add_loop_test(c, foreign_packet_becomes_the_record_of_the_page, 0, TK_SHAPES_WRAPPED);
	tcase_add_test(c, foreign_packet_with_a_true_mac_and_bad_keys_is_refused);
	tcase_add_test(c, record_with_a_true_mac_and_bad_keys_is_refused);
	tcase_add_loop_test(c, tmk_message_and_tags_are_those_of_the_page, 0, TK_SHAPES);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
