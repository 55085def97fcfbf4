/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_CURL_START_H
#define HOST_CURL_START_H

/*
 * curl_start: makes libcurl ready, once per process; before any other call of it, from any thread. libcurl gets memory
 * functions of ours that wipe whatever is freed or moved, because it copies passwords and does not wipe its copies.
 */
void curl_start(void);

#endif
