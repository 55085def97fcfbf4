/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Key files (R2.2, R2.9): read as they are, and with a good digest put behind whatever comes, so that heads and record
 * lines get chance bytes. What is read must be written back to the same bytes, but for lines that are no base64.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keyfile.h"
#include "sha256.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_one(struct view text)
{
	struct keyfile k = { 0 };
	BUF_AUTO again = { 0 };

	if (keyfile_read(text, &k, NULL) != ERR_OK)
		return;
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
