/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kms_rig.h"
#include "pg_server.h"

/* Two kmsd with tokens of their own on one database: SQLite, or PostgreSQL with RIG_POSTGRES. */

static struct rig *r;
static struct rig_node node[2];

#define LIMITS                                                                                                         \
	"[limits]\npair_per_minute = 1000\nlock_s = 600\nlock_max_s = 600\n"                                           \
	"[terminals]\nexpiry_ms = 20000\n"

static void setup(void)
{
	r = rig_new();
	/* records come by one kmsd as ever; the first node takes its place then */
	rig_conf(r, "[node]\nname = door\n");
	rig_node_make(r, &node[0], "one", LIMITS);
	rig_node_make(r, &node[1], "two", LIMITS);
	rig_start(r);
	for (int i = 0; i < 2; i++)
		ck_assert(rig_node_start(&node[i]));
}

static void teardown(void)
{
	for (int i = 0; i < 2; i++)
		rig_node_stop(&node[i], SIGTERM);
	rig_free(r);
}

static struct check_value finish(struct rig_client *c, const struct frame *tmk)
{
	struct check_value loaded = { 0 };
	struct frame got;

	ck_assert_int_eq(tmk->type, FRAME_TMK);
	ck_assert_int_eq(rig_load(r, c, tmk->field[TMK_MESSAGE], &loaded), ERR_OK);
	rig_confirm(r, c, &loaded);
	got = rig_recv(c);
	ck_assert_int_eq(got.type, FRAME_DONE);
	rig_close(c);
	return loaded;
}

static void prove(struct rig_client *c)
{
	uint8_t tag[OPS_TAG_MAX];
	size_t n = rig_proof(r, c, tag);

	rig_proof_send(c, VIEW(tag, n));
}

/* R1.12: the same TMK whichever node is asked */
START_TEST(a_terminal_gets_the_same_tmk_from_every_node)
{
	struct rig_terminal t = { 0 };
	struct check_value first, second;

	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	rig_node_use(&node[0]);
	first = rig_download(r, &t);
	rig_node_use(&node[1]);
	second = rig_download(r, &t);
	ck_assert_mem_eq(first.value, second.value, FORMAT_CHECK);
	ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM tmk WHERE serial_number = ?", t.serial), 1);
	rig_terminal_done(&t);
}
END_TEST

/* Both nodes asked for the first time at once: one TMK, and what is confirmed is what the database holds. */
START_TEST(two_nodes_asked_at_once_make_one_tmk)
{
	for (int i = 0; i < 10; i++) {
		struct rig_terminal t = { 0 };
		struct rig_client c[2];
		struct frame got[2];
		int won = -1;

		rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
		for (int n = 0; n < 2; n++) {
			rig_node_use(&node[n]);
			rig_greet(r, &c[n], &t);
		}
		prove(&c[0]);
		prove(&c[1]);
		got[1] = rig_recv(&c[1]);
		ck_assert_int_eq(got[1].type, FRAME_TMK);
		got[0] = rig_recv(&c[0]);
		/* the older one proved itself first, or it was ended before it could */
		if (got[0].type == FRAME_ERROR)
			ck_assert_uint_eq(frame_error_code(&got[0]), ERR_REFUSED);
		else
			won = 0;
		finish(&c[1], &got[1]);
		if (won == 0) {
			/* it has a TMK message, and is over all the same */
			struct check_value loaded;

			ck_assert_int_eq(got[0].type, FRAME_TMK);
			ck_assert_int_eq(rig_load(r, &c[0], got[0].field[TMK_MESSAGE], &loaded), ERR_OK);
			rig_confirm(r, &c[0], &loaded);
			rig_refused(&c[0], ERR_REFUSED);
		}
		rig_close(&c[0]);
		ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM tmk WHERE serial_number = ?", t.serial), 1);
		ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM download WHERE serial_number = ?", t.serial), 1);
		rig_terminal_done(&t);
	}
}
END_TEST

/* R1.10: the newer one that proved itself ends the older one, wherever that runs */
START_TEST(a_proof_at_one_node_ends_the_older_handshake_at_the_other)
{
	struct rig_terminal t = { 0 };
	struct rig_client old, older;
	struct check_value loaded;
	struct frame got;

	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	rig_node_use(&node[0]);
	rig_greet(r, &old, &t);
	/* and one that has its TMK already */
	rig_greet(r, &older, &t);
	prove(&older);
	got = rig_recv(&older);
	ck_assert_int_eq(got.type, FRAME_TMK);
	ck_assert_int_eq(rig_load(r, &older, got.field[TMK_MESSAGE], &loaded), ERR_OK);
	rig_node_use(&node[1]);
	rig_download(r, &t);
	prove(&old);
	rig_refused(&old, ERR_REFUSED);
	rig_confirm(r, &older, &loaded);
	rig_refused(&older, ERR_REFUSED);
	rig_close(&old);
	rig_close(&older);
	rig_audited(r, t.serial, "superseded");
	ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM download WHERE serial_number = ?", t.serial), 1);
	rig_terminal_done(&t);
}
END_TEST

/* R1.13: a nonce serves once, at all nodes together; so does what a node drew itself */
START_TEST(a_nonce_seen_at_one_node_is_refused_at_the_other)
{
	static const uint8_t versions[] = { FORMAT_HANDSHAKE_V2, FORMAT_HANDSHAKE_V1 };

	for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
		struct rig_terminal t = { 0 };
		struct rig_client a, b;

		rig_known(r, &t, FORMAT_SUITE_AES, versions[v]);
		rig_node_use(&node[0]);
		rig_greet(r, &a, &t);
		rig_node_use(&node[1]);
		rig_connect(r, &b);
		rig_hello_send(&b, versions[v], t.serial, VIEW(a.terminal_random, 16));
		rig_refused(&b, ERR_REFUSED);
		rig_close(&b);
		rig_audited(r, t.serial, "replay");
		rig_connect(r, &b);
		rig_hello_send(&b, versions[v], t.serial, VIEW(a.host_random, 16));
		rig_refused(&b, ERR_REFUSED);
		rig_close(&b);
		/* the handshake whose nonces they were goes on */
		struct frame got;

		prove(&a);
		got = rig_recv(&a);
		finish(&a, &got);
		rig_terminal_done(&t);
	}
}
END_TEST

/* R1.13 */
START_TEST(a_lock_out_holds_at_every_node_and_not_for_the_terminal)
{
	struct rig_terminal t = { 0 };
	uint8_t random[16], tag[16] = { 0 };
	struct rig_client c;
	char command[100];
	BUF_AUTO out = { 0 };

	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	for (int i = 0; i < 7; i++) {
		rig_node_use(&node[i & 1]);
		ck_assert(!ops_random(r->pos_ops, random, sizeof(random), NULL));
		rig_connect_from(r, &c, "127.0.0.9");
		rig_hello_send(&c, FORMAT_HANDSHAKE_V2, t.serial, VIEW(random, 16));
		if (i < 5) {
			ck_assert_int_eq(rig_recv(&c).type, FRAME_PROOF_K);
			rig_proof_send(&c, VIEW(tag, 16));
		}
		rig_refused(&c, ERR_REFUSED);
		rig_close(&c);
	}
	ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM handshake WHERE serial_number = ?", t.serial), 5);
	rig_node_use(&node[1]);
	rig_download(r, &t);
	/* lifted by command, at both */
	snprintf(command, sizeof(command), "lockout lift %s 127.0.0.9", t.serial);
	ck_assert_int_eq(rig_command(r, command, &out), 0);
	for (int i = 0; i < 2; i++) {
		rig_node_use(&node[i]);
		rig_connect_from(r, &c, "127.0.0.9");
		rig_download_on(r, &c, &t);
	}
	rig_terminal_done(&t);
}
END_TEST

/* Handshakes of many terminals in random order through both nodes, one of which is killed in the middle. */
#define MANY 12
#define ROUNDS 90

struct run {
	struct rig_terminal t;
	struct rig_client c;
	enum { RUN_IDLE, RUN_GREETED, RUN_LOADED } state;
	int node;
	struct check_value loaded; /* what the terminal holds last */
	bool has;
};

static unsigned draw(unsigned below)
{
	uint8_t b[4];

	ck_assert(!ops_random(r->pos_ops, b, sizeof(b), NULL));
	return (unsigned)be_get32(b) % below;
}

/* A node that was killed has closed the connection: the terminal begins anew. */
static void run_step(struct run *u)
{
	struct check_value loaded;
	struct frame got;
	uint8_t tag[OPS_TAG_MAX];
	size_t n;

	switch (u->state) {
	case RUN_IDLE:
		u->node = node[1].pid ? (int)draw(2) : 0;
		rig_node_use(&node[u->node]);
		rig_greet(r, &u->c, &u->t);
		u->state = RUN_GREETED;
		return;
	case RUN_GREETED:
		n = rig_proof(r, &u->c, tag);
		rig_proof_send(&u->c, VIEW(tag, n));
		got = rig_recv(&u->c);
		ck_assert_int_eq(got.type, FRAME_TMK);
		ck_assert_int_eq(rig_load(r, &u->c, got.field[TMK_MESSAGE], &loaded), ERR_OK);
		u->loaded = loaded;
		u->has = true;
		u->state = RUN_LOADED;
		return;
	case RUN_LOADED:
		rig_confirm(r, &u->c, &u->loaded);
		got = rig_recv(&u->c);
		ck_assert_int_eq(got.type, FRAME_DONE);
		rig_close(&u->c);
		u->state = RUN_IDLE;
	}
}

static void stored_is_held(struct run *u)
{
	char hex[2 * FORMAT_CHECK + 1], text[512];

	hex_encode(VIEW(u->loaded.value, FORMAT_CHECK), hex);
	rig_text(
	    r, text,
	    "SELECT check_value FROM tmk WHERE serial_number = ? AND confirmed > 0 ORDER BY generation DESC LIMIT 1",
	    u->t.serial);
	ck_assert_str_eq(text, hex);
	rig_text(r, text, "SELECT check_value FROM download WHERE serial_number = ? ORDER BY id DESC LIMIT 1",
		 u->t.serial);
	ck_assert_str_eq(text, hex);
}

/* R1.12: no terminal ends with a TMK that the database does not hold, no two generations are confused */
START_TEST(nothing_is_lost_or_doubled_when_a_node_is_killed)
{
	static struct run all[MANY];
	BUF_AUTO out = { 0 };

	for (int i = 0; i < MANY; i++)
		rig_known(r, &all[i].t, FORMAT_SUITE_AES, i % 3 ? FORMAT_HANDSHAKE_V2 : FORMAT_HANDSHAKE_V1);
	for (int i = 0; i < ROUNDS; i++) {
		if (i == ROUNDS / 2) {
			rig_node_stop(&node[1], SIGKILL);
			for (int k = 0; k < MANY; k++)
				if (all[k].state != RUN_IDLE && all[k].node == 1) {
					rig_close(&all[k].c);
					all[k].has = all[k].has && all[k].state != RUN_LOADED; /* not confirmed */
					all[k].state = RUN_IDLE;
				}
		}
		if (i == ROUNDS / 3)
			ck_assert_int_eq(rig_command(r, "tmk-renew --all", &out), 0);
		if (i == ROUNDS * 3 / 4)
			ck_assert(rig_node_start(&node[1]));
		run_step(&all[draw(MANY)]);
	}
	for (int i = 0; i < MANY; i++) {
		while (all[i].state != RUN_IDLE || !all[i].has)
			run_step(&all[i]);
		stored_is_held(&all[i]);
		/* what a terminal got and could not confirm it gets again */
		rig_node_use(&node[i & 1]);
		all[i].loaded = rig_download(r, &all[i].t);
		stored_is_held(&all[i]);
		ck_assert_int_le(rig_number(r, "SELECT count(*) FROM tmk WHERE serial_number = ?", all[i].t.serial), 2);
		rig_terminal_done(&all[i].t);
	}
}
END_TEST

/* Each node is there, with the check values of its keys. */
START_TEST(nodes_are_listed_with_their_keys)
{
	BUF_AUTO out = { 0 };

	ck_assert_int_eq(
	    rig_number(r, "SELECT count(*) FROM node WHERE name IN('door', 'one', 'two') AND stopped = 0", NULL), 3);
	ck_assert_int_eq(
	    rig_number(r, "SELECT count(DISTINCT check_value) FROM node_key WHERE kind = 'SRK' AND generation = 0",
		       NULL),
	    1);
	ck_assert_int_eq(rig_command(r, "nodes --json", &out), 0);
	ck_assert_ptr_nonnull(strstr((char *)out.p, "\"name\":\"two\""));
}
END_TEST

/* R1.3, R1.12: a token with another key does not come in; the text names key and node */
START_TEST(a_node_with_another_storage_key_is_refused)
{
	struct rig_node other;
	BUF_AUTO out = { 0 };
	char command[1200];

	rig_node_make(r, &other, "other", "");
	/* a storage key of its own, under another label, in its copy of the token */
	snprintf(command, sizeof(command),
		 "STRONGROOM_TOKEN_DIR=%s SOFTHSM2_CONF=%s.conf %s --config %s srk-init SRK3 55 && sed -i"
		 " s/object=SRK\\;/object=SRK3\\;/ %s",
		 other.tokens, other.tokens, getenv("KMSD"), other.conf, other.conf);
	ck_assert_int_eq(system(command), 0);
	ck_assert(!rig_node_start(&other));
	ck_assert(rig_node_logged(&other, "storage key"));
	ck_assert(rig_node_logged(&other, "not the same key"));
	ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM node WHERE name = 'other'", NULL), 0);
	/* when the others are gone for good it is the first */
	for (int i = 0; i < 2; i++)
		rig_node_stop(&node[i], SIGTERM);
	ck_assert_int_eq(rig_command(r, "node remove one", &out), 0);
	ck_assert_int_eq(rig_command(r, "node remove two", &out), 0);
	ck_assert_int_eq(rig_command(r, "node remove door", &out), 0);
	ck_assert_int_ne(rig_command(r, "node remove door", &out), 0);
	ck_assert(rig_node_start(&other));
	rig_node_stop(&other, SIGTERM);
	ck_assert_int_eq(rig_command(r, "node remove other", &out), 0);
	for (int i = 0; i < 2; i++)
		ck_assert(rig_node_start(&node[i]));
}
END_TEST

/* ---- PostgreSQL: the connection to the database is cut ---- */

/* A download as far as it goes; what was loaded, if anything, and whether DONE came. */
static void attempt(const struct rig_terminal *t, bool *ret_loaded, struct check_value *ret, bool *ret_done)
{
	struct rig_client c;
	uint8_t tag[OPS_TAG_MAX], random[16];
	struct frame got;
	size_t n;

	*ret_loaded = *ret_done = false;
	rig_connect(r, &c);
	ck_assert(!ops_random(r->pos_ops, random, sizeof(random), NULL));
	ck_assert(!ops_tk_find(r->pos_ops, VIEW(t->id, 8), t->handshake, view_of_string(t->serial), &c.tk, NULL));
	c.nonce_len = 16;
	memcpy(c.terminal_random, random, 16);
	rig_hello_send(&c, t->handshake, t->serial, VIEW(random, 16));
	got = rig_recv(&c);
	if (got.type != FRAME_PROOF_K)
		goto out;
	memcpy(c.host_random, got.field[PROOF_K_RANDOM].p, 16);
	ck_assert_int_eq(rig_check_host(r, &c, &got), ERR_OK);
	n = rig_proof(r, &c, tag);
	rig_proof_send(&c, VIEW(tag, n));
	got = rig_recv(&c);
	if (got.type != FRAME_TMK)
		goto out;
	ck_assert_int_eq(rig_load(r, &c, got.field[TMK_MESSAGE], ret), ERR_OK);
	*ret_loaded = true;
	rig_confirm(r, &c, ret);
	got = rig_recv(&c);
	*ret_done = got.type == FRAME_DONE;
out:
	/* whatever it was: busy, or the database; never a refusal of the terminal */
	if (!*ret_done && got.type == FRAME_ERROR)
		ck_assert_msg(frame_error_code(&got) == ERR_BUSY || frame_error_code(&got) == ERR_INTERNAL,
			      "%s: code %u", t->serial, frame_error_code(&got));
	rig_close(&c);
}

static bool was_cut(void)
{
	json_t *json = pg_server_ask("disarm");
	bool cut = json_integer_value(json_object_get(json, "cuts")) > 0;

	json_decref(json);
	return cut;
}

/* R1.12: wherever the connection breaks, a COMMIT included: one TMK, the one that the terminal gets in the end */
START_TEST(a_connection_cut_anywhere_in_a_download_loses_nothing)
{
	static const char *const modes[] = { "before", "after" };
	struct rig_node cut;
	char straight[sizeof(r->database)];
	BUF_AUTO out = { 0 };
	int cuts = 0;

	if (!r->database_name[0])
		return; /* SQLite has no connection */
	memcpy(straight, r->database, sizeof(straight));
	pg_server_url(r->database_name, true, r->database);
	rig_node_make(r, &cut, "cut", LIMITS);
	memcpy(r->database, straight, sizeof(straight));
	ck_assert(rig_node_start(&cut));
	for (int at = 1, more = 2; more && at < 60; at += 3) {
		more = 0;
		for (size_t m = 0; m < ARRAY_LEN(modes); m++) {
			struct rig_terminal t = { 0 };
			struct check_value first = { 0 }, last;
			bool loaded, done;

			rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
			rig_node_use(&cut);
			pg_server_do("arm %d %s", at + (int)m, modes[m]);
			attempt(&t, &loaded, &first, &done);
			if (was_cut())
				more++, cuts++;
			else
				ck_assert(done);
			ck_assert(!done || rig_number(r, "SELECT count(*) FROM download WHERE serial_number = ?",
						      t.serial) == 1);
			rig_node_use(at % 2 ? &cut : &node[0]);
			last = rig_download(r, &t);
			ck_assert(!loaded || !memcmp(first.value, last.value, FORMAT_CHECK));
			ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM tmk WHERE serial_number = ?", t.serial),
					 1);
			ck_assert_int_eq(
			    rig_number(r, "SELECT count(*) FROM tmk WHERE serial_number = ? AND confirmed > 0",
				       t.serial),
			    1);
			rig_terminal_done(&t);
		}
	}
	ck_assert_int_ge(cuts, 12);
	rig_node_stop(&cut, SIGTERM);
	ck_assert_int_eq(rig_command(r, "node remove cut", &out), 0);
}
END_TEST

/* Without its database a node says busy, and goes on when the server is back. */
START_TEST(a_database_that_is_not_there_is_busy_to_terminals)
{
	struct rig_terminal t = { 0 };
	bool loaded, done;
	struct check_value got;

	if (!r->database_name[0])
		return;
	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	rig_node_use(&node[0]);
	pg_server_do("halt");
	attempt(&t, &loaded, &got, &done);
	ck_assert(!loaded && !done);
	pg_server_do("again");
	/* the next try is due in a moment */
	for (int i = 0; i < 200 && !done; i++) {
		usleep(50000);
		attempt(&t, &loaded, &got, &done);
	}
	ck_assert(done);
	/* our own connection learns it by its next statement, too */
	for (int64_t n, i = 0; i < 100 && db_one(r->db, &n, NULL, "SELECT count(*) FROM node", ""); i++)
		usleep(50000);
	rig_terminal_done(&t);
}
END_TEST

/* R1.12: claims, handshakes and lock-outs end by the clock; nodes that disagree about it do not begin to share. */
START_TEST(a_node_whose_clock_is_behind_is_refused)
{
	BUF_AUTO out = { 0 };
	char sql[200];

	rig_node_stop(&node[1], SIGTERM);
	snprintf(sql, sizeof(sql), "INSERT INTO node(name, instance, started, seen) VALUES('ahead', 'x', 0, %lld)",
		 (long long)time(NULL) + 600);
	rig_db_write(r, sql);
	ck_assert(!rig_node_start(&node[1]));
	ck_assert(rig_node_logged(&node[1], "the clock of node ahead is"));
	rig_wait(r, 0, "SELECT count(*) FROM node WHERE name = 'two' AND stopped = 0", NULL);
	ck_assert_int_eq(rig_command(r, "node remove ahead", &out), 0);
	ck_assert(rig_node_start(&node[1]));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kms_nodes");
	TCase *c = tcase_create("kms_nodes");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_set_timeout(c, 180);
	tcase_add_unchecked_fixture(c, setup, teardown);
	tcase_add_test(c, nodes_are_listed_with_their_keys);
	tcase_add_test(c, a_terminal_gets_the_same_tmk_from_every_node);
	tcase_add_test(c, two_nodes_asked_at_once_make_one_tmk);
	tcase_add_test(c, a_proof_at_one_node_ends_the_older_handshake_at_the_other);
	tcase_add_test(c, a_nonce_seen_at_one_node_is_refused_at_the_other);
	tcase_add_test(c, a_lock_out_holds_at_every_node_and_not_for_the_terminal);
	tcase_add_test(c, nothing_is_lost_or_doubled_when_a_node_is_killed);
	tcase_add_test(c, a_connection_cut_anywhere_in_a_download_loses_nothing);
	tcase_add_test(c, a_database_that_is_not_there_is_busy_to_terminals);
	tcase_add_test(c, a_node_with_another_storage_key_is_refused);
	tcase_add_test(c, a_node_whose_clock_is_behind_is_refused);
	suite_add_tcase(s, c);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
