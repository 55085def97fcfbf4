/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef OFFICER_AUDIT_WORDS_H
#define OFFICER_AUDIT_WORDS_H

#include "show.h"

/* What the audit trail says, in words, and heads of it from files. Numbers: hsm/vendor_audit.h. */
struct sr_audit_entry;

/* audit_row: a record by audit_row_fields, as `audit list` has it. */
extern const struct show_field audit_row_fields[];
json_t *audit_row(const struct sr_audit_entry *e);

/* audit_bad_word, audit_state_word, audit_begun_word: of SR_AUDIT_*, SR_AUDIT_STATE_*, SR_AUDIT_BEGUN_*. */
const char *audit_bad_word(unsigned long bad);
const char *audit_state_word(unsigned long state);
const char *audit_begun_word(unsigned long begun);
/* audit_user: who it was; lives as long as e. */
struct view audit_user(const struct sr_audit_entry *e);

/* Where a head says record and time (docs/store.md). */
#define AUDIT_HEAD_SEQUENCE 58
#define AUDIT_HEAD_TIME 98
/*
 * audit_head_read: the first head that stands in a file: base64, alone, in JSON or in a text, whatever is around it.
 * ERR_IO: cannot be read. ERR_BAD_DATA: there is none in it.
 */
enum err audit_head_read(const char *path, struct buf *ret, struct fail *f) MUST_CHECK;

#endif
