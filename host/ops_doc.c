/* SPDX-License-Identifier: BSD-2-Clause */
/* ops-doc: docs/operations.md from the rows of the key operations; --mechanisms: the table of docs/other-hsms.md. */
#include <string.h>

#include "doc_page.h"
#include "ops_own.h"

static const char *const names[] = {
#define OPS_NAME(kind, name) name,
	OPS_LIST(OPS_NAME)
#undef OPS_NAME
};

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

/* The operations of a program whose standard way needs the mechanism. */
static void put_needing(struct buf *b, CK_MECHANISM_TYPE type, unsigned program)
{
	const char *comma = "";

	buf_printf(b, " | ");
	for (enum ops_kind k = 0; k < OPS_COUNT; k++)
		for (size_t i = 0; i < OPS_NEEDS_MAX && ops_standard_rows[k].needs[i].name; i++)
			if (ops_standard_rows[k].needs[i].type == type && (program & OPS_BIT(k))) {
				buf_printf(b, "%s%s", comma, names[k]);
				comma = ", ";
			}
}

/* docs/other-hsms.md: each mechanism that a standard way needs, where it is first needed in the order of the rows. */
static void put_mechanisms(struct buf *b)
{
	static const unsigned programs[] = { OPS_FOR_MTMS, OPS_FOR_KMS, OPS_FOR_TERMINAL };
	CK_MECHANISM_TYPE done[OPS_COUNT * OPS_NEEDS_MAX];
	size_t count = 0, at;

	buf_printf(b,
		   "| mechanism | HSM 1 (mtmsd) | HSM 2 (kmsd) | secure module (pos) |\n| --- | --- | --- | --- |\n");
	for (enum ops_kind k = 0; k < OPS_COUNT; k++) {
		const struct ops_need *needs = ops_standard_rows[k].needs;

		for (size_t i = 0; i < OPS_NEEDS_MAX && needs[i].name; i++) {
			for (at = 0; at < count && done[at] != needs[i].type; at++)
				;
			if (at < count)
				continue;
			done[count++] = needs[i].type;
			buf_printf(b, "| %s", needs[i].name);
			for (size_t p = 0; p < ARRAY_LEN(programs); p++)
				put_needing(b, needs[i].type, programs[p]);
			buf_printf(b, " |\n");
		}
	}
}

int main(int argc, char **argv)
{
	BUF_AUTO text = { 0 };

	if (argc > 1 && !strcmp(argv[1], "--mechanisms")) {
		put_mechanisms(&text);
		return doc_part(argc - 1, argv + 1, "ops-doc --mechanisms", "mechanisms", &text);
	}
	buf_printf(&text, "%s", head);
	for (enum ops_kind k = 0; k < OPS_COUNT; k++) {
		put_row(&text, names[k], "vendor", &ops_vendor_rows[k]);
		put_row(&text, names[k], "standard", &ops_standard_rows[k]);
	}
	return doc_page(argc, argv, "ops-doc", "the rows say", &text);
}
