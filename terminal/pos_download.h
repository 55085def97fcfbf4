/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TERMINAL_POS_DOWNLOAD_H
#define TERMINAL_POS_DOWNLOAD_H

#include "device.h"

/*
 * pos_download: mutual authentication with the KMS and download of the TMK, on a connected socket (frames 01h to 06h of
 * docs/formats.md; R1.9 to R1.11). The handshake version is the one that the TK was made with; no fall-back.
 * A TK that waits for COLLECTED is tried first: a KMS that holds it proves that it was collected.
 *
 * Nothing is loaded before the KMS has proved that it holds AUK; the load call of the secure module verifies the TMK
 * message again. The older TMK is destroyed only after the new one is in. ret_check: check value of what was loaded.
 * Errors: ERR_UNEXPECTED (no TK yet), ERR_REFUSED (the KMS did not prove itself), ERR_BAD_DATA (TMK message),
 * ERR_PEER, ERR_TIMEOUT, ERR_MALFORMED, ERR_TOKEN. On error the older TMK is still in use, except when only the KMS's
 * last word (DONE) is missing: the new one is in use then and the text says so.
 */
enum err pos_download(struct device *d, int fd, struct check_value *ret_check, struct fail *f) MUST_CHECK;

#endif
