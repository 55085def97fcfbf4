/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon.h"
#include "temp.h"

static const struct conf_key keys[] = {
	{ "", "listen", "127.0.0.1:0", "where to listen" },
	{ "token", "uri", CONF_REQUIRED, "PKCS#11 URI of the token" },
};
static const struct daemon_spec spec = {
	.name = "testd", .usage = "commands: none\n", .keys = keys, .key_count = ARRAY_LEN(keys)
};

static char dir[128], conf[200], pid_file[200], text[4096];

static void setup(void)
{
	temp_dir(dir);
	snprintf(conf, sizeof(conf), "%s/testd.conf", dir);
	snprintf(pid_file, sizeof(pid_file), "%s/pid", dir);
	FILE *out = fopen(conf, "w");
	ck_assert(out && fputs("listen = 127.0.0.1:1\n[token]\nuri = pkcs11:token=x\n", out) >= 0 && fclose(out) == 0);
}

static void teardown(void)
{
	temp_remove(dir);
}

static int child_main(int argc, char **argv)
{
	struct daemon d;
	struct rlimit core;
	char said[300];
	int exit_status = -1;

	daemon_init(&d, &spec, argc, argv, &exit_status);
	if (exit_status != -1) {
		daemon_done(&d);
		return exit_status;
	}
	getrlimit(RLIMIT_CORE, &core);
	snprintf(said, sizeof(said), "listen=%s core=%lu dumpable=%d rest=%d:%s", conf_get(d.conf, "", "listen"),
		 (unsigned long)core.rlim_max, prctl(PR_GET_DUMPABLE), d.argc, d.argc ? d.argv[0] : "");
	int rc = daemon_run(&d, said);
	daemon_done(&d);
	return rc;
}

/* start: the daemon in a child; its stdout and stderr in *ret_fd. */
static pid_t start(const char *const *argv, int *ret_fd)
{
	int fd[2];
	int argc = 0;

	ck_assert_int_eq(pipe(fd), 0);
	while (argv[argc])
		argc++;
	pid_t pid = fork();
	if (pid == 0) {
		dup2(fd[1], 1);
		dup2(fd[1], 2);
		close(fd[0]);
		close(fd[1]);
		int rc = child_main(argc, (char **)(uintptr_t)argv);
		fflush(NULL);
		_exit(rc);
	}
	close(fd[1]);
	*ret_fd = fd[0];
	return pid;
}

/* finish: reads all that is left; the exit status. */
static int finish(pid_t pid, int fd)
{
	size_t got = strlen(text);
	ssize_t n;
	int status = 0;

	while ((n = read(fd, text + got, sizeof(text) - 1 - got)) > 0)
		got += (size_t)n;
	text[got] = 0;
	close(fd);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run(const char *const *argv)
{
	int fd = -1;

	text[0] = 0;
	pid_t pid = start(argv, &fd);
	return finish(pid, fd);
}

static void read_until(int fd, const char *what)
{
	size_t got = 0;

	text[0] = 0;
	while (!strstr(text, what)) {
		ssize_t n = read(fd, text + got, sizeof(text) - 1 - got);
		ck_assert_msg(n > 0, "%s", text);
		got += (size_t)n;
		text[got] = 0;
	}
}

START_TEST(daemon_says_ready_and_ends_on_sigterm)
{
	static const int signals[] = { SIGTERM, SIGINT };

	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		const char *argv[] = { "testd", "--config", conf, "--pid-file", pid_file, "go", "on", NULL };
		int fd = -1;
		pid_t pid = start(argv, &fd);
		read_until(fd, "ready testd listen=127.0.0.1:1 core=0 dumpable=0 rest=2:go\n");
		FILE *in = fopen(pid_file, "r");
		long written = 0;
		ck_assert(in && fscanf(in, "%ld", &written) == 1 && fclose(in) == 0);
		ck_assert_int_eq(written, pid);
		ck_assert_int_eq(kill(pid, signals[i]), 0);
		ck_assert_int_eq(finish(pid, fd), 0);
		ck_assert_int_ne(access(pid_file, F_OK), 0);
	}
}
END_TEST

START_TEST(help_and_version_end_at_once)
{
	ck_assert_int_eq(run((const char *[]){ "testd", "--help", NULL }), 0);
	ck_assert_ptr_nonnull(strstr(text, "commands: none"));
	ck_assert_int_eq(run((const char *[]){ "testd", "--help-config", NULL }), 0);
	ck_assert_ptr_nonnull(strstr(text, "listen = 127.0.0.1:0"));
	ck_assert_ptr_nonnull(strstr(text, "[token]"));
	ck_assert_ptr_nonnull(strstr(text, "PKCS#11 URI of the token"));
	ck_assert_int_eq(run((const char *[]){ "testd", "--version", NULL }), 0);
	ck_assert_ptr_nonnull(strstr(text, "testd "));
}
END_TEST

START_TEST(bad_options_and_configuration_say_why)
{
	ck_assert_int_eq(run((const char *[]){ "testd", "--nonsense", NULL }), 2);
	ck_assert_int_eq(run((const char *[]){ "testd", "--log-level", "loud", NULL }), 2);
	ck_assert_ptr_nonnull(strstr(text, "loud"));
	ck_assert_int_eq(run((const char *[]){ "testd", NULL }), 1); /* a required key is absent */
	ck_assert_ptr_nonnull(strstr(text, "uri"));
	ck_assert_int_eq(run((const char *[]){ "testd", "--config", "/nonexistent", NULL }), 1);
	ck_assert_int_eq(run((const char *[]){ "testd", "--config", conf, "--pid-file", "/nonexistent/pid", NULL }), 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("daemon");
	TCase *t = tcase_create("daemon");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, daemon_says_ready_and_ends_on_sigterm);
	tcase_add_test(t, help_and_version_end_at_once);
	tcase_add_test(t, bad_options_and_configuration_say_why);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
