/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_TEMP_H
#define TESTS_TEMP_H

/* temp_dir: a fresh private directory (0700) under TMPDIR or /tmp; aborts when it cannot be had. */
void temp_dir(char ret_path[128]);
/* temp_remove: removes a directory of temp_dir and all below it. */
void temp_remove(const char *path);

#endif
