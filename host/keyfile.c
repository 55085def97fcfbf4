/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "formats.h"
#include "keyfile_own.h"
#include "sha256.h"

#define KEYFILE_FORMAT "strongroom key file"
#define KEYFILE_VERSION 1

bool keyfile_name_ok(const char *s, size_t max)
{
	return s[0] != '.' && format_name_ok(view_of_string(s), max);
}

static bool head_ok(const struct keyfile_head *h)
{
	return format_customer_ok(view_of_string(h->kms)) && keyfile_name_ok(h->dc, sizeof(h->dc) - 1) &&
	       keyfile_name_ok(h->name, KEYFILE_NAME_MAX);
}

enum err keyfile_write(const struct keyfile_head *head, const struct view *records, size_t count, struct buf *out,
		       struct fail *f)
{
	size_t start = out->len;
	char hex[65];

	if (!head_ok(head) || !count || count > KEYFILE_COUNT_MAX)
		return fail_set(f, ERR_USAGE, 0, "a key file of that head or count cannot be");
	buf_printf(out,
		   "{\"format\":\"%s\",\"version\":%d,\"kms\":\"%s\",\"dc\":\"%s\",\"name\":\"%s\",\"count\":%zu}\n",
		   KEYFILE_FORMAT, KEYFILE_VERSION, head->kms, head->dc, head->name, count);
	for (size_t i = 0; i < count; i++) {
		base64_encode(records[i], out);
		buf_put_u8(out, '\n');
	}
	if (!buf_ok(out) || !sha256_hex(VIEW(out->p + start, out->len - start), hex))
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory for a key file of %zu records", count);
	buf_printf(out, "{\"sha256\":\"%s\"}\n", hex);
	return buf_ok(out) ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "no memory for a key file of %zu records", count);
}

/* The next line without its end; false: no whole line is left. */
static bool next_line(struct view *rest, struct view *ret)
{
	const uint8_t *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;

	if (!end)
		return false;
	*ret = VIEW(rest->p, (size_t)(end - rest->p));
	*rest = VIEW(end + 1, rest->n - ret->n - 1);
	return true;
}

bool keyfile_parse_head(struct view line, struct keyfile_head *ret, size_t *ret_count)
{
	struct keyfile_head head = { 0 };
	const char *format, *kms, *dc, *name;
	json_int_t version, count;
	json_t *root = json_loadb((const char *)line.p, line.n, JSON_REJECT_DUPLICATES, NULL);
	bool ok = root && !json_unpack_ex(root, NULL, JSON_STRICT, "{s:s,s:I,s:s,s:s,s:s,s:I}", "format", &format,
					  "version", &version, "kms", &kms, "dc", &dc, "name", &name, "count", &count);

	ok = ok && !strcmp(format, KEYFILE_FORMAT) && version == KEYFILE_VERSION && count > 0 &&
	     count <= (json_int_t)KEYFILE_COUNT_MAX && strlen(kms) < sizeof(head.kms) && strlen(dc) < sizeof(head.dc) &&
	     strlen(name) < sizeof(head.name);
	if (ok) {
		snprintf(head.kms, sizeof(head.kms), "%s", kms);
		snprintf(head.dc, sizeof(head.dc), "%s", dc);
		snprintf(head.name, sizeof(head.name), "%s", name);
		ok = head_ok(&head);
	}
	if (ok) {
		*ret = head;
		*ret_count = (size_t)count;
	}
	json_decref(root);
	return ok;
}

bool keyfile_parse_tail(struct view line, const char before_sha256[65])
{
	const char *given;
	json_t *root = json_loadb((const char *)line.p, line.n, JSON_REJECT_DUPLICATES, NULL);
	bool ok = root && !json_unpack_ex(root, NULL, JSON_STRICT, "{s:s}", "sha256", &given) &&
		  !strcmp(given, before_sha256);

	json_decref(root);
	return ok;
}

/* Decodes the lines one behind the other; the views are made when the buffer has stopped moving. */
static bool parse_records(struct view *rest, struct keyfile *k)
{
	struct view line;
	size_t at = 0;

	k->records = calloc(k->count, sizeof(*k->records));
	if (!k->records)
		return false;
	for (size_t i = 0; i < k->count; i++) {
		BUF_AUTO record = { 0 };

		if (!next_line(rest, &line))
			return false;
		if (!base64_decode((const char *)line.p, line.n, &record))
			record.len = 0;
		buf_put(&k->bytes, record.p, record.len);
		k->records[i].n = record.len;
	}
	for (size_t i = 0; i < k->count && k->bytes.p; i++) {
		k->records[i].p = k->bytes.p + at;
		at += k->records[i].n;
	}
	return buf_ok(&k->bytes);
}

enum err keyfile_read(struct view text, struct keyfile *ret, struct fail *f)
{
	struct keyfile k = { 0 };
	struct view rest = text, line = { 0 }, body;
	const char *what = "first line";
	char hex[65];

	if (!next_line(&rest, &line) || !keyfile_parse_head(line, &k.head, &k.count))
		goto bad;
	what = "number of lines";
	body = rest;
	if (!parse_records(&rest, &k))
		goto bad;
	body.n -= rest.n;
	what = "digest";
	line = VIEW(NULL, 0);
	if (!next_line(&rest, &line) || rest.n || !sha256_hex(VIEW(text.p, (size_t)(line.p - text.p)), hex) ||
	    !keyfile_parse_tail(line, hex) || !sha256_hex(body, k.records_sha256))
		goto bad;
	*ret = k;
	return ERR_OK;
bad:
	keyfile_done(&k);
	return fail_set(f, ERR_BAD_DATA, 0, "not a whole key file: %s", what);
}

void keyfile_done(struct keyfile *k)
{
	free(k->records);
	buf_done(&k->bytes);
	*k = (struct keyfile){ 0 };
}
