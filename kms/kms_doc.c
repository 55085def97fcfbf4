/* SPDX-License-Identifier: BSD-2-Clause */
/* docs/notifications.md: prints it, or compares it with a file. */
#include <stdio.h>

#include "template.h"

int main(int argc, char **argv)
{
	BUF_AUTO text = { 0 };
	BUF_AUTO file = { 0 };
	char bytes[4096];
	FILE *in;
	size_t n;

	template_doc(&text);
	if (!buf_ok(&text))
		return 1;
	if (argc < 2)
		return fwrite(text.p, 1, text.len, stdout) == text.len ? 0 : 1;
	in = fopen(argv[1], "r");
	if (!in) {
		fprintf(stderr, "cannot read %s\n", argv[1]);
		return 1;
	}
	while ((n = fread(bytes, 1, sizeof(bytes), in)))
		buf_put(&file, bytes, n);
	fclose(in);
	if (view_equal(buf_view(&text), buf_view(&file)))
		return 0;
	fprintf(stderr, "%s is not what kms-doc writes\n", argv[1]);
	return 1;
}
