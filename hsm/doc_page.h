/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_DOC_PAGE_H
#define HSM_DOC_PAGE_H

#include "bytes.h"

/*
 * doc_page: the end of a program that makes a page of docs/ (mech-doc, role-doc, policy-doc, attr-doc): writes page to
 * standard output; with a file name in argv, compares with that file instead and says on standard error that it is not
 * what `from` says. Answers the exit status. program: its name, for that message.
 */
int doc_page(int argc, char **argv, const char *program, const char *from, const struct buf *page) MUST_CHECK;

#endif
