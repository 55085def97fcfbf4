/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TERMINAL_CARD_H
#define TERMINAL_CARD_H

#include "identity.h"

/*
 * The operator card: a PKCS#11 token with a signing key (RSA or EC) and the operator's certificate, reached with libp11
 * through the card's own module (R1.5). A struct card is always logged in: there is no way to it but the PIN. Keys that
 * ask for the PIN at every signature (CKA_ALWAYS_AUTHENTICATE) get it.
 *
 * Which key: the one of the URI's object= and id=; without them the one named "operator"; without that the only one
 * that has a certificate of the role operator beside it (the same CKA_ID).
 */
struct card;

#define CARD_MODULE_DEFAULT "p11-kit-proxy.so"
#define CARD_LABEL_DEFAULT "operator"

/*
 * card_open: loads the module, finds the one token that the URI names, verifies the operator's PIN.
 *
 * module    path of a PKCS#11 module; NULL: p11-kit's proxy, which holds every configured module
 * uri       RFC 7512; token=, serial=, manufacturer=, model= choose the token, object= and id= the key
 * pin_file  file of mode 0600 or stricter, content is the PIN, one trailing newline dropped
 * Secret:   the PIN; kept in struct secret until card_free, for keys that ask for it again (libp11 keeps one copy too).
 * Errors:   ERR_CONFIG (URI, PIN file), ERR_NOT_FOUND (no or several such tokens), ERR_REFUSED (PIN), ERR_TOKEN.
 * Source:   R1.5
 */
enum err card_open(const char *module, const char *uri, const char *pin_file, struct card **ret,
		   struct fail *f) MUST_CHECK;
void card_free(struct card *c);

/* card_certificate: the operator's, DER, appended. ERR_KEY_MISSING. */
enum err card_certificate(struct card *c, struct buf *ret_der, struct fail *f) MUST_CHECK;

/* card_make_key: RSA-2048 pair in the card; ERR_REFUSED when the card holds a key of that label. */
enum err card_make_key(struct card *c, struct fail *f) MUST_CHECK;
/* card_request: PKCS#10 in PEM with this common name, signed by the card's key. ERR_KEY_MISSING, ERR_TOKEN. */
enum err card_request(struct card *c, const char *common_name, struct buf *ret_pem, struct fail *f) MUST_CHECK;
/* card_store_certificate: PEM or DER; ERR_REFUSED when it is not over the card's key. An older one is replaced. */
enum err card_store_certificate(struct card *c, struct view certificate, struct fail *f) MUST_CHECK;
/*
 * card_check: key and certificate are there and belong together, the certificate is an operator's, of these roots,
 * valid now and not revoked; answers its common name in ret_name. ERR_KEY_MISSING, ERR_REFUSED.
 */
enum err card_check(struct card *c, X509_STORE *roots, char ret_name[128], struct fail *f) MUST_CHECK;
/*
 * card_sign: CMS SignedData (DER) over content, which is inside; SHA-256, PKCS#1 v1.5 or ECDSA by the key's type,
 * operator certificate included. The card must be there: what its module keeps from before does not sign.
 * Errors: ERR_KEY_MISSING (no key or certificate), ERR_TOKEN. *ret_cms is appended to.
 * Source: R1.5
 */
enum err card_sign(struct card *c, struct view content, struct buf *ret_cms, struct fail *f) MUST_CHECK;

#endif
