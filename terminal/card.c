/* SPDX-License-Identifier: BSD-2-Clause */
#include "card.h"
#include "pk11.h"
#include "secret.h"

#include <errno.h>
#include <libp11.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ui.h>
#include <openssl/x509.h>
#include <p11-kit/pkcs11.h>
#include <p11-kit/uri.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CARD_KEY_BITS 2048

struct card {
	PKCS11_CTX *ctx;
	bool loaded;
	PKCS11_SLOT *slots;
	unsigned slot_count;
	PKCS11_SLOT *slot; /* one of slots */
	char label[64];    /* of the URI; "": none */
	unsigned char id[64];
	size_t id_len;
	UI_METHOD *ui;
	struct secret pin; /* with a zero behind, as libp11 wants it */
};

/* The reason of libp11's last error is the CK_RV of the failed call, or 0. */
static unsigned long last_rv(void)
{
	unsigned long e = ERR_peek_last_error();
	ERR_clear_error();
	return e == 0 ? 0 : (unsigned long)ERR_GET_REASON(e);
}

static enum err card_fail(struct fail *f, enum err code, const char *text)
{
	char why[160] = "";
	unsigned long e = ERR_peek_last_error();
	if (e != 0)
		ERR_error_string_n(e, why, sizeof(why));
	return fail_set(f, code, last_rv(), "%s%s%s", text, why[0] ? ": " : "", why);
}

/* A blank-padded field of CK_TOKEN_INFO against libp11's trimmed text; a field that begins with 0 was not asked for. */
static bool field_matches(const unsigned char *field, size_t n, const char *text)
{
	if (field[0] == 0)
		return true;
	while (n > 0 && field[n - 1] == ' ')
		n--;
	return text != NULL && strlen(text) == n && memcmp(field, text, n) == 0;
}

static bool token_matches(const CK_TOKEN_INFO *want, const PKCS11_TOKEN *t)
{
	return t != NULL && t->initialized && field_matches(want->label, sizeof(want->label), t->label) &&
	       field_matches(want->serialNumber, sizeof(want->serialNumber), t->serialnr) &&
	       field_matches(want->manufacturerID, sizeof(want->manufacturerID), t->manufacturer) &&
	       field_matches(want->model, sizeof(want->model), t->model);
}

static enum err find_slot(struct card *c, P11KitUri *uri, struct fail *f)
{
	const CK_TOKEN_INFO *want = p11_kit_uri_get_token_info(uri);
	if (PKCS11_enumerate_slots(c->ctx, &c->slots, &c->slot_count) != 0)
		return card_fail(f, ERR_TOKEN, "operator card: no card reader");
	for (unsigned i = 0; i < c->slot_count; i++) {
		if (!token_matches(want, c->slots[i].token))
			continue;
		if (c->slot != NULL)
			return fail_set(f, ERR_NOT_FOUND, 0, "operator card: the URI names several tokens");
		c->slot = &c->slots[i];
	}
	if (c->slot == NULL)
		return fail_set(f, ERR_NOT_FOUND, 0, "operator card: no token as the URI names it");
	return ERR_OK;
}

static enum err read_uri(struct card *c, const char *text, P11KitUri *uri, struct fail *f)
{
	int r = p11_kit_uri_parse(text, P11_KIT_URI_FOR_OBJECT_ON_TOKEN, uri);
	if (r != P11_KIT_URI_OK)
		return fail_set(f, ERR_CONFIG, 0, "operator card: bad URI: %s", p11_kit_uri_message(r));
	if (p11_kit_uri_any_unrecognized(uri))
		return fail_set(f, ERR_CONFIG, 0, "operator card: the URI has parts not known here");
	CK_ATTRIBUTE_PTR label = p11_kit_uri_get_attribute(uri, CKA_LABEL);
	CK_ATTRIBUTE_PTR id = p11_kit_uri_get_attribute(uri, CKA_ID);
	if ((label != NULL && (label->ulValueLen == 0 || label->ulValueLen >= sizeof(c->label))) ||
	    (id != NULL && (id->ulValueLen == 0 || id->ulValueLen > sizeof(c->id))))
		return fail_set(f, ERR_CONFIG, 0, "operator card: object or id of the URI too long");
	if (label != NULL)
		memcpy(c->label, label->pValue, label->ulValueLen);
	if (id != NULL) {
		memcpy(c->id, id->pValue, id->ulValueLen);
		c->id_len = id->ulValueLen;
	}
	return ERR_OK;
}

/* libp11 asks so for the PIN of a key with CKA_ALWAYS_AUTHENTICATE. */
static int answer_pin(UI *ui, UI_STRING *string)
{
	const struct card *c = UI_get0_user_data(ui);
	enum UI_string_types type = UI_get_string_type(string);
	if (type != UIT_PROMPT && type != UIT_VERIFY)
		return 1;
	return c != NULL && c->pin.len > 0 && UI_set_result(ui, string, (const char *)c->pin.p) == 0;
}

static enum err prepare_pin(struct card *c, const char *pin_file, struct fail *f)
{
	SECRET_AUTO read = { 0 };
	enum err e = pin_read(pin_file, &read, f);
	if (e != ERR_OK)
		return e;
	if (!secret_init(&c->pin, read.len + 1) || !secret_append(&c->pin, read.p, read.len) ||
	    !secret_append(&c->pin, "", 1))
		return fail_set(f, ERR_NO_MEMORY, 0, "out of memory");
	c->ui = UI_create_method("operator card");
	if (c->ui == NULL || UI_method_set_reader(c->ui, answer_pin) != 0 ||
	    PKCS11_set_ui_method(c->ctx, c->ui, c) != 0)
		return fail_set(f, ERR_NO_MEMORY, 0, "out of memory");
	return ERR_OK;
}

/* A card that cannot be written to is as good for signing. */
static enum err login(struct card *c, const char *pin_file, struct fail *f)
{
	enum err e = prepare_pin(c, pin_file, f);
	if (e != ERR_OK)
		return e;
	if (PKCS11_open_session(c->slot, c->slot->token->readOnly ? 0 : 1) != 0)
		return card_fail(f, ERR_TOKEN, "operator card: no session");
	if (PKCS11_login(c->slot, 0, (const char *)c->pin.p) == 0)
		return ERR_OK;
	unsigned long rv = last_rv();
	if (rv == CKR_PIN_INCORRECT || rv == CKR_PIN_LOCKED || rv == CKR_PIN_LEN_RANGE || rv == CKR_PIN_INVALID)
		return fail_set(f, ERR_REFUSED, rv, "operator PIN refused by the card%s",
				rv == CKR_PIN_LOCKED ? " (locked)" : "");
	return fail_set(f, ERR_TOKEN, rv, "operator card: login failed");
}

enum err card_open(const char *module, const char *uri_text, const char *pin_file, struct card **ret, struct fail *f)
{
	enum err e;
	struct card *c = calloc(1, sizeof(*c));
	P11KitUri *uri = p11_kit_uri_new();
	if (c == NULL || uri == NULL) {
		e = fail_set(f, ERR_NO_MEMORY, 0, "out of memory");
		goto out;
	}
	if ((e = read_uri(c, uri_text, uri, f)) != ERR_OK)
		goto out;
	c->ctx = PKCS11_CTX_new();
	if (c->ctx == NULL || PKCS11_CTX_load(c->ctx, module != NULL ? module : CARD_MODULE_DEFAULT) != 0) {
		e = card_fail(f, ERR_TOKEN, "operator card: module not loaded");
		goto out;
	}
	c->loaded = true;
	if ((e = find_slot(c, uri, f)) != ERR_OK || (e = login(c, pin_file, f)) != ERR_OK)
		goto out;
	*ret = c;
	c = NULL;
out:
	p11_kit_uri_free(uri);
	card_free(c);
	return e;
}

void card_free(struct card *c)
{
	if (c == NULL)
		return;
	if (c->slot != NULL) {
		PKCS11_logout(c->slot);
		ERR_clear_error();
	}
	if (c->slots != NULL)
		PKCS11_release_all_slots(c->ctx, c->slots, c->slot_count);
	if (c->loaded)
		PKCS11_CTX_unload(c->ctx);
	PKCS11_CTX_free(c->ctx);
	UI_destroy_method(c->ui);
	secret_done(&c->pin);
	free(c);
}

static PKCS11_CERT *find_certificate(struct card *c, const PKCS11_KEY *key)
{
	PKCS11_CERT *certs = NULL;
	unsigned n = 0;
	if (PKCS11_enumerate_certs(c->slot->token, &certs, &n) != 0) {
		ERR_clear_error();
		return NULL;
	}
	for (unsigned i = 0; i < n; i++)
		if (certs[i].id_len == key->id_len && memcmp(certs[i].id, key->id, key->id_len) == 0 &&
		    certs[i].x509 != NULL)
			return &certs[i];
	return NULL;
}

static bool named(const PKCS11_KEY *key, const char *label)
{
	return key->label != NULL && strcmp(key->label, label) == 0;
}

static bool is_operators(struct card *c, const PKCS11_KEY *key)
{
	PKCS11_CERT *cert = find_certificate(c, key);
	return cert != NULL && identity_cert_role(cert->x509) == ROLE_OPERATOR;
}

/* The key that card.h says; NULL when there is none, or more than one and no word which. */
static PKCS11_KEY *find_key(struct card *c)
{
	PKCS11_KEY *keys = NULL, *found = NULL;
	unsigned n = 0;
	if (PKCS11_enumerate_keys(c->slot->token, &keys, &n) != 0) {
		ERR_clear_error();
		return NULL;
	}
	bool told = c->label[0] != 0 || c->id_len != 0;
	for (unsigned i = 0; i < n; i++)
		if (keys[i].isPrivate && (told ? (c->label[0] == 0 || named(&keys[i], c->label)) &&
						     (c->id_len == 0 || (keys[i].id_len == c->id_len &&
									 memcmp(keys[i].id, c->id, c->id_len) == 0))
					       : named(&keys[i], CARD_LABEL_DEFAULT)))
			return &keys[i];
	if (told)
		return NULL;
	for (unsigned i = 0; i < n; i++) {
		if (!keys[i].isPrivate || !is_operators(c, &keys[i]))
			continue;
		if (found != NULL)
			return NULL;
		found = &keys[i];
	}
	return found;
}

static const char *key_label(const struct card *c)
{
	return c->label[0] ? c->label : CARD_LABEL_DEFAULT;
}

enum err card_make_key(struct card *c, struct fail *f)
{
	unsigned char id[8];
	if (find_key(c) != NULL)
		return fail_set(f, ERR_REFUSED, 0, "operator card: it holds a key '%s' already", key_label(c));
	if (RAND_bytes(id, sizeof(id)) != 1)
		return card_fail(f, ERR_INTERNAL, "no random bytes");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
	/* libp11 0.4 has no other way to a key pair; 0.5 drops this call for PKCS11_keygen. */
	int r = PKCS11_generate_key(c->slot->token, 0, CARD_KEY_BITS, (char *)key_label(c), id, sizeof(id));
#pragma GCC diagnostic pop
	if (r != 0)
		return card_fail(f, ERR_TOKEN, "operator card: key pair not made");
	return ERR_OK;
}

/* The private key as EVP_PKEY; it knows its public part too. */
static enum err get_key(struct card *c, EVP_PKEY **ret_private, PKCS11_KEY **ret_key, struct fail *f)
{
	PKCS11_KEY *key = find_key(c);
	if (key == NULL)
		return fail_set(f, ERR_KEY_MISSING, 0, "operator card: no key '%s'", key_label(c));
	EVP_PKEY *private = PKCS11_get_private_key(key);
	if (private == NULL)
		return card_fail(f, ERR_TOKEN, "operator card: key not usable");
	*ret_private = private;
	*ret_key = key;
	return ERR_OK;
}

static bool bio_take(BIO *bio, struct buf *out)
{
	char *p = NULL;
	long n = BIO_get_mem_data(bio, &p);
	if (n <= 0)
		return false;
	buf_put(out, p, (size_t)n);
	return buf_ok(out);
}

enum err card_request(struct card *c, const char *common_name, struct buf *ret_pem, struct fail *f)
{
	EVP_PKEY *private = NULL;
	PKCS11_KEY *key;
	X509_REQ *req = NULL;
	X509_NAME *name = NULL;
	BIO *bio = NULL;
	enum err e = get_key(c, &private, &key, f);
	if (e != ERR_OK)
		return e;
	req = X509_REQ_new();
	name = X509_NAME_new();
	bio = BIO_new(BIO_s_mem());
	if (req == NULL || name == NULL || bio == NULL || X509_REQ_set_version(req, 0) != 1 ||
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0) != 1 ||
	    X509_REQ_set_subject_name(req, name) != 1 || X509_REQ_set_pubkey(req, private) != 1 ||
	    X509_REQ_sign(req, private, EVP_sha256()) <= 0 || PEM_write_bio_X509_REQ(bio, req) != 1 ||
	    !bio_take(bio, ret_pem))
		e = card_fail(f, ERR_TOKEN, "operator card: request not signed");
	BIO_free(bio);
	X509_NAME_free(name);
	X509_REQ_free(req);
	EVP_PKEY_free(private);
	return e;
}

static X509 *read_certificate(struct view v)
{
	X509 *x = NULL;
	BIO *bio = BIO_new_mem_buf(v.p, (int)v.n);
	if (bio == NULL)
		return NULL;
	if (v.n > 0 && v.p[0] == '-')
		x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	else
		x = d2i_X509_bio(bio, NULL);
	BIO_free(bio);
	return x;
}

enum err card_store_certificate(struct card *c, struct view certificate, struct fail *f)
{
	EVP_PKEY *private = NULL;
	PKCS11_KEY *key;
	X509 *x = NULL;
	enum err e = get_key(c, &private, &key, f);
	if (e != ERR_OK)
		return e;
	x = read_certificate(certificate);
	if (x == NULL) {
		e = card_fail(f, ERR_MALFORMED, "not a certificate");
		goto out;
	}
	if (EVP_PKEY_eq(X509_get0_pubkey(x), private) != 1) {
		e = fail_set(f, ERR_REFUSED, 0, "the certificate is not over the card's key");
		goto out;
	}
	PKCS11_CERT *old = find_certificate(c, key);
	if (old != NULL && PKCS11_remove_certificate(old) != 0) {
		e = card_fail(f, ERR_TOKEN, "operator card: older certificate not removed");
		goto out;
	}
	if (PKCS11_store_certificate(c->slot->token, x, (char *)key_label(c), key->id, key->id_len, NULL) != 0)
		e = card_fail(f, ERR_TOKEN, "operator card: certificate not stored");
out:
	X509_free(x);
	EVP_PKEY_free(private);
	return e;
}

enum err card_certificate(struct card *c, struct buf *ret_der, struct fail *f)
{
	PKCS11_KEY *key = find_key(c);
	PKCS11_CERT *cert = key != NULL ? find_certificate(c, key) : NULL;
	if (cert == NULL)
		return fail_set(f, ERR_KEY_MISSING, 0, "operator card: %s", key ? "no certificate" : "no key");
	return identity_cert_der(cert->x509, ret_der, f);
}

enum err card_check(struct card *c, X509_STORE *roots, char ret_name[128], struct fail *f)
{
	PKCS11_KEY *key = find_key(c);
	PKCS11_CERT *cert = key != NULL ? find_certificate(c, key) : NULL;
	struct fail why = { 0 };
	if (cert == NULL)
		return fail_set(f, ERR_KEY_MISSING, 0, "operator card: %s", key ? "no certificate" : "no key");
	EVP_PKEY *private = PKCS11_get_private_key(key);
	bool same = private != NULL && EVP_PKEY_eq(X509_get0_pubkey(cert->x509), private) == 1;
	EVP_PKEY_free(private);
	ERR_clear_error();
	if (!same)
		return fail_set(f, ERR_REFUSED, 0, "operator card: the certificate is not over the card's key");
	enum err e = identity_check(roots, NULL, cert->x509, ROLE_OPERATOR, 0, &why);
	if (e != ERR_OK)
		return fail_set(f, e, 0, "operator card: %s", why.text);
	identity_cert_name(cert->x509, ret_name, 128);
	return ERR_OK;
}

enum err card_sign(struct card *c, struct view content, struct buf *ret_cms, struct fail *f)
{
	EVP_PKEY *private = NULL;
	PKCS11_KEY *key;
	CMS_ContentInfo *cms = NULL;
	BIO *in = NULL, *out = NULL;
	enum err e = get_key(c, &private, &key, f);
	if (e != ERR_OK)
		return e;
	PKCS11_CERT *cert = find_certificate(c, key);
	if (cert == NULL) {
		e = fail_set(f, ERR_KEY_MISSING, 0, "operator card: no certificate");
		goto out;
	}
	in = BIO_new_mem_buf(content.p, (int)content.n);
	out = BIO_new(BIO_s_mem());
	cms = CMS_sign(NULL, NULL, NULL, NULL, CMS_BINARY | CMS_PARTIAL);
	if (in == NULL || out == NULL || cms == NULL ||
	    CMS_add1_signer(cms, cert->x509, private, EVP_sha256(), CMS_BINARY) == NULL ||
	    CMS_final(cms, in, NULL, CMS_BINARY) != 1 || i2d_CMS_bio(out, cms) != 1 || !bio_take(out, ret_cms))
		e = card_fail(f, ERR_TOKEN, "operator card: batch not signed");
out:
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	BIO_free(out);
	EVP_PKEY_free(private);
	return e;
}
