/* SPDX-License-Identifier: BSD-2-Clause */
#include "doc_page.h"
#include <stdio.h>
#include <stdlib.h>

static bool same(const char *path, struct view want)
{
	uint8_t *have = malloc(want.n + 1);
	FILE *f = fopen(path, "r");
	size_t n = 0;
	bool ok;

	if (f != NULL && have != NULL)
		n = fread(have, 1, want.n + 1, f);
	ok = view_equal(VIEW(have, n), want);
	if (f != NULL)
		fclose(f);
	free(have);
	return ok;
}

int doc_page(int argc, char **argv, const char *program, const char *from, const struct buf *page)
{
	if (!buf_ok(page))
		return EXIT_FAILURE;
	if (argc < 2)
		return fwrite(page->p, 1, page->len, stdout) == page->len ? EXIT_SUCCESS : EXIT_FAILURE;
	if (same(argv[1], buf_view(page)))
		return EXIT_SUCCESS;
	fprintf(stderr, "%s is not what %s: run `%s > %s`\n", argv[1], from, program, argv[1]);
	return EXIT_FAILURE;
}
