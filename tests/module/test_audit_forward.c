/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Forward security: with the files as they are after a record, the keys of that record and of all before it are nowhere
 * in them. The module is linked in, so that the test can derive those keys with the token's private audit key.
 */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit_own.h"
#include "session.h"
#include "sr_functions.h"
#include "temp.h"
#include "trail.h"

#define SO_PIN (CK_UTF8CHAR_PTR) "12345678", 8
#define USER_PIN (CK_UTF8CHAR_PTR) "user1234", 8
#define OK(call) ck_assert_uint_eq((call), CKR_OK)

static char dir[128], path[256];
static CK_SLOT_ID slot;
static CK_SESSION_HANDLE session;

static void begin(void)
{
	CK_UTF8CHAR label[32];
	CK_TOKEN_INFO info;

	temp_dir(dir);
	setenv("STRONGROOM_TOKEN_DIR", dir, 1);
	setenv("XDG_CONFIG_HOME", dir, 1);
	unsetenv("STRONGROOM_CONF");
	OK(C_Initialize(NULL));
	memset(label, ' ', sizeof(label));
	OK(C_InitToken(0, SO_PIN, label));
	OK(C_GetTokenInfo(0, &info));
	snprintf(path, sizeof(path), "%s/%.16s", dir, (char *)info.serialNumber);
	OK(C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session));
	OK(C_Login(session, CKU_SO, SO_PIN));
	OK(C_InitPIN(session, USER_PIN));
	OK(C_Logout(session));
}

static void end(void)
{
	OK(C_Finalize(NULL));
	temp_remove(dir);
}

static bool holds(const struct buf *bytes, const struct secret *key)
{
	return memmem(bytes->p, bytes->len, key->p, key->len) != NULL;
}

/* struct files: every byte that stands there, freed pages and all. */
struct files {
	struct buf data, state;
};

/* gone: neither k nor the entry's key that comes of it stands in the files; k goes on. */
static void gone(const struct crypto *c, const struct files *f, struct secret *k, uint64_t sequence)
{
	SECRET_AUTO key = { 0 };

	OK(audit_expand(c, secret_view(k), VIEW_STR("strongroom audit entry"), &key));
	ck_assert_msg(!holds(&f->data, k) && !holds(&f->state, k), "k of record %lu is there", sequence);
	ck_assert_msg(!holds(&f->data, &key) && !holds(&f->state, &key), "key of record %lu is there", sequence);
	OK(audit_step(c, k));
}

/* look: answers the number of entries whose keys were looked for. */
static unsigned look(const struct files *f)
{
	AUDIT_KEYS_AUTO keys = { { 0 } };
	SECRET_AUTO k = { 0 };
	struct store_txn *txn = NULL;
	struct session *s = NULL;
	struct audit_record r;
	unsigned entries = 0;
	struct view v;

	OK(session_get(session, &s));
	ck_assert_int_eq(store_begin(token_store(s->token), false, &txn), STORE_OK);
	OK(audit_keys_of(s->token, txn, &keys));
	for (uint64_t i = 1; store_audit_get(txn, i, &v) == STORE_OK; i++) {
		ck_assert(audit_record_get(v, &r));
		if (r.kind == AUDIT_RECORD_HEAD) {
			secret_done(&k);
			OK(audit_head_open(s->token->crypto, s->token->serial, &r, &keys, &k));
		} else {
			gone(s->token->crypto, f, &k, i);
			entries++;
		}
	}
	/* The search finds what is there: the k of the record to come, and in the state alone. */
	ck_assert(holds(&f->state, &k));
	ck_assert(!holds(&f->data, &k));
	ck_assert(!holds(&f->data, &keys.audit_private) && !holds(&f->data, &keys.statement_private));
	store_abort(txn);
	session_put(s);
	return entries;
}

/* now: the files as a thief finds them, then the search. Somebody must be logged in; it changes nothing. */
static unsigned now(void)
{
	struct files f = { { 0 } };
	unsigned entries;

	file_get(path, "data.mdb", &f.data);
	file_get(path, "audit.state", &f.state);
	entries = look(&f);
	buf_done(&f.data);
	buf_done(&f.state);
	return entries;
}

static CK_OBJECT_HANDLE create(void)
{
	CK_MECHANISM generate = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG length = 32;
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE t[] = { { CKA_VALUE_LEN, &length, sizeof(length) }, { CKA_TOKEN, &yes, 1 } };
	CK_OBJECT_HANDLE key = 0;

	OK(C_GenerateKey(session, &generate, t, ARRAY_LEN(t), &key));
	return key;
}

START_TEST(keys_of_records_are_nowhere_after_them)
{
	unsigned before = 0;

	OK(C_Login(session, CKU_USER, USER_PIN));
	for (int i = 0; i < 40; i++) {
		CK_OBJECT_HANDLE key = create();
		unsigned entries = now();

		ck_assert_uint_gt(entries, before);
		before = entries;
		if (i % 2) {
			OK(C_DestroyObject(session, key));
			now();
		}
	}
	OK(C_Logout(session));
}
END_TEST

START_TEST(failed_logins_and_many_entries_in_one_transaction_leave_no_key_either)
{
	ck_assert_uint_eq(C_Login(session, CKU_USER, (CK_UTF8CHAR_PTR) "wrong-one", 9), CKR_PIN_INCORRECT);
	OK(C_Login(session, CKU_SO, SO_PIN));
	now();
	OK(C_InitPIN(session, (CK_UTF8CHAR_PTR) "alice:11111111", 14));
	now();
	OK(C_InitPIN(session, (CK_UTF8CHAR_PTR) "alice:22222222", 14));
	now();
	OK(C_Logout(session));
}
END_TEST

START_TEST(new_segment_forgets_the_one_before)
{
	OK(SR_RestartAudit(session, SO_PIN));
	OK(C_Login(session, CKU_SO, SO_PIN));
	now();
	OK(C_Logout(session));
	OK(C_CloseAllSessions(slot));
	CK_UTF8CHAR label[32];
	memset(label, ' ', sizeof(label));
	OK(C_InitToken(slot, SO_PIN, label));
	OK(C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session));
	OK(C_Login(session, CKU_SO, SO_PIN));
	now();
	OK(C_Logout(session));
}
END_TEST

/* struct member: a thread with one entry in a transaction that it commits or gives up. */
struct member {
	struct token *token;
	const char *label;
	bool commits;
	int result;
	pthread_t thread;
};

static int one_entry(struct token *t, struct store_txn *txn, const char *label)
{
	struct audit_event e = { .number = AUDIT_KEY_CREATED, .label = view_of_string(label) };

	return token_audit(t, txn, &e) == CKR_OK ? STORE_OK : STORE_EIO;
}

static void *take_part(void *arg)
{
	struct member *m = arg;
	struct store_txn *txn = NULL;

	m->result = store_begin(token_store(m->token), true, &txn);
	if (m->result == STORE_OK)
		m->result = one_entry(m->token, txn, m->label);
	if (m->result == STORE_OK && m->commits)
		m->result = store_commit(txn);
	else
		store_abort(txn);
	return NULL;
}

/* told: how many entries have this label; every record is good. */
static unsigned told(const char *label)
{
	struct sr_audit_entry rows[256];
	struct sr_audit_state state;
	CK_ULONG n = ARRAY_LEN(rows);
	unsigned count = 0;

	OK(SR_GetAudit(session, 1, rows, &n, &state));
	ck_assert_uint_eq(state.ulFirstBad, 0);
	ck_assert_uint_eq(state.ulState, SR_AUDIT_STATE_FITS);
	ck_assert(state.flags & SR_AUDIT_ENDED);
	for (CK_ULONG i = 0; i < n; i++)
		count += strcmp((char *)rows[i].szLabel, label) == 0;
	return count;
}

/* Threads share a commit: who gives up in the middle, or at the end, takes his own entries out and no others. */
START_TEST(aborted_followers_drop_their_entries_alone)
{
	struct member members[] = { { .label = "first", .commits = true },
				    { .label = "given up" },
				    { .label = "last", .commits = true },
				    { .label = "given up" } };
	struct store_txn *txn = NULL;
	struct session *s = NULL;
	struct token *t;

	OK(C_Login(session, CKU_SO, SO_PIN));
	OK(session_get(session, &s));
	t = s->token;
	session_put(s);
	for (int round = 1; round <= 3; round++) {
		ck_assert_int_eq(store_begin(token_store(t), true, &txn), STORE_OK);
		if (round > 1) /* in the first round the leader writes none himself */
			ck_assert_int_eq(one_entry(t, txn, "leader"), STORE_OK);
		for (size_t i = 0; i < ARRAY_LEN(members); i++) {
			members[i].token = t;
			ck_assert_int_eq(pthread_create(&members[i].thread, NULL, take_part, &members[i]), 0);
			usleep(30000); /* they queue in this order */
		}
		ck_assert_int_eq(store_commit(txn), STORE_OK);
		for (size_t i = 0; i < ARRAY_LEN(members); i++) {
			pthread_join(members[i].thread, NULL);
			ck_assert_int_eq(members[i].result, STORE_OK);
		}
		ck_assert_uint_eq(told("first"), (unsigned)round);
		ck_assert_uint_eq(told("last"), (unsigned)round);
		ck_assert_uint_eq(told("leader"), (unsigned)round - 1);
		ck_assert_uint_eq(told("given up"), 0);
		now();
	}
	OK(C_Logout(session));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("audit_forward");
	TCase *c = tcase_create("audit_forward");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_unchecked_fixture(c, begin, end);
	tcase_set_timeout(c, 0);
	tcase_add_test(c, keys_of_records_are_nowhere_after_them);
	tcase_add_test(c, failed_logins_and_many_entries_in_one_transaction_leave_no_key_either);
	tcase_add_test(c, new_segment_forgets_the_one_before);
	tcase_add_test(c, aborted_followers_drop_their_entries_alone);
	suite_add_tcase(s, c);
	srunner_set_fork_status(r, CK_NOFORK);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
