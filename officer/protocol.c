/* SPDX-License-Identifier: BSD-2-Clause */
#include "file.h"
#include "protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TITLE "Protocol of a key ceremony"
#define SIGNATURE_LINE "-- signature of the token over all lines above --\n"
#define FILE_MAX ((size_t)1 << 20)

static const struct show_field part_fields[] = {
	{ "number", "COMPONENT", "which component of the key" },
	{ "custodian", "CUSTODIAN", "who logged in with a PIN of his own and has entered it" },
	{ "check_value", "CHECK VALUE", "of the component" },
	{ "entered", "ENTERED HERE", "true: in this ceremony; false: it waited already" },
	{ 0 },
};
const struct show_field protocol_fields[] = {
	{ "token", "token", "label of the token" },
	{ "serial", "serial", "its serial number" },
	{ "key", "key", "name of the key" },
	{ "type", "type", "its kind: AES-256, TDES-128, TDES-192" },
	{ "check_value", "check value", "of the key" },
	{ "unique_id", "unique id", "CKA_UNIQUE_ID of the key" },
	{ "began", "began", "UTC" },
	{ "ended", "ended", "UTC" },
	{ "audit_record", "audit record", "the last record of the token's audit trail when the protocol was written" },
	{ "statement_key", "statement key",
	  "the token's public key that proves the protocol, SubjectPublicKeyInfo, base64" },
	{ "components", "components", "in their order", part_fields },
	{ 0 },
};

static void put_line(struct buf *b, const char *title, const json_t *value)
{
	if (json_is_integer(value))
		buf_printf(b, "%s: %lld\n", title, (long long)json_integer_value(value));
	else
		buf_printf(b, "%s: %s\n", title, json_string_value(value) ? json_string_value(value) : "");
}

void protocol_text(const json_t *protocol, struct buf *ret)
{
	const json_t *parts = json_object_get(protocol, "components");

	buf_printf(ret, TITLE "\n");
	for (const struct show_field *row = protocol_fields; row->name; row++)
		if (!row->of)
			put_line(ret, row->title, json_object_get(protocol, row->name));
	for (size_t i = 0; i < json_array_size(parts); i++) {
		const json_t *part = json_array_get(parts, i);

		buf_printf(ret, "component %lld of %zu: %s, check value %s, %s\n",
			   (long long)json_integer_value(json_object_get(part, "number")), json_array_size(parts),
			   json_string_value(json_object_get(part, "custodian")),
			   json_string_value(json_object_get(part, "check_value")),
			   json_is_true(json_object_get(part, "entered")) ? "entered in this ceremony"
									  : "entered before");
	}
}

enum err protocol_words(const json_t *protocol, struct buf *ret, struct fail *f)
{
	char *text = json_dumps(protocol, JSON_COMPACT | JSON_SORT_KEYS);

	if (text)
		buf_put(ret, text, strlen(text));
	free(text);
	return text && buf_ok(ret) ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "protocol");
}

enum err protocol_signed(const json_t *protocol, int which, struct view words, struct view signature, struct buf *ret,
			 struct fail *f)
{
	BUF_AUTO base64 = { 0 };
	char *text = NULL;

	base64_encode(signature, &base64);
	buf_put_u8(&base64, 0);
	if (buf_ok(&base64) && which == PROTOCOL_TEXT) {
		buf_put_view(ret, words);
		buf_printf(ret, SIGNATURE_LINE "%s\n", (const char *)base64.p);
	} else if (buf_ok(&base64)) {
		json_t *all = json_pack("{s:O, s:s}", "protocol", protocol, "signature", (const char *)base64.p);

		text = all ? json_dumps(all, JSON_INDENT(2)) : NULL;
		json_decref(all);
		if (text)
			buf_printf(ret, "%s\n", text);
		free(text);
	}
	return buf_ok(ret) && ret->len > 0 ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "protocol");
}

/* line_of: what stands behind `title: ` at the begin of a line; empty when there is none. */
static struct view line_of(struct view text, const char *title)
{
	size_t n = strlen(title);

	while (text.n > 0) {
		const uint8_t *end = memchr(text.p, '\n', text.n);
		size_t line = end ? (size_t)(end - text.p) : text.n;

		if (line > n + 2 && !memcmp(text.p, title, n) && text.p[n] == ':' && text.p[n + 1] == ' ')
			return VIEW(text.p + n + 2, line - n - 2);
		line += end != NULL;
		text = VIEW(text.p + line, text.n - line);
	}
	return VIEW(NULL, 0);
}

/* parts_of: the lines `component k of n: ...` of a text. */
static json_t *parts_of(struct view text)
{
	json_t *list = json_array();

	for (unsigned of = 2; of <= 9; of++)
		for (unsigned k = 1; k <= of; k++) {
			char title[40], who[40], value[8], how[40];
			struct view line;
			char room[160];

			snprintf(title, sizeof(title), "component %u of %u", k, of);
			line = line_of(text, title);
			if (line.n == 0 || line.n >= sizeof(room))
				continue;
			memcpy(room, line.p, line.n);
			room[line.n] = 0;
			if (sscanf(room, "%39[^,], check value %7[^,], %39[^\n]", who, value, how) == 3)
				json_array_append_new(list, json_pack("{s:i, s:s, s:s, s:b}", "number", (int)k,
								      "custodian", who, "check_value", value, "entered",
								      !strcmp(how, "entered in this ceremony")));
		}
	return list;
}

static enum err read_text(struct view text, json_t **ret, struct buf *words, struct buf *signature, struct fail *f)
{
	const uint8_t *mark = memmem(text.p, text.n, "\n" SIGNATURE_LINE, sizeof(SIGNATURE_LINE));
	json_t *all;
	struct view tail;

	if (!mark)
		return fail_set(f, ERR_MALFORMED, 0,
				"no line `"
				"%.49s"
				"`",
				SIGNATURE_LINE);
	mark++;
	all = json_object();
	buf_put(words, text.p, (size_t)(mark - text.p));
	tail = VIEW(mark + sizeof(SIGNATURE_LINE) - 1, text.n - words->len - (sizeof(SIGNATURE_LINE) - 1));
	if (tail.n > 0 && tail.p[tail.n - 1] == '\n')
		tail.n--;
	for (const struct show_field *row = protocol_fields; row->name; row++) {
		struct view line = row->of ? VIEW(NULL, 0) : line_of(buf_view(words), row->title);

		if (!strcmp(row->name, "audit_record"))
			json_object_set_new(all, row->name,
					    json_integer(line.n ? strtoll((const char *)line.p, NULL, 10) : 0));
		else if (row->of)
			json_object_set_new(all, row->name, parts_of(buf_view(words)));
		else
			json_object_set_new(all, row->name, show_string(line));
	}
	*ret = all;
	return base64_decode((const char *)tail.p, tail.n, signature)
		   ? ERR_OK
		   : fail_set(f, ERR_MALFORMED, 0, "the signature is not of its form");
}

static enum err read_json(struct view text, json_t **ret, struct buf *words, struct buf *signature, struct fail *f)
{
	json_t *all = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
	json_t *protocol = json_object_get(all, "protocol");
	const char *base64 = json_string_value(json_object_get(all, "signature"));
	enum err e = ERR_OK;

	if (!json_is_object(protocol) || !base64 || !base64_decode(base64, strlen(base64), signature))
		e = fail_set(f, ERR_MALFORMED, 0, "neither the text of a protocol nor its JSON");
	if (e == ERR_OK)
		e = protocol_words(protocol, words, f);
	if (e == ERR_OK)
		*ret = json_incref(protocol);
	json_decref(all);
	return e;
}

enum err protocol_read(const char *path, json_t **ret, struct buf *ret_words, struct buf *ret_signature, struct fail *f)
{
	BUF_AUTO text = { 0 };
	json_t *protocol = NULL;
	enum err e = file_read(path, FILE_MAX, &text, f);
	struct view v = buf_view(&text);

	if (e != ERR_OK)
		return e;
	if (v.n > sizeof(TITLE) && !memcmp(v.p, TITLE "\n", sizeof(TITLE)))
		e = read_text(v, &protocol, ret_words, ret_signature, f);
	else
		e = read_json(v, &protocol, ret_words, ret_signature, f);
	for (const struct show_field *row = protocol_fields; e == ERR_OK && row->name; row++)
		if (!json_object_get(protocol, row->name))
			e = fail_set(f, ERR_MALFORMED, 0, "%s: is missing", row->name);
	if (e == ERR_OK)
		*ret = protocol;
	else
		json_decref(protocol);
	return e;
}

/* open_unnamed: a file in the folder of path, of which nobody sees anything yet. */
static int open_unnamed(const char *path)
{
	char folder[512];
	char *slash;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = 0;
	else
		strcpy(folder, ".");
	return open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
}

enum err protocol_files_open(struct protocol_files *p, const char *name, struct fail *f)
{
	static const char *const ends[] = { ".txt", ".json" };

	*p = (struct protocol_files){ .fd = { -1, -1 } };
	for (int i = 0; i < 2; i++) {
		if (snprintf(p->path[i], sizeof(p->path[i]), "%s%s", name, ends[i]) >= (int)sizeof(p->path[i]))
			return fail_set(f, ERR_USAGE, 0, "--out: a name that is too long");
		if (access(p->path[i], F_OK) == 0)
			return fail_set(f, ERR_IO, 0, "--out: %.160s: %s", p->path[i], strerror(EEXIST));
		p->fd[i] = open_unnamed(p->path[i]);
		if (p->fd[i] < 0)
			return fail_set(f, ERR_IO, 0, "--out: %.160s: %s", p->path[i], strerror(errno));
	}
	return ERR_OK;
}

enum err protocol_files_write(struct protocol_files *p, int which, struct view text, struct fail *f)
{
	char self[64];
	enum err e = ERR_OK;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", p->fd[which]);
	if (write(p->fd[which], text.p, text.n) != (ssize_t)text.n || fsync(p->fd[which]) != 0 ||
	    linkat(AT_FDCWD, self, AT_FDCWD, p->path[which], AT_SYMLINK_FOLLOW) != 0)
		e = fail_set(f, ERR_IO, 0, "%.160s: %s", p->path[which], strerror(errno));
	close(p->fd[which]);
	p->fd[which] = -1;
	return e;
}

void protocol_files_done(struct protocol_files *p)
{
	for (int i = 0; i < 2; i++) {
		if (p->fd[i] >= 0)
			close(p->fd[i]);
		p->fd[i] = -1;
	}
}
