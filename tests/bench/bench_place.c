/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SO_PIN "12345678"
#define LABEL "bench                           "
#define TEXT(s) (CK_UTF8CHAR_PTR)(uintptr_t)(s), (CK_ULONG)strlen(s)
#define SLOTS_MAX 16

void place_settings(const char *dir)
{
	char path[512], tokens[512];
	FILE *f;

	setenv("STRONGROOM_TOKEN_DIR", dir, 1);
	setenv("XDG_CONFIG_HOME", dir, 1);
	unsetenv("STRONGROOM_CONF");
	unsetenv("STRONGROOM_LOG");
	unsetenv("STRONGROOM_POLICY");
	snprintf(tokens, sizeof(tokens), "%s/softhsm", dir);
	mkdir(tokens, 0700);
	snprintf(path, sizeof(path), "%s/softhsm2.conf", dir);
	f = fopen(path, "w");
	if (f == NULL ||
	    fprintf(f, "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n", tokens) < 0 ||
	    fclose(f) != 0)
		bench_fail("%s cannot be written", path);
	setenv("SOFTHSM2_CONF", path, 1);
}

static bool find_slot(struct place *p)
{
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG n = SLOTS_MAX;
	CK_TOKEN_INFO info;

	if (p->f->C_GetSlotList(CK_TRUE, slots, &n) != CKR_OK)
		return false;
	for (CK_ULONG i = 0; i < n; i++) {
		if (p->f->C_GetTokenInfo(slots[i], &info) == CKR_OK &&
		    memcmp(info.label, LABEL, sizeof(info.label)) == 0) {
			p->slot = slots[i];
			return true;
		}
	}
	return false;
}

static bool make_token(struct place *p)
{
	CK_SESSION_HANDLE h;
	bool ok = p->f->C_InitToken(0, TEXT(SO_PIN), (CK_UTF8CHAR_PTR)(uintptr_t)LABEL) == CKR_OK && find_slot(p) &&
		  p->f->C_OpenSession(p->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &h) == CKR_OK;

	return ok && p->f->C_Login(h, CKU_SO, TEXT(SO_PIN)) == CKR_OK &&
	       p->f->C_InitPIN(h, TEXT(PLACE_PIN)) == CKR_OK && p->f->C_CloseSession(h) == CKR_OK;
}

bool place_start(struct place *p, const char *module, bool ours)
{
	CK_C_INITIALIZE_ARGS args = { .flags = CKF_OS_LOCKING_OK };
	CK_RV (*get_list)(CK_FUNCTION_LIST_PTR_PTR);
	void *library = dlopen(module, RTLD_NOW | RTLD_LOCAL);

	if (library == NULL)
		return false;
	*(void **)&get_list = dlsym(library, "C_GetFunctionList");
	p->ours = ours;
	if (get_list == NULL || get_list(&p->f) != CKR_OK || p->f->C_Initialize(&args) != CKR_OK)
		return false;
	find_slot(p);
	return true;
}

bool place_open(struct place *p, const char *module, bool ours, bool make)
{
	if (!place_start(p, module, ours) || (make ? !make_token(p) : !find_slot(p)))
		return false;
	return place_lane(p, p) && p->f->C_Login(p->session, CKU_USER, TEXT(PLACE_PIN)) == CKR_OK;
}

bool place_lane(const struct place *first, struct place *ret)
{
	*ret = *first;
	return ret->f->C_OpenSession(ret->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &ret->session) ==
	       CKR_OK;
}
