/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin.h"
#include "doc_page.h"
#include "report.h"

/* docs/mtmsd-commands.md, from the rows of commands, reports and configuration keys. */

/* A usage line up to the two blanks before its words, and those words. */
static void put_usage(struct buf *b, const char *usage, const char *requirement)
{
	bool words = false;

	buf_printf(b, "| `");
	for (const char *c = usage; *c; c++) {
		if (!words && (*c == '\n' || (c[0] == ' ' && c[1] == ' '))) {
			while (c[1] == ' ')
				c++;
			buf_printf(b, "` | ");
			words = true;
		} else {
			if (*c == '|')
				buf_put_u8(b, '\\');
			buf_put_u8(b, (uint8_t)*c);
		}
	}
	buf_printf(b, "%s | %s |\n", words ? "" : "` |", requirement);
}

int main(int argc, char **argv)
{
	BUF_AUTO b = { 0 };

	buf_printf(&b, "# Commands, reports and configuration of mtmsd\n\n");
	buf_printf(&b, "Made by `mtms-doc` from the tables in the code; what they are for: docs/mtmsd.md.\n\n");
	buf_printf(&b, "## Commands\n| `mtmsd --config FILE ...` | | requirement |\n| --- | --- | --- |\n");
	for (size_t i = 0; i < admin_rows_count; i++)
		put_usage(&b, admin_rows[i].usage, admin_rows[i].requirement);
	buf_printf(
	    &b, "\n## Reports\nEach takes `--json` or `--csv`; they may be asked beside the running daemon. Times are "
		"seconds since\n"
		"1970-01-01 UTC.\n\n| `mtmsd --config FILE ...` | | requirement |\n| --- | --- | --- |\n");
	for (size_t i = 0; i < mtms_reports_count; i++)
		put_usage(&b, mtms_reports[i].usage, mtms_reports[i].requirement);
	for (size_t i = 0; i < mtms_reports_count; i++) {
		buf_printf(&b, "\n`%s`:", mtms_reports[i].name);
		for (size_t k = 0; mtms_reports[i].columns[k].name; k++)
			buf_printf(&b, "%s %s", k ? "," : "", mtms_reports[i].columns[k].name);
		buf_put_u8(&b, '\n');
	}
	buf_printf(&b, "\n## Configuration\n| section | key | fallback | |\n| --- | --- | --- | --- |\n");
	for (size_t i = 0; i < mtms_keys_count; i++) {
		const char *fallback = mtms_keys[i].fallback;

		buf_printf(&b, "| %s | %s | %s | %s |\n", mtms_keys[i].section, mtms_keys[i].name,
			   fallback == CONF_REQUIRED ? "(must be given)"
			   : fallback                ? fallback
						     : "",
			   mtms_keys[i].help);
	}
	return doc_page(argc, argv, "mtms-doc", "the tables say", &b);
}
