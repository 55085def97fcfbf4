/* SPDX-License-Identifier: BSD-2-Clause */
#include "dsa_sig.h"
#include <openssl/bn.h>
#include <openssl/ec.h>

bool dsa_sig_raw(struct view der, size_t half, uint8_t *ret_raw)
{
	const unsigned char *p = der.p;
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)der.n);
	bool ok = sig != NULL && p == der.p + der.n && BN_num_bytes(ECDSA_SIG_get0_r(sig)) <= (int)half &&
		  BN_num_bytes(ECDSA_SIG_get0_s(sig)) <= (int)half;

	if (ok)
		ok = BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret_raw, (int)half) == (int)half &&
		     BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret_raw + half, (int)half) == (int)half;
	ECDSA_SIG_free(sig);
	return ok;
}

bool dsa_sig_der(struct view raw, struct buf *out)
{
	int half = (int)(raw.n / 2), n = 0;
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw.p, half, NULL), *s = BN_bin2bn(raw.p + half, half, NULL);
	unsigned char *der = NULL;

	if (sig != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(sig, r, s) == 1) {
		r = s = NULL;
		n = i2d_ECDSA_SIG(sig, &der);
	}
	if (n > 0)
		buf_put(out, der, (size_t)n);
	OPENSSL_free(der);
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(sig);
	return n > 0 && buf_ok(out);
}
