/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * command-doc: writes docs/command.md from the rows of the commands to standard output; with --man the man page; with a
 * file name: exit status 0 when that file holds exactly the page.
 */
#include <string.h>

#include "doc_page.h"
#include "own.h"

int main(int argc, char **argv)
{
	bool man = argc > 1 && !strcmp(argv[1], "--man");
	BUF_AUTO text = { 0 };

	if (man)
		help_man(&text);
	else
		help_page(&text);
	return doc_page(man ? 1 : argc, argv, "command-doc", "the commands say", &text);
}
