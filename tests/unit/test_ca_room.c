/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "ca_kit.h"
#include "file.h"
#include "files.h"
#include "list.h"

/* What a certificate of each role must be; written down a second time, beside ca/profile.c. */
static const struct expected {
	enum role role;
	unsigned sources;
	uint32_t usage;
	bool client, server;
	long days;
} expected[] = {
	{ ROLE_CA, CA_SOURCE_SELF, KU_KEY_CERT_SIGN | KU_CRL_SIGN, false, false, 7300 },
	{ ROLE_HSM, CA_SOURCE_REQUEST, KU_KEY_ENCIPHERMENT, false, false, 3650 },
	{ ROLE_OPTERM, CA_SOURCE_CSR | CA_SOURCE_NEW, KU_DIGITAL_SIGNATURE, true, false, 825 },
	{ ROLE_OPERATOR, CA_SOURCE_CSR, KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION, false, false, 825 },
	{ ROLE_MTMS, CA_SOURCE_CSR | CA_SOURCE_NEW, KU_DIGITAL_SIGNATURE, true, true, 825 },
	{ ROLE_DC, CA_SOURCE_CSR | CA_SOURCE_NEW, KU_DIGITAL_SIGNATURE, true, true, 825 },
	{ ROLE_KMS, CA_SOURCE_CSR | CA_SOURCE_NEW, KU_DIGITAL_SIGNATURE, true, true, 825 },
};
static const unsigned all_sources[] = { CA_SOURCE_CSR, CA_SOURCE_NEW, CA_SOURCE_REQUEST };

/* Positive, random, and always of 16 bytes, below the 20 that RFC 5280 allows. */
static void check_serial(X509 *cert)
{
	BIGNUM *n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);

	ck_assert_ptr_nonnull(n);
	ck_assert(!BN_is_negative(n) && !BN_is_zero(n));
	ck_assert_int_eq(i2d_ASN1_INTEGER(X509_get0_serialNumber(cert), NULL) - 2, 16);
	ck_assert_int_ge(BN_num_bits(n), 64);
	BN_free(n);
}

static time_t seconds_of(const ASN1_TIME *t)
{
	struct tm tm = { 0 };

	ck_assert_int_eq(ASN1_TIME_to_tm(t, &tm), 1);
	return timegm(&tm);
}

/* Begins a few minutes ago, so that clocks may differ, and ends after this many days. */
static void check_validity(X509 *cert, long days)
{
	time_t now = time(NULL), from = seconds_of(X509_get0_notBefore(cert));
	time_t until = seconds_of(X509_get0_notAfter(cert));

	ck_assert(from <= now && from > now - 3600);
	ck_assert(until <= now + days * 86400 && until > now + days * 86400 - 60);
}

static void check_basic(X509 *cert, bool is_ca)
{
	int critical = -1;
	BASIC_CONSTRAINTS *b = X509_get_ext_d2i(cert, NID_basic_constraints, &critical, NULL);

	ck_assert_ptr_nonnull(b);
	ck_assert_int_eq(critical, 1);
	ck_assert_int_eq(!!b->ca, is_ca);
	if (is_ca)
		ck_assert(b->pathlen && ASN1_INTEGER_get(b->pathlen) == 0);
	else
		ck_assert_ptr_null(b->pathlen);
	BASIC_CONSTRAINTS_free(b);
}

/* The role's OID, which nothing else of the arc stands beside, and what TLS needs. */
static void check_extended(X509 *cert, const struct expected *x)
{
	int critical = -1, roles = 0, others = 0;
	bool client = false, server = false;
	EXTENDED_KEY_USAGE *list = X509_get_ext_d2i(cert, NID_ext_key_usage, &critical, NULL);
	char oid[128];

	if (x->role == ROLE_CA) {
		ck_assert_ptr_null(list);
		return;
	}
	ck_assert_ptr_nonnull(list);
	ck_assert_int_eq(critical, 1);
	for (int i = 0; i < sk_ASN1_OBJECT_num(list); i++) {
		OBJ_obj2txt(oid, sizeof(oid), sk_ASN1_OBJECT_value(list, i), 1);
		if (!strncmp(oid, IDENTITY_ARC ".", strlen(IDENTITY_ARC ".")))
			roles += strcmp(oid, role_oid(x->role)) ? 100 : 1;
		else if (!client && OBJ_obj2nid(sk_ASN1_OBJECT_value(list, i)) == NID_client_auth)
			client = true;
		else if (!server && OBJ_obj2nid(sk_ASN1_OBJECT_value(list, i)) == NID_server_auth)
			server = true;
		else
			others++;
	}
	ck_assert_int_eq(roles, 1);
	ck_assert_int_eq(others, 0);
	ck_assert(client == x->client && server == x->server);
	sk_ASN1_OBJECT_pop_free(list, ASN1_OBJECT_free);
}

static void check_san(X509 *cert, bool server)
{
	static const uint8_t loopback[] = { 127, 0, 0, 1 };
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	const GENERAL_NAME *dns, *ip;

	if (!server) {
		ck_assert_ptr_null(names);
		return;
	}
	ck_assert_int_eq(sk_GENERAL_NAME_num(names), 2);
	dns = sk_GENERAL_NAME_value(names, 0);
	ip = sk_GENERAL_NAME_value(names, 1);
	ck_assert(dns->type == GEN_DNS && ip->type == GEN_IPADD);
	ck_assert(view_equal(VIEW(dns->d.dNSName->data, dns->d.dNSName->length), VIEW_STR("localhost")));
	ck_assert(view_equal(VIEW(ip->d.iPAddress->data, ip->d.iPAddress->length), VIEW(loopback, sizeof(loopback))));
	GENERAL_NAMES_free(names);
}

static void check_chain(X509 *cert, X509 *root)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();

	ck_assert(X509_STORE_add_cert(store, root) == 1 && X509_STORE_CTX_init(ctx, store, cert, NULL) == 1);
	X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE);
	ck_assert_int_eq(X509_verify_cert(ctx), 1);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
}

static void check_certificate(X509 *cert, const struct expected *x, const char *name, EVP_PKEY *subject)
{
	char common[80] = "";

	ck_assert_int_eq(X509_get_version(cert), X509_VERSION_3);
	check_serial(cert);
	check_validity(cert, x->days);
	check_basic(cert, x->role == ROLE_CA);
	ck_assert_uint_eq(X509_get_key_usage(cert), x->usage);
	ck_assert_int_eq(X509_EXTENSION_get_critical(X509_get_ext(cert, X509_get_ext_by_NID(cert, NID_key_usage, -1))),
			 1);
	check_extended(cert, x);
	check_san(cert, x->server);
	/* Basic constraints, key usage, the two key identifiers, usages, names: nothing else. */
	ck_assert_int_eq(X509_get_ext_count(cert), x->role == ROLE_CA ? 3 : x->server ? 6 : 5);
	ck_assert_int_eq(identity_cert_role(cert), x->role);
	ck_assert_int_eq(X509_NAME_entry_count(X509_get_subject_name(cert)), 1);
	X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, common, sizeof(common));
	ck_assert_str_eq(common, name);
	ck_assert_int_eq(EVP_PKEY_eq(X509_get0_pubkey(cert), subject), 1);
	ck_assert_int_eq(X509_get_signature_nid(cert), NID_ecdsa_with_SHA256);
	ck_assert_int_eq(X509_check_issued(ca.root, cert), X509_V_OK);
	check_chain(cert, ca.root);
}

/* The CA's own copy, with its role. */
static void check_recorded(X509 *cert, enum role role)
{
	BUF_AUTO pem = { 0 };
	BUF_AUTO own = { 0 };
	char serial[41];
	int64_t rows = 0;

	ck_assert(!ca_serial(cert, serial, NULL) && !ca_get(&ca, serial, &own, NULL) &&
		  !certificate_pem(cert, &pem, NULL));
	ck_assert(view_equal(buf_view(&own), buf_view(&pem)));
	ck_assert(!db_one(ca.db, &rows, NULL, "SELECT count(*) FROM certificate WHERE serial = ? AND role = ?", "tt",
			  serial, role_name(role)));
	ck_assert_int_eq(rows, 1);
}

static void issue_and_check(const struct expected *x, unsigned source)
{
	struct order o = order_of(role_name(x->role), source);
	EVP_PKEY *fresh = NULL, *subject = source == CA_SOURCE_CSR ? ec : rsa;
	X509 *cert = NULL;
	struct fail f = { 0 };
	struct stat st;

	ck_assert_msg(!order_issue(&o, &f), "%s", f.text);
	ck_assert_int_eq(certificate_load(out, &cert, NULL), ERR_OK);
	if (source == CA_SOURCE_NEW) {
		ck_assert(!stat(key_out, &st) && (st.st_mode & 07777) == 0600);
		fresh = key_load(key_out);
		subject = fresh;
	}
	check_certificate(cert, x, "a-name", subject);
	check_recorded(cert, x->role);
	ck_assert(!stat(out, &st) && (st.st_mode & 07777) == 0644);
	X509_free(cert);
	EVP_PKEY_free(fresh);
	unlink(out);
	unlink(key_out);
}

START_TEST(profile_table_is_what_is_expected)
{
	ck_assert_uint_eq(ca_profiles_count, ARRAY_LEN(expected));
	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		const struct ca_profile *p = ca_profile_find(expected[i].role);

		ck_assert_ptr_nonnull(p);
		ck_assert_uint_eq(p->sources, expected[i].sources);
	}
	ck_assert_ptr_null(ca_profile_find(ROLE_NONE));
}
END_TEST

START_TEST(root_is_a_ca_of_path_length_zero) /* R1.1 */
{
	check_certificate(ca.root, &expected[0], "HsmRCRT", ca.key);
}
END_TEST

START_TEST(role_is_issued_from_its_sources_only) /* R1.1, R1.5, R2.3 */
{
	const struct expected *x = &expected[_i];

	for (size_t s = 0; s < ARRAY_LEN(all_sources); s++) {
		struct order o = order_of(role_name(x->role), all_sources[s]);

		if (x->sources & all_sources[s])
			issue_and_check(x, all_sources[s]);
		else if (x->sources == CA_SOURCE_SELF)
			refused(&o, ERR_USAGE, "unknown role");
		else
			refused(&o, ERR_REFUSED, "is not issued that way");
	}
}
END_TEST

START_TEST(order_without_one_source_is_refused)
{
	struct order o = order_of("opterm", 0);

	refused(&o, ERR_USAGE, "give one of");
	o.csr = csr;
	o.key_out = key_out;
	refused(&o, ERR_USAGE, "give one of");
	o = order_of("hsm", CA_SOURCE_REQUEST);
	o.csr = csr;
	refused(&o, ERR_USAGE, "give one of");
	o = order_of("nobody", CA_SOURCE_CSR);
	refused(&o, ERR_USAGE, "unknown role");
	o = order_of("opterm", CA_SOURCE_CSR);
	o.name = NULL;
	refused(&o, ERR_USAGE, "--name");
}
END_TEST

START_TEST(bad_names_are_refused_and_leave_no_key) /* R2.3 */
{
	static const char *const sans[] = {
		"email:x@y", "DNS:a,dirName:b", "DNS:", "DNS:a\nb",    "otherName:1.2;UTF8:x", "DNS:a,", "IP:", "x",
		",",         "DNS:a,,DNS:b",    "",     "IP:300.0.0.1"
	};
	char longer[66];
	struct order o = order_of("kms", CA_SOURCE_NEW);
	struct fail f = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(sans) - 2; i++) {
		o.san = sans[i];
		refused(&o, ERR_USAGE, "alternative names");
	}
	o.san = "IP:300.0.0.1";
	refused(&o, ERR_INTERNAL, "cannot make");
	o.san = NULL;
	refused(&o, ERR_USAGE, "--san");
	o.san = SERVER_SAN;
	o.name = "";
	refused(&o, ERR_USAGE, "printable");
	o.name = "a\nb";
	refused(&o, ERR_USAGE, "printable");
	memset(longer, 'n', 65);
	longer[65] = 0;
	o.name = longer;
	refused(&o, ERR_USAGE, "64");
	longer[64] = 0;
	refused(&o, ERR_USAGE, "role kms is 1 to 32 of");
	o.name = "two words"; /* it will stand in messages and file names */
	refused(&o, ERR_USAGE, "role kms is 1 to 32 of");
	longer[32] = 0;
	o.name = longer;
	ck_assert_msg(!order_issue(&o, &f), "%s", f.text);
}
END_TEST

START_TEST(files_that_are_there_stay_as_they_are)
{
	struct order o = order_of("opterm", CA_SOURCE_NEW);
	BUF_AUTO text = { 0 };

	/* Seen before anything is signed. */
	ck_assert_int_eq(file_create(out, 0600, VIEW_STR("older"), NULL), ERR_OK);
	refused(&o, ERR_USAGE, "is there already");
	ck_assert_int_ne(access(key_out, F_OK), 0);
	ck_assert_int_eq(file_read(out, (size_t)1 << 20, &text, NULL), ERR_OK);
	ck_assert(view_equal(buf_view(&text), VIEW_STR("older")));
	unlink(out);
	ck_assert_int_eq(file_create(key_out, 0600, VIEW_STR("older"), NULL), ERR_OK);
	refused(&o, ERR_USAGE, "is there already");
}
END_TEST

START_TEST(serial_numbers_differ)
{
	struct ca_order order = {
		.profile = ca_profile_find(ROLE_OPTERM), .name = "a", .subject = ec, .same_key = true
	};
	X509 *cert[8] = { NULL };

	for (size_t i = 0; i < ARRAY_LEN(cert); i++) {
		ck_assert_int_eq(ca_issue(&ca, &order, &cert[i], NULL), ERR_OK);
		check_serial(cert[i]);
		for (size_t k = 0; k < i; k++)
			ck_assert_int_ne(
			    ASN1_INTEGER_cmp(X509_get0_serialNumber(cert[i]), X509_get0_serialNumber(cert[k])), 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(cert); i++)
		X509_free(cert[i]);
}
END_TEST

START_TEST(life_is_shortened_and_never_lengthened)
{
	static const struct {
		unsigned asked;
		long days;
	} rows[] = { { 0, 825 }, { 1, 1 }, { 824, 824 }, { 825, 825 }, { 826, 825 }, { 36500, 825 } };
	struct ca_order order = {
		.profile = ca_profile_find(ROLE_OPTERM), .name = "a", .subject = ec, .same_key = true
	};
	struct ca young = { 0 };
	char path[200];
	X509 *cert = NULL;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		order.days = rows[i].asked;
		ck_assert_int_eq(ca_issue(&ca, &order, &cert, NULL), ERR_OK);
		check_validity(cert, rows[i].days);
		X509_free(cert);
	}
	/* No certificate outlives its root. */
	snprintf(path, sizeof(path), "%s/young", dir);
	struct ca_init how = init_of(path, "young");
	how.days = 10;
	ck_assert_int_eq(ca_init(&how, NULL), ERR_OK);
	ck_assert_int_eq(ca_open(path, CA_SIGN, NULL, &young, NULL), ERR_OK);
	order.days = 0;
	ck_assert_int_eq(ca_issue(&young, &order, &cert, NULL), ERR_OK);
	ck_assert_int_eq(ASN1_TIME_compare(X509_get0_notAfter(cert), X509_get0_notAfter(young.root)), 0);
	X509_free(cert);
	ca_done(&young);
}
END_TEST

/* The order of a certificate over a key that has no place in one. */
static void refuse_key(EVP_PKEY *key)
{
	struct order o = order_of("operator", CA_SOURCE_CSR);

	ck_assert_ptr_nonnull(key);
	write_csr(csr, key, key);
	refused(&o, ERR_REFUSED, "key refused");
	EVP_PKEY_free(key);
}

START_TEST(weak_and_foreign_keys_are_refused)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *three = NULL;
	BIGNUM *e = BN_new();

	refuse_key(EVP_RSA_gen(1024));
	refuse_key(EVP_EC_gen("P-224"));
	refuse_key(EVP_EC_gen("secp256k1"));
	ck_assert(ctx && e && BN_set_word(e, 3) && EVP_PKEY_keygen_init(ctx) == 1 &&
		  EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048) == 1 &&
		  EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e) == 1 && EVP_PKEY_generate(ctx, &three) == 1);
	BN_free(e);
	EVP_PKEY_CTX_free(ctx);
	refuse_key(three);
}
END_TEST

START_TEST(certificate_request_must_be_signed_by_its_own_key) /* R1.5 */
{
	struct order o = order_of("operator", CA_SOURCE_CSR);
	EVP_PKEY *other = EVP_EC_gen("P-256");

	write_csr(csr, ec, other);
	refused(&o, ERR_REFUSED, "signature of the request");
	EVP_PKEY_free(other);
	o.csr = out;
	refused(&o, ERR_IO, "No such file");
	o.csr = request;
	refused(&o, ERR_BAD_DATA, "no PEM certificate request");
}
END_TEST

/* R1.1: whoever exchanges the key in the token gets no certificate, and a PIN in the URI never reaches the index. */
START_TEST(root_is_opened_with_its_own_private_key_only)
{
	struct order o = order_of("opterm", CA_SOURCE_CSR);
	struct ca_init again = init_of(folder, "second"), other;
	char path[200];
	struct fail f = { 0 };

	ck_assert_int_eq(ca_init(&again, &f), ERR_USAGE);
	issue_and_check(&expected[2], CA_SOURCE_CSR);
	snprintf(path, sizeof(path), "%s/other", dir);
	other = init_of(path, "other");
	ck_assert(!ca_init(&other, NULL));
	ck_assert(!db_run(ca.db, NULL, "UPDATE root SET uri = ?", "t", other.uri));
	write_csr(csr, rsa, rsa);
	refused(&o, ERR_CONFIG, "does not belong");
	other.uri = "pkcs11:token=CA;object=x?pin-value=24681012";
	other.next = true;
	f = (struct fail){ 0 };
	ck_assert_int_eq(ca_init(&other, &f), ERR_USAGE);
	ck_assert_ptr_nonnull(strstr(f.text, "pin-source"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ca room");
	TCase *t = tcase_create("ca room");

	tcase_add_unchecked_fixture(t, setup_once, teardown_once);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, profile_table_is_what_is_expected);
	tcase_add_test(t, root_is_a_ca_of_path_length_zero);
	tcase_add_loop_test(t, role_is_issued_from_its_sources_only, 0, ARRAY_LEN(expected));
	tcase_add_test(t, order_without_one_source_is_refused);
	tcase_add_test(t, bad_names_are_refused_and_leave_no_key);
	tcase_add_test(t, files_that_are_there_stay_as_they_are);
	tcase_add_test(t, serial_numbers_differ);
	tcase_add_test(t, life_is_shortened_and_never_lengthened);
	tcase_add_test(t, weak_and_foreign_keys_are_refused);
	tcase_add_test(t, certificate_request_must_be_signed_by_its_own_key);
	tcase_add_test(t, root_is_opened_with_its_own_private_key_only);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
