/* SPDX-License-Identifier: BSD-2-Clause */
/* The ways of key operations and the policy of a strongroom token. */
#include "ops_rig.h"

#include <string.h>

/* A strict token takes the vendor way; demanded, the standard way names the relaxations that it needs. */
START_TEST(strict_token_refuses_the_standard_way_at_start)
{
	struct pk11 *token = NULL;
	struct ops *o = NULL;
	BUF_AUTO text = { 0 };

	rig_token(RIG_STRONGROOM, "STRICT");
	rig_relax("STRICT", "strict");
	token = rig_open(RIG_STRONGROOM, "STRICT");
	refuses(ops_open(token, OPS_FOR_KMS, OPS_WAY_STANDARD, &o, rig_fail()), ERR_TOKEN);
	ck_assert_ptr_nonnull(strstr(rig_said(), "tmk_export"));
	ck_assert_ptr_nonnull(strstr(rig_said(), "strongroom policy allow untrusted-wrap"));
	ck_assert_ptr_null(o);
	ok(ops_open(token, OPS_FOR_KMS, OPS_WAY_ANY, &o, rig_fail()));
	ops_relaxations(o, &text);
	ck_assert_uint_eq(text.len, 0);
	ops_free(o);
	pk11_free(token);
	rig_relax("STRICT", "untrusted-wrap");
	token = rig_open(RIG_STRONGROOM, "STRICT");
	ok(ops_open(token, OPS_FOR_KMS, OPS_WAY_STANDARD, &o, rig_fail()));
	ops_relaxations(o, &text);
	buf_put_u8(&text, 0);
	ck_assert_ptr_nonnull(strstr((char *)text.p, "relaxations: untrusted-wrap;"));
	ck_assert_ptr_nonnull(strstr((char *)text.p, "raw-unwrap weak-wrap"));
	ops_free(o);
	pk11_free(token);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ops_policy");
	TCase *t = tcase_create("policy");

	tcase_add_unchecked_fixture(t, rig_begin, rig_end);
	tcase_set_timeout(t, 0);
	tcase_add_test(t, strict_token_refuses_the_standard_way_at_start);
	suite_add_tcase(s, t);
	return rig_run(s);
}
