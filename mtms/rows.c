/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>

#include "batch.h"
#include "formats.h"
#include "mtms.h"

struct certificate_out {
	struct view certificate;
};

static const struct msg_field certificate_field[] = {
	{ "certificate", MSG_BASE64, 1, 65536, offsetof(struct certificate_out, certificate), false, NULL },
};
static const struct msg_fields certificate_fields = MSG_FIELDS(certificate_field, struct certificate_out);

static const struct msg_field batch_in_field[] = {
	{ "order", MSG_TEXT, 1, 64, offsetof(struct batch_in, order), false, NULL },
	{ "batch", MSG_TEXT, 1, 64, offsetof(struct batch_in, batch), false, NULL },
	{ "cms", MSG_BASE64, 1, BATCH_CMS_MAX, offsetof(struct batch_in, cms), false, NULL },
};
static const struct msg_fields batch_in_fields = MSG_FIELDS(batch_in_field, struct batch_in);

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
static const struct msg_fields batch_out_fields = MSG_FIELDS(batch_out_field, struct batch_out);

static enum err working_certificate(struct msg_call *call, const void *in, void *out, struct fail *f)
{
	struct mtms *m = call->service;
	struct certificate_out *answer = out;
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	enum err e = db_query(
	    m->db, &s, f, "SELECT certificate, key_index FROM working_certificate ORDER BY number DESC LIMIT 1", "");

	if (!e)
		e = db_next(s, &row, f);
	if (e)
		return e;
	if (!row)
		return fail_set(f, ERR_NOT_FOUND, 0, "no working certificate is stored");
	snprintf(call->object, sizeof(call->object), "Pr %lld", (long long)db_int(s, 1));
	answer->certificate = arena_copy(call->arena, db_blob(s, 0));
	return answer->certificate.p ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "no memory");
}

const struct msg_row mtms_rows[] = {
	{ "working certificate", "/v1/working-certificate", ROLE_BIT(ROLE_OPTERM), 0, 1024, NULL, &certificate_fields,
	  working_certificate, "R1.2" },
	{ "batch", "/v1/batches", ROLE_BIT(ROLE_OPTERM), 0, (BATCH_CMS_MAX / 3 + 1) * 4 + 1024, &batch_in_fields,
	  &batch_out_fields, batch_receive, "R1.5, R1.6" },
};
const size_t mtms_rows_count = ARRAY_LEN(mtms_rows);
