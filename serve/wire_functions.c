/* SPDX-License-Identifier: BSD-2-Clause */
#include <pthread.h>
#include <string.h>

#include "wire_rows.h"

/* The kinds of arguments; the macros of the types stand in wire_rows.h. */
#define AT(i) ((i) * sizeof(CK_ULONG))
#define BYTES(n, w, how, i) .name = n, .type = WIRE_BYTES, .way = (w), .count = (how), .at = AT(i), .size = 1
#define D_NUMBER(i)                                                                                                    \
	{                                                                                                              \
		.name = "number", .type = WIRE_NUMBER, .way = WIRE_IN, .at = AT(i), .size = sizeof(CK_ULONG)           \
	}
#define D_BOOL(i) D_NUMBER(i)
#define D_LEN(i)                                                                                                       \
	{                                                                                                              \
		.name = "length", .type = WIRE_NUMBER, .way = WIRE_IN, .at = AT(i), .size = sizeof(CK_ULONG)           \
	}
#define D_IN(i)                                                                                                        \
	{                                                                                                              \
		BYTES("bytes", WIRE_IN, WIRE_MEMBER, i), .count_at = AT(i + 1)                                         \
	}
/* Longer ones no function takes, and says so in its own words. */
#define HOLLOW(n, most_bytes, i)                                                                                       \
	BYTES(n, WIRE_IN, WIRE_MEMBER, i), .count_at = AT(i + 1), .most = (most_bytes), .hollow = true
#define D_PIN(i)                                                                                                       \
	{                                                                                                              \
		HOLLOW("PIN", 4096, i), .secret = true                                                                 \
	}
#define D_SIGNATURE(i)                                                                                                 \
	{                                                                                                              \
		HOLLOW("signature", 65536, i)                                                                          \
	}
#define D_WRAPPED(i)                                                                                                   \
	{                                                                                                              \
		HOLLOW("wrapped key", (size_t)1 << 20, i)                                                              \
	}
#define D_STATE(i)                                                                                                     \
	{                                                                                                              \
		HOLLOW("operation state", (size_t)1 << 20, i)                                                          \
	}
#define D_LABEL(i)                                                                                                     \
	{                                                                                                              \
		BYTES("label", WIRE_IN, WIRE_FIXED, i), .fixed = 32                                                    \
	}
#define D_NAME(i)                                                                                                      \
	{                                                                                                              \
		BYTES("name", WIRE_IN, WIRE_TEXT, i), .fixed = 64                                                      \
	}
#define D_OUT(i)                                                                                                       \
	{                                                                                                              \
		BYTES("bytes", WIRE_OUT, WIRE_POINTED, i), .count_at = AT(i + 1)                                       \
	}
#define D_FILLED(i)                                                                                                    \
	{                                                                                                              \
		BYTES("bytes", WIRE_OUT, WIRE_MEMBER, i), .count_at = AT(i + 1)                                        \
	}
#define NUMBERS(n, w, how, i)                                                                                          \
	.name = n, .type = WIRE_NUMBER, .way = (w), .count = (how), .at = AT(i), .size = sizeof(CK_ULONG)
#define D_OUT_LEN(i)                                                                                                   \
	{                                                                                                              \
		NUMBERS("length", WIRE_IN | WIRE_OUT, WIRE_FIXED, i), .fixed = 1, .optional_in = true                  \
	}
#define D_OUT_NUMBERS(i)                                                                                               \
	{                                                                                                              \
		NUMBERS("numbers", WIRE_OUT, WIRE_POINTED, i), .count_at = AT(i + 1)                                   \
	}
#define D_OUT_NUMBER(i)                                                                                                \
	{                                                                                                              \
		NUMBERS("number", WIRE_OUT, WIRE_FIXED, i), .fixed = 1                                                 \
	}
#define D_OUT_HANDLE(i)                                                                                                \
	{                                                                                                              \
		NUMBERS("handle", WIRE_OUT, WIRE_FIXED, i), .fixed = 1                                                 \
	}
#define D_FOUND(i)                                                                                                     \
	{                                                                                                              \
		NUMBERS("handles", WIRE_OUT, WIRE_ROOM, i), .count_at = AT(i + 1)                                      \
	}
#define TEMPLATE(w, i)                                                                                                 \
	.name = "template", .type = WIRE_ATTRIBUTES, .way = (w), .count = WIRE_MEMBER, .at = AT(i),                    \
	.count_at = AT(i + 1), .size = sizeof(CK_ATTRIBUTE), .most = WIRE_ATTRIBUTES_MAX
#define D_TEMPLATE(i)                                                                                                  \
	{                                                                                                              \
		TEMPLATE(WIRE_IN, i)                                                                                   \
	}
#define D_VALUES(i)                                                                                                    \
	{                                                                                                              \
		TEMPLATE(WIRE_OUT, i)                                                                                  \
	}
#define MECHANISM(of_what, what, i)                                                                                    \
	.name = "mechanism", .type = WIRE_MECHANISM, .way = WIRE_IN | WIRE_OUT, .count = WIRE_FIXED, .fixed = 1,       \
	.at = AT(i), .size = sizeof(CK_MECHANISM), .context = (of_what), .process = (what)
#define D_MECHANISM(i)                                                                                                 \
	{                                                                                                              \
		MECHANISM(WIRE_PLAIN, WIRE_NO_PROCESS, i)                                                              \
	}
#define D_MESSAGE_MECHANISM(i)                                                                                         \
	{                                                                                                              \
		MECHANISM(WIRE_MESSAGE, WIRE_NO_PROCESS, i)                                                            \
	}
#define D_START_ENCRYPT(i)                                                                                             \
	{                                                                                                              \
		MECHANISM(WIRE_MESSAGE, WIRE_ENCRYPT, i)                                                               \
	}
#define D_START_DECRYPT(i)                                                                                             \
	{                                                                                                              \
		MECHANISM(WIRE_MESSAGE, WIRE_DECRYPT, i)                                                               \
	}
#define D_START_SIGN(i)                                                                                                \
	{                                                                                                              \
		MECHANISM(WIRE_PLAIN, WIRE_SIGN, i)                                                                    \
	}
#define D_START_VERIFY(i)                                                                                              \
	{                                                                                                              \
		MECHANISM(WIRE_PLAIN, WIRE_VERIFY, i)                                                                  \
	}
#define PARAM(of_what, what, i)                                                                                        \
	.name = "parameter", .type = WIRE_PARAM, .way = WIRE_IN | WIRE_OUT, .count = WIRE_MEMBER, .at = AT(i),         \
	.count_at = AT(i + 1), .size = 1, .context = (of_what), .process = (what)
#define D_PARAM_ENCRYPT(i)                                                                                             \
	{                                                                                                              \
		PARAM(WIRE_MESSAGE, WIRE_ENCRYPT, i)                                                                   \
	}
#define D_PARAM_DECRYPT(i)                                                                                             \
	{                                                                                                              \
		PARAM(WIRE_MESSAGE, WIRE_DECRYPT, i)                                                                   \
	}
#define D_PARAM_SIGN(i)                                                                                                \
	{                                                                                                              \
		PARAM(WIRE_PLAIN, WIRE_SIGN, i)                                                                        \
	}
#define D_PARAM_VERIFY(i)                                                                                              \
	{                                                                                                              \
		PARAM(WIRE_PLAIN, WIRE_VERIFY, i)                                                                      \
	}
#define D_APPLICATION(i)                                                                                               \
	{                                                                                                              \
		.name = "application", .type = WIRE_ABSENT, .count = WIRE_FIXED, .at = AT(i)                           \
	}
#define D_NOTIFY(i)                                                                                                    \
	{                                                                                                              \
		.name = "callback", .type = WIRE_ABSENT, .count = WIRE_FIXED, .at = AT(i)                              \
	}
#define D_RESERVED(i)                                                                                                  \
	{                                                                                                              \
		.name = "reserved", .type = WIRE_RESERVED, .count = WIRE_FIXED, .at = AT(i)                            \
	}
/* Structures without pointers travel as they stand: both ends have the same ABI. */
#define FLAT(type_name, how, i)                                                                                        \
	.name = #type_name, .type = WIRE_BYTES, .way = WIRE_OUT, .count = (how), .at = AT(i), .size = sizeof(type_name)
#define D_INFO(i)                                                                                                      \
	{                                                                                                              \
		FLAT(CK_INFO, WIRE_FIXED, i), .fixed = 1                                                               \
	}
#define D_SLOT_INFO(i)                                                                                                 \
	{                                                                                                              \
		FLAT(CK_SLOT_INFO, WIRE_FIXED, i), .fixed = 1                                                          \
	}
#define D_TOKEN_INFO(i)                                                                                                \
	{                                                                                                              \
		FLAT(CK_TOKEN_INFO, WIRE_FIXED, i), .fixed = 1                                                         \
	}
#define D_MECHANISM_INFO(i)                                                                                            \
	{                                                                                                              \
		FLAT(CK_MECHANISM_INFO, WIRE_FIXED, i), .fixed = 1                                                     \
	}
#define D_SESSION_INFO(i)                                                                                              \
	{                                                                                                              \
		FLAT(CK_SESSION_INFO, WIRE_FIXED, i), .fixed = 1                                                       \
	}
#define D_SR_USERS(i)                                                                                                  \
	{                                                                                                              \
		FLAT(struct sr_user, WIRE_POINTED, i), .count_at = AT(i + 1)                                           \
	}

static const struct wire_field async_fields[] = {
	{ .name = "ulVersion",
	  .type = WIRE_NUMBER,
	  .way = WIRE_IN | WIRE_OUT,
	  .at = offsetof(CK_ASYNC_DATA, ulVersion),
	  .size = sizeof(CK_ULONG) },
	{ .name = "ulValue",
	  .type = WIRE_NUMBER,
	  .way = WIRE_IN | WIRE_OUT,
	  .at = offsetof(CK_ASYNC_DATA, ulValue),
	  .size = sizeof(CK_ULONG) },
	{ .name = "hObject",
	  .type = WIRE_NUMBER,
	  .way = WIRE_OUT,
	  .at = offsetof(CK_ASYNC_DATA, hObject),
	  .size = sizeof(CK_ULONG) },
	{ .name = "hAdditionalObject",
	  .type = WIRE_NUMBER,
	  .way = WIRE_OUT,
	  .at = offsetof(CK_ASYNC_DATA, hAdditionalObject),
	  .size = sizeof(CK_ULONG) },
	{ .name = "pValue",
	  .type = WIRE_BYTES,
	  .way = WIRE_OUT,
	  .count = WIRE_MEMBER,
	  .at = offsetof(CK_ASYNC_DATA, pValue),
	  .count_at = offsetof(CK_ASYNC_DATA, ulValue),
	  .size = 1 },
};
static const struct wire_struct async_data = { "CK_ASYNC_DATA", sizeof(CK_ASYNC_DATA), async_fields,
					       ARRAY_LEN(async_fields), false };
#define D_ASYNC_DATA(i)                                                                                                \
	{                                                                                                              \
		.name = "CK_ASYNC_DATA", .type = WIRE_STRUCT, .way = WIRE_IN | WIRE_OUT, .count = WIRE_FIXED,          \
		.at = AT(i), .fixed = 1, .size = sizeof(CK_ASYNC_DATA), .of = &async_data                              \
	}

#define D_OUT_SECRET(i)                                                                                                \
	{                                                                                                              \
		BYTES("bytes", WIRE_OUT, WIRE_POINTED, i), .count_at = AT(i + 1), .secret = true                       \
	}
#define D_TOLD_NUMBER(i)                                                                                               \
	{                                                                                                              \
		NUMBERS("number", WIRE_IN | WIRE_OUT, WIRE_FIXED, i), .fixed = 1, .told = true                         \
	}
#define D_TOLD_LEN(i)                                                                                                  \
	{                                                                                                              \
		NUMBERS("length", WIRE_IN | WIRE_OUT, WIRE_FIXED, i), .fixed = 1, .optional_in = true, .told = true    \
	}
#define D_SR_BACKUP(i)                                                                                                 \
	{                                                                                                              \
		FLAT(struct sr_backup, WIRE_FIXED, i), .fixed = 1                                                      \
	}
#define D_SR_VERIFY_STATE(i)                                                                                           \
	{                                                                                                              \
		FLAT(struct sr_verify_state, WIRE_FIXED, i), .fixed = 1, .told = true                                  \
	}
#define D_SR_FINDINGS(i)                                                                                               \
	{                                                                                                              \
		FLAT(struct sr_finding, WIRE_POINTED, i), .count_at = AT(i + 1), .told = true                          \
	}
#define D_SR_AUDIT_ENTRIES(i)                                                                                          \
	{                                                                                                              \
		FLAT(struct sr_audit_entry, WIRE_POINTED, i), .count_at = AT(i + 1)                                    \
	}
#define D_SR_AUDIT_STATE(i)                                                                                            \
	{                                                                                                              \
		FLAT(struct sr_audit_state, WIRE_FIXED, i), .fixed = 1, .told = true                                   \
	}
#define D_SR_TOKEN_STATE(i)                                                                                            \
	{                                                                                                              \
		FLAT(struct sr_token_state, WIRE_FIXED, i), .fixed = 1                                                 \
	}
#define D_SR_APPROVALS(i)                                                                                              \
	{                                                                                                              \
		FLAT(struct sr_approval, WIRE_POINTED, i), .count_at = AT(i + 1)                                       \
	}
/* A handle for each of the things that the argument before counts. */
#define D_OUT_HANDLES(i)                                                                                               \
	{                                                                                                              \
		NUMBERS("handles", WIRE_OUT, WIRE_MEMBER, i), .count_at = AT(i - 1)                                    \
	}
static const struct wire_field template_fields[] = {
	{ .name = "ulCount",
	  .type = WIRE_NUMBER,
	  .way = WIRE_IN,
	  .at = offsetof(struct sr_template, ulCount),
	  .size = sizeof(CK_ULONG) },
	{ .name = "pTemplate",
	  .type = WIRE_ATTRIBUTES,
	  .way = WIRE_IN,
	  .count = WIRE_MEMBER,
	  .at = offsetof(struct sr_template, pTemplate),
	  .count_at = offsetof(struct sr_template, ulCount),
	  .size = sizeof(CK_ATTRIBUTE),
	  .most = WIRE_ATTRIBUTES_MAX },
};
static const struct wire_struct template_struct = { "sr_template", sizeof(struct sr_template), template_fields,
						    ARRAY_LEN(template_fields), false };
#define D_SR_TEMPLATES(i)                                                                                              \
	{                                                                                                              \
		.name = "templates", .type = WIRE_STRUCT, .way = WIRE_IN, .count = WIRE_MEMBER, .at = AT(i),           \
		.count_at = AT(i + 1), .size = sizeof(struct sr_template), .most = SR_CREATE_MAX,                      \
		.of = &template_struct                                                                                 \
	}

#define D(i, kind) D_##kind(i)
#define FIELDS(function, n, ...) static const struct wire_field fields_##function[] = { WIRE_EACH_##n(D, __VA_ARGS__) };
WIRE_CK_ROWS(FIELDS)
WIRE_SR_ROWS(FIELDS)

#define ROW(function, n, ...)                                                                                          \
	{ .name = #function,                                                                                           \
	  .arguments = { #function, (n) * sizeof(CK_ULONG), fields_##function, ARRAY_LEN(fields_##function),           \
			 false } },
static struct wire_function ck_rows[] = { WIRE_CK_ROWS(ROW) };
static struct wire_function sr_rows[] = { WIRE_SR_ROWS(ROW) };
#define FITS(function, n, ...)                                                                                         \
	_Static_assert(ARRAY_LEN(fields_##function) == (n) && (n) <= WIRE_ARGUMENTS_MAX, "arguments of " #function);
WIRE_CK_ROWS(FITS)
WIRE_SR_ROWS(FITS)

static uint32_t ck_hashes[ARRAY_LEN(ck_rows)], sr_hashes[ARRAY_LEN(sr_rows)];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void prepare(struct wire_function *f, uint32_t *hash)
{
	for (size_t i = 0; i < f->arguments.count; i++) {
		const struct wire_field *a = &f->arguments.fields[i];

		if (a->type == WIRE_MECHANISM && a->process != WIRE_NO_PROCESS)
			f->starts = a->process;
		if (a->type == WIRE_PARAM)
			f->uses = a->process;
	}
	*hash = wire_hash(&f->arguments);
}

static void prepare_all(void)
{
	for (size_t i = 0; i < ARRAY_LEN(ck_rows); i++)
		prepare(&ck_rows[i], &ck_hashes[i]);
	for (size_t i = 0; i < ARRAY_LEN(sr_rows); i++)
		prepare(&sr_rows[i], &sr_hashes[i]);
}

const struct wire_function *wire_function(unsigned number)
{
	pthread_once(&once, prepare_all);
	if (number < ARRAY_LEN(ck_rows))
		return &ck_rows[number];
	if (number >= WIRE_SR && number - WIRE_SR < ARRAY_LEN(sr_rows))
		return &sr_rows[number - WIRE_SR];
	return NULL;
}

uint32_t wire_function_hash(unsigned number)
{
	if (wire_function(number) == NULL)
		return 0;
	return number < WIRE_SR ? ck_hashes[number] : sr_hashes[number - WIRE_SR];
}

int wire_number(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(ck_rows); i++)
		if (strcmp(ck_rows[i].name, name) == 0)
			return (int)i;
	for (size_t i = 0; i < ARRAY_LEN(sr_rows); i++)
		if (strcmp(sr_rows[i].name, name) == 0)
			return (int)(WIRE_SR + i);
	return -1;
}

/* FNV-1a. */
static void mix(uint32_t *h, const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		*h = (*h ^ ((const uint8_t *)p)[i]) * 16777619u;
}

static void mix_struct(uint32_t *h, const struct wire_struct *s)
{
	mix(h, s->name, strlen(s->name));
	for (size_t i = 0; i < s->count; i++) {
		const struct wire_field *f = &s->fields[i];
		uint64_t facts[] = { f->type,  f->count,    f->way,     f->at,     f->size,
				     f->fixed, f->count_at, f->context, f->process };

		mix(h, facts, sizeof(facts));
		if (f->of != NULL)
			mix_struct(h, f->of);
	}
}

uint32_t wire_hash(const struct wire_struct *s)
{
	uint32_t h = 2166136261u;

	mix_struct(&h, s);
	return h;
}

bool wire_goes(const struct wire_field *f, CK_RV answer)
{
	if (!(f->way & WIRE_OUT))
		return false;
	if (f->told || answer == CKR_OK)
		return true;
	/* Lengths, and what a template tells. */
	return ((f->way & WIRE_IN) || f->type == WIRE_ATTRIBUTES) &&
	       (answer == CKR_BUFFER_TOO_SMALL || answer == CKR_ATTRIBUTE_SENSITIVE ||
		answer == CKR_ATTRIBUTE_TYPE_INVALID);
}

bool wire_is_template(CK_ATTRIBUTE_TYPE type)
{
	return type == CKA_WRAP_TEMPLATE || type == CKA_UNWRAP_TEMPLATE || type == CKA_DERIVE_TEMPLATE ||
	       type == CKA_ENCAPSULATE_TEMPLATE || type == CKA_DECAPSULATE_TEMPLATE;
}
