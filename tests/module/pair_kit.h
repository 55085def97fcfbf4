/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_PAIR_KIT_H
#define TESTS_PAIR_KIT_H

#include "mech_kit.h"

/*
 * Vector files about pairs: lines of name=value fields, values hex or words. A line that begins with pair= gives a key
 * its numbers; others name it. Numbers are as long as the keys are.
 */
#define PAIR_FIELDS 24
struct pair_line {
	unsigned line;
	size_t count;
	struct pair_field {
		char name[16];
		char *text;
		uint8_t *p; /* the bytes, when the text is hex */
		size_t n;
	} fields[PAIR_FIELDS];
};

/* pair_text, pair_bytes: of a field; NULL, empty: it is not there. pair_number: a decimal field. */
const char *pair_text(const struct pair_line *l, const char *name);
struct view pair_bytes(const struct pair_line *l, const char *name);
CK_ULONG pair_number(const struct pair_line *l, const char *name);
/* pair_lines: calls each for every line but those that begin with pair=; pair is the line that the line names,
 * NULL: none. */
unsigned pair_lines(const char *file, void (*each)(const struct pair_line *l, const struct pair_line *pair));
/* pair_hash, pair_mgf: CKM_ and CKG_MGF1_ of SHA1, SHA256, SHA3_256 ... */
CK_MECHANISM_TYPE pair_hash(const char *name);
CK_RSA_PKCS_MGF_TYPE pair_mgf(const char *name);
/* pair_put: an attribute of bytes, when there are any; answers the new count. */
CK_ULONG pair_put(CK_ATTRIBUTE *t, CK_ULONG n, CK_ATTRIBUTE_TYPE type, struct view v);
/*
 * pair_rsa: session objects of an RSA key: its public half, and its private half (0: the line has no d), with these
 * usages, not sensitive, extractable.
 */
void pair_rsa(const struct pair_line *pair, CK_FLAGS uses, CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private);
/* pair_usages: adds the usage attributes that a half of a pair may have, of those asked for. */
CK_ULONG pair_usages(CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_CLASS half, CK_FLAGS uses);

#endif
