/* SPDX-License-Identifier: BSD-2-Clause */
/* Attacks on pairs, on mechanisms and on attributes, named after the papers that published them (docs/policy.md). */
#include "attack_kit.h"

#include <openssl/hmac.h>
#include <string.h>

static uint8_t out[AK_ROOM], clear[AK_ROOM];
static CK_ULONG n, m;
static const uint8_t mine[32] = "a value that the attacker knows";
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

/* ---- Pairs ---- */

static CK_RV pair_wraps_then_decrypts(void)
{
	CK_OBJECT_HANDLE target = ak_target(), public, private;

	ak_pair(CKF_WRAP | CKF_DECRYPT, false, &public, &private);
	TRY(ak_wrap(CKM_RSA_PKCS_OAEP, public, target, out, &n));
	TRY(ak_decrypt(CKM_RSA_PKCS_OAEP, private, VIEW(out, n), clear, &m));
	ak_stolen(target, VIEW(clear, m));
	return CKR_OK;
}

START_TEST(bortolozzo_2010_public_key_wraps_private_key_decrypts)
{
	ak_holds(pair_wraps_then_decrypts, "wrap-and-decrypt", CKR_KEY_FUNCTION_NOT_PERMITTED);
}
END_TEST

static CK_RV pair_decrypts_then_wraps(void)
{
	CK_OBJECT_HANDLE target = ak_target(), public, private;

	ak_pair(CKF_WRAP | CKF_ENCRYPT | CKF_DECRYPT | CKF_UNWRAP, false, &public, &private);
	OK(ak_encrypt(CKM_RSA_PKCS_OAEP, public, VIEW(mine, 16), out, &n));
	OK(ak_decrypt(CKM_RSA_PKCS_OAEP, private, VIEW(out, n), clear, &m));
	return ak_wrap(CKM_RSA_PKCS_OAEP, public, target, out, &n);
}

START_TEST(pair_with_all_usages_that_decrypted_wraps_nothing)
{
	ak_holds(pair_decrypts_then_wraps, "wrap-and-decrypt", CKR_KEY_FUNCTION_NOT_PERMITTED);
}
END_TEST

/* The bare private operation under another name. */
static CK_RV pair_wraps_then_signs(void)
{
	CK_OBJECT_HANDLE target = ak_target(), public, private;

	ak_pair(CKF_WRAP | CKF_SIGN, false, &public, &private);
	TRY(ak_wrap(CKM_RSA_PKCS_OAEP, public, target, out, &n));
	TRY(ak_sign(CKM_RSA_X_509, private, VIEW(out, n), clear, &m));
	ck_assert_uint_eq(m, n);
	ck_assert_uint_eq(clear[0], 0); /* the OAEP form, to be unmasked without any key */
	return CKR_OK;
}

START_TEST(bare_rsa_signature_opens_what_the_public_key_wrapped)
{
	ak_holds(pair_wraps_then_signs, "wrap-and-decrypt", CKR_KEY_FUNCTION_NOT_PERMITTED);
}
END_TEST

/* What the public half wraps under is what the private half agrees on with the ephemeral key in front. */
static CK_RV pair_wraps_then_agrees(void)
{
	static uint8_t p256[] = { 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 };
	CK_MECHANISM generate = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_ECDH_AES_KEY_WRAP_PARAMS wrap = { 256, CKD_SHA256_KDF, 0, NULL };
	CK_MECHANISM wraps = { CKM_ECDH_AES_KEY_WRAP, &wrap, sizeof(wrap) };
	CK_ECDH1_DERIVE_PARAMS agree = { CKD_SHA256_KDF, 0, NULL, 65, out };
	CK_MECHANISM agrees = { CKM_ECDH1_DERIVE, &agree, sizeof(agree) };
	CK_KEY_TYPE aes = CKK_AES;
	CK_ULONG length = 32;
	CK_ATTRIBUTE public_t[] = { { CKA_EC_PARAMS, p256, sizeof(p256) }, { CKA_WRAP, &yes, 1 } };
	CK_ATTRIBUTE private_t[] = { { CKA_DERIVE, &yes, 1 }, { CKA_UNWRAP, &yes, 1 } };
	CK_ATTRIBUTE kek_t[] = { { CKA_KEY_TYPE, &aes, sizeof(aes) },
				 { CKA_VALUE_LEN, &length, sizeof(length) },
				 { CKA_DECRYPT, &yes, 1 } };
	CK_OBJECT_HANDLE target = ak_target(), public = 0, private = 0, kek = 0;

	OK(ck->C_GenerateKeyPair(mk_session, &generate, public_t, 2, private_t, 2, &public, &private));
	n = AK_ROOM;
	TRY(ck->C_WrapKey(mk_session, &wraps, public, target, out, &n));
	ck_assert_uint_eq(n, 65 + 24);
	TRY(ck->C_DeriveKey(mk_session, &agrees, private, kek_t, 3, &kek));
	TRY(ak_decrypt(CKM_AES_KEY_WRAP_KWP, kek, VIEW(out + 65, n - 65), clear, &m));
	ak_stolen(target, VIEW(clear, m));
	return CKR_OK;
}

START_TEST(key_agreement_opens_what_the_public_key_wrapped)
{
	if (ak_has(CKM_ECDH_AES_KEY_WRAP, CKF_WRAP))
		ak_holds(pair_wraps_then_agrees, "wrap-and-decrypt", CKR_KEY_FUNCTION_NOT_PERMITTED);
}
END_TEST

static CK_RV pair_encrypts_then_unwraps(void)
{
	CK_OBJECT_HANDLE public, private, injected = 0;

	ak_pair(CKF_ENCRYPT | CKF_UNWRAP, false, &public, &private);
	OK(ak_encrypt(CKM_RSA_PKCS_OAEP, public, VIEW(mine, 16), out, &n));
	TRY(ak_unwrap(CKM_RSA_PKCS_OAEP, private, VIEW(out, n), CKK_AES, CKF_SIGN, true, &injected));
	ak_stolen(injected, VIEW(mine, 16));
	return CKR_OK;
}

START_TEST(delaune_kremer_steel_2008_pair_encrypts_then_unwraps)
{
	ak_holds(pair_encrypts_then_unwraps, "unwrap-and-encrypt", CKR_KEY_FUNCTION_NOT_PERMITTED);
}
END_TEST

static CK_RV pair_of_the_attacker(void)
{
	static uint8_t modulus[256], exponent[8];
	CK_ATTRIBUTE numbers[] = { { CKA_MODULUS, modulus, 256 }, { CKA_PUBLIC_EXPONENT, exponent, 8 } };
	CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
	CK_KEY_TYPE rsa = CKK_RSA;
	CK_OBJECT_HANDLE target = ak_target(), public, private, injected = 0;

	ak_pair(CKF_DECRYPT, false, &public, &private); /* stands for a pair outside */
	OK(ck->C_GetAttributeValue(mk_session, public, numbers, 2));
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_KEY_TYPE, &rsa, sizeof(rsa) },
			     numbers[0],
			     numbers[1],
			     { CKA_WRAP, &yes, 1 } };
	OK(ck->C_CreateObject(mk_session, t, ARRAY_LEN(t), &injected));
	return ak_wrap(CKM_RSA_PKCS_OAEP, injected, target, out, &n);
}

START_TEST(clulow_2003_injected_public_key)
{
	ak_holds(pair_of_the_attacker, "untrusted-wrap", CKR_KEY_NOT_WRAPPABLE);
}
END_TEST

static CK_RV pair_with_a_readable_half(void)
{
	CK_OBJECT_HANDLE target = ak_target(), public, private;
	uint8_t d[512];
	CK_ATTRIBUTE t = { CKA_PRIVATE_EXPONENT, d, sizeof(d) };

	ak_pair(CKF_WRAP | CKF_UNWRAP, true, &public, &private);
	OK(ck->C_GetAttributeValue(mk_session, private, &t, 1));
	return ak_wrap(CKM_RSA_PKCS_OAEP, public, target, out, &n);
}

START_TEST(public_half_of_a_readable_private_key_wraps_nothing)
{
	mk_policy("strict");
	IS(pair_with_a_readable_half(), CKR_KEY_NOT_WRAPPABLE);
	mk_policy("untrusted-wrap wrap-and-decrypt transport-stronger-cargo");
	OK(pair_with_a_readable_half());
}
END_TEST

/* ---- Mechanisms ---- */

static CK_RV conjure(void)
{
	CK_OBJECT_HANDLE kek = ak_key(CKK_AES, 32, CKF_WRAP | CKF_UNWRAP), key = 0;

	return ak_unwrap(CKM_AES_CBC, kek, VIEW(mine, 16), CKK_AES, CKF_SIGN, true, &key);
}

START_TEST(cortier_delaune_steel_2007_key_conjuring)
{
	ak_holds(conjure, "raw-unwrap", CKR_MECHANISM_INVALID);
}
END_TEST

/* Sixteen times as many tries find no key under a wrapping that has integrity. */
START_TEST(nothing_is_conjured_under_key_wrap)
{
	CK_OBJECT_HANDLE kek, key = 0;
	uint8_t bytes[24];

	mk_policy("strict");
	kek = ak_key(CKK_AES, 32, CKF_WRAP | CKF_UNWRAP);
	for (unsigned i = 0; i < 256; i++) {
		memset(bytes, (int)i, sizeof(bytes));
		IS(ak_unwrap(CKM_AES_KEY_WRAP, kek, VIEW(bytes, 24), CKK_AES, 0, true, &key), CKR_WRAPPED_KEY_INVALID);
	}
}
END_TEST

/* Two equal halves of a triple key are one DES key of 56 bits: what is left to search for. */
static CK_RV exchange_halves(void)
{
	CK_OBJECT_HANDLE kek = ak_key(CKK_DES3, 24, CKF_WRAP | CKF_UNWRAP), target, weak = 0;

	target = ak_key(CKK_DES3, 24, CKF_SIGN);
	TRY(ak_wrap(CKM_DES3_ECB, kek, target, out, &n));
	ck_assert_uint_eq(n, 24);
	memcpy(out + 8, out, 8);
	memcpy(out + 16, out, 8);
	return ak_unwrap(CKM_DES3_ECB, kek, VIEW(out, 24), CKK_DES3, CKF_ENCRYPT, true, &weak);
}

START_TEST(clulow_2003_ecb_halves_of_a_triple_key)
{
	ak_holds(exchange_halves, "raw-unwrap", CKR_MECHANISM_INVALID);
}
END_TEST

static CK_RV weak_wrapper(void)
{
	CK_OBJECT_HANDLE kek = ak_key(CKK_DES, 8, CKF_WRAP), target = ak_key(CKK_DES, 8, CKF_SIGN);

	return ak_wrap(CKM_DES_ECB, kek, target, out, &n);
}

START_TEST(clulow_2003_des_key_wraps)
{
	ak_holds(weak_wrapper, "weak-wrap", CKR_WRAPPING_KEY_SIZE_RANGE);
}
END_TEST

static CK_RV weaker_wrapper(void)
{
	CK_OBJECT_HANDLE kek = ak_key(CKK_AES, 16, CKF_WRAP), target = ak_key(CKK_AES, 32, CKF_SIGN);

	return ak_wrap(CKM_AES_KEY_WRAP, kek, target, out, &n);
}

START_TEST(clulow_2003_weaker_key_wraps_a_stronger_one)
{
	ak_holds(weaker_wrapper, "stronger-cargo", CKR_WRAPPING_KEY_SIZE_RANGE);
}
END_TEST

/* The option: what strict lets pass can be forbidden. */
START_TEST(transport_under_rsa_needs_parity_when_the_so_says_so)
{
	CK_OBJECT_HANDLE public, private, aes;

	mk_policy("strict");
	ak_pair(CKF_WRAP | CKF_UNWRAP, false, &public, &private);
	aes = ak_key(CKK_AES, 32, 0);
	OK(ak_wrap(CKM_RSA_PKCS_OAEP, public, aes, out, &n));
	mk_policy("");
	ak_pair(CKF_WRAP | CKF_UNWRAP, false, &public, &private);
	aes = ak_key(CKK_AES, 32, 0);
	IS(ak_wrap(CKM_RSA_PKCS_OAEP, public, aes, out, &n), CKR_WRAPPING_KEY_SIZE_RANGE);
	OK(ak_wrap(CKM_RSA_PKCS_OAEP, public, ak_key(CKK_DES3, 24, 0), out, &n));
}
END_TEST

/* One IV for two keys: the second one falls with the first. */
static CK_RV one_iv_for_two_keys(void)
{
	uint8_t iv[12] = { 7 }, other[AK_ROOM];
	CK_GCM_PARAMS gcm = { .iv_ptr = iv, .iv_len = 12, .iv_bits = 96, .tag_bits = 128 };
	CK_MECHANISM mechanism = { CKM_AES_GCM, &gcm, sizeof(gcm) };
	CK_OBJECT_HANDLE kek = ak_key(CKK_AES, 32, CKF_WRAP), target = ak_target();
	CK_OBJECT_HANDLE known = ak_known(CKK_AES, VIEW(mine, 16), 0);

	n = m = AK_ROOM;
	OK(ck->C_WrapKey(mk_session, &mechanism, kek, known, out, &n));
	TRY(ck->C_WrapKey(mk_session, &mechanism, kek, target, other, &m));
	for (size_t i = 0; i < 16; i++)
		clear[i] = out[i] ^ other[i] ^ mine[i];
	ak_stolen(target, VIEW(clear, 16));
	return CKR_OK;
}

START_TEST(joux_2006_one_iv_for_two_keys)
{
	ak_holds(one_iv_for_two_keys, "chosen-iv-wrap", CKR_MECHANISM_PARAM_INVALID);
}
END_TEST

/* The keys inside of a key block are CMACs of the protection key over constants (ANSI X9.143, 7.1). */
static CK_RV key_block(CK_OBJECT_HANDLE kbpk, CK_OBJECT_HANDLE key)
{
	struct sr_key_block_params p = { .usage = { 'M', '6' },
					 .mode = 'G',
					 .keyVersion = { '0', '0' },
					 .exportability = 'E',
					 .flags = SR_KEY_BLOCK_NO_LENGTH_HIDING };
	CK_MECHANISM mechanism = { CKM_SR_KEY_BLOCK, &p, sizeof(p) };

	n = AK_ROOM;
	return ck->C_WrapKey(mk_session, &mechanism, kbpk, key, out, &n);
}

static CK_RV macs_over_the_constants(void)
{
	CK_OBJECT_HANDLE kbpk = ak_key(CKK_AES, 32, CKF_WRAP | CKF_UNWRAP | CKF_SIGN);
	static const uint8_t constant[] = { 1, 0, 0, 0, 0, 4, 1, 0 };

	OK(ak_sign(CKM_AES_CMAC, kbpk, VIEW(constant, sizeof(constant)), clear, &m));
	return key_block(kbpk, ak_target());
}

START_TEST(key_of_key_blocks_makes_no_macs)
{
	CK_OBJECT_HANDLE kbpk, late;

	ak_holds(macs_over_the_constants, "wrap-and-decrypt unwrap-and-encrypt", CKR_KEY_FUNCTION_NOT_PERMITTED);
	mk_policy("strict");
	kbpk = ak_key(CKK_AES, 32, CKF_WRAP | CKF_UNWRAP);
	OK(key_block(kbpk, ak_target()));
	OK(ak_set(kbpk, CKA_SIGN, true));
	IS(ak_sign(CKM_AES_CMAC, kbpk, VIEW(mine, 16), clear, &m), CKR_KEY_FUNCTION_NOT_PERMITTED);
	late = ak_key(CKK_AES, 32, CKF_SIGN);
	OK(ak_sign(CKM_AES_CMAC, late, VIEW(mine, 16), clear, &m));
	OK(ak_set(late, CKA_SIGN, false));
	OK(ak_set(late, CKA_WRAP, true));
	IS(key_block(late, ak_target()), CKR_KEY_FUNCTION_NOT_PERMITTED);
}
END_TEST

static CK_RV v15_oracle(void)
{
	CK_OBJECT_HANDLE public, private, key = 0;

	ak_pair(CKF_WRAP | CKF_UNWRAP, false, &public, &private);
	OK(ak_wrap(CKM_RSA_PKCS, public, ak_target(), out, &n));
	return ak_unwrap(CKM_RSA_PKCS, private, VIEW(out, n), CKK_AES, 0, true, &key);
}

START_TEST(bleichenbacher_1998_bardou_2012_v15_oracle)
{
	CK_MECHANISM_INFO info;

	ak_holds(v15_oracle, "v15-unwrap", CKR_MECHANISM_INVALID);
	OK(ck->C_GetMechanismInfo(mk_slot, CKM_RSA_PKCS, &info));
	ck_assert(info.flags & CKF_UNWRAP);
	mk_policy("strict");
	OK(ck->C_GetMechanismInfo(mk_slot, CKM_RSA_PKCS, &info));
	ck_assert(!(info.flags & CKF_UNWRAP));
}
END_TEST

static CK_RV textbook(void)
{
	CK_OBJECT_HANDLE public, private;

	ak_pair(CKF_WRAP | CKF_UNWRAP, false, &public, &private);
	return ak_wrap(CKM_RSA_X_509, public, ak_target(), out, &n);
}

START_TEST(boneh_joux_nguyen_2000_textbook_rsa)
{
	ak_holds(textbook, "textbook-wrap", CKR_MECHANISM_INVALID);
}
END_TEST

static CK_RV short_pair(void)
{
	CK_MECHANISM mechanism = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_ULONG bits = 1024;
	CK_ATTRIBUTE t = { CKA_MODULUS_BITS, &bits, sizeof(bits) };
	CK_OBJECT_HANDLE public = 0, private = 0;

	return ck->C_GenerateKeyPair(mk_session, &mechanism, &t, 1, NULL, 0, &public, &private);
}

START_TEST(rsa_pairs_have_2048_bits_at_least)
{
	CK_MECHANISM_INFO info;

	ak_holds(short_pair, "short-rsa", CKR_KEY_SIZE_RANGE);
	OK(ck->C_GetMechanismInfo(mk_slot, CKM_RSA_PKCS_KEY_PAIR_GEN, &info));
	ck_assert_uint_eq(info.ulMinKeySize, 1024);
	mk_policy("strict");
	OK(ck->C_GetMechanismInfo(mk_slot, CKM_RSA_PKCS_KEY_PAIR_GEN, &info));
	ck_assert_uint_eq(info.ulMinKeySize, 2048);
}
END_TEST

static CK_RV md5(void)
{
	CK_OBJECT_HANDLE key = ak_key(CKK_GENERIC_SECRET, 32, CKF_SIGN);

	return ak_sign(CKM_MD5_HMAC, key, VIEW(mine, 32), out, &n);
}

START_TEST(md5_is_for_verifying)
{
	ak_holds(md5, "md5-sign", CKR_MECHANISM_INVALID);
}
END_TEST

/* What was agreed on with a sensitive private key is read, and with it what the key keeps secret. */
static CK_RV readable_agreement(void)
{
	static uint8_t p256[] = { 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 };
	CK_MECHANISM generate = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_ECDH1_DERIVE_PARAMS agree = { CKD_NULL, 0, NULL, 65, clear + 2 };
	CK_MECHANISM agrees = { CKM_ECDH1_DERIVE, &agree, sizeof(agree) };
	CK_ULONG length = 32;
	CK_ATTRIBUTE public_t[] = { { CKA_EC_PARAMS, p256, sizeof(p256) } };
	CK_ATTRIBUTE private_t[] = { { CKA_DERIVE, &yes, 1 } };
	CK_ATTRIBUTE point = { CKA_EC_POINT, clear, sizeof(clear) };
	CK_ATTRIBUTE t[] = { { CKA_VALUE_LEN, &length, sizeof(length) },
			     { CKA_SENSITIVE, &no, 1 },
			     { CKA_EXTRACTABLE, &yes, 1 } };
	CK_OBJECT_HANDLE public = 0, private = 0, key = 0;
	uint8_t room[32];

	OK(ck->C_GenerateKeyPair(mk_session, &generate, public_t, 1, private_t, 1, &public, &private));
	OK(ck->C_GetAttributeValue(mk_session, public, &point, 1));
	ck_assert_uint_eq(point.ulValueLen, 67);
	TRY(ck->C_DeriveKey(mk_session, &agrees, private, t, 3, &key));
	ck_assert_uint_eq(mk_value(key, room, sizeof(room)).n, 32);
	return CKR_OK;
}

START_TEST(clulow_2003_derived_key_is_readable)
{
	if (ak_has(CKM_ECDH1_DERIVE, CKF_DERIVE))
		ak_holds(readable_agreement, "derive-readable", CKR_TEMPLATE_INCONSISTENT);
}
END_TEST

/* Eight bits of the target at a time: a key of one byte is found by search. */
static CK_RV cut_into_bytes(void)
{
	CK_ULONG bit = 0, one = 1;
	CK_MECHANISM cut = { CKM_EXTRACT_KEY_FROM_KEY, &bit, sizeof(bit) };
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE generic = CKK_GENERIC_SECRET;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_KEY_TYPE, &generic, sizeof(generic) },
			     { CKA_VALUE_LEN, &one, sizeof(one) },
			     { CKA_SIGN, &yes, 1 } };
	CK_OBJECT_HANDLE target = ak_key(CKK_GENERIC_SECRET, 16, CKF_DERIVE | CKF_SIGN), piece = 0;
	uint8_t guess[EVP_MAX_MD_SIZE], found[16];
	unsigned len = 0, b;

	for (unsigned i = 0; i < 16; i++) {
		bit = 8 * i;
		TRY(ck->C_DeriveKey(mk_session, &cut, target, t, ARRAY_LEN(t), &piece));
		TRY(ak_sign(CKM_SHA256_HMAC, piece, VIEW(mine, 32), out, &n));
		for (b = 0; b < 256; b++) {
			found[i] = (uint8_t)b;
			HMAC(EVP_sha256(), &found[i], 1, mine, 32, guess, &len);
			if (memcmp(guess, out, 32) == 0)
				break;
		}
		ck_assert_uint_lt(b, 256);
	}
	TRY(ak_sign(CKM_SHA256_HMAC, target, VIEW(mine, 32), out, &n));
	HMAC(EVP_sha256(), found, 16, mine, 32, guess, &len);
	ck_assert_mem_eq(guess, out, 32);
	return CKR_OK;
}

START_TEST(clulow_2003_key_bits_reduced_by_derivation)
{
	if (ak_has(CKM_EXTRACT_KEY_FROM_KEY, CKF_DERIVE))
		ak_holds(cut_into_bytes, "weak-derive", CKR_KEY_FUNCTION_NOT_PERMITTED);
}
END_TEST

/* ---- Attributes: no relaxation opens these; a key that is not sensitive shows that the tests can fail. ---- */

START_TEST(bortolozzo_2010_sensitive_keys_are_not_read)
{
	CK_OBJECT_HANDLE target = ak_target(), open = ak_readable(CKK_AES, 16, 0);
	CK_ATTRIBUTE t = { CKA_VALUE, clear, sizeof(clear) };

	IS(ck->C_GetAttributeValue(mk_session, target, &t, 1), CKR_ATTRIBUTE_SENSITIVE);
	ck_assert_uint_eq(t.ulValueLen, CK_UNAVAILABLE_INFORMATION);
	t.ulValueLen = sizeof(clear);
	OK(ck->C_GetAttributeValue(mk_session, open, &t, 1));
	mk_compatible();
	target = ak_target();
	t.ulValueLen = sizeof(clear);
	IS(ck->C_GetAttributeValue(mk_session, target, &t, 1), CKR_ATTRIBUTE_SENSITIVE);
}
END_TEST

START_TEST(bortolozzo_2010_protection_is_not_taken_back)
{
	CK_OBJECT_HANDLE target, open, copy = 0;

	mk_compatible();
	target = ak_target();
	open = ak_readable(CKK_AES, 16, 0);
	IS(ak_set(target, CKA_SENSITIVE, false), CKR_ATTRIBUTE_READ_ONLY);
	IS(ak_copy(target, CKA_SENSITIVE, false, &copy), CKR_ATTRIBUTE_READ_ONLY);
	OK(ak_set(target, CKA_EXTRACTABLE, false));
	IS(ak_set(target, CKA_EXTRACTABLE, true), CKR_ATTRIBUTE_READ_ONLY);
	IS(ak_copy(target, CKA_EXTRACTABLE, true, &copy), CKR_ATTRIBUTE_READ_ONLY);
	IS(ak_set(target, CKA_ALWAYS_SENSITIVE, false), CKR_ATTRIBUTE_READ_ONLY);
	IS(ak_set(target, CKA_LOCAL, true), CKR_ATTRIBUTE_READ_ONLY);
	OK(ak_set(open, CKA_SENSITIVE, false)); /* as it was */
	OK(ak_set(open, CKA_SENSITIVE, true));
	IS(ak_set(open, CKA_SENSITIVE, false), CKR_ATTRIBUTE_READ_ONLY);
}
END_TEST

START_TEST(search_is_no_oracle_for_sensitive_values)
{
	CK_OBJECT_HANDLE key = ak_known(CKK_AES, VIEW(mine, 16), 0), found = 0;
	CK_ATTRIBUTE t = { CKA_VALUE, (void *)(uintptr_t)mine, 16 };
	CK_ULONG count;

	OK(ak_set(key, CKA_SENSITIVE, true));
	OK(ck->C_FindObjectsInit(mk_session, &t, 1));
	OK(ck->C_FindObjects(mk_session, &found, 1, &count));
	OK(ck->C_FindObjectsFinal(mk_session));
	ck_assert_uint_eq(count, 0);
	t = (CK_ATTRIBUTE){ CKA_SENSITIVE, &yes, 1 };
	OK(ck->C_FindObjectsInit(mk_session, &t, 1));
	OK(ck->C_FindObjects(mk_session, &found, 1, &count));
	OK(ck->C_FindObjectsFinal(mk_session));
	ck_assert_uint_eq(count, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("attack_more");
	TCase *c = tcase_create("more");

	tcase_add_unchecked_fixture(c, mk_begin, mk_end);
	tcase_set_timeout(c, 0);
	tcase_add_test(c, bortolozzo_2010_public_key_wraps_private_key_decrypts);
	tcase_add_test(c, pair_with_all_usages_that_decrypted_wraps_nothing);
	tcase_add_test(c, bare_rsa_signature_opens_what_the_public_key_wrapped);
	tcase_add_test(c, key_agreement_opens_what_the_public_key_wrapped);
	tcase_add_test(c, delaune_kremer_steel_2008_pair_encrypts_then_unwraps);
	tcase_add_test(c, clulow_2003_injected_public_key);
	tcase_add_test(c, public_half_of_a_readable_private_key_wraps_nothing);
	tcase_add_test(c, cortier_delaune_steel_2007_key_conjuring);
	tcase_add_test(c, nothing_is_conjured_under_key_wrap);
	tcase_add_test(c, clulow_2003_ecb_halves_of_a_triple_key);
	tcase_add_test(c, clulow_2003_des_key_wraps);
	tcase_add_test(c, clulow_2003_weaker_key_wraps_a_stronger_one);
	tcase_add_test(c, transport_under_rsa_needs_parity_when_the_so_says_so);
	tcase_add_test(c, joux_2006_one_iv_for_two_keys);
	tcase_add_test(c, key_of_key_blocks_makes_no_macs);
	tcase_add_test(c, bleichenbacher_1998_bardou_2012_v15_oracle);
	tcase_add_test(c, boneh_joux_nguyen_2000_textbook_rsa);
	tcase_add_test(c, rsa_pairs_have_2048_bits_at_least);
	tcase_add_test(c, md5_is_for_verifying);
	tcase_add_test(c, clulow_2003_derived_key_is_readable);
	tcase_add_test(c, clulow_2003_key_bits_reduced_by_derivation);
	tcase_add_test(c, bortolozzo_2010_sensitive_keys_are_not_read);
	tcase_add_test(c, bortolozzo_2010_protection_is_not_taken_back);
	tcase_add_test(c, search_is_no_oracle_for_sensitive_values);
	suite_add_tcase(s, c);
	return mk_main(s);
}
