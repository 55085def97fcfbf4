/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk.h"
#include "store_kit.h"
#include "temp.h"

/*
 * The power goes: what the disk was told is kept, call by call, while threads write; then, for each moment, a file is
 * made as the disk may have it: all that was made to last, and of the rest any pages. It must open, hold what was
 * acknowledged by then and nothing that was not begun, and be sound.
 */
#define THREADS 3
#define CHANGES 14
#define PAGE 4096

struct event {
	enum disk_what what;
	uint8_t *p;
	size_t n;
	off_t at;
	bool lasting;
};

static struct store_kit k;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct event *events;
static size_t count, room;
/* When the change of an object began and was acknowledged: the number of events by then. */
static size_t begun[THREADS][CHANGES + 1], acked[THREADS][CHANGES + 1];

static bool is_data(int fd)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(k.data_file, &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

static void keep(const struct disk_event *e)
{
	if (!is_data(e->fd))
		return;
	pthread_mutex_lock(&mutex);
	if (count == room) {
		room = room * 2 + 64;
		events = realloc(events, room * sizeof(*events));
		ck_assert_ptr_nonnull(events);
	}
	struct event *to = &events[count++];
	*to = (struct event){ e->what, NULL, e->n, e->at, e->lasting };
	if (e->what == DISK_WROTE) {
		to->p = malloc(e->n);
		ck_assert_ptr_nonnull(to->p);
		memcpy(to->p, e->p, e->n);
	}
	pthread_mutex_unlock(&mutex);
}

static size_t now(void)
{
	pthread_mutex_lock(&mutex);
	size_t n = count;
	pthread_mutex_unlock(&mutex);
	return n;
}

/* Of a length that takes other pages each time, some of them pages of their own. */
static void body_of(unsigned object, unsigned version, char ret[12000])
{
	unsigned n = 10 + (object * 7919 + version * 104729) % (version % 5 == 0 ? 11000 : 900);

	snprintf(ret, 12000, "%u %u ", object, version);
	for (size_t i = strlen(ret); i < n; i++)
		ret[i] = (char)('a' + (i + version) % 26), ret[i + 1] = 0;
}

static void *changes(void *arg)
{
	unsigned object = *(unsigned *)arg;
	char body[12000], label[16];

	for (unsigned v = 1; v <= CHANGES; v++) {
		body_of(object, v, body);
		snprintf(label, sizeof(label), "L%u", v % 3);
		begun[object][v] = now();
		if (kit_put(&k, (uint8_t)object, object % 2, body, "secret", label) != STORE_OK)
			return arg;
		acked[object][v] = now();
	}
	return NULL;
}

static int count_finding(void *ctx, const struct store_finding *f)
{
	if (f->kind != STORE_SEALED)
		++*(int *)ctx;
	return 0;
}

/* The version of an object that is whole there; 0: it is not there; -1: it is not whole. */
static int version_of(unsigned object)
{
	struct store_loaded l = { 0 };
	struct store_txn *t = NULL;
	uint8_t id[STORE_ID_LEN];
	char right[12000];
	int answer = -1;

	memset(id, (int)object, sizeof(id));
	ck_assert_int_eq(store_begin(k.store, false, &t), STORE_OK);
	int rc = store_object_get(t, &k.crypto, id, true, &l);
	if (rc == STORE_ENOTFOUND)
		answer = 0;
	for (unsigned v = 1; rc == STORE_OK && v <= CHANGES; v++) {
		body_of(object, v, right);
		if (view_equal(secret_view(&l.body), view_of_string(right)))
			answer = (int)v;
	}
	store_loaded_done(&l);
	store_abort(t);
	return answer;
}

static void check_image(size_t cut, unsigned round)
{
	struct store_txn *t = NULL;
	int findings = 0;

	int rc = store_open(k.dir, KIT_SERIAL, &k.options, &k.store);
	ck_assert_msg(rc == STORE_OK, "cut at %zu of %zu, round %u: opens with %d", cut, count, round, rc);
	for (unsigned o = 0; o < THREADS; o++) {
		int least = 0, most = 0, is = version_of(o);
		for (unsigned v = 1; v <= CHANGES; v++) {
			if (acked[o][v] <= cut)
				least = (int)v;
			if (begun[o][v] <= cut)
				most = (int)v;
		}
		ck_assert_msg(is >= least && is <= most,
			      "cut at %zu of %zu, round %u: object %u: version %d, %d was acknowledged, %d begun", cut,
			      count, round, o, is, least, most);
	}
	ck_assert_int_eq(store_begin(k.store, false, &t), STORE_OK);
	ck_assert_int_eq(store_verify(t, &k.crypto, count_finding, &findings), STORE_OK);
	store_abort(t);
	ck_assert_msg(findings == 0, "cut at %zu of %zu, round %u: %d findings", cut, count, round, findings);
	store_close(k.store);
	k.store = NULL;
}

struct image {
	uint8_t *p;
	size_t n, room;
};

static void image_write(struct image *i, const uint8_t *p, size_t n, size_t at)
{
	ck_assert_uint_le(at + n, i->room);
	memcpy(i->p + at, p, n);
	if (at + n > i->n)
		i->n = at + n;
}

/* The file when the power goes before event number cut. */
static void make_image(const struct image *base, size_t cut, unsigned seed, struct image *ret)
{
	size_t synced = 0;

	memcpy(ret->p, base->p, base->room);
	ret->n = base->n;
	for (size_t i = 0; i < cut; i++)
		if (events[i].what == DISK_SYNC)
			synced = i;
	for (size_t i = 0; i < cut; i++) {
		const struct event *e = &events[i];
		bool sure = i < synced || e->lasting;

		if (e->what == DISK_SIZED && (sure || rand_r(&seed) % 2))
			ret->n = e->n > ret->n ? e->n : ret->n;
		for (size_t at = 0; e->what == DISK_WROTE && at < e->n; at += PAGE)
			if (sure || rand_r(&seed) % 2)
				image_write(ret, e->p + at, e->n - at < PAGE ? e->n - at : PAGE, (size_t)e->at + at);
	}
}

static void put_image(const struct image *i)
{
	char lock[300];
	int fd = open(k.data_file, O_WRONLY | O_TRUNC | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, i->p, i->n), (ssize_t)i->n);
	close(fd);
	snprintf(lock, sizeof(lock), "%s/" KIT_SERIAL "/lock.mdb", k.dir);
	unlink(lock);
}

static void read_base(struct image *ret)
{
	int fd = open(k.data_file, O_RDONLY | O_CLOEXEC);

	ret->room = (size_t)16 << 20;
	ret->p = calloc(1, ret->room);
	ck_assert_ptr_nonnull(ret->p);
	ssize_t n = read(fd, ret->p, ret->room);
	ck_assert_int_gt(n, 0);
	ret->n = (size_t)n;
	close(fd);
}

START_TEST(acknowledged_is_there_whenever_the_power_goes)
{
	struct image base = { 0 }, image = { 0 };
	unsigned numbers[THREADS];
	pthread_t threads[THREADS];

	kit_init(&k, 0);
	read_base(&base);
	read_base(&image);
	memset(begun, 0xff, sizeof(begun));
	memset(acked, 0xff, sizeof(acked));
	disk_arm(k.dir, (struct disk_plan){ 0 });
	disk_watch(keep);
	for (unsigned i = 0; i < THREADS; i++) {
		numbers[i] = i;
		ck_assert_int_eq(pthread_create(&threads[i], NULL, changes, &numbers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		void *bad = NULL;
		pthread_join(threads[i], &bad);
		ck_assert_ptr_null(bad);
	}
	disk_watch(NULL);
	disk_disarm();
	store_close(k.store);
	k.store = NULL;
	ck_assert_uint_gt(count, CHANGES * 3);
	for (size_t cut = 0; cut <= count; cut++)
		for (unsigned round = 0; round < 3; round++) {
			make_image(&base, cut, (unsigned)cut * 3 + round, &image);
			put_image(&image);
			check_image(cut, round);
		}
	printf("%zu calls to the disk, %zu files\n", count, (count + 1) * 3);
	for (size_t i = 0; i < count; i++)
		free(events[i].p);
	free(events);
	free(base.p);
	free(image.p);
	temp_remove(k.dir);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store_power");
	TCase *c = tcase_create("store_power");

	tcase_set_timeout(c, 200);
	tcase_add_test(c, acknowledged_is_there_whenever_the_power_goes);
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
