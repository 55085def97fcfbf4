/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "file.h"
#include "files.h"
#include "identity.h"
#include "issue.h"
#include "tables.h"
#include "token_key.h"

/* What ca_init makes. */
struct making {
	struct ca ca;
	int64_t number;
	char uri[1200];
	char name[65];
	EVP_PKEY *key;
	X509 *root;
	X509 *by_old; /* the new key under the old root */
	X509 *by_new; /* the old key under the new root */
};

static void making_done(struct making *m)
{
	X509_free(m->root);
	X509_free(m->by_old);
	X509_free(m->by_new);
	EVP_PKEY_free(m->key);
	ca_done(&m->ca);
}

/* uri_with_name: the PIN stays out of ca.db, and the key has a name. */
static enum err uri_with_name(const char *uri, int64_t number, char *ret, size_t room, struct fail *f)
{
	const char *query = strchr(uri, '?');
	size_t path = query ? (size_t)(query - uri) : strlen(uri);
	const char *object = strstr(uri, "object=");
	char name[48] = "";

	if (!token_key_uri(uri))
		return fail_set(f, ERR_USAGE, 0,
				"--token: a PKCS#11 URI, as pkcs11:token=CA;object=root?pin-source=FILE");
	if (strstr(uri, "pin-value="))
		return fail_set(f, ERR_USAGE, 0, "a PIN does not belong into the URI: pin-source=FILE, or --pin-file");
	if (!object || object > uri + path)
		snprintf(name, sizeof(name), "%sobject=ca-root-%lld", path > 7 ? ";" : "", (long long)number);
	if ((size_t)snprintf(ret, room, "%.*s%s%s", (int)path, uri, name, query ? query : "") >= room)
		return fail_set(f, ERR_USAGE, 0, "--token: the URI is too long");
	return ERR_OK;
}

static enum err open_folder(const struct ca_init *how, struct making *m, struct fail *f)
{
	char path[4096];
	enum err e;

	if (how->next)
		return ca_open(how->folder, CA_SIGN, how->pin_file, &m->ca, f);
	if ((size_t)snprintf(m->ca.folder, sizeof(m->ca.folder), "%s", how->folder) >= sizeof(m->ca.folder))
		return fail_set(f, ERR_USAGE, 0, "%.100s: name too long", how->folder);
	if (mkdir(how->folder, 0700) && errno != EEXIST)
		return fail_set(f, ERR_IO, 0, "%s: %s", how->folder, strerror(errno));
	e = ca_path(how->folder, "ca.db", path, f);
	return e ? e : db_open(path, ca_tables, ca_tables_count, &m->ca.db, f);
}

static enum err make_root(const struct ca_init *how, struct making *m, struct fail *f)
{
	struct ca_order order = { .profile = ca_profile_find(ROLE_CA), .name = m->name, .days = how->days };
	enum err e = ERR_OK;

	if (!how->use_key)
		e = token_key_make(m->uri, how->pin_file, how->key_type ? how->key_type : "ec-p256", f);
	if (e == ERR_DUPLICATE && f)
		snprintf(f->text + strlen(f->text), sizeof(f->text) - strlen(f->text),
			 ": give another object= name, or --use-key");
	if (!e)
		e = token_key_open(m->uri, how->pin_file, NULL, &m->key, f);
	order.subject = m->key;
	if (!e)
		e = ca_build(&order, NULL, m->key, &m->root, f);
	/* Self-issued, as RFC 4210 4.4 has it: the path length of a root does not count them. */
	if (!e && how->next)
		e = ca_build(&order, m->ca.root, m->ca.key, &m->by_old, f);
	order.subject = how->next ? X509_get0_pubkey(m->ca.root) : NULL;
	if (!e && how->next)
		e = ca_build(&order, m->root, m->key, &m->by_new, f);
	return e;
}

static enum err record_root(const struct ca_init *how, struct making *m, struct fail *f)
{
	struct ca_order order = { .profile = ca_profile_find(ROLE_CA), .name = m->name, .subject = m->key };
	struct audit_entry entry = { "", how->next ? "init --next" : "init", m->name, ERR_OK, m->uri };
	BUF_AUTO der = { 0 };
	enum err e = identity_cert_der(m->root, &der, f);

	if (!e)
		e = db_run(m->ca.db, f,
			   "INSERT INTO root (number, uri, certificate, created, crl_number) VALUES (?, ?, ?, ?, 0)",
			   "itbi", m->number, m->uri, buf_view(&der), (int64_t)time(NULL));
	if (!e)
		e = ca_record(&m->ca, m->number, m->root, &order, f);
	if (!e && m->by_old)
		e = ca_record(&m->ca, m->number - 1, m->by_old, &order, f);
	order.subject = how->next ? X509_get0_pubkey(m->ca.root) : NULL;
	if (!e && m->by_new)
		e = ca_record(&m->ca, m->number, m->by_new, &order, f);
	if (!e && how->crl_url)
		e = db_run(m->ca.db, f,
			   "INSERT INTO setting (name, value) VALUES ('crl_url', ?)"
			   " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
			   "t", how->crl_url);
	return e ? e : audit_append(m->ca.db, &entry, f);
}

static enum err write_one(const struct making *m, const char *name, X509 *cert, struct fail *f)
{
	BUF_AUTO pem = { 0 };
	char path[4096];
	enum err e = ca_path(m->ca.folder, name, path, f);

	if (!e)
		e = certificate_pem(cert, &pem, f);
	return e ? e : file_replace(path, 0644, buf_view(&pem), f);
}

/* The files are made from ca.db; root.pem last: who sees it sees them all. */
static enum err write_files(const struct making *m, struct fail *f)
{
	BUF_AUTO all = { 0 };
	char name[80], path[4096];
	enum err e = ERR_OK;
	long long n = m->number;

	for (int64_t i = m->number; !e && i >= 1; i--) {
		X509 *root = NULL;
		e = ca_root(&m->ca, i, &root, f);
		if (!e)
			e = certificate_pem(root, &all, f);
		X509_free(root);
	}
	if (!e)
		e = ca_path(m->ca.folder, "roots.pem", path, f);
	if (!e)
		e = file_replace(path, 0644, buf_view(&all), f);
	snprintf(name, sizeof(name), "cross-%lld-by-%lld.pem", n, n - 1);
	if (!e && m->by_old)
		e = write_one(m, name, m->by_old, f);
	snprintf(name, sizeof(name), "cross-%lld-by-%lld.pem", n - 1, n);
	if (!e && m->by_new)
		e = write_one(m, name, m->by_new, f);
	snprintf(name, sizeof(name), "root-%lld.pem", n);
	if (!e)
		e = write_one(m, name, m->root, f);
	return e ? e : write_one(m, "root.pem", m->root, f);
}

static enum err check_how(const struct ca_init *how, struct fail *f)
{
	size_t n = how->crl_url ? strlen(how->crl_url) : 0;

	if (how->next && how->name)
		return fail_set(f, ERR_USAGE, 0, "--next: the name stays that of the root before");
	if (how->crl_url && (n > 500 || strncmp(how->crl_url, "http", 4) || strcspn(how->crl_url, " ,;\"\\\n") != n))
		return fail_set(f, ERR_USAGE, 0, "--crl-url: http://host/file or https://host/file");
	if (!how->uri)
		return fail_set(f, ERR_USAGE, 0, "--token is missing: the URI of the token that holds the root's key");
	if (how->key_type && !token_key_type_ok(how->key_type))
		return fail_set(f, ERR_USAGE, 0, "--key-type: one of %s", token_key_types());
	return ERR_OK;
}

enum err ca_init(const struct ca_init *how, struct fail *f)
{
	struct making m = { 0 };
	enum err e = check_how(how, f);

	if (!e)
		e = open_folder(how, &m, f);
	if (e)
		return e;
	snprintf(m.name, sizeof(m.name), "%s", how->name ? how->name : "HsmRCRT");
	if (how->next)
		identity_cert_name(m.ca.root, m.name, sizeof(m.name));
	/* Two at once: the second waits here, and then finds what the first has made. */
	e = db_begin(m.ca.db, f);
	if (!e)
		e = db_one(m.ca.db, &m.number, f, "SELECT coalesce(max(number), 0) + 1 FROM root", "");
	if (!e && !how->next && m.number > 1)
		e = fail_set(f, ERR_USAGE, 0, "%s holds a CA already; --next makes its next root", how->folder);
	if (!e && how->next && m.number != m.ca.newest + 1)
		e = fail_set(f, ERR_BUSY, 0, "%s: somebody else made the next root just now", how->folder);
	if (!e)
		e = uri_with_name(how->uri, m.number, m.uri, sizeof(m.uri), f);
	if (!e)
		e = make_root(how, &m, f);
	if (!e)
		e = record_root(how, &m, f);
	e = db_settle(m.ca.db, e, f);
	if (!e)
		e = write_files(&m, f);
	making_done(&m);
	return e;
}
