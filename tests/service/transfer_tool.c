/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transfer.h"

/*
 * host/transfer for a test: transfer_tool [OPTION VALUE]... FOLDER then one call after the other on the same struct
 * transfer: list, put NAME FILE, get NAME FILE MAX, rename FROM TO, remove NAME. A line of standard output for each:
 * the error's name and text; the exit status is the last one's code.
 */
static enum err read_file(const char *path, struct buf *ret)
{
	FILE *file = fopen(path, "re");
	char chunk[65536];
	size_t n;

	if (!file)
		return ERR_IO;
	while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0)
		buf_put(ret, chunk, n);
	fclose(file);
	return buf_ok(ret) ? ERR_OK : ERR_NO_MEMORY;
}

static enum err list(struct transfer *t, struct fail *f)
{
	struct transfer_names n = { 0 };
	enum err e = transfer_list(t, &n, f);

	for (size_t i = 0; i < n.count; i++)
		printf("name %s\n", n.names[i]);
	if (!e)
		printf("odd %zu\n", n.odd);
	transfer_names_done(&n);
	return e;
}

/* One call; *ret_words: how many words it took. */
static enum err call(struct transfer *t, int left, char **word, int *ret_words, struct fail *f)
{
	BUF_AUTO content = { 0 };

	*ret_words = 1;
	if (!strcmp(word[0], "list"))
		return list(t, f);
	*ret_words = 2;
	if (!strcmp(word[0], "remove") && left > 1)
		return transfer_remove(t, word[1], f);
	*ret_words = 3;
	if (!strcmp(word[0], "rename") && left > 2)
		return transfer_rename(t, word[1], word[2], f);
	if (!strcmp(word[0], "put") && left > 2) {
		enum err e = read_file(word[2], &content);

		return e ? e : transfer_put(t, word[1], buf_view(&content), f);
	}
	*ret_words = 4;
	if (!strcmp(word[0], "get") && left > 3)
		return transfer_get(t, word[1], word[2], strtoull(word[3], NULL, 10), f);
	exit(2);
}

static const char **option(struct transfer_options *o, const char *name)
{
	return !strcmp(name, "user")            ? &o->user
	       : !strcmp(name, "password_file") ? &o->password_file
	       : !strcmp(name, "key_file")      ? &o->key_file
	       : !strcmp(name, "known_hosts")   ? &o->known_hosts
	       : !strcmp(name, "server_ca")     ? &o->server_ca
	       : !strcmp(name, "tls")           ? &o->tls
						: NULL;
}

int main(int argc, char **argv)
{
	struct transfer_options o = { .stall_s = 5, .connect_s = 10 };
	struct transfer *t = NULL;
	struct fail f = { 0 };
	const char **to;
	int at = 1, words;
	enum err e;

	for (; at + 1 < argc && (to = option(&o, argv[at])); at += 2)
		*to = argv[at + 1];
	if (at >= argc)
		return 2;
	o.folder = argv[at++];
	e = transfer_open(&o, &t, &f);
	if (e)
		printf("%s %s\n", err_name(e), f.text);
	for (; t && at < argc; at += words) {
		f = (struct fail){ 0 };
		e = call(t, argc - at, argv + at, &words, &f);
		printf("%s %s\n", err_name(e), f.text);
		fflush(stdout);
	}
	transfer_free(t);
	return (int)e;
}
