/* SPDX-License-Identifier: BSD-2-Clause */
#include "working_cert.h"
#include "identity.h"

#include <openssl/err.h>
#include <string.h>

static enum err read_facts(X509 *cert, struct working_cert *ret, struct fail *f)
{
	struct working_cert w = { 0 };
	BUF_AUTO serial = { 0 };
	EVP_PKEY *key = X509_get0_pubkey(cert);
	if (key == NULL || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)
		return fail_set(f, ERR_REFUSED, 0, "working certificate: not an RSA key");
	w.key_bits = (unsigned)EVP_PKEY_get_bits(key);
	if (w.key_bits < 8 * FORMAT_RSA_MIN || w.key_bits > 8 * FORMAT_RSA_MAX)
		return fail_set(f, ERR_REFUSED, 0, "working certificate: RSA key of %u bits", w.key_bits);
	enum err e = identity_cert_serial(cert, &serial, f);
	if (e != ERR_OK)
		return e;
	if (!format_cert_serial_ok(buf_view(&serial)))
		return fail_set(f, ERR_REFUSED, 0, "working certificate: serial number out of range");
	w.serial_len = serial.len;
	memcpy(w.serial, serial.p, serial.len);
	*ret = w;
	return ERR_OK;
}

enum err working_cert_verify(struct view root_der, struct view cert_der, const char *crl_file, struct working_cert *ret,
			     struct fail *f)
{
	X509 *root = NULL, *cert = NULL;
	X509_STORE *store = X509_STORE_new();
	enum err e = identity_cert_parse(root_der, &root, f);
	if (e == ERR_OK)
		e = identity_cert_parse(cert_der, &cert, f);
	if (e == ERR_OK && (store == NULL || X509_STORE_add_cert(store, root) != 1))
		e = fail_set(f, ERR_NO_MEMORY, 0, "out of memory");
	if (e == ERR_OK && crl_file != NULL)
		e = identity_crl(store, crl_file, f);
	if (e == ERR_OK)
		e = identity_check(store, NULL, cert, ROLE_HSM, 0, f);
	if (e == ERR_OK)
		e = read_facts(cert, ret, f);
	ERR_clear_error();
	X509_STORE_free(store);
	X509_free(cert);
	X509_free(root);
	return e;
}
