/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_COMPONENT_H
#define HSM_COMPONENT_H

#include "role.h"

/*
 * Key components (R1.3, R6.4): half-keys that custodians enter one by one, each of them useless alone.
 *
 * NAME is a role that is born by combination (PK, MAK), or that and a dash and 1 to 24 of [A-Za-z0-9._-]: PK-ACME. A
 * component's label is NAME#k/n, k from 1 to n, n from 2 to 9.
 */
struct component_label {
	struct view name;
	const struct role_row *row; /* of the key it will be */
	unsigned k, n;              /* 0: a bare NAME */
};

enum component_match {
	COMPONENT_NO,  /* some other label */
	COMPONENT_YES, /* a component's label */
	COMPONENT_BAD, /* meant as one, and wrong: no object may have it */
};

/* component_label_parse: NAME#k/n; filled in only with COMPONENT_YES. */
enum component_match component_label_parse(struct view label, struct component_label *ret) MUST_CHECK;
/* component_name_parse: a bare NAME. */
bool component_name_parse(struct view label, struct component_label *ret) MUST_CHECK;

/*
 * component_on_make: turns an object of C_CreateObject with a component's label into a component: type and length that
 * the named role has (CKK_DES3 of 16 bytes becomes CKK_DES2), value not zero, entered by a logged-in custodian, token
 * object; notes the custodian and k, n. When it is committed, k must not be there yet and n must be that of the others.
 *
 * CKR_TEMPLATE_INCONSISTENT, CKR_ATTRIBUTE_VALUE_INVALID, CKR_ACTION_PROHIBITED (not a custodian; k is there).
 */
CK_RV component_on_make(struct session *s, const struct component_label *label, struct object *o) MUST_CHECK;

#endif
