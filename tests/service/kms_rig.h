/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_KMS_RIG_H
#define TESTS_KMS_RIG_H

#include <sys/types.h>

#include "db.h"
#include "frame_tls.h"
#include "http.h"
#include "manifest.h"
#include "ops.h"

/*
 * What a KMS test needs around it: three tokens in a private directory (HSM 1 with Pr, PK and MAK; HSM 2 with the same
 * PK and MAK; POS, the secure module of all test terminals), certificates of a private CA, and kmsd as a process.
 * Environment: STRONGROOM_MODULE, KMSD, STRONGROOM_CA; RIG_SOFTHSM: SoftHSMv2 and the standard way instead;
 * RIG_POSTGRES: the database is on a PostgreSQL of the test's own, not in a file; KEPT: a folder of the build where
 * tokens that were made are kept for the next program.
 * Everything here aborts the test program with a text when it fails.
 */
struct rig {
	char dir[128];
	char uri[3][400]; /* HSM1, HSM2, POS */
	struct pk11 *hsm1;
	struct pk11 *pos;
	struct ops *hsm1_ops;
	struct ops *pos_ops;
	struct pk11_key *pr, *pu;
	struct ops_record_keys keys[FORMAT_SUITE_AES + 1]; /* by suite, as HSM 2 has them */
	struct ops_record_keys other;                      /* suite 2, another customer's */
	struct buf working_cert;                           /* DER */
	struct buf cert_serial;
	uint64_t counter; /* of the POS token */
	pid_t kmsd;
	int kmsd_out;
	int settle_s;           /* of the spool; 0: 1 */
	const char *order;      /* of manifests; NULL: ORDER-1 */
	char terminals[64];     /* address of the running kmsd */
	char terminals_tls[64]; /* "": it has none */
	char https[64];
	char database[1000];    /* file or URL */
	char database_name[64]; /* on PostgreSQL */
	struct db *db;          /* the KMS database, read only, open while kmsd runs or not */
};

/* rig_new: makes all of it, kmsd not started. rig_free: stops kmsd, removes the directory. */
struct rig *rig_new(void);
void rig_free(struct rig *r);

/*
 * rig_change: what is done to HSM 1 (0) or HSM 2 (1) while the services run, in a process of its own: all payment keys
 * get a next generation by a ceremony, whose components begin with RIG_LATER_SEED more; the SO retires a generation of
 * a label; the user destroys it. Not with SoftHSM.
 */
enum rig_change { RIG_CEREMONY, RIG_RETIRE, RIG_DESTROY };
#define RIG_LATER_SEED 0x05
void rig_change(enum rig_change change, unsigned which, const char *label, unsigned long number);

/* rig_suite_1: the token can wrap under TDES (SoftHSM cannot). */
bool rig_suite_1(void);

/* rig_conf: writes kmsd.conf; more: lines appended, may be "" (sections allowed). */
void rig_conf(struct rig *r, const char *more);
void rig_start(struct rig *r);
/* rig_stop: SIGTERM or SIGKILL, waits; answers the wait status. */
int rig_stop(struct rig *r, int signal_number);
/* rig_command: runs `kmsd --config ... <arguments>`; answers exit status, output in ret (with final zero). */
int rig_command(struct rig *r, const char *arguments, struct buf *ret);

/* A terminal of the tests: a TK pair in the POS token. */
struct rig_terminal {
	char serial[33];
	uint8_t id[8];
	uint8_t suite;
	uint8_t handshake;
	struct buf packet;
};
void rig_terminal_done(struct rig_terminal *t);
/* rig_tk: makes a new TK of a terminal: suite 2 with AES-256, suite 1 with TDES of 16 bytes. */
void rig_tk(struct rig *r, struct rig_terminal *t, const char *serial, uint8_t suite, uint8_t handshake);
/* rig_record: MTMS's and DC's part: the record for a customer, DC import time set. other_keys: PK and MAK of OTHER. */
void rig_record(struct rig *r, const struct rig_terminal *t, const char *customer, bool other_keys, struct buf *ret);

/* rig_fresh: a terminal with a serial number that no other has, of suite 2, and its good record. */
void rig_fresh(struct rig *r, struct rig_terminal *t, struct buf *ret_record);

/* rig_wait: until this query (one number) answers want, at most 20 s. */
void rig_wait(struct rig *r, int64_t want, const char *sql, const char *text);
int64_t rig_number(struct rig *r, const char *sql, const char *text);
/* rig_text: first column of the first row, or "". */
void rig_text(struct rig *r, char ret[512], const char *sql, const char *text);
/* rig_db_write: runs SQL on the KMS database from outside, as a tamperer would; without line feeds. */
void rig_db_write(struct rig *r, const char *sql);

/* rig_deliver: POST /v1/records as the DC (or another role); answers the HTTP status, body in ret. */
int rig_post(struct rig *r, enum role role, const char *body, size_t body_len, struct buf *ret);
int rig_post_to(struct rig *r, enum role role, const char *where, const char *body, size_t body_len, struct buf *ret);
int rig_deliver(struct rig *r, const char *delivery, const struct view *records, size_t count, struct buf *ret);
/*
 * rig_keyfile: writes spool/<file> with these records, header name and KMS id as given; for a file that ends in .keys
 * the manifest too, signed by the DC, with the next sequence number. rig_offer: the same with any bytes as the key file
 * <name>. rig_manifest_of: the right manifest of such bytes; rig_manifest_write: spool/<name>.manifest, signed by a
 * role.
 */
void rig_keyfile(struct rig *r, const char *file, const char *name, const char *kms, const struct view *records,
		 size_t count);
void rig_offer(struct rig *r, const char *name, struct view bytes);
struct manifest rig_manifest_of(struct rig *r, const char *name, struct view bytes, size_t count);
void rig_manifest_write(struct rig *r, const char *name, const struct manifest *m, enum role signer);
void rig_write(struct rig *r, const char *path, const void *bytes, size_t n);

/* rig_import: by message, waits until done; the record must be imported. */
void rig_import(struct rig *r, struct buf *record);

/* rig_known: a fresh terminal whose record the KMS has imported. */
void rig_known(struct rig *r, struct rig_terminal *t, uint8_t suite, uint8_t handshake);
/* rig_audited: the operator's word (kms/reason.h) for the last refused download of this serial number must be this. */
void rig_audited(struct rig *r, const char *serial, const char *word);

/*
 * More kmsd on the rig's database, each with a copy of the rig's tokens, without spool. rig_node_make: not started yet;
 * more: lines of the configuration. rig_node_start: false: it refused to start, see rig_node_logged. rig_node_use:
 * rig_connect goes there from now on.
 */
struct rig_node {
	struct rig *r;
	char name[33];
	char tokens[240];
	char conf[240];
	char terminals[64];
	pid_t pid;
	int out;
};
void rig_node_make(struct rig *r, struct rig_node *n, const char *name, const char *more);
bool rig_node_start(struct rig_node *n);
int rig_node_stop(struct rig_node *n, int signal_number);
void rig_node_use(struct rig_node *n);
bool rig_node_logged(const struct rig_node *n, const char *text);

/* A client of the terminal server. */
struct rig_client {
	int fd;
	struct frame_tls *tls;
	struct buf storage;
	struct ops_tk tk;
	uint8_t terminal_random[FORMAT_NONCE];
	uint8_t host_random[FORMAT_NONCE];
	size_t nonce_len;
};
void rig_connect(struct rig *r, struct rig_client *c);
/* rig_connect_from: from another address of the loopback, "127.0.0.2". rig_connect_tls: to the TLS door. */
void rig_connect_from(struct rig *r, struct rig_client *c, const char *source);
void rig_connect_tls(struct rig *r, struct rig_client *c);
/* rig_stranger: a HELLO of version 2 with a random nonce, from an address; the answer. */
struct frame rig_stranger(struct rig *r, struct rig_client *c, const char *source, const char *serial);
void rig_close(struct rig_client *c);
void rig_send(struct rig_client *c, const struct frame *fr);
/* rig_recv: the next frame; type 0: the connection ended. */
struct frame rig_recv(struct rig_client *c);
/* rig_refused: the next frame must be ERROR with this code, then the end of the connection. */
void rig_refused(struct rig_client *c, enum err code);

/* Steps of an honest terminal. rig_hello answers PROOF_K (views into c->storage) and checks nothing. */
struct frame rig_hello(struct rig *r, struct rig_client *c, const struct rig_terminal *t);
void rig_hello_send(struct rig_client *c, uint8_t handshake, const char *serial, struct view random);
/* rig_greet: rig_connect, rig_hello, and the KMS's proof must hold. rig_greet_on: on a connection that is there. */
void rig_greet(struct rig *r, struct rig_client *c, const struct rig_terminal *t);
void rig_greet_on(struct rig *r, struct rig_client *c, const struct rig_terminal *t);
enum err rig_check_host(struct rig *r, struct rig_client *c, const struct frame *proof);
size_t rig_proof(struct rig *r, struct rig_client *c, uint8_t ret[OPS_TAG_MAX]);
void rig_proof_send(struct rig_client *c, struct view tag);
enum err rig_load(struct rig *r, struct rig_client *c, struct view message, struct check_value *ret);
size_t rig_confirm_tag(struct rig *r, struct rig_client *c, const struct check_value *loaded,
		       uint8_t ret_tag[OPS_TAG_MAX]);
void rig_confirm_send(struct rig_client *c, const struct check_value *loaded, struct view tag);
void rig_confirm(struct rig *r, struct rig_client *c, const struct check_value *loaded);
/* rig_download: all of it; answers the check value that the token gives. */
struct check_value rig_download(struct rig *r, const struct rig_terminal *t);
struct check_value rig_download_on(struct rig *r, struct rig_client *c, const struct rig_terminal *t);

#endif
