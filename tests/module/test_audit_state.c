/* SPDX-License-Identifier: BSD-2-Clause */
/* The file audit.state: what cannot be written down does not happen, and the SO begins the trail anew. */
#include "audit_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit.h"
#include "trail.h"

static char path[256], file[300], aside[300];
static CK_SESSION_HANDLE second;

static void begin(void)
{
	CK_TOKEN_INFO info;

	ck_test_begin();
	ck_ok(ck->C_GetTokenInfo(ck_slot, &info));
	snprintf(path, sizeof(path), "%s/%.16s", ck_test_dir, (char *)info.serialNumber);
	snprintf(file, sizeof(file), "%s/audit.state", path);
	snprintf(aside, sizeof(aside), "%s/aside", ck_test_dir);
	second = ck_open(true);
}

static CK_RV make(CK_BBOOL token, CK_OBJECT_HANDLE *ret)
{
	CK_MECHANISM generate = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG length = 32;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ATTRIBUTE t[] = { { CKA_VALUE_LEN, &length, sizeof(length) },
			     { CKA_TOKEN, &token, 1 },
			     { CKA_WRAP, &yes, 1 },
			     { CKA_EXTRACTABLE, &yes, 1 },
			     { CKA_SENSITIVE, &no, 1 } };

	return ck->C_GenerateKey(ck_session, &generate, t, ARRAY_LEN(t), ret);
}

static CK_RV create(CK_OBJECT_HANDLE *ret)
{
	return make(CK_TRUE, ret);
}

static CK_RV wrap(CK_OBJECT_HANDLE key, CK_OBJECT_HANDLE cargo)
{
	CK_MECHANISM m = { CKM_AES_KEY_WRAP, NULL, 0 };
	CK_BYTE out[64];
	CK_ULONG n = sizeof(out);

	return ck->C_WrapKey(ck_session, &m, key, cargo, out, &n);
}

static CK_RV read_value(CK_OBJECT_HANDLE key)
{
	CK_BYTE value[32];
	CK_ATTRIBUTE t = { CKA_VALUE, value, sizeof(value) };

	return ck->C_GetAttributeValue(ck_session, key, &t, 1);
}

static CK_ULONG keys(void)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_ATTRIBUTE t = { CKA_CLASS, &class, sizeof(class) };

	return ck_find(&t, 1, NULL);
}

static CK_ULONG tries_left(CK_ULONG kind)
{
	struct sr_user users[8];
	CK_ULONG n = ARRAY_LEN(users);

	ck_ok(audit_sr()->SR_GetUsers(ck_session, users, &n));
	for (CK_ULONG i = 0; i < n; i++)
		if (users[i].ulKind == kind)
			return users[i].ulRetriesLeft;
	ck_abort_msg("no such user");
	return 0;
}

static CK_ULONG state_is(void)
{
	struct sr_audit_state s = { 0 };
	CK_ULONG n = 0;

	ck_ok(audit_sr()->SR_GetAudit(ck_session, 1, NULL, &n, &s));
	return s.ulState;
}

static CK_ULONG last(void)
{
	struct sr_audit_state s = { 0 };
	CK_ULONG n = 0;

	ck_ok(audit_sr()->SR_GetAudit(ck_session, 1, NULL, &n, &s));
	return s.ulLast;
}

/* refused: everything that the trail would tell of, and nothing of it is there afterwards. The user is logged in. */
static void refused(CK_OBJECT_HANDLE key, CK_OBJECT_HANDLE cargo)
{
	CK_ATTRIBUTE label = { CKA_LABEL, (void *)(uintptr_t) "other", 5 };
	CK_ULONG there = keys(), before = last(), n = SR_SIGNATURE_LEN;
	CK_OBJECT_HANDLE made = 0;
	CK_BYTE signature[SR_SIGNATURE_LEN], head[SR_AUDIT_HEAD_LEN];

	ck_rv(create(&made), CKR_DEVICE_ERROR);
	ck_rv(ck->C_SetAttributeValue(ck_session, key, &label, 1), CKR_DEVICE_ERROR);
	ck_rv(ck->C_DestroyObject(ck_session, key), CKR_DEVICE_ERROR);
	/* What is only counted, too. */
	ck_rv(wrap(key, cargo), CKR_DEVICE_ERROR);
	ck_rv(read_value(key), CKR_DEVICE_ERROR);
	ck_rv(ck->C_SetPIN(ck_session, CK_TEXT(CK_TEST_USER_PIN), CK_TEXT("newnewnew")), CKR_DEVICE_ERROR);
	ck_rv(audit_sr()->SR_SignStatement(ck_session, (CK_BYTE_PTR) "x", 1, signature, &n), CKR_DEVICE_ERROR);
	n = sizeof(head);
	ck_rv(audit_sr()->SR_AuditHead(ck_session, head, &n), CKR_DEVICE_ERROR);
	ck_assert_uint_eq(keys(), there);
	ck_logout();
	ck_rv(ck->C_Login(ck_session, CKU_USER, CK_TEXT(CK_TEST_USER_PIN)), CKR_DEVICE_ERROR);
	ck_rv(ck->C_Login(ck_session, CKU_USER, CK_TEXT("wrong-one")), CKR_DEVICE_ERROR);
	ck_rv(ck->C_Login(ck_session, CKU_USER, CK_TEXT("nobody:wrong-one")), CKR_DEVICE_ERROR);
	ck_rv(ck->C_Login(ck_session, CKU_SO, CK_TEXT(CK_TEST_SO_PIN)), CKR_DEVICE_ERROR);
	/* No PIN was tried that nobody hears of. */
	ck_assert_uint_eq(tries_left(SR_USER_DEFAULT), 10);
	ck_assert_uint_eq(tries_left(SR_USER_SO), 10);
	ck_assert_uint_eq(last(), before);
}

/* Each spoils the file; the second puts it right again. */
static void go_missing(void)
{
	ck_assert_int_eq(rename(file, aside), 0);
}

static void come_back(void)
{
	ck_assert_int_eq(rename(aside, file), 0);
}

static void read_only(void)
{
	ck_assert_int_eq(chmod(file, 0400), 0);
}

static void open_to_others(void)
{
	ck_assert_int_eq(chmod(file, 0640), 0);
}

static void ours_again(void)
{
	ck_assert_int_eq(chmod(file, 0600), 0);
}

static void be_empty(void)
{
	go_missing();
	file_put(path, "audit.state", VIEW(NULL, 0));
}

static void be_garbage(void)
{
	static const uint8_t garbage[8192] = "SRAS and so on";

	go_missing();
	file_put(path, "audit.state", VIEW(garbage, sizeof(garbage)));
}

static void be_a_link(void)
{
	go_missing();
	ck_assert_int_eq(symlink(aside, file), 0);
}

static void be_a_directory(void)
{
	go_missing();
	ck_assert_int_eq(mkdir(file, 0700), 0);
}

static void no_directory(void)
{
	ck_assert_int_eq(rmdir(file), 0);
	come_back();
}

static const struct {
	const char *name;
	void (*spoil)(void);
	void (*mend)(void);
	CK_ULONG state;
} ways[] = {
	{ "missing", go_missing, come_back, SR_AUDIT_STATE_MISSING },
	{ "read-only", read_only, ours_again, SR_AUDIT_STATE_UNREADABLE },
	{ "open to others", open_to_others, ours_again, SR_AUDIT_STATE_UNREADABLE },
	{ "empty", be_empty, come_back, SR_AUDIT_STATE_UNREADABLE },
	{ "garbage", be_garbage, come_back, SR_AUDIT_STATE_UNREADABLE },
	{ "a link", be_a_link, come_back, SR_AUDIT_STATE_UNREADABLE },
	{ "a directory", be_a_directory, no_directory, SR_AUDIT_STATE_UNREADABLE },
};

START_TEST(what_cannot_be_written_down_does_not_happen)
{
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		CK_OBJECT_HANDLE key = 0, cargo = 0;

		ck_login(CKU_USER);
		ck_ok(create(&key));
		ck_ok(make(CK_FALSE, &cargo));
		ck_ok(wrap(key, cargo));
		ck_ok(read_value(key));
		ways[i].spoil();
		ck_assert_msg(state_is() == ways[i].state, "%s: %lu", ways[i].name, state_is());
		refused(key, cargo);
		ways[i].mend();
		ck_assert_uint_eq(state_is(), SR_AUDIT_STATE_FITS);
		audit_good();
	}
}
END_TEST

/* restarted: a new segment, whose head says what was wrong; the SO's vain tries are counted. */
static void restarted(CK_ULONG state, CK_ULONG expected, CK_ULONG vain)
{
	static struct audit_trail t;
	const struct sr_audit_entry *e;
	CK_ULONG begun, n = last();

	for (CK_ULONG i = 0; i < vain; i++)
		ck_rv(audit_sr()->SR_RestartAudit(ck_session, CK_TEXT("not-the-pin")), CKR_PIN_INCORRECT);
	ck_ok(audit_sr()->SR_RestartAudit(ck_session, CK_TEXT(CK_TEST_SO_PIN)));
	ck_login(CKU_SO);
	audit_read(&t, 1);
	ck_assert_uint_eq(t.state.ulState, SR_AUDIT_STATE_FITS);
	for (begun = n; begun < t.n && t.rows[begun].ulEvent != SR_AUDIT_SEGMENT; begun++)
		;
	ck_assert_uint_lt(begun + 1, t.n);
	e = &t.rows[begun];
	ck_assert_uint_eq(e->ulBegun, SR_AUDIT_BEGUN_RESTART);
	ck_assert_msg(e->ulState == state, "%lu", e->ulState);
	if (expected)
		ck_assert_uint_eq(e->ulExpected, expected);
	ck_assert_uint_eq(e[1].ulEvent, AUDIT_RESTARTED);
	ck_assert_uint_eq(e[1].ulUserKind, SR_USER_SO);
	ck_assert_uint_eq(e[1].ulCount, vain);
	ck_assert_uint_eq(t.state.ulSegment, e->ulSegment);
	ck_logout();
}

START_TEST(so_begins_the_trail_anew)
{
	CK_ULONG n = 0;

	for (size_t i = 0; i < ARRAY_LEN(ways) - 1; i++) {
		ways[i].spoil();
		restarted(ways[i].state, 0, i == 0 ? 3 : 0);
		audit_good();
		unlink(aside);
	}
	/* Also where nothing is wrong: what was learnt of the old state is of no use any more. */
	restarted(SR_AUDIT_STATE_FITS, 0, 0);
	n = audit_good();
	ck_assert_uint_gt(n, 0);
	ck_assert_uint_eq(tries_left(SR_USER_SO), 10);
}
END_TEST

START_TEST(only_the_so_begins_it_anew)
{
	CK_SESSION_HANDLE ro = ck_open(false);
	CK_ULONG before = last();

	ck_rv(audit_sr()->SR_RestartAudit(ck_session, CK_TEXT(CK_TEST_USER_PIN)), CKR_PIN_INCORRECT);
	ck_assert_uint_eq(last(), before + 1); /* a failure, as of a login */
	ck_rv(audit_sr()->SR_RestartAudit(ck_session, NULL, 4), CKR_ARGUMENTS_BAD);
	ck_rv(audit_sr()->SR_RestartAudit(ro, CK_TEXT(CK_TEST_SO_PIN)), CKR_SESSION_READ_ONLY);
	ck_rv(audit_sr()->SR_RestartAudit(9999, CK_TEXT(CK_TEST_SO_PIN)), CKR_SESSION_HANDLE_INVALID);
	ck_ok(ck->C_CloseSession(ro));
	audit_good();
}
END_TEST

/* The state of now beside the database of before: what was recorded since is not there any more. */
START_TEST(state_that_leads_stops_everything_until_the_so_has_seen_it)
{
	BUF_AUTO data = { 0 };
	static struct audit_trail t;
	CK_SLOT_ID slots[8];
	CK_ULONG n = ARRAY_LEN(slots), was;

	was = last();
	ck_ok(ck->C_Finalize(NULL));
	file_get(path, "data.mdb", &data);
	ck_ok(ck->C_Initialize(NULL));
	ck_ok(ck->C_GetSlotList(CK_TRUE, slots, &n));
	ck_slot = slots[0];
	ck_session = ck_open(true);
	ck_login(CKU_USER);
	ck_logout();
	ck_rv(ck->C_Login(ck_session, CKU_USER, CK_TEXT("wrong-one")), CKR_PIN_INCORRECT);
	ck_assert_uint_eq(last(), was + 2);
	ck_ok(ck->C_Finalize(NULL));
	file_put(path, "data.mdb", buf_view(&data));
	ck_ok(ck->C_Initialize(NULL));
	n = ARRAY_LEN(slots);
	ck_ok(ck->C_GetSlotList(CK_TRUE, slots, &n));
	ck_slot = slots[0];
	ck_session = ck_open(true);
	audit_read(&t, 1);
	ck_assert_uint_eq(t.state.ulState, SR_AUDIT_STATE_LEADS);
	ck_assert_uint_eq(t.state.ulFirstBad, was + 1);
	ck_assert_uint_eq(t.state.ulBad, SR_AUDIT_CUT);
	ck_assert_uint_eq(t.state.flags, SR_AUDIT_SEALED | SR_AUDIT_ENDED);
	ck_rv(ck->C_Login(ck_session, CKU_USER, CK_TEXT(CK_TEST_USER_PIN)), CKR_DEVICE_ERROR);
	restarted(SR_AUDIT_STATE_LEADS, was + 3, 1);
	audit_good();
}
END_TEST

START_TEST(initialising_anew_begins_it_anew_and_keeps_the_old)
{
	static struct audit_trail t;
	CK_ULONG before = last();

	go_missing();
	ck_ok(ck->C_CloseAllSessions(ck_slot));
	ck_test_init_token(ck_slot, "again");
	unlink(aside);
	ck_session = ck_open(true);
	ck_rv(ck->C_Login(ck_session, CKU_USER, CK_TEXT(CK_TEST_USER_PIN)), CKR_USER_PIN_NOT_INITIALIZED);
	ck_login(CKU_SO);
	audit_read(&t, 1);
	ck_assert_uint_eq(t.state.ulFirstBad, 0);
	ck_assert_uint_eq(t.rows[before].ulBegun, SR_AUDIT_BEGUN_AGAIN);
	ck_assert_uint_eq(t.rows[before].ulState, SR_AUDIT_STATE_MISSING);
	ck_assert_uint_eq(t.rows[before + 1].ulEvent, AUDIT_INIT_TOKEN);
	ck_assert_uint_eq(t.rows[before + 2].ulEvent, AUDIT_LOGIN_FAILED);
	ck_assert_uint_eq(t.rows[before + 2].ulResult, CKR_USER_PIN_NOT_INITIALIZED);
	ck_assert_uint_eq(t.rows[before + 2].ulUserKind, SR_USER_DEFAULT);
	/* What came before is still there for the new SO to read. */
	ck_assert_uint_ne(t.rows[1].ulEvent, 0);
	ck_logout();
	audit_good();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("audit_state");
	TCase *c = tcase_create("audit_state");

	tcase_add_unchecked_fixture(c, begin, ck_test_end);
	tcase_set_timeout(c, 0);
	tcase_add_test(c, what_cannot_be_written_down_does_not_happen);
	tcase_add_test(c, so_begins_the_trail_anew);
	tcase_add_test(c, only_the_so_begins_it_anew);
	tcase_add_test(c, state_that_leads_stops_everything_until_the_so_has_seen_it);
	tcase_add_test(c, initialising_anew_begins_it_anew_and_keeps_the_old);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
