/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes wire_mechanisms.c of the mechanism table as hsm/mech_list.c prints it: which mechanism has which parameters. It
 * fails when a row says a parameter that nobody has described.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

/* What the rows say of parameters that are bytes or one integer. */
static const char *const flat[] = { "none",
				    "8 bytes",
				    "16 bytes",
				    "none, or an IV of 4 bytes",
				    "none, or an IV of 8 bytes",
				    "public value of the other side",
				    "CK_MAC_GENERAL_PARAMS",
				    "CK_MAC_GENERAL_PARAMS: t in bits",
				    "CK_OBJECT_HANDLE",
				    "CK_EXTRACT_PARAMS",
				    "CK_VERSION" };

static bool is_flat(const char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(flat); i++)
		if (strcmp(flat[i], text) == 0)
			return true;
	return false;
}

/* says: the name stands in the text as a word. */
static bool says(const char *text, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = strstr(text, name); at != NULL; at = strstr(at + 1, name))
		if ((at == text || (!isalnum((unsigned char)at[-1]) && at[-1] != '_')) &&
		    !isalnum((unsigned char)at[n]) && at[n] != '_')
			return true;
	return false;
}

/* names: how many structures a text names. */
static size_t names(const char *text)
{
	size_t n = 0;

	for (const char *at = text; *at != '\0'; at++)
		if ((strncmp(at, "CK_", 3) == 0 || strncmp(at, "sr_", 3) == 0) &&
		    (at == text || (!isalnum((unsigned char)at[-1]) && at[-1] != '_')))
			n++;
	return n;
}

static bool row(const char *number, const char *name, const char *len, const char *text)
{
	size_t found = 0;

	printf("\t{ %sUL, \"%s\", ", number, name);
	if (is_flat(text)) {
		printf("%s, { 0 } },\n", strcmp(len, "-1") == 0 ? "WIRE_FLAT_ANY" : len);
		return true;
	}
	printf("WIRE_FLAT_NONE, { ");
	for (size_t i = 0; wire_params(i) != NULL; i++) {
		const char *title = wire_params(i)->name;
		bool old = strcmp(title, "CK_GCM_PARAMS of five members") == 0 && says(text, "CK_GCM_PARAMS");
		bool mine = says(text, title);

		if (old || mine)
			printf("%zu, ", i + 1);
		found += mine;
	}
	/* Two names of one structure: the client turns the old one into the new one. */
	found += says(text, "CK_PKCS5_PBKD2_PARAMS");
	printf("0 } },\n");
	if (found == 0 || found != names(text)) {
		fprintf(stderr, "%s: a parameter that serve/wire_params.c does not describe: %s\n", name, text);
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	FILE *list = argc == 2 ? fopen(argv[1], "r") : NULL;
	bool good = list != NULL;
	char line[512];

	printf("/* SPDX-License-Identifier: BSD-2-Clause */\n/* Made by wire_mechanisms_make.c. */\n#include "
	       "\"wire.h\"\n\n"
	       "const struct wire_mechanism wire_mechanisms[] = {\n");
	while (list != NULL && fgets(line, sizeof(line), list) != NULL) {
		char *rest = line, *number = strsep(&rest, "\t"), *name = strsep(&rest, "\t"),
		     *len = strsep(&rest, "\t");
		char *text = strsep(&rest, "\n");

		if (text == NULL || !row(number, name, len, text))
			good = false;
	}
	printf("};\nconst size_t wire_mechanism_count = ARRAY_LEN(wire_mechanisms);\n");
	if (list != NULL)
		fclose(list);
	return good ? 0 : 1;
}
