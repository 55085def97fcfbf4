/* SPDX-License-Identifier: BSD-2-Clause */
#include "fault_kit.h"
#include "vendor_functions.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_SECONDS 120
#define HEAD 12       /* of a value: version, length, sum */
#define VALUE_MAX 500 /* what a generic secret key may have */

static CK_OBJECT_CLASS data_class = CKO_DATA, secret_class = CKO_SECRET_KEY;
static CK_KEY_TYPE generic = CKK_GENERIC_SECRET;
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

unsigned fault_rounds(unsigned usual)
{
	const char *text = getenv("FAULT_ROUNDS");
	unsigned long n = text != NULL ? strtoul(text, NULL, 10) : 0;

	return n > 0 ? (unsigned)n : usual;
}

CK_RV fault_session(bool login, CK_SESSION_HANDLE *ret)
{
	CK_SLOT_ID slots[64];
	CK_ULONG n = ARRAY_LEN(slots);
	CK_TOKEN_INFO info;
	CK_RV rv;

	signal(SIGALRM, SIG_DFL);
	alarm(CHILD_SECONDS);
	rv = ck->C_Initialize(NULL);
	if (rv == CKR_OK)
		rv = ck->C_GetSlotList(CK_TRUE, slots, &n);
	if (rv != CKR_OK)
		return rv;
	rv = CKR_TOKEN_NOT_PRESENT;
	for (CK_ULONG i = 0; i < n; i++)
		if (ck->C_GetTokenInfo(slots[i], &info) == CKR_OK && memcmp(info.label, "test ", 5) == 0)
			rv = ck->C_OpenSession(slots[i], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, ret);
	if (rv == CKR_OK && login)
		rv = ck->C_Login(*ret, CKU_USER, CK_TEXT(CK_TEST_USER_PIN));
	return rv;
}

pid_t fault_child(int (*work)(void *ctx), void *ctx)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(work(ctx));
	return pid;
}

int fault_status(pid_t pid)
{
	int status = -1;
	pid_t done;

	do
		done = waitpid(pid, &status, 0);
	while (done < 0 && errno == EINTR);
	ck_assert_int_eq(done, pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* The value that an object of this name has in this version: of another length each time. */
static size_t value_of(const char *name, unsigned version, uint8_t ret[VALUE_MAX])
{
	uint64_t state = 0xcbf29ce484222325u + version;
	size_t n;

	for (const char *c = name; *c != 0; c++)
		state = (state ^ (uint8_t)*c) * 0x100000001b3u;
	n = HEAD + (state >> 33) % (VALUE_MAX - HEAD);
	be_put32(ret, version);
	be_put64(ret + 4, n);
	for (size_t i = HEAD; i < n; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		ret[i] = (uint8_t)(state >> 40);
	}
	return n;
}

CK_RV fault_create(CK_SESSION_HANDLE s, struct fault_object *o, unsigned version)
{
	uint8_t value[VALUE_MAX];
	size_t n = value_of(o->name, version, value);
	CK_ATTRIBUTE data[] = { { CKA_CLASS, &data_class, sizeof(data_class) },
				{ CKA_TOKEN, &yes, 1 },
				{ CKA_LABEL, o->name, strlen(o->name) },
				{ CKA_VALUE, value, n } };
	CK_ATTRIBUTE key[] = { { CKA_CLASS, &secret_class, sizeof(secret_class) },
			       { CKA_KEY_TYPE, &generic, sizeof(generic) },
			       { CKA_TOKEN, &yes, 1 },
			       { CKA_PRIVATE, &yes, 1 },
			       { CKA_SENSITIVE, &no, 1 },
			       { CKA_EXTRACTABLE, &yes, 1 },
			       { CKA_LABEL, o->name, strlen(o->name) },
			       { CKA_VALUE, value, n } };

	if (o->private)
		return ck->C_CreateObject(s, key, ARRAY_LEN(key), &o->handle);
	return ck->C_CreateObject(s, data, ARRAY_LEN(data), &o->handle);
}

CK_RV fault_destroy(CK_SESSION_HANDLE s, struct fault_object *o)
{
	CK_RV rv = ck->C_DestroyObject(s, o->handle);

	if (rv == CKR_OK)
		o->handle = 0;
	return rv;
}

CK_RV fault_change(CK_SESSION_HANDLE s, struct fault_object *o, unsigned version)
{
	uint8_t value[VALUE_MAX];
	CK_ATTRIBUTE t = { CKA_VALUE, value, value_of(o->name, version, value) };

	return ck->C_SetAttributeValue(s, o->handle, &t, 1);
}

static CK_RV find(CK_SESSION_HANDLE s, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *some, CK_ULONG room,
		  CK_ULONG *ret)
{
	CK_ULONG total = 0, got = 0;
	CK_OBJECT_HANDLE more[64];
	CK_RV rv = ck->C_FindObjectsInit(s, t, n);

	if (rv != CKR_OK)
		return rv;
	do {
		rv = ck->C_FindObjects(s, more, ARRAY_LEN(more), &got);
		for (CK_ULONG i = 0; rv == CKR_OK && i < got; i++)
			if (total + i < room)
				some[total + i] = more[i];
		total += got;
	} while (rv == CKR_OK && got > 0);
	(void)ck->C_FindObjectsFinal(s);
	*ret = total;
	return rv;
}

CK_RV fault_version(CK_SESSION_HANDLE s, struct fault_object *o, unsigned *ret)
{
	CK_OBJECT_HANDLE found[2] = { 0 };
	uint8_t is[VALUE_MAX], right[VALUE_MAX];
	CK_ATTRIBUTE t[] = { { CKA_CLASS, o->private ? &secret_class : &data_class, sizeof(data_class) },
			     { CKA_LABEL, o->name, strlen(o->name) } };
	CK_ATTRIBUTE value = { CKA_VALUE, is, sizeof(is) };
	CK_ULONG n = 0;
	CK_RV rv = find(s, t, ARRAY_LEN(t), found, ARRAY_LEN(found), &n);

	if (rv != CKR_OK)
		return rv;
	*ret = n == 0 ? 0 : FAULT_SPOILT;
	o->handle = n > 0 ? found[0] : 0;
	if (n != 1)
		return CKR_OK;
	rv = ck->C_GetAttributeValue(s, o->handle, &value, 1);
	if (rv != CKR_OK)
		return rv;
	if (value.ulValueLen < HEAD)
		return CKR_OK;
	n = value_of(o->name, be_get32(is), right);
	if (n == value.ulValueLen && memcmp(is, right, n) == 0)
		*ret = be_get32(is);
	return CKR_OK;
}

CK_RV fault_count(CK_SESSION_HANDLE s, CK_OBJECT_CLASS class, CK_ULONG *ret)
{
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_TOKEN, &yes, 1 } };

	return find(s, t, ARRAY_LEN(t), NULL, 0, ret);
}

static void log_path(char ret[256])
{
	snprintf(ret, 256, "%s/log", ck_test_dir);
}

static void log_on(void)
{
	char path[256];

	log_path(path);
	setenv("STRONGROOM_LOG", path, 1);
}

bool fault_logged(const char *const *words)
{
	char path[256], line[4096];
	bool found = false;
	FILE *f;

	log_path(path);
	f = fopen(path, "re");
	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL) {
		found = true;
		for (const char *const *w = words; *w != NULL; w++)
			found = found && strstr(line, *w) != NULL;
	}
	if (f != NULL)
		fclose(f);
	return found;
}

void fault_log_forget(void)
{
	char path[256];

	log_path(path);
	(void)!truncate(path, 0);
}

char fault_file[256], fault_dir[256];

void fault_begin(void)
{
	char command[300];
	FILE *f;

	ck_test_load();
	log_on();
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
	ck_assert_int_eq(fscanf(f, "%255s", fault_file), 1);
	pclose(f);
	snprintf(fault_dir, sizeof(fault_dir), "%.*s", (int)(strrchr(fault_file, '/') - fault_file), fault_file);
}

static int other_process(void *ctx)
{
	struct fault_object *o = ctx;
	CK_SESSION_HANDLE s = 0;
	unsigned version = 0;

	if (fault_session(o->private, &s) != CKR_OK || fault_version(s, o, &version) != CKR_OK)
		return 200;
	return version > 100 ? 201 : (int)version;
}

unsigned fault_seen(struct fault_object *o, bool both)
{
	unsigned version = FAULT_SPOILT;

	ck_ok(fault_version(ck_session, o, &version));
	if (both)
		ck_assert_int_eq(fault_status(fault_child(other_process, o)), (int)version);
	return version;
}

void fault_whole(void)
{
	struct sr_audit_state state = { 0 };
	struct sr_verify_state whole = { 0 };
	struct sr_finding findings[4] = { { 0 } };
	CK_ULONG found = ARRAY_LEN(findings), n = 0;
	CK_INTERFACE *interface = NULL;

	ck_ok(ck3->C_GetInterface((CK_UTF8CHAR *)SR_INTERFACE_NAME, NULL, &interface, 0));
	const struct sr_function_list *sr = interface->pFunctionList;
	ck_ok(sr->SR_GetAudit(ck_session, 1, NULL, &n, &state));
	ck_assert_uint_gt(n, 0);
	ck_assert_msg(state.ulFirstBad == 0 && state.flags == SR_AUDIT_ENDED && state.ulState == SR_AUDIT_STATE_FITS &&
			  state.ulChecked == state.ulLast,
		      "the trail: record %lu is bad (%lu), flags %lx, state %lu, %lu of %lu checked", state.ulFirstBad,
		      state.ulBad, state.flags, state.ulState, state.ulChecked, state.ulLast);
	ck_ok(sr->SR_Verify(ck_session, 0, &whole, findings, &found));
	ck_assert_msg(whole.ulFindings == 0 && found == 0, "%lu findings: %lu: %s", whole.ulFindings,
		      findings[0].ulKind, findings[0].szText);
	ck_assert_uint_ge(whole.ulUsers, 2);
}
