/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KMS_TEMPLATE_ROWS_H
#define KMS_TEMPLATE_ROWS_H

#include "template.h"

/* The rows behind template.h. */
#define PLACEHOLDERS_MAX 14
struct template_row {
	const char *name;
	const char *kind;
	const char *when;
	const char *placeholders[PLACEHOLDERS_MAX];
	const char *subject[TEMPLATE_LANGUAGES];
	const char *body[TEMPLATE_LANGUAGES];
};
extern const struct template_row template_rows[TEMPLATE_EVENTS];

struct placeholder_row {
	const char *name;
	bool lines; /* several: not for subjects */
	const char *help;
};
extern const struct placeholder_row placeholder_rows[];
extern const size_t placeholder_rows_count;

#endif
