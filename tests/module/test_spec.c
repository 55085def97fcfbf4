/* SPDX-License-Identifier: BSD-2-Clause */
/* Each return value that PKCS#11 3.2 lists for each function, provoked or excused (spec_table.h). */
#include "spec_kit.h"

#include <stdlib.h>

START_TEST(every_listed_code_is_provoked_or_excused)
{
	spec_complete();
}
END_TEST

START_TEST(the_table_names_every_function_once)
{
	static const char *const all[] = {
#define NAME(name) #name,
		CK_FUNCTIONS_2_40(NAME)
#undef NAME
#define NAME(name, arguments) #name,
		    CK_FUNCTIONS_3_0(NAME) CK_FUNCTIONS_3_2(NAME)
	};

	ck_assert_uint_eq(spec_count, ARRAY_LEN(all));
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		size_t found = 0;

		for (size_t k = 0; k < spec_count; k++)
			found += strcmp(spec_functions[k].name, all[i]) == 0;
		ck_assert_msg(found == 1, "%s: %zu rows", all[i], found);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("specification");
	TCase *c = tcase_create("specification");
	SRunner *runner;
	int failed;

	tcase_set_timeout(c, 300);
	tcase_add_unchecked_fixture(c, spec_begin, spec_end);
	tcase_add_test(c, the_table_names_every_function_once);
	spec_general(c);
	spec_sessions(c);
	spec_objects(c);
	spec_crypt(c);
	spec_sign(c);
	spec_keys(c);
	spec_messages(c);
	tcase_add_test(c, every_listed_code_is_provoked_or_excused);
	suite_add_tcase(s, c);
	runner = srunner_create(s);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
