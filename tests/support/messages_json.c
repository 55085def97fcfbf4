/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints the message rows of a service as JSON: MSG_ROWS and MSG_COUNT are its table, MSG_SERVICE its name. Without
 * them: the errors that a peer may see and the frames of host/frame.c. Document and bad input tests are made from
 * these.
 */
#include <jansson.h>
#include <stdio.h>

#include "frame.h"
#include "msg.h"

#ifdef MSG_ROWS
extern const struct msg_row MSG_ROWS[];
extern const size_t MSG_COUNT;

static const char *type_name(enum msg_type type)
{
	static const char *const names[] = { [MSG_TEXT] = "text",
					     [MSG_BASE64] = "base64",
					     [MSG_NUMBER] = "number",
					     [MSG_BOOL] = "bool",
					     [MSG_LIST] = "list" };

	return names[type];
}

static json_t *fields_json(const struct msg_fields *fields)
{
	json_t *list = json_array();

	for (size_t i = 0; fields && i < fields->count; i++) {
		const struct msg_field *m = &fields->field[i];
		json_t *one = json_pack("{s:s, s:s, s:I, s:I, s:b}", "name", m->name, "type", type_name(m->type), "min",
					(json_int_t)m->min, "max", (json_int_t)m->max, "optional", (int)m->optional);
		if (m->item)
			json_object_set_new(one, "item", fields_json(m->item));
		json_array_append_new(list, one);
	}
	return list;
}

static json_t *row_json(const struct msg_row *row)
{
	const struct http_limits limits = msg_limits(row);
	json_t *roles = json_array();

	for (enum role r = ROLE_NONE; r < ROLE_COUNT; r++)
		if (row->roles & ROLE_BIT(r))
			json_array_append_new(roles, json_string(role_name(r)));
	return json_pack("{s:s, s:s, s:o, s:b, s:I, s:I, s:I, s:I, s:s, s:o, s:o}", "name", row->name, "path",
			 row->path, "roles", roles, "states", row->states != 0, "header_max",
			 (json_int_t)limits.head_max, "body_max", (json_int_t)limits.body_max, "time_s",
			 (json_int_t)limits.time_s, "connections", (json_int_t)limits.connections, "requirement",
			 row->requirement, "in", fields_json(row->in), "out", fields_json(row->out));
}

static json_t *all(void)
{
	json_t *list = json_array();

	for (size_t i = 0; i < MSG_COUNT; i++)
		json_array_append_new(list, row_json(&MSG_ROWS[i]));
	return json_pack("{s:s, s:o}", "service", MSG_SERVICE, "messages", list);
}
#else
static json_t *errors_json(void)
{
	static const enum err codes[] = {
#define CODE(name, code, text) name,
		ERR_LIST(CODE)
#undef CODE
	};
	json_t *list = json_array();

	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (codes[i] != ERR_OK && msg_public(codes[i]) == codes[i])
			json_array_append_new(list, json_pack("{s:i, s:s, s:s, s:i}", "code", (int)codes[i], "name",
							      err_name(codes[i]), "text", err_text(codes[i]), "status",
							      msg_status(codes[i])));
	return list;
}

static json_t *frames_json(void)
{
	json_t *list = json_array();

	for (size_t i = 0; i < frame_rows_count; i++) {
		const struct frame_row *row = &frame_rows[i];
		json_t *fields = json_array();

		for (size_t k = 0; k < row->count; k++)
			json_array_append_new(fields,
					      json_pack("{s:s, s:i, s:i, s:b}", "name", row->field[k].name, "min",
							(int)row->field[k].min, "max", (int)row->field[k].max,
							"optional", k >= row->count - row->optional));
		json_array_append_new(list, json_pack("{s:i, s:s, s:I, s:o}", "type", (int)row->type, "name", row->name,
						      "max", (json_int_t)frame_row_max(row), "fields", fields));
	}
	return list;
}

static json_t *all(void)
{
	return json_pack("{s:o, s:o}", "errors", errors_json(), "frames", frames_json());
}
#endif

int main(void)
{
	json_t *what = all();
	int failed = json_dumpf(what, stdout, JSON_INDENT(1));

	json_decref(what);
	puts("");
	return failed ? 1 : 0;
}
