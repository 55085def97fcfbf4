/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OFFICER_BACKUP_FILE_H
#define OFFICER_BACKUP_FILE_H

#include <jansson.h>

#include "officer.h"

/*
 * struct backup_file: a new file that has its name when it is whole and durable, and leaves nothing when it does not
 * get there. create: ERR_IO. finish: ERR_USAGE when something of the name is there. drop: after finish too; takes one
 * with fd -1.
 */
struct backup_file {
	int fd; /* -1: none */
	char part[4096];
	const char *path; /* the caller's */
};
enum err backup_file_create(struct backup_file *b, const char *path, struct fail *f) MUST_CHECK;
enum err backup_file_write(struct backup_file *b, struct view v, struct fail *f) MUST_CHECK;
enum err backup_file_finish(struct backup_file *b, struct fail *f) MUST_CHECK;
void backup_file_drop(struct backup_file *b);

/* backup_info_json: what a backup says of itself, into an answer: made, sealed, needed, shares, set, audit_record. */
struct sr_backup;
void backup_info_json(json_t *answer, const struct sr_backup *info);
/* backup_progress: how far it is, on standard error when that is a terminal, without --json. */
void backup_progress(const struct officer *o, const char *what, uint64_t done, uint64_t all);

#endif
