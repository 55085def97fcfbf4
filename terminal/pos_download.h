/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TERMINAL_POS_DOWNLOAD_H
#define TERMINAL_POS_DOWNLOAD_H

#include "device.h"
#include "frame.h"

/*
 * pos_download: mutual authentication with the KMS and download of the TMK, on a connected socket, which may be below
 * TLS (frames 01h to 06h of docs/formats.md; R1.9 to R1.11). The handshake version is the one that the TK was made
 * with; no fall-back. A TK that waits for COLLECTED is tried first: a KMS that holds it proves that it was collected.
 *
 * Nothing is loaded before the KMS has proved that it holds AUK; the load call of the secure module verifies the TMK
 * message again. The older TMK is destroyed only after the new one is in. ret_check: check value of what was loaded.
 * Errors: ERR_UNEXPECTED (no TK yet), ERR_REFUSED (the KMS did not prove itself), ERR_BAD_DATA (TMK message),
 * ERR_PEER, ERR_TIMEOUT, ERR_MALFORMED, ERR_TOKEN. On error the older TMK is still in use, except when only the KMS's
 * last word (DONE) is missing: the new one is in use then and the text says so. The ERROR frame to the KMS carries the
 * check values of the TK that was tried: they locate the fault (R2.5).
 */
enum err pos_download(struct device *d, const struct frame_stream *s, struct check_value *ret_check,
		      struct fail *f) MUST_CHECK;
/* pos_tk_checks: check values of TEK and AUK of the TK of this number (device_state). ERR_KEY_MISSING: it is not there.
 */
enum err pos_tk_checks(struct device *d, uint64_t number, struct check_value *ret_tek, struct check_value *ret_auk,
		       struct fail *f) MUST_CHECK;

#endif
