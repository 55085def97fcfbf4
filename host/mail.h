/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_MAIL_H
#define HOST_MAIL_H

#include "err.h"

/*
 * One mail as bytes (RFC 5322, 2045 to 2047), ready for SMTP: lines end in CR LF, none longer than 998 bytes, header
 * lines with encoded words at most 76. Text is UTF-8; what would break out of a header field (CR, LF, NUL, any other
 * control character) is refused here whatever a caller checked before.
 */
#define MAIL_ADDRESS_MAX 254
#define MAIL_NAME_MAX 200    /* bytes of a display name */
#define MAIL_SUBJECT_MAX 500 /* bytes */

struct mail {
	struct view from; /* mailbox */
	struct view from_name;
	struct view to;
	struct view to_name;
	struct view subject;
	struct view body;       /* lines end in LF */
	struct view message_id; /* without the angle brackets */
	struct view language;   /* "en", "zh"; empty: unsaid */
	int64_t date;           /* unix seconds */
};

/* mail_compose: appended to ret. ERR_MALFORMED names the field that cannot stand in a mail; ERR_NO_MEMORY. */
enum err mail_compose(const struct mail *m, struct buf *ret, struct fail *f) MUST_CHECK;

/* mail_address_ok: local@domain, ASCII, dot-atoms, at most MAIL_ADDRESS_MAX bytes; no quotes, comments or literals. */
bool mail_address_ok(struct view v) MUST_CHECK;
/* mail_line_ok: UTF-8 without control characters. mail_lines_ok: LF and TAB may stand in it. */
bool mail_line_ok(struct view v) MUST_CHECK;
bool mail_lines_ok(struct view v) MUST_CHECK;
/* mail_clean: text that was not made by us as one line: what mail_line_ok refuses, and the backslash, as \xNN. */
void mail_clean(struct view v, struct buf *ret);
/* mail_char: bytes of the UTF-8 character that v begins with; 0: it is none, or a control character. */
size_t mail_char(struct view v);

#endif
