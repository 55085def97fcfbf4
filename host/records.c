/* SPDX-License-Identifier: BSD-2-Clause */
#include "formats.h"
#include "manifest.h"
#include "records.h"

static const struct msg_field record_field[] = {
	{ "", MSG_BASE64, 1, FORMAT_RECORD_MAX, offsetof(struct record_item, record), false, NULL },
};
static const struct msg_fields record_fields = MSG_FIELDS(record_field, struct record_item);

static const struct msg_field in_field[] = {
	{ "delivery", MSG_TEXT, 1, 64, offsetof(struct records_in, delivery), false, NULL },
	{ "order", MSG_TEXT, 1, 64, offsetof(struct records_in, order), false, NULL },
	{ "sequence", MSG_NUMBER, 1, INT64_MAX, offsetof(struct records_in, sequence), false, NULL },
	{ "records", MSG_LIST, 1, RECORDS_MAX, offsetof(struct records_in, records), false, &record_fields },
};
const struct msg_fields records_in_fields = MSG_FIELDS(in_field, struct records_in);

static const struct msg_field refusal_field[] = {
	{ "index", MSG_NUMBER, 0, RECORDS_MAX - 1, offsetof(struct record_refusal, index), false, NULL },
	{ "reason", MSG_TEXT, 1, 128, offsetof(struct record_refusal, reason), false, NULL },
};
static const struct msg_fields refusal_fields = MSG_FIELDS(refusal_field, struct record_refusal);

static const struct msg_field out_field[] = {
	{ "accepted", MSG_NUMBER, 0, RECORDS_MAX, offsetof(struct records_out, accepted), false, NULL },
	{ "known", MSG_NUMBER, 0, RECORDS_MAX, offsetof(struct records_out, known), false, NULL },
	{ "refused", MSG_LIST, 0, RECORDS_MAX, offsetof(struct records_out, refused), false, &refusal_fields },
	{ "repeated", MSG_BOOL, 0, 0, offsetof(struct records_out, repeated), false, NULL },
};
const struct msg_fields records_out_fields = MSG_FIELDS(out_field, struct records_out);

static const struct msg_field delivery_in_field[] = {
	{ "dc", MSG_TEXT, 1, 64, offsetof(struct delivery_in, dc), false, NULL },
	{ "delivery", MSG_TEXT, 1, 128, offsetof(struct delivery_in, delivery), false, NULL },
	{ "order", MSG_TEXT, 1, 64, offsetof(struct delivery_in, order), true, NULL },
	{ "sequence", MSG_NUMBER, 1, INT64_MAX, offsetof(struct delivery_in, sequence), true, NULL },
	{ "records", MSG_LIST, 1, RECORDS_MAX, offsetof(struct delivery_in, records), false, &record_fields },
};
const struct msg_fields delivery_in_fields = MSG_FIELDS(delivery_in_field, struct delivery_in);

static const struct msg_field delivery_out_field[] = {
	{ "delivery", MSG_TEXT, 1, 128, offsetof(struct delivery_out, delivery), false, NULL },
	{ "received", MSG_NUMBER, 0, RECORDS_MAX, offsetof(struct delivery_out, received), false, NULL },
	{ "repeated", MSG_BOOL, 0, 0, offsetof(struct delivery_out, repeated), false, NULL },
};
const struct msg_fields delivery_out_fields = MSG_FIELDS(delivery_out_field, struct delivery_out);

static const struct msg_field notice_in_field[] = {
	{ "dc", MSG_TEXT, 1, 64, offsetof(struct notice_in, dc), false, NULL },
	{ "delivery", MSG_TEXT, 1, 128, offsetof(struct notice_in, delivery), false, NULL },
	{ "sequence", MSG_NUMBER, 1, INT64_MAX, offsetof(struct notice_in, sequence), false, NULL },
	{ "count", MSG_NUMBER, 1, MANIFEST_COUNT_MAX, offsetof(struct notice_in, count), false, NULL },
	{ "size", MSG_NUMBER, 1, MANIFEST_SIZE_MAX, offsetof(struct notice_in, size), false, NULL },
	{ "sha256", MSG_TEXT, 64, 64, offsetof(struct notice_in, sha256), false, NULL },
};
const struct msg_fields notice_in_fields = MSG_FIELDS(notice_in_field, struct notice_in);

static const struct msg_field notice_out_field[] = {
	{ "delivery", MSG_TEXT, 1, 128, offsetof(struct notice_out, delivery), false, NULL },
	{ "known", MSG_BOOL, 0, 0, offsetof(struct notice_out, known), false, NULL },
};
const struct msg_fields notice_out_fields = MSG_FIELDS(notice_out_field, struct notice_out);
