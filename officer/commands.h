/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OFFICER_COMMANDS_H
#define OFFICER_COMMANDS_H

#include "officer.h"

/* The commands, each in the file of its name. */
extern const struct officer_command command_approvals;
extern const struct officer_command command_approve;
extern const struct officer_command command_dual;
extern const struct officer_command command_unlock;
extern const struct officer_command command_backup;
extern const struct officer_command command_ca;
extern const struct officer_command command_opterm;
extern const struct officer_command command_ceremony;
extern const struct officer_command command_components;
extern const struct officer_command command_audit;
extern const struct officer_command command_compromise;
extern const struct officer_command command_destroy;
extern const struct officer_command command_import;
extern const struct officer_command command_init;
extern const struct officer_command command_kcv;
extern const struct officer_command command_list;
extern const struct officer_command command_policy;
extern const struct officer_command command_restore;
extern const struct officer_command command_retire;
extern const struct officer_command command_serve; /* strongroom serve (docs/serve.md) */
extern const struct officer_command command_rotate;
extern const struct officer_command command_transport;
extern const struct officer_command command_users;
extern const struct officer_command command_verify;

#endif
