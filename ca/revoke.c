/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>
#include <time.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "revoke.h"
#include "token_key.h"

const struct ca_reason ca_reasons[] = {
	{ "unspecified", -1, "no reason; taken as badly as keyCompromise" },
	{ "keyCompromise", CRL_REASON_KEY_COMPROMISE, "somebody else may know the key: nothing that it signed counts" },
	{ "affiliationChanged", CRL_REASON_AFFILIATION_CHANGED, "the holder left or changed" },
	{ "superseded", CRL_REASON_SUPERSEDED, "another certificate took its place" },
	{ "cessationOfOperation", CRL_REASON_CESSATION_OF_OPERATION, "the machine or card is out of use" },
	{ "privilegeWithdrawn", CRL_REASON_PRIVILEGE_WITHDRAWN, "the permission was taken back" },
};
const size_t ca_reasons_count = ARRAY_LEN(ca_reasons);

static const struct ca_reason *reason_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(ca_reasons); i++)
		if (!strcasecmp(ca_reasons[i].name, name))
			return &ca_reasons[i];
	return NULL;
}

/* refuse: why nothing was changed. */
static enum err refuse(const struct ca *ca, const char *serial, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	char day[32] = "";
	enum err e = db_query(ca->db, &s, f, "SELECT revoked, reason FROM certificate WHERE serial = ?", "t", serial);

	if (!e)
		e = db_next(s, &row, f);
	if (e)
		return e;
	if (!row)
		return fail_set(f, ERR_NOT_FOUND, 0, "%.64s: no certificate of this CA", serial);
	time_t when = (time_t)db_int(s, 0);
	strftime(day, sizeof(day), "%Y-%m-%d %H:%M:%S", gmtime(&when));
	return fail_set(f, ERR_DUPLICATE, 0, "%.64s was revoked on %s UTC already: %s", serial, day, db_text(s, 1));
}

enum err ca_revoke(const struct ca *ca, const char *serial, const char *reason, struct fail *f)
{
	const struct ca_reason *why = reason_named(reason ? reason : "unspecified");
	struct audit_entry entry = { "", "revoke", serial, ERR_OK, why ? why->name : "" };
	int64_t root = 0, changed = 0;
	enum err e;

	if (!why)
		return fail_set(f, ERR_USAGE, 0, "--reason %.40s: `strongroom-ca revoke --help` lists them", reason);
	e = db_begin(ca->db, f);
	if (!e)
		e = db_one(ca->db, &root, f,
			   "SELECT count(*) FROM certificate c JOIN root r ON r.certificate = c.certificate"
			   " WHERE c.serial = ? AND c.revoked IS NULL",
			   "t", serial);
	if (!e && root)
		e = fail_set(
		    f, ERR_REFUSED, 0,
		    "a root cannot revoke itself: take it out of every `ca` file; its terminals need a new root");
	if (!e)
		e = db_run(ca->db, f,
			   "UPDATE certificate SET revoked = ?, reason = ? WHERE serial = ? AND revoked IS NULL", "itt",
			   (int64_t)time(NULL), why->name, serial);
	changed = e ? 0 : db_changes(ca->db);
	if (!e && !changed)
		e = refuse(ca, serial, f);
	if (!e)
		e = audit_append(ca->db, &entry, f);
	return db_settle(ca->db, e, f);
}

static bool add_entry(X509_CRL *crl, const char *serial, time_t when, const char *reason)
{
	const struct ca_reason *why = reason_named(reason);
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_TIME *at = ASN1_TIME_set(NULL, when);
	ASN1_ENUMERATED *code = NULL;
	ASN1_INTEGER *number = NULL;
	BIGNUM *bn = NULL;
	bool ok = entry && at && BN_hex2bn(&bn, serial) && (number = BN_to_ASN1_INTEGER(bn, NULL)) &&
		  X509_REVOKED_set_serialNumber(entry, number) && X509_REVOKED_set_revocationDate(entry, at);

	if (ok && why && why->code >= 0) {
		code = ASN1_ENUMERATED_new();
		ok = code && ASN1_ENUMERATED_set(code, why->code) &&
		     X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, code, 0, 0);
	}
	ok = ok && X509_CRL_add0_revoked(crl, entry);
	if (!ok)
		X509_REVOKED_free(entry);
	ASN1_ENUMERATED_free(code);
	ASN1_INTEGER_free(number);
	ASN1_TIME_free(at);
	BN_free(bn);
	return ok;
}

/* Certificates that have expired stay in the list: signatures of before are looked at again. */
static enum err add_entries(const struct ca *ca, int64_t root, X509_CRL *crl, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e = db_query(ca->db, &s, f,
			      "SELECT serial, revoked, reason FROM certificate WHERE root = ? AND revoked IS NOT NULL"
			      " ORDER BY revoked, serial",
			      "i", root);

	while (!e && !(e = db_next(s, &row, f)) && row)
		if (!add_entry(crl, db_text(s, 0), (time_t)db_int(s, 1), db_text(s, 2)))
			e = fail_set(f, ERR_NO_MEMORY, 0, "cannot make the list");
	return e;
}

static bool add_extensions(X509_CRL *crl, X509 *root, int64_t number)
{
	ASN1_INTEGER *n = ASN1_INTEGER_new();
	X509V3_CTX ctx;
	X509_EXTENSION *key = NULL;
	bool ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, root, NULL, NULL, crl, 0);
	ok = n && ASN1_INTEGER_set_int64(n, number) && X509_CRL_add1_ext_i2d(crl, NID_crl_number, n, 0, 0) &&
	     (key = X509V3_EXT_conf_nid(NULL, &ctx, NID_authority_key_identifier, "keyid:always")) &&
	     X509_CRL_add_ext(crl, key, -1);
	X509_EXTENSION_free(key);
	ASN1_INTEGER_free(n);
	return ok;
}

static enum err build_crl(const struct ca *ca, int64_t root_number, X509 *root, EVP_PKEY *key, int64_t number,
			  time_t until, X509_CRL **ret, struct fail *f)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *from = ASN1_TIME_set(NULL, time(NULL)), *to = ASN1_TIME_set(NULL, until);
	char why[200] = "";
	enum err e = ERR_OK;

	if (!crl || !from || !to || !X509_CRL_set_version(crl, X509_CRL_VERSION_2) ||
	    !X509_CRL_set_issuer_name(crl, X509_get_subject_name(root)) || !X509_CRL_set1_lastUpdate(crl, from) ||
	    !X509_CRL_set1_nextUpdate(crl, to) || !add_extensions(crl, root, number))
		e = fail_set(f, ERR_NO_MEMORY, 0, "cannot make the list");
	if (!e)
		e = add_entries(ca, root_number, crl, f);
	if (!e && (!X509_CRL_sort(crl) ||
		   !X509_CRL_sign(crl, key, EVP_PKEY_get_bits(key) == 384 ? EVP_sha384() : EVP_sha256()))) {
		token_key_why(why);
		e = fail_set(f, ERR_TOKEN, 0, "cannot sign the list: %s", why);
	}
	if (!e && X509_CRL_verify(crl, X509_get0_pubkey(root)) != 1)
		e = fail_set(f, ERR_CONFIG, 0, "the key in the token does not belong to root %lld",
			     (long long)root_number);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	if (e)
		X509_CRL_free(crl);
	else
		*ret = crl;
	return e;
}

static enum err crl_of_root(const struct ca *ca, int64_t root_number, time_t until, struct buf *pem, struct fail *f)
{
	X509_CRL *crl = NULL;
	EVP_PKEY *key = NULL;
	X509 *root = NULL;
	BIO *bio = NULL;
	int64_t number = 0;
	char *p = NULL;
	enum err e = ca_root(ca, root_number, &root, f);

	if (!e && X509_cmp_current_time(X509_get0_notAfter(root)) < 0)
		goto out;
	if (!e)
		e = ca_root_key(ca, root_number, root, &key, f);
	if (!e)
		e = db_run(ca->db, f,
			   "UPDATE root SET crl_number = crl_number + 1, crl_made = ?, crl_until = ? WHERE number = ?",
			   "iii", (int64_t)time(NULL), (int64_t)until, root_number);
	if (!e)
		e = db_one(ca->db, &number, f, "SELECT crl_number FROM root WHERE number = ?", "i", root_number);
	if (!e)
		e = build_crl(ca, root_number, root, key, number, until, &crl, f);
	bio = e ? NULL : BIO_new(BIO_s_mem());
	if (!e && (!bio || !PEM_write_bio_X509_CRL(bio, crl)))
		e = fail_set(f, ERR_NO_MEMORY, 0, "cannot write the list");
	if (!e) {
		long n = BIO_get_mem_data(bio, &p);
		buf_put(pem, p, (size_t)n);
	}
out:
	BIO_free(bio);
	X509_CRL_free(crl);
	EVP_PKEY_free(key);
	X509_free(root);
	return e;
}

enum err ca_crl(const struct ca *ca, time_t until, struct buf *ret_pem, struct fail *f)
{
	struct audit_entry entry = { "", "crl", "", ERR_OK, "" };
	BUF_AUTO pem = { 0 };
	enum err e = db_begin(ca->db, f);

	for (int64_t i = ca->newest; !e && i >= 1; i--)
		e = crl_of_root(ca, i, until, &pem, f);
	if (!e)
		e = audit_append(ca->db, &entry, f);
	if (!e && !buf_ok(&pem))
		e = fail_set(f, ERR_NO_MEMORY, 0, "cannot write the list");
	e = db_settle(ca->db, e, f);
	if (!e)
		buf_put_view(ret_pem, buf_view(&pem));
	return e;
}
