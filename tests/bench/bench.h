/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_BENCH_H
#define TESTS_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "ck.h"

/*
 * The bench: how fast the module is, beside the limit (the floor: raw OpenSSL EVP, or LMDB, doing the same work) and
 * beside SoftHSMv2. docs/bench.md says how it measures and how its output is read. Every case is a row of bench_rows.c.
 */
enum bench_side { SIDE_MODULE, SIDE_FLOOR, SIDE_SOFTHSM, SIDES };
enum bench_mode { MODE_T1, MODE_T2, MODE_P2, MODES }; /* one thread, two threads, two processes */

#define BENCH_LANES 3 /* threads that ever measure: two of the first process, one of the second */
#define BENCH_RUNS_MAX 25
#define BENCH_ROUNDS_MAX 101

/* struct work: one operation, ready to be done again and again by one thread. */
struct work {
	void *state;
	bool (*run)(void *state);   /* false: it failed */
	void (*clear)(void *state); /* NULL, or what is not timed: after each slice */
	void (*drop)(void *state);  /* frees state */
	uint64_t most;              /* operations before clear; 0: any number */
	uint64_t batch;             /* bench_slice's own: operations between two looks at the clock */
};

/* What is done: families of cases. The pair of functions of each stands in bench_work.c, of the store in its own. */
enum bench_family {
	BENCH_CIPHER,
	BENCH_GCM,
	BENCH_MAC,
	BENCH_CBC_MAC,
	BENCH_RETAIL_MAC,
	BENCH_DIGEST,
	BENCH_SIGN,
	BENCH_VERIFY,
	BENCH_OAEP,
	BENCH_ECDH,
	BENCH_GENERATE,
	BENCH_WRAP,
	BENCH_UNWRAP,
	BENCH_RANDOM,
	BENCH_CREATE,
	BENCH_FIND,
	BENCH_ATTRIBUTES,
	BENCH_BESIDE,
	BENCH_COLD,
	BENCH_LISTING,
};

/*
 * struct bench_row: a case.
 *
 * mechanism, generate  the mechanism, and the one that makes its key; key: its length in bytes, RSA: bits
 * size       bytes of the message; store cases: threads (BENCH_CREATE) or objects
 * floor      name of OpenSSL's algorithm
 * reach      the least ratio to the floor that is wanted, by T1 and T2; 0: that of T1. BENCH_COLD: the most
 *            milliseconds, BENCH_LISTING: the most MiB
 * attribute  BENCH_FIND: by which attribute
 */
struct bench_row {
	const char *name;
	enum bench_family family;
	CK_MECHANISM_TYPE mechanism;
	CK_MECHANISM_TYPE generate;
	size_t key;
	size_t size;
	const char *floor;
	double reach[2];
	CK_ATTRIBUTE_TYPE attribute;
};
extern const struct bench_row bench_rows[];
extern const size_t bench_row_count;
/* bench_has_key: is there a key, of the session or of the token? bench_of_store: a case of bench_store.c? */
bool bench_has_key(const struct bench_row *row);
bool bench_of_store(const struct bench_row *row);

struct bench_options {
	unsigned runs, rounds;
	double seconds;  /* of a slice */
	size_t objects;  /* store cases with more objects are left out */
	size_t records;  /* of the LMDB that finds are compared with */
	uint64_t memory; /* not 0: so many operations of each case, and how the process grew */
	bool modes[MODES];
	bool keys[2]; /* session keys, token keys */
	const char *module;
	const char *softhsm;     /* NULL: without it */
	const char *dir;         /* private directory, removed at the end; store cases measure the disk under it */
	const char *fast;        /* the same where writing is quick, for what only reads; may be dir */
	char const *const *rows; /* parts of names, rows_n of them; none: all */
	size_t rows_n;
};

/* struct bench_result: what one line of the table is made of: operations per second by run, round and side. */
struct bench_result {
	unsigned sides; /* bit by bench_side: what there is */
	unsigned runs, rounds;
	double rate[BENCH_RUNS_MAX][BENCH_ROUNDS_MAX][SIDES];
};

/* bench_slice: does w for so many seconds; operations per second, below 0 when one failed. */
double bench_slice(struct work *w, double seconds);
/* bench_pin: this thread on the nth processor that the process may use (modulo their number). */
void bench_pin(unsigned n);
double bench_now(void); /* seconds, monotonic */
/* bench_fail: says why on standard error and ends the process. */
void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* struct place: a token of a module, with a session of this thread, the user logged in. */
struct place {
	CK_FUNCTION_LIST *f;
	CK_SLOT_ID slot;
	CK_SESSION_HANDLE session;
	bool ours;
};
/*
 * place_settings  says by the environment where the tokens of both modules are: below dir
 * place_start     loads the module and looks for the token
 * place_open      the same, makes the token (make) or takes the one that is there, logs in
 * place_lane      another session at the same place
 */
void place_settings(const char *dir);
bool place_start(struct place *p, const char *module, bool ours);
bool place_open(struct place *p, const char *module, bool ours, bool make);
bool place_lane(const struct place *first, struct place *ret);
#define PLACE_PIN "user1234"

/*
 * work_module: the operation of a row through PKCS#11; its key is found by its label or made. False: this module does
 * not have it. work_floor: by OpenSSL, with a key of its own; the same work. Both: w is dropped by the caller.
 */
bool work_module(const struct place *p, const struct bench_row *row, bool token, struct work *w);
void work_floor(const struct bench_row *row, struct work *w);
/* work_find, work_attributes: one object of those that bench_store.c made, in an order of no pattern. */
void work_find(const struct place *p, const struct bench_row *row, struct work *w);
void work_attributes(const struct place *p, const struct bench_row *row, struct work *w);

/*
 * The store (bench_store.c, bench_lmdb.c), in a process of its own that ends with it.
 *
 * bench_store  a case of the store, in the calling process
 * lmdb_puts    looks at the files of a token before and after one object was made: what the floor has to put
 * lmdb_gets    a floor for finding: so many records, got in an order of no pattern
 */
void bench_store(const struct bench_row *row, const struct bench_options *o, struct bench_result *ret);
/* bench_child: what `bench --child ...` does: bench_store's other processes; answers the exit status. */
int bench_child(int argc, char **argv);
#define STORE_LABEL "object-%07zu"

struct puts;
struct puts *puts_learn(const char *token_dir, bool (*make)(void *ctx), void *ctx);
void puts_work(const struct puts *p, const char *dir, size_t objects, struct work *w);
size_t puts_count(const struct puts *p);
void puts_free(struct puts *p);
void lmdb_gets(const char *dir, size_t records, struct work *w);

/* bench_memory: resident memory of this process in KiB. */
size_t bench_memory(void);

/* bench_print: the table. bench_summary: which rows hold. */
void bench_print_head(const struct bench_options *o);
void bench_print(const struct bench_row *row, const char *keys, const char *mode, double reach,
		 const struct bench_result *r);
/* bench_print_value: a row of one number that must not be above reach. */
void bench_print_value(const struct bench_row *row, const char *unit, const struct bench_result *r);
void bench_print_memory(const struct bench_row *row, const char *keys, uint64_t operations, long kib);
void bench_summary(void);

#endif
