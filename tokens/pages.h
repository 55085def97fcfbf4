/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TOKENS_PAGES_H
#define TOKENS_PAGES_H

#include "store.h"

/*
 * store_pages_check: reads the pages of a token's data file as LMDB 0.9 lays them out, and believes none of them: trees
 * of the databases and of the free pages, from the newest commit's meta page on. What LMDB takes on trust is
 * checked here before it does: numbers of pages within the file, each page in one place only and of the right kind,
 * nodes within their page, keys in order, counts as the tree says, large values as long as their pages; no page free
 * and in use. What a page holds is proved by the records' own seals.
 *
 * each: a page that is not as LMDB writes it; text: what is wrong. Errors: STORE_ENOMEM, STORE_EIO,
 * STORE_ECORRUPT and STORE_EFOREIGN as store_check_pages. ret_pages: how many were read.
 */
typedef void (*store_page_fn)(void *ctx, uint64_t page, const char *text);
int store_pages_check(struct store *s, store_page_fn each, void *ctx, uint64_t *ret_pages) MUST_CHECK;

#endif
