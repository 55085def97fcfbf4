/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OFFICER_NAMES_H
#define OFFICER_NAMES_H

#include <stdbool.h>

/*
 * Names of the numbers that an officer sees: object classes (`secret-key`), key types (`AES`), roles (`PK`).
 *
 * names_text: the name, or the number as 0x... in room. names_number: a name in either case, or 0x...; false: neither.
 * names_all: every name, with blanks between; for texts.
 */
enum names { NAMES_CLASS, NAMES_KEY_TYPE, NAMES_ROLE };
const char *names_text(enum names what, unsigned long number, char room[24]);
bool names_number(enum names what, const char *text, unsigned long *ret) __attribute__((warn_unused_result));

#endif
