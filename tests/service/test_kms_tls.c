/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "kms_rig.h"

/* Terminals that reach the KMS below TLS, and what goes wrong there. */

static struct rig *r;

#define EXPIRY_MS 4000
#define OF_ADDRESS 6

static void setup(void)
{
	char more[160];

	r = rig_new();
	snprintf(more, sizeof(more),
		 "[terminals]\ntls_listen = 127.0.0.1:0\nexpiry_ms = %d\naddress_connections = %d\n", EXPIRY_MS,
		 OF_ADDRESS);
	rig_conf(r, more);
	rig_start(r);
}

static void teardown(void)
{
	rig_free(r);
}

/* R1.9, R1.10, R1.11 */
START_TEST(a_terminal_gets_its_tmk_below_tls)
{
	static const uint8_t versions[] = { FORMAT_HANDSHAKE_V2, FORMAT_HANDSHAKE_V1 };

	for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
		struct rig_terminal t = { 0 };
		struct check_value first, second;
		struct rig_client c;

		rig_known(r, &t, FORMAT_SUITE_AES, versions[v]);
		rig_connect_tls(r, &c);
		first = rig_download_on(r, &c, &t);
		/* the same terminal in the clear: the frames are the same */
		second = rig_download(r, &t);
		ck_assert_mem_eq(first.value, second.value, FORMAT_CHECK);
		rig_terminal_done(&t);
	}
}
END_TEST

/* A connection of a client that trusts these roots and looks for this name. */
static enum err connects(const char *roots, enum role role, const char *name, struct fail *f)
{
	struct frame_tls_options o = { .server = role, .name = name };
	struct frame_stream s = { .fd = -1 };
	char path[200];
	enum err e;

	snprintf(path, sizeof(path), "%s/%s", r->dir, roots);
	ck_assert(!identity_roots(path, &o.roots, f));
	ck_assert(!frame_connect(r->terminals_tls, 20000, &s.fd, f));
	e = frame_tls_connect(&s, &o, 20000, f);
	frame_tls_free(s.tls);
	close(s.fd);
	X509_STORE_free(o.roots);
	return e;
}

/* R1.13: a fake KMS is refused before a byte of the handshake */
START_TEST(another_server_than_the_kms_is_refused)
{
	struct fail f = { 0 };

	ck_assert_msg(!connects("ca/root.pem", ROLE_KMS, "127.0.0.1", &f), "%s", f.text);
	ck_assert_int_eq(connects("ca/root.pem", ROLE_KMS, "other.example", &f), ERR_REFUSED);
	ck_assert_ptr_nonnull(strstr(f.text, "other.example"));
	f = (struct fail){ 0 };
	ck_assert_int_eq(connects("ca/root.pem", ROLE_DC, "127.0.0.1", &f), ERR_REFUSED);
	ck_assert_ptr_nonnull(strstr(f.text, "wrong role"));
	/* a certificate is no root */
	f = (struct fail){ 0 };
	ck_assert_int_eq(connects("dc.pem", ROLE_KMS, "127.0.0.1", &f), ERR_REFUSED);
}
END_TEST

/* Ends without a byte of ours, in time. */
static void ends(struct rig_client *c)
{
	char bytes[256];
	struct pollfd p = { c->fd, POLLIN, 0 };
	ssize_t n = 1;

	while (n > 0) {
		ck_assert_int_eq(poll(&p, 1, 3 * EXPIRY_MS), 1);
		n = recv(c->fd, bytes, sizeof(bytes), 0);
	}
	rig_close(c);
}

static void tls_socket(struct rig_client *c)
{
	struct fail f = { 0 };

	*c = (struct rig_client){ .fd = -1 };
	ck_assert_msg(!frame_connect(r->terminals_tls, 20000, &c->fd, &f), "%s", f.text);
}

START_TEST(a_tls_handshake_expires_like_any_other)
{
	static const uint8_t half_a_record[] = { 0x16, 3, 1, 2, 0, 1 };
	struct rig_client silent, half, quiet;
	struct rig_terminal t = { 0 };

	tls_socket(&silent);
	tls_socket(&half);
	ck_assert_int_eq(send(half.fd, half_a_record, sizeof(half_a_record), MSG_NOSIGNAL),
			 (ssize_t)sizeof(half_a_record));
	/* TLS is there, and no frame comes */
	rig_connect_tls(r, &quiet);
	rig_refused(&quiet, ERR_TIMEOUT);
	rig_close(&quiet);
	ends(&silent);
	ends(&half);
	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	rig_connect_tls(r, &quiet);
	rig_download_on(r, &quiet, &t);
	rig_terminal_done(&t);
}
END_TEST

START_TEST(what_is_no_tls_ends_the_connection)
{
	static const char *const noise[] = { "GET / HTTP/1.0\r\n\r\n", "\0\1\7", "\xff\xff\xff\xff\xff\xff\xff\xff" };
	struct rig_client c;

	for (size_t i = 0; i < ARRAY_LEN(noise); i++) {
		tls_socket(&c);
		ck_assert_int_ge(send(c.fd, noise[i], i == 1 ? 3 : strlen(noise[i]), MSG_NOSIGNAL), 3);
		shutdown(c.fd, SHUT_WR);
		ends(&c);
	}
}
END_TEST

START_TEST(malformed_frames_below_tls_get_their_codes)
{
	static const struct {
		uint8_t bytes[4];
		size_t n;
		enum err code;
	} rows[] = {
		{ { 0, 0 }, 2, ERR_MALFORMED },
		{ { 0, 1, 0x77 }, 3, ERR_MALFORMED },
		{ { 0xff, 0xff, 1 }, 3, ERR_TOO_LARGE },
		{ { 0, 1, 0x06 }, 3, ERR_UNEXPECTED },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rig_client c;
		struct fail f = { 0 };
		size_t done = 0;
		short events;

		rig_connect_tls(r, &c);
		ck_assert(!frame_tls_write(c.tls, rows[i].bytes, rows[i].n, &done, &events, &f));
		ck_assert_uint_eq(done, rows[i].n);
		rig_refused(&c, rows[i].code);
		rig_close(&c);
	}
}
END_TEST

/* Version below TLS 1.2: no connection. */
START_TEST(old_tls_is_refused)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct rig_client c;
	SSL *ssl;

	ck_assert(SSL_CTX_set_max_proto_version(ctx, TLS1_1_VERSION) == 1);
	SSL_CTX_set_security_level(ctx, 0);
	ssl = SSL_new(ctx);
	tls_socket(&c);
	SSL_set_fd(ssl, c.fd);
	for (int i = 0; i < 1000; i++) {
		struct pollfd p = { c.fd, POLLIN, 0 };
		int rc = SSL_connect(ssl);

		ck_assert_int_ne(rc, 1);
		if (SSL_get_error(ssl, rc) != SSL_ERROR_WANT_READ)
			break;
		ck_assert_int_eq(poll(&p, 1, 3 * EXPIRY_MS), 1);
	}
	ck_assert(!SSL_is_init_finished(ssl));
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	rig_close(&c);
}
END_TEST

/* Slowloris: all connections that one address may have, held open; another address goes on. */
START_TEST(one_address_cannot_hold_all_connections)
{
	struct rig_client held[OF_ADDRESS], more, tls;
	struct rig_terminal t = { 0 };
	char drip[1] = { 0 };

	rig_known(r, &t, FORMAT_SUITE_AES, FORMAT_HANDSHAKE_V2);
	for (int i = 0; i < OF_ADDRESS; i++) {
		rig_connect_from(r, &held[i], "127.0.0.2");
		ck_assert_int_eq(send(held[i].fd, drip, 1, MSG_NOSIGNAL), 1);
	}
	rig_connect_from(r, &more, "127.0.0.2");
	rig_refused(&more, ERR_BUSY);
	rig_close(&more);
	rig_download(r, &t);
	rig_connect_tls(r, &tls);
	rig_download_on(r, &tls, &t);
	/* and they are gone after their time, whatever they drip */
	for (int i = 0; i < OF_ADDRESS; i++) {
		rig_refused(&held[i], ERR_TIMEOUT);
		rig_close(&held[i]);
	}
	rig_terminal_done(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kms_tls");
	TCase *c = tcase_create("kms_tls");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_set_timeout(c, 120);
	tcase_add_unchecked_fixture(c, setup, teardown);
	tcase_add_test(c, a_terminal_gets_its_tmk_below_tls);
	tcase_add_test(c, another_server_than_the_kms_is_refused);
	tcase_add_test(c, a_tls_handshake_expires_like_any_other);
	tcase_add_test(c, what_is_no_tls_ends_the_connection);
	tcase_add_test(c, malformed_frames_below_tls_get_their_codes);
	tcase_add_test(c, old_tls_is_refused);
	tcase_add_test(c, one_address_cannot_hold_all_connections);
	suite_add_tcase(s, c);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
