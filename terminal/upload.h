/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TERMINAL_UPLOAD_H
#define TERMINAL_UPLOAD_H

#include "card.h"
#include "http.h"
#include "lot.h"
#include "spool.h"

/* The operation terminal's connection to the MTMS (docs/messages.md, Operation terminal to MTMS). */
struct upload {
	struct identity *identity;
	struct http_client *client;
	char url[512];     /* "https://host:port" */
	uint8_t oaep_hash; /* that HSM 1 can do, as the MTMS says with its certificate */
};

/* upload_open: our identity (role opterm); the MTMS's is checked at every call. ERR_CONFIG. *ret must be zero. */
enum err upload_open(const char *url, const char *cert_file, const char *key_file, const char *ca_file,
		     struct upload *ret, struct fail *f) MUST_CHECK;
void upload_done(struct upload *u);

/*
 * upload_working_certificate: HsmWCRT (DER), appended, verified under our roots for the role hsm; its serial number,
 * appended (R1.2). ERR_PEER, ERR_NOT_FOUND (the MTMS has none yet), ERR_REFUSED.
 */
enum err upload_working_certificate(struct upload *u, struct buf *ret_der, struct buf *ret_serial,
				    struct fail *f) MUST_CHECK;

/*
 * upload_order: order and inventory (R1.5), for the operator of this certificate (DER), into an empty lot, which is
 * ready then. ERR_REFUSED: unknown or closed order, or no permission (R2.3); ERR_PEER. ret_suite: of the order's
 * customer.
 */
enum err upload_order(struct upload *u, const char *order, struct view operator_cert, struct lot *lot,
		      uint8_t *ret_suite, struct fail *f) MUST_CHECK;

struct upload_result {
	size_t batches;
	uint64_t accepted;
	uint64_t refused;
};
/*
 * upload_batches: signs every closed batch with the operator card unless that is done already, sends it, keeps the
 * acknowledgement (R1.5). refusal: called for every terminal that the MTMS refused. *ret_result counts up from zero.
 */
enum err upload_batches(struct upload *u, struct spool *s, struct card *card, const char *order,
			void (*refusal)(void *arg, struct view serial, struct view reason), void *arg,
			struct upload_result *ret_result, struct fail *f) MUST_CHECK;

#endif
