/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_TERMINALS_H
#define KMS_TERMINALS_H

#include "kms.h"

struct identity;
struct pool;

/*
 * The server that terminals reach: TCP, and TLS where asked for, frames of docs/formats.md, one handshake per
 * connection. A connection lives at most k->expiry_ms from its accept to the end, the TLS handshake is part of that; a
 * handshake that proves itself ends every older one of its serial number, which learns it at its next frame. A refusal
 * goes out as ERROR with the code of its row in reason.h and nothing else.
 *
 * Sockets, frames, timers and these limits are the event loop's; steps of handshakes run in the pools (visit.h). A
 * terminal whose step hangs is told by the timer, one that finds the queue full at once.
 */
struct terminals;

struct terminals_options {
	const char *listen;     /* "127.0.0.1:0", "[::]:4000"; NULL: none in the clear */
	const char *tls_listen; /* NULL: none below TLS */
	/* what TLS shows; terminals show no certificate, they prove themselves in the handshake */
	const struct identity *identity;
	struct pool *steps;               /* visit.h */
	struct pool *records;             /* visit.h */
	unsigned connections_max;         /* more are told "busy" and closed */
	unsigned address_connections_max; /* of one address */
};

/* terminals_new: listens from now on, in the event loop of k->base. ERR_CONFIG, ERR_IO. terminals_close: takes no
 * more connections. terminals_sending: last frames are on their way. terminals_free: ends all, when the pools have
 * stopped. The last three take NULL. */
enum err terminals_new(struct kms *k, const struct terminals_options *o, struct terminals **ret,
		       struct fail *f) MUST_CHECK;
void terminals_close(struct terminals *t);
bool terminals_sending(const struct terminals *t) MUST_CHECK;
void terminals_free(struct terminals *t);
/* terminals_address, terminals_tls_address: "127.0.0.1:40123", the real port; "" where there is none. */
const char *terminals_address(const struct terminals *t);
const char *terminals_tls_address(const struct terminals *t);

#endif
