/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <time.h>

#include "left.h"
#include "log.h"
#include "receive.h"

enum err left_look(struct kms *k, const char *source, const char *name, struct left *ret, struct fail *f)
{
	struct left l = { 0 };
	DB_STMT_AUTO *s = NULL;
	enum err e = db_query(k->db, &s, f, "SELECT good, manifest FROM pickup_left WHERE source = ? AND name = ?",
			      "tt", source, name);

	if (!e)
		e = db_next(s, &l.there, f);
	if (e)
		return e;
	if (l.there) {
		l.good = db_int(s, 0) != 0;
		snprintf(l.manifest, sizeof(l.manifest), "%s", db_text(s, 1));
	}
	*ret = l;
	return ERR_OK;
}

static enum err tell(struct kms *k, const char *source, const struct fail *why, struct fail *f)
{
	char text[400];
	struct audit_entry entry = { "", "pickup", source, why->code, text };

	snprintf(text, sizeof(text),
		 "%.200s; files that are done with stay there and are remembered: nothing is fetched twice", why->text);
	log_line(LOG_LEVEL_WARN, "pickup", "%s: %s", source, text);
	return audit_append(k->db, &entry, f);
}

static enum err put(struct kms *k, const char *source, const char *name, const struct left *what, int64_t id,
		    const struct fail *why, struct fail *f)
{
	int64_t told = 1;
	enum err e =
	    db_one(k->db, &told, f, "SELECT count(*) FROM pickup_left WHERE source = ? AND told = 1", "t", source);
	bool news = !e && !told && why->code == ERR_REFUSED;

	if (!e)
		e = db_run(
		    k->db, f,
		    "INSERT INTO pickup_left(source, name, good, manifest, told, at) VALUES(?, ?, ?, ?, ?, ?) ON"
		    " CONFLICT(source, name) DO UPDATE SET good = excluded.good, manifest = excluded.manifest, told ="
		    " excluded.told, at = excluded.at",
		    "ttitii", source, name, (int64_t)what->good, what->manifest, (int64_t)news, (int64_t)time(NULL));
	if (!e && what->good)
		e = receive_put_aside(k, id, f);
	return !e && news ? tell(k, source, why, f) : e;
}

enum err left_put(struct kms *k, const char *source, const char *name, const struct left *what, int64_t id,
		  const struct fail *why, struct fail *f)
{
	enum err e = db_begin(k->db, f);

	if (!e)
		e = put(k, source, name, what, id, why, f);
	return db_settle(k->db, e, f);
}

enum err left_gone(struct kms *k, const char *source, const char *name, struct fail *f)
{
	return db_run(k->db, f, "DELETE FROM pickup_left WHERE source = ? AND name = ?", "tt", source, name);
}
