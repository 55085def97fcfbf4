/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_kit.h"
#include "temp.h"

static struct store_kit k;

static void setup(void)
{
	kit_init(&k, 0);
}

static void teardown(void)
{
	kit_done(&k);
}

static void note_serial(void *ctx, const char *serial)
{
	char *names = ctx;

	strcat(names, serial);
	strcat(names, " ");
}

/* R6.1 */
START_TEST(create_makes_a_private_directory)
{
	char path[256], names[128] = "";
	struct stat st;

	snprintf(path, sizeof(path), "%s/" KIT_SERIAL, k.dir);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	ck_assert_int_eq(stat(k.data_file, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(store_create(k.dir, KIT_SERIAL, VIEW_STR("x"), NULL), STORE_EEXIST);
	ck_assert_int_eq(store_create(k.dir, "00112233445566AA", VIEW_STR("y"), NULL), STORE_OK);
	ck_assert_int_eq(store_create(k.dir, "../2233445566AAb", VIEW_STR("y"), NULL), STORE_EINVAL);
	ck_assert_int_eq(store_create(k.dir, "0011", VIEW_STR("y"), NULL), STORE_EINVAL);

	/* What a killed store_create leaves behind is passed over. */
	snprintf(path, sizeof(path), "%s/.new-0000000000000000-1", k.dir);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/0000000000000000", k.dir);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(store_list(k.dir, note_serial, names), STORE_OK);
	ck_assert_str_eq(names, "00112233445566AA 00112233445566aa ");
	snprintf(path, sizeof(path), "%s/nowhere", k.dir);
	ck_assert_int_eq(store_list(path, note_serial, names), STORE_ENOTFOUND);
}
END_TEST

START_TEST(create_makes_missing_parents)
{
	char path[256];
	struct store *s = NULL;

	snprintf(path, sizeof(path), "%s/a/b", k.dir);
	ck_assert_int_eq(store_create(path, KIT_SERIAL, VIEW_STR("x"), NULL), STORE_OK);
	ck_assert_int_eq(store_open(path, KIT_SERIAL, NULL, &s), STORE_OK);
	store_close(s);
	ck_assert_int_eq(store_open(path, "0000000000000000", NULL, &s), STORE_ENOTFOUND);
}
END_TEST

START_TEST(open_answers_the_open_environment)
{
	struct store *again = NULL;
	char link[256];

	ck_assert_int_eq(store_open(k.dir, KIT_SERIAL, &k.options, &again), STORE_OK);
	ck_assert_ptr_eq(again, k.store);
	store_close(again);
	/* Another name of the same directory is the same file. */
	snprintf(link, sizeof(link), "%s/link", k.dir);
	ck_assert_int_eq(symlink(k.dir, link), 0);
	ck_assert_int_eq(store_open(link, KIT_SERIAL, &k.options, &again), STORE_OK);
	ck_assert_ptr_eq(again, k.store);
	store_close(again);
	ck_assert_int_eq(kit_put(&k, 1, false, "b", NULL, "l"), STORE_OK);
}
END_TEST

START_TEST(meta_and_users_are_kept)
{
	struct store_txn *t = NULL;
	struct view v;
	uint8_t id[STORE_ID_LEN] = { 7 };

	ck_assert_int_eq(store_begin(k.store, true, &t), STORE_OK);
	ck_assert_int_eq(store_meta_get(t, "token", &v), STORE_OK);
	ck_assert(view_equal(v, VIEW_STR("meta of the token")));
	ck_assert_int_eq(store_meta_get(t, "nothing", &v), STORE_ENOTFOUND);
	ck_assert_int_eq(store_meta_put(t, "token", VIEW_STR("new")), STORE_OK);
	ck_assert_int_eq(store_meta_put(t, "store", VIEW_STR("new")), STORE_EINVAL);
	ck_assert_int_eq(store_user_get(t, id, &v), STORE_ENOTFOUND);
	ck_assert_int_eq(store_user_put(t, id, VIEW_STR("user")), STORE_OK);
	ck_assert_int_eq(store_commit(t), STORE_OK);

	ck_assert_int_eq(store_begin(k.store, false, &t), STORE_OK);
	ck_assert_int_eq(store_meta_get(t, "token", &v), STORE_OK);
	ck_assert(view_equal(v, VIEW_STR("new")));
	ck_assert_int_eq(store_user_get(t, id, &v), STORE_OK);
	ck_assert(view_equal(v, VIEW_STR("user")));
	ck_assert_int_eq(store_user_put(t, id, VIEW_STR("no")), STORE_EINVAL);
	ck_assert_int_eq(store_user_del(t, id), STORE_EINVAL);
	store_abort(t);
}
END_TEST

START_TEST(objects_live_from_put_to_delete)
{
	uint8_t first = 0;

	ck_assert_int_eq(kit_get(&k, 1, "body", "secret"), STORE_ENOTFOUND);
	ck_assert_int_eq(kit_del(&k, 1), STORE_ENOTFOUND);
	ck_assert_int_eq(kit_put(&k, 1, true, "body", "secret", "PK"), STORE_OK);
	ck_assert_int_eq(kit_put(&k, 2, false, "open body", NULL, "PK"), STORE_OK);
	ck_assert_int_eq(kit_put(&k, 3, false, "other", "guarded", NULL), STORE_OK);
	ck_assert_int_eq(kit_get(&k, 1, "body", "secret"), STORE_OK);
	ck_assert_int_eq(kit_get(&k, 2, "open body", NULL), STORE_OK);
	ck_assert_int_eq(kit_get(&k, 3, "other", "guarded"), STORE_OK);
	ck_assert_int_eq(kit_find(&k, "PK", NULL), 2);
	ck_assert_int_eq(kit_find(&k, "P", NULL), 0);
	ck_assert_int_eq(kit_count(&k), 3);

	/* A replaced object is found by its new label only. */
	ck_assert_int_eq(kit_put(&k, 1, true, "body 2", NULL, "MAK"), STORE_OK);
	ck_assert_int_eq(kit_get(&k, 1, "body 2", NULL), STORE_OK);
	ck_assert_int_eq(kit_find(&k, "PK", &first), 1);
	ck_assert_uint_eq(first, 2);
	ck_assert_int_eq(kit_find(&k, "MAK", &first), 1);
	ck_assert_uint_eq(first, 1);
	/* ... and may change its domain. */
	ck_assert_int_eq(kit_put(&k, 1, false, "body 3", NULL, "MAK"), STORE_OK);
	ck_assert_int_eq(kit_find(&k, "MAK", NULL), 1);

	ck_assert_int_eq(kit_del(&k, 1), STORE_OK);
	ck_assert_int_eq(kit_find(&k, "MAK", NULL), 0);
	ck_assert_int_eq(kit_get(&k, 1, "body 3", NULL), STORE_ENOTFOUND);
	ck_assert_int_eq(kit_count(&k), 2);
}
END_TEST

START_TEST(version_counts_and_survives_reopening)
{
	struct store_txn *t = NULL;
	uint8_t id[STORE_ID_LEN];
	uint64_t version = 0;

	memset(id, 1, sizeof(id));
	uint64_t before = store_sequence(k.store);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(kit_put(&k, 1, true, "body", "secret", "PK"), STORE_OK);
	ck_assert_uint_eq(store_sequence(k.store), before + 5);
	store_close(k.store);
	k.store = NULL;
	ck_assert_int_eq(store_open(k.dir, KIT_SERIAL, &k.options, &k.store), STORE_OK);
	ck_assert_uint_eq(store_sequence(k.store), before + 5);
	ck_assert_int_eq(store_begin(k.store, false, &t), STORE_OK);
	ck_assert_int_eq(store_object_version(t, id, &version), STORE_OK);
	ck_assert_uint_eq(version, 5);
	store_abort(t);
	ck_assert_int_eq(kit_get(&k, 1, "body", "secret"), STORE_OK);
}
END_TEST

/* R6.1 */
START_TEST(private_objects_are_sealed_without_the_key)
{
	ck_assert_int_eq(kit_put(&k, 1, true, "body", "secret", "PK"), STORE_OK);
	ck_assert_int_eq(kit_put(&k, 2, false, "open", NULL, "PK"), STORE_OK);
	ck_assert_int_eq(kit_put(&k, 3, false, "guarded", "secret", "PK"), STORE_OK);
	k.seal.locked = true;
	ck_assert_int_eq(kit_get(&k, 1, "body", "secret"), STORE_ESEALED);
	ck_assert_int_eq(kit_get(&k, 2, "open", NULL), STORE_OK);
	ck_assert_int_eq(kit_get(&k, 3, "guarded", "secret"), STORE_ESEALED);
	ck_assert_int_eq(kit_find(&k, "PK", NULL), 2);
	ck_assert_int_eq(kit_put(&k, 4, true, "new", NULL, "PK"), STORE_ESEALED);
	ck_assert_int_eq(kit_put(&k, 1, false, "open", NULL, "PK"), STORE_ESEALED);
	ck_assert_int_eq(kit_del(&k, 1), STORE_ESEALED);
	ck_assert_int_eq(kit_del(&k, 2), STORE_OK);
	k.seal.locked = false;
	ck_assert_int_eq(kit_get(&k, 1, "body", "secret"), STORE_OK);
	ck_assert_int_eq(kit_find(&k, "PK", NULL), 2);
}
END_TEST

START_TEST(wrong_key_opens_nothing)
{
	ck_assert_int_eq(kit_put(&k, 1, true, "body", "secret", "PK"), STORE_OK);
	k.seal.key[STORE_SECRET][0] ^= 1;
	ck_assert_int_eq(kit_get(&k, 1, "body", "secret"), STORE_ECORRUPT);
	k.seal.key[STORE_SECRET][0] ^= 1;
	k.seal.key[STORE_PRIVATE][0] ^= 1;
	ck_assert_int_eq(kit_get(&k, 1, "body", "secret"), STORE_ECORRUPT);
	ck_assert_int_eq(kit_find(&k, "PK", NULL), 0);
	ck_assert_int_eq(kit_put(&k, 1, true, "body 2", NULL, "PK"), STORE_ECORRUPT);
	ck_assert_int_eq(kit_del(&k, 1), STORE_ECORRUPT);
	k.seal.key[STORE_PRIVATE][0] ^= 1;
	ck_assert_int_eq(kit_get(&k, 1, "body", "secret"), STORE_OK);
}
END_TEST

/* R6.1: LMDB keeps old pages in the file, so nothing may ever stand there in the clear. */
START_TEST(file_never_holds_a_sealed_text)
{
	char body[64], secret[64], label[64];

	for (int i = 0; i < 50; i++) {
		snprintf(body, sizeof(body), "BODYTEXT-%d", i);
		snprintf(secret, sizeof(secret), "SECRETTEXT-%d", i);
		snprintf(label, sizeof(label), "LABELTEXT-%d", i);
		ck_assert_int_eq(kit_put(&k, (uint8_t)(i % 5), i % 2, body, secret, label), STORE_OK);
	}
	FILE *f = fopen(k.data_file, "re");
	ck_assert_ptr_nonnull(f);
	fseek(f, 0, SEEK_END);
	size_t n = (size_t)ftell(f);
	rewind(f);
	char *all = malloc(n);
	ck_assert_ptr_nonnull(all);
	ck_assert_uint_eq(fread(all, 1, n, f), n);
	fclose(f);
	ck_assert_ptr_nonnull(memmem(all, n, "meta of the token", 17));
	ck_assert_ptr_null(memmem(all, n, "BODYTEXT", 8));
	ck_assert_ptr_null(memmem(all, n, "SECRETTEXT", 10));
	ck_assert_ptr_null(memmem(all, n, "LABELTEXT", 9));
	free(all);
}
END_TEST

START_TEST(abort_and_failed_write_change_nothing)
{
	struct store_object o = { .private = true };
	struct store_txn *t = NULL;

	memset(o.id, 1, sizeof(o.id));
	o.body = VIEW_STR("body");
	ck_assert_int_eq(store_begin(k.store, true, &t), STORE_OK);
	ck_assert_int_eq(store_object_put(t, &k.crypto, &o), STORE_OK);
	store_abort(t);
	ck_assert_int_eq(kit_count(&k), 0);

	ck_assert_int_eq(store_begin(k.store, true, &t), STORE_OK);
	o.body.n = (size_t)257 << 10;
	ck_assert_int_eq(store_object_put(t, &k.crypto, &o), STORE_EINVAL);
	store_abort(t);
	store_abort(NULL);
	ck_assert_int_eq(kit_count(&k), 0);
}
END_TEST

START_TEST(read_transaction_keeps_its_picture)
{
	struct store_txn *t = NULL;
	uint8_t id[STORE_ID_LEN];
	uint64_t version = 0;

	memset(id, 1, sizeof(id));
	for (int round = 0; round < 3; round++) {
		ck_assert_int_eq(kit_put(&k, 1, true, "old", NULL, "PK"), STORE_OK);
		ck_assert_int_eq(store_begin(k.store, false, &t), STORE_OK);
		ck_assert_int_eq(store_object_version(t, id, &version), STORE_OK);
		uint64_t before = version;
		ck_assert_int_eq(kit_put(&k, 1, true, "new", NULL, "PK"), STORE_OK);
		ck_assert_int_eq(store_object_version(t, id, &version), STORE_OK);
		ck_assert_uint_eq(version, before);
		ck_assert_int_eq(store_commit(t), STORE_OK);
		ck_assert_int_eq(kit_get(&k, 1, "new", NULL), STORE_OK);
	}
}
END_TEST

START_TEST(audit_is_numbered_from_one)
{
	struct store_txn *t = NULL;
	uint64_t n = 0;
	struct view v;

	ck_assert_int_eq(store_begin(k.store, true, &t), STORE_OK);
	ck_assert_int_eq(store_audit_last(t, &n, &v), STORE_ENOTFOUND);
	for (uint64_t i = 1; i <= 300; i++) {
		ck_assert_int_eq(store_audit_append(t, VIEW(&i, sizeof(i)), &n), STORE_OK);
		ck_assert_uint_eq(n, i);
	}
	ck_assert_int_eq(store_commit(t), STORE_OK);
	ck_assert_int_eq(store_begin(k.store, true, &t), STORE_OK);
	ck_assert_int_eq(store_wipe(t), STORE_OK);
	ck_assert_int_eq(store_audit_last(t, &n, &v), STORE_OK);
	ck_assert_uint_eq(n, 300);
	ck_assert_int_eq(store_audit_get(t, 257, &v), STORE_OK);
	ck_assert_uint_eq(v.n, 8);
	uint64_t stored;
	memcpy(&stored, v.p, sizeof(stored));
	ck_assert_uint_eq(stored, 257);
	ck_assert_int_eq(store_audit_get(t, 301, &v), STORE_ENOTFOUND);
	store_abort(t);
}
END_TEST

START_TEST(wipe_removes_users_and_objects)
{
	struct store_txn *t = NULL;
	struct view v;
	uint8_t id[STORE_ID_LEN] = { 7 };

	ck_assert_int_eq(kit_put(&k, 1, true, "body", "secret", "PK"), STORE_OK);
	ck_assert_int_eq(store_begin(k.store, true, &t), STORE_OK);
	ck_assert_int_eq(store_user_put(t, id, VIEW_STR("user")), STORE_OK);
	ck_assert_int_eq(store_commit(t), STORE_OK);
	ck_assert_int_eq(store_begin(k.store, true, &t), STORE_OK);
	ck_assert_int_eq(store_wipe(t), STORE_OK);
	ck_assert_int_eq(store_user_get(t, id, &v), STORE_ENOTFOUND);
	ck_assert_int_eq(store_meta_get(t, "token", &v), STORE_OK);
	ck_assert_int_eq(store_commit(t), STORE_OK);
	ck_assert_int_eq(kit_count(&k), 0);
	ck_assert_int_eq(kit_find(&k, "PK", NULL), 0);
}
END_TEST

/* A full map refuses the write with STORE_EFULL, keeps what was committed; a larger map goes on. */
START_TEST(full_map_keeps_what_was_committed)
{
	struct store_kit small;
	char body[8192];
	int put = 0, rc = STORE_OK;

	memset(body, 'x', sizeof(body) - 1);
	body[sizeof(body) - 1] = 0;
	kit_init(&small, 512 << 10);
	while (put < 200 && !(rc = kit_put(&small, (uint8_t)put, true, body, NULL, "L")))
		put++;
	ck_assert_int_eq(rc, STORE_EFULL);
	ck_assert_int_gt(put, 10);
	ck_assert_int_eq(kit_count(&small), put);
	ck_assert_int_eq(kit_find(&small, "L", NULL), put);
	for (int i = 0; i < put; i++)
		ck_assert_int_eq(kit_get(&small, (uint8_t)i, body, NULL), STORE_OK);
	store_close(small.store);
	small.store = NULL;
	small.options.map_size = 0;
	ck_assert_int_eq(store_open(small.dir, KIT_SERIAL, &small.options, &small.store), STORE_OK);
	ck_assert_int_eq(kit_del(&small, 0), STORE_OK);
	ck_assert_int_eq(kit_put(&small, 1, true, "short", NULL, "L"), STORE_OK);
	ck_assert_int_eq(kit_count(&small), put - 1);
	kit_done(&small);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store");
	TCase *c = tcase_create("store");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, create_makes_a_private_directory);
	tcase_add_test(c, create_makes_missing_parents);
	tcase_add_test(c, open_answers_the_open_environment);
	tcase_add_test(c, meta_and_users_are_kept);
	tcase_add_test(c, objects_live_from_put_to_delete);
	tcase_add_test(c, version_counts_and_survives_reopening);
	tcase_add_test(c, private_objects_are_sealed_without_the_key);
	tcase_add_test(c, wrong_key_opens_nothing);
	tcase_add_test(c, file_never_holds_a_sealed_text);
	tcase_add_test(c, abort_and_failed_write_change_nothing);
	tcase_add_test(c, read_transaction_keeps_its_picture);
	tcase_add_test(c, audit_is_numbered_from_one);
	tcase_add_test(c, wipe_removes_users_and_objects);
	tcase_add_test(c, full_map_keeps_what_was_committed);
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
