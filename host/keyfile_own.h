/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_KEYFILE_OWN_H
#define HOST_KEYFILE_OWN_H

#include "keyfile.h"

/* Inside of keyfile*.c only: the first line; the last one, with the digest of what stands before it. */
bool keyfile_parse_head(struct view line, struct keyfile_head *ret, size_t *ret_count) MUST_CHECK;
bool keyfile_parse_tail(struct view line, const char before_sha256[65]) MUST_CHECK;

#endif
