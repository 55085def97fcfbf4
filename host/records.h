/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_RECORDS_H
#define HOST_RECORDS_H

#include "msg.h"

/*
 * POST /v1/records, MTMS to DC and DC to KMS, and POST /v1/deliveries, DC to KMS (docs/messages.md): the structs and
 * fields of both ends.
 */
#define RECORDS_PATH "/v1/records"
#define DELIVERIES_PATH "/v1/deliveries"
#define DELIVERIES_BODY_MAX ((size_t)4096)
#define RECORDS_MAX 1000
#define RECORDS_BODY_MAX ((size_t)1 << 20)

struct record_item {
	struct view record;
};

/*
 * MTMS to DC (R2.1). One delivery carries records of one production order. sequence: from 1, per MTMS, no gaps; the
 * next one is taken, an older one of the same content gets the same answer with repeated true, of another content
 * ERR_REFUSED, one further ahead ERR_UNEXPECTED.
 */
struct records_in {
	struct view delivery;
	struct view order;
	uint64_t sequence;
	struct msg_list records; /* struct record_item */
};
struct record_refusal {
	uint64_t index;
	struct view reason;
};
struct records_out {
	uint64_t accepted;
	uint64_t known;
	struct msg_list refused; /* struct record_refusal */
	bool repeated;
};
extern const struct msg_fields records_in_fields;
extern const struct msg_fields records_out_fields;

/* DC to KMS (R2.2): one customer, one production order. sequence: from 1, per DC and KMS, no gaps (host/manifest.h). */
struct delivery_in {
	struct view dc;
	struct view delivery;
	struct view order;
	uint64_t sequence;
	struct msg_list records; /* struct record_item */
};
struct delivery_out {
	struct view delivery;
	uint64_t received;
	bool repeated;
};
extern const struct msg_fields delivery_in_fields;
extern const struct msg_fields delivery_out_fields;

/*
 * DC to KMS (R2.2): the file <delivery>.keys of this size and SHA-256 lies with its manifest in the folder that both
 * know; the KMS fetches it now. known: it has this delivery already.
 */
struct notice_in {
	struct view dc;
	struct view delivery;
	uint64_t sequence;
	uint64_t count;
	uint64_t size;
	struct view sha256; /* 64 hex letters */
};
struct notice_out {
	struct view delivery;
	bool known;
};
extern const struct msg_fields notice_in_fields;
extern const struct msg_fields notice_out_fields;

#endif
