/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/pem.h>

#include "ca_kit.h"
#include "cms.h"
#include "file.h"
#include "files.h"
#include "temp.h"

EVP_PKEY *rsa; /* Pu */
char dir[128], folder[160], csr[160], request[160], key_out[160], out[160];
struct ca ca;
EVP_PKEY *ec;

static char vault[128], uri[400];

/* The CA's keys stand in a token of SoftHSMv2. */
static void make_token(void)
{
	char conf[200], pin[200], command[700];
	FILE *file;

	temp_dir(vault);
	snprintf(conf, sizeof(conf), "%s/conf", vault);
	snprintf(pin, sizeof(pin), "%s/pin", vault);
	file = fopen(conf, "w");
	ck_assert(file && fprintf(file, "directories.tokendir = %s\nobjectstore.backend = file\n", vault) > 0 &&
		  !fclose(file));
	ck_assert(!setenv("SOFTHSM2_CONF", conf, 1));
	snprintf(command, sizeof(command),
		 "umask 077 && echo 24681012 >%s && softhsm2-util --init-token --free --label CA --so-pin 13579"
		 " --pin 24681012 >/dev/null",
		 pin);
	ck_assert_int_eq(system(command), 0);
	snprintf(uri, sizeof(uri), "pin-source=%s", pin);
}

struct ca_init init_of(const char *path, const char *object)
{
	static char text[700];

	snprintf(text, sizeof(text), "pkcs11:token=CA;object=%s?module-path=/usr/lib/softhsm/libsofthsm2.so&%s", object,
		 uri);
	return (struct ca_init){ .folder = path, .uri = text };
}

void setup_once(void)
{
	make_token();
	rsa = EVP_RSA_gen(2048);
	ck_assert_ptr_nonnull(rsa);
}

void teardown_once(void)
{
	EVP_PKEY_free(rsa);
	temp_remove(vault);
}

EVP_PKEY *key_load(const char *path)
{
	FILE *file = fopen(path, "r");
	EVP_PKEY *key = file ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : NULL;

	if (file)
		fclose(file);
	ck_assert_ptr_nonnull(key);
	return key;
}

void write_csr(const char *path, EVP_PKEY *key, EVP_PKEY *signer)
{
	X509_REQ *r = X509_REQ_new();
	FILE *file = fopen(path, "w");

	ck_assert(r && file && X509_REQ_set_pubkey(r, key) == 1 && X509_REQ_sign(r, signer, EVP_sha256()) > 0);
	ck_assert(PEM_write_X509_REQ(file, r) == 1 && fclose(file) == 0);
	X509_REQ_free(r);
}

void spki_of(EVP_PKEY *key, struct buf *ret)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);

	ck_assert_int_gt(n, 0);
	buf_put(ret, der, (size_t)n);
	OPENSSL_free(der);
}

void sign_request(const struct pki *issuer, const struct pki_cert *c, struct view content, struct buf *ret)
{
	struct identity signer = { .key = EVP_EC_gen("P-256") };
	struct fail f = { 0 };

	signer.cert = pki_issue(issuer, signer.key, c);
	ck_assert_msg(!cms_sign(&signer, content, ret, &f), "%s", f.text);
	X509_free(signer.cert);
	EVP_PKEY_free(signer.key);
}

void write_request(struct view der)
{
	struct fail f = { 0 };

	unlink(request);
	ck_assert_msg(!file_create(request, 0644, der, &f), "%s", f.text);
}

struct pki own_root(void)
{
	return (struct pki){ .key = ca.key, .cert = ca.root };
}

struct pki_cert mtms_cert(void)
{
	return (struct pki_cert){ .name = "mtms1", .usages = "critical,clientAuth," IDENTITY_ARC ".4" };
}

void good_request(struct buf *ret)
{
	BUF_AUTO spki = { 0 };
	struct pki root = own_root();
	struct pki_cert c = mtms_cert();

	spki_of(rsa, &spki);
	sign_request(&root, &c, buf_view(&spki), ret);
}

void setup(void)
{
	BUF_AUTO der = { 0 };
	struct fail f = { 0 };

	temp_dir(dir);
	snprintf(folder, sizeof(folder), "%s/ca", dir);
	snprintf(csr, sizeof(csr), "%s/key.csr", dir);
	snprintf(request, sizeof(request), "%s/request.der", dir);
	snprintf(key_out, sizeof(key_out), "%s/new.key", dir);
	snprintf(out, sizeof(out), "%s/out.pem", dir);
	struct ca_init how = init_of(folder, strrchr(dir, '/') + 1);
	ck_assert_msg(!ca_init(&how, &f), "%s", f.text);
	ck_assert_msg(!ca_open(folder, CA_SIGN, NULL, &ca, &f), "%s", f.text);
	ec = EVP_EC_gen("P-256");
	write_csr(csr, ec, ec);
	good_request(&der);
	write_request(buf_view(&der));
}

void teardown(void)
{
	ca_done(&ca);
	EVP_PKEY_free(ec);
	temp_remove(dir);
}

/* How many certificates the index knows, and how many steps its audit. */
static int64_t counted(void)
{
	int64_t certificates = 0, steps = 0;

	ck_assert(!db_one(ca.db, &certificates, NULL, "SELECT count(*) FROM certificate", ""));
	ck_assert(!db_one(ca.db, &steps, NULL, "SELECT count(*) FROM audit", ""));
	return certificates * 1000 + steps;
}

/* Every name below a folder and every byte of every file, in order of name; but for the index. */
static void tree(const char *path, struct buf *ret)
{
	struct dirent **list = NULL;
	int n = scandir(path, &list, NULL, alphasort);

	ck_assert_int_ge(n, 2);
	for (int i = 0; i < n; i++) {
		const char *name = list[i]->d_name;
		char below[1024];
		struct stat st;

		if (strcmp(name, ".") && strcmp(name, "..") && strncmp(name, "ca.db", 5)) {
			snprintf(below, sizeof(below), "%s/%s", path, name);
			ck_assert_int_eq(lstat(below, &st), 0);
			buf_printf(ret, "%s %o\n", below, st.st_mode);
			if (S_ISDIR(st.st_mode))
				tree(below, ret);
			else
				ck_assert_int_eq(file_read(below, (size_t)1 << 20, ret, NULL), ERR_OK);
		}
		free(list[i]);
	}
	free(list);
}

struct order order_of(const char *role, unsigned source)
{
	struct order o = { .dir = folder, .role = role, .name = "a-name", .out = out };

	o.csr = source == CA_SOURCE_CSR ? csr : NULL;
	o.key_out = source == CA_SOURCE_NEW ? key_out : NULL;
	o.request = source == CA_SOURCE_REQUEST ? request : NULL;
	if (ca_profile_find(role_of_name(role)) && ca_profile_find(role_of_name(role))->server)
		o.san = SERVER_SAN;
	return o;
}

void refused(const struct order *o, enum err code, const char *words)
{
	BUF_AUTO before = { 0 };
	BUF_AUTO after = { 0 };
	struct fail f = { 0 };
	int64_t count = counted();

	tree(dir, &before);
	ck_assert_int_eq(order_issue(o, &f), code);
	ck_assert_msg(strstr(f.text, words) != NULL, "%s, not: %s", f.text, words);
	tree(dir, &after);
	ck_assert(view_equal(buf_view(&before), buf_view(&after)));
	ck_assert_int_eq(counted(), count);
}
