/* SPDX-License-Identifier: BSD-2-Clause */
#include "ec_kit.h"
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static void hex(const char *text, uint8_t *p, size_t *n)
{
	BUF_AUTO b = { 0 };

	if (strcmp(text, "-") == 0)
		return;
	ck_assert_msg(hex_decode(text, strlen(text), &b) && b.len <= EC_VECTOR_MAX, "%s", text);
	memcpy(p, b.p, b.len);
	*n = b.len;
}

static void field(struct ec_vector *v, const char *name, const char *text)
{
	if (strcmp(name, "mech") == 0)
		v->row = mk_row(text);
	else if (strcmp(name, "curve") == 0)
		v->curve = ec_curve_named(text);
	else if (strcmp(name, "kdf") == 0)
		v->kdf = strtoul(text, NULL, 10);
	else if (strcmp(name, "len") == 0)
		v->len = strtoul(text, NULL, 10);
	else if (strcmp(name, "ph") == 0)
		v->ph = atoi(text);
	else if (strcmp(name, "key") == 0)
		hex(text, v->key.p, &v->key.n);
	else if (strcmp(name, "pub") == 0)
		hex(text, v->pub.p, &v->pub.n);
	else if (strcmp(name, "aad") == 0)
		hex(text, v->aad.p, &v->aad.n);
	else if (strcmp(name, "data") == 0)
		hex(text, v->data.p, &v->data.n);
	else if (strcmp(name, "out") == 0)
		hex(text, v->out.p, &v->out.n);
	else
		ck_abort_msg("unknown field %s", name);
}

unsigned ek_vectors(const char *file, void (*each)(const struct ec_vector *v))
{
	static struct ec_vector v;
	char path[512], line[8192];
	unsigned count = 0, number = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", getenv("STRONGROOM_VECTORS"), file);
	f = fopen(path, "r");
	ck_assert_msg(f != NULL, "%s cannot be read", path);
	while (fgets(line, sizeof(line), f) != NULL) {
		char *rest = line, *word;

		number++;
		if (line[0] == '#' || line[0] == '\n')
			continue;
		v = (struct ec_vector){ .ph = -1, .line = number };
		while ((word = strsep(&rest, " \n")) != NULL) {
			char *equals = strchr(word, '=');

			if (equals == NULL)
				continue;
			*equals = '\0';
			field(&v, word, equals + 1);
		}
		ck_assert_msg(v.row != NULL && v.curve != NULL, "%s, line %u", file, number);
		each(&v);
		count++;
	}
	fclose(f);
	return count;
}

static CK_OBJECT_HANDLE create(CK_OBJECT_CLASS class, const struct ec_curve *c, CK_ATTRIBUTE value, CK_FLAGS uses)
{
	CK_KEY_TYPE type = c->type;
	CK_OBJECT_HANDLE key = 0;
	CK_ATTRIBUTE t[16] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_KEY_TYPE, &type, sizeof(type) },
		{ CKA_EC_PARAMS, (void *)(uintptr_t)c->oid.p, c->oid.n },
		value,
	};
	CK_ULONG n = 4;

	if (class == CKO_PRIVATE_KEY) {
		t[n++] = (CK_ATTRIBUTE){ CKA_SENSITIVE, &no, 1 };
		t[n++] = (CK_ATTRIBUTE){ CKA_EXTRACTABLE, &yes, 1 };
	}
	n = mk_uses(t, n, uses);
	OK(ck->C_CreateObject(mk_session, t, n, &key));
	return key;
}

CK_OBJECT_HANDLE ek_public(const struct ec_curve *c, struct view point, CK_FLAGS uses)
{
	return create(CKO_PUBLIC_KEY, c, (CK_ATTRIBUTE){ CKA_EC_POINT, (void *)(uintptr_t)point.p, point.n },
		      uses & (CKF_ENCRYPT | CKF_VERIFY | CKF_WRAP));
}

CK_OBJECT_HANDLE ek_private(const struct ec_curve *c, struct view number, CK_FLAGS uses)
{
	return create(CKO_PRIVATE_KEY, c, (CK_ATTRIBUTE){ CKA_VALUE, (void *)(uintptr_t)number.p, number.n },
		      uses & (CKF_DECRYPT | CKF_SIGN | CKF_UNWRAP | CKF_DERIVE));
}

void ek_pair(const struct ec_curve *c, CK_FLAGS uses, CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private)
{
	static const struct {
		CK_KEY_TYPE type;
		CK_MECHANISM_TYPE mechanism;
	} generators[] = { { CKK_EC, CKM_EC_KEY_PAIR_GEN },
			   { CKK_EC_EDWARDS, CKM_EC_EDWARDS_KEY_PAIR_GEN },
			   { CKK_EC_MONTGOMERY, CKM_EC_MONTGOMERY_KEY_PAIR_GEN },
			   { CKK_SR_SM2, CKM_SR_SM2_KEY_PAIR_GEN } };
	CK_MECHANISM m = { 0, NULL, 0 };
	CK_ATTRIBUTE public_t[8] = { { CKA_EC_PARAMS, (void *)(uintptr_t)c->oid.p, c->oid.n } };
	CK_ATTRIBUTE private_t[8] = { { CKA_EXTRACTABLE, &yes, 1 } };
	CK_ULONG public_n = mk_uses(public_t, 1, uses & (CKF_ENCRYPT | CKF_VERIFY | CKF_WRAP));
	CK_ULONG private_n = mk_uses(private_t, 1, uses & (CKF_DECRYPT | CKF_SIGN | CKF_UNWRAP | CKF_DERIVE));

	for (size_t i = 0; i < ARRAY_LEN(generators); i++) {
		if (generators[i].type == c->type)
			m.mechanism = generators[i].mechanism;
	}
	OK(ck->C_GenerateKeyPair(mk_session, &m, public_t, public_n, private_t, private_n, ret_public, ret_private));
}

struct view ek_bytes(CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type, uint8_t *room, size_t n)
{
	CK_ATTRIBUTE t = { type, room, n };

	OK(ck->C_GetAttributeValue(mk_session, key, &t, 1));
	return VIEW(room, t.ulValueLen);
}

EVP_PKEY *ek_outside(CK_OBJECT_HANDLE public)
{
	uint8_t params[64], point[EC_POINT_MAX + 3];
	struct view oid = ek_bytes(public, CKA_EC_PARAMS, params, sizeof(params));
	struct view v = ek_bytes(public, CKA_EC_POINT, point, sizeof(point));
	const struct ec_curve *c = NULL;
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *pkey = NULL;
	OSSL_PARAM p[3];

	for (size_t i = 0; ec_curve_at(i) != NULL; i++) {
		if (view_equal(ec_curve_at(i)->oid, oid))
			c = ec_curve_at(i);
	}
	ck_assert_ptr_nonnull(c);
	v = v.p[1] == 0x81 ? VIEW(v.p + 3, v.n - 3) : VIEW(v.p + 2, v.n - 2);
	if (c->type != CKK_EC && c->type != CKK_SR_SM2)
		return EVP_PKEY_new_raw_public_key_ex(NULL, c->openssl, NULL, v.p, v.n);
	ctx = EVP_PKEY_CTX_new_from_name(NULL, c->type == CKK_EC ? "EC" : "SM2", NULL);
	p[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)c->openssl, 0);
	p[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)v.p, v.n);
	p[2] = OSSL_PARAM_construct_end();
	ck_assert_int_eq(EVP_PKEY_fromdata_init(ctx), 1);
	ck_assert_int_eq(EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, p), 1);
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}
