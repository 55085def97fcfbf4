/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_POS_VISIT_H
#define TESTS_POS_VISIT_H

#include <check.h>

#include "soft_kms.h"

/*
 * Real pos processes that download from a KMS which the test program plays, honestly (test_pos_download.c) and not
 * (test_pos_attack.c). One terminal per handshake version and cipher. Faults are Check failures.
 */
enum { A2, A1, M2, T2, T1, TERMINALS };
struct pos_kind {
	const char *serial;
	uint8_t make[5]; /* fields of MAKE_TK */
	uint8_t tmk_type;
	uint8_t tmk_length;
};
extern const struct pos_kind terminals[TERMINALS];
extern struct kit kit;
extern struct soft_kms kms[TERMINALS];
/* SoftHSMv2 unwraps under AES keys alone: TERMINALS, or T2 there. Set by pos_choose, which also makes the kit. */
extern size_t terminal_count;
void pos_choose(void);

/* Fixture: every terminal with a collected TK, opened into kms[]. */
void pos_set_up(void);
void pos_tear_down(void);
int pos_run(Suite *suite);

/* The factory's part: makes a TK and opens the packet with the private key of this program. */
void make_tk(size_t t, bool collected);

/* One connection of a terminal. */
struct visit {
	const struct soft_kms *k;
	size_t t;
	struct spawn pos;
	int listener, fd;
	struct buf storage;
	uint8_t terminal_random[16], host_random[16];
	size_t nonce_len;
};
/* visit_open: starts pos download and takes its HELLO. visit_open_as: another command of pos than download.
 * visit_close: the exit status of pos. */
void visit_open(struct visit *v, size_t t);
void visit_open_as(struct visit *v, size_t t, const char *command);
int visit_close(struct visit *v);
struct transcript transcript_of(const struct visit *v, uint8_t direction);
void host_tag(const struct visit *v, struct soft_tag *ret);
void send_proof(struct visit *v, struct view tag);
/* expect_proof: the terminal's answer is checked by our own means. ret_tag (or NULL): what it sent. */
void expect_proof(struct visit *v, struct soft_tag *ret_tag);
void authenticate(struct visit *v);

/* What a TMK message is made of, before it is put together: tests alter it at will. */
struct tmk {
	uint8_t key[FORMAT_KEY_MAX];
	uint8_t iv[FORMAT_IV];
	uint8_t ctmk[64];
	struct tmk_message m;
	struct soft_tag mac;
	struct transcript t;
};
void new_key(uint8_t type, uint8_t *key, size_t n);
void tmk_make(const struct visit *v, struct tmk *k);
void tmk_sign(const struct visit *v, struct tmk *k);
void send_tmk(struct visit *v, const struct tmk *k);
void expect_confirm(struct visit *v, const struct tmk *k);
/* expect_refusal: ERROR with this code, exit status 1, a line on standard error. */
void expect_refusal(struct visit *v, enum err code);

/* status_of: pos status --json. assert_loaded: the check value that the token gives for the TMK. */
void status_of(size_t t, char ret[1024]);
void assert_loaded(size_t t, const struct check_value *c);
/* key_count: secret keys in the terminal's secure module. */
size_t key_count(size_t t);
/* download: an honest one, whole; the check value of the new TMK in ret (or NULL). */
void download(size_t t, struct check_value *ret);

#endif
