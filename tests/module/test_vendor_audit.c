/* SPDX-License-Identifier: BSD-2-Clause */
/* What the audit chain says of components, TKs and TMKs, and by whom (R1.3, R2.6). */
#include "tk_kit.h"

#include <string.h>
#include "audit.h"
#include "store.h"

struct line {
	unsigned number;
	const char *user, *label;
	uint64_t count;
};

static const struct line expected[] = {
	{ AUDIT_COMPONENT_ENTERED, "alice", "PK-H#1/2", 0 },
	{ AUDIT_COMPONENT_ENTERED, "bob", "PK-H#2/2", 0 },
	{ AUDIT_COMBINED, "bob", "PK-H", 0 },
	{ AUDIT_COMPONENT_ENTERED, "alice", "MAK-H#1/2", 0 },
	{ AUDIT_COMPONENT_DESTROYED, "", "MAK-H#1/2", 0 },
	{ AUDIT_TK_GENERATED, "", "POS-000042", 0 },
	{ AUDIT_TK_REWRAPPED, "", "", 2 },
	{ AUDIT_TK_OPENED, "", "", 1 },
	{ AUDIT_TMK_EXPORTED, "", "", 3 },
	{ AUDIT_TMK_LOADED, "", "", 1 },
};

/* Two rewraps, one opening, three exports that succeed, and as many that do not. */
static void tk_story(void)
{
	const struct tk_shape *s = &tk_shapes[7];
	uint8_t message[SR_TMK_MESSAGE_MAX];
	CK_ULONG len = 0;
	CK_OBJECT_HANDLE tmk = 0, loaded = 0, no_tek = 0, no_auk = 0;
	struct tk_way w;

	tk_whole_way(s, &w);
	ck_ok(tk_rewrap(s, &w));
	ck_ok(kit_role_key(SR_ROLE_TMK, CKK_AES, 32, &tmk));
	ck_ok(kit_export(w.tek, w.auk, tmk, true, NULL, &len)); /* a length query is no export */
	for (int i = 0; i < 3; i++) {
		len = sizeof(message);
		ck_ok(kit_export(w.tek, w.auk, tmk, true, message, &len));
	}
	ck_ok(kit_load(w.tk.tek, w.tk.auk, VIEW(message, len), true, &loaded));
	message[len - 1] ^= 1;
	ck_assert_uint_ne(kit_load(w.tk.tek, w.tk.auk, VIEW(message, len), true, &loaded), CKR_OK);
	w.record[30] ^= 1;
	ck_assert_uint_ne(kit_open(tk_pk[2], tk_mak[2], VIEW(w.record, w.record_len), &no_tek, &no_auk), CKR_OK);
	w.tk.packet[30] ^= 1;
	ck_assert_uint_ne(tk_rewrap(s, &w), CKR_OK);
}

static void components(void)
{
	const struct kit_wish wish = { "PK-H", CKK_AES, 32 };
	CK_OBJECT_HANDLE h = 0;
	uint8_t value[32];

	kit_combined(&wish, 1);
	kit_login(KIT_ALICE);
	kit_pattern(value, sizeof(value), 1);
	ck_ok(kit_component("MAK-H#1/2", CKK_AES, VIEW(value, 32), NULL));
	ck_login(CKU_SO);
	ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, "MAK-H#1/2", &h), 1);
	ck_ok(ck->C_DestroyObject(ck_session, h));
	kit_login(KIT_USER);
}

/* The entry by the table of docs/store.md. */
static struct line parse(struct view v, char user[40], char label[260])
{
	struct reader r = reader_of(v);
	struct line line = { .user = user, .label = label };
	struct view text;

	reader_bytes(&r, 1 + 32 + 8 + 4 + 1);
	text = reader_lv(&r, 0, 39);
	memcpy(user, text.p, text.n);
	user[text.n] = 0;
	line.number = reader_u16(&r);
	reader_u64(&r);
	reader_lv(&r, 0, 16);
	text = reader_lv(&r, 0, 256);
	memcpy(label, text.p, text.n);
	label[text.n] = 0;
	line.count = reader_u64(&r);
	ck_assert(reader_done(&r));
	return line;
}

static uint64_t last_entry(const char *serial, uint64_t from, size_t *ret_seen)
{
	struct store *store = NULL;
	struct store_txn *txn = NULL;
	struct view entry;
	uint64_t at = from;
	size_t seen = 0;

	ck_assert_int_eq(store_open(ck_test_dir, serial, NULL, &store), STORE_OK);
	ck_assert_int_eq(store_begin(store, false, &txn), STORE_OK);
	while (store_audit_get(txn, at + 1, &entry) == STORE_OK) {
		char user[40], label[260];
		struct line line = parse(entry, user, label);

		at++;
		if (from == 0 || line.number < AUDIT_COMPONENT_ENTERED || line.number > AUDIT_TMK_LOADED)
			continue;
		ck_assert_uint_lt(seen, ARRAY_LEN(expected));
		ck_assert_uint_eq(line.number, expected[seen].number);
		ck_assert_str_eq(line.user, expected[seen].user);
		ck_assert_str_eq(line.label, expected[seen].label);
		ck_assert_uint_eq(line.count, expected[seen].count);
		seen++;
	}
	store_abort(txn);
	store_close(store);
	if (ret_seen)
		*ret_seen = seen;
	return at;
}

/* The module is finalised when the store is opened here: one environment per file and process. */
static uint64_t look(uint64_t from, size_t *ret_seen)
{
	char serial[STORE_SERIAL_LEN + 1] = { 0 };
	CK_TOKEN_INFO info;
	CK_SLOT_ID slots[8];
	CK_ULONG n = ARRAY_LEN(slots);
	uint64_t last;

	ck_ok(ck->C_GetTokenInfo(ck_slot, &info));
	memcpy(serial, info.serialNumber, STORE_SERIAL_LEN);
	ck_ok(ck->C_Finalize(NULL));
	last = last_entry(serial, from, ret_seen);
	ck_ok(ck->C_Initialize(NULL));
	ck_ok(ck->C_GetSlotList(CK_TRUE, slots, &n));
	ck_slot = slots[0];
	ck_session = ck_open(true);
	return last;
}

static void keys_again(void)
{
	kit_login(KIT_USER);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, tk_wishes[i].name, &tk_pk[i]), 1);
		ck_assert_uint_eq(kit_find(CKO_SECRET_KEY, tk_wishes[i + 3].name, &tk_mak[i]), 1);
	}
	kit_pair(2048, true, &tk_pu, &tk_pr);
}

START_TEST(components_tks_and_tmks_are_written_down) /* R1.3 */
{
	uint64_t from = look(0, NULL);
	size_t seen = 0;

	ck_assert_uint_gt(from, 0);
	components();
	keys_again();
	tk_story();
	look(from, &seen);
	ck_assert_uint_eq(seen, ARRAY_LEN(expected));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vendor_audit");
	TCase *c = tcase_create("vendor_audit");

	tcase_set_timeout(c, 0);
	tcase_add_unchecked_fixture(c, tk_begin, ck_test_end);
	tcase_add_test(c, components_tks_and_tmks_are_written_down);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
