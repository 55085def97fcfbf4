/* SPDX-License-Identifier: BSD-2-Clause */
#include "reason.h"

static const struct reason_row {
	const char *word;
	enum err code;
	const char *text;
} rows[] = {
#define REASON_ROW(name, word, code, text) [name] = { word, code, text },
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
