/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_BATCHES_H
#define HOST_BATCHES_H

#include "msg.h"

/* What an operation terminal asks the MTMS (docs/messages.md): the structs and fields of both ends. */
#define CERTIFICATE_PATH "/v1/working-certificate"
#define ORDERS_PATH "/v1/orders"
#define BATCHES_PATH "/v1/batches"

struct certificate_out {
	struct view certificate;
	struct view oaep; /* hash of OAEP under its key: sha256, or sha1 where HSM 1 knows no other */
};
extern const struct msg_fields certificate_out_fields;

#define ORDER_DEVICES_MAX 1000
struct order_in {
	struct view order;
	struct view operator_cert; /* DER, of the operator card */
	uint64_t after;            /* position of the last device of the answer before, 0: from the first */
};
struct order_device {
	struct view serial;
	struct view pin_pad;
	struct view state;
	uint64_t counter; /* of the TK that was accepted last, 0: none */
};
struct order_out {
	struct view order;
	struct view customer;
	uint64_t suite;
	uint64_t total;
	struct msg_list devices; /* struct order_device */
	uint64_t last;           /* position of the last of them */
	bool more;
};
extern const struct msg_fields order_in_fields;
extern const struct msg_fields order_out_fields;

#define BATCH_TERMINALS_MAX 1000
#define BATCH_CMS_MAX ((size_t)4 << 20)
struct batch_in {
	struct view order;
	struct view batch;
	struct view cms;
};
struct batch_refusal {
	struct view serial;
	struct view reason;
};
struct batch_out {
	struct view batch;
	uint64_t accepted;
	struct msg_list refused; /* struct batch_refusal */
	bool repeated;
};
extern const struct msg_fields batch_in_fields;
extern const struct msg_fields batch_out_fields;

#endif
