/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "reason.h"

static const struct reason_row {
	const char *word;
	enum err code;
	const char *text;
	const char *zh;
} rows[] = {
#define REASON_ROW(name, word, code, text, zh) [name] = { word, code, text, zh },
	REASON_LIST(REASON_ROW)
#undef REASON_ROW
};

const char *reason_word(enum reason r)
{
	return rows[r].word;
}

enum err reason_err(enum reason r)
{
	return rows[r].code;
}

const char *reason_text(enum reason r)
{
	return rows[r].text;
}

const char *reason_zh(const char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (!strcmp(rows[i].text, text))
			return rows[i].zh;
	return text;
}
