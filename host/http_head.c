/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>
#include <strings.h>

#include "http_head.h"

/* "POST /v1/x?query HTTP/1.1" */
static void request_line(struct http_head *h)
{
	const char *from = strchr(h->text, ' ');
	size_t n = from ? strcspn(from + 1, " ?#") : 0;

	h->begun = true;
	h->post = !strncmp(h->text, "POST ", 5);
	if (from && n < sizeof(h->path) && h->line < sizeof(h->text)) {
		memcpy(h->path, from + 1, n);
		h->path[n] = 0;
	}
}

static void content_length(struct http_head *h, const char *value)
{
	uint64_t n = 0;

	value += strspn(value, " \t");
	size_t digits = strspn(value, "0123456789");
	for (size_t i = 0; i < digits; i++)
		n = n > UINT64_MAX / 10 - 1 ? UINT64_MAX / 10 : n * 10 + (uint64_t)(value[i] - '0');
	/* Two that differ: the larger one counts. */
	if (digits && (!h->has_length || n > h->length))
		h->length = n;
	h->has_length |= digits > 0;
}

static void header_line(struct http_head *h)
{
	static const char length[] = "content-length:", coding[] = "transfer-encoding:";

	if (!strncasecmp(h->text, length, sizeof(length) - 1))
		content_length(h, h->text + sizeof(length) - 1);
	else if (!strncasecmp(h->text, coding, sizeof(coding) - 1))
		h->chunked = true;
}

static void end_of_line(struct http_head *h)
{
	size_t n = h->line < sizeof(h->text) ? h->line : sizeof(h->text) - 1;

	if (n && h->text[n - 1] == '\r')
		n--;
	h->text[n] = 0;
	if (!n && h->line <= 1) /* empty lines before a request are passed over, as libevent does not */
		h->whole = h->begun;
	else if (!h->begun)
		request_line(h);
	else
		header_line(h);
	h->line = 0;
}

size_t http_head_feed(struct http_head *h, struct view bytes)
{
	size_t at = 0;

	while (at < bytes.n && !h->whole) {
		uint8_t c = bytes.p[at++];

		h->size++;
		if (c == '\n') {
			end_of_line(h);
			continue;
		}
		if (h->line < sizeof(h->text) - 1)
			h->text[h->line] = (char)c;
		h->line++;
	}
	return at;
}
