/* SPDX-License-Identifier: BSD-2-Clause */
#include "pair_kit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_LEN 32768
#define PAIRS_MAX 16

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static const struct pair_field *field(const struct pair_line *l, const char *name)
{
	for (size_t i = 0; i < l->count; i++) {
		if (strcmp(l->fields[i].name, name) == 0)
			return &l->fields[i];
	}
	return NULL;
}

const char *pair_text(const struct pair_line *l, const char *name)
{
	const struct pair_field *f = field(l, name);

	return f == NULL ? NULL : f->text;
}

struct view pair_bytes(const struct pair_line *l, const char *name)
{
	const struct pair_field *f = field(l, name);

	return f == NULL ? VIEW(NULL, 0) : VIEW(f->p, f->n);
}

CK_ULONG pair_number(const struct pair_line *l, const char *name)
{
	const char *text = pair_text(l, name);

	return text == NULL ? 0 : strtoul(text, NULL, 10);
}

static void line_done(struct pair_line *l)
{
	for (size_t i = 0; i < l->count; i++) {
		free(l->fields[i].text);
		free(l->fields[i].p);
	}
	*l = (struct pair_line){ 0 };
}

static void line_read(struct pair_line *l, char *text, unsigned number)
{
	char *rest = text, *word;

	*l = (struct pair_line){ .line = number };
	while ((word = strsep(&rest, " \n")) != NULL) {
		struct pair_field *f = &l->fields[l->count];
		char *equals = strchr(word, '=');
		BUF_AUTO b = { 0 };

		if (equals == NULL)
			continue;
		ck_assert_uint_lt(l->count++, PAIR_FIELDS);
		*equals++ = '\0';
		ck_assert_uint_lt(strlen(word), sizeof(f->name));
		memcpy(f->name, word, strlen(word) + 1);
		f->text = strdup(equals);
		f->p = malloc(strlen(equals) + 1);
		ck_assert(f->text != NULL && f->p != NULL);
		if (hex_decode(equals, strlen(equals), &b) && b.len > 0) {
			memcpy(f->p, b.p, b.len);
			f->n = b.len;
		}
	}
}

static const struct pair_line *pair_of(const struct pair_line *pairs, size_t count, const struct pair_line *l)
{
	const char *name = pair_text(l, "pair");

	if (name == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(pairs[i].fields[0].text, name) == 0)
			return &pairs[i];
	}
	ck_abort_msg("line %u names no pair", l->line);
	return NULL;
}

unsigned pair_lines(const char *file, void (*each)(const struct pair_line *l, const struct pair_line *pair))
{
	static char text[LINE_MAX_LEN];
	static struct pair_line pairs[PAIRS_MAX];
	char path[512];
	unsigned count = 0, number = 0;
	size_t known = 0;
	FILE *f;

	ck_assert_ptr_nonnull(getenv("STRONGROOM_VECTORS"));
	snprintf(path, sizeof(path), "%s/%s", getenv("STRONGROOM_VECTORS"), file);
	f = fopen(path, "r");
	ck_assert_msg(f != NULL, "%s cannot be read", path);
	while (fgets(text, sizeof(text), f) != NULL) {
		struct pair_line l;

		number++;
		ck_assert_msg(number > 1 || (text[0] == '#' && strlen(text) > 10), "%s names no source", path);
		ck_assert_msg(strlen(text) < sizeof(text) - 1, "line %u is too long", number);
		if (text[0] == '#' || text[0] == '\n')
			continue;
		line_read(&l, text, number);
		if (strcmp(l.fields[0].name, "pair") == 0) {
			ck_assert_uint_lt(known, PAIRS_MAX);
			pairs[known++] = l;
			continue;
		}
		each(&l, pair_of(pairs, known, &l));
		line_done(&l);
		count++;
	}
	fclose(f);
	while (known > 0)
		line_done(&pairs[--known]);
	return count;
}

static const struct {
	const char *name;
	CK_MECHANISM_TYPE hash;
	CK_RSA_PKCS_MGF_TYPE mgf;
} hashes[] = {
	{ "SHA1", CKM_SHA_1, CKG_MGF1_SHA1 },
	{ "SHA224", CKM_SHA224, CKG_MGF1_SHA224 },
	{ "SHA256", CKM_SHA256, CKG_MGF1_SHA256 },
	{ "SHA384", CKM_SHA384, CKG_MGF1_SHA384 },
	{ "SHA512", CKM_SHA512, CKG_MGF1_SHA512 },
	{ "SHA3_224", CKM_SHA3_224, CKG_MGF1_SHA3_224 },
	{ "SHA3_256", CKM_SHA3_256, CKG_MGF1_SHA3_256 },
	{ "SHA3_384", CKM_SHA3_384, CKG_MGF1_SHA3_384 },
	{ "SHA3_512", CKM_SHA3_512, CKG_MGF1_SHA3_512 },
};

static size_t hash_at(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(hashes); i++) {
		if (strcmp(hashes[i].name, name) == 0)
			return i;
	}
	ck_abort_msg("no hash %s", name);
	return 0;
}

CK_MECHANISM_TYPE pair_hash(const char *name)
{
	return hashes[hash_at(name)].hash;
}

CK_RSA_PKCS_MGF_TYPE pair_mgf(const char *name)
{
	return hashes[hash_at(name)].mgf;
}

CK_ULONG pair_put(CK_ATTRIBUTE *t, CK_ULONG n, CK_ATTRIBUTE_TYPE type, struct view v)
{
	if (v.n > 0)
		t[n++] = (CK_ATTRIBUTE){ type, (void *)(uintptr_t)v.p, v.n };
	return n;
}

CK_ULONG pair_usages(CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_CLASS half, CK_FLAGS uses)
{
	static const struct {
		CK_FLAGS use;
		CK_OBJECT_CLASS half;
		CK_ATTRIBUTE_TYPE type;
	} usages[] = {
		{ CKF_ENCRYPT, CKO_PUBLIC_KEY, CKA_ENCRYPT },
		{ CKF_VERIFY, CKO_PUBLIC_KEY, CKA_VERIFY },
		{ CKF_VERIFY_RECOVER, CKO_PUBLIC_KEY, CKA_VERIFY_RECOVER },
		{ CKF_WRAP, CKO_PUBLIC_KEY, CKA_WRAP },
		{ CKF_DECRYPT, CKO_PRIVATE_KEY, CKA_DECRYPT },
		{ CKF_SIGN, CKO_PRIVATE_KEY, CKA_SIGN },
		{ CKF_SIGN_RECOVER, CKO_PRIVATE_KEY, CKA_SIGN_RECOVER },
		{ CKF_UNWRAP, CKO_PRIVATE_KEY, CKA_UNWRAP },
		{ CKF_DERIVE, CKO_PRIVATE_KEY, CKA_DERIVE },
	};

	for (size_t i = 0; i < ARRAY_LEN(usages); i++) {
		if (usages[i].half == half && (uses & usages[i].use))
			t[n++] = (CK_ATTRIBUTE){ usages[i].type, &yes, 1 };
	}
	return n;
}

void pair_rsa(const struct pair_line *pair, CK_FLAGS uses, CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private)
{
	CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
	CK_KEY_TYPE type = CKK_RSA;
	CK_ATTRIBUTE t[24] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_KEY_TYPE, &type, sizeof(type) } };
	CK_ULONG n = pair_put(t, 2, CKA_MODULUS, pair_bytes(pair, "n"));

	n = pair_put(t, n, CKA_PUBLIC_EXPONENT, pair_bytes(pair, "e"));
	OK(ck->C_CreateObject(mk_session, t, pair_usages(t, n, class, uses), ret_public));
	*ret_private = 0;
	if (pair_bytes(pair, "d").n == 0)
		return;
	class = CKO_PRIVATE_KEY;
	t[n++] = (CK_ATTRIBUTE){ CKA_SENSITIVE, &no, 1 };
	t[n++] = (CK_ATTRIBUTE){ CKA_EXTRACTABLE, &yes, 1 };
	n = pair_put(t, n, CKA_PRIVATE_EXPONENT, pair_bytes(pair, "d"));
	n = pair_put(t, n, CKA_PRIME_1, pair_bytes(pair, "p"));
	n = pair_put(t, n, CKA_PRIME_2, pair_bytes(pair, "q"));
	OK(ck->C_CreateObject(mk_session, t, pair_usages(t, n, class, uses), ret_private));
}
