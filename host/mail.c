/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>
#include <time.h>

#include "mail.h"

#define WORD_START "=?UTF-8?B?"
#define WORD_END "?="
#define WORD_FRAME (sizeof(WORD_START) + sizeof(WORD_END) - 2)
#define ENCODED_LINE 76 /* RFC 2047: a header line with encoded words; RFC 2045: a line of base64 */
#define PLAIN_HEADER 64 /* longer ASCII is encoded too, and so folded */
#define PLAIN_LINE 990  /* RFC 5322: 998 without CR LF */

static bool is_ascii(struct view v)
{
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] & 0x80)
			return false;
	return true;
}

/* RFC 2047: words of whole characters, folded; column: where the line stands. */
static void put_encoded(struct buf *b, struct view v, size_t column)
{
	while (v.n) {
		size_t most = (ENCODED_LINE - column - WORD_FRAME) / 4 * 3, n = 0, next;

		while (n < v.n && (next = mail_char(VIEW(v.p + n, v.n - n))) != 0 && n + next <= most)
			n += next;
		buf_put(b, WORD_START, sizeof(WORD_START) - 1);
		base64_encode(VIEW(v.p, n), b);
		buf_put(b, WORD_END, sizeof(WORD_END) - 1);
		v = VIEW(v.p + n, v.n - n);
		if (v.n)
			buf_printf(b, "\r\n ");
		column = 1;
	}
}

/* May it stand in a header line as it is? Blanks at the ends would be lost, and =? read as an encoded word. */
static bool is_plain(struct view v)
{
	return v.n <= PLAIN_HEADER && is_ascii(v) && (!v.n || (v.p[0] != ' ' && v.p[v.n - 1] != ' ')) &&
	       (v.n < 2 || !memmem(v.p, v.n, "=?", 2));
}

static void put_subject(struct buf *b, struct view v)
{
	static const char name[] = "Subject: ";

	buf_put(b, name, sizeof(name) - 1);
	if (is_plain(v))
		buf_put_view(b, v);
	else
		put_encoded(b, v, sizeof(name) - 1);
	buf_printf(b, "\r\n");
}

static void put_mailbox(struct buf *b, const char *field, struct view name, struct view mailbox)
{
	buf_printf(b, "%s: ", field);
	if (name.n && is_plain(name)) {
		buf_put_u8(b, '"');
		for (size_t i = 0; i < name.n; i++) {
			if (name.p[i] == '"' || name.p[i] == '\\')
				buf_put_u8(b, '\\');
			buf_put_u8(b, name.p[i]);
		}
		buf_put_u8(b, '"');
	} else if (name.n) {
		put_encoded(b, name, strlen(field) + 2);
	}
	buf_printf(b, "%s<%.*s>\r\n", name.n ? "\r\n " : "", (int)mailbox.n, (const char *)mailbox.p);
}

static void put_date(struct buf *b, int64_t date)
{
	static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t at = (time_t)date;
	struct tm tm = { 0 };

	gmtime_r(&at, &tm);
	buf_printf(b, "Date: %s, %02d %s %04d %02d:%02d:%02d +0000\r\n", days[tm.tm_wday % 7], tm.tm_mday,
		   months[tm.tm_mon % 12], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* lines_short: ASCII of lines that SMTP carries as they are. */
static bool lines_short(struct view v)
{
	size_t line = 0;

	for (size_t i = 0; i < v.n; i++) {
		line = v.p[i] == '\n' ? 0 : line + 1;
		if (line > PLAIN_LINE || (v.p[i] & 0x80))
			return false;
	}
	return true;
}

static void put_lines(struct buf *b, struct view v)
{
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == '\n')
			buf_put_u8(b, '\r');
		buf_put_u8(b, v.p[i]);
	}
	if (v.n && v.p[v.n - 1] != '\n')
		buf_printf(b, "\r\n");
}

static void put_base64(struct buf *b, struct view v)
{
	BUF_AUTO lines = { 0 };
	size_t step = ENCODED_LINE / 4 * 3;

	put_lines(&lines, v);
	b->failed |= !buf_ok(&lines);
	for (size_t at = 0; at < lines.len; at += step) {
		base64_encode(VIEW(lines.p + at, lines.len - at < step ? lines.len - at : step), b);
		buf_printf(b, "\r\n");
	}
}

static enum err check(const struct mail *m, struct fail *f)
{
	if (!mail_address_ok(m->from))
		return fail_set(f, ERR_MALFORMED, 0, "mail: the sender's mailbox is no address");
	if (!mail_address_ok(m->to))
		return fail_set(f, ERR_MALFORMED, 0, "mail: the recipient's mailbox is no address");
	if (!mail_address_ok(m->message_id))
		return fail_set(f, ERR_MALFORMED, 0, "mail: the Message-ID has not the form of one");
	if (!mail_line_ok(m->from_name) || m->from_name.n > MAIL_NAME_MAX)
		return fail_set(f, ERR_MALFORMED, 0, "mail: the sender's name cannot stand in a header field");
	if (!mail_line_ok(m->to_name) || m->to_name.n > MAIL_NAME_MAX)
		return fail_set(f, ERR_MALFORMED, 0, "mail: the recipient's name cannot stand in a header field");
	if (!mail_line_ok(m->subject) || m->subject.n > MAIL_SUBJECT_MAX)
		return fail_set(f, ERR_MALFORMED, 0, "mail: the title cannot stand in a header field");
	if (!mail_line_ok(m->language) || !is_plain(m->language))
		return fail_set(f, ERR_MALFORMED, 0, "mail: the language cannot stand in a header field");
	return mail_lines_ok(m->body) ? ERR_OK : fail_set(f, ERR_MALFORMED, 0, "mail: the body is no UTF-8 text");
}

enum err mail_compose(const struct mail *m, struct buf *ret, struct fail *f)
{
	bool plain = lines_short(m->body);
	BUF_AUTO b = { 0 };
	enum err e = check(m, f);

	if (e)
		return e;
	put_date(&b, m->date);
	put_mailbox(&b, "From", m->from_name, m->from);
	put_mailbox(&b, "To", m->to_name, m->to);
	buf_printf(&b, "Message-ID: <%.*s>\r\n", (int)m->message_id.n, (const char *)m->message_id.p);
	put_subject(&b, m->subject);
	buf_printf(&b, "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n");
	buf_printf(&b, "Content-Transfer-Encoding: %s\r\n", plain ? "7bit" : "base64");
	if (m->language.n)
		buf_printf(&b, "Content-Language: %.*s\r\n", (int)m->language.n, (const char *)m->language.p);
	buf_printf(&b, "Auto-Submitted: auto-generated\r\n\r\n");
	if (plain)
		put_lines(&b, m->body);
	else
		put_base64(&b, m->body);
	buf_put_view(ret, buf_view(&b));
	return buf_ok(&b) && buf_ok(ret) ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "no memory for a mail");
}
