/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_PK11_POLICY_H
#define HOST_PK11_POLICY_H

#include "pk11.h"

/*
 * The policy of a strongroom token (docs/policy.md), as its policy object shows it: names separated by blanks.
 *
 * allowed   what the token's record says
 * in_force  what the configuration of this process leaves of it; without a login no more than strict has
 * strict    what strict has
 * known     every name that the module knows
 * dual      what two custodians must approve; dual_names: what there is
 * pin_min   letters that a new PIN has at least; 0: the module does not say
 */
struct pk11_policy {
	struct buf allowed;
	struct buf in_force;
	struct buf strict;
	struct buf known;
	struct buf dual;
	struct buf dual_names;
	unsigned long pin_min;
};
#define PK11_POLICY_AUTO __attribute__((cleanup(pk11_policy_done))) struct pk11_policy
void pk11_policy_done(struct pk11_policy *p);

/* pk11_policy_get: ERR_NOT_FOUND: a token without such an object, which is not ours. *ret: empty before. */
enum err pk11_policy_get(struct pk11_session *s, struct pk11_policy *ret, struct fail *f) MUST_CHECK;
/* pk11_policy_is_strict: does the token allow what strict has, and no more? */
bool pk11_policy_is_strict(const struct pk11_policy *p);
/* pk11_policy_set: text: names, or `strict`; as the SO, in a R/W session. ERR_USAGE: a name that the module does not
 * know. */
enum err pk11_policy_set(struct pk11_session *s, struct view text, struct fail *f) MUST_CHECK;
/* pk11_policy_pin_min: letters of a new PIN, 0: the default; otherwise as pk11_policy_set. */
enum err pk11_policy_pin_min(struct pk11_session *s, unsigned long letters, struct fail *f) MUST_CHECK;
/* pk11_policy_dual: text: names of dual_names; otherwise as pk11_policy_set. */
enum err pk11_policy_dual(struct pk11_session *s, struct view text, struct fail *f) MUST_CHECK;
/*
 * pk11_policy_choose: the names of known that are chosen once the words are added (on) or taken away, in known's order;
 * appended to ret, which the caller asks whether it is whole. words: NULL at the end.
 */
void pk11_policy_choose(struct view known, struct view chosen, bool on, char **words, struct buf *ret);
/* pk11_policy_has: is name among the words of text? */
bool pk11_policy_has(struct view text, const char *name);

#endif
