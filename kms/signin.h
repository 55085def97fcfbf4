/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_SIGNIN_H
#define KMS_SIGNIN_H

#include "handshake.h"

/*
 * A terminal's sign-in (R1.12): instead of PROOF_T, a terminal that has confirmed a TMK sends SIGN_IN, the same proof
 * with the check value of its TMK; it gets a fresh PINKEY and MACKEY under that TMK, and confirms them. Handlers of the
 * rows of handshake.c, in a state each.
 *
 * Which keys count. Here: the generation that was confirmed last (working_key.h), until a later one is confirmed or a
 * TMK. In the terminal: the generation that DONE was said for; between its confirmation and DONE it uses none, and
 * signs in again when DONE does not come. So both use the same ones, or the terminal knows that it has to sign in:
 *
 *   before WORKING_KEYS, or its message lost   both the keys of before
 *   WK_CONFIRM lost, or too late               here those of before, the terminal none
 *   DONE lost                                  here the new ones, the terminal none
 *   two sign-ins at once, on any nodes         the later HELLO wins; the other's confirmation is superseded
 *   WK_CONFIRM again, or of an older sign-in   refused: another handshake's nonces, or it is over
 *   a TMK is confirmed                         none on either side until the next sign-in
 *
 * signin_ask: REASON_PROOF and the like of a proof; REASON_NO_TMK, REASON_OTHER_TMK (both check values stand in h),
 * REASON_WK_FORM: the proof held, older handshakes are over; REASON_HSM, REASON_BUSY, REASON_DB, REASON_DB_BUSY.
 * signin_confirm: REASON_CONFIRM, REASON_CONFIRM_VALUE, REASON_SUPERSEDED.
 */
enum reason signin_ask(struct handshake *h, const struct frame *in, struct buf *out, struct fail *f);
enum reason signin_confirm(struct handshake *h, const struct frame *in, struct buf *out, struct fail *f);

#endif
