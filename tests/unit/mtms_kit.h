/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_MTMS_KIT_H
#define TESTS_MTMS_KIT_H

#include "admin.h"
#include "batch.h"
#include "mtms.h"
#include "pki.h"
#include "room_kit.h"

#define BATCHES "/v1/batches"
#define WORKING_CERTIFICATE "/v1/working-certificate"

/* An MTMS without HSM 1, its database in a folder of its own: customers ACME (order-1, order-2) and OLD of suite 1
 * (order-old); POS-1 to POS-19 are expected in order-1, POS-21 to POS-29 in order-2, OLD-1 and OLD-2 in order-old;
 * Operator 7 may collect for both at line 3.
 */
void setup(void);
void teardown(void);
extern struct mtms m;
extern struct rewrapper rewrapper; /* its only one */
extern struct room room;
extern struct pki root, other;

void must(enum err e, const struct fail *f);
/* command: a subcommand of mtmsd that must be done. */
void command(const char *line);
/* inventory: a file of these lines in the folder; answers its path. */
const char *inventory(const char *lines);
/* working_certificate: a row of HsmWCRT; terminals make their packets for serial number 4711, which setup puts in. */
void working_certificate(const char *serial, int64_t index, const char *der);

/* One terminal of a batch. What is zero is good: suite 2, counter 1, certificate 4711, collected now. */
struct sample {
	const char *serial;
	const char *in_packet; /* another serial number there */
	uint64_t counter;
	const char *certificate;
	const char *pin_pad; /* NULL: "PP-<serial>" */
	uint8_t suite;
	long ahead;  /* collected so many seconds from now */
	bool broken; /* the packet lacks its last byte */
	const char *reason;
};
extern const struct sample three[3];

void put_packet(const struct sample *s, struct buf *ret);
void put_content(const char *order, const char *batch, const struct sample *s, size_t count, struct buf *ret);
/* card_cert: of an operator card. sign: as CMS, by a fresh key that issuer certifies as c says. */
struct pki_cert card_cert(void);
void sign(const struct pki *issuer, struct pki_cert c, struct view content, struct buf *ret);

enum err post_cms(const char *order, const char *batch, struct view cms, struct batch_out *ret);
enum err post_content(const char *order, const char *batch, struct view content, struct batch_out *ret);
/* receive: a good batch with these terminals, which must be received. */
struct batch_out receive(const char *order, const char *batch, const struct sample *s, size_t count);

#endif
