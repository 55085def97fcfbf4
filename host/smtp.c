/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "curl_start.h"
#include "daemon.h"
#include "smtp.h"

#define LOGIN_DONE "235"

/* One mail under way. */
struct sending {
	struct view left;
	struct smtp_answer *answer;
	bool login; /* demanded */
	bool asked; /* we have said AUTH: what comes before is no answer to it */
	bool logged_in;
	bool body_begun;
	const struct smtp_server *server;
	bool stopped;
};

/* The server's reply lines. */
static size_t on_reply(char *p, size_t size, size_t n, void *arg)
{
	struct sending *s = arg;
	size_t len = 0;

	if (s->asked && n > 3 && !memcmp(p, LOGIN_DONE, 3))
		s->logged_in = true;
	/* The first refusal counts, not the "221 Bye" behind it. */
	if (s->answer->text[0] == '4' || s->answer->text[0] == '5')
		return n;
	for (size_t i = 0; i < n && len < sizeof(s->answer->text) - 1; i++)
		if (p[i] != '\r' && p[i] != '\n')
			s->answer->text[len++] = p[i] >= ' ' && p[i] <= '~' ? p[i] : '?';
	s->answer->text[len] = 0;
	return n;
}

/* What we say ourselves; kept is only that we asked for the login. */
static int on_talk(CURL *c, curl_infotype what, char *p, size_t n, void *arg)
{
	struct sending *s = arg;

	if (what == CURLINFO_HEADER_OUT && n > 5 && !memcmp(p, "AUTH ", 5))
		s->asked = true;
	return 0;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct sending *s = arg;
	size_t len = s->left.n < size * n ? s->left.n : size * n;

	if (s->login && !s->logged_in)
		return CURL_READFUNC_ABORT;
	s->body_begun = true;
	memcpy(p, s->left.p, len);
	s->left = VIEW(s->left.p + len, s->left.n - len);
	return len;
}

/* Behind the last byte of the mail only its server knows what becomes of it: then it is waited for. */
static int on_progress(void *arg, curl_off_t down, curl_off_t down_now, curl_off_t up, curl_off_t up_now)
{
	struct sending *s = arg;

	s->stopped = s->left.n && s->server->stop && s->server->stop(s->server->stop_arg);
	return s->stopped ? 1 : 0;
}

static CURLcode set_server(CURL *c, const struct smtp_server *s, const char *url)
{
	CURLcode rc = CURLE_OK;
#define SET(option, value) rc = rc ? rc : curl_easy_setopt(c, option, value)
	SET(CURLOPT_URL, url);
	SET(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_TIMEOUT_MS, (long)s->timeout_ms);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)s->timeout_ms);
	SET(CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
	if (s->ca_file && *s->ca_file) {
		SET(CURLOPT_CAINFO, s->ca_file);
		SET(CURLOPT_CAPATH, NULL);
	}
	if (s->user && *s->user) {
		SET(CURLOPT_LOGIN_OPTIONS, "AUTH=PLAIN;AUTH=LOGIN");
		SET(CURLOPT_USERNAME, s->user);
		SET(CURLOPT_PASSWORD, (const char *)s->password->p);
	}
	return rc;
}

static CURLcode set_mail(CURL *c, struct sending *s, const char *from, const struct curl_slist *to, char *text)
{
	CURLcode rc = CURLE_OK;

	SET(CURLOPT_MAIL_FROM, from);
	SET(CURLOPT_MAIL_RCPT, to);
	SET(CURLOPT_UPLOAD, 1L);
	SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)s->left.n);
	SET(CURLOPT_READFUNCTION, on_body);
	SET(CURLOPT_READDATA, s);
	SET(CURLOPT_HEADERFUNCTION, on_reply);
	SET(CURLOPT_HEADERDATA, s);
	SET(CURLOPT_DEBUGFUNCTION, on_talk);
	SET(CURLOPT_DEBUGDATA, s);
	SET(CURLOPT_VERBOSE, 1L);
	SET(CURLOPT_ERRORBUFFER, text);
	SET(CURLOPT_XFERINFOFUNCTION, on_progress);
	SET(CURLOPT_XFERINFODATA, s);
	SET(CURLOPT_NOPROGRESS, 0L);
#undef SET
	return rc;
}

/* Refusals of the login stand for the account, not for the mail. */
static bool is_permanent(CURLcode rc, const struct sending *s)
{
	long code = s->answer->code;

	if (code < 500 || code > 599 || code == 530 || code == 534 || code == 535 || code == 538)
		return false;
	return rc == CURLE_SEND_ERROR || (rc == CURLE_WEIRD_SERVER_REPLY && s->body_begun);
}

static enum err failed(CURLcode rc, const struct smtp_server *server, const struct sending *s, const char *text,
		       struct fail *f)
{
	const char *reply = s->answer->text;
	enum err e = ERR_PEER;

	if (s->stopped)
		return fail_set(f, ERR_BUSY, 0, "%.100s: stopped", server->address);
	if (rc == CURLE_ABORTED_BY_CALLBACK)
		return fail_set(f, ERR_REFUSED, 0, "%.100s does not ask for the login of %.60s", server->address,
				server->user);
	if (rc == CURLE_USE_SSL_FAILED)
		return fail_set(f, ERR_REFUSED, 0, "%.100s offers no STARTTLS: nothing is sent without TLS",
				server->address);
	if (rc == CURLE_OPERATION_TIMEDOUT)
		e = ERR_TIMEOUT;
	else if (rc == CURLE_OUT_OF_MEMORY)
		e = ERR_NO_MEMORY;
	else if (rc == CURLE_LOGIN_DENIED || rc == CURLE_PEER_FAILED_VERIFICATION || rc == CURLE_SSL_CONNECT_ERROR ||
		 s->answer->permanent)
		e = ERR_REFUSED;
	else if (rc == CURLE_SSL_CACERT_BADFILE)
		e = ERR_CONFIG;
	return fail_set(f, e, 0, "%.60s: %.100s%s%.80s", server->address, *text ? text : curl_easy_strerror(rc),
			*reply ? "; it said " : "", reply);
}

bool smtp_address_ok(const char *address)
{
	char host[256], port[16];
	struct fail ignored = { 0 };
	const char *letters = address[0] == '[' ? "0123456789abcdefABCDEF:."
						: "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-";

	if (address_split(address, host, port, &ignored) || host[strspn(host, letters)] || host[0] == '-' ||
	    port[strspn(port, "0123456789")] || strlen(port) > 5)
		return false;
	return atoi(port) > 0 && atoi(port) < 65536;
}

static enum err perform(CURL *c, const struct smtp_server *server, struct sending *s, const char *from,
			const struct curl_slist *to, struct fail *f)
{
	char text[CURL_ERROR_SIZE] = "", url[320], host[256], port[16];
	CURLcode rc;
	enum err e;

	if (!smtp_address_ok(server->address))
		return fail_set(f, ERR_CONFIG, 0, "%.100s is no address of a mail server", server->address);
	e = address_split(server->address, host, port, f);
	if (e)
		return e;
	snprintf(url, sizeof(url), strchr(host, ':') ? "%s://[%s]:%s" : "%s://%s:%s",
		 server->tls == SMTP_TLS ? "smtps" : "smtp", host, port);
	rc = set_server(c, server, url);
	if (!rc)
		rc = set_mail(c, s, from, to, text);
	if (!rc)
		rc = curl_easy_perform(c);
	s->answer->code = strtol(s->answer->text, NULL, 10);
	s->answer->permanent = rc && is_permanent(rc, s);
	return rc ? failed(rc, server, s, text, f) : ERR_OK;
}

enum err smtp_send(const struct smtp_server *server, const char *from, const char *to, struct view message,
		   struct smtp_answer *ret, struct fail *f)
{
	struct sending s = { .left = message, .answer = ret, .login = server->user && *server->user, .server = server };
	struct curl_slist *list = NULL;
	CURL *c = NULL;
	enum err e = ERR_OK;

	*ret = (struct smtp_answer){ 0 };
	if (message.n > SMTP_MESSAGE_MAX)
		return fail_set(f, ERR_TOO_LARGE, 0, "a mail of %zu bytes, at most %zu", message.n, SMTP_MESSAGE_MAX);
	if (s.login && (!server->password || !server->password->len))
		return fail_set(f, ERR_CONFIG, 0, "no password for %.60s", server->user);
	if (s.login && strlen((const char *)server->password->p) != server->password->len)
		return fail_set(f, ERR_CONFIG, 0, "the password of %.60s has a zero byte in it", server->user);
	curl_start();
	c = curl_easy_init();
	list = curl_slist_append(NULL, to);
	if (!c || !list)
		e = fail_set(f, ERR_NO_MEMORY, 0, "no memory for a mail");
	if (!e)
		e = perform(c, server, &s, from, list, f);
	curl_easy_cleanup(c);
	curl_slist_free_all(list);
	return e;
}
