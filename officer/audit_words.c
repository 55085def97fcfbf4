/* SPDX-License-Identifier: BSD-2-Clause */
#include "ck.h"

#include "audit_words.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "vendor_functions.h"

#define FILE_MAX 65536
#define MAGIC "SRAH"

static const char *word(const char *const *words, size_t n, unsigned long i)
{
	return i < n && words[i] ? words[i] : "unknown";
}

const char *audit_bad_word(unsigned long bad)
{
	static const char *const words[] = { [SR_AUDIT_GOOD] = "good",
					     [SR_AUDIT_CUT] = "cut",
					     [SR_AUDIT_CHANGED] = "changed",
					     [SR_AUDIT_MOVED] = "moved",
					     [SR_AUDIT_UNSIGNED] = "unsigned" };

	return word(words, ARRAY_LEN(words), bad);
}

const char *audit_state_word(unsigned long state)
{
	static const char *const words[] = { [SR_AUDIT_STATE_FITS] = "fits",
					     [SR_AUDIT_STATE_MISSING] = "missing",
					     [SR_AUDIT_STATE_UNREADABLE] = "unreadable",
					     [SR_AUDIT_STATE_FOREIGN] = "foreign",
					     [SR_AUDIT_STATE_LEADS] = "leads",
					     [SR_AUDIT_STATE_CHANGED] = "changed" };

	return word(words, ARRAY_LEN(words), state);
}

const char *audit_begun_word(unsigned long begun)
{
	static const char *const words[] = { [SR_AUDIT_BEGUN_INIT] = "init",
					     [SR_AUDIT_BEGUN_AGAIN] = "again",
					     [SR_AUDIT_BEGUN_RESTART] = "restart",
					     [SR_AUDIT_BEGUN_COPY] = "copy",
					     [SR_AUDIT_BEGUN_MIGRATION] = "migration" };

	return word(words, ARRAY_LEN(words), begun);
}

struct view audit_user(const struct sr_audit_entry *e)
{
	switch (e->ulUserKind) {
	case SR_USER_SO:
		return VIEW_STR("so");
	case SR_USER_DEFAULT:
		return VIEW_STR("user");
	case SR_USER_CUSTODIAN:
		return view_of_string((const char *)e->szUser);
	default:
		return VIEW_STR("-");
	}
}

static bool is_base64(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/' ||
	       c == '=';
}

/* is_head: this stretch of base64 is one. */
static bool is_head(const char *text, size_t n, struct buf *ret)
{
	BUF_AUTO bytes = { 0 };

	if (n != (SR_AUDIT_HEAD_LEN + 2) / 3 * 4 || !base64_decode(text, n, &bytes) || bytes.len != SR_AUDIT_HEAD_LEN ||
	    memcmp(bytes.p, MAGIC, strlen(MAGIC)) != 0)
		return false;
	buf_put_view(ret, buf_view(&bytes));
	return true;
}

enum err audit_head_read(const char *path, struct buf *ret, struct fail *f)
{
	FILE *in = fopen(path, "re");
	char text[FILE_MAX];
	size_t n = in ? fread(text, 1, sizeof(text), in) : 0;
	bool failed = !in || ferror(in);

	if (failed)
		fail_set(f, ERR_IO, 0, "%.200s: %s", path, strerror(errno));
	if (in)
		fclose(in);
	if (failed)
		return ERR_IO;
	for (size_t from = 0, to; from < n; from = to + 1) {
		/* JSON may write a slash with a backslash before it; jansson does not. */
		for (to = from; to < n && is_base64(text[to]); to++)
			;
		if (is_head(text + from, to - from, ret))
			return buf_ok(ret) ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "head");
	}
	return fail_set(f, ERR_BAD_DATA, 0, "%.200s: no head of an audit trail stands in it", path);
}
