/* SPDX-License-Identifier: BSD-2-Clause */
#include <limits.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "cms.h"

#define CMS_CERTIFICATES_MAX 8

/* The one signer's digest must be of SHA-2, of 256 bits or more. */
static bool digest_ok(CMS_ContentInfo *cms)
{
	STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(cms);
	X509_ALGOR *digest = NULL;
	int nid;

	if (sk_CMS_SignerInfo_num(signers) != 1)
		return false;
	CMS_SignerInfo_get0_algs(sk_CMS_SignerInfo_value(signers, 0), NULL, NULL, &digest, NULL);
	nid = digest ? OBJ_obj2nid(digest->algorithm) : NID_undef;
	return nid == NID_sha256 || nid == NID_sha384 || nid == NID_sha512;
}

/* Form only: SignedData, one signer, content inside and of type id-data, few certificates. */
static enum err parse(struct view der, CMS_ContentInfo **ret, struct fail *f)
{
	const unsigned char *p = der.p;
	CMS_ContentInfo *cms = der.n && der.n <= LONG_MAX ? d2i_CMS_ContentInfo(NULL, &p, (long)der.n) : NULL;
	STACK_OF(X509) *certs = NULL;
	bool ok;

	ok = cms && p == der.p + der.n && OBJ_obj2nid(CMS_get0_type(cms)) == NID_pkcs7_signed &&
	     !CMS_is_detached(cms) && OBJ_obj2nid(CMS_get0_eContentType(cms)) == NID_pkcs7_data &&
	     sk_CMS_SignerInfo_num(CMS_get0_SignerInfos(cms)) == 1;
	if (ok) {
		certs = CMS_get1_certs(cms);
		ok = certs && sk_X509_num(certs) >= 1 && sk_X509_num(certs) <= CMS_CERTIFICATES_MAX;
		sk_X509_pop_free(certs, X509_free);
	}
	if (!ok) {
		CMS_ContentInfo_free(cms);
		ERR_clear_error();
		return fail_set(f, ERR_MALFORMED, 0, "not CMS SignedData with one signer and its content inside");
	}
	*ret = cms;
	return ERR_OK;
}

/*
 * The roots' own purpose would be that of mail (CMS_verify's default); role and chain are checked by identity_check
 * afterwards, so CMS_verify is asked for the signature alone.
 */
static enum err verify_signature(CMS_ContentInfo *cms, BIO *out, struct fail *f)
{
	const char *reason;

	if (CMS_verify(cms, NULL, NULL, NULL, out, CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY) == 1)
		return ERR_OK;
	reason = ERR_reason_error_string(ERR_peek_last_error());
	ERR_clear_error();
	return fail_set(f, ERR_REFUSED, 0, "signature: %s", reason ? reason : "wrong");
}

static enum err check_signer(CMS_ContentInfo *cms, X509_STORE *roots, enum role role, time_t at, struct cms_signer *ret,
			     struct fail *f)
{
	STACK_OF(X509) *signers = CMS_get0_signers(cms);
	STACK_OF(X509) *certs = CMS_get1_certs(cms);
	BUF_AUTO serial = { 0 };
	struct cms_signer signer;
	enum err e;

	if (!signers || sk_X509_num(signers) != 1)
		e = fail_set(f, ERR_REFUSED, 0, "the signer's certificate is not there");
	else
		e = identity_check(roots, certs, sk_X509_value(signers, 0), role, at, f);
	if (!e && !(X509_get_key_usage(sk_X509_value(signers, 0)) & KU_DIGITAL_SIGNATURE))
		e = fail_set(f, ERR_REFUSED, 0, "the signer's certificate is not for signatures");
	if (!e)
		e = identity_cert_serial(sk_X509_value(signers, 0), &serial, f);
	if (!e && (!buf_ok(&serial) || serial.len > 20))
		e = fail_set(f, ERR_REFUSED, 0, "the signer's serial number is too long");
	if (!e) {
		identity_cert_name(sk_X509_value(signers, 0), signer.name, sizeof(signer.name));
		hex_encode(buf_view(&serial), signer.serial);
		*ret = signer;
	}
	sk_X509_free(signers);
	sk_X509_pop_free(certs, X509_free);
	return e;
}

enum err cms_verify(X509_STORE *roots, enum role role, time_t at, struct view der, struct buf *ret_content,
		    struct cms_signer *ret, struct fail *f)
{
	CMS_ContentInfo *cms = NULL;
	BIO *out = NULL;
	struct cms_signer signer;
	char *p = NULL;
	long n;
	enum err e = parse(der, &cms, f);

	if (e)
		return e;
	out = BIO_new(BIO_s_mem());
	if (!out)
		e = fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	else if (!digest_ok(cms))
		e = fail_set(f, ERR_REFUSED, 0, "signature: SHA-256 or longer is asked for");
	if (!e)
		e = verify_signature(cms, out, f);
	if (!e)
		e = check_signer(cms, roots, role, at, &signer, f);
	if (!e) {
		n = BIO_get_mem_data(out, &p);
		buf_put(ret_content, p, (size_t)n);
		if (buf_ok(ret_content))
			*ret = signer;
		else
			e = fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	}
	BIO_free(out);
	CMS_ContentInfo_free(cms);
	return e;
}

enum err cms_sign(const struct identity *signer, struct view content, struct buf *ret_der, struct fail *f)
{
	BIO *in = content.n <= INT_MAX ? BIO_new_mem_buf(content.p, (int)content.n) : NULL;
	CMS_ContentInfo *cms = NULL;
	unsigned char *der = NULL;
	int n = -1;

	if (in)
		cms = CMS_sign(NULL, NULL, NULL, NULL, CMS_BINARY | CMS_PARTIAL);
	if (cms && CMS_add1_signer(cms, signer->cert, signer->key, EVP_sha256(), CMS_BINARY | CMS_NOSMIMECAP) &&
	    CMS_final(cms, in, NULL, CMS_BINARY))
		n = i2d_CMS_ContentInfo(cms, &der);
	if (n > 0)
		buf_put(ret_der, der, (size_t)n);
	OPENSSL_free(der);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	if (n <= 0 || !buf_ok(ret_der)) {
		ERR_clear_error();
		return fail_set(f, ERR_INTERNAL, 0, "cannot sign");
	}
	return ERR_OK;
}

enum err working_certificate_load(const char *path, X509_STORE *roots, struct working_certificate *ret, struct fail *f)
{
	struct working_certificate w = { 0 };
	unsigned char *spki = NULL;
	X509 *cert = NULL;
	int n;
	enum err e = identity_cert_load(path, &cert, f);

	if (!e)
		e = identity_check(roots, NULL, cert, ROLE_HSM, 0, f);
	if (!e)
		e = identity_cert_der(cert, &w.der, f);
	if (!e)
		e = identity_cert_serial(cert, &w.serial, f);
	if (!e) {
		n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki);
		if (n > 0)
			buf_put(&w.spki, spki, (size_t)n);
		if (n <= 0 || !buf_ok(&w.spki) || !buf_ok(&w.der) || !buf_ok(&w.serial))
			e = fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	}
	OPENSSL_free(spki);
	X509_free(cert);
	if (e)
		working_certificate_done(&w);
	else
		*ret = w;
	return e;
}

void working_certificate_done(struct working_certificate *w)
{
	buf_done(&w->der);
	buf_done(&w->serial);
	buf_done(&w->spki);
}
