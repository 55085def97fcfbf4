/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_SPOOL_H
#define KMS_SPOOL_H

#include "kms.h"

/*
 * Key files in a spool folder (R2.2; formats.md, Key file): looked for every poll_ms, one file per turn of the event
 * loop, in the order of their names. A file that was stored goes to done/, one that was refused to failed/ (with its
 * key_file number behind the name), both below the folder. What was stored is committed before the file is moved; a
 * crash in between imports nothing twice.
 */
struct spool;

struct spool_options {
	const char *folder;
	unsigned poll_ms;
	size_t file_max; /* bytes */
};

/* spool_new: starts to look; the folder must be there, done/ and failed/ are made. ERR_CONFIG, ERR_IO. */
enum err spool_new(struct kms *k, const struct spool_options *o, struct spool **ret, struct fail *f) MUST_CHECK;
void spool_free(struct spool *s);

#endif
