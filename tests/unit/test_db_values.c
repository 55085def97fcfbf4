/* SPDX-License-Identifier: BSD-2-Clause */
#include "db_kit.h"

START_TEST(values_come_back_as_they_went_in)
{
	use(_i);
	struct db *d = open_db();
	struct db_stmt *s = NULL;
	bool row = false;
	int64_t n = 0;
	struct stat st;

	if (kit.engine == SQLITE) {
		ck_assert_int_eq(stat(kit.where, &st), 0);
		ck_assert_uint_eq(st.st_mode & 0777, 0600);
	}
	ck_assert_int_eq(
	    db_run(d, NULL, "INSERT INTO thing (name, bytes) VALUES (?, ?)", "tb", "one", VIEW_STR("a\0b")), ERR_OK);
	ck_assert_int_eq(db_one(d, &n, NULL, "SELECT max(id) FROM thing", ""), ERR_OK);
	ck_assert_int_eq(n, 1);
	ck_assert_int_eq(db_run(d, NULL, "INSERT INTO thing (id, name, bytes) VALUES (?, ?, ?)", "ivn", (int64_t)-7,
				VIEW_STR("two")),
			 ERR_OK);
	ck_assert_int_eq(db_query(d, &s, NULL, "SELECT id, name, bytes FROM thing ORDER BY name", ""), ERR_OK);
	ck_assert(db_next(s, &row, NULL) == ERR_OK && row);
	ck_assert_str_eq(db_text(s, 1), "one");
	ck_assert(view_equal(db_blob(s, 2), VIEW_STR("a\0b")));
	ck_assert(db_next(s, &row, NULL) == ERR_OK && row);
	ck_assert_int_eq(db_int(s, 0), -7);
	ck_assert(db_null(s, 2));
	ck_assert_str_eq(db_text(s, 2), "");
	ck_assert(db_next(s, &row, NULL) == ERR_OK && !row);
	db_end(s);
	ck_assert_int_eq(db_one(d, &n, NULL, "SELECT count(*) FROM thing WHERE name = ?", "t", "one"), ERR_OK);
	ck_assert_int_eq(n, 1);
	ck_assert_int_eq(db_one(d, &n, NULL, "SELECT id FROM thing WHERE name = ?", "t", "none"), ERR_NOT_FOUND);
	db_free(d);
}
END_TEST

START_TEST(numbers_keep_all_64_bits)
{
	static const int64_t numbers[] = { 0, -1, 1, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, 1LL << 53 };
	use(_i);
	struct db *d = open_db();
	struct db_stmt *s = NULL;
	bool row = false;
	char text[32];

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		int64_t back = 1;

		snprintf(text, sizeof(text), "%lld", (long long)numbers[i]);
		ck_assert_int_eq(db_one(d, &back, NULL,
					"INSERT INTO thing (name, number) VALUES (?, ?) RETURNING number", "ti", text,
					numbers[i]),
				 ERR_OK);
		ck_assert_int_eq(back, numbers[i]);
		ck_assert_int_eq(db_query(d, &s, NULL, "SELECT number, number = ?, 7 FROM thing WHERE name = ?", "it",
					  numbers[i], text),
				 ERR_OK);
		ck_assert(db_next(s, &row, NULL) == ERR_OK && row);
		ck_assert_int_eq(db_int(s, 0), numbers[i]);
		ck_assert_str_eq(db_text(s, 0), text);
		ck_assert_int_eq(db_int(s, 1), 1);
		ck_assert_int_eq(db_int(s, 2), 7);
		db_end(s);
	}
	ck_assert_int_ne(db_run(d, NULL, "UPDATE thing SET number = number + 1 WHERE number > ? AND number + 1 IS NULL",
				"i", INT64_MAX),
			 ERR_INTERNAL);
	db_free(d);
}
END_TEST

START_TEST(texts_are_utf8_and_blobs_are_any_bytes)
{
	use(_i);
	struct db *d = open_db();
	struct db_stmt *s = NULL;
	struct fail f = { 0 };
	bool row = false;
	uint8_t bytes[256];
	static const struct view bad[] = { VIEW_STR("a\0b"),     VIEW_STR("\xff"),         VIEW_STR("\xc3"),
					   VIEW_STR("\xc0\x80"), VIEW_STR("\xed\xa0\x80"), VIEW_STR("\xf5\x80\x80\x80"),
					   VIEW_STR("\xe4\xb8"), VIEW_STR("\x80") };
	static const char text[] = "\xe4\xb8\xbb\xe5\xaf\x86\xe9\x92\xa5 'quote' ? \"\\ \xf0\x9f\x94\x91 $1";

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	ck_assert_int_eq(
	    db_run(d, NULL, "INSERT INTO thing (name, bytes) VALUES (?, ?)", "tb", text, VIEW(bytes, sizeof(bytes))),
	    ERR_OK);
	ck_assert_int_eq(db_query(d, &s, NULL, "SELECT name, bytes, '?' FROM thing WHERE name = ? AND bytes = ?", "vb",
				  VIEW_STR("\xe4\xb8\xbb\xe5\xaf\x86\xe9\x92\xa5 'quote' ? \"\\ \xf0\x9f\x94\x91 $1"),
				  VIEW(bytes, sizeof(bytes))),
			 ERR_OK);
	ck_assert(db_next(s, &row, NULL) == ERR_OK && row);
	ck_assert_str_eq(db_text(s, 0), text);
	ck_assert(view_equal(db_blob(s, 0), VIEW_STR(text)));
	ck_assert(view_equal(db_blob(s, 1), VIEW(bytes, sizeof(bytes))));
	ck_assert_str_eq(db_text(s, 2), "?");
	db_end(s);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		f = (struct fail){ 0 };
		ck_assert_int_eq(db_run(d, &f, "INSERT INTO thing (name) VALUES (?)", "v", bad[i]), ERR_MALFORMED);
		ck_assert_ptr_nonnull(strstr(f.text, "parameter 1 is not UTF-8"));
	}
	/* Empty is not null; null is not empty. */
	ck_assert_int_eq(
	    db_run(d, NULL, "INSERT INTO thing (name, bytes) VALUES (?, ?)", "vb", VIEW("", 0), VIEW(NULL, 0)), ERR_OK);
	ck_assert_int_eq(db_query(d, &s, NULL, "SELECT name, bytes, number FROM thing WHERE name = ''", ""), ERR_OK);
	ck_assert(db_next(s, &row, NULL) == ERR_OK && row);
	ck_assert(!db_null(s, 0) && !db_null(s, 1) && db_null(s, 2));
	ck_assert_int_eq(db_int(s, 2), 0);
	ck_assert_uint_eq(db_blob(s, 1).n, 0);
	db_end(s);
	db_free(d);
}
END_TEST

START_TEST(large_blobs_and_many_rows_come_back)
{
	use(_i);
	struct db *d = open_db();
	struct db_stmt *s = NULL;
	bool row = false;
	size_t n = (size_t)5 << 20, rows = 0;
	uint8_t *bytes = malloc(n);

	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(i * 31 >> 3);
	ck_assert_int_eq(db_run(d, NULL, "INSERT INTO thing (name, bytes) VALUES ('big', ?)", "b", VIEW(bytes, n)),
			 ERR_OK);
	ck_assert_int_eq(db_query(d, &s, NULL, "SELECT bytes FROM thing", ""), ERR_OK);
	ck_assert(db_next(s, &row, NULL) == ERR_OK && row);
	ck_assert(view_equal(db_blob(s, 0), VIEW(bytes, n)));
	db_end(s);
	free(bytes);
	ck_assert_int_eq(db_begin(d, NULL), ERR_OK);
	for (int i = 0; i < 3000; i++) {
		char name[16];

		snprintf(name, sizeof(name), "r%05d", i);
		ck_assert_int_eq(db_run(d, NULL, "INSERT INTO thing (name) VALUES (?)", "t", name), ERR_OK);
	}
	ck_assert_int_eq(db_commit(d, NULL), ERR_OK);
	ck_assert_int_eq(db_query(d, &s, NULL, "SELECT name FROM thing WHERE name LIKE 'r%' ORDER BY name", ""),
			 ERR_OK);
	while (db_next(s, &row, NULL) == ERR_OK && row)
		rows++;
	db_end(s);
	ck_assert_uint_eq(rows, 3000);
	db_free(d);
}
END_TEST

START_TEST(texts_are_ordered_by_their_bytes)
{
	use(_i);
	struct db *d = open_db();
	struct db_stmt *s = NULL;
	bool row = false;
	char all[64] = "";

	ck_assert_int_eq(
	    db_run(d, NULL, "INSERT INTO thing (name) VALUES ('b'), ('A'), ('a'), ('B'), ('_'), ('1')", ""), ERR_OK);
	ck_assert_int_eq(db_query(d, &s, NULL, "SELECT name FROM thing ORDER BY name", ""), ERR_OK);
	while (db_next(s, &row, NULL) == ERR_OK && row)
		strcat(all, db_text(s, 0));
	db_end(s);
	ck_assert_str_eq(all, "1AB_ab");
	db_free(d);
}
END_TEST

START_TEST(changes_are_those_of_the_last_change)
{
	use(_i);
	struct db *d = open_db();
	int64_t id = 0, again = 0;

	ck_assert_int_eq(db_one(d, &id, NULL, "INSERT INTO thing (name) VALUES ('x') RETURNING id", ""), ERR_OK);
	ck_assert_int_eq(db_changes(d), 1);
	ck_assert_int_eq(db_run(d, NULL, "INSERT INTO thing (name) VALUES ('x') ON CONFLICT (name) DO NOTHING", ""),
			 ERR_OK);
	ck_assert_int_eq(db_changes(d), 0);
	ck_assert_int_eq(db_one(d, &again, NULL,
				"INSERT INTO thing (name) VALUES ('x') ON CONFLICT (name) DO NOTHING RETURNING id", ""),
			 ERR_NOT_FOUND);
	ck_assert_int_eq(
	    db_run(d, NULL,
		   "INSERT INTO thing (name, number) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET number ="
		   " excluded.number",
		   "ti", "x", (int64_t)9),
	    ERR_OK);
	ck_assert_int_eq(db_changes(d), 1);
	ck_assert_int_eq(db_run(d, NULL, "INSERT INTO thing (name) VALUES ('y'), ('z')", ""), ERR_OK);
	ck_assert_int_eq(db_changes(d), 2);
	ck_assert_int_eq(count(d, "SELECT count(*) FROM thing"), 3);
	ck_assert_int_eq(db_changes(d), 2); /* a question changes nothing */
	ck_assert_int_eq(db_run(d, NULL, "UPDATE thing SET number = 1 WHERE name = 'none'", ""), ERR_OK);
	ck_assert_int_eq(db_changes(d), 0);
	ck_assert_int_eq(db_run(d, NULL, "DELETE FROM thing", ""), ERR_OK);
	ck_assert_int_eq(db_changes(d), 3);
	ck_assert_int_eq(count(d, "SELECT count(*) FROM thing"), 0);
	/* A number is not given twice. */
	ck_assert_int_eq(db_one(d, &again, NULL, "INSERT INTO thing (name) VALUES ('x') RETURNING id", ""), ERR_OK);
	ck_assert_int_gt(again, id);
	db_free(d);
}
END_TEST

START_TEST(same_statement_may_run_twice_at_once)
{
	use(_i);
	struct db *d = open_db();
	struct db_stmt *a = NULL, *b = NULL;
	bool row = false;
	const char *sql = "SELECT name FROM thing ORDER BY id";

	ck_assert_int_eq(db_run(d, NULL, "INSERT INTO thing (name) VALUES ('x'), ('y')", ""), ERR_OK);
	ck_assert_int_eq(db_query(d, &a, NULL, sql, ""), ERR_OK);
	ck_assert_int_eq(db_query(d, &b, NULL, sql, ""), ERR_OK);
	ck_assert_ptr_ne(a, b);
	ck_assert(db_next(a, &row, NULL) == ERR_OK && row && db_next(b, &row, NULL) == ERR_OK && row);
	ck_assert(db_next(b, &row, NULL) == ERR_OK && row);
	ck_assert_str_eq(db_text(a, 0), "x");
	ck_assert_str_eq(db_text(b, 0), "y");
	db_end(a);
	db_end(b);
	db_free(d);
}
END_TEST

START_TEST(statements_may_run_inside_an_open_question)
{
	use(_i);
	struct db *d = open_db();
	struct db_stmt *s = NULL;
	bool row = false;
	int seen = 0;

	ck_assert_int_eq(db_run(d, NULL, "INSERT INTO thing (name) VALUES ('x'), ('y'), ('z')", ""), ERR_OK);
	ck_assert_int_eq(db_query(d, &s, NULL, "SELECT id FROM thing ORDER BY id", ""), ERR_OK);
	while (db_next(s, &row, NULL) == ERR_OK && row) {
		ck_assert_int_eq(db_run(d, NULL, "UPDATE thing SET number = 5 WHERE id = ?", "i", db_int(s, 0)),
				 ERR_OK);
		seen++;
	}
	db_end(s);
	ck_assert_int_eq(seen, 3);
	ck_assert_int_eq(count(d, "SELECT count(*) FROM thing WHERE number = 5"), 3);
	db_free(d);
}
END_TEST

START_TEST(repeated_unique_value_is_a_duplicate)
{
	use(_i);
	struct db *d = open_db();
	struct fail f = { 0 };

	ck_assert_int_eq(db_run(d, NULL, "INSERT INTO thing (name) VALUES (?)", "t", "x"), ERR_OK);
	ck_assert_int_eq(db_run(d, &f, "INSERT INTO thing (name) VALUES (?)", "t", "x"), ERR_DUPLICATE);
	ck_assert_int_eq(f.code, ERR_DUPLICATE);
	ck_assert_int_eq(db_run(d, NULL, "INSERT INTO thing (name) VALUES (?)", "n"), ERR_IO);
	ck_assert_int_eq(db_run(d, NULL, "INSERT INTO thing (name) VALUES (?)", ""), ERR_INTERNAL);
	ck_assert_int_eq(db_run(d, NULL, "no such statement", ""), ERR_IO);
	db_free(d);
}
END_TEST

START_TEST(unknown_words_and_bad_placeholders_are_refused)
{
	static const char *const words[] = { "CREATE TABLE a (x @NUMBER);" };
	struct db *d = NULL;
	struct fail f = { 0 };
	int64_t n;

	use(_i);
	ck_assert_int_eq(db_open(kit.where, words, 1, &d, &f), ERR_INTERNAL);
	ck_assert_ptr_nonnull(strstr(f.text, "unknown word"));
	other_database("second");
	d = open_db();
	ck_assert_int_eq(db_one(d, &n, NULL, "SELECT ?", "", (int64_t)1), ERR_INTERNAL);
	ck_assert_int_eq(db_one(d, &n, NULL, "SELECT 1", "i", (int64_t)1), ERR_INTERNAL);
	ck_assert_int_eq(db_one(d, &n, NULL, "SELECT 1", "x"), ERR_INTERNAL);
	db_free(d);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		values_come_back_as_they_went_in,       numbers_keep_all_64_bits,
		texts_are_utf8_and_blobs_are_any_bytes, large_blobs_and_many_rows_come_back,
		texts_are_ordered_by_their_bytes,       changes_are_those_of_the_last_change,
		same_statement_may_run_twice_at_once,   statements_may_run_inside_an_open_question,
		repeated_unique_value_is_a_duplicate,   unknown_words_and_bad_placeholders_are_refused
	};
	Suite *s = suite_create("db_values");
	TCase *t = kit_case("db_values");

	for (size_t i = 0; i < ARRAY_LEN(tests); i++)
		tcase_add_loop_test(t, tests[i], 0, ENGINES);
	suite_add_tcase(s, t);
	return kit_run(s);
}
