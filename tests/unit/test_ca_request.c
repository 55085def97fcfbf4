/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca_kit.h"

static void refuse_request(const struct pki *issuer, struct pki_cert c, struct view content, const char *words)
{
	struct order o = order_of("hsm", CA_SOURCE_REQUEST);
	BUF_AUTO der = { 0 };

	sign_request(issuer, &c, content, &der);
	write_request(buf_view(&der));
	refused(&o, ERR_REFUSED, words);
}

START_TEST(working_certificate_request_needs_a_valid_mtms_certificate_of_this_ca) /* R1.1 */
{
	BUF_AUTO spki = { 0 };
	struct pki root = own_root(), other;
	struct pki_cert c;
	char usages[300];

	spki_of(rsa, &spki);
	for (enum role r = ROLE_HSM; r < ROLE_COUNT; r++) {
		c = mtms_cert();
		c.usages = usages;
		snprintf(usages, sizeof(usages), "clientAuth,%s", role_oid(r));
		if (r != ROLE_MTMS)
			refuse_request(&root, c, buf_view(&spki), "not mtms");
		snprintf(usages, sizeof(usages), "%s,%s", role_oid(r), role_oid(ROLE_MTMS));
		if (r != ROLE_MTMS)
			refuse_request(&root, c, buf_view(&spki), "not mtms");
	}
	c = mtms_cert();
	c.usages = NULL;
	refuse_request(&root, c, buf_view(&spki), "not mtms");
	c = mtms_cert();
	c.from = -7000;
	c.until = -60;
	refuse_request(&root, c, buf_view(&spki), "expired");
	c = mtms_cert();
	c.from = 3600;
	c.until = 7200;
	refuse_request(&root, c, buf_view(&spki), "not yet valid");
	c = mtms_cert();
	c.key_usage = "critical,keyEncipherment";
	refuse_request(&root, c, buf_view(&spki), "");
	pki_init(&other, dir, "other");
	refuse_request(&other, mtms_cert(), buf_view(&spki), "certificate");
	pki_done(&other);
}
END_TEST

START_TEST(working_certificate_request_holds_an_rsa_key_and_nothing_else) /* R1.1 */
{
	BUF_AUTO content = { 0 };
	struct pki root = own_root();

	refuse_request(&root, mtms_cert(), VIEW_STR("\x30"), "RSA public key");
	spki_of(ec, &content);
	refuse_request(&root, mtms_cert(), buf_view(&content), "RSA public key");
	content.len = 0;
	spki_of(rsa, &content);
	refuse_request(&root, mtms_cert(), VIEW(content.p, content.len - 1), "RSA public key");
	buf_put_u8(&content, 0);
	refuse_request(&root, mtms_cert(), buf_view(&content), "RSA public key");
	EVP_PKEY *weak = EVP_RSA_gen(1024);
	content.len = 0;
	spki_of(weak, &content);
	refuse_request(&root, mtms_cert(), buf_view(&content), "key refused");
	EVP_PKEY_free(weak);
}
END_TEST

/* Wherever one bit of the request differs, no other key than Pu comes out, and none when it is in Pu itself. */
START_TEST(altered_working_certificate_request_is_refused) /* R1.1 */
{
	BUF_AUTO der = { 0 };
	BUF_AUTO spki = { 0 };
	struct order o = order_of("hsm", CA_SOURCE_REQUEST);
	size_t at = 0, end, taken = 0;

	good_request(&der);
	spki_of(rsa, &spki);
	while (at + spki.len < der.len && memcmp(der.p + at, spki.p, spki.len) != 0)
		at++;
	end = at + spki.len;
	ck_assert_uint_lt(end, der.len);
	for (size_t i = 0; i < der.len; i += 3) {
		EVP_PKEY *key = NULL;

		der.p[i] ^= 0x04;
		write_request(buf_view(&der));
		if (!request_load(&ca, request, &key, NULL)) {
			ck_assert_msg(i < at || i >= end, "byte %zu of %zu", i, der.len);
			ck_assert_int_eq(EVP_PKEY_eq(key, rsa), 1);
			taken++;
		} else {
			ck_assert_ptr_null(key);
		}
		EVP_PKEY_free(key);
		der.p[i] ^= 0x04;
	}
	ck_assert_uint_lt(taken, 8);
	der.p[at + 60] ^= 1;
	write_request(buf_view(&der));
	refused(&o, ERR_REFUSED, "signature");
	der.p[at + 60] ^= 1;
	der.p[der.len - 1] ^= 1;
	write_request(buf_view(&der));
	refused(&o, ERR_REFUSED, "signature");
	write_request(VIEW(der.p, der.len - 1));
	refused(&o, ERR_MALFORMED, "CMS");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ca request");
	TCase *t = tcase_create("ca request");

	tcase_add_unchecked_fixture(t, setup_once, teardown_once);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, working_certificate_request_needs_a_valid_mtms_certificate_of_this_ca);
	tcase_add_test(t, working_certificate_request_holds_an_rsa_key_and_nothing_else);
	tcase_add_test(t, altered_working_certificate_request_is_refused);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
