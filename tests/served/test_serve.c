/* SPDX-License-Identifier: BSD-2-Clause */
/* What is the server's and the client's own: isolation, forks, threads, crashes, garbage, restarts. */
#include "ck_test.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "served.h"
#include "vendor_functions.h"
#include "wire_io.h"

static void nap(long ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* workers_become: the server notices the end of a client by itself. */
static void workers_become(unsigned n)
{
	for (int i = 0; i < 2000 && served_workers(NULL) != n; i++)
		nap(10);
	ck_assert_uint_eq(served_workers(NULL), n);
}

static CK_OBJECT_HANDLE data_object(CK_BBOOL token, CK_BBOOL private, const char *label)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_TOKEN, &token, 1 },
			     { CKA_PRIVATE, &private, 1 },
			     { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) } };
	CK_OBJECT_HANDLE h = 0;

	ck_ok(ck->C_CreateObject(ck_session, t, ARRAY_LEN(t), &h));
	return h;
}

static CK_ULONG found(const char *label)
{
	CK_ATTRIBUTE t = { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) };

	return ck_find(&t, 1, NULL);
}

/* again: the token's slot may be another one after C_Initialize. */
static void again(void)
{
	CK_SLOT_ID slots[4];
	CK_TOKEN_INFO info;
	CK_ULONG n = ARRAY_LEN(slots);

	ck_ok(ck->C_GetSlotList(CK_TRUE, slots, &n));
	for (CK_ULONG i = 0; i < n; i++) {
		ck_ok(ck->C_GetTokenInfo(slots[i], &info));
		if (info.flags & CKF_TOKEN_INITIALIZED)
			ck_slot = slots[i];
	}
	ck_session = ck_open(true);
}

#define CHILD(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			return __LINE__ % 250 + 1;                                                                     \
	} while (0)

/* child: another application, though it has all of its parent's memory. */
static int child(CK_OBJECT_HANDLE object)
{
	CK_SESSION_INFO info;
	CK_ULONG size;
	CK_SESSION_HANDLE of_parent = ck_session;

	CHILD(ck->C_GetSessionInfo(of_parent, &info) == CKR_CRYPTOKI_NOT_INITIALIZED);
	CHILD(ck->C_Finalize(NULL) == CKR_CRYPTOKI_NOT_INITIALIZED);
	CHILD(ck->C_Initialize(NULL) == CKR_OK);
	CHILD(ck->C_GetSessionInfo(of_parent, &info) == CKR_SESSION_HANDLE_INVALID);
	again();
	CHILD(ck->C_GetSessionInfo(ck_session, &info) == CKR_OK && info.state == CKS_RW_PUBLIC_SESSION);
	CHILD(ck->C_GetObjectSize(ck_session, object, &size) == CKR_OBJECT_HANDLE_INVALID);
	CHILD(found("session") == 0 && found("private") == 0 && found("public") == 1);
	CHILD(ck->C_Login(ck_session, CKU_USER, CK_TEXT(CK_TEST_USER_PIN)) == CKR_OK);
	CHILD(found("session") == 0 && found("private") == 1);
	CHILD(ck->C_Logout(ck_session) == CKR_OK);
	CHILD(ck->C_Finalize(NULL) == CKR_OK);
	return 0;
}

START_TEST(each_connection_is_an_application_of_its_own)
{
	CK_OBJECT_HANDLE session, private;
	CK_SESSION_INFO info;
	int status;
	pid_t pid;

	ck_login(CKU_USER);
	session = data_object(CK_FALSE, CK_FALSE, "session");
	private = data_object(CK_TRUE, CK_TRUE, "private");
	data_object(CK_TRUE, CK_FALSE, "public");
	pid = fork();
	if (pid == 0)
		_exit(child(session));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "child: %x", (unsigned)status);
	/* Its logout was not ours. */
	ck_ok(ck->C_GetSessionInfo(ck_session, &info));
	ck_assert_uint_eq(info.state, CKS_RW_USER_FUNCTIONS);
	ck_assert_uint_eq(found("session"), 1);
	ck_ok(ck->C_DestroyObject(ck_session, private));
	workers_become(1);
}
END_TEST

/* The child keeps copies of the descriptors for as long as it lives; the connection is the parent's all the same. */
START_TEST(connection_ends_with_its_process)
{
	int ready[2], hold[2], status;
	char c;
	pid_t middle, last = -1;

	ck_assert(pipe(ready) == 0 && pipe(hold) == 0);
	middle = fork();
	if (middle == 0) {
		if (ck->C_Initialize(NULL) != CKR_OK)
			_exit(1);
		last = fork();
		if (last == 0) {
			close(hold[1]);
			(void)!read(hold[0], &c, 1);
			_exit(0);
		}
		(void)!write(ready[1], &last, sizeof(last));
		pause();
	}
	ck_assert_int_eq(read(ready[0], &last, sizeof(last)), sizeof(last));
	workers_become(2);
	ck_assert_int_eq(kill(middle, SIGKILL), 0);
	ck_assert_int_eq(waitpid(middle, &status, 0), middle);
	workers_become(1);
	ck_assert_int_eq(kill(last, SIGKILL), 0);
	for (int i = 0; i < 2; i++) {
		close(ready[i]);
		close(hold[i]);
	}
}
END_TEST

static void *hash(void *arg)
{
	CK_MECHANISM m = { CKM_SHA256, NULL, 0 };
	uint8_t text[1000], out[32];
	CK_SESSION_HANDLE h;
	CK_ULONG n;

	memset(text, *(const uint8_t *)arg, sizeof(text));
	if (ck->C_OpenSession(ck_slot, CKF_SERIAL_SESSION, NULL, NULL, &h) != CKR_OK)
		return arg;
	for (int i = 0; i < 200; i++) {
		n = sizeof(out);
		if (ck->C_DigestInit(h, &m) != CKR_OK || ck->C_Digest(h, text, sizeof(text), out, &n) != CKR_OK ||
		    n != 32)
			return arg;
	}
	return ck->C_CloseSession(h) == CKR_OK ? NULL : arg;
}

START_TEST(more_threads_than_channels_call_at_once)
{
	pthread_t t[40];
	uint8_t bytes[40];
	void *failed;

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		bytes[i] = (uint8_t)i;
		ck_assert_int_eq(pthread_create(&t[i], NULL, hash, &bytes[i]), 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		ck_assert_int_eq(pthread_join(t[i], &failed), 0);
		ck_assert_ptr_null(failed);
	}
}
END_TEST

static _Atomic(CK_RV) answer;

static void *wait_for_event(void *arg)
{
	CK_SLOT_ID slot = 0;

	while (ck->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL) == CKR_OK)
		;
	atomic_store(&answer, 1);
	atomic_store(&answer, ck->C_WaitForSlotEvent(0, &slot, NULL));
	return NULL;
}

START_TEST(who_waits_for_a_slot_event_blocks_nobody_and_is_woken_by_finalize)
{
	pthread_t t;
	uint8_t byte = 1;

	ck_assert_int_eq(pthread_create(&t, NULL, wait_for_event, NULL), 0);
	while (atomic_load(&answer) == 0)
		nap(10);
	nap(200);
	for (int i = 0; i < 3; i++)
		ck_assert_ptr_null(hash(&byte));
	ck_assert_uint_eq(atomic_load(&answer), 1);
	ck_ok(ck->C_Finalize(NULL));
	ck_assert_int_eq(pthread_join(t, NULL), 0);
	ck_assert_uint_eq(atomic_load(&answer), CKR_CRYPTOKI_NOT_INITIALIZED);
	ck_ok(ck->C_Initialize(NULL));
	again();
}
END_TEST

/* long_call: seconds of work. */
static void *long_call(void *arg)
{
	CK_MECHANISM m = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_ULONG bits = 8192;
	CK_BBOOL no = CK_FALSE;
	CK_ATTRIBUTE public[] = { { CKA_MODULUS_BITS, &bits, sizeof(bits) } }, private[] = { { CKA_PRIVATE, &no, 1 } };
	CK_OBJECT_HANDLE a, b;

	for (int i = 0; i < 20; i++) {
		CK_RV rv = ck->C_GenerateKeyPair(ck_session, &m, public, 1, private, 1, &a, &b);

		atomic_store(&answer, rv);
		if (rv != CKR_OK)
			break;
	}
	return NULL;
}

START_TEST(server_that_dies_in_mid_call_is_a_removed_device)
{
	CK_SESSION_INFO info;
	CK_ULONG n = 0;
	CK_INFO about;
	pthread_t t;
	int worker = 0;

	ck_login(CKU_USER);
	data_object(CK_TRUE, CK_TRUE, "stays");
	atomic_store(&answer, CKR_OK);
	ck_assert_int_eq(pthread_create(&t, NULL, long_call, NULL), 0);
	nap(150);
	ck_assert_uint_eq(served_workers(&worker), 1);
	ck_assert_int_eq(kill(worker, SIGKILL), 0);
	ck_assert_int_eq(pthread_join(t, NULL), 0);
	ck_assert_uint_eq(atomic_load(&answer), CKR_DEVICE_REMOVED);
	ck_rv(ck->C_GetSessionInfo(ck_session, &info), CKR_DEVICE_REMOVED);
	ck_rv(ck->C_GetSlotList(CK_TRUE, NULL, &n), CKR_GENERAL_ERROR);
	ck_rv(ck->C_GetInfo(&about), CKR_GENERAL_ERROR);
	ck_rv(ck->C_Initialize(NULL), CKR_CRYPTOKI_ALREADY_INITIALIZED);
	ck_ok(ck->C_Finalize(NULL));
	ck_ok(ck->C_Initialize(NULL));
	again();
	ck_login(CKU_USER);
	ck_assert_uint_eq(found("stays"), 1);
}
END_TEST

START_TEST(restart_of_the_server_is_recovered_by_finalize_and_initialize)
{
	CK_SESSION_INFO info;

	served_stop();
	ck_rv(ck->C_GetSessionInfo(ck_session, &info), CKR_DEVICE_REMOVED);
	ck_ok(ck->C_Finalize(NULL));
	ck_rv(ck->C_Initialize(NULL), CKR_GENERAL_ERROR);
	ck_rv(ck->C_GetSessionInfo(ck_session, &info), CKR_CRYPTOKI_NOT_INITIALIZED);
	served_start(ck_test_dir);
	ck_ok(ck->C_Initialize(NULL));
	again();
	ck_ok(ck->C_GetSessionInfo(ck_session, &info));
}
END_TEST

static int plug(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_uint_lt(strlen(getenv("STRONGROOM_SOCKET")), sizeof(to.sun_path));
	strcpy(to.sun_path, getenv("STRONGROOM_SOCKET"));
	ck_assert_int_eq(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

/* welcomed: said hello; the control socket. */
static int welcomed(void)
{
	uint8_t hello[WIRE_HELLO];
	enum wire_hello what;
	CK_RV rv;
	bool same;
	int fd = plug();

	wire_hello_put(hello, WIRE_WELCOME, CKR_OK);
	ck_assert(wire_write(fd, hello, sizeof(hello)) && wire_read(fd, hello, sizeof(hello)));
	ck_assert(wire_hello_get(hello, &same, &what, &rv) && same && what == WIRE_WELCOME);
	return fd;
}

static int channel_of(int control)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	ck_assert(wire_pass(control, pair[1]));
	close(pair[1]);
	return pair[0];
}

/* ended: the server closes. */
static bool ended(int fd)
{
	uint8_t byte;

	return recv(fd, &byte, 1, 0) <= 0;
}

START_TEST(garbage_ends_its_own_connection_and_nothing_else)
{
	static const struct {
		const char *bytes;
		size_t n;
	} frames[] = {
		{ "\xff\xff\xff\xff", 4 },           /* longer than any */
		{ "\0\0\0\0", 4 },                   /* shorter than any */
		{ "\0\0\0\3abc", 7 },                /* no head */
		{ "\0\0\0\x8\0\1\0\1\0\0\0\0", 12 }, /* what must be zero is not */
	};
	uint8_t hello[WIRE_HELLO], reply[4 + WIRE_REPLY_HEAD];
	enum wire_hello what;
	CK_SESSION_INFO info;
	bool same;
	CK_RV rv;
	int control, fd;

	fd = plug();
	ck_assert(wire_write(fd, "GET / HTTP/1.1\r\nHost: strongroom\r\n\r\n", 37) && ended(fd));
	close(fd);
	fd = plug();
	wire_hello_put(hello, WIRE_WELCOME, CKR_OK);
	hello[5]++;
	ck_assert(wire_write(fd, hello, sizeof(hello)) && wire_read(fd, hello, sizeof(hello)));
	ck_assert(wire_hello_get(hello, &same, &what, &rv) && what == WIRE_OTHER_BUILD);
	close(fd);
	control = welcomed();
	ck_assert(wire_write(control, "x", 1) && ended(control));
	close(control);
	for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
		control = welcomed();
		fd = channel_of(control);
		ck_assert(wire_write(fd, frames[i].bytes, frames[i].n));
		shutdown(fd, SHUT_WR);
		ck_assert(ended(fd));
		close(fd);
		close(control);
	}
	/* No such function, and a description that is not ours: refused, and the channel goes on. */
	control = welcomed();
	fd = channel_of(control);
	for (int i = 0; i < 2; i++) {
		ck_assert(wire_write(fd, i == 0 ? "\0\0\0\x8\x77\x77\0\0\0\0\0\0" : "\0\0\0\x8\0\0\0\0\1\2\3\4", 12));
		ck_assert(wire_read(fd, reply, sizeof(reply)));
		ck_assert_uint_eq(reply[4], WIRE_REFUSED);
		ck_assert_uint_eq(be_get64(reply + 5), CKR_FUNCTION_NOT_SUPPORTED);
	}
	close(fd);
	close(control);
	workers_become(1);
	ck_ok(ck->C_GetSessionInfo(ck_session, &info));
}
END_TEST

START_TEST(vendor_functions_are_there)
{
	CK_RV (*get)(CK_UTF8CHAR_PTR, CK_VERSION_PTR, CK_INTERFACE_PTR_PTR, CK_FLAGS) = ck3->C_GetInterface;
	const struct sr_function_list *sr;
	CK_INTERFACE *interface = NULL;
	struct sr_user users[8];
	CK_ULONG n = ARRAY_LEN(users);
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_LABEL, (void *)(uintptr_t) "many", 4 } };
	struct sr_template many[3] = { { t, 2 }, { t, 2 }, { t, 2 } };
	CK_OBJECT_HANDLE h[3] = { 0 };

	ck_ok(get((CK_UTF8CHAR_PTR)SR_INTERFACE_NAME, NULL, &interface, 0));
	sr = interface->pFunctionList;
	ck_ok(sr->SR_GetUsers(ck_session, users, &n));
	ck_assert_uint_eq(n, 2);
	ck_assert_uint_eq(users[0].ulKind, SR_USER_SO);
	n = 1;
	ck_rv(sr->SR_GetUsers(ck_session, users, &n), CKR_BUFFER_TOO_SMALL);
	ck_assert_uint_eq(n, 2);
	ck_login(CKU_USER);
	ck_ok(sr->SR_CreateObjects(ck_session, many, 3, h));
	ck_assert(h[0] != 0 && h[1] != h[0] && h[2] != h[1]);
	ck_assert_uint_eq(found("many"), 3);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("serve");
	TCase *c = tcase_create("serve");

	tcase_add_checked_fixture(c, ck_test_begin, ck_test_end);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, each_connection_is_an_application_of_its_own);
	tcase_add_test(c, connection_ends_with_its_process);
	tcase_add_test(c, more_threads_than_channels_call_at_once);
	tcase_add_test(c, who_waits_for_a_slot_event_blocks_nobody_and_is_woken_by_finalize);
	tcase_add_test(c, server_that_dies_in_mid_call_is_a_removed_device);
	tcase_add_test(c, restart_of_the_server_is_recovered_by_finalize_and_initialize);
	tcase_add_test(c, garbage_ends_its_own_connection_and_nothing_else);
	tcase_add_test(c, vendor_functions_are_there);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
