/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "msg.h"

struct arena_block {
	struct arena_block *next;
	uint8_t bytes[] __attribute__((aligned(16)));
};

void *arena_alloc(struct arena *a, size_t n)
{
	if (n > BUF_MAX)
		return NULL;
	struct arena_block *b = calloc(1, sizeof(*b) + n);
	if (!b)
		return NULL;
	b->next = a->blocks;
	a->blocks = b;
	return b->bytes;
}

struct view arena_copy(struct arena *a, struct view v)
{
	uint8_t *p = arena_alloc(a, v.n + 1);

	if (!p)
		return VIEW(NULL, 0);
	if (v.n)
		memcpy(p, v.p, v.n);
	return VIEW(p, v.n);
}

struct view arena_text(struct arena *a, const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	int n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		return VIEW(NULL, 0);
	struct view v = arena_copy(a, VIEW(text, (size_t)n));
	free(text);
	return v;
}

void arena_done(struct arena *a)
{
	while (a->blocks) {
		struct arena_block *b = a->blocks;
		a->blocks = b->next;
		free(b);
	}
}

static bool in_bounds(const struct msg_field *field, uint64_t n)
{
	return n >= field->min && n <= field->max;
}

static enum err bad_field(struct fail *f, const struct msg_field *field, const char *why)
{
	return fail_set(f, ERR_MALFORMED, 0, "field %s: %s", field->name[0] ? field->name : "(item)", why);
}

static enum err decode_object(const struct msg_fields *fields, json_t *json, struct arena *a, uint8_t *out,
			      struct fail *f);

static enum err decode_text(const struct msg_field *field, json_t *json, struct arena *a, uint8_t *at, struct fail *f)
{
	struct view v = { 0 };

	if (!json_is_string(json))
		return bad_field(f, field, "not a text");
	const char *text = json_string_value(json);
	size_t n = json_string_length(json);
	if (field->type == MSG_TEXT) {
		v = arena_copy(a, VIEW(text, n));
	} else {
		BUF_AUTO bytes = { 0 };
		if (!base64_decode(text, n, &bytes))
			return bad_field(f, field, "not base64");
		v = arena_copy(a, buf_view(&bytes));
	}
	if (!v.p)
		return fail_set(f, ERR_NO_MEMORY, 0, "message");
	if (!in_bounds(field, v.n))
		return bad_field(f, field, "too short or too long");
	memcpy(at, &v, sizeof(v));
	return ERR_OK;
}

static enum err decode_value(const struct msg_field *field, json_t *json, struct arena *a, uint8_t *out,
			     struct fail *f);

static enum err decode_list(const struct msg_field *field, json_t *json, struct arena *a, uint8_t *at, struct fail *f)
{
	const struct msg_fields *item = field->item;
	bool bare = item->count == 1 && item->field[0].name[0] == 0;
	struct msg_list list;
	enum err e = ERR_OK;

	if (!json_is_array(json))
		return bad_field(f, field, "not a list");
	list.count = json_array_size(json);
	if (!in_bounds(field, list.count))
		return bad_field(f, field, "too few or too many items");
	list.items = list.count ? arena_alloc(a, list.count * item->size) : NULL;
	if (list.count && !list.items)
		return fail_set(f, ERR_NO_MEMORY, 0, "message");
	for (size_t i = 0; i < list.count && e == ERR_OK; i++) {
		uint8_t *one = (uint8_t *)list.items + i * item->size;
		if (bare)
			e = decode_value(&item->field[0], json_array_get(json, i), a, one, f);
		else
			e = decode_object(item, json_array_get(json, i), a, one, f);
	}
	if (e == ERR_OK)
		memcpy(at, &list, sizeof(list));
	return e;
}

static enum err decode_value(const struct msg_field *field, json_t *json, struct arena *a, uint8_t *out, struct fail *f)
{
	uint8_t *at = out + field->offset;
	uint64_t number;
	bool yes;

	switch (field->type) {
	case MSG_TEXT:
	case MSG_BASE64:
		return decode_text(field, json, a, at, f);
	case MSG_NUMBER:
		if (!json_is_integer(json) || json_integer_value(json) < 0)
			return bad_field(f, field, "not a number");
		number = (uint64_t)json_integer_value(json);
		if (!in_bounds(field, number))
			return bad_field(f, field, "too small or too large");
		memcpy(at, &number, sizeof(number));
		return ERR_OK;
	case MSG_BOOL:
		if (!json_is_boolean(json))
			return bad_field(f, field, "not true or false");
		yes = json_is_true(json);
		memcpy(at, &yes, sizeof(yes));
		return ERR_OK;
	case MSG_LIST:
		return decode_list(field, json, a, at, f);
	}
	return fail_set(f, ERR_INTERNAL, 0, "field %s: type", field->name);
}

static enum err decode_object(const struct msg_fields *fields, json_t *json, struct arena *a, uint8_t *out,
			      struct fail *f)
{
	size_t seen = 0;

	if (!json_is_object(json))
		return fail_set(f, ERR_MALFORMED, 0, "not a JSON object");
	for (size_t i = 0; fields && i < fields->count; i++) {
		const struct msg_field *field = &fields->field[i];
		json_t *value = json_object_get(json, field->name);
		if (!value && field->optional)
			continue;
		if (!value)
			return bad_field(f, field, "missing");
		seen++;
		enum err e = decode_value(field, value, a, out, f);
		if (e != ERR_OK)
			return e;
	}
	if (seen != json_object_size(json))
		return fail_set(f, ERR_MALFORMED, 0, "unknown field");
	return ERR_OK;
}

enum err msg_decode(const struct msg_fields *fields, struct view text, struct arena *a, void *ret_struct,
		    struct fail *f)
{
	json_error_t error;
	json_t *json = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, &error);

	if (!json)
		return fail_set(f, ERR_MALFORMED, 0, "JSON: line %d: %s", error.line, error.text);
	if (fields)
		memset(ret_struct, 0, fields->size);
	enum err e = decode_object(fields, json, a, ret_struct, f);
	json_decref(json);
	return e;
}

static json_t *encode_object(const struct msg_fields *fields, const uint8_t *in);

static json_t *encode_base64(struct view v)
{
	BUF_AUTO text = { 0 };

	base64_encode(v, &text);
	return buf_ok(&text) ? json_stringn(text.len ? (const char *)text.p : "", text.len) : NULL;
}

/* encode_value: NULL: out of bounds, not UTF-8 or no memory. *ret_absent: an optional value that is not there. */
static json_t *encode_value(const struct msg_field *field, const uint8_t *in, bool *ret_absent)
{
	const uint8_t *at = in + field->offset;
	struct view v;
	struct msg_list list;
	uint64_t number;
	bool yes;
	json_t *array;

	switch (field->type) {
	case MSG_TEXT:
	case MSG_BASE64:
		memcpy(&v, at, sizeof(v));
		*ret_absent = field->optional && !v.p;
		if (*ret_absent || !in_bounds(field, v.n))
			return NULL;
		return field->type == MSG_TEXT ? json_stringn(v.n ? (const char *)v.p : "", v.n) : encode_base64(v);
	case MSG_NUMBER:
		memcpy(&number, at, sizeof(number));
		*ret_absent = field->optional && !number && field->min;
		return !*ret_absent && in_bounds(field, number) && number <= INT64_MAX
			   ? json_integer((json_int_t)number)
			   : NULL;
	case MSG_BOOL:
		memcpy(&yes, at, sizeof(yes));
		return json_boolean(yes);
	case MSG_LIST:
		memcpy(&list, at, sizeof(list));
		*ret_absent = field->optional && list.count == 0;
		if (*ret_absent || !in_bounds(field, list.count))
			return NULL;
		array = json_array();
		for (size_t i = 0; array && i < list.count; i++) {
			const uint8_t *one = (const uint8_t *)list.items + i * field->item->size;
			bool bare = field->item->count == 1 && field->item->field[0].name[0] == 0, absent = false;
			json_t *item =
			    bare ? encode_value(&field->item->field[0], one, &absent) : encode_object(field->item, one);
			if (!item || json_array_append_new(array, item)) {
				json_decref(array);
				array = NULL;
			}
		}
		return array;
	}
	return NULL;
}

static json_t *encode_object(const struct msg_fields *fields, const uint8_t *in)
{
	json_t *json = json_object();

	for (size_t i = 0; json && fields && i < fields->count; i++) {
		bool absent = false;
		json_t *value = encode_value(&fields->field[i], in, &absent);
		if (absent)
			continue;
		if (!value || json_object_set_new(json, fields->field[i].name, value)) {
			json_decref(json);
			return NULL;
		}
	}
	return json;
}

static int dump_to_buf(const char *p, size_t n, void *arg)
{
	struct buf *b = arg;

	buf_put(b, p, n);
	return b->failed ? -1 : 0;
}

enum err msg_encode(const struct msg_fields *fields, const void *in, struct buf *ret, struct fail *f)
{
	BUF_AUTO text = { 0 };
	json_t *json = encode_object(fields, in);
	int rc = json ? json_dump_callback(json, dump_to_buf, &text, JSON_COMPACT) : -1;

	json_decref(json);
	if (rc)
		return fail_set(f, ERR_INTERNAL, 0, "message: cannot be encoded");
	buf_put_view(ret, buf_view(&text));
	return buf_ok(ret) ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "message");
}
