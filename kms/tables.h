/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_TABLES_H
#define KMS_TABLES_H

#include <stddef.h>

/*
 * The KMS database. One SQL step per schema version, in order; a step that was released is never changed.
 *
 * key_file      every key file and message delivery that came in, refused ones with their reason (R2.2)
 * key_source    its records as they came, with flag and error text (R2.4, R2.6)
 * key_formal    the current record of each serial number, with the check values of TEK and AUK (R1.8, R2.5)
 * tmk           the TMKs of each serial number, ciphertext under the SRK; the highest generation is current (R1.12)
 * download      every TMK that a terminal confirmed (R1.11)
 * notification  what the mailer is to send, sent, or could not send, a row per recipient (R2.8)
 * sender        mail accounts that we send from; recipient: who gets which notifications, by which sender (R2.8)
 * mail_template texts of notifications that an operator changed; the others are built in (template.h)
 * audit         what happened, by host/audit.h
 */
extern const char *const kms_schema[];
extern const size_t kms_schema_count;

/* Values of key_source.flag (R2.5, R2.6). */
#define FLAG_WAITING "not imported"
#define FLAG_IMPORTED "imported"
#define FLAG_ERROR "import error"

#endif
