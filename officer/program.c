/* SPDX-License-Identifier: BSD-2-Clause */
#include "program.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "own.h"

/* beside: FOLDER of this program / more / name. */
static bool beside(const char *more, const char *name, char path[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);

	if (n <= 0)
		return false;
	path[n] = 0;
	char *slash = strrchr(path, '/');
	size_t at = slash ? (size_t)(slash - path) + 1 : 0;
	return slash && (size_t)snprintf(slash + 1, PATH_MAX - at, "%s%s", more, name) < PATH_MAX - at;
}

enum err program_run(const char *name, char **words, struct fail *f)
{
	static const char *const folders[] = { "", "../libexec/strongroom/", "../libexec/" };
	char path[PATH_MAX];

	words[-1] = (char *)name; /* argv[0] of the program */
	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		if (!beside(folders[i], name, path) || access(path, X_OK))
			continue;
		fflush(NULL);
		execv(path, words - 1);
		return fail_set(f, ERR_IO, 0, "%.180s: %s", path, strerror(errno));
	}
	return fail_set(f, ERR_NOT_FOUND, 0, "%s is not installed beside strongroom", name);
}

/* Their only form is never run: main hands the command line over. */
static const struct officer_form ca_forms[] = {
	{ "", "COMMAND [OPTION...]", 0, -1,
	  "`strongroom ca --help` lists its commands: init, issue, renew, revoke, crl, list, ...", NULL, NULL },
	{ 0 },
};

const struct officer_command command_ca = {
	.name = "ca",
	.summary = "the certification authority",
	.text =
	    "Runs the program `strongroom-ca`, which stands beside this one: it makes the root in a token, and issues, "
	    "renews, revokes and lists the certificates of HSM 1, operation terminals, operator cards, MTMS, DC and "
	    "KMS (docs/ca.md). All words and options behind `ca` are its own; so are standard input and output, "
	    "signals "
	    "and the exit status.",
	.forms = ca_forms,
	.program = "strongroom-ca",
	.examples = "strongroom ca init --dir ca --token "
		    "'pkcs11:token=CA?pin-source=/etc/strongroom/ca.pin'\nstrongroom ca list --dir ca",
};

static const struct officer_form opterm_forms[] = {
	{ "", "COMMAND [OPTION...]", 0, -1,
	  "`strongroom opterm --help` lists its commands: card-init, card-certificate, collect, ...", NULL, NULL },
	{ 0 },
};

const struct officer_command command_opterm = {
	.name = "opterm",
	.summary = "the operation terminal of a production line",
	.text = "Runs the program `opterm`, which stands beside this one: it collects the TKs of a production order's "
		"terminals "
		"with an operator card and delivers them to the MTMS. All words and options behind `opterm` are its "
		"own; so "
		"are standard input and output, signals and the exit status.",
	.forms = opterm_forms,
	.program = "opterm",
	.examples = "strongroom opterm collect --help",
};
