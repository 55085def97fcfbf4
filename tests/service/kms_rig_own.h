/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_KMS_RIG_OWN_H
#define TESTS_KMS_RIG_OWN_H

/* rig_die: text on stderr, abort. */
_Noreturn void rig_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
