/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_SHA256_H
#define HOST_SHA256_H

#include "err.h"

/* sha256_hex: of v, lower case, with final zero. False: OpenSSL failed, ret_hex untouched. */
bool sha256_hex(struct view v, char ret_hex[65]) MUST_CHECK;

#endif
