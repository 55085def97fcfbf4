/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_ffc.h"
#include "key.h"
#include "mech_dsa_sign.h"
#include <openssl/evp.h>

/* DSA signatures: r and s, each as long as the subprime (PKCS#11 3.1, 6.2.1). */

#define HASH_MIN 20

static CK_RV init(struct op *op, struct session *s, const CK_MECHANISM *m, struct object *key)
{
	const struct ffc_arg *a = op->row->arg;
	struct dsa_sign_form form = { .hash = a->hash,
				      .half = (key_bit_length(object_bytes(key, CKA_SUBPRIME)) + 7) / 8,
				      .hash_min = HASH_MIN,
				      .hash_max = EVP_MAX_MD_SIZE };

	if (form.half == 0 || form.half > DSA_HALF_MAX)
		return CKR_KEY_SIZE_RANGE;
	return dsa_sign_init(op, key, &form);
}

const struct mech_ops dsa_ops = {
	.init = init,
	.done = dsa_sign_done,
	.update = dsa_sign_update,
	.final = dsa_sign_final,
	.sign = dsa_sign,
	.verify = dsa_verify,
};
