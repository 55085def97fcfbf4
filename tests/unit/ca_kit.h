/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_CA_KIT_H
#define TESTS_CA_KIT_H

#include "issue.h"
#include "order.h"
#include "pki.h"

#define SERVER_SAN "DNS:localhost,IP:127.0.0.1"

/* A CA in a folder of its own, made by setup and removed by teardown; setup_once makes what takes long. */
void setup_once(void);
void teardown_once(void);
void setup(void);
void teardown(void);

/* init_of: a CA in this folder, its key in the test's token under this name; until the next call. */
struct ca_init init_of(const char *path, const char *object);
/* key_load: a private key's file. */
EVP_PKEY *key_load(const char *path);

extern EVP_PKEY *rsa; /* Pu */
extern EVP_PKEY *ec;
extern struct ca ca;
/* Its folder, and files beside it: a request of ec, one for HsmWCRT over Pu, and what an order may write. */
extern char dir[128], folder[160], csr[160], request[160], key_out[160], out[160];

void write_csr(const char *path, EVP_PKEY *key, EVP_PKEY *signer);
/* write_request: replaces the request for HsmWCRT. good_request: what stands there at first. */
void write_request(struct view der);
void good_request(struct buf *ret);
void spki_of(EVP_PKEY *key, struct buf *ret);
/* sign_request: content, signed by a fresh key that issuer certifies as c says. */
void sign_request(const struct pki *issuer, const struct pki_cert *c, struct view content, struct buf *ret);
/* own_root: the CA as an issuer of what it would never issue. mtms_cert: what a good one looks like. */
struct pki own_root(void);
struct pki_cert mtms_cert(void);

/* order_of: a certificate of that role from one enum ca_source; with names where the role is that of a server. */
struct order order_of(const char *role, unsigned source);
/* refused: with this error and these words, and not one byte of dir differs afterwards. */
void refused(const struct order *o, enum err code, const char *words);

#endif
