/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "identity.h"
#include "identity_own.h"
#include "worker.h"

#define FUTURE_S 300 /* clocks may differ */
#define IDLE_MS 3600000

/* The revocation lists beside a store of roots; what the file holds now, or why it serves nobody. */
struct crl_file {
	pthread_mutex_t mutex;
	char path[512];
	struct stat seen; /* the file as it was read */
	STACK_OF(X509_CRL) * crls;
	char problem[256]; /* "": none */
	struct crl_numbers numbers;
	bool remembers;       /* numbers are those of the table, too */
	struct db *db;        /* the worker's */
	struct worker worker; /* writes numbers: checks are made in event loops, which wait for no database */
};

static pthread_once_t crl_once = PTHREAD_ONCE_INIT;
static int crl_index = -1;

/* Fresh numbers into the table; what another process had higher makes the list be judged once more. */
static enum worker_next write_numbers(void *arg)
{
	struct crl_numbers mine = { 0 };
	struct crl_file *c = arg;
	enum err e = ERR_OK;

	pthread_mutex_lock(&c->mutex);
	if (c->numbers.fresh)
		e = crl_numbers_copy(&c->numbers, &mine, NULL);
	c->numbers.fresh = e != ERR_OK;
	pthread_mutex_unlock(&c->mutex);
	if (e == ERR_OK && mine.count)
		e = crl_numbers_write(c->db, &mine, NULL);
	if (e == ERR_OK && mine.count)
		e = crl_numbers_read(c->db, &mine, NULL);
	pthread_mutex_lock(&c->mutex);
	c->numbers.fresh |= e != ERR_OK;
	if (e == ERR_OK && crl_numbers_raise(&c->numbers, &mine))
		c->seen = (struct stat){ 0 };
	pthread_mutex_unlock(&c->mutex);
	crl_numbers_done(&mine);
	return e ? WORKER_RETRY : WORKER_IDLE;
}

static void crl_file_free(struct crl_file *c)
{
	if (!c)
		return;
	worker_stop(&c->worker);
	if (c->numbers.fresh && c->db)
		write_numbers(c);
	crl_numbers_done(&c->numbers);
	sk_X509_CRL_pop_free(c->crls, X509_CRL_free);
	db_free(c->db);
	pthread_mutex_destroy(&c->mutex);
	free(c);
}

static void on_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp)
{
	crl_file_free(ptr);
}

static void crl_init(void)
{
	crl_index = X509_STORE_get_ex_new_index(0, NULL, NULL, NULL, on_free);
}

static struct crl_file *crl_of(X509_STORE *roots)
{
	pthread_once(&crl_once, crl_init);
	return roots && crl_index >= 0 ? X509_STORE_get_ex_data(roots, crl_index) : NULL;
}

static enum err read_crls(const char *path, STACK_OF(X509_CRL) * *ret, struct stat *ret_seen, struct fail *f)
{
	STACK_OF(X509_CRL) *all = sk_X509_CRL_new_null();
	BIO *bio = BIO_new_file(path, "rb");
	FILE *file = NULL;
	X509_CRL *one = NULL;
	enum err e = ERR_OK;

	if (!bio || !all) {
		e = fail_set(f, ERR_CONFIG, 0, "revocation list %.150s: %s", path, strerror(errno));
		goto out;
	}
	BIO_get_fp(bio, &file);
	if (!file || fstat(fileno(file), ret_seen)) {
		e = fail_set(f, ERR_CONFIG, 0, "revocation list %.150s: %s", path, strerror(errno));
		goto out;
	}
	while ((one = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL)))
		if (!sk_X509_CRL_push(all, one))
			X509_CRL_free(one);
	bool whole = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
	if (!sk_X509_CRL_num(all) && BIO_reset(bio) == 0 && (one = d2i_X509_CRL_bio(bio, NULL)))
		whole = sk_X509_CRL_push(all, one) != 0;
	if (!whole || !sk_X509_CRL_num(all))
		e = fail_set(f, ERR_CONFIG, 0, "revocation list %.150s: neither PEM nor DER of a CRL", path);
out:
	BIO_free(bio);
	ERR_clear_error();
	if (e != ERR_OK) {
		sk_X509_CRL_pop_free(all, X509_CRL_free);
		return e;
	}
	*ret = all;
	return ERR_OK;
}

/* signed_by: the first CRL of the list that this root signed; NULL: none. */
static X509_CRL *signed_by(const STACK_OF(X509_CRL) * crls, X509 *root)
{
	for (int i = 0; i < sk_X509_CRL_num(crls); i++) {
		X509_CRL *one = sk_X509_CRL_value(crls, i);
		if (!X509_NAME_cmp(X509_CRL_get_issuer(one), X509_get_subject_name(root)) &&
		    X509_CRL_verify(one, X509_get0_pubkey(root)) == 1)
			return one;
	}
	return NULL;
}

static enum err check_times(const char *path, X509_CRL *crl, struct fail *f)
{
	const ASN1_TIME *end = X509_CRL_get0_nextUpdate(crl);
	time_t later = time(NULL) + FUTURE_S;
	struct tm tm;

	if (!end || !ASN1_TIME_to_tm(end, &tm))
		return fail_set(f, ERR_CONFIG, 0, "revocation list %.150s: it does not say how long it holds", path);
	if (X509_cmp_current_time(end) < 0)
		return fail_set(
		    f, ERR_CONFIG, 0,
		    "revocation list %.120s expired on %04d-%02d-%02d %02d:%02d:%02d UTC: put a new one there", path,
		    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	if (X509_cmp_time(X509_CRL_get0_lastUpdate(crl), &later) > 0)
		return fail_set(f, ERR_CONFIG, 0, "revocation list %.150s: it begins in the future", path);
	return ERR_OK;
}

/* older: has it a lower number than the one that was here before? */
static bool older(X509_CRL *now, X509_CRL *before)
{
	ASN1_INTEGER *a = X509_CRL_get_ext_d2i(now, NID_crl_number, NULL, NULL);
	ASN1_INTEGER *b = before ? X509_CRL_get_ext_d2i(before, NID_crl_number, NULL, NULL) : NULL;
	bool is = b && (!a || ASN1_INTEGER_cmp(a, b) < 0);

	ASN1_INTEGER_free(a);
	ASN1_INTEGER_free(b);
	return is;
}

/* check_crls: every root has its list, every list is a root's, holds now, and is none that was replaced. */
static enum err check_crls(struct crl_file *c, X509_STORE *roots, const STACK_OF(X509_CRL) * crls, struct fail *f)
{
	STACK_OF(X509) *certs = X509_STORE_get1_all_certs(roots);
	enum err e = certs ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "revocation list");
	int used = 0;

	for (int i = 0; e == ERR_OK && i < sk_X509_num(certs); i++) {
		X509 *root = sk_X509_value(certs, i);
		X509_CRL *crl = signed_by(crls, root);
		char name[128];

		if (!crl && X509_cmp_current_time(X509_get0_notAfter(root)) < 0)
			continue; /* nothing that it issued is taken any more */
		identity_cert_name(root, name, sizeof(name));
		if (!crl)
			e = fail_set(f, ERR_CONFIG, 0, "revocation list %.120s: none signed by root %.80s", c->path,
				     name);
		if (e == ERR_OK)
			e = check_times(c->path, crl, f);
		if (e == ERR_OK && older(crl, signed_by(c->crls, root)))
			e = fail_set(f, ERR_CONFIG, 0, "revocation list %.120s: older than the one before", c->path);
		if (e == ERR_OK && c->remembers)
			e = crl_numbers_take(&c->numbers, c->path, root, crl, f);
		used++;
	}
	if (e == ERR_OK && used < sk_X509_CRL_num(crls))
		e = fail_set(f, ERR_CONFIG, 0, "revocation list %.120s: one in it is signed by none of the roots",
			     c->path);
	sk_X509_pop_free(certs, X509_free);
	ERR_clear_error();
	return e;
}

/* load: with the mutex held. Lists that no longer hold stay for their numbers, and serve nobody: problem is set. */
static enum err load(struct crl_file *c, X509_STORE *roots, struct fail *f)
{
	STACK_OF(X509_CRL) *crls = NULL;
	struct fail mine = { 0 };
	struct stat seen = { 0 };
	enum err e = read_crls(c->path, &crls, &seen, &mine);

	if (e == ERR_OK)
		e = check_crls(c, roots, crls, &mine);
	c->seen = seen;
	if (e != ERR_OK) {
		sk_X509_CRL_pop_free(crls, X509_CRL_free);
		snprintf(c->problem, sizeof(c->problem), "%s", mine.text);
		return fail_set(f, e, 0, "%s", mine.text);
	}
	sk_X509_CRL_pop_free(c->crls, X509_CRL_free);
	c->crls = crls;
	c->problem[0] = 0;
	return ERR_OK;
}

/* current: the file is looked at before each use; with the mutex held. */
static void current(struct crl_file *c, X509_STORE *roots)
{
	struct stat now = { 0 };

	if (!c->problem[0] && !stat(c->path, &now) && now.st_ino == c->seen.st_ino && now.st_dev == c->seen.st_dev &&
	    now.st_size == c->seen.st_size && now.st_mtim.tv_sec == c->seen.st_mtim.tv_sec &&
	    now.st_mtim.tv_nsec == c->seen.st_mtim.tv_nsec)
		return;
	(void)!load(c, roots, NULL); /* a problem is noted */
	if (c->numbers.fresh)
		worker_wake(&c->worker);
}

static STACK_OF(X509_CRL) * lookup(const X509_STORE_CTX *ctx, const X509_NAME *issuer)
{
	X509_STORE *roots = X509_STORE_CTX_get0_store(ctx);
	struct crl_file *c = crl_of(roots);
	STACK_OF(X509_CRL) *found = sk_X509_CRL_new_null();

	if (!c || !found)
		return found;
	pthread_mutex_lock(&c->mutex);
	current(c, roots);
	for (int i = 0; !c->problem[0] && i < sk_X509_CRL_num(c->crls); i++) {
		X509_CRL *one = sk_X509_CRL_value(c->crls, i);
		if (!X509_NAME_cmp(X509_CRL_get_issuer(one), issuer) && X509_CRL_up_ref(one) &&
		    !sk_X509_CRL_push(found, one))
			X509_CRL_free(one);
	}
	pthread_mutex_unlock(&c->mutex);
	return found;
}

enum err identity_crl(X509_STORE *roots, const char *crl_file, struct fail *f)
{
	struct crl_file *c = crl_of(roots) ? NULL : calloc(1, sizeof(*c));
	enum err e;

	if (!c || crl_index < 0) {
		free(c);
		return fail_set(f, ERR_INTERNAL, 0, "revocation list");
	}
	pthread_mutex_init(&c->mutex, NULL);
	if ((size_t)snprintf(c->path, sizeof(c->path), "%s", crl_file) >= sizeof(c->path))
		e = fail_set(f, ERR_CONFIG, 0, "revocation list: its path is too long");
	else
		e = load(c, roots, f);
	if (e == ERR_OK && (!X509_STORE_set_ex_data(roots, crl_index, c) ||
			    !X509_STORE_set_flags(roots, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL)))
		e = fail_set(f, ERR_NO_MEMORY, 0, "revocation list");
	if (e != ERR_OK) {
		if (!X509_STORE_get_ex_data(roots, crl_index))
			crl_file_free(c);
		return e;
	}
	X509_STORE_set_lookup_crls(roots, lookup);
	return ERR_OK;
}

enum err identity_crl_remember(X509_STORE *roots, struct db *db, struct fail *f)
{
	struct crl_file *c = crl_of(roots);
	enum err e;

	if (!c) {
		db_free(db);
		return ERR_OK;
	}
	c->db = db;
	c->remembers = true;
	e = crl_numbers_read(db, &c->numbers, f);
	if (e == ERR_OK)
		e = load(c, roots, f);
	if (e == ERR_OK)
		e = crl_numbers_write(db, &c->numbers, f);
	c->numbers.fresh = false;
	if (e == ERR_OK)
		e = worker_start(&c->worker, write_numbers, c, IDLE_MS, 0, f);
	if (e != ERR_OK) {
		db_free(c->db);
		c->db = NULL;
	}
	return e;
}

bool identity_crl_used(X509_STORE *roots)
{
	return crl_of(roots) != NULL;
}

void identity_verify_text(X509_STORE *roots, long error, char ret[256])
{
	struct crl_file *c = crl_of(roots);

	if (error == X509_V_ERR_APPLICATION_VERIFICATION) {
		snprintf(ret, 256, "certificate: wrong role");
		return;
	}
	if (error == X509_V_ERR_SUBJECT_ISSUER_MISMATCH) {
		snprintf(ret, 256, "certificate: it has another name");
		return;
	}
	if (c && (error == X509_V_ERR_UNABLE_TO_GET_CRL || error == X509_V_ERR_CRL_HAS_EXPIRED)) {
		pthread_mutex_lock(&c->mutex);
		current(c, roots);
		for (int i = 0; !c->problem[0] && i < sk_X509_CRL_num(c->crls); i++) {
			struct fail f = { 0 };
			if (check_times(c->path, sk_X509_CRL_value(c->crls, i), &f) != ERR_OK)
				snprintf(c->problem, sizeof(c->problem), "%s", f.text);
		}
		snprintf(ret, 256, "%s", c->problem[0] ? c->problem : "certificate: no revocation list of its issuer");
		pthread_mutex_unlock(&c->mutex);
		return;
	}
	snprintf(ret, 256, "certificate: %s", X509_verify_cert_error_string(error));
}

enum err identity_verify_err(X509_STORE *roots, long error)
{
	struct crl_file *c = crl_of(roots);
	bool ours = c && error == X509_V_ERR_CRL_NOT_YET_VALID;

	if (c && (error == X509_V_ERR_UNABLE_TO_GET_CRL || error == X509_V_ERR_CRL_HAS_EXPIRED)) {
		pthread_mutex_lock(&c->mutex);
		ours = c->problem[0] != 0;
		pthread_mutex_unlock(&c->mutex);
	}
	return ours ? ERR_CONFIG : ERR_REFUSED;
}

/* What takes away all that a key ever signed, and what only ends its use. */
static bool taints(int reason)
{
	return reason == CRL_REASON_KEY_COMPROMISE || reason == CRL_REASON_CA_COMPROMISE ||
	       reason == CRL_REASON_AA_COMPROMISE || reason == CRL_REASON_UNSPECIFIED;
}

static bool revoked_later(X509_STORE_CTX *ctx, time_t at)
{
	X509_CRL *crl = X509_STORE_CTX_get0_current_crl(ctx);
	X509_REVOKED *entry = NULL;
	int reason = CRL_REASON_UNSPECIFIED;

	if (!crl || X509_CRL_get0_by_cert(crl, &entry, X509_STORE_CTX_get_current_cert(ctx)) != 1)
		return false;
	ASN1_ENUMERATED *given = X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, NULL, NULL);
	if (given)
		reason = (int)ASN1_ENUMERATED_get(given);
	ASN1_ENUMERATED_free(given);
	return !taints(reason) && X509_cmp_time(X509_REVOKED_get0_revocationDate(entry), &at) > 0;
}

static int verify_revoked(int ok, X509_STORE_CTX *ctx)
{
	const time_t *at = X509_STORE_CTX_get_app_data(ctx);
	int error = X509_STORE_CTX_get_error(ctx);

	if (ok || error == X509_V_ERR_CERT_HAS_EXPIRED) /* its time was looked at as of then */
		return 1;
	return error == X509_V_ERR_CERT_REVOKED && revoked_later(ctx, *at);
}

enum err identity_check_revoked(X509_STORE *roots, STACK_OF(X509) * chain, X509 *cert, time_t at, int depth,
				struct fail *f)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	char text[256];
	enum err e = ERR_OK;

	if (!ctx || !X509_STORE_CTX_init(ctx, roots, cert, chain)) {
		e = fail_set(f, ERR_NO_MEMORY, 0, "certificate check");
		goto out;
	}
	X509_STORE_CTX_set_depth(ctx, depth);
	X509_STORE_CTX_set_app_data(ctx, &at);
	X509_STORE_CTX_set_verify_cb(ctx, verify_revoked);
	if (X509_verify_cert(ctx) != 1) {
		identity_verify_text(roots, X509_STORE_CTX_get_error(ctx), text);
		e = fail_set(f, identity_verify_err(roots, X509_STORE_CTX_get_error(ctx)), 0, "%s", text);
	}
out:
	X509_STORE_CTX_free(ctx);
	return e;
}
