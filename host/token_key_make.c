/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>
#include <p11-kit/uri.h>

#include "pk11.h"
#include "token_key.h"

static const uint8_t p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
static const uint8_t p384[] = { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22 };

static const struct type_row {
	const char *name;
	CK_ULONG bits;     /* RSA */
	struct view curve; /* EC: the OID, DER */
} types[] = {
	{ "ec-p256", 0, { p256, sizeof(p256) } },
	{ "ec-p384", 0, { p384, sizeof(p384) } },
	{ "rsa-3072", 3072, { NULL, 0 } },
	{ "rsa-4096", 4096, { NULL, 0 } },
};

static const struct type_row *type_row(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (!strcmp(types[i].name, name))
			return &types[i];
	return NULL;
}

const char *token_key_types(void)
{
	return "ec-p256, ec-p384, rsa-3072, rsa-4096";
}

bool token_key_type_ok(const char *type)
{
	return type_row(type) != NULL;
}

struct making {
	const struct type_row *type;
	CK_ATTRIBUTE *label; /* of the URI */
	uint8_t id[8];
};

static CK_RV generate(struct pk11_session *s, struct making *w)
{
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ULONG bits = w->type->bits;
	uint8_t exponent[] = { 1, 0, 1 };
	CK_MECHANISM mechanism = { bits ? CKM_RSA_PKCS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_OBJECT_HANDLE public, private;
	CK_ATTRIBUTE of_public[8] = {
		{ CKA_TOKEN, &yes, sizeof(yes) },
		{ CKA_VERIFY, &yes, sizeof(yes) },
		{ CKA_LABEL, w->label->pValue, w->label->ulValueLen },
		{ CKA_ID, w->id, sizeof(w->id) },
	};
	CK_ATTRIBUTE of_private[] = {
		{ CKA_TOKEN, &yes, sizeof(yes) },     { CKA_PRIVATE, &yes, sizeof(yes) },
		{ CKA_SENSITIVE, &yes, sizeof(yes) }, { CKA_EXTRACTABLE, &no, sizeof(no) },
		{ CKA_SIGN, &yes, sizeof(yes) },      { CKA_DECRYPT, &no, sizeof(no) },
		{ CKA_UNWRAP, &no, sizeof(no) },      { CKA_LABEL, w->label->pValue, w->label->ulValueLen },
		{ CKA_ID, w->id, sizeof(w->id) },
	};
	CK_ULONG n = 4;

	if (bits) {
		of_public[n++] = (CK_ATTRIBUTE){ CKA_MODULUS_BITS, &bits, sizeof(bits) };
		of_public[n++] = (CK_ATTRIBUTE){ CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent) };
	} else {
		of_public[n++] = (CK_ATTRIBUTE){ CKA_EC_PARAMS, (void *)w->type->curve.p, w->type->curve.n };
	}
	return s->f->C_GenerateKeyPair(s->handle, &mechanism, of_public, n, of_private, ARRAY_LEN(of_private), &public,
				       &private);
}

static enum err make_work(struct pk11_session *s, void *arg, struct fail *f)
{
	struct making *w = arg;
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) }, *w->label };
	CK_OBJECT_HANDLE any;
	size_t found = 0;
	enum err e = pk11_find(s, template, ARRAY_LEN(template), &any, 1, &found, f);

	if (e != ERR_OK)
		return e;
	if (found)
		return fail_set(f, ERR_DUPLICATE, 0, "the token holds a key '%.*s' already", (int)w->label->ulValueLen,
				(const char *)w->label->pValue);
	CK_RV rv = generate(s, w);
	return rv == CKR_OK ? ERR_OK : pk11_fail(f, rv, "C_GenerateKeyPair");
}

enum err token_key_make(const char *uri, const char *pin_file, const char *type, struct fail *f)
{
	struct pk11_options options = { .pin_file = pin_file };
	struct making w = { .type = type_row(type) };
	struct pk11 *token = NULL;
	P11KitUri *u = NULL;
	enum err e = ERR_OK;

	if (!w.type)
		return fail_set(f, ERR_USAGE, 0, "key type %.40s: one of %s", type, token_key_types());
	u = p11_kit_uri_new();
	if (!u || RAND_bytes(w.id, sizeof(w.id)) != 1) {
		e = fail_set(f, ERR_NO_MEMORY, 0, "token key");
		goto out;
	}
	int rc = p11_kit_uri_parse(uri, P11_KIT_URI_FOR_ANY, u);
	if (rc != P11_KIT_URI_OK) {
		e = fail_set(f, ERR_CONFIG, 0, "PKCS#11 URI: %s", p11_kit_uri_message(rc));
		goto out;
	}
	w.label = p11_kit_uri_get_attribute(u, CKA_LABEL);
	if (!w.label || !w.label->ulValueLen) {
		e = fail_set(f, ERR_USAGE, 0, "PKCS#11 URI: object= names the key that is to be made");
		goto out;
	}
	e = pk11_open(uri, &options, &token, f);
	if (e == ERR_OK && !pk11_logged_in(token))
		e = fail_set(f, ERR_CONFIG, 0, "no PIN for the token: pin-source=FILE in the URI, or a PIN file");
	if (e == ERR_OK)
		e = pk11_run(token, make_work, &w, f);
out:
	pk11_free(token);
	p11_kit_uri_free(u);
	return e;
}
