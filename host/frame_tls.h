/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_FRAME_TLS_H
#define HOST_FRAME_TLS_H

#include "frame.h"
#include "identity.h"

/* The client's end of TLS below frames: no certificate of our own, the server's is verified in the handshake. */
struct frame_tls_options {
	X509_STORE *roots; /* what the server's chain must end in */
	enum role server;  /* its role */
	const char *name;  /* DNS name or address in its certificate, or its common name */
};

/*
 * frame_tls_connect: TLS 1.2 or above on the connected socket s->fd within timeout_ms; then s->tls is set. Nothing of
 * ours was sent before chain, validity, role and name are good. ERR_REFUSED: the certificate, the text says why;
 * ERR_PEER, ERR_TIMEOUT. frame_tls_free: says goodbye and frees; takes NULL; the socket stays the caller's.
 */
enum err frame_tls_connect(struct frame_stream *s, const struct frame_tls_options *o, int timeout_ms,
			   struct fail *f) MUST_CHECK;
void frame_tls_free(struct frame_tls *t);

/* frame_tls_goodbye: the last word of TLS on either side, without waiting for the other's; takes NULL. */
void frame_tls_goodbye(SSL *ssl);

/* For frame_io.c: some bytes; *ret 0: not now, wait for *ret_events. ERR_PEER: closed or broken. */
enum err frame_tls_write(struct frame_tls *t, const uint8_t *p, size_t n, size_t *ret, short *ret_events,
			 struct fail *f) MUST_CHECK;
enum err frame_tls_read(struct frame_tls *t, uint8_t *p, size_t n, size_t *ret, short *ret_events,
			struct fail *f) MUST_CHECK;

#endif
