/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * command-doc: writes docs/command.md from the rows of the commands to standard output; with --man the man page; with a
 * file name: exit status 0 when that file holds exactly the page.
 */
#include <stdio.h>
#include <string.h>

#include "own.h"

static int compare(const char *path, const struct buf *text)
{
	BUF_AUTO file = { 0 };
	char bytes[4096];
	size_t n;
	FILE *in = fopen(path, "re");

	if (!in) {
		fprintf(stderr, "cannot read %s\n", path);
		return 1;
	}
	while ((n = fread(bytes, 1, sizeof(bytes), in)))
		buf_put(&file, bytes, n);
	fclose(in);
	if (view_equal(buf_view(text), buf_view(&file)))
		return 0;
	fprintf(stderr, "%s is not what command-doc writes\n", path);
	return 1;
}

int main(int argc, char **argv)
{
	bool man = argc > 1 && !strcmp(argv[1], "--man");
	BUF_AUTO text = { 0 };

	if (man)
		help_man(&text);
	else
		help_page(&text);
	if (!buf_ok(&text))
		return 1;
	if (argc > 1 && !man)
		return compare(argv[1], &text);
	return fwrite(text.p, 1, text.len, stdout) == text.len ? 0 : 1;
}
