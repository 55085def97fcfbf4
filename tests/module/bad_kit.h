/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_BAD_KIT_H
#define TESTS_BAD_KIT_H

#include "ck_test.h"

/*
 * Calls that must be refused: BAD(code, C_Function, arguments) makes the call through the 3.0 list and fails the test
 * when the answer is another one, or when anything changed of what bad_watch looked at: the objects that ck_session
 * sees, the number of sessions, the login, the token's flags.
 */
#define BAD(code, function, ...) bad_check(#function, __LINE__, ck3->function(__VA_ARGS__), code)

void bad_check(const char *name, int line, CK_RV rv, CK_RV code);
/* bad_watch: from here on nothing may change. bad_unwatch: checks refused codes alone. */
void bad_watch(void);
void bad_unwatch(void);
/* bad_cover: forgets which functions were called; bad_covered: every function of the lists was, but those named. */
void bad_cover(void);
void bad_covered(const char *const *but, size_t count);
/* bad_calls: all calls made so far, for the summary. */
extern unsigned bad_calls;

/*
 * bad_session_functions: every function that takes a session, with otherwise good arguments, answers code. expired: not
 * those that a user may call whose PIN must be changed.
 */
enum bad_which { BAD_ALL, BAD_EXPIRED };
void bad_session_functions(CK_SESSION_HANDLE h, CK_RV code, enum bad_which which);

#endif
