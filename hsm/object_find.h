/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_OBJECT_FIND_H
#define HSM_OBJECT_FIND_H

#include "object.h"
#include "session.h"

/* struct find: a running C_FindObjects: the handles that matched at C_FindObjectsInit. */
struct find {
	struct handles found;
	size_t at;
};

/* find_start: C_FindObjectsInit; find_next: C_FindObjects; find_end: C_FindObjectsFinal. Codes as PKCS#11 5.7. */
CK_RV find_start(struct session *s, const CK_ATTRIBUTE *t, CK_ULONG n) MUST_CHECK;
CK_RV find_next(struct session *s, CK_OBJECT_HANDLE *out, CK_ULONG room, CK_ULONG *ret_count) MUST_CHECK;
CK_RV find_end(struct session *s) MUST_CHECK;
/* find_free: takes NULL. */
void find_free(struct find *find);

#endif
