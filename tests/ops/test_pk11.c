/* SPDX-License-Identifier: BSD-2-Clause */
/* The PKCS#11 client by URI: finding, logging in, lost sessions, threads. Runs on whatever module it is given. */
#include "ops_rig.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum rig_module module;

static void setup(void)
{
	rig_begin();
	for (module = RIG_STRONGROOM; module <= RIG_SOFTHSM; module++) {
		if (module == RIG_SOFTHSM && !rig_has_softhsm())
			continue;
		rig_token(module, "ONE");
		rig_token(module, "TWO");
		rig_plain_keys(module, "ONE", true);
	}
}

static void teardown(void)
{
	rig_end();
}

static enum err try_open(const char *uri, const struct pk11_options *options)
{
	struct pk11 *p = NULL;
	enum err e = pk11_open(uri, options, &p, rig_fail());

	pk11_free(p);
	return e;
}

/* each: runs a test on both modules. */
static void each(void (*test)(void))
{
	for (module = RIG_STRONGROOM; module <= RIG_SOFTHSM; module++)
		if (module == RIG_STRONGROOM || rig_has_softhsm())
			test();
}

static const char *module_query(char room[400])
{
	snprintf(room, 400, "%s", strstr(rig_uri(module, "x"), "module-path="));
	*strchr(room, '&') = 0;
	return room;
}

static void opening(void)
{
	char query[400], uri[600], pin[200];

	module_query(query);
	ok(try_open(rig_uri(module, "ONE"), NULL));
	refuses(try_open(rig_uri(module, "THREE"), NULL), ERR_NOT_FOUND);
	snprintf(uri, sizeof(uri), "pkcs11:?%s", query);
	refuses(try_open(uri, NULL), ERR_NOT_FOUND); /* two tokens match */
	refuses(try_open("pkcs11:token=ONE?module-path=/nonexistent.so", NULL), ERR_TOKEN);
	refuses(try_open("token=ONE", NULL), ERR_CONFIG);
	refuses(try_open("pkcs11:token=ONE;nonsense=1", NULL), ERR_CONFIG);
	snprintf(uri, sizeof(uri), "pkcs11:token=ONE?%s&pin-value=00000000", query);
	refuses(try_open(uri, NULL), ERR_TOKEN);
	ck_assert_ptr_nonnull(strstr(rig_said(), "CKR_PIN_INCORRECT"));
	ck_assert_ptr_null(strstr(rig_said(), "00000000"));
	/* Without a PIN there is no login, and private keys are not seen. */
	struct pk11 *p = NULL;
	struct check_value check;
	struct ops *o = NULL;
	snprintf(uri, sizeof(uri), "pkcs11:token=ONE?%s", query);
	ok(pk11_open(uri, NULL, &p, rig_fail()));
	ck_assert(!pk11_logged_in(p));
	struct pk11_key *k = rig_key(p, "pkcs11:object=pMAK");
	ok(ops_open(p, 0, OPS_WAY_STANDARD, &o, rig_fail()));
	refuses(ops_check_value(o, k, &check, NULL), ERR_KEY_MISSING);
	pk11_key_free(k);
	ops_free(o);
	pk11_free(p);
	/* The PIN of a URI is not shown again. */
	snprintf(uri, sizeof(uri), "pkcs11:token=ONE?%s&pin-value=" RIG_PIN, query);
	ok(pk11_open(uri, NULL, &p, rig_fail()));
	ck_assert_ptr_null(strstr(pk11_uri(p), RIG_PIN));
	ck_assert_ptr_nonnull(strstr(pk11_describe(p), "ONE"));
	pk11_free(p);
	/* A PIN file of the options goes before the URI's. */
	snprintf(pin, sizeof(pin), "%s/pin", rig_dir);
	struct pk11_options options = { .pin_file = pin };
	snprintf(uri, sizeof(uri), "pkcs11:token=ONE?%s&pin-value=00000000", query);
	ok(try_open(uri, &options));
}

START_TEST(token_is_found_by_uri_or_refused)
{
	each(opening);
}
END_TEST

START_TEST(pin_file_must_be_private)
{
	char path[200];
	struct secret pin = { 0 };

	snprintf(path, sizeof(path), "%s/loose", rig_dir);
	FILE *file = fopen(path, "w");
	ck_assert(file && fputs("user1234\nmore\n", file) >= 0 && fclose(file) == 0);
	ck_assert_int_eq(chmod(path, 0640), 0);
	refuses(pin_read(path, &pin, rig_fail()), ERR_CONFIG);
	ck_assert_ptr_null(pin.p);
	ck_assert_int_eq(chmod(path, 0600), 0);
	ok(pin_read(path, &pin, rig_fail()));
	ck_assert(view_equal(secret_view(&pin), VIEW_STR("user1234")));
	secret_done(&pin);
	ck_assert_int_eq(truncate(path, 0), 0);
	refuses(pin_read(path, &pin, NULL), ERR_CONFIG);
	refuses(pin_read(rig_dir, &pin, NULL), ERR_CONFIG);
	refuses(pin_read("/nonexistent", &pin, NULL), ERR_CONFIG);
	ck_assert_int_eq(unlink(path), 0);
}
END_TEST

struct bench {
	struct pk11 *p;
	struct ops *o;
	struct pk11_key *k;
};

static struct bench bench_open(void)
{
	struct bench b = { .p = rig_open(module, "ONE") };

	b.k = rig_key(b.p, "pkcs11:object=pMAK;type=secret-key");
	ok(ops_open(b.p, 0, OPS_WAY_STANDARD, &b.o, rig_fail()));
	return b;
}

static void bench_close(struct bench *b)
{
	pk11_key_free(b->k);
	ops_free(b->o);
	pk11_free(b->p);
}

static CK_SLOT_ID slot_of(struct pk11_session *s)
{
	CK_SESSION_INFO info;

	ck_assert_uint_eq(s->f->C_GetSessionInfo(s->handle, &info), CKR_OK);
	return info.slotID;
}

static void losing(void)
{
	struct bench b = bench_open();
	struct pk11_session *s = NULL;
	struct check_value check;

	ok(ops_check_value(b.o, b.k, &check, rig_fail()));
	/* All sessions are gone, and the login with them. */
	ok(pk11_borrow(b.p, &s, rig_fail()));
	ck_assert_uint_eq(s->f->C_CloseAllSessions(slot_of(s)), CKR_OK);
	pk11_return(s, CKR_OK);
	ok(ops_check_value(b.o, b.k, &check, rig_fail()));
	/* Somebody logged the user out. */
	ok(pk11_borrow(b.p, &s, rig_fail()));
	ck_assert_uint_eq(s->f->C_Logout(s->handle), CKR_OK);
	pk11_return(s, CKR_OK);
	enum err e = ops_check_value(b.o, b.k, &check, rig_fail());
	if (e == ERR_KEY_MISSING) /* a token that hides the key instead of saying why */
		ck_abort_msg("%s", rig_said());
	ok(e);
	bench_close(&b);
}

START_TEST(lost_sessions_and_logins_are_made_anew)
{
	each(losing);
}
END_TEST

static void replacing(void)
{
	struct bench b = bench_open();
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_BBOOL yes = CK_TRUE;
	uint8_t value[16] = { 1, 2, 3 };
	char label[] = "temp";
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_KEY_TYPE, &type, sizeof(type) },
			     { CKA_TOKEN, &yes, sizeof(yes) },     { CKA_LABEL, label, 4 },
			     { CKA_SIGN, &yes, sizeof(yes) },      { CKA_VALUE, value, sizeof(value) } };
	CK_OBJECT_HANDLE h;
	struct pk11_key *k = rig_key(b.p, "pkcs11:object=temp");
	struct pk11_session *s = NULL;
	struct check_value one, two;

	ok(pk11_borrow(b.p, &s, rig_fail()));
	ck_assert_uint_eq(s->f->C_CreateObject(s->handle, t, ARRAY_LEN(t), &h), CKR_OK);
	ok(ops_check_value(b.o, k, &one, rig_fail()));
	ck_assert_uint_eq(s->f->C_DestroyObject(s->handle, h), CKR_OK);
	value[0] = 9;
	ck_assert_uint_eq(s->f->C_CreateObject(s->handle, t, ARRAY_LEN(t), &h), CKR_OK);
	ok(ops_check_value(b.o, k, &two, rig_fail()));
	ck_assert_mem_ne(one.value, two.value, 3);
	ck_assert_uint_eq(s->f->C_DestroyObject(s->handle, h), CKR_OK);
	refuses(ops_check_value(b.o, k, &two, NULL), ERR_KEY_MISSING);
	pk11_return(s, CKR_OK);
	pk11_key_free(k);
	bench_close(&b);
}

START_TEST(replaced_key_is_found_anew)
{
	each(replacing);
}
END_TEST

START_TEST(sessions_are_bounded_and_reused)
{
	const struct pk11_options options = { .sessions_max = 2 };
	struct pk11_session *a = NULL, *b = NULL, *c = NULL;
	struct pk11 *p = NULL;

	ok(pk11_open(rig_uri(RIG_STRONGROOM, "ONE"), &options, &p, rig_fail()));
	ok(pk11_borrow(p, &a, rig_fail()));
	ok(pk11_borrow(p, &b, rig_fail()));
	refuses(pk11_borrow(p, &c, NULL), ERR_BUSY);
	CK_SESSION_HANDLE handle = b->handle;
	pk11_return(b, CKR_OK);
	ok(pk11_borrow(p, &c, rig_fail()));
	ck_assert_uint_eq(c->handle, handle);
	/* A session with an operation half done does not go to the next one. */
	pk11_return(c, CKR_OPERATION_ACTIVE);
	ok(pk11_borrow(p, &c, rig_fail()));
	ck_assert_uint_ne(c->handle, handle);
	pk11_return(c, CKR_OK);
	pk11_return(a, CKR_OK);
	pk11_free(p);
}
END_TEST

START_TEST(key_uri_must_name_a_key_of_this_token)
{
	struct bench b;
	struct pk11_key *k = NULL;

	module = RIG_STRONGROOM;
	b = bench_open();
	refuses(pk11_key_new(b.p, "pkcs11:type=private", &k, NULL), ERR_CONFIG);
	refuses(pk11_key_new(b.p, "pkcs11:token=TWO;object=pPK", &k, NULL), ERR_CONFIG);
	refuses(pk11_key_new(b.p, "object=pPK", &k, NULL), ERR_CONFIG);
	ok(pk11_key_new(b.p, "pkcs11:token=ONE;object=pPK;type=secret-key?pin-value=1234", &k, rig_fail()));
	ck_assert_ptr_null(strstr(pk11_key_uri(k), "1234"));
	pk11_key_free(k);
	bench_close(&b);
}
END_TEST

#define THREADS 4
#define ROUNDS 50

static void *hammer(void *arg)
{
	struct bench *b = arg;
	struct check_value first, check;

	for (unsigned i = 0; i < ROUNDS; i++) {
		if (ops_check_value(b->o, b->k, i ? &check : &first, NULL) != ERR_OK)
			return b;
		if (i && memcmp(first.value, check.value, 3))
			return b;
	}
	return NULL;
}

static void threads(void)
{
	struct bench b = bench_open();
	pthread_t t[THREADS];

	for (unsigned i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, hammer, &b), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		void *said = NULL;
		pthread_join(t[i], &said);
		ck_assert_ptr_null(said);
	}
	bench_close(&b);
}

START_TEST(threads_share_one_client)
{
	each(threads);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pk11");
	TCase *t = tcase_create("pk11");

	tcase_add_unchecked_fixture(t, setup, teardown);
	tcase_add_test(t, token_is_found_by_uri_or_refused);
	tcase_add_test(t, pin_file_must_be_private);
	tcase_add_test(t, lost_sessions_and_logins_are_made_anew);
	tcase_add_test(t, replaced_key_is_found_anew);
	tcase_add_test(t, sessions_are_bounded_and_reused);
	tcase_add_test(t, key_uri_must_name_a_key_of_this_token);
	tcase_add_test(t, threads_share_one_client);
	suite_add_tcase(s, t);
	return rig_run(s);
}
