/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_FUZZ_CALL_H
#define TESTS_FUZZ_CALL_H

#include "input.h"

/*
 * One C_ call of fuzz_call.c.
 *
 * call_relax  in a session of the SO: puts the token into `compatible` with every relaxation, so that less is refused
 * at the gate and more code is reached call_keys   makes the keys that are there in every run, as objects of session s:
 * one for each kind of key call_one    takes a function and its arguments from the input and calls it; aborts where a
 * promise is broken call_clean  destroys the token objects that the run made
 */
void call_relax(CK_SESSION_HANDLE s);
void call_keys(CK_SESSION_HANDLE s);
void call_one(struct input *in, CK_SESSION_HANDLE s);
void call_clean(CK_SESSION_HANDLE s);

#endif
