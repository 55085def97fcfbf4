/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_RAW_KIT_H
#define TESTS_RAW_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The databases of a token behind the module's back, in the directory of ck_test.h, with no module open. */
struct raw {
	uint8_t *key, *value;
	size_t key_len, len;
};
struct raws {
	struct raw *p;
	size_t n;
};

/* raw_read: all records of a database. raw_put: puts them back; only: and removes all others. raw_done takes them. */
struct raws raw_read(const char *serial, const char *name);
void raw_put(const char *serial, const char *name, const struct raws *r, bool only);
void raw_done(struct raws *r);
/* raw_of: the record of this name; fails the test when there is none. */
const struct raw *raw_of(const struct raws *r, const char *name);

#endif
