/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "bytes.h"

/*
 * The errors of host and services: one list. Each row: name, code that a peer sees, text. A new error is a new row.
 * The peer sees the code and the text of the row only; step, rv and details go to the operator (struct fail).
 */
#define ERR_LIST(X)                                                                                                    \
	X(ERR_OK, 0, "no error")                                                                                       \
	X(ERR_MALFORMED, 1, "malformed message")                                                                       \
	X(ERR_TOO_LARGE, 2, "message too large")                                                                       \
	X(ERR_UNEXPECTED, 3, "message not expected now")                                                               \
	X(ERR_REFUSED, 4, "refused")                                                                                   \
	X(ERR_DUPLICATE, 5, "already received")                                                                        \
	X(ERR_NOT_FOUND, 6, "not found")                                                                               \
	X(ERR_BUSY, 7, "busy, try again later")                                                                        \
	X(ERR_TIMEOUT, 8, "too slow")                                                                                  \
	X(ERR_INTERNAL, 9, "internal error")                                                                           \
	X(ERR_CONFIG, 10, "configuration error")                                                                       \
	X(ERR_TOKEN, 11, "token error")                                                                                \
	X(ERR_KEY_MISSING, 12, "key missing")                                                                          \
	X(ERR_BAD_DATA, 13, "data refused by the token")                                                               \
	X(ERR_NO_MEMORY, 14, "out of memory")                                                                          \
	X(ERR_IO, 15, "input or output failed")                                                                        \
	X(ERR_PEER, 16, "the other side failed")                                                                       \
	X(ERR_USAGE, 17, "wrong usage")

enum err {
#define ERR_ENUM(name, code, text) name = (code),
	ERR_LIST(ERR_ENUM)
#undef ERR_ENUM
};

/* struct fail: filled where the fault is first seen, passed up untouched. text never holds a secret. */
struct fail {
	enum err code;
	unsigned long rv; /* CK_RV, or 0 */
	char text[256];
};

/* err_name, err_text: of the row; a number without a row has a name and a text too. */
const char *err_name(enum err e);
const char *err_text(enum err e);
/* fail_set: fills *f (NULL allowed) unless it is filled already; answers code, so that `return fail_set(...)` reads
 * well. */
enum err fail_set(struct fail *f, enum err code, unsigned long rv, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
