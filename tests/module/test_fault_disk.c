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

/*
 * The disk fails at each of its calls in turn, in several ways: the C_ function says so, nothing is half done, the
 * token serves on as soon as the disk does, and the log names the file.
 */
#define NEW_PIN "another-pin"

static char data_file[256], token_dir[256];

static int other_process(void *ctx)
{
	struct fault_object *o = ctx;
	CK_SESSION_HANDLE s = 0;
	unsigned version = 0;

	if (fault_session(o->private, &s) != CKR_OK || fault_version(s, o, &version) != CKR_OK)
		return 200;
	return version > 100 ? 201 : (int)version;
}

/* What this process and a fresh one see. */
static unsigned version_seen(struct fault_object *o, bool both)
{
	unsigned version = FAULT_SPOILT;

	ck_ok(fault_version(ck_session, o, &version));
	if (both)
		ck_assert_int_eq(fault_status(fault_child(other_process, o)), (int)version);
	return version;
}

/* The calls that fail in turn: each begins in the same state, and comes back to it. */
static struct fault_object subject = { .name = "subject" };

static CK_RV op_create(void)
{
	return fault_create(ck_session, &subject, 1);
}

static CK_RV op_change(void)
{
	return fault_change(ck_session, &subject, 2);
}

static CK_RV op_destroy(void)
{
	return fault_destroy(ck_session, &subject);
}

static CK_RV op_create_many(void)
{
	static CK_BBOOL yes = CK_TRUE;
	CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_BYTE p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
	CK_ATTRIBUTE pub[] = { { CKA_TOKEN, &yes, 1 }, { CKA_EC_PARAMS, p256, sizeof(p256) } };
	CK_ATTRIBUTE priv[] = { { CKA_TOKEN, &yes, 1 }, { CKA_SIGN, &yes, 1 } };
	CK_OBJECT_HANDLE a = 0, b = 0;

	return ck->C_GenerateKeyPair(ck_session, &m, pub, ARRAY_LEN(pub), priv, ARRAY_LEN(priv), &a, &b);
}

struct op {
	const char *name;
	CK_RV (*run)(void);
	bool private;
	unsigned before, after; /* versions of the subject */
};

static const struct op ops[] = {
	{ "create", op_create, false, 0, 1 },          { "change", op_change, false, 1, 2 },
	{ "destroy", op_destroy, false, 1, 0 },        { "create private", op_create, true, 0, 1 },
	{ "destroy private", op_destroy, true, 1, 0 },
};

static void put_subject(unsigned version)
{
	unsigned is = version_seen(&subject, false);

	ck_assert_uint_ne(is, FAULT_SPOILT);
	if (is == version)
		return;
	if (is != 0)
		ck_ok(fault_destroy(ck_session, &subject));
	if (version != 0)
		ck_ok(fault_create(ck_session, &subject, version));
}

static const struct {
	enum disk_mode mode;
	int error;
	bool full; /* said to be full, not broken */
} kinds[] = { { DISK_REFUSE, ENOSPC, true },
	      { DISK_REFUSE, EIO, false },
	      { DISK_SHORT, ENOSPC, false },
	      { DISK_LATE, EIO, false } };

static unsigned fail_everywhere(const struct op *op, size_t kind, bool lasting)
{
	unsigned total = 0;

	subject.private = op->private;
	for (unsigned nth = 1;; nth++) {
		struct disk_plan plan = { nth, lasting, kinds[kind].mode, kinds[kind].error };
		unsigned hits, is;
		CK_RV rv;

		put_subject(op->before);
		disk_arm(token_dir, plan);
		rv = op->run();
		hits = disk_hits();
		disk_disarm();
		is = version_seen(&subject, nth % 4 == 1 || hits == 0);
		ck_assert_msg(is == (rv == CKR_OK ? op->after : op->before),
			      "%s, call %u fails (%zu, %d): 0x%lx, but version %u is there", op->name, nth, kind,
			      lasting, rv, is);
		if (hits == 0) {
			ck_ok(rv);
			put_subject(op->after);
			break;
		}
		ck_assert_msg(rv == CKR_OK || rv == CKR_DEVICE_MEMORY || (rv == CKR_DEVICE_ERROR && !kinds[kind].full),
			      "%s, call %u fails (%zu, %d): 0x%lx", op->name, nth, kind, lasting, rv);
		total++;
		ck_assert_uint_lt(nth, 200);
	}
	return total;
}

/* What the failure of one call, or of it and all after it, leaves is the state before; acknowledged is there. */
START_TEST(every_call_to_the_disk_may_fail)
{
	const struct op *op = &ops[_i];
	unsigned total = 0;

	ck_login(CKU_USER);
	subject.private = op->private;
	for (size_t kind = 0; kind < ARRAY_LEN(kinds); kind++)
		for (int lasting = 0; lasting < 2; lasting++)
			total += fail_everywhere(op, kind, lasting);
	ck_assert_uint_gt(total, 3 * ARRAY_LEN(kinds) * 2);
	printf("%s: %u failures\n", op->name, total);
	put_subject(0);
	ck_logout();
}
END_TEST

/* A pair is two objects in one transaction: both or none. */
START_TEST(of_a_pair_both_are_there_or_none)
{
	CK_ULONG pub_before = 0, priv_before = 0;

	ck_login(CKU_USER);
	ck_ok(fault_count(ck_session, CKO_PUBLIC_KEY, &pub_before));
	ck_ok(fault_count(ck_session, CKO_PRIVATE_KEY, &priv_before));
	ck_assert_uint_eq(pub_before, priv_before);
	for (unsigned nth = 1;; nth++) {
		CK_ULONG pub = 0, priv = 0;
		CK_RV rv;

		disk_arm(token_dir, (struct disk_plan){ nth, true, DISK_REFUSE, EIO });
		rv = op_create_many();
		unsigned hits = disk_hits();
		disk_disarm();
		ck_ok(fault_count(ck_session, CKO_PUBLIC_KEY, &pub));
		ck_ok(fault_count(ck_session, CKO_PRIVATE_KEY, &priv));
		pub_before += rv == CKR_OK;
		ck_assert_uint_eq(pub, pub_before);
		ck_assert_uint_eq(priv, pub_before);
		if (hits == 0)
			break;
		ck_rv(rv, CKR_DEVICE_ERROR);
	}
	ck_logout();
}
END_TEST

/* A login that cannot be written down does not happen, and costs nothing when the disk is back. */
START_TEST(logins_and_pins_survive_a_failing_disk)
{
	CK_TOKEN_INFO info;

	for (unsigned nth = 1; nth < 100; nth += 1 + nth / 6) {
		CK_RV rv;

		ck_logout();
		disk_arm(token_dir, (struct disk_plan){ nth, true, DISK_REFUSE, ENOSPC });
		rv = ck->C_Login(ck_session, CKU_USER, CK_TEXT(CK_TEST_USER_PIN));
		unsigned hits = disk_hits();
		disk_disarm();
		ck_assert(rv == CKR_OK || (hits > 0 && rv == CKR_DEVICE_MEMORY));
		if (rv != CKR_OK)
			ck_ok(ck->C_Login(ck_session, CKU_USER, CK_TEXT(CK_TEST_USER_PIN)));
		ck_ok(ck->C_GetTokenInfo(ck_slot, &info));
		ck_assert(!(info.flags & (CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_LOCKED)));
		disk_arm(token_dir, (struct disk_plan){ nth, true, DISK_LATE, EIO });
		rv = ck->C_SetPIN(ck_session, CK_TEXT(CK_TEST_USER_PIN), CK_TEXT(NEW_PIN));
		unsigned again = disk_hits();
		disk_disarm();
		ck_logout();
		/* The PIN that the answer says is the PIN. */
		ck_ok(ck->C_Login(ck_session, CKU_USER, CK_TEXT(rv == CKR_OK ? NEW_PIN : CK_TEST_USER_PIN)));
		if (rv == CKR_OK)
			ck_ok(ck->C_SetPIN(ck_session, CK_TEXT(NEW_PIN), CK_TEXT(CK_TEST_USER_PIN)));
		if (hits == 0 && again == 0)
			break;
	}
	ck_logout();
}
END_TEST

static unsigned entries_in(const char *dir)
{
	char command[300];
	unsigned n = 0;
	FILE *f;

	snprintf(command, sizeof(command), "ls -A '%s' | wc -l", dir);
	f = popen(command, "re");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%u", &n), 1);
	pclose(f);
	return n;
}

static int makes_token(void *ctx)
{
	unsigned nth = *(unsigned *)ctx;
	CK_SLOT_ID slots[8];
	CK_ULONG n = ARRAY_LEN(slots), present = 0;
	CK_UTF8CHAR label[32];
	CK_RV rv;

	memset(label, ' ', sizeof(label));
	alarm(100);
	if (ck->C_Initialize(NULL) != CKR_OK || ck->C_GetSlotList(CK_FALSE, slots, &n) != CKR_OK || n != 1)
		return 100;
	disk_arm(getenv("STRONGROOM_TOKEN_DIR"), (struct disk_plan){ nth, true, DISK_REFUSE, ENOSPC });
	rv = ck->C_InitToken(slots[0], CK_TEXT(CK_TEST_SO_PIN), label);
	unsigned hits = disk_hits();
	disk_disarm();
	if (ck->C_GetSlotList(CK_TRUE, NULL, &present) != CKR_OK)
		return 101;
	/* The free slot counts. */
	if (present != (rv == CKR_OK ? 2u : 1u))
		return 102;
	if (rv != CKR_OK && rv != CKR_DEVICE_MEMORY && rv != CKR_DEVICE_ERROR)
		return 104;
	return ck->C_Finalize(NULL) != CKR_OK ? 105 : hits == 0 ? 1 : 0;
}

/* A token is there whole or not at all. */
START_TEST(a_token_that_cannot_be_made_is_not_there)
{
	char place[200];
	int done = 0;

	snprintf(place, sizeof(place), "%s/none", ck_test_dir);
	setenv("STRONGROOM_TOKEN_DIR", place, 1);
	for (unsigned nth = 1; done == 0; nth++) {
		char command[300];

		done = fault_status(fault_child(makes_token, &nth));
		ck_assert_msg(done == 0 || done == 1, "call %u: %d", nth, done);
		/* An unfinished one may be left when its removal failed too; it is never listed (checked there). */
		ck_assert_uint_le(entries_in(place), 1);
		snprintf(command, sizeof(command), "rm -r '%s'", place);
		ck_assert_int_eq(system(command), 0);
		ck_assert_uint_lt(nth, 200);
	}
	setenv("STRONGROOM_TOKEN_DIR", ck_test_dir, 1);
}
END_TEST

/* Limits on the size of a file, for everybody: a full disk without a file system of its own. */
static int fills_up(void *ctx)
{
	struct fault_object o = { .name = "" };
	struct rlimit limit;
	struct stat st;
	CK_SESSION_HANDLE s = 0;
	unsigned made = 0, is = 0;
	CK_RV rv = fault_session(false, &s);

	if (rv != CKR_OK || stat(data_file, &st) != 0 || getrlimit(RLIMIT_FSIZE, &limit) != 0)
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

static int while_remounted(void *ctx)
{
	const char *line[] = { "error", "C_CreateObject", "/small/", "Read-only file system", NULL };
	struct fault_object o = { .name = "before" }, never = { .name = "never" };
	CK_SESSION_HANDLE s = 0;
	unsigned is = 0;

	if (fault_session(false, &s) != CKR_OK || fault_create(s, &o, 1) != CKR_OK)
		return 1;
	if (fault_create(s, &never, 1) != CKR_OK || fault_destroy(s, &never) != CKR_OK)
		return 2;
	/* Files that are open for writing keep a file system from going read-only: the calls say it here. */
	disk_arm(small, (struct disk_plan){ 1, true, DISK_REFUSE, EROFS });
	CK_RV rv = fault_create(s, &never, 1);
	if (rv != CKR_TOKEN_WRITE_PROTECTED || !fault_logged(line))
		return 3;
	if (fault_version(s, &o, &is) != CKR_OK || is != 1)
		return 4;
	disk_disarm();
	return fault_create(s, &never, 1) == CKR_OK && fault_destroy(s, &never) == CKR_OK ? 0 : 5;
}

START_TEST(a_small_file_system_fills_up_and_goes_read_only)
{
	if (!mount_small()) {
		printf("no file system may be mounted here: %m\n");
		ck_assert_int_eq(rmdir(small), 0);
		return;
	}
	setenv("STRONGROOM_TOKEN_DIR", small, 1);
	int full = fault_status(fault_child(fills_small, NULL));
	int running = fault_status(fault_child(while_remounted, NULL));
	fault_log_forget();
	int again = mount("none", small, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL);
	int found = again == 0 ? fault_status(fault_child(finds_read_only, NULL)) : -1000;
	setenv("STRONGROOM_TOKEN_DIR", ck_test_dir, 1);
	umount2(small, MNT_DETACH);
	rmdir(small);
	ck_assert_int_eq(full, 0);
	ck_assert_int_eq(running, 0);
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
	ck_assert_int_eq(chmod(data_file, 0640), 0);
	refused(mode);
	ck_assert_int_eq(chmod(data_file, 0400), 0);
	refused(read_only);
	ck_assert_int_eq(chmod(data_file, 0600), 0);
	if (geteuid() == 0) {
		ck_assert_int_eq(chown(data_file, 12345, (gid_t)-1), 0);
		refused(owner);
		ck_assert_int_eq(chown(data_file, 0, (gid_t)-1), 0);
	}
	snprintf(saved, sizeof(saved), "%s.saved", data_file);
	copy(data_file, saved);
	ck_assert_int_eq(stat(data_file, &st), 0);
	for (off_t size = 0; size < st.st_size / 4; size = size * 4 + 4096) {
		ck_assert_int_eq(truncate(data_file, size), 0);
		refused(cut);
		copy(saved, data_file);
	}
	FILE *f = fopen(data_file, "we");
	ck_assert_ptr_nonnull(f);
	for (int i = 0; i < 4096; i++)
		fputs("something else altogether\n", f);
	fclose(f);
	refused(foreign);
	snprintf(path, sizeof(path), "%.*s/lock.mdb", (int)(strrchr(data_file, '/') - data_file), data_file);
	ck_assert_int_eq(rename(saved, data_file), 0);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	refused(lock);
	ck_assert_int_eq(rmdir(path), 0);
	/* All is there again. */
	ck_ok(fault_session(false, &ck_session));
	alarm(0);
	ck_assert_uint_eq(version_seen(&o, true), 1);
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
	snprintf(saved, sizeof(saved), "%s.saved", data_file);
	if (how < 2    ? truncate(data_file, how == 0 ? 0 : 16384) != 0
	    : how == 2 ? unlink(data_file) != 0
		       : rename(saved, data_file) != 0)
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

	snprintf(saved, sizeof(saved), "%s.saved", data_file);
	snprintf(aside, sizeof(aside), "%s.aside", data_file);
	ck_ok(fault_create(ck_session, &o, 1));
	for (int i = 0; i < 12; i++) {
		struct fault_object more = { .name = "" };

		snprintf(more.name, sizeof(more.name), "more %d", i);
		ck_ok(fault_create(ck_session, &more, 1));
	}
	ck_ok(ck->C_Finalize(NULL));
	for (int how = 0; how < 4; how++) {
		copy(data_file, saved);
		copy(data_file, aside);
		int answer = fault_status(fault_child(file_goes, &how));
		ck_assert_msg(answer == 0, "way %d: %d", how, answer);
		ck_assert_int_eq(rename(aside, data_file), 0);
		unlink(saved);
	}
	ck_ok(fault_session(false, &ck_session));
	alarm(0);
	ck_assert_uint_eq(version_seen(&o, true), 1);
	ck_ok(fault_destroy(ck_session, &o));
}
END_TEST

static void begin(void)
{
	char command[300];
	FILE *f;

	ck_test_load();
	fault_log();
	ck_ok(ck->C_Initialize(NULL));
	ck_slot = 0;
	ck_test_init_token(ck_slot, "test");
	ck_session = ck_open(true);
	ck_login(CKU_SO);
	ck_ok(ck->C_InitPIN(ck_session, CK_TEXT(CK_TEST_USER_PIN)));
	ck_logout();
	ck_policy(NULL);
	snprintf(command, sizeof(command), "ls '%s'/*/data.mdb", ck_test_dir);
	f = popen(command, "re");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%255s", data_file), 1);
	pclose(f);
	snprintf(token_dir, sizeof(token_dir), "%.*s", (int)(strrchr(data_file, '/') - data_file), data_file);
}

int main(void)
{
	Suite *s = suite_create("faults: disk");
	TCase *c = tcase_create("disk");

	tcase_set_timeout(c, 0);
	tcase_add_unchecked_fixture(c, begin, ck_test_end);
	tcase_add_loop_test(c, every_call_to_the_disk_may_fail, 0, (int)ARRAY_LEN(ops));
	tcase_add_test(c, of_a_pair_both_are_there_or_none);
	tcase_add_test(c, logins_and_pins_survive_a_failing_disk);
	tcase_add_test(c, a_token_that_cannot_be_made_is_not_there);
	tcase_add_test(c, a_file_that_may_not_grow_loses_nothing);
	tcase_add_test(c, a_small_file_system_fills_up_and_goes_read_only);
	tcase_add_test(c, each_wrong_file_is_named_in_one_line);
	tcase_add_test(c, a_file_that_goes_while_it_is_open_is_an_error);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
