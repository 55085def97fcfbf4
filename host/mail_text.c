/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "mail.h"

#define LOCAL_MAX 64
#define LABEL_MAX 63

static bool is_tail(struct view v, size_t i)
{
	return i < v.n && (v.p[i] & 0xc0) == 0x80;
}

/* RFC 3629: no overlong forms, no surrogates, nothing above 10FFFFh. */
size_t mail_char(struct view v)
{
	uint8_t c = v.n ? v.p[0] : 0, d = v.n > 1 ? v.p[1] : 0;

	if (c < 0x80)
		return c >= ' ' && c != 0x7f ? 1 : 0;
	if (c < 0xc2 || c > 0xf4 || !is_tail(v, 1))
		return 0;
	if (c < 0xe0)
		return c == 0xc2 && d < 0xa0 ? 0 : 2;
	if (!is_tail(v, 2) || (c == 0xe0 && d < 0xa0) || (c == 0xed && d > 0x9f))
		return 0;
	if (c < 0xf0)
		return 3;
	return is_tail(v, 3) && !(c == 0xf0 && d < 0x90) && !(c == 0xf4 && d > 0x8f) ? 4 : 0;
}

static bool text_ok(struct view v, bool lines)
{
	while (v.n) {
		size_t n = lines && (v.p[0] == '\n' || v.p[0] == '\t') ? 1 : mail_char(v);

		if (!n)
			return false;
		v = VIEW(v.p + n, v.n - n);
	}
	return true;
}

bool mail_line_ok(struct view v)
{
	return text_ok(v, false);
}

bool mail_lines_ok(struct view v)
{
	return text_ok(v, true);
}

void mail_clean(struct view v, struct buf *ret)
{
	while (v.n) {
		size_t n = mail_char(v);

		if (!n || v.p[0] == '\\')
			buf_printf(ret, "\\x%02x", v.p[0]);
		else
			buf_put(ret, v.p, n);
		n = n ? n : 1;
		v = VIEW(v.p + n, v.n - n);
	}
}

static bool is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* dots: words of at most most bytes of letters, digits and more, with a dot between them. */
static bool dots(struct view v, const char *more, size_t most)
{
	size_t word = 0;

	for (size_t i = 0; i < v.n; i++) {
		uint8_t c = v.p[i];

		if (c == '.' ? !word : !c || (!is_letter(c) && !strchr(more, c)))
			return false;
		word = c == '.' ? 0 : word + 1;
		if (word > most)
			return false;
	}
	return word > 0;
}

/* A label of a domain has no hyphen at its ends; one at the start of an address would look like an option. */
static bool hyphens_ok(struct view v)
{
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] == '-' && (i == 0 || i == v.n - 1 || v.p[i - 1] == '.' || v.p[i + 1] == '.'))
			return false;
	return true;
}

bool mail_address_ok(struct view v)
{
	const uint8_t *at = v.n ? memchr(v.p, '@', v.n) : NULL;
	struct view local, domain;

	if (!at || v.n > MAIL_ADDRESS_MAX)
		return false;
	local = VIEW(v.p, (size_t)(at - v.p));
	domain = VIEW(at + 1, v.n - local.n - 1);
	return local.n <= LOCAL_MAX && dots(local, "!#$%&'*+-/=?^_`{|}~", LOCAL_MAX) && local.p[0] != '-' &&
	       dots(domain, "-", LABEL_MAX) && hyphens_ok(domain);
}
