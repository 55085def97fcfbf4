/* SPDX-License-Identifier: BSD-2-Clause */
/* Recovering signatures, two operations at once, the signature before the data. */
#include "mech_kit.h"

#include <string.h>

static uint8_t text[100];
static const uint8_t key_bytes[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };

static CK_RV (*verify_signature_init)(CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE, CK_BYTE *, CK_ULONG);
static CK_RV (*verify_signature)(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG);
static CK_RV (*verify_signature_update)(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG);
static CK_RV (*verify_signature_final)(CK_SESSION_HANDLE);
static CK_RV (*session_cancel)(CK_SESSION_HANDLE, CK_FLAGS);

static void start(void)
{
	mk_begin();
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 11 + 3);
	*(void **)&verify_signature_init = mk_symbol("C_VerifySignatureInit");
	*(void **)&verify_signature = mk_symbol("C_VerifySignature");
	*(void **)&verify_signature_update = mk_symbol("C_VerifySignatureUpdate");
	*(void **)&verify_signature_final = mk_symbol("C_VerifySignatureFinal");
	*(void **)&session_cancel = mk_symbol("C_SessionCancel");
}

/* A pair that may sign and verify with recovery. */
static void recover_pair(CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private)
{
	CK_MECHANISM m = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_ULONG bits = 2048;
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE public[] = { { CKA_MODULUS_BITS, &bits, sizeof(bits) },
				  { CKA_VERIFY_RECOVER, &yes, 1 },
				  { CKA_VERIFY, &yes, 1 } };
	CK_ATTRIBUTE private[] = { { CKA_SIGN_RECOVER, &yes, 1 }, { CKA_SIGN, &yes, 1 } };

	OK(ck->C_GenerateKeyPair(mk_session, &m, public, 3, private, 2, ret_public, ret_private));
}

START_TEST(recovered_data_is_what_was_signed)
{
	CK_MECHANISM m = { CKM_RSA_PKCS, NULL, 0 };
	CK_OBJECT_HANDLE public, private;
	uint8_t signature[256], plain[256], other[256];
	CK_ULONG len = 0, n;

	recover_pair(&public, &private);
	OK(ck->C_SignRecoverInit(mk_session, &m, private));
	IS(ck->C_SignRecoverInit(mk_session, &m, private), CKR_OPERATION_ACTIVE);
	OK(ck->C_SignRecover(mk_session, text, 40, NULL, &len));
	ck_assert_uint_eq(len, 256);
	len = 255;
	IS(ck->C_SignRecover(mk_session, text, 40, signature, &len), CKR_BUFFER_TOO_SMALL);
	ck_assert_uint_eq(len, 256);
	OK(ck->C_SignRecover(mk_session, text, 40, signature, &len));
	IS(ck->C_SignRecover(mk_session, text, 40, signature, &len), CKR_OPERATION_NOT_INITIALIZED);

	/* PKCS #1 v1.5 signs the same bytes the same way. */
	OK(ck->C_SignInit(mk_session, &m, private));
	n = sizeof(other);
	OK(ck->C_Sign(mk_session, text, 40, other, &n));
	ck_assert_mem_eq(other, signature, 256);

	OK(ck->C_VerifyRecoverInit(mk_session, &m, public));
	OK(ck->C_VerifyRecover(mk_session, signature, 256, NULL, &n));
	ck_assert_uint_eq(n, 40);
	n = 39;
	IS(ck->C_VerifyRecover(mk_session, signature, 256, plain, &n), CKR_BUFFER_TOO_SMALL);
	ck_assert_uint_eq(n, 40);
	OK(ck->C_VerifyRecover(mk_session, signature, 256, plain, &n));
	ck_assert_uint_eq(n, 40);
	ck_assert_mem_eq(plain, text, 40);
	IS(ck->C_VerifyRecover(mk_session, signature, 256, plain, &n), CKR_OPERATION_NOT_INITIALIZED);

	/* A wrong signature is said before a short buffer, and ends the operation. */
	signature[100] ^= 1;
	n = 1;
	OK(ck->C_VerifyRecoverInit(mk_session, &m, public));
	IS(ck->C_VerifyRecover(mk_session, signature, 256, plain, &n), CKR_SIGNATURE_INVALID);
	IS(ck->C_VerifyRecover(mk_session, signature, 256, plain, &n), CKR_OPERATION_NOT_INITIALIZED);
	OK(ck->C_VerifyRecoverInit(mk_session, &m, public));
	IS(ck->C_VerifyRecover(mk_session, signature, 255, plain, &n), CKR_SIGNATURE_LEN_RANGE);
	IS(ck->C_VerifyRecover(mk_session, signature, 256, plain, &n), CKR_OPERATION_NOT_INITIALIZED);
	OK(ck->C_SignRecoverInit(mk_session, &m, private));
	len = 256;
	IS(ck->C_SignRecover(mk_session, other, 246, signature, &len), CKR_DATA_LEN_RANGE);
	IS(ck->C_SignRecover(mk_session, other, 40, signature, &len), CKR_OPERATION_NOT_INITIALIZED);
	OK(ck->C_SignRecoverInit(mk_session, &m, private));
	OK(session_cancel(mk_session, CKF_SIGN_RECOVER));
	IS(ck->C_SignRecover(mk_session, other, 40, signature, &len), CKR_OPERATION_NOT_INITIALIZED);
	mk_destroy(public);
	mk_destroy(private);
}
END_TEST

START_TEST(recovery_needs_its_own_permission)
{
	CK_MECHANISM m = { CKM_RSA_PKCS, NULL, 0 }, hashing = { CKM_SHA256_RSA_PKCS, NULL, 0 };
	CK_OBJECT_HANDLE public, private, secret = mk_secret(CKK_AES, VIEW(key_bytes, 16), MK_ALL_USES);

	mk_pair(&public, &private);
	IS(ck->C_SignRecoverInit(mk_session, &m, private), CKR_KEY_FUNCTION_NOT_PERMITTED);
	IS(ck->C_VerifyRecoverInit(mk_session, &m, public), CKR_KEY_FUNCTION_NOT_PERMITTED);
	IS(ck->C_SignRecoverInit(mk_session, &hashing, private), CKR_MECHANISM_INVALID);
	IS(ck->C_SignRecoverInit(mk_session, &m, public), CKR_KEY_TYPE_INCONSISTENT);
	IS(ck->C_VerifyRecoverInit(mk_session, &m, private), CKR_KEY_TYPE_INCONSISTENT);
	IS(ck->C_SignRecoverInit(mk_session, &m, secret), CKR_KEY_TYPE_INCONSISTENT);
	IS(ck->C_SignRecoverInit(mk_session, &m, 4711), CKR_KEY_HANDLE_INVALID);
	IS(ck->C_VerifyRecoverInit(mk_session, &m, 4711), CKR_KEY_HANDLE_INVALID);
	mk_destroy(secret);
}
END_TEST

/* Dual functions: AES-CBC-PAD with SHA-256, or with HMAC. */
static uint8_t iv[16] = { 9, 8, 7 };
static CK_MECHANISM cbc = { CKM_AES_CBC_PAD, iv, sizeof(iv) }, sha = { CKM_SHA256, NULL, 0 },
		    hmac = { CKM_SHA256_HMAC, NULL, 0 };

static size_t encrypted(CK_OBJECT_HANDLE key, uint8_t out[128])
{
	CK_ULONG len = 128;

	OK(ck->C_EncryptInit(mk_session, &cbc, key));
	OK(ck->C_Encrypt(mk_session, text, sizeof(text), out, &len));
	return len;
}

static void digested(uint8_t out[32])
{
	CK_ULONG len = 32;

	OK(ck->C_DigestInit(mk_session, &sha));
	OK(ck->C_Digest(mk_session, text, sizeof(text), out, &len));
}

typedef CK_RV (*dual_fn)(CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *len);

/* pass: all of in through a dual function in pieces of step; in place: the output on top of the input. */
static size_t pass(dual_fn dual, const uint8_t *in, size_t n, size_t step, bool in_place, uint8_t *out)
{
	uint8_t piece[256];
	size_t done = 0;

	for (size_t i = 0; i < n; i += step) {
		size_t part = n - i < step ? n - i : step;
		CK_ULONG need = 0, len = sizeof(piece);

		memset(piece, 0xee, sizeof(piece));
		OK(dual(mk_session, (CK_BYTE *)(uintptr_t)in + i, part, NULL, &need));
		if (need > 0) {
			len = need - 1;
			IS(dual(mk_session, (CK_BYTE *)(uintptr_t)in + i, part, piece, &len), CKR_BUFFER_TOO_SMALL);
			ck_assert_uint_eq(len, need);
			ck_assert_uint_eq(piece[0], 0xee);
		}
		if (in_place)
			memcpy(piece, in + i, part);
		len = sizeof(piece);
		OK(dual(mk_session, in_place ? piece : (CK_BYTE *)(uintptr_t)in + i, part, piece, &len));
		ck_assert_uint_eq(len, need);
		memcpy(out + done, piece, len);
		done += len;
	}
	return done;
}

START_TEST(digest_and_encryption_go_together)
{
	static const size_t steps[] = { 1, 7, 16, 33, 100 };
	CK_OBJECT_HANDLE key = mk_secret(CKK_AES, VIEW(key_bytes, 16), MK_ALL_USES);
	uint8_t want[128], sum[32], out[128], got[32];
	size_t n = encrypted(key, want);

	digested(sum);
	for (size_t i = 0; i < ARRAY_LEN(steps) * 2; i++) {
		CK_ULONG len, at;

		OK(ck->C_DigestInit(mk_session, &sha));
		OK(ck->C_EncryptInit(mk_session, &cbc, key));
		at = pass(ck->C_DigestEncryptUpdate, text, sizeof(text), steps[i / 2], i % 2 == 1, out);
		len = sizeof(out) - at;
		OK(ck->C_EncryptFinal(mk_session, out + at, &len));
		ck_assert_uint_eq(at + len, n);
		ck_assert_mem_eq(out, want, n);
		len = sizeof(got);
		OK(ck->C_DigestFinal(mk_session, got, &len));
		ck_assert_mem_eq(got, sum, 32);

		/* And back: what C_DecryptFinal gives out goes to the digest by hand. */
		OK(ck->C_DigestInit(mk_session, &sha));
		OK(ck->C_DecryptInit(mk_session, &cbc, key));
		at = pass(ck->C_DecryptDigestUpdate, want, n, steps[i / 2], i % 2 == 1, out);
		len = sizeof(out) - at;
		OK(ck->C_DecryptFinal(mk_session, out + at, &len));
		ck_assert_uint_eq(at + len, sizeof(text));
		ck_assert_mem_eq(out, text, sizeof(text));
		OK(ck->C_DigestUpdate(mk_session, out + at, len));
		len = sizeof(got);
		OK(ck->C_DigestFinal(mk_session, got, &len));
		ck_assert_mem_eq(got, sum, 32);
	}
	mk_destroy(key);
}
END_TEST

START_TEST(signature_and_encryption_go_together)
{
	CK_OBJECT_HANDLE key = mk_secret(CKK_AES, VIEW(key_bytes, 16), MK_ALL_USES);
	CK_OBJECT_HANDLE mac = mk_secret(CKK_GENERIC_SECRET, VIEW(key_bytes, 16), MK_ALL_USES);
	uint8_t out[128], back[128], tag[32];
	CK_ULONG len, at, n;

	OK(ck->C_SignInit(mk_session, &hmac, mac));
	OK(ck->C_EncryptInit(mk_session, &cbc, key));
	at = pass(ck->C_SignEncryptUpdate, text, sizeof(text), 9, true, out);
	len = sizeof(out) - at;
	OK(ck->C_EncryptFinal(mk_session, out + at, &len));
	n = at + len;
	len = sizeof(tag);
	OK(ck->C_SignFinal(mk_session, tag, &len));
	OK(ck->C_VerifyInit(mk_session, &hmac, mac));
	OK(ck->C_Verify(mk_session, text, sizeof(text), tag, len));

	OK(ck->C_VerifyInit(mk_session, &hmac, mac));
	OK(ck->C_DecryptInit(mk_session, &cbc, key));
	at = pass(ck->C_DecryptVerifyUpdate, out, n, 11, false, back);
	len = sizeof(back) - at;
	OK(ck->C_DecryptFinal(mk_session, back + at, &len));
	OK(ck->C_VerifyUpdate(mk_session, back + at, len));
	OK(ck->C_VerifyFinal(mk_session, tag, sizeof(tag)));
	ck_assert_mem_eq(back, text, sizeof(text));
	mk_destroy(key);
	mk_destroy(mac);
}
END_TEST

static void both_over(void)
{
	uint8_t out[64];
	CK_ULONG len = sizeof(out);

	IS(ck->C_EncryptFinal(mk_session, out, &len), CKR_OPERATION_NOT_INITIALIZED);
	IS(ck->C_DigestFinal(mk_session, out, &len), CKR_OPERATION_NOT_INITIALIZED);
}

START_TEST(an_error_ends_both_operations)
{
	CK_OBJECT_HANDLE key = mk_secret(CKK_AES, VIEW(key_bytes, 16), MK_ALL_USES);
	uint8_t out[64];
	CK_ULONG len = sizeof(out);

	IS(ck->C_DigestEncryptUpdate(mk_session, text, 16, out, &len), CKR_OPERATION_NOT_INITIALIZED);
	OK(ck->C_EncryptInit(mk_session, &cbc, key));
	IS(ck->C_DigestEncryptUpdate(mk_session, text, 16, out, &len), CKR_OPERATION_NOT_INITIALIZED);
	both_over();
	OK(ck->C_DigestInit(mk_session, &sha));
	IS(ck->C_DigestEncryptUpdate(mk_session, text, 16, out, &len), CKR_OPERATION_NOT_INITIALIZED);
	both_over();
	OK(ck->C_DigestInit(mk_session, &sha));
	OK(ck->C_EncryptInit(mk_session, &cbc, key));
	IS(ck->C_DigestEncryptUpdate(mk_session, text, 16, out, NULL), CKR_ARGUMENTS_BAD);
	both_over();
	OK(ck->C_DigestInit(mk_session, &sha));
	OK(ck->C_EncryptInit(mk_session, &cbc, key));
	IS(ck->C_DigestEncryptUpdate(mk_session, NULL, 16, out, &len), CKR_ARGUMENTS_BAD);
	both_over();
	/* Cancelling one leaves the other. */
	OK(ck->C_DigestInit(mk_session, &sha));
	OK(ck->C_EncryptInit(mk_session, &cbc, key));
	OK(session_cancel(mk_session, CKF_ENCRYPT));
	IS(ck->C_EncryptFinal(mk_session, out, &len), CKR_OPERATION_NOT_INITIALIZED);
	OK(ck->C_DigestFinal(mk_session, out, &len));
	mk_destroy(key);
}
END_TEST

/* A caller who says that there is room for everything still works in place. */
START_TEST(absurd_room_hides_no_overlap)
{
	CK_OBJECT_HANDLE key = mk_secret(CKK_AES, VIEW(key_bytes, 16), MK_ALL_USES);
	uint8_t want[128], out[160], room[160], sum[32], got[32];
	CK_ULONG len;
	size_t n = encrypted(key, want), at = 0;

	digested(sum);
	for (int dual = 0; dual < 2; dual++) {
		memcpy(room, text, sizeof(text));
		at = 0;
		OK(ck->C_EncryptInit(mk_session, &cbc, key));
		OK(ck->C_DigestInit(mk_session, &sha));
		for (size_t i = 0; i < sizeof(text); i += 20) {
			len = ~0UL;
			OK((dual ? ck->C_DigestEncryptUpdate : ck->C_EncryptUpdate)(mk_session, room + i, 20, room + i,
										    &len));
			memcpy(out + at, room + i, len);
			at += len;
			/* What was written over the next piece comes back. */
			if (i + 20 < sizeof(text))
				memcpy(room + i + 20, text + i + 20, 20);
		}
		len = ~0UL;
		OK(ck->C_EncryptFinal(mk_session, out + at, &len));
		ck_assert_uint_eq(at + len, n);
		ck_assert_mem_eq(out, want, n);
		len = sizeof(got);
		OK(ck->C_DigestFinal(mk_session, got, &len));
		if (dual)
			ck_assert_mem_eq(got, sum, 32);
	}
	mk_destroy(key);
}
END_TEST

/* Nothing in memory is as long as that. */
START_TEST(absurd_lengths_are_refused)
{
	static const CK_ULONG lengths[] = { ~0UL, ~0UL - 15, (~0UL >> 1) + 1 };
	CK_OBJECT_HANDLE key = mk_secret(CKK_AES, VIEW(key_bytes, 16), MK_ALL_USES), public, private;
	CK_OBJECT_HANDLE mac = mk_secret(CKK_GENERIC_SECRET, VIEW(key_bytes, 16), MK_ALL_USES);
	CK_MECHANISM rsa = { CKM_RSA_PKCS, NULL, 0 };
	uint8_t out[512];

	recover_pair(&public, &private);
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		CK_ULONG n = lengths[i], len = sizeof(out);

		OK(ck->C_DigestInit(mk_session, &sha));
		OK(ck->C_EncryptInit(mk_session, &cbc, key));
		IS(ck->C_DigestEncryptUpdate(mk_session, text, n, out, &len), CKR_ARGUMENTS_BAD);
		both_over();
		OK(ck->C_SignRecoverInit(mk_session, &rsa, private));
		IS(ck->C_SignRecover(mk_session, text, n, out, &len), CKR_ARGUMENTS_BAD);
		IS(ck->C_SignRecover(mk_session, text, 16, out, &len), CKR_OPERATION_NOT_INITIALIZED);
		OK(ck->C_VerifyRecoverInit(mk_session, &rsa, public));
		IS(ck->C_VerifyRecover(mk_session, text, n, out, &len), CKR_SIGNATURE_LEN_RANGE);
		IS(ck->C_VerifyRecover(mk_session, out, 256, out, &len), CKR_OPERATION_NOT_INITIALIZED);
		IS(verify_signature_init(mk_session, &hmac, mac, text, n), CKR_ARGUMENTS_BAD);
		IS(verify_signature_final(mk_session), CKR_OPERATION_NOT_INITIALIZED);
		OK(verify_signature_init(mk_session, &hmac, mac, text, 32));
		IS(verify_signature(mk_session, text, n), CKR_ARGUMENTS_BAD);
		IS(verify_signature_final(mk_session), CKR_OPERATION_NOT_INITIALIZED);
	}
	mk_destroy(key);
	mk_destroy(mac);
	mk_destroy(public);
	mk_destroy(private);
}
END_TEST

/* Every mechanism that verifies takes the signature first as well. */
START_TEST(signature_may_come_before_the_data)
{
	CK_OBJECT_HANDLE mac = mk_secret(CKK_GENERIC_SECRET, VIEW(key_bytes, 16), MK_ALL_USES), public, private;
	CK_MECHANISM rsa = { CKM_SHA256_RSA_PKCS, NULL, 0 }, raw = { CKM_RSA_PKCS, NULL, 0 };
	uint8_t tag[512];
	CK_ULONG len = sizeof(tag);

	mk_pair(&public, &private);
	for (int i = 0; i < 3; i++) {
		CK_MECHANISM *m = i == 0 ? &hmac : i == 1 ? &rsa : &raw;
		CK_OBJECT_HANDLE key = i == 0 ? mac : public;

		len = sizeof(tag);
		OK(ck->C_SignInit(mk_session, m, i == 0 ? mac : private));
		OK(ck->C_Sign(mk_session, text, sizeof(text), tag, &len));
		OK(verify_signature_init(mk_session, m, key, tag, len));
		IS(verify_signature_init(mk_session, m, key, tag, len), CKR_OPERATION_ACTIVE);
		OK(verify_signature(mk_session, text, sizeof(text)));
		IS(verify_signature(mk_session, text, sizeof(text)), CKR_OPERATION_NOT_INITIALIZED);
		OK(verify_signature_init(mk_session, m, key, tag, len));
		IS(verify_signature(mk_session, text, sizeof(text) - 1), CKR_SIGNATURE_INVALID);
		OK(verify_signature_init(mk_session, m, key, tag, len - 1));
		IS(verify_signature(mk_session, text, sizeof(text)), CKR_SIGNATURE_LEN_RANGE);
		OK(verify_signature_init(mk_session, m, key, tag, len));
		if (m == &raw) {
			IS(verify_signature_update(mk_session, text, 1), CKR_OPERATION_NOT_INITIALIZED);
			continue;
		}
		OK(verify_signature_update(mk_session, text, 33));
		OK(verify_signature_update(mk_session, text + 33, sizeof(text) - 33));
		OK(verify_signature_final(mk_session));
		IS(verify_signature_final(mk_session), CKR_OPERATION_NOT_INITIALIZED);
		OK(verify_signature_init(mk_session, m, key, tag, len));
		OK(verify_signature_update(mk_session, text, 33));
		IS(verify_signature(mk_session, text, 33), CKR_OPERATION_ACTIVE);
		IS(verify_signature_final(mk_session), CKR_OPERATION_NOT_INITIALIZED);
		OK(verify_signature_init(mk_session, m, key, tag, len));
		IS(verify_signature_update(mk_session, NULL, 5), CKR_ARGUMENTS_BAD);
		IS(verify_signature_final(mk_session), CKR_OPERATION_NOT_INITIALIZED);
	}
	/* It is no operation of C_Verify; CKF_VERIFY cancels it, and so does a NULL mechanism. */
	OK(verify_signature_init(mk_session, &hmac, mac, tag, 32));
	IS(ck->C_VerifyFinal(mk_session, tag, 32), CKR_OPERATION_NOT_INITIALIZED);
	OK(session_cancel(mk_session, CKF_VERIFY));
	IS(verify_signature_final(mk_session), CKR_OPERATION_NOT_INITIALIZED);
	OK(verify_signature_init(mk_session, &hmac, mac, tag, 32));
	OK(verify_signature_init(mk_session, NULL, 0, NULL, 0));
	IS(verify_signature_final(mk_session), CKR_OPERATION_NOT_INITIALIZED);
	IS(verify_signature_init(mk_session, &hmac, mac, NULL, 32), CKR_ARGUMENTS_BAD);
	mk_destroy(mac);
}
END_TEST

/* The first call decides: a single-part call that asked for a length lets no update in. */
START_TEST(single_part_and_multi_part_do_not_mix)
{
	CK_OBJECT_HANDLE key = mk_secret(CKK_AES, VIEW(key_bytes, 16), MK_ALL_USES);
	uint8_t out[64];
	CK_ULONG len = 0;

	OK(ck->C_DigestInit(mk_session, &sha));
	OK(ck->C_Digest(mk_session, text, 16, NULL, &len));
	IS(ck->C_DigestUpdate(mk_session, text, 16), CKR_OPERATION_ACTIVE);
	IS(ck->C_DigestUpdate(mk_session, text, 16), CKR_OPERATION_NOT_INITIALIZED);
	OK(ck->C_EncryptInit(mk_session, &cbc, key));
	len = 1;
	IS(ck->C_Encrypt(mk_session, text, 16, out, &len), CKR_BUFFER_TOO_SMALL);
	IS(ck->C_EncryptFinal(mk_session, out, &len), CKR_OPERATION_ACTIVE);
	IS(ck->C_EncryptFinal(mk_session, out, &len), CKR_OPERATION_NOT_INITIALIZED);
	/* Without any update there is an empty message. */
	OK(ck->C_DigestInit(mk_session, &sha));
	len = 0;
	OK(ck->C_DigestFinal(mk_session, NULL, &len));
	ck_assert_uint_eq(len, 32);
	OK(ck->C_DigestUpdate(mk_session, NULL, 0));
	OK(ck->C_DigestFinal(mk_session, out, &len));
	mk_destroy(key);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("functions");
	TCase *c = tcase_create("functions");

	tcase_set_timeout(c, 100);
	tcase_add_unchecked_fixture(c, start, mk_end);
	tcase_add_test(c, recovered_data_is_what_was_signed);
	tcase_add_test(c, recovery_needs_its_own_permission);
	tcase_add_test(c, digest_and_encryption_go_together);
	tcase_add_test(c, signature_and_encryption_go_together);
	tcase_add_test(c, an_error_ends_both_operations);
	tcase_add_test(c, absurd_room_hides_no_overlap);
	tcase_add_test(c, absurd_lengths_are_refused);
	tcase_add_test(c, signature_may_come_before_the_data);
	tcase_add_test(c, single_part_and_multi_part_do_not_mix);
	suite_add_tcase(s, c);
	return mk_main(s);
}
