/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ops-doc: writes docs/operations.md from the rows of the key operations to standard output; with a file name: exit
 * status 0 when that file holds exactly this text.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ops_own.h"

static const char head[] =
    "# Key operations\n\n"
    "Made from the rows of `host/ops_vendor.c` and `host/ops_standard.c` by `ops-doc`; a test compares. The services "
    "speak\n"
    "of re-wrapping, opening, exporting (`host/ops.h`); each operation has a row per way of doing it. At start the\n"
    "mechanisms of the token are read once, the first row whose mechanisms are all there is taken (`vendor`, then\n"
    "`standard`; the configuration can demand one), the choice is logged, and a token for which an operation has no "
    "row\n"
    "is refused. The bytes are the same on both ways: docs/formats.md.\n\n"
    "What the standard way cannot give: PK, MAK, TEK, AUK and TMK are ordinary keys there. The token holds them "
    "back, but\n"
    "their roles live in the service alone; whoever has the PIN may use PK to unwrap a key to his liking, or AUK to "
    "sign\n"
    "any transcript. TEK and AUK of a packet, and a TMK, are extractable session keys for the time of one call. DES "
    "parity\n"
    "is checked only where the token checks it. A fault of the padding can be told from a fault of the MAC by time. "
    "Suite 1\n"
    "and TDES TEKs need CKM_DES3_CBC for wrapping and CKM_DES3_CMAC besides the mechanisms named; a token without "
    "them\n"
    "answers when they are used.\n\n"
    "The standard way leans on keys that strongroom's strict policy does not trust: keys that were created with a "
    "value, and\n"
    "for TDES raw block modes. On a strongroom token it needs the relaxations named among its needs, behind the "
    "mechanisms;\n"
    "docs/policy.md says what each of them opens. The service tells at its start which ones it relies on, and refuses "
    "a "
    "token\n"
    "that has them not. The vendor way runs under strict.\n\n"
    "| operation | way | needs | how |\n"
    "| --- | --- | --- | --- |\n";

static void put_row(struct buf *b, const char *name, const char *way, const struct ops_row *row)
{
	const char *comma = "";

	buf_printf(b, "| %s | %s | ", name, way);
	for (size_t i = 0; i < OPS_NEEDS_MAX && row->needs[i].name; i++) {
		buf_printf(b, "%s%s", comma, row->needs[i].name);
		comma = ", ";
	}
	if (row->relax)
		buf_printf(b, "%s%s", row->needs[0].name ? "; " : "", row->relax);
	if (row->relax_tdes)
		buf_printf(b, "%s(TDES: %s)", row->needs[0].name || row->relax ? "; " : "", row->relax_tdes);
	buf_printf(b, " | %s |\n", row->how);
}

int main(int argc, char **argv)
{
	static const char *const names[] = {
#define OPS_NAME(kind, name) name,
		OPS_LIST(OPS_NAME)
#undef OPS_NAME
	};
	BUF_AUTO text = { 0 };
	BUF_AUTO file = { 0 };

	buf_printf(&text, "%s", head);
	for (enum ops_kind k = 0; k < OPS_COUNT; k++) {
		put_row(&text, names[k], "vendor", &ops_vendor_rows[k]);
		put_row(&text, names[k], "standard", &ops_standard_rows[k]);
	}
	if (!buf_ok(&text))
		return 1;
	if (argc < 2)
		return fwrite(text.p, 1, text.len, stdout) == text.len ? 0 : 1;
	char bytes[4096];
	size_t n;
	FILE *in = fopen(argv[1], "r");
	if (!in) {
		fprintf(stderr, "cannot read %s\n", argv[1]);
		return 1;
	}
	while ((n = fread(bytes, 1, sizeof(bytes), in)))
		buf_put(&file, bytes, n);
	fclose(in);
	if (view_equal(buf_view(&text), buf_view(&file)))
		return 0;
	fprintf(stderr, "%s is not what ops-doc writes\n", argv[1]);
	return 1;
}
