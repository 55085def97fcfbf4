/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>

#include "admin.h"
#include "report.h"

/* docs/mtmsd-commands.md, from the rows of commands, reports and configuration keys. */

/* A usage line up to the two blanks before its words, and those words. */
static void put_usage(const char *usage, const char *requirement)
{
	bool words = false;

	fputs("| `", stdout);
	for (const char *c = usage; *c; c++) {
		if (!words && (*c == '\n' || (c[0] == ' ' && c[1] == ' '))) {
			while (c[1] == ' ')
				c++;
			fputs("` | ", stdout);
			words = true;
		} else {
			if (*c == '|')
				putchar('\\');
			putchar(*c);
		}
	}
	printf("%s | %s |\n", words ? "" : "` |", requirement);
}

int main(void)
{
	puts("# Commands, reports and configuration of mtmsd\n");
	puts("Made by `mtms-doc` from the tables in the code; what they are for: docs/mtmsd.md.\n");
	puts("## Commands\n| `mtmsd --config FILE ...` | | requirement |\n| --- | --- | --- |");
	for (size_t i = 0; i < admin_rows_count; i++)
		put_usage(admin_rows[i].usage, admin_rows[i].requirement);
	puts("\n## Reports\nEach takes `--json` or `--csv`; they may be asked beside the running daemon. Times are "
	     "seconds since\n"
	     "1970-01-01 UTC.\n\n| `mtmsd --config FILE ...` | | requirement |\n| --- | --- | --- |");
	for (size_t i = 0; i < mtms_reports_count; i++)
		put_usage(mtms_reports[i].usage, mtms_reports[i].requirement);
	for (size_t i = 0; i < mtms_reports_count; i++) {
		printf("\n`%s`:", mtms_reports[i].name);
		for (size_t k = 0; mtms_reports[i].columns[k].name; k++)
			printf("%s %s", k ? "," : "", mtms_reports[i].columns[k].name);
		puts("");
	}
	puts("\n## Configuration\n| section | key | fallback | |\n| --- | --- | --- | --- |");
	for (size_t i = 0; i < mtms_keys_count; i++) {
		const char *fallback = mtms_keys[i].fallback;

		printf("| %s | %s | %s | %s |\n", mtms_keys[i].section, mtms_keys[i].name,
		       fallback == CONF_REQUIRED ? "(must be given)"
		       : fallback                ? fallback
						 : "",
		       mtms_keys[i].help);
	}
	return 0;
}
