/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
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

static struct crl_number *known(const struct crl_numbers *n, const char *issuer)
{
	for (size_t i = 0; i < n->count; i++)
		if (!strcmp(n->row[i].issuer, issuer))
			return &n->row[i];
	return NULL;
}

static enum err put(struct crl_numbers *n, const struct crl_number *row, struct fail *f)
{
	struct crl_number *to = known(n, row->issuer);

	if (!to) {
		to = realloc(n->row, (n->count + 1) * sizeof(*to));
		if (!to)
			return fail_set(f, ERR_NO_MEMORY, 0, "revocation list");
		n->row = to;
		to = &n->row[n->count++];
	}
	*to = *row;
	return ERR_OK;
}

void crl_numbers_done(struct crl_numbers *n)
{
	free(n->row);
	*n = (struct crl_numbers){ 0 };
}

enum err crl_numbers_read(struct db *db, struct crl_numbers *n, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e = db_query(db, &s, f, "SELECT issuer, name, number FROM crl_seen", "");

	while (e == ERR_OK && (e = db_next(s, &row, f)) == ERR_OK && row) {
		struct crl_number one;

		snprintf(one.issuer, sizeof(one.issuer), "%s", db_text(s, 0));
		snprintf(one.name, sizeof(one.name), "%s", db_text(s, 1));
		snprintf(one.number, sizeof(one.number), "%s", db_text(s, 2));
		e = put(n, &one, f);
	}
	return e;
}

enum err crl_numbers_take(struct crl_numbers *n, const char *path, X509 *root, X509_CRL *crl, struct fail *f)
{
	const struct crl_number *before;
	struct crl_number now = { 0 };
	bool there = false;
	enum err e = issuer_of(root, now.issuer, f);

	identity_cert_name(root, now.name, sizeof(now.name));
	if (e == ERR_OK)
		e = number_of(crl, now.number, &there, f);
	if (e != ERR_OK)
		return e;
	before = known(n, now.issuer);
	if (before && (!there || strcmp(now.number, before->number) < 0))
		return fail_set(
		    f, ERR_CONFIG, 0,
		    "revocation list %.90s: root %.40s signed number %.41s before, this is number %.41s (hex):"
		    " put the newest one there",
		    path, now.name, shown(before->number), there ? shown(now.number) : "none");
	if (!there || (before && !strcmp(now.number, before->number)))
		return ERR_OK;
	n->fresh = true;
	return put(n, &now, f);
}

enum err crl_numbers_copy(const struct crl_numbers *n, struct crl_numbers *ret, struct fail *f)
{
	struct crl_numbers copy = { 0 };
	enum err e = ERR_OK;

	for (size_t i = 0; e == ERR_OK && i < n->count; i++)
		e = put(&copy, &n->row[i], f);
	if (e != ERR_OK)
		crl_numbers_done(&copy);
	else
		*ret = copy;
	return e;
}

bool crl_numbers_raise(struct crl_numbers *n, const struct crl_numbers *by)
{
	bool raised = false;

	for (size_t i = 0; i < by->count; i++) {
		struct crl_number *to = known(n, by->row[i].issuer);

		if (!to || strcmp(to->number, by->row[i].number) >= 0)
			continue;
		*to = by->row[i];
		raised = true;
	}
	return raised;
}

enum err crl_numbers_write(struct db *db, const struct crl_numbers *n, struct fail *f)
{
	enum err e = ERR_OK;

	for (size_t i = 0; e == ERR_OK && i < n->count; i++)
		e = db_run(db, f,
			   "INSERT INTO crl_seen(issuer, name, number, seen) VALUES(?, ?, ?, ?) ON CONFLICT(issuer) DO"
			   " UPDATE SET name = excluded.name, number = excluded.number, seen = excluded.seen WHERE"
			   " crl_seen.number < excluded.number",
			   "ttti", n->row[i].issuer, n->row[i].name, n->row[i].number, (int64_t)time(NULL));
	return e;
}
