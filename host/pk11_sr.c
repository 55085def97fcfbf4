/* SPDX-License-Identifier: BSD-2-Clause */
#include "ck.h"

#include <dlfcn.h>
#include <p11-kit/p11-kit.h>
#include <stdlib.h>

#include "pk11_sr.h"
#include "vendor_functions.h"

enum err pk11_sr(const struct pk11 *p, const struct sr_function_list **ret, struct fail *f)
{
	CK_UTF8CHAR name[] = SR_INTERFACE_NAME;
	CK_INTERFACE *found = NULL;
	char *path = p11_kit_module_get_filename(pk11_module(p));
	/* p11-kit has loaded it; this only finds it again. */
	void *module = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD) : NULL;
	CK_RV (*get)(CK_UTF8CHAR_PTR, CK_VERSION_PTR, CK_INTERFACE_PTR_PTR, CK_FLAGS) = NULL;

	if (module) {
		*(void **)&get = dlsym(module, "C_GetInterface");
		if (get && get(name, NULL, &found, 0) != CKR_OK)
			found = NULL;
		dlclose(module);
	}
	free(path);
	if (!found)
		return fail_set(f, ERR_NOT_FOUND, 0, "%.180s: not a token of a strongroom module", pk11_describe(p));
	*ret = found->pFunctionList;
	return ERR_OK;
}
