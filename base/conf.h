/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include "err.h"

/*
 * Configuration files: `key = value` lines with [sections], `#` comments, read with inih. A caller names the keys it
 * knows in a table; an unknown key, a repeated key or a malformed line is an error that names file, line and key.
 * A section that ends in ` *` in the table is a family: `[customer ACME]` has the keys of `customer *`.
 */
struct conf_key {
	const char *section; /* "" for keys before the first section; `customer *`: a family */
	const char *name;
	const char *fallback; /* value when absent; NULL: absent stays absent; CONF_REQUIRED: an error */
	const char *help;
};
#define CONF_REQUIRED ((const char *)-1)

struct conf;

/* conf_load: path NULL: fallbacks only. On error returns false and a text in ret_error (256 bytes). */
bool conf_load(const char *path, const struct conf_key *keys, size_t count, struct conf **ret,
	       char ret_error[256]) MUST_CHECK;
struct conf_over {
	const char *section;
	const char *name;
	const char *value; /* NULL: not given */
};
/* conf_load_over: conf_load with one value of the command line, which stands above the file's. */
bool conf_load_over(const char *path, const struct conf_key *keys, size_t count, const struct conf_over *over,
		    struct conf **ret, char ret_error[256]) MUST_CHECK;
/* conf_get: value or NULL; the pointer lives as long as the conf. A key that is not in the table has none. */
const char *conf_get(const struct conf *c, const char *section, const char *name);
/* conf_number: a number of the configuration within min..max; the key must have a value. ERR_CONFIG names it. */
enum err conf_number(const struct conf *c, const char *section, const char *name, unsigned long min, unsigned long max,
		     unsigned long *ret, struct fail *f) MUST_CHECK;
/* conf_member: name of the i-th section of a family in the file (`ACME`), in order of appearance; NULL: no more. */
const char *conf_member(const struct conf *c, const char *family, size_t i);
void conf_free(struct conf *c);

#endif
