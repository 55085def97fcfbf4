/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Without module-path a URI is searched in the modules that p11-kit's configuration names. p11-kit ignores a user's
 * configuration when root asks: root becomes nobody first, with a copy of the module that nobody can read.
 */
#include "ops_rig.h"

#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "temp.h"

#define NOBODY 65534

static char home[128];

static void copy_file(const char *from, const char *to)
{
	char bytes[65536];
	FILE *in = fopen(from, "r"), *out = fopen(to, "w");
	size_t n;

	ck_assert(in && out);
	while ((n = fread(bytes, 1, sizeof(bytes), in)))
		ck_assert_uint_eq(fwrite(bytes, 1, n, out), n);
	fclose(in);
	ck_assert_int_eq(fclose(out), 0);
	ck_assert_int_eq(chmod(to, 0755), 0);
}

static void register_module(const char *name, const char *path)
{
	char file[300];

	snprintf(file, sizeof(file), "%s/pkcs11/modules/%s.module", home, name);
	FILE *out = fopen(file, "w");
	ck_assert_ptr_nonnull(out);
	fprintf(out, "module: %s\n", path);
	ck_assert_int_eq(fclose(out), 0);
}

static void setup(void)
{
	char path[300];

	temp_dir(home);
	snprintf(path, sizeof(path), "%s/copy.so", home);
	copy_file(getenv("STRONGROOM_MODULE"), path);
	setenv("STRONGROOM_MODULE", path, 1);
	snprintf(path, sizeof(path), "%s/pkcs11", home);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/pkcs11/modules", home);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/pkcs11/pkcs11.conf", home);
	FILE *out = fopen(path, "w");
	ck_assert(out && fputs("user-config: only\n", out) >= 0 && fclose(out) == 0);
	register_module("strongroom", getenv("STRONGROOM_MODULE"));
	if (rig_has_softhsm())
		register_module("softhsm", getenv("SOFTHSM_MODULE"));
	setenv("HOME", home, 1);
	setenv("XDG_CONFIG_HOME", home, 1);
	if (geteuid() == 0) {
		ck_assert_int_eq(chown(home, NOBODY, NOBODY), 0);
		ck_assert_int_eq(setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY), 0);
	}
	rig_begin();
	rig_token(RIG_STRONGROOM, "ONE");
	if (rig_has_softhsm())
		rig_token(RIG_SOFTHSM, "SOFT");
}

static void teardown(void)
{
	rig_end();
	temp_remove(home);
}

static enum err try_uri(const char *rest)
{
	char uri[400];
	struct pk11 *p = NULL;

	snprintf(uri, sizeof(uri), "pkcs11:%s&pin-value=" RIG_PIN, rest);
	enum err e = pk11_open(uri, NULL, &p, rig_fail());
	if (e == ERR_OK)
		ck_assert(pk11_logged_in(p));
	pk11_free(p);
	return e;
}

/* R6.3: keys and tokens by URI, whatever module they are in. */
START_TEST(token_is_found_through_the_configuration)
{
	ok(try_uri("token=ONE?x-none=1"));
	ok(try_uri("token=ONE;manufacturer=strongroom?module-name=strongroom"));
	refuses(try_uri("token=NONE?x-none=1"), ERR_NOT_FOUND);
	if (rig_has_softhsm()) {
		ok(try_uri("token=SOFT?module-name=softhsm"));
		refuses(try_uri("token=ONE?module-name=softhsm"), ERR_NOT_FOUND);
		/* Both at once in one process. */
		struct pk11 *a = NULL, *b = NULL;
		ok(pk11_open("pkcs11:token=ONE?pin-value=" RIG_PIN, NULL, &a, rig_fail()));
		ok(pk11_open("pkcs11:token=SOFT?pin-value=" RIG_PIN, NULL, &b, rig_fail()));
		pk11_free(a);
		struct ops *o = NULL;
		ok(ops_open(b, OPS_FOR_KMS, OPS_WAY_ANY, &o, rig_fail()));
		uint8_t random[8];
		ok(ops_random(o, random, sizeof(random), rig_fail()));
		ops_free(o);
		pk11_free(b);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pk11_config");
	TCase *t = tcase_create("config");

	tcase_add_unchecked_fixture(t, setup, teardown);
	tcase_add_test(t, token_is_found_through_the_configuration);
	suite_add_tcase(s, t);
	return rig_run(s);
}
