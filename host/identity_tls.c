/* SPDX-License-Identifier: BSD-2-Clause */
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "identity.h"

#define CHAIN_DEPTH_MAX 4
#define SESSION_CONTEXT "strongroom"

static pthread_once_t peers_once = PTHREAD_ONCE_INIT;
static int peers_index = -1;
static int name_index = -1;

static void peers_init(void)
{
	peers_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	name_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

/* The roles and the name that may be at the other end: judged at the end-entity certificate, after OpenSSL found it
 * good. */
static int verify_peer(int ok, X509_STORE_CTX *ctx)
{
	if (!ok || X509_STORE_CTX_get_error_depth(ctx) != 0)
		return ok;
	const SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
	unsigned peers = (unsigned)(uintptr_t)SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), peers_index);
	const char *name = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), name_index);
	enum role role = identity_cert_role(X509_STORE_CTX_get_current_cert(ctx));
	char has[IDENTITY_NAME];

	if (role == ROLE_NONE || !(peers & ROLE_BIT(role))) {
		X509_STORE_CTX_set_error(ctx, X509_V_ERR_APPLICATION_VERIFICATION);
		return 0;
	}
	identity_cert_name(X509_STORE_CTX_get_current_cert(ctx), has, sizeof(has));
	if (name && strcmp(has, name) != 0) {
		X509_STORE_CTX_set_error(ctx, X509_V_ERR_SUBJECT_ISSUER_MISMATCH);
		return 0;
	}
	return 1;
}

enum err identity_ssl_ctx_peers(const struct identity *i, bool server, unsigned peers, SSL_CTX *ctx, struct fail *f)
{
	pthread_once(&peers_once, peers_init);
	if (peers_index < 0 || !SSL_CTX_set_ex_data(ctx, peers_index, (void *)(uintptr_t)peers) ||
	    !SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) ||
	    !SSL_CTX_set_purpose(ctx, server ? X509_PURPOSE_SSL_CLIENT : X509_PURPOSE_SSL_SERVER))
		return fail_set(f, ERR_INTERNAL, 0, "TLS context");
	/* The store that verification asks: libcurl fills the context's other one after its callback ran. */
	if (!SSL_CTX_set1_verify_cert_store(ctx, i->roots))
		return fail_set(f, ERR_INTERNAL, 0, "TLS context");
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, verify_peer);
	SSL_CTX_set_verify_depth(ctx, CHAIN_DEPTH_MAX);
	return ERR_OK;
}

enum err identity_ssl_ctx_name(SSL_CTX *ctx, const char *name, struct fail *f)
{
	pthread_once(&peers_once, peers_init);
	return name_index >= 0 && SSL_CTX_set_ex_data(ctx, name_index, (void *)(uintptr_t)name)
		   ? ERR_OK
		   : fail_set(f, ERR_INTERNAL, 0, "TLS context");
}

enum err identity_ssl_ctx(const struct identity *i, bool server, unsigned peers, SSL_CTX **ret, struct fail *f)
{
	SSL_CTX *ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
	enum err e;

	if (!ctx || SSL_CTX_use_certificate(ctx, i->cert) != 1 || SSL_CTX_use_PrivateKey(ctx, i->key) != 1) {
		e = fail_set(f, ERR_INTERNAL, 0, "TLS context");
		goto out;
	}
	for (int k = 0; k < sk_X509_num(i->chain); k++) {
		if (!SSL_CTX_add1_chain_cert(ctx, sk_X509_value(i->chain, k))) {
			e = fail_set(f, ERR_NO_MEMORY, 0, "TLS context");
			goto out;
		}
	}
	e = identity_ssl_ctx_peers(i, server, peers, ctx, f);
	if (e != ERR_OK)
		goto out;
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
				     SSL_OP_IGNORE_UNEXPECTED_EOF);
	/* Every connection proves itself anew. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	SSL_CTX_set_session_id_context(ctx, (const uint8_t *)SESSION_CONTEXT, sizeof(SESSION_CONTEXT) - 1);
	*ret = ctx;
	ctx = NULL;
out:
	SSL_CTX_free(ctx);
	ERR_clear_error();
	return e;
}

void identity_ssl_peer(const SSL *ssl, struct identity_peer *ret)
{
	X509 *cert = SSL_get0_peer_certificate(ssl);

	memset(ret, 0, sizeof(*ret));
	if (!cert || SSL_get_verify_result(ssl) != X509_V_OK)
		return;
	ret->role = identity_cert_role(cert);
	identity_cert_name(cert, ret->name, sizeof(ret->name));
}

enum err identity_ssl_check(const SSL *ssl, X509_STORE *roots, struct fail *f)
{
	X509 *cert = SSL_get0_peer_certificate(ssl);

	if (!cert)
		return fail_set(f, ERR_REFUSED, 0, "certificate: none");
	return identity_check(roots, SSL_get_peer_cert_chain(ssl), cert, identity_cert_role(cert), 0, f);
}
