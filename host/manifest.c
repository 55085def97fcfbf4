/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <jansson.h>

#include "formats.h"
#include "manifest.h"

#define MANIFEST_FORMAT "strongroom manifest"
#define MANIFEST_VERSION 1

static bool digest_ok(const char *hex)
{
	return strlen(hex) == 64 && strspn(hex, "0123456789abcdef") == 64;
}

/* Names are of letters that JSON needs no escapes for. */
static bool fields_ok(const struct manifest *m)
{
	return keyfile_name_ok(m->dc, sizeof(m->dc) - 1) && format_customer_ok(view_of_string(m->kms)) && m->sequence &&
	       m->sequence <= INT64_MAX && keyfile_name_ok(m->name, KEYFILE_NAME_MAX) &&
	       keyfile_name_ok(m->order, sizeof(m->order) - 1) && m->count && m->count <= MANIFEST_COUNT_MAX &&
	       m->size && m->size <= MANIFEST_SIZE_MAX && digest_ok(m->sha256);
}

enum err manifest_make(const struct identity *dc, const struct manifest *m, struct buf *ret_der, struct fail *f)
{
	BUF_AUTO text = { 0 };

	if (!fields_ok(m))
		return fail_set(f, ERR_USAGE, 0, "a manifest of these fields cannot be");
	if (strcmp(m->dc, dc->name) != 0)
		return fail_set(f, ERR_USAGE, 0, "a manifest of DC %s is not signed by %.64s", m->dc, dc->name);
	buf_printf(&text,
		   "{\"format\":\"%s\",\"version\":%d,\"dc\":\"%s\",\"kms\":\"%s\",\"sequence\":%llu,\"name\":\"%s\","
		   "\"order\":\"%s\",\"count\":%llu,\"size\":%llu,\"sha256\":\"%s\"}",
		   MANIFEST_FORMAT, MANIFEST_VERSION, m->dc, m->kms, (unsigned long long)m->sequence, m->name, m->order,
		   (unsigned long long)m->count, (unsigned long long)m->size, m->sha256);
	if (!buf_ok(&text))
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory for a manifest");
	return cms_sign(dc, buf_view(&text), ret_der, f);
}

/* A text that fits, zero included. */
static bool take(char *to, size_t room, const char *from)
{
	if (strlen(from) >= room)
		return false;
	strcpy(to, from);
	return true;
}

static bool parse(struct view content, struct manifest *ret)
{
	const char *format, *dc, *kms, *name, *order, *sha256;
	json_int_t version, sequence, count, size;
	struct manifest m = { 0 };
	json_t *root = json_loadb((const char *)content.p, content.n, JSON_REJECT_DUPLICATES, NULL);
	bool ok =
	    root && !json_unpack_ex(root, NULL, JSON_STRICT, "{s:s,s:I,s:s,s:s,s:I,s:s,s:s,s:I,s:I,s:s}", "format",
				    &format, "version", &version, "dc", &dc, "kms", &kms, "sequence", &sequence, "name",
				    &name, "order", &order, "count", &count, "size", &size, "sha256", &sha256);

	ok = ok && !strcmp(format, MANIFEST_FORMAT) && version == MANIFEST_VERSION && sequence > 0 && count > 0 &&
	     size > 0 && take(m.dc, sizeof(m.dc), dc) && take(m.kms, sizeof(m.kms), kms) &&
	     take(m.name, sizeof(m.name), name) && take(m.order, sizeof(m.order), order) &&
	     take(m.sha256, sizeof(m.sha256), sha256);
	if (ok) {
		m.sequence = (uint64_t)sequence;
		m.count = (uint64_t)count;
		m.size = (uint64_t)size;
		ok = fields_ok(&m);
	}
	if (ok)
		*ret = m;
	json_decref(root);
	return ok;
}

enum err manifest_read(X509_STORE *roots, time_t at, struct view der, struct manifest *ret,
		       struct cms_signer *ret_signer, struct fail *f)
{
	BUF_AUTO content = { 0 };
	struct cms_signer signer;
	struct manifest m;
	enum err e;

	if (der.n > MANIFEST_MAX)
		return fail_set(f, ERR_MALFORMED, 0, "manifest above %zu bytes", MANIFEST_MAX);
	e = cms_verify(roots, ROLE_DC, at, der, &content, &signer, f);
	if (e)
		return e;
	if (!parse(buf_view(&content), &m))
		return fail_set(f, ERR_MALFORMED, 0, "what is signed is no manifest");
	if (strcmp(m.dc, signer.name) != 0)
		return fail_set(f, ERR_REFUSED, 0, "the manifest names DC %s, but %.64s signed it", m.dc, signer.name);
	*ret = m;
	*ret_signer = signer;
	return ERR_OK;
}
