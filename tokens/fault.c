/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "store_inner.h"

static _Thread_local char fault[STORE_FAULT_MAX];

int store_fault(int e, const char *path, const char *format, ...)
{
	char text[STORE_FAULT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* A path that leaves no room for the text loses its beginning. */
	size_t have = strlen(path), room = sizeof(fault) - 3 - strnlen(text, sizeof(fault) / 2);
	snprintf(fault, sizeof(fault), "%s: %s", have > room ? path + (have - room) : path, text);
	return e;
}

int store_fault_errno(int rc, const char *path, const char *what)
{
	return store_fault(store_error(rc), path, "%s: %s", what, mdb_strerror(rc));
}

bool store_fault_take(char ret_text[STORE_FAULT_MAX])
{
	if (!fault[0])
		return false;
	memcpy(ret_text, fault, sizeof(fault));
	fault[0] = 0;
	return true;
}
