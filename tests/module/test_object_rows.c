/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech_kit.h"
#include "object_attr.h"

#include <openssl/bn.h>
#include <string.h>

/* Walks the attribute rows: what a row says about templates, defaults and changes is what the C_ functions do. */

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

/* One object of every class and kind. */
static struct subject {
	const char *name;
	CK_OBJECT_CLASS class;
	CK_ULONG type; /* CKA_KEY_TYPE, CKA_CERTIFICATE_TYPE */
	CK_ATTRIBUTE more[4];
	CK_ULONG n;
	CK_OBJECT_HANDLE h;
} subjects[] = {
	{ "data", CKO_DATA, OBJECT_ANY, { { 0 } }, 0, 0 },
	{ "certificate",
	  CKO_CERTIFICATE,
	  CKC_X_509,
	  { { CKA_SUBJECT, (void *)(uintptr_t) "s", 1 }, { CKA_VALUE, (void *)(uintptr_t) "v", 1 } },
	  2,
	  0 },
	{ "attribute certificate",
	  CKO_CERTIFICATE,
	  CKC_X_509_ATTR_CERT,
	  { { CKA_OWNER, (void *)(uintptr_t) "s", 1 }, { CKA_VALUE, (void *)(uintptr_t) "v", 1 } },
	  2,
	  0 },
	{ "trust",
	  CKO_TRUST,
	  OBJECT_ANY,
	  { { CKA_ISSUER, (void *)(uintptr_t) "i", 1 }, { CKA_SERIAL_NUMBER, (void *)(uintptr_t) "1", 1 } },
	  2,
	  0 },
	{ "domain parameters",
	  CKO_DOMAIN_PARAMETERS,
	  CKK_DH,
	  { { CKA_PRIME, NULL, 0 }, { CKA_BASE, (void *)(uintptr_t) "\2", 1 } },
	  2,
	  0 },
	{ "AES key", CKO_SECRET_KEY, CKK_AES, { { CKA_VALUE, (void *)(uintptr_t) "0123456789abcdef", 16 } }, 1, 0 },
	{ "RSA public key", CKO_PUBLIC_KEY, CKK_RSA, { { 0 } }, 0, 0 },
	{ "RSA private key", CKO_PRIVATE_KEY, CKK_RSA, { { 0 } }, 0, 0 },
};

static uint8_t prime[256]; /* RFC 3526, group 14: g is 2 */

static CK_ULONG template_of(const struct subject *s, CK_ATTRIBUTE t[8])
{
	CK_ULONG n = 0;

	t[n++] = (CK_ATTRIBUTE){ CKA_CLASS, (void *)(uintptr_t)&s->class, sizeof(s->class) };
	if (s->type != OBJECT_ANY)
		t[n++] = (CK_ATTRIBUTE){ s->class == CKO_CERTIFICATE ? CKA_CERTIFICATE_TYPE : CKA_KEY_TYPE,
					 (void *)(uintptr_t)&s->type, sizeof(s->type) };
	for (CK_ULONG i = 0; i < s->n; i++)
		t[n++] = s->more[i];
	return n;
}

static void begin(void)
{
	CK_MECHANISM m = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_ULONG bits = 2048;
	CK_ATTRIBUTE size = { CKA_MODULUS_BITS, &bits, sizeof(bits) };
	CK_OBJECT_HANDLE pair[2];
	BIGNUM *n;

	mk_begin();
	n = BN_get_rfc3526_prime_2048(NULL);
	ck_assert(n != NULL && BN_bn2binpad(n, prime, sizeof(prime)) == sizeof(prime));
	BN_free(n);
	OK(ck->C_GenerateKeyPair(mk_session, &m, &size, 1, NULL, 0, &pair[0], &pair[1]));
	for (size_t i = 0; i < ARRAY_LEN(subjects); i++) {
		struct subject *s = &subjects[i];
		CK_ATTRIBUTE t[8];

		if (s->class == CKO_DOMAIN_PARAMETERS)
			s->more[0] = (CK_ATTRIBUTE){ CKA_PRIME, prime, sizeof(prime) };
		if (s->class == CKO_PUBLIC_KEY || s->class == CKO_PRIVATE_KEY)
			s->h = pair[s->class == CKO_PRIVATE_KEY];
		else
			OK(ck->C_CreateObject(mk_session, t, template_of(s, t), &s->h));
	}
}

/* value_of: some value of the right form; of booleans the default. */
static CK_ATTRIBUTE value_of(const struct attr_row *row)
{
	static CK_ULONG number = 0;
	static char date[] = "20260101";
	static CK_ATTRIBUTE nested[1];

	switch (row->form) {
	case FORM_BOOL:
		return (CK_ATTRIBUTE){ row->type, row->fallback == DEFAULT_TRUE ? &yes : &no, 1 };
	case FORM_ULONG:
	case FORM_MECHANISMS:
		return (CK_ATTRIBUTE){ row->type, &number, sizeof(number) };
	case FORM_DATE:
		return (CK_ATTRIBUTE){ row->type, date, 8 };
	case FORM_TEMPLATE:
		nested[0] = (CK_ATTRIBUTE){ CKA_SIGN, &no, 1 };
		return (CK_ATTRIBUTE){ row->type, nested, sizeof(nested) };
	case FORM_BYTES:
	default:
		return (CK_ATTRIBUTE){ row->type, date, 3 };
	}
}

/* FOR_ALL: every subject with every row: row is the one that counts for it, NULL when it has no such attribute. */
#define FOR_ALL(s, row)                                                                                                \
	for (struct subject *s = subjects; s < subjects + ARRAY_LEN(subjects); s++)                                    \
		for (size_t row_i = 0; row_i < attr_row_count(); row_i++)                                              \
			for (const struct attr_row *of = attr_row_at(row_i),                                           \
						   *row = attr_row(of->type, s->class, s->type);                       \
			     of != NULL && (row == NULL || row == of); of = NULL)

#define EXPECT(rv, want, s, of) ck_assert_msg((rv) == (want), "%s, %s: 0x%lx", (s)->name, (of)->name, (rv))

START_TEST(templates_take_what_the_rows_give)
{
	FOR_ALL(s, row)
	{
		CK_ATTRIBUTE t[9];
		CK_ULONG n = template_of(s, t);
		CK_OBJECT_HANDLE h = 0;
		CK_RV rv;

		/* Pairs are generated here, what the template has is there; the vendor's are the roles'. */
		if (template_find(t, n, of->type) != NULL || (of->type & CKA_VENDOR_DEFINED) ||
		    s->n + (s->type == OBJECT_ANY) == 0)
			continue;
		t[n] = value_of(of);
		rv = ck->C_CreateObject(mk_session, t, n + 1, &h);
		if (row == NULL)
			EXPECT(rv, CKR_ATTRIBUTE_TYPE_INVALID, s, of);
		else if ((row->rules & ATTR_GIVEN) == 0)
			EXPECT(rv, CKR_ATTRIBUTE_READ_ONLY, s, of);
		else if ((row->rules & ATTR_CREATE) == 0)
			EXPECT(rv, CKR_TEMPLATE_INCONSISTENT, s, of);
		else if (rv == CKR_OK)
			mk_destroy(h);
		else /* the values are no good ones for all */
			ck_assert_msg(rv == CKR_ATTRIBUTE_VALUE_INVALID || rv == CKR_TEMPLATE_INCOMPLETE,
				      "%s, %s: 0x%lx", s->name, of->name, rv);
	}
}
END_TEST

START_TEST(changes_are_what_the_rows_allow)
{
	FOR_ALL(s, row)
	{
		CK_ATTRIBUTE a = value_of(of);
		CK_OBJECT_HANDLE copy = 0;
		CK_RV set, copied;

		if (of->type & CKA_VENDOR_DEFINED)
			continue;
		set = ck->C_SetAttributeValue(mk_session, s->h, &a, 1);
		copied = ck->C_CopyObject(mk_session, s->h, &a, 1, &copy);
		if (copied == CKR_OK)
			mk_destroy(copy);
		if (row == NULL) {
			EXPECT(set, CKR_ATTRIBUTE_TYPE_INVALID, s, of);
			EXPECT(copied, CKR_ATTRIBUTE_TYPE_INVALID, s, of);
			continue;
		}
		if ((row->rules & ATTR_SET) == 0)
			EXPECT(set, CKR_ATTRIBUTE_READ_ONLY, s, of);
		if ((row->rules & (ATTR_SET | ATTR_COPY)) == 0)
			EXPECT(copied, CKR_ATTRIBUTE_READ_ONLY, s, of);
		if ((row->rules & ATTR_COPY) && (row->rules & ATTR_TO_TRUE) == 0)
			EXPECT(copied, CKR_OK, s, of);
	}
}
END_TEST

/* has: does the object of a class answer this attribute? */
START_TEST(objects_have_what_the_rows_say)
{
	FOR_ALL(s, row)
	{
		CK_ATTRIBUTE a = { of->type, NULL, 0 };
		CK_RV rv = ck->C_GetAttributeValue(mk_session, s->h, &a, 1);

		if (row == NULL)
			EXPECT(rv, CKR_ATTRIBUTE_TYPE_INVALID, s, of);
		else if (row->rules & ATTR_SENSITIVE)
			ck_assert_msg(rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_ATTRIBUTE_TYPE_INVALID, "%s",
				      of->name);
		else if ((row->rules & ATTR_ABSENT) == 0)
			EXPECT(rv, CKR_OK, s, of);
		else
			ck_assert_msg(rv == CKR_OK || rv == CKR_ATTRIBUTE_TYPE_INVALID, "%s", of->name);
		if (rv != CKR_OK)
			ck_assert_uint_eq(a.ulValueLen, CK_UNAVAILABLE_INFORMATION);
	}
}
END_TEST

START_TEST(defaults_are_those_of_the_rows)
{
	FOR_ALL(s, row)
	{
		BUF_AUTO want = { 0 };
		uint8_t have[64] = { 0 };
		CK_ATTRIBUTE a = { of->type, have, sizeof(have) };
		uint8_t raw[64] = { 0 };

		/* Generated pairs have a history, and keys what follows from their values. */
		if (row == NULL || s->class == CKO_PUBLIC_KEY || s->class == CKO_PRIVATE_KEY ||
		    template_find(s->more, s->n, of->type) != NULL || !attr_default(row, &want))
			continue;
		OK(ck->C_GetAttributeValue(mk_session, s->h, &a, 1));
		OK(attr_export(row, buf_view(&want), raw));
		ck_assert_msg(a.ulValueLen == attr_export_len(row, buf_view(&want)) &&
				  memcmp(raw, have, a.ulValueLen) == 0,
			      "%s, %s", s->name, of->name);
	}
}
END_TEST

/* What an object has is said in one place: no two rows speak of the same attribute of the same kind of object. */
START_TEST(rows_do_not_overlap)
{
	for (size_t i = 0; i < attr_row_count(); i++) {
		const struct attr_row *a = attr_row_at(i);

		for (size_t k = 0; k < i; k++) {
			const struct attr_row *b = attr_row_at(k);

			ck_assert_msg(
			    a->type != b->type || (a->classes & b->classes) == 0 ||
				(a->key_type != b->key_type && a->key_type != OBJECT_ANY && b->key_type != OBJECT_ANY),
			    "%s: rows %zu and %zu", a->name, k, i);
			/* A template within a template has one form for all keys. */
			ck_assert_msg(a->type != b->type || !(a->classes & CLASS_KEYS) || !(b->classes & CLASS_KEYS) ||
					  a->form == b->form,
				      "%s: forms", a->name);
		}
	}
}
END_TEST

/* No usage is there that nobody asked for, whatever the object and however it was made. */
START_TEST(usages_are_asked_for)
{
	FOR_ALL(s, row)
	{
		CK_BBOOL b = 7;
		CK_ATTRIBUTE a = { of->type, &b, 1 };

		if (row == NULL || (row->rules & ATTR_USE) == 0)
			continue;
		OK(ck->C_GetAttributeValue(mk_session, s->h, &a, 1));
		EXPECT((CK_RV)b, (CK_RV)CK_FALSE, s, of);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("object_rows");
	TCase *c = tcase_create("object_rows");

	tcase_add_unchecked_fixture(c, begin, mk_end);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, templates_take_what_the_rows_give);
	tcase_add_test(c, objects_have_what_the_rows_say);
	tcase_add_test(c, defaults_are_those_of_the_rows);
	tcase_add_test(c, rows_do_not_overlap);
	tcase_add_test(c, usages_are_asked_for);
	tcase_add_test(c, changes_are_what_the_rows_allow); /* it changes them */
	suite_add_tcase(s, c);
	return mk_main(s);
}
