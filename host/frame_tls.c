/* SPDX-License-Identifier: BSD-2-Clause */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "frame_tls.h"

struct frame_tls {
	SSL_CTX *ctx;
	SSL *ssl;
};

/* What an SSL call that did not do its work says: wait, or it is over. */
static enum err state_of(struct frame_tls *t, int rc, short *ret_events, struct fail *f)
{
	int why = SSL_get_error(t->ssl, rc);
	unsigned long code = ERR_peek_last_error();
	const char *text = ERR_reason_error_string(code);

	ERR_clear_error();
	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
		*ret_events = why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
		return ERR_OK;
	}
	if (why == SSL_ERROR_ZERO_RETURN || !code)
		return fail_set(f, ERR_PEER, 0, "the other side closed the connection");
	return fail_set(f, ERR_PEER, 0, "TLS: %s", text ? text : "broken");
}

enum err frame_tls_write(struct frame_tls *t, const uint8_t *p, size_t n, size_t *ret, short *ret_events,
			 struct fail *f)
{
	size_t done = 0;

	ERR_clear_error();
	int rc = SSL_write_ex(t->ssl, p, n, &done);
	*ret = rc == 1 ? done : 0;
	return rc == 1 ? ERR_OK : state_of(t, rc, ret_events, f);
}

enum err frame_tls_read(struct frame_tls *t, uint8_t *p, size_t n, size_t *ret, short *ret_events, struct fail *f)
{
	size_t done = 0;

	ERR_clear_error();
	int rc = SSL_read_ex(t->ssl, p, n, &done);
	*ret = rc == 1 ? done : 0;
	return rc == 1 ? ERR_OK : state_of(t, rc, ret_events, f);
}

static bool name_fits(X509 *cert, const char *name)
{
	char common[128];

	if (X509_check_host(cert, name, 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) == 1 ||
	    X509_check_ip_asc(cert, name, 0) == 1)
		return true;
	identity_cert_name(cert, common, sizeof(common));
	return strcmp(common, name) == 0;
}

static enum err handshake(struct frame_stream *s, struct frame_tls *t, int64_t deadline, struct fail *f)
{
	for (;;) {
		short events = 0;
		struct fail mine = { 0 };
		ERR_clear_error();
		int rc = SSL_connect(t->ssl);
		if (rc == 1)
			return ERR_OK;
		enum err e = state_of(t, rc, &events, &mine);
		long verdict = SSL_get_verify_result(t->ssl);
		if (e && verdict != X509_V_OK)
			return fail_set(f, ERR_REFUSED, 0, "certificate of the server: %s",
					verdict == X509_V_ERR_APPLICATION_VERIFICATION
					    ? "wrong role"
					    : X509_verify_cert_error_string(verdict));
		if (!e)
			e = frame_wait(s->fd, events, deadline, f);
		else
			fail_set(f, e, 0, "TLS handshake: %.200s", mine.text);
		if (e)
			return e;
	}
}

static enum err prepare(struct frame_tls *t, int fd, const struct frame_tls_options *o, struct fail *f)
{
	const struct identity ours = { .roots = o->roots };

	t->ctx = SSL_CTX_new(TLS_client_method());
	if (!t->ctx)
		return fail_set(f, ERR_INTERNAL, 0, "TLS context");
	enum err e = identity_ssl_ctx_peers(&ours, false, ROLE_BIT(o->server), t->ctx, f);
	if (e != ERR_OK)
		return e;
	SSL_CTX_set_options(t->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(t->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_OFF);
	t->ssl = SSL_new(t->ctx);
	if (!t->ssl || SSL_set_fd(t->ssl, fd) != 1)
		return fail_set(f, ERR_NO_MEMORY, 0, "TLS");
	SSL_set_tlsext_host_name(t->ssl, o->name);
	return ERR_OK;
}

enum err frame_tls_connect(struct frame_stream *s, const struct frame_tls_options *o, int timeout_ms, struct fail *f)
{
	int64_t deadline = frame_deadline(timeout_ms);
	struct frame_tls *t = calloc(1, sizeof(*t));
	enum err e;

	if (!t)
		return fail_set(f, ERR_NO_MEMORY, 0, "TLS");
	e = prepare(t, s->fd, o, f);
	if (e == ERR_OK)
		e = handshake(s, t, deadline, f);
	if (e == ERR_OK && !name_fits(SSL_get0_peer_certificate(t->ssl), o->name))
		e = fail_set(f, ERR_REFUSED, 0, "certificate of the server: it is not of %.100s", o->name);
	if (e != ERR_OK) {
		frame_tls_free(t);
		return e;
	}
	s->tls = t;
	return ERR_OK;
}

void frame_tls_goodbye(SSL *ssl)
{
	if (ssl && SSL_is_init_finished(ssl))
		SSL_shutdown(ssl);
	ERR_clear_error();
}

void frame_tls_free(struct frame_tls *t)
{
	if (!t)
		return;
	frame_tls_goodbye(t->ssl);
	SSL_free(t->ssl);
	SSL_CTX_free(t->ctx);
	ERR_clear_error();
	free(t);
}
