/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "identity.h"
#include "now.h"
#include "pki.h"
#include "temp.h"

static char dir[128], list[200];
static struct pki root, other;
static EVP_PKEY *key;
static X509 *cert;
static X509_STORE *roots;

static void setup(void)
{
	const struct pki_cert c = { .name = "card", .usages = IDENTITY_ARC ".3" };
	struct fail f = { 0 };

	temp_dir(dir);
	snprintf(list, sizeof(list), "%s/crl.pem", dir);
	pki_init(&root, dir, "root");
	pki_init(&other, dir, "other");
	key = EVP_EC_gen("P-256");
	cert = pki_issue(&root, key, &c);
	ck_assert_msg(identity_roots(root.root_pem, &roots, &f) == ERR_OK, "%s", f.text);
}

static void teardown(void)
{
	X509_STORE_free(roots);
	X509_free(cert);
	EVP_PKEY_free(key);
	pki_done(&root);
	pki_done(&other);
	temp_remove(dir);
}

struct crl {
	const struct pki *by;
	long number;
	long from, until; /* seconds from now */
	long revoked;     /* when the certificate was, seconds from now; 0: it was not */
	int reason;       /* -1: none given */
	bool endless;     /* no nextUpdate */
};

static void write_crl(const struct crl *c)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *t = ASN1_TIME_new();
	ASN1_INTEGER *n = ASN1_INTEGER_new();
	FILE *file = fopen(list, "w");

	ck_assert(crl && t && n && file && X509_CRL_set_version(crl, 1));
	ck_assert(X509_CRL_set_issuer_name(crl, X509_get_subject_name(c->by->cert)));
	ck_assert(X509_gmtime_adj(t, c->from) && X509_CRL_set1_lastUpdate(crl, t));
	ck_assert(X509_gmtime_adj(t, c->until) && (c->endless || X509_CRL_set1_nextUpdate(crl, t)));
	ck_assert(ASN1_INTEGER_set_int64(n, c->number) && X509_CRL_add1_ext_i2d(crl, NID_crl_number, n, 0, 0));
	if (c->revoked) {
		X509_REVOKED *r = X509_REVOKED_new();
		ASN1_ENUMERATED *why = ASN1_ENUMERATED_new();
		ck_assert(X509_gmtime_adj(t, c->revoked) && X509_REVOKED_set_revocationDate(r, t));
		ck_assert(X509_REVOKED_set_serialNumber(r, X509_get_serialNumber(cert)));
		ck_assert(ASN1_ENUMERATED_set(why, c->reason) &&
			  (c->reason < 0 || X509_REVOKED_add1_ext_i2d(r, NID_crl_reason, why, 0, 0)));
		ck_assert(X509_CRL_add0_revoked(crl, r));
		ASN1_ENUMERATED_free(why);
	}
	ck_assert(X509_CRL_sign(crl, c->by->key, EVP_sha256()) > 0 && PEM_write_X509_CRL(file, crl) && !fclose(file));
	ASN1_INTEGER_free(n);
	ASN1_TIME_free(t);
	X509_CRL_free(crl);
}

static enum err check_at(time_t at, const char *words)
{
	struct fail f = { 0 };
	enum err e = identity_check(roots, NULL, cert, ROLE_OPERATOR, at, &f);

	if (words)
		ck_assert_msg(strstr(f.text, words) != NULL, "%s, not: %s", f.text, words);
	return e;
}

START_TEST(list_that_does_not_hold_is_refused_at_once) /* R2.3 */
{
	static const struct {
		struct crl crl;
		const char *words;
	} rows[] = {
		{ { &other, 1, -60, 600, 0, -1, false }, "none signed by root" },
		{ { &root, 1, -600, -60, 0, -1, false }, "expired on" },
		{ { &root, 1, 3600, 7200, 0, -1, false }, "begins in the future" },
		{ { &root, 1, -60, 600, 0, -1, true }, "how long it holds" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fail f = { 0 };
		write_crl(&rows[i].crl);
		ck_assert_int_eq(identity_crl(roots, list, &f), ERR_CONFIG);
		ck_assert_msg(strstr(f.text, rows[i].words) != NULL, "%s, not: %s", f.text, rows[i].words);
	}
	unlink(list);
	ck_assert_int_eq(identity_crl(roots, list, NULL), ERR_CONFIG);
	ck_assert_int_eq(check_at(0, NULL), ERR_OK); /* none of them stuck to the roots */
}
END_TEST

/* R1.6: a batch is looked at again after its card was revoked: why it was decides. */
START_TEST(signature_of_before_stands_unless_the_key_may_be_known)
{
	static const struct {
		long revoked;
		int reason;
		enum err now, before; /* as of today; of ten minutes ago */
	} rows[] = {
		{ 0, -1, ERR_OK, ERR_OK },
		{ -60, CRL_REASON_SUPERSEDED, ERR_REFUSED, ERR_OK },
		{ -60, CRL_REASON_CESSATION_OF_OPERATION, ERR_REFUSED, ERR_OK },
		{ -60, CRL_REASON_AFFILIATION_CHANGED, ERR_REFUSED, ERR_OK },
		{ -60, CRL_REASON_PRIVILEGE_WITHDRAWN, ERR_REFUSED, ERR_OK },
		{ -60, CRL_REASON_KEY_COMPROMISE, ERR_REFUSED, ERR_REFUSED },
		{ -60, CRL_REASON_CA_COMPROMISE, ERR_REFUSED, ERR_REFUSED },
		{ -60, -1, ERR_REFUSED, ERR_REFUSED },
		{ -1200, CRL_REASON_SUPERSEDED, ERR_REFUSED, ERR_REFUSED },
	};

	write_crl(&(struct crl){ &root, 1, -60, 600, 0, -1, false });
	ck_assert_int_eq(identity_crl(roots, list, NULL), ERR_OK);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		write_crl(&(struct crl){ &root, (long)i + 2, -60, 600, rows[i].revoked, rows[i].reason, false });
		ck_assert_int_eq(check_at(0, rows[i].now ? "revoked" : NULL), rows[i].now);
		ck_assert_int_eq(check_at(time(NULL) - 600, rows[i].before ? "revoked" : NULL), rows[i].before);
	}
}
END_TEST

START_TEST(file_is_read_again_and_never_goes_back) /* R2.3 */
{
	write_crl(&(struct crl){ &root, 5, -60, 600, 0, -1, false });
	ck_assert_int_eq(identity_crl(roots, list, NULL), ERR_OK);
	ck_assert_int_eq(check_at(0, NULL), ERR_OK);
	write_crl(&(struct crl){ &root, 6, -60, 600, -5, CRL_REASON_SUPERSEDED, false });
	ck_assert_int_eq(check_at(0, "revoked"), ERR_REFUSED);
	write_crl(&(struct crl){ &root, 5, -60, 600, 0, -1, false });
	ck_assert_int_eq(check_at(0, "older than the one before"), ERR_CONFIG);
	unlink(list);
	ck_assert_int_eq(check_at(0, "No such file"), ERR_CONFIG);
	write_crl(&(struct crl){ &root, 7, -60, 600, 0, -1, false });
	ck_assert_int_eq(check_at(0, NULL), ERR_OK);
}
END_TEST

/* As a service opens it: its own roots, and a handle of the database. */
static enum err start(struct fail *f)
{
	static const char *const steps[] = { CRL_SEEN_SCHEMA };
	X509_STORE *again = NULL;
	struct db *db = NULL;
	char path[200];
	enum err e;

	snprintf(path, sizeof(path), "%s/service.db", dir);
	*f = (struct fail){ 0 };
	ck_assert_int_eq(identity_roots(root.root_pem, &again, f), ERR_OK);
	X509_STORE_free(roots);
	roots = again;
	ck_assert_int_eq(db_open(path, steps, 1, &db, f), ERR_OK);
	e = identity_crl(roots, list, f);
	if (e != ERR_OK) {
		db_free(db);
		return e;
	}
	return identity_crl_remember(roots, db, f);
}

START_TEST(older_list_is_refused_after_a_restart_too) /* R2.3 */
{
	struct crl c = { &root, 256, -60, 600, 0, -1, false };
	struct fail f = { 0 };
	char words[400];

	write_crl(&c);
	ck_assert_msg(start(&f) == ERR_OK, "%s", f.text);
	c.number = 1000; /* while it runs */
	write_crl(&c);
	ck_assert_int_eq(check_at(0, NULL), ERR_OK);
	ck_assert_int_eq(start(&f), ERR_OK);
	c.number = 999;
	write_crl(&c);
	snprintf(words, sizeof(words),
		 "revocation list %s: root root signed number 3e8 before, this is number 3e7 (hex): put the newest one"
		 " there",
		 list);
	ck_assert_int_eq(check_at(0, "older than the one before"), ERR_CONFIG);
	ck_assert_int_eq(start(&f), ERR_CONFIG);
	ck_assert_str_eq(f.text, words);
	c.number = 99; /* lengths do not mislead */
	write_crl(&c);
	ck_assert_int_eq(start(&f), ERR_CONFIG);
	c.number = 1000;
	write_crl(&c);
	ck_assert_int_eq(start(&f), ERR_OK);
	c.number = 1001;
	write_crl(&c);
	ck_assert_int_eq(start(&f), ERR_OK);
	ck_assert_int_eq(check_at(0, NULL), ERR_OK);
}
END_TEST

/* Peers are checked in event loops: those go on while nobody can write, and the number is remembered all the same. */
START_TEST(database_that_hangs_holds_up_no_check) /* R2.3 */
{
	struct crl c = { &root, 5, -60, 600, 0, -1, false };
	struct fail f = { 0 };
	struct db *writer = NULL;
	char path[200];
	int64_t begin;

	write_crl(&c);
	ck_assert_msg(start(&f) == ERR_OK, "%s", f.text);
	snprintf(path, sizeof(path), "%s/service.db", dir);
	ck_assert_int_eq(db_open(path, NULL, 1, &writer, &f), ERR_OK);
	ck_assert_int_eq(db_begin(writer, &f), ERR_OK);
	c.number = 6;
	write_crl(&c);
	begin = steady_ms();
	ck_assert_int_eq(check_at(0, NULL), ERR_OK);
	ck_assert_int_lt(steady_ms() - begin, 3000);
	db_rollback(writer);
	/* another node has seen a higher one: its number counts here a moment after our next list */
	ck_assert_int_eq(db_run(writer, &f, "UPDATE crl_seen SET number = replace(number, '00000', '0000f')", ""),
			 ERR_OK);
	c.number = 7;
	write_crl(&c);
	for (int i = 0; check_at(0, NULL) == ERR_OK && i < 1000; i++)
		usleep(10000);
	ck_assert_int_eq(check_at(0, "put the newest one there"), ERR_CONFIG);
	db_free(writer);
	c.number = 5;
	write_crl(&c);
	ck_assert_int_eq(start(&f), ERR_CONFIG);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("identity crl");
	TCase *t = tcase_create("identity crl");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, older_list_is_refused_after_a_restart_too);
	tcase_add_test(t, database_that_hangs_holds_up_no_check);
	tcase_add_test(t, list_that_does_not_hold_is_refused_at_once);
	tcase_add_test(t, signature_of_before_stands_unless_the_key_may_be_known);
	tcase_add_test(t, file_is_read_again_and_never_goes_back);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
