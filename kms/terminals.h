/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_TERMINALS_H
#define KMS_TERMINALS_H

#include "kms.h"

/*
 * The server that terminals reach: TCP, frames of docs/formats.md, one handshake per connection. A connection lives at
 * most expiry_ms from its accept to the end; an answered HELLO ends an older handshake of the same serial number, which
 * learns it at its next frame. A refusal goes out as ERROR with the code of its row in reason.h and nothing else.
 */
struct terminals;

struct terminals_options {
	const char *listen;       /* "127.0.0.1:0", "[::]:4000" */
	unsigned connections_max; /* more are told "busy" and closed */
	unsigned expiry_ms;
};

/* terminals_new: listens from now on, in the event loop of k->base. ERR_CONFIG, ERR_IO. terminals_free: ends all. */
enum err terminals_new(struct kms *k, const struct terminals_options *o, struct terminals **ret,
		       struct fail *f) MUST_CHECK;
void terminals_free(struct terminals *t);
/* terminals_address: "127.0.0.1:40123", the real port. */
const char *terminals_address(const struct terminals *t);

#endif
