/* SPDX-License-Identifier: BSD-2-Clause */
#include "db_dump.h"
#include "db_kit.h"

/* zoo before animal in the alphabet, after it by its key. */
static const char *const zoo[] = {
	"CREATE TABLE zoo (id @ID, name @TEXT NOT NULL UNIQUE);"
	"CREATE TABLE animal (id @ID, zoo @INT NOT NULL REFERENCES zoo (id), name @TEXT, photo @BLOB, born @INT);",
	AUDIT_SCHEMA,
	"ALTER TABLE animal ADD COLUMN weight @INT NOT NULL DEFAULT 7;",
};

static char file[200];

static struct db *open_zoo(size_t count)
{
	struct db *d = NULL;
	struct fail f = { 0 };

	ck_assert_msg(db_open(kit.where, zoo, count, &d, &f) == ERR_OK, "%s", f.text);
	return d;
}

static void fill(struct db *d)
{
	struct audit_entry entry = { .event = "filled" };
	int64_t id = 0;

	ck_assert_int_eq(db_one(d, &id, NULL, "INSERT INTO zoo (name) VALUES (?) RETURNING id", "t",
				"\xe5\x8a\xa8\xe7\x89\xa9 \"'\\\n\t?"),
			 ERR_OK);
	ck_assert_int_eq(db_begin(d, NULL), ERR_OK);
	for (int i = 0; i < 1203; i++) {
		uint8_t photo[3] = { (uint8_t)i, 0, 0xff };

		ck_assert_int_eq(db_run(d, NULL, "INSERT INTO animal (zoo, name, photo, born) VALUES (?, ?, ?, ?)",
					"itbi", id, i % 3 ? "x" : NULL, VIEW(photo, (size_t)(i % 4)), INT64_MAX - i),
				 ERR_OK);
	}
	ck_assert_int_eq(db_run(d, NULL, "INSERT INTO animal (zoo, born) VALUES (?, ?)", "ii", id, INT64_MIN), ERR_OK);
	ck_assert_int_eq(db_commit(d, NULL), ERR_OK);
	ck_assert_int_eq(audit_append(d, &entry, NULL), ERR_OK);
}

static void dump(struct db *d)
{
	json_t *about = json_pack("{s:s}", "who", "test");
	struct fail f = { 0 };
	int64_t rows = 0;

	snprintf(file, sizeof(file), "%s/dump", kit.dir);
	ck_assert_msg(db_dump(d, "zoo", about, file, &rows, &f) == ERR_OK, "%s", f.text);
	ck_assert_int_eq(rows, 1206);
	json_decref(about);
}

static const char sums[] = "SELECT CAST(sum(length(photo)) + count(name) + count(photo) AS BIGINT) FROM animal";

/* From each engine into each. */
START_TEST(a_dump_is_loaded_as_it_was)
{
	struct db_dump_head head = { 0 };
	struct fail f = { 0 };
	struct db *d;
	int64_t before, id = 0;

	use(_i / ENGINES);
	d = open_zoo(2);
	fill(d);
	before = count(d, sums);
	dump(d);
	ck_assert_int_eq(count(d, "SELECT count(*) FROM animal"), 1204);
	db_free(d);
	ck_assert_msg(db_dump_read(file, "zoo", &head, &f) == ERR_OK, "%s", f.text);
	ck_assert_int_eq(head.schema, 2);
	ck_assert_int_eq(head.rows, 1206);
	ck_assert_str_eq(json_string_value(json_object_get(head.about, "who")), "test");
	json_decref(head.about);

	kit.engine = _i % ENGINES;
	other_database("other");
	/* of an older schema: brought up to this one */
	ck_assert_msg(db_dump_load(file, "zoo", kit.where, zoo, 3, &f) == ERR_OK, "%s", f.text);
	d = open_zoo(3);
	ck_assert_int_eq(count(d, sums), before);
	ck_assert_int_eq(count(d, "SELECT count(*) FROM animal WHERE weight = 7"), 1204);
	ck_assert_int_eq(count(d, "SELECT min(born) FROM animal"), INT64_MIN);
	ck_assert_int_eq(count(d, "SELECT max(born) FROM animal"), INT64_MAX);
	ck_assert_int_eq(count(d, "SELECT count(*) FROM animal WHERE name IS NULL"), 402);
	ck_assert_int_eq(count(d, "SELECT count(*) FROM zoo WHERE name = '\xe5\x8a\xa8\xe7\x89\xa9 \"''\\\n\t?'"), 1);
	ck_assert_int_eq(count(d, "SELECT count(*) FROM audit WHERE event = 'filled'"), 1);
	/* numbers go on, the audit is as closed as before */
	ck_assert_int_eq(db_one(d, &id, NULL, "INSERT INTO animal (zoo) VALUES (1) RETURNING id", ""), ERR_OK);
	ck_assert_int_eq(id, 1205);
	ck_assert_int_ne(db_run(d, NULL, "DELETE FROM audit", ""), ERR_OK);
	db_free(d);
	/* not on top of what is there */
	ck_assert_int_eq(db_dump_load(file, "zoo", kit.where, zoo, 3, &f), ERR_REFUSED);
	ck_assert_ptr_nonnull(strstr(f.text, "later schema"));
	ck_assert_int_eq(db_dump_load(file, "zoo", kit.where, zoo, 1, NULL), ERR_CONFIG);
	d = NULL;
	f = (struct fail){ 0 };
	other_database("third");
	d = open_zoo(2);
	ck_assert_int_eq(db_run(d, NULL, "INSERT INTO zoo (name) VALUES ('x')", ""), ERR_OK);
	db_free(d);
	ck_assert_int_eq(db_dump_load(file, "zoo", kit.where, zoo, 2, &f), ERR_REFUSED);
	ck_assert_ptr_nonnull(strstr(f.text, "rows already (table zoo)"));
	d = open_zoo(2);
	ck_assert_int_eq(count(d, "SELECT count(*) FROM animal"), 0);
	db_free(d);
}
END_TEST

static void write_file(const char *path, const char *bytes, size_t n)
{
	FILE *out = fopen(path, "we");

	ck_assert(out && fwrite(bytes, 1, n, out) == n && fclose(out) == 0);
}

START_TEST(a_damaged_dump_is_refused_whole)
{
	static char bytes[400000];
	struct db_dump_head head;
	char other[220];
	size_t n;
	FILE *in;

	use(_i);
	struct db *d = open_zoo(2);
	fill(d);
	dump(d);
	db_free(d);
	in = fopen(file, "re");
	n = fread(bytes, 1, sizeof(bytes), in);
	fclose(in);
	ck_assert(n > 1000 && n < sizeof(bytes));
	snprintf(other, sizeof(other), "%s.x", file);
	for (size_t at = 0; at < n; at += at < 300 || at > n - 120 ? 1 : n / 40) {
		char was = bytes[at];

		bytes[at] = was == '1' ? '2' : '1';
		write_file(other, bytes, n);
		ck_assert_msg(db_dump_read(other, "zoo", &head, NULL) == ERR_BAD_DATA, "byte %zu", at);
		bytes[at] = was;
		write_file(other, bytes, at);
		ck_assert_msg(db_dump_read(other, "zoo", &head, NULL) == ERR_BAD_DATA, "cut at %zu", at);
	}
	bytes[n] = '\n';
	write_file(other, bytes, n + 1);
	ck_assert_int_eq(db_dump_read(other, "zoo", &head, NULL), ERR_BAD_DATA);
	ck_assert_int_eq(db_dump_read(file, "aquarium", &head, NULL), ERR_BAD_DATA);
	ck_assert_int_eq(db_dump_read("/nowhere", "zoo", &head, NULL), ERR_IO);
	other_database("other");
	write_file(other, bytes, n / 2);
	ck_assert_int_eq(db_dump_load(other, "zoo", kit.where, zoo, 2, NULL), ERR_BAD_DATA);
}
END_TEST

START_TEST(a_dump_replaces_no_file)
{
	json_t *about = json_object();
	int64_t rows;

	use(_i);
	struct db *d = open_zoo(2);
	snprintf(file, sizeof(file), "%s/dump", kit.dir);
	write_file(file, "kept", 4);
	ck_assert_int_eq(db_dump(d, "zoo", about, file, &rows, NULL), ERR_USAGE);
	ck_assert_int_ne(db_dump(d, "zoo", about, "/nowhere/dump", &rows, NULL), ERR_OK);
	json_decref(about);
	db_free(d);
}
END_TEST

/* A row that comes while the dump is made is in it whole or not at all, and nobody waits. */
START_TEST(a_dump_is_one_moment)
{
	struct db_dump_head head = { 0 };
	json_t *about = json_object();
	struct fail f = { 0 };
	int64_t n = 0;

	use(_i);
	struct db *d = open_zoo(2), *writer = open_zoo(2);
	fill(d);
	ck_assert_int_eq(db_snapshot(d, NULL), ERR_OK);
	ck_assert_int_eq(count(d, "SELECT count(*) FROM zoo"), 1);
	ck_assert_msg(db_run(writer, &f, "INSERT INTO zoo (name) VALUES ('new')", "") == ERR_OK, "%s", f.text);
	ck_assert_int_eq(count(d, "SELECT count(*) FROM zoo"), 1);
	ck_assert_int_ne(db_snapshot(d, NULL), ERR_OK);
	db_rollback(d);
	ck_assert_int_eq(count(d, "SELECT count(*) FROM zoo"), 2);
	/* as a reader can */
	db_free(d);
	ck_assert_int_eq(db_open_read(kit.where, &d, NULL), ERR_OK);
	snprintf(file, sizeof(file), "%s/dump", kit.dir);
	ck_assert_msg(db_dump(d, "zoo", about, file, &n, &f) == ERR_OK, "%s", f.text);
	ck_assert_int_eq(db_dump_read(file, "zoo", &head, NULL), ERR_OK);
	ck_assert_int_eq(head.rows, 1207);
	json_decref(head.about);
	json_decref(about);
	db_free(writer);
	db_free(d);
}
END_TEST

static void found(void *arg, const char *text)
{
	snprintf(arg, 300, "%.299s", text);
}

START_TEST(what_the_engine_finds_wrong_is_told)
{
	char text[300] = "";

	use(_i);
	struct db *d = open_zoo(2);
	ck_assert_int_eq(db_examine(d, found, text, NULL), ERR_OK);
	ck_assert_str_eq(text, "");
	if (_i == SQLITE) {
		ck_assert_int_eq(db_run(d, NULL, "PRAGMA foreign_keys = OFF", ""), ERR_OK);
		ck_assert_int_eq(db_run(d, NULL, "INSERT INTO animal (zoo) VALUES (99)", ""), ERR_OK);
	} else {
		ck_assert_int_eq(db_run(d, NULL, "ALTER TABLE audit DISABLE TRIGGER audit_append_only", ""), ERR_OK);
	}
	ck_assert_int_eq(db_examine(d, found, text, NULL), ERR_OK);
	ck_assert_ptr_nonnull(strstr(text, _i == SQLITE ? "row 1 of animal" : "audit_append_only of audit"));
	db_free(d);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("db_dump");
	TCase *t = kit_case("db_dump");

	tcase_add_loop_test(t, a_dump_is_loaded_as_it_was, 0, ENGINES * ENGINES);
	tcase_add_loop_test(t, a_damaged_dump_is_refused_whole, 0, ENGINES);
	tcase_add_loop_test(t, a_dump_replaces_no_file, 0, ENGINES);
	tcase_add_loop_test(t, a_dump_is_one_moment, 0, ENGINES);
	tcase_add_loop_test(t, what_the_engine_finds_wrong_is_told, 0, ENGINES);
	suite_add_tcase(s, t);
	return kit_run(s);
}
