/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <errno.h>
#include <jansson.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "terminal_mtms.h"

/* Real opterm, real pos processes, a real operator card; the MTMS's end is terminal_mtms.c. */
static struct kit kit;
static struct fake_mtms mtms;
#define TERMINALS 3
static const char *const serials[TERMINALS] = { "OP-1", "OP/2", "OP-3" };
/* Folder names of the terminals ("/" is a fine letter of a serial number, not of a folder). */
static const char *const folders[TERMINALS] = { "t1", "t2", "t3" };

static void sign_card(void)
{
	char request[256], certificate[256];
	struct spawn s;
	kit_path(&kit, "operator.csr", request);
	kit_path(&kit, "operator.crt", certificate);
	kit_use_tokens(&kit, "card");
	char pin[256];
	kit_path(&kit, "pin", pin);
	const char *const init[] = { kit.opterm, "card-init", "--card",     "pkcs11:token=card", "--pin-file",
				     pin,        "--name",    "Operator 7", "--request",         request,
				     "--module", kit.module,  NULL };
	ck_assert_msg(spawn_run(&s, init) == 0, "%s", s.stderr_text);
	FILE *f = fopen(request, "r");
	ck_assert_ptr_nonnull(f);
	X509_REQ *req = PEM_read_X509_REQ(f, NULL, NULL, NULL);
	fclose(f);
	ck_assert_ptr_nonnull(req);
	EVP_PKEY *key = X509_REQ_get_pubkey(req);
	ck_assert_int_eq(X509_REQ_verify(req, key), 1);
	ck_assert_int_eq(EVP_PKEY_get_bits(key), 2048);
	X509 *x = pki_issue(&kit.pki, key, &(struct pki_cert){ .name = "Operator 7", .usages = IDENTITY_ARC ".3" });
	pki_write(x, certificate);
	/* A certificate over another key is not kept. */
	char other[256];
	kit_path(&kit, "other.crt", other);
	X509 *y = pki_issue(&kit.pki, kit.rsa, &(struct pki_cert){ .name = "Operator 7", .usages = IDENTITY_ARC ".3" });
	pki_write(y, other);
	const char *const wrong[] = { kit.opterm, "card-certificate", "--card", "pkcs11:token=card", "--pin-file",
				      pin,        "--certificate",    other,    "--module",          kit.module,
				      NULL };
	ck_assert_int_eq(spawn_run(&s, wrong), 1);
	const char *const put[] = { kit.opterm, "card-certificate", "--card",    "pkcs11:token=card", "--pin-file",
				    pin,        "--certificate",    certificate, "--module",          kit.module,
				    NULL };
	ck_assert_msg(spawn_run(&s, put) == 0, "%s", s.stderr_text);
	X509_free(y);
	X509_free(x);
	EVP_PKEY_free(key);
	X509_REQ_free(req);
}

static void make_terminal(const char *folder, const char *serial)
{
	struct spawn s;
	char dir[256];
	kit_path(&kit, folder, dir);
	const char *const argv[] = { kit.pos,  "init",   "--dir",          dir,        "--serial", serial, "--pinpad",
				     "PP-900", "--root", kit.pki.root_pem, "--module", kit.module, NULL };
	ck_assert_msg(spawn_run(&s, argv) == 0, "%s", s.stderr_text);
}

static void set_up(void)
{
	kit_init(&kit);
	kit_token(&kit, "card", "card");
	kit_write(&kit, "pin", "47114711\n", 0600);
	kit_write(&kit, "wrong-pin", "4712\n", 0600);
	kit_write(&kit, "open-pin", "47114711\n", 0644);
	pki_identity(&kit.pki, ROLE_OPTERM, "opterm");
	pki_identity(&kit.pki, ROLE_KMS, "kms");
	sign_card();
	for (size_t i = 0; i < TERMINALS; i++)
		make_terminal(folders[i], serials[i]);
	mtms_start(&mtms, &kit);
}

static void tear_down(void)
{
	mtms_stop(&mtms);
	kit_done(&kit);
}

struct run {
	const char *order;
	const char *count;
	const char *spool;
	const char *pin;
	const char *identity;
	const char *wait;
};

static void opterm_start(struct spawn *s, const struct run *r)
{
	char pin[256], cert[256], key[256], name[64], spool[256];
	kit_path(&kit, r->pin != NULL ? r->pin : "pin", pin);
	snprintf(name, sizeof(name), "%s.crt", r->identity != NULL ? r->identity : "opterm");
	kit_path(&kit, name, cert);
	snprintf(name, sizeof(name), "%s.key", r->identity != NULL ? r->identity : "opterm");
	kit_path(&kit, name, key);
	kit_path(&kit, r->spool, spool);
	kit_use_tokens(&kit, "card");
	const char *const argv[] = { kit.opterm,   "collect",
				     "--order",    r->order,
				     "--listen",   "127.0.0.1:0",
				     "--count",    r->count,
				     "--spool",    spool,
				     "--card",     "pkcs11:token=card;object=operator",
				     "--pin-file", pin,
				     "--mtms",     mtms.url,
				     "--cert",     cert,
				     "--key-file", key,
				     "--ca",       kit.pki.root_pem,
				     "--module",   kit.module,
				     "--wait",     r->wait != NULL ? r->wait : "50",
				     "--retry",    "0",
				     NULL };
	spawn_start(s, argv);
}

static void opterm_ready(struct spawn *s, const struct run *r, char ret_address[64])
{
	opterm_start(s, r);
	ck_assert_msg(spawn_line(s, "ready opterm"), "%s%s", s->stdout_text, s->stderr_text);
	ck_assert(spawn_line(s, "\n") && spawn_value(s, "terminals=", ret_address, 64));
}

static int visit(size_t terminal, const char *address)
{
	struct spawn s;
	kit_pos(&kit, &s, "factory", folders[terminal], address);
	int status = spawn_wait(&s);
	if (status != 0)
		fprintf(stderr, "%s", s.stderr_text);
	return status;
}

static uint64_t status_number(size_t terminal, const char *name)
{
	char text[1024], key[64];
	kit_status(&kit, folders[terminal], text, sizeof(text));
	snprintf(key, sizeof(key), "\"%s\": ", name);
	const char *p = strstr(text, key);
	ck_assert_ptr_nonnull(p);
	return strtoull(p + strlen(key), NULL, 10);
}

/* The counter of a terminal's packet in a batch; 0: not there. */
static uint64_t batch_counter(const struct mtms_batch *b, const char *order, const char *serial)
{
	uint64_t counter = 0;
	size_t i;
	json_t *t, *o = json_loadb((const char *)b->content.p, b->content.len, JSON_REJECT_DUPLICATES, NULL);
	ck_assert_ptr_nonnull(o);
	ck_assert_str_eq(json_string_value(json_object_get(o, "format")), "strongroom tk batch");
	ck_assert_int_eq(json_integer_value(json_object_get(o, "version")), 1);
	ck_assert_str_eq(json_string_value(json_object_get(o, "order")), order);
	ck_assert_str_eq(json_string_value(json_object_get(o, "batch")), b->id);
	json_array_foreach(json_object_get(o, "terminals"), i, t)
	{
		BUF_AUTO raw = { 0 };
		struct tk_packet p;
		const char *text = json_string_value(json_object_get(t, "packet"));
		ck_assert(json_integer_value(json_object_get(t, "collected")) > 1600000000);
		ck_assert(base64_decode(text, strlen(text), &raw) && tk_packet_parse(buf_view(&raw), &p));
		if (strcmp(json_string_value(json_object_get(t, "serial")), serial) != 0)
			continue;
		ck_assert(view_equal(p.pos_serial, view_of_string(serial)));
		counter = p.counter;
	}
	json_decref(o);
	return counter;
}

START_TEST(terminals_are_collected_signed_and_acknowledged) /* R1.4, R1.5 */
{
	struct spawn o, pos[TERMINALS];
	struct run run = { .order = "A-100", .count = "3", .spool = "spool-a" };
	char address[64];
	mtms_set(&mtms, MTMS_ACCEPT);
	opterm_ready(&o, &run, address);
	for (size_t i = 0; i < TERMINALS; i++) /* all at once */
		kit_pos(&kit, &pos[i], "factory", folders[i], address);
	for (size_t i = 0; i < TERMINALS; i++)
		ck_assert_msg(spawn_wait(&pos[i]) == 0, "%s", pos[i].stderr_text);
	ck_assert_msg(spawn_wait(&o) == 0, "%s", o.stderr_text);
	ck_assert_uint_eq(mtms.batch_count, 1);
	ck_assert_uint_eq(mtms.bad_signatures, 0);
	ck_assert_str_eq(mtms.batches[0].signer, "Operator 7");
	for (size_t i = 0; i < TERMINALS; i++) {
		ck_assert_uint_eq(batch_counter(&mtms.batches[0], "A-100", serials[i]), 1);
		ck_assert_uint_eq(status_number(i, "tk_current"), 1);
	}
}
END_TEST

START_TEST(wrong_operator_pin_refuses_before_any_terminal_work) /* R1.5 */
{
	struct spawn o;
	mtms_set(&mtms, MTMS_ACCEPT);
	opterm_start(&o, &(struct run){ .order = "B", .count = "1", .spool = "spool-b", .pin = "wrong-pin" });
	ck_assert_int_eq(spawn_wait(&o), 1);
	ck_assert_ptr_nonnull(strstr(o.stderr_text, "operator PIN refused"));
	ck_assert_ptr_null(strstr(o.stderr_text, "4712"));
	ck_assert_str_eq(o.stdout_text, "");
	ck_assert_uint_eq(mtms_requests(&mtms), 0);
	opterm_start(&o, &(struct run){ .order = "B", .count = "1", .spool = "spool-b", .pin = "open-pin" });
	ck_assert_int_eq(spawn_wait(&o), 1);
	ck_assert_uint_eq(mtms_requests(&mtms), 0);
}
END_TEST

START_TEST(identity_of_another_role_is_refused) /* R2.3 */
{
	struct spawn o;
	mtms_set(&mtms, MTMS_ACCEPT);
	opterm_start(&o, &(struct run){ .order = "B", .count = "1", .spool = "spool-b", .identity = "kms" });
	ck_assert_int_eq(spawn_wait(&o), 1);
	ck_assert_ptr_null(strstr(o.stdout_text, "ready"));
}
END_TEST

/* Each sends its bytes and holds the connection open. */
static int rubbish(const char *address, const void *bytes, size_t n)
{
	struct fail f = { 0 };
	int fd = -1;
	ck_assert_int_eq(frame_connect(address, 5000, &fd, &f), ERR_OK);
	if (n > 0)
		ck_assert_int_eq((int)write(fd, bytes, n), (int)n);
	return fd;
}

START_TEST(terminal_that_talks_rubbish_does_not_stop_the_others) /* R1.4 */
{
	struct spawn o;
	struct run run = { .order = "C", .count = "2", .spool = "spool-c" };
	char address[64];
	int fds[6];
	mtms_set(&mtms, MTMS_ACCEPT);
	opterm_ready(&o, &run, address);
	fds[0] = rubbish(address, "GET / HTTP/1.1\r\n\r\n", 18);
	fds[1] = rubbish(address, "\xff\xff\x21", 3);
	fds[2] = rubbish(address, "", 0); /* says nothing */
	fds[3] = rubbish(address, "\x00\x01\x25", 3);
	fds[4] = rubbish(address, "\x00\x07\x21\x00\x01\x20\x00\x00\x00", 9); /* a serial number of one space */
	/* IDENTITY as it should be, then a TK that is none. */
	fds[5] = rubbish(address,
			 "\x00\x12\x21\x00\x03X-1\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00"
			 "\x00\x01\x23\x00\x06\x25\x00\x03"
			 "abc",
			 31);
	ck_assert_int_eq(visit(0, address), 0);
	ck_assert_int_eq(visit(2, address), 0);
	ck_assert_msg(spawn_wait(&o) == 0, "%s", o.stderr_text);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
	ck_assert_uint_eq(mtms.batch_count, 1);
	ck_assert(batch_counter(&mtms.batches[0], "C", serials[0]) > 0);
	ck_assert(batch_counter(&mtms.batches[0], "C", serials[2]) > 0);
	ck_assert_uint_eq(batch_counter(&mtms.batches[0], "C", "X-1"), 0);
	ck_assert_ptr_nonnull(strstr(o.stdout_text, "failed X-1"));
}
END_TEST

/* until_end: what the operation terminal says until it ends the connection, which it must within 20 s. */
static void until_end(int fd, const char *what, int bad)
{
	uint8_t room[4096];
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ck_assert_msg(poll(&p, 1, 20000) == 1, "%s, %d: the visit does not end", what, bad);
		ssize_t n = read(fd, room, sizeof(room));
		if (n == 0 || (n < 0 && errno != EAGAIN))
			break;
	}
	close(fd);
}

/* Every frame where another is waited for; those of a terminal in every wrong form, and twice. R1.4 */
START_TEST(frames_of_the_wrong_form_or_at_the_wrong_time_end_a_visit_alone)
{
	struct spawn o;
	struct run run = { .order = "BF", .count = "1", .spool = "spool-bf" };
	char address[64];
	mtms_set(&mtms, MTMS_ACCEPT);
	opterm_ready(&o, &run, address);
	for (size_t i = 0; i < frame_rows_count; i++) {
		const struct frame_row *row = &frame_rows[i];
		for (int bad = 0; bad < KIT_BAD_COUNT; bad++) {
			BUF_AUTO bytes = { 0 };
			if (!kit_bad_frame(row, (enum kit_bad)bad, &bytes))
				continue;
			/* IDENTITY in time is what is waited for, a second one is not. */
			if (bad == KIT_PLAIN && row->type == FRAME_IDENTITY)
				ck_assert(kit_bad_frame(row, KIT_PLAIN, &bytes));
			int fd = rubbish(address, bytes.p, bytes.len);
			if (bad == KIT_CUT)
				ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
			until_end(fd, row->name, bad);
		}
	}
	ck_assert_int_eq(visit(0, address), 0);
	ck_assert_msg(spawn_wait(&o) == 0, "%s", o.stderr_text);
	ck_assert_uint_eq(mtms.batch_count, 1);
}
END_TEST

/* A terminal of this thread, without a secure module: all that the operation terminal can see of a packet is its form.
 */
struct crowd {
	pthread_t thread;
	const char *address;
	unsigned number;
	bool good;
};

static void crowd_packet(unsigned number, struct buf *ret)
{
	uint8_t sealed[256] = { 1, 2, 3 }, mac[16] = { 4 };
	char serial[16];
	snprintf(serial, sizeof(serial), "CROWD-%03u", number);
	struct tk_packet p = {
		.suite = 2,
		.version = FORMAT_VERSION,
		.handshake = 2,
		.oaep_hash = kit_hash(&kit, FORMAT_HASH_SHA256),
		.pos_serial = view_of_string(serial),
		.cert_serial = VIEW(kit.wcert_serial, kit.wcert_serial_len),
		.counter = 1,
		.tek = { .role = FORMAT_ROLE_TEK, .type = FORMAT_KEY_AES, .length = 32 },
		.auk = { .role = FORMAT_ROLE_AUK, .type = FORMAT_KEY_AES, .length = 32 },
		.ctek = VIEW(sealed, sizeof(sealed)),
		.cauk = VIEW(sealed, sizeof(sealed)),
		.mac = VIEW(mac, sizeof(mac)),
	};
	tk_packet_put(ret, &p);
}

static void *crowd_thread(void *arg)
{
	struct crowd *w = arg;
	struct fail f = { 0 };
	struct frame in, out = { .type = FRAME_IDENTITY };
	BUF_AUTO storage = { 0 };
	BUF_AUTO packet = { 0 };
	uint8_t counter[8] = { 0 };
	char serial[16];
	int fd = -1;
	snprintf(serial, sizeof(serial), "CROWD-%03u", w->number);
	crowd_packet(w->number, &packet);
	out.field[IDENTITY_SERIAL] = view_of_string(serial);
	out.field[IDENTITY_COUNTER] = VIEW(counter, sizeof(counter));
	struct frame tk = { .type = FRAME_TK };
	tk.field[TK_PACKET] = buf_view(&packet);
	w->good = buf_ok(&packet) && frame_connect(w->address, 30000, &fd, &f) == ERR_OK &&
		  frame_expect(fd, FRAME_IDENTIFY, &storage, &in, 30000, &f) == ERR_OK &&
		  frame_send(fd, &out, 30000, &f) == ERR_OK &&
		  frame_expect(fd, FRAME_WORKING_CERT, &storage, &in, 30000, &f) == ERR_OK &&
		  frame_send(fd, &(struct frame){ .type = FRAME_WORKING_CERT_OK }, 30000, &f) == ERR_OK &&
		  frame_expect(fd, FRAME_MAKE_TK, &storage, &in, 30000, &f) == ERR_OK &&
		  frame_send(fd, &tk, 30000, &f) == ERR_OK &&
		  frame_expect(fd, FRAME_COLLECTED, &storage, &in, 30000, &f) == ERR_OK;
	if (!w->good)
		fprintf(stderr, "%s: %s\n", serial, f.text);
	if (fd >= 0)
		close(fd);
	return NULL;
}

START_TEST(crowd_of_terminals_is_served_at_once) /* R1.5 */
{
	enum { CROWD = 300 };
	static struct crowd crowd[CROWD];
	struct spawn o;
	char address[64], serial[16];
	mtms_set(&mtms, MTMS_ACCEPT);
	opterm_ready(&o, &(struct run){ .order = "K", .count = "300", .spool = "spool-k" }, address);
	for (unsigned i = 0; i < CROWD; i++) {
		crowd[i] = (struct crowd){ .address = address, .number = i };
		ck_assert_int_eq(pthread_create(&crowd[i].thread, NULL, crowd_thread, &crowd[i]), 0);
	}
	for (unsigned i = 0; i < CROWD; i++) {
		pthread_join(crowd[i].thread, NULL);
		ck_assert(crowd[i].good);
	}
	ck_assert_msg(spawn_wait(&o) == 0, "%s", o.stderr_text);
	ck_assert_uint_eq(mtms.batch_count, 1);
	for (unsigned i = 0; i < CROWD; i += 99) {
		snprintf(serial, sizeof(serial), "CROWD-%03u", i);
		ck_assert_uint_eq(batch_counter(&mtms.batches[0], "K", serial), 1);
	}
}
END_TEST

START_TEST(second_tk_raises_the_counter) /* R1.4 */
{
	struct spawn o;
	char address[64];
	uint64_t before = status_number(1, "tk_made");
	for (uint64_t i = 1; i <= 2; i++) {
		mtms_set(&mtms, MTMS_ACCEPT);
		opterm_ready(&o, &(struct run){ .order = "D", .count = "1", .spool = "spool-d" }, address);
		ck_assert_int_eq(visit(1, address), 0);
		ck_assert_int_eq(spawn_wait(&o), 0);
		ck_assert_uint_eq(batch_counter(&mtms.batches[0], "D", serials[1]), before + i);
		ck_assert_uint_eq(status_number(1, "tk_current"), before + i);
	}
}
END_TEST

START_TEST(killed_opterm_goes_on_where_it_was) /* R1.5 */
{
	struct spawn o;
	struct run run = { .order = "E", .count = "2", .spool = "spool-e" };
	char address[64];
	mtms_set(&mtms, MTMS_ACCEPT);
	opterm_ready(&o, &run, address);
	ck_assert_int_eq(visit(0, address), 0);
	uint64_t first = status_number(0, "tk_current");
	ck_assert_int_eq(spawn_kill(&o, SIGKILL), 128 + SIGKILL);
	ck_assert_uint_eq(mtms.batch_count, 0);
	opterm_ready(&o, &run, address);
	ck_assert_int_eq(visit(2, address), 0);
	ck_assert_int_eq(spawn_wait(&o), 0);
	ck_assert_uint_eq(mtms.batch_count, 1);
	ck_assert_uint_eq(batch_counter(&mtms.batches[0], "E", serials[0]), first);
	ck_assert(batch_counter(&mtms.batches[0], "E", serials[2]) > 0);
}
END_TEST

START_TEST(collected_terminal_that_comes_again_makes_no_new_tk) /* R1.5 */
{
	struct spawn o;
	struct run run = { .order = "F", .count = "2", .spool = "spool-f" };
	char address[64];
	mtms_set(&mtms, MTMS_ACCEPT);
	opterm_ready(&o, &run, address);
	ck_assert_int_eq(visit(0, address), 0);
	uint64_t first = status_number(0, "tk_made");
	ck_assert_int_eq(visit(0, address), 0);
	ck_assert_uint_eq(status_number(0, "tk_made"), first);
	ck_assert_int_eq(visit(1, address), 0);
	ck_assert_int_eq(spawn_wait(&o), 0);
	ck_assert_uint_eq(batch_counter(&mtms.batches[0], "F", serials[0]), first);
}
END_TEST

START_TEST(unacknowledged_batch_is_sent_again_as_it_was) /* R1.5 */
{
	static const enum mtms_answer bad[] = { MTMS_ERROR, MTMS_SHORT };
	struct spawn o;
	char address[64], id[80], sha256[65], order[8];
	snprintf(order, sizeof(order), "G%d", _i);
	struct run run = { .order = order, .count = "1", .spool = "spool-g" };
	mtms_set(&mtms, bad[_i]);
	opterm_ready(&o, &run, address);
	ck_assert_int_eq(visit(0, address), 0);
	ck_assert_int_eq(spawn_wait(&o), 1);
	ck_assert_uint_eq(mtms.batch_count, 1);
	snprintf(id, sizeof(id), "%s", mtms.batches[0].id);
	snprintf(sha256, sizeof(sha256), "%s", mtms.batches[0].sha256);
	mtms_set(&mtms, MTMS_ACCEPT);
	opterm_start(&o, &run); /* no terminal is waited for: the order is complete */
	ck_assert_msg(spawn_wait(&o) == 0, "%s", o.stderr_text);
	ck_assert_ptr_null(strstr(o.stdout_text, "ready"));
	ck_assert_uint_eq(mtms.batch_count, 1);
	ck_assert_str_eq(mtms.batches[0].id, id);
	ck_assert_str_eq(mtms.batches[0].sha256, sha256);
}
END_TEST

START_TEST(terminal_refused_by_the_mtms_shows_in_the_exit_status) /* R1.6 */
{
	struct spawn o;
	char address[64];
	mtms_set(&mtms, MTMS_REFUSE_ALL);
	opterm_ready(&o, &(struct run){ .order = "H", .count = "1", .spool = "spool-h" }, address);
	ck_assert_int_eq(visit(0, address), 0);
	ck_assert_int_eq(spawn_wait(&o), 3);
	ck_assert_ptr_nonnull(strstr(o.stdout_text, "refused by the MTMS: OP-1"));
}
END_TEST

START_TEST(missing_terminals_end_the_wait_but_lose_nothing) /* R1.5 */
{
	struct spawn o;
	char address[64];
	mtms_set(&mtms, MTMS_ACCEPT);
	opterm_ready(&o, &(struct run){ .order = "I", .count = "2", .spool = "spool-i", .wait = "5" }, address);
	ck_assert_int_eq(visit(1, address), 0);
	ck_assert_int_eq(spawn_wait(&o), 1);
	ck_assert_uint_eq(mtms.batch_count, 1);
	ck_assert(batch_counter(&mtms.batches[0], "I", serials[1]) > 0);
}
END_TEST

START_TEST(two_opterms_do_not_share_an_order)
{
	struct spawn o, p;
	struct run run = { .order = "J", .count = "1", .spool = "spool-j" };
	char address[64];
	mtms_set(&mtms, MTMS_ACCEPT);
	opterm_ready(&o, &run, address);
	opterm_start(&p, &run);
	ck_assert_int_eq(spawn_wait(&p), 1);
	ck_assert_ptr_nonnull(strstr(p.stderr_text, "another operation terminal"));
	ck_assert_int_eq(spawn_kill(&o, SIGTERM), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("opterm");
	TCase *c = tcase_create("opterm");
	tcase_add_unchecked_fixture(c, set_up, tear_down);
	tcase_add_test(c, terminals_are_collected_signed_and_acknowledged);
	tcase_add_test(c, wrong_operator_pin_refuses_before_any_terminal_work);
	tcase_add_test(c, identity_of_another_role_is_refused);
	tcase_add_test(c, terminal_that_talks_rubbish_does_not_stop_the_others);
	tcase_add_test(c, frames_of_the_wrong_form_or_at_the_wrong_time_end_a_visit_alone);
	tcase_add_test(c, crowd_of_terminals_is_served_at_once);
	tcase_add_test(c, second_tk_raises_the_counter);
	tcase_add_test(c, killed_opterm_goes_on_where_it_was);
	tcase_add_test(c, collected_terminal_that_comes_again_makes_no_new_tk);
	tcase_add_loop_test(c, unacknowledged_batch_is_sent_again_as_it_was, 0, 2);
	tcase_add_test(c, terminal_refused_by_the_mtms_shows_in_the_exit_status);
	tcase_add_test(c, missing_terminals_end_the_wait_but_lose_nothing);
	tcase_add_test(c, two_opterms_do_not_share_an_order);
	suite_add_tcase(suite, c);
	SRunner *r = srunner_create(suite);
	srunner_set_fork_status(r, CK_NOFORK);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
