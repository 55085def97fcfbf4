/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stdio.h>

#include "err.h"

static const struct err_row {
	enum err code;
	const char *name;
	const char *text;
} err_rows[] = {
#define ERR_ROW(name, code, text) { name, #name, text },
	ERR_LIST(ERR_ROW)
#undef ERR_ROW
};

static const struct err_row *err_find(enum err e)
{
	for (size_t i = 0; i < ARRAY_LEN(err_rows); i++) {
		if (err_rows[i].code == e)
			return &err_rows[i];
	}
	return NULL;
}

const char *err_name(enum err e)
{
	const struct err_row *row = err_find(e);

	return row ? row->name : "ERR_UNKNOWN";
}

const char *err_text(enum err e)
{
	const struct err_row *row = err_find(e);

	return row ? row->text : "unknown error";
}

enum err fail_set(struct fail *f, enum err code, unsigned long rv, const char *format, ...)
{
	va_list ap;

	if (!f || f->code != ERR_OK)
		return code;
	f->code = code;
	f->rv = rv;
	va_start(ap, format);
	if (vsnprintf(f->text, sizeof(f->text), format, ap) < 0)
		f->text[0] = 0;
	va_end(ap);
	return code;
}
