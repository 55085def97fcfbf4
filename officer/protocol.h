/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OFFICER_PROTOCOL_H
#define OFFICER_PROTOCOL_H

#include <jansson.h>

#include "err.h"
#include "show.h"

/*
 * The protocol of a key ceremony: an object of protocol_fields, and two files that say it, each signed by the token's
 * statement key on its own (docs/ceremony.md has the form of both).
 *
 * protocol_text: the words that the text file's signature covers. protocol_words: those of the JSON file: the object
 * without blanks, members in the order of their names. protocol_read: a file of either kind: the object, the words and
 * the signature; ERR_MALFORMED says what is missing.
 */
extern const struct show_field protocol_fields[];
void protocol_text(const json_t *protocol, struct buf *ret);
enum err protocol_words(const json_t *protocol, struct buf *ret, struct fail *f) MUST_CHECK;
enum err protocol_read(const char *path, json_t **ret, struct buf *ret_words, struct buf *ret_signature,
		       struct fail *f) MUST_CHECK;

/*
 * struct protocol_files: NAME.txt and NAME.json. protocol_files_open refuses them when they are there, and has made
 * both before the ceremony begins, without a name yet, so that what is broken off leaves nothing; protocol_files_write
 * fills one and gives it its name. protocol_files_done lets go of those that were not written.
 */
struct protocol_files {
	char path[2][512];
	int fd[2];
};
#define PROTOCOL_TEXT 0
#define PROTOCOL_JSON 1
enum err protocol_files_open(struct protocol_files *p, const char *name, struct fail *f) MUST_CHECK;
enum err protocol_files_write(struct protocol_files *p, int which, struct view text, struct fail *f) MUST_CHECK;
void protocol_files_done(struct protocol_files *p);
/* protocol_signed: what the file holds: the words with their signature. */
enum err protocol_signed(const json_t *protocol, int which, struct view words, struct view signature, struct buf *ret,
			 struct fail *f) MUST_CHECK;

#endif
