/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tables of docs/conformance.md, from those of the specification test.
 *
 * spec_doc PAGE          is what stands between the marks of the page what would be written? Exit status 1: no.
 * spec_doc --write PAGE  writes it there
 */
#include "doc_page.h"
#include "spec_table.h"

#include <string.h>

static void functions(struct buf *out)
{
	buf_printf(out, "| function | since | |\n| --- | --- | --- |\n");
	for (size_t i = 0; i < spec_count; i++) {
		const struct spec_function *f = &spec_functions[i];

		buf_printf(out, "| %s | %s | %s |\n", f->name, f->since, f->offer != NULL ? f->offer : "");
	}
}

/* also: what a function answers that the specification does not list for it. */
static void also(struct buf *out)
{
	buf_printf(out, "\n| answered besides what is listed | function |\n| --- | --- |\n");
	buf_printf(out, "| %s | all with a session, while the logged-in user must change the PIN |\n", spec_also);
	for (size_t i = 0; i < spec_count; i++)
		if (spec_functions[i].also[0] != '\0')
			buf_printf(out, "| %s | %s |\n", spec_functions[i].also, spec_functions[i].name);
}

static void nevers(struct buf *out)
{
	buf_printf(out, "\n| never answered (CKR_) | functions that list it | reason |\n| --- | --- | --- |\n");
	for (size_t i = 0; i < spec_never_count; i++) {
		const struct spec_never *n = &spec_nevers[i];
		bool all = strcmp(n->functions, "*") == 0;

		buf_printf(out, "| %s | %s%s%s | %s |\n", n->codes, all ? "all" : n->functions,
			   n->but[0] != '\0' ? ", but for " : "", n->but, n->reason);
	}
}

int main(int argc, char **argv)
{
	BUF_AUTO made = { 0 };

	functions(&made);
	also(&made);
	nevers(&made);
	return doc_part(argc, argv, "spec_doc", "functions", &made);
}
