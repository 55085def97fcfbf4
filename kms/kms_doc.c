/* SPDX-License-Identifier: BSD-2-Clause */
/* docs/notifications.md: prints it, or compares it with a file. */
#include "doc_page.h"
#include "template.h"

int main(int argc, char **argv)
{
	BUF_AUTO text = { 0 };

	template_doc(&text);
	return doc_page(argc, argv, "kms-doc", "the templates say", &text);
}
