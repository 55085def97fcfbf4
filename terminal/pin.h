/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TERMINAL_PIN_H
#define TERMINAL_PIN_H

#include "err.h"
#include "secret.h"

#define PIN_MAX 255

/* pin_make: a new random PIN of 24 letters and digits, kept in a new file of mode 0600. ERR_IO, also when it is there.
 */
enum err pin_make(const char *path, struct secret *ret, struct fail *f) MUST_CHECK;

#endif
