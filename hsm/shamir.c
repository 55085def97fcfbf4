/* SPDX-License-Identifier: BSD-2-Clause */
#include "shamir.h"

#include <string.h>

#include "crypto.h"

#define POLYNOMIAL 0x11b

/* No table and no branch on a or b. */
static uint8_t multiply(uint8_t a, uint8_t b)
{
	unsigned product = 0, x = a;

	for (unsigned bit = 0; bit < 8; bit++) {
		product ^= x & (0u - ((unsigned)b >> bit & 1));
		x <<= 1;
		x ^= POLYNOMIAL & (0u - (x >> 8 & 1));
	}
	return (uint8_t)product;
}

/* a to the power of 254; 0 gives 0. */
static uint8_t invert(uint8_t a)
{
	uint8_t power = a, product = 1;

	for (unsigned bit = 1; bit < 8; bit++) {
		power = multiply(power, power);
		product = multiply(product, power);
	}
	return product;
}

/* One share: the polynomial of the secret and the coefficients, which stand one after the other, at x. */
static bool evaluate(const struct secret *secret, const struct secret *coefficients, unsigned degree, uint8_t x,
		     struct secret *ret)
{
	if (!secret_init(ret, secret->len))
		return false;
	for (size_t i = 0; i < secret->len; i++) {
		uint8_t sum = 0;

		for (unsigned k = degree; k > 0; k--)
			sum = multiply(sum ^ coefficients->p[(k - 1) * secret->len + i], x);
		ret->p[i] = sum ^ secret->p[i];
	}
	ret->len = secret->len;
	return true;
}

CK_RV shamir_split(const struct crypto *c, const struct secret *secret, unsigned needed, unsigned count,
		   struct secret *ret)
{
	SECRET_AUTO coefficients = { 0 };
	CK_RV rv;

	if (needed < 2 || needed > count || count > SHAMIR_SHARES_MAX || secret->len == 0)
		return CKR_ARGUMENTS_BAD;
	if (!secret_init(&coefficients, (needed - 1) * secret->len))
		return CKR_HOST_MEMORY;
	rv = crypto_random(c, coefficients.p, (needed - 1) * secret->len);
	if (rv != CKR_OK)
		return rv;
	for (unsigned i = 0; i < count; i++) {
		ret[i] = (struct secret){ 0 };
		if (evaluate(secret, &coefficients, needed - 1, (uint8_t)(i + 1), &ret[i]))
			continue;
		while (i > 0)
			secret_done(&ret[--i]);
		return CKR_HOST_MEMORY;
	}
	return CKR_OK;
}

/* The weight of point i at x: the basis polynomial of Lagrange. */
static uint8_t weight(uint8_t x, const struct shamir_point *points, size_t n, size_t i)
{
	uint8_t product = 1;

	for (size_t j = 0; j < n; j++) {
		if (j == i)
			continue;
		product = multiply(product, x ^ points[j].x);
		product = multiply(product, invert(points[i].x ^ points[j].x));
	}
	return product;
}

CK_RV shamir_at(uint8_t x, const struct shamir_point *points, size_t n, struct secret *ret)
{
	SECRET_AUTO sum = { 0 };

	if (n == 0 || points[0].y.n == 0)
		return CKR_ARGUMENTS_BAD;
	for (size_t i = 1; i < n; i++) {
		if (points[i].y.n != points[0].y.n)
			return CKR_ARGUMENTS_BAD;
		for (size_t j = 0; j < i; j++)
			if (points[i].x == points[j].x)
				return CKR_ARGUMENTS_BAD;
	}
	if (!secret_init(&sum, points[0].y.n))
		return CKR_HOST_MEMORY;
	for (size_t i = 0; i < n; i++) {
		uint8_t w = weight(x, points, n, i);

		for (size_t k = 0; k < points[i].y.n; k++)
			sum.p[k] ^= multiply(w, points[i].y.p[k]);
	}
	sum.len = points[0].y.n;
	secret_move(ret, &sum);
	return CKR_OK;
}
