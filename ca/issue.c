/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "issue.h"
#include "keyfile.h"
#include "sha256.h"
#include "token_key.h"

#define BACKDATE 300 /* seconds: peers' clocks may be a little behind */

static bool name_ok(const char *s)
{
	size_t n = strlen(s);

	if (!n || n > 64)
		return false;
	for (size_t i = 0; i < n; i++)
		if (s[i] < 0x20 || s[i] > 0x7e)
			return false;
	return true;
}

/* Only DNS: and IP: items, so that nothing of OpenSSL's extension language gets in. */
static bool san_ok(const char *san)
{
	while (*san) {
		size_t n = strcspn(san, ",");
		size_t skip = !strncmp(san, "DNS:", 4) ? 4 : !strncmp(san, "IP:", 3) ? 3 : 0;

		if (!skip || n == skip)
			return false;
		for (size_t i = skip; i < n; i++)
			if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-*", san[i]))
				return false;
		san += n;
		if (*san && !*++san)
			return false;
	}
	return true;
}

static enum err key_check(EVP_PKEY *key, struct fail *f)
{
	char group[64] = "";
	BIGNUM *e = NULL;
	int bits = EVP_PKEY_get_bits(key);
	bool ok = false;

	if (EVP_PKEY_is_a(key, "RSA")) {
		ok = bits >= 2048 && bits <= 4096 && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) &&
		     BN_is_odd(e) && BN_num_bits(e) >= 17 && BN_num_bits(e) <= 256;
		BN_free(e);
	} else if (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof(group), NULL)) {
		ok = !strcmp(group, "prime256v1") || !strcmp(group, "secp384r1") || !strcmp(group, "secp521r1");
	}
	return ok ? ERR_OK
		  : fail_set(f, ERR_REFUSED, 0, "key refused: RSA of 2048 to 4096 bits or EC P-256, P-384, P-521");
}

static bool set_serial(X509 *cert)
{
	uint8_t b[16];
	BIGNUM *n;
	bool ok;

	do {
		if (RAND_bytes(b, sizeof(b)) != 1)
			return false;
		b[0] &= 0x7f;
	} while (!b[0]);
	n = BN_bin2bn(b, sizeof(b), NULL);
	ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert));
	BN_free(n);
	return ok;
}

static bool set_name(X509 *cert, const char *name)
{
	X509_NAME *n = X509_get_subject_name(cert);

	return X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
}

static bool set_validity(X509 *cert, X509 *issuer, const struct ca_order *o)
{
	unsigned days = o->days && o->days < o->profile->days ? o->days : o->profile->days;
	time_t from = o->from ? o->from : time(NULL) - BACKDATE;
	time_t begin = o->from ? o->from : time(NULL);

	if (!ASN1_TIME_set(X509_getm_notBefore(cert), from) ||
	    !(o->until ? ASN1_TIME_set(X509_getm_notAfter(cert), o->until)
		       : ASN1_TIME_adj(X509_getm_notAfter(cert), begin, (int)days, 0)))
		return false;
	if (issuer == cert || ASN1_TIME_compare(X509_get0_notAfter(cert), X509_get0_notAfter(issuer)) <= 0)
		return true;
	return X509_set1_notAfter(cert, X509_get0_notAfter(issuer));
}

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	bool ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = ext && X509_add_ext(cert, ext, -1);
	X509_EXTENSION_free(ext);
	return ok;
}

static bool add_extensions(X509 *cert, X509 *issuer, const struct ca_order *o)
{
	const struct ca_profile *p = o->profile;
	char usage[256], point[600];

	if (!add_extension(cert, issuer, NID_basic_constraints, p->basic) ||
	    !add_extension(cert, issuer, NID_key_usage, p->usage) ||
	    !add_extension(cert, issuer, NID_subject_key_identifier, "hash"))
		return false;
	if (issuer != cert && !add_extension(cert, issuer, NID_authority_key_identifier, "keyid:always"))
		return false;
	if (*role_oid(p->role)) {
		snprintf(usage, sizeof(usage), "critical,%s%s%s", role_oid(p->role), p->tls ? "," : "",
			 p->tls ? p->tls : "");
		if (!add_extension(cert, issuer, NID_ext_key_usage, usage))
			return false;
	}
	if (o->crl_url) {
		snprintf(point, sizeof(point), "URI:%s", o->crl_url);
		if (!add_extension(cert, issuer, NID_crl_distribution_points, point))
			return false;
	}
	return !o->san || add_extension(cert, issuer, NID_subject_alt_name, o->san);
}

static enum err check_order(const struct ca_order *o, struct fail *f)
{
	if (!name_ok(o->name))
		return fail_set(f, ERR_USAGE, 0, "the name must be 1 to 64 printable ASCII characters");
	if (o->profile->name_max && !keyfile_name_ok(o->name, o->profile->name_max))
		return fail_set(f, ERR_USAGE, 0, "the name of a certificate of role %s is 1 to %zu of [A-Za-z0-9._-]",
				role_name(o->profile->role), o->profile->name_max);
	if (o->san && (strlen(o->san) > 1000 || !san_ok(o->san)))
		return fail_set(f, ERR_USAGE, 0, "alternative names: DNS:host or IP:address, comma between");
	if (o->profile->server && !o->san)
		return fail_set(f, ERR_USAGE, 0, "role %s serves TLS: give its host as --san",
				role_name(o->profile->role));
	if (o->from && o->until && o->until <= o->from)
		return fail_set(f, ERR_USAGE, 0, "--until must be later than --from");
	return key_check(o->subject, f);
}

enum err ca_build(const struct ca_order *o, X509 *issuer, EVP_PKEY *signer, X509 **ret, struct fail *f)
{
	char why[200];
	X509 *cert;
	enum err e = check_order(o, f);

	if (e)
		return e;
	cert = X509_new();
	if (!cert)
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	if (!issuer)
		issuer = cert;
	if (!X509_set_version(cert, X509_VERSION_3) || !set_serial(cert) || !set_name(cert, o->name) ||
	    !X509_set_issuer_name(cert, X509_get_subject_name(issuer)) || !set_validity(cert, issuer, o) ||
	    !X509_set_pubkey(cert, o->subject) || !add_extensions(cert, issuer, o) ||
	    !X509_sign(cert, signer, EVP_PKEY_get_bits(signer) == 384 ? EVP_sha384() : EVP_sha256())) {
		token_key_why(why);
		X509_free(cert);
		return fail_set(f, ERR_INTERNAL, 0, "cannot make the certificate%s%s", why[0] ? ": " : "", why);
	}
	if (X509_verify(cert, issuer == cert ? o->subject : X509_get0_pubkey(issuer)) != 1) {
		X509_free(cert);
		token_key_why(why);
		return fail_set(f, ERR_CONFIG, 0, "the key in the token does not belong to the root");
	}
	*ret = cert;
	return ERR_OK;
}

enum err ca_serial(X509 *cert, char ret[41], struct fail *f)
{
	BUF_AUTO number = { 0 };
	enum err e = identity_cert_serial(cert, &number, f);

	if (!e)
		hex_encode(buf_view(&number), ret);
	return e;
}

static bool key_digest(EVP_PKEY *key, char ret[65])
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);
	bool ok = n > 0 && sha256_hex(VIEW(der, (size_t)n), ret);

	OPENSSL_free(der);
	return ok;
}

static int64_t seconds_of(const ASN1_TIME *t)
{
	struct tm tm = { 0 };

	return ASN1_TIME_to_tm(t, &tm) ? (int64_t)timegm(&tm) : 0;
}

enum err ca_record(const struct ca *ca, int64_t root, X509 *cert, const struct ca_order *o, struct fail *f)
{
	const char *role = role_name(o->profile->role);
	char serial[41], sum[65], key_sum[65];
	struct audit_entry entry = { "", o->renews ? "renew" : "issue", serial, ERR_OK, o->name };
	BUF_AUTO der = { 0 };
	enum err e = ca_serial(cert, serial, f);

	if (!e)
		e = identity_cert_der(cert, &der, f);
	if (!e && (!sha256_hex(buf_view(&der), sum) || !key_digest(o->subject, key_sum)))
		e = fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	if (!e)
		e = db_run(
		    ca->db, f,
		    "INSERT INTO certificate (serial, number, root, role, name, san, not_before, not_after, sha256,"
		    " key_sha256, certificate, issued, renews) VALUES (?, (SELECT coalesce(max(number), 0) + 1"
		    " FROM certificate), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		    "tittt"
		    "iitt"
		    "bit",
		    serial, root, role, o->name, o->san, seconds_of(X509_get0_notBefore(cert)),
		    seconds_of(X509_get0_notAfter(cert)), sum, key_sum, buf_view(&der), (int64_t)time(NULL), o->renews);
	return e ? e : audit_append(ca->db, &entry, f);
}

/* A key has one certificate; a revoked one never gets another. */
static enum err key_unused(const struct ca *ca, const struct ca_order *o, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	char sum[65];
	enum err e = key_digest(o->subject, sum) ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "no memory");

	if (!e)
		e = db_query(ca->db, &s, f, "SELECT serial, role, name, revoked FROM certificate WHERE key_sha256 = ?",
			     "t", sum);
	while (!e && !(e = db_next(s, &row, f)) && row) {
		const char *serial = db_text(s, 0);

		if (!db_null(s, 3))
			e = fail_set(f, ERR_REFUSED, 0, "the key was that of certificate %s, which is revoked", serial);
		else if (!o->same_key)
			e = fail_set(f, ERR_REFUSED, 0, "the key has a certificate already: %s", serial);
		else if (strcmp(db_text(s, 1), role_name(o->profile->role)) || strcmp(db_text(s, 2), o->name))
			e = fail_set(f, ERR_REFUSED, 0, "the key has certificate %s of another role or name", serial);
	}
	return e;
}

enum err ca_issue(const struct ca *ca, const struct ca_order *order, X509 **ret, struct fail *f)
{
	struct ca_order o = *order;
	X509 *cert = NULL;
	enum err e = check_order(order, f);

	o.crl_url = ca->crl_url[0] ? ca->crl_url : NULL;
	if (!e)
		e = db_begin(ca->db, f);
	if (!e)
		e = key_unused(ca, &o, f);
	if (!e)
		e = ca_build(&o, ca->root, ca->key, &cert, f);
	if (!e)
		e = ca_record(ca, ca->number, cert, &o, f);
	e = db_settle(ca->db, e, f);
	if (e)
		X509_free(cert);
	else
		*ret = cert;
	return e;
}
