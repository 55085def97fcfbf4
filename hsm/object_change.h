/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_OBJECT_CHANGE_H
#define HSM_OBJECT_CHANGE_H

#include "object.h"
#include "store.h"

/*
 * object_begin_write: a write transaction in which the token and the logged-in user are known to be still the same:
 * CKR_DEVICE_REMOVED, CKR_USER_NOT_LOGGED_IN otherwise.
 */
CK_RV object_begin_write(struct session *s, struct store_txn **ret) MUST_CHECK;
/*
 * object_settle: what follows from an object's value: lengths, CKA_CHECK_VALUE, CKA_PUBLIC_KEY_INFO. What the object
 * has of these already must be right: CKR_ATTRIBUTE_VALUE_INVALID. Trust without a hash: CKR_TEMPLATE_INCOMPLETE.
 * object_finish: the same for a new object, and its id and CKA_UNIQUE_ID.
 */
CK_RV object_settle(const struct token *t, struct object *o) MUST_CHECK;
CK_RV object_finish(const struct token *t, struct object *o) MUST_CHECK;
/* object_put: an object into the store, new or in the place of its older self; with other keys. */
CK_RV object_put_sealed(const struct store_crypto *crypto, struct store_txn *txn, const struct object *o) MUST_CHECK;
CK_RV object_put(struct token *t, struct store_txn *txn, const struct object *o) MUST_CHECK;
/* object_audit: an entry about a key; about other objects none. */
CK_RV object_audit(struct token *t, struct store_txn *txn, const struct object *o, enum audit_number number) MUST_CHECK;

/* The C_ functions of PKCS#11 5.7 (3.0: 5.7), session locked, NULL pointers and counts checked here. */
CK_RV object_create(struct session *s, const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret) MUST_CHECK;
CK_RV object_copy(struct session *s, CK_OBJECT_HANDLE from, const CK_ATTRIBUTE *t, CK_ULONG n,
		  CK_OBJECT_HANDLE *ret) MUST_CHECK;
/* object_retire: SR_RetireKey. */
CK_RV object_retire(struct session *s, CK_OBJECT_HANDLE handle) MUST_CHECK;
CK_RV object_destroy(struct session *s, CK_OBJECT_HANDLE handle) MUST_CHECK;
CK_RV object_size(struct session *s, CK_OBJECT_HANDLE handle, CK_ULONG *ret) MUST_CHECK;
CK_RV object_get_values(struct session *s, CK_OBJECT_HANDLE handle, CK_ATTRIBUTE *t, CK_ULONG n) MUST_CHECK;
CK_RV object_set_values(struct session *s, CK_OBJECT_HANDLE handle, const CK_ATTRIBUTE *t, CK_ULONG n) MUST_CHECK;

#endif
