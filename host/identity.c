/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "file.h"
#include "identity.h"
#include "identity_own.h"
#include "keyfile.h"
#include "token_key.h"

#define CHAIN_DEPTH_MAX 4

struct role_row {
	enum role role;
	const char *name;
	const char *oid;
};

static const struct role_row role_rows[] = {
#define ROLE_ROW(role, name, oid) { role, name, oid },
	ROLE_LIST(ROLE_ROW)
#undef ROLE_ROW
};

const char *role_name(enum role r)
{
	return r < ROLE_COUNT ? role_rows[r].name : "none";
}

enum role role_of_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(role_rows); i++)
		if (!strcmp(role_rows[i].name, name))
			return role_rows[i].role;
	return ROLE_NONE;
}

const char *role_oid(enum role r)
{
	return r < ROLE_COUNT ? role_rows[r].oid : "";
}

/* ssl_fail: OpenSSL's oldest queued error into the text; empties the queue. */
static enum err ssl_fail(struct fail *f, enum err code, const char *what)
{
	char text[160] = "";
	unsigned long e = ERR_get_error();

	if (e)
		ERR_error_string_n(e, text, sizeof(text));
	ERR_clear_error();
	return fail_set(f, code, 0, "%s%s%s", what, e ? ": " : "", text);
}

enum role identity_cert_role(X509 *cert)
{
	enum role found = ROLE_NONE;
	char oid[128];

	if (X509_check_ca(cert))
		return ROLE_CA;
	EXTENDED_KEY_USAGE *eku = X509_get_ext_d2i(cert, NID_ext_key_usage, NULL, NULL);
	for (int i = 0; i < sk_ASN1_OBJECT_num(eku); i++) {
		OBJ_obj2txt(oid, sizeof(oid), sk_ASN1_OBJECT_value(eku, i), 1);
		for (size_t k = 0; k < ARRAY_LEN(role_rows); k++) {
			if (!role_rows[k].oid[0] || strcmp(oid, role_rows[k].oid))
				continue;
			if (found != ROLE_NONE) { /* a second role, or the same one twice: none */
				found = ROLE_NONE;
				goto out;
			}
			found = role_rows[k].role;
		}
	}
out:
	EXTENDED_KEY_USAGE_free(eku);
	return found;
}

void identity_cert_name(X509 *cert, char *ret, size_t room)
{
	X509_NAME *subject = X509_get_subject_name(cert);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	unsigned char *utf8 = NULL;
	int n = -1;

	if (at >= 0)
		n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	if (n <= 0) {
		snprintf(ret, room, "?");
	} else {
		size_t k = 0;
		for (; k < (size_t)n && k + 1 < room; k++)
			ret[k] = utf8[k] >= 0x20 && utf8[k] < 0x7f ? (char)utf8[k] : '?';
		ret[k] = 0;
	}
	OPENSSL_free(utf8);
}

enum err identity_check(X509_STORE *roots, STACK_OF(X509) * chain, X509 *cert, enum role role, time_t at,
			struct fail *f)
{
	enum err e = ERR_OK;
	char text[256];
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();

	if (!ctx || !X509_STORE_CTX_init(ctx, roots, cert, chain)) {
		e = ssl_fail(f, ERR_NO_MEMORY, "certificate check");
		goto out;
	}
	X509_STORE_CTX_set_depth(ctx, CHAIN_DEPTH_MAX);
	if (at) { /* today's list is no list of then: it is asked below */
		X509_STORE_CTX_set_time(ctx, 0, at);
		X509_VERIFY_PARAM_clear_flags(X509_STORE_CTX_get0_param(ctx),
					      X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	}
	if (X509_verify_cert(ctx) != 1) {
		identity_verify_text(roots, X509_STORE_CTX_get_error(ctx), text);
		e = fail_set(f, identity_verify_err(roots, X509_STORE_CTX_get_error(ctx)), 0, "%s", text);
		goto out;
	}
	if (at && identity_crl_used(roots)) {
		e = identity_check_revoked(roots, chain, cert, at, CHAIN_DEPTH_MAX, f);
		if (e != ERR_OK)
			goto out;
	}
	enum role has = identity_cert_role(cert);
	if (has != role)
		e = fail_set(f, ERR_REFUSED, 0, "certificate: role %s, not %s", role_name(has), role_name(role));
out:
	X509_STORE_CTX_free(ctx);
	ERR_clear_error();
	return e;
}

enum err identity_roots(const char *ca_file, X509_STORE **ret, struct fail *f)
{
	X509_STORE *store = X509_STORE_new();
	STACK_OF(X509_INFO) *infos = NULL;
	enum err e = ERR_OK;
	int count = 0;
	BIO *bio = BIO_new_file(ca_file, "r");

	if (!store || !bio) {
		e = ssl_fail(f, ERR_CONFIG, ca_file);
		goto out;
	}
	infos = PEM_X509_INFO_read_bio(bio, NULL, NULL, NULL);
	for (int i = 0; i < sk_X509_INFO_num(infos); i++) {
		X509_INFO *info = sk_X509_INFO_value(infos, i);
		if (info->x509 && X509_STORE_add_cert(store, info->x509))
			count++;
	}
	if (!count) {
		e = ssl_fail(f, ERR_CONFIG, ca_file);
		goto out;
	}
	*ret = store;
	store = NULL;
out:
	sk_X509_INFO_pop_free(infos, X509_INFO_free);
	BIO_free(bio);
	X509_STORE_free(store);
	return e;
}

enum err identity_cert_load(const char *path, X509 **ret, struct fail *f)
{
	BIO *bio = BIO_new_file(path, "rb");
	X509 *cert = NULL;

	if (bio)
		cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	if (bio && !cert && BIO_reset(bio) == 0)
		cert = d2i_X509_bio(bio, NULL);
	BIO_free(bio);
	if (!cert)
		return ssl_fail(f, ERR_CONFIG, path);
	ERR_clear_error();
	*ret = cert;
	return ERR_OK;
}

enum err identity_cert_parse(struct view der, X509 **ret, struct fail *f)
{
	const unsigned char *p = der.p;
	X509 *cert = der.n && der.n <= 65536 ? d2i_X509(NULL, &p, (long)der.n) : NULL;

	if (!cert || p != der.p + der.n) {
		X509_free(cert);
		return ssl_fail(f, ERR_MALFORMED, "certificate: not DER");
	}
	*ret = cert;
	return ERR_OK;
}

enum err identity_cert_der(X509 *cert, struct buf *ret, struct fail *f)
{
	unsigned char *der = NULL;
	int n = i2d_X509(cert, &der);

	if (n <= 0)
		return ssl_fail(f, ERR_INTERNAL, "certificate");
	buf_put(ret, der, (size_t)n);
	OPENSSL_free(der);
	return buf_ok(ret) ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "certificate");
}

enum err identity_cert_serial(X509 *cert, struct buf *ret, struct fail *f)
{
	enum err e = ERR_OK;
	uint8_t bytes[32];
	BIGNUM *bn = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);

	if (!bn || BN_is_negative(bn) || BN_num_bytes(bn) > 20) {
		e = ssl_fail(f, ERR_BAD_DATA, "certificate: serial number");
		goto out;
	}
	int n = BN_bn2bin(bn, bytes);
	if (n == 0)
		bytes[n++] = 0;
	buf_put(ret, bytes, (size_t)n);
	if (!buf_ok(ret))
		e = fail_set(f, ERR_NO_MEMORY, 0, "certificate");
out:
	BN_free(bn);
	return e;
}

static enum err key_load(const char *path, EVP_PKEY **ret, struct fail *f)
{
	int fd = -1;
	enum err e = file_secret_open("key file ", path, false, &fd, f);
	BIO *bio = e ? NULL : BIO_new_fd(fd, BIO_CLOSE);

	if (e)
		return e;
	if (!bio) {
		close(fd);
		return fail_set(f, ERR_NO_MEMORY, 0, "%s: no memory", path);
	}
	/* An encrypted key would ask on the terminal: an empty passphrase instead makes it an error. */
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)"");
	BIO_free(bio);
	if (!key)
		return ssl_fail(f, ERR_CONFIG, path);
	*ret = key;
	return ERR_OK;
}

static enum err chain_load(const char *path, X509 **ret_cert, STACK_OF(X509) * *ret_chain, struct fail *f)
{
	enum err e = ERR_OK;
	X509 *cert = NULL, *next;
	STACK_OF(X509) *chain = sk_X509_new_null();
	BIO *bio = BIO_new_file(path, "r");

	if (bio)
		cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	if (!cert || !chain) {
		e = ssl_fail(f, ERR_CONFIG, path);
		goto out;
	}
	while ((next = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
		if (!sk_X509_push(chain, next))
			X509_free(next);
	ERR_clear_error();
	*ret_cert = cert;
	*ret_chain = chain;
	cert = NULL;
	chain = NULL;
out:
	BIO_free(bio);
	X509_free(cert);
	sk_X509_pop_free(chain, X509_free);
	return e;
}

enum err identity_load(const char *cert_file, const char *key_file, const char *ca_file, enum role role,
		       struct identity **ret, struct fail *f)
{
	struct identity *i = calloc(1, sizeof(*i));
	enum err e;

	if (!i)
		return fail_set(f, ERR_NO_MEMORY, 0, "identity");
	e = chain_load(cert_file, &i->cert, &i->chain, f);
	if (e == ERR_OK)
		e = token_key_uri(key_file) ? token_key_open(key_file, NULL, X509_get0_pubkey(i->cert), &i->key, f)
					    : key_load(key_file, &i->key, f);
	if (e == ERR_OK)
		e = identity_roots(ca_file, &i->roots, f);
	if (e == ERR_OK && X509_check_private_key(i->cert, i->key) != 1)
		e = ssl_fail(f, ERR_CONFIG, "identity: key does not fit the certificate");
	if (e != ERR_OK)
		goto out;
	i->role = identity_cert_role(i->cert);
	identity_cert_name(i->cert, i->name, sizeof(i->name));
	if (role != ROLE_NONE && i->role != role)
		e = fail_set(f, ERR_CONFIG, 0, "%s: role %s, not %s", cert_file, role_name(i->role), role_name(role));
	if (e == ERR_OK && (size_t)snprintf(i->ca_file, sizeof(i->ca_file), "%s", ca_file) >= sizeof(i->ca_file))
		e = fail_set(f, ERR_CONFIG, 0, "identity: path of the roots is too long");
out:
	if (e != ERR_OK) {
		identity_free(i);
		return e;
	}
	*ret = i;
	return ERR_OK;
}

enum err identity_configured(const struct conf *c, enum role role, struct identity **ret, struct fail *f)
{
	const char *cert = conf_get(c, "identity", "certificate"), *key = conf_get(c, "identity", "key");
	const char *ca = conf_get(c, "identity", "ca");

	if (!cert || !key || !ca)
		return fail_set(f, ERR_CONFIG, 0, "[identity] needs certificate, key and ca");
	struct identity *i = NULL;
	enum err e = identity_load(cert, key, ca, role, &i, f);
	if (e == ERR_OK && conf_get(c, "identity", "crl"))
		e = identity_crl(i->roots, conf_get(c, "identity", "crl"), f);
	if (e != ERR_OK)
		identity_free(i);
	else
		*ret = i;
	return e;
}

enum err identity_own_name(const struct conf *c, const char *key, const char *configured, size_t max, char *ret,
			   struct fail *f)
{
	const char *path = conf_get(c, "identity", "certificate");
	char name[IDENTITY_NAME];
	X509 *cert = NULL;
	enum err e;

	if (!path)
		return fail_set(f, ERR_CONFIG, 0, "[identity] needs certificate, key and ca");
	e = identity_cert_load(path, &cert, f);
	if (e != ERR_OK)
		return e;
	identity_cert_name(cert, name, sizeof(name));
	X509_free(cert);
	if (configured && strcmp(configured, name) != 0)
		return fail_set(f, ERR_CONFIG, 0,
				"%s: %.64s, but the name in our certificate is %.64s: they must be the same", key,
				configured, name);
	if (!keyfile_name_ok(name, max))
		return fail_set(f, ERR_CONFIG, 0,
				"%.128s: its name (CN) is %.64s, but must be 1 to %zu of [A-Za-z0-9._-]", path, name,
				max);
	snprintf(ret, max + 1, "%s", name);
	return ERR_OK;
}

void identity_free(struct identity *i)
{
	if (!i)
		return;
	X509_free(i->cert);
	EVP_PKEY_free(i->key);
	sk_X509_pop_free(i->chain, X509_free);
	X509_STORE_free(i->roots);
	free(i);
}
