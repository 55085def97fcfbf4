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
 *               sent, confirmed: when first; 0: not yet; wrapped: when it came under its storage key
 * working_key   the working keys of each serial number, ciphertext under the SRK (R1.12): tables_working.c
 * download      every TMK that a terminal confirmed (R1.11)
 * handshake     every HELLO that was taken, its nonce and its state, for all nodes (R1.10)
 * throttle      HELLOs, failures and lock-outs of serial numbers and addresses (R1.13)
 * alarm         proofs fail too often over all terminals
 * download_error every download that was refused, with the step and the check values of both sides (R2.5)
 * node          the kmsd that share this database; node_key: check values of their keys
 * notification  what the mailer is to send, sent, or could not send, a row per recipient (R2.8)
 * sender        mail accounts that we send from; recipient: who gets which notifications, by which sender (R2.8)
 * mail_template texts of notifications that an operator changed; the others are built in (template.h)
 * key_history, key_fingerprint, delivery_sequence, delivery_notice, inventory, token_key, pickup_left: tables_import.c
 * audit         what happened, by host/audit.h
 */
extern const char *const kms_schema[];
extern const size_t kms_schema_count;
/* The step of handshakes, limits, nodes and the life of TMKs (tables_download.c). */
extern const char kms_step_download[];

/* Steps that stand in files of their own. */
extern const char kms_step_import[], kms_step_left[], kms_step_working[];

/* Values of key_source.outcome of what was imported. */
#define OUTCOME_NEW "new"           /* the first record of this serial number */
#define OUTCOME_NEWER "newer"       /* a later TK replaced an earlier one */
#define OUTCOME_KNOWN "known"       /* it stood there already */
#define OUTCOME_REPAIRED "repaired" /* the formal record was altered or gone, and is the genuine one again */

/* Values of key_source.flag (R2.5, R2.6). */
#define FLAG_WAITING "not imported"
#define FLAG_IMPORTED "imported"
#define FLAG_ERROR "import error"

#endif
