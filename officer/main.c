/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "own.h"
#include "program.h"

static void print(struct buf *b, FILE *to)
{
	fwrite(b->p, 1, b->len, to);
}

static enum err run(struct officer *o, int argc, char **argv, struct fail *f)
{
	BUF_AUTO text = { 0 };
	enum err e = options_parse(o, argc, argv, f);

	if (e != ERR_OK)
		return e;
	if (o->version) {
		puts("strongroom " STRONGROOM_VERSION);
		return ERR_OK;
	}
	if (o->command && o->command->program)
		return program_run(o->command->program, o->words, f);
	if (o->help) {
		if (o->command)
			help_command(&text, o->command);
		else
			help_all(&text);
		print(&text, stdout);
		return ERR_OK;
	}
	return o->form->run(o, o->words, f);
}

/* tell: what failed, what it means and what to do; with --json as an object on standard output as well. */
static void tell(struct officer *o, enum err e, struct fail *f)
{
	const char *text = f->text[0] ? f->text : err_text(e);
	const char *more = f->rv ? explain(f->rv) : NULL;
	BUF_AUTO advice = { 0 };
	BUF_AUTO usage = { 0 };
	char room[32];
	json_t *all;

	for (const char *p = more; p && *p; p++)
		if (*p == '%')
			buf_printf(&advice, "%s", o->who[0] ? o->who : "the user");
		else
			buf_put_u8(&advice, (uint8_t)*p);
	buf_put_u8(&advice, 0);
	fprintf(stderr, "strongroom%s%s: %s\n", o->command ? " " : "", o->command ? o->command->name : "", text);
	if (more)
		fprintf(stderr, "%s\n", (const char *)advice.p);
	if (e == ERR_USAGE && o->command && !f->rv) {
		help_usage(&usage, o->command);
		print(&usage, stderr);
	}
	if (!officer_json(o) || o->shown)
		return;
	all = json_pack("{s:{s:s, s:o}}", "error", "code", err_name(e), "text", show_string(view_of_string(text)));
	if (f->rv)
		json_object_set_new(json_object_get(all, "error"), "rv", json_string(ck_name(f->rv, room)));
	if (more)
		json_object_set_new(json_object_get(all, "error"), "advice", json_string((const char *)advice.p));
	json_dumpf(all, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(all);
}

int main(int argc, char **argv)
{
	struct rlimit none = { 0, 0 };
	struct officer o = { 0 };
	struct fail f = { 0 };
	enum err e;

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	e = run(&o, argc, argv, &f);
	if (e != ERR_OK)
		tell(&o, e, &f);
	if (e == ERR_OK && (fflush(stdout) != 0 || ferror(stdout))) {
		fprintf(stderr, "strongroom: cannot write the answer\n");
		return EXIT_FAILED;
	}
	if (e == ERR_OK)
		return o.found ? EXIT_FOUND : EXIT_DONE;
	return e == ERR_USAGE && !f.rv ? EXIT_USAGE : EXIT_FAILED;
}
