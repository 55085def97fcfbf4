/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/x509v3.h>

#include "identity_own.h"
#include "sha256.h"

#define NUMBER_MAX 20 /* bytes (RFC 5280, 5.2.3) */

/* As it stands in the table: hex of a fixed length, so that texts compare as numbers. *ret_there false: it has none. */
static enum err number_of(X509_CRL *crl, char ret[2 * NUMBER_MAX + 1], bool *ret_there, struct fail *f)
{
	ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
	BIGNUM *bn = number ? ASN1_INTEGER_to_BN(number, NULL) : NULL;
	uint8_t bytes[NUMBER_MAX];
	enum err e = ERR_OK;

	*ret_there = number != NULL;
	if (number && (!bn || BN_is_negative(bn) || BN_bn2binpad(bn, bytes, NUMBER_MAX) != NUMBER_MAX))
		e = fail_set(f, ERR_CONFIG, 0, "revocation list: its number is negative or above %d bytes", NUMBER_MAX);
	else if (number)
		hex_encode(VIEW(bytes, NUMBER_MAX), ret);
	BN_free(bn);
	ASN1_INTEGER_free(number);
	return e;
}

/* A root is known by its key: roots that follow each other have one name. */
static enum err issuer_of(X509 *root, char ret[65], struct fail *f)
{
	unsigned char *spki = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(root), &spki);
	bool ok = n > 0 && sha256_hex(VIEW(spki, n), ret);

	OPENSSL_free(spki);
	return ok ? ERR_OK : fail_set(f, ERR_INTERNAL, 0, "revocation list: key of the root");
}

/* Without its leading zeros. */
static const char *shown(const char *number)
{
	number += strspn(number, "0");
	return *number ? number : "0";
}

static enum err highest(struct db *db, const char *issuer, char ret[2 * NUMBER_MAX + 1], struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e = db_query(db, &s, f, "SELECT number FROM crl_seen WHERE issuer = ?", "t", issuer);

	if (e == ERR_OK)
		e = db_next(s, &row, f);
	if (e == ERR_OK)
		snprintf(ret, 2 * NUMBER_MAX + 1, "%s", row ? db_text(s, 0) : "");
	return e;
}

enum err identity_crl_seen(struct db *db, const char *path, X509 *root, X509_CRL *crl, struct fail *f)
{
	char issuer[65], name[IDENTITY_NAME], before[2 * NUMBER_MAX + 1] = "", number[2 * NUMBER_MAX + 1] = "";
	bool there = false;
	enum err e = issuer_of(root, issuer, f);

	identity_cert_name(root, name, sizeof(name));
	if (e == ERR_OK)
		e = number_of(crl, number, &there, f);
	if (e == ERR_OK)
		e = highest(db, issuer, before, f);
	if (e != ERR_OK)
		return e;
	if (before[0] && (!there || strcmp(number, before) < 0))
		return fail_set(
		    f, ERR_CONFIG, 0,
		    "revocation list %.90s: root %.40s signed number %.41s before, this is number %.41s (hex):"
		    " put the newest one there",
		    path, name, shown(before), there ? shown(number) : "none");
	if (!there || !strcmp(number, before))
		return ERR_OK;
	return db_run(
	    db, f,
	    "INSERT INTO crl_seen(issuer, name, number, seen) VALUES(?, ?, ?, ?) ON CONFLICT(issuer) DO UPDATE SET"
	    " name = excluded.name, number = excluded.number, seen = excluded.seen WHERE crl_seen.number <"
	    " excluded.number",
	    "ttti", issuer, name, number, (int64_t)time(NULL));
}
