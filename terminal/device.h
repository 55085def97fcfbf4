/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TERMINAL_DEVICE_H
#define TERMINAL_DEVICE_H

#include "ops.h"

/*
 * A POS terminal: a folder with its settings, PIN files and secure module. The secure module is a PKCS#11 token of its
 * own that holds the burned-in root certificate, the identity, the state, Pu, TK and TMK (R1.2, R1.4, R1.11).
 *
 *   <dir>/terminal.conf        token = PKCS#11 URI, way = any | vendor | standard
 *   <dir>/so.pin, user.pin     random PINs of the secure module, mode 0600
 *   <dir>/lock                 one process at a time
 *   <dir>/token/               token directory of the strongroom module (STRONGROOM_TOKEN_DIR)
 *
 * Objects: certificate "HsmRCRT" (trusted: only the SO can set that), data "identity" (the SO's, not modifiable), data
 * "state", public key "Pu", TEK and AUK ("TK") with the TK counter as id, "TMK" with its number as id, "PINKEY" and
 * "MACKEY" with theirs (8 bytes each).
 */

/*
 * What the terminal knows about its keys. made: counter of the last TK made; current: counter of the TK that was
 * collected (0: none); made above current: a TK waits for COLLECTED. tmk: number of the TMK in use (0: none). wk:
 * number of the working keys that were loaded last; wk_generation: the KMS's number of them; wk_state: do they count?
 */
enum device_wk {
	DEVICE_WK_NONE,    /* none; or they went with their TMK */
	DEVICE_WK_WAITING, /* confirmed, but the KMS did not say DONE: they are not used, the terminal signs in again */
	DEVICE_WK_IN_USE
};
struct device_state {
	uint64_t made;
	uint64_t current;
	uint64_t tmk;
	uint8_t made_handshake;
	uint8_t current_handshake;
	uint8_t wk_state; /* enum device_wk */
	uint64_t wk;
	uint64_t wk_generation;
};

struct device {
	uint8_t serial[FORMAT_POS_SERIAL_MAX];
	size_t serial_len;
	uint8_t pin_pad[FORMAT_PIN_PAD_MAX];
	size_t pin_pad_len;
	struct buf root;      /* HsmRCRT, DER */
	const char *crl_file; /* its revocation list, set by who opened it; NULL: none is asked */
	struct device_state state;
	uint64_t saves; /* of the state, so far */
	struct pk11 *token;
	struct ops *ops;
	int lock_fd;
};

struct device_make {
	const char *dir;
	const char *serial;
	const char *pin_pad;
	const char *root_file; /* PEM or DER */
	const char *module;    /* path; NULL: p11-kit's module named "strongroom" */
	const char *way;       /* NULL: any */
};

/*
 * device_init: makes the folder and its secure module: C_InitToken, SO login, root certificate and identity, C_InitPIN.
 * Errors: ERR_USAGE (serial numbers), ERR_REFUSED (the folder has a terminal), ERR_MALFORMED (root certificate),
 * ERR_TOKEN, ERR_IO.
 * Secret: both PINs are random, kept in PIN files alone.
 */
enum err device_init(const struct device_make *in, struct fail *f) MUST_CHECK;

/* device_token_folder: <dir>/token, made when absent, becomes STRONGROOM_TOKEN_DIR of this process. */
enum err device_token_folder(const char *dir, struct fail *f) MUST_CHECK;

/*
 * device_open: logs in to the secure module and reads identity, root and state. *ret is overwritten.
 * device_done: takes what a failed open left when it began as { .lock_fd = -1 }. ERR_CONFIG, ERR_TOKEN; ERR_BUSY:
 * another process has the terminal.
 */
enum err device_open(const char *dir, struct device *ret, struct fail *f) MUST_CHECK;
void device_done(struct device *d);

/* device_save: d->state into the token; an interrupted save leaves the state before or the new one. */
enum err device_save(struct device *d, struct fail *f) MUST_CHECK;
/* device_sweep: destroys what an interrupted step left: keys whose number is neither in use nor waiting. */
enum err device_sweep(struct device *d, struct fail *f) MUST_CHECK;
/* device_tmk_check: check value of the TMK in use, from the token; ERR_KEY_MISSING: none loaded. */
enum err device_tmk_check(struct device *d, struct check_value *ret, struct fail *f) MUST_CHECK;
/* device_wk_check: check value of a working key, from the token; ERR_KEY_MISSING: none loaded. */
enum err device_wk_check(struct device *d, enum wk_kind kind, struct check_value *ret, struct fail *f) MUST_CHECK;

/* device_serial, device_pin_pad: of the identity; live as long as d. */
struct view device_serial(const struct device *d);
struct view device_pin_pad(const struct device *d);
/* device_id: the 8 bytes of a number as CKA_ID. */
struct view device_id(uint64_t number, uint8_t room[8]);

#define DEVICE_ROOT_LABEL "HsmRCRT"
#define DEVICE_IDENTITY_LABEL "identity"
#define DEVICE_STATE_LABEL "state"
#define DEVICE_PU_LABEL "Pu"
#define DEVICE_TMK_LABEL "TMK"

#endif
