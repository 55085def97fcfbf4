/* SPDX-License-Identifier: BSD-2-Clause */
/* Several processes and threads append to one trail and are killed in between: the state may lag, it never leads. */
#include "audit_kit.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "audit.h"

#define THREADS 4
#define PROCESSES 3
#define ROUNDS 12

static const char ready[33] = "-------------- ready -----------";
static int told; /* pipe: ids of the keys that C_GenerateKey acknowledged */

static CK_RV own_session(CK_SLOT_ID *ret_slot)
{
	CK_SLOT_ID slots[16];
	CK_ULONG n = ARRAY_LEN(slots);
	CK_TOKEN_INFO info;
	CK_RV rv = ck->C_Initialize(NULL);

	if (rv == CKR_OK)
		rv = ck->C_GetSlotList(CK_TRUE, slots, &n);
	for (CK_ULONG i = 0; rv == CKR_OK && i < n; i++)
		if (ck->C_GetTokenInfo(slots[i], &info) == CKR_OK && memcmp(info.label, "test ", 5) == 0)
			*ret_slot = slots[i];
	return rv;
}

static CK_SLOT_ID child_slot;

/* append: creates, and destroys every third, until somebody kills us. */
static void *append(void *arg)
{
	CK_MECHANISM generate = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG length = 32;
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE t[] = { { CKA_VALUE_LEN, &length, sizeof(length) }, { CKA_TOKEN, &yes, 1 } };
	CK_SESSION_HANDLE s = 0;
	CK_RV rv = ck->C_OpenSession(child_slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s);

	for (int i = 0; rv == CKR_OK; i++) {
		CK_BYTE id[33] = { 0 };
		CK_ATTRIBUTE unique = { CKA_UNIQUE_ID, id, 32 };
		CK_OBJECT_HANDLE key = 0;

		rv = ck->C_GenerateKey(s, &generate, t, ARRAY_LEN(t), &key);
		if (rv == CKR_OK)
			rv = ck->C_GetAttributeValue(s, key, &unique, 1);
		if (rv == CKR_OK && write(told, id, 32) != 32)
			break;
		if (rv == CKR_OK && i % 3 == 0)
			rv = ck->C_DestroyObject(s, key);
	}
	return NULL;
}

static int work(void)
{
	pthread_t threads[THREADS];
	CK_SESSION_HANDLE s = 0;
	CK_RV rv = own_session(&child_slot);

	if (rv == CKR_OK)
		rv = ck->C_OpenSession(child_slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s);
	if (rv == CKR_OK)
		rv = ck->C_Login(s, CKU_USER, CK_TEXT(CK_TEST_USER_PIN));
	/* From here on it may be killed: a login that is killed costs a try of the PIN. */
	if (rv != CKR_OK || write(told, ready, 32) != 32)
		return 1;
	for (size_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, append, NULL);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	return 2; /* it is to be killed, not to end */
}

struct seen {
	char (*ids)[33];
	size_t n, room;
};

static void add(struct seen *seen, const char id[33])
{
	if (seen->n == seen->room) {
		seen->room = seen->room ? seen->room * 2 : 1024;
		seen->ids = realloc(seen->ids, seen->room * sizeof(*seen->ids));
		ck_assert_ptr_nonnull(seen->ids);
	}
	memcpy(seen->ids[seen->n++], id, 33);
}

static void take(struct seen *seen, int from)
{
	char id[33] = { 0 };

	while (read(from, id, 32) == 32)
		add(seen, id);
}

static int by_id(const void *a, const void *b)
{
	return memcmp(a, b, 32);
}

/* whole: the trail is good to its end, and tells of every key that was acknowledged, once. */
static void whole(const struct seen *seen, CK_ULONG *from)
{
	static struct sr_audit_entry rows[256];
	struct sr_audit_state state;
	size_t found = 0;

	ck_assert_uint_gt(seen->n, 0);
	qsort(seen->ids, seen->n, sizeof(*seen->ids), by_id);
	ck_login(CKU_SO);
	do {
		CK_ULONG n = ARRAY_LEN(rows);

		ck_ok(audit_sr()->SR_GetAudit(ck_session, *from, rows, &n, &state));
		ck_assert_uint_eq(state.ulFirstBad, 0);
		for (CK_ULONG i = 0; i < n; i++) {
			char hex[33];

			ck_assert_uint_eq(rows[i].ulSequence, *from + i);
			if (rows[i].ulEvent != AUDIT_KEY_CREATED)
				continue;
			hex_encode(VIEW(rows[i].object, 16), hex);
			found += bsearch(hex, seen->ids, seen->n, sizeof(*seen->ids), by_id) != NULL;
		}
		*from += n;
	} while (!(state.flags & SR_AUDIT_ENDED));
	ck_assert_uint_eq(state.ulState, SR_AUDIT_STATE_FITS);
	ck_assert_uint_eq(found, seen->n);
	ck_logout();
}

static void one_round(unsigned round, CK_ULONG *from)
{
	struct timespec wait = { 0, (long)(round * 37 % 11) * 20000000 };
	struct seen seen = { 0 };
	pid_t pids[PROCESSES];
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	told = ends[1];
	for (size_t i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		ck_assert_int_ge(pids[i], 0);
		if (pids[i] == 0) {
			close(ends[0]);
			_exit(work());
		}
	}
	close(ends[1]);
	for (size_t all = 0; all < PROCESSES;) {
		char id[33] = { 0 };

		ck_assert_int_eq(read(ends[0], id, 32), 32);
		if (memcmp(id, ready, 32) == 0)
			all++;
		else
			add(&seen, id);
	}
	nanosleep(&wait, NULL);
	for (size_t i = 0; i < PROCESSES; i++) {
		int status = 0;

		wait.tv_nsec = (long)(round * 13 + i * 7) % 17 * 3000000;
		nanosleep(&wait, NULL);
		kill(pids[i], SIGKILL);
		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert_msg(WIFSIGNALED(status), "a child ended by itself: %d", WEXITSTATUS(status));
	}
	take(&seen, ends[0]);
	close(ends[0]);
	whole(&seen, from);
	free(seen.ids);
}

START_TEST(killed_writers_leave_a_whole_trail)
{
	CK_ULONG from = 1;

	for (unsigned round = 0; round < ROUNDS; round++)
		one_round(round, &from);
	ck_assert_uint_gt(from, ROUNDS * PROCESSES);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("audit_process");
	TCase *c = tcase_create("audit_process");

	tcase_add_unchecked_fixture(c, ck_test_begin, ck_test_end);
	tcase_set_timeout(c, 0);
	tcase_add_test(c, killed_writers_leave_a_whole_trail);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
