/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MTMS_BATCH_H
#define MTMS_BATCH_H

#include "batches.h"
#include "cms.h"
#include "msg.h"

/* What an operator card signed: docs/messages.md, POST /v1/batches. */
struct batch_terminal {
	struct view serial;
	uint64_t collected;
	struct view packet;
};
struct batch_content {
	struct view format;
	uint64_t version;
	struct view order;
	struct view batch;
	struct msg_list terminals; /* struct batch_terminal */
};

/*
 * batch_open: verifies the CMS (role operator, chain, validity at time at, 0: now) and reads the content, whose memory
 * is of a. ERR_REFUSED: signature, chain, role; ERR_MALFORMED: form. ret_sha256: of the content.
 */
enum err batch_open(X509_STORE *roots, time_t at, struct view cms, struct arena *a, struct batch_content *ret,
		    struct cms_signer *ret_signer, char ret_sha256[65], struct fail *f) MUST_CHECK;

/* batch_receive: msg_handler of POST /v1/batches (R1.5, R1.6). */
enum err batch_receive(struct msg_call *call, const void *in, void *out, struct fail *f) MUST_CHECK;

#endif
