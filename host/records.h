/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_RECORDS_H
#define HOST_RECORDS_H

#include "msg.h"

/* POST /v1/records, MTMS to DC and DC to KMS (docs/messages.md): the structs and fields of both ends. */
#define RECORDS_PATH "/v1/records"
#define RECORDS_MAX 1000
#define RECORDS_BODY_MAX ((size_t)1 << 20)

struct record_item {
	struct view record;
};

/* MTMS to DC (R2.1). */
struct records_in {
	struct view delivery;
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
};
extern const struct msg_fields records_in_fields;
extern const struct msg_fields records_out_fields;

/* DC to KMS (R2.2). */
struct delivery_in {
	struct view dc;
	struct view delivery;
	struct msg_list records; /* struct record_item */
};
struct delivery_out {
	struct view delivery;
	uint64_t received;
	bool repeated;
};
extern const struct msg_fields delivery_in_fields;
extern const struct msg_fields delivery_out_fields;

#endif
