/* SPDX-License-Identifier: BSD-2-Clause */
#include "terminal_mtms.h"
#include "cms.h"

#include <event2/event.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "terminal_mtms: %s failed\n", what);
	abort();
}

static void answer_error(struct http_reply *reply, int status, enum err e)
{
	reply->status = status;
	buf_printf(&reply->body, "{\"error\": %d, \"text\": \"%s\"}", (int)e, err_text(e));
}

static void on_certificate(struct fake_mtms *m, struct http_reply *reply)
{
	buf_printf(&reply->body, "{\"certificate\": \"");
	base64_encode(buf_view(&m->kit->wcert), &reply->body);
	buf_printf(&reply->body, "\", \"oaep\": \"sha256\"}");
}

static void on_order(struct fake_mtms *m, struct view body, struct http_reply *reply)
{
	const char *order, *base64;
	json_int_t after;
	struct fail f = { 0 };
	BUF_AUTO der = { 0 };
	X509 *cert = NULL;
	json_t *o = json_loadb((const char *)body.p, body.n, JSON_REJECT_DUPLICATES, NULL);
	if (o == NULL || json_unpack(o, "{s:s,s:s,s:I!}", "order", &order, "operator", &base64, "after", &after) != 0 ||
	    !base64_decode(base64, strlen(base64), &der) || identity_cert_parse(buf_view(&der), &cert, &f) != ERR_OK) {
		answer_error(reply, 400, ERR_MALFORMED);
	} else if (identity_check(m->identity->roots, NULL, cert, ROLE_OPERATOR, 0, &f) != ERR_OK) {
		answer_error(reply, 403, ERR_REFUSED);
	} else if (after == 0) {
		buf_printf(&reply->body, "{\"order\": \"%s\", \"customer\": \"ACME\", \"suite\": 2, \"total\": 303,",
			   order);
		buf_printf(&reply->body, "\"last\": 3, \"more\": true, \"devices\": [");
		for (int i = 0; i < 3; i++)
			buf_printf(&reply->body, "%s{\"serial\": \"%s\", \"state\": \"expected\", \"counter\": 0}",
				   i ? "," : "", ((const char *[]){ "OP-1", "OP/2", "OP-3" })[i]);
		buf_printf(&reply->body, "]}");
	} else {
		buf_printf(&reply->body, "{\"order\": \"%s\", \"customer\": \"ACME\", \"suite\": 2, \"total\": 303,",
			   order);
		buf_printf(&reply->body, "\"last\": 303, \"more\": false, \"devices\": [");
		for (int i = 0; i < 300; i++)
			buf_printf(&reply->body,
				   "%s{\"serial\": \"CROWD-%03d\", \"state\": \"expected\", \"counter\": 0}",
				   i ? "," : "", i);
		buf_printf(&reply->body, "]}");
	}
	X509_free(cert);
	json_decref(o);
}

static bool keep_batch(struct fake_mtms *m, const char *id, struct view cms, size_t *ret_terminals)
{
	struct fail f = { 0 };
	struct cms_signer signer;
	unsigned char hash[32];
	if (m->batch_count == ARRAY_LEN(m->batches))
		return false;
	struct mtms_batch *b = &m->batches[m->batch_count];
	memset(b, 0, sizeof(*b));
	if (cms_verify(m->identity->roots, ROLE_OPERATOR, 0, cms, &b->content, &signer, &f) != ERR_OK) {
		m->bad_signatures++;
		return false;
	}
	snprintf(b->id, sizeof(b->id), "%s", id);
	snprintf(b->signer, sizeof(b->signer), "%s", signer.name);
	must(EVP_Digest(cms.p, cms.n, hash, NULL, EVP_sha256(), NULL) == 1, "digest");
	hex_encode(VIEW(hash, sizeof(hash)), b->sha256);
	json_t *o = json_loadb((const char *)b->content.p, b->content.len, JSON_REJECT_DUPLICATES, NULL);
	*ret_terminals = json_array_size(json_object_get(o, "terminals"));
	json_decref(o);
	m->batch_count++;
	return true;
}

static void on_batch(struct fake_mtms *m, struct view body, struct http_reply *reply)
{
	const char *order, *batch, *base64;
	BUF_AUTO cms = { 0 };
	size_t n = 0;
	json_t *o = json_loadb((const char *)body.p, body.n, JSON_REJECT_DUPLICATES, NULL);
	if (o == NULL || json_unpack(o, "{s:s,s:s,s:s!}", "order", &order, "batch", &batch, "cms", &base64) != 0 ||
	    !base64_decode(base64, strlen(base64), &cms))
		answer_error(reply, 400, ERR_MALFORMED);
	else if (!keep_batch(m, batch, buf_view(&cms), &n))
		answer_error(reply, 403, ERR_REFUSED);
	else if (m->answer == MTMS_ERROR)
		answer_error(reply, 500, ERR_INTERNAL);
	else if (m->answer == MTMS_REFUSE_ALL)
		buf_printf(&reply->body,
			   "{\"batch\": \"%s\", \"accepted\": %zu, \"repeated\": false, \"refused\": [{\"serial\": "
			   "\"OP-1\", \"reason\": \"suite\"}]}",
			   batch, n - 1);
	else
		buf_printf(&reply->body, "{\"batch\": \"%s\", \"accepted\": %zu, \"repeated\": false, \"refused\": []}",
			   batch, m->answer == MTMS_SHORT ? n - 1 : n);
	json_decref(o);
}

static void handle(void *arg, void *context, const struct http_request *request, struct http_reply *reply)
{
	struct fake_mtms *m = arg;
	pthread_mutex_lock(&m->mutex);
	m->requests++;
	if (strcmp(request->path, "/v1/working-certificate") == 0)
		on_certificate(m, reply);
	else if (strcmp(request->path, "/v1/orders") == 0)
		on_order(m, request->body, reply);
	else if (strcmp(request->path, "/v1/batches") == 0)
		on_batch(m, request->body, reply);
	else
		answer_error(reply, 404, ERR_NOT_FOUND);
	pthread_mutex_unlock(&m->mutex);
}

/* The loop belongs to one thread: the stop flag is looked at, not signalled. */
static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct fake_mtms *m = arg;
	(void)fd;
	(void)what;
	pthread_mutex_lock(&m->mutex);
	if (m->stop)
		event_base_loopbreak(m->base);
	pthread_mutex_unlock(&m->mutex);
}

static void *loop(void *arg)
{
	struct fake_mtms *m = arg;
	event_base_loop(m->base, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

void mtms_start(struct fake_mtms *m, struct kit *k)
{
	struct fail f = { 0 };
	char cert[256], key[256];
	memset(m, 0, sizeof(*m));
	m->kit = k;
	pthread_mutex_init(&m->mutex, NULL);
	pki_identity(&k->pki, ROLE_MTMS, "mtms");
	kit_path(k, "mtms.crt", cert);
	kit_path(k, "mtms.key", key);
	must(identity_load(cert, key, k->pki.root_pem, ROLE_MTMS, &m->identity, &f) == ERR_OK, f.text);
	m->base = event_base_new();
	m->tick = event_new(m->base, -1, EV_PERSIST, on_tick, m);
	must(m->tick != NULL && event_add(m->tick, &(struct timeval){ .tv_usec = 50000 }) == 0, "event_add");
	struct http_server_options options = {
		.identity = m->identity,
		.peers = ROLE_BIT(ROLE_OPTERM),
		.listen = "127.0.0.1:0",
		.handler = handle,
		.arg = m,
	};
	must(m->base != NULL && http_server_new(m->base, &options, &m->server, &f) == ERR_OK, f.text);
	snprintf(m->url, sizeof(m->url), "https://%s", http_server_address(m->server));
	must(pthread_create(&m->thread, NULL, loop, m) == 0, "pthread_create");
}

void mtms_stop(struct fake_mtms *m)
{
	pthread_mutex_lock(&m->mutex);
	m->stop = true;
	pthread_mutex_unlock(&m->mutex);
	pthread_join(m->thread, NULL);
	event_free(m->tick);
	http_server_free(m->server);
	event_base_free(m->base);
	identity_free(m->identity);
	pthread_mutex_destroy(&m->mutex);
	for (size_t i = 0; i < m->batch_count; i++)
		buf_done(&m->batches[i].content);
	memset(m, 0, sizeof(*m));
}

void mtms_set(struct fake_mtms *m, enum mtms_answer answer)
{
	pthread_mutex_lock(&m->mutex);
	m->answer = answer;
	for (size_t i = 0; i < m->batch_count; i++)
		buf_done(&m->batches[i].content);
	m->batch_count = 0;
	m->requests = 0;
	m->bad_signatures = 0;
	pthread_mutex_unlock(&m->mutex);
}

unsigned mtms_requests(struct fake_mtms *m)
{
	pthread_mutex_lock(&m->mutex);
	unsigned n = m->requests;
	pthread_mutex_unlock(&m->mutex);
	return n;
}
