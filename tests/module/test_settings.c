/* SPDX-License-Identifier: BSD-2-Clause */
#include "ck_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "temp.h"

static char path[256], tokens[256];

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(name, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

/* Every test begins with nothing configured but the private directory as XDG_CONFIG_HOME and HOME. */
static void clean(void)
{
	unsetenv("STRONGROOM_CONF");
	unsetenv("STRONGROOM_TOKEN_DIR");
	unsetenv("STRONGROOM_LOG");
	setenv("HOME", ck_test_dir, 1);
	setenv("XDG_CONFIG_HOME", ck_test_dir, 1);
	snprintf(path, sizeof(path), "%s/strongroom", ck_test_dir);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/strongroom/strongroom.conf", ck_test_dir);
	unlink(path);
}

/* made_in: after C_InitToken the token is in this directory and in no other of the three. */
static void made_in(const char *name)
{
	static const char *const all[] = { "one", "two", "three" };
	struct stat st;

	ck_ok(ck->C_Initialize(NULL));
	ck_test_init_token(0, "x");
	ck_ok(ck->C_Finalize(NULL));
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		snprintf(tokens, sizeof(tokens), "%s/%s", ck_test_dir, all[i]);
		ck_assert_msg((stat(tokens, &st) == 0) == (strcmp(all[i], name) == 0), "%s", tokens);
		if (strcmp(all[i], name) == 0) {
			ck_assert_uint_eq(st.st_mode & 0777, 0700);
			temp_remove(tokens);
		}
	}
}

static void configure(const char *file, const char *directory)
{
	char text[256];

	snprintf(text, sizeof(text), "# tokens\ntoken_dir = %s/%s\n", ck_test_dir, directory);
	write_file(file, text);
}

/* R6.1 */
START_TEST(token_dir_comes_from_the_user_s_file)
{
	configure(path, "one");
	made_in("one");
}
END_TEST

/* R6.1 */
START_TEST(named_file_wins_over_the_user_s)
{
	char named[256];

	configure(path, "one");
	snprintf(named, sizeof(named), "%s/named.conf", ck_test_dir);
	configure(named, "two");
	setenv("STRONGROOM_CONF", named, 1);
	made_in("two");
}
END_TEST

/* R6.1 */
START_TEST(environment_wins_over_files)
{
	char directory[256];

	configure(path, "one");
	snprintf(directory, sizeof(directory), "%s/three", ck_test_dir);
	setenv("STRONGROOM_TOKEN_DIR", directory, 1);
	made_in("three");
}
END_TEST

/* R6.1 */
START_TEST(wrong_settings_stop_the_module)
{
	write_file(path, "token_dri = /tmp\n");
	ck_rv(ck->C_Initialize(NULL), CKR_GENERAL_ERROR);
	write_file(path, "token_dir\n");
	ck_rv(ck->C_Initialize(NULL), CKR_GENERAL_ERROR);
	unlink(path);
	setenv("STRONGROOM_CONF", "/nonexistent/strongroom.conf", 1);
	ck_rv(ck->C_Initialize(NULL), CKR_GENERAL_ERROR);
	unsetenv("STRONGROOM_CONF");
	setenv("STRONGROOM_TOKEN_DIR", ck_test_dir, 1);
	ck_ok(ck->C_Initialize(NULL));
	ck_ok(ck->C_Finalize(NULL));
}
END_TEST

/* R6.5: one line per call, and no PIN in it. */
START_TEST(log_names_calls_and_no_secret)
{
	char log[256], text[65536];
	size_t n;
	FILE *f;

	setenv("STRONGROOM_TOKEN_DIR", ck_test_dir, 1);
	snprintf(log, sizeof(log), "%s/log", ck_test_dir);
	setenv("STRONGROOM_LOG", log, 1);
	ck_ok(ck->C_Initialize(NULL));
	ck_slot = 0;
	ck_test_init_token(0, "log");
	ck_session = ck_open(true);
	ck_rv(ck->C_Login(ck_session, CKU_USER, CK_TEXT("alice:secret-pin")), CKR_PIN_INCORRECT);
	ck_login(CKU_SO);
	ck_ok(ck->C_Finalize(NULL));
	f = fopen(log, "r");
	ck_assert_ptr_nonnull(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	ck_assert_ptr_nonnull(strstr(text, "C_InitToken"));
	ck_assert_ptr_nonnull(strstr(text, "C_Login"));
	ck_assert_ptr_nonnull(strstr(text, "0xa0"));
	ck_assert_ptr_null(strstr(text, "secret-pin"));
	ck_assert_ptr_null(strstr(text, CK_TEST_SO_PIN));
}
END_TEST

/* gcm_decrypt_parts: a multi-part decryption of n bytes in parts of 1000; the answer of the last C_DecryptUpdate. */
static CK_RV gcm_decrypt_parts(CK_OBJECT_HANDLE key, size_t n)
{
	static uint8_t part[1000];
	uint8_t iv[12] = { 1 };
	CK_GCM_PARAMS p = { .pIv = iv, .ulIvLen = sizeof(iv), .ulIvBits = 96, .ulTagBits = 128 };
	CK_MECHANISM m = { CKM_AES_GCM, &p, sizeof(p) };
	CK_RV rv = CKR_OK;
	CK_ULONG len = 0;

	ck_ok(ck->C_DecryptInit(ck_session, &m, key));
	for (size_t i = 0; rv == CKR_OK && i < n; i += sizeof(part))
		rv = ck->C_DecryptUpdate(ck_session, part, n - i < sizeof(part) ? n - i : sizeof(part), part, &len);
	if (rv == CKR_OK) {
		uint8_t *out = malloc(n);

		len = n;
		ck_rv(ck->C_DecryptFinal(ck_session, out, &len), CKR_ENCRYPTED_DATA_INVALID);
		free(out);
	}
	ck_rv(ck->C_DecryptFinal(ck_session, part, &len), CKR_OPERATION_NOT_INITIALIZED);
	return rv;
}

/* What OpenSSL cannot do in parts is held up to a limit; the limit ends the operation. */
START_TEST(held_bytes_have_a_limit)
{
	CK_MECHANISM m = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG len = 16;
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE t[] = { { CKA_VALUE_LEN, &len, sizeof(len) }, { CKA_DECRYPT, &yes, 1 } };
	CK_OBJECT_HANDLE key;

	setenv("STRONGROOM_TOKEN_DIR", ck_test_dir, 1);
	write_file(path, "hold_max = 4095\n");
	ck_rv(ck->C_Initialize(NULL), CKR_GENERAL_ERROR);
	write_file(path, "hold_max = 1M\n");
	ck_rv(ck->C_Initialize(NULL), CKR_GENERAL_ERROR);
	write_file(path, "hold_max = 100000\n");
	ck_ok(ck->C_Initialize(NULL));
	ck_slot = 0;
	ck_test_init_token(0, "hold");
	ck_session = ck_open(true);
	ck_login(CKU_SO);
	ck_ok(ck->C_InitPIN(ck_session, CK_TEXT(CK_TEST_USER_PIN)));
	ck_login(CKU_USER);
	ck_ok(ck->C_GenerateKey(ck_session, &m, t, 2, &key));
	ck_rv(gcm_decrypt_parts(key, 100000), CKR_OK);
	ck_rv(gcm_decrypt_parts(key, 100001), CKR_DATA_LEN_RANGE);
	ck_ok(ck->C_Finalize(NULL));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("settings");
	TCase *c = tcase_create("settings");

	tcase_add_unchecked_fixture(c, ck_test_load, ck_test_unload);
	tcase_add_checked_fixture(c, clean, NULL);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, token_dir_comes_from_the_user_s_file);
	tcase_add_test(c, named_file_wins_over_the_user_s);
	tcase_add_test(c, environment_wins_over_files);
	tcase_add_test(c, wrong_settings_stop_the_module);
	tcase_add_test(c, log_names_calls_and_no_secret);
	tcase_add_test(c, held_bytes_have_a_limit);
	suite_add_tcase(s, c);
	return ck_test_run(s);
}
