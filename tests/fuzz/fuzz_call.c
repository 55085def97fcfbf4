/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sequences of C_ calls with chance arguments on a logged-in session of a fresh token: templates, mechanisms and
 * parameters from the module's own tables, buffers allocated to the byte. Besides crashes, leaks and hangs it watches
 * two promises: an error other than CKR_BUFFER_TOO_SMALL ends the operation, and no value of a sensitive key is shown.
 */
#include "call.h"
#include "temp.h"
#include <stdio.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CALLS_MAX 96
#define PIN (CK_UTF8CHAR_PTR) "user1234", 8
#define SO_PIN (CK_UTF8CHAR_PTR) "12345678", 8

static char directory[128];
static CK_SLOT_ID slot;

static void must(CK_RV rv, const char *what)
{
	if (rv != CKR_OK) {
		fprintf(stderr, "%s: 0x%lx\n", what, rv);
		abort();
	}
}

static void leave(void)
{
	(void)C_Finalize(NULL);
	temp_remove(directory);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	CK_SESSION_HANDLE s = 0;
	CK_UTF8CHAR label[32];
	CK_ULONG count = 1;

	temp_dir(directory);
	setenv("STRONGROOM_TOKEN_DIR", directory, 1);
	setenv("XDG_CONFIG_HOME", directory, 1);
	must(C_Initialize(NULL), "C_Initialize");
	must(C_GetSlotList(CK_FALSE, &slot, &count), "C_GetSlotList");
	memset(label, ' ', sizeof(label));
	must(C_InitToken(slot, SO_PIN, label), "C_InitToken");
	/* This session holds the login while the others come and go. */
	must(C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s), "C_OpenSession");
	must(C_Login(s, CKU_SO, SO_PIN), "C_Login");
	must(C_InitPIN(s, PIN), "C_InitPIN");
	call_relax(s);
	must(C_Logout(s), "C_Logout");
	must(C_Login(s, CKU_USER, PIN), "C_Login");
	call_keys(s);
	return atexit(leave);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { .left = VIEW(data, size) };
	CK_SESSION_HANDLE s = 0;

	must(C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s), "C_OpenSession");
	for (size_t i = 0; i < CALLS_MAX && in.left.n > 0; i++) {
		call_one(&in, s);
		input_end(&in);
	}
	call_clean(s);
	must(C_CloseSession(s), "C_CloseSession");
	return 0;
}
