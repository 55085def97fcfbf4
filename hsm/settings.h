/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_SETTINGS_H
#define HSM_SETTINGS_H

#include "bytes.h"
#include "ck.h"

/*
 * strongroom.conf: the file that STRONGROOM_CONF names (must be there), else
 * $XDG_CONFIG_HOME/strongroom/strongroom.conf (or ~/.config/...), else /etc/strongroom/strongroom.conf, else nothing.
 * Environment variables are read with secure_getenv. STRONGROOM_TOKEN_DIR overrides token_dir, STRONGROOM_LOG overrides
 * log.
 *
 * policy = token (the default), strict, or `forbid NAME ...` (docs/policy.md), in the file, in STRONGROOM_POLICY or in
 * both: they only take away from what the token allows.
 */
#define SETTINGS_ERROR_LEN 256
#define HOLD_MAX_LEAST ((size_t)4096)
#define HOLD_MAX_MOST ((size_t)1 << 30)

struct settings {
	char *token_dir;      /* absolute or relative path; need not exist */
	int log_fd;           /* -1: off */
	char *host_secret;    /* NULL: none; as written (token_host.h) */
	size_t hold_max;      /* bytes that one operation may keep in memory (hold.h) */
	uint64_t policy_mask; /* relaxations that the settings leave (policy.h) */
};

/*
 * settings_load: CKR_GENERAL_ERROR when a file that is there cannot be read or is wrong, ret_error then says what;
 * CKR_HOST_MEMORY.
 */
CK_RV settings_load(struct settings *ret, char ret_error[SETTINGS_ERROR_LEN]) MUST_CHECK;
void settings_done(struct settings *s);

#endif
