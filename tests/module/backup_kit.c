/* SPDX-License-Identifier: BSD-2-Clause */
#include "backup_kit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct sr_function_list *sr;

void kit_sr(void)
{
	CK_UTF8CHAR name[] = SR_INTERFACE_NAME;
	CK_INTERFACE *found = NULL;

	ck_ok(ck3->C_GetInterface(name, NULL, &found, 0));
	sr = found->pFunctionList;
}

static void data_object(const char *label, bool private)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_BBOOL yes = CK_TRUE, is_private = private;
	CK_OBJECT_HANDLE h = 0;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
			     { CKA_TOKEN, &yes, 1 },
			     { CKA_PRIVATE, &is_private, 1 },
			     { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) },
			     { CKA_VALUE, (void *)(uintptr_t)label, strlen(label) } };

	ck_ok(ck->C_CreateObject(ck_session, t, ARRAY_LEN(t), &h));
}

void kit_fill(void)
{
	CK_MECHANISM m = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_BBOOL yes = CK_TRUE;
	CK_ULONG len = 32;
	CK_OBJECT_HANDLE h = 0;
	CK_ATTRIBUTE t[] = { { CKA_TOKEN, &yes, 1 },
			     { CKA_SENSITIVE, &yes, 1 },
			     { CKA_ENCRYPT, &yes, 1 },
			     { CKA_VALUE_LEN, &len, sizeof(len) },
			     { CKA_LABEL, (char[]){ "kept key" }, 8 } };

	ck_login(CKU_SO);
	ck_ok(ck->C_InitPIN(ck_session, CK_TEXT("alice:11111111")));
	ck_login(CKU_USER);
	data_object("kept public", false);
	data_object("kept private", true);
	ck_ok(ck->C_GenerateKey(ck_session, &m, t, ARRAY_LEN(t), &h));
	ck_logout();
	ck_ok(ck->C_Login(ck_session, CKU_USER, CK_TEXT("alice:11111111")));
	ck_ok(ck->C_SetPIN(ck_session, CK_TEXT("alice:11111111"), CK_TEXT("alice:22222222")));
	ck_logout();
}

void kit_backup(const char *passphrase, struct kit_backup *ret)
{
	static CK_BYTE part[SR_BACKUP_PART];
	CK_ULONG n;

	*ret = (struct kit_backup){ 0 };
	ck_login(CKU_SO);
	if (passphrase != NULL)
		ck_ok(sr->SR_BackupInit(ck_session, CK_TEXT(passphrase), 0, 0));
	else
		ck_ok(sr->SR_BackupInit(ck_session, NULL, 0, 2, KIT_SHARES));
	for (CK_ULONG i = 0; passphrase == NULL && i < KIT_SHARES; i++) {
		n = sizeof(ret->share[i]);
		ck_ok(sr->SR_BackupShare(ck_session, i + 1, (CK_UTF8CHAR_PTR)ret->share[i], &n));
		ck_assert_uint_eq(n, SR_BACKUP_SHARE_TEXT);
	}
	do {
		n = sizeof(part);
		ck_ok(sr->SR_BackupNext(ck_session, part, &n));
		buf_put(&ret->file, part, n);
	} while (n > 0);
	ck_assert(buf_ok(&ret->file));
	ck_rv(sr->SR_BackupNext(ck_session, part, &n), CKR_OPERATION_NOT_INITIALIZED);
	ck_logout();
	ck_ok(sr->SR_GetBackup(ck_slot, ret->file.p, ret->file.len, &ret->info));
	ck_assert_uint_eq(ret->info.ulFileLen, ret->file.len);
}

void kit_backup_done(struct kit_backup *b)
{
	buf_done(&b->file);
}

void kit_go(const char *name)
{
	char dir[192];
	CK_SLOT_ID slots[8];
	CK_ULONG n = ARRAY_LEN(slots);
	CK_TOKEN_INFO info;

	snprintf(dir, sizeof(dir), "%s/%s", ck_test_dir, name);
	ck_ok(ck->C_Finalize(NULL));
	setenv("STRONGROOM_TOKEN_DIR", dir, 1);
	ck_ok(ck->C_Initialize(NULL));
	ck_ok(ck->C_GetSlotList(CK_TRUE, slots, &n));
	for (CK_ULONG i = 0; i < n; i++) {
		ck_ok(ck->C_GetTokenInfo(slots[i], &info));
		if (!(info.flags & CKF_TOKEN_INITIALIZED))
			ck_slot = slots[i];
	}
}

CK_RV kit_feed(const struct kit_backup *b, const char *passphrase, size_t end)
{
	CK_ULONG wrong = 0, missing = 0;
	size_t at = b->info.ulHeaderLen;
	CK_RV rv = sr->SR_RestoreInit(ck_slot, b->file.p, b->file.len < end ? b->file.len : end);

	if (rv == CKR_OK && passphrase != NULL)
		rv = sr->SR_RestorePassphrase(ck_slot, CK_TEXT(passphrase));
	for (size_t i = 0; rv == CKR_OK && passphrase == NULL && i < 2; i++)
		rv = sr->SR_RestoreShare(ck_slot, (CK_UTF8CHAR_PTR)(uintptr_t)b->share[i], SR_BACKUP_SHARE_TEXT, &wrong,
					 &missing);
	while (rv == CKR_OK && at < end) {
		size_t n = end - at < 40000 ? end - at : 40000;

		rv = sr->SR_RestoreNext(ck_slot, b->file.p + at, n);
		at += n;
	}
	return rv;
}

CK_RV kit_final(struct sr_verify_state *ret_state)
{
	struct sr_finding findings[8];
	CK_ULONG n = ARRAY_LEN(findings);
	CK_SLOT_ID slot = 0;
	CK_RV rv = sr->SR_RestoreFinal(ck_slot, ret_state, findings, &n, &slot);

	for (CK_ULONG i = 0; (rv == CKR_OK || rv == CKR_DEVICE_ERROR) && i < n; i++)
		printf("# finding %lu: %s\n", findings[i].ulKind, (const char *)findings[i].szText);
	if (rv == CKR_OK)
		ck_slot = slot;
	return rv;
}

void kit_restore(const struct kit_backup *b, const char *passphrase)
{
	struct sr_verify_state state;

	ck_ok(kit_feed(b, passphrase, b->file.len));
	ck_ok(sr->SR_RestoreLogin(ck_slot, CKU_SO, NULL, 0, CK_TEXT(CK_TEST_SO_PIN)));
	ck_ok(kit_final(&state));
	ck_assert_uint_eq(state.ulFindings, 0);
	ck_session = ck_open(true);
}

unsigned kit_entries(void)
{
	DIR *d = opendir(getenv("STRONGROOM_TOKEN_DIR"));
	unsigned n = 0;
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	if (d != NULL)
		closedir(d);
	return n;
}
