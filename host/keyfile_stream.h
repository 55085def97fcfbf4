/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_KEYFILE_STREAM_H
#define HOST_KEYFILE_STREAM_H

#include "keyfile.h"

/*
 * A key file read line by line (R2.4): memory does not grow with the file. keyfile_end alone says that it was whole:
 * until then nothing that came of it may count.
 */
struct keyfile_stream;

/*
 * keyfile_open: the head of an open file, which stays the caller's and is read from its beginning. max: bytes.
 * keyfile_next: the next record, valid until the next call; empty for a line that is not base64 or longer than
 * KEYFILE_RECORD_MAX decoded: one bad record, not a bad file. *ret_record: false: all of the head's count were read.
 * keyfile_end: after the last record: digest and end of file fit.
 *
 * Errors: ERR_BAD_DATA (form, count, digest), ERR_TOO_LARGE (more than max bytes), ERR_IO, ERR_NO_MEMORY.
 */
#define KEYFILE_RECORD_MAX 1024
enum err keyfile_open(int fd, uint64_t max, struct keyfile_stream **ret, struct fail *f) MUST_CHECK;
void keyfile_close(struct keyfile_stream *s);
enum err keyfile_next(struct keyfile_stream *s, struct view *ret, bool *ret_record, struct fail *f) MUST_CHECK;

struct keyfile_sums {
	uint64_t size;           /* bytes of the whole file */
	char sha256[65];         /* of the whole file, as a manifest says it */
	char records_sha256[65]; /* over the record lines: equal for the same content under another name */
};
enum err keyfile_end(struct keyfile_stream *s, struct keyfile_sums *ret, struct fail *f) MUST_CHECK;

/* keyfile_head, keyfile_count: what the first line says, valid until keyfile_close. */
const struct keyfile_head *keyfile_head(const struct keyfile_stream *s);
size_t keyfile_count(const struct keyfile_stream *s);

#endif
