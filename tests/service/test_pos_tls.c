/* SPDX-License-Identifier: BSD-2-Clause */
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pos_visit.h"

/* Real `pos download --tls` against a TLS door with certificates of our choice; behind it the KMS that this program
 * plays. */

/* One connection: TLS on one side, the plain listener of a visit on the other. */
struct door {
	pthread_t thread;
	SSL_CTX *ctx;
	int listener;
	char address[64];
	char behind[64];
	bool got; /* a byte of the terminal came through TLS */
};

static SSL_CTX *context(const struct pki *p, const struct pki_cert *c)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = pki_issue(p, key, c);
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	ck_assert(ctx != NULL && SSL_CTX_use_certificate(ctx, x) == 1 && SSL_CTX_use_PrivateKey(ctx, key) == 1);
	X509_free(x);
	EVP_PKEY_free(key);
	return ctx;
}

static void pump(struct door *d, SSL *ssl, int fd, int plain)
{
	char bytes[8192];
	for (;;) {
		struct pollfd p[2] = { { fd, POLLIN, 0 }, { plain, POLLIN, 0 } };
		if (!SSL_pending(ssl) && poll(p, 2, 30000) <= 0)
			return;
		if (SSL_pending(ssl) || p[0].revents) {
			int n = SSL_read(ssl, bytes, sizeof(bytes));
			if (n <= 0 || send(plain, bytes, (size_t)n, MSG_NOSIGNAL) != n)
				return;
			d->got = true;
		}
		if (p[1].revents) {
			ssize_t n = recv(plain, bytes, sizeof(bytes), 0);
			if (n <= 0 || SSL_write(ssl, bytes, (int)n) != n)
				return;
		}
	}
}

static void *door_run(void *arg)
{
	struct door *d = arg;
	struct fail f = { 0 };
	int plain = -1, fd = kit_accept(d->listener);
	SSL *ssl = SSL_new(d->ctx);
	fcntl(fd, F_SETFL, 0); /* this thread may wait */
	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1 && frame_connect(d->behind, 20000, &plain, &f) == ERR_OK)
		pump(d, ssl, fd, plain);
	if (plain >= 0)
		close(plain);
	SSL_free(ssl);
	close(fd);
	return NULL;
}

static void door_open(struct door *d, const struct pki *p, const struct pki_cert *c)
{
	d->ctx = context(p, c);
	d->listener = kit_listen(d->address);
	d->got = false;
	ck_assert_int_eq(pthread_create(&d->thread, NULL, door_run, d), 0);
}

static void door_close(struct door *d)
{
	pthread_join(d->thread, NULL);
	close(d->listener);
	SSL_CTX_free(d->ctx);
}

static void pos_start(struct spawn *s, const struct door *d, const char *name)
{
	static char dir[256];
	kit_path(&kit, terminals[A2].serial, dir);
	const char *const plain[] = { kit.pos, "download", "--dir", dir, "--connect", d->address, "--tls", NULL };
	const char *const named[] = { kit.pos,    "download", "--dir",  dir,  "--connect",
				      d->address, "--tls",    "--name", name, NULL };
	spawn_start(s, name != NULL ? named : plain);
}

static const struct pki_cert good = { .name = "kms-a",
				      .usages = "serverAuth,clientAuth," IDENTITY_ARC ".6",
				      .local = true };

/* R1.9 to R1.11: the same frames, below TLS; by the address in the certificate or by its name */
START_TEST(a_download_below_tls_loads_the_tmk)
{
	static const char *const names[] = { NULL, "localhost", "kms-a" };
	struct door d = { .listener = -1 };
	struct visit v = { .k = &kms[A2], .t = A2 };
	struct frame in;
	struct tmk k;
	v.listener = kit_listen(d.behind);
	door_open(&d, &kit.pki, &good);
	pos_start(&v.pos, &d, names[_i]);
	v.fd = kit_accept(v.listener);
	kit_receive(v.fd, &v.storage, &in);
	ck_assert_int_eq(in.type, FRAME_HELLO);
	v.nonce_len = 16;
	memcpy(v.terminal_random, in.field[HELLO_RANDOM].p, 16);
	memset(v.host_random, 0x30 + _i, 16);
	authenticate(&v);
	tmk_make(&v, &k);
	send_tmk(&v, &k);
	expect_confirm(&v, &k);
	kit_send(v.fd, &(struct frame){ .type = FRAME_DONE });
	ck_assert_int_eq(visit_close(&v), 0);
	door_close(&d);
	assert_loaded(A2, &k.m.check);
}
END_TEST

/* R1.13: not one byte goes to a server whose certificate is not that of the KMS */
START_TEST(a_wrong_certificate_ends_it_before_the_first_byte)
{
	static const struct {
		struct pki_cert cert;
		bool other_root;
		const char *name;
		const char *text;
	} rows[] = {
		{ { .name = "kms-a", .usages = "serverAuth,clientAuth," IDENTITY_ARC ".5", .local = true },
		  false,
		  NULL,
		  "wrong role" },
		{ { .name = "kms-a", .usages = "serverAuth,clientAuth", .local = true }, false, NULL, "wrong role" },
		{ { .name = "kms-a", .usages = "clientAuth," IDENTITY_ARC ".6", .local = true },
		  false,
		  NULL,
		  "certificate" },
		{ { .name = "kms-a",
		    .usages = "serverAuth,clientAuth," IDENTITY_ARC ".6",
		    .local = true,
		    .from = -7200,
		    .until = -3600 },
		  false,
		  NULL,
		  "expired" },
		{ { .name = "kms-a", .usages = "serverAuth,clientAuth," IDENTITY_ARC ".6", .local = true },
		  true,
		  NULL,
		  "certificate" },
		{ { .name = "kms-a", .usages = "serverAuth,clientAuth," IDENTITY_ARC ".6", .local = true },
		  false,
		  "kms-b",
		  "it is not of kms-b" },
		{ { .name = "kms-a", .usages = "serverAuth,clientAuth," IDENTITY_ARC ".6" },
		  false,
		  NULL,
		  "it is not of 127.0.0.1" },
	};
	struct door d = { .listener = -1 };
	struct pki other;
	struct spawn s;
	int behind = kit_listen(d.behind);
	char before[1024], after[1024];
	pki_init(&other, kit.dir, "other");
	status_of(A2, before);
	door_open(&d, rows[_i].other_root ? &other : &kit.pki, &rows[_i].cert);
	pos_start(&s, &d, rows[_i].name);
	ck_assert_int_eq(spawn_wait(&s), 1);
	ck_assert_msg(strstr(s.stderr_text, rows[_i].text) != NULL, "%s: %s", rows[_i].text, s.stderr_text);
	door_close(&d);
	ck_assert(!d.got);
	status_of(A2, after);
	ck_assert_str_eq(before, after);
	close(behind);
	pki_done(&other);
}
END_TEST

/* A server that says nothing, or something else, is not waited for for ever. */
START_TEST(a_server_that_speaks_no_tls_ends_it)
{
	struct door d = { .listener = -1 };
	struct spawn s;
	int fd;
	d.listener = kit_listen(d.address);
	pos_start(&s, &d, NULL);
	fd = kit_accept(d.listener);
	if (_i == 0)
		ck_assert_int_eq((int)send(fd, "HTTP/1.1 400 Bad\r\n\r\n", 20, MSG_NOSIGNAL), 20);
	if (_i < 2)
		shutdown(fd, SHUT_WR);
	ck_assert_int_eq(spawn_wait(&s), 1);
	close(fd);
	close(d.listener);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pos tls");
	TCase *c = tcase_create("tls");
	signal(SIGPIPE, SIG_IGN);
	pos_choose();
	tcase_set_timeout(c, 120);
	tcase_add_unchecked_fixture(c, pos_set_up, pos_tear_down);
	tcase_add_loop_test(c, a_download_below_tls_loads_the_tmk, 0, 3);
	tcase_add_loop_test(c, a_wrong_certificate_ends_it_before_the_first_byte, 0, 7);
	tcase_add_loop_test(c, a_server_that_speaks_no_tls_ends_it, 0, 3);
	suite_add_tcase(suite, c);
	return pos_run(suite);
}
