/* SPDX-License-Identifier: BSD-2-Clause */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include "identity.h"
#include "ops_own.h"

/* Public RSA keys on their way between tokens and certificates: nothing secret here. */

static const uint8_t exponent_f4[] = { 1, 0, 1 };

static enum err spki_put(struct view modulus, struct view exponent, struct buf *ret, struct fail *f)
{
	enum err e = ERR_OK;
	unsigned char *der = NULL;
	EVP_PKEY *key = NULL;
	OSSL_PARAM *params = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	BIGNUM *n = BN_bin2bn(modulus.p, (int)modulus.n, NULL);
	BIGNUM *x = BN_bin2bn(exponent.p, (int)exponent.n, NULL);

	if (!ctx || !build || !n || !x || !OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) ||
	    !OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, x) || !(params = OSSL_PARAM_BLD_to_param(build)) ||
	    EVP_PKEY_fromdata_init(ctx) != 1 || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
		e = fail_set(f, ERR_INTERNAL, 0, "public key of the token is no RSA key");
		goto out;
	}
	int len = i2d_PUBKEY(key, &der);
	if (len > 0)
		buf_put(ret, der, (size_t)len);
	if (len <= 0 || !buf_ok(ret))
		e = fail_set(f, ERR_NO_MEMORY, 0, "public key");
out:
	OPENSSL_free(der);
	EVP_PKEY_free(key);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	EVP_PKEY_CTX_free(ctx);
	BN_free(n);
	BN_free(x);
	return e;
}

enum err step_pair_generate(struct pk11_session *s, const struct ops_generate_arg *in, struct template *pub,
			    struct template *priv, struct fail *f)
{
	CK_MECHANISM m = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_OBJECT_HANDLE hpub = CK_INVALID_HANDLE, hpriv = CK_INVALID_HANDLE;
	BUF_AUTO modulus = { 0 };
	BUF_AUTO exponent = { 0 };
	struct view label = view_of_string(in->label);

	template_number(pub, CKA_CLASS, CKO_PUBLIC_KEY);
	template_number(pub, CKA_KEY_TYPE, CKK_RSA);
	template_bool(pub, CKA_TOKEN, true);
	template_number(pub, CKA_MODULUS_BITS, in->bits);
	template_bytes(pub, CKA_PUBLIC_EXPONENT, VIEW(exponent_f4, sizeof(exponent_f4)));
	template_bytes(pub, CKA_LABEL, label);
	template_bytes(pub, CKA_ID, in->id);
	template_bool(pub, CKA_WRAP, true);
	template_bool(pub, CKA_ENCRYPT, false);
	template_bool(pub, CKA_VERIFY, false);
	template_number(priv, CKA_CLASS, CKO_PRIVATE_KEY);
	template_number(priv, CKA_KEY_TYPE, CKK_RSA);
	template_bool(priv, CKA_TOKEN, true);
	template_bool(priv, CKA_PRIVATE, true);
	template_bool(priv, CKA_SENSITIVE, true);
	template_bool(priv, CKA_EXTRACTABLE, false);
	template_bytes(priv, CKA_LABEL, label);
	template_bytes(priv, CKA_ID, in->id);
	template_bool(priv, CKA_UNWRAP, true);
	template_bool(priv, CKA_DECRYPT, false);
	template_bool(priv, CKA_SIGN, false);
	CK_RV rv = s->f->C_GenerateKeyPair(s->handle, &m, pub->a, pub->n, priv->a, priv->n, &hpub, &hpriv);
	if (rv != CKR_OK)
		return pk11_fail(f, rv, "C_GenerateKeyPair");
	enum err e = pk11_attribute(s, hpub, CKA_MODULUS, &modulus, f);
	if (e == ERR_OK)
		e = pk11_attribute(s, hpub, CKA_PUBLIC_EXPONENT, &exponent, f);
	if (e == ERR_OK)
		e = spki_put(buf_view(&modulus), buf_view(&exponent), in->out, f);
	if (e != ERR_OK) {
		step_destroy(s, &hpub);
		step_destroy(s, &hpriv);
	}
	return e;
}

struct import_arg {
	struct view modulus, exponent;
	const char *label;
	struct view id;
};

static enum err import_run(struct pk11_session *s, void *arg, struct fail *f)
{
	const struct import_arg *in = arg;
	struct template t = { 0 };
	CK_OBJECT_HANDLE handle;

	template_number(&t, CKA_CLASS, CKO_PUBLIC_KEY);
	template_number(&t, CKA_KEY_TYPE, CKK_RSA);
	template_bool(&t, CKA_TOKEN, true);
	template_bool(&t, CKA_PRIVATE, true); /* nobody without the PIN shall see, add or take one away */
	template_bytes(&t, CKA_LABEL, view_of_string(in->label));
	template_bytes(&t, CKA_ID, in->id);
	template_bytes(&t, CKA_MODULUS, in->modulus);
	template_bytes(&t, CKA_PUBLIC_EXPONENT, in->exponent);
	template_bool(&t, CKA_WRAP, true);
	template_bool(&t, CKA_ENCRYPT, false);
	template_bool(&t, CKA_VERIFY, false);
	CK_RV rv = s->f->C_CreateObject(s->handle, t.a, t.n, &handle);
	return rv == CKR_OK ? ERR_OK : pk11_fail(f, rv, "C_CreateObject");
}

enum err ops_pu_import(struct ops *o, struct view certificate, const char *label, struct view id, struct fail *f)
{
	X509 *cert = NULL;
	BIGNUM *n = NULL, *x = NULL;
	uint8_t modulus[FORMAT_RSA_MAX], exponent[FORMAT_RSA_MAX];
	enum err e = identity_cert_parse(certificate, &cert, f);

	if (e != ERR_OK)
		return e;
	EVP_PKEY *key = X509_get0_pubkey(cert);
	if (!key || !EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) != 1 ||
	    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &x) != 1 || BN_num_bytes(n) < FORMAT_RSA_MIN ||
	    BN_num_bytes(n) > FORMAT_RSA_MAX || BN_num_bytes(x) > FORMAT_RSA_MAX) {
		e = fail_set(f, ERR_BAD_DATA, 0, "certificate: no RSA key of 2048 to 4096 bits");
		goto out;
	}
	struct import_arg arg = { .label = label, .id = id };
	arg.modulus = VIEW(modulus, (size_t)BN_bn2bin(n, modulus));
	arg.exponent = VIEW(exponent, (size_t)BN_bn2bin(x, exponent));
	e = pk11_run(ops_token(o), import_run, &arg, f);
out:
	BN_free(n);
	BN_free(x);
	X509_free(cert);
	return e;
}

struct oaep_arg {
	struct pk11_key *pr;
	uint8_t hash;
};

/* A parameter that the token does not know is refused before the ciphertext is looked at. */
static enum err oaep_run(struct pk11_session *s, void *arg, struct fail *f)
{
	struct oaep_arg *a = arg;
	CK_RSA_PKCS_OAEP_PARAMS params;
	CK_MECHANISM m;
	CK_OBJECT_HANDLE pr = CK_INVALID_HANDLE, made = CK_INVALID_HANDLE;
	struct template t = { 0 };
	uint8_t none[FORMAT_RSA_MAX] = { 0 };
	BUF_AUTO modulus = { 0 };
	enum err e = pk11_key_handle(s, a->pr, &pr, f);
	CK_RV rv;

	if (e == ERR_OK)
		e = pk11_attribute(s, pr, CKA_MODULUS, &modulus, f);
	if (e != ERR_OK)
		return e;
	if (!step_oaep(FORMAT_HASH_SHA256, &params, &m) || modulus.len > sizeof(none))
		return fail_set(f, ERR_INTERNAL, 0, "OAEP");
	template_secret(&t, FORMAT_KEY_AES, 32, false, false);
	none[sizeof(none) - 1] = 2;
	rv = s->f->C_UnwrapKey(s->handle, &m, pr, none + sizeof(none) - modulus.len, modulus.len, t.a, t.n, &made);
	if (rv == CKR_OK)
		step_destroy(s, &made);
	if (pk11_lost(rv))
		return pk11_fail(f, rv, "C_UnwrapKey");
	a->hash = rv == CKR_MECHANISM_PARAM_INVALID || rv == CKR_ARGUMENTS_BAD ? FORMAT_HASH_SHA1 : FORMAT_HASH_SHA256;
	return ERR_OK;
}

enum err ops_oaep_hash(struct ops *o, struct pk11_key *pr, uint8_t *ret, struct fail *f)
{
	struct oaep_arg arg = { .pr = pr, .hash = FORMAT_HASH_SHA256 };
	enum err e = ERR_OK;

	if (ops_is_standard(o, OPS_REWRAP))
		e = pk11_run(ops_token(o), oaep_run, &arg, f);
	if (e == ERR_OK)
		*ret = arg.hash;
	return e;
}

enum err ops_pr_generate(struct ops *o, unsigned bits, const char *label, struct view id, struct buf *ret_spki,
			 struct fail *f)
{
	BUF_AUTO made = { 0 };
	struct ops_generate_arg arg = { .bits = bits, .label = label, .id = id, .out = &made };

	if (bits < 2048 || bits > 4096 || id.n == 0 || id.n > 32)
		return fail_set(f, ERR_USAGE, 0, "Pr of %u bits, id of %zu bytes", bits, id.n);
	enum err e = ops_run(o, OPS_PR_GENERATE, NULL, &arg, f);
	return e == ERR_OK ? ops_take(ret_spki, &made, f) : e;
}
