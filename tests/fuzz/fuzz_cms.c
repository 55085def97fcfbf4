/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What comes signed (R1.5, R1.6, R2.2): batches, requests and manifests as CMS, certificates as DER, and the files of
 * certificates, requests and revocation lists that an operator puts somewhere (R2.3). Chance bytes; a good CMS with
 * some bytes altered, which must never give other content, a good revocation list likewise, which must never let in
 * whom it names; and any content below a good signature, for the parsers behind it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "formats.h"
#include "issue.h"
#include "manifest.h"
#include "pki.h"
#include "place.h"

#include <openssl/x509v3.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct pki pki;
static struct identity *dc, *operator;
static struct buf good; /* a manifest */
static struct buf good_content;
static struct buf good_crl; /* DER; dc is on it */

static void leave(void)
{
	buf_done(&good);
	buf_done(&good_content);
	buf_done(&good_crl);
	identity_free(dc);
	identity_free(operator);
	pki_done(&pki);
}

static void make_crl(void)
{
	X509_CRL *crl = X509_CRL_new();
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_INTEGER *number = ASN1_INTEGER_new();
	ASN1_TIME *then = X509_time_adj_ex(NULL, -1, 0, NULL), *later = X509_time_adj_ex(NULL, 30, 0, NULL);
	uint8_t *der = NULL;
	int n;

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(pki.cert));
	X509_CRL_set1_lastUpdate(crl, then);
	X509_CRL_set1_nextUpdate(crl, later);
	ASN1_INTEGER_set(number, 1);
	X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0);
	X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(dc->cert));
	X509_REVOKED_set_revocationDate(entry, then);
	if (X509_CRL_add0_revoked(crl, entry) != 1 || X509_CRL_sort(crl) != 1 ||
	    X509_CRL_sign(crl, pki.key, EVP_sha256()) <= 0 || (n = i2d_X509_CRL(crl, &der)) <= 0)
		place_fail("no revocation list");
	buf_put(&good_crl, der, (size_t)n);
	OPENSSL_free(der);
	ASN1_INTEGER_free(number);
	ASN1_TIME_free(then);
	ASN1_TIME_free(later);
	X509_CRL_free(crl);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const struct manifest m = { .dc = "dc1",
				    .kms = "ACME",
				    .sequence = 7,
				    .name = "dc1-ACME-000007",
				    .order = "ORDER-1",
				    .count = 3,
				    .size = 999,
				    .sha256 = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff" };
	char cert[256], key[256];
	struct cms_signer signer;

	place_make();
	pki_init(&pki, place_dir(), "root");
	pki_identity(&pki, ROLE_DC, "dc1");
	snprintf(cert, sizeof(cert), "%s/dc1.crt", place_dir());
	snprintf(key, sizeof(key), "%s/dc1.key", place_dir());
	if (identity_load(cert, key, pki.root_pem, ROLE_DC, &dc, NULL) || manifest_make(dc, &m, &good, NULL) ||
	    cms_verify(dc->roots, ROLE_DC, 0, buf_view(&good), &good_content, &signer, NULL))
		place_fail("no good manifest");
	make_crl();
	pki_identity(&pki, ROLE_OPERATOR, "card");
	snprintf(cert, sizeof(cert), "%s/card.crt", place_dir());
	snprintf(key, sizeof(key), "%s/card.key", place_dir());
	if (identity_load(cert, key, pki.root_pem, ROLE_OPERATOR, &operator, NULL))
		place_fail("no operator card");
	return atexit(leave);
}

static void any(struct view v)
{
	BUF_AUTO content = { 0 };
	struct manifest m;
	struct cms_signer signer;
	X509 *cert = NULL;

	if (cms_verify(dc->roots, ROLE_DC, 0, v, &content, &signer, NULL) == ERR_OK &&
	    !view_equal(v, buf_view(&good)) && !view_equal(buf_view(&content), buf_view(&good_content)))
		abort();
	(void)!manifest_read(dc->roots, 0, v, &m, &signer, NULL);
	if (identity_cert_parse(v, &cert, NULL) == ERR_OK) {
		(void)identity_cert_role(cert);
		(void)!identity_check(dc->roots, NULL, cert, ROLE_HSM, 0, NULL);
	}
	X509_free(cert);
}

/* altered: three bytes of input: where (2), what is added there (1). */
static void altered(struct view v)
{
	BUF_AUTO der = { 0 };
	BUF_AUTO content = { 0 };
	struct cms_signer signer;

	buf_put_view(&der, buf_view(&good));
	for (size_t i = 0; i + 3 <= v.n && i < 24; i += 3)
		der.p[be_get16(v.p + i) % der.len] += v.p[i + 2];
	if (cms_verify(dc->roots, ROLE_DC, 0, buf_view(&der), &content, &signer, NULL) == ERR_OK &&
	    !view_equal(buf_view(&content), buf_view(&good_content))) {
		fprintf(stderr, "an altered CMS gave other content\n");
		abort();
	}
}

static void below_signature(struct view v)
{
	BUF_AUTO der = { 0 };
	struct cms_signer signer;
	struct manifest m, again;
	BUF_AUTO second = { 0 };

	if (cms_sign(dc, v, &der, NULL) != ERR_OK ||
	    manifest_read(dc->roots, 0, buf_view(&der), &m, &signer, NULL) != ERR_OK)
		return;
	if (manifest_make(dc, &m, &second, NULL) != ERR_OK ||
	    manifest_read(dc->roots, 0, buf_view(&second), &again, &signer, NULL) != ERR_OK || strcmp(m.dc, again.dc) ||
	    strcmp(m.kms, again.kms) || strcmp(m.name, again.name) || strcmp(m.order, again.order) ||
	    strcmp(m.sha256, again.sha256) || m.sequence != again.sequence || m.count != again.count ||
	    m.size != again.size) {
		fprintf(stderr, "a manifest that was read cannot be written\n");
		abort();
	}
}

/* list: this as the revocation list of our root, from the start or in the place of a good one that is in use. */
static void list(struct view v, bool any)
{
	X509_STORE *roots = NULL, *used = NULL;
	bool taken;

	if (identity_roots(pki.root_pem, &roots, NULL) || identity_roots(pki.root_pem, &used, NULL) ||
	    identity_crl(used, place_file("crl", buf_view(&good_crl)), NULL))
		place_fail("no roots");
	taken = identity_crl(roots, place_file("crl", v), NULL) == ERR_OK;
	if (identity_check(used, NULL, dc->cert, ROLE_DC, 0, NULL) == ERR_OK ||
	    (taken && identity_check(roots, NULL, dc->cert, ROLE_DC, 0, NULL) == ERR_OK))
		place_fail("a revocation list lets in whom it names, or a broken one everybody");
	if (any && taken)
		place_fail("a revocation list of chance bytes");
	X509_STORE_free(roots);
	X509_STORE_free(used);
}

static void altered_list(struct view v)
{
	BUF_AUTO der = { 0 };

	buf_put_view(&der, buf_view(&good_crl));
	for (size_t i = 0; i + 3 <= v.n && i < 24; i += 3)
		der.p[be_get16(v.p + i) % der.len] += v.p[i + 2];
	list(buf_view(&der), false);
}

static void files(struct view v)
{
	const char *path = place_file("file", v);
	X509_STORE *roots = NULL;
	EVP_PKEY *key = NULL;
	X509 *cert = NULL;

	if (identity_roots(path, &roots, NULL) == ERR_OK &&
	    identity_check(roots, NULL, dc->cert, ROLE_DC, 0, NULL) == ERR_OK)
		place_fail("a root that nobody made");
	if (identity_cert_load(path, &cert, NULL) == ERR_OK)
		(void)identity_cert_role(cert);
	if (csr_load(path, &key, NULL) == ERR_OK && !key)
		place_fail("a request without a key");
	EVP_PKEY_free(key);
	X509_free(cert);
	X509_STORE_free(roots);
}

/* batch: what an operator card signed; every terminal of it has a serial number. */
static void batch(struct view v)
{
	ARENA_AUTO arena = { 0 };
	BUF_AUTO der = { 0 };
	struct batch_content c = { 0 };
	struct cms_signer signer;
	char sum[65];

	if (cms_sign(operator, v, &der, NULL) != ERR_OK ||
	    batch_open(dc->roots, 0, buf_view(&der), &arena, &c, &signer, sum, NULL) != ERR_OK)
		return;
	const struct batch_terminal *list = c.terminals.items;
	if (!c.order.n || !c.batch.n || !c.terminals.count || c.terminals.count > BATCH_TERMINALS_MAX)
		place_fail("a batch without its name, or of too many");
	for (size_t i = 0; i < c.terminals.count; i++)
		if (!list[i].serial.n || list[i].serial.n > FORMAT_POS_SERIAL_MAX || !list[i].packet.n)
			place_fail("a terminal of a batch without its packet");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct view v = VIEW(data + 1, size - 1);
	switch (data[0] % 8) {
	case 0:
		any(v);
		break;
	case 1:
		altered(v);
		break;
	case 2:
		list(v, true);
		break;
	case 3:
		altered_list(v);
		break;
	case 4:
		files(v);
		break;
	case 6:
		batch(v);
		break;
	default:
		below_signature(v);
		break;
	}
	return 0;
}
