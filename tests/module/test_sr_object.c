/* SPDX-License-Identifier: BSD-2-Clause */
/* SR_CreateObjects: many objects in one commit, all or none. */
#include "vendor_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vendor_functions.h"

static const struct sr_function_list *sr;
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_OBJECT_CLASS data = CKO_DATA;

static void begin(void)
{
	CK_UTF8CHAR name[] = SR_INTERFACE_NAME;
	CK_INTERFACE *found = NULL;

	kit_begin();
	ck_ok(ck3->C_GetInterface(name, NULL, &found, 0));
	sr = found->pFunctionList;
}

/* struct many: so many data objects, with labels of their own. */
#define MANY 20
struct many {
	CK_ATTRIBUTE attrs[MANY][4];
	char labels[MANY][16];
	struct sr_template templates[MANY];
	CK_OBJECT_HANDLE handles[MANY];
};

static void many_fill(struct many *m, const char *name, CK_BBOOL *stored)
{
	for (size_t i = 0; i < MANY; i++) {
		snprintf(m->labels[i], sizeof(m->labels[i]), "%s %zu", name, i);
		m->attrs[i][0] = (CK_ATTRIBUTE){ CKA_CLASS, &data, sizeof(data) };
		m->attrs[i][1] = (CK_ATTRIBUTE){ CKA_TOKEN, stored, 1 };
		m->attrs[i][2] = (CK_ATTRIBUTE){ CKA_LABEL, m->labels[i], strlen(m->labels[i]) };
		m->attrs[i][3] = (CK_ATTRIBUTE){ CKA_PRIVATE, &yes, 1 };
		m->templates[i] = (struct sr_template){ m->attrs[i], 4 };
		m->handles[i] = 4711;
	}
}

static CK_ULONG count_data(void)
{
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &data, sizeof(data) } };

	return ck_find(t, 1, NULL);
}

START_TEST(all_are_made_with_a_handle_each)
{
	struct many m;
	CK_ULONG before;

	kit_login(KIT_USER);
	before = count_data();
	many_fill(&m, "all", _i ? &no : &yes);
	ck_ok(sr->SR_CreateObjects(ck_session, m.templates, MANY, m.handles));
	ck_assert_uint_eq(count_data(), before + MANY);
	for (size_t i = 0; i < MANY; i++) {
		char label[16] = { 0 };
		CK_ATTRIBUTE a = { CKA_LABEL, label, sizeof(label) };

		ck_ok(ck->C_GetAttributeValue(ck_session, m.handles[i], &a, 1));
		ck_assert_str_eq(label, m.labels[i]);
		ck_assert(ck_get_bool(m.handles[i], CKA_TOKEN) == (_i == 0));
	}
}
END_TEST

START_TEST(one_that_is_refused_refuses_all)
{
	struct many m;
	CK_ULONG before;
	CK_BYTE odd[2] = { 1, 1 };

	kit_login(KIT_USER);
	before = count_data();
	for (size_t bad = 0; bad < MANY; bad += 7) {
		many_fill(&m, "none", &yes);
		m.attrs[bad][3] = (CK_ATTRIBUTE){ CKA_PRIVATE, odd, sizeof(odd) };
		ck_rv(sr->SR_CreateObjects(ck_session, m.templates, MANY, m.handles), CKR_ATTRIBUTE_VALUE_INVALID);
		for (size_t i = 0; i < MANY; i++)
			ck_assert_uint_eq(m.handles[i], 4711);
	}
	many_fill(&m, "none", &yes);
	m.templates[MANY - 1] = (struct sr_template){ NULL, 3 };
	ck_rv(sr->SR_CreateObjects(ck_session, m.templates, MANY, m.handles), CKR_ARGUMENTS_BAD);
	kit_login(NULL);
	ck_rv(sr->SR_CreateObjects(ck_session, m.templates, MANY - 1, m.handles), CKR_USER_NOT_LOGGED_IN);
	kit_login(KIT_USER);
	ck_assert_uint_eq(count_data(), before);
}
END_TEST

START_TEST(bad_arguments)
{
	struct many m;
	CK_SESSION_HANDLE reader = ck_open(false);

	kit_login(KIT_USER);
	many_fill(&m, "bad", &yes);
	ck_rv(sr->SR_CreateObjects(ck_session, NULL, MANY, m.handles), CKR_ARGUMENTS_BAD);
	ck_rv(sr->SR_CreateObjects(ck_session, m.templates, MANY, NULL), CKR_ARGUMENTS_BAD);
	ck_rv(sr->SR_CreateObjects(ck_session, m.templates, 0, m.handles), CKR_ARGUMENTS_BAD);
	ck_rv(sr->SR_CreateObjects(ck_session, m.templates, SR_CREATE_MAX + 1, m.handles), CKR_ARGUMENTS_BAD);
	ck_rv(sr->SR_CreateObjects(ck_session, m.templates, ~0UL, m.handles), CKR_ARGUMENTS_BAD);
	ck_rv(sr->SR_CreateObjects(4711, m.templates, MANY, m.handles), CKR_SESSION_HANDLE_INVALID);
	ck_rv(sr->SR_CreateObjects(reader, m.templates, MANY, m.handles), CKR_SESSION_READ_ONLY);
	ck_ok(ck->C_CloseSession(reader));
}
END_TEST

/* Two halves that merely come one after the other say nothing of each other. */
START_TEST(two_strangers_are_no_pair)
{
	static CK_OBJECT_CLASS classes[] = { CKO_PUBLIC_KEY, CKO_PRIVATE_KEY };
	static CK_KEY_TYPE rsa = CKK_RSA;
	CK_ULONG bits = 2048;
	CK_MECHANISM m = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_ATTRIBUTE public[] = { { CKA_MODULUS_BITS, &bits, sizeof(bits) } };
	CK_ATTRIBUTE private[] = { { CKA_SENSITIVE, &no, 1 }, { CKA_EXTRACTABLE, &yes, 1 }, { CKA_SIGN, &yes, 1 } };
	CK_OBJECT_HANDLE halves[2], made[2];
	CK_BYTE room[6][512];
	CK_ATTRIBUTE parts[] = { { CKA_MODULUS, room[0], 512 },
				 { CKA_PUBLIC_EXPONENT, room[1], 512 },
				 { CKA_PRIVATE_EXPONENT, room[2], 512 } };
	CK_ATTRIBUTE first[4] = { { CKA_CLASS, &classes[0], sizeof(classes[0]) }, { CKA_KEY_TYPE, &rsa, sizeof(rsa) } };
	CK_ATTRIBUTE second[6] = { { CKA_CLASS, &classes[1], sizeof(classes[1]) },
				   { CKA_KEY_TYPE, &rsa, sizeof(rsa) },
				   { CKA_SIGN, &yes, 1 } };
	struct sr_template templates[] = { { first, 4 }, { second, 6 } };
	uint8_t text[] = "text", signature[256];
	CK_ULONG n = sizeof(signature);
	CK_MECHANISM sign = { CKM_SHA256_RSA_PKCS, NULL, 0 };

	kit_login(KIT_USER);
	ck_ok(ck->C_GenerateKeyPair(ck_session, &m, public, 1, private, 3, &halves[0], &halves[1]));
	ck_ok(ck->C_GetAttributeValue(ck_session, halves[1], parts, 3));
	first[2] = parts[0];
	first[3] = parts[1];
	memcpy(second + 3, parts, sizeof(parts));
	ck_ok(sr->SR_CreateObjects(ck_session, templates, 2, made));
	ck_ok(ck->C_SignInit(ck_session, &sign, made[1]));
	ck_ok(ck->C_Sign(ck_session, text, sizeof(text), signature, &n));
}
END_TEST

START_TEST(a_component_comes_by_itself) /* R1.3 */
{
	static CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	static CK_KEY_TYPE type = CKK_AES;
	CK_BYTE value[2][32] = { { 1 }, { 2 } };
	CK_ATTRIBUTE t[2][8];
	struct sr_template templates[2];
	CK_OBJECT_HANDLE made[2];
	const char *labels[] = { "PK#1/2", "PK#2/2" };

	kit_login(KIT_ALICE);
	for (size_t i = 0; i < 2; i++) {
		CK_ATTRIBUTE one[] = { { CKA_CLASS, &class, sizeof(class) },
				       { CKA_KEY_TYPE, &type, sizeof(type) },
				       { CKA_TOKEN, &yes, 1 },
				       { CKA_PRIVATE, &yes, 1 },
				       { CKA_SENSITIVE, &yes, 1 },
				       { CKA_LABEL, (void *)(uintptr_t)labels[i], 6 },
				       { CKA_VALUE, value[i], 32 } };

		memcpy(t[i], one, sizeof(one));
		templates[i] = (struct sr_template){ t[i], ARRAY_LEN(one) };
	}
	ck_rv(sr->SR_CreateObjects(ck_session, templates, 2, made), CKR_ACTION_PROHIBITED);
	ck_rv(sr->SR_CreateObjects(ck_session, templates, 1, made), CKR_ACTION_PROHIBITED);
	ck_ok(ck->C_CreateObject(ck_session, t[0], templates[0].ulCount, made));
	ck_ok(ck->C_DestroyObject(ck_session, made[0]));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sr_object");
	TCase *c = tcase_create("create");

	tcase_add_unchecked_fixture(c, begin, ck_test_end);
	tcase_add_loop_test(c, all_are_made_with_a_handle_each, 0, 2);
	tcase_add_test(c, one_that_is_refused_refuses_all);
	tcase_add_test(c, bad_arguments);
	tcase_add_test(c, two_strangers_are_no_pair);
	tcase_add_test(c, a_component_comes_by_itself);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
