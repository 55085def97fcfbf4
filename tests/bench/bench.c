/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench.h"

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>
#include "temp.h"

/*
 * This process measures nothing: two others do, who load the modules once, and for each case of the store one of its
 * own. It tells them by pipes what to do, they leave rates in shared memory.
 */
enum word { WORD_READY, WORD_DROP, WORD_GO, WORD_MEMORY };

struct command {
	enum word word;
	size_t row;
	bool token;
	unsigned lanes; /* of this process */
	unsigned sides; /* WORD_GO */
};

struct shared {
	pthread_barrier_t barrier; /* of the lanes of a mode */
	struct bench_result lane[BENCH_LANES];
	long grown; /* WORD_MEMORY: KiB */
};

static struct shared *shared;
static pid_t owner; /* of the two directories */
static char disk[128], fast[128];
static struct bench_options options = {
	.runs = 5,
	.rounds = 5,
	.seconds = 0.02,
	.objects = 100000,
	.records = 1000000,
	.modes = { true, true, true },
	.keys = { true, true },
};

void bench_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "bench: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	if (getpid() == owner) {
		temp_remove(disk);
		temp_remove(fast);
	}
	_exit(1);
}

/* A process that measures: its lanes, with the works of the case that is on. */
struct worker {
	unsigned first; /* its first lane */
	struct place place[2][SIDES];
	bool there[SIDES];
	struct work work[2][SIDES];
};

struct lane {
	struct worker *worker;
	unsigned number;
	const struct command *command;
};

static void *lane_run(void *arg)
{
	struct lane *l = arg;
	unsigned lane = l->worker->first + l->number;
	struct bench_result *r = &shared->lane[lane];

	bench_pin(lane == 0 ? 0 : 1);
	for (unsigned run = 0; run < options.runs; run++) {
		for (unsigned round = 0; round < options.rounds; round++) {
			for (unsigned side = 0; side < SIDES; side++) {
				if (!(l->command->sides & 1u << side))
					continue;
				pthread_barrier_wait(&shared->barrier);
				r->rate[run][round][side] =
				    bench_slice(&l->worker->work[l->number][side], options.seconds);
				if (r->rate[run][round][side] < 0)
					bench_fail("%s: an operation failed", bench_rows[l->command->row].name);
			}
		}
	}
	return NULL;
}

static void worker_go(struct worker *w, const struct command *c)
{
	struct lane lane[2];
	pthread_t thread[2];

	for (unsigned i = 0; i < c->lanes; i++) {
		lane[i] = (struct lane){ w, i, c };
		if (pthread_create(&thread[i], NULL, lane_run, &lane[i]) != 0)
			bench_fail("no thread");
	}
	for (unsigned i = 0; i < c->lanes; i++)
		pthread_join(thread[i], NULL);
}

static void worker_drop(struct worker *w)
{
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned side = 0; side < SIDES; side++) {
			if (w->work[i][side].state != NULL)
				w->work[i][side].drop(w->work[i][side].state);
			w->work[i][side] = (struct work){ 0 };
		}
	}
}

/* worker_ready: the works of a case; answers the sides that have it. */
static unsigned worker_ready(struct worker *w, const struct command *c)
{
	const struct bench_row *row = &bench_rows[c->row];
	unsigned sides = 1u << SIDE_FLOOR;

	for (unsigned i = 0; i < c->lanes; i++) {
		work_floor(row, &w->work[i][SIDE_FLOOR]);
		for (unsigned side = 0; side < SIDES; side++) {
			if (side == SIDE_FLOOR || !w->there[side])
				continue;
			if (work_module(&w->place[i][side], row, c->token, &w->work[i][side]))
				sides |= 1u << side;
			else
				w->work[i][side] = (struct work){ 0 };
		}
	}
	return sides;
}

/* worker_memory: how this process grows by so many operations, after some to warm up. */
static void worker_memory(struct worker *w)
{
	struct work *m = &w->work[0][SIDE_MODULE];
	uint64_t warm = options.memory / 10 + 1;
	size_t before = 0;

	for (uint64_t i = 0; i < warm + options.memory; i++) {
		if (i == warm)
			before = bench_memory();
		if (!m->run(m->state))
			bench_fail("an operation failed");
		if (m->most > 0 && i % m->most == m->most - 1)
			m->clear(m->state);
	}
	shared->grown = (long)bench_memory() - (long)before;
}

static void worker_open(struct worker *w, bool make)
{
	const char *module[SIDES] = { options.module, NULL, options.softhsm };

	for (unsigned side = 0; side < SIDES; side++) {
		if (module[side] == NULL)
			continue;
		w->there[side] = place_open(&w->place[0][side], module[side], side == SIDE_MODULE, make) &&
				 place_lane(&w->place[0][side], &w->place[1][side]);
	}
	if (!w->there[SIDE_MODULE])
		bench_fail("%s: no token can be made", options.module);
}

static void worker_main(unsigned first, int in, int out)
{
	static struct worker w;
	struct command c;
	unsigned answer = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	w.first = first;
	worker_open(&w, first == 0);
	if (write(out, &answer, sizeof(answer)) != sizeof(answer))
		_exit(1);
	while (read(in, &c, sizeof(c)) == sizeof(c)) {
		answer = 0;
		if (c.word == WORD_READY)
			answer = worker_ready(&w, &c);
		else if (c.word == WORD_DROP)
			worker_drop(&w);
		else if (c.word == WORD_GO)
			worker_go(&w, &c);
		else
			worker_memory(&w);
		if (write(out, &answer, sizeof(answer)) != sizeof(answer))
			_exit(1);
	}
	_exit(0);
}

struct process {
	pid_t pid;
	int to, from;
};

static unsigned answer_of(const struct process *p)
{
	unsigned answer;

	if (read(p->from, &answer, sizeof(answer)) != sizeof(answer))
		bench_fail("a measuring process ended");
	return answer;
}

static void process_start(struct process *p, unsigned first, const struct process *other)
{
	int to[2], from[2];

	if (pipe(to) != 0 || pipe(from) != 0 || (p->pid = fork()) < 0)
		bench_fail("no process");
	if (p->pid == 0) {
		/* The other one must see the end of its pipe. */
		if (other != NULL)
			close(other->to);
		close(to[1]);
		close(from[0]);
		worker_main(first, to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	p->to = to[1];
	p->from = from[0];
	answer_of(p);
}

static void tell(const struct process *p, const struct command *c)
{
	if (write(p->to, c, sizeof(*c)) != sizeof(*c))
		bench_fail("a measuring process ended");
}

static unsigned ask(const struct process *p, const struct command *c)
{
	tell(p, c);
	return answer_of(p);
}

static void barrier_make(unsigned lanes)
{
	pthread_barrierattr_t a;

	pthread_barrierattr_init(&a);
	pthread_barrierattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&shared->barrier, &a, lanes);
}

/* add: the rates of several lanes are one result. */
static void add(struct bench_result *sum, const struct bench_result *one)
{
	for (unsigned run = 0; run < options.runs; run++)
		for (unsigned round = 0; round < options.rounds; round++)
			for (unsigned side = 0; side < SIDES; side++)
				sum->rate[run][round][side] += one->rate[run][round][side];
}

static void measure(struct process p[2], size_t row, bool token, enum bench_mode mode)
{
	static const char *const names[MODES] = { "T1", "T2", "P2" };
	static struct bench_result sum;
	unsigned processes = mode == MODE_P2 ? 2 : 1, lanes = mode == MODE_T1 ? 1 : 2;
	struct command c = { .word = WORD_READY, .row = row, .token = token, .lanes = mode == MODE_T2 ? 2 : 1 };
	const double *reach = bench_rows[row].reach;

	sum = (struct bench_result){ .sides = ~0u, .runs = options.runs, .rounds = options.rounds };
	memset(shared->lane, 0, sizeof(shared->lane));
	for (unsigned i = 0; i < processes; i++)
		sum.sides &= ask(&p[i], &c);
	if (!(sum.sides & 1u << SIDE_MODULE))
		bench_fail("%s: the module does not do it", bench_rows[row].name);
	barrier_make(lanes);
	c.word = WORD_GO;
	c.sides = sum.sides;
	for (unsigned i = 0; i < processes; i++)
		tell(&p[i], &c);
	for (unsigned i = 0; i < processes; i++)
		answer_of(&p[i]);
	c.word = WORD_DROP;
	for (unsigned i = 0; i < processes; i++)
		ask(&p[i], &c);
	for (unsigned i = 0; i < BENCH_LANES; i++)
		add(&sum, &shared->lane[i]);
	bench_print(&bench_rows[row],
		    !bench_has_key(&bench_rows[row]) ? ""
		    : token                          ? "token"
						     : "session",
		    names[mode],
		    mode == MODE_P2                   ? 0
		    : mode == MODE_T2 && reach[1] > 0 ? reach[1]
						      : reach[0],
		    &sum);
}

static void memory(struct process p[2], size_t row, bool token)
{
	struct command c = { .word = WORD_READY, .row = row, .token = token, .lanes = 1 };

	ask(&p[0], &c);
	c.word = WORD_MEMORY;
	ask(&p[0], &c);
	c.word = WORD_DROP;
	ask(&p[0], &c);
	bench_print_memory(&bench_rows[row], token ? "token" : "session", options.memory, shared->grown);
}

static void operations(struct process p[2], size_t row)
{
	for (unsigned token = 0; token < 2; token++) {
		if (!options.keys[token] && (bench_has_key(&bench_rows[row]) || token))
			continue;
		if (token && !bench_has_key(&bench_rows[row]))
			continue;
		if (options.memory > 0)
			memory(p, row, token);
		for (enum bench_mode mode = 0; mode < MODES && options.memory == 0; mode++)
			if (options.modes[mode])
				measure(p, row, token, mode);
	}
}

/* store: in a process of its own. */
static void store(const struct bench_row *row)
{
	struct bench_result *r = &shared->lane[0];
	pid_t pid;
	int status;

	memset(r, 0, sizeof(*r));
	r->runs = options.runs;
	r->rounds = options.rounds;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		bench_store(row, &options, r);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		bench_fail("%s failed", row->name);
	if (row->family == BENCH_COLD || row->family == BENCH_LISTING)
		bench_print_value(row, row->family == BENCH_COLD ? "ms" : "MiB", r);
	else
		bench_print(row, "token", row->family == BENCH_CREATE ? "" : "T1", row->reach[0], r);
}

static bool chosen(const struct bench_row *row)
{
	for (size_t i = 0; i < options.rows_n; i++)
		if (strcasestr(row->name, options.rows[i]) != NULL)
			return true;
	return options.rows_n == 0;
}

static void all_rows(void)
{
	struct process p[2];
	bool started = false;

	for (size_t i = 0; i < bench_row_count; i++) {
		const struct bench_row *row = &bench_rows[i];

		if (!chosen(row) || (bench_of_store(row) && (row->size > options.objects || options.memory > 0)))
			continue;
		if (!bench_of_store(row) && !started) {
			process_start(&p[0], 0, NULL);
			process_start(&p[1], 2, &p[0]);
			started = true;
		}
		if (bench_of_store(row))
			store(row);
		else
			operations(p, i);
	}
	for (unsigned i = 0; started && i < 2; i++) {
		close(p[i].to);
		waitpid(p[i].pid, NULL, 0);
	}
}

static void usage(void)
{
	fprintf(stderr,
		"usage: bench [option]... [PART]...      the cases whose names hold a PART; none: all\n"
		"  --module FILE        libstrongroom-pkcs11.so\n"
		"  --softhsm FILE|none  libsofthsm2.so (default: where Debian puts it)\n"
		"  --runs N --rounds N --seconds S   runs of so many rounds, slices of so many seconds (5, 5, 0.02)\n"
		"  --modes T1,T2,P2     one thread, two threads, two processes (all)\n"
		"  --keys session,token keys of the session, of the token (both)\n"
		"  --objects N          store cases of up to so many objects (100000; there are some of 1000000)\n"
		"  --records N          records of the LMDB that finding is compared with (1000000)\n"
		"  --memory N           instead of times: how memory grows by N operations of each case\n"
		"  --dir DIR            where the tokens are (default: TMPDIR); --fast DIR: for finding (/dev/shm)\n"
		"  --list               the cases and what they are to reach\n");
	exit(2);
}

static void list(void)
{
	for (size_t i = 0; i < bench_row_count; i++) {
		const struct bench_row *row = &bench_rows[i];

		printf("%-39s %.2f", row->name, row->reach[0]);
		if (row->reach[1] > 0)
			printf(" / %.2f", row->reach[1]);
		printf("\n");
	}
	exit(0);
}

static unsigned number(const char *text, unsigned most)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*end != '\0' || n == 0 || n > most)
		usage();
	return (unsigned)n;
}

/* words: which of these names stand in the text. */
static void words(const char *text, const char *const names[], size_t n, bool *ret)
{
	for (size_t i = 0; i < n; i++)
		ret[i] = strstr(text, names[i]) != NULL;
}

static void parse(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "module", 1, NULL, 'm' },  { "softhsm", 1, NULL, 's' },
		{ "runs", 1, NULL, 'r' },    { "rounds", 1, NULL, 'o' },
		{ "seconds", 1, NULL, 't' }, { "modes", 1, NULL, 'p' },
		{ "keys", 1, NULL, 'k' },    { "objects", 1, NULL, 'n' },
		{ "records", 1, NULL, 'c' }, { "memory", 1, NULL, 'g' },
		{ "dir", 1, NULL, 'd' },     { "fast", 1, NULL, 'f' },
		{ "list", 0, NULL, 'l' },    { 0 },
	};
	static const char *const modes[] = { "T1", "T2", "P2" }, *const keys[] = { "session", "token" };
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (c) {
		case 'm':
			options.module = optarg;
			break;
		case 's':
			options.softhsm = optarg;
			break;
		case 'r':
			options.runs = number(optarg, BENCH_RUNS_MAX);
			break;
		case 'o':
			options.rounds = number(optarg, BENCH_ROUNDS_MAX);
			break;
		case 't':
			options.seconds = strtod(optarg, NULL);
			break;
		case 'p':
			words(optarg, modes, MODES, options.modes);
			break;
		case 'k':
			words(optarg, keys, 2, options.keys);
			break;
		case 'n':
			options.objects = number(optarg, 1000000000);
			break;
		case 'c':
			options.records = number(optarg, 1000000000);
			break;
		case 'g':
			options.memory = number(optarg, 1000000000);
			break;
		case 'd':
			options.dir = optarg;
			break;
		case 'f':
			options.fast = optarg;
			break;
		case 'l':
			list();
			break;
		default:
			usage();
		}
	}
	options.rows = (char const *const *)&argv[optind];
	options.rows_n = (size_t)(argc - optind);
	if (options.module == NULL || !(options.seconds > 0 && options.seconds <= 60))
		usage();
}

static const char *softhsm(void)
{
	static const char *const places[] = { "/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so",
					      "/usr/lib64/pkcs11/libsofthsm2.so" };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (access(places[i], R_OK) == 0)
			return places[i];
	return NULL;
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "--child") == 0)
		return bench_child(argc - 2, argv + 2);
	parse(argc, argv);
	if (options.softhsm == NULL)
		options.softhsm = softhsm();
	else if (strcmp(options.softhsm, "none") == 0)
		options.softhsm = NULL;
	if (options.dir != NULL)
		setenv("TMPDIR", options.dir, 1);
	temp_dir(disk);
	if (options.fast == NULL && access("/dev/shm", W_OK) == 0)
		options.fast = "/dev/shm";
	if (options.fast != NULL)
		setenv("TMPDIR", options.fast, 1);
	temp_dir(fast);
	options.dir = disk;
	options.fast = fast;
	owner = getpid();
	place_settings(disk);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		bench_fail("no memory");
	bench_print_head(&options);
	all_rows();
	bench_summary();
	temp_remove(disk);
	temp_remove(fast);
	return 0;
}
