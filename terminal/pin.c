/* SPDX-License-Identifier: BSD-2-Clause */
#include "file.h"
#include "pin.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>

enum err pin_make(const char *path, struct secret *ret, struct fail *f)
{
	static const char letters[] = "abcdefghijkmnopqrstuvwxyz23456789ABCDEFGHJKLMNPQRSTUVWXYZ-_.,+=*/";
	_Static_assert(sizeof(letters) - 1 >= 64, "six bits choose a letter");
	SECRET_AUTO pin = { 0 };
	enum err e = ERR_OK;
	if (!secret_init(&pin, PIN_MAX + 1))
		return fail_set(f, ERR_NO_MEMORY, 0, "out of memory");
	if (getrandom(pin.p, 24, 0) != 24)
		return fail_set(f, ERR_INTERNAL, 0, "no random bytes");
	for (size_t i = 0; i < 24; i++)
		pin.p[i] = (uint8_t)letters[pin.p[i] & 63];
	pin.len = 24;
	e = file_create(path, 0600, secret_view(&pin), f);
	if (e == ERR_OK)
		secret_move(ret, &pin);
	return e;
}
