/* SPDX-License-Identifier: BSD-2-Clause */
#include "disk.h"
#include "fault_kit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Full and read-only file systems; files that are not what they should be, or go while they are open. */

/* Limits on the size of a file, for everybody: a full disk without a file system of its own. */
static int fills_up(void *ctx)
{
	struct fault_object o = { .name = "" };
	struct rlimit limit;
	struct stat st;
	CK_SESSION_HANDLE s = 0;
	unsigned made = 0, is = 0;
	CK_RV rv = fault_session(false, &s);

	if (rv != CKR_OK || stat(fault_file, &st) != 0 || getrlimit(RLIMIT_FSIZE, &limit) != 0)
		return 1;
	signal(SIGXFSZ, SIG_IGN);
	limit.rlim_cur = (rlim_t)st.st_size;
	if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
		return 2;
	for (; rv == CKR_OK && made < 20000; made++) {
		snprintf(o.name, sizeof(o.name), "fill %u", made);
		rv = fault_create(s, &o, 1);
	}
	made--;
	if (rv != CKR_DEVICE_MEMORY || made < 3)
		return 3;
	/* Refused is not there, all that was acknowledged is. */
	for (unsigned i = 0; i <= made; i++) {
		snprintf(o.name, sizeof(o.name), "fill %u", i);
		if (fault_version(s, &o, &is) != CKR_OK || is != (i < made))
			return 4;
	}
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
		return 5;
	for (unsigned i = 0; i < made; i++) {
		snprintf(o.name, sizeof(o.name), "fill %u", i);
		if (fault_version(s, &o, &is) != CKR_OK || fault_destroy(s, &o) != CKR_OK)
			return 6;
	}
	return 0;
}

START_TEST(a_file_that_may_not_grow_loses_nothing)
{
	ck_assert_int_eq(fault_status(fault_child(fills_up, NULL)), 0);
}
END_TEST

/* A small file system of its own, where that is allowed. */
static char small[200];

static bool mount_small(void)
{
	snprintf(small, sizeof(small), "%s/small", ck_test_dir);
	ck_assert_int_eq(mkdir(small, 0700), 0);
	return mount("none", small, "tmpfs", 0, "size=3m,mode=0700") == 0;
}

static int reads_only(void *ctx)
{
	struct fault_object o = { .name = "fill 0" };
	CK_SESSION_HANDLE s = 0;
	unsigned is = 0;
	CK_RV rv = fault_session(false, &s);

	/* On a disk that is full to the last block a fresh process reads, or says that it cannot. */
	if (rv == CKR_TOKEN_NOT_PRESENT)
		return 50;
	if (rv != CKR_OK || fault_version(s, &o, &is) != CKR_OK || is != 1)
		return 1;
	/* There may be pages of the file to write it in. */
	rv = ck->C_Login(s, CKU_USER, CK_TEXT(CK_TEST_USER_PIN));
	return rv == CKR_OK || rv == CKR_DEVICE_MEMORY ? 0 : 2;
}

static int fills_small(void *ctx)
{
	char ballast[256], zeroes[4096] = { 0 };
	struct fault_object o = { .name = "" };
	CK_UTF8CHAR label[32];
	CK_SESSION_HANDLE s = 0;
	CK_SLOT_ID slot = 0;
	CK_ULONG n = 1;
	unsigned made = 0, is = 0;
	CK_RV rv;
	int fd;

	memset(label, ' ', sizeof(label));
	memcpy(label, "test", 4);
	alarm(100);
	if (ck->C_Initialize(NULL) != CKR_OK || ck->C_GetSlotList(CK_FALSE, &slot, &n) != CKR_OK ||
	    ck->C_InitToken(slot, CK_TEXT(CK_TEST_SO_PIN), label) != CKR_OK ||
	    ck->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s) != CKR_OK ||
	    ck->C_Login(s, CKU_SO, CK_TEXT(CK_TEST_SO_PIN)) != CKR_OK ||
	    ck->C_InitPIN(s, CK_TEXT(CK_TEST_USER_PIN)) != CKR_OK || ck->C_Logout(s) != CKR_OK)
		return 1;
	/* Half of what is left. */
	snprintf(ballast, sizeof(ballast), "%s/ballast", small);
	fd = open(ballast, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	for (int i = 0; i < 256; i++)
		if (write(fd, zeroes, sizeof(zeroes)) != (ssize_t)sizeof(zeroes)) {
			perror(ballast);
			return 2;
		}
	for (rv = CKR_OK; rv == CKR_OK && made < 20000; made++) {
		snprintf(o.name, sizeof(o.name), "fill %u", made);
		rv = fault_create(s, &o, 1);
	}
	made--;
	if (rv != CKR_DEVICE_MEMORY || made < 3)
		return 3;
	while (write(fd, zeroes, sizeof(zeroes)) > 0)
		;
	for (unsigned i = 0; i <= made; i++) {
		snprintf(o.name, sizeof(o.name), "fill %u", i);
		if (fault_version(s, &o, &is) != CKR_OK || is != (i < made))
			return 4;
	}
	int other = fault_status(fault_child(reads_only, NULL));
	if (other != 0)
		return other;
	/* Room again. */
	close(fd);
	unlink(ballast);
	if (fault_create(s, &o, 1) != CKR_OK || ck->C_Login(s, CKU_USER, CK_TEXT(CK_TEST_USER_PIN)) != CKR_OK)
		return 5;
	return ck->C_Finalize(NULL) == CKR_OK ? 0 : 6;
}

static int finds_read_only(void *ctx)
{
	const char *line[] = { "error", "/small/", "Read-only file system", NULL };
	struct fault_object o = { .name = "never" };
	CK_SESSION_HANDLE s = 0;
	CK_RV rv = fault_session(false, &s);

	if (rv == CKR_OK)
		return fault_create(s, &o, 1) == CKR_TOKEN_WRITE_PROTECTED ? 0 : 1;
	if (rv != CKR_TOKEN_NOT_PRESENT || !fault_logged(line))
		return 2;
	return 0;
}

/* The same without a file system of its own: the calls answer as such a one does. */
static int while_remounted(void *ctx)
{
	const char *line[] = { "error", "C_CreateObject", fault_dir, "Read-only file system", NULL };
	struct fault_object o = { .name = "before" }, never = { .name = "never" };
	CK_SESSION_HANDLE s = 0;
	unsigned is = 0;
	CK_RV rv;

	if (fault_session(false, &s) != CKR_OK || fault_create(s, &o, 1) != CKR_OK)
		return 1;
	disk_arm(fault_dir, (struct disk_plan){ 1, true, DISK_REFUSE, EROFS });
	if (fault_create(s, &never, 1) != CKR_TOKEN_WRITE_PROTECTED || !fault_logged(line))
		return 2;
	/* Which of the two files is met first, the trail's state or the data, is the module's affair. */
	rv = ck->C_Login(s, CKU_USER, CK_TEXT(CK_TEST_USER_PIN));
	if (rv != CKR_TOKEN_WRITE_PROTECTED && rv != CKR_DEVICE_ERROR)
		return 3;
	if (fault_version(s, &o, &is) != CKR_OK || is != 1)
		return 4;
	disk_disarm();
	if (fault_create(s, &never, 1) != CKR_OK || fault_destroy(s, &never) != CKR_OK ||
	    fault_destroy(s, &o) != CKR_OK)
		return 5;
	return ck->C_Login(s, CKU_USER, CK_TEXT(CK_TEST_USER_PIN)) == CKR_OK ? 0 : 6;
}

static int starts_read_only(void *ctx)
{
	const char *line[] = { "error", "C_Initialize", fault_dir, "Read-only file system", NULL };
	CK_SESSION_HANDLE s = 0;

	fault_log_forget();
	disk_arm(fault_dir, (struct disk_plan){ 1, true, DISK_REFUSE, EROFS });
	if (fault_session(false, &s) != CKR_TOKEN_NOT_PRESENT)
		return 1;
	return fault_logged(line) ? 0 : 2;
}

START_TEST(a_read_only_file_system_is_said_to_be_one)
{
	ck_assert_int_eq(fault_status(fault_child(while_remounted, NULL)), 0);
	ck_assert_int_eq(fault_status(fault_child(starts_read_only, NULL)), 0);
}
END_TEST

START_TEST(a_small_file_system_fills_up_and_goes_read_only)
{
	if (!mount_small()) {
		printf("no file system may be mounted here: %m\n");
		ck_assert_int_eq(rmdir(small), 0);
		return;
	}
	setenv("STRONGROOM_TOKEN_DIR", small, 1);
	int full = fault_status(fault_child(fills_small, NULL));
	fault_log_forget();
	int again = mount("none", small, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL);
	int found = again == 0 ? fault_status(fault_child(finds_read_only, NULL)) : -1000;
	setenv("STRONGROOM_TOKEN_DIR", ck_test_dir, 1);
	umount2(small, MNT_DETACH);
	rmdir(small);
	ck_assert_int_eq(full, 0);
	ck_assert_int_eq(again, 0);
	ck_assert_int_eq(found, 0);
}
END_TEST

/* What somebody does to the file, the answer of a process that starts then, and the words of the log. */
static int starts_without_token(void *ctx)
{
	CK_SESSION_HANDLE s = 0;
	const char *const *line = ctx;

	if (fault_session(false, &s) != CKR_TOKEN_NOT_PRESENT)
		return 1;
	return fault_logged(line) ? 0 : 2;
}

static void refused(const char *const *line)
{
	fault_log_forget();
	int answer = fault_status(fault_child(starts_without_token, (void *)(uintptr_t)line));
	ck_assert_msg(answer == 0, "%s: %d", line[2], answer);
}

static void copy(const char *from, const char *to)
{
	char command[600];

	snprintf(command, sizeof(command), "cp -p --sparse=always '%s' '%s'", from, to);
	ck_assert_int_eq(system(command), 0);
}

START_TEST(each_wrong_file_is_named_in_one_line)
{
	static const char *const mode[] = { "error", "/data.mdb", "mode 0640, must be 0600", NULL };
	static const char *const read_only[] = { "error", "/data.mdb", "mode 0400, must be 0600", NULL };
	static const char *const owner[] = { "error", "/data.mdb", "belongs to user 12345", NULL };
	static const char *const cut[] = { "error", "/data.mdb", "truncated", NULL };
	static const char *const foreign[] = { "error", "/data.mdb", "not a file of this store", NULL };
	static const char *const lock[] = { "error", "lock.mdb cannot be made or written", "Is a directory", NULL };
	struct fault_object o = { .name = "kept" };
	char saved[300], path[300];
	struct stat st;

	ck_ok(fault_create(ck_session, &o, 1));
	ck_ok(ck->C_Finalize(NULL));
	ck_assert_int_eq(chmod(fault_file, 0640), 0);
	refused(mode);
	ck_assert_int_eq(chmod(fault_file, 0400), 0);
	refused(read_only);
	ck_assert_int_eq(chmod(fault_file, 0600), 0);
	if (geteuid() == 0) {
		ck_assert_int_eq(chown(fault_file, 12345, (gid_t)-1), 0);
		refused(owner);
		ck_assert_int_eq(chown(fault_file, 0, (gid_t)-1), 0);
	}
	snprintf(saved, sizeof(saved), "%s.saved", fault_file);
	copy(fault_file, saved);
	ck_assert_int_eq(stat(fault_file, &st), 0);
	for (off_t size = 0; size < st.st_size / 4; size = size * 4 + 4096) {
		ck_assert_int_eq(truncate(fault_file, size), 0);
		refused(cut);
		copy(saved, fault_file);
	}
	FILE *f = fopen(fault_file, "we");
	ck_assert_ptr_nonnull(f);
	for (int i = 0; i < 4096; i++)
		fputs("something else altogether\n", f);
	fclose(f);
	refused(foreign);
	snprintf(path, sizeof(path), "%.*s/lock.mdb", (int)(strrchr(fault_file, '/') - fault_file), fault_file);
	ck_assert_int_eq(rename(saved, fault_file), 0);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	refused(lock);
	ck_assert_int_eq(rmdir(path), 0);
	/* All is there again. */
	ck_ok(fault_session(false, &ck_session));
	alarm(0);
	ck_assert_uint_eq(fault_seen(&o, true), 1);
	ck_ok(fault_destroy(ck_session, &o));
}
END_TEST

/* The file is cut, removed or replaced under a process that has it open: an error, no SIGBUS, no write into nothing. */
static int file_goes(void *ctx)
{
	static const char *const cut[] = { "error", "data.mdb", "truncated while it was in use", NULL };
	static const char *const lost[] = { "error", "data.mdb", "removed or replaced while it was in use", NULL };
	int how = *(int *)ctx;
	struct fault_object o = { .name = "kept" }, never = { .name = "never" };
	CK_SESSION_HANDLE s = 0;
	char saved[300];
	unsigned is = 0;

	if (fault_session(false, &s) != CKR_OK || fault_version(s, &o, &is) != CKR_OK || is != 1)
		return 1;
	snprintf(saved, sizeof(saved), "%s.saved", fault_file);
	if (how < 2    ? truncate(fault_file, how == 0 ? 0 : 16384) != 0
	    : how == 2 ? unlink(fault_file) != 0
		       : rename(saved, fault_file) != 0)
		return 2;
	fault_log_forget();
	if (fault_version(s, &o, &is) == CKR_OK || fault_create(s, &never, 1) == CKR_OK)
		return 3;
	if (ck->C_Login(s, CKU_USER, CK_TEXT(CK_TEST_USER_PIN)) == CKR_OK)
		return 4;
	if (!fault_logged(how < 2 ? cut : lost))
		return 5;
	return ck->C_Finalize(NULL) == CKR_OK ? 0 : 6;
}

START_TEST(a_file_that_goes_while_it_is_open_is_an_error)
{
	struct fault_object o = { .name = "kept" };
	char saved[300], aside[300];

	snprintf(saved, sizeof(saved), "%s.saved", fault_file);
	snprintf(aside, sizeof(aside), "%s.aside", fault_file);
	ck_ok(fault_create(ck_session, &o, 1));
	for (int i = 0; i < 12; i++) {
		struct fault_object more = { .name = "" };

		snprintf(more.name, sizeof(more.name), "more %d", i);
		ck_ok(fault_create(ck_session, &more, 1));
	}
	ck_ok(ck->C_Finalize(NULL));
	for (int how = 0; how < 4; how++) {
		copy(fault_file, saved);
		copy(fault_file, aside);
		int answer = fault_status(fault_child(file_goes, &how));
		ck_assert_msg(answer == 0, "way %d: %d", how, answer);
		ck_assert_int_eq(rename(aside, fault_file), 0);
		unlink(saved);
	}
	ck_ok(fault_session(false, &ck_session));
	alarm(0);
	ck_assert_uint_eq(fault_seen(&o, true), 1);
	ck_ok(fault_destroy(ck_session, &o));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("faults: file");
	TCase *c = tcase_create("file");

	tcase_set_timeout(c, 0);
	tcase_add_unchecked_fixture(c, fault_begin, ck_test_end);
	tcase_add_test(c, a_file_that_may_not_grow_loses_nothing);
	tcase_add_test(c, a_small_file_system_fills_up_and_goes_read_only);
	tcase_add_test(c, a_read_only_file_system_is_said_to_be_one);
	tcase_add_test(c, each_wrong_file_is_named_in_one_line);
	tcase_add_test(c, a_file_that_goes_while_it_is_open_is_an_error);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
