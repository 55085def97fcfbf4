/* SPDX-License-Identifier: BSD-2-Clause */
/* Many objects: each index finds exactly what a look at every object would; more objects than are kept in memory. */
#include "object_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vendor.h"
#include "vendor_functions.h"

#define MANY 5000
#define SOME 24

static const struct sr_function_list *sr;
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static void begin(void)
{
	CK_UTF8CHAR name[] = SR_INTERFACE_NAME;
	CK_INTERFACE *found = NULL;

	ck_test_begin();
	ck_ok(ck3->C_GetInterface(name, NULL, &found, 0));
	sr = found->pFunctionList;
	ck_policy(NULL);
	ck_login(CKU_USER);
}

/* SOME objects of four kinds; label, id and application repeat with different periods. */
static void make_some(void)
{
	CK_CERTIFICATE_TYPE x509 = CKC_X_509;
	CK_MECHANISM m = { CKM_AES_KEY_GEN, NULL, 0 }, mac = { CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 };
	CK_ULONG len = 32;

	for (unsigned i = 0; i < SOME; i++) {
		char label[16], id[16], application[16];
		CK_OBJECT_HANDLE h;
		CK_ULONG l = (CK_ULONG)snprintf(label, sizeof(label), "label %u", i % 5);
		CK_ULONG d = (CK_ULONG)snprintf(id, sizeof(id), "id %u", i % 3);
		CK_ULONG a = (CK_ULONG)snprintf(application, sizeof(application), "app %u", i % 2);
		CK_ATTRIBUTE key[] = { SET(CKA_TOKEN, yes),
				       { CKA_LABEL, label, l },
				       { CKA_ID, id, d },
				       SET(CKA_VALUE_LEN, len),
				       SET(CKA_ENCRYPT, yes) };
		CK_ATTRIBUTE cert[] = {
			SET(CKA_CLASS, ok_certificate), SET(CKA_TOKEN, yes),     SET(CKA_CERTIFICATE_TYPE, x509),
			TEXT(CKA_VALUE, "value"),       { CKA_LABEL, label, l }, { CKA_ID, id, d },
			{ CKA_SUBJECT, label, l },      { CKA_ISSUER, id, d },   { CKA_SERIAL_NUMBER, application, a }
		};
		CK_ATTRIBUTE data[] = { SET(CKA_CLASS, ok_data),
					SET(CKA_TOKEN, yes),
					SET(CKA_PRIVATE, *(i % 8 < 4 ? &yes : &no)),
					{ CKA_LABEL, label, l },
					{ CKA_APPLICATION, application, a } };
		if (i % 4 == 0)
			ck_ok(ok_create(cert, ARRAY_LEN(cert), &h));
		else if (i % 4 == 1)
			ck_ok(ok_create(data, ARRAY_LEN(data), &h));
		else
			ck_ok(ck->C_GenerateKey(ck_session, i % 4 == 2 ? &m : &mac, key, i % 4 == 2 ? 5 : 4, &h));
	}
}

/* Does the object match, as its own attributes say? */
static bool matches(CK_OBJECT_HANDLE h, const CK_ATTRIBUTE *t, CK_ULONG n)
{
	for (CK_ULONG i = 0; i < n; i++) {
		uint8_t value[64];
		CK_ATTRIBUTE a = { t[i].type, value, sizeof(value) };
		if (ck->C_GetAttributeValue(ck_session, h, &a, 1) != CKR_OK || a.ulValueLen != t[i].ulValueLen ||
		    memcmp(value, t[i].pValue, a.ulValueLen) != 0)
			return false;
	}
	return true;
}

static CK_ULONG find(CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *all, CK_ULONG room)
{
	CK_ULONG count = 0;

	ck_ok(ck->C_FindObjectsInit(ck_session, t, n));
	ck_ok(ck->C_FindObjects(ck_session, all, room, &count));
	ck_ok(ck->C_FindObjectsFinal(ck_session));
	return count;
}

static int by_number(const void *a, const void *b)
{
	const CK_OBJECT_HANDLE *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The templates: every set of up to three of these attributes and values. */
START_TEST(every_template_finds_what_a_look_at_each_finds)
{
	CK_KEY_TYPE generic = CKK_GENERIC_SECRET, none = CK_UNAVAILABLE_INFORMATION;
	CK_ULONG ordinary = 0, role = SR_ROLE_PK; /* no object says that it has the role 0 */
	CK_ATTRIBUTE choice[] = { SET(CKA_CLASS, ok_secret),    SET(CKA_CLASS, ok_certificate),
				  SET(CKA_KEY_TYPE, ok_aes),    SET(CKA_KEY_TYPE, generic),
				  TEXT(CKA_LABEL, "label 1"),   TEXT(CKA_LABEL, "label 7"),
				  TEXT(CKA_ID, "id 0"),         TEXT(CKA_ID, ""),
				  TEXT(CKA_SUBJECT, "label 4"), TEXT(CKA_APPLICATION, "app 1"),
				  TEXT(CKA_ISSUER, "id 0"),     TEXT(CKA_SERIAL_NUMBER, "app 0"),
				  SET(CKA_PRIVATE, yes),        SET(CKA_PRIVATE, no),
				  SET(CKA_TOKEN, yes),          SET(CKA_ENCRYPT, yes),
				  SET(CKA_SR_ROLE, ordinary),   SET(CKA_SR_ROLE, role),
				  SET(CKA_KEY_TYPE, none) };
	CK_OBJECT_HANDLE all[128], found[128];
	unsigned hits = 0;

	make_some();
	for (int logged_in = 1; logged_in >= 0; logged_in--) {
		if (!logged_in)
			ck_logout();
		CK_ULONG count = find(NULL, 0, all, ARRAY_LEN(all));
		ck_assert_uint_ge(count, logged_in ? SOME : SOME / 4);
		for (unsigned set = 0; set < 1u << ARRAY_LEN(choice); set++) {
			CK_ATTRIBUTE t[ARRAY_LEN(choice)];
			CK_ULONG n = 0, right = 0;
			/* One to three of them. */
			if (__builtin_popcount(set) > 3)
				continue;
			for (size_t i = 0; i < ARRAY_LEN(choice); i++)
				if (set >> i & 1)
					t[n++] = choice[i];
			CK_ULONG have = find(t, n, found, ARRAY_LEN(found));
			qsort(found, have, sizeof(*found), by_number);
			for (CK_ULONG i = 0; i < count; i++) {
				if (!matches(all[i], t, n))
					continue;
				right++;
				ck_assert_msg(bsearch(&all[i], found, have, sizeof(*found), by_number) != NULL,
					      "set %x: an object is not found", set);
			}
			ck_assert_msg(right == have, "set %x: %lu found, %lu right", set, have, right);
			hits += right > 0;
		}
	}
	ck_assert_uint_gt(hits, 150);
}
END_TEST

/* The one that CKA_UNIQUE_ID names, and what is found after objects changed and went. */
START_TEST(finds_follow_changes)
{
	char hex[32];
	CK_ULONG n = sizeof(hex);
	CK_OBJECT_HANDLE h, other;
	CK_ATTRIBUTE data[] = { SET(CKA_CLASS, ok_data), SET(CKA_TOKEN, yes), SET(CKA_PRIVATE, yes),
				TEXT(CKA_LABEL, "first") };
	CK_ATTRIBUTE first = TEXT(CKA_LABEL, "first"), second = TEXT(CKA_LABEL, "second");
	CK_ATTRIBUTE unique[] = { { CKA_UNIQUE_ID, hex, sizeof(hex) }, TEXT(CKA_LABEL, "second") };

	ck_ok(ok_create(data, ARRAY_LEN(data), &h));
	ck_ok(ok_get(h, CKA_UNIQUE_ID, hex, &n));
	ck_assert_uint_eq(ck_find(&first, 1, &other), 1);
	ck_assert_uint_eq(other, h);
	ck_assert_uint_eq(ck_find(unique, 1, &other), 1);
	ck_assert_uint_eq(other, h);
	ck_assert_uint_eq(ck_find(unique, 2, NULL), 0);
	ck_ok(ok_set(h, CKA_LABEL, "second", 6));
	ck_assert_uint_eq(ck_find(&first, 1, NULL), 0);
	ck_assert_uint_eq(ck_find(&second, 1, &other), 1);
	ck_assert_uint_eq(other, h);
	ck_assert_uint_eq(ck_find(unique, 2, NULL), 1);
	hex[3] = hex[3] == 'a' ? 'b' : 'a';
	ck_assert_uint_eq(ck_find(unique, 1, NULL), 0);
	hex[3] = 'X';
	ck_assert_uint_eq(ck_find(unique, 1, NULL), 0);
	ck_logout();
	ck_assert_uint_eq(ck_find(&second, 1, NULL), 0);
	ck_login(CKU_USER);
	ck_assert_uint_eq(ck_find(&second, 1, &h), 1);
	ck_ok(ck->C_DestroyObject(ck_session, h));
	ck_assert_uint_eq(ck_find(&second, 1, NULL), 0);
}
END_TEST

START_TEST(more_objects_than_are_kept_in_memory)
{
	static CK_ATTRIBUTE t[MANY][4];
	static struct sr_template templates[MANY];
	static char labels[MANY][16];
	static CK_OBJECT_HANDLE h[MANY];

	for (unsigned i = 0; i < MANY; i++) {
		t[i][0] = (CK_ATTRIBUTE)SET(CKA_CLASS, ok_data);
		t[i][1] = (CK_ATTRIBUTE)SET(CKA_TOKEN, yes);
		t[i][2] = (CK_ATTRIBUTE)SET(CKA_PRIVATE, yes);
		t[i][3] = (CK_ATTRIBUTE){ CKA_LABEL, labels[i],
					  (CK_ULONG)snprintf(labels[i], sizeof(labels[i]), "many %u", i) };
		templates[i] = (struct sr_template){ t[i], 4 };
	}
	ck_ok(sr->SR_CreateObjects(ck_session, templates, MANY, h));
	ck_assert_uint_eq(ck_find(t[0], 3, NULL), MANY);
	for (int round = 0; round < 2; round++) {
		for (unsigned i = 0; i < MANY; i++) {
			unsigned k = round ? MANY - 1 - i : i;
			uint8_t label[16];
			struct view v = ok_bytes(h[k], CKA_LABEL, label, sizeof(label));
			ck_assert(view_equal(v, VIEW(labels[k], strlen(labels[k]))));
		}
		/* Both ends of what was read. */
		ck_ok(ok_set(h[0], CKA_LABEL, labels[0], strlen(labels[0])));
		ck_ok(ok_set(h[MANY - 1], CKA_LABEL, labels[MANY - 1], strlen(labels[MANY - 1])));
	}
	for (unsigned i = 0; i < MANY; i += 2)
		if (i % 100 == 0)
			ck_ok(ck->C_DestroyObject(ck_session, h[i]));
	ck_assert_uint_eq(ck_find(t[0], 3, NULL), MANY - MANY / 100);
	CK_ATTRIBUTE one = { CKA_LABEL, labels[4321], strlen(labels[4321]) };
	CK_OBJECT_HANDLE found;
	ck_assert_uint_eq(ck_find(&one, 1, &found), 1);
	ck_assert_uint_eq(found, h[4321]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("object_many");
	TCase *c = tcase_create("object_many");

	tcase_set_timeout(c, 200);
	tcase_add_checked_fixture(c, begin, ck_test_end);
	tcase_add_test(c, every_template_finds_what_a_look_at_each_finds);
	tcase_add_test(c, finds_follow_changes);
	tcase_add_test(c, more_objects_than_are_kept_in_memory);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
