/* SPDX-License-Identifier: BSD-2-Clause */
#include "ops_rig.h"

#include <openssl/cmac.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

static EVP_PKEY *public_key(struct view spki)
{
	const unsigned char *p = spki.p;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)spki.n);

	ck_assert_ptr_nonnull(key);
	return key;
}

void rig_certificate(struct view spki, struct buf *ret)
{
	EVP_PKEY *subject = public_key(spki);
	EVP_PKEY *issuer = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	unsigned char *der = NULL;

	ck_assert(issuer && x && ASN1_INTEGER_set(X509_get_serialNumber(x), 77));
	ck_assert(X509_set_version(x, 2) && X509_gmtime_adj(X509_getm_notBefore(x), -60));
	ck_assert(X509_gmtime_adj(X509_getm_notAfter(x), 3600) && X509_set_pubkey(x, subject));
	ck_assert_int_gt(X509_sign(x, issuer, EVP_sha256()), 0);
	int n = i2d_X509(x, &der);
	ck_assert_int_gt(n, 0);
	buf_put(ret, der, (size_t)n);
	OPENSSL_free(der);
	X509_free(x);
	EVP_PKEY_free(issuer);
	EVP_PKEY_free(subject);
}

size_t rig_cmac(uint8_t type, struct view key, struct view data, uint8_t ret[16])
{
	uint8_t k[32];
	size_t n = 0, len = key.n;
	const char *cipher = "DES-EDE3-CBC";
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);

	memcpy(k, key.p, key.n);
	if (type == FORMAT_KEY_AES) {
		cipher = key.n == 16 ? "AES-128-CBC" : key.n == 24 ? "AES-192-CBC" : "AES-256-CBC";
	} else if (key.n == 16) {
		memcpy(k + 16, k, 8);
		len = 24;
	}
	OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, (char *)(uintptr_t)cipher, 0),
				OSSL_PARAM_construct_end() };
	ck_assert(ctx && EVP_MAC_init(ctx, k, len, params) == 1 && EVP_MAC_update(ctx, data.p, data.n) == 1 &&
		  EVP_MAC_final(ctx, ret, &n, 16) == 1);
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
	return n;
}

static size_t oaep(EVP_PKEY *key, uint8_t hash, struct view plain, uint8_t ret[FORMAT_RSA_MAX])
{
	static const char *const hashes[] = { "", "SHA1", "SHA256", "SHA384", "SHA512" };
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	size_t n = FORMAT_RSA_MAX;
	const EVP_MD *md = EVP_get_digestbyname(hashes[hash]);

	ck_assert(ctx && md && EVP_PKEY_encrypt_init(ctx) == 1 &&
		  EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
		  EVP_PKEY_CTX_set_rsa_oaep_md(ctx, md) == 1 && EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) == 1 &&
		  EVP_PKEY_encrypt(ctx, ret, &n, plain.p, plain.n) == 1);
	EVP_PKEY_CTX_free(ctx);
	return n;
}

void rig_packet(struct view spki, const struct rig_packet *in, struct buf *ret)
{
	static const uint8_t cert_serial[] = { 77 };
	EVP_PKEY *pu = public_key(spki);
	uint8_t ctek[FORMAT_RSA_MAX], cauk[FORMAT_RSA_MAX], mac[16];
	BUF_AUTO covered = { 0 };
	struct tk_packet p = {
		.suite = in->suite,
		.version = FORMAT_VERSION,
		.handshake = in->handshake,
		.oaep_hash = in->hash,
		.pos_serial = view_of_string(in->serial),
		.pin_pad = VIEW_STR("PP1"),
		.cert_serial = VIEW(cert_serial, 1),
		.counter = in->counter,
		.tek = { FORMAT_ROLE_TEK, in->type, in->length, VIEW(NULL, 0) },
		.auk = { FORMAT_ROLE_AUK, in->type, in->length, VIEW(NULL, 0) },
	};

	p.ctek = VIEW(ctek, oaep(pu, in->hash, in->tek, ctek));
	p.cauk = VIEW(cauk, oaep(pu, in->hash, in->auk, cauk));
	EVP_PKEY_free(pu);
	tk_packet_mac_input(&covered, &p);
	ck_assert(buf_ok(&covered));
	p.mac = VIEW(mac, rig_cmac(in->type, VIEW(in->auk.p, in->length), buf_view(&covered), mac));
	tk_packet_put(ret, &p);
	ck_assert(buf_ok(ret));
}
