/* SPDX-License-Identifier: BSD-2-Clause */
#include "commands.h"

#include "own.h"

/* In the order in which --help and the man page name them. */
/* clang-format off */
const struct officer_command *const officer_commands[] = {
	&command_init,
	&command_list,
	&command_users,
	&command_components,
	&command_ceremony,
	&command_kcv,
	&command_policy,
	&command_dual,
	&command_approve,
	&command_approvals,
	&command_transport,
	&command_unlock,
	&command_retire,
	&command_destroy,
	&command_compromise,
	&command_audit,
	&command_import,
	&command_rotate,
	&command_serve,
	&command_backup,
	&command_restore,
	&command_verify,
	&command_ca,
	&command_opterm,
};
/* clang-format on */
const size_t officer_command_count = ARRAY_LEN(officer_commands);
