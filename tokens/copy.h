/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TOKENS_COPY_H
#define TOKENS_COPY_H

#include "store.h"

/*
 * Copies of whole tokens: out of a store that is in use, and into a token directory of their own.
 *
 * store_copy: what the store holds now, in one state that was committed, into a new file without a name that the caller
 * closes: LMDB's data file, compacted, so that no freed page comes along. Other threads and processes go on
 * writing. *ret_size: its bytes. STORE_EFULL, STORE_ECORRUPT (pages that are not what LMDB wrote).
 */
int store_copy(struct store *s, int *ret_fd, uint64_t *ret_size) MUST_CHECK;

/*
 * struct store_stage: a token directory that is being built from a copy, beside the tokens and not one of them:
 * <dir>/.restore-<serial>-<8 hex>/<serial>/. It is locked as long as its process lives; what a killed one left is
 * removed by the next store_stage_begin.
 *
 * store_stage_begin   STORE_EEXIST: there is something of that name already. dir is made when it is not there.
 * store_stage_write   the next bytes of data.mdb.
 * store_stage_finish  all is written: synced, and the file is one of LMDB's, as long as its meta pages say, and of
 *                     this serial: STORE_ECORRUPT, STORE_EFOREIGN.
 * store_stage_dir     store_open takes it in the place of the tokens' directory; after store_stage_finish. All such
 *                     stores must be closed before the stage is installed or dropped.
 * store_stage_replace the data file becomes what stands in fd, of store_copy.
 * store_stage_install the directory gets its name, never over another one: STORE_EEXIST. The stage stays to be dropped.
 * store_stage_drop    removes what was not installed; takes NULL.
 */
struct store_stage;
int store_stage_begin(const char *dir, const char *serial, struct store_stage **ret) MUST_CHECK;
int store_stage_write(struct store_stage *g, struct view v) MUST_CHECK;
int store_stage_finish(struct store_stage *g) MUST_CHECK;
const char *store_stage_dir(const struct store_stage *g);
int store_stage_replace(struct store_stage *g, int fd) MUST_CHECK;
int store_stage_install(struct store_stage *g) MUST_CHECK;
void store_stage_drop(struct store_stage *g);

#endif
