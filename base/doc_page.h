/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_DOC_PAGE_H
#define BASE_DOC_PAGE_H

#include "bytes.h"

/*
 * The end of a program that makes a page of docs/ from tables in the code. Both answer the exit status; program: its
 * name and options, for messages.
 *
 * doc_page  the whole page: to standard output; with a file name in argv, compares with that file instead and says on
 *           standard error that it is not what `from` says
 * doc_part  what stands in a page between <!-- generated: name --> and <!-- end -->: compares with a file; with
 *           --write before its name writes it there
 */
int doc_page(int argc, char **argv, const char *program, const char *from, const struct buf *page) MUST_CHECK;
int doc_part(int argc, char **argv, const char *program, const char *name, const struct buf *part) MUST_CHECK;

#endif
