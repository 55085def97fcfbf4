/* SPDX-License-Identifier: BSD-2-Clause */
/* Rewraps, openings and exports of many threads on one token, each with a session of its own (R1.7, R1.9, R1.11). */
#include "tk_kit.h"

#include <pthread.h>
#include <string.h>

#define THREADS 6
#define ROUNDS 40

struct worker {
	pthread_t thread;
	CK_SESSION_HANDLE session;
	const struct tk_way *way;
	CK_OBJECT_HANDLE tmk;
	unsigned rewrapped, opened, exported, refused;
};

static CK_RV one_rewrap(const struct worker *w, uint8_t *record, CK_ULONG *len, bool good)
{
	static CK_BYTE customer[] = "ACME";
	uint8_t packet[SR_TK_PACKET_MAX];
	struct sr_tk_rewrap_params p = { .hMak = tk_mak[2],
					 .pPacket = packet,
					 .ulPacketLen = w->way->tk.packet_len,
					 .pCustomer = customer,
					 .ulCustomerLen = 4 };
	CK_MECHANISM m = { CKM_SR_TK_REWRAP, &p, sizeof(p) };

	memcpy(packet, w->way->tk.packet, sizeof(packet));
	if (!good)
		packet[100] ^= 1;
	return ck->C_WrapKey(w->session, &m, tk_pk[2], tk_pr, record, len);
}

static CK_RV one_export(const struct worker *w, CK_OBJECT_HANDLE tek, CK_OBJECT_HANDLE auk)
{
	struct sr_tmk_params p = { .hAuk = auk,
				   .pTerminalRandom = kit_terminal_random,
				   .ulTerminalRandomLen = 16,
				   .pHostRandom = kit_host_random,
				   .ulHostRandomLen = 16 };
	CK_MECHANISM m = { CKM_SR_TMK_EXPORT, &p, sizeof(p) };
	uint8_t message[SR_TMK_MESSAGE_MAX];
	CK_ULONG len = sizeof(message);

	return ck->C_WrapKey(w->session, &m, tek, w->tmk, message, &len);
}

static void *work(void *arg)
{
	struct worker *w = arg;

	for (int i = 0; i < ROUNDS; i++) {
		uint8_t record[SR_RECORD_MAX];
		CK_ULONG len = sizeof(record);
		CK_OBJECT_HANDLE tek = 0, auk = 0;
		struct sr_tk_open_params p = { .hMak = tk_mak[2], .phAuk = &auk };
		CK_MECHANISM m = { CKM_SR_TK_OPEN, &p, sizeof(p) };

		w->refused += one_rewrap(w, record, &len, false) == CKR_WRAPPED_KEY_INVALID;
		len = sizeof(record);
		w->rewrapped += one_rewrap(w, record, &len, true) == CKR_OK;
		if (ck->C_UnwrapKey(w->session, &m, tk_pk[2], record, len, NULL, 0, &tek) != CKR_OK)
			continue;
		w->exported += one_export(w, tek, auk) == CKR_OK;
		w->opened +=
		    ck->C_DestroyObject(w->session, tek) == CKR_OK && ck->C_DestroyObject(w->session, auk) == CKR_OK;
	}
	return NULL;
}

START_TEST(threads_share_the_keys_of_one_token)
{
	struct worker workers[THREADS];
	struct tk_way way;
	CK_OBJECT_HANDLE tmk = 0;
	CK_ULONG before;

	tk_make(&tk_shapes[7], &way);
	ck_ok(kit_role_key(SR_ROLE_TMK, CKK_AES, 32, &tmk));
	before = kit_count();
	for (size_t i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ .session = ck_open(true), .way = &way, .tmk = tmk };
		ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_join(workers[i].thread, NULL), 0);
		ck_assert_uint_eq(workers[i].refused, ROUNDS);
		ck_assert_uint_eq(workers[i].rewrapped, ROUNDS);
		ck_assert_uint_eq(workers[i].exported, ROUNDS);
		ck_assert_uint_eq(workers[i].opened, ROUNDS);
		ck_ok(ck->C_CloseSession(workers[i].session));
	}
	ck_assert_uint_eq(kit_count(), before);
	ck_ok(ck->C_DestroyObject(ck_session, tmk));
	tk_drop(&way);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vendor_thread");
	TCase *c = tcase_create("vendor_thread");

	tcase_set_timeout(c, 0);
	tcase_add_unchecked_fixture(c, tk_begin, ck_test_end);
	tcase_add_test(c, threads_share_the_keys_of_one_token);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
