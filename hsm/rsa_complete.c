/* SPDX-License-Identifier: BSD-2-Clause */
#include "rsa.h"
#include <openssl/bn.h>

/* The eight numbers of a private key from what C_CreateObject was given, all checked against each other. */

enum { N, E, D, P, Q, DP, DQ, QI, NUMBERS };

static const CK_ATTRIBUTE_TYPE types[NUMBERS] = {
	[N] = CKA_MODULUS, [E] = CKA_PUBLIC_EXPONENT, [D] = CKA_PRIVATE_EXPONENT, [P] = CKA_PRIME_1,
	[Q] = CKA_PRIME_2, [DP] = CKA_EXPONENT_1,     [DQ] = CKA_EXPONENT_2,      [QI] = CKA_COEFFICIENT,
};

struct numbers {
	BN_CTX *ctx;
	BIGNUM *v[NUMBERS]; /* NULL: not there */
};

static void numbers_done(struct numbers *k)
{
	for (size_t i = 0; i < NUMBERS; i++)
		BN_clear_free(k->v[i]);
	BN_CTX_free(k->ctx);
}

static CK_RV numbers_init(struct numbers *k, const struct object *o)
{
	k->ctx = BN_CTX_secure_new();
	if (k->ctx == NULL)
		return CKR_HOST_MEMORY;
	for (size_t i = 0; i < NUMBERS; i++) {
		struct view v = object_secret(o, types[i]);

		if (!object_has(o, types[i]))
			continue;
		if (v.n == 0 || v.n > 2 * RSA_NUMBER_MAX)
			return CKR_ATTRIBUTE_VALUE_INVALID;
		k->v[i] = BN_secure_new();
		if (k->v[i] == NULL || BN_bin2bn(v.p, (int)v.n, k->v[i]) == NULL)
			return CKR_HOST_MEMORY;
		if (BN_is_zero(k->v[i]) || BN_num_bytes(k->v[i]) > RSA_NUMBER_MAX)
			return CKR_ATTRIBUTE_VALUE_INVALID;
		if (i >= D)
			BN_set_flags(k->v[i], BN_FLG_CONSTTIME);
	}
	return k->v[D] != NULL && BN_cmp(k->v[D], k->v[N]) < 0 ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
}

static BIGNUM *number_new(void)
{
	BIGNUM *b = BN_secure_new();

	if (b != NULL)
		BN_set_flags(b, BN_FLG_CONSTTIME);
	return b;
}

/* exponents_fit: 2 to the e * d is 2. */
static bool exponents_fit(struct numbers *k, const BIGNUM *e)
{
	BIGNUM *x = number_new();
	bool ok = x != NULL && BN_set_word(x, 2) == 1 && BN_mod_exp(x, x, k->v[D], k->v[N], k->ctx) == 1 &&
		  BN_mod_exp(x, x, e, k->v[N], k->ctx) == 1 && BN_is_word(x, 2);

	BN_clear_free(x);
	return ok;
}

/* common_exponent: without the primes, e is one of those that people take, or not found. */
static CK_RV common_exponent(struct numbers *k)
{
	static const BN_ULONG usual[] = { 65537, 3, 17, 257, 5, 7, 11, 13, 35, 37, 41 };
	BIGNUM *e = BN_new();

	if (e == NULL)
		return CKR_HOST_MEMORY;
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		if (BN_set_word(e, usual[i]) == 1 && exponents_fit(k, e)) {
			k->v[E] = e;
			return CKR_OK;
		}
	}
	BN_free(e);
	return CKR_TEMPLATE_INCOMPLETE;
}

/* phi_parts: p - 1 and q - 1. */
static bool phi_parts(const struct numbers *k, BIGNUM *ret_p1, BIGNUM *ret_q1)
{
	return BN_sub(ret_p1, k->v[P], BN_value_one()) == 1 && BN_sub(ret_q1, k->v[Q], BN_value_one()) == 1;
}

/* exponent_of_primes: e is the inverse of d modulo (p - 1)(q - 1), or modulo their least common multiple. */
static CK_RV exponent_of_primes(struct numbers *k)
{
	BIGNUM *p1 = number_new(), *q1 = number_new(), *g = number_new(), *m = number_new(), *e = BN_new();
	bool ok = p1 != NULL && q1 != NULL && g != NULL && m != NULL && e != NULL && phi_parts(k, p1, q1) &&
		  BN_gcd(g, p1, q1, k->ctx) == 1 && BN_mul(m, p1, q1, k->ctx) == 1 &&
		  BN_div(m, NULL, m, g, k->ctx) == 1 && BN_mod_inverse(e, k->v[D], m, k->ctx) != NULL;

	BN_clear_free(p1);
	BN_clear_free(q1);
	BN_clear_free(g);
	BN_clear_free(m);
	if (!ok) {
		BN_free(e);
		return CKR_ATTRIBUTE_VALUE_INVALID;
	}
	k->v[E] = e;
	return CKR_OK;
}

/* other_prime: n divided by the one prime that was given. */
static CK_RV other_prime(struct numbers *k)
{
	int have = k->v[P] != NULL ? P : Q;
	BIGNUM *q = number_new(), *rest = number_new();
	bool ok = q != NULL && rest != NULL && BN_div(q, rest, k->v[N], k->v[have], k->ctx) == 1 && BN_is_zero(rest);

	BN_clear_free(rest);
	if (!ok) {
		BN_clear_free(q);
		return CKR_ATTRIBUTE_VALUE_INVALID;
	}
	k->v[have == P ? Q : P] = q;
	return CKR_OK;
}

/* square_root: x, x^2, x^4 ... modulo n, from x = base^odd; the number before 1 shares a prime with n when it is no -1.
 */
static bool square_root(struct numbers *k, const BIGNUM *base, const BIGNUM *odd, int twos, BIGNUM *x, BIGNUM *y)
{
	const BIGNUM *n = k->v[N];

	if (BN_mod_exp(x, base, odd, n, k->ctx) != 1)
		return false;
	for (int i = 0; i < twos && !BN_is_one(x); i++) {
		if (BN_mod_sqr(y, x, n, k->ctx) != 1)
			return false;
		if (BN_is_one(y))
			return BN_sub(y, x, BN_value_one()) == 1 && BN_gcd(y, y, n, k->ctx) == 1 && !BN_is_one(y) &&
			       BN_cmp(y, n) != 0;
		if (BN_copy(x, y) == NULL)
			return false;
	}
	return false;
}

/* factor: the primes from n, e and d (NIST SP 800-56B, appendix C): one half of all bases finds them. */
static CK_RV factor(struct numbers *k)
{
	BIGNUM *odd = number_new(), *base = number_new(), *x = number_new(), *y = number_new();
	bool ok = odd != NULL && base != NULL && x != NULL && y != NULL && BN_mul(odd, k->v[E], k->v[D], k->ctx) == 1 &&
		  BN_sub_word(odd, 1) == 1 && !BN_is_zero(odd);
	int twos = 0;

	while (ok && !BN_is_odd(odd) && twos < 2 * RSA_NUMBER_MAX * 8) {
		ok = BN_rshift1(odd, odd) == 1;
		twos++;
	}
	for (BN_ULONG i = 0; ok && i < 100 && k->v[P] == NULL; i++) {
		if (BN_set_word(base, i + 2) == 1 && square_root(k, base, odd, twos, x, y)) {
			k->v[P] = y;
			y = NULL;
		}
	}
	BN_clear_free(odd);
	BN_clear_free(base);
	BN_clear_free(x);
	BN_clear_free(y);
	return k->v[P] != NULL ? other_prime(k) : CKR_ATTRIBUTE_VALUE_INVALID;
}

/* exactly: the number is this one, or gets it when it was not given. Takes made over. */
static CK_RV exactly(struct numbers *k, int which, BIGNUM *made)
{
	CK_RV rv = CKR_OK;

	if (k->v[which] == NULL) {
		k->v[which] = made;
		return CKR_OK;
	}
	if (BN_cmp(k->v[which], made) != 0)
		rv = CKR_ATTRIBUTE_VALUE_INVALID;
	BN_clear_free(made);
	return rv;
}

/* crt: the product is n, e * d is 1 modulo p - 1 and q - 1; then the numbers of the CRT. */
static CK_RV crt(struct numbers *k)
{
	BIGNUM *p1 = number_new(), *q1 = number_new(), *x = number_new();
	BIGNUM *dp = number_new(), *dq = number_new(), *qi = number_new();
	CK_RV rv = CKR_ATTRIBUTE_VALUE_INVALID;
	bool ok = p1 != NULL && q1 != NULL && x != NULL && dp != NULL && dq != NULL && qi != NULL &&
		  BN_mul(x, k->v[P], k->v[Q], k->ctx) == 1 && BN_cmp(x, k->v[N]) == 0 &&
		  BN_cmp(k->v[P], k->v[Q]) != 0 && !BN_is_one(k->v[P]) && !BN_is_one(k->v[Q]) && phi_parts(k, p1, q1) &&
		  BN_mod_mul(x, k->v[E], k->v[D], p1, k->ctx) == 1 && BN_is_one(x) &&
		  BN_mod_mul(x, k->v[E], k->v[D], q1, k->ctx) == 1 && BN_is_one(x) &&
		  BN_mod(dp, k->v[D], p1, k->ctx) == 1 && BN_mod(dq, k->v[D], q1, k->ctx) == 1 &&
		  BN_mod_inverse(qi, k->v[Q], k->v[P], k->ctx) != NULL;

	BN_clear_free(p1);
	BN_clear_free(q1);
	BN_clear_free(x);
	if (!ok) {
		BN_clear_free(dp);
		BN_clear_free(dq);
		BN_clear_free(qi);
		return rv;
	}
	rv = exactly(k, DP, dp);
	if (rv == CKR_OK)
		rv = exactly(k, DQ, dq);
	else
		BN_clear_free(dq);
	if (rv == CKR_OK)
		rv = exactly(k, QI, qi);
	else
		BN_clear_free(qi);
	return rv;
}

static CK_RV put(struct object *o, CK_ATTRIBUTE_TYPE type, const BIGNUM *b, bool secret)
{
	SECRET_AUTO bytes = { 0 };
	int n = BN_num_bytes(b);

	if (n < 1 || n > RSA_NUMBER_MAX)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	if (!secret_init(&bytes, (size_t)n))
		return CKR_HOST_MEMORY;
	bytes.len = (size_t)BN_bn2bin(b, bytes.p);
	return secret ? object_set_secret(o, type, secret_view(&bytes))
		      : object_set_bytes(o, type, secret_view(&bytes));
}

CK_RV rsa_complete(struct object *o)
{
	struct numbers k = { 0 };
	CK_RV rv;

	if (object_class(o) != CKO_PRIVATE_KEY)
		return CKR_OK;
	rv = numbers_init(&k, o);
	if (rv == CKR_OK && (k.v[P] == NULL) != (k.v[Q] == NULL))
		rv = other_prime(&k);
	if (rv == CKR_OK && k.v[E] == NULL)
		rv = k.v[P] != NULL ? exponent_of_primes(&k) : common_exponent(&k);
	if (rv == CKR_OK && k.v[P] == NULL)
		rv = factor(&k);
	if (rv == CKR_OK)
		rv = crt(&k);
	/* What is no product of two primes fails here, or is its owner's own affair. */
	if (rv == CKR_OK && !exponents_fit(&k, k.v[E]))
		rv = CKR_ATTRIBUTE_VALUE_INVALID;
	for (int i = E; rv == CKR_OK && i < NUMBERS; i++)
		rv = put(o, types[i], k.v[i], i >= D);
	numbers_done(&k);
	return rv == CKR_OK ? rsa_check(o) : rv;
}
