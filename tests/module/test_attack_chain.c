/* SPDX-License-Identifier: BSD-2-Clause */
/* Attacks in several steps: through another mechanism, another type of key, another login. */
#include "attack_kit.h"

#include <string.h>

#include "vendor.h"

static uint8_t out[AK_ROOM], clear[AK_ROOM];
static CK_ULONG n, m;
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

/* The fresh key of an envelope, unwrapped alone, opens the rest. */
static CK_RV envelope_is_opened_in_two_steps(void)
{
	CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0 };
	CK_RSA_AES_KEY_WRAP_PARAMS p = { 256, &oaep };
	CK_MECHANISM wraps = { CKM_RSA_AES_KEY_WRAP, &p, sizeof(p) };
	CK_OBJECT_HANDLE target = ak_target(), public, private, fresh = 0;

	ak_pair(CKF_WRAP | CKF_UNWRAP, false, &public, &private);
	n = AK_ROOM;
	TRY(ck->C_WrapKey(mk_session, &wraps, public, target, out, &n));
	TRY(ak_unwrap(CKM_RSA_PKCS_OAEP, private, VIEW(out, 256), CKK_AES, CKF_DECRYPT, true, &fresh));
	TRY(ak_decrypt(CKM_AES_KEY_WRAP_KWP, fresh, VIEW(out + 256, n - 256), clear, &m));
	ak_stolen(target, VIEW(clear, m));
	return CKR_OK;
}

START_TEST(key_in_an_envelope_is_not_opened_in_two_steps)
{
	ak_holds(envelope_is_opened_in_two_steps, "wrap-and-decrypt", CKR_KEY_FUNCTION_NOT_PERMITTED);
}
END_TEST

/* Poly1305 of an empty message is the second half of the key; two more messages give the first. */
static CK_RV other_type_shows_the_value(void)
{
	CK_OBJECT_HANDLE target = ak_key(CKK_AES, 32, CKF_SIGN), k = ak_key(CKK_AES, 32, CKF_WRAP | CKF_UNWRAP);
	CK_OBJECT_HANDLE poly = 0;

	TRY(ak_wrap(CKM_AES_KEY_WRAP, k, target, out, &n));
	TRY(ak_unwrap(CKM_AES_KEY_WRAP, k, VIEW(out, n), CKK_POLY1305, CKF_SIGN, true, &poly));
	return ak_sign(CKM_POLY1305, poly, VIEW("", 0), clear, &m);
}

START_TEST(key_does_not_come_back_as_one_of_poly1305)
{
	ak_holds(other_type_shows_the_value, "unwrap-readable", CKR_TEMPLATE_INCONSISTENT);
}
END_TEST

/* gcm: wraps the target; the IV is the token's. */
static CK_RV gcm_wrap(CK_OBJECT_HANDLE k, CK_OBJECT_HANDLE key, CK_GENERATOR_FUNCTION generator, uint8_t iv[12])
{
	CK_GCM_WRAP_PARAMS p = { .pIv = iv, .ulIvLen = 12, .ivGenerator = generator, .ulTagBits = 128 };
	CK_MECHANISM wraps = { CKM_AES_GCM, &p, sizeof(p) };

	n = AK_ROOM;
	return ck->C_WrapKey(mk_session, &wraps, k, key, out, &n);
}

/* first_counter: the block whose encryption is the first of the keystream. */
static void first_counter(const uint8_t iv[12], uint8_t block[16])
{
	memcpy(block, iv, 12);
	memcpy(block + 12, "\0\0\0\2", 4);
}

static void add(uint8_t *p, const uint8_t *q)
{
	for (size_t i = 0; i < 16; i++)
		p[i] ^= q[i];
}

/* A key that may only verify: each byte of the block is found alone. */
static CK_RV verifying_encrypts(void)
{
	CK_OBJECT_HANDLE target = ak_target(), k = ak_key(CKK_AES, 32, CKF_WRAP | CKF_VERIFY);
	uint8_t iv[12], block[16], mac[16] = { 0 };

	TRY(gcm_wrap(k, target, CKG_GENERATE_RANDOM, iv));
	first_counter(iv, block);
	for (CK_ULONG len = 1; len <= 16; len++) {
		CK_MECHANISM verifies = { CKM_AES_MAC_GENERAL, &len, sizeof(len) };
		CK_RV rv = CKR_SIGNATURE_INVALID;

		for (unsigned guess = 0; guess < 256 && rv == CKR_SIGNATURE_INVALID; guess++) {
			mac[len - 1] = (uint8_t)guess;
			TRY(ck->C_VerifyInit(mk_session, &verifies, k));
			rv = ck->C_Verify(mk_session, block, 16, mac, len);
		}
		if (rv != CKR_OK)
			return rv;
	}
	add(mac, out);
	ak_stolen(target, VIEW(mac, 16));
	return CKR_OK;
}

START_TEST(verifying_byte_by_byte_is_no_encryption)
{
	ak_holds(verifying_encrypts, "unwrap-and-encrypt", CKR_KEY_FUNCTION_NOT_PERMITTED);
}
END_TEST

/* A key of known value, wrapped in ECB, is an encrypted block. */
static CK_RV wrapping_encrypts(void)
{
	CK_OBJECT_HANDLE target = ak_target(), k = ak_key(CKK_AES, 32, CKF_WRAP);
	uint8_t iv[12], block[16], stream[16];

	TRY(gcm_wrap(k, target, CKG_GENERATE_RANDOM, iv));
	memcpy(stream, out, 16);
	first_counter(iv, block);
	TRY(ak_wrap(CKM_AES_ECB, k, ak_known(CKK_AES, VIEW(block, 16), CKF_SIGN), clear, &m));
	add(stream, clear);
	ak_stolen(target, VIEW(stream, 16));
	return CKR_OK;
}

START_TEST(wrapping_a_known_key_is_encryption)
{
	ak_holds(wrapping_encrypts, "unwrap-and-encrypt", CKR_KEY_FUNCTION_NOT_PERMITTED);
}
END_TEST

/* The same with a known key that says it is sensitive. */
static CK_RV wrapping_a_sensitive_known_key_encrypts(void)
{
	CK_OBJECT_HANDLE target = ak_target(), k = ak_key(CKK_AES, 32, CKF_WRAP), known;
	uint8_t iv[12], block[16], stream[16];

	TRY(gcm_wrap(k, target, CKG_GENERATE_RANDOM, iv));
	memcpy(stream, out, 16);
	first_counter(iv, block);
	known = ak_known(CKK_AES, VIEW(block, 16), CKF_SIGN);
	OK(ak_set(known, CKA_SENSITIVE, true));
	TRY(ak_wrap(CKM_AES_CBC, k, known, clear, &m));
	add(stream, clear);
	ak_stolen(target, VIEW(stream, 16));
	return CKR_OK;
}

START_TEST(wrapping_a_known_key_that_says_it_is_sensitive_is_encryption)
{
	ak_holds(wrapping_a_sensitive_known_key_encrypts, "unwrap-and-encrypt", CKR_KEY_FUNCTION_NOT_PERMITTED);
}
END_TEST

/* The IV of before, with a key of known value. */
static CK_RV iv_comes_again(void)
{
	static const uint8_t zeroes[16];
	CK_OBJECT_HANDLE target = ak_target(), k = ak_key(CKK_AES, 32, CKF_WRAP);
	uint8_t iv[12], stream[16];

	TRY(gcm_wrap(k, target, CKG_GENERATE_RANDOM, iv));
	memcpy(stream, out, 16);
	TRY(gcm_wrap(k, ak_known(CKK_GENERIC_SECRET, VIEW(zeroes, 16), 0), CKG_NO_GENERATE, iv));
	add(stream, out);
	ak_stolen(target, VIEW(stream, 16));
	return CKR_OK;
}

START_TEST(known_key_under_the_iv_of_before_shows_no_keystream)
{
	ak_holds(iv_comes_again, "chosen-iv-wrap", CKR_KEY_FUNCTION_NOT_PERMITTED);
}
END_TEST

/* block_key: the encryption key of a key block of version D, AES-128: CMAC of what TR-31 derives it from. */
static const uint8_t derivation[8] = { 1, 0, 0, 0, 0, 2, 0, 0x80 };

static CK_RV block_wrap(CK_OBJECT_HANDLE k, CK_OBJECT_HANDLE key)
{
	struct sr_key_block_params p = { .version = 'D',
					 .usage = { 'D', '0' },
					 .mode = 'E',
					 .keyVersion = { '0', '0' },
					 .exportability = 'S',
					 .flags = SR_KEY_BLOCK_NO_LENGTH_HIDING };
	CK_MECHANISM wraps = { CKM_SR_KEY_BLOCK, &p, sizeof(p) };

	n = AK_ROOM;
	return ck->C_WrapKey(mk_session, &wraps, k, key, out, &n);
}

static CK_RV mac_then_block(void)
{
	CK_OBJECT_HANDLE target = ak_key(CKK_AES, 16, CKF_ENCRYPT), k = ak_key(CKK_AES, 16, CKF_WRAP | CKF_SIGN);

	TRY(ak_sign(CKM_AES_CMAC, k, VIEW(derivation, 8), clear, &m)); /* this is the key */
	return block_wrap(k, target);
}

static CK_RV block_then_mac(void)
{
	CK_OBJECT_HANDLE target = ak_key(CKK_AES, 16, CKF_ENCRYPT), k = ak_key(CKK_AES, 16, CKF_WRAP | CKF_SIGN);

	TRY(block_wrap(k, target));
	return ak_sign(CKM_AES_CMAC, k, VIEW(derivation, 8), clear, &m);
}

static CK_RV encrypt_then_block(void)
{
	CK_OBJECT_HANDLE target = ak_key(CKK_AES, 16, CKF_ENCRYPT), k = ak_key(CKK_AES, 16, CKF_WRAP | CKF_ENCRYPT);

	OK(ak_encrypt(CKM_AES_ECB, k, VIEW("0123456789abcdef", 16), clear, &m));
	return block_wrap(k, target);
}

static CK_RV copy_macs_then_block(void)
{
	CK_OBJECT_HANDLE target = ak_key(CKK_AES, 16, CKF_ENCRYPT), k = ak_key(CKK_AES, 16, CKF_SIGN), copy = 0;

	OK(ak_sign(CKM_AES_CMAC, k, VIEW(derivation, 8), clear, &m));
	TRY(ak_copy(k, CKA_WRAP, true, &copy));
	return block_wrap(copy, target);
}

START_TEST(key_that_protects_key_blocks_makes_no_mac)
{
	ak_holds(mac_then_block, NULL, CKR_KEY_FUNCTION_NOT_PERMITTED);
	ak_holds(block_then_mac, NULL, CKR_KEY_FUNCTION_NOT_PERMITTED);
	ak_holds(encrypt_then_block, "unwrap-and-encrypt", CKR_KEY_FUNCTION_NOT_PERMITTED);
	ak_holds(copy_macs_then_block, NULL, CKR_KEY_FUNCTION_NOT_PERMITTED);
}
END_TEST

/* After the logout nobody can look up what a public key was used for. */
static CK_RV decrypt_without_login(bool copies)
{
	CK_MECHANISM generate = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG length = 32;
	CK_ATTRIBUTE t[] = { { CKA_VALUE_LEN, &length, sizeof(length) },
			     { CKA_PRIVATE, &no, 1 },
			     { CKA_WRAP, &yes, 1 },
			     { CKA_DECRYPT, &yes, 1 },
			     { CKA_EXTRACTABLE, &no, 1 },
			     { CKA_SENSITIVE, &no, 1 } };
	CK_OBJECT_HANDLE target = ak_target(), k = 0, opens;
	CK_RV rv;

	OK(ck->C_GenerateKey(mk_session, &generate, t, ARRAY_LEN(t), &k));
	opens = k;
	if (copies)
		OK(ak_copy(k, CKA_WRAP, false, &opens));
	rv = ak_wrap(CKM_AES_KEY_WRAP, k, target, out, &n);
	OK(ck->C_Logout(mk_session));
	if (rv == CKR_OK)
		rv = ak_decrypt(CKM_AES_KEY_WRAP, opens, VIEW(out, n), clear, &m);
	OK(ck->C_Login(mk_session, CKU_USER, (CK_UTF8CHAR_PTR) "user1234", 8));
	return rv;
}

START_TEST(key_that_wrapped_decrypts_nothing_after_the_logout)
{
	mk_policy("strict");
	IS(decrypt_without_login(false), CKR_USER_NOT_LOGGED_IN);
	mk_policy("strict");
	IS(decrypt_without_login(true), CKR_USER_NOT_LOGGED_IN);
	mk_policy("strict");
}
END_TEST

/* What SHA-256 derivation makes a key of. */
static CK_RV digest_of_a_sensitive_key(void)
{
	CK_MECHANISM digests = { CKM_SHA256, NULL, 0 };
	CK_OBJECT_HANDLE target = ak_target();

	OK(ck->C_DigestInit(mk_session, &digests));
	TRY(ck->C_DigestKey(mk_session, target));
	n = AK_ROOM;
	return ck->C_DigestFinal(mk_session, out, &n);
}

START_TEST(sensitive_key_is_not_digested)
{
	ak_holds(digest_of_a_sensitive_key, "derive-readable", CKR_KEY_INDIGESTIBLE);
}
END_TEST

/* derived: X25519 agreement with a peer, a key of some bytes. */
static CK_RV derive_bytes(CK_ULONG length)
{
	static uint8_t x25519[] = { 0x13, 10, 'c', 'u', 'r', 'v', 'e', '2', '5', '5', '1', '9' };
	static uint8_t peer[32] = { 9 };
	CK_MECHANISM generate = { CKM_EC_MONTGOMERY_KEY_PAIR_GEN, NULL, 0 };
	CK_ECDH1_DERIVE_PARAMS p = { CKD_NULL, 0, NULL, 32, peer };
	CK_MECHANISM derives = { CKM_ECDH1_DERIVE, &p, sizeof(p) };
	CK_KEY_TYPE generic = CKK_GENERIC_SECRET;
	CK_ATTRIBUTE public_t[] = { { CKA_EC_PARAMS, x25519, sizeof(x25519) } };
	CK_ATTRIBUTE private_t[] = { { CKA_DERIVE, &yes, 1 }, { CKA_SENSITIVE, &yes, 1 } };
	CK_ATTRIBUTE t[] = { { CKA_KEY_TYPE, &generic, sizeof(generic) },
			     { CKA_VALUE_LEN, &length, sizeof(length) },
			     { CKA_SIGN, &yes, 1 } };
	CK_OBJECT_HANDLE public = 0, private = 0, key = 0;

	OK(ck->C_GenerateKeyPair(mk_session, &generate, public_t, 1, private_t, 2, &public, &private));
	return ck->C_DeriveKey(mk_session, &derives, private, t, 3, &key);
}

/* derives_and_shows: a base derives a key, and says what it derived; first: which of the two comes first. */
static CK_RV derives_and_shows(bool derive_first)
{
	uint8_t data[16] = { 1, 2, 3 }, shown[AK_ROOM], kcv[3];
	CK_ULONG len = sizeof(shown), length = 16;
	CK_KEY_DERIVATION_STRING_DATA p = { data, sizeof(data) };
	CK_MECHANISM derives = { CKM_AES_ECB_ENCRYPT_DATA, &p, sizeof(p) };
	CK_KEY_TYPE aes = CKK_AES;
	CK_ATTRIBUTE t[] = { { CKA_KEY_TYPE, &aes, sizeof(aes) }, { CKA_VALUE_LEN, &length, sizeof(length) } };
	CK_ATTRIBUTE check = { CKA_CHECK_VALUE, kcv, sizeof(kcv) };
	CK_OBJECT_HANDLE base = ak_key(CKK_AES, 32, CKF_ENCRYPT | CKF_DERIVE), key = 0, known;
	uint8_t known_kcv[3];
	CK_ATTRIBUTE known_check = { CKA_CHECK_VALUE, known_kcv, sizeof(known_kcv) };

	if (derive_first)
		TRY(ck->C_DeriveKey(mk_session, &derives, base, t, ARRAY_LEN(t), &key));
	TRY(ak_encrypt(CKM_AES_ECB, base, VIEW(data, sizeof(data)), shown, &len));
	if (!derive_first)
		TRY(ck->C_DeriveKey(mk_session, &derives, base, t, ARRAY_LEN(t), &key));
	known = ak_known(CKK_AES, VIEW(shown, 16), 0);
	OK(ck->C_GetAttributeValue(mk_session, key, &check, 1));
	OK(ck->C_GetAttributeValue(mk_session, known, &known_check, 1));
	ck_assert_mem_eq(kcv, known_kcv, sizeof(kcv));
	return CKR_OK;
}

static CK_RV derives_then_shows(void)
{
	return derives_and_shows(true);
}

static CK_RV shows_then_derives(void)
{
	return derives_and_shows(false);
}

static CK_RV copy_gains_derive(void)
{
	CK_OBJECT_HANDLE base = ak_key(CKK_AES, 32, CKF_ENCRYPT), copy = 0;

	return ak_copy(base, CKA_DERIVE, true, &copy);
}

START_TEST(base_that_encrypts_shows_what_it_derives)
{
	ak_holds(derives_then_shows, "weak-derive", CKR_KEY_FUNCTION_NOT_PERMITTED);
	ak_holds(shows_then_derives, "weak-derive", CKR_KEY_FUNCTION_NOT_PERMITTED);
	ak_holds(copy_gains_derive, "weak-derive", CKR_ATTRIBUTE_READ_ONLY);
}
END_TEST

static CK_RV derive_one_byte(void)
{
	return derive_bytes(1);
}

START_TEST(agreed_secret_is_not_found_byte_by_byte)
{
	ak_holds(derive_one_byte, "weak-derive", CKR_KEY_SIZE_RANGE);
	mk_policy("strict");
	IS(derive_bytes(13), CKR_KEY_SIZE_RANGE);
	OK(derive_bytes(14));
}
END_TEST

/* With a tag of 32 bits a change in the wrapped key is accepted after some tries. */
static CK_RV short_tag(void)
{
	CK_OBJECT_HANDLE target = ak_target(), k = ak_key(CKK_AES, 32, CKF_WRAP | CKF_UNWRAP), h = 0;
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE aes = CKK_AES;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_KEY_TYPE, &aes, sizeof(aes) } };
	uint8_t iv[12];
	CK_GCM_WRAP_PARAMS p = { .pIv = iv, .ulIvLen = 12, .ulTagBits = 32 };
	CK_MECHANISM unwraps = { CKM_AES_GCM, &p, sizeof(p) };

	TRY(gcm_wrap(k, target, CKG_GENERATE_RANDOM, iv));
	return ck->C_UnwrapKey(mk_session, &unwraps, k, out, 16 + 4, t, 2, &h);
}

START_TEST(short_tags_unwrap_nothing)
{
	ak_holds(short_tag, "raw-unwrap", CKR_MECHANISM_PARAM_INVALID);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("attack_chain");
	TCase *c = tcase_create("chain");

	tcase_set_timeout(c, 120);
	tcase_add_checked_fixture(c, mk_begin, mk_end);
	tcase_add_test(c, base_that_encrypts_shows_what_it_derives);
	tcase_add_test(c, key_in_an_envelope_is_not_opened_in_two_steps);
	tcase_add_test(c, key_does_not_come_back_as_one_of_poly1305);
	tcase_add_test(c, verifying_byte_by_byte_is_no_encryption);
	tcase_add_test(c, wrapping_a_known_key_is_encryption);
	tcase_add_test(c, wrapping_a_known_key_that_says_it_is_sensitive_is_encryption);
	tcase_add_test(c, known_key_under_the_iv_of_before_shows_no_keystream);
	tcase_add_test(c, key_that_protects_key_blocks_makes_no_mac);
	tcase_add_test(c, key_that_wrapped_decrypts_nothing_after_the_logout);
	tcase_add_test(c, sensitive_key_is_not_digested);
	tcase_add_test(c, agreed_secret_is_not_found_byte_by_byte);
	tcase_add_test(c, short_tags_unwrap_nothing);
	suite_add_tcase(s, c);
	return mk_main(s);
}
