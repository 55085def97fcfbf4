/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keyfile.h"
#include "kms_rig.h"

/*
 * What operators ask: duplicate keys, reconciliation of orders, ages, history; repair of formal records; import by
 * command and from a folder. kmsd is a process, the tokens are real.
 */

/* tests/ops/ops_packet.c: a TK packet with keys of known value. */
struct rig_packet {
	uint8_t suite, handshake, hash, type, length;
	const char *serial;
	uint64_t counter;
	struct view tek, auk;
};
void rig_packet(struct view spki, const struct rig_packet *in, struct buf *ret);

static struct rig *r;
static char here[200], work[200];

static void setup(void)
{
	char more[700];
	BUF_AUTO out = { 0 };

	r = rig_new();
	ck_assert_int_eq(rig_command(r, "fpk-init FPK 46", &out), 0);
	snprintf(here, sizeof(here), "%s/server", r->dir);
	snprintf(work, sizeof(work), "%s/work", r->dir);
	ck_assert(!mkdir(here, 0700) && !mkdir(work, 0700));
	snprintf(more, sizeof(more),
		 "[token]\nfpk = pkcs11:object=FPK\n[pickup here]\nurl = %s\nwork = %s\npoll_s = 1\nsettle_s = 1\n",
		 here, work);
	rig_conf(r, more);
	rig_start(r);
}

static void teardown(void)
{
	rig_free(r);
}

/* The record of a TK whose keys are patterns. */
static void known_record(const char *serial, uint8_t tek_seed, uint8_t auk_seed, struct buf *ret)
{
	const unsigned char *der = r->working_cert.p;
	X509 *x = d2i_X509(NULL, &der, (long)r->working_cert.len);
	unsigned char *spki = NULL;
	uint8_t tek[32], auk[32];
	struct rig_terminal t = { .suite = FORMAT_SUITE_AES };
	struct rig_packet in = { FORMAT_SUITE_AES,
				 FORMAT_HANDSHAKE_V2,
				 getenv("RIG_SOFTHSM") ? FORMAT_HASH_SHA1 : FORMAT_HASH_SHA256,
				 FORMAT_KEY_AES,
				 32,
				 serial,
				 ++r->counter,
				 VIEW(tek, 32),
				 VIEW(auk, 32) };
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &spki);

	memset(tek, tek_seed, sizeof(tek));
	memset(auk, auk_seed, sizeof(auk));
	ck_assert_int_gt(n, 0);
	rig_packet(VIEW(spki, n), &in, &t.packet);
	snprintf(t.serial, sizeof(t.serial), "%s", serial);
	rig_record(r, &t, "ACME", false, ret);
	OPENSSL_free(spki);
	X509_free(x);
	rig_terminal_done(&t);
}

static void command(const char *arguments, int status, struct buf *out)
{
	int got;

	buf_done(out);
	got = rig_command(r, arguments, out);
	ck_assert_msg(got == status, "%s: %d: %s", arguments, got, (char *)out->p);
}

#define HAS(buffer, text) ck_assert_msg(strstr((char *)(buffer).p, text), "no %s in: %s", text, (char *)(buffer).p)
#define HAS_NOT(buffer, text) ck_assert_msg(!strstr((char *)(buffer).p, text), "%s in: %s", text, (char *)(buffer).p)

/* R2.5: by fingerprints, not check values; also where TEK and AUK are exchanged */
START_TEST(keys_that_are_there_twice_are_found_and_told)
{
	struct rig_terminal t = { 0 };
	BUF_AUTO a = { 0 };
	BUF_AUTO b = { 0 };
	BUF_AUTO c = { 0 };
	BUF_AUTO single = { 0 };
	BUF_AUTO out = { 0 };
	struct view list[2];

	known_record("TWIN-1", 0x11, 0x22, &a);
	known_record("TWIN-2", 0x11, 0x33, &b);
	known_record("TWIN-3", 0x44, 0x22, &c);
	rig_fresh(r, &t, &single);
	list[0] = buf_view(&a);
	list[1] = buf_view(&single);
	rig_keyfile(r, "one.keys", "one", "ACME", list, 2);
	rig_wait(r, 1, "SELECT count(*) FROM key_file WHERE state = 'done' AND name = 'one'", NULL);
	ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM notification WHERE event = 'duplicate-key'", NULL), 0);
	command("duplicates", 0, &out);
	HAS_NOT(out, "TWIN");
	list[0] = buf_view(&b);
	list[1] = buf_view(&c);
	rig_keyfile(r, "two.keys", "two", "ACME", list, 2);
	rig_wait(r, 1, "SELECT count(*) FROM key_file WHERE state = 'done' AND name = 'two'", NULL);
	ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM notification WHERE event = 'duplicate-key'", NULL), 1);
	ck_assert_int_eq(
	    rig_number(r, "SELECT count(*) FROM audit WHERE event = 'duplicate keys' AND object = 'two'", NULL), 1);
	command("duplicates", 0, &out);
	HAS(out, "\tTEK\tTWIN-1\t");
	HAS(out, "\tTEK\tTWIN-2\t");
	HAS(out, "\tAUK\tTWIN-1\t");
	HAS(out, "\tAUK\tTWIN-3\t");
	HAS_NOT(out, t.serial);
	command("duplicates --serial TWIN-2 --json", 0, &out);
	HAS(out, "\"TWIN-1\"");
	HAS_NOT(out, "TWIN-3");
	/* TEK of one is AUK of another */
	known_record("TWIN-4", 0x55, 0x11, &c);
	rig_import(r, &c);
	command("duplicates --serial TWIN-4 --csv", 0, &out);
	HAS(out, ",AUK,TWIN-4,");
	HAS(out, ",TEK,TWIN-1,");
	rig_terminal_done(&t);
}
END_TEST

/* R2.5: a TMK has one too; what has none gets one by command */
START_TEST(fingerprints_that_are_missing_are_made_by_command)
{
	struct rig_terminal t = { 0 };
	BUF_AUTO out = { 0 };
	char sql[200];

	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	(void)rig_download(r, &t);
	ck_assert_int_eq(
	    rig_number(r, "SELECT count(*) FROM key_fingerprint WHERE kind = 'TMK' AND serial_number = ?", t.serial),
	    1);
	snprintf(sql, sizeof(sql), "CREATE TABLE kept AS SELECT * FROM key_fingerprint; DELETE FROM key_fingerprint");
	rig_db_write(r, sql);
	command("fingerprint", 0, &out);
	ck_assert_int_eq(rig_number(r,
				    "SELECT count(*) FROM kept k JOIN key_fingerprint p ON p.kind = k.kind AND"
				    " p.serial_number = k.serial_number AND p.number = k.number AND p.fingerprint ="
				    " k.fingerprint AND p.fpk = k.fpk",
				    NULL),
			 rig_number(r, "SELECT count(*) FROM kept", NULL));
	rig_db_write(r, "DROP TABLE kept");
	command("fingerprint", 0, &out);
	HAS(out, "0 TKs and 0 TMKs");
	rig_terminal_done(&t);
}
END_TEST

static void inventory(const char *order, const char *text, int status, struct buf *out)
{
	char words[300];

	rig_write(r, "pads.csv", text, strlen(text));
	snprintf(words, sizeof(words), "inventory load %s %s/pads.csv", order, r->dir);
	command(words, status, out);
}

/* R2.1, R2.9: every record names its PIN pad, and so may the inventory */
START_TEST(pin_pads_are_compared_with_the_inventory)
{
	struct rig_terminal t[3] = { 0 };
	struct buf record[3] = { 0 };
	struct view list[3];
	char text[400];
	BUF_AUTO out = { 0 };

	for (int i = 0; i < 3; i++) {
		rig_fresh(r, &t[i], &record[i]); /* all say PP-1 */
		list[i] = buf_view(&record[i]);
	}
	snprintf(text, sizeof(text), "serial,pin_pad\n%s\n%s,PP-1\n%s,PP-2\nNEVER-2,PP-3\n", t[0].serial, t[1].serial,
		 t[2].serial);
	inventory("PADS", text, 0, &out);
	HAS(out, "4 serial numbers, 4 of them new, 0 PIN pads added");
	ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM inventory WHERE pin_pad <> ''", NULL), 3);
	r->order = "PADS";
	rig_keyfile(r, "pads.keys", "pads", "ACME", list, 3);
	r->order = NULL;
	rig_wait(r, 1, "SELECT count(*) FROM key_file WHERE state = 'done' AND name = 'pads'", NULL);
	command("reconcile --order PADS --csv", 0, &out);
	HAS(out, "order,expected,imported,failed_records,waiting_records,missing,surplus,loaded,other_pin_pad\r\n");
	HAS(out, "PADS,4,3,0,0,1,0,0,1\r\n");
	command("reconcile-detail --order PADS", 0, &out);
	snprintf(text, sizeof(text), "PADS\t%s\timported\t", t[0].serial);
	HAS(out, text);
	snprintf(text, sizeof(text), "PADS\t%s\timported\t", t[1].serial);
	HAS(out, text);
	snprintf(text, sizeof(text), "PADS\t%s\tother PIN pad\t", t[2].serial);
	HAS(out, text);
	HAS(out, "\tPP-2\tPP-1\n");
	HAS(out, "PADS\tNEVER-2\tmissing\t0\t0\t\tPP-3\t\n");
	/* told later; never another one, nor one twice, and nothing of a file with such a line */
	snprintf(text, sizeof(text), "%s,PP-4\n%s,PP-1\nNEVER-3,PP-5\n", t[0].serial, t[1].serial);
	inventory("PADS", text, 0, &out);
	HAS(out, "3 serial numbers, 1 of them new, 1 PIN pads added");
	command("reconcile --order PADS --csv", 0, &out);
	HAS(out, "PADS,5,3,0,0,2,0,0,2\r\n");
	snprintf(text, sizeof(text), "%s,PP-6\nNEVER-4,PP-5\nNEVER-5,PP-7\nNEVER-6,PP-7\nNEVER-5\n", t[0].serial);
	inventory("PADS", text, 1, &out);
	HAS(out, "has PIN pad PP-4 already, not PP-6");
	HAS(out, "pads.csv:2: PIN pad PP-5 belongs to NEVER-3");
	HAS(out, "pads.csv:4: PIN pad PP-7 belongs to NEVER-5");
	HAS(out, "pads.csv:5: serial number NEVER-5 stands twice");
	ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM inventory WHERE production_order = 'PADS'", NULL), 5);
	for (int i = 0; i < 3; i++) {
		rig_terminal_done(&t[i]);
		buf_done(&record[i]);
	}
}
END_TEST

/* R2.9: production batches travel together */
START_TEST(an_order_is_reconciled_with_its_inventory)
{
	struct rig_terminal t[4] = { 0 };
	struct buf record[4] = { 0 };
	struct view list[4];
	char text[300];
	BUF_AUTO out = { 0 };

	for (int i = 0; i < 4; i++)
		rig_fresh(r, &t[i], &record[i]);
	record[1].p[record[1].len - 20] ^= 1; /* its MAC */
	/* expected: 0, 1, 3 and one that never comes; 2 is surplus; 3 comes later */
	snprintf(text, sizeof(text), "serial,pin_pad\n%s\n%s,PP-9\n%s\nNEVER-1\n", t[0].serial, t[1].serial,
		 t[3].serial);
	rig_write(r, "inventory.csv", text, strlen(text));
	snprintf(text, sizeof(text), "inventory load ORDER-1 %s/inventory.csv", r->dir);
	command(text, 0, &out);
	HAS(out, "4 serial numbers, 4 of them new");
	command(text, 0, &out);
	HAS(out, "4 serial numbers, 0 of them new, 0 PIN pads added");
	for (int i = 0; i < 3; i++)
		list[i] = buf_view(&record[i]);
	rig_keyfile(r, "order.keys", "order", "ACME", list, 3);
	rig_wait(r, 1, "SELECT count(*) FROM key_file WHERE state = 'done' AND name = 'order'", NULL);
	(void)rig_download(r, &t[0]);
	command("reconcile --order ORDER-1 --json", 0, &out);
	HAS(out, "\"order\":\"ORDER-1\",\"expected\":4");
	HAS(out, "\"missing\":3");
	HAS(out, "\"loaded\":1");
	command("reconcile-detail --order ORDER-1", 0, &out);
	snprintf(text, sizeof(text), "ORDER-1\t%s\timported\t", t[0].serial);
	HAS(out, text);
	snprintf(text, sizeof(text), "ORDER-1\t%s\tfailed\t", t[1].serial);
	HAS(out, text);
	snprintf(text, sizeof(text), "ORDER-1\t%s\tsurplus\t", t[2].serial);
	HAS(out, text);
	snprintf(text, sizeof(text), "ORDER-1\t%s\tmissing\t", t[3].serial);
	HAS(out, text);
	HAS(out, "ORDER-1\tNEVER-1\tmissing\t");
	/* all of a file or nothing */
	rig_write(r, "inventory.csv", "GOOD-1\nwith blank\nGOOD-1\n", 25);
	snprintf(text, sizeof(text), "inventory load ORDER-2 %s/inventory.csv", r->dir);
	command(text, 1, &out);
	HAS(out, "inventory.csv:2:");
	HAS(out, "inventory.csv:3:");
	ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM inventory WHERE production_order = 'ORDER-2'", NULL), 0);
	command("inventory drop ORDER-1", 0, &out);
	command("inventory drop ORDER-1", 1, &out);
	for (int i = 0; i < 4; i++) {
		rig_terminal_done(&t[i]);
		buf_done(&record[i]);
	}
}
END_TEST

/* R2.5, R2.7: what the DC delivers again repairs what was altered; what is older never comes back */
START_TEST(an_altered_formal_record_is_repaired_by_the_genuine_one)
{
	static const char *const harm[] = {
		"UPDATE key_formal SET record = (SELECT h.record FROM key_history h WHERE h.serial_number ="
		" key_formal.serial_number ORDER BY h.tk_counter LIMIT 1) WHERE serial_number = '%s'",
		"UPDATE key_formal SET record = (SELECT record FROM key_source WHERE flag = 'imported' AND "
		"serial_number <> '%s'"
		" LIMIT 1)",
		"UPDATE key_formal SET tk_counter = tk_counter + 1000 WHERE serial_number = '%s'",
		"DELETE FROM key_formal WHERE serial_number = '%s'",
	};
	struct rig_terminal t = { 0 }, other = { 0 };
	BUF_AUTO older = { 0 };
	BUF_AUTO genuine = { 0 };
	char serial[33], sql[400], text[512];
	struct check_value before, after;

	rig_known(r, &other, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	rig_fresh(r, &t, &older);
	rig_import(r, &older);
	snprintf(serial, sizeof(serial), "%s", t.serial);
	rig_tk(r, &t, serial, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	rig_record(r, &t, "ACME", false, &genuine);
	rig_import(r, &genuine);
	rig_text(r, text, "SELECT outcome FROM key_source WHERE serial_number = ? ORDER BY id DESC", serial);
	ck_assert_str_eq(text, "newer");
	before = rig_download(r, &t);
	for (size_t i = 0; i < ARRAY_LEN(harm); i++) {
		struct view v = buf_view(&older);
		char name[32];
		BUF_AUTO answer = { 0 };

		snprintf(sql, sizeof(sql), harm[i], serial);
		rig_db_write(r, sql);
		/* the older TK, though genuine, does not get in this way */
		snprintf(name, sizeof(name), "old-%zu", i);
		ck_assert_int_eq(rig_deliver(r, name, &v, 1, &answer), 200);
		snprintf(name, sizeof(name), "dc1/old-%zu", i);
		rig_wait(r, 1, "SELECT count(*) FROM key_file WHERE state = 'done' AND name = ?", name);
		rig_text(r, text, "SELECT error FROM key_source WHERE serial_number = ? ORDER BY id DESC", serial);
		ck_assert_str_eq(text, "TK counter not above the stored one");
		rig_import(r, &genuine);
		rig_text(r, text, "SELECT outcome FROM key_source WHERE serial_number = ? ORDER BY id DESC", serial);
		ck_assert_msg(!strcmp(text, "repaired"), "%s: %s", sql, text);
		rig_wait(r, (int64_t)i + 1, "SELECT count(*) FROM audit WHERE event = 'repair' AND object = ?", serial);
		after = rig_download(r, &t);
		ck_assert_mem_eq(&after, &before, sizeof(after));
	}
	rig_import(r, &genuine);
	rig_text(r, text, "SELECT outcome FROM key_source WHERE serial_number = ? ORDER BY id DESC", serial);
	ck_assert_str_eq(text, "known");
	/* the history has all of them, and nobody takes one out */
	ck_assert_int_eq(
	    rig_number(r, "SELECT count(DISTINCT tk_counter) FROM key_history WHERE serial_number = ?", serial), 2);
	snprintf(sql, sizeof(sql), "history --serial %s --json", serial);
	BUF_AUTO out = { 0 };
	command(sql, 0, &out);
	HAS(out, "\"current\":0");
	HAS(out, "\"current\":1");
	rig_terminal_done(&t);
	rig_terminal_done(&other);
}
END_TEST

/* Writes a key file and its manifest to a folder. */
static void put_at(const char *folder, const char *name, const struct view *records, size_t count, bool with_manifest)
{
	char text[700];

	rig_keyfile(r, "hidden", name, "ACME", records, count);
	snprintf(text, sizeof(text), "mv %s/spool/hidden %s/%s.keys", r->dir, folder, name);
	ck_assert_int_eq(system(text), 0);
	if (!with_manifest)
		return;
	BUF_AUTO bytes = { 0 };
	FILE *f;
	int c;

	snprintf(text, sizeof(text), "%s/%s.keys", folder, name);
	f = fopen(text, "re");
	ck_assert(f);
	while ((c = getc(f)) != EOF)
		buf_put_u8(&bytes, (uint8_t)c);
	fclose(f);
	/* made in the spool folder under a name that nobody looks at */
	struct manifest m = rig_manifest_of(r, name, buf_view(&bytes), count);
	char hidden[64];
	snprintf(hidden, sizeof(hidden), ".%s", name);
	rig_manifest_write(r, hidden, &m, ROLE_DC);
	snprintf(text, sizeof(text), "mv %s/spool/.%s.manifest %s/%s.manifest", r->dir, name, folder, name);
	ck_assert_int_eq(system(text), 0);
}

static bool there(const char *folder, const char *name)
{
	char path[500];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return access(path, F_OK) == 0;
}

static void wait_there(const char *folder, const char *name)
{
	for (int i = 0; i < 3000 && !there(folder, name); i++)
		usleep(10000);
	ck_assert_msg(there(folder, name), "%s/%s", folder, name);
}

/* R2.2: by command, beside the running daemon */
START_TEST(a_key_file_is_imported_by_command)
{
	enum { N = 40 };
	struct rig_terminal t = { 0 };
	BUF_AUTO good = { 0 };
	struct view list[N];
	BUF_AUTO out = { 0 };
	char text[600];

	rig_fresh(r, &t, &good);
	for (int i = 0; i < N; i++)
		list[i] = i == 5 ? buf_view(&good) : VIEW_STR("no record");
	put_at(work, "command", list, N, true);
	snprintf(text, sizeof(text), "import %s/command.keys", work);
	command(text, 1, &out); /* 39 failed */
	HAS(out, "received 40 of 40");
	HAS(out, "imported 40 of 40");
	HAS(out, "40 records, 1 imported, 39 failed");
	HAS(out, "sources --file");
	ck_assert_int_eq(rig_number(r,
				    "SELECT count(*) FROM key_file WHERE name = 'command' AND source = 'command' AND"
				    " state = 'done' AND sequence > 0",
				    NULL),
			 1);
	ck_assert(there(work, "command.keys")); /* the operator's file stays where it is */
	command(text, 1, &out);
	HAS(out, "a file of this name was imported before");
	/* without a manifest only when the operator says so, which is audited */
	list[0] = VIEW_STR("another one");
	put_at(work, "bare", list, 1, false);
	snprintf(text, sizeof(text), "import %s/bare.keys", work);
	command(text, 1, &out);
	ck_assert_int_eq(rig_number(r, "SELECT count(*) FROM key_file WHERE name = 'bare'", NULL), 0);
	snprintf(text, sizeof(text), "import %s/bare.keys --unsigned", work);
	command(text, 1, &out);
	HAS(out, "1 records, 0 imported, 1 failed");
	ck_assert_int_eq(
	    rig_number(r, "SELECT count(*) FROM audit WHERE object = 'bare' AND text LIKE '%unsigned, by command%'",
		       NULL),
	    1);
	snprintf(text, sizeof(text), "import %s/bare.keys --unsigned --manifest x", work);
	command(text, 1, &out);
	command("import /nowhere/x.keys", 1, &out);
	command("import /nowhere/x.txt --unsigned", 1, &out);
	rig_terminal_done(&t);
}
END_TEST

/* R2.2: as long as the system takes them, of the file and of its manifest */
START_TEST(paths_of_any_length_are_imported)
{
	struct view list[1];
	BUF_AUTO out = { 0 };
	char deep[420], text[1200];
	int n;

	n = snprintf(deep, sizeof(deep), "%s", work);

	for (int i = 0; i < 3; i++) {
		n += snprintf(deep + n, sizeof(deep) - (size_t)n, "/%.*d", 100, i);
		ck_assert_int_eq(mkdir(deep, 0700), 0);
	}
	ck_assert_int_gt(n, 255);
	list[0] = VIEW_STR("from afar");
	put_at(work, "far", list, 1, true);
	snprintf(text, sizeof(text), "mv %s/far.manifest %s/other.name", work, deep);
	ck_assert_int_eq(system(text), 0);
	snprintf(text, sizeof(text), "import %s/far.keys --manifest %s/other.name", work, deep);
	command(text, 1, &out);
	HAS(out, "1 records, 0 imported, 1 failed");
	list[0] = VIEW_STR("from very far");
	put_at(work, "farther", list, 1, true);
	snprintf(text, sizeof(text), "mv %s/farther.* %s", work, deep);
	ck_assert_int_eq(system(text), 0);
	snprintf(text, sizeof(text), "import %s/farther.keys", deep);
	command(text, 1, &out);
	HAS(out, "1 records, 0 imported, 1 failed");
	snprintf(text, sizeof(text), "import %s/far.keys --manifest %s/other.gone", work, deep);
	command(text, 1, &out);
	HAS(out, "other.gone is not there");
	snprintf(text, sizeof(text), "import %s/far.keys --manifest %s/%.*d", work, work, 256, 0);
	command(text, 1, &out);
	HAS(out, "or its last part more than 255");
}
END_TEST

/* R2.2: from a folder by URL */
START_TEST(key_files_are_picked_up_from_a_folder)
{
	struct rig_terminal t = { 0 };
	BUF_AUTO good = { 0 };
	struct view v;

	rig_fresh(r, &t, &good);
	v = buf_view(&good);
	put_at(here, "picked", &v, 1, true);
	rig_wait(r, 1, "SELECT count(*) FROM key_formal WHERE serial_number = ?", t.serial);
	wait_there(here, "picked.manifest.done");
	ck_assert(there(here, "picked.keys.done") && !there(here, "picked.keys") && !there(work, "picked.keys"));
	rig_wait(r, 1, "SELECT moved FROM key_file WHERE name = 'picked' AND source = 'pickup here'", NULL);
	/* the same once more */
	put_at(here, "picked", &v, 1, true);
	wait_there(here, "picked.manifest.failed");
	ck_assert_int_eq(
	    rig_number(r, "SELECT count(*) FROM key_file WHERE name = 'picked' AND state = 'refused'", NULL), 1);
	/* a bad manifest: its key file is not even fetched */
	v = VIEW_STR("something");
	put_at(here, "bad", &v, 1, true);
	char text[600];
	snprintf(text, sizeof(text), "printf x >%s/bad2.manifest && printf y >%s/bad2.keys", here, here);
	ck_assert_int_eq(system(text), 0);
	wait_there(here, "bad2.manifest.failed");
	wait_there(here, "bad.manifest.done"); /* whole, of one bad record */
	rig_wait(r, 1,
		 "SELECT count(*) FROM key_file WHERE name = 'bad2' AND state = 'refused' AND error LIKE '%manifest%'",
		 NULL);
	rig_terminal_done(&t);
}
END_TEST

START_TEST(questions_have_filters_pages_and_forms)
{
	enum { N = 1200 };
	static struct view list[N];
	BUF_AUTO out = { 0 };
	char text[200];
	int64_t id;
	size_t lines = 0;

	for (int i = 0; i < N; i++)
		list[i] = VIEW_STR("nothing");
	rig_keyfile(r, "pages.keys", "pages", "ACME", list, N);
	rig_wait(r, 1, "SELECT count(*) FROM key_file WHERE state = 'done' AND name = 'pages'", NULL);
	id = rig_number(r, "SELECT id FROM key_file WHERE name = 'pages'", NULL);
	snprintf(text, sizeof(text), "sources --file %lld --flag error", (long long)id);
	command(text, 0, &out);
	for (const char *p = (char *)out.p; (p = strchr(p, '\n')); p++)
		lines++;
	ck_assert_uint_eq(lines, N + 1); /* more than two pages, and the heading */
	snprintf(text, sizeof(text), "sources --file %lld --flag error --limit 3 --csv", (long long)id);
	command(text, 0, &out);
	HAS(out, "id,file,line,serial_number,tk_counter,flag,error,outcome,imported,file_id,order\r\n");
	HAS(out, ",import error,record malformed,");
	snprintf(text, sizeof(text), "sources --file %lld --flag imported", (long long)id);
	command(text, 0, &out);
	HAS_NOT(out, "malformed");
	command("imports --since 1d --json", 0, &out);
	HAS(out, "\"name\":\"pages\",\"source\":\"spool\"");
	HAS(out, "\"percent\":100");
	HAS(out, "\"first_error\":\"record malformed\"");
	command("imports --since 2100-01-01", 0, &out);
	HAS_NOT(out, "pages");
	command("ages --kind SRK", 0, &out);
	HAS(out, "SRK\t");
	command("ages --older 30", 0, &out);
	HAS_NOT(out, "SRK\t");
	command("ages --kind FPK --csv", 0, &out);
	HAS(out, "FPK,");
	command("sequences --csv", 0, &out);
	HAS(out, "dc1,");
	/* a text that a spreadsheet would run, quotes, commas, and what is not ASCII */
	rig_db_write(r, "INSERT INTO audit(at, peer, event, object, code, text) VALUES(1, '=1+2', 'test', '@x', 0,"
			" 'a \"b\", c\xc3\xa4')");
	command("audit --event test --csv", 0, &out);
	HAS(out, ",'=1+2,test,'@x,0,\"a \"\"b\"\", c\\xc3\\xa4\"\r\n");
	/* what is no option of a question, or no value of one */
	static const char *const wrong[] = { "files --flag error",       "sources --flag",  "sources --flag nonsense",
					     "files --since monday",     "files --limit 0", "files --file x",
					     "files --json --more",      "ages --older -1", "nonsense",
					     "sources --file 1 --file 2" };
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		buf_done(&out);
		ck_assert_msg(rig_command(r, wrong[i], &out) != 0, "%s", wrong[i]);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kms_reports");
	TCase *c = tcase_create("kms_reports");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_set_timeout(c, 120);
	tcase_add_unchecked_fixture(c, setup, teardown);
	tcase_add_test(c, keys_that_are_there_twice_are_found_and_told);
	tcase_add_test(c, fingerprints_that_are_missing_are_made_by_command);
	tcase_add_test(c, an_order_is_reconciled_with_its_inventory);
	tcase_add_test(c, pin_pads_are_compared_with_the_inventory);
	tcase_add_test(c, an_altered_formal_record_is_repaired_by_the_genuine_one);
	tcase_add_test(c, a_key_file_is_imported_by_command);
	tcase_add_test(c, paths_of_any_length_are_imported);
	tcase_add_test(c, key_files_are_picked_up_from_a_folder);
	tcase_add_test(c, questions_have_filters_pages_and_forms);
	suite_add_tcase(s, c);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
