/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What measuring is made of: the clock, the slice, the processor, memory; and the table. */

double bench_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double bench_slice(struct work *w, double seconds)
{
	double start = bench_now(), took;
	uint64_t done = 0;

	if (w->batch == 0)
		w->batch = 1;
	do {
		uint64_t n = w->batch;
		double before = bench_now();

		if (w->most > 0 && n > w->most - done)
			n = w->most - done;
		for (uint64_t i = 0; i < n; i++)
			if (!w->run(w->state))
				return -1;
		done += n;
		took = bench_now();
		/* Look at the clock about fifty times in a slice. */
		if (n == w->batch && took - before < seconds / 100 && w->batch < 1u << 20)
			w->batch *= 2;
		else if (took - before > seconds / 20 && w->batch > 1)
			w->batch /= 2;
	} while (took - start < seconds && (w->most == 0 || done < w->most));
	if (w->clear != NULL)
		w->clear(w->state);
	return (double)done / (took - start);
}

void bench_pin(unsigned n)
{
	cpu_set_t all, one;
	unsigned count, at = 0;

	if (sched_getaffinity(0, sizeof(all), &all) != 0)
		return;
	count = (unsigned)CPU_COUNT(&all);
	if (count < 2)
		return;
	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &all) || at++ != n % count)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		sched_setaffinity(0, sizeof(one), &one);
		return;
	}
}

size_t bench_memory(void)
{
	char line[128];
	size_t kib = 0;
	FILE *f = fopen("/proc/self/status", "r");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "VmRSS: %zu", &kib) == 1)
			break;
	if (f != NULL)
		fclose(f);
	return kib;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, unsigned n)
{
	qsort(v, n, sizeof(*v), by_size);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* figure: over the rounds of a run, the median of the rate of a side, or of its ratio to the floor. */
static double figure(const struct bench_result *r, unsigned run, enum bench_side side, bool ratio)
{
	double v[BENCH_ROUNDS_MAX];

	for (unsigned i = 0; i < r->rounds; i++) {
		v[i] = r->rate[run][i][side];
		if (ratio)
			v[i] /= r->rate[run][i][SIDE_FLOOR];
	}
	return median(v, r->rounds);
}

/* over_runs: the median over the runs; the least and the most. */
static double over_runs(const struct bench_result *r, enum bench_side side, bool ratio, double *ret_min,
			double *ret_max)
{
	double v[BENCH_RUNS_MAX];
	double middle;

	for (unsigned i = 0; i < r->runs; i++)
		v[i] = figure(r, i, side, ratio);
	middle = median(v, r->runs);
	*ret_min = v[0];
	*ret_max = v[r->runs - 1];
	return middle;
}

#define ROOM 0.03 /* below the figure, and it still holds */
static unsigned hold, fail;
static char failed[256][96];

static const char *judge(const char *name, const char *keys, const char *mode, double reach, bool holds)
{
	if (reach <= 0)
		return "";
	if (holds) {
		hold++;
		return "holds";
	}
	if (fail < sizeof(failed) / sizeof(failed[0]))
		snprintf(failed[fail], sizeof(failed[0]), "%s (%s, %s)", name, keys, mode);
	fail++;
	return "short";
}

#define LINE "%-39s %-7s %-6s"

void bench_print_head(const struct bench_options *o)
{
	if (o->memory > 0) {
		printf("%"
		       "-39s %-7s %14s %12s\n",
		       "case", "keys", "operations", "growth");
		return;
	}
	printf("module, floor%s by turns; %u runs of %u rounds, %g s a slice; ratios: median of the runs [least, "
	       "most]\n\n",
	       o->softhsm != NULL ? ", SoftHSMv2" : "", o->runs, o->rounds, o->seconds);
	printf(LINE " %12s %12s %7s %15s %6s %-6s %12s %7s\n", "case", "keys", "mode", "module /s", "floor /s", "ratio",
	       "[spread]", "reach", "", "SoftHSM /s", "ratio");
}

void bench_print(const struct bench_row *row, const char *keys, const char *mode, double reach,
		 const struct bench_result *r)
{
	double least, most, ratio, rate, min, max;
	char spread[32], wanted[16] = "";

	ratio = over_runs(r, SIDE_MODULE, true, &least, &most);
	rate = over_runs(r, SIDE_MODULE, false, &min, &max);
	snprintf(spread, sizeof(spread), "[%.2f, %.2f]", least, most);
	if (reach > 0)
		snprintf(wanted, sizeof(wanted), "%.2f", reach);
	printf(LINE " %12.0f %12.0f %7.2f %15s %6s %-6s", row->name, keys, mode, rate,
	       over_runs(r, SIDE_FLOOR, false, &min, &max), ratio, spread, wanted,
	       judge(row->name, keys, mode, reach, ratio >= reach - ROOM));
	if (r->sides & 1u << SIDE_SOFTHSM)
		printf(" %12.0f %7.2f", over_runs(r, SIDE_SOFTHSM, false, &min, &max),
		       over_runs(r, SIDE_SOFTHSM, true, &least, &most));
	printf("\n");
	fflush(stdout);
}

void bench_print_value(const struct bench_row *row, const char *unit, const struct bench_result *r)
{
	double least, most, value = over_runs(r, SIDE_MODULE, false, &least, &most);
	char spread[32];

	snprintf(spread, sizeof(spread), "[%.2f, %.2f]", least, most);
	printf(LINE " %9.2f %-2s %12s %7s %15s %6.2f %-6s\n", row->name, "", "", value, unit, "", "", spread,
	       row->reach[0], judge(row->name, "at most", unit, row->reach[0], value <= row->reach[0]));
	fflush(stdout);
}

void bench_print_memory(const struct bench_row *row, const char *keys, uint64_t operations, long kib)
{
	/* The allocator's own; a leak of a byte an operation shows from a million operations on. */
	printf("%-39s %-7s %14llu %8ld KiB %s\n", row->name, keys, (unsigned long long)operations, kib,
	       judge(row->name, keys, "memory", 1, kib <= 256));
	fflush(stdout);
}

void bench_summary(void)
{
	printf("\n%u of %u figures hold\n", hold, hold + fail);
	for (unsigned i = 0; i < fail && i < sizeof(failed) / sizeof(failed[0]); i++)
		printf("short: %s\n", failed[i]);
}
