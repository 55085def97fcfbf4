/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TERMINAL_POS_SIGNIN_H
#define TERMINAL_POS_SIGNIN_H

#include "pos_download.h"

/*
 * pos_signin: mutual authentication with the KMS as for a download, then fresh working keys under the TMK in use
 * (frames 07h to 09h of docs/formats.md; R1.12). The secure module opens them and verifies the KMS's MAC before it
 * keeps them; the keys of before go when the new ones are in. d->state.wk_state: DEVICE_WK_IN_USE only after the KMS
 * said DONE; a terminal that confirmed and was not answered has DEVICE_WK_WAITING, uses no working keys, and signs in
 * again.
 *
 * Errors: ERR_UNEXPECTED (no TK or no TMK yet), ERR_REFUSED (the KMS did not prove itself), ERR_BAD_DATA (the working
 * keys do not open under this TMK, or are of another handshake), ERR_PEER, ERR_TIMEOUT, ERR_MALFORMED, ERR_TOKEN. On
 * error before the confirmation the working keys of before are still in use.
 */
enum err pos_signin(struct device *d, const struct frame_stream *s, struct check_value ret_check[WK_KINDS],
		    struct fail *f) MUST_CHECK;

#endif
