/* SPDX-License-Identifier: BSD-2-Clause */
/* Every byte of every record of a token, seen through the module: an error that names the object, or the right value.
 */
#include "object_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "raw_store.h"

/*
 * KINDS of objects, each CLONES times: in each round another byte of each clone is changed, so that one login serves
 * for many bytes, and every byte of a kind's record had its turn in the end.
 */
enum kind { KEY, PUBLIC_KEY_VALUE, PRIVATE_DATA, PUBLIC_DATA, CERTIFICATE, KINDS };
#define CLONES 48
#define RECORD_MAX 2048
#define VALUE_LEN 40

static struct clone {
	CK_OBJECT_HANDLE handle;
	char label[32];
	char hex[33];
	uint8_t id[16];
	uint8_t record[RECORD_MAX];
	size_t len;
} clones[KINDS][CLONES];

static char log_file[256];

static void start(bool login)
{
	CK_SLOT_ID slots[8];
	CK_ULONG n = ARRAY_LEN(slots);

	ck_ok(ck->C_Initialize(NULL));
	ck_ok(ck->C_GetSlotList(CK_TRUE, slots, &n));
	ck_slot = slots[0];
	ck_session = ck_open(true);
	if (login)
		ck_login(CKU_USER);
}

static void value_of(enum kind kind, size_t i, uint8_t ret[VALUE_LEN])
{
	memset(ret, 0x30 + kind, VALUE_LEN);
	ret[0] = (uint8_t)i;
}

static void make(enum kind kind, size_t i)
{
	struct clone *c = &clones[kind][i];
	CK_CERTIFICATE_TYPE x509 = CKC_X_509;
	uint8_t value[VALUE_LEN];
	CK_ULONG hex = 32, key = 32;
	CK_ATTRIBUTE data[] = { SET(CKA_CLASS, ok_data), SET(CKA_TOKEN, ok_yes), BYTES(CKA_LABEL, VIEW(c->label, 0)),
				SET(CKA_VALUE, value), SET(CKA_PRIVATE, *(kind == PRIVATE_DATA ? &ok_yes : &ok_no)) };
	CK_ATTRIBUTE secret[] = { SET(CKA_VALUE_LEN, key), SET(CKA_TOKEN, ok_yes), BYTES(CKA_LABEL, VIEW(c->label, 0)),
				  SET(CKA_ENCRYPT, ok_yes), SET(CKA_PRIVATE, *(kind == KEY ? &ok_yes : &ok_no)) };
	CK_ATTRIBUTE cert[] = { SET(CKA_CLASS, ok_certificate),      SET(CKA_TOKEN, ok_yes),
				BYTES(CKA_LABEL, VIEW(c->label, 0)), SET(CKA_VALUE, value),
				SET(CKA_CERTIFICATE_TYPE, x509),     TEXT(CKA_SUBJECT, "subject"),
				TEXT(CKA_ISSUER, "issuer"),          TEXT(CKA_SERIAL_NUMBER, "serial") };
	CK_MECHANISM m = { CKM_AES_KEY_GEN, NULL, 0 };
	BUF_AUTO id = { 0 };

	value_of(kind, i, value);
	data[2].ulValueLen = secret[2].ulValueLen = cert[2].ulValueLen =
	    (CK_ULONG)snprintf(c->label, sizeof(c->label), "clone %d %zu", kind, i);
	if (kind == KEY || kind == PUBLIC_KEY_VALUE)
		ck_ok(ck->C_GenerateKey(ck_session, &m, secret, ARRAY_LEN(secret), &c->handle));
	else if (kind == CERTIFICATE)
		ck_ok(ok_create(cert, ARRAY_LEN(cert), &c->handle));
	else
		ck_ok(ok_create(data, ARRAY_LEN(data), &c->handle));
	ck_ok(ok_get(c->handle, CKA_UNIQUE_ID, c->hex, &hex));
	ck_assert(hex_decode(c->hex, 32, &id));
	memcpy(c->id, id.p, sizeof(c->id));
}

static void begin(void)
{
	ck_test_begin();
	ck_policy(NULL);
	ck_login(CKU_USER);
	for (size_t i = 0; i < CLONES; i++)
		for (enum kind kind = 0; kind < KINDS; kind++)
			make(kind, i);
	snprintf(log_file, sizeof(log_file), "%s/log", ck_test_dir);
	ck_ok(ck->C_Finalize(NULL));
	struct raw_store *r = raw_begin(ck_test_dir, "objects");
	for (size_t i = 0; i < CLONES * KINDS; i++) {
		struct clone *c = &clones[i % KINDS][i / KINDS];
		struct view v = raw_get(r, VIEW(c->id, sizeof(c->id)));
		ck_assert_uint_le(v.n, sizeof(c->record));
		memcpy(c->record, v.p, v.n);
		c->len = v.n;
	}
	raw_end(r);
}

static void end(void)
{
	unsetenv("STRONGROOM_LOG");
	ck_test_unload();
}

/* The log's line about this object. */
static bool named(const char *hex)
{
	FILE *f = fopen(log_file, "re");
	char line[1024];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, hex) != NULL && strstr(line, "object ") != NULL;
	if (f)
		fclose(f);
	return found;
}

/* What the object still shows is right; one way of using it or the other tells that it is damaged. */
static void look_at(enum kind kind, size_t i, size_t at)
{
	struct clone *c = &clones[kind][i];
	uint8_t value[VALUE_LEN], right[VALUE_LEN], iv[16] = { 0 };
	char label[32];
	CK_ATTRIBUTE by_label = { CKA_LABEL, c->label, strlen(c->label) };
	CK_ATTRIBUTE t[] = { { CKA_LABEL, label, sizeof(label) }, { CKA_VALUE, value, sizeof(value) } };
	bool key = kind == KEY || kind == PUBLIC_KEY_VALUE;
	CK_MECHANISM m = { CKM_AES_CBC, iv, sizeof(iv) };
	CK_RV used = CKR_OK;

	value_of(kind, i, right);
	memset(label, 'x', sizeof(label));
	ck_assert_uint_eq(ck_find(&by_label, 1, &c->handle), 1);
	CK_RV rv = ck->C_GetAttributeValue(ck_session, c->handle, t, key ? 1 : 2);
	if (rv == CKR_OK) {
		ck_assert_uint_eq(t[0].ulValueLen, strlen(c->label));
		ck_assert_mem_eq(label, c->label, strlen(c->label));
		ck_assert(key || (t[1].ulValueLen == VALUE_LEN && memcmp(value, right, VALUE_LEN) == 0));
	} else {
		ck_assert_uint_eq(label[0], 'x');
	}
	if (key)
		used = ck->C_EncryptInit(ck_session, &m, c->handle);
	ck_assert_msg(rv == CKR_DEVICE_ERROR || (rv == CKR_OK && used == CKR_DEVICE_ERROR),
		      "kind %d byte %zu of %zu: 0x%lx, used 0x%lx", kind, at, c->len, rv, used);
	ck_assert_msg(named(c->hex), "kind %d byte %zu: not named", kind, at);
}

START_TEST(no_byte_of_a_record_gives_a_wrong_attribute)
{
	size_t longest = 0;
	unsigned looked = 0;

	for (enum kind kind = 0; kind < KINDS; kind++)
		longest = clones[kind][0].len > longest ? clones[kind][0].len : longest;
	for (size_t round = 0; round * CLONES < longest; round++) {
		struct raw_store *r = raw_begin(ck_test_dir, "objects");
		for (size_t n = 0; n < CLONES * KINDS; n++) {
			struct clone *c = &clones[n % KINDS][n / KINDS];
			uint8_t bad[RECORD_MAX];
			size_t at = round * CLONES + n / KINDS;
			memcpy(bad, c->record, c->len);
			if (at < c->len)
				bad[at] ^= (uint8_t)(1u << (at % 8));
			raw_put(r, VIEW(c->id, sizeof(c->id)), VIEW(bad, c->len));
		}
		raw_end(r);
		(void)remove(log_file);
		setenv("STRONGROOM_LOG", log_file, 1);
		start(true);
		for (size_t n = 0; n < CLONES * KINDS; n++) {
			size_t at = round * CLONES + n / KINDS;
			if (at >= clones[n % KINDS][n / KINDS].len)
				continue;
			look_at(n % KINDS, n / KINDS, at);
			looked++;
		}
		ck_ok(ck->C_Finalize(NULL));
	}
	ck_assert_uint_gt(looked, 1000);
}
END_TEST

#define ENTRY_KEY 33
#define ENTRY_VALUE 51
static struct entries {
	uint8_t key[CLONES * 2][ENTRY_KEY];
	uint8_t value[CLONES * 2][ENTRY_VALUE];
	size_t n;
} entries;

/* By label, of public objects without a secret part. */
static bool take_entry(void *ctx, struct view key, struct view value)
{
	struct entries *e = ctx;

	if (key.n != ENTRY_KEY || key.p[0] != 2 || value.p[0] != 0)
		return true;
	ck_assert_uint_lt(e->n, CLONES * 2);
	memcpy(e->key[e->n], key.p, ENTRY_KEY);
	memcpy(e->value[e->n++], value.p, ENTRY_VALUE);
	return true;
}

/* One byte of all of them, changed or as it was. */
static void turn_bytes(size_t at, bool back)
{
	struct raw_store *r = raw_begin(ck_test_dir, "index");

	for (size_t i = 0; i < entries.n; i++) {
		uint8_t key[ENTRY_KEY], value[ENTRY_VALUE];
		memcpy(key, entries.key[i], sizeof(key));
		memcpy(value, entries.value[i], sizeof(value));
		*(at < ENTRY_KEY ? key + at : value + (at - ENTRY_KEY)) ^= 0x80;
		raw_del(r, back ? VIEW(key, ENTRY_KEY) : VIEW(entries.key[i], ENTRY_KEY));
		if (back)
			raw_put(r, VIEW(entries.key[i], ENTRY_KEY), VIEW(entries.value[i], ENTRY_VALUE));
		else
			raw_put(r, VIEW(key, ENTRY_KEY), VIEW(value, ENTRY_VALUE));
	}
	raw_end(r);
}

/* The index entries of the public objects: a find gives an error or nothing, never another object. */
START_TEST(no_byte_of_an_index_entry_finds_a_wrong_object)
{
	struct raw_store *r = raw_begin(ck_test_dir, "index");
	unsigned refused = 0, nothing = 0;

	entries.n = 0;
	raw_each(r, take_entry, &entries);
	raw_end(r);
	ck_assert_uint_eq(entries.n, 2 * CLONES);
	for (size_t at = 0; at <= ENTRY_KEY + ENTRY_VALUE; at++) {
		bool whole = at == ENTRY_KEY + ENTRY_VALUE;
		if (!whole)
			turn_bytes(at, false);
		start(false);
		for (size_t i = 0; i < CLONES * 2; i++) {
			struct clone *c = &clones[i % 2 ? CERTIFICATE : PUBLIC_DATA][i / 2];
			CK_ATTRIBUTE t = { CKA_LABEL, c->label, strlen(c->label) };
			CK_RV rv = ck->C_FindObjectsInit(ck_session, &t, 1);
			refused += rv != CKR_OK;
			nothing += rv == CKR_OK;
			if (rv != CKR_OK) {
				ck_assert_uint_eq(rv, CKR_DEVICE_ERROR);
				continue;
			}
			ck_ok(ck->C_FindObjectsFinal(ck_session));
			ck_assert_uint_eq(ck_find(&t, 1, NULL), whole);
		}
		ck_ok(ck->C_Finalize(NULL));
		if (!whole)
			turn_bytes(at, true);
	}
	ck_assert_uint_ge(refused, ENTRY_VALUE * entries.n);
	ck_assert_uint_ge(nothing, entries.n);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("store_bytes");
	TCase *c = tcase_create("store_bytes");

	tcase_set_timeout(c, 280);
	tcase_add_checked_fixture(c, begin, end);
	tcase_add_test(c, no_byte_of_a_record_gives_a_wrong_attribute);
	tcase_add_test(c, no_byte_of_an_index_entry_finds_a_wrong_object);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
