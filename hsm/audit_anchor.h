/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_AUDIT_ANCHOR_H
#define HSM_AUDIT_ANCHOR_H

#include "audit_chain.h"

/*
 * Anchor: the token's signed word on where its trail stood, for keeping elsewhere (docs/store.md). Whoever has one sees
 * later whether the records up to it are still those that were there.
 */
#define AUDIT_ANCHOR_LEN 170

enum audit_purpose { AUDIT_ANCHOR_KEEP = 1, AUDIT_ANCHOR_BACKUP = 2 };

struct audit_anchor {
	enum audit_purpose purpose;
	char serial[STORE_SERIAL_LEN + 1];
	uint8_t statement_public[AUDIT_KEY_LEN];
	uint32_t segment;
	uint64_t sequence; /* of the last record */
	uint8_t link[AUDIT_LINK_LEN];
	uint64_t time; /* ms */
	struct view front;
	struct view signature;
};

/* audit_anchor_put: of the trail as this transaction sees it. CKR_DEVICE_ERROR: there is no record yet. */
CK_RV audit_anchor_put(const struct crypto *c, struct store_txn *txn, const struct audit_keys *keys,
		       enum audit_purpose purpose, struct buf *out) MUST_CHECK;
/* audit_anchor_get: false: not an anchor. audit_anchor_signed: by the key that it names; whose that is is not asked. */
bool audit_anchor_get(struct view v, struct audit_anchor *ret) MUST_CHECK;
bool audit_anchor_signed(const struct crypto *c, const struct audit_anchor *a) MUST_CHECK;

#endif
