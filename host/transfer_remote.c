/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "curl_start.h"
#include "file.h"
#include "identity.h"
#include "transfer_own.h"

#define PASSWORD_MAX 1024
#define LISTING_MAX ((size_t)32 << 20)
#define IDLE_MAX_S 30L /* a connection that lay idle for longer is made anew */

/* The first line of a file that is ours alone, zero-terminated. */
static enum err read_password(const char *path, struct secret *ret, struct fail *f)
{
	SECRET_AUTO line = { 0 };
	enum err e = file_secret_line("password file ", path, PASSWORD_MAX, &line, f);

	for (size_t i = 0; !e && i < line.len; i++)
		if (line.p[i] < ' ' || line.p[i] == 0x7f)
			e = fail_set(f, ERR_CONFIG, 0, "password file %.128s: control characters", path);
	if (!e && (!secret_init(ret, line.len + 1) || !secret_set(ret, line.p, line.len)))
		e = fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	return e;
}

/* A file that only its owner, us or root, may change; secret: nor read. */
static enum err check_file(const char *what, const char *path, bool secret, struct fail *f)
{
	struct stat st;

	if (stat(path, &st) || access(path, R_OK))
		return fail_set(f, ERR_CONFIG, 0, "%s %.128s: %s", what, path, strerror(errno));
	if (!S_ISREG(st.st_mode) || (st.st_mode & (secret ? 077 : 022)) || (st.st_uid != geteuid() && st.st_uid))
		return fail_set(f, ERR_CONFIG, 0, "%s %.128s: must be a file of ours with mode %s", what, path,
				secret ? "0600" : "0644 or less");
	return ERR_OK;
}

static enum err keep(char **to, const char *from, struct fail *f)
{
	if (!from)
		return ERR_OK;
	*to = strdup(from);
	return *to ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "no memory");
}

/* Printable; nothing that would need quoting in a command of SFTP or FTP. */
static bool text_ok(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f || *s == '"' || *s == '\\' || *s == '\'')
			return false;
	return true;
}

static bool has_part(CURLU *u, CURLUPart part)
{
	char *text = NULL;
	bool has = !curl_url_get(u, part, &text, 0);

	curl_free(text);
	return has;
}

/* scheme, place and path; ret_scheme: "ftp", "ftps", "sftp". */
static enum err parse_url(struct transfer *t, CURLU *u, const char *folder, char ret_scheme[8], struct fail *f)
{
	char *scheme = NULL, *path = NULL, *url = NULL;
	size_t n;
	enum err e = ERR_OK;

	if (!text_ok(folder))
		return fail_set(f, ERR_CONFIG, 0, "folder: control characters, quotes or backslashes");
	if (curl_url_set(u, CURLUPART_URL, folder, CURLU_NON_SUPPORT_SCHEME) ||
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) || curl_url_get(u, CURLUPART_PATH, &path, CURLU_URLDECODE) ||
	    curl_url_get(u, CURLUPART_URL, &url, 0) || !text_ok(path))
		e = fail_set(f, ERR_CONFIG, 0, "%.128s: neither a path from / nor a URL", folder);
	else if (strcmp(scheme, "ftp") && strcmp(scheme, "ftps") && strcmp(scheme, "sftp"))
		e = fail_set(f, ERR_CONFIG, 0, "%.128s: ftp, ftps and sftp are there", folder);
	else if (has_part(u, CURLUPART_USER) || has_part(u, CURLUPART_PASSWORD) || has_part(u, CURLUPART_QUERY) ||
		 has_part(u, CURLUPART_FRAGMENT) || strchr(path, ';'))
		e = fail_set(f, ERR_CONFIG, 0, "a URL of a folder has no user, password, query, fragment or type");
	if (!e) {
		snprintf(ret_scheme, 8, "%s", scheme);
		n = strlen(path);
		if (asprintf(&t->place, "%s%s", url, url[strlen(url) - 1] == '/' ? "" : "/") < 0 ||
		    asprintf(&t->path, "%s%s", !strncmp(path, "/~/", 3) ? path + 3 : path,
			     n && path[n - 1] == '/' ? "" : "/") < 0)
			e = fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	}
	curl_free(scheme);
	curl_free(path);
	curl_free(url);
	return e;
}

static enum err open_sftp(struct transfer *t, const struct transfer_options *o, struct fail *f)
{
	enum err e = ERR_OK;

	if (o->tls || o->server_ca)
		return fail_set(f, ERR_CONFIG, 0, "tls and server_ca are for FTP, not for SFTP");
	if (!o->user || !o->known_hosts || (!o->key_file && !o->password_file))
		return fail_set(f, ERR_CONFIG, 0, "SFTP takes user, known_hosts and key_file or password_file");
	if (o->key_file)
		e = check_file("key_file", o->key_file, true, f);
	if (!e)
		e = check_file("known_hosts", o->known_hosts, false, f);
	return e;
}

static enum err open_ftp(struct transfer *t, const struct transfer_options *o, bool implicit, struct fail *f)
{
	X509_STORE *roots = NULL;
	enum err e;

	if (o->key_file || o->known_hosts)
		return fail_set(f, ERR_CONFIG, 0, "key_file and known_hosts are for SFTP");
	if (o->password_file && !o->user)
		return fail_set(f, ERR_CONFIG, 0, "password_file without user");
	if (o->tls && strcmp(o->tls, "required") && (implicit || strcmp(o->tls, "none")))
		return fail_set(f, ERR_CONFIG, 0, "tls: `required`%s", implicit ? "" : " or `none`");
	t->tls = !o->tls || !strcmp(o->tls, "required");
	if (!t->tls)
		return o->server_ca ? fail_set(f, ERR_CONFIG, 0, "server_ca without TLS") : ERR_OK;
	if (!o->server_ca)
		return fail_set(f, ERR_CONFIG, 0, "FTP with TLS takes server_ca");
	e = check_file("server_ca", o->server_ca, false, f);
	if (!e)
		e = identity_roots(o->server_ca, &roots, f);
	X509_STORE_free(roots);
	return e;
}

enum err transfer_remote_open(struct transfer *t, const struct transfer_options *o, struct fail *f)
{
	CURLU *u = curl_url();
	char scheme[8] = "";
	enum err e = u ? parse_url(t, u, o->folder, scheme, f) : fail_set(f, ERR_NO_MEMORY, 0, "no memory");

	curl_url_cleanup(u);
	if (e)
		return e;
	t->sftp = !strcmp(scheme, "sftp");
	if (o->user && (!o->user[0] || !text_ok(o->user)))
		return fail_set(f, ERR_CONFIG, 0, "user: not printable");
	e = t->sftp ? open_sftp(t, o, f) : open_ftp(t, o, !strcmp(scheme, "ftps"), f);
	if (!e && o->password_file)
		e = read_password(o->password_file, &t->password, f);
	if (!e)
		e = keep(&t->user, o->user, f);
	if (!e)
		e = keep(&t->key_file, o->key_file, f);
	if (!e)
		e = keep(&t->known_hosts, o->known_hosts, f);
	if (!e)
		e = keep(&t->server_ca, o->server_ca, f);
	curl_start();
	if (!e && !(t->curl = curl_easy_init()))
		e = fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	return e;
}

/* One exchange with the server. */
struct exchange {
	struct transfer *t;
	transfer_sink sink; /* a read */
	void *arg;
	bool enough;
	struct view whole; /* a write */
	size_t at;
	struct curl_slist *commands;
	char error[CURL_ERROR_SIZE];
	char what[TRANSFER_NAME_MAX + 256]; /* URL */
};

static size_t on_bytes(char *p, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;

	if (x->sink(x->arg, VIEW(p, size * n)))
		return size * n;
	x->enough = true;
	return 0;
}

static size_t on_ask(char *p, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;
	size_t room = size * n, left = x->whole.n - x->at;

	if (left > room)
		left = room;
	if (left)
		memcpy(p, x->whole.p + x->at, left);
	x->at += left;
	return left;
}

static int on_seek(void *arg, curl_off_t offset, int origin)
{
	struct exchange *x = arg;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > x->whole.n)
		return CURL_SEEKFUNC_FAIL;
	x->at = (size_t)offset;
	return CURL_SEEKFUNC_OK;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct transfer *t = arg;

	return t->stop && t->stop(t->stop_arg);
}

/* Only a host that stands in known_hosts with this key. */
static int on_host_key(CURL *curl, const struct curl_khkey *known, const struct curl_khkey *found,
		       enum curl_khmatch match, void *arg)
{
	struct transfer *t = arg;

	t->host_key = match;
	return match == CURLKHMATCH_OK ? CURLKHSTAT_FINE : CURLKHSTAT_REJECT;
}

static CURLcode set_security(struct transfer *t)
{
	CURL *c = t->curl;
	CURLcode rc = CURLE_OK;

#define SET(option, value) rc = rc ? rc : curl_easy_setopt(c, option, value)
	if (t->user)
		SET(CURLOPT_USERNAME, t->user);
	if (t->password.room)
		SET(CURLOPT_PASSWORD, (const char *)t->password.p);
	if (t->sftp) {
		SET(CURLOPT_SSH_AUTH_TYPES,
		    t->key_file ? (long)CURLSSH_AUTH_PUBLICKEY : (long)(CURLSSH_AUTH_PASSWORD | CURLSSH_AUTH_KEYBOARD));
		if (t->key_file)
			SET(CURLOPT_SSH_PRIVATE_KEYFILE, t->key_file);
		SET(CURLOPT_SSH_KNOWNHOSTS, t->known_hosts);
		SET(CURLOPT_SSH_KEYFUNCTION, on_host_key);
		SET(CURLOPT_SSH_KEYDATA, t);
	}
	if (t->tls) {
		SET(CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
		/*
		 * Not 1.3: its tickets serve one data connection only where servers want the session of the control
		 * connection, and those that lie unread when an upload closes make the kernel reset the connection.
		 */
		SET(CURLOPT_SSLVERSION, (long)(CURL_SSLVERSION_TLSv1_2 | CURL_SSLVERSION_MAX_TLSv1_2));
		SET(CURLOPT_SSL_VERIFYPEER, 1L);
		SET(CURLOPT_SSL_VERIFYHOST, 2L);
		SET(CURLOPT_CAINFO, t->server_ca);
		SET(CURLOPT_CAPATH, NULL);
		SET(CURLOPT_SSL_SESSIONID_CACHE, 1L); /* the data connection goes on with the session of the control */
	}
	return rc;
}

/* Everything anew for each exchange: some options stick otherwise (appending). Connections stay. */
static CURLcode prepare(struct exchange *x, const char *name)
{
	struct transfer *t = x->t;
	CURL *c = t->curl;
	CURLcode rc;

	curl_easy_reset(c);
	rc = set_security(t);
	snprintf(x->what, sizeof(x->what), "%s%s", t->place, name);
	SET(CURLOPT_URL, x->what);
	SET(CURLOPT_PROTOCOLS_STR, "ftp,ftps,sftp");
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_ERRORBUFFER, x->error);
	SET(CURLOPT_CONNECTTIMEOUT, t->connect_s);
	SET(CURLOPT_SERVER_RESPONSE_TIMEOUT, t->stall_s);
	SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
	SET(CURLOPT_LOW_SPEED_TIME, t->stall_s);
	SET(CURLOPT_MAXAGE_CONN, IDLE_MAX_S);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_FTP_FILEMETHOD, (long)CURLFTPMETHOD_SINGLECWD);
	SET(CURLOPT_FTP_SKIP_PASV_IP, 1L);
	SET(CURLOPT_NOPROGRESS, 0L);
	SET(CURLOPT_XFERINFOFUNCTION, on_progress);
	SET(CURLOPT_XFERINFODATA, t);
	SET(CURLOPT_WRITEFUNCTION, on_bytes);
	SET(CURLOPT_WRITEDATA, x);
	SET(CURLOPT_READFUNCTION, on_ask);
	SET(CURLOPT_READDATA, x);
	SET(CURLOPT_SEEKFUNCTION, on_seek);
	SET(CURLOPT_SEEKDATA, x);
	return rc;
}

static enum err refused(struct exchange *x, CURLcode rc, struct fail *f)
{
	const char *why = x->error[0] ? x->error : curl_easy_strerror(rc);

	if (rc == CURLE_PEER_FAILED_VERIFICATION && x->t->sftp)
		why = x->t->host_key == CURLKHMATCH_MISMATCH ? "the server's host key is another than in known_hosts"
							     : "the server's host key is not in known_hosts";
	if (rc == CURLE_USE_SSL_FAILED)
		why = "the server does not offer TLS";
	if (rc == CURLE_LOGIN_DENIED)
		why = "the server refuses the login";
	return fail_set(f, ERR_REFUSED, 0, "%.100s: %.140s", x->t->place, why);
}

/* A command that the server will never take of this user: FTP by its code, SFTP by what libcurl makes of its status. */
static bool forbidden(struct exchange *x)
{
	static const char *const words[] = { "ermission denied", "not supported", "write-protected" };
	long code = 0;

	if (!x->t->sftp)
		return !curl_easy_getinfo(x->t->curl, CURLINFO_RESPONSE_CODE, &code) && code >= 500 && code < 600;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strstr(x->error, words[i]))
			return true;
	return false;
}

/* libcurl's answer as one of ours. */
static enum err answer(struct exchange *x, CURLcode rc, struct fail *f)
{
	switch (rc) {
	case CURLE_OK:
		return ERR_OK;
	case CURLE_REMOTE_FILE_NOT_FOUND:
		return fail_set(f, ERR_NOT_FOUND, 0, "%.200s: no such file", x->what);
	case CURLE_LOGIN_DENIED:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_USE_SSL_FAILED:
	case CURLE_SSL_CACERT_BADFILE:
		return refused(x, rc, f);
	case CURLE_QUOTE_ERROR:
		return fail_set(f, forbidden(x) ? ERR_REFUSED : ERR_PEER, 0, "%.100s: %.140s", x->what,
				x->error[0] ? x->error : curl_easy_strerror(rc));
	case CURLE_ABORTED_BY_CALLBACK:
		return fail_set(f, ERR_BUSY, 0, "%.100s: stopped", x->t->place);
	case CURLE_OUT_OF_MEMORY:
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	default:
		return fail_set(f, ERR_PEER, 0, "%.100s: %.140s", x->what,
				x->error[0] ? x->error : curl_easy_strerror(rc));
	}
}

static enum err perform(struct exchange *x, CURLcode rc, struct fail *f)
{
	x->t->host_key = CURLKHMATCH_MISSING;
	if (!rc)
		rc = curl_easy_perform(x->t->curl);
	if (rc == CURLE_WRITE_ERROR && x->enough)
		rc = CURLE_OK;
	curl_slist_free_all(x->commands);
	return answer(x, rc, f);
}

static enum err remote_read(struct transfer *t, const char *name, uint64_t offset, transfer_sink sink, void *arg,
			    struct fail *f)
{
	struct exchange x = { .t = t, .sink = sink, .arg = arg };
	CURL *c = t->curl;
	CURLcode rc = prepare(&x, name);

	SET(CURLOPT_RESUME_FROM_LARGE, (curl_off_t)offset);
	return perform(&x, rc, f);
}

static bool on_count(void *arg, struct view bytes)
{
	*(uint64_t *)arg += bytes.n;
	return true;
}

static bool on_listing(void *arg, struct view bytes)
{
	struct buf *b = arg;

	buf_put_view(b, bytes);
	return b->len <= LISTING_MAX;
}

/* A server that cannot say how long a file is has it read. */
static enum err remote_size(struct transfer *t, const char *name, uint64_t *ret, struct fail *f)
{
	struct exchange x = { .t = t, .sink = on_count };
	uint64_t ignored = 0;
	CURL *c = t->curl;
	CURLcode rc = prepare(&x, name);
	curl_off_t size = -1;
	enum err e;

	x.arg = &ignored;
	SET(CURLOPT_NOBODY, 1L);
	e = perform(&x, rc, f);
	if (!e && !curl_easy_getinfo(c, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &size) && size >= 0) {
		*ret = (uint64_t)size;
		return ERR_OK;
	}
	if (!e) {
		ignored = 0;
		e = remote_read(t, name, 0, on_count, &ignored, f);
	}
	if (!e)
		*ret = ignored;
	return e;
}

static enum err remote_write(struct transfer *t, const char *name, uint64_t offset, struct view whole, struct fail *f)
{
	struct exchange x = { .t = t, .sink = on_count, .whole = whole };
	uint64_t ignored = 0;
	CURL *c = t->curl;
	CURLcode rc = prepare(&x, name);

	x.arg = &ignored;
	SET(CURLOPT_UPLOAD, 1L);
	SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)whole.n);
	SET(CURLOPT_RESUME_FROM_LARGE, (curl_off_t)offset);
	return perform(&x, rc, f);
}

/* Commands in the folder, one after the other until one fails: names are of letters that need no quotes. */
static enum err commands(struct transfer *t, const char *first, const char *second, struct fail *f)
{
	struct exchange x = { .t = t, .sink = on_count };
	uint64_t ignored = 0;
	CURL *c = t->curl;
	CURLcode rc = prepare(&x, "");

	x.arg = &ignored;
	x.commands = curl_slist_append(NULL, first);
	if (x.commands && second && !curl_slist_append(x.commands, second)) {
		curl_slist_free_all(x.commands);
		x.commands = NULL;
	}
	if (!x.commands)
		return fail_set(f, ERR_NO_MEMORY, 0, "no memory");
	SET(CURLOPT_NOBODY, 1L);
	SET(t->sftp ? CURLOPT_QUOTE : CURLOPT_POSTQUOTE, x.commands);
	return perform(&x, rc, f);
}

static enum err remote_rename(struct transfer *t, const char *from, const char *to, struct fail *f)
{
	char *one = NULL, *two = NULL;
	int n = t->sftp ? asprintf(&one, "rename \"%s%s\" \"%s%s\"", t->path, from, t->path, to)
			: asprintf(&one, "RNFR %s", from);
	enum err e;

	if (n >= 0 && !t->sftp)
		n = asprintf(&two, "RNTO %s", to);
	e = n < 0 ? fail_set(f, ERR_NO_MEMORY, 0, "no memory") : commands(t, one, two, f);
	free(one);
	free(two);
	return e;
}

static enum err remote_remove(struct transfer *t, const char *name, struct fail *f)
{
	char *one = NULL;
	int n = t->sftp ? asprintf(&one, "rm \"%s%s\"", t->path, name) : asprintf(&one, "DELE %s", name);
	enum err e = n < 0 ? fail_set(f, ERR_NO_MEMORY, 0, "no memory") : commands(t, one, NULL, f);

	free(one);
	return e;
}

static enum err remote_list(struct transfer *t, struct buf *ret, struct fail *f)
{
	struct exchange x = { .t = t, .sink = on_listing, .arg = ret };
	CURL *c = t->curl;
	CURLcode rc = prepare(&x, "");
	enum err e;

	SET(CURLOPT_DIRLISTONLY, 1L);
	e = perform(&x, rc, f);
	if (e)
		return e;
	if (x.enough)
		return fail_set(f, ERR_TOO_LARGE, 0, "%.100s: listing above %zu bytes", t->place, LISTING_MAX);
	buf_put_u8(ret, 0);
	for (size_t i = 0; buf_ok(ret) && i < ret->len; i++)
		if (ret->p[i] == '\n' || ret->p[i] == '\r')
			ret->p[i] = 0;
	return ERR_OK;
}
#undef SET

const struct transfer_way transfer_remote = { remote_size,   remote_read,   remote_write,
					      remote_rename, remote_remove, remote_list };
