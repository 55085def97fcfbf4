/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_kit.h"
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

/* Eight threads, a session each, the same keys: every answer must be the one that a single thread gives. R6.5 */
#define THREADS 8
#define ROUNDS 150

static uint8_t text[48] = "what eight threads do at once must come out so";
static CK_OBJECT_HANDLE key, public, private;
static uint8_t want_tag[16], want_digest[32], want_sealed[64], want_signature[256];
static CK_ULONG want_sealed_len = sizeof(want_sealed);
static uint8_t iv[16] = { 7 };
static atomic_uint faults;

/* Threads do not call Check: what goes wrong is counted. */
#define MUST(condition)                                                                                                \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			atomic_fetch_add(&faults, 1);                                                                  \
			return;                                                                                        \
		}                                                                                                      \
	} while (0)

static void one_round(CK_SESSION_HANDLE s, unsigned round)
{
	CK_MECHANISM mac = { CKM_AES_CMAC, NULL, 0 }, sha = { CKM_SHA256, NULL, 0 }, cbc = { CKM_AES_CBC_PAD, iv, 16 };
	CK_MECHANISM rsa = { CKM_SHA256_RSA_PKCS, NULL, 0 }, gen = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG len = 16, bytes = 32;
	CK_ATTRIBUTE t = { CKA_VALUE_LEN, &bytes, sizeof(bytes) };
	CK_OBJECT_HANDLE made = 0;
	uint8_t out[256];

	MUST(ck->C_SignInit(s, &mac, key) == CKR_OK);
	MUST(ck->C_SignUpdate(s, text, 20) == CKR_OK);
	MUST(ck->C_SignUpdate(s, text + 20, sizeof(text) - 20) == CKR_OK);
	MUST(ck->C_SignFinal(s, out, &len) == CKR_OK && memcmp(out, want_tag, 16) == 0);
	len = 32;
	MUST(ck->C_DigestInit(s, &sha) == CKR_OK);
	MUST(ck->C_Digest(s, text, sizeof(text), out, &len) == CKR_OK && memcmp(out, want_digest, 32) == 0);
	len = sizeof(out);
	MUST(ck->C_EncryptInit(s, &cbc, key) == CKR_OK);
	MUST(ck->C_Encrypt(s, text, sizeof(text), out, &len) == CKR_OK);
	MUST(len == want_sealed_len && memcmp(out, want_sealed, len) == 0);
	len = sizeof(out);
	MUST(ck->C_DecryptInit(s, &cbc, key) == CKR_OK);
	MUST(ck->C_Decrypt(s, want_sealed, want_sealed_len, out, &len) == CKR_OK);
	MUST(len == sizeof(text) && memcmp(out, text, len) == 0);
	MUST(ck->C_GenerateKey(s, &gen, &t, 1, &made) == CKR_OK);
	MUST(ck->C_DestroyObject(s, made) == CKR_OK);
	if (round % 10 == 0) {
		len = sizeof(out);
		MUST(ck->C_SignInit(s, &rsa, private) == CKR_OK);
		MUST(ck->C_Sign(s, text, sizeof(text), out, &len) == CKR_OK && memcmp(out, want_signature, 256) == 0);
		MUST(ck->C_VerifyInit(s, &rsa, public) == CKR_OK);
		MUST(ck->C_Verify(s, text, sizeof(text), out, len) == CKR_OK);
	}
}

static void *work(void *arg)
{
	CK_SESSION_HANDLE s = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		if (round % 50 == 0) {
			if (s != 0 && ck->C_CloseSession(s) != CKR_OK)
				atomic_fetch_add(&faults, 1);
			if (ck->C_OpenSession(mk_slot, CKF_SERIAL_SESSION, NULL, NULL, &s) != CKR_OK)
				atomic_fetch_add(&faults, 1);
		}
		one_round(s, round);
	}
	ck->C_CloseSession(s);
	return arg;
}

START_TEST(eight_threads_get_what_one_gets)
{
	CK_MECHANISM mac = { CKM_AES_CMAC, NULL, 0 }, sha = { CKM_SHA256, NULL, 0 }, cbc = { CKM_AES_CBC_PAD, iv, 16 };
	CK_MECHANISM rsa = { CKM_SHA256_RSA_PKCS, NULL, 0 };
	pthread_t threads[THREADS];
	CK_ULONG len = 16;

	mk_pair(&public, &private);
	key = mk_secret(CKK_AES, VIEW(text, 32), MK_ALL_USES);
	OK(mk_init(CKF_SIGN, &mac, key));
	OK(mk_single(CKF_SIGN, VIEW(text, sizeof(text)), want_tag, &len));
	len = 32;
	OK(mk_init(CKF_DIGEST, &sha, 0));
	OK(mk_single(CKF_DIGEST, VIEW(text, sizeof(text)), want_digest, &len));
	OK(mk_init(CKF_ENCRYPT, &cbc, key));
	OK(mk_single(CKF_ENCRYPT, VIEW(text, sizeof(text)), want_sealed, &want_sealed_len));
	len = 256;
	OK(mk_init(CKF_SIGN, &rsa, private));
	OK(mk_single(CKF_SIGN, VIEW(text, sizeof(text)), want_signature, &len));
	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, work, NULL), 0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(atomic_load(&faults), 0);
}
END_TEST

/* Eight threads in one session: calls come one after the other; codes are of the specification, nothing breaks. */
static CK_SESSION_HANDLE shared;

static void *crowd(void *arg)
{
	CK_MECHANISM mac = { CKM_AES_CMAC, NULL, 0 };
	uint8_t out[16];

	for (unsigned i = 0; i < ROUNDS; i++) {
		CK_ULONG len = sizeof(out);
		CK_RV rv = ck->C_SignInit(shared, &mac, key);

		if (rv != CKR_OK && rv != CKR_OPERATION_ACTIVE)
			atomic_fetch_add(&faults, 1);
		rv = ck->C_Sign(shared, text, sizeof(text), out, &len);
		if (rv != CKR_OK && rv != CKR_OPERATION_NOT_INITIALIZED)
			atomic_fetch_add(&faults, 1);
		if (rv == CKR_OK && memcmp(out, want_tag, 16) != 0)
			atomic_fetch_add(&faults, 1);
	}
	return arg;
}

START_TEST(eight_threads_in_one_session)
{
	pthread_t threads[THREADS];

	OK(ck->C_OpenSession(mk_slot, CKF_SERIAL_SESSION, NULL, NULL, &shared));
	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, crowd, NULL), 0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	OK(ck->C_CloseSession(shared));
	ck_assert_uint_eq(atomic_load(&faults), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("threads");
	TCase *c = tcase_create("threads");

	tcase_add_unchecked_fixture(c, mk_begin, mk_end);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, eight_threads_get_what_one_gets);
	tcase_add_test(c, eight_threads_in_one_session);
	suite_add_tcase(s, c);
	return mk_main(s);
}
