/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keyfile_own.h"
#include "keyfile_stream.h"

#define CHUNK 65536
#define LINE_ROOM 4096 /* of head and tail; a longer record line is one bad record */

struct keyfile_stream {
	int fd;
	uint64_t max;
	uint64_t size;
	struct keyfile_head head;
	size_t count;
	size_t given;
	EVP_MD_CTX *all;     /* every byte */
	EVP_MD_CTX *records; /* the record lines */
	struct buf record;
	uint8_t line[LINE_ROOM];
	size_t line_len;
	bool line_long;
	uint8_t chunk[CHUNK];
	size_t at, have;
};

static enum err fill(struct keyfile_stream *s, bool *ret_end, struct fail *f)
{
	ssize_t n;

	do
		n = read(s->fd, s->chunk, sizeof(s->chunk));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return fail_set(f, ERR_IO, 0, "cannot read a key file: %s", strerror(errno));
	s->at = 0;
	s->have = (size_t)n;
	s->size += (size_t)n;
	if (s->size > s->max)
		return fail_set(f, ERR_TOO_LARGE, 0, "more than %llu bytes", (unsigned long long)s->max);
	*ret_end = n == 0;
	return ERR_OK;
}

static enum err digest(EVP_MD_CTX *ctx, const void *p, size_t n, struct fail *f)
{
	return EVP_DigestUpdate(ctx, p, n) == 1 ? ERR_OK : fail_set(f, ERR_INTERNAL, 0, "SHA-256");
}

/* A line without its end in s->line, as much of it as fits; its bytes go into the digests. false: no whole line. */
static enum err line_next(struct keyfile_stream *s, bool record, bool *ret_line, struct fail *f)
{
	bool end = false;
	enum err e = ERR_OK;

	s->line_len = 0;
	s->line_long = false;
	while (!e) {
		const uint8_t *from = s->chunk + s->at, *stop;
		size_t n, keep;

		if (s->at == s->have) {
			e = fill(s, &end, f);
			if (e || end)
				break;
			from = s->chunk;
		}
		stop = memchr(from, '\n', s->have - s->at);
		n = stop ? (size_t)(stop - from) + 1 : s->have - s->at;
		e = digest(s->all, from, n, f);
		if (!e && record)
			e = digest(s->records, from, n, f);
		keep = n - (stop ? 1 : 0);
		if (keep > sizeof(s->line) - s->line_len) {
			keep = sizeof(s->line) - s->line_len;
			s->line_long = true;
		}
		memcpy(s->line + s->line_len, from, keep);
		s->line_len += keep;
		s->at += n;
		if (stop) {
			*ret_line = true;
			return e;
		}
	}
	*ret_line = false;
	return e;
}

static enum err not_whole(struct fail *f, const char *what)
{
	return fail_set(f, ERR_BAD_DATA, 0, "not a whole key file: %s", what);
}

static EVP_MD_CTX *sha256_new(void)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1)
		return ctx;
	EVP_MD_CTX_free(ctx);
	return NULL;
}

static enum err open_head(struct keyfile_stream *s, struct fail *f)
{
	bool line = false;
	enum err e;

	s->all = sha256_new();
	s->records = sha256_new();
	if (!s->all || !s->records)
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory for a key file");
	if (lseek(s->fd, 0, SEEK_SET) < 0)
		return fail_set(f, ERR_IO, 0, "cannot read a key file: %s", strerror(errno));
	e = line_next(s, false, &line, f);
	if (e)
		return e;
	if (!line || s->line_long || !keyfile_parse_head(VIEW(s->line, s->line_len), &s->head, &s->count))
		return not_whole(f, "first line");
	return ERR_OK;
}

enum err keyfile_open(int fd, uint64_t max, struct keyfile_stream **ret, struct fail *f)
{
	struct keyfile_stream *s = calloc(1, sizeof(*s));
	enum err e;

	if (!s)
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory for a key file");
	s->fd = fd;
	s->max = max;
	e = open_head(s, f);
	if (e) {
		keyfile_close(s);
		return e;
	}
	*ret = s;
	return ERR_OK;
}

void keyfile_close(struct keyfile_stream *s)
{
	if (!s)
		return;
	EVP_MD_CTX_free(s->all);
	EVP_MD_CTX_free(s->records);
	buf_done(&s->record);
	free(s);
}

enum err keyfile_next(struct keyfile_stream *s, struct view *ret, bool *ret_record, struct fail *f)
{
	bool line = false;
	enum err e;

	if (s->given == s->count) {
		*ret_record = false;
		return ERR_OK;
	}
	e = line_next(s, true, &line, f);
	if (e)
		return e;
	if (!line)
		return not_whole(f, "number of lines");
	s->given++;
	s->record.len = 0;
	if (s->line_long || !base64_decode((const char *)s->line, s->line_len, &s->record) ||
	    s->record.len > KEYFILE_RECORD_MAX)
		s->record.len = 0;
	if (!buf_ok(&s->record))
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory for a record");
	*ret = s->record.len ? buf_view(&s->record) : VIEW("", 0);
	*ret_record = true;
	return ERR_OK;
}

/* What ctx says so far, without ending it. */
static enum err digest_hex(const EVP_MD_CTX *ctx, char ret[65], struct fail *f)
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *copy = EVP_MD_CTX_new();
	unsigned n = 0;
	bool ok = copy && EVP_MD_CTX_copy_ex(copy, ctx) == 1 && EVP_DigestFinal_ex(copy, bytes, &n) == 1 && n == 32;

	EVP_MD_CTX_free(copy);
	if (!ok)
		return fail_set(f, ERR_INTERNAL, 0, "SHA-256");
	hex_encode(VIEW(bytes, n), ret);
	return ERR_OK;
}

enum err keyfile_end(struct keyfile_stream *s, struct keyfile_sums *ret, struct fail *f)
{
	struct keyfile_sums sums = { 0 };
	char before[65];
	bool line = false, end = false;
	enum err e;

	if (s->given != s->count)
		return fail_set(f, ERR_USAGE, 0, "key file: %zu of %zu records were read", s->given, s->count);
	e = digest_hex(s->all, before, f);
	if (!e)
		e = digest_hex(s->records, sums.records_sha256, f);
	if (!e)
		e = line_next(s, false, &line, f);
	if (!e && (!line || s->line_long || !keyfile_parse_tail(VIEW(s->line, s->line_len), before)))
		e = not_whole(f, "digest");
	if (!e && s->at == s->have)
		e = fill(s, &end, f);
	if (!e && !end)
		e = not_whole(f, "bytes behind its end");
	if (!e)
		e = digest_hex(s->all, sums.sha256, f);
	if (e)
		return e;
	sums.size = s->size;
	*ret = sums;
	return ERR_OK;
}

const struct keyfile_head *keyfile_head(const struct keyfile_stream *s)
{
	return &s->head;
}

size_t keyfile_count(const struct keyfile_stream *s)
{
	return s->count;
}
