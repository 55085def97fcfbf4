/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "admin.h"
#include "audit.h"
#include "permission.h"

#define SERIAL "serial:"

/* One permission, as the command line says it. */
struct permission {
	const char *opterm;
	const char *operator_name;
	const char *scope;
	const char *object;
};

static bool name_ok(const char *name)
{
	size_t n = strlen(name);

	return n >= 1 && n <= 127;
}

static bool operator_ok(const char *name)
{
	size_t n;

	if (strncmp(name, SERIAL, strlen(SERIAL)) != 0)
		return name_ok(name);
	n = strlen(name) - strlen(SERIAL);
	return n >= 2 && n <= 40 && n % 2 == 0 && strspn(name + strlen(SERIAL), "0123456789abcdef") == n;
}

static enum err parse(char **arguments, struct permission *ret, struct fail *f)
{
	static const char *const scopes[] = { "order", "customer" };
	const char *what = arguments[2];

	*ret = (struct permission){ arguments[0], arguments[1], NULL, NULL };
	for (size_t i = 0; i < ARRAY_LEN(scopes); i++)
		if (!strncmp(what, scopes[i], strlen(scopes[i])) && what[strlen(scopes[i])] == ':') {
			ret->scope = scopes[i];
			ret->object = what + strlen(scopes[i]) + 1;
		}
	if (!ret->scope || !ret->object[0])
		return fail_set(f, ERR_USAGE, 0, "%.64s: neither order:ORDER nor customer:ID", what);
	if (!name_ok(ret->opterm))
		return fail_set(f, ERR_USAGE, 0, "operation terminal: 1 to 127 bytes, the name in its certificate");
	if (!operator_ok(ret->operator_name))
		return fail_set(f, ERR_USAGE, 0,
				"operator: the name in the certificate, or serial: and its serial number in hex (lower "
				"case)");
	if (!strcmp(ret->opterm, "*") && !strcmp(ret->operator_name, "*"))
		return fail_set(f, ERR_USAGE, 0, "everybody at every operation terminal is no permission");
	return ERR_OK;
}

/* An order must be there; a customer in the configuration. */
static enum err check_object(struct mtms *m, const struct permission *p, struct fail *f)
{
	int64_t there = 0;
	enum err e = ERR_OK;

	if (!strcmp(p->scope, "order"))
		e = db_one(m->db, &there, f, "SELECT count(*) FROM production_order WHERE order_id = ?", "t",
			   p->object);
	for (size_t i = 0; !strcmp(p->scope, "customer") && conf_member(m->conf, "customer *", i); i++)
		there += !strcmp(conf_member(m->conf, "customer *", i), p->object);
	if (!e && !there)
		e = fail_set(f, ERR_NOT_FOUND, 0, "no %s %.64s", p->scope, p->object);
	return e;
}

static enum err settle(struct mtms *m, enum err e, const char *event, const struct permission *p, const char *what,
		       struct fail *f)
{
	char text[300];

	snprintf(text, sizeof(text), "operation terminal %s, operator %s", p->opterm, p->operator_name);
	return audit_settle(m->db, e, event, what, text, f);
}

enum err permission_grant(void *service, char **arguments, struct fail *f)
{
	struct mtms *m = service;
	struct permission p;
	enum err e = parse(arguments, &p, f);

	if (!e)
		e = check_object(m, &p, f);
	if (!e)
		e = db_begin(m->db, f);
	if (e)
		return e;
	e = db_run(m->db, f,
		   "INSERT INTO permission (id, opterm, operator, scope, object, granted)"
		   " VALUES ((SELECT coalesce(max(id), 0) + 1 FROM permission), ?, ?, ?, ?, ?)"
		   " ON CONFLICT (opterm, operator, scope, object) WHERE revoked IS NULL DO NOTHING",
		   "tttti", p.opterm, p.operator_name, p.scope, p.object, (int64_t)time(NULL));
	if (!e && !db_changes(m->db))
		e = fail_set(f, ERR_DUPLICATE, 0, "that is granted already");
	return settle(m, e, "grant", &p, arguments[2], f);
}

enum err permission_revoke(void *service, char **arguments, struct fail *f)
{
	struct mtms *m = service;
	struct permission p;
	enum err e = parse(arguments, &p, f);

	if (!e)
		e = db_begin(m->db, f);
	if (e)
		return e;
	e = db_run(
	    m->db, f,
	    "UPDATE permission SET revoked = ? WHERE opterm = ? AND operator = ? AND scope = ? AND object = ? AND"
	    " revoked IS NULL",
	    "itttt", (int64_t)time(NULL), p.opterm, p.operator_name, p.scope, p.object);
	if (!e && !db_changes(m->db))
		e = fail_set(f, ERR_NOT_FOUND, 0, "nothing like that is granted");
	return settle(m, e, "revoke", &p, arguments[2], f);
}

enum err permission_check(struct db *db, const char *opterm, const struct cms_signer *who, const char *order,
			  const char *customer, struct fail *f)
{
	int64_t granted = 0;
	char serial[sizeof(SERIAL) + sizeof(who->serial)];
	enum err e;

	/* A name that looks like a serial number is not taken for one. */
	const char *name = strncmp(who->name, SERIAL, strlen(SERIAL)) != 0 ? who->name : "";

	snprintf(serial, sizeof(serial), SERIAL "%s", who->serial);
	e = db_one(
	    db, &granted, f,
	    "SELECT count(*) FROM permission WHERE revoked IS NULL AND opterm IN ('*', ?) AND operator IN ('*', ?, ?)"
	    " AND ((scope = 'order' AND object = ?) OR (scope = 'customer' AND object = ?))",
	    "ttttt", opterm, name, serial, order, customer);
	if (!e && !granted)
		e = fail_set(f, ERR_REFUSED, 0,
			     "operator %.64s (serial:%s) at operation terminal %.64s has no permission to collect for "
			     "order %.64s",
			     who->name, who->serial, opterm, order);
	return e;
}
