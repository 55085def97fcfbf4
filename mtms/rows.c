/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>

#include "batch.h"
#include "formats.h"
#include "mtms.h"
#include "order.h"

static enum err oaep_ask(struct mtms *m, int64_t index, uint8_t *ret, struct fail *f)
{
	struct pk11_key *pr = NULL;
	char uri[128];
	enum err e;

	pr_uri(index, uri, sizeof(uri));
	e = pk11_key_new(m->token, uri, &pr, f);
	if (!e)
		e = ops_oaep_hash(m->ops, pr, ret, f);
	pk11_key_free(pr);
	return e;
}

/* oaep_of: what HSM 1 can do under the Pr of this index; asked once, by one thread: an HSM that hangs keeps no other.
 */
static enum err oaep_of(struct mtms *m, int64_t index, uint8_t *ret, struct fail *f)
{
	struct oaep *o = &m->oaep;
	uint8_t hash = 0;
	bool asking;
	enum err e;

	pthread_mutex_lock(&o->mutex);
	*ret = o->index == index ? o->hash : 0;
	asking = o->asking;
	o->asking |= !*ret;
	pthread_mutex_unlock(&o->mutex);
	if (*ret)
		return ERR_OK;
	if (asking)
		return fail_set(f, ERR_BUSY, 0, "HSM 1 is being asked what OAEP it knows");
	e = oaep_ask(m, index, &hash, f);
	pthread_mutex_lock(&o->mutex);
	o->asking = false;
	if (!e) {
		o->hash = *ret = hash;
		o->index = index;
	}
	pthread_mutex_unlock(&o->mutex);
	return e;
}

static enum err working_certificate(struct msg_call *call, const void *in, void *out, struct fail *f)
{
	struct mtms *m = call->service;
	struct certificate_out *answer = out;
	uint8_t oaep = FORMAT_HASH_SHA256;
	DB_STMT_AUTO *s = NULL;
	bool row = false;
	int64_t index;
	enum err e = db_query(
	    call->db, &s, f, "SELECT certificate, key_index FROM working_certificate ORDER BY number DESC LIMIT 1", "");

	if (!e)
		e = db_next(s, &row, f);
	if (e)
		return e;
	if (!row)
		return fail_set(f, ERR_NOT_FOUND, 0, "no working certificate is stored");
	index = db_int(s, 1);
	snprintf(call->object, sizeof(call->object), "Pr %lld", (long long)index);
	answer->certificate = arena_copy(call->arena, db_blob(s, 0));
	db_end(s);
	s = NULL;
	if (m->ops) /* else no HSM 1 is open */
		e = oaep_of(m, index, &oaep, f);
	if (e)
		return e;
	answer->oaep = oaep == FORMAT_HASH_SHA1 ? VIEW_STR("sha1") : VIEW_STR("sha256");
	return answer->certificate.p ? ERR_OK : fail_set(f, ERR_NO_MEMORY, 0, "no memory");
}

const struct msg_row mtms_rows[] = {
	{ "working certificate", CERTIFICATE_PATH, ROLE_BIT(ROLE_OPTERM), 0, 1024, NULL, &certificate_out_fields,
	  working_certificate, "R1.2", 4096, 20, 0 },
	{ "order", ORDERS_PATH, ROLE_BIT(ROLE_OPTERM), 0, 16384, &order_in_fields, &order_out_fields, order_ask,
	  "R1.5, R2.3", 4096, 20, 0 },
	{ "batch", BATCHES_PATH, ROLE_BIT(ROLE_OPTERM), 0, (BATCH_CMS_MAX / 3 + 1) * 4 + 1024, &batch_in_fields,
	  &batch_out_fields, batch_receive, "R1.5, R1.6" },
};
const size_t mtms_rows_count = ARRAY_LEN(mtms_rows);
