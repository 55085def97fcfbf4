/* SPDX-License-Identifier: BSD-2-Clause */
#include "ffc.h"
#include "ffc_own.h"

/* Are these numbers a domain, a public value, a private value? */

/* known: a group of RFC 3526 or RFC 7919 (or its like): OpenSSL knows it by its prime and base. */
static bool known(struct view p, struct view g)
{
	EVP_PKEY *pkey = ffc_domain_pkey(CKK_DH, p, VIEW(NULL, 0), g);
	char name[64];
	size_t n = 0;
	bool yes = pkey != NULL && EVP_PKEY_get_group_name(pkey, name, sizeof(name), &n) == 1;

	EVP_PKEY_free(pkey);
	return yes;
}

/* within: low <= b <= p - 2. */
static bool within(const BIGNUM *b, BN_ULONG low, const BIGNUM *p)
{
	BIGNUM *top = BN_dup(p), *bottom = BN_new();
	bool yes = top != NULL && bottom != NULL && BN_sub_word(top, 2) == 1 && BN_set_word(bottom, low) == 1 &&
		   BN_cmp(b, bottom) >= 0 && BN_cmp(b, top) <= 0;

	BN_free(top);
	BN_free(bottom);
	return yes;
}

static bool safe_prime(const struct ffc_domain *d)
{
	BIGNUM *half = BN_dup(d->p);
	bool yes = half != NULL && BN_rshift1(half, half) == 1 && BN_check_prime(half, d->ctx, NULL) == 1 &&
		   BN_check_prime(d->p, d->ctx, NULL) == 1;

	BN_free(half);
	return yes;
}

/* order_is_q: b to the q is 1. */
static bool order_is_q(const struct ffc_domain *d, const BIGNUM *b)
{
	BIGNUM *x = BN_new();
	bool yes = x != NULL && BN_mod_exp(x, b, d->q, d->p, d->ctx) == 1 && BN_is_one(x);

	BN_free(x);
	return yes;
}

static bool subgroup(const struct ffc_domain *d)
{
	BIGNUM *rest = BN_new(), *less = BN_dup(d->p);
	bool yes = rest != NULL && less != NULL && BN_num_bits(d->q) >= 160 && BN_num_bits(d->q) <= 512 &&
		   BN_sub_word(less, 1) == 1 && BN_mod(rest, less, d->q, d->ctx) == 1 && BN_is_zero(rest) &&
		   order_is_q(d, d->g) && BN_check_prime(d->q, d->ctx, NULL) == 1 &&
		   BN_check_prime(d->p, d->ctx, NULL) == 1;

	BN_free(rest);
	BN_free(less);
	return yes;
}

CK_RV ffc_domain_check(CK_KEY_TYPE type, struct view p, struct view q, struct view g)
{
	struct ffc_domain d;
	int bits;
	bool ok = ffc_domain_of(p, q, g, &d);

	bits = ok ? BN_num_bits(d.p) : 0;
	ok = ok && bits >= FFC_BITS_MIN && BN_is_odd(d.p) && within(d.g, 2, d.p) && (type == CKK_DH) == (d.q == NULL);
	if (ok && type == CKK_DH)
		ok = known(p, g) || (bits <= FFC_UNKNOWN_MAX && safe_prime(&d));
	else if (ok)
		ok = bits <= FFC_UNKNOWN_MAX && subgroup(&d);
	ffc_domain_done(&d);
	return ok ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
}

/* value_ok: a public value of the domain, or a private one. */
static bool value_ok(const struct object *o, struct view value, bool private)
{
	BIGNUM *v = ffc_number(value, private);
	struct ffc_domain d;
	bool ok =
	    ffc_domain_of(object_bytes(o, CKA_PRIME), object_bytes(o, CKA_SUBPRIME), object_bytes(o, CKA_BASE), &d) &&
	    v != NULL;

	if (ok && private)
		ok = d.q != NULL ? BN_cmp(v, d.q) < 0 : within(v, 1, d.p);
	else if (ok)
		ok = within(v, 2, d.p) && (d.q == NULL || order_is_q(&d, v));
	ffc_domain_done(&d);
	BN_clear_free(v);
	return ok;
}

CK_RV ffc_check(const struct object *o)
{
	CK_OBJECT_CLASS class = object_class(o);
	bool private = class == CKO_PRIVATE_KEY;
	CK_RV rv = ffc_domain_check(object_key_type(o), object_bytes(o, CKA_PRIME), object_bytes(o, CKA_SUBPRIME),
				    object_bytes(o, CKA_BASE));

	if (rv != CKR_OK || class == CKO_DOMAIN_PARAMETERS)
		return rv;
	return value_ok(o, object_secret(o, CKA_VALUE), private) ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
}

CK_RV ffc_peer(const struct object *key, struct view value, EVP_PKEY **ret)
{
	EVP_PKEY *peer;

	if (!value_ok(key, value, false))
		return CKR_MECHANISM_PARAM_INVALID;
	peer = ffc_peer_pkey(key, value);
	if (peer == NULL)
		return CKR_MECHANISM_PARAM_INVALID;
	*ret = peer;
	return CKR_OK;
}
