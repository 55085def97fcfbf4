/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames of a hostile client, against the server's end with the real module behind it, and replies of a hostile server,
 * against the client's. Input: frames of length 2 | function 1 | body; the head of a request is made of the number, so
 * that the hash need not be guessed. Function 0xff: the body is the whole frame. 0xfe: a reply.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server.h"
#include "temp.h"
#include "wire_rows.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FRAMES_MAX 32
#define PIN (CK_UTF8CHAR_PTR) "user1234", 8
#define SO_PIN (CK_UTF8CHAR_PTR) "12345678", 8

static char directory[128];
static struct server_functions functions;
static CK_SLOT_ID slot;
static CK_SESSION_HANDLE session; /* of the input that runs */

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

/* keys: a secret key for each of the deep parameters. */
static void keys(CK_SESSION_HANDLE s)
{
	static const CK_KEY_TYPE types[] = { CKK_AES, CKK_GENERIC_SECRET, CKK_DES3, CKK_CHACHA20 };
	CK_BYTE value[32];
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_BBOOL yes = CK_TRUE;
	CK_OBJECT_HANDLE h;

	memset(value, 0x61, sizeof(value));
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		CK_KEY_TYPE type = types[i];
		CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
				     { CKA_KEY_TYPE, &type, sizeof(type) },
				     { CKA_VALUE, value, type == CKK_DES3 ? 24 : 32 },
				     { CKA_DERIVE, &yes, 1 },
				     { CKA_SIGN, &yes, 1 },
				     { CKA_VERIFY, &yes, 1 } };

		(void)C_CreateObject(s, t, ARRAY_LEN(t), &h);
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	CK_VERSION version = { 3, 2 };
	CK_INTERFACE *ck = NULL, *sr = NULL;
	CK_SESSION_HANDLE s = 0;
	CK_UTF8CHAR label[32];
	CK_ULONG count = 1;

	temp_dir(directory);
	setenv("STRONGROOM_TOKEN_DIR", directory, 1);
	setenv("XDG_CONFIG_HOME", directory, 1);
	must(C_GetInterface((CK_UTF8CHAR_PTR) "PKCS 11", &version, &ck, 0), "C_GetInterface");
	must(C_GetInterface((CK_UTF8CHAR_PTR)SR_INTERFACE_NAME, NULL, &sr, 0), "C_GetInterface");
	functions = (struct server_functions){ ck->pFunctionList, sr->pFunctionList };
	must(C_Initialize(NULL), "C_Initialize");
	must(C_GetSlotList(CK_FALSE, &slot, &count), "C_GetSlotList");
	memset(label, ' ', sizeof(label));
	must(C_InitToken(slot, SO_PIN, label), "C_InitToken");
	must(C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s), "C_OpenSession");
	must(C_Login(s, CKU_SO, SO_PIN), "C_Login");
	must(C_InitPIN(s, PIN), "C_InitPIN");
	must(C_Logout(s), "C_Logout");
	/* This session holds the login and the keys while others come and go. */
	must(C_Login(s, CKU_USER, PIN), "C_Login");
	keys(s);
	return atexit(leave);
}

/* dull: what makes files, waits, or needs minutes, and tells nothing about the wire. */
static bool dull(unsigned number)
{
	return number == WIRE_C_InitToken || number == WIRE_C_InitPIN || number == WIRE_C_SetPIN ||
	       number == WIRE_C_WaitForSlotEvent || number == WIRE_C_Login || number == WIRE_C_LoginUser ||
	       number == WIRE_C_GenerateKeyPair || number == WIRE_C_Logout || number == WIRE_C_CloseAllSessions ||
	       number == WIRE_C_OpenSession || number == WIRE_C_CloseSession ||
	       (number >= WIRE_SR && number != WIRE_SR_GetUsers);
}

static void request(unsigned number, struct view body, struct wire_sessions *sessions, struct wire_room *reply)
{
	struct wire_room frame = { 0 };
	uint8_t *exact;

	if (number == 0xff) {
		wire_put(&frame, body.p, body.n);
	} else {
		number = number < 0xc0 ? number % WIRE_CK_COUNT : WIRE_SR + (number - 0xc0) % (WIRE_SR_END - WIRE_SR);
		wire_put_u16(&frame, (uint16_t)number);
		wire_put_u16(&frame, 0);
		wire_put_u32(&frame, wire_function_hash(number));
		wire_put(&frame, body.p, body.n);
		/* The session's handle is another one each time. */
		if (body.n >= 8 && number > WIRE_C_CloseAllSessions)
			be_put64(frame.p + 8, session);
	}
	if (frame.len >= 2 && dull(be_get16(frame.p)))
		goto out;
	/* To the byte, so that a step beyond is seen. */
	exact = malloc(frame.len > 0 ? frame.len : 1);
	if (frame.len > 0)
		memcpy(exact, frame.p, frame.len);
	(void)!server_call(&functions, sessions, VIEW(exact, frame.len), reply);
	free(exact);
out:
	wire_room_done(&frame);
}

/* reply: what a server answers to a few calls whose outputs are deep. */
static void reply_of(struct view body)
{
	uint8_t iv[12] = { 0 }, tag[16] = { 0 }, value[8] = { 0 }, out[16], optional[32] = { 0 };
	CK_ATTRIBUTE inner[] = { { CKA_SENSITIVE, value, 8 }, { CKA_LABEL, NULL, 0 } };
	CK_ATTRIBUTE t[] = { { CKA_LABEL, value, 8 }, { CKA_WRAP_TEMPLATE, inner, sizeof(inner) } };
	CK_GCM_MESSAGE_PARAMS gcm = { iv, 12, 0, CKG_NO_GENERATE, tag, 128 };
	CK_SSL3_KEY_MAT_OUT keys = { 0, 0, 0, 0, iv, iv };
	CK_TLS12_KEY_MAT_PARAMS tls = { 0, 128, 96, CK_FALSE, { NULL, 0, NULL, 0 }, &keys, CKM_SHA256 };
	struct sr_key_block_params block = { .pOptional = optional, .ulOptionalLen = sizeof(optional) };
	CK_MECHANISM m[] = { { CKM_AES_GCM, &gcm, sizeof(gcm) },
			     { CKM_TLS12_KEY_AND_MAC_DERIVE, &tls, sizeof(tls) },
			     { CKM_SR_KEY_BLOCK, &block, sizeof(block) } };
	CK_ULONG len = sizeof(out), h[2] = { 0, 0 };
	const struct {
		unsigned number;
		CK_ULONG words[WIRE_ARGUMENTS_MAX];
	} calls[] = {
		{ WIRE_C_GetAttributeValue, { 1, 2, (CK_ULONG)t, 2 } },
		{ WIRE_C_WrapKeyAuthenticated, { 1, (CK_ULONG)&m[0], 2, 3, 0, 0, (CK_ULONG)out, (CK_ULONG)&len } },
		{ WIRE_C_DeriveKey, { 1, (CK_ULONG)&m[1], 2, 0, 0, (CK_ULONG)h } },
		{ WIRE_C_WrapKey, { 1, (CK_ULONG)&m[2], 2, 3, (CK_ULONG)out, (CK_ULONG)&len } },
		{ WIRE_C_FindObjects, { 1, (CK_ULONG)h, 2, (CK_ULONG)&len } },
		{ WIRE_C_Encrypt, { 1, 0, 0, (CK_ULONG)out, (CK_ULONG)&len } },
	};
	static const CK_RV answers[] = { CKR_OK, CKR_BUFFER_TOO_SMALL, CKR_ATTRIBUTE_SENSITIVE, CKR_DEVICE_ERROR };
	struct wire_walk w = { 0 };
	size_t i;

	if (body.n < 2)
		return;
	i = body.p[0] % ARRAY_LEN(calls);
	w.answer = answers[body.p[1] % ARRAY_LEN(answers)];
	w.in = reader_of(VIEW(body.p + 2, body.n - 2));
	(void)!wire_reply_get(&w, &wire_function(calls[i].number)->arguments, calls[i].words);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = reader_of(VIEW(data, size));
	struct wire_sessions sessions;
	struct wire_room reply = { 0 };

	must(C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session), "C_OpenSession");
	wire_sessions_init(&sessions);
	for (size_t i = 0; i < FRAMES_MAX && r.left > 0 && !r.failed; i++) {
		size_t n = reader_u16(&r);
		unsigned number = reader_u8(&r);
		struct view body = reader_bytes(&r, n < r.left ? n : r.left);

		if (number == 0xfe)
			reply_of(body);
		else
			request(number, body, &sessions, &reply);
	}
	wire_room_done(&reply);
	wire_sessions_done(&sessions);
	must(C_CloseSession(session), "C_CloseSession");
	return 0;
}
