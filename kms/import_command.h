/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_IMPORT_COMMAND_H
#define KMS_IMPORT_COMMAND_H

#include "err.h"

/*
 * import_command: FILE [--manifest FILE | --unsigned]: receives a key file and takes its records through the HSM,
 * beside a running kmsd, which may do part of it; the manifest is FILE with .manifest for .keys. Progress on stderr: a
 * bar on a terminal, else a line now and then. Interrupted anywhere it goes on when it is run again. Exit status 0: all
 * records are imported or known.
 */
enum err import_command(void *service, char **arguments, struct fail *f) MUST_CHECK;

#endif
