/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "kms_rig_own.h"

#define SOFTHSM "/usr/lib/softhsm/libsofthsm2.so"

void rig_run(const char *format, ...)
{
	char command[1500];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	if (system(command) != 0)
		rig_die("failed: %s", command);
}

void rig_identities(struct rig *r)
{
	static const struct {
		const char *role;
		const char *name; /* files are named by role */
	} of[] = { { "kms", "ACME" }, { "dc", "dc1" }, { "mtms", "mtms1" } };
	const char *ca = getenv("STRONGROOM_CA");

	if (!ca)
		rig_die("STRONGROOM_CA is not set");
	rig_run("cd %s && mkdir vault && echo directories.tokendir=$PWD/vault >vault.conf", r->dir);
	rig_run("cd %s && umask 077 && echo 24681012 >vault.pin", r->dir);
	rig_run("cd %s && SOFTHSM2_CONF=vault.conf softhsm2-util --init-token --free --label CA --so-pin 13579"
		" --pin 24681012 >ca.log 2>&1",
		r->dir);
	rig_run("cd %s && SOFTHSM2_CONF=vault.conf %s init --dir ca --token"
		" \"pkcs11:token=CA?module-path=" SOFTHSM "&pin-source=$PWD/vault.pin\" >>ca.log 2>&1",
		r->dir, ca);
	for (size_t i = 0; i < ARRAY_LEN(of); i++)
		rig_run("cd %s && { SOFTHSM2_CONF=vault.conf %s issue --dir ca --role %s --name %s --san IP:127.0.0.1"
			" --key-out %s.key --out %s.pem >>ca.log 2>&1 || { cat ca.log; exit 1; }; }",
			r->dir, ca, of[i].role, of[i].name, of[i].role, of[i].role);
}
