/* SPDX-License-Identifier: BSD-2-Clause */
/* Somebody who can write the token's files: the trail names the first record that he cut, changed or moved. */
#include "audit_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit_chain.h"
#include "crypto.h"
#include "trail.h"

/* The story of the token: records 1 to LAST; a second segment begins at SECOND. */
#define SECOND 12
#define LAST 20

static char path[256];
static char other_path[256];
static struct buf data, state;             /* the files after the story */
static struct buf early_data, early_state; /* and after record EARLY */
static struct buf foreign, foreign_state;  /* record 8 and the state of another token */
static CK_BYTE anchor[SR_AUDIT_HEAD_LEN];  /* of the story's end */
#define EARLY 8

static void start(void)
{
	CK_SLOT_ID slots[8];
	CK_ULONG n = ARRAY_LEN(slots);
	CK_TOKEN_INFO info;

	ck_ok(ck->C_Initialize(NULL));
	ck_ok(ck->C_GetSlotList(CK_TRUE, slots, &n));
	for (CK_ULONG i = 0; i < n; i++) {
		ck_ok(ck->C_GetTokenInfo(slots[i], &info));
		if (strncmp((char *)info.label, "test ", 5) == 0)
			ck_slot = slots[i];
	}
	ck_session = ck_open(true);
}

static void stop(void)
{
	ck_ok(ck->C_Finalize(NULL));
}

static void path_of(CK_SLOT_ID slot, char ret[256])
{
	CK_TOKEN_INFO info;

	ck_ok(ck->C_GetTokenInfo(slot, &info));
	snprintf(ret, 256, "%s/%.16s", ck_test_dir, (char *)info.serialNumber);
}

/* logins_until: one record each. */
static void logins_until(uint64_t last)
{
	struct sr_audit_state s = { 0 };

	do {
		CK_ULONG n = 0;

		ck_login(CKU_USER);
		ck_ok(audit_sr()->SR_GetAudit(ck_session, 1, NULL, &n, &s));
		ck_assert_uint_le(s.ulLast, last);
	} while (s.ulLast < last);
	ck_logout();
}

static void keep(struct buf *ret_data, struct buf *ret_state)
{
	stop();
	file_get(path, "data.mdb", ret_data);
	file_get(path, "audit.state", ret_state);
	start();
}

static void begin(void)
{
	CK_SESSION_HANDLE other;
	CK_ULONG n = sizeof(anchor);

	ck_test_begin();
	path_of(ck_slot, path);
	logins_until(EARLY);
	keep(&early_data, &early_state);
	logins_until(SECOND - 1);
	ck_ok(audit_sr()->SR_RestartAudit(ck_session, CK_TEXT(CK_TEST_SO_PIN)));
	logins_until(LAST);
	ck_login(CKU_USER);
	n = sizeof(anchor);
	ck_ok(audit_sr()->SR_AuditHead(ck_session, anchor, &n));
	ck_logout();
	/* Another token with a trail of its own. */
	ck_test_init_token(0, "other");
	path_of(0, other_path);
	ck_ok(ck->C_OpenSession(0, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &other));
	for (int i = 0; i < 8; i++) {
		ck_ok(ck->C_Login(other, CKU_SO, CK_TEXT(CK_TEST_SO_PIN)));
		ck_ok(ck->C_Logout(other));
	}
	keep(&data, &state);
	stop();
	trail_get(other_path, 8, &foreign);
	file_get(other_path, "audit.state", &foreign_state);
	ck_assert_uint_eq(trail_last(path), LAST + 1); /* the login for the anchor */
	start();
}

static void end(void)
{
	buf_done(&data);
	buf_done(&state);
	buf_done(&early_data);
	buf_done(&early_state);
	buf_done(&foreign);
	buf_done(&foreign_state);
	ck_test_end();
}

/* fresh: the files as they were; the module is stopped. */
static void fresh(void)
{
	file_put(path, "data.mdb", buf_view(&data));
	file_put(path, "audit.state", buf_view(&state));
}

/* seen: what the trail says, read whole; nobody or the SO being logged in. */
static void seen(uint64_t bad_at, CK_ULONG bad, CK_ULONG state_is, const char *when)
{
	struct sr_audit_state s = { 0 };
	static struct audit_trail t;
	CK_ULONG n = 0, first = 0;

	ck_ok(audit_sr()->SR_GetAudit(ck_session, 1, NULL, &n, &s));
	ck_assert_msg(s.ulFirstBad == bad_at && (bad == s.ulBad || bad_at == 0), "%s: record %lu is %lu", when,
		      s.ulFirstBad, s.ulBad);
	ck_assert_msg(s.ulState == state_is, "%s: state %lu", when, s.ulState);
	/* The rows say the same, but for what is missing behind the last. */
	audit_read(&t, 1);
	for (CK_ULONG i = 0; i < t.n && first == 0; i++)
		if (t.rows[i].ulBad != SR_AUDIT_GOOD)
			first = t.rows[i].ulSequence;
	if (bad_at <= s.ulLast && state_is == SR_AUDIT_STATE_FITS)
		ck_assert_msg(first == bad_at, "%s: row %lu", when, first);
	ck_assert_uint_eq(t.state.ulFirstBad, bad_at);
}

/* found: with the files as the attacker left them, named before a login and, where there is one, after it. */
static void found(uint64_t bad_at, CK_ULONG bad, CK_ULONG state_is, const char *what)
{
	char when[128];

	start();
	snprintf(when, sizeof(when), "%s, sealed", what);
	seen(bad_at, bad, state_is, when);
	if (state_is == SR_AUDIT_STATE_FITS) {
		ck_login(CKU_SO);
		snprintf(when, sizeof(when), "%s, open", what);
		seen(bad_at, bad, state_is, when);
		ck_logout();
	} else {
		ck_rv(ck->C_Login(ck_session, CKU_SO, CK_TEXT(CK_TEST_SO_PIN)), CKR_DEVICE_ERROR);
		ck_rv(ck->C_Login(ck_session, CKU_USER, CK_TEXT(CK_TEST_USER_PIN)), CKR_DEVICE_ERROR);
	}
	stop();
}

START_TEST(story_is_good)
{
	ck_assert_uint_eq(audit_good(), LAST + 2);
	stop();
	fresh();
	start();
}
END_TEST

START_TEST(cut_tail_is_named_and_nothing_goes_on)
{
	stop();
	for (uint64_t left = LAST; left > SECOND - 3; left -= 3) {
		fresh();
		for (uint64_t i = left + 1; i <= LAST + 1; i++)
			trail_del(path, i);
		found(left + 1, SR_AUDIT_CUT, SR_AUDIT_STATE_LEADS, "tail");
	}
	start();
}
END_TEST

START_TEST(cut_middle_is_named)
{
	stop();
	for (uint64_t at = 1; at <= LAST; at += at == SECOND - 1 ? 1 : 2) {
		fresh();
		trail_del(path, at);
		if (at < LAST)
			trail_del(path, at + 1);
		found(at, SR_AUDIT_CUT, SR_AUDIT_STATE_FITS, "middle");
	}
	start();
}
END_TEST

START_TEST(any_changed_byte_is_named)
{
	stop();
	for (uint64_t at = 2; at <= LAST; at += 5) { /* SECOND is one of them */
		BUF_AUTO record = { 0 };

		fresh();
		trail_get(path, at, &record);
		for (size_t byte = 0; byte < record.len; byte += byte < 46 ? 11 : 97) {
			bool place = byte >= 1 && byte < 13; /* segment and sequence */

			record.p[byte] ^= 0x40;
			trail_put(path, at, buf_view(&record));
			found(at, place ? SR_AUDIT_MOVED : SR_AUDIT_CHANGED, SR_AUDIT_STATE_FITS, "byte");
			record.p[byte] ^= 0x40;
		}
	}
	start();
}
END_TEST

START_TEST(changed_last_record_stops_the_trail)
{
	BUF_AUTO record = { 0 };

	stop();
	fresh();
	trail_get(path, LAST + 1, &record);
	record.p[record.len - 1] ^= 1;
	trail_put(path, LAST + 1, buf_view(&record));
	found(LAST + 1, SR_AUDIT_CHANGED, SR_AUDIT_STATE_CHANGED, "last");
	start();
}
END_TEST

START_TEST(moved_and_swapped_records_are_named)
{
	BUF_AUTO a = { 0 };
	BUF_AUTO b = { 0 };

	stop();
	fresh();
	trail_get(path, 6, &a);
	trail_get(path, 9, &b);
	trail_del(path, 6);
	trail_put(path, 9, buf_view(&a));
	found(6, SR_AUDIT_CUT, SR_AUDIT_STATE_FITS, "moved");
	fresh();
	trail_put(path, 9, buf_view(&a));
	found(9, SR_AUDIT_MOVED, SR_AUDIT_STATE_FITS, "doubled");
	fresh();
	trail_put(path, 6, buf_view(&b));
	trail_put(path, 9, buf_view(&a));
	found(6, SR_AUDIT_MOVED, SR_AUDIT_STATE_FITS, "swapped");
	start();
}
END_TEST

START_TEST(record_of_another_token_or_segment_is_named)
{
	BUF_AUTO later = { 0 };

	stop();
	fresh();
	trail_put(path, 8, buf_view(&foreign));
	found(8, SR_AUDIT_CHANGED, SR_AUDIT_STATE_FITS, "another token");
	fresh();
	trail_get(path, SECOND + 3, &later);
	be_put64(later.p + 5, 8); /* its place, so that only the segment tells */
	trail_put(path, 8, buf_view(&later));
	found(8, SR_AUDIT_MOVED, SR_AUDIT_STATE_FITS, "another segment");
	be_put32(later.p + 1, 1);
	trail_put(path, 8, buf_view(&later));
	found(8, SR_AUDIT_CHANGED, SR_AUDIT_STATE_FITS, "another segment, renamed");
	start();
}
END_TEST

/* forge_state: docs/store.md: magic, rank, length, state, check. */
static void forge_state(const struct audit_state *s)
{
	SECRET_AUTO bytes = { 0 };
	BUF_AUTO file = { 0 };
	uint64_t check = 0xcbf29ce484222325u;

	ck_ok(audit_state_put(s, path + strlen(path) - 16, &bytes));
	buf_put_view(&file, VIEW_STR("SRAS"));
	buf_put_u64(&file, audit_state_rank(s));
	buf_put_lv(&file, secret_view(&bytes));
	for (size_t i = 0; i < file.len; i++)
		check = (check ^ file.p[i]) * 0x100000001b3u;
	buf_put_u64(&file, check);
	file_put(path, "audit.state", buf_view(&file));
}

/* forge: he cuts from record `at` on and begins a segment of his own, whose key he knows, with a state to go with it.
 */
static void forge(uint64_t at, enum audit_reason reason, bool token_key_named, const CK_BYTE *source)
{
	struct crypto *c = NULL;
	struct audit_keys keys = { { 0 } };
	struct audit_state s = { .segment = 3, .next = at };
	struct audit_head h = { .reason = reason, .time = 1, .keys = &keys };
	const char *serial = path + strlen(path) - 16;
	struct audit_record first;
	BUF_AUTO before = { 0 };
	BUF_AUTO record = { 0 };
	BUF_AUTO token = { 0 };

	ck_ok(crypto_new(&c));
	ck_ok(audit_keys_new(c, &keys));
	trail_get(path, SECOND, &token);
	ck_assert(audit_record_get(buf_view(&token), &first));
	memcpy(keys.audit_public, first.audit_public.p, AUDIT_KEY_LEN);
	if (token_key_named)
		memcpy(keys.statement_public, first.statement_public.p, AUDIT_KEY_LEN);
	if (reason == AUDIT_REASON_COPY)
		secret_done(&keys.statement_private);
	if (source)
		h.source = VIEW(source, SR_AUDIT_HEAD_LEN);
	for (uint64_t i = at; i <= LAST + 1; i++)
		trail_del(path, i);
	trail_get(path, at - 1, &before);
	ck_ok(audit_link(c, buf_view(&before), s.link));
	ck_ok(audit_head_put(c, serial, &h, &s, &record));
	trail_put(path, at, buf_view(&record));
	forge_state(&s);
	audit_state_done(&s);
	audit_keys_done(&keys);
	crypto_free(c);
}

START_TEST(forged_segment_is_named)
{
	stop();
	fresh();
	forge(10, AUDIT_REASON_RESTART, false, NULL);
	found(10, SR_AUDIT_CHANGED, SR_AUDIT_STATE_FITS, "own key");
	fresh();
	forge(10, AUDIT_REASON_RESTART, true, NULL);
	found(10, SR_AUDIT_CHANGED, SR_AUDIT_STATE_FITS, "the token's key, his signature");
	fresh();
	forge(10, AUDIT_REASON_COPY, true, NULL);
	found(10, SR_AUDIT_CHANGED, SR_AUDIT_STATE_FITS, "a copy of nothing");
	fresh();
	forge(LAST + 1, AUDIT_REASON_COPY, true, anchor);
	found(LAST + 1, SR_AUDIT_CHANGED, SR_AUDIT_STATE_FITS, "a copy, by an anchor that was no backup's");
	start();
}
END_TEST

/* forge_old: he makes up a trail of schema 1, which needs no key; with_state: and a state whose key he knows. */
static void forge_old(uint64_t records, bool with_state)
{
	struct audit_state s = { .segment = 0, .next = records + 1 };
	static const uint8_t k[AUDIT_KEY_LEN] = "a key that he knows";
	struct crypto *c = NULL;

	ck_ok(crypto_new(&c));
	for (uint64_t i = 1; i <= LAST + 1; i++)
		trail_del(path, i);
	for (uint64_t i = 1; i <= records; i++) {
		BUF_AUTO b = { 0 };

		buf_put_u8(&b, AUDIT_RECORD_OLD);
		buf_put(&b, s.link, sizeof(s.link));
		buf_put_u64(&b, 1000 * i);
		buf_put_u32(&b, 1);
		buf_put_u8(&b, 1);
		buf_put_lv(&b, VIEW(NULL, 0));
		buf_put_u16(&b, 2);
		buf_put_u64(&b, CKR_OK);
		buf_put_lv(&b, VIEW(NULL, 0));
		buf_put_lv(&b, VIEW(NULL, 0));
		buf_put_u64(&b, 0);
		trail_put(path, i, buf_view(&b));
		ck_ok(audit_link(c, buf_view(&b), s.link));
	}
	ck_assert(secret_init(&s.k, sizeof(k)) && secret_set(&s.k, k, sizeof(k)));
	if (with_state)
		forge_state(&s);
	audit_state_done(&s);
	crypto_free(c);
}

static void take_keys_away(void)
{
	meta_del(path, "audit key");
	meta_del(path, "statement key");
}

static void take_state_away(void)
{
	char file[512];

	snprintf(file, sizeof(file), "%s/audit.state", path);
	ck_assert_int_eq(unlink(file), 0);
}

START_TEST(trail_of_the_older_form_takes_no_place_of_the_sealed_one)
{
	stop();
	for (uint64_t records = 0; records <= 3; records += 3) {
		fresh();
		forge_old(records, true);
		found(0, 0, SR_AUDIT_STATE_FOREIGN, "older form, with a state");
		take_keys_away();
		found(0, 0, SR_AUDIT_STATE_FOREIGN, "older form, with a state, no keys");
		fresh();
		forge_old(records, true);
		take_state_away();
		take_keys_away();
		found(0, 0, SR_AUDIT_STATE_MISSING, "older form, no keys");
	}
	/* What the SO makes of it shows that it is not what was there. */
	start();
	ck_ok(audit_sr()->SR_RestartAudit(ck_session, CK_TEXT(CK_TEST_SO_PIN)));
	ck_login(CKU_SO);
	seen(4, SR_AUDIT_CHANGED, SR_AUDIT_STATE_FITS, "begun anew");
	ck_logout();
	stop();
	fresh();
	start();
}
END_TEST

START_TEST(trail_without_its_keys_stops)
{
	CK_BYTE head[SR_AUDIT_HEAD_LEN];
	CK_ULONG n = sizeof(head);

	stop();
	fresh();
	take_keys_away();
	start();
	seen(1, SR_AUDIT_CHANGED, SR_AUDIT_STATE_FITS, "no keys");
	ck_rv(ck->C_Login(ck_session, CKU_USER, CK_TEXT(CK_TEST_USER_PIN)), CKR_DEVICE_ERROR);
	ck_rv(ck->C_Login(ck_session, CKU_SO, CK_TEXT(CK_TEST_SO_PIN)), CKR_DEVICE_ERROR);
	/* Nothing was written in the form that everybody can write. */
	stop();
	ck_assert_uint_eq(trail_last(path), LAST + 1);
	start();
	ck_ok(audit_sr()->SR_RestartAudit(ck_session, CK_TEXT(CK_TEST_SO_PIN)));
	ck_login(CKU_USER);
	seen(1, SR_AUDIT_CHANGED, SR_AUDIT_STATE_FITS, "new keys");
	ck_ok(audit_sr()->SR_AuditHead(ck_session, head, &n));
	ck_logout();
	stop();
	fresh();
	start();
}
END_TEST

/* The state may lag behind: an older one that is put back only goes forward again. */
START_TEST(older_state_alone_changes_nothing)
{
	BUF_AUTO now = { 0 };

	stop();
	fresh();
	start();
	ck_login(CKU_USER);
	ck_logout();
	stop();
	file_get(path, "audit.state", &now);
	file_put(path, "audit.state", buf_view(&state));
	start();
	audit_good();
	stop();
	fresh();
	start();
}
END_TEST

START_TEST(state_of_another_time_or_token_stops_the_trail)
{
	stop();
	fresh();
	file_put(path, "audit.state", buf_view(&foreign_state));
	found(0, 0, SR_AUDIT_STATE_FOREIGN, "another token's state");
	fresh();
	file_put(path, "audit.state", buf_view(&early_state));
	found(0, 0, SR_AUDIT_STATE_FOREIGN, "the state of an older segment");
	start();
}
END_TEST

/* checked: what an anchor says. */
static void checked(CK_ULONG first_bad, CK_ULONG bad)
{
	struct sr_audit_state s = { 0 };

	ck_ok(audit_sr()->SR_CheckAudit(ck_session, anchor, sizeof(anchor), &s));
	ck_assert_uint_eq(s.ulFirstBad, first_bad);
	if (first_bad)
		ck_assert_uint_eq(s.ulBad, bad);
}

/* The limit: the token itself cannot tell that all of its files are older; who has an anchor can. */
START_TEST(whole_older_files_are_seen_by_an_anchor_alone)
{
	stop();
	fresh();
	start();
	checked(0, 0);
	stop();
	file_put(path, "data.mdb", buf_view(&early_data));
	file_put(path, "audit.state", buf_view(&early_state));
	start();
	ck_assert_uint_eq(audit_good(), EARLY + 1);
	checked(EARLY + 2, SR_AUDIT_CUT);
	/* He lets it grow past the place of the anchor. */
	logins_until(LAST + 5);
	audit_good();
	checked(LAST + 1, SR_AUDIT_CHANGED);
	ck_login(CKU_USER);
	checked(LAST + 1, SR_AUDIT_CHANGED);
	ck_logout();
	stop();
	fresh();
	start();
}
END_TEST

START_TEST(anchors_that_are_not_this_tokens_are_refused)
{
	struct sr_audit_state s = { 0 };
	CK_BYTE spoilt[SR_AUDIT_HEAD_LEN + 1];
	CK_SESSION_HANDLE other;

	for (size_t i = 0; i < sizeof(anchor); i += 7) {
		memcpy(spoilt, anchor, sizeof(anchor));
		spoilt[i] ^= 1;
		CK_RV rv = audit_sr()->SR_CheckAudit(ck_session, spoilt, sizeof(anchor), &s);
		ck_assert_msg(rv == CKR_SIGNATURE_INVALID || rv == CKR_DATA_INVALID, "byte %zu: 0x%lx", i, rv);
	}
	memcpy(spoilt, anchor, sizeof(anchor));
	spoilt[sizeof(anchor)] = 0;
	ck_rv(audit_sr()->SR_CheckAudit(ck_session, spoilt, sizeof(spoilt), &s), CKR_DATA_INVALID);
	ck_rv(audit_sr()->SR_CheckAudit(ck_session, anchor, 0, &s), CKR_DATA_INVALID);
	ck_rv(audit_sr()->SR_CheckAudit(ck_session, NULL, sizeof(anchor), &s), CKR_ARGUMENTS_BAD);
	ck_rv(audit_sr()->SR_CheckAudit(ck_session, anchor, sizeof(anchor), NULL), CKR_ARGUMENTS_BAD);
	CK_SLOT_ID slots[8];
	CK_ULONG n = ARRAY_LEN(slots);
	ck_ok(ck->C_GetSlotList(CK_TRUE, slots, &n));
	for (CK_ULONG i = 0; i < n; i++) {
		CK_TOKEN_INFO info;

		ck_ok(ck->C_GetTokenInfo(slots[i], &info));
		if (strncmp((char *)info.label, "other", 5) != 0)
			continue;
		ck_ok(ck->C_OpenSession(slots[i], CKF_SERIAL_SESSION, NULL, NULL, &other));
		ck_rv(audit_sr()->SR_CheckAudit(other, anchor, sizeof(anchor), &s), CKR_SIGNATURE_INVALID);
		ck_ok(ck->C_CloseSession(other));
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("audit_attack");
	TCase *c = tcase_create("audit_attack");

	tcase_add_unchecked_fixture(c, begin, end);
	tcase_set_timeout(c, 0);
	tcase_add_test(c, story_is_good);
	tcase_add_test(c, cut_tail_is_named_and_nothing_goes_on);
	tcase_add_test(c, cut_middle_is_named);
	tcase_add_test(c, any_changed_byte_is_named);
	tcase_add_test(c, changed_last_record_stops_the_trail);
	tcase_add_test(c, moved_and_swapped_records_are_named);
	tcase_add_test(c, record_of_another_token_or_segment_is_named);
	tcase_add_test(c, forged_segment_is_named);
	tcase_add_test(c, trail_of_the_older_form_takes_no_place_of_the_sealed_one);
	tcase_add_test(c, trail_without_its_keys_stops);
	tcase_add_test(c, older_state_alone_changes_nothing);
	tcase_add_test(c, state_of_another_time_or_token_stops_the_trail);
	tcase_add_test(c, whole_older_files_are_seen_by_an_anchor_alone);
	tcase_add_test(c, anchors_that_are_not_this_tokens_are_refused);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
