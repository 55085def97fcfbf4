/* SPDX-License-Identifier: BSD-2-Clause */
#include "dual_kit.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long ahead_wall, ahead_boot;

void dk_advance(long wall, long boot)
{
	ahead_wall += wall;
	ahead_boot += boot;
}

/* Found by the module before the C library's: the program is linked with its symbols exported. */
__attribute__((visibility("default"))) int clock_gettime(clockid_t which, struct timespec *t)
{
	if (syscall(SYS_clock_gettime, which, t) != 0)
		return -1;
	if (which == CLOCK_REALTIME)
		t->tv_sec += ahead_wall;
	if (which == CLOCK_BOOTTIME)
		t->tv_sec += ahead_boot;
	return 0;
}

const struct sr_function_list *dk_sr(void)
{
	void *module = dlopen(getenv("STRONGROOM_MODULE"), RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
	CK_RV (*get)(CK_UTF8CHAR_PTR, CK_VERSION_PTR, CK_INTERFACE_PTR_PTR, CK_FLAGS);
	CK_UTF8CHAR name[] = SR_INTERFACE_NAME;
	CK_INTERFACE *found = NULL;

	ck_assert_ptr_nonnull(module);
	*(void **)&get = dlsym(module, "C_GetInterface");
	ck_ok(get(name, NULL, &found, 0));
	dlclose(module);
	return found->pFunctionList;
}

static CK_OBJECT_HANDLE policy_object(void)
{
	CK_OBJECT_CLASS class = CKO_SR_POLICY;
	CK_ATTRIBUTE t = { CKA_CLASS, &class, sizeof(class) };
	CK_OBJECT_HANDLE h = 0;

	ck_assert_uint_eq(ck_find(&t, 1, &h), 1);
	return h;
}

static CK_RV set_text(CK_ATTRIBUTE_TYPE type, const char *text)
{
	CK_ATTRIBUTE t = { type, (void *)(uintptr_t)text, strlen(text) };

	return ck->C_SetAttributeValue(ck_session, policy_object(), &t, 1);
}

CK_RV dk_dual(const char *names)
{
	return set_text(CKA_SR_DUAL, names);
}

CK_RV dk_policy(const char *names)
{
	return set_text(CKA_SR_POLICY, names);
}

CK_RV dk_pin_min(CK_ULONG letters)
{
	CK_ATTRIBUTE t = { CKA_SR_PIN_MIN, &letters, sizeof(letters) };

	return ck->C_SetAttributeValue(ck_session, policy_object(), &t, 1);
}

const char *dk_text(CK_ATTRIBUTE_TYPE type)
{
	static char room[1024];
	CK_ATTRIBUTE t = { type, room, sizeof(room) - 1 };

	ck_ok(ck->C_GetAttributeValue(ck_session, policy_object(), &t, 1));
	room[t.ulValueLen] = '\0';
	return room;
}

void dk_begin_dual(const char *names)
{
	ck_login(CKU_SO);
	ck_ok(dk_dual(names));
	ck_logout();
}

CK_RV dk_try_approve(CK_ULONG action, const char *subject)
{
	return dk_sr()->SR_Approve(ck_session, action, CK_TEXT(subject));
}

void dk_approve(const char *pin, CK_ULONG action, const char *subject)
{
	kit_login(pin);
	ck_ok(dk_try_approve(action, subject));
}

CK_ULONG dk_waiting(void)
{
	struct sr_approval room[64];
	CK_ULONG n = 0, again = ARRAY_LEN(room);

	ck_ok(dk_sr()->SR_GetApprovals(ck_session, NULL, &n));
	ck_ok(dk_sr()->SR_GetApprovals(ck_session, room, &again));
	ck_assert_uint_eq(n, again);
	if (n > 0) {
		again = n - 1;
		ck_rv(dk_sr()->SR_GetApprovals(ck_session, room, &again), CKR_BUFFER_TOO_SMALL);
		ck_assert_uint_eq(again, n);
	}
	return n;
}

bool dk_council(const char *name)
{
	struct sr_user users[32];
	CK_ULONG n = ARRAY_LEN(users);

	ck_ok(dk_sr()->SR_GetUsers(ck_session, users, &n));
	for (CK_ULONG i = 0; i < n; i++)
		if (!strcmp((const char *)users[i].szName, name))
			return (users[i].flags & SR_USER_COUNCIL) != 0;
	ck_abort_msg("no such custodian");
	return false;
}

void dk_own_pin(const char *given, const char *own)
{
	kit_login(given);
	ck_ok(ck->C_SetPIN(ck_session, CK_TEXT(given), CK_TEXT(own)));
	ck_logout();
}
