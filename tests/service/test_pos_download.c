/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pos_visit.h"

START_TEST(honest_kms_loads_a_tmk_and_then_a_newer_one) /* R1.9, R1.10, R1.11 */
{
	struct check_value first, second;
	download((size_t)_i, &first);
	assert_loaded((size_t)_i, &first);
	download((size_t)_i, &second);
	assert_loaded((size_t)_i, &second);
	ck_assert_uint_eq(key_count((size_t)_i), 3); /* TEK, AUK and the newer TMK */
}
END_TEST

START_TEST(frame_out_of_order_ends_the_download) /* R1.10 */
{
	struct visit v;
	struct tmk k;
	char before[1024], after[1024];
	status_of(A2, before);
	visit_open(&v, A2);
	if (_i == 0) {
		tmk_make(&v, &k); /* a true TMK message, before the KMS has proved itself */
		send_tmk(&v, &k);
	} else if (_i == 1) {
		kit_send(v.fd, &(struct frame){ .type = FRAME_DONE });
	} else if (_i == 2) {
		ck_assert_int_eq((int)write(v.fd, "\xff\xffgarbage", 9), 9);
	} else {
		close(v.fd);
		v.fd = dup(v.listener);
	}
	ck_assert_int_eq(visit_close(&v), 1);
	status_of(A2, after);
	ck_assert_str_eq(before, after);
}
END_TEST

/* Where a frame of the KMS is waited for. */
enum { WAITS_FOR_PROOF, WAITS_FOR_TMK, WAITS_FOR_DONE, WAITS_FOR_KEYS, WAITS };

static void wait_for(struct visit *v, int where)
{
	struct tmk k;
	if (where == WAITS_FOR_KEYS) {
		struct soft_tag tag;
		struct frame in;
		visit_open_as(v, A2, "sign-in");
		host_tag(v, &tag);
		send_proof(v, VIEW(tag.bytes, tag.len));
		kit_receive(v->fd, &v->storage, &in);
		ck_assert_msg(in.type == FRAME_SIGN_IN, "%s", frame_name(in.type));
		return;
	}
	visit_open(v, A2);
	if (where == WAITS_FOR_PROOF)
		return;
	authenticate(v);
	if (where == WAITS_FOR_TMK)
		return;
	tmk_make(v, &k);
	send_tmk(v, &k);
	expect_confirm(v, &k);
}

/* Every frame where it is not waited for; where it is, of every wrong form. R1.10, R1.11, R1.13 */
START_TEST(frames_of_the_wrong_form_or_at_the_wrong_time_end_the_download)
{
	static const uint8_t wanted[WAITS] = { FRAME_PROOF_K, FRAME_TMK, FRAME_DONE, FRAME_WORKING_KEYS };
	const struct frame_row *row = &frame_rows[_i];
	for (int where = 0; where < WAITS; where++) {
		for (int bad = 0; bad < KIT_BAD_COUNT; bad++) {
			bool in_time = row->type == wanted[where];
			BUF_AUTO bytes = { 0 };
			struct visit v;
			/* What nobody waits for shows at the first wait; behind it the one of before comes twice. */
			if (in_time == (bad == KIT_PLAIN) ||
			    (!in_time && where != WAITS_FOR_PROOF && row->type != wanted[where - 1]) ||
			    !kit_bad_frame(row, (enum kit_bad)bad, &bytes))
				continue;
			wait_for(&v, where);
			ck_assert_int_eq((int)write(v.fd, bytes.p, bytes.len), (int)bytes.len);
			if (bad == KIT_CUT)
				ck_assert_int_eq(shutdown(v.fd, SHUT_WR), 0);
			ck_assert_msg(visit_close(&v) == 1, "%s, %d, at %d", row->name, bad, where);
			ck_assert_ptr_nonnull(strstr(v.pos.stderr_text, "pos: "));
		}
	}
}
END_TEST

START_TEST(kms_that_refuses_is_told_in_one_line)
{
	struct visit v;
	uint8_t code[2];
	struct frame out = { .type = FRAME_ERROR };
	visit_open(&v, A2);
	be_put16(code, ERR_REFUSED);
	out.field[ERROR_CODE] = VIEW(code, sizeof(code));
	kit_send(v.fd, &out);
	ck_assert_int_eq(visit_close(&v), 1);
	const char *nl = strchr(v.pos.stderr_text, '\n');
	ck_assert(nl != NULL && nl[1] == 0);
	ck_assert_ptr_nonnull(strstr(v.pos.stderr_text, "4"));
}
END_TEST

START_TEST(silent_kms_is_not_waited_for_for_ever)
{
	struct visit v;
	visit_open(&v, A2);
	ck_assert_int_eq(spawn_wait_for(&v.pos, 30), 1);
	close(v.fd);
	close(v.listener);
	buf_done(&v.storage);
}
END_TEST

START_TEST(kms_that_knows_the_waiting_tk_proves_it_was_collected) /* R1.4, R1.9 */
{
	struct check_value c;
	char text[1024];
	struct soft_kms old = kms[M2];
	make_tk(M2, false);
	status_of(M2, text);
	ck_assert_ptr_nonnull(strstr(text, "\"tk_made\": 2, \"tk_current\": 1"));
	ck_assert_uint_eq(key_count(M2), 5);
	/* The KMS that has the older record is still served with the older TK. */
	struct soft_kms newer = kms[M2];
	kms[M2] = old;
	download(M2, &c);
	assert_loaded(M2, &c);
	status_of(M2, text);
	ck_assert_ptr_nonnull(strstr(text, "\"tk_made\": 2, \"tk_current\": 1"));
	kms[M2] = newer;
	download(M2, &c);
	assert_loaded(M2, &c);
	status_of(M2, text);
	ck_assert_ptr_nonnull(strstr(text, "\"tk_made\": 2, \"tk_current\": 2"));
	/* From here on the older TK is gone. */
	ck_assert_uint_eq(key_count(M2), 3);
	struct visit v;
	struct soft_tag tag;
	visit_open(&v, M2);
	v.k = &old;
	host_tag(&v, &tag);
	send_proof(&v, VIEW(tag.bytes, tag.len));
	expect_refusal(&v, ERR_REFUSED);
}
END_TEST

/* What `pos tk` prints, and what the terminal tells a KMS that does not hold its TK. R2.5 */
START_TEST(check_values_of_the_tk_are_told_to_the_operator_and_to_the_kms)
{
	const struct soft_kms *k = &kms[_i];
	char dir[256], tek[2 * FORMAT_CHECK + 1], auk[2 * FORMAT_CHECK + 1], want[128];
	struct check_value check[2], own[2];
	struct spawn s;
	struct visit v;
	struct frame in;
	static const uint8_t wrong[16];
	visit_open(&v, (size_t)_i);
	send_proof(&v, VIEW(wrong, k->block));
	kit_receive(v.fd, &v.storage, &in);
	ck_assert_int_eq(in.type, FRAME_ERROR);
	ck_assert_uint_eq(in.field[ERROR_CHECKS].n, 2 * (1 + FORMAT_CHECK));
	for (int i = 0; i < 2; i++)
		ck_assert(check_value_parse(
		    VIEW(in.field[ERROR_CHECKS].p + (size_t)i * (1 + FORMAT_CHECK), 1 + FORMAT_CHECK), &check[i]));
	ck_assert_int_eq(visit_close(&v), 1);
	soft_check(k->type, k->tek, k->length, &own[0]);
	soft_check(k->type, k->auk, k->length, &own[1]);
	for (int i = 0; i < 2; i++)
		if (check[i].method == own[i].method)
			ck_assert_mem_eq(check[i].value, own[i].value, FORMAT_CHECK);
	hex_encode(VIEW(check[0].value, FORMAT_CHECK), tek);
	hex_encode(VIEW(check[1].value, FORMAT_CHECK), auk);
	snprintf(want, sizeof(want), "\"tek_check\": \"%s\", \"auk_check\": \"%s\"", tek, auk);
	kit_path(&kit, terminals[_i].serial, dir);
	const char *const argv[] = { kit.pos, "tk", "--json", "--dir", dir, NULL };
	ck_assert_int_eq(spawn_run(&s, argv), 0);
	ck_assert_msg(strstr(s.stdout_text, want) != NULL, "%s is not in %s", want, s.stdout_text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pos download");
	TCase *c = tcase_create("download");
	pos_choose();
	tcase_add_unchecked_fixture(c, pos_set_up, pos_tear_down);
	tcase_add_loop_test(c, honest_kms_loads_a_tmk_and_then_a_newer_one, 0, (int)terminal_count);
	tcase_add_loop_test(c, frame_out_of_order_ends_the_download, 0, 4);
	if (kit_first_way())
		tcase_add_loop_test(c, frames_of_the_wrong_form_or_at_the_wrong_time_end_the_download, 0,
				    (int)frame_rows_count);
	tcase_add_test(c, kms_that_refuses_is_told_in_one_line);
	tcase_add_test(c, silent_kms_is_not_waited_for_for_ever);
	tcase_add_loop_test(c, check_values_of_the_tk_are_told_to_the_operator_and_to_the_kms, 0, (int)terminal_count);
	tcase_add_test(c, kms_that_knows_the_waiting_tk_proves_it_was_collected);
	suite_add_tcase(suite, c);
	return pos_run(suite);
}
