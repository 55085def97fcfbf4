/* SPDX-License-Identifier: BSD-2-Clause */
/* The token at one end of a transport, and a custodian's approval there. */
#include "ck.h"

#include <stdio.h>
#include <string.h>

#include "pk11_sr.h"
#include "transport.h"
#include "vendor_functions.h"

enum err transport_place_open(struct officer *o, const char *custodian, struct transport_place *ret, struct fail *f)
{
	struct fail foreign = { 0 };
	SECRET_AUTO pin = { 0 };
	char who[64];
	enum err e;

	if (custodian) {
		const char *file = NULL, *given;
		size_t n = strlen(custodian);

		for (size_t i = 0; !file && (given = officer_value_at(o, "custodian-pin-file", i)); i++)
			if (!strncmp(given, custodian, n) && given[n] == '=')
				file = given + n + 1;
		snprintf(who, sizeof(who), "custodian %.40s", custodian);
		e = officer_pin_of(custodian, file, &pin, f);
		if (e == ERR_OK)
			e = officer_open_as(o, PK11_USER, &pin, who, &ret->p, f);
	} else {
		e = officer_open(o, PK11_USER, &ret->p, f);
	}
	if (e == ERR_OK && pk11_sr(ret->p, &ret->sr, &foreign) != ERR_OK)
		ret->sr = NULL;
	return e == ERR_OK ? pk11_borrow(ret->p, &ret->s, f) : e;
}

void transport_place_close(struct transport_place *at)
{
	pk11_return(at->s, CKR_OK);
	pk11_free(at->p);
	*at = (struct transport_place){ 0 };
}

enum err transport_approve(struct officer *o, struct transport_place *at, CK_ULONG action, const char *subject,
			   struct fail *f)
{
	CK_RV rv;

	if (!at->sr)
		return fail_set(f, ERR_CONFIG, 0, "a token of another maker knows no approvals");
	rv = at->sr->SR_Approve(at->s->handle, action, (CK_UTF8CHAR_PTR)(uintptr_t)subject, strlen(subject));
	return rv == CKR_OK ? ERR_OK : officer_fail(o, f, rv, "SR_Approve", NULL);
}
