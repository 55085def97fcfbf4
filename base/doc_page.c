/* SPDX-License-Identifier: BSD-2-Clause */
#include "doc_page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool page_read(const char *path, struct buf *ret)
{
	char bytes[4096];
	FILE *f = fopen(path, "re");
	size_t n;

	if (f == NULL) {
		fprintf(stderr, "%s cannot be read\n", path);
		return false;
	}
	while ((n = fread(bytes, 1, sizeof(bytes), f)) > 0)
		buf_put(ret, bytes, n);
	fclose(f);
	return buf_ok(ret);
}

static int put(FILE *to, struct view v)
{
	return fwrite(v.p, 1, v.n, to) == v.n ? EXIT_SUCCESS : EXIT_FAILURE;
}

int doc_page(int argc, char **argv, const char *program, const char *from, const struct buf *page)
{
	BUF_AUTO have = { 0 };

	if (!buf_ok(page))
		return EXIT_FAILURE;
	if (argc < 2)
		return put(stdout, buf_view(page));
	if (!page_read(argv[1], &have))
		return EXIT_FAILURE;
	if (view_equal(buf_view(&have), buf_view(page)))
		return EXIT_SUCCESS;
	fprintf(stderr, "%s is not what %s: run `%s > %s`\n", argv[1], from, program, argv[1]);
	return EXIT_FAILURE;
}

int doc_part(int argc, char **argv, const char *program, const char *name, const struct buf *part)
{
	bool writes = argc == 3 && !strcmp(argv[1], "--write");
	const char *path = argv[argc - 1], *from, *to;
	BUF_AUTO page = { 0 };
	BUF_AUTO made = { 0 };
	char begin[80];
	FILE *f;
	int status;

	if (!buf_ok(part) || (argc != 2 && !writes) || !page_read(path, &page))
		return EXIT_FAILURE;
	buf_put_u8(&page, 0);
	snprintf(begin, sizeof(begin), "<!-- generated: %s -->\n", name);
	from = buf_ok(&page) ? strstr((const char *)page.p, begin) : NULL;
	from = from ? from + strlen(begin) : NULL;
	to = from ? strstr(from, "<!-- end -->\n") : NULL;
	if (to == NULL) {
		fprintf(stderr, "%s: no page with the mark %s", path, begin);
		return EXIT_FAILURE;
	}
	if (view_equal(VIEW(from, (size_t)(to - from)), buf_view(part)))
		return EXIT_SUCCESS;
	if (!writes) {
		fprintf(stderr, "%s is not what the tables say: run `%s --write %s`\n", path, program, path);
		return EXIT_FAILURE;
	}
	buf_put(&made, page.p, (size_t)(from - (const char *)page.p));
	buf_put_view(&made, buf_view(part));
	buf_put(&made, to, strlen(to));
	f = buf_ok(&made) ? fopen(path, "we") : NULL;
	if (f == NULL)
		return EXIT_FAILURE;
	status = put(f, buf_view(&made));
	return fclose(f) ? EXIT_FAILURE : status;
}
