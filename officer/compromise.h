/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OFFICER_COMPROMISE_H
#define OFFICER_COMPROMISE_H

#include "objects.h"

/* What `strongroom compromise` is made of: the keys of a token and where they came from, the trail, advice. */

/* struct kin: a key of the token. level: 0: suspect itself; n: n steps away from one; KIN_NOT: came of none of them. */
#define KIN_NOT (-1)
#define KIN_ID 32
struct kin {
	CK_OBJECT_HANDLE object;
	CK_OBJECT_CLASS class;
	char id[KIN_ID + 1]; /* CKA_UNIQUE_ID */
	char *parents;       /* CKA_SR_PARENT; NULL: nobody */
	int level;
};
struct family {
	struct kin *all; /* in the order of their ids */
	size_t n;
};
#define FAMILY_AUTO __attribute__((cleanup(family_done))) struct family
void family_done(struct family *fam);
/* family_read: every token key that the login sees. */
enum err family_read(struct pk11_session *s, struct family *ret, struct fail *f) MUST_CHECK;
/* family_find: NULL: not in the token (any more). family_spread: the levels of all that came of those of level 0, and
 * of `gone`, the id of a key that is not there any more (NULL: none). */
struct kin *family_find(const struct family *fam, const char *id);
void family_spread(struct family *fam, const char *gone);
/* family_orphan: it names a key that is not there any more. */
bool family_orphan(const struct family *fam, const struct kin *k);

/* key_row: a key by key_row_fields. */
extern const struct show_field key_row_fields[];
enum err key_row(struct pk11_session *s, const struct kin *k, json_t **ret, struct fail *f) MUST_CHECK;

/*
 * trail_about: records of the trail that name one of these ids, in their object or in their words, or a component of
 * one of these labels (both lists of strings); ids NULL: those about the token key. Into *all: trail, uses, records,
 * first_bad, state; answers in *ret_whole whether the trail is in order.
 */
extern const struct show_field use_fields[];
enum err trail_about(struct officer *o, struct pk11 *p, struct pk11_session *s, const json_t *ids, const json_t *labels,
		     json_t *all, bool *ret_whole, struct fail *f) MUST_CHECK;

/* advice: what the report cannot say, and what to do (appended to list). suspect: a key_row; NULL: the token key. */
extern const struct show_field word_fields[];
extern const struct show_field step_fields[];
json_t *advice_unsaid(const json_t *suspect);
void advice_steps(json_t *list, const json_t *suspect, const char *token);

#endif
