/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_HANDSHAKE_TK_H
#define KMS_HANDSHAKE_TK_H

#include "handshake.h"

/*
 * handshake_tk: the formal record of h->serial, verified and opened by the HSM: it must be the one of its row, of this
 * handshake version, and take a nonce of this length (R1.9, R2.7). Check values of the row go into h.
 * REASON_UNKNOWN, REASON_VERSION, REASON_NONCE; REASON_FORMAL, REASON_FORMAL_ROW: tampering; REASON_HSM, REASON_BUSY,
 * REASON_DB.
 */
enum reason handshake_tk(struct handshake *h, uint8_t version, size_t nonce_len, struct fail *f);

/*
 * handshake_stand_in: for a serial number that has no TK to answer with: somebody else's TK is opened, so that the work
 * is that of a true handshake, and the answer is random bytes of the same length. Whoever asks learns nothing of which
 * serial numbers there are. *ret_tag_len: bytes of the tag. Errors are hidden: the answer comes all the same.
 */
void handshake_stand_in(struct handshake *h, uint8_t version, size_t nonce_len, size_t *ret_tag_len);

/* handshake_shake: the nonces of both sides. */
struct ops_shake handshake_shake(const struct handshake *h);

/* hsm_reason: what an error of the HSM means where it is not about the peer's data. */
enum reason hsm_reason(enum err e);

#endif
