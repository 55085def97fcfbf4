/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire.h"

/* Which structure a parameter is. The table comes from the mechanism table of the module (wire_mechanisms_make.c). */

const struct wire_mechanism *wire_mechanism(CK_MECHANISM_TYPE type)
{
	size_t low = 0, high = wire_mechanism_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (wire_mechanisms[middle].type == type)
			return &wire_mechanisms[middle];
		if (wire_mechanisms[middle].type < type)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

enum wire_form wire_form(CK_MECHANISM_TYPE type, enum wire_context context, size_t len, const struct wire_struct **ret)
{
	const struct wire_mechanism *m = wire_mechanism(type);

	if (m == NULL)
		return WIRE_NOTHING;
	if (m->flat == WIRE_FLAT_ANY ? len <= WIRE_PARAM_MAX : m->flat == len)
		return WIRE_FLAT;
	for (size_t i = 0; m->params[i] != 0; i++) {
		const struct wire_struct *s = wire_params(m->params[i] - 1u);

		if (s->size == len && s->message == (context == WIRE_MESSAGE)) {
			*ret = s;
			return WIRE_STRUCTURE;
		}
	}
	return len <= WIRE_PARAM_MAX ? WIRE_HOLLOW : WIRE_NOTHING;
}
