/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_TOKEN_ROTATE_H
#define HSM_TOKEN_ROTATE_H

#include "token_own.h"

/*
 * Rotation of the token key. Who begins it makes a fresh key, under which all processes write from then on; what the
 * older key sealed is sealed anew in batches, while they go on; when nothing is left, the older key goes, and with it
 * everything that was put aside under it.
 *
 * struct token_rotation: generation: the one that writes; done: records sealed anew by this call; left: those that are
 * to be, 0: no rotation is under way (any more).
 */
struct token_rotation {
	uint16_t generation;
	size_t done;
	size_t left;
};

/*
 * token_rotate: begins a rotation when none is under way, then seals at most batch records anew, and ends it with the
 * last one, in one transaction. batch 0: tells only.
 * Errors: CKR_USER_NOT_LOGGED_IN (not the SO), CKR_SESSION_READ_ONLY, CKR_DEVICE_ERROR (call_note names the record that
 * is not what was written), store errors. What earlier calls did stays.
 */
CK_RV token_rotate(struct session *s, size_t batch, struct token_rotation *ret) MUST_CHECK;

#endif
