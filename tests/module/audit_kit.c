/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit_kit.h"

#include <stdlib.h>

const struct sr_function_list *audit_sr(void)
{
	CK_UTF8CHAR name[] = SR_INTERFACE_NAME;
	CK_INTERFACE *found = NULL;

	ck_ok(ck3->C_GetInterface(name, NULL, &found, 0));
	return found->pFunctionList;
}

void audit_read(struct audit_trail *ret, CK_ULONG first)
{
	ret->n = AUDIT_ROOM;
	ck_ok(audit_sr()->SR_GetAudit(ck_session, first, ret->rows, &ret->n, &ret->state));
	ck_assert_uint_lt(ret->n, AUDIT_ROOM);
}

CK_ULONG audit_good(void)
{
	struct audit_trail *t = calloc(1, sizeof(*t));
	CK_ULONG last;

	ck_login(CKU_SO);
	ck_assert_ptr_nonnull(t);
	audit_read(t, 1);
	for (CK_ULONG i = 0; i < t->n; i++) {
		ck_assert_uint_eq(t->rows[i].ulBad, SR_AUDIT_GOOD);
		ck_assert_uint_eq(t->rows[i].ulSequence, i + 1);
		ck_assert_uint_ne(t->rows[i].ulEvent, 0);
	}
	ck_assert_uint_eq(t->state.ulFirstBad, 0);
	ck_assert_uint_eq(t->state.ulState, SR_AUDIT_STATE_FITS);
	ck_assert_uint_eq(t->state.ulLast, t->n);
	ck_assert_uint_eq(t->state.flags, SR_AUDIT_ENDED);
	last = t->n;
	free(t);
	ck_logout();
	return last;
}

const struct sr_audit_entry *audit_last(const struct audit_trail *t, CK_ULONG event)
{
	for (CK_ULONG i = t->n; i > 0; i--)
		if (t->rows[i - 1].ulEvent == event)
			return &t->rows[i - 1];
	return NULL;
}
