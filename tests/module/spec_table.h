/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SPEC_TABLE_H
#define TESTS_SPEC_TABLE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What PKCS#11 3.2 says of each function: the return values that its section lists, without CKR_OK. The specification
 * test provokes each of them, or it stands in spec_never with the reason; the table of docs/conformance.md is made of
 * the same rows. Codes are written without CKR_.
 *
 * codes   listed, blanks between
 * also    what this module answers besides (what any of them may answer stands in spec_also)
 * offer   for the page: what is offered, or refused and why; NULL: all of it
 */
struct spec_function {
	const char *name;
	const char *since;
	const char *codes;
	const char *also;
	const char *offer;
};
extern const struct spec_function spec_functions[];
extern const size_t spec_count;

/* struct spec_never: codes that no call provokes; functions: blanks between, "*": all but those in but. */
struct spec_never {
	const char *codes;
	const char *functions;
	const char *but;
	const char *reason;
};
extern const struct spec_never spec_nevers[];
extern const size_t spec_never_count;

/* spec_also: codes that the session itself may answer to any function. */
extern const char *const spec_also;

/* spec_word: is it one of the words of a list? */
bool spec_word(const char *list, const char *word);
/* spec_never_of: the row that says why this function does not answer this code; NULL: none, so it must. */
const struct spec_never *spec_never_of(const char *function, const char *code);

#endif
