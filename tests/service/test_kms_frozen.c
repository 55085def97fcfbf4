/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kms_rig_own.h"
#include "now.h"
#include "pg_server.h"

/* What goes on while the database or the HSM hangs, and what a stop finishes. */

#define EXPIRY_MS 5000
#define THREADS 2
#define QUEUE 3
#define HELLOS (THREADS + QUEUE + 2)
#define AT_ONCE_MS 3500 /* on a loaded machine, and well before the expiry */
#define LATE_MS 4000

static struct rig *r;
static sqlite3 *holder;
static char hang_file[200];

/* Nobody can write: PostgreSQL stands still and closes nothing; a stranger's transaction holds SQLite's file. */
static void freeze(void)
{
	if (getenv("RIG_POSTGRES")) {
		pg_server_do("freeze");
		return;
	}
	ck_assert_int_eq(sqlite3_open(r->database, &holder), SQLITE_OK);
	sqlite3_busy_timeout(holder, 10000);
	ck_assert_int_eq(sqlite3_exec(holder, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
}

static void thaw(void)
{
	if (getenv("RIG_POSTGRES")) {
		pg_server_do("thaw");
		return;
	}
	ck_assert_int_eq(sqlite3_exec(holder, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(holder);
}

static void hsm_hangs(bool hangs)
{
	if (hangs)
		rig_write(r, "hang", "", 0);
	else
		ck_assert_int_eq(unlink(hang_file), 0);
}

/* HSM 2 is behind a module that can hang. */
static void hsm_of_ours(void)
{
	snprintf(hang_file, sizeof(hang_file), "%s/hang", r->dir);
	setenv("HANG_FILE", hang_file, 1);
	setenv("HANG_MODULE", getenv("STRONGROOM_MODULE"), 1);
	snprintf(r->uri[1], sizeof(r->uri[1]), "pkcs11:token=HSM2?module-path=%s&pin-source=%s/pin",
		 getenv("HANG_WRAPPER"), r->dir);
}

static void start(unsigned threads, unsigned queue, unsigned stop_s)
{
	char more[300];

	snprintf(more, sizeof(more),
		 "[terminals]\nexpiry_ms = %d\n[workers]\nthreads = %u\nqueue = %u\nslow_ms = 400\nstop_s = %u\n",
		 EXPIRY_MS, threads, queue, stop_s);
	rig_conf(r, more);
	rig_run("rm -f %s/kmsd.log", r->dir);
	rig_start(r);
}

static void setup(void)
{
	r = rig_new();
	hsm_of_ours();
}

static void teardown(void)
{
	rig_free(r);
}

/* Lines of kmsd's log with both of these. */
static unsigned logged(const char *one, const char *two)
{
	char path[200], line[2100];
	unsigned n = 0;
	FILE *log;

	snprintf(path, sizeof(path), "%s/kmsd.log", r->dir);
	log = fopen(path, "re");
	ck_assert_ptr_nonnull(log);
	while (fgets(line, sizeof(line), log))
		n += strstr(line, one) && strstr(line, two);
	fclose(log);
	return n;
}

static void logged_wait(unsigned least, const char *one, const char *two)
{
	for (int i = 0; i < 2000 && logged(one, two) < least; i++)
		usleep(10000);
	ck_assert_uint_ge(logged(one, two), least);
}

static void hello(struct rig_client *c, const struct rig_terminal *t)
{
	uint8_t random[FORMAT_NONCE];

	ck_assert(!ops_random(r->pos_ops, random, sizeof(random), NULL));
	rig_connect(r, c);
	rig_hello_send(c, FORMAT_HANDSHAKE_V2, t->serial, VIEW(random, sizeof(random)));
}

/* No frame of a handshake, no message of ours: nobody has to ask the database for the answer. */
static void answered_at_once(void)
{
	static const uint8_t nothing[] = { 0, 0 };
	int64_t began = steady_ms();
	struct rig_client c;
	BUF_AUTO body = { 0 };

	rig_connect(r, &c);
	ck_assert_int_eq(send(c.fd, nothing, sizeof(nothing), MSG_NOSIGNAL), 2);
	rig_refused(&c, ERR_MALFORMED);
	rig_close(&c);
	ck_assert_int_eq(rig_post_to(r, ROLE_DC, "/v1/nothing", "{}", 2, &body), 404);
	ck_assert_int_lt(steady_ms() - began, AT_ONCE_MS);
}

/* The peer of a connection that was opened at this time is told when it is over. */
static void expires(struct rig_client *c, int64_t opened)
{
	rig_refused(c, ERR_TIMEOUT);
	ck_assert_int_ge(steady_ms() - opened, EXPIRY_MS - 100);
	ck_assert_int_lt(steady_ms() - opened, EXPIRY_MS + LATE_MS);
	rig_close(c);
}

/* R1.13: of more than threads and queue can hold, the rest is told at once; the others by their timers */
static void busy_or_expired(struct rig_client *c, const int64_t *opened, size_t count, size_t busy)
{
	int64_t began = steady_ms();
	bool told[HELLOS] = { false };
	size_t n = 0;

	while (n < busy && steady_ms() - began < AT_ONCE_MS) {
		for (size_t i = 0; i < count; i++) {
			struct pollfd p = { c[i].fd, POLLIN, 0 };

			if (told[i] || poll(&p, 1, 1) != 1)
				continue;
			rig_refused(&c[i], ERR_BUSY);
			told[i] = true;
			n++;
		}
	}
	ck_assert_uint_eq(n, busy);
	for (size_t i = 0; i < count; i++) {
		if (told[i])
			rig_close(&c[i]);
		else
			expires(&c[i], opened[i]);
	}
}

/* R1.9, R1.12 */
START_TEST(a_database_that_hangs_keeps_no_timer_and_no_refusal_and_gives_nothing_twice)
{
	struct rig_terminal t[HELLOS] = { 0 };
	struct rig_client idle, c[HELLOS];
	int64_t opened, sent[HELLOS];

	start(THREADS, QUEUE, 40);
	for (size_t i = 0; i < HELLOS; i++)
		rig_known(r, &t[i], FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	freeze();
	opened = steady_ms();
	rig_connect(r, &idle);
	for (size_t i = 0; i < HELLOS; i++) {
		sent[i] = steady_ms();
		hello(&c[i], &t[i]);
	}
	answered_at_once();
	busy_or_expired(c, sent, HELLOS, 2);
	expires(&idle, opened);
	/* what hangs is told once, with what it waits for */
	logged_wait(THREADS, "takes more than 400 ms: waits for the database: ", "terminals: HELLO of 127.0.0.1");
	ck_assert_uint_eq(logged("takes more than", "terminals: HELLO"), THREADS);
	thaw();
	logged_wait(THREADS, "came back after", "terminals: HELLO of 127.0.0.1");
	for (size_t i = 0; i < HELLOS; i++) {
		rig_download(r, &t[i]);
		ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM tmk WHERE serial_number = ?", t[i].serial), 1);
		ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM download WHERE serial_number = ?", t[i].serial),
				 1);
		rig_terminal_done(&t[i]);
	}
	/* what was in hand has its end */
	rig_wait(r, 0, "SELECT count(*) FROM handshake WHERE state IN('open', 'proven')", NULL);
	rig_stop(r, SIGTERM);
}
END_TEST

/* R1.9, R2.4 */
START_TEST(an_hsm_that_hangs_keeps_its_own_jobs_alone)
{
	struct rig_terminal t = { 0 }, new = { 0 };
	BUF_AUTO record = { 0 };
	BUF_AUTO answer = { 0 };
	struct rig_client idle, c;
	int64_t opened, audited;
	struct view v;

	start(1, QUEUE, 40);
	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	rig_fresh(r, &new, &record);
	v = buf_view(&record);
	audited = rig_number(r, "SELECT count(*) FROM audit WHERE text LIKE 'frame at HELLO%'", NULL);
	hsm_hangs(true);
	opened = steady_ms();
	rig_connect(r, &idle);
	hello(&c, &t);
	answered_at_once();
	/* what needs the database alone is done: a delivery is acknowledged, a refusal is audited */
	ck_assert_int_eq(rig_deliver(r, "while-it-hangs", &v, 1, &answer), 200);
	rig_wait(r, audited + 1, "SELECT count(*) FROM audit WHERE text LIKE 'frame at HELLO%'", NULL);
	ck_assert_int_lt(steady_ms() - opened, EXPIRY_MS + LATE_MS);
	expires(&c, opened);
	expires(&idle, opened);
	logged_wait(1, "takes more than 400 ms: waits for the HSM: ", "terminals: HELLO of 127.0.0.1");
	hsm_hangs(false);
	logged_wait(1, "came back after", "terminals: HELLO of 127.0.0.1");
	rig_wait(r, 1, "SELECT count(*) FROM key_formal WHERE serial_number = ?", new.serial);
	rig_download(r, &t);
	rig_download(r, &new);
	ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM download WHERE serial_number = ?", t.serial), 1);
	rig_stop(r, SIGTERM);
	rig_terminal_done(&t);
	rig_terminal_done(&new);
}
END_TEST

START_TEST(a_stop_does_not_wait_for_ever_for_an_hsm_that_hangs)
{
	struct rig_terminal t = { 0 };
	int64_t began;
	struct rig_client c;
	int status = 0;

	start(THREADS, QUEUE, 1);
	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	hsm_hangs(true);
	hello(&c, &t);
	logged_wait(1, "takes more than", "terminals: HELLO");
	began = steady_ms();
	ck_assert_int_eq(kill(r->kmsd, SIGTERM), 0);
	ck_assert_int_eq(waitpid(r->kmsd, &status, 0), r->kmsd);
	close(r->kmsd_out);
	r->kmsd = 0;
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	ck_assert_int_lt(steady_ms() - began, 1000 + LATE_MS);
	ck_assert_uint_eq(logged("stop: ", "does not come back"), 1);
	rig_close(&c);
	hsm_hangs(false);
	rig_start(r);
	rig_download(r, &t);
	rig_stop(r, SIGTERM);
	rig_terminal_done(&t);
}
END_TEST

/* ---- many at once ---- */

#define CLIENTS 8
#define LEAST 3 /* downloads of each, before the stop */

struct client {
	pthread_t thread;
	struct rig_terminal t;
	struct check_value loaded; /* by the last download that was acknowledged */
	atomic_uint acknowledged;
};

static atomic_bool over;

static bool ask(struct rig_client *c, const struct frame *out, uint8_t type, struct frame *ret)
{
	const struct frame_stream s = { .fd = c->fd };

	return !stream_send(&s, out, 20000, NULL) && !stream_expect(&s, type, &c->storage, ret, 20000, NULL);
}

/* A whole download; false: the KMS was not there for all of it. */
static bool download(struct client *u, struct rig_client *c)
{
	uint8_t version = FORMAT_HANDSHAKE_V2, tag[OPS_TAG_MAX], id[8] = { 0 };
	struct ops_shake shake = { VIEW(c->terminal_random, FORMAT_NONCE), VIEW(c->host_random, FORMAT_NONCE) };
	struct frame hi = { .type = FRAME_HELLO };
	struct frame proof = { .type = FRAME_PROOF_T }, confirm = { .type = FRAME_CONFIRM }, got;
	BUF_AUTO check = { 0 };
	struct check_value loaded;
	size_t n = 0;

	memcpy(id, u->t.serial, sizeof(id));
	ck_assert(!ops_random(r->pos_ops, c->terminal_random, FORMAT_NONCE, NULL));
	hi.field[HELLO_HANDSHAKE] = VIEW(&version, 1);
	hi.field[HELLO_SERIAL] = view_of_string(u->t.serial);
	hi.field[HELLO_RANDOM] = shake.terminal_random;
	if (frame_connect(r->terminals, 20000, &c->fd, NULL) || !ask(c, &hi, FRAME_PROOF_K, &got))
		return false;
	memcpy(c->host_random, got.field[PROOF_K_RANDOM].p, FORMAT_NONCE);
	ck_assert(!ops_check(r->pos_ops, &c->tk, &shake, TRANSCRIPT_HOST_PROVES, NULL, got.field[PROOF_K_TAG], NULL));
	ck_assert(!ops_prove(r->pos_ops, &c->tk, &shake, TRANSCRIPT_TERMINAL_PROVES, NULL, tag, &n, NULL));
	proof.field[PROOF_T_TAG] = VIEW(tag, n);
	if (!ask(c, &proof, FRAME_TMK, &got))
		return false;
	ck_assert(!ops_destroy(r->pos_ops, OPS_TMK_LABEL, VIEW(id, 8), NULL));
	ck_assert(!ops_tmk_load(r->pos_ops, &c->tk, &shake, got.field[TMK_MESSAGE], VIEW(id, 8), &loaded, NULL));
	ck_assert(!ops_prove(r->pos_ops, &c->tk, &shake, TRANSCRIPT_CONFIRM, &loaded, tag, &n, NULL));
	check_value_put(&check, &loaded);
	confirm.field[CONFIRM_CHECK] = buf_view(&check);
	confirm.field[CONFIRM_TAG] = VIEW(tag, n);
	if (!ask(c, &confirm, FRAME_DONE, &got))
		return false;
	u->loaded = loaded;
	return true;
}

static void *client_main(void *arg)
{
	struct client *u = arg;

	while (!over) {
		struct rig_client c = { .fd = -1 };

		ck_assert(!ops_tk_find(r->pos_ops, VIEW(u->t.id, sizeof(u->t.id)), u->t.handshake,
				       view_of_string(u->t.serial), &c.tk, NULL));
		if (download(u, &c))
			atomic_fetch_add(&u->acknowledged, 1);
		rig_close(&c);
	}
	return NULL;
}

/* Everybody who was told DONE stands in the tables, and nobody was told another TMK. */
static void acknowledged_is_stored(const struct client *u)
{
	char hex[2 * FORMAT_CHECK + 1], text[512];
	int64_t stored = rig_number(r, "SELECT count(*) FROM download WHERE serial_number = ?", u->t.serial);

	ck_assert_int_ge(stored, u->acknowledged);
	ck_assert_int_le(stored, u->acknowledged + 1); /* the last DONE may not have arrived */
	ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM tmk WHERE serial_number = ?", u->t.serial), 1);
	hex_encode(VIEW(u->loaded.value, FORMAT_CHECK), hex);
	rig_text(r, text, "SELECT check_value FROM tmk WHERE serial_number = ?", u->t.serial);
	ck_assert_str_eq(text, hex);
}

/* R1.9, R1.12, R2.2 */
START_TEST(many_terminals_at_once_and_a_stop_finishes_what_was_acknowledged)
{
	static struct client all[CLIENTS];
	unsigned delivered = 0;
	struct rig_terminal extra = { 0 };
	BUF_AUTO record = { 0 };
	int64_t began;
	unsigned sum = 0;

	start(4, 100, 40);
	for (size_t i = 0; i < CLIENTS; i++)
		rig_known(r, &all[i].t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	rig_fresh(r, &extra, &record);
	struct view v = buf_view(&record);
	began = steady_ms();
	for (size_t i = 0; i < CLIENTS; i++)
		ck_assert_int_eq(pthread_create(&all[i].thread, NULL, client_main, &all[i]), 0);
	for (size_t i = 0; i < CLIENTS; i++) {
		while (all[i].acknowledged < LEAST) {
			BUF_AUTO answer = { 0 };
			char name[32];

			ck_assert_int_lt(steady_ms() - began, 120000);
			snprintf(name, sizeof(name), "load-%u", delivered);
			ck_assert_int_eq(rig_deliver(r, name, &v, 1, &answer), 200);
			delivered++;
		}
	}
	rig_stop(r, SIGTERM);
	over = true;
	for (size_t i = 0; i < CLIENTS; i++) {
		pthread_join(all[i].thread, NULL);
		acknowledged_is_stored(&all[i]);
		sum += all[i].acknowledged;
	}
	printf("%u downloads and %u deliveries in %lld ms\n", sum, delivered, (long long)(steady_ms() - began));
	ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM key_file WHERE name LIKE '%/load-%'", NULL), delivered);
	rig_start(r);
	for (size_t i = 0; i < CLIENTS; i++) {
		rig_download(r, &all[i].t);
		rig_terminal_done(&all[i].t);
	}
	rig_stop(r, SIGTERM);
	rig_terminal_done(&extra);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kms_frozen");
	TCase *t = tcase_create("frozen");
	SRunner *runner;

	tcase_set_timeout(t, 240);
	tcase_add_unchecked_fixture(t, setup, teardown);
	tcase_add_test(t, a_database_that_hangs_keeps_no_timer_and_no_refusal_and_gives_nothing_twice);
	tcase_add_test(t, an_hsm_that_hangs_keeps_its_own_jobs_alone);
	tcase_add_test(t, a_stop_does_not_wait_for_ever_for_an_hsm_that_hangs);
	tcase_add_test(t, many_terminals_at_once_and_a_stop_finishes_what_was_acknowledged);
	suite_add_tcase(s, t);
	runner = srunner_create(s);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
