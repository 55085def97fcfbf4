/* SPDX-License-Identifier: BSD-2-Clause */
/* What serve/ says of functions, parameters and attributes, against what the module has. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "mech.h"
#include "object_attr.h"
#include "vendor_functions.h"
#include "wire_io.h"
#include "wire_walk.h"

#define NAME(name, ...) #name,
static const char *const functions[] = { CK_FUNCTIONS_2_40(NAME) CK_FUNCTIONS_3_0(NAME) CK_FUNCTIONS_3_2(NAME)
					     SR_FUNCTIONS(NAME) };
static const char *const own[] = { "C_Initialize", "C_Finalize", "C_GetFunctionList", "C_GetInterfaceList",
				   "C_GetInterface" };

START_TEST(every_function_has_a_row)
{
	for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
		bool local = false;

		for (size_t k = 0; k < ARRAY_LEN(own); k++)
			local = local || strcmp(own[k], functions[i]) == 0;
		ck_assert_msg(local != (wire_number(functions[i]) >= 0),
			      "%s: no row in serve/wire_rows.h; the client answers CKR_FUNCTION_NOT_SUPPORTED",
			      functions[i]);
	}
	ck_assert_int_eq(wire_number("C_NoSuchFunction"), -1);
	ck_assert_ptr_null(wire_function(255));
	ck_assert_ptr_null(wire_function(65535));
}
END_TEST

/* fits: members are inside the structure, and there is room for what a walk notes down. */
static void fits(const struct wire_struct *s)
{
	ck_assert_uint_le(s->count, 32);
	for (size_t i = 0; i < s->count; i++) {
		const struct wire_field *f = &s->fields[i];
		size_t size = f->count == WIRE_INLINE ? f->size : sizeof(void *);

		ck_assert_msg(f->at + size <= s->size, "%s.%s", s->name, f->name);
		ck_assert_msg(f->type == WIRE_ABSENT || f->type == WIRE_RESERVED || f->size > 0, "%s.%s", s->name,
			      f->name);
		if (f->of != NULL) {
			ck_assert_uint_eq(f->of->size, f->size);
			fits(f->of);
		}
	}
}

START_TEST(descriptions_stay_inside_their_structures)
{
	for (unsigned n = 0; wire_function(n) != NULL; n++)
		fits(&wire_function(n)->arguments);
	for (unsigned n = WIRE_SR; wire_function(n) != NULL; n++)
		fits(&wire_function(n)->arguments);
	for (size_t i = 0; wire_params(i) != NULL; i++)
		fits(wire_params(i));
}
END_TEST

/* Each row of the mechanism table: its parameter travels as what it is, with the length that the row says. */
START_TEST(every_mechanism_has_a_description_of_its_parameter)
{
	const struct wire_struct *s = NULL;

	ck_assert_uint_eq(wire_mechanism_count, mech_row_count());
	for (size_t i = 0; i < mech_row_count(); i++) {
		const struct mech_row *r = mech_row_at(i);
		const struct wire_mechanism *m = wire_mechanism(r->type);
		bool structure = strstr(r->param->text, "PARAMS") != NULL || strstr(r->param->text, "struct ") != NULL;
		size_t size = r->param->size;

		ck_assert_msg(m != NULL && strcmp(m->name, r->name) == 0, "%s", r->name);
		if (structure && strstr(r->param->text, "CK_MAC_GENERAL") == NULL &&
		    strstr(r->param->text, "CK_EXTRACT") == NULL)
			ck_assert_msg(m->flat == WIRE_FLAT_NONE, "%s: %s", r->name, r->param->text);
		if (size != PARAM_ANY_SIZE) {
			enum wire_form form = wire_form(r->type, WIRE_PLAIN, size, &s);

			ck_assert_msg(form == (m->flat == WIRE_FLAT_NONE ? WIRE_STRUCTURE : WIRE_FLAT), "%s", r->name);
			if (size > 0)
				ck_assert_int_eq(wire_form(r->type, WIRE_PLAIN, size + 1, &s), WIRE_HOLLOW);
		}
		if (r->ops->message != NULL) {
			bool message = false;

			for (size_t k = 0; m->params[k] != 0; k++)
				message = message || wire_params(m->params[k] - 1u)->message;
			ck_assert_msg(message, "%s: no parameter of a message", r->name);
		}
		ck_assert_int_eq(wire_form(r->type, WIRE_PLAIN, SIZE_MAX, &s), WIRE_NOTHING);
	}
	ck_assert_int_eq(wire_form(0x7ffffff0UL, WIRE_PLAIN, 16, &s), WIRE_NOTHING);
}
END_TEST

START_TEST(messages_have_parameters_of_their_own)
{
	static const struct {
		CK_MECHANISM_TYPE type;
		size_t size;
	} rows[] = { { CKM_AES_GCM, sizeof(CK_GCM_MESSAGE_PARAMS) },
		     { CKM_AES_CCM, sizeof(CK_CCM_MESSAGE_PARAMS) },
		     { CKM_CHACHA20_POLY1305, sizeof(CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS) } };
	const struct wire_struct *plain = NULL, *message = NULL;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ck_assert_int_eq(wire_form(rows[i].type, WIRE_MESSAGE, rows[i].size, &message), WIRE_STRUCTURE);
		ck_assert(message->message);
	}
	/* Of one length, and not the same. */
	ck_assert_int_eq(wire_form(CKM_AES_GCM, WIRE_PLAIN, sizeof(CK_GCM_PARAMS), &plain), WIRE_STRUCTURE);
	ck_assert_int_eq(wire_form(CKM_AES_GCM, WIRE_MESSAGE, sizeof(CK_GCM_PARAMS), &message), WIRE_STRUCTURE);
	ck_assert_ptr_ne(plain, message);
	ck_assert_uint_ne(wire_hash(plain), wire_hash(message));
}
END_TEST

/* An attribute that the module takes for a template must be carried as one: else pointers of a client would be used. */
START_TEST(attributes_that_are_templates_are_known)
{
	for (size_t i = 0; i < attr_row_count(); i++) {
		const struct attr_row *r = attr_row_at(i);

		ck_assert_msg(wire_is_template(r->type) == (r->form == FORM_TEMPLATE), "%s", r->name);
	}
}
END_TEST

/* carry: a request from words into words of an arena. */
static bool carry(const char *name, const CK_ULONG *words, struct wire_room *room, struct wire_arena *arena,
		  CK_ULONG *ret_words)
{
	const struct wire_function *f = wire_function((unsigned)wire_number(name));
	struct wire_walk put = { .out = room }, get = { .arena = arena };

	wire_room_reset(room);
	ck_assert(wire_request_put(&put, &f->arguments, words));
	get.in = reader_of(VIEW(room->p, room->len));
	return wire_request_get(&get, &f->arguments, ret_words);
}

START_TEST(nested_structures_arrive_whole)
{
	CK_ULONG width = 32;
	CK_SP800_108_COUNTER_FORMAT counter = { 0, width };
	CK_PRF_DATA_PARAM data[] = { { CK_SP800_108_ITERATION_VARIABLE, &counter, sizeof(counter) },
				     { CK_SP800_108_BYTE_ARRAY, (void *)(uintptr_t) "label", 5 } };
	CK_OBJECT_HANDLE more = 0;
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE inner[] = { { CKA_SENSITIVE, &yes, 1 } };
	CK_ATTRIBUTE t[] = { { CKA_WRAP_TEMPLATE, inner, sizeof(inner) }, { CKA_LABEL, NULL, 7 } };
	CK_DERIVED_KEY keys[] = { { t, 2, &more } };
	CK_SP800_108_KDF_PARAMS p = { CKM_SHA256_HMAC, 2, data, 1, keys }, *q;
	CK_MECHANISM m = { CKM_SP800_108_COUNTER_KDF, &p, sizeof(p) }, *got;
	CK_OBJECT_HANDLE key = 0;
	const CK_ULONG words[] = {
		1, (CK_ULONG)(uintptr_t)&m, 2, (CK_ULONG)(uintptr_t)t, 2, (CK_ULONG)(uintptr_t)&key
	};
	CK_ULONG back[WIRE_ARGUMENTS_MAX];
	struct wire_room room = { 0 };
	struct wire_arena arena = { 0 };
	CK_ATTRIBUTE *a;

	ck_assert(carry("C_DeriveKey", words, &room, &arena, back));
	got = (CK_MECHANISM *)back[1];
	ck_assert_uint_eq(got->ulParameterLen, sizeof(p));
	q = got->pParameter;
	ck_assert_uint_eq(q->pDataParams[1].ulValueLen, 5);
	ck_assert_mem_eq(q->pDataParams[1].pValue, "label", 5);
	ck_assert_ptr_ne(q->pDataParams, data);
	ck_assert_ptr_nonnull(q->pAdditionalDerivedKeys[0].phKey);
	a = q->pAdditionalDerivedKeys[0].pTemplate;
	ck_assert_uint_eq(a[1].ulValueLen, 7);
	ck_assert_ptr_null(a[1].pValue);
	ck_assert_int_eq(*(CK_BBOOL *)((CK_ATTRIBUTE *)a[0].pValue)[0].pValue, CK_TRUE);
	ck_assert_ptr_ne(a[0].pValue, inner);
	wire_arena_done(&arena);
	wire_room_done(&room);
}
END_TEST

/* Every cut, and every byte set to something else, is refused or read without harm (sanitizers watch). */
START_TEST(damaged_requests_do_no_harm)
{
	uint8_t iv[12] = { 1 }, aad[5] = { 2 };
	CK_GCM_PARAMS p = { iv, 12, 96, aad, 5, 128 };
	CK_MECHANISM m = { CKM_AES_GCM, &p, sizeof(p) };
	const CK_ULONG words[] = { 1, (CK_ULONG)(uintptr_t)&m, 2 };
	const struct wire_function *f = wire_function((unsigned)wire_number("C_EncryptInit"));
	CK_ULONG back[WIRE_ARGUMENTS_MAX];
	struct wire_room room = { 0 };
	struct wire_arena arena = { 0 };
	uint8_t *copy;

	ck_assert(carry("C_EncryptInit", words, &room, &arena, back));
	wire_arena_done(&arena);
	for (size_t n = 0; n < room.len; n++) {
		struct wire_walk get = { .arena = &arena };

		copy = malloc(n + 1);
		memcpy(copy, room.p, n);
		get.in = reader_of(VIEW(copy, n));
		ck_assert(!wire_request_get(&get, &f->arguments, back));
		ck_assert_uint_ne(get.rv, CKR_OK);
		wire_arena_done(&arena);
		free(copy);
	}
	for (size_t i = 0; i < room.len; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			struct wire_walk get = { .arena = &arena };

			room.p[i] ^= (uint8_t)(1u << bit);
			get.in = reader_of(VIEW(room.p, room.len));
			ck_assert(wire_request_get(&get, &f->arguments, back) || get.rv != CKR_OK);
			wire_arena_done(&arena);
			room.p[i] ^= (uint8_t)(1u << bit);
		}
	}
	wire_room_done(&room);
}
END_TEST

/* A server that says more than there is room for is not believed. */
START_TEST(replies_stay_inside_the_callers_memory)
{
	uint8_t *out = malloc(4);
	CK_ULONG len = 4;
	const CK_ULONG words[] = { 1, (CK_ULONG)(uintptr_t)out, (CK_ULONG)(uintptr_t)&len };
	const struct wire_function *f = wire_function((unsigned)wire_number("C_SignFinal"));
	uint8_t reply[] = { 0, 0, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0, 0, 0, 0, 0, 5 };
	struct wire_walk get = { .in = reader_of(VIEW(reply, sizeof(reply))) };

	ck_assert(!wire_reply_get(&get, &f->arguments, words));
	ck_assert_uint_eq(get.rv, CKR_DEVICE_ERROR);
	ck_assert_uint_eq(len, 4);
	reply[3] = 4;
	reply[16] = 4;
	memmove(reply + 8, reply + 9, 8);
	get = (struct wire_walk){ .in = reader_of(VIEW(reply, sizeof(reply) - 1)) };
	ck_assert(wire_reply_get(&get, &f->arguments, words));
	ck_assert_mem_eq(out, "\1\2\3\4", 4);
	free(out);
}
END_TEST

START_TEST(arena_and_room_have_an_end)
{
	struct wire_arena a = { 0 };
	struct wire_room r = { 0 };

	ck_assert_ptr_null(wire_arena_take(&a, WIRE_ARENA_MAX + 1));
	ck_assert_ptr_null(wire_arena_take(&a, SIZE_MAX));
	ck_assert_ptr_nonnull(wire_arena_take(&a, 0));
	ck_assert_ptr_null(wire_room_take(&r, WIRE_FRAME_MAX + 5));
	ck_assert(r.failed);
	wire_arena_done(&a);
	wire_room_done(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("wire");
	TCase *c = tcase_create("rows");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(c, every_function_has_a_row);
	tcase_add_test(c, descriptions_stay_inside_their_structures);
	tcase_add_test(c, every_mechanism_has_a_description_of_its_parameter);
	tcase_add_test(c, messages_have_parameters_of_their_own);
	tcase_add_test(c, attributes_that_are_templates_are_known);
	tcase_add_test(c, nested_structures_arrive_whole);
	tcase_add_test(c, damaged_requests_do_no_harm);
	tcase_add_test(c, replies_stay_inside_the_callers_memory);
	tcase_add_test(c, arena_and_room_have_an_end);
	suite_add_tcase(s, c);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
