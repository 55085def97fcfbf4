/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <string.h>

#include "mail.h"
#include "smtp.h"

static struct mail sample(void)
{
	return (struct mail){ .from = VIEW_STR("kms@acme.example"),
			      .to = VIEW_STR("ops@acme.example"),
			      .subject = VIEW_STR("key import"),
			      .body = VIEW_STR("one\ntwo\n"),
			      .message_id = VIEW_STR("0123@acme.example"),
			      .date = 951827696 };
}

static const char *compose(const struct mail *m, struct buf *b)
{
	struct fail f = { 0 };

	ck_assert_msg(!mail_compose(m, b, &f), "%s", f.text);
	buf_put_u8(b, 0);
	return (const char *)b->p;
}

/* R2.8 */
START_TEST(plain_text_goes_as_it_is)
{
	struct mail m = sample();
	BUF_AUTO b = { 0 };

	m.from_name = VIEW_STR("the \"KMS\" \\ one");
	ck_assert_str_eq(compose(&m, &b), "Date: Tue, 29 Feb 2000 12:34:56 +0000\r\n"
					  "From: \"the \\\"KMS\\\" \\\\ one\"\r\n <kms@acme.example>\r\n"
					  "To: <ops@acme.example>\r\n"
					  "Message-ID: <0123@acme.example>\r\n"
					  "Subject: key import\r\n"
					  "MIME-Version: 1.0\r\n"
					  "Content-Type: text/plain; charset=UTF-8\r\n"
					  "Content-Transfer-Encoding: 7bit\r\n"
					  "Auto-Submitted: auto-generated\r\n\r\none\r\ntwo\r\n");
}
END_TEST

/* RFC 2047: a word holds whole characters, no line is longer than 76. */
START_TEST(long_and_foreign_subjects_are_folded_between_characters)
{
	static const char *const characters[] = { "a", "\xc3\xa9", "\xe5\xaf\x86", "\xf0\x9f\x94\x91" };

	for (size_t c = 0; c < ARRAY_LEN(characters); c++)
		for (size_t n = 1; n <= 120; n++) {
			char subject[MAIL_SUBJECT_MAX] = "", *at;
			struct mail m = sample();
			BUF_AUTO b = { 0 };
			BUF_AUTO back = { 0 };
			const char *p, *end;

			for (size_t i = 0; i < n && strlen(subject) < sizeof(subject) - 5; i++)
				strcat(subject, characters[c]);
			m.subject = view_of_string(subject);
			p = strstr(compose(&m, &b), "\r\nSubject: ") + 11;
			end = strstr(p, "\r\nMIME-Version");
			ck_assert_ptr_nonnull(end);
			if (c == 0 && n <= 64) {
				ck_assert_int_eq(memcmp(p, subject, n), 0);
				continue;
			}
			for (const char *line = p - 9; line < end; line = strstr(line, "\r\n") + 2)
				ck_assert_int_le(strstr(line, "\r\n") - line, 76);
			while ((at = strstr(p, "=?UTF-8?B?")) && at < end) {
				const char *stop = strstr(at + 10, "?=");
				size_t before = back.len;

				ck_assert(base64_decode(at + 10, (size_t)(stop - at - 10), &back));
				ck_assert(mail_line_ok(VIEW(back.p + before, back.len - before)));
				p = stop;
			}
			ck_assert_uint_eq(back.len, strlen(subject));
			ck_assert_int_eq(memcmp(back.p, subject, back.len), 0);
		}
}
END_TEST

START_TEST(what_looks_like_an_encoded_word_or_ends_in_blanks_is_encoded)
{
	static const char *const subjects[] = { "=?UTF-8?B?eA==?=", " x", "x " };

	for (size_t i = 0; i < ARRAY_LEN(subjects); i++) {
		struct mail m = sample();
		BUF_AUTO b = { 0 };

		m.subject = view_of_string(subjects[i]);
		ck_assert_ptr_nonnull(strstr(compose(&m, &b), "\r\nSubject: =?UTF-8?B?"));
	}
}
END_TEST

/* Bodies that are no short ASCII lines go as base64 of 76 letters a line. */
START_TEST(long_lines_and_foreign_letters_are_base64)
{
	static char body[3000];
	struct mail m = sample();

	for (int foreign = 0; foreign < 2; foreign++) {
		BUF_AUTO b = { 0 };
		BUF_AUTO back = { 0 };
		const char *p;

		memset(body, 'x', sizeof(body));
		if (foreign)
			memcpy(body, "\xe5\xaf\x86\n", 4);
		m.body = VIEW(body, sizeof(body));
		p = strstr(compose(&m, &b), "\r\n\r\n") + 4;
		ck_assert_ptr_nonnull(strstr((char *)b.p, "Content-Transfer-Encoding: base64\r\n"));
		while (*p) {
			size_t n = strcspn(p, "\r");

			ck_assert_uint_le(n, 76);
			ck_assert(base64_decode(p, n, &back));
			p += n + 2;
		}
		ck_assert_uint_eq(back.len, sizeof(body) + 2 + (foreign ? 1 : 0)); /* line ends are CR LF */
	}
}
END_TEST

/* R2.8: no header field can be broken out of, wherever its text comes from. */
START_TEST(control_characters_are_refused_in_every_field)
{
	static const struct view evil[] = { VIEW_STR("x\r\nBcc: y@z.example"),
					    VIEW_STR("x\ny"),
					    VIEW_STR("x\ry"),
					    VIEW_STR("x\0y"),
					    VIEW_STR("x\x7f"),
					    VIEW_STR("x\xc2\x85"),
					    VIEW_STR("x\xff"),
					    VIEW_STR("\xc0\x8d") };

	for (size_t i = 0; i < ARRAY_LEN(evil); i++)
		for (int field = 0; field < 7; field++) {
			struct mail m = sample();
			struct view *fields[] = { &m.from,    &m.from_name,  &m.to,      &m.to_name,
						  &m.subject, &m.message_id, &m.language };
			BUF_AUTO b = { 0 };

			*fields[field] = evil[i];
			ck_assert_int_eq(mail_compose(&m, &b, NULL), ERR_MALFORMED);
			ck_assert_uint_eq(b.len, 0);
		}
	for (size_t i = 2; i < ARRAY_LEN(evil); i++) {
		struct mail m = sample();
		BUF_AUTO b = { 0 };

		m.body = evil[i];
		ck_assert_int_eq(mail_compose(&m, &b, NULL), ERR_MALFORMED);
	}
}
END_TEST

START_TEST(addresses_are_dot_atoms_at_a_domain)
{
	static const char *const good[] = { "a@b", "a.b+c_d@x-y.example", "o'neil@b.example", "1@2.3",
					    "a{b}@c.example" };
	static const char *const bad[] = { "",      "a",       "@b",      "a@",     "a@b@c",       ".a@b",
					   "a.@b",  "a..b@c",  "a@.b",    "a@b.",   "a@b..c",      "a@-b",
					   "a@b-",  "a@b-.c",  "a@b.-c",  "-a@b",   "a b@c",       "a@b c",
					   "<a@b>", "a@b>",    "\"a\"@b", "a(x)@b", "a@[1.2.3.4]", "a,b@c",
					   "a@b,c", "a:b@c",   "a;b@c",   "a\\b@c", "\xc3\xa4@b",  "a@\xc3\xa4",
					   "a@b\n", "a\r\n@b", "a@b_c",   "a\x7f@b" };
	char longer[400];

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		ck_assert_msg(mail_address_ok(view_of_string(good[i])), "%s", good[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(!mail_address_ok(view_of_string(bad[i])), "%s", bad[i]);
	ck_assert(!mail_address_ok(VIEW_STR("a\0b@c")));
	memset(longer, 'a', sizeof(longer));
	memcpy(longer + 64, "@b", 2);
	ck_assert(mail_address_ok(VIEW(longer, 66)));
	memset(longer, 'a', sizeof(longer));
	memcpy(longer + 65, "@b", 2);
	ck_assert(!mail_address_ok(VIEW(longer, 67)));
	memset(longer, 'a', sizeof(longer));
	longer[1] = '@';
	ck_assert(!mail_address_ok(VIEW(longer, 2 + 64)));
	for (size_t i = 60; i < sizeof(longer); i += 60)
		longer[i] = '.';
	ck_assert(mail_address_ok(VIEW(longer, 254)));
	ck_assert(!mail_address_ok(VIEW(longer, 255)));
}
END_TEST

START_TEST(utf_8_is_read_strictly)
{
	static const char *const bad[] = { "\x80",         "\xc0\x80",         "\xc1\xbf",         "\xe0\x9f\xbf",
					   "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
					   "\xc3",         "\xe5\xaf",         "\xf0\x9f\x94",     "\xfe" };
	BUF_AUTO clean = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(!mail_line_ok(view_of_string(bad[i])), "%zu", i);
	ck_assert(mail_line_ok(
	    VIEW_STR("\xc2\xa0\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf")));
	ck_assert(mail_lines_ok(VIEW_STR("a\tb\n")));
	ck_assert(!mail_line_ok(VIEW_STR("a\tb")));
	mail_clean(VIEW_STR("a\\b\r\n\xff\0\xe5\xaf\x86"), &clean);
	buf_put_u8(&clean, 0);
	ck_assert_str_eq((char *)clean.p, "a\\x5cb\\x0d\\x0a\\xff\\x00\xe5\xaf\x86");
}
END_TEST

START_TEST(a_server_is_a_host_and_a_port)
{
	static const char *const good[] = { "mail.example:25", "127.0.0.1:465", "[::1]:587", "a:65535" };
	static const char *const bad[] = { "",          "a",        "a:",     ":25",    "a:0",    "a:65536", "a:x",
					   "a:-1",      "a/b:25",   "u@a:25", "a?b:25", "a#b:25", "a b:25",  "[::1:25",
					   "[::1%x]:1", "a\r\n:25", "-a:25",  "%61:25", "a:25/x" };

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		ck_assert_msg(smtp_address_ok(good[i]), "%s", good[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(!smtp_address_ok(bad[i]), "%s", bad[i]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mail");
	TCase *t = tcase_create("mail");
	SRunner *r = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_test(t, plain_text_goes_as_it_is);
	tcase_add_test(t, long_and_foreign_subjects_are_folded_between_characters);
	tcase_add_test(t, what_looks_like_an_encoded_word_or_ends_in_blanks_is_encoded);
	tcase_add_test(t, long_lines_and_foreign_letters_are_base64);
	tcase_add_test(t, control_characters_are_refused_in_every_field);
	tcase_add_test(t, addresses_are_dot_atoms_at_a_domain);
	tcase_add_test(t, utf_8_is_read_strictly);
	tcase_add_test(t, a_server_is_a_host_and_a_port);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
