/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "identity.h"
#include "open.h"
#include "tables.h"
#include "token_key.h"

enum err ca_path(const char *folder, const char *name, char ret[4096], struct fail *f)
{
	if (snprintf(ret, 4096, "%s/%s", folder, name) >= 4096)
		return fail_set(f, ERR_USAGE, 0, "%.100s: name too long", folder);
	return ERR_OK;
}

enum err ca_root(const struct ca *ca, int64_t number, X509 **ret, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e = db_query(ca->db, &s, f, "SELECT certificate FROM root WHERE number = ?", "i", number);

	if (!e)
		e = db_next(s, &row, f);
	if (!e && !row)
		e = fail_set(f, ERR_NOT_FOUND, 0, "no root %lld", (long long)number);
	return e ? e : identity_cert_parse(db_blob(s, 0), ret, f);
}

enum err ca_root_key(const struct ca *ca, int64_t number, X509 *root, EVP_PKEY **ret, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e = db_query(ca->db, &s, f, "SELECT uri FROM root WHERE number = ?", "i", number);

	if (!e)
		e = db_next(s, &row, f);
	if (!e && !row)
		e = fail_set(f, ERR_NOT_FOUND, 0, "no root %lld", (long long)number);
	if (!e)
		e = token_key_open(db_text(s, 0), ca->pin_file[0] ? ca->pin_file : NULL, X509_get0_pubkey(root), ret,
				   f);
	return e;
}

static enum err read_settings(struct ca *ca, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e = db_one(ca->db, &ca->newest, f, "SELECT coalesce(max(number), 0) FROM root", "");

	ca->number = ca->newest;
	if (!e && !ca->newest)
		e = fail_set(f, ERR_NOT_FOUND, 0, "%.150s: its CA has no root yet: strongroom-ca init", ca->folder);
	if (!e)
		e = db_query(ca->db, &s, f, "SELECT value FROM setting WHERE name = 'crl_url'", "");
	if (!e)
		e = db_next(s, &row, f);
	if (!e && row)
		snprintf(ca->crl_url, sizeof(ca->crl_url), "%s", db_text(s, 0));
	return e;
}

enum err ca_open(const char *folder, enum ca_mode mode, const char *pin_file, struct ca *ret, struct fail *f)
{
	struct ca ca = { 0 };
	char path[4096];
	enum err e;

	if (snprintf(ca.folder, sizeof(ca.folder), "%s", folder) >= (int)sizeof(ca.folder) ||
	    snprintf(ca.pin_file, sizeof(ca.pin_file), "%s", pin_file ? pin_file : "") >= (int)sizeof(ca.pin_file))
		return fail_set(f, ERR_USAGE, 0, "%.100s: name too long", folder);
	e = ca_path(folder, "ca.db", path, f);
	if (!e && access(path, F_OK))
		e = fail_set(f, ERR_NOT_FOUND, 0, "%.150s holds no CA: %s", folder, strerror(errno));
	if (!e)
		e = db_open(path, ca_tables, ca_tables_count, &ca.db, f);
	if (!e)
		e = read_settings(&ca, f);
	if (!e)
		e = ca_root(&ca, ca.number, &ca.root, f);
	if (!e && mode == CA_SIGN)
		e = ca_root_key(&ca, ca.number, ca.root, &ca.key, f);
	if (e)
		ca_done(&ca);
	else
		*ret = ca;
	return e;
}

enum err ca_use_root(struct ca *ca, int64_t number, struct fail *f)
{
	EVP_PKEY *key = NULL;
	X509 *root = NULL;
	enum err e = ca_root(ca, number, &root, f);

	if (!e)
		e = ca_root_key(ca, number, root, &key, f);
	if (e) {
		X509_free(root);
		return e;
	}
	X509_free(ca->root);
	EVP_PKEY_free(ca->key);
	ca->root = root;
	ca->key = key;
	ca->number = number;
	return ERR_OK;
}

void ca_done(struct ca *ca)
{
	X509_free(ca->root);
	EVP_PKEY_free(ca->key);
	db_free(ca->db);
	*ca = (struct ca){ 0 };
}
