/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "files.h"
#include "identity.h"
#include "issue.h"

#define BACKDATE 300 /* seconds: peers' clocks may be a little behind */

static enum err path_in(char out[4096], const char *folder, const char *name, struct fail *f)
{
	if (snprintf(out, 4096, "%s/%s", folder, name) >= 4096)
		return fail_set(f, ERR_USAGE, 0, "%s: name too long", folder);
	return ERR_OK;
}

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

static bool set_validity(X509 *cert, X509 *issuer, unsigned days)
{
	time_t now = time(NULL);

	if (!ASN1_TIME_set(X509_getm_notBefore(cert), now - BACKDATE))
		return false;
	if (!ASN1_TIME_adj(X509_getm_notAfter(cert), now, (int)days, 0))
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

static bool add_extensions(X509 *cert, X509 *issuer, const struct ca_profile *p, const char *san)
{
	char usage[256];

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
	return !san || add_extension(cert, issuer, NID_subject_alt_name, san);
}

static enum err build(const struct ca_order *o, X509 *issuer, EVP_PKEY *signer, X509 **ret, struct fail *f)
{
	unsigned days = o->days && o->days < o->profile->days ? o->days : o->profile->days;
	enum err e = ERR_OK;
	X509 *cert;

	if (!name_ok(o->name))
		return fail_set(f, ERR_USAGE, 0, "the name must be 1 to 64 printable ASCII characters");
	if (o->san && !san_ok(o->san))
		return fail_set(f, ERR_USAGE, 0, "alternative names: DNS:host or IP:address, comma between");
	if (o->profile->server && !o->san)
		return fail_set(f, ERR_USAGE, 0, "role %s serves TLS: give its host as --san",
				role_name(o->profile->role));
	e = key_check(o->subject, f);
	if (e)
		return e;
	cert = X509_new();
	if (!cert)
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	if (!issuer)
		issuer = cert;
	if (!X509_set_version(cert, X509_VERSION_3) || !set_serial(cert) || !set_name(cert, o->name) ||
	    !X509_set_issuer_name(cert, X509_get_subject_name(issuer)) || !set_validity(cert, issuer, days) ||
	    !X509_set_pubkey(cert, o->subject) || !add_extensions(cert, issuer, o->profile, o->san) ||
	    !X509_sign(cert, signer, EVP_sha256())) {
		X509_free(cert);
		return fail_set(f, ERR_INTERNAL, 0, "cannot make the certificate");
	}
	*ret = cert;
	return ERR_OK;
}

enum err ca_init(const char *folder, const char *key_type, const char *name, unsigned days, struct fail *f)
{
	struct ca_order order = { .profile = ca_profile_find(ROLE_CA), .name = name, .days = days };
	char path[4096];
	X509 *root = NULL;
	enum err e;

	if (mkdir(folder, 0700) && errno != EEXIST)
		return fail_set(f, ERR_IO, 0, "%s: %s", folder, strerror(errno));
	e = path_in(path, folder, "issued", f);
	if (!e && mkdir(path, 0700) && errno != EEXIST)
		e = fail_set(f, ERR_IO, 0, "%s: %s", path, strerror(errno));
	if (!e)
		e = key_new(key_type, &order.subject, f);
	if (!e)
		e = build(&order, NULL, order.subject, &root, f);
	if (!e)
		e = path_in(path, folder, "root.key", f);
	if (!e)
		e = key_save(path, order.subject, f);
	if (!e)
		e = path_in(path, folder, "root.pem", f);
	if (!e)
		e = certificate_save(path, root, f);
	X509_free(root);
	EVP_PKEY_free(order.subject);
	return e;
}

enum err ca_open(const char *folder, struct ca *ret, struct fail *f)
{
	struct ca ca = { 0 };
	char path[4096];
	enum err e;

	if (snprintf(ca.folder, sizeof(ca.folder), "%s", folder) >= (int)sizeof(ca.folder))
		return fail_set(f, ERR_USAGE, 0, "%s: name too long", folder);
	e = path_in(path, folder, "root.pem", f);
	if (!e)
		e = certificate_load(path, &ca.root, f);
	if (!e)
		e = path_in(path, folder, "root.key", f);
	if (!e)
		e = key_load(path, &ca.key, f);
	if (!e && X509_check_private_key(ca.root, ca.key) != 1)
		e = fail_set(f, ERR_CONFIG, 0, "%s: root.key does not belong to root.pem", folder);
	if (e)
		ca_done(&ca);
	else
		*ret = ca;
	return e;
}

void ca_done(struct ca *ca)
{
	X509_free(ca->root);
	EVP_PKEY_free(ca->key);
	*ca = (struct ca){ 0 };
}

static void index_line(struct buf *line, X509 *cert, const struct ca_order *o, const char *serial)
{
	unsigned char digest[EVP_MAX_MD_SIZE] = { 0 };
	char hex[2 * EVP_MAX_MD_SIZE + 1];
	unsigned n = 0;
	struct tm end = { 0 };

	if (!X509_digest(cert, EVP_sha256(), digest, &n) || !ASN1_TIME_to_tm(X509_get0_notAfter(cert), &end))
		line->failed = true;
	hex_encode(VIEW(digest, n), hex);
	buf_printf(line, "%s\t%s\t%04d-%02d-%02dT%02d:%02d:%02dZ\t%s\t%s\n", serial, role_name(o->profile->role),
		   end.tm_year + 1900, end.tm_mon + 1, end.tm_mday, end.tm_hour, end.tm_min, end.tm_sec, hex, o->name);
}

/* The record of what was signed is durable before the certificate leaves the CA. */
static enum err record(const struct ca *ca, X509 *cert, const struct ca_order *o, struct fail *f)
{
	char serial[41], name[128], path[4096];
	BUF_AUTO line = { 0 };
	BUF_AUTO number = { 0 };
	enum err e = identity_cert_serial(cert, &number, f);
	int fd;

	if (e)
		return e;
	hex_encode(buf_view(&number), serial);
	index_line(&line, cert, o, serial);
	if (!buf_ok(&line) || !buf_ok(&number))
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	snprintf(name, sizeof(name), "issued/%s.pem", serial);
	e = path_in(path, ca->folder, name, f);
	if (!e)
		e = certificate_save(path, cert, f);
	if (!e)
		e = path_in(path, ca->folder, "index.txt", f);
	if (e)
		return e;
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail_set(f, ERR_IO, 0, "%s: %s", path, strerror(errno));
	if (flock(fd, LOCK_EX) || write(fd, line.p, line.len) != (ssize_t)line.len || fsync(fd))
		e = fail_set(f, ERR_IO, 0, "%s: %s", path, strerror(errno));
	close(fd);
	return e;
}

enum err ca_issue(const struct ca *ca, const struct ca_order *order, X509 **ret, struct fail *f)
{
	X509 *cert = NULL;
	enum err e = build(order, ca->root, ca->key, &cert, f);

	if (!e)
		e = record(ca, cert, order, f);
	if (e)
		X509_free(cert);
	else
		*ret = cert;
	return e;
}
