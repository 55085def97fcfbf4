/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is read from files and wires: an object record of the token store with its body (the sealing passes everything
 * through, so that the decoders behind it get chance bytes), the records of the audit trail, its heads and its state,
 * the token's own record, and the formats of docs/formats.md. What a format parser accepts must be written back to the
 * same bytes.
 */
#include "audit_anchor.h"
#include "audit_chain.h"
#include "audit_own.h"
#include "crypto.h"
#include "object_own.h"
#include "store_inner.h"
#include "temp.h"
#include "token_own.h"
#include "working.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SERIAL "0123456789abcdef"

static char directory[128];
static struct store *store;
static struct crypto *crypto;

static int pass_seal(void *ctx, enum store_domain domain, uint16_t generation, struct view aad, struct view plain,
		     struct buf *out)
{
	buf_put_view(out, plain);
	return STORE_OK;
}

static int pass_open(void *ctx, enum store_domain domain, uint16_t generation, struct view aad, struct view sealed,
		     struct secret *ret_plain)
{
	if (!secret_init(ret_plain, sealed.n + 1) || !secret_set(ret_plain, sealed.p, sealed.n))
		return STORE_ENOMEM;
	return STORE_OK;
}

static int pass_mac(void *ctx, enum store_domain domain, uint16_t generation, struct view data, uint8_t ret_mac[16])
{
	memset(ret_mac, 0, 16);
	return STORE_OK;
}

static int pass_generations(void *ctx, enum store_domain domain, uint16_t ret[STORE_GENERATIONS], unsigned *ret_n)
{
	ret[0] = domain == STORE_PUBLIC ? 0 : 1;
	*ret_n = 1;
	return STORE_OK;
}

static const struct store_crypto pass = { NULL, pass_seal, pass_open, pass_mac, pass_generations };

static void leave(void)
{
	store_close(store);
	crypto_free(crypto);
	temp_remove(directory);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	temp_dir(directory);
	if (crypto_new(&crypto) != CKR_OK || store_create(directory, SERIAL, VIEW_STR("token"), NULL) != STORE_OK ||
	    store_open(directory, SERIAL, NULL, &store) != STORE_OK) {
		fprintf(stderr, "no store in %s\n", directory);
		abort();
	}
	return atexit(leave);
}

static void read_record(struct view v)
{
	static const uint8_t id[STORE_ID_LEN] = { 1 };
	struct store_txn *txn = NULL;
	struct object *o = NULL;

	if (store_begin(store, true, &txn) != STORE_OK)
		abort();
	if (txn_put(txn, DB_OBJECTS, VIEW(id, sizeof(id)), v, 0) == STORE_OK &&
	    object_load(txn, &pass, id, true, &o) == CKR_OK)
		object_unref(o);
	store_abort(txn);
}

/* read_body: object bodies alone, so that the fuzzer need not find a record's head first. */
static void read_body(struct view v, bool hidden)
{
	struct object *o = object_alloc();
	BUF_AUTO again = { 0 };

	if (o == NULL)
		return;
	if (object_decode(o, v, hidden) == CKR_OK && !hidden)
		(void)object_encode_open(o, &again);
	object_unref(o);
}

static void same(const char *what, struct view v, struct buf *again)
{
	if (!buf_ok(again) || !view_equal(v, buf_view(again))) {
		fprintf(stderr, "%s: what was read is not what is written\n", what);
		abort();
	}
	buf_done(again);
}

#define ROUND_TRIP(type, parse, put)                                                                                   \
	do {                                                                                                           \
		struct type value;                                                                                     \
		struct buf again = { 0 };                                                                              \
		if (parse(v, &value)) {                                                                                \
			put(&again, &value);                                                                           \
			same(#type, v, &again);                                                                        \
		}                                                                                                      \
	} while (0)

/* trail: what stands in the audit trail and beside it; a head that nobody signed must not be taken for one. */
static void trail(struct view v)
{
	struct audit_fields fields;
	struct audit_record record;
	struct audit_anchor anchor;
	struct audit_state state;
	SECRET_AUTO bytes = { 0 };

	(void)!audit_fields_get(v, false, &fields);
	(void)!audit_fields_get(v, true, &fields);
	(void)!audit_record_get(v, &record);
	if (secret_init(&bytes, v.n + 1) && secret_set(&bytes, v.p, v.n))
		(void)!audit_state_get(&bytes, SERIAL, &state);
	if (audit_anchor_get(v, &anchor) && audit_anchor_signed(crypto, &anchor)) {
		fprintf(stderr, "a head that nobody signed\n");
		abort();
	}
}

static void token(struct view v)
{
	struct token_record r = { 0 };
	BUF_AUTO again = { 0 };

	if (token_record_get(crypto, v, &r) == CKR_OK && token_record_put(crypto, &again, &r) == CKR_OK &&
	    token_record_get(crypto, buf_view(&again), &r) != CKR_OK) {
		fprintf(stderr, "a token's record that cannot be read again\n");
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view v = VIEW(data + 1, size - 1);

	if (size < 1)
		return 0;
	/* what came later stands above F0h: the corpus keeps what its first bytes mean */
	switch (data[0] < 0xf0 ? data[0] % 9 : 9 + data[0] % 4) {
	case 0:
		ROUND_TRIP(key_attrs, key_attrs_parse, key_attrs_put);
		break;
	case 1:
		ROUND_TRIP(check_value, check_value_parse, check_value_put);
		break;
	case 2:
		ROUND_TRIP(tk_packet, tk_packet_parse, tk_packet_put);
		break;
	case 3:
		ROUND_TRIP(tk_record, tk_record_parse, tk_record_put);
		break;
	case 4:
		ROUND_TRIP(tmk_message, tmk_message_parse, tmk_message_put);
		break;
	case 5:
		ROUND_TRIP(transcript, transcript_parse, transcript_put);
		break;
	case 6:
		read_body(v, false);
		break;
	case 7:
		read_body(v, true);
		break;
	case 9:
		ROUND_TRIP(wk_message, wk_message_parse, wk_message_put);
		break;
	case 10:
		ROUND_TRIP(wk_blob, wk_blob_parse, wk_blob_put);
		break;
	case 11:
		trail(v);
		break;
	case 12:
		token(v);
		break;
	default:
		read_record(v);
		break;
	}
	return 0;
}
