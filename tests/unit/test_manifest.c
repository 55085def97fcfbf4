/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest.h"
#include "pki.h"
#include "temp.h"

#define DIGEST "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static char dir[128];
static struct pki pki;
static struct identity *dc;

static struct identity *identity_of(enum role role, const char *name)
{
	char cert[256], key[256];
	struct identity *i = NULL;
	struct fail f = { 0 };

	pki_identity(&pki, role, name);
	snprintf(cert, sizeof(cert), "%s/%s.crt", dir, name);
	snprintf(key, sizeof(key), "%s/%s.key", dir, name);
	ck_assert_msg(!identity_load(cert, key, pki.root_pem, role, &i, &f), "%s", f.text);
	return i;
}

static void setup(void)
{
	temp_dir(dir);
	pki_init(&pki, dir, "root");
	dc = identity_of(ROLE_DC, "dc1");
}

static void teardown(void)
{
	identity_free(dc);
	pki_done(&pki);
	temp_remove(dir);
}

static struct manifest sample(void)
{
	return (struct manifest){ .dc = "dc1",
				  .kms = "ACME",
				  .sequence = 7,
				  .name = "dc1-ACME-000007",
				  .order = "ORDER-1",
				  .count = 3,
				  .size = 999,
				  .sha256 = DIGEST };
}

static enum err read_back(struct view der, struct manifest *ret)
{
	struct cms_signer signer = { 0 };
	struct fail f = { 0 };
	enum err e = manifest_read(dc->roots, 0, der, ret, &signer, &f);

	ck_assert_int_eq(e, f.code);
	if (!e)
		ck_assert_str_eq(signer.name, "dc1");
	return e;
}

START_TEST(manifest_comes_back_as_it_was_made) /* R2.2 */
{
	struct manifest in = sample(), out = { 0 };
	BUF_AUTO der = { 0 };
	struct fail f = { 0 };

	ck_assert_msg(!manifest_make(dc, &in, &der, &f), "%s", f.text);
	ck_assert_int_eq(read_back(buf_view(&der), &out), ERR_OK);
	ck_assert_int_eq(memcmp(&in, &out, sizeof(in)), 0);
	ck_assert_uint_lt(der.len, MANIFEST_MAX);
}
END_TEST

START_TEST(every_altered_or_cut_byte_is_refused) /* R2.9 */
{
	struct manifest in = sample(), out = { 0 };
	BUF_AUTO der = { 0 };

	ck_assert_int_eq(manifest_make(dc, &in, &der, NULL), ERR_OK);
	for (size_t i = 0; i < der.len; i++) {
		enum err e;

		ck_assert_int_ne(read_back(VIEW(der.p, i), &out), ERR_OK);
		der.p[i] ^= 1;
		e = read_back(buf_view(&der), &out);
		/* Bytes that no signature covers (an unused version, a tag's form) may change; then the content is the
		 * same. */
		ck_assert(e || !memcmp(&in, &out, sizeof(in)));
		der.p[i] ^= 1;
		out = (struct manifest){ 0 };
	}
	buf_put_u8(&der, 0);
	ck_assert_int_eq(read_back(buf_view(&der), &out), ERR_MALFORMED);
	ck_assert_uint_eq(out.sequence, 0);
}
END_TEST

START_TEST(another_role_or_root_signs_no_manifest) /* R2.3 */
{
	static const enum role roles[] = { ROLE_OPTERM, ROLE_MTMS, ROLE_KMS };
	struct manifest in = sample(), out = { 0 };
	struct pki other;
	X509_STORE *roots = NULL;
	struct cms_signer signer;
	BUF_AUTO der = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
		struct identity *wrong = identity_of(roles[i], role_name(roles[i]));

		der.len = 0;
		snprintf(in.dc, sizeof(in.dc), "%.64s", wrong->name);
		ck_assert_int_eq(manifest_make(wrong, &in, &der, NULL), ERR_OK);
		ck_assert_int_eq(read_back(buf_view(&der), &out), ERR_REFUSED);
		identity_free(wrong);
	}
	der.len = 0;
	in = sample();
	ck_assert_int_eq(manifest_make(dc, &in, &der, NULL), ERR_OK);
	pki_init(&other, dir, "other");
	ck_assert_int_eq(identity_roots(other.root_pem, &roots, NULL), ERR_OK);
	ck_assert_int_eq(manifest_read(roots, 0, buf_view(&der), &out, &signer, NULL), ERR_REFUSED);
	/* After the certificate's end. */
	ck_assert_int_eq(manifest_read(dc->roots, time(NULL) + 10L * 86400, buf_view(&der), &out, &signer, NULL),
			 ERR_REFUSED);
	X509_STORE_free(roots);
	pki_done(&other);
}
END_TEST

START_TEST(what_is_out_of_bounds_is_not_made)
{
	struct manifest m[10];
	BUF_AUTO der = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(m); i++)
		m[i] = sample();
	m[0].dc[0] = 0;
	strcpy(m[1].kms, "A/B");
	m[2].sequence = 0;
	m[3].sequence = UINT64_MAX;
	strcpy(m[4].name, ".hidden");
	strcpy(m[5].order, "a\"b");
	m[6].count = 0;
	m[7].size = MANIFEST_SIZE_MAX + 1;
	m[8].sha256[0] = 'A';
	m[9].sha256[63] = 0;
	for (size_t i = 0; i < ARRAY_LEN(m); i++)
		ck_assert_int_eq(manifest_make(dc, &m[i], &der, NULL), ERR_USAGE);
	ck_assert_uint_eq(der.len, 0);
}
END_TEST

START_TEST(signed_text_of_another_form_is_no_manifest)
{
#define HEAD "{\"format\":\"strongroom manifest\",\"version\":1,\"dc\":\"dc1\",\"kms\":\"ACME\","
#define TAIL "\"name\":\"n\",\"order\":\"o\",\"count\":1,\"size\":9,\"sha256\":\"" DIGEST "\"}"
	static const char *const texts[] = {
		"",
		"[]",
		"{}",
		HEAD TAIL,
		HEAD "\"sequence\":1,\"more\":2," TAIL,
		HEAD "\"sequence\":1,\"sequence\":1," TAIL,
		HEAD "\"sequence\":\"1\"," TAIL,
		HEAD "\"sequence\":-1," TAIL,
		HEAD "\"sequence\":1.5," TAIL,
		HEAD "\"sequence\":99999999999999999999," TAIL,
		HEAD "\"sequence\":1,\"name\":\"../n\",\"order\":\"o\",\"count\":1,\"size\":9,\"sha256\":\"" DIGEST
		     "\"}",
		HEAD "\"sequence\":1,\"name\":\"n\",\"order\":\"o\",\"count\":1,\"size\":9,\"sha256\":\"00\"}",
		HEAD "\"sequence\":1," TAIL " x",
	};
	static const char good[] = HEAD "\"sequence\":1," TAIL;
	struct manifest out = { 0 };
	BUF_AUTO der = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		der.len = 0;
		ck_assert_int_eq(cms_sign(dc, view_of_string(texts[i]), &der, NULL), ERR_OK);
		ck_assert_msg(read_back(buf_view(&der), &out) == ERR_MALFORMED, "%s", texts[i]);
	}
	der.len = 0;
	ck_assert_int_eq(cms_sign(dc, view_of_string(good), &der, NULL), ERR_OK);
	ck_assert_int_eq(read_back(buf_view(&der), &out), ERR_OK);
	ck_assert_uint_eq(out.sequence, 1);
}
END_TEST

START_TEST(a_dc_speaks_for_itself_alone) /* R2.3 */
{
	struct manifest m = sample(), out = { 0 };
	struct identity *other = identity_of(ROLE_DC, "dc2");
	struct cms_signer signer = { 0 };
	struct fail f = { 0 };
	BUF_AUTO der = { 0 };

	ck_assert_int_eq(manifest_make(other, &m, &der, &f), ERR_USAGE);
	ck_assert_str_eq(f.text, "a manifest of DC dc1 is not signed by dc2");
	ck_assert_uint_eq(der.len, 0);
	ck_assert_int_eq(cms_sign(other, view_of_string(HEAD "\"sequence\":1," TAIL), &der, NULL), ERR_OK);
	f = (struct fail){ 0 };
	ck_assert_int_eq(manifest_read(dc->roots, 0, buf_view(&der), &out, &signer, &f), ERR_REFUSED);
	ck_assert_str_eq(f.text, "the manifest names DC dc1, but dc2 signed it");
	ck_assert(!out.sequence && !signer.name[0]);
	identity_free(other);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("manifest");
	TCase *t = tcase_create("manifest");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, manifest_comes_back_as_it_was_made);
	tcase_add_test(t, every_altered_or_cut_byte_is_refused);
	tcase_add_test(t, another_role_or_root_signs_no_manifest);
	tcase_add_test(t, what_is_out_of_bounds_is_not_made);
	tcase_add_test(t, signed_text_of_another_form_is_no_manifest);
	tcase_add_test(t, a_dc_speaks_for_itself_alone);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
