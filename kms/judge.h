/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_JUDGE_H
#define KMS_JUDGE_H

#include "kms.h"

/*
 * The verdict on one row of key_source (R2.4 to R2.6). judge_row asks HSM and database, outside of any transaction;
 * judge_settle writes what came of it, inside of one, if the row is still this node's.
 *
 * A TK counter above all earlier ones replaces the formal record. The same counter again: the record that stands there
 * already is known, no error; where the formal record was altered or is gone, the genuine one that the DC delivers
 * again repairs it; any other record is an error. The counters of all times stand in key_history, which nobody can
 * change back.
 */
struct judge_row {
	int64_t id;
	int64_t file;
	int64_t line;
	struct buf bytes;
	struct tk_record record; /* views into bytes; pos_serial empty while the form is unknown */
	enum reason reason;
	struct check_value tek;
	struct check_value auk;
	bool fingerprints;
	uint8_t tek_fingerprint[OPS_FINGERPRINT_LEN];
	uint8_t auk_fingerprint[OPS_FINGERPRINT_LEN];
	/* What stood in key_formal, where its counter is not below the record's. */
	enum judge_formal { JUDGE_FORMAL_OLDER, JUDGE_FORMAL_GOOD, JUDGE_FORMAL_ALTERED } formal;
	bool formal_there;
	bool same; /* the formal record and this one agree in all that the MAC covers */
	struct buf formal_bytes;
	int64_t formal_counter;
};

/* judge_row: r->reason and what goes with it. An error: the HSM or the database did not say; the row waits. */
enum err judge_row(struct kms *k, struct judge_row *r, struct fail *f) MUST_CHECK;
/*
 * judge_settle: *ret_settled false: another node has it, or somebody else was faster: the row waits for another turn.
 */
enum err judge_settle(struct kms *k, const struct judge_row *r, bool *ret_settled, struct fail *f) MUST_CHECK;
void judge_done(struct judge_row *r);

#endif
