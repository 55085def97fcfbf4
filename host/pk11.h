/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_PK11_H
#define HOST_PK11_H

#include <p11-kit/pkcs11.h>

#include "err.h"
#include "secret.h"

/*
 * PKCS#11 client by URI (RFC 7512) through libp11-kit: one struct pk11 is one token, reached by its URI, with a pool of
 * sessions that threads borrow. No vendor is assumed: only C_* functions of PKCS#11 2.40.
 *
 * URI: path attributes choose the token (token=, serial=, manufacturer=, model=, slot-id=); query attributes:
 *   pin-source=file:/path or pin-source=/path  file with the PIN, mode 0600 (or 0400), ours or root's
 *   pin-value=...                              the PIN itself (tests); neither: no login
 *   module-path=/path/module.so                load this module and no other
 *   module-name=name                           among p11-kit's configured modules, the one of this name
 * Without module-* every module that p11-kit's configuration names is searched. Exactly one token must match.
 */
struct pk11;

/* A borrowed session. f and handle serve for C_* calls; one thread uses it at a time. */
struct pk11_session {
	CK_FUNCTION_LIST *f;
	CK_SESSION_HANDLE handle;
	struct pk11 *token;
	unsigned long generation;
	struct pk11_session *next; /* of the pool */
};

/* Who logs in with the PIN. PK11_NOBODY: no login, whatever PIN the URI names. */
enum pk11_who { PK11_USER, PK11_SO, PK11_NOBODY };

struct pk11_options {
	const char *pin_file;     /* NULL: as the URI says */
	const struct secret *pin; /* NULL or empty: from a file or the URI */
	enum pk11_who who;
	unsigned sessions_max; /* 0: 512 */
	bool read_only;
};

/*
 * pk11_open: finds the token, opens a first session, logs in when the URI or options give a PIN.
 * options NULL: all defaults. Errors: ERR_CONFIG (URI, PIN file), ERR_NOT_FOUND (no such token, or several), ERR_TOKEN.
 */
enum err pk11_open(const char *uri, const struct pk11_options *options, struct pk11 **ret, struct fail *f) MUST_CHECK;
/* pk11_free: closes all sessions (session objects go with them), logs out, releases the module. All must be returned.
 */
void pk11_free(struct pk11 *p);

/*
 * pk11_borrow: a logged-in session from the pool, or a new one; after a lost token or session
 * (CKR_SESSION_HANDLE_INVALID, CKR_USER_NOT_LOGGED_IN, CKR_DEVICE_REMOVED ...) opens and logs in anew. ERR_BUSY:
 * sessions_max are out. pk11_return: gives it back. rv: the last CK_RV of its use; a code that says "lost" makes the
 * pool start again.
 */
enum err pk11_borrow(struct pk11 *p, struct pk11_session **ret, struct fail *f) MUST_CHECK;
void pk11_return(struct pk11_session *s, CK_RV rv);
/* pk11_note: for a borrowed session that is kept on: what pk11_return will need to know of an rv, at once. */
void pk11_note(struct pk11_session *s, CK_RV rv);
/* pk11_lost: rv says that session, login or token are gone and that the same call may succeed after a new borrow. */
bool pk11_lost(CK_RV rv);

/*
 * pk11_run: borrows, runs work(session, arg, f), returns; when work fails with a "lost" f->rv, once more on a new
 * session. work must have no effect outside the token before it failed.
 */
typedef enum err (*pk11_work)(struct pk11_session *s, void *arg, struct fail *f);
enum err pk11_run(struct pk11 *p, pk11_work work, void *arg, struct fail *f) MUST_CHECK;

/*
 * struct pk11_key: a key named by the path part of a URI (object=, id=, type=private|public|secret-key). Query part and
 * token attributes may stand there; token attributes must not contradict the token. Its handle is found at first use
 * and again after a lost session, and must then be exactly one object. Bound to its token; free before pk11_free.
 */
struct pk11_key;
enum err pk11_key_new(struct pk11 *p, const char *uri, struct pk11_key **ret, struct fail *f) MUST_CHECK;
void pk11_key_free(struct pk11_key *k);
/*
 * pk11_key_handle: ERR_KEY_MISSING: no such object, or more than one. Of a strongroom token's generations of one key
 * (docs/roles.md) the newest that is not retired; looked for again every KEY_KNOWN_S seconds, so that a new one is used
 * and an old one given up while the program runs.
 * pk11_key_older: the same key by generation, 0 the newest, retired or not, for opening what was made under it;
 * ERR_KEY_MISSING: there are not so many.
 */
enum err pk11_key_handle(struct pk11_session *s, struct pk11_key *k, CK_OBJECT_HANDLE *ret, struct fail *f) MUST_CHECK;
enum err pk11_key_older(struct pk11_session *s, struct pk11_key *k, size_t i, CK_OBJECT_HANDLE *ret,
			struct fail *f) MUST_CHECK;
#define PK11_GENERATIONS 16
/*
 * pk11_key_behind: what pk11_key_older goes on with after k's own generations, for tokens that know none: the same key
 * of before, under another URI. Once, before k is used; older must outlive it.
 */
void pk11_key_behind(struct pk11_key *k, struct pk11_key *older);
const char *pk11_key_uri(const struct pk11_key *k);

/* pk11_find: at most room handles; *ret_count may be above room: that many or more exist (counting stops at room + 1).
 */
enum err pk11_find(struct pk11_session *s, CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *ret, size_t room,
		   size_t *ret_count, struct fail *f) MUST_CHECK;
/* pk11_find_one: exactly one, else ERR_KEY_MISSING. */
enum err pk11_find_one(struct pk11_session *s, CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *ret,
		       struct fail *f) MUST_CHECK;
/* pk11_attribute: a public attribute's bytes appended to ret. ERR_TOKEN: no such attribute, or sensitive. */
enum err pk11_attribute(struct pk11_session *s, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, struct buf *ret,
			struct fail *f) MUST_CHECK;

/* pk11_mechanisms: C_GetMechanismList, appended to ret as CK_MECHANISM_TYPE values in memory order. */
enum err pk11_mechanisms(struct pk11 *p, CK_MECHANISM_TYPE **ret, size_t *ret_count, struct fail *f) MUST_CHECK;
/* pk11_describe: "label (manufacturer, serial)"; lives as long as p. */
const char *pk11_describe(const struct pk11 *p);
/* pk11_uri: the URI that it was opened by, without a PIN value. */
const char *pk11_uri(const struct pk11 *p);
bool pk11_logged_in(const struct pk11 *p);

/* pin_read: the first line of a PIN file into *ret (empty before). ERR_CONFIG: absent, mode above 0600, other owner,
 * empty. */
enum err pin_read(const char *path, struct secret *ret, struct fail *f) MUST_CHECK;

/* ck_name: "CKR_..." for an rv, for texts; unknown ones as hex in a static table-less form "CKR 0x...". */
const char *ck_name(CK_RV rv, char room[32]);
/* pk11_fail: fail_set for a failed C_ call: the err that fits rv, text "<call>: CKR_...". */
enum err pk11_fail(struct fail *f, CK_RV rv, const char *call);

#endif
