/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kms_rig.h"
#include "vendor.h"

/* PK, MAK and the storage key get a next generation while kmsd serves. */

static struct rig *r;

/* Terminals download all the time here. */
#define LIMITS "[limits]\npair_per_minute = 100000\naddress_per_minute = 1000000\n"
static unsigned long srk_generation = 1;

/* Longer than a program goes on with a key that it has found (host/pk11.h). */
#define NOTICE_S 3

static void setup(void)
{
	r = rig_new();
	rig_conf(r, LIMITS);
	rig_start(r);
}

static void teardown(void)
{
	rig_free(r);
}

/* ---- PK and MAK ---- */

/* The value of a payment key: both components of kms_rig.c, one over the other. */
static void value_of(uint8_t seed, uint8_t ret[32])
{
	for (unsigned i = 0; i < 32; i++)
		ret[i] = (uint8_t)(seed + 7 * i + 1) ^ (uint8_t)(seed + 14 * i + 2);
}

/* Is the record's MAC under the MAK of that seed? By OpenSSL, not by a token. */
static bool under_mak(const struct buf *record, uint8_t seed)
{
	struct tk_record parsed;
	BUF_AUTO covered = { 0 };
	uint8_t key[32], mac[16];
	size_t n = 0;

	value_of(seed, key);
	ck_assert(tk_record_parse(buf_view(record), &parsed));
	tk_record_mac_input(&covered, &parsed);
	ck_assert_ptr_nonnull(EVP_Q_mac(NULL, "CMAC", NULL, "AES-256-CBC", NULL, key, sizeof(key), covered.p,
					covered.len, mac, sizeof(mac), &n));
	return view_equal(parsed.mac, VIEW(mac, n));
}

#define MAK_SEED 0x20

/* A TK packet re-wrapped by hand, under the generations that are asked for (0: the newest). */
static CK_RV rewrap(const struct rig_terminal *t, size_t pk_before, size_t mak_before)
{
	struct sr_tk_rewrap_params params = { .pPacket = t->packet.p,
					      .ulPacketLen = t->packet.len,
					      .pCustomer = (CK_BYTE_PTR) "ACME",
					      .ulCustomerLen = 4,
					      .collectionTime = 1700000000 };
	CK_MECHANISM m = { CKM_SR_TK_REWRAP, &params, sizeof(params) };
	struct ops_record_keys *keys = &r->keys[FORMAT_SUITE_AES];
	struct pk11_session *s = NULL;
	CK_OBJECT_HANDLE pr = 0, pk = 0;
	uint8_t record[SR_RECORD_MAX];
	CK_ULONG n = sizeof(record);
	CK_RV rv;

	ck_assert_int_eq(pk11_borrow(r->hsm1, &s, NULL), ERR_OK);
	ck_assert_int_eq(pk11_key_handle(s, r->pr, &pr, NULL), ERR_OK);
	ck_assert_int_eq(pk11_key_older(s, keys->pk, pk_before, &pk, NULL), ERR_OK);
	ck_assert_int_eq(pk11_key_older(s, keys->mak, mak_before, &params.hMak, NULL), ERR_OK);
	rv = s->f->C_WrapKey(s->handle, &m, pk, pr, record, &n);
	pk11_return(s, CKR_OK);
	return rv;
}

static void tk_of(struct rig_terminal *t, const char *serial, uint8_t suite)
{
	rig_tk(r, t, serial, suite, FORMAT_HANDSHAKE_V2);
}

static void retire_payment_keys(unsigned which)
{
	static const char *const labels[] = { "PK", "MAK", "PK-TDES", "MAK-TDES" };

	for (size_t i = 0; i < ARRAY_LEN(labels); i++)
		rig_change(RIG_RETIRE, which, labels[i], 1);
}

START_TEST(records_under_way_open_when_pk_and_mak_are_rotated)
{
	static const uint8_t suites[] = { FORMAT_SUITE_AES, FORMAT_SUITE_TDES };
	struct rig_terminal known[2] = { 0 }, under_way[2] = { 0 }, packet[2] = { 0 }, between = { 0 };
	struct buf records[2] = { 0 };
	BUF_AUTO record = { 0 };
	struct check_value before[2], after;
	char serial[33];

	for (size_t i = 0; i < 2; i++) {
		rig_known(r, &known[i], suites[i], FORMAT_HANDSHAKE_V2);
		before[i] = rig_download(r, &known[i]);
		snprintf(serial, sizeof(serial), "WAY%zu", i);
		tk_of(&under_way[i], serial, suites[i]);
		rig_record(r, &under_way[i], "ACME", false, &records[i]);
		snprintf(serial, sizeof(serial), "PACKET%zu", i);
		tk_of(&packet[i], serial, suites[i]);
	}
	ck_assert(under_mak(&records[0], MAK_SEED));
	/* where records are opened first; HSM 1 still makes with the old ones */
	rig_change(RIG_CEREMONY, 1, NULL, 0);
	sleep(NOTICE_S);
	tk_of(&between, "BETWEEN", FORMAT_SUITE_AES);
	rig_record(r, &between, "ACME", false, &record);
	ck_assert(under_mak(&record, MAK_SEED));
	rig_import(r, &record);
	rig_download(r, &between);
	/* then where they are made */
	rig_change(RIG_CEREMONY, 0, NULL, 0);
	sleep(NOTICE_S);
	ck_assert_uint_eq(rewrap(&packet[0], 1, 1), CKR_OK);
	retire_payment_keys(0);
	retire_payment_keys(1);
	for (size_t i = 0; i < 2; i++) {
		rig_import(r, &records[i]);
		rig_download(r, &under_way[i]);
		after = rig_download(r, &known[i]);
		ck_assert_mem_eq(before[i].value, after.value, FORMAT_CHECK);
		rig_record(r, &packet[i], "ACME", false, &record);
		if (suites[i] == FORMAT_SUITE_AES) {
			ck_assert(under_mak(&record, MAK_SEED + RIG_LATER_SEED));
			ck_assert(!under_mak(&record, MAK_SEED));
		}
		rig_import(r, &record);
		rig_download(r, &packet[i]);
	}
	/* what is retired makes no record, not with the other one's newest either */
	ck_assert_uint_eq(rewrap(&packet[0], 0, 0), CKR_OK);
	ck_assert_uint_eq(rewrap(&packet[0], 1, 1), CKR_KEY_FUNCTION_NOT_PERMITTED);
	ck_assert_uint_eq(rewrap(&packet[0], 1, 0), CKR_KEY_FUNCTION_NOT_PERMITTED);
	ck_assert_uint_ne(rewrap(&packet[0], 0, 1), CKR_OK);
	/* and a kmsd that starts now opens both */
	rig_stop(r, SIGTERM);
	rig_start(r);
	rig_download(r, &known[0]);
	rig_download(r, &packet[0]);
	for (size_t i = 0; i < 2; i++) {
		rig_terminal_done(&known[i]);
		rig_terminal_done(&under_way[i]);
		rig_terminal_done(&packet[i]);
		buf_done(&records[i]);
	}
	rig_terminal_done(&between);
}
END_TEST

/* ---- the storage key ---- */

/* Writes kmsd.conf with another storage key; old: NULL: none. For a token without generations. */
static void conf_keys(const char *srk, const char *old)
{
	static const char from[] = "srk = pkcs11:object=SRK;type=secret-key\n";
	char path[200], text[5000] = "", now[5300], *at;
	FILE *file;

	rig_conf(r, LIMITS);
	snprintf(path, sizeof(path), "%s/kmsd.conf", r->dir);
	file = fopen(path, "re");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_gt(fread(text, 1, sizeof(text) - 1, file), 0);
	fclose(file);
	at = strstr(text, from);
	ck_assert_ptr_nonnull(at);
	*at = 0;
	snprintf(now, sizeof(now), "%ssrk = pkcs11:object=%s;type=secret-key\n%s%s%s%s", text, srk,
		 old ? "srk_old = pkcs11:object=" : "", old ? old : "", old ? ";type=secret-key\n" : "",
		 at + strlen(from));
	rig_write(r, "kmsd.conf", now, strlen(now));
}

static void next_srk(void)
{
	BUF_AUTO out = { 0 };

	ck_assert_msg(!rig_command(r, "srk-init SRK 53", &out), "%s", (char *)out.p);
	srk_generation++;
}

/* More TMKs than one batch: copies of this terminal's, for serial numbers that nobody has. */
static void crowd(const char *serial, unsigned n)
{
	char sql[600];

	snprintf(sql, sizeof(sql),
		 "DELETE FROM tmk WHERE serial_number LIKE 'CROWD%%';"
		 "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %u)"
		 " INSERT INTO tmk(serial_number, generation, type, length, ciphertext, method, check_value, made)"
		 " SELECT 'CROWD' || i, generation, type, length, ciphertext, method, check_value, made FROM tmk, n"
		 " WHERE serial_number = '%s'",
		 n, serial);
	rig_db_write(r, sql);
}

static int64_t tmks(void)
{
	return rig_number(r, "SELECT count(*) FROM tmk", NULL);
}

/* What the command answers, its counts. */
struct answer {
	int status;
	long long rewrapped, newest, failed, left;
	bool all; /* it says that the older keys are needed no more */
	struct buf text;
};

static struct answer command(void)
{
	struct answer a = { 0 };
	const char *line;

	a.status = rig_command(r, "srk-rewrap", &a.text);
	line = (const char *)a.text.p;
	while (line && sscanf(line, "%lld re-wrapped, %lld were under the newest key, %lld failed, %lld left",
			      &a.rewrapped, &a.newest, &a.failed, &a.left) != 4) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	ck_assert_msg(line != NULL, "%s", (char *)a.text.p);
	a.all = strstr((const char *)a.text.p, "holds every TMK") != NULL;
	return a;
}

static void command_is(int status, long long rewrapped, long long newest, long long failed)
{
	struct answer a = command();

	ck_assert_msg(!a.status == !status && a.rewrapped == rewrapped && a.newest == newest && a.failed == failed &&
			  !a.left && a.all == !failed,
		      "%s", (char *)a.text.p);
	buf_done(&a.text);
}

static struct answer in_thread;
static volatile bool thread_over;

static void *command_thread(void *arg)
{
	in_thread = command();
	thread_over = true;
	return NULL;
}

static void same_tmk(const struct rig_terminal *t, const struct check_value *before)
{
	struct check_value now = rig_download(r, t);

	ck_assert_mem_eq(now.value, before->value, FORMAT_CHECK);
}

/* R1.12: downloads before, during and after, and the key of before is destroyed indeed. */
START_TEST(tmks_go_under_the_newest_storage_key_while_terminals_download)
{
	struct rig_terminal t[3] = { 0 };
	struct check_value before[3];
	BUF_AUTO none = { 0 };
	pthread_t thread;
	unsigned during = 0;

	for (size_t i = 0; i < 3; i++) {
		rig_known(r, &t[i], FORMAT_SUITE_AES, i ? FORMAT_HANDSHAKE_V1 : FORMAT_HANDSHAKE_V2);
		before[i] = rig_download(r, &t[i]);
	}
	crowd(t[0].serial, 500);
	command_is(0, 0, tmks(), 0);
	if (rig_suite_1()) {
		next_srk();
	} else {
		ck_assert_int_eq(rig_command(r, "srk-init SRK2 54", &none), 0);
		ck_assert_int_eq(rig_command(r, "srk-init SRK3 55", &none), 0);
		/* the one of before is not named, or another one is: each row says so, and stays */
		conf_keys("SRK2", NULL);
		command_is(1, 0, 0, tmks());
		conf_keys("SRK2", "SRK3");
		command_is(1, 0, 0, tmks());
		conf_keys("SRK2", "SRK");
		rig_stop(r, SIGTERM);
		rig_start(r);
	}
	for (size_t i = 0; i < 3; i++)
		same_tmk(&t[i], &before[i]);
	thread_over = false;
	ck_assert_int_eq(pthread_create(&thread, NULL, command_thread, NULL), 0);
	for (; !thread_over || during < 3; during++)
		same_tmk(&t[during % 3], &before[during % 3]);
	pthread_join(thread, NULL);
	ck_assert_msg(!in_thread.status && in_thread.rewrapped == tmks() && in_thread.all, "%s",
		      (char *)in_thread.text.p);
	buf_done(&in_thread.text);
	command_is(0, 0, tmks(), 0);
	if (rig_suite_1()) {
		rig_change(RIG_RETIRE, 1, "SRK", srk_generation - 1);
		rig_change(RIG_DESTROY, 1, "SRK", srk_generation - 1);
	} else {
		conf_keys("SRK2", NULL);
		rig_stop(r, SIGTERM);
		rig_start(r);
	}
	for (size_t i = 0; i < 3; i++) {
		same_tmk(&t[i], &before[i]);
		rig_terminal_done(&t[i]);
	}
	command_is(0, 0, tmks(), 0);
	ck_assert_int_gt(
	    rig_number(r,
		       "SELECT count(*) FROM audit WHERE event = 'srk-rewrap' AND code = 0 AND peer LIKE 'console:%'",
		       NULL),
	    8);
}
END_TEST

static pid_t command_start(void)
{
	char conf[200];
	pid_t child = fork();

	snprintf(conf, sizeof(conf), "%s/kmsd.conf", r->dir);
	if (!child) {
		execl(getenv("KMSD"), "kmsd", "--config", conf, "--log-level", "error", "srk-rewrap", (char *)NULL);
		_exit(127);
	}
	ck_assert_int_gt(child, 0);
	return child;
}

static const char batches_sql[] = "SELECT count(*) FROM audit WHERE event = 'srk-rewrap' AND text LIKE '% now'";

START_TEST(kill_9_in_the_middle_loses_nothing_and_the_next_run_goes_on)
{
	struct rig_terminal t = { 0 };
	struct check_value before;
	int64_t from, total;
	struct answer a;
	int status;

	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	before = rig_download(r, &t);
	next_srk();
	crowd(t.serial, 1500);
	total = tmks();
	for (int round = 0; round < 3; round++) {
		pid_t child;

		from = rig_number(r, batches_sql, NULL);
		child = command_start();
		while (rig_number(r, batches_sql, NULL) < from + 2)
			usleep(200);
		ck_assert_int_eq(kill(child, SIGKILL), 0);
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		ck_assert(WIFSIGNALED(status));
		ck_assert_int_eq(tmks(), total);
		same_tmk(&t, &before);
	}
	a = command();
	ck_assert_msg(!a.status && a.all && a.rewrapped > 0 && a.newest >= 6LL * 64 && a.rewrapped + a.newest == total,
		      "%s", (char *)a.text.p);
	buf_done(&a.text);
	rig_change(RIG_RETIRE, 1, "SRK", srk_generation - 1);
	rig_change(RIG_DESTROY, 1, "SRK", srk_generation - 1);
	command_is(0, 0, total, 0);
	same_tmk(&t, &before);
	rig_terminal_done(&t);
}
END_TEST

START_TEST(a_row_that_changes_meanwhile_is_left_to_the_next_pass)
{
	struct rig_terminal t = { 0 }, other = { 0 };
	struct check_value before;
	char sql[400];
	pthread_t thread;

	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	before = rig_download(r, &t);
	rig_known(r, &other, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	rig_download(r, &other);
	next_srk();
	crowd(t.serial, 600);
	/* all the time somebody puts another terminal's TMK, under the old key, in the place of the last ones */
	snprintf(sql, sizeof(sql),
		 "CREATE TEMP TABLE x AS SELECT ciphertext, check_value FROM tmk WHERE serial_number = '%s';"
		 "UPDATE tmk SET ciphertext = (SELECT ciphertext FROM x), check_value = (SELECT check_value FROM x)"
		 " WHERE serial_number > 'CROWD9' AND serial_number < 'CROWE'",
		 other.serial);
	thread_over = false;
	ck_assert_int_eq(pthread_create(&thread, NULL, command_thread, NULL), 0);
	while (rig_number(r,
			  "SELECT count(*) FROM tmk WHERE serial_number LIKE 'CROWD1%' AND ciphertext <>"
			  " (SELECT ciphertext FROM tmk WHERE serial_number = 'CROWD99')",
			  NULL) < 64 &&
	       !thread_over)
		usleep(500);
	rig_db_write(r, sql);
	pthread_join(thread, NULL);
	ck_assert_msg(!in_thread.status && in_thread.all, "%s", (char *)in_thread.text.p);
	buf_done(&in_thread.text);
	command_is(0, 0, tmks(), 0);
	same_tmk(&t, &before);
	rig_terminal_done(&t);
	rig_terminal_done(&other);
}
END_TEST

static void failed_row(const struct answer *a, const char *serial, const char *why)
{
	char line[300];
	const char *at;

	snprintf(line, sizeof(line), "failed\t%s\t1\t", serial);
	at = strstr((const char *)a->text.p, line);
	ck_assert_msg(at != NULL, "%s: %s", serial, (char *)a->text.p);
	ck_assert_msg(!strncmp(at + strlen(line), why, strlen(why)), "%s: %s", serial, at);
}

static void ciphertext(const char *serial, char ret[512])
{
	rig_text(r, ret, "SELECT hex(ciphertext) FROM tmk WHERE serial_number = ?", serial);
}

START_TEST(what_cannot_be_rewrapped_is_named_row_by_row_and_stays)
{
	static const char none[] = "TMK of the database: no storage key opens it";
	static const char *const broken[] = { "CROWD1", "CROWD2", "CROWD3", "CROWD4" };
	struct rig_terminal lost = { 0 }, good = { 0 };
	struct check_value before;
	char was[5][512], now[512];
	struct answer a;

	rig_known(r, &lost, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	rig_download(r, &lost);
	command_is(0, 0, tmks(), 0);
	/* its storage key is destroyed before it went under the next one */
	next_srk();
	sleep(NOTICE_S);
	rig_change(RIG_RETIRE, 1, "SRK", srk_generation - 1);
	rig_change(RIG_DESTROY, 1, "SRK", srk_generation - 1);
	rig_known(r, &good, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	before = rig_download(r, &good);
	{
		char sql[200];

		snprintf(sql, sizeof(sql), "DELETE FROM tmk WHERE serial_number NOT IN('%s', '%s')", lost.serial,
			 good.serial);
		rig_db_write(r, sql);
	}
	crowd(good.serial, 200);
	rig_db_write(r, "UPDATE tmk SET check_value = '000000' WHERE serial_number = 'CROWD1';"
			"UPDATE tmk SET ciphertext = x'00' WHERE serial_number = 'CROWD2';"
			"UPDATE tmk SET ciphertext = CAST(substr(ciphertext, 1, length(ciphertext) - 1) || x'55' AS"
			" BLOB) WHERE serial_number = 'CROWD3';"
			"UPDATE tmk SET method = 1 WHERE serial_number = 'CROWD4'");
	next_srk();
	for (size_t i = 0; i < 4; i++)
		ciphertext(broken[i], was[i]);
	ciphertext(lost.serial, was[4]);
	a = command();
	ck_assert_msg(a.status && !a.all && a.failed == 5 && a.rewrapped == tmks() - 5 && !a.left, "%s",
		      (char *)a.text.p);
	failed_row(&a, lost.serial, none);
	failed_row(&a, "CROWD1", "its check value is ");
	failed_row(&a, "CROWD2", "TMK blob: form");
	failed_row(&a, "CROWD3", none);
	failed_row(&a, "CROWD4", "its check value is ");
	buf_done(&a.text);
	for (size_t i = 0; i < 5; i++) {
		ciphertext(i < 4 ? broken[i] : lost.serial, now);
		ck_assert_str_eq(was[i], now);
	}
	same_tmk(&good, &before);
	/* until somebody sees to them */
	rig_db_write(r, "DELETE FROM tmk WHERE serial_number IN('CROWD1', 'CROWD2', 'CROWD3', 'CROWD4')");
	command_is(1, 0, tmks() - 1, 1);
	rig_terminal_done(&lost);
	rig_terminal_done(&good);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kms_rotate");
	TCase *c = tcase_create("kms_rotate");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_set_timeout(c, 240);
	tcase_add_unchecked_fixture(c, setup, teardown);
	if (rig_suite_1())
		tcase_add_test(c, records_under_way_open_when_pk_and_mak_are_rotated);
	tcase_add_test(c, tmks_go_under_the_newest_storage_key_while_terminals_download);
	if (rig_suite_1()) {
		tcase_add_test(c, kill_9_in_the_middle_loses_nothing_and_the_next_run_goes_on);
		tcase_add_test(c, a_row_that_changes_meanwhile_is_left_to_the_next_pass);
		tcase_add_test(c, what_cannot_be_rewrapped_is_named_row_by_row_and_stays);
	}
	suite_add_tcase(s, c);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
