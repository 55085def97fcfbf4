/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SIGNIN_KIT_H
#define TESTS_SIGNIN_KIT_H

#include "kms_rig.h"

/* An honest terminal's sign-in, step by step (R1.12), at the kmsd of this rig. A fault fails the test. */
extern struct rig *signin_rig;

/* What a terminal has: its TK, its TMK, the keys of its last sign-in. */
struct pos {
	struct rig_terminal t;
	uint8_t tmk[8], wk[8];    /* ids */
	struct check_value check; /* of the TMK */
	struct ops_wk_loaded keys;
};

/* pos_known: a terminal whose record was imported, with its TMK; pos_load_tmk: downloads (again). */
void pos_known(struct pos *p, uint8_t suite, uint8_t handshake);
void pos_load_tmk(struct pos *p);
/* pos_forms: of working keys that it takes. */
uint8_t pos_forms(const struct pos *p);
/* pos_ask_with: SIGN_IN on a connection that was greeted; spoil: changes a byte of its tag. */
void pos_ask_with(struct rig_client *c, const struct check_value *tmk, uint8_t forms, uint8_t spoil);
/* pos_ask: connects, greets, asks; the keys that come are loaded under a new id. */
void pos_ask(struct rig_client *c, struct pos *p);
/* pos_confirm: WK_CONFIRM; spoil_check, spoil_tag: change a byte of it. pos_done: DONE must come. */
void pos_confirm(struct rig_client *c, const struct pos *p, uint8_t spoil_check, uint8_t spoil_tag);
void pos_done(struct rig_client *c);
/* pos_refused: ERROR with this code must come. */
void pos_refused(struct rig_client *c, enum err code);
/* pos_sign_in: all of it. */
void pos_sign_in(struct pos *p);

#endif
