/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unseal PIN-FILE: opens the tokens of STRONGROOM_TOKEN_DIR with a user PIN and prints every sensitive value: label,
 * space, hex. It is the module's own code with a window cut into it, for the test that nothing of this stands anywhere
 * else; it is built for tests only and installed nowhere.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ck.h"
#include "object.h"
#include "session.h"

#define PIN_MAX 256
#define SLOTS_MAX 256

static void must(CK_RV rv, const char *what)
{
	if (rv != CKR_OK) {
		fprintf(stderr, "unseal: %s: 0x%lx\n", what, rv);
		exit(2);
	}
}

static void print_object(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object)
{
	struct session *s = NULL;
	struct object *o = NULL;
	struct view label, value;

	must(session_get(handle, &s), "session");
	must(object_get(s, object, &o), "object");
	label = object_bytes(o, CKA_LABEL);
	value = object_secret(o, CKA_VALUE);
	if (object_class(o) == CKO_SECRET_KEY) {
		for (size_t i = 0; i < label.n; i++)
			putchar(label.p[i] > ' ' && label.p[i] < 0x7F ? label.p[i] : '_');
		putchar(' ');
		for (size_t i = 0; i < value.n; i++)
			printf("%02x", value.p[i]);
		putchar('\n');
	}
	object_unref(o);
	session_put(s);
}

static void unseal(CK_SLOT_ID slot, const char *pin)
{
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE object;
	CK_ULONG n;

	must(C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session), "C_OpenSession");
	must(C_Login(session, CKU_USER, (CK_UTF8CHAR_PTR)pin, strlen(pin)), "C_Login");
	must(C_FindObjectsInit(session, NULL, 0), "C_FindObjectsInit");
	for (;;) {
		must(C_FindObjects(session, &object, 1, &n), "C_FindObjects");
		if (n == 0)
			break;
		print_object(session, object);
	}
	must(C_Finalize(NULL), "C_Finalize");
}

int main(int argc, char **argv)
{
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG n = SLOTS_MAX;
	CK_TOKEN_INFO info;
	char pin[PIN_MAX] = "";
	FILE *f = argc == 2 ? fopen(argv[1], "r") : NULL;

	if (!f || !fgets(pin, sizeof(pin), f)) {
		fprintf(stderr, "unseal: no PIN\n");
		return 2;
	}
	fclose(f);
	pin[strcspn(pin, "\n")] = 0;
	must(C_Initialize(NULL), "C_Initialize");
	must(C_GetSlotList(CK_TRUE, slots, &n), "C_GetSlotList");
	for (CK_ULONG i = 0; i < n; i++) {
		if (C_GetTokenInfo(slots[i], &info) == CKR_OK && (info.flags & CKF_TOKEN_INITIALIZED)) {
			unseal(slots[i], pin);
			return 0;
		}
	}
	fprintf(stderr, "unseal: no token\n");
	return 2;
}
