/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "terminal_kit.h"

/* A real pos against an operation terminal that this program plays, with every certificate but the right one. */
static struct kit kit;
#define SERIAL "FACT-0001"

struct session {
	struct spawn pos;
	int listener;
	int fd;
	struct buf storage;
};

static void session_open(struct session *s)
{
	char address[64];
	memset(s, 0, sizeof(*s));
	s->listener = kit_listen(address);
	kit_pos(&kit, &s->pos, "factory", SERIAL, address);
	s->fd = kit_accept(s->listener);
}

static int session_close(struct session *s)
{
	close(s->fd);
	close(s->listener);
	buf_done(&s->storage);
	return spawn_wait(&s->pos);
}

static void ask(struct session *s, const struct frame *out, struct frame *ret)
{
	kit_send(s->fd, out);
	kit_receive(s->fd, &s->storage, ret);
}

static void identify(struct session *s, struct frame *ret)
{
	ask(s, &(struct frame){ .type = FRAME_IDENTIFY }, ret);
	ck_assert_int_eq(ret->type, FRAME_IDENTITY);
}

static void give_certificate(struct session *s, struct view der, struct frame *ret)
{
	struct frame out = { .type = FRAME_WORKING_CERT };
	out.field[WORKING_CERT_DER] = der;
	ask(s, &out, ret);
}

static uint8_t good_make[] = { FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2, FORMAT_HASH_SHA256, FORMAT_KEY_AES, 32 };

static void make_tk(struct session *s, const uint8_t asked[5], struct frame *ret)
{
	struct frame out = { .type = FRAME_MAKE_TK };
	for (size_t i = 0; i < 5; i++)
		out.field[i] = VIEW(asked + i, 1);
	ask(s, &out, ret);
}

static void assert_refused(struct session *s, const struct frame *in, enum err code)
{
	ck_assert_int_eq(in->type, FRAME_ERROR);
	ck_assert_uint_eq(frame_error_code(in), code);
	ck_assert_int_eq(session_close(s), 1);
	ck_assert_ptr_nonnull(strstr(s->pos.stderr_text, "pos: "));
}

static uint64_t status_number(const char *name)
{
	char text[1024], key[64];
	kit_status(&kit, SERIAL, text, sizeof(text));
	snprintf(key, sizeof(key), "\"%s\": ", name);
	const char *p = strstr(text, key);
	ck_assert_ptr_nonnull(p);
	return strtoull(p + strlen(key), NULL, 10);
}

/* R1.2: each row is an HsmWCRT that a terminal must not believe. */
enum wrong { OTHER_ROOT, WRONG_ROLE, TWO_ROLES, NO_ROLE, EXPIRED, NOT_YET, IS_CA, NOT_RSA, WRONG_COUNT };

static X509 *wrong_certificate(enum wrong w, const struct pki *other)
{
	struct pki_cert c = { .name = "HSM 1", .usages = IDENTITY_ARC ".1", .key_usage = "critical,keyEncipherment" };
	EVP_PKEY *ec = w == NOT_RSA ? EVP_EC_gen("P-256") : NULL;
	switch (w) {
	case WRONG_ROLE:
		c.usages = IDENTITY_ARC ".4";
		break;
	case TWO_ROLES:
		c.usages = IDENTITY_ARC ".1," IDENTITY_ARC ".3";
		break;
	case NO_ROLE:
		c.usages = NULL;
		break;
	case EXPIRED:
		c.from = -7200;
		c.until = -3600;
		break;
	case NOT_YET:
		c.from = 3600;
		break;
	case IS_CA:
		c.ca = true;
		c.key_usage = "critical,keyEncipherment,keyCertSign";
		break;
	default:
		break;
	}
	X509 *x = pki_issue(w == OTHER_ROOT ? other : &kit.pki, ec != NULL ? ec : kit.rsa, &c);
	EVP_PKEY_free(ec);
	return x;
}

START_TEST(certificate_that_root_does_not_vouch_for_is_refused) /* R1.2 */
{
	struct pki other;
	struct session s;
	struct frame in;
	BUF_AUTO der = { 0 };
	char dir[256]; /* of the same name, in a folder of its own */
	kit_path(&kit, "other", dir);
	ck_assert(mkdir(dir, 0700) == 0 || errno == EEXIST);
	pki_init(&other, dir, "root");
	X509 *x = wrong_certificate((enum wrong)_i, &other);
	pki_der(x, &der);
	X509_free(x);
	pki_done(&other);
	session_open(&s);
	identify(&s, &in);
	give_certificate(&s, buf_view(&der), &in);
	assert_refused(&s, &in, ERR_REFUSED);
	ck_assert_uint_eq(status_number("tk_made"), 0);
}
END_TEST

START_TEST(altered_certificate_is_refused) /* R1.2 */
{
	struct session s;
	struct frame in;
	BUF_AUTO der = { 0 };
	buf_put_view(&der, buf_view(&kit.wcert));
	der.p[der.len - 1] ^= 1;
	session_open(&s);
	identify(&s, &in);
	give_certificate(&s, buf_view(&der), &in);
	assert_refused(&s, &in, ERR_REFUSED);
}
END_TEST

START_TEST(garbage_certificate_is_malformed) /* R1.2 */
{
	struct session s;
	struct frame in;
	session_open(&s);
	identify(&s, &in);
	give_certificate(&s, VIEW_STR("0\x82\x01\x00 this is no certificate"), &in);
	assert_refused(&s, &in, ERR_MALFORMED);
}
END_TEST

START_TEST(tk_needs_a_certificate_first) /* R1.2, R1.4 */
{
	struct session s;
	struct frame in;
	session_open(&s);
	identify(&s, &in);
	make_tk(&s, good_make, &in);
	assert_refused(&s, &in, ERR_UNEXPECTED);
}
END_TEST

START_TEST(collected_needs_a_tk_first) /* R1.4 */
{
	struct session s;
	struct frame in;
	session_open(&s);
	identify(&s, &in);
	ask(&s, &(struct frame){ .type = FRAME_COLLECTED }, &in);
	assert_refused(&s, &in, ERR_UNEXPECTED);
}
END_TEST

static const uint8_t bad_make[][5] = {
	{ 4, 2, 2, FORMAT_KEY_AES, 32 },
	{ 0, 2, 2, FORMAT_KEY_AES, 32 },
	{ 2, 0, 2, FORMAT_KEY_AES, 32 },
	{ 2, 3, 2, FORMAT_KEY_AES, 32 },
	{ 2, 2, 0, FORMAT_KEY_AES, 32 },
	{ 2, 2, 5, FORMAT_KEY_AES, 32 },
	{ 2, 2, 2, 3, 32 },
	{ 2, 2, 2, FORMAT_KEY_AES, 20 },
	{ 2, 2, 2, FORMAT_KEY_TDES, 8 },
	{ 1, 2, 2, FORMAT_KEY_AES, 32 },
};

START_TEST(tk_that_does_not_exist_is_malformed) /* R1.4 */
{
	struct session s;
	struct frame in;
	session_open(&s);
	identify(&s, &in);
	give_certificate(&s, buf_view(&kit.wcert), &in);
	ck_assert_int_eq(in.type, FRAME_WORKING_CERT_OK);
	make_tk(&s, bad_make[_i], &in);
	assert_refused(&s, &in, ERR_MALFORMED);
	ck_assert_uint_eq(status_number("tk_made"), 0);
}
END_TEST

static const uint8_t kinds[][5] = {
	{ 2, 2, FORMAT_HASH_SHA256, FORMAT_KEY_AES, 32 },  { 2, 1, FORMAT_HASH_SHA1, FORMAT_KEY_AES, 16 },
	{ 2, 2, FORMAT_HASH_SHA512, FORMAT_KEY_TDES, 24 }, { 1, 2, FORMAT_HASH_SHA256, FORMAT_KEY_TDES, 24 },
	{ 1, 1, FORMAT_HASH_SHA384, FORMAT_KEY_TDES, 16 }, { 3, 2, FORMAT_HASH_SHA256, FORMAT_KEY_AES, 32 },
};

/* The packet is what was asked for, under this certificate, and the counter goes up by one each time. */
START_TEST(tk_of_every_kind_comes_with_a_higher_counter) /* R1.4 */
{
	struct session s;
	struct frame in;
	struct tk_packet p;
	uint8_t kind[5];
	memcpy(kind, kinds[_i], sizeof(kind));
	kind[MAKE_TK_HASH] = kit_hash(&kit, kind[MAKE_TK_HASH]);
	uint64_t before = status_number("tk_made");
	session_open(&s);
	identify(&s, &in);
	ck_assert(view_equal(in.field[IDENTITY_SERIAL], VIEW_STR(SERIAL)));
	ck_assert(view_equal(in.field[IDENTITY_PIN_PAD], VIEW_STR("PP-900")));
	ck_assert_uint_eq(be_get64(in.field[IDENTITY_COUNTER].p), before);
	give_certificate(&s, buf_view(&kit.wcert), &in);
	ck_assert_int_eq(in.type, FRAME_WORKING_CERT_OK);
	make_tk(&s, kind, &in);
	ck_assert_int_eq(in.type, FRAME_TK);
	ck_assert(tk_packet_parse(in.field[TK_PACKET], &p));
	ck_assert(p.suite == kind[0] && p.handshake == kind[1] && p.oaep_hash == kind[2] && p.tek.type == kind[3] &&
		  p.tek.length == kind[4] && p.auk.length == kind[4]);
	ck_assert(view_equal(p.pos_serial, VIEW_STR(SERIAL)));
	ck_assert(view_equal(p.cert_serial, VIEW(kit.wcert_serial, kit.wcert_serial_len)));
	ck_assert_uint_eq(p.counter, before + 1);
	kit_send(s.fd, &(struct frame){ .type = FRAME_COLLECTED });
	ck_assert_int_eq(spawn_wait(&s.pos), 0);
	close(s.fd);
	close(s.listener);
	buf_done(&s.storage);
	ck_assert_uint_eq(status_number("tk_made"), before + 1);
	ck_assert_uint_eq(status_number("tk_current"), before + 1);
}
END_TEST

START_TEST(uncollected_tk_does_not_replace_the_one_in_use) /* R1.4 */
{
	struct session s;
	struct frame in;
	uint64_t made = status_number("tk_made"), current = status_number("tk_current");
	session_open(&s);
	identify(&s, &in);
	give_certificate(&s, buf_view(&kit.wcert), &in);
	make_tk(&s, good_make, &in);
	ck_assert_int_eq(in.type, FRAME_TK);
	ck_assert_int_eq(session_close(&s), 1);
	ck_assert_uint_eq(status_number("tk_made"), made + 1);
	ck_assert_uint_eq(status_number("tk_current"), current);
	/* The operation terminal has the packet and says so later. */
	session_open(&s);
	identify(&s, &in);
	kit_send(s.fd, &(struct frame){ .type = FRAME_COLLECTED });
	ck_assert_int_eq(spawn_wait(&s.pos), 0);
	close(s.fd);
	close(s.listener);
	buf_done(&s.storage);
	ck_assert_uint_eq(status_number("tk_current"), made + 1);
}
END_TEST

START_TEST(rubbish_from_the_line_ends_the_visit_only) /* R1.4 */
{
	struct session s;
	static const uint8_t bytes[][8] = {
		{ 0xff, 0xff, 0x20, 0, 0, 0, 0, 0 }, /* longer than a frame may be */
		{ 0, 0, 0, 0, 0, 0, 0, 0 },          /* empty */
		{ 0, 1, 0x77, 0, 0, 0, 0, 0 },       /* no such type */
		{ 0, 6, 0x20, 0, 3, 1, 2, 3 },       /* a field too many */
	};
	session_open(&s);
	ck_assert_int_eq(write(s.fd, bytes[_i], 8), 8);
	ck_assert_int_eq(spawn_wait(&s.pos), 1);
	close(s.fd);
	close(s.listener);
	ck_assert_ptr_nonnull(strstr(s.pos.stderr_text, "pos: "));
}
END_TEST

/* Every frame where none is waited for; those of the operation terminal in every wrong form. R1.2, R1.4 */
START_TEST(frames_of_the_wrong_form_or_at_the_wrong_time_end_the_visit)
{
	const struct frame_row *row = &frame_rows[_i];
	bool ours = row->type == FRAME_IDENTIFY || row->type == FRAME_WORKING_CERT || row->type == FRAME_MAKE_TK ||
		    row->type == FRAME_COLLECTED;
	for (int bad = 0; bad < KIT_BAD_COUNT; bad++) {
		struct frame in;
		BUF_AUTO bytes = { 0 };
		struct session s;
		/* IDENTIFY and COLLECTED may be in time; a certificate of sevens is refused as one. */
		if (ours ? bad == KIT_PLAIN && (row->type == FRAME_IDENTIFY || row->type == FRAME_COLLECTED)
			 : bad != KIT_PLAIN)
			continue;
		if (!kit_bad_frame(row, (enum kit_bad)bad, &bytes))
			continue;
		session_open(&s);
		if (row->type != FRAME_IDENTIFY)
			identify(&s, &in);
		ck_assert_int_eq((int)write(s.fd, bytes.p, bytes.len), (int)bytes.len);
		if (bad == KIT_CUT)
			ck_assert_int_eq(shutdown(s.fd, SHUT_WR), 0);
		ck_assert_msg(spawn_wait(&s.pos) == 1, "%s, %d", row->name, bad);
		ck_assert_ptr_nonnull(strstr(s.pos.stderr_text, "pos: "));
		close(s.fd);
		close(s.listener);
		buf_done(&s.storage);
	}
}
END_TEST

START_TEST(two_processes_do_not_share_a_terminal)
{
	struct session s;
	struct spawn other;
	session_open(&s);
	kit_pos(&kit, &other, "factory", SERIAL, "127.0.0.1:1");
	ck_assert_int_eq(spawn_wait(&other), 1);
	ck_assert_ptr_nonnull(strstr(other.stderr_text, "another process"));
	ck_assert_int_eq(session_close(&s), 1);
}
END_TEST

/* Whatever the moment: no counter comes twice, and the next visit goes well. */
START_TEST(terminal_killed_at_any_moment_goes_on) /* R1.4 */
{
	struct session s;
	struct frame in;
	struct tk_packet p;
	uint64_t seen = status_number("tk_made"), current = status_number("tk_current");
	session_open(&s);
	identify(&s, &in);
	give_certificate(&s, buf_view(&kit.wcert), &in);
	ck_assert_int_eq(in.type, FRAME_WORKING_CERT_OK);
	struct frame make = { .type = FRAME_MAKE_TK };
	for (size_t i = 0; i < 5; i++)
		make.field[i] = VIEW(good_make + i, 1);
	kit_send(s.fd, &make);
	if (_i % 2 == 0) { /* while the TK is made; else while it becomes the one in use */
		usleep((useconds_t)(_i * 4000));
	} else {
		kit_receive(s.fd, &s.storage, &in);
		ck_assert(in.type == FRAME_TK && tk_packet_parse(in.field[TK_PACKET], &p) && p.counter == seen + 1);
		kit_send(s.fd, &(struct frame){ .type = FRAME_COLLECTED });
		usleep((useconds_t)(_i * 1500));
	}
	int status = spawn_kill(&s.pos, SIGKILL);
	ck_assert(status == 128 + SIGKILL || (_i % 2 == 1 && status == 0));
	close(s.fd);
	close(s.listener);
	buf_done(&s.storage);
	uint64_t made = status_number("tk_made");
	ck_assert(made == seen || made == seen + 1);
	ck_assert(status_number("tk_current") == current || status_number("tk_current") == made);
	session_open(&s);
	identify(&s, &in);
	give_certificate(&s, buf_view(&kit.wcert), &in);
	make_tk(&s, good_make, &in);
	ck_assert_int_eq(in.type, FRAME_TK);
	ck_assert(tk_packet_parse(in.field[TK_PACKET], &p));
	ck_assert_uint_eq(p.counter, made + 1);
	kit_send(s.fd, &(struct frame){ .type = FRAME_COLLECTED });
	ck_assert_int_eq(spawn_wait(&s.pos), 0);
	close(s.fd);
	close(s.listener);
	buf_done(&s.storage);
	ck_assert_uint_eq(status_number("tk_current"), made + 1);
}
END_TEST

START_TEST(make_is_init_and_factory) /* R1.4 */
{
	struct spawn pos;
	struct frame in, out = { .type = FRAME_WORKING_CERT };
	BUF_AUTO storage = { 0 };
	char address[64], dir[256];
	int listener = kit_listen(address);
	kit_path(&kit, "made", dir);
	const char *const argv[] = { kit.pos,  "make",           "--dir",    dir,        "--serial",  "MADE\\\"1",
				     "--root", kit.pki.root_pem, "--module", kit.module, "--connect", address,
				     NULL };
	spawn_start(&pos, argv);
	int fd = kit_accept(listener);
	kit_send(fd, &(struct frame){ .type = FRAME_IDENTIFY });
	kit_receive(fd, &storage, &in);
	ck_assert(view_equal(in.field[IDENTITY_SERIAL], VIEW_STR("MADE\\\"1")));
	ck_assert_uint_eq(in.field[IDENTITY_PIN_PAD].n, 0);
	out.field[WORKING_CERT_DER] = buf_view(&kit.wcert);
	kit_send(fd, &out);
	kit_receive(fd, &storage, &in);
	out = (struct frame){ .type = FRAME_MAKE_TK };
	for (size_t i = 0; i < 5; i++)
		out.field[i] = VIEW(good_make + i, 1);
	kit_send(fd, &out);
	kit_receive(fd, &storage, &in);
	ck_assert_int_eq(in.type, FRAME_TK);
	kit_send(fd, &(struct frame){ .type = FRAME_COLLECTED });
	ck_assert_int_eq(spawn_wait(&pos), 0);
	close(fd);
	close(listener);
	const char *const status[] = { kit.pos, "status", "--json", "--dir", dir, NULL };
	ck_assert_int_eq(spawn_run(&pos, status), 0);
	ck_assert_ptr_nonnull(strstr(pos.stdout_text, "\"serial\": \"MADE\\\\\\\"1\""));
	ck_assert_ptr_nonnull(strstr(pos.stdout_text, "\"tk_current\": 1"));
	ck_assert_ptr_nonnull(strstr(pos.stdout_text, "\"tmk_check\": null"));
}
END_TEST

static const char *const misuse[][6] = {
	{ NULL },
	{ "dance", NULL },
	{ "status", NULL },
	{ "status", "--dir", "/nowhere", "more", NULL },
	{ "init", "--dir", "/nowhere", NULL },
	{ "factory", "--dir", "/nowhere", NULL },
	{ "download", "--dir", "/nowhere", "--what", NULL },
};

START_TEST(misuse_exits_with_2)
{
	struct spawn s;
	const char *argv[8] = { kit.pos };
	for (size_t i = 0; i < 6; i++)
		argv[i + 1] = misuse[_i][i];
	ck_assert_int_eq(spawn_run(&s, argv), 2);
	ck_assert_ptr_nonnull(strstr(s.stderr_text, "pos"));
	const char *const opterm[] = { kit.opterm, misuse[_i][0], NULL };
	ck_assert_int_eq(spawn_run(&s, opterm), 2);
}
END_TEST

static const char *const bad_serials[] = { "", "has space", "123456789012345678901234567890123", "\xc3\xa9" };

START_TEST(bad_serial_number_makes_no_terminal)
{
	struct spawn s;
	char dir[256];
	kit_path(&kit, "bad", dir);
	const char *const argv[] = { kit.pos,  "init",           "--dir",    dir,        "--serial", bad_serials[_i],
				     "--root", kit.pki.root_pem, "--module", kit.module, NULL };
	ck_assert_int_eq(spawn_run(&s, argv), 2);
	ck_assert_int_ne(access(dir, F_OK), 0);
}
END_TEST

START_TEST(second_init_of_a_folder_is_refused)
{
	struct spawn s;
	char dir[256];
	kit_path(&kit, SERIAL, dir);
	const char *const argv[] = { kit.pos,  "init",           "--dir",    dir,        "--serial", SERIAL,
				     "--root", kit.pki.root_pem, "--module", kit.module, NULL };
	ck_assert_int_eq(spawn_run(&s, argv), 1);
	ck_assert_ptr_nonnull(strstr(s.stderr_text, "already"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pos factory");
	TCase *c = tcase_create("factory");
	tcase_add_loop_test(c, certificate_that_root_does_not_vouch_for_is_refused, 0, WRONG_COUNT);
	tcase_add_test(c, altered_certificate_is_refused);
	tcase_add_test(c, garbage_certificate_is_malformed);
	tcase_add_test(c, tk_needs_a_certificate_first);
	tcase_add_test(c, collected_needs_a_tk_first);
	tcase_add_loop_test(c, tk_that_does_not_exist_is_malformed, 0, ARRAY_LEN(bad_make));
	tcase_add_loop_test(c, tk_of_every_kind_comes_with_a_higher_counter, 0, ARRAY_LEN(kinds));
	tcase_add_test(c, uncollected_tk_does_not_replace_the_one_in_use);
	tcase_add_loop_test(c, rubbish_from_the_line_ends_the_visit_only, 0, 4);
	if (kit_first_way())
		tcase_add_loop_test(c, frames_of_the_wrong_form_or_at_the_wrong_time_end_the_visit, 0,
				    (int)frame_rows_count);
	tcase_add_test(c, two_processes_do_not_share_a_terminal);
	tcase_add_loop_test(c, terminal_killed_at_any_moment_goes_on, 0, 10);
	tcase_add_test(c, make_is_init_and_factory);
	tcase_add_loop_test(c, misuse_exits_with_2, 0, ARRAY_LEN(misuse));
	tcase_add_loop_test(c, bad_serial_number_makes_no_terminal, 0, ARRAY_LEN(bad_serials));
	tcase_add_test(c, second_init_of_a_folder_is_refused);
	suite_add_tcase(suite, c);
	SRunner *r = srunner_create(suite);
	srunner_set_fork_status(r, CK_NOFORK);
	kit_init(&kit);
	good_make[MAKE_TK_HASH] = kit_hash(&kit, good_make[MAKE_TK_HASH]);
	kit_pos_init(&kit, SERIAL);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	kit_done(&kit);
	return failed == 0 ? 0 : 1;
}
