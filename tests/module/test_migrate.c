/* SPDX-License-Identifier: BSD-2-Clause */
/* A token of schema 1 becomes one of schema 2 at the first login, whole or not at all. */
#include "old_kit.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "disk.h"
#include "store.h"

static void begin(void)
{
	ck_test_load();
	old_copy();
}

static CK_RV log_in(CK_USER_TYPE type, const char *pin)
{
	return ck->C_Login(ck_session, type, CK_TEXT(pin));
}

static CK_RV new_data(bool private, const char *label)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_BBOOL yes = CK_TRUE, is_private = private;
	CK_OBJECT_HANDLE h;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_TOKEN, &yes, 1 },
			     { CKA_PRIVATE, &is_private, 1 },
			     { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) } };

	return ck->C_CreateObject(ck_session, t, ARRAY_LEN(t), &h);
}

START_TEST(before_a_login_what_is_public_is_seen_and_nothing_changes)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_ATTRIBUTE t = { CKA_CLASS, &class, sizeof(class) };

	old_open();
	ck_assert_uint_eq(ck_find(&t, 1, NULL), 1);
	ck_assert_uint_eq(kit_find(CKO_CERTIFICATE, "cert", NULL), 1);
	ck_assert_uint_eq(kit_find(CKO_DATA, "private data", NULL), 0);
	ck_rv(new_data(false, "new"), CKR_TOKEN_WRITE_PROTECTED);
	ck_rv(log_in(CKU_USER, "wrong-pin"), CKR_PIN_INCORRECT);
	ck_rv(log_in(CKU_USER, "nobody:wrong-pin"), CKR_PIN_INCORRECT);
	old_close();
	ck_assert_uint_eq(old_schema(), 1);
}
END_TEST

static const struct {
	CK_USER_TYPE type;
	const char *pin;
} users[] = {
	{ CKU_SO, OLD_SO },    { CKU_USER, OLD_USER },  { CKU_USER, OLD_ALICE },
	{ CKU_USER, OLD_BOB }, { CKU_USER, OLD_CAROL },
};

START_TEST(whoever_logs_in_first_finds_everything_as_it_was)
{
	old_open();
	ck_ok(log_in(users[_i].type, users[_i].pin));
	ck_logout();
	old_check(_i == 3 ? 10 : 9);
	old_combines();
	old_close();
	ck_assert_uint_eq(old_schema(), 2);
	/* And once more from the disk. */
	old_open();
	kit_login(OLD_USER);
	ck_ok(new_data(true, "new"));
	ck_assert_uint_eq(kit_find(CKO_DATA, "new", NULL), 1);
	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, "MAK", NULL), 1);
	old_close();
}
END_TEST

START_TEST(a_pin_changed_at_the_first_login_is_the_one_that_works)
{
	old_open();
	ck_ok(ck->C_SetPIN(ck_session, CK_TEXT(OLD_USER), CK_TEXT("a-longer-pin")));
	ck_rv(log_in(CKU_USER, OLD_USER), CKR_PIN_INCORRECT);
	ck_ok(log_in(CKU_USER, "a-longer-pin"));
	ck_assert_uint_eq(kit_find(CKO_DATA, "private data", NULL), 1);
	old_close();
	ck_assert_uint_eq(old_schema(), 2);
}
END_TEST

START_TEST(an_old_token_can_be_initialised_again)
{
	CK_UTF8CHAR label[33] = "test                            ";

	old_open();
	ck_ok(ck->C_CloseSession(ck_session));
	ck_rv(ck->C_InitToken(ck_slot, CK_TEXT("wrong-pin"), label), CKR_PIN_INCORRECT);
	ck_ok(ck->C_InitToken(ck_slot, CK_TEXT(OLD_SO), label));
	ck_session = ck_open(true);
	ck_assert_uint_eq(kit_count(), 0);
	ck_rv(log_in(CKU_USER, OLD_USER), CKR_USER_PIN_NOT_INITIALIZED);
	ck_ok(log_in(CKU_SO, OLD_SO));
	ck_ok(ck->C_InitPIN(ck_session, CK_TEXT(CK_TEST_USER_PIN)));
	ck_logout();
	ck_ok(log_in(CKU_USER, CK_TEST_USER_PIN));
	ck_ok(new_data(true, "new"));
	ck_assert_uint_eq(kit_count(), 1);
	old_close();
	ck_assert_uint_eq(old_schema(), 2);
}
END_TEST

START_TEST(an_operation_saved_before_goes_on_afterwards)
{
	static const uint8_t abc_def[32] = { 0xbe, 0xf5, 0x7e, 0xc7, 0xf5, 0x3a, 0x6d, 0x40, 0xbe, 0xb6, 0x40,
					     0xa7, 0x80, 0xa6, 0x39, 0xc8, 0x3b, 0xc2, 0x9a, 0xc8, 0xa9, 0x81,
					     0x6f, 0x1f, 0xc6, 0xc5, 0xc6, 0xdc, 0xd9, 0x3c, 0x47, 0x21 };
	uint8_t state[256], digest[32];
	CK_ULONG n = sizeof(digest);
	size_t len = old_vector("digest.state", state, sizeof(state));

	old_open();
	ck_ok(log_in(CKU_USER, OLD_USER));
	ck_ok(ck->C_SetOperationState(ck_session, state, len, 0, 0));
	ck_ok(ck->C_DigestUpdate(ck_session, (CK_BYTE_PTR) "def", 3));
	ck_ok(ck->C_DigestFinal(ck_session, digest, &n));
	ck_assert_mem_eq(digest, abc_def, 32);
	old_close();
}
END_TEST

/* entries: the audit entries in the store, as bytes; with no module open. */
static unsigned entries(uint8_t (*ret)[512], size_t *lens, unsigned most)
{
	struct store *s = NULL;
	struct store_txn *t = NULL;
	struct view v;
	unsigned n = 0;

	ck_assert_int_eq(store_open(ck_test_dir, OLD_SERIAL, NULL, &s), STORE_OK);
	ck_assert_int_eq(store_begin(s, false, &t), STORE_OK);
	while (n < most && store_audit_get(t, n + 1, &v) == STORE_OK) {
		ck_assert_uint_le(v.n, 512);
		memcpy(ret[n], v.p, v.n);
		lens[n++] = v.n;
	}
	store_abort(t);
	store_close(s);
	return n;
}

START_TEST(what_was_audited_stays_to_the_byte)
{
	static uint8_t before[128][512], after[128][512];
	size_t before_len[128], after_len[128];
	unsigned n = entries(before, before_len, 128), now;

	ck_assert_uint_gt(n, 30);
	old_open();
	ck_ok(log_in(CKU_USER, OLD_USER));
	old_close();
	now = entries(after, after_len, 128);
	ck_assert_uint_ge(now, n + 2); /* migrated, logged in */
	for (unsigned i = 0; i < n; i++) {
		ck_assert_uint_eq(before_len[i], after_len[i]);
		ck_assert_mem_eq(before[i], after[i], before_len[i]);
	}
}
END_TEST

static int status_of(pid_t pid)
{
	int status = -1;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static int logs_in(void)
{
	CK_RV rv;

	alarm(100);
	old_open();
	rv = log_in(CKU_USER, OLD_USER);
	return rv == CKR_OK && kit_find(CKO_DATA, "private data", NULL) == 1 ? 0 : 1;
}

START_TEST(many_processes_at_once_migrate_it_once)
{
	pid_t pids[8]; /* fewer than there are tries: each takes one before it gives it back */

	/* One that reads what is public all the while. */
	old_open();
	for (size_t i = 0; i < ARRAY_LEN(pids); i++) {
		pids[i] = fork();
		ck_assert_int_ge(pids[i], 0);
		if (pids[i] == 0)
			_exit(logs_in());
	}
	for (size_t i = 0; i < ARRAY_LEN(pids); i++) {
		ck_assert_uint_eq(kit_find(CKO_DATA, "public data", NULL), 1);
		ck_assert_int_eq(status_of(pids[i]), 0);
	}
	ck_assert_uint_eq(kit_find(CKO_DATA, "public data", NULL), 1);
	ck_assert_uint_eq(kit_find(CKO_CERTIFICATE, "cert", NULL), 1);
	old_check(9);
	old_combines();
	old_close();
}
END_TEST

/* killed_at: a login in a child whose n-th write to the disk is its last; false: it had fewer. */
static bool killed_at(unsigned nth)
{
	struct disk_plan plan = { .nth = nth, .mode = DISK_KILL };
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		old_open();
		disk_arm(ck_test_dir, plan);
		_exit(log_in(CKU_USER, OLD_USER) == CKR_OK ? 0 : 1);
	}
	status = status_of(pid);
	if (WIFSIGNALED(status)) {
		ck_assert_int_eq(WTERMSIG(status), SIGKILL);
		return true;
	}
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	return false;
}

START_TEST(killed_at_any_write_it_is_old_or_new_and_whole)
{
	unsigned old = 0, new = 0;

	for (unsigned nth = 1;; nth++) {
		bool killed;

		old_copy();
		killed = killed_at(nth);
		if (!killed)
			break;
		if (old_schema() == 1)
			old++;
		else
			new ++;
		old_open();
		old_look();
		if (new == 1 || nth == 1)
			old_check(9);
		old_close();
		ck_assert_uint_eq(old_schema(), 2);
	}
	ck_assert_uint_gt(old, 2);
	ck_assert_uint_gt(new, 0);
}
END_TEST

START_TEST(a_disk_that_fails_at_any_write_loses_nothing)
{
	for (unsigned nth = 1;; nth++) {
		unsigned hits;
		CK_RV rv;

		old_copy();
		old_open();
		disk_arm(ck_test_dir, (struct disk_plan){ .nth = nth, .lasting = true, .error = ENOSPC });
		rv = log_in(CKU_USER, OLD_USER);
		hits = disk_hits();
		disk_disarm();
		ck_logout();
		if (hits == 0) {
			ck_ok(rv);
			old_close();
			break;
		}
		ck_assert_msg(rv == CKR_OK || rv == CKR_DEVICE_MEMORY || rv == CKR_DEVICE_ERROR, "0x%lx", rv);
		old_look();
		old_close();
	}
}
END_TEST

static void end(void)
{
	ck->C_Finalize(NULL); /* where a test failed */
	ck_test_unload();
}

int main(void)
{
	Suite *s = suite_create("migrate");
	TCase *c = tcase_create("migrate");

	tcase_add_checked_fixture(c, begin, end);
	tcase_set_timeout(c, 280);
	tcase_add_test(c, before_a_login_what_is_public_is_seen_and_nothing_changes);
	tcase_add_loop_test(c, whoever_logs_in_first_finds_everything_as_it_was, 0, ARRAY_LEN(users));
	tcase_add_test(c, a_pin_changed_at_the_first_login_is_the_one_that_works);
	tcase_add_test(c, an_old_token_can_be_initialised_again);
	tcase_add_test(c, an_operation_saved_before_goes_on_afterwards);
	tcase_add_test(c, what_was_audited_stays_to_the_byte);
	tcase_add_test(c, many_processes_at_once_migrate_it_once);
	tcase_add_test(c, killed_at_any_write_it_is_old_or_new_and_whole);
	tcase_add_test(c, a_disk_that_fails_at_any_write_loses_nothing);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
