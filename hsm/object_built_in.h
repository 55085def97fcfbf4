/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_OBJECT_BUILT_IN_H
#define HSM_OBJECT_BUILT_IN_H

#include "object_own.h"

/*
 * Objects that every token shows and nobody makes, changes or destroys: profiles (CKO_PROFILE) and mechanisms
 * (CKO_MECHANISM, one per mechanism of C_GetMechanismList). They stand in the table of handles, not in the store, and
 * are made when a search first asks for them.
 *
 * built_in_asked  does the template ask for this class? By CKA_CLASS; for profiles also by CKA_PROFILE_ID. Other
 *                 searches find none of them (PKCS#11 3.1, mechanism objects; for profiles the same, so that programs
 *                 that list or remove all objects meet only what somebody made).
 * built_in_make   makes those that the template asks for, once; under t->lock. CKR_HOST_MEMORY.
 */
bool built_in_asked(CK_OBJECT_CLASS class, const CK_ATTRIBUTE *t, CK_ULONG n);
CK_RV built_in_make(struct token *token, const CK_ATTRIBUTE *t, CK_ULONG n) MUST_CHECK;

#endif
