/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "identity.h"
#include "pki.h"
#include "temp.h"

static char dir[128];
static struct pki root, other;
static EVP_PKEY *key;

static void setup(void)
{
	temp_dir(dir);
	pki_init(&root, dir, "root");
	pki_init(&other, dir, "other");
	key = EVP_EC_gen("P-256");
}

static void teardown(void)
{
	EVP_PKEY_free(key);
	pki_done(&root);
	pki_done(&other);
	temp_remove(dir);
}

static X509_STORE *roots(void)
{
	X509_STORE *store = NULL;
	struct fail f = { 0 };

	ck_assert_msg(identity_roots(root.root_pem, &store, &f) == ERR_OK, "%s", f.text);
	return store;
}

START_TEST(role_table_is_consistent)
{
	for (enum role r = ROLE_NONE; r < ROLE_COUNT; r++) {
		ck_assert_int_eq(role_of_name(role_name(r)), r);
		for (enum role q = r + 1; q < ROLE_COUNT; q++)
			ck_assert(!role_oid(r)[0] || strcmp(role_oid(r), role_oid(q)) != 0);
	}
	ck_assert_int_eq(role_of_name("admin"), ROLE_NONE);
}
END_TEST

/* R2.3 */
START_TEST(role_comes_from_exactly_one_usage)
{
	char usages[300];
	X509 *x;

	for (enum role r = ROLE_HSM; r < ROLE_COUNT; r++) {
		snprintf(usages, sizeof(usages), "clientAuth,%s", role_oid(r));
		x = pki_issue(&root, key, &(struct pki_cert){ .name = "a", .usages = usages });
		ck_assert_int_eq(identity_cert_role(x), r);
		X509_free(x);
	}
	snprintf(usages, sizeof(usages), "%s,%s", role_oid(ROLE_DC), role_oid(ROLE_KMS));
	x = pki_issue(&root, key, &(struct pki_cert){ .name = "a", .usages = usages });
	ck_assert_int_eq(identity_cert_role(x), ROLE_NONE);
	X509_free(x);
	snprintf(usages, sizeof(usages), "%s.1", role_oid(ROLE_DC));
	x = pki_issue(&root, key, &(struct pki_cert){ .name = "a", .usages = usages });
	ck_assert_int_eq(identity_cert_role(x), ROLE_NONE);
	X509_free(x);
	x = pki_issue(&root, key, &(struct pki_cert){ .name = "a" });
	ck_assert_int_eq(identity_cert_role(x), ROLE_NONE);
	X509_free(x);
	ck_assert_int_eq(identity_cert_role(root.cert), ROLE_CA);
	/* A CA certificate with a role stays a CA. */
	x = pki_issue(&root, key,
		      &(struct pki_cert){
			  .name = "a", .usages = role_oid(ROLE_DC), .ca = true, .key_usage = "critical,keyCertSign" });
	ck_assert_int_eq(identity_cert_role(x), ROLE_CA);
	X509_free(x);
}
END_TEST

static enum err check_cert(X509 *x, enum role role, time_t at, struct fail *f)
{
	X509_STORE *store = roots();
	enum err e = identity_check(store, NULL, x, role, at, f);

	X509_STORE_free(store);
	X509_free(x);
	return e;
}

START_TEST(check_demands_root_role_and_time)
{
	struct fail f = { 0 };
	const char *hsm = role_oid(ROLE_HSM);
	const struct pki_cert good = { .name = "a", .usages = hsm };
	const struct pki_cert old = { .name = "a", .usages = hsm, .from = -7000, .until = -60 };

	ck_assert_int_eq(check_cert(pki_issue(&root, key, &good), ROLE_HSM, 0, NULL), ERR_OK);
	ck_assert_int_eq(check_cert(pki_issue(&root, key, &good), ROLE_KMS, 0, &f), ERR_REFUSED);
	ck_assert_ptr_nonnull(strstr(f.text, "role hsm"));
	ck_assert_int_eq(check_cert(pki_issue(&other, key, &good), ROLE_HSM, 0, NULL), ERR_REFUSED);
	ck_assert_int_eq(check_cert(pki_issue(&root, key, &old), ROLE_HSM, 0, &f), ERR_REFUSED);
	ck_assert_int_eq(check_cert(pki_issue(&root, key, &old), ROLE_HSM, time(NULL) - 600, NULL), ERR_OK);
	/* A certificate of the right role cannot make others: it is no CA. */
	X509 *leaf = pki_issue(&root, key, &good);
	struct pki false_ca = { .key = key, .cert = leaf };
	X509 *child = pki_issue(&false_ca, key, &good);
	STACK_OF(X509) *chain = sk_X509_new_null();
	sk_X509_push(chain, leaf);
	X509_STORE *store = roots();
	ck_assert_int_eq(identity_check(store, chain, child, ROLE_HSM, 0, NULL), ERR_REFUSED);
	X509_STORE_free(store);
	sk_X509_free(chain);
	X509_free(child);
	X509_free(leaf);
}
END_TEST

START_TEST(der_round_trips_and_trailing_bytes_are_refused)
{
	BUF_AUTO der = { 0 };
	BUF_AUTO serial = { 0 };
	X509 *x = NULL;

	ck_assert_int_eq(identity_cert_der(root.cert, &der, NULL), ERR_OK);
	ck_assert_int_eq(identity_cert_parse(buf_view(&der), &x, NULL), ERR_OK);
	ck_assert_int_eq(X509_cmp(x, root.cert), 0);
	ck_assert_int_eq(identity_cert_serial(x, &serial, NULL), ERR_OK);
	ck_assert_uint_eq(serial.len, 16);
	X509_free(x);
	x = NULL;
	ck_assert_int_eq(identity_cert_parse(VIEW(der.p, der.len - 1), &x, NULL), ERR_MALFORMED);
	ck_assert_int_eq(identity_cert_parse(VIEW(der.p, 0), &x, NULL), ERR_MALFORMED);
	buf_put_u8(&der, 0);
	ck_assert_int_eq(identity_cert_parse(buf_view(&der), &x, NULL), ERR_MALFORMED);
	ck_assert_ptr_null(x);
	/* identity_cert_load takes PEM and DER. */
	char path[200];
	snprintf(path, sizeof(path), "%s/cert.der", dir);
	FILE *file = fopen(path, "w");
	ck_assert(file && fwrite(der.p, 1, der.len - 1, file) == der.len - 1 && fclose(file) == 0);
	ck_assert_int_eq(identity_cert_load(path, &x, NULL), ERR_OK);
	X509_free(x);
	x = NULL;
	ck_assert_int_eq(identity_cert_load(root.root_pem, &x, NULL), ERR_OK);
	X509_free(x);
}
END_TEST

static enum err load(const char *name, const char *key_name, enum role role, struct fail *f)
{
	char cert_file[200], key_file[200];
	struct identity *i = NULL;

	snprintf(cert_file, sizeof(cert_file), "%s/%s.crt", dir, name);
	snprintf(key_file, sizeof(key_file), "%s/%s.key", dir, key_name);
	enum err e = identity_load(cert_file, key_file, root.root_pem, role, &i, f);
	if (e == ERR_OK)
		ck_assert_str_eq(i->name, name);
	identity_free(i);
	return e;
}

START_TEST(own_identity_must_fit_together)
{
	char path[200];
	struct fail f = { 0 };

	pki_identity(&root, ROLE_DC, "dc1");
	pki_identity(&root, ROLE_KMS, "kms1");
	ck_assert_int_eq(load("dc1", "dc1", ROLE_DC, NULL), ERR_OK);
	ck_assert_int_eq(load("dc1", "dc1", ROLE_NONE, NULL), ERR_OK);
	ck_assert_int_eq(load("dc1", "dc1", ROLE_KMS, NULL), ERR_CONFIG);
	ck_assert_int_eq(load("dc1", "kms1", ROLE_DC, NULL), ERR_CONFIG);
	ck_assert_int_eq(load("none", "dc1", ROLE_DC, NULL), ERR_CONFIG);
	snprintf(path, sizeof(path), "%s/dc1.key", dir);
	ck_assert_int_eq(chmod(path, 0640), 0);
	ck_assert_int_eq(load("dc1", "dc1", ROLE_DC, &f), ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(f.text, "0600"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("identity");
	TCase *t = tcase_create("identity");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, role_table_is_consistent);
	tcase_add_test(t, role_comes_from_exactly_one_usage);
	tcase_add_test(t, check_demands_root_role_and_time);
	tcase_add_test(t, der_round_trips_and_trailing_bytes_are_refused);
	tcase_add_test(t, own_identity_must_fit_together);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
