/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The cases of the store: each in a process of its own, on a token of its own. */
#define THREADS_MAX 64
#define STORE_SLICE 10 /* times as long as a slice of an operation: the disk has a rhythm of its own */

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

/* make_key: a token key with label and id; private: seen by the user alone. */
static bool make_key(const struct place *p, size_t number, bool private)
{
	CK_MECHANISM m = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ULONG len = 32;
	CK_OBJECT_HANDLE h;
	char text[32];
	CK_ATTRIBUTE t[] = {
		{ CKA_TOKEN, &yes, 1 },     { CKA_PRIVATE, private ? &yes : &no, 1 },
		{ CKA_SENSITIVE, &yes, 1 }, { CKA_EXTRACTABLE, &no, 1 },
		{ CKA_ENCRYPT, &yes, 1 },   { CKA_VALUE_LEN, &len, sizeof(len) },
		{ CKA_LABEL, text, 0 },     { CKA_ID, text, 0 },
	};

	snprintf(text, sizeof(text), STORE_LABEL, number);
	t[6].ulValueLen = t[7].ulValueLen = strlen(text);
	return p->f->C_GenerateKey(p->session, &m, t, 8, &h) == CKR_OK;
}

struct crowd {
	const struct place *place;
	pthread_barrier_t start;
	atomic_size_t next, done;
	size_t end;      /* objects; or */
	double deadline; /* in time */
	atomic_bool failed;
};

static void *create(void *arg)
{
	struct crowd *c = arg;
	struct place p;

	if (!place_lane(c->place, &p))
		atomic_store(&c->failed, true);
	pthread_barrier_wait(&c->start);
	while (!atomic_load(&c->failed)) {
		size_t number = atomic_fetch_add(&c->next, 1);

		if (number >= c->end || bench_now() >= c->deadline)
			break;
		if (!make_key(&p, number, number % 2 == 0))
			atomic_store(&c->failed, true);
		atomic_fetch_add(&c->done, 1);
	}
	p.f->C_CloseSession(p.session);
	return NULL;
}

/* crowd_run: so many threads make keys; answers how many a second. */
static double crowd_run(const struct place *p, size_t threads, size_t first, size_t end, double seconds)
{
	pthread_t thread[THREADS_MAX];
	struct crowd c = { .place = p, .end = end };
	double start;

	atomic_init(&c.next, first);
	pthread_barrier_init(&c.start, NULL, (unsigned)threads + 1);
	c.deadline = bench_now() + seconds;
	for (size_t i = 0; i < threads; i++)
		if (pthread_create(&thread[i], NULL, create, &c) != 0)
			bench_fail("no thread");
	start = bench_now();
	c.deadline = start + seconds;
	pthread_barrier_wait(&c.start);
	for (size_t i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	if (atomic_load(&c.failed))
		bench_fail("an object cannot be made");
	return (double)atomic_load(&c.done) / (bench_now() - start);
}

static const char *store_dir(const struct bench_row *row, const struct bench_options *o, char ret[512])
{
	/* What waits for the disk stays on the disk; what only reads is made where that is quick. */
	bool disk = row->family == BENCH_CREATE || row->family == BENCH_BESIDE;
	struct stat st;

	snprintf(ret, 512, "%s/%s-%zu", disk || stat(o->fast, &st) != 0 ? o->dir : o->fast,
		 disk ? row->family == BENCH_CREATE ? "create" : "beside" : "store", row->size);
	return ret;
}

/* open_store: the token of this row; filled when it is new. */
static void open_store(const struct bench_row *row, const struct bench_options *o, struct place *p, char dir[512])
{
	bool new;

	store_dir(row, o, dir);
	new = mkdir(dir, 0700) == 0;
	place_settings(dir);
	if (!place_open(p, o->module, true, new))
		bench_fail("%s: no token", row->name);
	if (new && row->family != BENCH_CREATE)
		crowd_run(p, THREADS_MAX, 0, row->size, 1e6);
}

/* by_turns: module and floor, round by round. */
static void by_turns(struct work *module, struct work *floor, const struct bench_options *o, double seconds,
		     struct bench_result *ret)
{
	for (unsigned run = 0; run < o->runs; run++) {
		for (unsigned round = 0; round < o->rounds; round++) {
			double *rate = ret->rate[run][round];

			rate[SIDE_MODULE] = bench_slice(module, seconds);
			rate[SIDE_FLOOR] = bench_slice(floor, seconds);
			if (rate[SIDE_MODULE] < 0 || rate[SIDE_FLOOR] < 0)
				bench_fail("an operation of the %s failed", rate[SIDE_FLOOR] < 0 ? "floor" : "module");
		}
	}
}

static void find(const struct bench_row *row, const struct bench_options *o, struct bench_result *ret)
{
	struct work module, floor;
	struct place p;
	char dir[512];

	bench_pin(0);
	open_store(row, o, &p, dir);
	if (row->family == BENCH_FIND)
		work_find(&p, row, &module);
	else
		work_attributes(&p, row, &module);
	lmdb_gets(o->fast, o->records, &floor);
	by_turns(&module, &floor, o, o->seconds, ret);
	module.drop(module.state);
	floor.drop(floor.state);
}

/* token_path: the directory of the only token below dir. */
static void token_path(const char *dir, char ret[512])
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		if (strlen(e->d_name) == 16 && strspn(e->d_name, "0123456789abcdefABCDEF") == 16) {
			snprintf(ret, 512, "%.480s/%s", dir, e->d_name);
			closedir(d);
			return;
		}
	}
	bench_fail("%s holds no token", dir);
}

static bool make_one(void *ctx)
{
	return make_key(ctx, SIZE_MAX / 4, true);
}

static void creating(const struct bench_row *row, const struct bench_options *o, struct bench_result *ret)
{
	double seconds = o->seconds * STORE_SLICE;
	size_t number = 0;
	struct puts *puts;
	struct work floor;
	struct place p;
	char dir[512], token[512];

	open_store(row, o, &p, dir);
	crowd_run(&p, row->size, 0, 64, 1e6);
	token_path(dir, token);
	puts = puts_learn(token, make_one, &p);
	snprintf(token, sizeof(token), "%.480s/floor", dir);
	puts_work(puts, token, row->size, &floor);
	for (unsigned run = 0; run < o->runs; run++) {
		for (unsigned round = 0; round < o->rounds; round++) {
			number += 1000000;
			ret->rate[run][round][SIDE_MODULE] = crowd_run(&p, row->size, number, SIZE_MAX, seconds);
			ret->rate[run][round][SIDE_FLOOR] = bench_slice(&floor, seconds);
		}
	}
	floor.drop(floor.state);
	puts_free(puts);
}

/* child: this program once more, as bench_child. */
static pid_t child(const char *what, const struct bench_options *o)
{
	char *argv[] = { (char *)(uintptr_t) "bench", (char *)(uintptr_t) "--child", (char *)(uintptr_t)what,
			 (char *)(uintptr_t)o->module, NULL };
	pid_t pid;

	pid = fork();
	if (pid == 0) {
		execv("/proc/self/exe", argv);
		_exit(255);
	}
	if (pid < 0)
		bench_fail("no process");
	return pid;
}

static void beside(const struct bench_row *row, const struct bench_options *o, struct bench_result *ret)
{
	double seconds = o->seconds * STORE_SLICE;
	struct work module;
	struct place p;
	char dir[512];
	pid_t writer;

	open_store(row, o, &p, dir);
	work_find(&p, row, &module);
	writer = child("writer", o);
	bench_pin(0);
	sleep(1); /* until it has logged in; how it goes on is seen below */
	for (unsigned run = 0; run < o->runs; run++) {
		for (unsigned round = 0; round < o->rounds; round++) {
			double *rate = ret->rate[run][round];

			kill(writer, SIGCONT);
			rate[SIDE_MODULE] = bench_slice(&module, seconds);
			kill(writer, SIGSTOP);
			rate[SIDE_FLOOR] = bench_slice(&module, seconds);
			if (rate[SIDE_MODULE] < 0 || rate[SIDE_FLOOR] < 0 || waitpid(writer, NULL, WNOHANG) != 0)
				bench_fail("%s: an operation failed", row->name);
		}
	}
	kill(writer, SIGKILL);
	waitpid(writer, NULL, 0);
	module.drop(module.state);
}

/* took: milliseconds from the start of a child to its end. */
static double took(const char *what, const struct bench_options *o)
{
	double start = bench_now();
	pid_t pid = child(what, o);
	int status;

	if (waitpid(pid, &status, 0) != pid || status != 0)
		bench_fail("child %s failed", what);
	return (bench_now() - start) * 1e3;
}

static void cold(const struct bench_row *row, const struct bench_options *o, struct bench_result *ret)
{
	struct place p;
	char dir[512];

	open_store(row, o, &p, dir);
	p.f->C_Finalize(NULL);
	bench_pin(0);
	for (unsigned run = 0; run < o->runs; run++)
		for (unsigned round = 0; round < o->rounds; round++)
			ret->rate[run][round][SIDE_MODULE] = took("cold", o) - took("empty", o);
}

static void listing(const struct bench_row *row, const struct bench_options *o, struct bench_result *ret)
{
	struct place p;
	char dir[512];
	int status;
	pid_t pid;

	open_store(row, o, &p, dir);
	for (unsigned run = 0; run < o->runs; run++) {
		pid = child("listing", o);
		if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) == 255)
			bench_fail("child listing failed");
		for (unsigned round = 0; round < o->rounds; round++)
			ret->rate[run][round][SIDE_MODULE] = WEXITSTATUS(status);
	}
}

void bench_store(const struct bench_row *row, const struct bench_options *o, struct bench_result *ret)
{
	ret->sides = 1u << SIDE_MODULE | 1u << SIDE_FLOOR;
	switch (row->family) {
	case BENCH_CREATE:
		creating(row, o, ret);
		break;
	case BENCH_BESIDE:
		beside(row, o, ret);
		break;
	case BENCH_COLD:
		cold(row, o, ret);
		break;
	case BENCH_LISTING:
		listing(row, o, ret);
		break;
	default:
		find(row, o, ret);
	}
}

/* first_find: without a login, as a new process does it. */
static int first_find(struct place *p)
{
	char label[32];
	CK_ATTRIBUTE t = { CKA_LABEL, label, 0 };
	CK_OBJECT_HANDLE h;
	CK_ULONG n = 0;

	snprintf(label, sizeof(label), STORE_LABEL, (size_t)1);
	t.ulValueLen = strlen(label);
	if (p->f->C_FindObjectsInit(p->session, &t, 1) != CKR_OK ||
	    p->f->C_FindObjects(p->session, &h, 1, &n) != CKR_OK)
		return 1;
	return n == 1 && p->f->C_FindObjectsFinal(p->session) == CKR_OK ? 0 : 1;
}

static int list_all(struct place *p)
{
	CK_OBJECT_HANDLE h[256];
	CK_ULONG n = 0;
	size_t all = 0, mib;

	if (p->f->C_FindObjectsInit(p->session, NULL, 0) != CKR_OK)
		return 255;
	do {
		if (p->f->C_FindObjects(p->session, h, 256, &n) != CKR_OK)
			return 255;
		all += n;
	} while (n > 0);
	mib = (bench_memory() + 1023) / 1024;
	return all > 0 && mib < 254 ? (int)mib : 254;
}

int bench_child(int argc, char **argv)
{
	struct place p = { 0 };

	if (argc < 2)
		return 2;
	if (strcmp(argv[0], "empty") == 0)
		return 0;
	/* Where the token is stands in the environment. */
	if (strcmp(argv[0], "cold") == 0)
		return place_start(&p, argv[1], true) && place_lane(&p, &p) ? first_find(&p) : 1;
	if (!place_open(&p, argv[1], true, false))
		return 255;
	if (strcmp(argv[0], "listing") == 0)
		return list_all(&p);
	bench_pin(1);
	for (size_t i = 1u << 30; make_key(&p, i, true); i++)
		;
	return 1;
}
