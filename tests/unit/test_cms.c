/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cms.h"
#include "pki.h"
#include "temp.h"

#define CONTENT "what the card signed"

static char dir[128];
static struct pki pki;
static X509_STORE *roots;

static void setup(void)
{
	struct fail f = { 0 };

	temp_dir(dir);
	pki_init(&pki, dir, "root");
	ck_assert_int_eq(identity_roots(pki.root_pem, &roots, &f), ERR_OK);
}

static void teardown(void)
{
	X509_STORE_free(roots);
	pki_done(&pki);
	temp_remove(dir);
}

/* Signs CONTENT with a fresh key, certified as c says. */
static void sign(const struct pki *p, const struct pki_cert *c, struct buf *ret)
{
	struct identity signer = { .key = EVP_EC_gen("P-256") };
	struct fail f = { 0 };

	ck_assert_ptr_nonnull(signer.key);
	signer.cert = pki_issue(p, signer.key, c);
	ck_assert_int_eq(cms_sign(&signer, VIEW_STR(CONTENT), ret, &f), ERR_OK);
	X509_free(signer.cert);
	EVP_PKEY_free(signer.key);
}

static struct pki_cert operator_cert(void)
{
	return (struct pki_cert){ .name = "Operator 7", .usages = IDENTITY_ARC ".3" };
}

static enum err verify(struct view der, struct buf *content)
{
	struct cms_signer signer;
	struct fail f = { 0 };
	enum err e = cms_verify(roots, ROLE_OPERATOR, 0, der, content, &signer, &f);

	ck_assert_int_eq(e, f.code);
	if (e)
		ck_assert_uint_eq(content->len, 0);
	else
		ck_assert_str_eq(signer.name, "Operator 7");
	return e;
}

static void refuses(const struct pki *p, struct pki_cert c)
{
	BUF_AUTO der = { 0 };
	BUF_AUTO content = { 0 };

	sign(p, &c, &der);
	ck_assert_int_eq(verify(buf_view(&der), &content), ERR_REFUSED);
}

START_TEST(signed_content_comes_back) /* R1.5 */
{
	BUF_AUTO der = { 0 };
	BUF_AUTO content = { 0 };
	struct pki_cert c = operator_cert();

	sign(&pki, &c, &der);
	ck_assert_int_eq(verify(buf_view(&der), &content), ERR_OK);
	ck_assert(view_equal(buf_view(&content), VIEW_STR(CONTENT)));
}
END_TEST

START_TEST(signer_needs_the_role_and_that_alone) /* R1.5, R2.3 */
{
	struct pki_cert c = operator_cert();

	c.usages = IDENTITY_ARC ".2";
	refuses(&pki, c);
	c.usages = NULL;
	refuses(&pki, c);
	c.usages = "emailProtection";
	refuses(&pki, c);
	c.usages = IDENTITY_ARC ".3," IDENTITY_ARC ".4";
	refuses(&pki, c);
}
END_TEST

START_TEST(expired_and_not_yet_valid_signers_are_refused) /* R1.6 */
{
	struct pki_cert c = operator_cert();

	c.until = -60;
	refuses(&pki, c);
	c.until = 0;
	c.from = 3600;
	refuses(&pki, c);
}
END_TEST

START_TEST(certificate_for_encryption_does_not_sign) /* R1.1 */
{
	struct pki_cert c = operator_cert();

	c.key_usage = "critical,keyEncipherment";
	refuses(&pki, c);
}
END_TEST

START_TEST(ca_certificate_does_not_sign)
{
	struct pki_cert c = operator_cert();

	c.ca = true;
	c.key_usage = "critical,keyCertSign,digitalSignature";
	refuses(&pki, c);
}
END_TEST

START_TEST(signer_of_another_root_is_refused) /* R2.3 */
{
	struct pki other;

	pki_init(&other, dir, "root2");
	refuses(&other, operator_cert());
	pki_done(&other);
}
END_TEST

START_TEST(no_altered_byte_gives_other_content) /* R1.6 */
{
	BUF_AUTO der = { 0 };
	struct pki_cert c = operator_cert();

	sign(&pki, &c, &der);
	for (size_t i = 0; i < der.len; i++) {
		BUF_AUTO content = { 0 };
		struct cms_signer signer;
		struct fail f = { 0 };

		der.p[i] ^= 0x10;
		if (cms_verify(roots, ROLE_OPERATOR, 0, buf_view(&der), &content, &signer, &f) == ERR_OK)
			ck_assert_msg(view_equal(buf_view(&content), VIEW_STR(CONTENT)), "byte %zu", i);
		der.p[i] ^= 0x10;
	}
}
END_TEST

START_TEST(what_is_not_one_whole_cms_is_malformed)
{
	BUF_AUTO der = { 0 };
	BUF_AUTO content = { 0 };
	struct pki_cert c = operator_cert();

	sign(&pki, &c, &der);
	for (size_t n = 0; n < der.len; n++)
		ck_assert_int_eq(verify(VIEW(der.p, n), &content), ERR_MALFORMED);
	buf_put_u8(&der, 0);
	ck_assert_int_eq(verify(buf_view(&der), &content), ERR_MALFORMED);
	ck_assert_int_eq(verify(VIEW_STR(CONTENT), &content), ERR_MALFORMED);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cms");
	TCase *c = tcase_create("cms");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, signed_content_comes_back);
	tcase_add_test(c, signer_needs_the_role_and_that_alone);
	tcase_add_test(c, expired_and_not_yet_valid_signers_are_refused);
	tcase_add_test(c, certificate_for_encryption_does_not_sign);
	tcase_add_test(c, ca_certificate_does_not_sign);
	tcase_add_test(c, signer_of_another_root_is_refused);
	tcase_add_test(c, no_altered_byte_gives_other_content);
	tcase_add_test(c, what_is_not_one_whole_cms_is_malformed);
	tcase_set_timeout(c, 120);
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
