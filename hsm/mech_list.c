/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints the mechanism table for programs: number, name, length of the parameter (-1: any), what the parameter is; tabs
 * between, a line per row, sorted by number.
 */
#include <stdio.h>
#include <stdlib.h>

#include "mech.h"

static int by_number(const void *a, const void *b)
{
	const struct mech_row *x = *(const struct mech_row *const *)a, *y = *(const struct mech_row *const *)b;

	return x->type < y->type ? -1 : x->type > y->type;
}

int main(void)
{
	size_t n = mech_row_count();
	const struct mech_row **rows = calloc(n, sizeof(const struct mech_row *));

	if (rows == NULL)
		return 1;
	for (size_t i = 0; i < n; i++)
		rows[i] = mech_row_at(i);
	qsort(rows, n, sizeof(const struct mech_row *), by_number);
	for (size_t i = 0; i < n; i++)
		printf("0x%lx\t%s\t%ld\t%s\n", rows[i]->type, rows[i]->name,
		       rows[i]->param->size == PARAM_ANY_SIZE ? -1L : (long)rows[i]->param->size, rows[i]->param->text);
	free(rows);
	return 0;
}
