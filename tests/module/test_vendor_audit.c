/* SPDX-License-Identifier: BSD-2-Clause */
/* What the audit chain says of components, TKs and TMKs, and by whom (R1.3, R2.6). */
#include "tk_kit.h"

#include <string.h>
#include "audit.h"
#include "audit_kit.h"

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
	{ AUDIT_TK_REWRAPPED, "", "PK", 2 },
	{ AUDIT_TK_OPENED, "", "PK", 1 },
	{ AUDIT_TMK_EXPORTED, "", "", 3 },
	{ AUDIT_TMK_LOADED, "", "TK", 1 },
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
	static struct audit_trail t;
	CK_ULONG from = audit_good();
	size_t seen = 0;

	components();
	keys_again();
	tk_story();
	ck_logout(); /* which writes what was counted */
	ck_login(CKU_USER);
	audit_read(&t, from + 1);
	for (CK_ULONG i = 0; i < t.n; i++) {
		const struct sr_audit_entry *e = &t.rows[i];

		if (e->ulEvent < AUDIT_COMPONENT_ENTERED || e->ulEvent > AUDIT_TMK_LOADED)
			continue;
		ck_assert_uint_lt(seen, ARRAY_LEN(expected));
		ck_assert_uint_eq(e->ulEvent, expected[seen].number);
		ck_assert_str_eq((const char *)e->szUser, expected[seen].user);
		ck_assert_str_eq((const char *)e->szLabel, expected[seen].label);
		ck_assert_uint_eq(e->ulCount, expected[seen].count);
		seen++;
	}
	ck_assert_uint_eq(seen, ARRAY_LEN(expected));
	audit_good();
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
