/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HSM_PADDED_H
#define HSM_PADDED_H

#include <string.h>

/* padded: text in a field of PKCS#11's fixed size, blanks behind it, no zero byte. */
static inline void padded(unsigned char *field, size_t size, const char *text)
{
	size_t n = strlen(text);

	memset(field, ' ', size);
	memcpy(field, text, n < size ? n : size);
}

#endif
