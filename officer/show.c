/* SPDX-License-Identifier: BSD-2-Clause */
#include "show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 24

static const struct show_field *field_named(const struct show_field *fields, const char *name)
{
	for (; fields && fields->name; fields++)
		if (!strcmp(fields->name, name))
			return fields;
	return NULL;
}

static enum err known(const json_t *value, const struct show_field *fields, struct fail *f);

/* known_in: an object, or a list whose elements are objects, of these fields; anything else is a plain value. */
static enum err known_in(const json_t *value, const struct show_field *row, struct fail *f)
{
	enum err e = ERR_OK;

	if (!row->of)
		return ERR_OK;
	if (json_is_object(value))
		return known(value, row->of, f);
	for (size_t i = 0; e == ERR_OK && i < json_array_size(value); i++)
		e = known(json_array_get(value, i), row->of, f);
	return e;
}

/* known: has every field a row, and every row that must a field? */
static enum err known(const json_t *value, const struct show_field *fields, struct fail *f)
{
	enum err e = ERR_OK;
	const char *name;
	json_t *member;

	json_object_foreach((json_t *)value, name, member)
	{
		const struct show_field *row = field_named(fields, name);

		if (e == ERR_OK)
			e = row ? known_in(member, row, f)
				: fail_set(f, ERR_INTERNAL, 0, "field %.64s has no row", name);
	}
	for (; e == ERR_OK && fields && fields->name; fields++)
		if (!fields->maybe && !json_object_get(value, fields->name))
			e = fail_set(f, ERR_INTERNAL, 0, "field %.64s is missing", fields->name);
	return e;
}

enum err show_json(const json_t *object, const struct show_field *fields, struct fail *f)
{
	enum err e = known(object, fields, f);
	char *text = e == ERR_OK ? json_dumps(object, JSON_INDENT(2) | JSON_PRESERVE_ORDER) : NULL;

	if (e == ERR_OK && !text)
		e = fail_set(f, ERR_NO_MEMORY, 0, "JSON");
	if (text && (puts(text) < 0 || fflush(stdout) != 0))
		e = fail_set(f, ERR_IO, 0, "cannot write the answer");
	free(text);
	return e;
}

/* put_text: nothing that moves a cursor: control characters as \xNN. */
static void put_text(struct buf *b, const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			buf_printf(b, "\\x%02x", (unsigned char)*text);
		else
			buf_put_u8(b, (uint8_t)*text);
}

static void put_value(struct buf *b, const json_t *value)
{
	switch (value ? json_typeof(value) : JSON_NULL) {
	case JSON_STRING:
		put_text(b, json_string_value(value));
		break;
	case JSON_INTEGER:
		buf_printf(b, "%lld", (long long)json_integer_value(value));
		break;
	case JSON_REAL:
		buf_printf(b, "%g", json_real_value(value));
		break;
	case JSON_TRUE:
		buf_printf(b, "yes");
		break;
	case JSON_FALSE:
		buf_printf(b, "no");
		break;
	case JSON_ARRAY:
		for (size_t i = 0; i < json_array_size(value); i++) {
			buf_printf(b, "%s", i ? " " : "");
			put_value(b, json_array_get(value, i));
		}
		if (json_array_size(value) == 0)
			buf_printf(b, "-");
		break;
	case JSON_OBJECT:
	case JSON_NULL:
		buf_printf(b, "-");
		break;
	}
}

/* width: letters of UTF-8, not bytes. */
static size_t width(const char *text, size_t n)
{
	size_t letters = 0;

	for (size_t i = 0; i < n; i++)
		letters += ((unsigned char)text[i] & 0xc0) != 0x80;
	return letters;
}

static size_t value_width(const json_t *value)
{
	BUF_AUTO b = { 0 };

	put_value(&b, value);
	return width((const char *)b.p, b.len);
}

static void put_cell(struct buf *b, const json_t *value, size_t room, bool last)
{
	size_t used = value_width(value);

	put_value(b, value);
	for (; !last && used < room + 2; used++)
		buf_put_u8(b, ' ');
}

static bool is_table(const json_t *value, const struct show_field *row)
{
	return row->of && json_is_array(value);
}

/* put_table: a column per field that has a title, as wide as its widest value. */
static void put_table(struct buf *b, const json_t *list, const struct show_field *fields)
{
	const struct show_field *columns[COLUMNS_MAX];
	size_t room[COLUMNS_MAX];
	size_t n = 0;

	for (; fields->name && n < COLUMNS_MAX; fields++) {
		bool any = !fields->maybe;

		if (!fields->title || fields->of)
			continue;
		room[n] = width(fields->title, strlen(fields->title));
		for (size_t i = 0; i < json_array_size(list); i++) {
			const json_t *value = json_object_get(json_array_get(list, i), fields->name);
			size_t w = value_width(value);

			any = any || value;
			room[n] = w > room[n] ? w : room[n];
		}
		if (any)
			columns[n++] = fields;
	}
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "%-*s", i == n - 1 ? 0 : (int)room[i] + 2, columns[i]->title);
	buf_printf(b, "\n");
	for (size_t at = 0; at < json_array_size(list); at++) {
		for (size_t i = 0; i < n; i++)
			put_cell(b, json_object_get(json_array_get(list, at), columns[i]->name), room[i], i == n - 1);
		buf_printf(b, "\n");
	}
}

static void put_object(struct buf *b, const json_t *object, const struct show_field *fields)
{
	size_t room = 0;
	bool lines = false;

	for (const struct show_field *row = fields; row->name; row++)
		if (row->title && json_object_get(object, row->name) && strlen(row->title) > room && !row->of)
			room = strlen(row->title);
	for (const struct show_field *row = fields; row->name; row++) {
		const json_t *value = json_object_get(object, row->name);

		if (!row->title || !value || row->of)
			continue;
		buf_printf(b, "%-*s  ", (int)room, row->title);
		put_value(b, value);
		buf_printf(b, "\n");
		lines = true;
	}
	for (const struct show_field *row = fields; row->name; row++) {
		const json_t *value = json_object_get(object, row->name);

		if (!row->title || !row->of || !value || (is_table(value, row) && json_array_size(value) == 0))
			continue;
		if (lines)
			buf_printf(b, "\n");
		if (is_table(value, row))
			put_table(b, value, row->of);
		else
			put_object(b, value, row->of);
		lines = true;
	}
}

enum err show_text(const json_t *object, const struct show_field *fields, struct fail *f)
{
	BUF_AUTO b = { 0 };
	enum err e = known(object, fields, f);

	if (e != ERR_OK)
		return e;
	put_object(&b, object, fields);
	if (!buf_ok(&b))
		return fail_set(f, ERR_NO_MEMORY, 0, "answer");
	if (fwrite(b.p, 1, b.len, stdout) != b.len || fflush(stdout) != 0)
		return fail_set(f, ERR_IO, 0, "cannot write the answer");
	return ERR_OK;
}

json_t *show_string(struct view text)
{
	json_t *plain = json_stringn(text.n ? (const char *)text.p : "", text.n);
	BUF_AUTO b = { 0 };

	if (plain)
		return plain;
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] < ' ' || text.p[i] > '~')
			buf_printf(&b, "\\x%02x", text.p[i]);
		else
			buf_put_u8(&b, text.p[i]);
	return json_stringn((const char *)b.p, b.len);
}

json_t *show_hex(struct view bytes)
{
	BUF_AUTO b = { 0 };

	for (size_t i = 0; i < bytes.n; i++)
		buf_printf(&b, "%02x", bytes.p[i]);
	return json_stringn(b.len ? (const char *)b.p : "", b.len);
}

json_t *show_padded(const unsigned char *text, size_t n)
{
	while (n && (text[n - 1] == ' ' || text[n - 1] == 0))
		n--;
	return show_string(VIEW(text, n));
}
