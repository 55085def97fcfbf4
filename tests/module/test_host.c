/* SPDX-License-Identifier: BSD-2-Clause */
/* Tokens that are bound to a secret of their host. */
#include "old_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "temp.h"

#define SECRET "0123456789abcdef0123456789abcdef"
static char conf_dir[160], secret_file[200], log_file[200];

/* put: a file with this content and mode. */
static void put(const char *path, const char *text, size_t n, mode_t mode)
{
	FILE *f;

	unlink(path);
	f = fopen(path, "wb");
	ck_assert(f != NULL && fwrite(text, 1, n, f) == n && fclose(f) == 0);
	ck_assert_int_eq(chmod(path, mode), 0);
}

/* setting: host_secret in strongroom.conf; NULL: not there. */
static void setting(const char *value)
{
	char path[300], text[400] = "";

	snprintf(path, sizeof(path), "%s/strongroom.conf", conf_dir);
	if (value != NULL)
		snprintf(text, sizeof(text), "host_secret = %s\n", value);
	put(path, text, strlen(text), 0600);
}

static void again(void)
{
	ck->C_Finalize(NULL);
	ck_ok(ck->C_Initialize(NULL));
}

static void find_functions(void)
{
	CK_UTF8CHAR name[] = SR_INTERFACE_NAME;
	CK_INTERFACE *found = NULL;

	ck_ok(ck3->C_GetInterface(name, NULL, &found, 0));
	old_sr = found->pFunctionList;
}

/* reopen: the only token of the directory. */
static void reopen(void)
{
	CK_SLOT_ID slots[8];
	CK_ULONG n = ARRAY_LEN(slots);

	again();
	ck_ok(ck->C_GetSlotList(CK_TRUE, slots, &n));
	ck_assert_uint_eq(n, 2); /* and the free one */
	ck_slot = slots[0] == 0 ? slots[1] : slots[0];
	for (CK_ULONG i = 0; i < n; i++) {
		CK_TOKEN_INFO info;

		if (ck->C_GetTokenInfo(slots[i], &info) == CKR_OK && (info.flags & CKF_TOKEN_INITIALIZED))
			ck_slot = slots[i];
	}
	ck_session = ck_open(true);
}

static void begin(void)
{
	ck_test_load();
	snprintf(conf_dir, sizeof(conf_dir), "%s/strongroom", ck_test_dir);
	ck_assert_int_eq(mkdir(conf_dir, 0700), 0);
	snprintf(secret_file, sizeof(secret_file), "%s/secret", conf_dir);
	snprintf(log_file, sizeof(log_file), "%s/log", conf_dir);
	setenv("STRONGROOM_LOG", log_file, 1);
	put(secret_file, SECRET, strlen(SECRET), 0600);
	setting(secret_file);
	ck_ok(ck->C_Initialize(NULL));
	find_functions();
	ck_slot = 0;
	ck_test_init_token(ck_slot, "bound");
	ck_session = ck_open(true);
	ck_login(CKU_SO);
	ck_ok(ck->C_InitPIN(ck_session, CK_TEXT(CK_TEST_USER_PIN)));
	ck_ok(ck->C_InitPIN(ck_session, CK_TEXT("alice:first-pin")));
	ck_logout();
}

static void end(void)
{
	ck->C_Finalize(NULL);
	unsetenv("STRONGROOM_LOG");
	unsetenv("CREDENTIALS_DIRECTORY");
	ck_test_unload();
}

static CK_RV log_in(CK_USER_TYPE type, const char *pin)
{
	return ck->C_Login(ck_session, type, CK_TEXT(pin));
}

/* tries_left: of all three users nothing was taken. */
static void no_try_was_taken(void)
{
	struct sr_user u[4];
	CK_ULONG n = ARRAY_LEN(u);

	ck_ok(old_sr->SR_GetUsers(ck_session, u, &n));
	ck_assert_uint_eq(n, 3);
	for (CK_ULONG i = 0; i < n; i++)
		ck_assert_uint_eq(u[i].ulRetriesLeft, u[i].ulRetriesMax);
}

static bool logged(const char *words)
{
	static char text[1 << 16];
	FILE *f = fopen(log_file, "r");
	size_t n;

	ck_assert(f != NULL);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return strstr(text, words) != NULL;
}

/* refused: nobody gets in, with a right PIN or a wrong one, and no try is taken. */
static void refused(const char *why)
{
	unlink(log_file);
	reopen();
	ck_rv(log_in(CKU_USER, CK_TEST_USER_PIN), CKR_DEVICE_ERROR);
	ck_rv(log_in(CKU_USER, "wrong-pin"), CKR_DEVICE_ERROR);
	ck_rv(log_in(CKU_USER, "alice:first-pin"), CKR_DEVICE_ERROR);
	ck_rv(log_in(CKU_USER, "nobody:first-pin"), CKR_DEVICE_ERROR);
	ck_rv(log_in(CKU_SO, CK_TEST_SO_PIN), CKR_DEVICE_ERROR);
	ck_rv(ck->C_SetPIN(ck_session, CK_TEXT(CK_TEST_USER_PIN), CK_TEXT("another-pin")), CKR_DEVICE_ERROR);
	no_try_was_taken();
	ck_assert_msg(logged(why), "%s", why);
}

START_TEST(users_of_a_bound_token_are_made_changed_and_used)
{
	ck_ok(log_in(CKU_USER, "alice:first-pin"));
	ck_ok(ck->C_SetPIN(ck_session, CK_TEXT("first-pin"), CK_TEXT("second-pin")));
	ck_logout();
	reopen();
	ck_ok(log_in(CKU_USER, "alice:second-pin"));
	ck_logout();
	ck_rv(log_in(CKU_USER, "wrong-pin"), CKR_PIN_INCORRECT);
	ck_ok(log_in(CKU_USER, CK_TEST_USER_PIN));
	ck_logout();
	ck_ok(log_in(CKU_SO, CK_TEST_SO_PIN));
	ck_logout();
}
END_TEST

START_TEST(a_pin_of_six_letters_is_enough_in_a_bound_token)
{
	ck_login(CKU_SO);
	ck_ok(ck->C_InitPIN(ck_session, CK_TEXT("123456")));
	ck_rv(ck->C_InitPIN(ck_session, CK_TEXT("12345")), CKR_PIN_LEN_RANGE);
	ck_logout();
	ck_ok(log_in(CKU_USER, "123456"));
}
END_TEST

START_TEST(a_copy_without_the_secret_opens_with_no_pin_and_costs_no_try)
{
	setting(NULL);
	refused("the setting host_secret is missing");
	setting("/nowhere/secret");
	refused("No such file");
	setting(secret_file);
	put(secret_file, "0123456789abcdef0123456789abcdeF", 32, 0600);
	refused("not the one that it was made with");
	/* And with the right one again everything is as before. */
	put(secret_file, SECRET, strlen(SECRET), 0600);
	reopen();
	ck_ok(log_in(CKU_USER, CK_TEST_USER_PIN));
}
END_TEST

START_TEST(a_secret_that_others_may_read_is_none)
{
	static const mode_t bad[] = { 0644, 0640, 0440, 0660, 0606, 0700, 04600 };
	static const mode_t good[] = { 0400, 0600 };
	static char much[4097];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		ck_assert_int_eq(chmod(secret_file, bad[i]), 0);
		refused("must have mode 0400 or 0600");
	}
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		ck_assert_int_eq(chmod(secret_file, good[i]), 0);
		reopen();
		ck_ok(log_in(CKU_USER, CK_TEST_USER_PIN));
	}
	put(secret_file, much, 15, 0600);
	refused("must have 16 to 4096 bytes");
	put(secret_file, much, sizeof(much), 0600);
	refused("must have 16 to 4096 bytes");
	setting(conf_dir);
	refused("is no regular file");
	if (geteuid() == 0) {
		put(secret_file, SECRET, strlen(SECRET), 0600);
		setting(secret_file);
		ck_assert_int_eq(chown(secret_file, 65534, 65534), 0);
		refused("belongs to another user");
	}
}
END_TEST

START_TEST(a_credential_of_the_service_manager_serves_as_secret)
{
	setting("%d/secret");
	refused("CREDENTIALS_DIRECTORY is not set");
	setenv("CREDENTIALS_DIRECTORY", conf_dir, 1);
	for (size_t i = 0; i < 2; i++) {
		ck_assert_int_eq(chmod(secret_file, i == 0 ? 0400 : 0440), 0);
		reopen();
		ck_ok(log_in(CKU_USER, CK_TEST_USER_PIN));
	}
	ck_assert_int_eq(chmod(secret_file, 0444), 0);
	refused("must have mode 0400 or 0600");
}
END_TEST

START_TEST(no_token_is_made_with_a_secret_that_is_none)
{
	CK_UTF8CHAR label[33] = "other                           ";
	CK_SLOT_ID slots[8];
	CK_ULONG n = ARRAY_LEN(slots), before = 0;

	setting("/nowhere/secret");
	again();
	ck_ok(ck->C_GetSlotList(CK_FALSE, NULL, &before));
	ck_ok(ck->C_GetSlotList(CK_FALSE, slots, &n));
	ck_rv(ck->C_InitToken(slots[n - 1], CK_TEXT(CK_TEST_SO_PIN), label), CKR_DEVICE_ERROR);
	again();
	ck_ok(ck->C_GetSlotList(CK_FALSE, NULL, &n));
	ck_assert_uint_eq(n, before);
}
END_TEST

START_TEST(initialised_again_it_is_bound_again)
{
	CK_UTF8CHAR label[33] = "bound                           ";

	ck_ok(ck->C_CloseSession(ck_session));
	ck_ok(ck->C_InitToken(ck_slot, CK_TEXT(CK_TEST_SO_PIN), label));
	setting(NULL);
	reopen();
	ck_rv(log_in(CKU_SO, CK_TEST_SO_PIN), CKR_DEVICE_ERROR);
	ck_ok(ck->C_CloseSession(ck_session));
	ck_rv(ck->C_InitToken(ck_slot, CK_TEXT(CK_TEST_SO_PIN), label), CKR_DEVICE_ERROR);
	setting(secret_file);
	reopen();
	ck_ok(log_in(CKU_SO, CK_TEST_SO_PIN));
}
END_TEST

START_TEST(a_bound_token_rotates_its_key)
{
	CK_ULONG generation = 0, done = 0, left = 1;

	ck_ok(log_in(CKU_SO, CK_TEST_SO_PIN));
	while (left > 0)
		ck_ok(old_sr->SR_RotateTokenKey(ck_session, 10, &generation, &done, &left));
	ck_assert_uint_eq(generation, 2);
	reopen();
	ck_ok(log_in(CKU_USER, CK_TEST_USER_PIN));
	ck_logout();
	setting(NULL);
	refused("the setting host_secret is missing");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("host");
	TCase *c = tcase_create("host");

	tcase_add_checked_fixture(c, begin, end);
	tcase_set_timeout(c, 280);
	tcase_add_test(c, users_of_a_bound_token_are_made_changed_and_used);
	tcase_add_test(c, a_pin_of_six_letters_is_enough_in_a_bound_token);
	tcase_add_test(c, a_copy_without_the_secret_opens_with_no_pin_and_costs_no_try);
	tcase_add_test(c, a_secret_that_others_may_read_is_none);
	tcase_add_test(c, a_credential_of_the_service_manager_serves_as_secret);
	tcase_add_test(c, no_token_is_made_with_a_secret_that_is_none);
	tcase_add_test(c, initialised_again_it_is_bound_again);
	tcase_add_test(c, a_bound_token_rotates_its_key);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
