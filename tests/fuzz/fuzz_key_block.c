/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Key blocks: the parser with its optional blocks, for any bytes and for the bytes behind a header that is well formed;
 * and the mechanism behind it, C_UnwrapKey with CKM_SR_KEY_BLOCK under keys of both kinds, which may make a key of
 * nothing that it did not wrap itself.
 */
#include "input.h"
#include "key_block.h"
#include "temp.h"
#include <stdio.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PIN (CK_UTF8CHAR_PTR) "user1234", 8
#define SO_PIN (CK_UTF8CHAR_PTR) "12345678", 8

static char directory[128];
static CK_SESSION_HANDLE session;
static CK_OBJECT_HANDLE keys[2];

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

static CK_OBJECT_HANDLE protection_key(CK_MECHANISM_TYPE type, CK_ULONG len)
{
	static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_MECHANISM m = { type, NULL, 0 };
	CK_ATTRIBUTE t[] = { { CKA_TOKEN, &no, 1 },
			     { CKA_WRAP, &yes, 1 },
			     { CKA_UNWRAP, &yes, 1 },
			     { CKA_VALUE_LEN, &len, sizeof(len) } };
	CK_OBJECT_HANDLE key = 0;

	must(C_GenerateKey(session, &m, t, ARRAY_LEN(t), &key), "C_GenerateKey");
	return key;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	CK_UTF8CHAR label[32];
	CK_ULONG count = 1;
	CK_SLOT_ID slot;

	temp_dir(directory);
	setenv("STRONGROOM_TOKEN_DIR", directory, 1);
	setenv("XDG_CONFIG_HOME", directory, 1);
	must(C_Initialize(NULL), "C_Initialize");
	must(C_GetSlotList(CK_FALSE, &slot, &count), "C_GetSlotList");
	memset(label, ' ', sizeof(label));
	must(C_InitToken(slot, SO_PIN, label), "C_InitToken");
	must(C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session), "C_OpenSession");
	must(C_Login(session, CKU_SO, SO_PIN), "C_Login");
	must(C_InitPIN(session, PIN), "C_InitPIN");
	must(C_Logout(session), "C_Logout");
	must(C_Login(session, CKU_USER, PIN), "C_Login");
	keys[0] = protection_key(CKM_DES3_KEY_GEN, 24);
	keys[1] = protection_key(CKM_AES_KEY_GEN, 32);
	return atexit(leave);
}

static void parse(struct view v)
{
	struct key_block block;
	struct key_block_option option;
	struct reader r;
	unsigned n = 0;

	if (!key_block_parse(v, &block))
		return;
	if (block.covered.n + block.data.n + block.mac.n != v.n || block.covered.p != v.p) {
		fprintf(stderr, "the parts of a key block are not the whole\n");
		abort();
	}
	r = reader_of(block.optional);
	while (key_block_option_next(&r, &option))
		n++;
	if (n != block.optionals || !reader_done(&r)) {
		fprintf(stderr, "%u optional blocks, not %u\n", n, block.optionals);
		abort();
	}
}

static void unwrap(struct view v, CK_OBJECT_HANDLE key)
{
	struct sr_key_block_params p = { 0 };
	CK_MECHANISM m = { CKM_SR_KEY_BLOCK, &p, sizeof(p) };
	CK_OBJECT_HANDLE made = 0;
	uint8_t optional[256];

	p.pOptional = optional;
	p.ulOptionalLen = sizeof(optional);
	if (C_UnwrapKey(session, &m, key, (CK_BYTE_PTR)(uintptr_t)v.p, v.n, NULL, 0, &made) == CKR_OK) {
		fprintf(stderr, "a key block that nobody made was opened\n");
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view v = VIEW(data, size);
	uint8_t text[KEY_BLOCK_MAX + 1];
	char length[8];

	parse(v);
	/* The same with the length that a header must say. */
	if (size >= KEY_BLOCK_HEADER && size <= KEY_BLOCK_MAX) {
		memcpy(text, data, size);
		snprintf(length, sizeof(length), "%04zu", size);
		memcpy(text + 1, length, 4);
		text[0] = "ABCD"[data[0] & 3];
		v = VIEW(text, size);
		parse(v);
		unwrap(v, keys[data[0] & 1]);
	}
	return 0;
}
