/* SPDX-License-Identifier: BSD-2-Clause */
#include "module.h"

#include <string.h>
#include <unistd.h>

#include "fork.h"
#include "log.h"
#include "padded.h"

/* check_args: CK_C_INITIALIZE_ARGS as PKCS#11 5.4 wants it. The module locks with POSIX mutexes and nothing else. */
static CK_RV check_args(const CK_C_INITIALIZE_ARGS *args)
{
	int given;

	if (args == NULL)
		return CKR_OK;
	given = (args->CreateMutex != NULL) + (args->DestroyMutex != NULL) + (args->LockMutex != NULL) +
		(args->UnlockMutex != NULL);
	if (args->pReserved != NULL || (given != 0 && given != 4))
		return CKR_ARGUMENTS_BAD;
	if (given == 4 && !(args->flags & CKF_OS_LOCKING_OK))
		return CKR_CANT_LOCK;
	return CKR_OK;
}

CK_RV C_Initialize(CK_VOID_PTR args)
{
	char error[SETTINGS_ERROR_LEN] = "";
	CK_RV rv = module_get() != NULL ? CKR_CRYPTOKI_ALREADY_INITIALIZED : check_args(args);

	if (!fork_guard())
		return CKR_GENERAL_ERROR;
	call_begin();
	if (rv == CKR_OK)
		rv = module_start(error);
	if (error[0] != '\0') {
		/* The one thing said without being asked: whoever wrote the file must learn what is wrong with it. */
		log_open("strongroom-pkcs11", STDERR_FILENO, LOG_LEVEL_ERROR);
		log_line(LOG_LEVEL_ERROR, "settings", "%s", error);
		log_open("strongroom-pkcs11", -1, LOG_LEVEL_ERROR);
	}
	return call_end(__func__, 0, NULL, rv);
}

CK_RV C_Finalize(CK_VOID_PTR reserved)
{
	if (module_get() == NULL)
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	call_begin();
	return call_end(__func__, 0, NULL, reserved != NULL ? CKR_ARGUMENTS_BAD : module_stop());
}

static CK_RV get_info(CK_INFO *info)
{
	if (info == NULL)
		return CKR_ARGUMENTS_BAD;
	memset(info, 0, sizeof(*info));
	info->cryptokiVersion = (CK_VERSION){ 3, 2 };
	padded(info->manufacturerID, sizeof(info->manufacturerID), "strongroom");
	padded(info->libraryDescription, sizeof(info->libraryDescription), "strongroom soft HSM");
	info->libraryVersion = (CK_VERSION){ 0, 1 };
	return CKR_OK;
}

CK_RV C_GetInfo(CK_INFO *info)
{
	CALL_MODULE(0, get_info(info));
}
