/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files of a token after somebody wrote into them (R6.1): pages of the LMDB environment below an open store, which
 * `strongroom verify` reads without belief; where it finds nothing wrong, the walk over all records that follows must
 * not break. And the state file of the audit chain. The first byte of an input chooses.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pages.h"
#include "place.h"
#include "seal.h"
#include "store.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SERIAL "0123456789abcdef"
#define OBJECTS 150
#define PAGE 4096
#define PATCHES 16
#define STATE "the state of the audit chain, so far"

static struct test_seal seal;
static struct store_crypto crypto;
static struct store *store;
static uint8_t *good; /* the data file */
static size_t good_len;
static int file;
static uint8_t good_state[8192];
static size_t good_state_len;

static void leave(void)
{
	store_close(store);
	close(file);
	free(good);
}

static void fill(void)
{
	static const uint8_t kind[STORE_KIND_LEN] = { [7] = 4, [15] = 0x1f };
	static uint8_t large[10000];
	struct store_txn *t = NULL;
	uint64_t sequence;

	if (store_begin(store, true, &t) != STORE_OK)
		place_fail("no store");
	for (unsigned i = 0; i < OBJECTS; i++) {
		struct store_object o = { .private = i % 3 != 0, .body = VIEW_STR("a body of some length") };
		char label[32];

		memset(o.id, (int)(i * 37 + 11), sizeof(o.id));
		be_put32(o.id, i * 2654435761u);
		snprintf(label, sizeof(label), "label %u", i);
		if (i % 50 == 0)
			o.secret = VIEW(large, sizeof(large));
		o.index[STORE_BY_KIND] = VIEW(kind, sizeof(kind));
		o.index[STORE_BY_LABEL] = view_of_string(label);
		if (store_object_put(t, &crypto, &o) != STORE_OK)
			place_fail("no object");
	}
	if (store_audit_append(t, VIEW_STR("entry"), &sequence) != STORE_OK || store_commit(t) != STORE_OK)
		place_fail("no commit");
}

/* Pages that are free, too. */
static void forget_some(void)
{
	struct store_txn *t = NULL;
	uint8_t id[STORE_ID_LEN];

	if (store_begin(store, true, &t) != STORE_OK)
		place_fail("no store");
	for (unsigned i = 0; i < OBJECTS; i += 5) {
		memset(id, (int)(i * 37 + 11), sizeof(id));
		be_put32(id, i * 2654435761u);
		if (store_object_del(t, &crypto, id) != STORE_OK)
			place_fail("no object");
	}
	if (store_commit(t) != STORE_OK)
		place_fail("no commit");
}

static void make_state(void)
{
	SECRET_AUTO value = { 0 };
	struct store_txn *t = NULL;
	BUF_AUTO bytes = { 0 };

	if (!secret_init(&value, 64) || !secret_set(&value, STATE, strlen(STATE)) ||
	    store_begin(store, true, &t) != STORE_OK || store_state_put(t, &value, 7, STORE_STATE_ANEW) != STORE_OK ||
	    store_commit(t) != STORE_OK || !place_read(place_path(SERIAL "/audit.state"), &bytes) || !bytes.len ||
	    bytes.len > sizeof(good_state))
		place_fail("no state");
	memcpy(good_state, bytes.p, bytes.len);
	good_state_len = bytes.len;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const struct store_options options = { .map_size = 16 << 20, .readers = 8 };
	uint8_t room[PAGE];
	ssize_t n;

	place_make();
	test_seal_init(&seal, 10);
	crypto = test_seal_crypto(&seal);
	if (store_create(place_dir(), SERIAL, VIEW_STR("meta of the token"), &options) != STORE_OK ||
	    store_open(place_dir(), SERIAL, &options, &store) != STORE_OK)
		place_fail("no store");
	fill();
	forget_some();
	make_state();
	file = open(place_path(SERIAL "/data.mdb"), O_RDWR | O_CLOEXEC);
	while (file >= 0 && (n = pread(file, room, PAGE, (off_t)good_len)) == PAGE && good_len < (4 << 20)) {
		good = realloc(good, good_len + PAGE);
		memcpy(good + good_len, room, PAGE);
		good_len += PAGE;
	}
	if (!good)
		place_fail("no data file");
	return atexit(leave);
}

static void on_page(void *ctx, uint64_t page, const char *text)
{
	*(unsigned *)ctx += 1;
	if (!text || !*text)
		place_fail("a page without a reason");
}

static int on_finding(void *ctx, const struct store_finding *f)
{
	return strlen(store_finding_text(f->kind)) > 3 ? 0 : 1;
}

/* A patch: page (2), where in it (2), how long (1), bytes. Only what is in use tells anything: the first pages. */
static void damage(struct view v)
{
	size_t at[PATCHES], len[PATCHES], count = 0;
	struct reader r = reader_of(v);
	struct store_txn *t = NULL;
	unsigned bad = 0;
	uint64_t pages = 0;
	int rc;

	for (; count < PATCHES && r.left > 5; count++) {
		size_t page = reader_u16(&r) % (good_len / PAGE), offset = reader_u16(&r) % PAGE;
		size_t n = reader_u8(&r) % 33;
		struct view bytes;

		n = n < PAGE - offset ? n : PAGE - offset;
		bytes = reader_bytes(&r, n < r.left ? n : r.left);
		at[count] = page * PAGE + offset;
		len[count] = bytes.n;
		if (bytes.n && pwrite(file, bytes.p, bytes.n, (off_t)at[count]) != (ssize_t)bytes.n)
			place_fail("no write");
	}
	rc = store_pages_check(store, on_page, &bad, &pages);
	if (rc == STORE_OK && !bad && !pages)
		place_fail("nothing was read and nothing is wrong");
	if (rc == STORE_OK && !bad && store_begin(store, false, &t) == STORE_OK) {
		(void)!store_verify(t, &crypto, on_finding, NULL);
		store_abort(t);
	}
	while (count-- > 0)
		if (len[count] && pwrite(file, good + at[count], len[count], (off_t)at[count]) < 0)
			place_fail("no write");
}

/* bytes: all of the file; else patches of a good one: where (2), a byte. */
static void state(struct view v, bool bytes)
{
	struct secret states[STORE_STATES] = { 0 };
	uint8_t room[sizeof(good_state)];
	unsigned n = 0;
	int rc;

	memcpy(room, good_state, good_state_len);
	for (size_t i = 0; !bytes && i + 3 <= v.n; i += 3)
		room[be_get16(v.p + i) % good_state_len] ^= v.p[i + 2];
	(void)place_file(SERIAL "/audit.state", bytes ? v : VIEW(room, good_state_len));
	rc = store_state_read(store, states, &n);
	if (rc == STORE_OK ? n < 1 || n > STORE_STATES || !states[0].len : n != 0)
		place_fail("a state that is none");
	if (rc == STORE_OK && !bytes && !ct_equal(states[0].p, (const uint8_t *)STATE, strlen(STATE)))
		place_fail("a state that nobody wrote");
	for (unsigned i = 0; i < STORE_STATES; i++)
		secret_done(&states[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view v = VIEW(data + 1, size - 1);

	if (size < 1)
		return 0;
	if (data[0] % 8 >= 6)
		state(v, data[0] % 2);
	else
		damage(v);
	return 0;
}
