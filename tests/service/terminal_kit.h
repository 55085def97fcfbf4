/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_TERMINAL_KIT_H
#define TESTS_TERMINAL_KIT_H

#include <pthread.h>

#include "frame.h"
#include "http.h"
#include "pki.h"
#include "spawn.h"

/*
 * What the tests of terminal/ share: a private folder, a root, an HsmWCRT over a key of this program, real pos and
 * opterm processes, sockets that play the other side. The module under test stands in STRONGROOM_MODULE, the programs'
 * folder in STRONGROOM_PROGRAMS, the terminals' way of the key operations in STRONGROOM_WAY (default any). Failures of
 * the machinery abort; nothing is left running or lying about.
 */
struct kit {
	char dir[128];
	struct pki pki;
	EVP_PKEY *rsa;    /* stands for HSM 1's pair where nobody unwraps */
	struct buf wcert; /* HsmWCRT over it, DER */
	uint8_t wcert_serial[20];
	size_t wcert_serial_len;
	char module[256];
	char pos[256];
	char opterm[256];
};
void kit_init(struct kit *k);
void kit_done(struct kit *k);
void kit_path(const struct kit *k, const char *name, char ret[256]);
void kit_write(const struct kit *k, const char *name, const char *text, unsigned mode);

/* kit_token: a token with label and user PIN 47114711 (custodians: see kit_hsm) in the folder <dir>/<name>. */
void kit_token(struct kit *k, const char *name, const char *label);
/* kit_use_tokens: STRONGROOM_TOKEN_DIR of this process and its children becomes <dir>/<name>. */
void kit_use_tokens(const struct kit *k, const char *name);

/* kit_pos_init: pos init --dir <dir>/<serial>; aborts when it fails. kit_pos: starts `pos <command> --connect`. */
void kit_pos_init(struct kit *k, const char *serial);
void kit_pos(struct kit *k, struct spawn *s, const char *command, const char *serial, const char *address);
/* kit_status: pos status --json of a terminal, as text. */
void kit_status(struct kit *k, const char *serial, char *ret, size_t room);

/* kit_hash: the OAEP hash that a test asks for; SoftHSMv2 knows SHA-1 alone. */
uint8_t kit_hash(const struct kit *k, uint8_t hash);

/* kit_listen: a listening socket on a free loopback port. kit_accept: aborts after 30 s. */
int kit_listen(char ret_address[64]);
int kit_accept(int listen_fd);
/* kit_send, kit_receive: frames; receive aborts on anything but a well-formed frame, within 30 s. */
void kit_send(int fd, const struct frame *fr);
void kit_receive(int fd, struct buf *storage, struct frame *ret);

/*
 * kit_bad_frame: a frame of this row that is wrong in one way, appended; false: there is none. KIT_BEHIND: a byte
 * behind its fields; KIT_SHORT: a field shorter than it may be; KIT_CUT: its last byte is missing; KIT_LARGE: longer
 * than its row can be; KIT_PLAIN: nothing is wrong with its form.
 */
enum kit_bad { KIT_BEHIND, KIT_SHORT, KIT_CUT, KIT_LARGE, KIT_PLAIN, KIT_BAD_COUNT };
bool kit_bad_frame(const struct frame_row *row, enum kit_bad bad, struct buf *ret);
/* kit_first_way: what no module and no way changes is tested in the first of a program's runs alone. */
bool kit_first_way(void);

#endif
