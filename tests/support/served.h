/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SERVED_H
#define TESTS_SERVED_H

/*
 * The same tests through `strongroom serve`: when STRONGROOM_SERVE names the command and STRONGROOM_SERVE_MODULE the
 * module, served_start starts a server for the tokens of this directory, with its socket there, and says so in
 * STRONGROOM_SOCKET; STRONGROOM_MODULE is the client then. Otherwise both do nothing. Failures abort; the server's
 * standard error is the test's.
 */
void served_start(const char *directory);
void served_stop(void);
/* served_workers: how many connections the server has; ret_pid (NULL allowed): the process of the last one. */
unsigned served_workers(int *ret_pid);

#endif
