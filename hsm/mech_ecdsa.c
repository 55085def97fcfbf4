/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_ec.h"
#include "ec.h"
#include "mech_dsa_sign.h"

/*
 * ECDSA over a message, or over a hash of any length that the caller made: its leftmost bits count. A hash of no bytes
 * is refused: anybody can sign it.
 */

#define HASH_MAX 65536 /* bytes that a caller may call a hash */
_Static_assert(EC_NUMBER_MAX <= DSA_HALF_MAX, "signatures on every curve");

static CK_RV init(struct op *op, struct session *s, const CK_MECHANISM *m, struct object *key)
{
	const struct ecdsa_arg *a = op->row->arg;

	return dsa_sign_init(
	    op, key,
	    &(struct dsa_sign_form){
		.hash = a->hash, .half = ec_curve_of(key)->number, .hash_min = 1, .hash_max = HASH_MAX });
}

const struct mech_ops ecdsa_ops = {
	.init = init,
	.done = dsa_sign_done,
	.update = dsa_sign_update,
	.final = dsa_sign_final,
	.sign = dsa_sign,
	.verify = dsa_verify,
};
