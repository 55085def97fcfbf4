/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include <curl/curl.h>

#include "curl_start.h"
#include "http.h"

#define TIMEOUT_S 30
#define LIFETIME_S 60L /* of a connection: then the server proves itself anew, and lists of revoked ones count */
#define ANSWER_MAX ((size_t)4 << 20)

/*
 * Each call has a libcurl handle of its own: libcurl 7.88 keeps in a handle where the last header of the answer before
 * stood, which is freed by then, and goes on there when an answer begins with a folded line. The connections stay, in
 * the share.
 */
struct http_client {
	CURLSH *share;
	struct curl_slist *headers;
	const struct identity *identity;
	enum role server;
	const char *name;
	unsigned timeout_s;
	size_t answer_max;
	struct buf *answer; /* of the call that runs */
	bool too_large;
	bool (*stop)(void *arg);
	void *stop_arg;
};

/* on_ssl_ctx: our identity and our peer check go into the context that libcurl made; it checks the host name itself. */
static CURLcode on_ssl_ctx(CURL *curl, void *ssl_ctx, void *arg)
{
	struct http_client *c = arg;
	SSL_CTX *ctx = ssl_ctx;
	const struct identity *i = c->identity;

	if (SSL_CTX_use_certificate(ctx, i->cert) != 1 || SSL_CTX_use_PrivateKey(ctx, i->key) != 1)
		return CURLE_SSL_CERTPROBLEM;
	for (int k = 0; k < sk_X509_num(i->chain); k++)
		if (!SSL_CTX_add1_chain_cert(ctx, sk_X509_value(i->chain, k)))
			return CURLE_OUT_OF_MEMORY;
	if (identity_ssl_ctx_peers(i, false, ROLE_BIT(c->server), ctx, NULL) != ERR_OK ||
	    identity_ssl_ctx_name(ctx, c->name, NULL) != ERR_OK)
		return CURLE_SSL_CONNECT_ERROR;
	return CURLE_OK;
}

static size_t on_answer(char *p, size_t size, size_t n, void *arg)
{
	struct http_client *c = arg;

	if (c->answer->len + n > c->answer_max) {
		c->too_large = true;
		return 0;
	}
	buf_put(c->answer, p, n);
	return buf_ok(c->answer) ? n : 0;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct http_client *client = arg;

	return client->stop && client->stop(client->stop_arg);
}

enum err http_client_new(const struct http_client_options *o, struct http_client **ret, struct fail *f)
{
	struct http_client *c = calloc(1, sizeof(*c));
	struct curl_slist *more = NULL;

	curl_start();
	if (!c)
		return fail_set(f, ERR_NO_MEMORY, 0, "HTTP client");
	c->identity = o->identity;
	c->server = o->server;
	c->name = o->name;
	c->timeout_s = o->timeout_s ? o->timeout_s : TIMEOUT_S;
	c->answer_max = o->answer_max ? o->answer_max : ANSWER_MAX;
	c->stop = o->stop;
	c->stop_arg = o->stop_arg;
	c->share = curl_share_init();
	/* An empty Expect header: no waiting for "100 Continue". */
	c->headers = curl_slist_append(NULL, "Content-Type: application/json");
	if (c->headers)
		more = curl_slist_append(c->headers, "Expect:");
	if (!more || !c->share || curl_share_setopt(c->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT) != CURLSHE_OK) {
		http_client_free(c);
		return fail_set(f, ERR_NO_MEMORY, 0, "HTTP client");
	}
	*ret = c;
	return ERR_OK;
}

void http_client_free(struct http_client *c)
{
	if (!c)
		return;
	curl_share_cleanup(c->share);
	curl_slist_free_all(c->headers);
	free(c);
}

static CURLcode set_call(struct http_client *c, CURL *curl, const char *url, struct view body, char *text)
{
	CURLcode rc = CURLE_OK;
#define SET(option, value) rc = rc ? rc : curl_easy_setopt(curl, option, value)
	SET(CURLOPT_SHARE, c->share);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_PROTOCOLS_STR, "https");
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_TIMEOUT, (long)c->timeout_s);
	SET(CURLOPT_HTTPHEADER, c->headers);
	SET(CURLOPT_CAINFO, c->identity->ca_file);
	SET(CURLOPT_CAPATH, NULL);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
	SET(CURLOPT_MAXLIFETIME_CONN, LIFETIME_S);
	SET(CURLOPT_SSL_CTX_FUNCTION, on_ssl_ctx);
	SET(CURLOPT_SSL_CTX_DATA, c);
	SET(CURLOPT_WRITEFUNCTION, on_answer);
	SET(CURLOPT_WRITEDATA, c);
	SET(CURLOPT_NOPROGRESS, 0L);
	SET(CURLOPT_XFERINFOFUNCTION, on_progress);
	SET(CURLOPT_XFERINFODATA, c);
	SET(CURLOPT_POST, 1L);
	SET(CURLOPT_ERRORBUFFER, text);
	SET(CURLOPT_URL, url);
	SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n);
	SET(CURLOPT_POSTFIELDS, body.n ? (const char *)body.p : "");
#undef SET
	return rc;
}

/* outcome: of what libcurl did, ERR_OK with the HTTP status. */
static enum err outcome(struct http_client *c, CURL *curl, CURLcode rc, const char *url, const char *text,
			long *ret_status, struct fail *f)
{
	long verified = X509_V_OK;
	char why[256];

	if (c->too_large)
		return fail_set(f, ERR_TOO_LARGE, 0, "%s: answer above %zu bytes", url, c->answer_max);
	if (rc == CURLE_ABORTED_BY_CALLBACK)
		return fail_set(f, ERR_BUSY, 0, "%s: stopped", url);
	if (rc == CURLE_OPERATION_TIMEDOUT)
		return fail_set(f, ERR_TIMEOUT, 0, "%s: %s", url, text[0] ? text : "timeout");
	if (rc == CURLE_OK)
		rc = curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
	if (rc == CURLE_PEER_FAILED_VERIFICATION &&
	    curl_easy_getinfo(curl, CURLINFO_SSL_VERIFYRESULT, &verified) == CURLE_OK && verified != X509_V_OK) {
		if (verified == X509_V_ERR_SUBJECT_ISSUER_MISMATCH)
			return fail_set(f, ERR_PEER, 0, "%s: the certificate there is not of %s %.64s", url,
					role_name(c->server), c->name);
		identity_verify_text(c->identity->roots, verified, why);
		return fail_set(f, ERR_PEER, 0, "%s: %s", url, why);
	}
	return rc == CURLE_OK ? ERR_OK
			      : fail_set(f, ERR_PEER, 0, "%s: %s", url, text[0] ? text : curl_easy_strerror(rc));
}

enum err http_post(struct http_client *c, const char *url, struct view body, int *ret_status, struct buf *ret_answer,
		   struct fail *f)
{
	char text[CURL_ERROR_SIZE] = "";
	CURL *curl = curl_easy_init();
	BUF_AUTO answer = { 0 };
	long status = 0;
	CURLcode rc;
	enum err e;

	if (!curl)
		return fail_set(f, ERR_NO_MEMORY, 0, "HTTP client");
	c->answer = &answer;
	c->too_large = false;
	rc = set_call(c, curl, url, body, text);
	if (rc == CURLE_OK)
		rc = curl_easy_perform(curl);
	c->answer = NULL;
	e = outcome(c, curl, rc, url, text, &status, f);
	curl_easy_cleanup(curl);
	if (e != ERR_OK)
		return e;
	buf_put_view(ret_answer, buf_view(&answer));
	if (!buf_ok(ret_answer))
		return fail_set(f, ERR_NO_MEMORY, 0, "HTTP client");
	*ret_status = (int)status;
	return ERR_OK;
}
