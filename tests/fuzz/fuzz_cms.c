/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What comes signed (R1.5, R1.6, R2.2): batches, requests and manifests as CMS, certificates as DER. Chance bytes; a
 * good CMS with some bytes altered, which must never give other content; and any content below a good signature, for
 * the parsers behind it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest.h"
#include "pki.h"
#include "temp.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[128];
static struct pki pki;
static struct identity *dc;
static struct buf good; /* a manifest */
static struct buf good_content;

static void leave(void)
{
	buf_done(&good);
	buf_done(&good_content);
	identity_free(dc);
	pki_done(&pki);
	temp_remove(dir);
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

	temp_dir(dir);
	pki_init(&pki, dir, "root");
	pki_identity(&pki, ROLE_DC, "dc1");
	snprintf(cert, sizeof(cert), "%s/dc1.crt", dir);
	snprintf(key, sizeof(key), "%s/dc1.key", dir);
	if (identity_load(cert, key, pki.root_pem, ROLE_DC, &dc, NULL) || manifest_make(dc, &m, &good, NULL) ||
	    cms_verify(dc->roots, ROLE_DC, 0, buf_view(&good), &good_content, &signer, NULL)) {
		fprintf(stderr, "no good manifest\n");
		abort();
	}
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct view v = VIEW(data + 1, size - 1);
	switch (data[0] % 4) {
	case 0:
		any(v);
		break;
	case 1:
		altered(v);
		break;
	default:
		below_signature(v);
		break;
	}
	return 0;
}
