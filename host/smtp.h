/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_SMTP_H
#define HOST_SMTP_H

#include "err.h"
#include "secret.h"

/*
 * smtp_send: one mail to one recipient by one SMTP server, through libcurl; ERR_OK only when the server said 250 to the
 * whole mail. TLS 1.2 or above always, before anything is said that matters: STARTTLS demanded (a server that does not
 * offer it gets nothing), or TLS from the start. Certificate and host name are verified, against ca_file alone when
 * there is one. LOGIN or PLAIN, and only inside TLS; with a user, a server that does not ask for the login gets no
 * mail.
 *
 * from, to   mailboxes that mail_address_ok took
 * message    as mail_compose made it; at most MESSAGE_MAX bytes
 * password   secret: given to libcurl for this call alone, whose copies are wiped when it ends (curl_start.h)
 * ret        what the server said; filled on errors too. permanent: 5xx to sender, recipient or mail: trying again is
 *            of no use. All else (no connection, TLS, login, 4xx) may be mended on either side.
 * Errors: ERR_PEER, ERR_TIMEOUT, ERR_BUSY (stopped), ERR_REFUSED (certificate, no STARTTLS, login; or permanent),
 * ERR_TOO_LARGE, ERR_CONFIG.
 */
/* smtp_stop: asked now and then; true: give up, unless the whole mail is on its way. */
typedef bool (*smtp_stop)(void *arg);

enum smtp_tls { SMTP_STARTTLS, SMTP_TLS };

struct smtp_server {
	const char *address; /* host:port, [v6]:port */
	enum smtp_tls tls;
	const char *ca_file;           /* NULL or "": the system's */
	const char *user;              /* NULL or "": no login */
	const struct secret *password; /* a zero byte behind it that is not counted (sealed.h) */
	smtp_stop stop;                /* NULL: never */
	void *stop_arg;
	unsigned timeout_ms; /* of the whole call */
};
struct smtp_answer {
	long code;      /* of the last reply, or of the first refusal; 0: none came */
	char text[200]; /* that reply, printable */
	bool permanent;
};
#define SMTP_MESSAGE_MAX ((size_t)4 << 20)

/* smtp_address_ok: host:port or [v6]:port, a host name's letters alone, a port from 1 to 65535. */
bool smtp_address_ok(const char *address) MUST_CHECK;
enum err smtp_send(const struct smtp_server *s, const char *from, const char *to, struct view message,
		   struct smtp_answer *ret, struct fail *f) MUST_CHECK;

#endif
