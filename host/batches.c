/* SPDX-License-Identifier: BSD-2-Clause */
#include "batches.h"
#include "formats.h"

static const struct msg_field certificate_field[] = {
	{ "certificate", MSG_BASE64, 1, 65536, offsetof(struct certificate_out, certificate), false, NULL },
	{ "oaep", MSG_TEXT, 1, 8, offsetof(struct certificate_out, oaep), false, NULL },
};
const struct msg_fields certificate_out_fields = MSG_FIELDS(certificate_field, struct certificate_out);

static const struct msg_field order_in_field[] = {
	{ "order", MSG_TEXT, 1, 64, offsetof(struct order_in, order), false, NULL },
	{ "operator", MSG_BASE64, 1, 8192, offsetof(struct order_in, operator_cert), false, NULL },
	{ "after", MSG_NUMBER, 0, INT64_MAX, offsetof(struct order_in, after), false, NULL },
};
const struct msg_fields order_in_fields = MSG_FIELDS(order_in_field, struct order_in);

static const struct msg_field device_field[] = {
	{ "serial", MSG_TEXT, 1, FORMAT_POS_SERIAL_MAX, offsetof(struct order_device, serial), false, NULL },
	{ "pin_pad", MSG_TEXT, 1, FORMAT_PIN_PAD_MAX, offsetof(struct order_device, pin_pad), true, NULL },
	{ "state", MSG_TEXT, 1, 16, offsetof(struct order_device, state), false, NULL },
	{ "counter", MSG_NUMBER, 0, INT64_MAX, offsetof(struct order_device, counter), false, NULL },
};
static const struct msg_fields device_fields = MSG_FIELDS(device_field, struct order_device);

static const struct msg_field order_out_field[] = {
	{ "order", MSG_TEXT, 1, 64, offsetof(struct order_out, order), false, NULL },
	{ "customer", MSG_TEXT, 1, FORMAT_CUSTOMER_MAX, offsetof(struct order_out, customer), false, NULL },
	{ "suite", MSG_NUMBER, 1, 255, offsetof(struct order_out, suite), false, NULL },
	{ "total", MSG_NUMBER, 0, INT64_MAX, offsetof(struct order_out, total), false, NULL },
	{ "devices", MSG_LIST, 0, ORDER_DEVICES_MAX, offsetof(struct order_out, devices), false, &device_fields },
	{ "last", MSG_NUMBER, 0, INT64_MAX, offsetof(struct order_out, last), false, NULL },
	{ "more", MSG_BOOL, 0, 0, offsetof(struct order_out, more), false, NULL },
};
const struct msg_fields order_out_fields = MSG_FIELDS(order_out_field, struct order_out);

static const struct msg_field batch_in_field[] = {
	{ "order", MSG_TEXT, 1, 64, offsetof(struct batch_in, order), false, NULL },
	{ "batch", MSG_TEXT, 1, 64, offsetof(struct batch_in, batch), false, NULL },
	{ "cms", MSG_BASE64, 1, BATCH_CMS_MAX, offsetof(struct batch_in, cms), false, NULL },
};
const struct msg_fields batch_in_fields = MSG_FIELDS(batch_in_field, struct batch_in);

static const struct msg_field refusal_field[] = {
	{ "serial", MSG_TEXT, 1, FORMAT_POS_SERIAL_MAX, offsetof(struct batch_refusal, serial), false, NULL },
	{ "reason", MSG_TEXT, 1, 128, offsetof(struct batch_refusal, reason), false, NULL },
};
static const struct msg_fields refusal_fields = MSG_FIELDS(refusal_field, struct batch_refusal);

static const struct msg_field batch_out_field[] = {
	{ "batch", MSG_TEXT, 1, 64, offsetof(struct batch_out, batch), false, NULL },
	{ "accepted", MSG_NUMBER, 0, BATCH_TERMINALS_MAX, offsetof(struct batch_out, accepted), false, NULL },
	{ "refused", MSG_LIST, 0, BATCH_TERMINALS_MAX, offsetof(struct batch_out, refused), false, &refusal_fields },
	{ "repeated", MSG_BOOL, 0, 0, offsetof(struct batch_out, repeated), false, NULL },
};
const struct msg_fields batch_out_fields = MSG_FIELDS(batch_out_field, struct batch_out);
