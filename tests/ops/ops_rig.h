/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_OPS_RIG_H
#define TESTS_OPS_RIG_H

#include <check.h>

#include "ops.h"

/*
 * Tokens for the tests of pk11.h and ops.h: strongroom (STRONGROOM_MODULE) and SoftHSMv2 (SOFTHSM_MODULE) in one
 * private directory. A PK and a MAK of the same known value are there twice in strongroom: as role keys, entered as
 * components by two custodians and combined, and as ordinary keys; in SoftHSM as ordinary keys.
 * Everything that goes wrong here fails the test.
 */
#define RIG_PIN "48291537"

extern char rig_dir[128];

/* rig_begin: directory and environment; no token yet. rig_end: removes all. */
void rig_begin(void);
void rig_end(void);
bool rig_has_softhsm(void);

enum rig_module { RIG_STRONGROOM, RIG_SOFTHSM };
/*
 * rig_token: a new token with user PIN RIG_PIN (no process may hold the module open); strongroom's has the relaxations
 * that the standard ways need (RIG_RELAXED). rig_relax: others; `strict`: none.
 */
#define RIG_RELAXED "untrusted-wrap raw-unwrap weak-wrap stronger-cargo unwrap-and-encrypt transport-stronger-cargo"
void rig_relax(const char *label, const char *names);
void rig_token(enum rig_module module, const char *label);
/* rig_role_keys: in strongroom: PK, MAK, FPK (AES-256) and PK-T, MAK-T (TDES of 24 bytes), combined from components. */
void rig_role_keys(const char *label);
/* rig_plain_keys: the same values as ordinary keys pPK, pMAK, pFPK and, unless aes_only, pPK-T, pMAK-T. */
void rig_plain_keys(enum rig_module module, const char *label, bool aes_only);

/* rig_uri: URI of a token with PIN file and module path; in static storage of 4 turns. */
const char *rig_uri(enum rig_module module, const char *label);
struct pk11 *rig_open(enum rig_module module, const char *label);
struct pk11_key *rig_key(struct pk11 *p, const char *uri);
/* rig_value: the known value of "PK", "MAK", "FPK" (32 bytes), "PK-T", "MAK-T" (24 bytes). */
struct view rig_value(const char *name);

/* rig_certificate: a self-signed certificate over a bare public key (SubjectPublicKeyInfo), DER. */
void rig_certificate(struct view spki, struct buf *ret);
/*
 * rig_packet: a TK packet made without any token: TEK and AUK of known value under that public key. type and length
 * say how they are meant; tek and auk may be wrong in length on purpose. Possession MAC by auk.
 */
struct rig_packet {
	uint8_t suite, handshake, hash, type, length;
	const char *serial;
	uint64_t counter;
	struct view tek, auk;
};
void rig_packet(struct view spki, const struct rig_packet *in, struct buf *ret);
/* rig_cmac: CMAC by OpenSSL, key AES or TDES by type; answers the length. */
size_t rig_cmac(uint8_t type, struct view key, struct view data, uint8_t ret[16]);

/*
 * rig_working: working keys made, stored, loaded and used between a host and a terminal that hold the same TMK: what a
 * terminal's MACKEY and PINKEY do holds at the host with the keys of the database; whatever is altered is refused.
 * false: these two have no form in common.
 */
struct rig_working {
	struct ops *host, *pos;
	bool host_standard, pos_standard;
	const struct ops_tk *at_host, *at_pos;
	const struct ops_shake *shake;
	struct pk11_key *srk;
	struct view tmk; /* blob */
	struct view id;  /* of the terminal's TMK */
	uint8_t tmk_type, tmk_length;
};
bool rig_working(const struct rig_working *w);

/* rig_run: the suite in this process, Check's summary; main's exit status. */
int rig_run(Suite *s);

#define ok(call) ck_assert_msg((call) == ERR_OK, "%s", rig_said())
#define refuses(call, code) ck_assert_int_eq((call), (code))
/* The struct fail that tests pass: cleared by rig_fail, shown by ok(). */
struct fail *rig_fail(void);
const char *rig_said(void);

#endif
