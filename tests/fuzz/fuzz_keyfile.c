/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Key files (R2.2, R2.4, R2.9): read as they are, and with a good digest put behind whatever comes, so that heads and
 * record lines get chance bytes. What is read must be written back to the same bytes, but for lines that are no base64;
 * and both readers, of a whole text and line by line, must say the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <fcntl.h>

#include "keyfile.h"
#include "keyfile_stream.h"
#include "place.h"
#include "sha256.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	place_make();
	return 0;
}

/* stream: the records of the same text, one by one; k: what the other reader made of it, NULL: nothing. */
static void stream(struct view text, const struct keyfile *k)
{
	int fd = open(place_file("keys", text), O_RDONLY | O_CLOEXEC);
	struct keyfile_stream *s = NULL;
	struct keyfile_sums sums;
	struct view v = { 0 };
	bool record = true;
	enum err e = fd < 0 ? ERR_IO : keyfile_open(fd, text.n, &s, NULL);
	size_t i = 0;

	for (; e == ERR_OK && record; i += record) {
		e = keyfile_next(s, &v, &record, NULL);
		/* A record that is too long for one is a bad one here already. */
		if (e == ERR_OK && record && k &&
		    (i >= k->count || (!view_equal(v, k->records[i]) && k->records[i].n <= KEYFILE_RECORD_MAX)))
			place_fail("the readers see other records");
	}
	if (e == ERR_OK)
		e = keyfile_end(s, &sums, NULL);
	if ((e == ERR_OK) != (k != NULL))
		place_fail("the readers disagree");
	if (k && (sums.size != text.n || strcmp(sums.records_sha256, k->records_sha256) != 0 ||
		  strcmp(keyfile_head(s)->name, k->head.name) != 0 || keyfile_count(s) != k->count))
		place_fail("the readers see another file");
	keyfile_close(s);
	close(fd);
}

static void read_one(struct view text)
{
	struct keyfile k = { 0 };
	BUF_AUTO again = { 0 };

	if (keyfile_read(text, &k, NULL) != ERR_OK) {
		stream(text, NULL);
		return;
	}
	stream(text, &k);
	bool all = true;
	for (size_t i = 0; i < k.count; i++)
		all &= k.records[i].n > 0;
	if (all && keyfile_write(&k.head, k.records, k.count, &again, NULL) == ERR_OK) {
		struct keyfile second = { 0 };
		if (keyfile_read(buf_view(&again), &second, NULL) != ERR_OK || second.count != k.count ||
		    strcmp(second.records_sha256, k.records_sha256) || strcmp(second.head.name, k.head.name)) {
			fprintf(stderr, "what was read is not what is written\n");
			abort();
		}
		keyfile_done(&second);
	}
	keyfile_done(&k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	BUF_AUTO text = { 0 };
	char sum[65];

	read_one(VIEW(data, size));
	buf_put(&text, data, size);
	if (sha256_hex(VIEW(data, size), sum)) {
		buf_printf(&text, "{\"sha256\":\"%s\"}\n", sum);
		if (buf_ok(&text))
			read_one(buf_view(&text));
	}
	return 0;
}
