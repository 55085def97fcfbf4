/* SPDX-License-Identifier: BSD-2-Clause */
/* HTTPS with mutual authentication: who is let in, and what happens to the others (R2.3). */
#include <arpa/inet.h>
#include <check.h>
#include <event2/event.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "frame.h"
#include "http_kit.h"
#include "now.h"
#include "temp.h"

START_TEST(right_roles_talk_and_keep_their_connection)
{
	struct identity *i = identity_of(&root, ROLE_DC, "dc1");
	struct http_client *c = client_of(i, ROLE_KMS);
	char answer[200];
	int status = 0;

	for (int k = 0; k < 3; k++) {
		ck_assert_int_eq(post(c, "/v1/x", 5, &status, answer), ERR_OK);
		ck_assert_int_eq(status, 200);
		ck_assert_str_eq(answer, "dc dc1 /v1/x 5");
	}
	ck_assert_int_eq(post(c, "/teapot", 0, &status, answer), ERR_OK);
	ck_assert_int_eq(status, 418);
	ck_assert_int_eq(post(c, "/v1/x?q=%41", BODY_MAX, &status, answer), ERR_OK);
	ck_assert_str_eq(answer, "dc dc1 /v1/x 1000");
	ck_assert_uint_eq(seen_runs(), 5);
	http_client_free(c);
	identity_free(i);
}
END_TEST

/* refused_as: an identity that must not get through. */
static void refused_as(struct identity *i)
{
	struct http_client *c = client_of(i, ROLE_KMS);
	char answer[200];
	int status = 0;

	ck_assert_int_eq(post(c, "/v1/x", 5, &status, answer), ERR_PEER);
	http_client_free(c);
	identity_free(i);
}

/* signed_by: an identity with a certificate of our own making. */
static struct identity *signed_by(const struct pki *p, const struct pki_cert *how)
{
	struct identity *i = identity_of(&root, ROLE_DC, "base");
	X509 *x = pki_issue(p, i->key, how);

	X509_free(i->cert);
	i->cert = x;
	return i;
}

START_TEST(wrong_clients_never_reach_the_handler)
{
	char usages[200], server_only[200];

	refused_as(identity_of(&root, ROLE_OPTERM, "opterm1"));
	refused_as(identity_of(&root, ROLE_KMS, "kms2"));
	refused_as(identity_of(&other, ROLE_DC, "dc2"));
	snprintf(usages, sizeof(usages), "clientAuth,%s", role_oid(ROLE_DC));
	snprintf(server_only, sizeof(server_only), "serverAuth,%s", role_oid(ROLE_DC));
	refused_as(signed_by(&root, &(struct pki_cert){ .name = "old", .usages = usages, .from = -7000, .until = -9 }));
	refused_as(signed_by(&root, &(struct pki_cert){ .name = "early", .usages = usages, .from = 600 }));
	refused_as(signed_by(&root, &(struct pki_cert){ .name = "no role", .usages = "clientAuth" }));
	refused_as(signed_by(&root, &(struct pki_cert){ .name = "server", .usages = server_only }));
	refused_as(signed_by(&root, &(struct pki_cert){ .name = "role only", .usages = role_oid(ROLE_DC) }));
	ck_assert_uint_eq(seen_runs(), 0);
	for (int i = 0; i < 100 && seen_broken(ERR_REFUSED) < 8; i++)
		usleep(20000);
	ck_assert_uint_eq(seen_broken(ERR_REFUSED), 8);
}
END_TEST

START_TEST(without_certificate_or_tls_there_is_no_answer)
{
	char out[2000] = "";
	int fd = -1;
	static const char request[] = "POST /v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = raw_tls(ctx, &fd);

	/* TLS 1.3: the client thinks it is done before the server refuses. */
	if (ssl) {
		SSL_write(ssl, request, sizeof(request) - 1);
		ck_assert_int_ge(raw_read(ssl, fd, out, sizeof(out)), 0);
		ck_assert_str_eq(out, "");
	}
	SSL_free(ssl);
	close(fd);
	SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	ck_assert_ptr_null(raw_tls(ctx, &fd));
	close(fd);
	SSL_CTX_free(ctx);
	/* Plain HTTP. */
	ck_assert_int_eq(frame_connect(http_server_address(server), 2000, &fd, NULL), ERR_OK);
	ck_assert_int_gt(send(fd, request, sizeof(request) - 1, 0), 0);
	ck_assert_int_ge(raw_read(NULL, fd, out, sizeof(out)), 0);
	ck_assert_ptr_null(strstr(out, "HTTP"));
	close(fd);
	ck_assert_uint_eq(seen_runs(), 0);
}
END_TEST

START_TEST(old_tls_is_refused)
{
	struct identity *i = identity_of(&root, ROLE_DC, "dc1");
	SSL_CTX *ctx = NULL;
	int fd = -1;

	ck_assert_int_eq(identity_ssl_ctx(i, false, ROLE_BIT(ROLE_KMS), &ctx, NULL), ERR_OK);
	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(ctx, TLS1_1_VERSION);
	ck_assert_ptr_null(raw_tls(ctx, &fd));
	close(fd);
	SSL_CTX_free(ctx);
	identity_free(i);
}
END_TEST

START_TEST(client_refuses_wrong_servers)
{
	struct identity *i = identity_of(&root, ROLE_DC, "dc1");
	struct http_client *c = client_of(i, ROLE_MTMS);
	char answer[200];
	int status = 0;
	BUF_AUTO got = { 0 };

	ck_assert_int_eq(post(c, "/v1/x", 5, &status, answer), ERR_PEER);
	http_client_free(c);
	/* Another root. */
	X509_STORE_free(i->roots);
	ck_assert_int_eq(identity_roots(other.root_pem, &i->roots, NULL), ERR_OK);
	c = client_of(i, ROLE_KMS);
	ck_assert_int_eq(post(c, "/v1/x", 5, &status, answer), ERR_PEER);
	http_client_free(c);
	X509_STORE_free(i->roots);
	ck_assert_int_eq(identity_roots(root.root_pem, &i->roots, NULL), ERR_OK);
	/* No TLS, no talk. */
	c = client_of(i, ROLE_KMS);
	ck_assert_int_eq(http_post(c, "http://127.0.0.1/", VIEW_STR("{}"), &status, &got, NULL), ERR_PEER);
	http_client_free(c);
	identity_free(i);
	ck_assert_uint_eq(seen_runs(), 0);
}
END_TEST

/* A server whose certificate names another host. */
START_TEST(client_refuses_a_name_that_is_not_in_the_certificate)
{
	struct event_base *b = event_base_new();
	struct identity *dc = identity_of(&root, ROLE_DC, "dc1");
	struct identity *i = identity_of(&root, ROLE_KMS, "kms3");
	char usages[200];
	struct http_server *s = NULL;

	snprintf(usages, sizeof(usages), "serverAuth,clientAuth,%s", role_oid(ROLE_KMS));
	X509_free(i->cert);
	i->cert = pki_issue(&root, i->key, &(struct pki_cert){ .name = "kms3", .usages = usages });
	const struct http_server_options options = {
		.identity = i, .peers = ROLE_BIT(ROLE_DC), .listen = "127.0.0.1:0", .handler = handle
	};
	ck_assert_int_eq(http_server_new(b, &options, &s, NULL), ERR_OK);
	char there[300], text[200];
	snprintf(there, sizeof(there), "%s", http_server_address(s));
	pid_t pid = fork();
	if (pid == 0) {
		event_base_dispatch(b);
		_exit(0);
	}
	snprintf(url, sizeof(url), "https://%s", there);
	struct http_client *c = client_of(dc, ROLE_KMS);
	int status = 0;
	ck_assert_int_eq(post(c, "/v1/x", 2, &status, text), ERR_PEER);
	ck_assert_ptr_nonnull(strstr(text, "127.0.0.1"));
	kill(pid, SIGKILL);
	http_client_free(c);
	http_server_free(s);
	event_base_free(b);
	identity_free(i);
	identity_free(dc);
}
END_TEST

START_TEST(large_bodies_and_answers_are_cut_off)
{
	struct identity *i = identity_of(&root, ROLE_DC, "dc1");
	struct http_client *c = client_of(i, ROLE_KMS);
	char answer[200];
	int status = 0;

	ck_assert_int_eq(post(c, "/v1/x", BODY_MAX + 1, &status, answer), ERR_OK);
	ck_assert_int_eq(status, 413);
	ck_assert_ptr_nonnull(strstr(answer, "broken 2"));
	ck_assert_uint_eq(seen_runs(), 0);
	ck_assert_int_eq(post(c, "/large", 1, &status, answer), ERR_TOO_LARGE);
	ck_assert_int_eq(post(c, "/v1/x", 1, &status, answer), ERR_OK);
	http_client_free(c);
	identity_free(i);
}
END_TEST

/* hostile: a server with a good identity, which answers the n-th request on its one connection with the n-th text. */
struct hostile {
	SSL_CTX *ctx;
	int listener;
	const char *const *answers;
};

static void *be_hostile(void *arg)
{
	struct hostile *h = arg;
	int fd = accept(h->listener, NULL, NULL);
	SSL *ssl = SSL_new(h->ctx);

	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1)
		for (const char *const *a = h->answers; *a; a++) {
			char room[2000];
			int n = 0, more;

			/* Head and body of "xx". */
			do {
				more = SSL_read(ssl, room + n, (int)sizeof(room) - 1 - n);
				n += more > 0 ? more : 0;
				room[n] = 0;
			} while (more > 0 && !strstr(room, "\r\n\r\nxx"));
			(void)!SSL_write(ssl, *a, (int)strlen(*a));
		}
	SSL_free(ssl);
	close(fd);
	return NULL;
}

/* A head that goes on with a line of the answer before: once there was none any more, libcurl went on with freed
 * memory. */
START_TEST(an_answer_that_begins_with_a_folded_line_is_an_error)
{
	static const char *const answers[] = { "HTTP/1.1 200 OK\r\nX-One: 1\r\nContent-Length: 2\r\n\r\n{}",
					       "HTTP/1.1 302 Go\r\n two: 2\r\n\r\n", NULL };
	struct identity *i = identity_of(&root, ROLE_DC, "dc1"), *bad = identity_of(&root, ROLE_KMS, "kms2");
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct hostile h = { .listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .answers = answers };
	struct http_client *c = client_of(i, ROLE_KMS);
	socklen_t n = sizeof(at);
	char there[100];
	pthread_t thread;

	ck_assert_int_eq(identity_ssl_ctx(bad, true, ROLE_BIT(ROLE_DC), &h.ctx, NULL), ERR_OK);
	ck_assert(!bind(h.listener, (struct sockaddr *)&at, n) && !listen(h.listener, 1) &&
		  !getsockname(h.listener, (struct sockaddr *)&at, &n));
	ck_assert_int_eq(pthread_create(&thread, NULL, be_hostile, &h), 0);
	snprintf(there, sizeof(there), "https://127.0.0.1:%u/x", ntohs(at.sin_port));
	for (int k = 0; k < 2; k++) {
		BUF_AUTO answer = { 0 };
		struct fail f = { 0 };
		int status = 0;

		ck_assert_int_eq(http_post(c, there, VIEW_STR("xx"), &status, &answer, &f), k ? ERR_PEER : ERR_OK);
		ck_assert_msg(k || status == 200, "%s", f.text);
	}
	pthread_join(thread, NULL);
	http_client_free(c);
	close(h.listener);
	SSL_CTX_free(h.ctx);
	identity_free(bad);
	identity_free(i);
}
END_TEST

START_TEST(slow_server_is_a_timeout)
{
	struct identity *i = identity_of(&root, ROLE_DC, "dc1");
	const struct http_client_options options = { .identity = i, .server = ROLE_KMS, .timeout_s = 1 };
	struct http_client *c = NULL;
	char answer[200];
	int status = 0;

	ck_assert_int_eq(http_client_new(&options, &c, NULL), ERR_OK);
	ck_assert_int_eq(post(c, "/slow", 1, &status, answer), ERR_TIMEOUT);
	http_client_free(c);
	identity_free(i);
}
END_TEST

/* Who says nothing, half a handshake, or half a request is closed, and the others go on. */
START_TEST(slow_clients_are_closed_and_do_not_stop_others)
{
	struct identity *i = identity_of(&root, ROLE_DC, "dc1");
	SSL_CTX *ctx = NULL;
	int silent = -1, half = -1;
	char out[2000];

	ck_assert_int_eq(frame_connect(http_server_address(server), 2000, &silent, NULL), ERR_OK);
	ck_assert_int_eq(identity_ssl_ctx(i, false, ROLE_BIT(ROLE_KMS), &ctx, NULL), ERR_OK);
	SSL *ssl = raw_tls(ctx, &half);
	ck_assert_ptr_nonnull(ssl);
	ck_assert_int_gt(SSL_write(ssl, "POST /v1/x HTTP/1.1\r\nContent-Le", 31), 0);
	struct http_client *c = client_of(i, ROLE_KMS);
	int status = 0;
	ck_assert_int_eq(post(c, "/v1/x", 1, &status, out), ERR_OK);
	ck_assert_int_ge(raw_read(ssl, half, out, sizeof(out)), 0);
	ck_assert_ptr_nonnull(strstr(out, "HTTP/1.1 499 "));
	ck_assert_ptr_nonnull(strstr(out, "too slow"));
	ck_assert_uint_eq(seen_broken(ERR_TIMEOUT), 1);
	ck_assert_int_ge(raw_read(NULL, silent, out, sizeof(out)), 0);
	ck_assert_uint_eq(seen_runs(), 1);
	http_client_free(c);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(half);
	close(silent);
	identity_free(i);
}
END_TEST

/* A byte now and then keeps no connection: neither before the handshake is done nor in a request. */
START_TEST(trickling_clients_are_closed)
{
	struct identity *i = identity_of(&root, ROLE_DC, "dc1");
	static const uint8_t hello[] = { 22, 3, 1, 1, 0, 1, 0, 0, 252, 3, 3 };
	static const char head[] =
	    "POST /v1/x HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n";
	SSL_CTX *ctx = NULL;
	int early = -1, late = -1;
	bool closed = false;
	char out[2000];

	ck_assert_int_eq(identity_ssl_ctx(i, false, ROLE_BIT(ROLE_KMS), &ctx, NULL), ERR_OK);
	ck_assert_int_eq(frame_connect(http_server_address(server), 2000, &early, NULL), ERR_OK);
	SSL *ssl = raw_tls(ctx, &late);
	ck_assert_ptr_nonnull(ssl);
	ck_assert_int_gt(SSL_write(ssl, head, sizeof(head) - 1), 0);
	for (size_t k = 0; k < 25; k++) {
		if (send(early, k < sizeof(hello) ? &hello[k] : (const uint8_t *)"x", 1, MSG_NOSIGNAL) != 1)
			closed = true;
		SSL_write(ssl, "x", 1);
		usleep(200000);
	}
	ck_assert(closed);
	ck_assert_int_ge(raw_read(ssl, late, out, sizeof(out)), 0);
	ck_assert_ptr_nonnull(strstr(out, "too slow"));
	ck_assert_uint_eq(seen_runs(), 0);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(early);
	close(late);
	identity_free(i);
}
END_TEST

START_TEST(connections_above_the_limit_wait_for_their_turn)
{
	struct identity *i = identity_of(&root, ROLE_DC, "dc1");
	struct http_client *c = client_of(i, ROLE_KMS);
	SSL *idle[CONNECTIONS];
	int fd[CONNECTIONS];
	SSL_CTX *ctx = NULL;
	char answer[200];
	int status = 0;

	ck_assert_int_eq(identity_ssl_ctx(i, false, ROLE_BIT(ROLE_KMS), &ctx, NULL), ERR_OK);
	/* The idle ones are closed after a second; then it is our turn. */
	const int64_t from = steady_ms();
	for (unsigned k = 0; k < CONNECTIONS; k++)
		ck_assert_ptr_nonnull(idle[k] = raw_tls(ctx, &fd[k]));
	ck_assert_int_eq(post(c, "/v1/x", 1, &status, answer), ERR_OK);
	ck_assert_int_ge(steady_ms() - from, 900);
	for (unsigned k = 0; k < CONNECTIONS; k++) {
		SSL_free(idle[k]);
		close(fd[k]);
	}
	SSL_CTX_free(ctx);
	http_client_free(c);
	identity_free(i);
}
END_TEST

/* Who begins no handshake takes nobody's turn: the oldest of them makes room. */
START_TEST(silent_strangers_keep_nobody_out)
{
	struct identity *i = identity_of(&root, ROLE_DC, "dc1");
	struct http_client *c = client_of(i, ROLE_KMS);
	int silent[CONNECTIONS];
	char answer[200];
	int status = 0;
	char byte;

	for (unsigned k = 0; k < CONNECTIONS; k++)
		ck_assert_int_eq(frame_connect(http_server_address(server), 2000, &silent[k], NULL), ERR_OK);
	ck_assert_int_eq(post(c, "/v1/x", 1, &status, answer), ERR_OK);
	ck_assert_int_eq(status, 200);
	ck_assert_int_le(recv(silent[0], &byte, 1, 0), 0);
	for (unsigned k = 0; k < CONNECTIONS; k++)
		close(silent[k]);
	http_client_free(c);
	identity_free(i);
}
END_TEST

START_TEST(other_methods_are_refused)
{
	struct identity *i = identity_of(&root, ROLE_DC, "dc1");
	SSL_CTX *ctx = NULL;
	static const char *const methods[] = { "GET", "PUT", "DELETE", "NONSENSE" };

	ck_assert_int_eq(identity_ssl_ctx(i, false, ROLE_BIT(ROLE_KMS), &ctx, NULL), ERR_OK);
	for (size_t k = 0; k < ARRAY_LEN(methods); k++) {
		char request[200], out[2000];
		int fd = -1;
		SSL *ssl = raw_tls(ctx, &fd);
		ck_assert_ptr_nonnull(ssl);
		int n = snprintf(request, sizeof(request), "%s /v1/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
				 methods[k]);
		ck_assert_int_eq(SSL_write(ssl, request, n), n);
		ck_assert_int_ge(raw_read(ssl, fd, out, sizeof(out)), 0);
		ck_assert_ptr_null(strstr(out, " 200 "));
		if (k < 3)
			ck_assert_ptr_nonnull(strstr(out, "HTTP/1.1 405 "));
		SSL_free(ssl);
		close(fd);
	}
	ck_assert_uint_eq(seen_runs(), 0);
	SSL_CTX_free(ctx);
	identity_free(i);
}
END_TEST

/* A request on a connection of OpenSSL's own: its bytes, at once. */
static void send_text(SSL *ssl, const char *text)
{
	ck_assert_int_eq(SSL_write(ssl, text, (int)strlen(text)), (int)strlen(text));
}

#define SLOW "POST /slow HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\nx"
#define QUICK(path)                                                                                                    \
	"POST " path " HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\nxy"

/* The sanitizer sees what is left of it; others are served meanwhile and after. */
START_TEST(who_hangs_up_while_its_request_is_worked_on_leaves_nothing)
{
	struct identity *i = identity_of(&root, ROLE_DC, "dc1");
	struct http_client *c = client_of(i, ROLE_KMS);
	SSL_CTX *ctx = NULL;
	char answer[200];
	int status = 0, fd = -1;

	ck_assert_int_eq(identity_ssl_ctx(i, false, ROLE_BIT(ROLE_KMS), &ctx, NULL), ERR_OK);
	for (int k = 0; k < 2; k++) {
		SSL *ssl = raw_tls(ctx, &fd);

		ck_assert_ptr_nonnull(ssl);
		send_text(ssl, SLOW);
		usleep(300000);
		if (k)
			SSL_shutdown(ssl);
		SSL_free(ssl);
		close(fd);
	}
	ck_assert_int_eq(post(c, "/v1/x", 1, &status, answer), ERR_OK);
	ck_assert_uint_eq(seen_runs(), 3);
	http_client_free(c);
	SSL_CTX_free(ctx);
	identity_free(i);
}
END_TEST

/* One at a time and in their order, also when the second came while the first was worked on. */
START_TEST(requests_behind_one_another_are_answered_in_their_order)
{
	static const char *const expected[] = { "dc dc1 /v1/second 2", "broken 6", "broken 6" };
	static const char *const second[] = { QUICK("/v1/second"), QUICK("/nowhere"),
					      "POST /nowhere HTTP/1.1\r\nContent-Length: 3000000\r\n\r\n" };
	struct identity *i = identity_of(&root, ROLE_DC, "dc1");
	SSL_CTX *ctx = NULL;
	char out[4000];
	int fd = -1;

	ck_assert_int_eq(identity_ssl_ctx(i, false, ROLE_BIT(ROLE_KMS), &ctx, NULL), ERR_OK);
	for (size_t k = 0; k < ARRAY_LEN(second); k++) {
		SSL *ssl = raw_tls(ctx, &fd);
		const char *first, *next;

		ck_assert_ptr_nonnull(ssl);
		send_text(ssl, SLOW);
		usleep(300000);
		send_text(ssl, second[k]);
		raw_read(ssl, fd, out, sizeof(out));
		first = strstr(out, "dc dc1 /slow 1");
		ck_assert_msg(first != NULL, "%s", out);
		next = strstr(out, expected[k]);
		ck_assert_msg(next != NULL, "%s", out);
		ck_assert(first < next);
		SSL_free(ssl);
		close(fd);
	}
	SSL_CTX_free(ctx);
	identity_free(i);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http");
	TCase *t = tcase_create("http");

	signal(SIGPIPE, SIG_IGN);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, right_roles_talk_and_keep_their_connection);
	tcase_add_test(t, wrong_clients_never_reach_the_handler);
	tcase_add_test(t, without_certificate_or_tls_there_is_no_answer);
	tcase_add_test(t, old_tls_is_refused);
	tcase_add_test(t, client_refuses_wrong_servers);
	tcase_add_test(t, client_refuses_a_name_that_is_not_in_the_certificate);
	tcase_add_test(t, large_bodies_and_answers_are_cut_off);
	tcase_add_test(t, an_answer_that_begins_with_a_folded_line_is_an_error);
	tcase_add_test(t, slow_server_is_a_timeout);
	tcase_add_test(t, slow_clients_are_closed_and_do_not_stop_others);
	tcase_add_test(t, trickling_clients_are_closed);
	tcase_add_test(t, connections_above_the_limit_wait_for_their_turn);
	tcase_add_test(t, silent_strangers_keep_nobody_out);
	tcase_add_test(t, other_methods_are_refused);
	suite_add_tcase(s, t);
	t = tcase_create("pooled");
	tcase_add_checked_fixture(t, setup_pooled, teardown);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, who_hangs_up_while_its_request_is_worked_on_leaves_nothing);
	tcase_add_test(t, requests_behind_one_another_are_answered_in_their_order);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
