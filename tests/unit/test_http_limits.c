/* SPDX-License-Identifier: BSD-2-Clause */
/* HTTPS with mutual authentication: limits that are kept before a body is read (R2.3). */
#include <check.h>
#include <event2/event.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "frame.h"
#include "http_kit.h"
#include "temp.h"

/* head_and_read: sends a head and a little more; what comes back, without the body ever being sent. */
static void head_and_read(SSL_CTX *ctx, const char *path, const char *more, const char *words)
{
	char head[1000], out[2000] = "";
	int fd = -1, n;
	SSL *ssl = raw_tls(ctx, &fd);

	ck_assert_ptr_nonnull(ssl);
	n = snprintf(head, sizeof(head), "POST %s HTTP/1.1\r\nContent-Type: application/json\r\n%s\r\n\r\n", path,
		     more);
	/* The head in two pieces: it is judged when it is whole. */
	ck_assert_int_eq(SSL_write(ssl, head, 20), 20);
	usleep(20000);
	ck_assert_int_eq(SSL_write(ssl, head + 20, n - 20), n - 20);
	ck_assert_int_ge(raw_read(ssl, fd, out, sizeof(out)), 0);
	ck_assert_msg(strstr(out, words) != NULL, "%s: %s, not: %s", path, out, words);
	SSL_free(ssl);
	close(fd);
}

START_TEST(head_decides_before_the_body_comes) /* R2.3 */
{
	struct identity *i = identity_of(&root, ROLE_DC, "dc1");
	SSL_CTX *ctx = NULL;
	char longer[400];

	ck_assert_int_eq(identity_ssl_ctx(i, false, ROLE_BIT(ROLE_KMS), &ctx, NULL), ERR_OK);
	head_and_read(ctx, "/v1/x", "Content-Length: 1001", "broken 2");
	head_and_read(ctx, "/v1/x", "content-length:  99999999999999999999", "broken 2");
	head_and_read(ctx, "/v1/x?query", "X: y\r\nCONTENT-LENGTH: 2000000", "broken 2");
	head_and_read(ctx, "/nowhere", "Content-Length: 5000", "nobody wants it");
	head_and_read(ctx, "/narrow", "Content-Length: 11", "broken 2");
	snprintf(longer, sizeof(longer), "X: %0200d\r\nContent-Length: 5", 1);
	head_and_read(ctx, "/narrow", longer, "headers too large");
	head_and_read(ctx, "/nowhere", "Transfer-Encoding: chunked", "nobody wants it");
	ck_assert_uint_eq(seen_runs(), 0);
	SSL_CTX_free(ctx);
	identity_free(i);
}
END_TEST

START_TEST(a_request_has_a_time_of_its_own)
{
	struct identity *i = identity_of(&root, ROLE_DC, "dc1");
	static const char head[] =
	    "POST /timed HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 4000000\r\n\r\n";
	static uint8_t part[40000];
	SSL_CTX *ctx = NULL;
	char out[2000];
	int fd = -1;

	ck_assert_int_eq(identity_ssl_ctx(i, false, ROLE_BIT(ROLE_KMS), &ctx, NULL), ERR_OK);
	SSL *ssl = raw_tls(ctx, &fd);
	ck_assert_ptr_nonnull(ssl);
	SSL_set_mode(ssl, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	ck_assert_int_gt(SSL_write(ssl, head, sizeof(head) - 1), 0);
	for (size_t k = 0; k < 30; k++) { /* fast enough for every tick, not for the whole */
		SSL_write(ssl, part, sizeof(part));
		usleep(100000);
	}
	ck_assert_int_ge(raw_read(ssl, fd, out, sizeof(out)), 0);
	ck_assert_ptr_nonnull(strstr(out, "too slow"));
	ck_assert_uint_eq(seen_runs(), 0);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
	identity_free(i);
}
END_TEST

START_TEST(one_sender_has_so_many_connections_and_others_their_own)
{
	struct identity *one = identity_of(&root, ROLE_DC, "dc1"), *two = identity_of(&root, ROLE_DC, "dc2");
	struct http_client *c[3] = { client_of(one, ROLE_KMS), client_of(one, ROLE_KMS), client_of(one, ROLE_KMS) };
	struct http_client *second = client_of(two, ROLE_KMS);
	char answer[200];
	int status = 0;

	for (int k = 0; k < 2; k++) {
		ck_assert_int_eq(post(c[k], "/narrow", 5, &status, answer), ERR_OK);
		ck_assert_int_eq(status, 200);
	}
	ck_assert_int_eq(post(c[2], "/narrow", 5, &status, answer), ERR_OK);
	ck_assert_ptr_nonnull(strstr(answer, "too many connections"));
	ck_assert_int_eq(post(second, "/narrow", 5, &status, answer), ERR_OK);
	ck_assert_int_eq(status, 200);
	http_client_free(c[0]);
	usleep(300000);
	ck_assert_int_eq(post(c[1], "/narrow", 5, &status, answer), ERR_OK);
	ck_assert_int_eq(status, 200);
	http_client_free(c[1]);
	http_client_free(c[2]);
	http_client_free(second);
	identity_free(one);
	identity_free(two);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http limits");
	TCase *t = tcase_create("http limits");

	signal(SIGPIPE, SIG_IGN);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, head_decides_before_the_body_comes);
	tcase_add_test(t, a_request_has_a_time_of_its_own);
	tcase_add_test(t, one_sender_has_so_many_connections_and_others_their_own);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
