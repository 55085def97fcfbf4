/* SPDX-License-Identifier: BSD-2-Clause */
#include "upload.h"
#include "batches.h"
#include "formats.h"

#include <stdio.h>
#include <string.h>

#define UPLOAD_TIMEOUT_S 120

enum err upload_open(const char *url, const char *cert_file, const char *key_file, const char *ca_file,
		     struct upload *ret, struct fail *f)
{
	struct upload u = { 0 };
	enum err e = identity_load(cert_file, key_file, ca_file, ROLE_OPTERM, &u.identity, f);
	if (e != ERR_OK)
		return e;
	int n = snprintf(u.url, sizeof(u.url), "%s", url);
	while (n > 0 && (size_t)n < sizeof(u.url) && u.url[n - 1] == '/')
		u.url[--n] = 0;
	if (n <= 0 || (size_t)n >= sizeof(u.url) || strncmp(u.url, "https://", 8) != 0) {
		upload_done(&u);
		return fail_set(f, ERR_CONFIG, 0, "the address of the MTMS must be https://host:port");
	}
	struct http_client_options options = {
		.identity = u.identity,
		.server = ROLE_MTMS,
		.timeout_s = UPLOAD_TIMEOUT_S,
	};
	if ((e = http_client_new(&options, &u.client, f)) != ERR_OK) {
		upload_done(&u);
		return e;
	}
	*ret = u;
	return ERR_OK;
}

void upload_done(struct upload *u)
{
	http_client_free(u->client);
	identity_free(u->identity);
	memset(u, 0, sizeof(*u));
}

enum err upload_working_certificate(struct upload *u, struct buf *ret_der, struct buf *ret_serial, struct fail *f)
{
	ARENA_AUTO a = { 0 };
	struct certificate_out out;
	X509 *cert = NULL;
	struct msg_post_in call = {
		.client = u->client,
		.base_url = u->url,
		.path = CERTIFICATE_PATH,
		.out_fields = &certificate_out_fields,
	};
	enum err e = msg_post(&call, &a, &out, f);
	if (e == ERR_OK)
		e = identity_cert_parse(out.certificate, &cert, f);
	u->oaep_hash = FORMAT_HASH_SHA256;
	if (e == ERR_OK && view_equal(out.oaep, VIEW_STR("sha1")))
		u->oaep_hash = FORMAT_HASH_SHA1;
	if (e == ERR_OK)
		e = identity_check(u->identity->roots, NULL, cert, ROLE_HSM, 0, f);
	if (e == ERR_OK)
		e = identity_cert_serial(cert, ret_serial, f);
	if (e == ERR_OK) {
		buf_put_view(ret_der, out.certificate);
		if (!buf_ok(ret_der))
			e = fail_set(f, ERR_NO_MEMORY, 0, "out of memory");
	}
	X509_free(cert);
	return e;
}

static enum err take_devices(const struct order_out *out, struct lot *lot, struct fail *f)
{
	const struct order_device *list = out->devices.items;
	enum err e = ERR_OK;
	for (size_t i = 0; i < out->devices.count && e == ERR_OK; i++) {
		struct lot_device d = {
			.counter = list[i].counter,
			.missing = view_equal(list[i].state, VIEW_STR("expected")) ||
				   view_equal(list[i].state, VIEW_STR("refused")),
		};
		memcpy(d.serial, list[i].serial.p, list[i].serial.n);
		if (list[i].pin_pad.p != NULL)
			memcpy(d.pin_pad, list[i].pin_pad.p, list[i].pin_pad.n);
		e = lot_add(lot, &d, f);
	}
	return e;
}

enum err upload_order(struct upload *u, const char *order, struct view operator_cert, struct lot *lot,
		      uint8_t *ret_suite, struct fail *f)
{
	struct order_in in = { .order = view_of_string(order), .operator_cert = operator_cert };
	struct msg_post_in call = {
		.client = u->client,
		.base_url = u->url,
		.path = ORDERS_PATH,
		.in_fields = &order_in_fields,
		.in = &in,
		.out_fields = &order_out_fields,
	};
	bool more = true;
	enum err e = ERR_OK;
	while (more && e == ERR_OK) {
		ARENA_AUTO a = { 0 };
		struct order_out out;
		e = msg_post(&call, &a, &out, f);
		if (e == ERR_OK && (!view_equal(out.order, in.order) || (out.more && out.last <= in.after)))
			e = fail_set(f, ERR_PEER, 0, "the MTMS answered for something else than order %s", order);
		if (e == ERR_OK)
			e = take_devices(&out, lot, f);
		if (e == ERR_OK) {
			more = out.more;
			in.after = out.last;
			*ret_suite = (uint8_t)out.suite;
		}
	}
	return e == ERR_OK ? lot_ready(lot, f) : e;
}

static enum err post_batch(struct upload *u, const struct spool_batch *b, const char *order, struct arena *a,
			   struct batch_out *ret, struct fail *f)
{
	struct batch_in in = { view_of_string(order), view_of_string(b->id), buf_view(&b->cms) };
	struct msg_post_in call = {
		.client = u->client,
		.base_url = u->url,
		.path = BATCHES_PATH,
		.in_fields = &batch_in_fields,
		.in = &in,
		.out_fields = &batch_out_fields,
	};
	enum err e = msg_post(&call, a, ret, f);
	if (e != ERR_OK)
		return e;
	if (!view_equal(ret->batch, in.batch) || ret->accepted + ret->refused.count != b->terminals)
		return fail_set(f, ERR_PEER, 0, "the MTMS acknowledged something else than the batch");
	return ERR_OK;
}

/* Signed once: what is sent again after a kill is the same bytes. */
static enum err sign_batch(struct spool *s, struct card *card, struct spool_batch *b, struct fail *f)
{
	if (b->cms.len > 0)
		return ERR_OK;
	enum err e = card_sign(card, buf_view(&b->content), &b->cms, f);
	return e == ERR_OK ? spool_keep_cms(s, b, f) : e;
}

static enum err upload_one(struct upload *u, struct spool *s, struct card *card, const char *order,
			   struct spool_batch *b, void (*refusal)(void *arg, struct view serial, struct view reason),
			   void *arg, struct upload_result *r, struct fail *f)
{
	ARENA_AUTO a = { 0 };
	BUF_AUTO answer = { 0 };
	struct batch_out out;
	enum err e = sign_batch(s, card, b, f);
	if (e == ERR_OK)
		e = post_batch(u, b, order, &a, &out, f);
	if (e == ERR_OK)
		e = msg_encode(&batch_out_fields, &out, &answer, f);
	if (e == ERR_OK)
		e = spool_acknowledge(s, b, buf_view(&answer), f);
	if (e != ERR_OK)
		return e;
	r->batches++;
	r->accepted += out.accepted;
	r->refused += out.refused.count;
	const struct batch_refusal *list = out.refused.items;
	for (size_t i = 0; i < out.refused.count && refusal != NULL; i++)
		refusal(arg, list[i].serial, list[i].reason);
	return ERR_OK;
}

enum err upload_batches(struct upload *u, struct spool *s, struct card *card, const char *order,
			void (*refusal)(void *arg, struct view serial, struct view reason), void *arg,
			struct upload_result *ret_result, struct fail *f)
{
	struct upload_result r = { 0 };
	struct spool_batch b;
	enum err e = ERR_OK;
	while (e == ERR_OK && spool_next_batch(s, &b, &e, f)) {
		e = upload_one(u, s, card, order, &b, refusal, arg, &r, f);
		spool_batch_done(&b);
	}
	*ret_result = r;
	return e;
}
