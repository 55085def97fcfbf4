/* SPDX-License-Identifier: BSD-2-Clause */
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "audit.h"

static void console_name(char *ret, size_t room)
{
	char names[1024];
	struct passwd entry, *user = NULL;

	if (getpwuid_r(getuid(), &entry, names, sizeof(names), &user) || !user)
		snprintf(ret, room, AUDIT_CONSOLE "%lu", (unsigned long)getuid());
	else
		snprintf(ret, room, AUDIT_CONSOLE "%.128s", user->pw_name);
}

enum err audit_append(struct db *d, const struct audit_entry *e, struct fail *f)
{
	const char *peer = e->peer ? e->peer : "";
	char console[160];

	if (!strcmp(peer, AUDIT_CONSOLE)) {
		console_name(console, sizeof(console));
		peer = console;
	}
	return db_run(d, f, "INSERT INTO audit (at, peer, event, object, code, text) VALUES (?, ?, ?, ?, ?, ?)",
		      "itttit", (int64_t)time(NULL), peer, e->event, e->object ? e->object : "", (int64_t)e->code,
		      e->text ? e->text : "");
}

enum err audit_console(struct db *db, const char *event, const char *object, const char *text, struct fail *f)
{
	struct audit_entry entry = { AUDIT_CONSOLE, event, object, ERR_OK, text };

	return audit_append(db, &entry, f);
}

enum err audit_settle(struct db *db, enum err e, const char *event, const char *object, const char *text,
		      struct fail *f)
{
	if (!e)
		e = audit_console(db, event, object, text, f);
	return db_settle(db, e, f);
}
