/* SPDX-License-Identifier: BSD-2-Clause */
#include <pwd.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "audit.h"

enum err audit_append(struct db *d, const struct audit_entry *e, struct fail *f)
{
	return db_run(d, f, "INSERT INTO audit (at, peer, event, object, code, text) VALUES (?, ?, ?, ?, ?, ?)",
		      "itttit", (int64_t)time(NULL), e->peer ? e->peer : "", e->event, e->object ? e->object : "",
		      (int64_t)e->code, e->text ? e->text : "");
}

enum err audit_console(struct db *db, const char *event, const char *object, const char *text, struct fail *f)
{
	char room[1024], peer[160];
	struct passwd entry, *user = NULL;
	struct audit_entry row = { peer, event, object, ERR_OK, text };

	if (getpwuid_r(getuid(), &entry, room, sizeof(room), &user) || !user)
		snprintf(peer, sizeof(peer), "console:%lu", (unsigned long)getuid());
	else
		snprintf(peer, sizeof(peer), "console:%.128s", user->pw_name);
	return audit_append(db, &row, f);
}
