/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_STORE_KIT_H
#define TESTS_STORE_KIT_H

#include "seal.h"
#include "store.h"

/* A token in a private directory, with the seals of seal.h, for one test. */
#define KIT_SERIAL "00112233445566aa"
struct store_kit {
	char dir[128];
	char data_file[256];
	struct store_options options;
	struct test_seal seal;
	struct store_crypto crypto;
	struct store *store;
	bool bare; /* kit_put indexes nothing: the seals alone hold */
};

/* kit_init: creates and opens; fails the test when it cannot. kit_done removes the directory. */
void kit_init(struct store_kit *k, size_t map_size);
void kit_done(struct store_kit *k);
/* kit_put: one object in a transaction of its own; an id is one repeated byte. NULL texts are empty views. */
int kit_put(struct store_kit *k, uint8_t id, bool private, const char *body, const char *secret, const char *label);
/* kit_get: STORE_OK when body and secret are as given, 1 when they open but differ, else the error. */
int kit_get(struct store_kit *k, uint8_t id, const char *body, const char *secret);
int kit_del(struct store_kit *k, uint8_t id);
/* kit_find: number of objects found by label, or the error. ret_first may be NULL. */
int kit_find(struct store_kit *k, const char *label, uint8_t *ret_first);
/* kit_count: all objects. */
int kit_count(struct store_kit *k);

#endif
