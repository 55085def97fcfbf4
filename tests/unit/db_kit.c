/* SPDX-License-Identifier: BSD-2-Clause */
#include "db_kit.h"

struct db_kit kit;
const char *const steps[2] = {
	"CREATE TABLE thing (id @ID, name @TEXT NOT NULL UNIQUE, bytes @BLOB, number @INT);",
	AUDIT_SCHEMA,
};

void other_database(const char *name)
{
	char database[64];

	if (kit.engine == SQLITE) {
		snprintf(kit.where, sizeof(kit.where), "%s/%s.db", kit.dir, name);
		return;
	}
	pg_server_create(database);
	pg_server_url(database, false, kit.where);
}

void use(int engine)
{
	kit.engine = engine;
	other_database("test");
}

struct db *open_db(void)
{
	struct db *d = NULL;
	struct fail f = { 0 };

	ck_assert_msg(db_open(kit.where, steps, ARRAY_LEN(steps), &d, &f) == ERR_OK, "%s", f.text);
	return d;
}

int64_t count(struct db *d, const char *sql)
{
	struct fail f = { 0 };
	int64_t n = -1;

	ck_assert_msg(db_one(d, &n, &f, sql, "") == ERR_OK, "%s", f.text);
	return n;
}

static void setup(void)
{
	temp_dir(kit.dir);
}

static void teardown(void)
{
	temp_remove(kit.dir);
}

TCase *kit_case(const char *name)
{
	TCase *t = tcase_create(name);

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	return t;
}

int kit_run(Suite *s)
{
	SRunner *r;
	int failed;

	pg_server_start(NULL);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	pg_server_stop();
	return failed ? 1 : 0;
}
