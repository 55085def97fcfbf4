/* SPDX-License-Identifier: BSD-2-Clause */
#include <time.h>

#include "audit.h"

enum err audit_append(struct db *d, const struct audit_entry *e, struct fail *f)
{
	return db_run(d, f, "INSERT INTO audit (at, peer, event, object, code, text) VALUES (?, ?, ?, ?, ?, ?)",
		      "itttit", (int64_t)time(NULL), e->peer ? e->peer : "", e->event, e->object ? e->object : "",
		      (int64_t)e->code, e->text ? e->text : "");
}
