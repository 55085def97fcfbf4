/* SPDX-License-Identifier: BSD-2-Clause */
/* OpenSSL 3.0 has no other way to a key of one's own making than a method, short of a provider. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <p11-kit/uri.h>

#include "pk11.h"
#include "token_key.h"

#define SIGNATURE_MAX 1024

/* What a method finds behind its key. */
struct token_key {
	struct pk11 *token;
	struct pk11_key *key;
};

static pthread_once_t methods_once = PTHREAD_ONCE_INIT;
static RSA_METHOD *rsa_method;
static EC_KEY_METHOD *ec_method;
static int rsa_index = -1, ec_index = -1;
static _Thread_local char why_last[200];

static void token_key_free(struct token_key *k)
{
	if (!k)
		return;
	pk11_key_free(k->key);
	pk11_free(k->token);
	free(k);
}

static void on_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp)
{
	token_key_free(ptr);
}

struct signing {
	struct token_key *key;
	CK_MECHANISM_TYPE mechanism;
	struct view in;
	uint8_t *out;
	CK_ULONG n; /* room, then length */
};

static enum err sign_work(struct pk11_session *s, void *arg, struct fail *f)
{
	struct signing *w = arg;
	CK_MECHANISM mechanism = { w->mechanism, NULL, 0 };
	CK_OBJECT_HANDLE handle;
	enum err e = pk11_key_handle(s, w->key->key, &handle, f);

	if (e != ERR_OK)
		return e;
	CK_RV rv = s->f->C_SignInit(s->handle, &mechanism, handle);
	if (rv != CKR_OK)
		return pk11_fail(f, rv, "C_SignInit");
	rv = s->f->C_Sign(s->handle, (CK_BYTE *)w->in.p, w->in.n, w->out, &w->n);
	return rv == CKR_OK ? ERR_OK : pk11_fail(f, rv, "C_Sign");
}

/* sign: the number of bytes in out; -1 with the reason noted. */
static int sign(struct token_key *k, CK_MECHANISM_TYPE mechanism, struct view in, uint8_t *out, size_t room)
{
	struct signing w = { .key = k, .mechanism = mechanism, .in = in, .out = out, .n = room };
	struct fail f = { 0 };

	if (pk11_run(k->token, sign_work, &w, &f) == ERR_OK)
		return (int)w.n;
	snprintf(why_last, sizeof(why_last), "token key: %.180s", f.text);
	ERR_raise_data(ERR_LIB_USER, ERR_R_OPERATION_FAIL, "%s", why_last);
	return -1;
}

static int rsa_private(int n, const unsigned char *from, unsigned char *to, RSA *rsa, int padding)
{
	struct token_key *k = RSA_get_ex_data(rsa, rsa_index);

	if (padding != RSA_PKCS1_PADDING && padding != RSA_NO_PADDING)
		return -1;
	return sign(k, padding == RSA_PKCS1_PADDING ? CKM_RSA_PKCS : CKM_RSA_X_509, VIEW(from, (size_t)n), to,
		    (size_t)RSA_size(rsa));
}

static int rsa_no_private(int n, const unsigned char *from, unsigned char *to, RSA *rsa, int padding)
{
	return -1; /* this key signs and does nothing else */
}

static ECDSA_SIG *ec_sign_sig(const unsigned char *digest, int n, const BIGNUM *kinv, const BIGNUM *rp, EC_KEY *ec)
{
	struct token_key *k = EC_KEY_get_ex_data(ec, ec_index);
	size_t half = (size_t)(EC_GROUP_order_bits(EC_KEY_get0_group(ec)) + 7) / 8;
	uint8_t out[SIGNATURE_MAX];
	BIGNUM *r = NULL, *s = NULL;
	ECDSA_SIG *sig = ECDSA_SIG_new();

	if ((size_t)n > half) /* the leftmost bits count (FIPS 186-4, 6.4); orders here are whole bytes */
		n = (int)half;
	int got = sig ? sign(k, CKM_ECDSA, VIEW(digest, (size_t)n), out, sizeof(out)) : -1;
	if (got != (int)(2 * half))
		goto fail;
	r = BN_bin2bn(out, (int)half, NULL);
	s = BN_bin2bn(out + half, (int)half, NULL);
	if (r && s && ECDSA_SIG_set0(sig, r, s))
		return sig;
fail:
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(sig);
	return NULL;
}

static int ec_sign(int type, const unsigned char *digest, int n, unsigned char *out, unsigned *ret_n,
		   const BIGNUM *kinv, const BIGNUM *r, EC_KEY *ec)
{
	ECDSA_SIG *sig = ec_sign_sig(digest, n, kinv, r, ec);
	int len = sig ? i2d_ECDSA_SIG(sig, &out) : 0;

	ECDSA_SIG_free(sig);
	*ret_n = len > 0 ? (unsigned)len : 0;
	return len > 0;
}

static void methods_init(void)
{
	RSA_METHOD *rsa = RSA_meth_dup(RSA_PKCS1_OpenSSL());
	EC_KEY_METHOD *ec = EC_KEY_METHOD_new(EC_KEY_OpenSSL());

	rsa_index = RSA_get_ex_new_index(0, NULL, NULL, NULL, on_free);
	ec_index = EC_KEY_get_ex_new_index(0, NULL, NULL, NULL, on_free);
	if (!rsa || !ec || rsa_index < 0 || ec_index < 0)
		return;
	RSA_meth_set1_name(rsa, "PKCS#11 token");
	RSA_meth_set_priv_enc(rsa, rsa_private);
	RSA_meth_set_priv_dec(rsa, rsa_no_private);
	RSA_meth_set_flags(rsa, RSA_METHOD_FLAG_NO_CHECK | RSA_FLAG_EXT_PKEY);
	EC_KEY_METHOD_set_sign(ec, ec_sign, NULL, ec_sign_sig);
	rsa_method = rsa;
	ec_method = ec;
}

static bool attribute(struct pk11_session *s, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, struct buf *ret)
{
	ret->len = 0;
	return pk11_attribute(s, object, type, ret, NULL) == ERR_OK && buf_ok(ret) && ret->len;
}

/* public_twin: the public key that belongs to a private one; false: there is none. */
static bool public_twin(struct pk11_session *s, CK_OBJECT_HANDLE private, CK_OBJECT_HANDLE *ret)
{
	CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
	BUF_AUTO id = { 0 };

	if (!attribute(s, private, CKA_ID, &id))
		return false;
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_ID, id.p, id.len } };
	return pk11_find_one(s, template, ARRAY_LEN(template), ret, NULL) == ERR_OK;
}

static RSA *rsa_public(struct pk11_session *s, CK_OBJECT_HANDLE private)
{
	CK_OBJECT_HANDLE from[2] = { private, 0 };
	size_t count = public_twin(s, private, &from[1]) ? 2 : 1;
	BUF_AUTO n = { 0 };
	BUF_AUTO e = { 0 };

	for (size_t i = 0; i < count; i++) {
		if (!attribute(s, from[i], CKA_MODULUS, &n) || !attribute(s, from[i], CKA_PUBLIC_EXPONENT, &e))
			continue;
		RSA *rsa = RSA_new();
		BIGNUM *bn = BN_bin2bn(n.p, (int)n.len, NULL), *be = BN_bin2bn(e.p, (int)e.len, NULL);
		if (rsa && bn && be && RSA_set0_key(rsa, bn, be, NULL))
			return rsa;
		RSA_free(rsa);
		BN_free(bn);
		BN_free(be);
	}
	return NULL;
}

/* ec_point: CKA_EC_POINT is an OCTET STRING; some tokens give the point bare. */
static bool ec_point(EC_KEY *ec, struct view point)
{
	const unsigned char *p = point.p;
	ASN1_OCTET_STRING *inner = d2i_ASN1_OCTET_STRING(NULL, &p, (long)point.n);
	bool ok = inner && p == point.p + point.n &&
		  EC_KEY_oct2key(ec, ASN1_STRING_get0_data(inner), (size_t)ASN1_STRING_length(inner), NULL);

	ASN1_OCTET_STRING_free(inner);
	return ok || EC_KEY_oct2key(ec, point.p, point.n, NULL);
}

static EC_KEY *ec_public(struct pk11_session *s, CK_OBJECT_HANDLE private)
{
	CK_OBJECT_HANDLE twin;
	BUF_AUTO params = { 0 };
	BUF_AUTO point = { 0 };

	if (!attribute(s, private, CKA_EC_PARAMS, &params))
		return NULL;
	if (!(public_twin(s, private, &twin) && attribute(s, twin, CKA_EC_POINT, &point)) &&
	    !attribute(s, private, CKA_EC_POINT, &point))
		return NULL;
	const unsigned char *p = params.p;
	EC_KEY *ec = d2i_ECParameters(NULL, &p, (long)params.len);
	if (ec && ec_point(ec, buf_view(&point)))
		return ec;
	EC_KEY_free(ec);
	return NULL;
}

/* wrap: the public part with our method and what it needs; takes k on success. */
static EVP_PKEY *wrap(struct token_key *k, RSA *rsa, EC_KEY *ec)
{
	EVP_PKEY *key = EVP_PKEY_new();

	if (key && rsa && RSA_set_method(rsa, rsa_method) && EVP_PKEY_assign_RSA(key, rsa)) {
		RSA_up_ref(rsa);
		if (RSA_set_ex_data(rsa, rsa_index, k))
			return key;
	} else if (key && ec && EC_KEY_set_method(ec, ec_method) && EVP_PKEY_assign_EC_KEY(key, ec)) {
		EC_KEY_up_ref(ec);
		if (EC_KEY_set_ex_data(ec, ec_index, k))
			return key;
	}
	EVP_PKEY_free(key);
	return NULL;
}

struct opening {
	struct token_key *key;
	const EVP_PKEY *known;
	EVP_PKEY *made;
};

static enum err open_work(struct pk11_session *s, void *arg, struct fail *f)
{
	struct opening *w = arg;
	CK_OBJECT_HANDLE private;
	CK_KEY_TYPE type = 0;
	RSA *rsa = NULL;
	EC_KEY *ec = NULL;
	enum err e = pk11_key_handle(s, w->key->key, &private, f);

	if (e != ERR_OK)
		return e;
	CK_ATTRIBUTE a = { CKA_KEY_TYPE, &type, sizeof(type) };
	CK_RV rv = s->f->C_GetAttributeValue(s->handle, private, &a, 1);
	if (rv != CKR_OK)
		return pk11_fail(f, rv, "C_GetAttributeValue");
	if (w->known && EVP_PKEY_is_a(w->known, type == CKK_RSA ? "RSA" : "EC")) {
		rsa = type == CKK_RSA ? EVP_PKEY_get1_RSA((EVP_PKEY *)w->known) : NULL;
		ec = type == CKK_EC ? EVP_PKEY_get1_EC_KEY((EVP_PKEY *)w->known) : NULL;
	}
	/* A key of its own: the caller's keeps its method. */
	if (rsa) {
		RSA *copy = RSAPublicKey_dup(rsa);
		RSA_free(rsa);
		rsa = copy;
	} else if (ec) {
		EC_KEY *copy = EC_KEY_dup(ec);
		EC_KEY_free(ec);
		ec = copy;
	}
	if (!rsa && type == CKK_RSA)
		rsa = rsa_public(s, private);
	if (!ec && type == CKK_EC)
		ec = ec_public(s, private);
	if (!rsa && !ec)
		return fail_set(f, ERR_KEY_MISSING, 0, "%.150s: %s", pk11_key_uri(w->key->key),
				type == CKK_RSA || type == CKK_EC ? "its public key is not on the token"
								  : "neither an RSA nor an EC key");
	w->made = wrap(w->key, rsa, ec);
	RSA_free(rsa);
	EC_KEY_free(ec);
	return w->made ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "token key");
}

bool token_key_uri(const char *text)
{
	return !strncmp(text, "pkcs11:", 7);
}

/* key_uri: what the URI says of the object, as a private key. */
static enum err key_uri(const char *uri, char **ret, struct fail *f)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE a = { CKA_CLASS, &class, sizeof(class) };
	P11KitUri *u = p11_kit_uri_new();
	enum err e = ERR_OK;

	if (!u)
		return fail_set(f, ERR_NO_MEMORY, 0, "token key");
	int rc = p11_kit_uri_parse(uri, P11_KIT_URI_FOR_OBJECT_ON_TOKEN_AND_MODULE, u);
	if (rc != P11_KIT_URI_OK)
		e = fail_set(f, ERR_CONFIG, 0, "PKCS#11 URI: %s", p11_kit_uri_message(rc));
	else if (!p11_kit_uri_get_attribute(u, CKA_LABEL) && !p11_kit_uri_get_attribute(u, CKA_ID))
		e = fail_set(f, ERR_CONFIG, 0, "PKCS#11 URI: which key? object= or id= is missing");
	else if (p11_kit_uri_set_attribute(u, &a) != P11_KIT_URI_OK ||
		 p11_kit_uri_format(u, P11_KIT_URI_FOR_OBJECT_ON_TOKEN, ret) != P11_KIT_URI_OK)
		e = fail_set(f, ERR_NO_MEMORY, 0, "token key");
	p11_kit_uri_free(u);
	return e;
}

enum err token_key_open(const char *uri, const char *pin_file, const EVP_PKEY *known, EVP_PKEY **ret, struct fail *f)
{
	struct pk11_options options = { .pin_file = pin_file };
	struct opening w = { .key = calloc(1, sizeof(*w.key)), .known = known };
	char *object = NULL;
	enum err e;

	pthread_once(&methods_once, methods_init);
	if (!w.key || !rsa_method || !ec_method) {
		free(w.key);
		return fail_set(f, ERR_NO_MEMORY, 0, "token key");
	}
	e = key_uri(uri, &object, f);
	if (e == ERR_OK)
		e = pk11_open(uri, &options, &w.key->token, f);
	if (e == ERR_OK)
		e = pk11_key_new(w.key->token, object, &w.key->key, f);
	if (e == ERR_OK)
		e = pk11_run(w.key->token, open_work, &w, f);
	free(object);
	ERR_clear_error();
	if (e != ERR_OK)
		token_key_free(w.key);
	else
		*ret = w.made;
	return e;
}

void token_key_why(char ret[200])
{
	unsigned long e = ERR_peek_last_error();
	const char *reason = e ? ERR_reason_error_string(e) : NULL;

	snprintf(ret, 200, "%s", why_last[0] ? why_last : reason ? reason : "");
	why_last[0] = 0;
	ERR_clear_error();
}
