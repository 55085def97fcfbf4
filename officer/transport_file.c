/* SPDX-License-Identifier: BSD-2-Clause */
/* Transport files: a block with what it says, for people and for programs of other makers. */
#include "ck.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ask.h"
#include "file.h"
#include "names.h"
#include "now.h"
#include "statement.h"
#include "rsa_public.h"
#include "transport.h"

#define FORMAT "strongroom transport"
#define FILE_MOST ((size_t)64 << 10)
#define DIGITS_LEAST 16

const struct show_field transport_fields[] = {
	{ "format", NULL, "`" FORMAT "`" },
	{ "version", NULL, "1" },
	{ "label", "label", "of the key" },
	{ "role", "role", "of the key" },
	{ "generation", "generation", "of the key; null: the role has none" },
	{ "type", "type", "AES-256, TDES-128 ..." },
	{ "check_value", "check value", "of the key" },
	{ "key_id", "unique id", "CKA_UNIQUE_ID in the source" },
	{ "source", "source", "serial number of the token that it comes from" },
	{ "sent", "sent", "UTC" },
	{ "under", "under", "`RSA-OAEP SHA-1` ..., or `KTK`: a combined transport key, AES key wrap" },
	{ "target", "target", "fingerprint of the receiver's key" },
	{ "statement_key", "statement key", "of the source, SubjectPublicKeyInfo, base64" },
	{ "wrapped", NULL, "the wrapped key alone, base64: what C_UnwrapKey takes by the standard mechanism" },
	{ "block", NULL, "the transport block (docs/formats.md), base64" },
	{ 0 },
};

void transport_file_done(struct transport_file *x)
{
	buf_done(&x->block);
	buf_done(&x->key);
}

enum err transport_of(struct view block, struct view key, struct transport_file *ret, struct fail *f)
{
	struct view covered;

	buf_put_view(&ret->block, block);
	buf_put_view(&ret->key, key);
	if (!buf_ok(&ret->block) || !buf_ok(&ret->key))
		return fail_set(f, ERR_NO_MEMORY, 0, "transport block");
	if (!transport_parse(buf_view(&ret->block), &ret->t, &covered))
		return fail_set(f, ERR_MALFORMED, 0, "the transport block is not of its form");
	return ERR_OK;
}

static json_t *base64_json(struct view v)
{
	BUF_AUTO text = { 0 };

	base64_encode(v, &text);
	return show_string(buf_view(&text));
}

static const char *under_text(uint8_t method)
{
	switch (method) {
	case FORMAT_HASH_SHA1:
		return "RSA-OAEP SHA-1";
	case FORMAT_HASH_SHA256:
		return "RSA-OAEP SHA-256";
	case FORMAT_HASH_SHA384:
		return "RSA-OAEP SHA-384";
	case FORMAT_HASH_SHA512:
		return "RSA-OAEP SHA-512";
	default:
		return "KTK";
	}
}

json_t *transport_json(const struct transport_file *x)
{
	const struct transport *t = &x->t;
	char type[24], check[8], when[TIME_TEXT], room[24];
	json_t *all = json_object();

	/* A block that nobody has proved yet may say any number. */
	time_text((int64_t)t->time, when);
	snprintf(type, sizeof(type), "%s-%u", t->type == FORMAT_KEY_AES ? "AES" : "TDES", t->length * 8u);
	snprintf(check, sizeof(check), "%02X%02X%02X", t->check.value[0], t->check.value[1], t->check.value[2]);
	json_object_set_new(all, "format", json_string(FORMAT));
	json_object_set_new(all, "version", json_integer(1));
	json_object_set_new(all, "label", show_string(t->label));
	json_object_set_new(all, "role", json_string(names_text(NAMES_ROLE, t->role, room)));
	json_object_set_new(all, "generation", t->generation ? json_integer(t->generation) : json_null());
	json_object_set_new(all, "type", json_string(type));
	json_object_set_new(all, "check_value", json_string(check));
	json_object_set_new(all, "key_id", show_hex(t->key_id));
	json_object_set_new(all, "source", show_string(t->serial));
	json_object_set_new(all, "sent", json_string(when));
	json_object_set_new(all, "under", json_string(under_text(t->method)));
	json_object_set_new(all, "target", show_hex(t->target));
	json_object_set_new(all, "statement_key", base64_json(buf_view(&x->key)));
	json_object_set_new(all, "wrapped", base64_json(t->wrapped));
	json_object_set_new(all, "block", base64_json(buf_view(&x->block)));
	return all;
}

static bool member(const json_t *all, const char *name, struct buf *out)
{
	const char *text = json_string_value(json_object_get(all, name));

	return text && base64_decode(text, strlen(text), out);
}

enum err transport_read(const char *path, struct transport_file *ret, struct fail *f)
{
	BUF_AUTO block = { 0 };
	BUF_AUTO key = { 0 };
	BUF_AUTO text = { 0 };
	json_t *all = NULL, *said = NULL;
	enum err e = file_read(path, FILE_MOST, &text, f);

	if (e != ERR_OK)
		return e;
	all = json_loadb((const char *)text.p, text.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	if (!member(all, "block", &block) || !member(all, "statement_key", &key))
		e = fail_set(f, ERR_MALFORMED, 0, "%.128s: not a transport file", path);
	if (e == ERR_OK)
		e = transport_of(buf_view(&block), buf_view(&key), ret, f);
	if (e == ERR_OK) {
		said = transport_json(ret);
		if (!json_equal(said, all))
			e = fail_set(f, ERR_MALFORMED, 0,
				     "%.128s: what stands beside the block is not what the block says", path);
	}
	json_decref(said);
	json_decref(all);
	return e;
}

enum err transport_write(const char *path, const struct transport_file *x, struct fail *f)
{
	json_t *all = transport_json(x);
	char *text = json_dumps(all, JSON_INDENT(2));
	BUF_AUTO whole = { 0 };
	enum err e;

	if (text)
		buf_printf(&whole, "%s\n", text);
	free(text);
	json_decref(all);
	e = text && buf_ok(&whole) ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "transport file");
	return e == ERR_OK ? file_create(path, 0600, buf_view(&whole), f) : e;
}

enum err transport_proved(const struct transport_file *x, struct view key, struct fail *f)
{
	struct view whole = buf_view(&x->block);
	char serial[TRANSPORT_SERIAL + 1] = { 0 };

	memcpy(serial, x->t.serial.p, TRANSPORT_SERIAL);
	return transport_verify(key, serial, VIEW(whole.p, whole.n - TRANSPORT_SIGNATURE), x->t.signature, f);
}

/* digits: hexadecimal ones alone, lower case; 0: something else stands there. */
static size_t digits(const char *text, char ret[65])
{
	size_t n = 0;

	for (; text && *text; text++) {
		if (*text == ' ' || *text == ':' || *text == '-')
			continue;
		if (n == 64 || !strchr("0123456789abcdefABCDEF", *text))
			return 0;
		ret[n++] = (char)(*text >= 'A' && *text <= 'F' ? *text - 'A' + 'a' : *text);
	}
	ret[n] = 0;
	return n;
}

enum err transport_confirm(const char *given, const char *what, const char fingerprint[65], struct fail *f)
{
	BUF_AUTO line = { 0 };
	char typed[65];
	char prompt[160];
	size_t n;
	enum err e = ERR_OK;

	snprintf(prompt, sizeof(prompt), "%.100s, the first %d digits as the other side reads them: ", what,
		 DIGITS_LEAST);
	if (!given) {
		e = ask_line(prompt, &line, f);
		buf_put_u8(&line, 0);
	}
	if (e != ERR_OK)
		return e;
	n = digits(given ? given : (const char *)line.p, typed);
	if (n < DIGITS_LEAST)
		return fail_set(f, ERR_USAGE, 0, "%.100s: at least %d hexadecimal digits of it", what, DIGITS_LEAST);
	if (memcmp(typed, fingerprint, n) != 0)
		return fail_set(f, ERR_REFUSED, 0, "%.100s: not the one that was read out", what);
	return ERR_OK;
}

enum err transport_source(struct officer *o, const struct transport_file *x, struct buf *ret, struct fail *f)
{
	const char *path = officer_value(o, "key");
	char fingerprint[65];
	enum err e;

	if (path) {
		e = statement_key_read(path, ret, f);
	} else {
		e = fingerprint_hex(buf_view(&x->key), fingerprint, f);
		if (e == ERR_OK)
			e = transport_confirm(officer_value(o, "source"), "fingerprint of the source's statement key",
					      fingerprint, f);
		buf_put_view(ret, buf_view(&x->key));
	}
	return e == ERR_OK ? transport_proved(x, buf_view(ret), f) : e;
}
