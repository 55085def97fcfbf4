/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OFFICER_SHOW_H
#define OFFICER_SHOW_H

#include <jansson.h>

#include "err.h"

/*
 * What a command answers: one JSON object, made once, and printed as it is or as text, by the rows of its fields. The
 * rows are the documentation as well, so that a field without a row is an error and not a surprise.
 *
 * In text an object is a line per field, a list of objects a table with a column per field (and the fields of each
 * object that have a table of their own are left out there). Lists of strings stand with blanks between; true and
 * false are yes and no; null is -. Control characters and bytes that are no UTF-8 stand as \xNN.
 */
struct show_field {
	const char *name;
	const char *title; /* of line or column; NULL: in JSON only */
	const char *help;  /* what it means */
	const struct show_field
	    *of;    /* fields of an object or of the objects of a list; ends with a row without a name */
	bool maybe; /* it may be absent */
};

/* show_json: with two blanks of indentation and a newline. show_text: for people. ERR_INTERNAL: a field without row. */
enum err show_json(const json_t *object, const struct show_field *fields, struct fail *f) MUST_CHECK;
enum err show_text(const json_t *object, const struct show_field *fields, struct fail *f) MUST_CHECK;

/* show_string: text that came from outside, as a JSON string. show_hex: bytes as lower case hex. */
json_t *show_string(struct view text);
json_t *show_hex(struct view bytes);
/* show_padded: the blank-padded text of a CK_*_INFO. */
json_t *show_padded(const unsigned char *text, size_t n);

#endif
