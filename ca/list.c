/* SPDX-License-Identifier: BSD-2-Clause */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "command.h"
#include "files.h"
#include "identity.h"
#include "issue.h"
#include "list.h"
#include "now.h"

static const char *const states[] = { "valid", "expiring", "expired", "revoked" };

static const char *state_of(struct db_stmt *s, int64_t now, unsigned days)
{
	int64_t end = db_int(s, 4);

	if (!db_null(s, 9))
		return "revoked";
	if (end < now)
		return "expired";
	return end < now + (int64_t)days * 86400 ? "expiring" : "valid";
}

static json_t *time_json(int64_t at)
{
	char room[TIME_TEXT];

	return json_string(time_text(at, room));
}

static json_t *text_or_null(struct db_stmt *s, int column)
{
	return db_null(s, column) ? json_null() : json_string(db_text(s, column));
}

static json_t *row_json(struct db_stmt *s, const char *state)
{
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:I, s:s, s:o, s:s, s:o, s:o, s:o}", "serial", db_text(s, 0),
			 "role", db_text(s, 1), "state", state, "from", time_json(db_int(s, 3)), "until",
			 time_json(db_int(s, 4)), "root", (json_int_t)db_int(s, 5), "name", db_text(s, 2), "san",
			 text_or_null(s, 6), "sha256", db_text(s, 7), "renews", text_or_null(s, 8), "revoked",
			 db_null(s, 9) ? json_null() : time_json(db_int(s, 9)), "reason", text_or_null(s, 10));
}

static void row_text(struct db_stmt *s, const char *state)
{
	char room[TIME_TEXT];

	printf("%-32s  %-8s  %-8s  %s  %4lld  ", db_text(s, 0), db_text(s, 1), state, time_text(db_int(s, 4), room),
	       (long long)db_int(s, 5));
	command_text(db_text(s, 2));
	if (!db_null(s, 9))
		printf("  (%s, %s)", db_text(s, 10), time_text(db_int(s, 9), room));
	putchar('\n');
}

static enum err print_json(json_t *all, struct fail *f)
{
	char *text = all ? json_dumps(all, JSON_INDENT(2)) : NULL;
	enum err e = text ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "no memory");

	if (text)
		puts(text);
	free(text);
	json_decref(all);
	return e;
}

static enum err check_what(const struct ca_list *w, struct fail *f)
{
	bool known = !w->state;

	for (size_t i = 0; !known && i < ARRAY_LEN(states); i++)
		known = !strcmp(states[i], w->state);
	if (!known)
		return fail_set(f, ERR_USAGE, 0, "--state: valid, expiring, expired or revoked");
	if (w->role && role_of_name(w->role) == ROLE_NONE)
		return fail_set(f, ERR_USAGE, 0, "unknown role %.40s: `strongroom-ca roles` lists them", w->role);
	return ERR_OK;
}

enum err ca_list(const struct ca *ca, const struct ca_list *what, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	json_t *list = json_array();
	int64_t now = (int64_t)time(NULL);
	bool row = false;
	enum err e = check_what(what, f);

	if (!e)
		e = db_query(
		    ca->db, &s, f,
		    "SELECT serial, role, name, not_before, not_after, root, san, sha256, renews, revoked, reason"
		    " FROM certificate ORDER BY number",
		    "");
	if (!e && !what->json)
		printf("%-32s  %-8s  %-8s  %-20s  %4s  %s\n", "SERIAL", "ROLE", "STATE", "UNTIL", "ROOT", "NAME");
	while (!e && !(e = db_next(s, &row, f)) && row) {
		const char *state = state_of(s, now, what->days);

		if ((what->state && strcmp(what->state, state)) || (what->role && strcmp(what->role, db_text(s, 1))))
			continue;
		if (what->json)
			json_array_append_new(list, row_json(s, state));
		else
			row_text(s, state);
	}
	if (!e && what->json)
		return print_json(json_pack("{s:o}", "certificates", list), f);
	json_decref(list);
	return e;
}

enum err ca_roots(const struct ca *ca, bool json, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	json_t *list = json_array();
	bool row = false;
	char room[TIME_TEXT];
	enum err e =
	    db_query(ca->db, &s, f,
		     "SELECT r.number, c.name, c.not_after, r.uri, c.sha256, r.crl_number, r.crl_until, c.serial"
		     " FROM root r JOIN certificate c ON c.certificate = r.certificate ORDER BY r.number",
		     "");

	while (!e && !(e = db_next(s, &row, f)) && row) {
		if (json) {
			json_array_append_new(list, json_pack("{s:I, s:s, s:s, s:o, s:s, s:s, s:I, s:o}", "number",
							      (json_int_t)db_int(s, 0), "name", db_text(s, 1), "serial",
							      db_text(s, 7), "until", time_json(db_int(s, 2)), "key",
							      db_text(s, 3), "sha256", db_text(s, 4), "crl_number",
							      (json_int_t)db_int(s, 5), "crl_until",
							      db_null(s, 6) ? json_null() : time_json(db_int(s, 6))));
			continue;
		}
		printf("root %lld: %s, until %s\n  key     %s\n  sha256  %s\n", (long long)db_int(s, 0), db_text(s, 1),
		       time_text(db_int(s, 2), room), db_text(s, 3), db_text(s, 4));
		if (db_int(s, 5))
			printf("  crl     number %lld, until %s\n", (long long)db_int(s, 5),
			       time_text(db_int(s, 6), room));
		else
			printf("  crl     none was made yet\n");
	}
	if (!e && json)
		return print_json(json_pack("{s:o}", "roots", list), f);
	json_decref(list);
	return e;
}

enum err ca_get(const struct ca *ca, const char *serial, struct buf *ret_pem, struct fail *f)
{
	DB_STMT_AUTO *s = NULL;
	X509 *cert = NULL;
	bool row = false;
	enum err e = db_query(ca->db, &s, f, "SELECT certificate FROM certificate WHERE serial = ?", "t", serial);

	if (!e)
		e = db_next(s, &row, f);
	if (!e && !row)
		e = fail_set(f, ERR_NOT_FOUND, 0, "%.64s: no certificate of this CA", serial);
	if (!e)
		e = identity_cert_parse(db_blob(s, 0), &cert, f);
	if (!e)
		e = certificate_pem(cert, ret_pem, f);
	X509_free(cert);
	return e;
}

enum err ca_serial_of(const char *text, char ret[41], struct fail *f)
{
	X509 *cert = NULL;
	char hex[41];
	size_t n = 0;
	enum err e;

	for (const char *p = text; *p && n < 40; p++)
		if (isxdigit((unsigned char)*p))
			hex[n++] = (char)tolower((unsigned char)*p);
		else if (*p != ':')
			n = 41;
	if (n && n <= 40 && n % 2 == 0 && access(text, F_OK)) {
		hex[n] = 0;
		memcpy(ret, hex, n + 1);
		return ERR_OK;
	}
	e = certificate_load(text, &cert, f);
	if (e == ERR_IO && f)
		snprintf(f->text, sizeof(f->text), "%.100s: neither a serial number nor the file of a certificate",
			 text);
	if (!e)
		e = ca_serial(cert, ret, f);
	X509_free(cert);
	return e;
}
