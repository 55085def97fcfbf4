/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_TOKEN_KEY_H
#define HOST_TOKEN_KEY_H

#include <openssl/evp.h>

#include "err.h"

/*
 * Private keys that stay in a PKCS#11 token and sign there: an EVP_PKEY whose every signature is a C_Sign. It serves
 * wherever OpenSSL takes a private key: certificates, CRLs, CMS, TLS (R1.1, R2.3). RSA and EC keys.
 *
 * URI: as in pk11.h; object= or id= chooses the key. Mechanisms: RSA CKM_RSA_PKCS, with PSS (TLS 1.3) CKM_RSA_X_509;
 * EC CKM_ECDSA.
 */

/* token_key_uri: is this text a PKCS#11 URI and not a file name? */
bool token_key_uri(const char *text) MUST_CHECK;

/*
 * token_key_open: the key that the URI names, with its public part, which is read from the private key, from the public
 * key with the same CKA_ID, or is given (known, may be NULL; belongs to the caller). The token stays open and logged in
 * until the last reference to the key goes (EVP_PKEY_free). Signing fails as OpenSSL functions fail, with the reason in
 * its error queue; token_key_why takes it from there.
 *
 * pin_file  file with the PIN, instead of the URI's pin-source; NULL: as the URI says
 * Errors:   ERR_CONFIG (URI, PIN file), ERR_NOT_FOUND (token), ERR_KEY_MISSING (no such key, or several; not RSA, not
 *           EC on a named curve; no public part), ERR_TOKEN.
 */
enum err token_key_open(const char *uri, const char *pin_file, const EVP_PKEY *known, EVP_PKEY **ret,
			struct fail *f) MUST_CHECK;
/*
 * token_key_make: a key pair on the token, under the object name of the URI: sensitive, not extractable, for signatures
 * alone. type: a name of token_key_types. ERR_DUPLICATE: a key of that name is there; ERR_USAGE: type, no object=.
 */
enum err token_key_make(const char *uri, const char *pin_file, const char *type, struct fail *f) MUST_CHECK;
/* token_key_types: "ec-p256, ec-p384, rsa-3072, rsa-4096", for texts. token_key_type_ok: is type one of them? */
const char *token_key_types(void);
bool token_key_type_ok(const char *type) MUST_CHECK;

/* token_key_why: the reason of the last failure in a token key of this thread, else OpenSSL's; empties the queue. */
void token_key_why(char ret[200]);

#endif
