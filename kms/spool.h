/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_SPOOL_H
#define KMS_SPOOL_H

#include "conf.h"
#include "inbox.h"

/*
 * Key files in a spool folder (R2.2; formats.md, Key file, Manifest), by a thread of its own with a database handle of
 * its own: looked for every poll_ms, in the order of their names. A file without its manifest is not there yet. A file
 * that was stored goes with its manifest to done/, one that was refused to failed/ (with its key_file number behind the
 * names), both below the folder. What was stored is committed before the file is moved; a crash in between imports
 * nothing twice.
 *
 * Writers need not rename: a pair that is not whole (the manifest is no CMS yet, the key file is missing or shorter
 * than the manifest tells) is let be until nothing of it changed for settle_s, and judged once then. A key file without
 * a manifest is refused orphan_s after it came. Times are those of the folder (ctime): a file that is moved or copied
 * there comes at that moment, whatever its date.
 */
struct spool;

/*
 * spool_new: starts to look, when the section [spool] names a folder; NULL when not. The folder must be there, done/
 * and failed/ are made. k and roots must outlive it. ERR_CONFIG, ERR_IO.
 */
enum err spool_new(struct kms *k, const struct conf *c, X509_STORE *roots, struct spool **ret,
		   struct fail *f) MUST_CHECK;
void spool_free(struct spool *s);
/* spool_wake: looks now. From any thread; NULL: nothing. */
void spool_wake(struct spool *s);

#endif
