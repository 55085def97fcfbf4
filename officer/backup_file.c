/* SPDX-License-Identifier: BSD-2-Clause */
#include "ck.h"

#include "backup_file.h"
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "now.h"
#include "vendor_functions.h"

static enum err failed(const struct backup_file *b, int number, struct fail *f)
{
	return fail_set(f, ERR_IO, 0, "%.160s: %s", b->path, strerror(number));
}

enum err backup_file_create(struct backup_file *b, const char *path, struct fail *f)
{
	int n = snprintf(b->part, sizeof(b->part), "%s.part-%ld", path, (long)getpid());

	b->path = path;
	b->fd = -1;
	if (n < 0 || (size_t)n >= sizeof(b->part))
		return failed(b, ENAMETOOLONG, f);
	b->fd = open(b->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	return b->fd < 0 ? failed(b, errno, f) : ERR_OK;
}

enum err backup_file_write(struct backup_file *b, struct view v, struct fail *f)
{
	return file_write_fd(b->fd, b->path, v, f);
}

enum err backup_file_finish(struct backup_file *b, struct fail *f)
{
	return file_place(b->fd, b->part, b->path, false, f);
}

void backup_file_drop(struct backup_file *b)
{
	if (b->fd < 0)
		return;
	close(b->fd);
	b->fd = -1;
	unlink(b->part);
}

void backup_info_json(json_t *answer, const struct sr_backup *info)
{
	char text[TIME_TEXT];

	json_object_set_new(answer, "made", json_string(time_text((int64_t)info->ulTime, text)));
	json_object_set_new(answer, "sealed", json_string(info->ulKind == SR_BACKUP_SHARES ? "shares" : "passphrase"));
	if (info->ulKind == SR_BACKUP_SHARES) {
		json_object_set_new(answer, "needed", json_integer((json_int_t)info->ulNeeded));
		json_object_set_new(answer, "shares", json_integer((json_int_t)info->ulShares));
		json_object_set_new(answer, "set", show_hex(VIEW(info->set, sizeof(info->set))));
	}
	json_object_set_new(answer, "audit_record", json_integer((json_int_t)info->ulAuditSequence));
}

void backup_progress(const struct officer *o, const char *what, uint64_t done, uint64_t all)
{
	static unsigned last;
	unsigned percent = all ? (unsigned)(done * 100 / all) : 100;

	if (officer_json(o) || !isatty(STDERR_FILENO) || percent == last)
		return;
	last = percent;
	fprintf(stderr, "\r%s: %3u %%%s", what, percent, done >= all ? "\n" : "");
}
