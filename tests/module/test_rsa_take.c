/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "rsa.h"
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#else
#define VALGRIND_MAKE_MEM_UNDEFINED(p, n) (void)0
#define VALGRIND_MAKE_MEM_DEFINED(p, n) (void)0
#endif

/*
 * The padding of PKCS#1 v1.5: the answer is right for every padding; and no branch and no address depends on it. The
 * second is valgrind's word: the bytes are marked as undefined, which it reports as soon as one decides anything.
 */
#define SIZE_LEAST 64
#define SIZE_MOST 1024

/* reference: the same, as one would write it with no secret at hand. */
static size_t reference(const uint8_t *em, const uint8_t *synthetic, const uint8_t *lengths, size_t n, size_t want,
			uint8_t *out)
{
	size_t zero = 2, most = n - 10, mask = 1, len = 0;

	while (zero < n && em[zero] != 0)
		zero++;
	if (em[0] == 0 && em[1] == 2 && zero >= 10 && zero < n && (want == SIZE_MAX || n - 1 - zero == want)) {
		memcpy(out, em + zero + 1, n - 1 - zero);
		return n - 1 - zero;
	}
	while (mask < most)
		mask = mask * 2 + 1;
	for (size_t i = 0; i < RSA_LENGTHS; i += 2) {
		size_t candidate = ((size_t)lengths[i] * 256 + lengths[i + 1]) & mask;

		if (candidate < most)
			len = candidate;
	}
	len = want != SIZE_MAX ? want : len;
	memcpy(out, synthetic + (n - len), len);
	return len;
}

static void fill(uint8_t *p, size_t n, unsigned *seed, bool nonzero)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(nonzero ? 1 + rand_r(seed) % 255 : rand_r(seed));
}

static void one(size_t n, size_t zero, int spoiled, size_t want)
{
	uint8_t em[SIZE_MOST], synthetic[SIZE_MOST], lengths[RSA_LENGTHS], right[SIZE_MOST];
	unsigned seed = (unsigned)(n * 31 + zero * 7 + (size_t)(spoiled + 5));
	size_t len, want_len;

	fill(em, n, &seed, true);
	fill(synthetic, n, &seed, false);
	fill(lengths, sizeof(lengths), &seed, false);
	em[0] = 0;
	em[1] = 2;
	if (zero < n)
		em[zero] = 0;
	if (spoiled >= 0)
		em[spoiled] ^= 1;
	want_len = reference(em, synthetic, lengths, n, want, right);
	VALGRIND_MAKE_MEM_UNDEFINED(em, n);
	VALGRIND_MAKE_MEM_UNDEFINED(synthetic, n);
	VALGRIND_MAKE_MEM_UNDEFINED(lengths, sizeof(lengths));
	len = rsa_pkcs1_take(em, synthetic, lengths, n, want);
	VALGRIND_MAKE_MEM_DEFINED(&len, sizeof(len));
	VALGRIND_MAKE_MEM_DEFINED(em, n);
	ck_assert_uint_eq(len, want_len);
	ck_assert(memcmp(em, right, len) == 0);
}

START_TEST(padding_decides_nothing_but_the_answer)
{
	static const size_t sizes[] = { SIZE_LEAST, 128, 129, 256, 384, SIZE_MOST };

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		size_t n = sizes[i];

		for (size_t zero = 2; zero <= n; zero += zero < 14 || zero > n - 4 ? 1 : 37) {
			one(n, zero, -1, SIZE_MAX);
			one(n, zero, 0, SIZE_MAX);
			one(n, zero, 1, SIZE_MAX);
			one(n, zero, -1, 16);
			one(n, zero, -1, zero < n && n - 1 - zero <= n - 11 ? n - 1 - zero : 24);
		}
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("RSA padding");
	TCase *c = tcase_create("padding");
	SRunner *r;
	int failed;

	tcase_set_timeout(c, 120);
	tcase_add_test(c, padding_decides_nothing_but_the_answer);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_set_fork_status(r, CK_NOFORK);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
