/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store_kit.h"
#include "temp.h"

#define ENTRY_KEY 33
#define ENTRY_VALUE 51

/* What somebody with the file, and LMDB's own tools, can do to it. */
static struct store_kit k;

static void setup(void)
{
	kit_init(&k, 0);
}

static void teardown(void)
{
	kit_done(&k);
}

/* The store is closed while the file is changed: a second environment on one file in one process is forbidden. */
struct raw {
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
};

static struct raw raw_begin(const char *db)
{
	struct raw r = { 0 };
	char path[256];

	store_close(k.store);
	k.store = NULL;
	snprintf(path, sizeof(path), "%s/" KIT_SERIAL, k.dir);
	ck_assert_int_eq(mdb_env_create(&r.env), 0);
	ck_assert_int_eq(mdb_env_set_maxdbs(r.env, 8), 0);
	ck_assert_int_eq(mdb_env_set_mapsize(r.env, 64 << 20), 0);
	ck_assert_int_eq(mdb_env_open(r.env, path, MDB_NOTLS | MDB_NOSYNC, 0600), 0);
	ck_assert_int_eq(mdb_txn_begin(r.env, NULL, 0, &r.txn), 0);
	ck_assert_int_eq(mdb_dbi_open(r.txn, db, MDB_CREATE, &r.dbi), 0);
	return r;
}

static void raw_end(struct raw *r)
{
	ck_assert_int_eq(mdb_txn_commit(r->txn), 0);
	mdb_env_close(r->env);
}

static int reopen(void)
{
	return store_open(k.dir, KIT_SERIAL, &k.options, &k.store);
}

/* A copy of the record under key id x 16; the caller frees. */
static uint8_t *raw_get(struct raw *r, uint8_t id, size_t *ret_n)
{
	uint8_t full[STORE_ID_LEN];
	MDB_val key = { sizeof(full), full }, value;

	memset(full, id, sizeof(full));
	ck_assert_int_eq(mdb_get(r->txn, r->dbi, &key, &value), 0);
	uint8_t *copy = malloc(value.mv_size);
	ck_assert_ptr_nonnull(copy);
	memcpy(copy, value.mv_data, value.mv_size);
	*ret_n = value.mv_size;
	return copy;
}

static void raw_put(struct raw *r, uint8_t id, const uint8_t *p, size_t n)
{
	uint8_t full[STORE_ID_LEN];
	MDB_val key = { sizeof(full), full }, value = { n, (void *)p };

	memset(full, id, sizeof(full));
	ck_assert_int_eq(mdb_put(r->txn, r->dbi, &key, &value, 0), 0);
}

/* R6.1: no byte of a record can be changed without the object being refused; round 1: by its seals alone. */
START_TEST(no_byte_of_a_record_can_be_changed)
{
	k.bare = _i;
	uint8_t *copy = NULL;
	size_t n = 0;

	ck_assert_int_eq(kit_put(&k, 1, true, "body", "secret", "PK"), STORE_OK);
	for (size_t at = 0; at == 0 || at < n; at++) {
		struct raw r = raw_begin("objects");
		if (!copy)
			copy = raw_get(&r, 1, &n);
		copy[at] ^= 0x01;
		raw_put(&r, 1, copy, n);
		copy[at] ^= 0x01;
		raw_end(&r);
		ck_assert_int_eq(reopen(), STORE_OK);
		int rc = kit_get(&k, 1, "body", "secret");
		ck_assert_msg(rc == STORE_ECORRUPT || rc == STORE_EFOREIGN, "byte %zu: %d", at, rc);
	}
	ck_assert_uint_gt(n, 80);
	for (size_t cut = 0; cut <= n + 1; cut += 7) {
		struct raw r = raw_begin("objects");
		uint8_t *longer = calloc(1, n + 8);
		ck_assert_ptr_nonnull(longer);
		memcpy(longer, copy, n);
		raw_put(&r, 1, longer, cut == n ? n + 1 : cut);
		free(longer);
		raw_end(&r);
		ck_assert_int_eq(reopen(), STORE_OK);
		int rc = kit_get(&k, 1, "body", "secret");
		ck_assert_msg(rc == STORE_ECORRUPT, "length %zu: %d", cut, rc);
	}
	free(copy);
}
END_TEST

START_TEST(record_under_another_id_is_refused)
{
	k.bare = _i;
	size_t n = 0;

	ck_assert_int_eq(kit_put(&k, 1, true, "body 1", "secret 1", "PK"), STORE_OK);
	ck_assert_int_eq(kit_put(&k, 2, true, "body 2", "secret 2", "PK"), STORE_OK);
	struct raw r = raw_begin("objects");
	uint8_t *copy = raw_get(&r, 1, &n);
	raw_put(&r, 2, copy, n);
	raw_put(&r, 3, copy, n);
	free(copy);
	raw_end(&r);
	ck_assert_int_eq(reopen(), STORE_OK);
	ck_assert_int_eq(kit_get(&k, 1, "body 1", "secret 1"), STORE_OK);
	ck_assert_int_eq(kit_get(&k, 2, "body 1", "secret 1"), STORE_ECORRUPT);
	ck_assert_int_eq(kit_get(&k, 3, "body 1", "secret 1"), STORE_ECORRUPT);
}
END_TEST

/* The parts of one record do not go together with those of another version or object. */
START_TEST(old_record_put_back_alone_is_refused)
{
	size_t n = 0;

	ck_assert_int_eq(kit_put(&k, 1, true, "old", "secret", "OLD"), STORE_OK);
	struct raw r = raw_begin("objects");
	uint8_t *copy = raw_get(&r, 1, &n);
	raw_end(&r);
	ck_assert_int_eq(reopen(), STORE_OK);
	ck_assert_int_eq(kit_put(&k, 1, true, "new", "secret", "NEW"), STORE_OK);
	r = raw_begin("objects");
	raw_put(&r, 1, copy, n);
	free(copy);
	raw_end(&r);
	ck_assert_int_eq(reopen(), STORE_OK);
	ck_assert_int_eq(kit_get(&k, 1, "old", "secret"), STORE_ECORRUPT);
	ck_assert_int_eq(kit_get(&k, 1, "new", "secret"), STORE_ECORRUPT);
	/* A find goes by the directory, which knows the object as it is. */
	ck_assert_int_eq(kit_find(&k, "OLD", NULL), 0);
	ck_assert_int_eq(kit_find(&k, "NEW", NULL), 1);
	ck_assert_int_eq(kit_put(&k, 1, true, "newer", "secret", "NEW"), STORE_ECORRUPT);
	ck_assert_int_eq(kit_del(&k, 1), STORE_ECORRUPT);
}
END_TEST

START_TEST(record_of_another_token_is_refused)
{
	k.bare = _i;
	static const char other_serial[] = "00112233445566bb";
	struct store *other = NULL, *mine = k.store;
	size_t n = 0;

	/* The same keys on purpose: only the serial number differs. */
	ck_assert_int_eq(store_create(k.dir, other_serial, VIEW_STR("m"), &k.options), STORE_OK);
	ck_assert_int_eq(store_open(k.dir, other_serial, &k.options, &other), STORE_OK);
	k.store = other;
	ck_assert_int_eq(kit_put(&k, 1, true, "body", "secret", "PK"), STORE_OK);
	ck_assert_int_eq(kit_get(&k, 1, "body", "secret"), STORE_OK);
	store_close(other);

	char path[256];
	struct raw r = { 0 };
	snprintf(path, sizeof(path), "%s/%s", k.dir, other_serial);
	ck_assert_int_eq(mdb_env_create(&r.env), 0);
	ck_assert_int_eq(mdb_env_set_maxdbs(r.env, 8), 0);
	ck_assert_int_eq(mdb_env_open(r.env, path, MDB_NOTLS, 0600), 0);
	ck_assert_int_eq(mdb_txn_begin(r.env, NULL, MDB_RDONLY, &r.txn), 0);
	ck_assert_int_eq(mdb_dbi_open(r.txn, "objects", 0, &r.dbi), 0);
	uint8_t *copy = raw_get(&r, 1, &n);
	raw_end(&r);

	k.store = mine;
	r = raw_begin("objects");
	raw_put(&r, 1, copy, n);
	free(copy);
	raw_end(&r);
	ck_assert_int_eq(reopen(), STORE_OK);
	ck_assert_int_eq(kit_get(&k, 1, "body", "secret"), STORE_ECORRUPT);
}
END_TEST

/* An object is not deleted when one of its entries is not what was written. */
static bool refuses_delete(uint8_t id)
{
	struct store_txn *t = NULL;
	uint8_t full[STORE_ID_LEN];

	memset(full, id, sizeof(full));
	ck_assert_int_eq(store_begin(k.store, true, &t), STORE_OK);
	int rc = store_object_del(t, &k.crypto, full);
	store_abort(t);
	ck_assert(rc == STORE_OK || rc == STORE_ECORRUPT);
	return rc != STORE_OK;
}

/* Whatever is done to an index entry, a find names no wrong object: it finds less, or says STORE_ECORRUPT. */
START_TEST(no_byte_of_an_index_entry_can_be_changed)
{
	int refused = 0;

	ck_assert_int_eq(kit_put(&k, 1, true, "body", "secret", "PK"), STORE_OK);
	ck_assert_int_eq(kit_put(&k, 2, true, "body", "secret", "MAK"), STORE_OK);
	for (size_t at = 0; at < ENTRY_KEY + ENTRY_VALUE; at++) {
		uint8_t key_bytes[ENTRY_KEY], value_bytes[ENTRY_VALUE];
		MDB_cursor *cursor = NULL;
		MDB_val key, value;
		struct raw r = raw_begin("index");
		ck_assert_int_eq(mdb_cursor_open(r.txn, r.dbi, &cursor), 0);
		/* Behind the entries stand the nodes of the directory. */
		for (int rc = mdb_cursor_get(cursor, &key, &value, MDB_LAST); key.mv_size != ENTRY_KEY;
		     rc = mdb_cursor_get(cursor, &key, &value, MDB_PREV))
			ck_assert_int_eq(rc, 0);
		ck_assert_uint_eq(key.mv_size, sizeof(key_bytes));
		ck_assert_uint_eq(value.mv_size, sizeof(value_bytes));
		memcpy(key_bytes, key.mv_data, sizeof(key_bytes));
		memcpy(value_bytes, value.mv_data, sizeof(value_bytes));
		mdb_cursor_close(cursor);
		uint8_t good_key[ENTRY_KEY], good_value[ENTRY_VALUE];
		memcpy(good_key, key_bytes, sizeof(good_key));
		memcpy(good_value, value_bytes, sizeof(good_value));
		*(at < ENTRY_KEY ? key_bytes + at : value_bytes + (at - ENTRY_KEY)) ^= 0x03;
		MDB_val old_key = { sizeof(good_key), good_key };
		ck_assert_int_eq(mdb_del(r.txn, r.dbi, &old_key, NULL), 0);
		MDB_val bad_key = { sizeof(key_bytes), key_bytes }, bad_value = { sizeof(value_bytes), value_bytes };
		ck_assert_int_eq(mdb_put(r.txn, r.dbi, &bad_key, &bad_value, 0), 0);
		raw_end(&r);
		ck_assert_int_eq(reopen(), STORE_OK);
		int one = kit_find(&k, "PK", NULL), two = kit_find(&k, "MAK", NULL);
		ck_assert_msg(one == 1 || one == 0 || one == STORE_ECORRUPT, "byte %zu: %d", at, one);
		ck_assert_msg(two == 1 || two == 0 || two == STORE_ECORRUPT, "byte %zu: %d", at, two);
		ck_assert_msg(one != 1 || two != 1, "byte %zu", at);
		refused += one < 0 || two < 0;
		ck_assert(refuses_delete(1) || refuses_delete(2));

		r = raw_begin("index");
		ck_assert_int_eq(mdb_del(r.txn, r.dbi, &bad_key, NULL), 0);
		MDB_val good = { sizeof(good_value), good_value };
		ck_assert_int_eq(mdb_put(r.txn, r.dbi, &old_key, &good, 0), 0);
		raw_end(&r);
		ck_assert_int_eq(reopen(), STORE_OK);
		ck_assert_int_eq(kit_find(&k, "PK", NULL) + kit_find(&k, "MAK", NULL), 2);
	}
	ck_assert_int_gt(refused, 16);
}
END_TEST

static off_t file_size(const char *path)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	return st.st_size;
}

/* A file shorter than it says would be SIGBUS inside LMDB. */
START_TEST(truncated_file_is_refused)
{
	char body[8192];

	memset(body, 'x', sizeof(body) - 1);
	body[sizeof(body) - 1] = 0;
	for (int i = 0; i < 40; i++)
		ck_assert_int_eq(kit_put(&k, (uint8_t)i, true, body, NULL, "L"), STORE_OK);
	store_close(k.store);
	k.store = NULL;
	off_t whole = file_size(k.data_file);
	static const off_t sizes[] = { 100000, 16384, 8192, 8191, 4096, 100, 0 };
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		ck_assert_int_lt(sizes[i], whole);
		ck_assert_int_eq(truncate(k.data_file, sizes[i]), 0);
		ck_assert_int_eq(reopen(), STORE_ECORRUPT);
	}
	ck_assert_ptr_null(k.store);
}
END_TEST

/* Transactions that take pages and give them back leave a file that still opens. */
START_TEST(file_is_never_shorter_than_it_says)
{
	char *body = malloc(100001);

	ck_assert_ptr_nonnull(body);
	memset(body, 'x', 60000);
	body[60000] = 0;
	for (int round = 0; round < 10; round++) {
		struct store_txn *t = NULL;
		struct store_object o = { .body = view_of_string(body) };
		ck_assert_int_eq(store_begin(k.store, true, &t), STORE_OK);
		for (int i = 0; i < 20; i++) {
			memset(o.id, i, sizeof(o.id));
			ck_assert_int_eq(store_object_put(t, &k.crypto, &o), STORE_OK);
		}
		if (round % 2)
			ck_assert_int_eq(store_wipe(t), STORE_OK);
		for (int i = 0; i < 20 && round % 2 == 0; i++) {
			memset(o.id, i, sizeof(o.id));
			ck_assert_int_eq(store_object_del(t, &k.crypto, o.id), STORE_OK);
		}
		ck_assert_int_eq(store_commit(t), STORE_OK);
		store_close(k.store);
		k.store = NULL;
		ck_assert_int_eq(reopen(), STORE_OK);
	}
	free(body);
}
END_TEST

static void write_file(const char *path, const void *p, size_t n, off_t at)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, p, n, at), (ssize_t)n);
	close(fd);
}

START_TEST(foreign_files_are_refused)
{
	char text[16384];

	/* Something else altogether. */
	store_close(k.store);
	k.store = NULL;
	memset(text, 'x', sizeof(text));
	uint8_t meta[2][4096];
	int fd = open(k.data_file, O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(pread(fd, meta, sizeof(meta), 0), (ssize_t)sizeof(meta));
	close(fd);
	write_file(k.data_file, text, 4096, 0);
	ck_assert_int_eq(reopen(), STORE_EFOREIGN);
	write_file(k.data_file, meta[0], 4096, 0);
	/* The second meta page damaged. */
	write_file(k.data_file, text, 4096, 4096);
	ck_assert_int_eq(reopen(), STORE_ECORRUPT);
	write_file(k.data_file, meta[1], 4096, 4096);
	ck_assert_int_eq(reopen(), STORE_OK);

	/* An LMDB file of another program; a schema of the future; a directory under another serial number. */
	MDB_val key = { 5, (void *)"store" }, value;
	struct raw r = raw_begin("meta");
	uint8_t record[22];
	ck_assert_int_eq(mdb_get(r.txn, r.dbi, &key, &value), 0);
	ck_assert_uint_eq(value.mv_size, sizeof(record));
	memcpy(record, value.mv_data, sizeof(record));
	ck_assert_int_eq(mdb_del(r.txn, r.dbi, &key, NULL), 0);
	raw_end(&r);
	ck_assert_int_eq(reopen(), STORE_EFOREIGN);
	for (size_t i = 0; i < sizeof(record); i++) {
		r = raw_begin("meta");
		record[i] ^= 2;
		MDB_val bad = { sizeof(record), record };
		ck_assert_int_eq(mdb_put(r.txn, r.dbi, &key, &bad, 0), 0);
		raw_end(&r);
		record[i] ^= 2;
		ck_assert_int_eq(reopen(), STORE_EFOREIGN);
	}
	r = raw_begin("meta");
	MDB_val good = { sizeof(record), record };
	ck_assert_int_eq(mdb_put(r.txn, r.dbi, &key, &good, 0), 0);
	raw_end(&r);
	ck_assert_int_eq(reopen(), STORE_OK);
	r = raw_begin("users");
	ck_assert_int_eq(mdb_drop(r.txn, r.dbi, 1), 0);
	raw_end(&r);
	ck_assert_int_eq(reopen(), STORE_EFOREIGN);
}
END_TEST

START_TEST(wrong_modes_and_owners_are_refused)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/" KIT_SERIAL, k.dir);
	store_close(k.store);
	k.store = NULL;
	ck_assert_int_eq(chmod(k.data_file, 0640), 0);
	ck_assert_int_eq(reopen(), STORE_EACCESS);
	ck_assert_int_eq(chmod(k.data_file, 0400), 0);
	ck_assert_int_eq(reopen(), STORE_EACCESS);
	ck_assert_int_eq(chmod(k.data_file, 0600), 0);
	ck_assert_int_eq(chmod(path, 0750), 0);
	ck_assert_int_eq(reopen(), STORE_EACCESS);
	ck_assert_int_eq(chmod(path, 0700), 0);
	ck_assert_int_eq(chmod(k.dir, 0770), 0);
	ck_assert_int_eq(reopen(), STORE_EACCESS);
	ck_assert_int_eq(store_create(k.dir, "0000000000000000", VIEW_STR("x"), NULL), STORE_EACCESS);
	ck_assert_int_eq(chmod(k.dir, 0700), 0);
	if (geteuid() == 0) {
		ck_assert_int_eq(chown(k.data_file, 12345, (gid_t)-1), 0);
		ck_assert_int_eq(reopen(), STORE_EACCESS);
		ck_assert_int_eq(chown(k.data_file, 0, (gid_t)-1), 0);
	}
	ck_assert_int_eq(reopen(), STORE_OK);
	store_close(k.store);
	k.store = NULL;

	/* A data file that is a link to another. */
	char moved[256];
	snprintf(moved, sizeof(moved), "%s/elsewhere", k.dir);
	ck_assert_int_eq(rename(k.data_file, moved), 0);
	ck_assert_int_eq(symlink(moved, k.data_file), 0);
	ck_assert_int_eq(reopen(), STORE_EFOREIGN);
}
END_TEST

/* As a user who may only read the directory: creating fails cleanly and leaves nothing. */
START_TEST(read_only_directory_cannot_create)
{
	char path[256];
	int status = -1;

	snprintf(path, sizeof(path), "%s/ro", k.dir);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	ck_assert_int_eq(chmod(k.dir, 0755), 0);
	if (geteuid() != 0)
		ck_assert_int_eq(chmod(path, 0555), 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
			_exit(100);
		_exit(-store_create(path, KIT_SERIAL, VIEW_STR("x"), NULL));
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(-WEXITSTATUS(status), STORE_EACCESS);
	ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store_fault");
	TCase *c = tcase_create("store_fault");

	tcase_set_timeout(c, 120);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, no_byte_of_a_record_can_be_changed, 0, 2);
	tcase_add_loop_test(c, record_under_another_id_is_refused, 0, 2);
	tcase_add_test(c, old_record_put_back_alone_is_refused);
	tcase_add_loop_test(c, record_of_another_token_is_refused, 0, 2);
	tcase_add_test(c, no_byte_of_an_index_entry_can_be_changed);
	tcase_add_test(c, truncated_file_is_refused);
	tcase_add_test(c, file_is_never_shorter_than_it_says);
	tcase_add_test(c, foreign_files_are_refused);
	tcase_add_test(c, wrong_modes_and_owners_are_refused);
	tcase_add_test(c, read_only_directory_cannot_create);
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
